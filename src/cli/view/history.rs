//! How a run ended, in words.

use pgferry_state::{HistoryEntry, RunOutcome};

use super::time::{between, instant, length};

/// How a run ended, and after how long. When a run that others closed ended by itself is not known, only when it was closed.
pub(crate) fn ended(entry: &HistoryEntry) -> String {
    let took = length(between(entry.started, entry.finished));
    match entry.outcome {
        RunOutcome::Succeeded => format!("succeeded after {took}"),
        RunOutcome::Failed => format!("failed after {took}"),
        RunOutcome::Continued => format!("continued by a later run {}", instant(entry.finished)),
        RunOutcome::Abandoned => format!("abandoned, closed {}", instant(entry.finished)),
    }
}
