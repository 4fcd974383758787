//! Behaviour of whole runs, against an Azure in memory.

mod locks;
mod makespan;
mod memory;
mod migrations;
mod recovery;
mod steps;
mod windows;

use crate::apply::{Outcome, Report, Unseen};

/// One line per unit.
fn outcomes(report: &Report) -> String {
    let told = report.units().into_iter().map(|(unit, outcome)| {
        let word = match outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Failed(error) => format!("failed: {}", crate::apply::run::in_full(error)),
            Outcome::Skipped { because } => format!("skipped because of {because}"),
            Outcome::Waiting(_) => "waiting".to_owned(),
            Outcome::InFlight { unseen: None } => "in flight".to_owned(),
            Outcome::InFlight {
                unseen: Some(Unseen::Lost(_)),
            } => "unseen".to_owned(),
            Outcome::InFlight {
                unseen: Some(Unseen::Unanswered),
            } => "unanswered".to_owned(),
            Outcome::Left { behind: Some(step) } => format!("left behind {step}"),
            Outcome::Left { behind: None } => "left".to_owned(),
        };
        format!("{unit} {word}")
    });
    told.collect::<Vec<_>>().join("\n")
}
