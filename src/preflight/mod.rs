//! Preflight: whether real servers are ready for a migration. Facts are gathered by read-only sessions, rules judge them. It changes
//! nothing on a server, prints nothing, and a rule never asks: it sees only facts.

pub mod contact;
pub mod facts;
pub mod finding;
pub mod gather;
pub mod look;
pub mod report;
pub mod rule;
pub mod waiver;

pub use crate::database::End;
pub use finding::{Finding, Fix, Severity};
pub use gather::{Choice, Chosen, Seen, Wanted, look};
pub use look::Mode;
pub use report::{Outcome, Place, Report, Verdict};
pub use rule::{ALL, Rule};

#[cfg(test)]
mod tests;
