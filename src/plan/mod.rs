//! The plan: what would change, why, and in which order. Pure: the same inputs give the same plan, byte for byte.
//! It never reads Azure, the disk or the clock.

pub mod action;
pub mod approve;
pub mod batch;
pub mod diff;
mod hold;
mod jobs;
mod leave;
pub mod lint;
pub mod order;
pub mod step;

#[cfg(test)]
mod tests;

pub use action::{Action, Change, Drift, FieldChange, Loss, Outcome, Reason, Tally};
pub use step::{Answer, Await, Gate, Op, Step, StepId};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::{Address, UnitAddress};
use crate::arm::{Cloud, SubscriptionId};
use crate::diagnostic::code::STUCK;
use crate::diagnostic::{Diagnostics, Severity};
use crate::graph::Graph;
use crate::observed::Observed;
use crate::prior::Prior;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Make it as declared.
    Apply,
    /// Remove what is ours.
    Destroy,
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
}

/// Something that a check found in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its stable code.
    pub code: String,
    /// Whether it stops an apply.
    pub severity: FindingSeverity,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// Why it matters and what to do.
    pub detail: Option<String>,
    /// HCL that would mend it.
    pub remedy: Option<String>,
    /// The resource concerned.
    pub address: Option<Address>,
}

/// Whether a finding stops an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    /// It does.
    Error,
    /// It does not.
    Warning,
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
    pub mode: Mode,
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
    /// Batches whose failed migrations are to be tried again.
    pub retry: &'a BTreeSet<Address>,
    /// Output values, as evaluated against what is observed.
    pub outputs: BTreeMap<String, Output>,
}

/// Proposes what to do.
///
/// # Errors
/// When the configuration cannot be carried out at all: an object that must exist does not, or cannot be read.
pub fn propose(inputs: Inputs<'_>) -> Result<Plan, Diagnostics> {
    let mut works = diff::works(&inputs)?;
    let findings = lint::findings(&inputs, &works);
    let steps = order::arrange(&mut works.list, &inputs);
    let touched = works.list.iter().filter_map(|work| {
        let remembered = inputs.prior.get(&work.unit)?;
        Some((work.unit.clone(), remembered.revision))
    });
    let base = Base {
        lineage: inputs.prior.lineage().map(str::to_owned),
        cloud: inputs.cloud,
        subscription: inputs.subscription.clone(),
        records: touched.collect(),
    };
    Ok(Plan {
        format: Plan::FORMAT,
        mode: inputs.mode,
        base,
        changes: works.list.into_iter().filter_map(|work| work.change).collect(),
        kept: works.kept,
        drift: works.drift,
        losses: works.losses,
        findings,
        steps,
        outputs: inputs.outputs,
    })
}

impl From<FindingSeverity> for Severity {
    fn from(severity: FindingSeverity) -> Self {
        match severity {
            FindingSeverity::Error => Self::Error,
            FindingSeverity::Warning => Self::Warning,
        }
    }
}

impl Plan {
    /// The version written by this program.
    pub const FORMAT: u32 = 1;

    /// Whether it would change anything. Watching a migration that runs is no change.
    pub fn has_changes(&self) -> bool {
        self.changes
            .iter()
            .any(|change| change.action != Action::Advance(action::Phase::Watch))
    }

    /// Whether applying it would do anything at all.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Findings that stop an apply.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == FindingSeverity::Error)
    }

    /// Migrations that did not succeed and are not tried again: what is declared is not reached without them.
    pub fn stuck(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.code == STUCK.as_str())
    }

    /// How many units each action concerns.
    pub fn tally(&self) -> Tally {
        Tally::of(&self.changes)
    }
}
