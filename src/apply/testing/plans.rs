//! Plans built by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::address::UnitAddress;
use crate::arm::migration::Substate;
use crate::arm::{ArmId, Body, Cloud};
use crate::plan::step::{Finds, Opens, Remember, Response, StepTarget, Until, Why};
use crate::plan::{Answer, Await, Base, Gate, Mode, Op, Plan, Step, StepId};
use crate::prior::{Attempt, Origin, UnitRecord};

pub(in crate::apply) const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";

/// Builds a plan step by step.
#[derive(Default)]
pub(in crate::apply) struct Plans {
    steps: Vec<Step>,
}

/// How one migration is to go.
#[derive(Clone, Copy)]
pub(in crate::apply) struct Chain {
    pub(in crate::apply) online: bool,
    pub(in crate::apply) opens: Opens,
    pub(in crate::apply) samples: u32,
}

pub(in crate::apply) fn target_id(name: &str) -> ArmId {
    ArmId::resource_group(SUBSCRIPTION, "rg").provider("Microsoft.DBforPostgreSQL/flexibleServers", name)
}

pub(in crate::apply) fn batch_id(target: &str, name: &str) -> ArmId {
    target_id(target).child("migrations", name)
}

pub(in crate::apply) fn peering_id(name: &str) -> ArmId {
    let vnet = ArmId::resource_group(SUBSCRIPTION, "rg").provider("Microsoft.Network/virtualNetworks", "vnet");
    vnet.child("virtualNetworkPeerings", name)
}

fn base() -> Base {
    Base {
        lineage: None,
        cloud: Cloud::Simulator,
        subscription: SUBSCRIPTION.parse().unwrap(),
        records: BTreeMap::new(),
        snapshot: None,
    }
}

fn record(id: ArmId) -> UnitRecord {
    UnitRecord {
        format: UnitRecord::FORMAT,
        id: Some(id),
        origin: Origin::Created,
        fields: BTreeMap::new(),
        needs: Vec::new(),
        scopes: Vec::new(),
        touches: Vec::new(),
        attempts: Vec::new(),
    }
}

/// The create of a peering, remembered.
pub(in crate::apply) fn put(name: &str) -> (UnitAddress, Op, Remember) {
    let id = peering_id(name);
    let op = Op::Put {
        target: StepTarget::Known(id.clone()),
        body: Body::from_json(&json!({ "properties": { "allowForwardedTraffic": true } })),
        brings: BTreeMap::new(),
        query: None,
        finds: Finds::Nothing,
    };
    let unit = format!("vnet_peering.{name}").parse().unwrap();
    (unit, op, Remember::Record(Box::new(record(id))))
}

/// The steps of one migration, from its start to its end.
pub(in crate::apply) fn chain(target: &str, name: &str, how: Chain) -> Vec<(UnitAddress, Op, Remember)> {
    let unit: UnitAddress = format!("database_batch.{name}#1").parse().unwrap();
    let migration = batch_id(target, name);
    let databases = vec![format!("{name}a"), format!("{name}b")];
    let own = BTreeMap::from([("pgferry-unit".to_owned(), unit.to_string())]);
    let body = json!({
        "properties": { "dbsToMigrate": databases, "migrationMode": "Online", "migrationOption": "Migrate" },
        "tags": own,
    });
    let mut kept = record(migration.clone());
    kept.attempts.push(Attempt {
        id: migration.clone(),
        databases: databases.clone(),
        generation: 1,
        created: None,
    });
    let start = Op::Start {
        migration: migration.clone(),
        body: Body::from_json(&body),
        writes: databases.clone(),
        tags: own,
        may_exist: BTreeSet::new(),
        window: None,
    };
    let way = |until| {
        let body = Body::from_json(&json!({ "properties": { "startDataMigration": "True" } }));
        let answer = Answer {
            from: "databases".into(),
            body,
        };
        let asks = Substate::WaitingForOverwrite.as_str().to_owned();
        Op::Await(Await {
            migration: migration.clone(),
            until,
            questions: BTreeMap::from([
                (
                    Substate::WaitingForScheduling.as_str().to_owned(),
                    Response::Answer(answer),
                ),
                (asks, Response::Person(Why::Overwrite)),
            ]),
            stall_after: Duration::from_secs(15 * 60),
            databases: databases.clone(),
        })
    };
    let gate = Op::Gate(Gate {
        migration: migration.clone(),
        databases: databases.clone(),
        max_lag: Duration::ZERO,
        samples: how.samples,
        opens: how.opens,
        window: None,
    });
    let cutover = Op::Cutover {
        migration: migration.clone(),
        databases: databases.clone(),
    };
    let mut steps = vec![(unit.clone(), start, Remember::Record(Box::new(kept)))];
    let way_ops = if how.online {
        vec![way(Until::ReadyForCutover), gate, cutover, way(Until::Succeeded)]
    } else {
        vec![way(Until::Succeeded)]
    };
    steps.extend(way_ops.into_iter().map(|op| (unit.clone(), op, Remember::Unchanged)));
    steps
}

impl Plans {
    /// Adds a step, without any edges.
    pub(in crate::apply) fn add(&mut self, (unit, op, then): (UnitAddress, Op, Remember)) -> StepId {
        let id = StepId(u32::try_from(self.steps.len()).unwrap());
        let scopes = match &op {
            Op::Put {
                target: StepTarget::Known(id),
                ..
            } => id.parent(),
            Op::Start { migration, .. } | Op::Cutover { migration, .. } => migration.parent(),
            Op::Put { .. } | Op::Delete { .. } | Op::Await(_) | Op::Gate(_) | Op::Note => None,
        };
        self.steps.push(Step {
            id,
            unit,
            op,
            after: BTreeMap::new(),
            behind: BTreeSet::new(),
            scopes: scopes.into_iter().collect(),
            patience: None,
            then,
        });
        id
    }

    /// Adds steps, each after the one before; answers the first and the last.
    pub(in crate::apply) fn chain(&mut self, steps: Vec<(UnitAddress, Op, Remember)>) -> (StepId, StepId) {
        let ids: Vec<StepId> = steps.into_iter().map(|step| self.add(step)).collect();
        for pair in ids.windows(2) {
            self.after(pair[1], pair[0]);
        }
        (*ids.first().unwrap(), *ids.last().unwrap())
    }

    pub(in crate::apply) fn after(&mut self, step: StepId, on: StepId) {
        self.step(step).after.insert(on, "it needs it".into());
    }

    pub(in crate::apply) fn behind(&mut self, step: StepId, on: StepId) {
        self.step(step).behind.insert(on);
    }

    pub(in crate::apply) fn step(&mut self, id: StepId) -> &mut Step {
        self.steps.get_mut(usize::try_from(id.0).unwrap()).unwrap()
    }

    pub(in crate::apply) fn plan(self) -> Plan {
        Plan {
            format: Plan::FORMAT,
            mode: Mode::Apply,
            base: base(),
            changes: Vec::new(),
            kept: 0,
            drift: Vec::new(),
            losses: Vec::new(),
            findings: Vec::new(),
            steps: self.steps,
            outputs: BTreeMap::new(),
            moves: Vec::new(),
            checks: Vec::new(),
            left_out: Vec::new(),
            outlooks: BTreeMap::new(),
            outputs_before: BTreeMap::new(),
        }
    }
}
