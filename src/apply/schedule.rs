//! Which step may run now. Pure bookkeeping over the action graph: it runs nothing and knows no time.
//!
//! Of several that may run, the one goes first on which most hangs. Every edge and every scope is looked at a bounded number of
//! times, so that ten thousand steps cost little more than ten times as much as one thousand.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use super::error::Tangled;
use super::urgency::Urgency;
use crate::address::UnitAddress;
use crate::arm::ArmId;
use crate::plan::{Op, Step, StepId};

/// The position of a step in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At(pub(super) usize);

/// How a step ended, as far as its successors care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// What comes after it may run.
    Succeeded,
    /// What comes after it is skipped; what is merely behind it may run.
    Failed,
    /// As `Failed`, but its migration still holds the target, so that nothing behind it may run.
    FailedHolding,
}

/// What running a step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Calls that change something, one at a time per scope.
    Act,
    /// Only looking.
    Watch,
    /// Only a change of what is remembered.
    Note,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Others come first.
    Waiting,
    /// It could run.
    Ready,
    /// It runs.
    Running,
    /// It is over.
    Over,
}

/// A step that will never run, and the failed or skipped step that it comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skipped {
    pub(super) at: At,
    pub(super) because: At,
}

#[derive(Debug)]
struct Node {
    manner: Manner,
    /// Which unit it works on.
    unit: usize,
    urgency: Urgency,
    /// How often it could have had some of its scopes and not all.
    passed: u32,
    standing: Standing,
    /// Predecessors that are not over.
    open: usize,
    scopes: Vec<usize>,
    /// Steps that need it to succeed.
    successors: Vec<At>,
    /// Steps that need it to be over.
    queued: Vec<At>,
    before: Vec<At>,
    /// What was in front of it in a queue and failed without letting the place go.
    held_by: Option<At>,
}

#[derive(Debug, Default)]
struct Scope {
    holder: Option<At>,
    /// For whom it is kept while it is free: nobody less urgent takes it.
    kept: Option<Turn>,
    waiting: BTreeSet<Turn>,
}

/// A step in a queue: the most urgent first, and of equally urgent ones the first of the plan.
type Turn = (Reverse<Urgency>, At);

/// A step that was passed over so often has what is free of its scopes kept. Sooner would leave a scope idle that many wait
/// for; never would let a step of two busy scopes go last.
const PASSED: u32 = 2;

/// The action graph on its way.
#[derive(Debug)]
pub(super) struct Schedule {
    nodes: Vec<Node>,
    scopes: Vec<Scope>,
    acts: BTreeSet<Turn>,
    watches: VecDeque<At>,
    notes: VecDeque<At>,
}

impl Schedule {
    /// The graph of these steps, of each of which it is known how urgent it is, with whatever waits for nothing ready.
    ///
    /// # Errors
    /// When the steps do not form a graph without circles.
    pub(super) fn new(steps: &[Step], urgencies: &[Urgency]) -> Result<Self, Tangled> {
        let mut places: HashMap<StepId, At> = HashMap::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            if places.insert(step.id, At(at)).is_some() {
                return Err(Tangled::Twice(step.id));
            }
        }
        let mut scope_places: HashMap<&ArmId, usize> = HashMap::new();
        let mut units: HashMap<&UnitAddress, usize> = HashMap::new();
        let mut nodes = Vec::with_capacity(steps.len());
        for (step, urgency) in steps.iter().zip(urgencies) {
            let before = step.after.keys().chain(&step.behind).map(|on| {
                let waits = step.id;
                places.get(on).copied().ok_or(Tangled::Unknown { waits, on: *on })
            });
            let before = before.collect::<Result<Vec<At>, Tangled>>()?;
            let manner = manner(&step.op);
            let scopes = match manner {
                Manner::Act => step
                    .scopes
                    .iter()
                    .map(|scope| {
                        let next = scope_places.len();
                        *scope_places.entry(scope).or_insert(next)
                    })
                    .collect(),
                Manner::Watch | Manner::Note => Vec::new(),
            };
            let next = units.len();
            nodes.push(Node {
                manner,
                unit: *units.entry(&step.unit).or_insert(next),
                urgency: *urgency,
                passed: 0,
                standing: Standing::Waiting,
                open: before.len(),
                scopes,
                successors: Vec::new(),
                queued: Vec::new(),
                before,
                held_by: None,
            });
        }
        for (at, step) in steps.iter().enumerate() {
            for on in step.after.keys() {
                if let Some(node) = places.get(on).and_then(|on| nodes.get_mut(on.0)) {
                    node.successors.push(At(at));
                }
            }
            for on in &step.behind {
                if let Some(node) = places.get(on).and_then(|on| nodes.get_mut(on.0)) {
                    node.queued.push(At(at));
                }
            }
        }
        let mut schedule = Self {
            nodes,
            scopes: std::iter::repeat_with(Scope::default)
                .take(scope_places.len())
                .collect(),
            acts: BTreeSet::new(),
            watches: VecDeque::new(),
            notes: VecDeque::new(),
        };
        schedule.find_circle(steps)?;
        let free = (0..steps.len()).map(At).filter(|at| schedule.node(*at).open == 0);
        schedule.all_ready(free.collect());
        Ok(schedule)
    }

    fn find_circle(&self, steps: &[Step]) -> Result<(), Tangled> {
        let mut open: Vec<usize> = self.nodes.iter().map(|node| node.open).collect();
        let mut free: Vec<At> = (0..open.len()).map(At).filter(|at| self.node(*at).open == 0).collect();
        while let Some(at) = free.pop() {
            for next in self.node(at).successors.iter().chain(&self.node(at).queued) {
                if let Some(count) = open.get_mut(next.0) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        free.push(*next);
                    }
                }
            }
        }
        match steps.iter().zip(&open).find(|(_, open)| **open > 0) {
            Some((step, _)) => Err(Tangled::Circle(step.id)),
            None => Ok(()),
        }
    }

    fn node(&self, at: At) -> &Node {
        self.nodes.get(at.0).expect("positions come from this graph")
    }

    fn node_mut(&mut self, at: At) -> &mut Node {
        self.nodes.get_mut(at.0).expect("positions come from this graph")
    }

    /// Where a step stands.
    pub(super) fn standing(&self, at: At) -> Standing {
        self.node(at).standing
    }

    /// The next step of this manner that may run. An acting step holds its scopes from here on.
    pub(super) fn take(&mut self, manner: Manner) -> Option<At> {
        loop {
            let at = match manner {
                Manner::Act => self.acts.pop_first().map(|(_, at)| at),
                Manner::Watch => self.watches.pop_front(),
                Manner::Note => self.notes.pop_front(),
            }?;
            // An earlier run may have ended it already.
            if self.standing(at) == Standing::Ready {
                self.node_mut(at).standing = Standing::Running;
                return Some(at);
            }
        }
    }

    /// Whether a step that changes something could run.
    pub(super) fn has_writes(&self) -> bool {
        !self.acts.is_empty() || !self.notes.is_empty()
    }

    /// The first of the steps that this one still waits for, or the one that keeps it from ever running.
    pub(super) fn blocker(&self, at: At) -> Option<At> {
        let mut before = self.node(at).before.iter().copied();
        before
            .find(|before| self.standing(*before) != Standing::Over)
            .or(self.node(at).held_by)
    }

    /// Lets go of a step's scopes, once its last call is finished.
    pub(super) fn free(&mut self, at: At) {
        let scopes = self.node(at).scopes.clone();
        for place in &scopes {
            if let Some(scope) = self.scopes.get_mut(*place)
                && scope.holder == Some(at)
            {
                scope.holder = None;
            }
        }
        for place in scopes {
            self.wake(place);
        }
    }

    /// Hands a free scope to the most urgent of its waiters that can run; those that wait for another scope queue up there.
    fn wake(&mut self, place: usize) {
        loop {
            let Some(scope) = self.scopes.get_mut(place) else {
                return;
            };
            let Some(turn) = scope.waiting.first().copied() else {
                return;
            };
            if scope.holder.is_some() || scope.kept.is_some_and(|kept| kept < turn) {
                return;
            }
            scope.waiting.remove(&turn);
            let (_, at) = turn;
            // An earlier run may have ended it while it stood in the queue.
            if self.standing(at) != Standing::Over {
                self.claim(at);
            }
        }
    }

    /// Takes a step back that was taken and not begun: it holds no scope, and runs only once it is let through.
    pub(super) fn put_back(&mut self, at: At) {
        self.node_mut(at).standing = Standing::Waiting;
        self.free(at);
    }

    /// Lets a step through that was taken back.
    pub(super) fn let_through(&mut self, at: At) {
        if self.standing(at) == Standing::Waiting {
            self.ready(at);
        }
    }

    /// Ends a step, and with it whatever comes after a failed one.
    pub(super) fn over(&mut self, at: At, ending: Ending) -> Vec<Skipped> {
        let mut skipped = Vec::new();
        let mut ended = vec![(at, ending)];
        while let Some((at, ending)) = ended.pop() {
            self.let_go(at);
            let node = self.node_mut(at);
            node.standing = Standing::Over;
            let unit = node.unit;
            let successors = std::mem::take(&mut node.successors);
            let queued = std::mem::take(&mut node.queued);
            match ending {
                Ending::Succeeded => self.less(&successors),
                Ending::Failed | Ending::FailedHolding => {
                    for next in successors {
                        if self.standing(next) == Standing::Waiting {
                            let node = self.node_mut(next);
                            node.standing = Standing::Over;
                            let same = node.unit == unit;
                            skipped.push(Skipped { at: next, because: at });
                            ended.push((next, if same { ending } else { Ending::Failed }));
                        }
                    }
                }
            }
            match ending {
                Ending::Succeeded | Ending::Failed => self.less(&queued),
                Ending::FailedHolding => {
                    for next in queued {
                        self.node_mut(next).held_by = Some(at);
                    }
                }
            }
        }
        skipped
    }

    fn less(&mut self, successors: &[At]) {
        let mut free = Vec::new();
        for next in successors {
            let node = self.node_mut(*next);
            node.open = node.open.saturating_sub(1);
            if node.open == 0 && node.standing == Standing::Waiting {
                free.push(*next);
            }
        }
        self.all_ready(free);
    }

    /// Lets steps run, the most urgent first, so that it gets its scopes.
    fn all_ready(&mut self, mut steps: Vec<At>) {
        steps.sort_unstable_by_key(|at| self.turn(*at));
        for at in steps {
            self.ready(at);
        }
    }

    fn turn(&self, at: At) -> Turn {
        (Reverse(self.node(at).urgency), at)
    }

    fn ready(&mut self, at: At) {
        let node = self.node_mut(at);
        node.standing = Standing::Ready;
        match node.manner {
            Manner::Act => self.claim(at),
            Manner::Watch => self.watches.push_back(at),
            Manner::Note => self.notes.push_back(at),
        }
    }

    /// Takes all scopes of a step, or queues it at the first that it cannot have: all or nothing, so that no two steps wait for
    /// each other. What is kept for a less urgent one it may have.
    fn claim(&mut self, at: At) {
        let turn = self.turn(at);
        let scopes = self.node(at).scopes.clone();
        let cannot_have = |scope: &Scope| scope.holder.is_some() || scope.kept.is_some_and(|kept| kept < turn);
        let denied = scopes
            .iter()
            .copied()
            .find(|place| self.scopes.get(*place).is_some_and(cannot_have));
        let Some(denied) = denied else {
            for scope in scopes {
                if let Some(scope) = self.scopes.get_mut(scope) {
                    scope.holder = Some(at);
                    scope.kept = None;
                }
            }
            self.acts.insert(turn);
            return;
        };
        if let Some(scope) = self.scopes.get_mut(denied) {
            scope.waiting.insert(turn);
        }
        let node = self.node_mut(at);
        node.passed += 1;
        if node.passed > PASSED {
            for place in scopes {
                if let Some(scope) = self.scopes.get_mut(place).filter(|scope| !cannot_have(scope)) {
                    scope.kept = Some(turn);
                }
            }
        }
    }

    /// Keeps nothing any more for a step that will not run.
    fn let_go(&mut self, at: At) {
        let turn = self.turn(at);
        for place in self.node(at).scopes.clone() {
            if let Some(scope) = self.scopes.get_mut(place)
                && scope.kept == Some(turn)
            {
                scope.kept = None;
                self.wake(place);
            }
        }
    }
}

/// What running an operation takes.
pub(super) fn manner(op: &Op) -> Manner {
    match op {
        Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Cutover { .. } => Manner::Act,
        Op::Await(_) | Op::Gate(_) => Manner::Watch,
        Op::Note => Manner::Note,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::plan::step::{Finds, Remember, StepTarget};

    /// The schedule of steps of which every third is more urgent than the others.
    fn scheduled(steps: &[Step]) -> Result<Schedule, Tangled> {
        let urgencies: Vec<Urgency> = (0..steps.len())
            .map(|at| Urgency::of_seconds(u64::from(at % 3 == 2)))
            .collect();
        Schedule::new(steps, &urgencies)
    }

    /// A step that deletes something, which is the least there is to an acting step.
    fn step(number: usize, after: &[usize], behind: &[usize], scopes: &[u8]) -> Step {
        let id = |number: usize| StepId(u32::try_from(number).unwrap());
        let object = |name: String| ArmId::resource_group("s", "g").provider("N/t", &name);
        Step {
            id: id(number),
            unit: format!("network.n{number}").parse().unwrap(),
            op: Op::Delete {
                target: StepTarget::Known(object(format!("n{number}"))),
                finds: Finds::Anything,
            },
            after: after.iter().map(|on| (id(*on), String::new())).collect(),
            behind: behind.iter().map(|on| id(*on)).collect(),
            scopes: scopes.iter().map(|scope| object(format!("scope{scope}"))).collect(),
            patience: None,
            then: Remember::Unchanged,
        }
    }

    prop_compose! {
        fn graph()(size in 1_usize..60)(
            edges in prop::collection::vec((0..size, 0..size, any::<bool>()), 0..size * 2),
            scopes in prop::collection::vec(prop::collection::btree_set(0_u8..6, 0..3), size),
        ) -> Vec<Step> {
            let mut after: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
            let mut behind = after.clone();
            for (a, b, needs) in edges {
                if a != b {
                    let edges = if needs { &mut after } else { &mut behind };
                    edges.entry(a.max(b)).or_default().insert(a.min(b));
                }
            }
            let of = |edges: &BTreeMap<usize, BTreeSet<usize>>, at| -> Vec<usize> {
                edges.get(&at).into_iter().flatten().copied().collect()
            };
            (0..scopes.len())
                .map(|at| step(at, &of(&after, at), &of(&behind, at), &scopes[at].iter().copied().collect::<Vec<_>>()))
                .collect()
        }
    }

    /// Runs a graph in an order that `choices` choose; answers how each step ended.
    fn play(steps: &[Step], choices: &[(usize, bool)]) -> Vec<Option<bool>> {
        let mut schedule = scheduled(steps).unwrap();
        let mut ended: Vec<Option<bool>> = vec![None; steps.len()];
        let mut running: Vec<At> = Vec::new();
        let mut choices = choices.iter().cycle();
        loop {
            while let Some(at) = schedule.take(Manner::Act) {
                let scopes = &steps[at.0].scopes;
                for other in &running {
                    assert!(steps[other.0].scopes.is_disjoint(scopes), "{at:?} beside {other:?}");
                }
                let over = |id: &StepId| ended[usize::try_from(id.0).unwrap()];
                assert!(
                    steps[at.0].after.keys().all(|on| over(on) == Some(true)),
                    "{at:?} too early"
                );
                assert!(
                    steps[at.0].behind.iter().all(|on| over(on).is_some()),
                    "{at:?} too early"
                );
                running.push(at);
            }
            if running.is_empty() {
                return ended;
            }
            let (choice, succeeds) = *choices.next().unwrap();
            let at = running.swap_remove(choice % running.len());
            schedule.free(at);
            ended[at.0] = Some(succeeds);
            let ending = if succeeds { Ending::Succeeded } else { Ending::Failed };
            for skipped in schedule.over(at, ending) {
                assert_eq!(ended[skipped.at.0], None);
                ended[skipped.at.0] = Some(false);
            }
        }
    }

    proptest! {
        #[test]
        fn no_scope_has_two_writers_no_step_runs_too_early_and_none_is_forgotten(
            steps in graph(),
            choices in prop::collection::vec((any::<usize>(), prop::bool::weighted(0.85)), 1..40),
        ) {
            let ended = play(&steps, &choices);
            prop_assert!(ended.iter().all(Option::is_some));
        }
    }

    #[test]
    fn a_circle_and_a_step_that_is_not_there_are_named() {
        let circle = [step(0, &[1], &[], &[]), step(1, &[], &[0], &[])];
        assert_eq!(scheduled(&circle).unwrap_err(), Tangled::Circle(StepId(0)));
        let unknown = Tangled::Unknown {
            waits: StepId(0),
            on: StepId(7),
        };
        assert_eq!(scheduled(&[step(0, &[7], &[], &[])]).unwrap_err(), unknown);
        let twice = [step(0, &[], &[], &[]), step(0, &[], &[], &[])];
        assert_eq!(scheduled(&twice).unwrap_err(), Tangled::Twice(StepId(0)));
    }

    #[test]
    fn what_still_holds_its_target_keeps_its_queue_waiting() {
        let mut first = step(0, &[], &[], &[]);
        let mut rest = step(1, &[0], &[], &[]);
        let unit = first.unit.clone();
        rest.unit.clone_from(&unit);
        first.unit = unit;
        let steps = [
            first,
            rest,
            step(2, &[], &[1], &[]),
            step(3, &[1], &[], &[]),
            step(4, &[], &[3], &[]),
        ];
        let mut schedule = scheduled(&steps).unwrap();
        let at = schedule.take(Manner::Act).unwrap();
        let skipped = schedule.over(at, Ending::FailedHolding);
        assert_eq!(skipped.len(), 2);
        assert_eq!(schedule.standing(At(2)), Standing::Waiting);
        assert_eq!(schedule.blocker(At(2)), Some(At(1)));
        assert_eq!(schedule.standing(At(4)), Standing::Ready);
    }
}
