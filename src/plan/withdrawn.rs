//! What an approved plan has still to do and the configuration takes back by now. Pure.

use std::collections::BTreeSet;

use super::questions;
use super::step::{Op, Opens, Response, StepId};
use super::{Aim, Mode, Plan, Step};
use crate::address::UnitAddress;
use crate::arm::{ArmId, Body, Draft};
use crate::graph::Graph;
use crate::kind::database_batch::{Batch, LossConsent};

/// Members of a start's body that say from where to where it moves what, and how.
const SAME: &[&str] = &[
    "sourceDbServerResourceId",
    "sourceType",
    "sslMode",
    "migrationMode",
    "migrationOption",
];

/// A deed that was approved and that the configuration does not want any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// Its unit.
    pub unit: UnitAddress,
    /// What speaks against it, as the end of a sentence that begins with the unit.
    pub why: String,
}

/// What of a plan's steps that have not been done would go against the configuration as it is now: at most one answer a unit.
pub fn withdrawn(plan: &Plan, done: &BTreeSet<StepId>, graph: &Graph) -> Vec<Withdrawn> {
    if plan.mode != Mode::Apply {
        return Vec::new();
    }
    let put: BTreeSet<&UnitAddress> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.op, Op::Put { .. }))
        .map(|step| &step.unit)
        .collect();
    let mut seen = BTreeSet::new();
    let open = plan.steps.iter().filter(|step| !done.contains(&step.id));
    open.filter_map(|step| Some((step, against(step, plan, &put, graph)?)))
        .filter(|(step, _)| seen.insert(&step.unit))
        .map(|(step, why)| Withdrawn {
            unit: step.unit.clone(),
            why,
        })
        .collect()
}

/// Whether a new plan of this aim does something else than an open one, and takes nothing back of what that one has still to
/// do. Then whoever watches the open one may go on with it afterwards; otherwise the new plan stands in its place.
pub fn stands_beside(aim: &Aim, open: &Plan, done: &BTreeSet<StepId>, graph: &Graph) -> bool {
    match (aim.mode, open.mode) {
        // What was found elsewhere is noted, and nothing is decided.
        (Mode::Refresh, _) => true,
        (Mode::Apply, Mode::Apply) => !aim.is_whole() && withdrawn(open, done, graph).is_empty(),
        (Mode::Apply | Mode::Destroy, _) => false,
    }
}

/// What speaks against a step.
fn against(step: &Step, plan: &Plan, put: &BTreeSet<&UnitAddress>, graph: &Graph) -> Option<String> {
    let declared = graph.get(&step.unit.resource);
    match &step.op {
        Op::Put { .. } => declared.is_none().then(|| "is no longer declared".to_owned()),
        // What is made anew is deleted first.
        Op::Delete { .. } => (declared.is_some() && !put.contains(&step.unit))
            .then(|| "is declared again, and would be deleted".to_owned()),
        Op::Start {
            migration,
            body,
            writes,
            window,
            ..
        } => match batch(step, graph) {
            None => Some("is no longer declared".to_owned()),
            Some(batch) if batch.window != *window => Some("may start at other times now".to_owned()),
            Some(batch) => against_start(batch, plan, migration, body, writes),
        },
        Op::Gate(gate) if gate.opens == Opens::ByItself => match batch(step, graph) {
            None => Some("is no longer declared".to_owned()),
            Some(batch) => {
                let number = step.unit.part.as_ref().and_then(|part| part.as_str().parse().ok());
                let opens = number.map_or(Opens::ByHand, |number| Opens::of(&batch.cutover.policy, number));
                let is_stricter = batch.cutover.max_lag < gate.max_lag || batch.cutover.samples > gate.samples;
                match opens {
                    Opens::ByHand | Opens::ByApproval => Some("is no longer to be cut over by itself".to_owned()),
                    Opens::ByItself if is_stricter => Some("has stricter conditions for its cutover now".to_owned()),
                    Opens::ByItself if batch.cutover.window != gate.window => {
                        Some("may be cut over at other times now".to_owned())
                    }
                    Opens::ByItself => None,
                }
            }
        },
        Op::Await(watch) => {
            let now = questions::of(batch(step, graph)?, &watch.databases);
            let answered = watch
                .questions
                .iter()
                .filter(|(_, planned)| matches!(planned, Response::Answer(_)));
            let refused = |asked: &&String| matches!(now.get(*asked), Some(Response::Person(_)));
            let mut asked = answered.map(|(asked, _)| asked).filter(refused);
            asked
                .next()
                .map(|asked| format!("would have its question {asked} answered, which is no longer allowed"))
        }
        Op::Gate(_) | Op::Cutover { .. } | Op::Note => None,
    }
}

/// What speaks against a start, by what its batch is now.
fn against_start(
    batch: &Batch,
    plan: &Plan,
    migration: &ArmId,
    body: &Body<Draft>,
    writes: &[String],
) -> Option<String> {
    if migration.parent().as_ref() != Some(&batch.target) {
        return Some("has another target now".to_owned());
    }
    let now = batch.body(writes, false);
    if SAME
        .iter()
        .any(|key| body.get(&["properties", key]) != now.get(&["properties", key]))
    {
        return Some("has another source, mode or option now".to_owned());
    }
    if let Some(name) = writes.iter().find(|name| !batch.databases.contains(name)) {
        return Some(format!("would bring `{name}`, which its batch no longer lists"));
    }
    let losses = plan.losses.iter().filter(|loss| loss.address == batch.address);
    let mut consented = losses.filter(|loss| writes.contains(&loss.what));
    let refused = consented.find(|loss| {
        let is_given = |consent: LossConsent| loss.consent.as_deref() == Some(consent.written());
        let asked = [LossConsent::Overwrite, LossConsent::Generation]
            .into_iter()
            .find(|consent| is_given(*consent));
        asked.is_some_and(|asked| batch.accept_loss.get(&loss.what) != Some(&asked))
    })?;
    Some(format!(
        "would overwrite `{}`, which is no longer accepted",
        refused.what
    ))
}

/// The batch of a step, where it is still declared.
fn batch<'a>(step: &Step, graph: &'a Graph) -> Option<&'a Batch> {
    let mut batches = graph.batches();
    batches
        .find(|(_, batch)| batch.address == step.unit.resource)
        .map(|(_, batch)| batch)
}
