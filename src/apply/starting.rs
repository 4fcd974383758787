//! What a run starts when: notes at once, calls within the bound and under the lock, looks at migrations whenever they are
//! due.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::FutureExt;
use jiff::Timestamp;
use tracing::Instrument;

use super::deed::Deed;
use super::elapsed;
use super::error::{Moved, StepError};
use super::journal::Journal;
use super::observer::{Event, Held, WaitsFor};
use super::report::Outcome;
use super::run::{Acted, Answering, Run};
use super::schedule::{At, Manner};
use super::span::StepSpan;
use super::step::{Doer, Fruit};
use super::watch::{Goal, Look, Watcher};
use super::writing::Lock;
use super::{Part, Wait};
use crate::plan::Op;
use crate::plan::step::Opens;
use crate::window::Window;

/// Watchers that are due this much later may look now, so that many look at once.
const TOGETHER: Duration = Duration::from_secs(1);

impl<'a> Run<'a> {
    pub(super) fn start(&mut self) {
        if self.stopped.is_some() {
            return;
        }
        while let Some(at) = self.schedule.take(Manner::Watch) {
            self.start_watching(at);
        }
        if self.options.part == Part::Watching {
            return;
        }
        if self.schedule.has_writes() || !self.answers.is_empty() {
            self.idle = None;
            match &self.lock {
                Lock::Held(journal) => self.start_writing(&Arc::clone(journal)),
                Lock::Taking(_) => {}
                Lock::Free => self.begin_locking(),
            }
        } else if self.lock.is_held() && self.acting.is_empty() && self.recording.is_empty() && self.idle.is_none() {
            self.idle = Some(self.ports.wall.sleep(self.options.linger).boxed());
        }
    }

    fn start_writing(&mut self, journal: &Arc<Journal>) {
        while let Some(at) = self.schedule.take(Manner::Note) {
            self.begin(at);
            match self.check_moved(at) {
                Ok(()) => self.record(at, journal, &Fruit::default()),
                Err(error) => self.fail(at, error),
            }
            if self.stopped.is_some() {
                return;
            }
        }
        while self.acting.len() < self.options.parallelism.max(1) && self.stopped.is_none() {
            if let Some((at, answering)) = self.answers.pop_front() {
                self.start_answering(at, answering, journal);
            } else if let Some(at) = self.schedule.take(Manner::Act) {
                self.start_acting(at, journal);
            } else {
                return;
            }
        }
    }

    fn begin(&mut self, at: At) {
        self.state(at).started = Some(self.ports.clock.now());
        let step = self.order.step(at);
        self.state(at).span = StepSpan::begin(step);
        self.tell(&Event::StepStarted { step });
    }

    fn check_moved(&self, at: At) -> Result<(), StepError> {
        if self.moved.contains(self.order.key(at)) {
            let unit = self.order.step(at).unit.clone();
            return Err(StepError::Moved(Moved::Records(vec![unit])));
        }
        Ok(())
    }

    fn start_acting(&mut self, at: At, journal: &Arc<Journal>) {
        let ready = self.check_moved(at).and_then(|()| self.deed(at));
        let limits = ready.as_ref().ok().and_then(|deed| deed.as_ref()?.window());
        let closed = limits.and_then(|(holds, window)| StepError::outside(holds, Some(window), self.ports.clock.now()));
        let ready = match closed {
            Some(StepError::WindowClosed {
                holds,
                window,
                opens: Some(opens),
            }) => return self.hold(at, holds, &window, opens),
            Some(never) => Err(never),
            None => ready,
        };
        self.begin(at);
        match ready {
            Ok(Some(deed)) => self.act(at, deed, None, journal),
            // Only acting steps are taken as such.
            Ok(None) => self.record(at, journal, &Fruit::default()),
            Err(error) => self.fail(at, error),
        }
    }

    fn deed(&self, at: At) -> Result<Option<Deed<'a>>, StepError> {
        let step = self.order.step(at);
        let mut deed = Deed::of(step, &self.outputs)?;
        if let Some(Deed::Cutover {
            id, gate, seen_open, ..
        }) = &mut deed
        {
            *gate = self.order.gate_before(step, id);
            *seen_open = !self.was_held.contains(&at);
        }
        Ok(deed)
    }

    fn act(&mut self, at: At, deed: Deed<'a>, answering: Option<Answering<'a>>, journal: &Arc<Journal>) {
        let mut doer = Doer {
            ports: self.ports,
            journal: Arc::clone(journal),
            observer: self.observer,
            seen: Arc::clone(&self.seen),
            interrupt: self.interrupt,
            step: self.order.step(at),
            key: self.order.key(at),
            attempts: self.state(at).attempts,
            left: None,
        };
        let act = async move {
            let result = doer.perform(deed).await;
            Acted {
                at,
                attempts: doer.attempts,
                left: doer.left,
                answering,
                result,
            }
        };
        let span = self.state(at).span.span();
        self.acting.push(act.instrument(span).boxed());
    }

    fn start_answering(&mut self, at: At, answering: Answering<'a>, journal: &Arc<Journal>) {
        let Op::Await(watch) = &self.order.step(at).op else {
            return;
        };
        match Deed::answer(&watch.migration, answering.answer, &self.outputs) {
            Ok(deed) => self.act(at, deed, Some(answering), journal),
            Err(error) => self.fail(at, error),
        }
    }

    /// Begins to watch, unless the run does not stay that long.
    fn start_watching(&mut self, at: At) {
        let step = self.order.step(at);
        let Some(goal) = Goal::of(step) else { return };
        match (self.options.wait, goal) {
            (Wait::Done, Goal::Await(_) | Goal::Gate(_)) | (Wait::Ready, Goal::Await(_)) => {
                self.begin(at);
                let watcher = Watcher::new(&step.unit, goal, step.patience, self.ports.clock.now());
                self.watch(at, watcher);
            }
            (Wait::Ready, Goal::Gate(gate)) if gate.opens != Opens::ByItself => {
                // One look tells the person where it stands; nothing else waits for them.
                self.begin(at);
                let watcher = Watcher::new(&step.unit, goal, step.patience, self.ports.clock.now());
                self.watch(at, watcher);
            }
            (Wait::Ready, Goal::Gate(_)) | (Wait::NoWait, Goal::Await(_) | Goal::Gate(_)) => {
                self.state(at).outcome = Some(Outcome::InFlight { unseen: None });
            }
        }
    }

    /// Lets a watcher rest until its next look.
    pub(super) fn watch(&mut self, at: At, mut watcher: Watcher<'a>) {
        let pause = watcher.pause();
        if pause.is_zero() {
            return self.look(at, watcher);
        }
        let now = self.ports.clock.now();
        let due = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        self.resting.insert((due, at), watcher);
        self.set_alarm();
    }

    /// Takes a step back until its window opens.
    pub(super) fn hold(&mut self, at: At, holds: Held, window: &Window, opens: Timestamp) {
        self.schedule.put_back(at);
        let waits = WaitsFor::Window {
            holds,
            opens,
            local: window.local(opens),
        };
        let unit = &self.order.step(at).unit;
        self.tell(&Event::Waiting { unit, waits: &waits });
        self.waiting.insert(at, waits);
        self.held.insert((opens, at));
        self.was_held.insert(at);
        self.set_alarm();
    }

    /// Lets steps through whose windows have opened.
    fn let_through(&mut self, until: Timestamp) {
        while let Some((opens, at)) = self.held.first().copied().filter(|(opens, _)| *opens <= until) {
            self.held.remove(&(opens, at));
            self.waiting.remove(&at);
            let unit = &self.order.step(at).unit;
            self.tell(&Event::GoesOn { unit });
            self.schedule.let_through(at);
        }
    }

    /// Sets the alarm to the first watcher that is due, or step that is held, unless it is set so already.
    fn set_alarm(&mut self) {
        let looks = self.resting.first_key_value().map(|((due, _), _)| *due);
        let opens = self.held.first().map(|(opens, _)| *opens);
        let Some(due) = looks.into_iter().chain(opens).min() else {
            return;
        };
        if self.alarm.as_ref().is_none_or(|(set, _)| due < *set) {
            let rest = elapsed(self.ports.clock.now(), due);
            self.alarm = Some((due, self.ports.clock.sleep(rest).boxed()));
        }
    }

    /// Lets all watchers look that are due, or as good as due, so that they look together.
    pub(super) fn wake(&mut self) {
        // The alarm itself says that its instant has come, whatever the clock has done meanwhile: it may have been set back.
        let due = self.alarm.take().map(|(due, _)| due);
        let now = self.ports.clock.now();
        let until = due.map_or(now, |due| due.max(now));
        self.let_through(until);
        let until = until.checked_add(TOGETHER).unwrap_or(Timestamp::MAX);
        while let Some(entry) = self.resting.first_entry() {
            let (due, at) = *entry.key();
            if due > until {
                break;
            }
            let watcher = entry.remove();
            self.look(at, watcher);
        }
        self.set_alarm();
    }

    fn look(&mut self, at: At, watcher: Watcher<'a>) {
        let look = Look {
            arm: self.ports.arm,
            clock: self.ports.clock,
            observer: self.observer,
            seen: Arc::clone(&self.seen),
        };
        let watch = async move {
            let (watcher, sight) = watcher.look(look).await;
            (at, watcher, sight)
        };
        let span = self.state(at).span.span();
        self.watching.push(watch.instrument(span).boxed());
    }
}
