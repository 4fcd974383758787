//! What is to be done first where several steps may run: that on which most hangs. Only an order, so that rough times are good
//! enough. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::plan::step::StepId;
use crate::plan::{Op, Plan, Step};

/// How long it may take from the beginning of a step to the end of all that hangs on it. Cutovers come before everything: they
/// stand behind a gate that may close, and applications are waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Urgency(Duration);

#[cfg(test)]
impl Urgency {
    pub(super) fn of_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

/// What a write takes: seconds to a minute in networks and private DNS (contract 12).
const WRITE: Duration = Duration::from_secs(30);

/// What a migration takes where none of its like has ended: any guess does that is far above what writes take.
const MIGRATION: Duration = Duration::from_secs(30 * 60);

/// How urgent each step of a plan is. A step of a circle, which no plan of ours has, is as urgent as what is known of it.
pub(super) fn of(plan: &Plan) -> Vec<Urgency> {
    let steps = &plan.steps;
    let places: HashMap<StepId, usize> = steps.iter().enumerate().map(|(at, step)| (step.id, at)).collect();
    let before = |step: &Step| -> Vec<usize> {
        let waits = step.after.keys().chain(&step.behind);
        waits.filter_map(|id| places.get(id).copied()).collect()
    };
    let before: Vec<Vec<usize>> = steps.iter().map(before).collect();
    let mut open = vec![0_usize; steps.len()];
    for at in before.iter().flatten() {
        if let Some(count) = open.get_mut(*at) {
            *count += 1;
        }
    }
    let mut lengths: Vec<Duration> = steps.iter().map(|step| takes(plan, step)).collect();
    // From the last steps to the first, each when all that hangs on it is known.
    let mut known: Vec<usize> = (0..steps.len()).filter(|at| open.get(*at) == Some(&0)).collect();
    while let Some(at) = known.pop() {
        let behind = lengths.get(at).copied().unwrap_or_default();
        for earlier in before.get(at).into_iter().flatten().copied() {
            if let (Some(step), Some(length), Some(count)) =
                (steps.get(earlier), lengths.get_mut(earlier), open.get_mut(earlier))
            {
                *length = (*length).max(takes(plan, step).saturating_add(behind));
                *count -= 1;
                if *count == 0 {
                    known.push(earlier);
                }
            }
        }
    }
    let urgent = |(step, length): (&Step, Duration)| match &step.op {
        Op::Cutover { .. } => Urgency(Duration::MAX),
        Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Await(_) | Op::Gate(_) | Op::Note => {
            Urgency(length)
        }
    };
    steps.iter().zip(lengths).map(urgent).collect()
}

fn takes(plan: &Plan, step: &Step) -> Duration {
    match &step.op {
        Op::Put { .. } | Op::Delete { .. } | Op::Cutover { .. } => WRITE,
        // The whole migration, whatever is waited for in between.
        Op::Start { .. } => {
            let outlook = plan.outlooks.get(&step.unit);
            let like = outlook.and_then(|outlook| outlook.like.as_ref());
            like.map_or(MIGRATION, |like| like.middle)
        }
        Op::Await(_) | Op::Gate(_) | Op::Note => Duration::ZERO,
    }
}
