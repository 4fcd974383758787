//! The thread that writes: it joins waiting commits into one durable write and has the readers' view rewritten in
//! passing. Never decides what an edit means; that is the ledger's.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Counters;
use super::opened::Opened;
use super::view;
use crate::ledger::Ledger;
use crate::rows::RowKey;
use crate::snapshot::Serial;
use crate::store::{Committed, Edit, StoreError};

/// What the writer is asked for, or told.
pub(super) enum Request {
    Commit {
        edits: Vec<Edit>,
        answer: Answer<Committed>,
    },
    Copy {
        answer: Answer<Ledger>,
    },
    Release {
        answer: Answer<()>,
    },
    ViewWritten {
        serial: Serial,
        written: Result<(), StoreError>,
    },
}

/// Where an answer goes; whoever stopped waiting for it does not want to know.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// The view is rewritten at most this often.
const VIEW_INTERVAL: Duration = Duration::from_secs(1);

/// The view is left alone for this many times as long as it took to write, so that a large state spends no more than a
/// twentieth of its time on it.
const VIEW_REST: u32 = 20;

/// Starts the writer of a state. It ends when it was asked to release.
pub(super) fn start(opened: Opened, counters: Arc<Counters>) -> io::Result<Sender<Request>> {
    let (sender, requests) = mpsc::channel();
    let views = Views {
        to_writer: sender.clone(),
        phase: ViewPhase::Resting { until: Instant::now() },
    };
    let writer = Writer {
        opened,
        requests,
        counters,
        views,
        health: Health::Good,
    };
    thread::Builder::new()
        .name("pgferry-state".to_owned())
        .spawn(move || writer.run())?;
    Ok(sender)
}

struct Writer {
    opened: Opened,
    requests: Receiver<Request>,
    counters: Arc<Counters>,
    views: Views,
    health: Health,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// A write failed: what the disk holds is unknown until it is read again.
    WriteFailed,
}

/// What happens after a round of requests.
enum Then {
    GoOn,
    Release(Answer<()>),
}

/// Commits that are made durable together: the rows they touched, and who waits for what.
#[derive(Default)]
struct Group {
    rows: BTreeSet<RowKey>,
    answers: Vec<(Answer<Committed>, Committed)>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let then = match self.next() {
                Some(first) => self.round(first),
                None => Then::GoOn,
            };
            match then {
                Then::GoOn => self.refresh_view(),
                Then::Release(answer) => {
                    drop(answer.send(self.release()));
                    return;
                }
            }
        }
    }

    /// The next request, or `None` when a view is due first.
    fn next(&self) -> Option<Request> {
        let received = match self.views.phase {
            ViewPhase::Resting { until } if self.is_view_stale() => self
                .requests
                .recv_timeout(until.saturating_duration_since(Instant::now())),
            ViewPhase::Resting { .. } | ViewPhase::Writing { .. } => {
                self.requests.recv().map_err(RecvTimeoutError::from)
            }
        };
        match received {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the writer itself keeps a sender for its views"),
        }
    }

    /// Answers the first request and all that wait behind it, with one write to disk.
    fn round(&mut self, first: Request) -> Then {
        let mut group = Group::default();
        let mut copies = Vec::new();
        let mut then = Then::GoOn;
        let waiting: Vec<Request> = [first].into_iter().chain(self.requests.try_iter()).collect();
        for request in waiting {
            match request {
                Request::Commit { edits, answer } => match self.join(edits, &mut group.rows) {
                    Ok(committed) => group.answers.push((answer, committed)),
                    Err(error) => drop(answer.send(Err(error))),
                },
                Request::Copy { answer } => copies.push(answer),
                Request::Release { answer } => then = Then::Release(answer),
                Request::ViewWritten { serial, written } => self.note_view(serial, written),
            }
        }
        self.write(group);
        for answer in copies {
            drop(answer.send(self.healthy().map(|()| self.opened.ledger.clone())));
        }
        then
    }

    /// Lets the edits count in memory and notes which rows are to be written.
    fn join(&mut self, edits: Vec<Edit>, rows: &mut BTreeSet<RowKey>) -> Result<Committed, StoreError> {
        self.healthy()?;
        let Opened { ledger, large, .. } = &mut self.opened;
        let mut draft = ledger.draft(edits, large)?;
        for content in draft.writes.values_mut().flatten() {
            large.settle(content)?;
        }
        rows.extend(draft.writes.keys().cloned());
        Ok(ledger.absorb(draft))
    }

    fn write(&mut self, group: Group) {
        let Group { rows, answers } = group;
        if let Err(error) = self.write_rows(&rows, answers.len()) {
            self.health = Health::WriteFailed;
            for (answer, _) in answers {
                drop(answer.send(Err(error.told_again())));
            }
            return;
        }
        for (answer, committed) in answers {
            drop(answer.send(Ok(committed)));
        }
    }

    fn write_rows(&self, rows: &BTreeSet<RowKey>, commits: usize) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let Opened { database, ledger, .. } = &self.opened;
        let cells = rows.iter().map(|key| (key, ledger.rows().get(key)));
        database.write(cells, ledger.serial(), ledger.checksum())?;
        self.counters.count_write(commits);
        Ok(())
    }

    fn healthy(&self) -> Result<(), StoreError> {
        match self.health {
            Health::Good => Ok(()),
            Health::WriteFailed => Err(StoreError::Unusable),
        }
    }

    fn is_view_stale(&self) -> bool {
        self.health == Health::Good && self.opened.viewed != self.opened.ledger.serial()
    }

    /// Starts a rewrite of the view if one is due. Commits go on meanwhile, since it works on a copy.
    fn refresh_view(&mut self) {
        if self.is_view_stale() {
            self.views.start_if_due(&self.opened);
        }
    }

    fn note_view(&mut self, serial: Serial, written: Result<(), StoreError>) {
        self.views.rest();
        match written {
            Ok(()) => {
                self.opened.viewed = serial;
                self.counters.count_view();
            }
            Err(error) => tracing::warn!(%error, "the readers' view was not rewritten"),
        }
    }

    fn release(mut self) -> Result<(), StoreError> {
        while let ViewPhase::Writing { .. } = self.views.phase {
            match self.requests.recv() {
                Ok(Request::ViewWritten { serial, written }) => self.note_view(serial, written),
                // Nobody can ask any more: releasing took the only handle.
                Ok(Request::Commit { .. } | Request::Copy { .. } | Request::Release { .. }) | Err(_) => {}
            }
        }
        // After a failed write the note of who was inside stays, so that the next one to look reads the disk.
        self.healthy()?;
        self.opened.close()
    }
}

/// When the view is written, and by whom.
struct Views {
    to_writer: Sender<Request>,
    phase: ViewPhase,
}

#[derive(Clone, Copy)]
enum ViewPhase {
    Resting { until: Instant },
    Writing { since: Instant },
}

impl Views {
    fn start_if_due(&mut self, opened: &Opened) {
        let now = Instant::now();
        match self.phase {
            ViewPhase::Resting { until } if until <= now => {}
            ViewPhase::Resting { .. } | ViewPhase::Writing { .. } => return,
        }
        let (layout, ledger, to_writer) = (opened.layout.clone(), opened.ledger.clone(), self.to_writer.clone());
        let work = move || {
            let written = view::write(&layout, &ledger);
            drop(to_writer.send(Request::ViewWritten {
                serial: ledger.serial(),
                written,
            }));
        };
        match thread::Builder::new().name("pgferry-view".to_owned()).spawn(work) {
            Ok(_) => self.phase = ViewPhase::Writing { since: now },
            Err(error) => {
                tracing::warn!(%error, "the readers' view was not rewritten");
                self.phase = ViewPhase::Resting {
                    until: now + VIEW_INTERVAL,
                };
            }
        }
    }

    fn rest(&mut self) {
        let now = Instant::now();
        let rest = match self.phase {
            ViewPhase::Writing { since } => VIEW_INTERVAL.max(now.duration_since(since) * VIEW_REST),
            ViewPhase::Resting { .. } => VIEW_INTERVAL,
        };
        self.phase = ViewPhase::Resting { until: now + rest };
    }
}
