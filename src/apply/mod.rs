//! Applying an approved plan: journaled calls in the order of its steps, watched migrations, a report. It decides nothing:
//! what the plan did not foresee ends a step with the advice to plan again.
//!
//! ```text
//! run        the loop: starts what is ready, holds the lock while something is written, stops when asked
//! starting   what it starts when
//! noting     what it makes of what ended
//! schedule   which step may run now
//! urgency    which of several goes first
//! deed       an acting step with everything known
//! step       performs one: intent, call, outcome
//! span       what a trace tells of one
//! seen       how many tables each database was ever seen to have
//! pace       how often they are looked at
//! watch      looks at migrations, holds gates
//! journal    the lock and what is written under it
//! memory     what is remembered before the first step and after the last
//! writing    when the lock is held, and what is checked when it is taken again
//! order      the plan under execution: numbers, keys, records
//! interrupt  how a run is asked to stop
//! observer   what a run tells while it goes
//! report     what it came to; `error` why it did not begin, or a step failed
//! resume     settles what an interrupted run left open, or goes on with it
//! by_hand    what commands about one migration share
//! cutover    one migration's cutover, by hand
//! cancel     one migration's end, by hand
//! ```

mod by_hand;
mod cancel;
mod cutover;
mod deed;
mod error;
mod interrupt;
mod journal;
mod memory;
mod noting;
pub mod observer;
mod order;
pub mod pace;
mod report;
mod resume;
mod run;
mod schedule;
pub mod seen;
mod span;
mod starting;
mod step;
mod urgency;
mod watch;
mod writing;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use cancel::{CancelOrder, Cancelled, cancel};
pub use cutover::{CutoverOrder, CutoverReport, cutover};
pub use error::{ApplyError, EndedBadly, Moved, StepError, Tangled};
pub use interrupt::{Interrupt, Interrupter};
pub use journal::{acquire, check};
pub use memory::{keep_outputs, record_key, rename};
pub use observer::{Event, Observer, Unobserved, WaitsFor};
pub use report::{Conclusion, Counts, Outcome, Report, StepReport, Stopped, Unseen};
pub use resume::{EarlierRun, Settled, close, follow, lacking, mode, open_plan, reconcile, resume};
pub use run::run;

use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::{Actor, Approval, Binding, Holder, RunId, Store};

use crate::arm::{ArmWrite, Cloud, Outputs, SubscriptionId, TenantId, VaultRead};
use crate::clock::Clock;
use crate::secret::Secrets;

/// The doors through which a run acts.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Azure.
    pub arm: &'a dyn ArmWrite,
    /// What is remembered.
    pub store: &'a dyn Store,
    /// The cloud's time: waits between looks, elapsed times.
    pub clock: &'a dyn Clock,
    /// The wall's time: locks, history, and the two seconds that an interrupted run has.
    pub wall: &'a dyn Clock,
    /// The secrets that the configuration supplied.
    pub secrets: &'a Secrets,
    /// Those that stay in vaults.
    pub vaults: &'a dyn VaultRead,
    /// What Azure told while planning.
    pub outputs: &'a Outputs,
    /// Who acts, and for which place.
    pub caller: &'a Caller,
}

/// Who runs this program, as the lock and the history name them.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The person or pipeline.
    pub who: Actor,
    /// The id of this process.
    pub process: u32,
    /// The command.
    pub command: String,
    /// On what word it does what it does, where somebody had to agree.
    pub approval: Option<Approval>,
    /// The cloud that the state must belong to.
    pub cloud: Cloud,
    /// The tenant that the state must belong to.
    pub tenant: TenantId,
    /// The subscription that the state must belong to.
    pub subscription: SubscriptionId,
}

impl Caller {
    /// How others know this caller while it holds the lock of a state, for a run where there is one.
    pub fn holder(&self, run: Option<RunId>, since: Timestamp) -> Holder {
        Holder::new(self.who.clone(), self.process, &self.command, run, since)
    }

    /// What a state that this caller writes belongs to.
    pub fn binding(&self) -> Binding {
        Binding {
            cloud: self.cloud.to_string(),
            tenant: self.tenant.to_string(),
            subscription: self.subscription.to_string(),
        }
    }
}

/// How a run goes about its plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many steps may be under way in Azure at once; watching migrations does not count.
    pub parallelism: usize,
    /// What a failed step means to the others.
    pub on_error: OnError,
    /// How long to stay.
    pub wait: Wait,
    /// How long to wait for the lock at first, by the wall's clock.
    pub lock_timeout: Duration,
    /// How long to wait for the lock when it is taken again, by the wall's clock.
    pub relock_timeout: Duration,
    /// How long the lock is kept once there is nothing to write, by the wall's clock. Taking it costs far more.
    pub linger: Duration,
    /// Whether anything is done at all.
    pub part: Part,
    /// What a migration of which nothing moves means to the run.
    pub stall: Stall,
    /// The open run that the new one does not go on with, and of which it takes nothing back: it does something else. Whoever
    /// watches that run goes on with it afterwards. Any other is over once a new one begins.
    pub beside: Option<RunId>,
}

/// What it means that nothing has moved for a long time: a large table looks like that, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// It is told, and watched on.
    Told,
    /// It is left to a person, like a question.
    Ends,
}

/// What part a run takes in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It carries the plan out.
    Acting,
    /// It looks at what is under way: it calls nothing that changes anything, and writes nothing.
    Watching,
}

/// What a failed step means to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Only what comes after it is skipped.
    Continue,
    /// Nothing new starts.
    Stop,
}

/// How long a run stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until everything is over, or only persons can move it on.
    Done,
    /// Until each migration is finished or ready for its cutover.
    Ready,
    /// Until everything that can be submitted is.
    NoWait,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: 100,
            on_error: OnError::Continue,
            wait: Wait::Done,
            lock_timeout: Duration::ZERO,
            relock_timeout: Duration::from_secs(10 * 60),
            linger: Duration::from_millis(500),
            part: Part::Acting,
            stall: Stall::Told,
            beside: None,
        }
    }
}

/// The time from one instant to a later one; none where the clock went back.
fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
