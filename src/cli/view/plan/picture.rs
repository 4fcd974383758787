//! A plan as nodes and edges: its steps, its units or its resources, each edge with its reason. How a picture is written is up to
//! the formats; nothing here knows any.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::address::UnitAddress;
use crate::cli::view::batch::target;
use crate::plan::step::{Opens, Remember, Until};
use crate::plan::{Action, Op, Plan, Step};

/// What a node does, for colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Something new comes.
    Add,
    /// Something is changed.
    Change,
    /// Something goes.
    Remove,
    /// A migration is started, watched or cut over.
    Advance,
    /// Only our memory changes.
    Memory,
}

impl Tone {
    /// Every one, for style sheets.
    pub(crate) const ALL: [Self; 5] = [Self::Add, Self::Change, Self::Remove, Self::Advance, Self::Memory];

    /// Its name in style sheets.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
            Self::Advance => "advance",
            Self::Memory => "memory",
        }
    }

    /// Fill and border. Dark text is readable on every fill, and what is meant is told by words, too.
    pub(crate) fn colors(self) -> (&'static str, &'static str) {
        match self {
            Self::Add => ("#e6f4ea", "#1a7f37"),
            Self::Change => ("#fff4d6", "#9a6700"),
            Self::Remove => ("#ffe4e1", "#b42318"),
            Self::Advance => ("#e3effd", "#0b5cad"),
            Self::Memory => ("#eeeeee", "#666666"),
        }
    }
}

/// A step, a unit or a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its address.
    pub(crate) title: String,
    /// What is done to it, in a few words.
    pub(crate) does: String,
    /// For colours.
    pub(crate) tone: Tone,
}

/// What an edge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The later one needs the earlier one to succeed.
    Needs,
    /// The later one queues until the earlier one is over, however it ended.
    Queues,
}

/// From what comes first to what waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The number of the node that comes first.
    pub(crate) from: usize,
    /// The number of the node that waits.
    pub(crate) to: usize,
    /// What it means.
    pub(crate) link: Link,
    /// Why.
    pub(crate) because: String,
}

/// So many units of one node are named by their parts.
const NAMED: usize = 4;

/// Nodes and edges, in an order that does not change from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Picture {
    /// The nodes.
    pub(crate) nodes: Vec<Node>,
    /// The edges.
    pub(crate) edges: Vec<Edge>,
}

/// Why a step waits for its turn behind another one.
fn turn(step: &Step, first: &Step) -> String {
    match (target(step), target(first)) {
        (Some(ours), Some(theirs)) if ours == theirs => format!("{} takes one migration at a time", ours.name()),
        (Some(_), Some(_)) => "their source or runtime server takes one at a time".to_owned(),
        (_, _) if matches!(first.op, Op::Delete { .. }) => "this has to make room first".to_owned(),
        (_, _) => "it queues behind this".to_owned(),
    }
}

impl Picture {
    /// One node a step.
    pub(crate) fn of_steps(plan: &Plan) -> Self {
        let actions = actions(plan);
        let node = |step: &Step| {
            let action = actions.get(&step.unit).copied();
            Node {
                title: step.unit.to_string(),
                does: does(step, action),
                tone: tone(&step.op, action),
            }
        };
        let mut picture = Self {
            nodes: plan.steps.iter().map(node).collect(),
            edges: Vec::new(),
        };
        picture.connect(plan, &(0..plan.steps.len()).collect::<Vec<_>>());
        picture
    }

    /// One node a unit, its steps in a row.
    pub(crate) fn of_units(plan: &Plan) -> Self {
        Self::grouped(plan, |unit| unit.to_string())
    }

    /// One node for the units of a resource that wait for the same and that the same waits for, and why: what each of them
    /// would repeat is drawn once.
    pub(crate) fn condensed(plan: &Plan) -> Self {
        let units = Self::of_units(plan);
        let resources: HashMap<String, String> = plan
            .steps
            .iter()
            .map(|step| (step.unit.to_string(), step.unit.resource.to_string()))
            .collect();
        let resource = |at: usize| {
            let node = units.nodes.get(at)?;
            resources.get(&node.title).map(String::as_str)
        };
        // By unit: towards which resources its edges go, which way, and why.
        let mut ways: BTreeMap<usize, BTreeSet<(&str, bool, bool, &str)>> = BTreeMap::new();
        for edge in &units.edges {
            let (Some(from), Some(to)) = (resource(edge.from), resource(edge.to)) else {
                continue;
            };
            if from != to {
                let (needs, because) = (edge.link == Link::Needs, edge.because.as_str());
                ways.entry(edge.from).or_default().insert((to, true, needs, because));
                ways.entry(edge.to).or_default().insert((from, false, needs, because));
            }
        }
        let mut alike: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for (at, node) in units.nodes.iter().enumerate() {
            let key = (resource(at), node.does.as_str(), ways.get(&at));
            alike.entry(key).or_default().push(&node.title);
        }
        let mut titles: HashMap<&str, String> = HashMap::new();
        for ((resource, _, _), units) in &alike {
            let resource = resource.unwrap_or_default();
            let part = |unit: &&str| unit.strip_prefix(resource).unwrap_or_default().to_owned();
            let title = match units.as_slice() {
                [only] => (*only).to_owned(),
                [first, .., last] if units.len() > NAMED => {
                    format!("{resource} ({} from {} to {})", units.len(), part(first), part(last))
                }
                several => {
                    let parts: Vec<String> = several.iter().map(part).collect();
                    format!("{resource} ({})", parts.join(", "))
                }
            };
            titles.extend(units.iter().map(|unit| (*unit, title.clone())));
        }
        Self::grouped(plan, |unit| {
            titles.get(unit.to_string().as_str()).cloned().unwrap_or_default()
        })
    }

    /// One node a resource.
    pub(crate) fn of_resources(plan: &Plan) -> Self {
        Self::grouped(plan, |unit| unit.resource.to_string())
    }

    fn grouped(plan: &Plan, title: impl Fn(&UnitAddress) -> String) -> Self {
        let actions = actions(plan);
        let mut picture = Self::default();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut deeds: Vec<Vec<(String, usize)>> = Vec::new();
        let mut places = Vec::with_capacity(plan.steps.len());
        for step in &plan.steps {
            let action = actions.get(&step.unit).copied();
            let title = title(&step.unit);
            let at = *known.entry(title.clone()).or_insert_with(|| {
                picture.nodes.push(Node {
                    title,
                    does: String::new(),
                    tone: tone(&step.op, action),
                });
                deeds.push(Vec::new());
                deeds.len() - 1
            });
            places.push(at);
            if let Some(deeds) = deeds.get_mut(at) {
                let deed = deed(step, action).to_owned();
                match deeds.iter_mut().find(|(known, _)| *known == deed) {
                    Some((_, times)) => *times += 1,
                    None => deeds.push((deed, 1)),
                }
            }
        }
        for (node, deeds) in picture.nodes.iter_mut().zip(deeds) {
            let words: Vec<String> = deeds
                .into_iter()
                .map(|(deed, times)| if times == 1 { deed } else { format!("{deed} ×{times}") })
                .collect();
            node.does = words.join(", ");
        }
        picture.connect(plan, &places);
        picture
    }

    /// Draws the edges of all steps between the nodes that they belong to; the first reason between two nodes stands for all.
    fn connect(&mut self, plan: &Plan, places: &[usize]) {
        let place = |id: u32| {
            let id = usize::try_from(id).ok()?;
            Some((*places.get(id)?, plan.steps.get(id)?))
        };
        let mut edges: BTreeMap<(usize, usize), (Link, String)> = BTreeMap::new();
        for (step, to) in plan.steps.iter().zip(places) {
            for (id, because) in &step.after {
                if let Some((from, first)) = place(id.0).filter(|(from, _)| from != to) {
                    let because = || (Link::Needs, without_subject(because, first).to_owned());
                    edges.entry((from, *to)).or_insert_with(because);
                }
            }
            for id in &step.behind {
                if let Some((from, first)) = place(id.0).filter(|(from, _)| from != to) {
                    let because = || (Link::Queues, turn(step, first));
                    edges.entry((from, *to)).or_insert_with(because);
                }
            }
        }
        let edge = |((from, to), (link, because))| Edge {
            from,
            to,
            link,
            because,
        };
        self.edges = edges.into_iter().map(edge).collect();
    }
}

/// A reason that begins with what stands at the other end of its edge, without it.
fn without_subject<'a>(because: &'a str, first: &Step) -> &'a str {
    let rest = because.strip_prefix(&first.unit.resource.to_string());
    rest.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(because)
}

fn actions(plan: &Plan) -> HashMap<&UnitAddress, &Action> {
    plan.changes
        .iter()
        .map(|change| (&change.unit, &change.action))
        .collect()
}

/// What a step does, in one or two words.
fn deed(step: &Step, action: Option<&Action>) -> &'static str {
    match (&step.op, action) {
        (Op::Put { .. }, Some(Action::Update)) => "update",
        (Op::Put { .. }, Some(Action::Replace)) => "create anew",
        (Op::Put { .. }, _) => "create",
        (Op::Start { .. }, _) => "start",
        (Op::Delete { .. }, _) => "delete",
        (Op::Await(_), _) => "watch",
        (Op::Gate(_), _) => "gate",
        (Op::Cutover { .. }, _) => "cut over",
        (Op::Note, _) => match step.then {
            Remember::Forget => "forget",
            Remember::Unchanged | Remember::Record(_) => "remember",
        },
    }
}

/// The same with what tells it from others.
pub(crate) fn does(step: &Step, action: Option<&Action>) -> String {
    let deed = deed(step, action);
    match &step.op {
        Op::Start { migration, .. } => format!("{deed} {}", migration.name()),
        Op::Await(watched) => {
            let name = watched.migration.name();
            match watched.until {
                Until::ReadyForCutover => format!("{deed} {name} until it is ready for its cutover"),
                Until::Succeeded => format!("{deed} {name} until it is done"),
                Until::Ended => format!("wait until {name} is over"),
            }
        }
        Op::Gate(gate) => match gate.opens {
            Opens::ByItself => format!("{deed}: opens by itself"),
            Opens::ByHand => format!("{deed}: a person opens it"),
            Opens::ByApproval => format!("{deed}: waits for an approval"),
        },
        Op::Put { .. } | Op::Delete { .. } | Op::Cutover { .. } | Op::Note => deed.to_owned(),
    }
}

fn tone(op: &Op, action: Option<&Action>) -> Tone {
    match (op, action) {
        (Op::Put { .. }, Some(Action::Update)) => Tone::Change,
        (Op::Put { .. }, _) => Tone::Add,
        (Op::Delete { .. }, _) => Tone::Remove,
        (Op::Start { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. }, _) => Tone::Advance,
        (Op::Note, _) => Tone::Memory,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::samples::first_apply;

    fn shown(picture: &Picture) -> String {
        let nodes = picture.nodes.iter().enumerate();
        let nodes = nodes.map(|(at, node)| format!("{at} {} ({})", node.title, node.does));
        let edges = picture.edges.iter();
        let edges = edges.map(|edge| format!("{} -> {} {:?}: {}", edge.from, edge.to, edge.link, edge.because));
        nodes.chain(edges).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_step_is_a_node() {
        insta::assert_snapshot!(shown(&Picture::of_steps(&first_apply())), @"
        0 database_batch.wave1#1 (start wave1m1r1)
        1 database_batch.wave1#1 (watch wave1m1r1 until it is done)
        2 database_batch.wave1#2 (start wave1m2r1)
        3 database_batch.wave1#2 (watch wave1m2r1 until it is done)
        4 vnet_peering.hub_runtime#forward (create)
        5 vnet_peering.hub_runtime#reverse (create)
        0 -> 1 Needs: it continues it
        1 -> 2 Queues: pg-erp-prod takes one migration at a time
        2 -> 3 Needs: it continues it
        4 -> 0 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        4 -> 2 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        5 -> 0 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        5 -> 2 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        ");
    }

    #[test]
    fn the_steps_of_a_unit_or_resource_are_one_node() {
        insta::assert_snapshot!(shown(&Picture::of_units(&first_apply())), @"
        0 database_batch.wave1#1 (start, watch)
        1 database_batch.wave1#2 (start, watch)
        2 vnet_peering.hub_runtime#forward (create)
        3 vnet_peering.hub_runtime#reverse (create)
        0 -> 1 Queues: pg-erp-prod takes one migration at a time
        2 -> 0 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        2 -> 1 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        3 -> 0 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        3 -> 1 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        ");
        insta::assert_snapshot!(shown(&Picture::condensed(&first_apply())), @"
        0 database_batch.wave1 (#1, #2) (start ×2, watch ×2)
        1 vnet_peering.hub_runtime (#forward, #reverse) (create ×2)
        1 -> 0 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        ");
        insta::assert_snapshot!(shown(&Picture::of_resources(&first_apply())), @"
        0 database_batch.wave1 (start ×2, watch ×2)
        1 vnet_peering.hub_runtime (create ×2)
        1 -> 0 Needs: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server
        ");
    }

    /// A plan from a file may name steps that it does not have.
    #[test]
    fn edges_from_nowhere_are_left_out() {
        let mut plan = first_apply();
        plan.steps.truncate(4);
        assert!(Picture::of_steps(&plan).edges.iter().all(|edge| edge.from < 4));
    }
}
