//! The plan: what would change, why, and in which order. Pure: the same inputs give the same plan, byte for byte.
//! It never reads Azure, the disk or the clock.

pub mod action;
pub mod aim;
pub mod approve;
pub mod batch;
pub mod canonical;
pub mod diff;
mod follow;
mod hold;
pub mod import;
mod jobs;
mod leave;
pub mod lint;
pub mod order;
pub mod outlook;
pub mod questions;
pub mod queue;
pub mod rebuild;
mod refresh_only;
pub mod saved;
pub mod schedule;
mod select;
pub mod step;
mod timing;
pub mod withdrawn;
pub mod work;

#[cfg(test)]
mod tests;

pub use action::{Action, Change, Drift, FieldChange, Loss, Outcome, Reason, Tally};
pub use aim::Aim;
pub use outlook::{Experience, Outlook};
use step::Opens;
pub use step::{Answer, Await, Gate, Op, Step, StepId};

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::{Address, UnitAddress};
use crate::arm::{Cloud, SubscriptionId};
use crate::block::{Import, Removal, Verdict};
use crate::diagnostic::code::{LEFT_RUNNING, LEFT_WAITING, STUCK};
use crate::diagnostic::{Code, Diagnostics, Severity};
use crate::graph::Graph;
use crate::observed::Observed;
use crate::prior::Prior;

/// What a run is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Make it as declared.
    #[default]
    Apply,
    /// Remove what is ours.
    Destroy,
    /// Remember what others changed; nothing in Azure changes.
    Refresh,
}

impl Mode {
    /// The command that carries it out.
    pub fn command(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Refresh => "apply --refresh-only",
        }
    }
}

/// What a plan was computed from; `apply` refuses when that has moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The state's lineage; `None` while there is no state yet.
    pub lineage: Option<String>,
    /// The cloud.
    pub cloud: Cloud,
    /// The subscription that the state is bound to.
    pub subscription: SubscriptionId,
    /// The revision of every record that the plan touches.
    pub records: BTreeMap<UnitAddress, u64>,
    /// What was looked at in place of Azure; `None` where Azure was. Such a plan is for reading: nobody knows how Azure is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<FromSnapshot>,
}

/// A snapshot that a plan was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromSnapshot {
    /// When it was taken; `None` where it does not tell.
    pub taken: Option<Timestamp>,
    /// Whether what it does not hold was taken not to exist. Otherwise nobody knows.
    pub complete: bool,
    /// Where what is remembered comes from.
    pub memory: Memory,
}

/// Where what is remembered comes from, in a plan that is not made from Azure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// The snapshot holds it.
    Snapshot,
    /// The state of the project, which lies on this machine.
    State,
    /// From nowhere: the plan was made as if nothing were remembered.
    Nowhere,
}

/// Something that a check found in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its stable code.
    pub code: Code,
    /// An error stops an apply.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// Why it matters and what to do.
    pub detail: Option<String>,
    /// HCL that would mend it.
    pub remedy: Option<String>,
    /// The resource concerned.
    pub address: Option<Address>,
}

/// What `apply` would do, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// What it is for.
    pub mode: Mode,
    /// What it was computed from.
    pub base: Base,
    /// Every unit that does not simply stay, in address order.
    pub changes: Vec<Change>,
    /// How many units stay as they are.
    pub kept: usize,
    /// What somebody else changed.
    pub drift: Vec<Drift>,
    /// What would be lost; refused without consent.
    pub losses: Vec<Loss>,
    /// What checks found.
    pub findings: Vec<Finding>,
    /// What to do, each step with what it waits for.
    pub steps: Vec<Step>,
    /// Output values by name, as shown.
    pub outputs: BTreeMap<String, Output>,
    /// Outputs whose values are not those that were last kept or only become known, by name, with what was kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs_before: BTreeMap<String, Option<serde_json::Value>>,
    /// What is remembered under another name from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
    /// What `check` blocks say. They never stop an apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Checked>,
    /// What would change, too, and is not what it was made for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<UnitAddress>,
    /// What is known of the time that its migrations take. Nothing hangs on it: it is shown, and never approved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outlooks: BTreeMap<UnitAddress, Outlook>,
}

/// An output value as it is shown and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Known and showable.
    Value(serde_json::Value),
    /// Not shown, not kept.
    Sensitive,
    /// Known after apply.
    Unknown,
}

/// What a plan is computed from.
pub struct Inputs<'a> {
    /// What it is for.
    pub aim: &'a Aim,
    /// What is declared; for a destroy, still what is declared.
    pub graph: &'a Graph,
    /// What is remembered.
    pub prior: &'a Prior,
    /// What Azure has.
    pub observed: &'a Observed,
    /// The cloud.
    pub cloud: Cloud,
    /// The subscription the state is bound to.
    pub subscription: SubscriptionId,
    /// The present instant, by the clock of the cloud.
    pub now: Timestamp,
    /// Output values, as evaluated against what is observed.
    pub outputs: BTreeMap<String, Output>,
    /// What the configuration says beside what it declares.
    pub statements: &'a Statements,
}

/// What a configuration says beside what it declares.
#[derive(Clone, Debug, Default)]
pub struct Statements {
    /// What has another name now: by the new one, the old one. The memory has the new names already.
    pub moves: BTreeMap<UnitAddress, UnitAddress>,
    /// What should have a name that another record has: the old name and the wanted one.
    pub blocked: Vec<(UnitAddress, UnitAddress)>,
    /// What is no longer looked after.
    pub removals: Vec<Removal>,
    /// What is taken over.
    pub imports: Vec<Import>,
    /// What is wanted to hold.
    pub checks: Vec<Checked>,
}

/// A unit that is remembered under another name now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The name it had.
    pub from: UnitAddress,
    /// The name it gets.
    pub to: UnitAddress,
}

/// An assertion of a `check` block, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The check's address.
    pub name: String,
    /// Whether it holds.
    pub verdict: Verdict,
    /// What the author says when it does not hold.
    pub message: String,
    /// Where it stands, as `main.hcl:3:17`.
    pub place: Option<String>,
}

/// Proposes what to do.
///
/// # Errors
/// When the configuration cannot be carried out at all: an object that must exist does not, or cannot be read.
pub fn propose(inputs: Inputs<'_>) -> Result<Plan, Diagnostics> {
    match follow::objects(&inputs) {
        None => propose_for(inputs),
        Some((prior, statements)) => propose_for(Inputs {
            prior: &prior,
            statements: &statements,
            ..inputs
        }),
    }
}

fn propose_for(inputs: Inputs<'_>) -> Result<Plan, Diagnostics> {
    let mut works = match inputs.aim.mode {
        Mode::Apply | Mode::Destroy => diff::works(&inputs)?,
        Mode::Refresh => refresh_only::works(&inputs),
    };
    let left_out = select::choose(&inputs, &mut works);
    let findings = lint::findings(&inputs, &works);
    let steps = order::arrange(&mut works.list, &inputs);
    let moved = inputs.statements.moves.keys();
    let touched = works.list.iter().map(|work| &work.unit).chain(moved);
    let touched = touched.filter_map(|unit| Some((unit.clone(), inputs.prior.get(unit)?.revision)));
    let base = Base {
        lineage: inputs.prior.lineage().map(str::to_owned),
        cloud: inputs.cloud,
        subscription: inputs.subscription.clone(),
        records: touched.collect(),
        snapshot: None,
    };
    Ok(Plan {
        format: Plan::FORMAT,
        mode: inputs.aim.mode,
        base,
        changes: works.list.into_iter().filter_map(|work| work.change).collect(),
        kept: works.kept,
        drift: works.drift,
        losses: works.losses,
        findings,
        outlooks: outlook::of(&steps, inputs.observed, inputs.now),
        steps,
        outputs_before: outputs_before(&inputs),
        outputs: inputs.outputs,
        moves: moves(inputs.statements),
        checks: inputs.statements.checks.clone(),
        left_out,
    })
}

/// Outputs that change or may, with what was kept of them. What is not kept at all is not among them.
fn outputs_before(inputs: &Inputs<'_>) -> BTreeMap<String, Option<serde_json::Value>> {
    if inputs.aim.mode == Mode::Destroy {
        return BTreeMap::new();
    }
    let kept = inputs.prior.outputs();
    let changed = inputs.outputs.iter().filter_map(|(name, output)| match output {
        Output::Value(value) => (kept.get(name) != Some(value)).then(|| (name.clone(), kept.get(name).cloned())),
        Output::Unknown => Some((name.clone(), kept.get(name).cloned())),
        Output::Sensitive => None,
    });
    let gone = kept.iter().filter(|(name, _)| !inputs.outputs.contains_key(*name));
    let gone = gone.map(|(name, value)| (name.clone(), Some(value.clone())));
    changed.chain(gone).collect()
}

fn moves(statements: &Statements) -> Vec<Moved> {
    let moved = |(to, from): (&UnitAddress, &UnitAddress)| Moved {
        from: from.clone(),
        to: to.clone(),
    };
    statements.moves.iter().map(moved).collect()
}

impl Plan {
    /// The gates that open by themselves, each with its unit: what is cut over without anybody being asked again.
    pub fn cutovers(&self) -> impl Iterator<Item = (&UnitAddress, &Gate)> {
        self.steps.iter().filter_map(|step| match &step.op {
            Op::Gate(gate) if gate.opens == Opens::ByItself => Some((&step.unit, gate)),
            _ => None,
        })
    }

    /// The version written by this program.
    pub const FORMAT: u32 = 2;

    /// Whether it would change anything. Watching a migration that runs is no change.
    pub fn has_changes(&self) -> bool {
        let mut changes = self.changes.iter();
        !self.moves.is_empty()
            || self.changes_outputs()
            || changes.any(|change| change.action != Action::Advance(action::Phase::Watch))
    }

    /// Whether an output is known to get another value than was last kept.
    pub fn changes_outputs(&self) -> bool {
        let mut names = self.outputs_before.keys();
        names.any(|name| self.outputs.get(name) != Some(&Output::Unknown))
    }

    /// Whether apply refuses it as it stands, see [`Plan::approve`].
    pub fn is_refused(&self) -> bool {
        self.blocking().next().is_some() || self.losses.iter().any(|loss| loss.consent.is_none())
    }

    /// Checks that do not hold.
    pub fn failed_checks(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|check| check.verdict == Verdict::Fails)
    }

    /// Whether applying it would do anything at all.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.moves.is_empty()
    }

    /// Findings that stop an apply.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }

    /// Migrations that did not succeed and are not tried again: what is declared is not reached without them.
    pub fn stuck(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.code == STUCK)
    }

    /// Migrations that run on and that no apply of this configuration brings to their end.
    pub fn left_behind(&self) -> impl Iterator<Item = &Finding> {
        let codes = [LEFT_RUNNING, LEFT_WAITING];
        self.findings
            .iter()
            .filter(move |finding| codes.contains(&finding.code))
    }

    /// Those of them that wait for a person.
    pub fn left_waiting(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.code == LEFT_WAITING)
    }

    /// How many units each action concerns.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.changes)
    }
}
