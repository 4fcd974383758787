//! When the migrations of a plan run: by target, in the order of their turns, and the path that everything hangs on. Pure: it
//! counts from the first start on, and knows no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

use super::Plan;
use super::outlook::Experience;
use super::step::{Await, Gate, Op, Opens, Step, StepId, Until};
use crate::address::UnitAddress;
use crate::arm::ArmId;
use crate::arm::migration::LIFETIME;

/// When the migrations of a plan run.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule<'a> {
    /// By target.
    pub lanes: Vec<Lane<'a>>,
    /// What places and lengths are counted in.
    pub scale: Scale,
    /// When all of it is over.
    pub length: u64,
    /// The units of the longest path through the plan, in their order.
    pub critical: Vec<&'a UnitAddress>,
    /// How many steps on other objects change something before a migration can start. How long they take is unknown.
    pub before: usize,
}

/// What places and lengths are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Seconds: of every migration it is known how long its like took, and none waits for somebody or for a window.
    Seconds,
    /// Turns: how long one takes is unknown.
    Turns,
}

/// The migrations of one target, of which one runs at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Lane<'a> {
    /// The target.
    pub target: ArmId,
    /// In their order.
    pub bars: Vec<Bar<'a>>,
}

/// One migration.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar<'a> {
    /// The unit.
    pub unit: &'a UnitAddress,
    /// The migration.
    pub migration: &'a ArmId,
    /// How many databases it moves; 0 where the plan does not tell.
    pub databases: usize,
    /// When it begins, counted from the first start on.
    pub begins: u64,
    /// How long it takes.
    pub takes: u64,
    /// When it was started, where it runs already.
    pub started: Option<Timestamp>,
    /// How long its like took.
    pub like: Option<&'a Experience>,
    /// Who opens its gate, where it has one.
    pub opens: Option<Opens>,
    /// When the window of its start opens, where that is closed.
    pub starts_from: Option<Timestamp>,
    /// When the window of its cutover opens, where that is closed.
    pub cutover_from: Option<Timestamp>,
    /// Whether the end of everything hangs on it.
    pub is_critical: bool,
}

/// Where a step stands among the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// When it is over.
    ends: u64,
    /// How many steps the longest path to it has.
    steps: usize,
}

impl<'a> Schedule<'a> {
    /// The schedule of a plan; `None` where it has no migration.
    pub fn of(plan: &'a Plan) -> Option<Self> {
        let mut bars = bars(plan);
        if bars.is_empty() {
            return None;
        }
        let scale = scale(plan, &bars);
        for bar in bars.values_mut() {
            bar.takes = match (scale, bar.like) {
                // None lives longer, whatever a file says.
                (Scale::Seconds, Some(like)) => like.middle.min(LIFETIME).as_secs(),
                (Scale::Seconds | Scale::Turns, _) => 1,
            };
        }
        let order = in_order(&plan.steps);
        let anchors: HashMap<StepId, &UnitAddress> = anchors(plan).collect();
        let steps: HashMap<StepId, &Step> = order.iter().map(|step| (step.id, *step)).collect();
        let mut places: HashMap<StepId, (Place, Option<StepId>)> = HashMap::with_capacity(order.len());
        for step in &order {
            let before = waits_for(step)
                .filter_map(|id| places.get(&id).map(|(place, _)| (*place, id)))
                .max();
            let begins = before.map_or(Place::default(), |(place, _)| place);
            let takes = match anchors.get(&step.id).and_then(|unit| bars.get_mut(*unit)) {
                Some(bar) => {
                    bar.begins = begins.ends;
                    bar.takes
                }
                None => u64::from(is_of_others(step)),
            };
            let place = Place {
                ends: begins.ends.saturating_add(takes),
                steps: begins.steps + 1,
            };
            places.insert(step.id, (place, before.map(|(_, id)| id)));
        }
        let last = order
            .iter()
            .max_by_key(|step| places.get(&step.id).map(|(place, _)| *place));
        let path = std::iter::successors(last.copied(), |step| {
            let (_, by) = places.get(&step.id)?;
            steps.get(&(*by)?).copied()
        });
        // In a file that somebody wrote in, two steps may have one number, and a path may lead to itself.
        let mut critical: Vec<&UnitAddress> = path.take(order.len()).map(|step| &step.unit).collect();
        critical.reverse();
        critical.dedup();
        let on_path: HashSet<&UnitAddress> = critical.iter().copied().collect();
        let mut lanes: BTreeMap<ArmId, Vec<Bar<'a>>> = BTreeMap::new();
        for mut bar in bars.into_values() {
            bar.is_critical = on_path.contains(bar.unit);
            if let Some(target) = bar.migration.parent() {
                lanes.entry(target).or_default().push(bar);
            }
        }
        let lanes = lanes.into_iter().map(|(target, mut bars)| {
            bars.sort_by_key(|bar| bar.begins);
            Lane { target, bars }
        });
        Some(Self {
            lanes: lanes.collect(),
            scale,
            length: places.values().map(|(place, _)| place.ends).max().unwrap_or_default(),
            critical,
            before: before(&order, &anchors),
        })
    }
}

/// What a step waits for, however it ends.
fn waits_for(step: &Step) -> impl Iterator<Item = StepId> + '_ {
    step.after.keys().chain(&step.behind).copied()
}

/// Whether a step watches a migration that this plan does not move on.
fn is_of_others(step: &Step) -> bool {
    matches!(
        step.op,
        Op::Await(Await {
            until: Until::Ended,
            ..
        })
    )
}

/// The first step of every migration.
fn anchors(plan: &Plan) -> impl Iterator<Item = (StepId, &UnitAddress)> {
    let mut known: HashSet<&UnitAddress> = HashSet::new();
    let own = plan.steps.iter().filter(|step| migration(step).is_some());
    own.filter_map(move |step| known.insert(&step.unit).then_some((step.id, &step.unit)))
}

/// The migration that a step moves on, with its databases.
fn migration(step: &Step) -> Option<(&ArmId, usize)> {
    match &step.op {
        Op::Start { migration, writes, .. } => Some((migration, writes.len())),
        Op::Await(Await {
            until: Until::Ended, ..
        }) => None,
        Op::Await(Await {
            migration, databases, ..
        })
        | Op::Gate(Gate {
            migration, databases, ..
        })
        | Op::Cutover { migration, databases } => Some((migration, databases.len())),
        Op::Put { .. } | Op::Delete { .. } | Op::Note => None,
    }
}

fn bars(plan: &Plan) -> BTreeMap<&UnitAddress, Bar<'_>> {
    let mut bars: BTreeMap<&UnitAddress, Bar<'_>> = BTreeMap::new();
    for step in &plan.steps {
        let Some((migration, databases)) = migration(step) else {
            continue;
        };
        let outlook = plan.outlooks.get(&step.unit);
        let bar = bars.entry(&step.unit).or_insert_with(|| Bar {
            unit: &step.unit,
            migration,
            databases,
            begins: 0,
            takes: 1,
            started: outlook.and_then(|outlook| outlook.started),
            like: outlook.and_then(|outlook| outlook.like.as_ref()),
            opens: None,
            starts_from: outlook.and_then(|outlook| outlook.starts_from),
            cutover_from: outlook.and_then(|outlook| outlook.cutover_from),
            is_critical: false,
        });
        bar.databases = bar.databases.max(databases);
        if let Op::Gate(gate) = &step.op {
            bar.opens = Some(gate.opens);
        }
    }
    bars
}

/// Time is only told where all of it is known.
fn scale(plan: &Plan, bars: &BTreeMap<&UnitAddress, Bar<'_>>) -> Scale {
    let is_known = |bar: &Bar<'_>| {
        let waits_for_somebody = matches!(bar.opens, Some(Opens::ByHand | Opens::ByApproval));
        let waits_for_window = bar.starts_from.is_some() || bar.cutover_from.is_some();
        bar.like.is_some() && !waits_for_somebody && !waits_for_window
    };
    match bars.values().all(is_known) && !plan.steps.iter().any(is_of_others) {
        true => Scale::Seconds,
        false => Scale::Turns,
    }
}

/// The steps, each behind all that it waits for. What stands in a circle, which no plan of ours has, is left out.
fn in_order(steps: &[Step]) -> Vec<&Step> {
    let known: HashSet<StepId> = steps.iter().map(|step| step.id).collect();
    let mut open: HashMap<StepId, usize> = HashMap::with_capacity(steps.len());
    let mut then: HashMap<StepId, Vec<&Step>> = HashMap::new();
    for step in steps {
        let before: BTreeSet<StepId> = waits_for(step).filter(|id| known.contains(id)).collect();
        open.insert(step.id, before.len());
        for id in before {
            then.entry(id).or_default().push(step);
        }
    }
    let mut order: Vec<&Step> = steps.iter().filter(|step| open.get(&step.id) == Some(&0)).collect();
    let mut next = 0;
    while let Some(step) = order.get(next) {
        next += 1;
        for later in then.remove(&step.id).into_iter().flatten() {
            if let Some(open) = open.get_mut(&later.id) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    order.push(later);
                }
            }
        }
    }
    order
}

/// How many steps on other objects change something before a migration can start.
fn before(order: &[&Step], anchors: &HashMap<StepId, &UnitAddress>) -> usize {
    let mut needed: HashSet<StepId> = HashSet::new();
    let mut count = 0;
    for step in order.iter().rev() {
        if anchors.contains_key(&step.id) || needed.contains(&step.id) {
            needed.extend(waits_for(step));
            count += usize::from(matches!(step.op, Op::Put { .. } | Op::Delete { .. }));
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use std::time::Duration;

    use super::*;
    use crate::arm::{Body, Cloud};
    use crate::plan::step::Remember;
    use crate::plan::{Base, Mode, Outlook};

    const SERVERS: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers";

    fn plan(steps: Vec<Step>) -> Plan {
        Plan {
            format: Plan::FORMAT,
            mode: Mode::Apply,
            base: Base {
                lineage: None,
                cloud: Cloud::Simulator,
                subscription: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
                records: BTreeMap::new(),
                snapshot: None,
            },
            changes: Vec::new(),
            kept: 0,
            drift: Vec::new(),
            losses: Vec::new(),
            findings: Vec::new(),
            steps,
            outputs: BTreeMap::new(),
            outputs_before: BTreeMap::new(),
            moves: Vec::new(),
            checks: Vec::new(),
            left_out: Vec::new(),
            outlooks: BTreeMap::new(),
        }
    }

    fn step(id: u32, unit: &str, op: Op, before: &[u32]) -> Step {
        Step {
            id: StepId(id),
            unit: unit.parse().unwrap(),
            op,
            after: BTreeMap::new(),
            behind: before.iter().map(|id| StepId(*id)).collect(),
            scopes: BTreeSet::new(),
            patience: None,
            then: Remember::Unchanged,
        }
    }

    fn start(target: &str) -> Op {
        Op::Start {
            migration: format!("{SERVERS}/{target}/migrations/m").parse().unwrap(),
            body: Body::Null,
            writes: vec!["erp".into()],
            tags: BTreeMap::new(),
            may_exist: BTreeSet::new(),
            window: None,
        }
    }

    fn took(minutes: u64) -> Outlook {
        let length = Duration::from_secs(minutes * 60);
        Outlook {
            like: Some(Experience {
                migrations: 1,
                shortest: length,
                middle: length,
                longest: length,
            }),
            ..Outlook::default()
        }
    }

    /// On one target two short ones, on another a long one that waits for the first of them, and a change that nobody waits for.
    fn two_targets() -> Plan {
        plan(vec![
            step(0, "database_batch.a#1", start("t1"), &[4]),
            step(1, "database_batch.a#2", start("t1"), &[0]),
            step(2, "database_batch.b#1", start("t2"), &[0]),
            step(3, "dns_zone.other", Op::Note, &[]),
            step(4, "dns_zone.first", Op::Note, &[]),
        ])
    }

    fn begins(schedule: &Schedule<'_>) -> Vec<(String, u64, bool)> {
        let bars = schedule.lanes.iter().flat_map(|lane| &lane.bars);
        bars.map(|bar| (bar.unit.to_string(), bar.begins, bar.is_critical))
            .collect()
    }

    #[test]
    fn the_longest_path_is_by_time_where_time_is_known_and_by_turns_where_not() {
        let mut known = two_targets();
        for (unit, minutes) in [("a#1", 10), ("a#2", 20), ("b#1", 90)] {
            let unit = format!("database_batch.{unit}").parse().unwrap();
            known.outlooks.insert(unit, took(minutes));
        }
        let schedule = Schedule::of(&known).unwrap();
        assert_eq!((schedule.scale, schedule.length), (Scale::Seconds, 100 * 60));
        assert_eq!(
            begins(&schedule),
            [
                ("database_batch.a#1".to_owned(), 0, true),
                ("database_batch.a#2".to_owned(), 600, false),
                ("database_batch.b#1".to_owned(), 600, true),
            ]
        );
        let path: Vec<String> = schedule.critical.iter().map(ToString::to_string).collect();
        assert_eq!(path, ["dns_zone.first", "database_batch.a#1", "database_batch.b#1"]);

        let mut held = known.clone();
        let outlook = held.outlooks.get_mut(&"database_batch.a#2".parse().unwrap()).unwrap();
        outlook.starts_from = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(
            Schedule::of(&held).unwrap().scale,
            Scale::Turns,
            "it starts when its window says"
        );

        known.outlooks.pop_first();
        let schedule = Schedule::of(&known).unwrap();
        assert_eq!((schedule.scale, schedule.length), (Scale::Turns, 2));
    }

    #[test]
    fn a_plan_that_somebody_wrote_in_is_scheduled_all_the_same() {
        let mut plan = two_targets();
        for (id, before) in [(0, 2), (4, 4), (7, 7)] {
            plan.steps.push(step(id, "database_batch.c#1", start("t3"), &[before]));
        }
        let unit = plan.steps[0].unit.clone();
        plan.outlooks.insert(unit, took(u64::MAX / 60));
        assert!(Schedule::of(&plan).is_some());
        plan.steps.clear();
        assert_eq!(Schedule::of(&plan), None);
    }
}
