//! Puts works in order: numbers their operations and draws every edge with its reason. Pure; the same works give the same
//! steps. Nothing here decides what is to be done.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::address::{Address, UnitAddress};
use crate::arm::migration::{Migration, Standing};
use crate::arm::{ArmId, ArmType};
use crate::graph::Because;

use super::Inputs;
use super::queue::{Ahead, Depths, Queue, QueuePlace, line_up};
use super::step::{Await, Op, Remember, Step, StepId, StepTarget, Until};
use super::work::{Direction, Work};

/// The steps of all works, whose operations they take over, numbered so that a step comes after everything it waits for
/// within its own work.
pub fn arrange(works: &mut [Work], inputs: &Inputs<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut spans: Vec<Span> = Vec::with_capacity(works.len());
    for work in &mut *works {
        let removals = std::mem::take(&mut work.removals);
        let removed = (!removals.is_empty()).then(|| number(&steps));
        let first = StepId(
            number(&steps)
                .0
                .saturating_add(u32::try_from(removals.len()).unwrap_or(u32::MAX)),
        );
        let operations = removals.into_iter().chain(std::mem::take(&mut work.ops));
        let mut before = None;
        for operation in operations {
            let id = number(&steps);
            let after = before.map(|before| (before, "it continues it".to_owned()));
            let after = after.into_iter().collect();
            before = Some(id);
            steps.push(Step {
                id,
                unit: work.unit.clone(),
                op: operation.op,
                after,
                behind: BTreeSet::new(),
                scopes: operation.scopes,
                patience: operation.patience,
                then: operation.then,
            });
        }
        spans.push(Span {
            removed,
            first,
            last: StepId(number(&steps).0.saturating_sub(1)),
        });
    }
    let mut drawing = Drawing {
        steps,
        spans: &spans,
        works,
        inputs,
    };
    drawing.upwards();
    drawing.downwards();
    drawing.after_what_makes_room();
    drawing.queues();
    drawing.steps
}

fn number(steps: &[Step]) -> StepId {
    StepId(u32::try_from(steps.len()).unwrap_or(u32::MAX))
}

/// The first and the last step of a work, and the removal before them.
#[derive(Clone, Copy)]
struct Span {
    removed: Option<StepId>,
    first: StepId,
    last: StepId,
}

/// Objects of one type that make the same things work: one of them at a time.
type Place<'a> = (ArmType, &'a BTreeSet<ArmId>);

struct Drawing<'a> {
    steps: Vec<Step>,
    spans: &'a [Span],
    works: &'a [Work],
    inputs: &'a Inputs<'a>,
}

impl Drawing<'_> {
    fn pairs(&self) -> impl Iterator<Item = (&Work, Span)> {
        self.works.iter().zip(self.spans.iter().copied())
    }

    /// The steps of one work, its removal among them.
    fn steps_of(&self, span: Span) -> impl Iterator<Item = &Step> {
        let first = span.removed.unwrap_or(span.first);
        let first = usize::try_from(first.0).unwrap_or(usize::MAX);
        self.steps
            .iter()
            .skip(first)
            .take_while(move |step| step.id <= span.last)
    }

    fn step(&mut self, id: StepId) -> Option<&mut Step> {
        self.steps.get_mut(usize::try_from(id.0).ok()?)
    }

    /// What is built waits for what it needs.
    fn upwards(&mut self) {
        let mut ends: HashMap<&Address, Vec<StepId>> = HashMap::new();
        for (work, span) in self.pairs().filter(|(work, _)| work.direction == Direction::Up) {
            ends.entry(&work.unit.resource).or_default().push(span.last);
        }
        let mut reach = Reach {
            inputs: self.inputs,
            ends: &ends,
            known: HashMap::new(),
        };
        let mut edges = Vec::new();
        // What runs already waits for nothing: it would wait for what queues behind it.
        let waits = |work: &Work| match &work.queue {
            Some(queue) => queue.standing == QueuePlace::Waiting,
            None => true,
        };
        let builds = |work: &Work| work.direction == Direction::Up && waits(work);
        for (work, span) in self.pairs().filter(|(work, _)| builds(work)) {
            for need in self.inputs.graph.needs(&work.unit.resource) {
                let because = match &need.because {
                    Because::Refers(Some(argument)) => format!("its `{argument}` refers to it"),
                    Because::Refers(None) => "it refers to it".to_owned(),
                    Because::DependsOn => "`depends_on` says so".to_owned(),
                    Because::Path(text) => text.clone(),
                };
                for step in reach.of(&need.on).iter() {
                    edges.push((span.first, *step, format!("{}: {because}", need.on)));
                }
            }
        }
        for (from, to, because) in edges {
            if let Some(step) = self.step(from) {
                step.after.insert(to, because);
            }
        }
    }

    /// What is taken down waits for what needs it.
    fn downwards(&mut self) {
        let taken_down = |(work, span): (_, Span)| {
            let work: &Work = work;
            match work.direction {
                Direction::Down => Some((work, span.first)),
                Direction::Up => span.removed.map(|removed| (work, removed)),
            }
        };
        let downs: HashMap<&UnitAddress, StepId> = self
            .pairs()
            .filter_map(taken_down)
            .map(|(work, step)| (&work.unit, step))
            .collect();
        let mut edges = Vec::new();
        for (work, step) in self.pairs().filter_map(taken_down) {
            let remembered = self.inputs.prior.get(&work.unit);
            for need in remembered.iter().flat_map(|remembered| &remembered.record.needs) {
                if let Some(needed) = downs.get(need) {
                    edges.push((*needed, step, format!("{} needs it", work.unit)));
                }
            }
        }
        for (from, to, because) in edges {
            if let Some(step) = self.step(from) {
                step.after.insert(to, because);
            }
        }
    }

    /// What is put waits for what is deleted in the same place: a network has one link to a zone, and a side of a peering
    /// cannot be made while the other side is left over from an earlier one (contract 2.7, `RemotePeeringIsDisconnected`).
    fn after_what_makes_room(&mut self) {
        let mut leaving: HashMap<Place<'_>, Vec<(&Work, StepId)>> = HashMap::new();
        let mut coming = Vec::new();
        for (work, span) in self.pairs() {
            for step in self.steps_of(span) {
                match &step.op {
                    Op::Delete {
                        target: StepTarget::Known(id),
                        finds: _,
                    } => {
                        let touches = match work.direction {
                            Direction::Down => &work.touches,
                            Direction::Up => &work.left,
                        };
                        let place = (id.arm_type(), touches);
                        leaving.entry(place).or_default().push((work, step.id));
                    }
                    Op::Put {
                        target: StepTarget::Known(id),
                        ..
                    } => coming.push((id.arm_type(), work, step.id)),
                    Op::Put { .. } | Op::Delete { .. } | Op::Start { .. } | Op::Await(_) => {}
                    Op::Gate(_) | Op::Cutover { .. } | Op::Note => {}
                }
            }
        }
        let mut edges = Vec::new();
        for (arm_type, work, put) in coming {
            let place = (arm_type, &work.touches);
            let others = leaving.get(&place).into_iter().flatten();
            let others = others.filter(|(other, _)| other.unit != work.unit && !work.touches.is_empty());
            edges.extend(others.map(|(_, delete)| (put, *delete)));
        }
        for (from, to) in edges {
            if let Some(step) = self.step(from) {
                step.behind.insert(to);
            }
        }
    }

    /// Migrations wait for those whose turn comes before, and for what runs without being moved on by this plan.
    fn queues(&mut self) {
        let (works, spans): (Vec<&Work>, Vec<Span>) = self.pairs().filter(|(work, _)| work.queue.is_some()).unzip();
        let entries: Vec<(&UnitAddress, &Queue)> = works
            .iter()
            .filter_map(|work| Some((&work.unit, work.queue.as_ref()?)))
            .collect();
        let ours: HashSet<&ArmId> = works
            .iter()
            .filter_map(|work| work.change.as_ref()?.id.as_ref())
            .collect();
        let others: Vec<&Migration> = self.others(&ours).collect();
        let mut edges = Vec::new();
        let mut waits = Vec::new();
        for turn in line_up(&entries, &others, &Depths::new(self.inputs.graph)) {
            let (Some(span), Some((unit, _))) = (spans.get(turn.entry), entries.get(turn.entry)) else {
                continue;
            };
            for ahead in turn.behind {
                match ahead {
                    Ahead::Entry(at) => edges.extend(spans.get(at).map(|before| (span.first, before.last))),
                    Ahead::Other(at) => waits.extend(others.get(at).map(|migration| {
                        let (id, databases) = (migration.id.clone(), migration.databases.clone());
                        (span.first, (*unit).clone(), id, databases)
                    })),
                }
            }
        }
        for (from, to) in edges {
            if let Some(step) = self.step(from) {
                step.behind.insert(to);
            }
        }
        for (first, unit, migration, databases) in waits {
            let id = number(&self.steps);
            self.steps.push(wait_for_other(id, unit, migration, databases));
            if let Some(step) = self.step(first) {
                step.behind.insert(id);
            }
        }
    }

    /// Migrations that run and that this plan does not move on: of others, or of ours and left out. They hold what they use.
    fn others<'b>(&'b self, ours: &'b HashSet<&ArmId>) -> impl Iterator<Item = &'b Migration> {
        let all = self.inputs.observed.all_migrations().flat_map(|(_, found)| found);
        all.filter(|migration| !matches!(migration.standing(), Standing::Ended(_)) && !ours.contains(&migration.id))
    }
}

fn wait_for_other(id: StepId, unit: UnitAddress, migration: ArmId, databases: Vec<String>) -> Step {
    Step {
        id,
        unit,
        op: Op::Await(Await {
            migration,
            until: Until::Ended,
            questions: BTreeMap::new(),
            stall_after: std::time::Duration::MAX,
            databases,
        }),
        after: BTreeMap::new(),
        behind: BTreeSet::new(),
        scopes: BTreeSet::new(),
        patience: None,
        then: Remember::Unchanged,
    }
}

/// The last steps behind a resource: its own, or, where it has none, those behind what it needs itself.
struct Reach<'a> {
    inputs: &'a Inputs<'a>,
    ends: &'a HashMap<&'a Address, Vec<StepId>>,
    known: HashMap<Address, std::rc::Rc<Vec<StepId>>>,
}

impl Reach<'_> {
    fn of(&mut self, address: &Address) -> std::rc::Rc<Vec<StepId>> {
        let mut stack = vec![address.clone()];
        while let Some(at) = stack.last().cloned() {
            if self.known.contains_key(&at) {
                stack.pop();
                continue;
            }
            if let Some(own) = self.ends.get(&at) {
                self.known.insert(at, std::rc::Rc::new(own.clone()));
                continue;
            }
            let needs = self.inputs.graph.needs(&at);
            let open: Vec<Address> = needs
                .iter()
                .map(|need| &need.on)
                .filter(|on| !self.known.contains_key(*on))
                .cloned()
                .collect();
            if open.is_empty() {
                let all: BTreeSet<StepId> = needs
                    .iter()
                    .filter_map(|need| self.known.get(&need.on))
                    .flat_map(|steps| steps.iter().copied())
                    .collect();
                self.known.insert(at, std::rc::Rc::new(all.into_iter().collect()));
            } else {
                stack.extend(open);
            }
        }
        self.known.get(address).cloned().unwrap_or_default()
    }
}
