//! How a run ended, in words.

use pgferry_state::{Approval, HistoryEntry, RunOutcome};

use super::time::{between, instant, length};

/// How a run ended, and after how long. When a run that others closed ended by itself is not known, only when it was closed.
pub(crate) fn ended(entry: &HistoryEntry) -> String {
    let took = length(between(entry.started, entry.finished));
    match entry.outcome {
        RunOutcome::Succeeded => format!("succeeded after {took}"),
        RunOutcome::Failed => format!("failed after {took}"),
        RunOutcome::Continued => format!("closed by a later command {}", instant(entry.finished)),
        RunOutcome::Abandoned => format!("abandoned, closed {}", instant(entry.finished)),
        RunOutcome::Left => match entry.account.exit {
            Some(code) => format!("left after {took}, exit code {code}"),
            None => format!("left after {took}"),
        },
    }
}

/// On what word a plan was carried out.
pub(crate) fn on_word(approval: Approval) -> &'static str {
    match approval {
        Approval::Asked => "agreed to when asked",
        Approval::Unasked => "nobody was asked",
        Approval::Fingerprint => "approved by its fingerprint",
        Approval::PlanFile => "from a plan in a file",
    }
}
