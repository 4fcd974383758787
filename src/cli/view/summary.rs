//! What became of a run, in the order in which it matters: what failed and why, what waits for a person, what goes on, what
//! was done; and the line that goes on with it.

use std::fmt::Write;

use super::layout::{count, hang, listed, typed};
use super::progress::{gate, waiting};
use super::time::length;
use crate::address::UnitAddress;
use crate::apply::observer::WaitsFor;
use crate::apply::{Conclusion, Counts, Outcome, Report, StepError, Stopped};
use crate::cli::advice;
use crate::cli::color::{CHANGE, ERROR, GOOD, STRONG, paint};
use crate::plan::{Mode, Plan, StepId};

/// What became of a run.
pub(crate) struct SummaryView<'a> {
    /// The report.
    pub(crate) report: &'a Report,
    /// What was to be done.
    pub(crate) plan: &'a Plan,
    /// The command line that goes on with it.
    pub(crate) again: &'a str,
    /// How wide.
    pub(crate) columns: usize,
}

/// Lists of units are shown up to this length.
const SHOWN: usize = 20;

impl SummaryView<'_> {
    /// As text with styles.
    pub(crate) fn render(&self) -> String {
        let mut text = String::from("\n");
        self.failures(&mut text);
        self.skipped(&mut text);
        self.left(&mut text);
        self.in_flight(&mut text);
        self.waiting(&mut text);
        self.downtimes(&mut text);
        self.conclusion(&mut text);
        text
    }

    fn units(&self) -> impl Iterator<Item = (&UnitAddress, &Outcome)> {
        self.report.units().into_iter()
    }

    fn failures(&self, text: &mut String) {
        for (unit, error) in self
            .units()
            .filter_map(|(unit, outcome)| Some((unit, failed(outcome)?)))
        {
            text.push_str(&advice::on_step(unit, error).render(self.columns));
            text.push('\n');
        }
    }

    fn skipped(&self, text: &mut String) {
        let skipped: Vec<String> = self
            .units()
            .filter_map(|(unit, outcome)| match outcome {
                Outcome::Skipped { because } => Some(format!("{unit}, since {} failed", self.unit_of(*because))),
                Outcome::Done
                | Outcome::Failed(_)
                | Outcome::Waiting(_)
                | Outcome::InFlight { .. }
                | Outcome::Left { .. } => None,
            })
            .collect();
        self.list(text, "Skipped:", &skipped);
    }

    fn left(&self, text: &mut String) {
        let left: Vec<String> = self
            .units()
            .filter_map(|(unit, outcome)| match outcome {
                Outcome::Left { behind: Some(step) } => Some(format!("{unit}, behind {}", self.unit_of(*step))),
                Outcome::Left { behind: None } => Some(unit.to_string()),
                Outcome::Done
                | Outcome::Failed(_)
                | Outcome::Waiting(_)
                | Outcome::InFlight { .. }
                | Outcome::Skipped { .. } => None,
            })
            .collect();
        self.list(text, "Not begun:", &left);
    }

    fn in_flight(&self, text: &mut String) {
        let running: Vec<String> = self
            .units()
            .filter_map(|(unit, outcome)| match outcome {
                Outcome::InFlight { unseen: None } => Some(unit.to_string()),
                Outcome::InFlight { unseen: Some(error) } => Some(format!("{unit}, not seen to its end: {error}")),
                Outcome::Done
                | Outcome::Failed(_)
                | Outcome::Waiting(_)
                | Outcome::Left { .. }
                | Outcome::Skipped { .. } => None,
            })
            .collect();
        self.list(text, "Going on in Azure:", &running);
    }

    fn waiting(&self, text: &mut String) {
        let mut waits = self
            .units()
            .filter_map(|(unit, outcome)| match outcome {
                Outcome::Waiting(waits) => Some((unit, waits)),
                Outcome::Done
                | Outcome::Failed(_)
                | Outcome::InFlight { .. }
                | Outcome::Left { .. }
                | Outcome::Skipped { .. } => None,
            })
            .peekable();
        if waits.peek().is_none() {
            return;
        }
        let _ = writeln!(text, "{STRONG}Waiting for a person:{STRONG:#}\n");
        for (unit, waits) in waits {
            match waits {
                WaitsFor::Cutover { reading } => {
                    let sentence = format!("{unit} is ready for its cutover; {}", gate(reading));
                    text.push_str(&hang("  ", "  ", &sentence, self.columns));
                    let _ = writeln!(text, "    pgferry cutover {}", typed(unit));
                }
                WaitsFor::Answer { .. } | WaitsFor::Somebody { .. } | WaitsFor::Stalled { .. } => {
                    let sentence = format!("{unit} {}", waiting(unit, waits));
                    text.push_str(&hang("  ", "  ", &sentence, self.columns));
                }
            }
        }
        text.push('\n');
    }

    fn downtimes(&self, text: &mut String) {
        let downtimes = &self.report.downtimes;
        if downtimes.is_empty() {
            return;
        }
        let _ = writeln!(text, "{STRONG}Downtime, from the trigger to the end:{STRONG:#}\n");
        let rows: Vec<Vec<String>> = downtimes
            .iter()
            .map(|downtime| vec![downtime.unit.to_string(), length(downtime.took)])
            .collect();
        for line in super::layout::table(&rows) {
            let _ = writeln!(text, "  {line}");
        }
        text.push('\n');
    }

    fn conclusion(&self, text: &mut String) {
        let what = match self.plan.mode {
            Mode::Apply => "Apply",
            Mode::Destroy => "Destroy",
        };
        let counts = counted(self.report.counts());
        let took = length(self.report.elapsed);
        let (ending, style, goes_on) = match self.report.conclusion() {
            Conclusion::Done => ("complete", GOOD, false),
            Conclusion::InFlight => ("left; Azure goes on", CHANGE, true),
            Conclusion::Waiting => ("waits for a person", CHANGE, true),
            Conclusion::Failed => ("failed", ERROR, true),
        };
        let heading = paint(style, format!("{what} {ending}."));
        let sentence = match &self.report.stopped {
            None => String::new(),
            Some(stopped) => format!(" {}", stopped_because(stopped)),
        };
        text.push_str(&hang(
            "",
            "",
            &format!("{heading}{sentence} {counts}, after {took}."),
            self.columns,
        ));
        if goes_on {
            let _ = writeln!(text, "To go on: {STRONG}{}{STRONG:#}", self.again);
        }
    }

    fn list(&self, text: &mut String, heading: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        let _ = writeln!(text, "{STRONG}{heading}{STRONG:#}\n");
        for item in items.iter().take(SHOWN) {
            text.push_str(&hang("  ", "    ", item, self.columns));
        }
        if items.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", items.len() - SHOWN);
        }
        text.push('\n');
    }

    fn unit_of(&self, id: StepId) -> String {
        let steps = &self.plan.steps;
        let at = usize::try_from(id.0).ok();
        at.and_then(|at| steps.get(at))
            .map_or_else(|| format!("step {id}"), |step| step.unit.to_string())
    }
}

fn failed(outcome: &Outcome) -> Option<&StepError> {
    match outcome {
        Outcome::Failed(error) => Some(error),
        Outcome::Done
        | Outcome::Waiting(_)
        | Outcome::InFlight { .. }
        | Outcome::Left { .. }
        | Outcome::Skipped { .. } => None,
    }
}

fn stopped_because(stopped: &Stopped) -> String {
    match stopped {
        Stopped::Interrupted => "It was asked to stop.".into(),
        Stopped::OnError => "It stopped at the first failure, as told.".into(),
        Stopped::Locked(holder) => format!("The state stayed locked by {holder}."),
        Stopped::TakenOver(run) => format!("Run {run} took over meanwhile."),
        Stopped::Store(error) => format!("The state cannot be written: {error}."),
    }
}

fn counted(counts: Counts) -> String {
    let Counts {
        done,
        failed,
        skipped,
        waiting,
        in_flight,
        left,
    } = counts;
    let parts: Vec<String> = [
        (failed, "failed"),
        (skipped, "skipped"),
        (waiting, "waiting"),
        (in_flight, "going on"),
        (left, "not begun"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    let mut all = vec![format!("{} done", count(done, "unit"))];
    all.extend(parts);
    listed(&all)
}
