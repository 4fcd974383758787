//! An ARM simulator: a strict server that obeys `schemas/arm`, in its own process. Shares no mapping code with the client.
//!
//! [`World`] is a pure step from requests to replies; [`serve`] puts it behind HTTP on loopback.

mod arm_type;
mod clock;
mod contract;
mod control;
mod entra;
mod fault;
mod grow;
mod message;
mod operation;
mod options;
mod path;
mod prefix;
mod provider;
mod random;
mod refusal;
mod region;
mod request_log;
mod save;
mod seed;
pub mod serve;
mod store;
mod throttle;
mod vault;
mod world;

pub use clock::{ClockMode, NotAClock, NotASpan, Span};
pub use fault::{Conflict, Fault, FaultRule, MigrationFault, WaitFor};
pub use message::{Delay, Delivery, Method, Request, Response};
pub use options::{
    Casing, Latencies, Leftovers, NetworkConflicts, Options, Pages, PathChecks, Phases, Quota, Quotas, Range, Switch,
};
pub use save::{RestoreError, Restored};
pub use seed::{ObjectProblem, Password, PasswordDigest, Seed, SeedError, SourceDatabase, SourceServer, User, digest};
pub use vault::{Held, HeldInFull, Vaults};
pub use world::{TIME_HEADER, World, time_text};

#[cfg(test)]
mod tests;
