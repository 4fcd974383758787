//! What became of a run, in the order in which it matters: what failed and why, what waits for a person, what goes on, what
//! was done; and the line that goes on with it.

use std::fmt::Write;

use super::layout::{hang, typed};
use super::progress::{approval, chain, gate, waiting};
use super::time::length;
use crate::address::UnitAddress;
use crate::apply::observer::{Held, WaitsFor};
use crate::apply::{Conclusion, Outcome, Report, StepError, Stopped, Unseen};
use crate::cli::advice;
use crate::cli::calling::Calling;
use crate::cli::color::{CHANGE, ERROR, GOOD, STRONG, paint};
use crate::plan::{Mode, Op, Plan, StepId};

/// What became of a run.
pub(crate) struct SummaryView<'a> {
    /// The report.
    pub(crate) report: &'a Report,
    /// What was to be done.
    pub(crate) plan: &'a Plan,
    /// How commands are called.
    pub(crate) calling: &'a Calling,
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
            text.push_str(&advice::on_step(unit, error).render(self.calling, self.columns));
            text.push('\n');
        }
        if let Some(Stopped::Store(error)) = &self.report.stopped {
            text.push_str(&advice::on_store_midway(error).render(self.calling, self.columns));
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
                Outcome::InFlight { unseen: None } if self.is_at_its_gate(unit) => Some(format!(
                    "{unit}, ready: the apply that goes on cuts it over once its gate holds"
                )),
                Outcome::InFlight { unseen: None } => Some(unit.to_string()),
                Outcome::InFlight {
                    unseen: Some(Unseen::Lost(error)),
                } => Some(format!("{unit}, not seen to its end: {}", chain(error))),
                Outcome::InFlight {
                    unseen: Some(Unseen::Unanswered),
                } => Some(format!(
                    "{unit}, not known yet whether Azure did it: the next run looks first"
                )),
                Outcome::Done
                | Outcome::Failed(_)
                | Outcome::Waiting(_)
                | Outcome::Left { .. }
                | Outcome::Skipped { .. } => None,
            })
            .collect();
        self.list(text, "Going on in Azure:", &running);
    }

    /// Whether what is not over of a migration begins with the gate of its cutover: then nothing moves it on but an apply.
    fn is_at_its_gate(&self, unit: &UnitAddress) -> bool {
        let steps = self.report.steps.iter().zip(&self.plan.steps);
        let mut open = steps.filter(|(step, _)| step.unit == *unit && !matches!(step.outcome, Outcome::Done));
        open.next().is_some_and(|(_, step)| matches!(step.op, Op::Gate(_)))
    }

    /// How a run ended that left something to a later one.
    fn left_to_others(&self) -> &'static str {
        let mut runs = false;
        for (unit, outcome) in self.units() {
            match outcome {
                Outcome::InFlight { .. } if !self.is_at_its_gate(unit) => return "left; Azure goes on",
                Outcome::InFlight { .. } => runs = true,
                Outcome::Waiting(WaitsFor::Window { holds: Held::Start, .. }) => {}
                // What waits for a person is there, and goes on where it does not wait for the person alone.
                Outcome::Waiting(_) => return "left; Azure goes on",
                Outcome::Done | Outcome::Failed(_) | Outcome::Skipped { .. } | Outcome::Left { .. } => {}
            }
        }
        match runs {
            true => "left; cutovers are next",
            false => "left; nothing of it runs in Azure",
        }
    }

    /// The line to go on with: another run that took over needs nobody beside it.
    fn goes_on(&self) -> String {
        match &self.report.stopped {
            Some(Stopped::TakenOver(_) | Stopped::Closed) => format!(
                "To see how far it is: {STRONG}{}{STRONG:#}",
                self.calling.line("status")
            ),
            Some(Stopped::Interrupted | Stopped::OnError | Stopped::Locked(_) | Stopped::Store(_)) => {
                format!("To go on: {STRONG}{}{STRONG:#}", self.again)
            }
            None => match self.cutovers_by_hand() {
                Some(cutovers) => {
                    let lead = "To go on: ";
                    let lines = cutovers.iter().enumerate().map(|(at, unit)| {
                        let lead = if at == 0 { lead } else { "          " };
                        let line = self.calling.line(&format!("cutover {}", typed(unit)));
                        format!("{lead}{STRONG}{line}{STRONG:#}\n")
                    });
                    let lines: String = lines.collect();
                    format!("{lines}After that: {STRONG}{}{STRONG:#}", self.again)
                }
                None => format!("To go on: {STRONG}{}{STRONG:#}", self.again),
            },
        }
    }

    /// The migrations to cut over, where everything that is left waits for that: the same run once more would only wait again.
    fn cutovers_by_hand(&self) -> Option<Vec<&UnitAddress>> {
        let mut ready = Vec::new();
        for (unit, outcome) in self.units() {
            match outcome {
                Outcome::Waiting(WaitsFor::Cutover { .. }) => ready.push(unit),
                Outcome::Done | Outcome::Left { behind: Some(_) } => {}
                Outcome::Waiting(
                    WaitsFor::Answer { .. }
                    | WaitsFor::Somebody { .. }
                    | WaitsFor::Stalled { .. }
                    | WaitsFor::Window { .. },
                )
                | Outcome::Failed(_)
                | Outcome::InFlight { .. }
                | Outcome::Left { behind: None }
                | Outcome::Skipped { .. } => return None,
            }
        }
        (!ready.is_empty()).then_some(ready)
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
        let (persons, windows): (Vec<_>, Vec<_>) = waits.partition(|(_, waits)| waits.is_person());
        if !windows.is_empty() {
            let _ = writeln!(text, "{STRONG}Waiting for a window:{STRONG:#}\n");
            for (unit, waits) in windows {
                let sentence = format!("{unit} {}", waiting(unit, waits, None, self.calling));
                text.push_str(&hang("  ", "  ", &sentence, self.columns));
            }
            text.push('\n');
        }
        if persons.is_empty() {
            return;
        }
        let _ = writeln!(text, "{STRONG}Waiting for a person:{STRONG:#}\n");
        for (unit, waits) in persons {
            match waits {
                WaitsFor::Cutover { reading, opens } => {
                    let sentence = format!("{unit} is ready for its cutover; {}", gate(reading));
                    text.push_str(&hang("  ", "  ", &sentence, self.columns));
                    if let Some(approval) = approval(unit, *opens) {
                        let sentence = format!("it waits for {approval}; or now:");
                        text.push_str(&hang("    ", "    ", &sentence, self.columns));
                    }
                    let _ = writeln!(text, "    {}", self.calling.line(&format!("cutover {}", typed(unit))));
                }
                WaitsFor::Answer { .. }
                | WaitsFor::Somebody { .. }
                | WaitsFor::Stalled { .. }
                | WaitsFor::Window { .. } => {
                    let sentence = format!("{unit} {}", waiting(unit, waits, None, self.calling));
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
            Mode::Refresh => "Refresh",
        };
        let counts = self.report.counts();
        let took = length(self.report.elapsed);
        let (ending, style, goes_on) = match self.report.conclusion() {
            Conclusion::Done => ("complete", GOOD, false),
            Conclusion::InFlight => (self.left_to_others(), CHANGE, true),
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
            let _ = writeln!(text, "{}", self.goes_on());
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
        Stopped::TakenOver(run) => format!("Another apply, run {run}, took over meanwhile and goes on with it."),
        Stopped::Closed => {
            "Another apply, or a destroy, closed it meanwhile: what was left is its own now, or was taken back. Nothing of it begins here any more."
                .into()
        }
        Stopped::Store(_) => "The state could not be written any more, so nothing else was begun.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::StepReport;
    use crate::apply::observer::Downtime;
    use crate::arm::Outputs;
    use crate::cli::view::samples::{first_apply, migration_id};
    use crate::plan::step::Why;
    use pgferry_state::RunId;
    use std::time::Duration;

    fn shown(outcomes: Vec<Outcome>, stopped: Option<Stopped>) -> String {
        let plan = first_apply();
        let steps = plan.steps.iter().zip(outcomes);
        let report = Report {
            run: RunId::random(),
            steps: steps
                .map(|(step, outcome)| StepReport {
                    id: step.id,
                    unit: step.unit.clone(),
                    outcome,
                    elapsed: None,
                })
                .collect(),
            outputs: Outputs::default(),
            downtimes: vec![Downtime {
                unit: "database_batch.wave1#1".parse().unwrap(),
                migration: migration_id("wave1m1"),
                triggered: jiff::Timestamp::UNIX_EPOCH,
                took: Duration::from_secs(62),
            }],
            stopped,
            elapsed: Duration::from_secs(5_000),
        };
        let view = SummaryView {
            report: &report,
            plan: &plan,
            calling: &Calling::of(std::path::Path::new("live"), &[]),
            again: "pgferry -C live apply",
            columns: 80,
        };
        anstream::adapter::strip_str(&view.render()).to_string()
    }

    #[test]
    fn all_is_done() {
        let done = (0..6).map(|_| Outcome::Done).collect();
        insta::assert_snapshot!(shown(done, None), @"
        Downtime, from the trigger to the end:

          database_batch.wave1#1  1 min 02 s

        Apply complete. 4 units done, after 1 h 23 min.
        ");
    }

    #[test]
    fn what_failed_comes_first_and_the_way_on_last() {
        let outcomes = vec![
            Outcome::Done,
            Outcome::Waiting(WaitsFor::Answer {
                substate: crate::arm::migration::Substate::WaitingForOverwrite,
                why: Some(Why::Overwrite),
            }),
            Outcome::Left {
                behind: Some(StepId(1)),
            },
            Outcome::Left {
                behind: Some(StepId(2)),
            },
            Outcome::Failed(StepError::NotReady {
                migration: migration_id("wave1m1"),
                state: "Succeeded".into(),
                wanted: "running",
            }),
            Outcome::Skipped { because: StepId(4) },
        ];
        insta::assert_snapshot!(shown(outcomes, Some(Stopped::Interrupted)), @r#"
        error: vnet_peering.hub_runtime#forward: `wave1m1` is Succeeded, not running
        hint: `pgferry -C live status` shows where it stands

        Skipped:

          vnet_peering.hub_runtime#reverse, since vnet_peering.hub_runtime#forward
            failed

        Not begun:

          database_batch.wave1#2, behind database_batch.wave1#1

        Waiting for a person:

          database_batch.wave1#1 asks (WaitingForTargetDBOverwriteConfirmation):
          databases of these names are on the target; `accept_loss = { DATABASE =
          "overwrite" }` lets them be replaced, or end it with
          `pgferry -C live cancel 'database_batch.wave1#1'`

        Downtime, from the trigger to the end:

          database_batch.wave1#1  1 min 02 s

        Apply failed. It was asked to stop. 0 units done, 1 failed, 1 skipped, 1 waiting
        and 1 not begun, after 1 h 23 min.
        To go on: pgferry -C live apply
        "#);
    }

    #[test]
    fn what_waits_for_its_cutover_goes_on_with_that_and_not_with_the_same_run() {
        let reading = crate::apply::observer::GateReading {
            migration: migration_id("wave1m1"),
            databases: Vec::new(),
            max_lag: Duration::ZERO,
            good: 1,
            needed: 3,
        };
        let waits = |opens| {
            Outcome::Waiting(WaitsFor::Cutover {
                reading: Box::new(reading.clone()),
                opens,
            })
        };
        let left = || Outcome::Left {
            behind: Some(StepId(1)),
        };
        let outcomes = |opens| {
            vec![
                Outcome::Done,
                waits(opens),
                left(),
                left(),
                Outcome::Done,
                Outcome::Done,
            ]
        };
        let text = shown(outcomes(crate::plan::step::Opens::ByHand), None);
        let way = "To go on: pgferry -C live cutover 'database_batch.wave1#1'\nAfter that: pgferry -C live apply\n";
        assert!(text.ends_with(way), "{text}");
        let mut other = outcomes(crate::plan::step::Opens::ByHand);
        other[5] = Outcome::InFlight { unseen: None };
        let text = shown(other, None);
        assert!(text.ends_with("To go on: pgferry -C live apply\n"), "{text}");
    }
}
