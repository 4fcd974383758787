//! Plans made by hand, for the tests of views.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::address::UnitAddress;
use crate::arm::{ArmId, Body, Cloud};
use crate::plan::action::Shown;
use crate::plan::step::{Finds, Remember, StepTarget, Until};
use crate::plan::{Action, Await, Base, Change, FieldChange, Mode, Op, Plan, Reason, Step, StepId};

const SUBSCRIPTION: &str = "11111111-0000-0000-0000-000000000000";

pub(super) fn plan(changes: Vec<Change>, steps: Vec<Step>) -> Plan {
    Plan {
        format: Plan::FORMAT,
        mode: Mode::Apply,
        base: Base {
            lineage: None,
            cloud: Cloud::Public,
            subscription: SUBSCRIPTION.parse().unwrap(),
            records: BTreeMap::new(),
            snapshot: None,
        },
        changes,
        kept: 12,
        drift: Vec::new(),
        losses: Vec::new(),
        findings: Vec::new(),
        steps,
        outputs: BTreeMap::new(),
        moves: Vec::new(),
        checks: Vec::new(),
        left_out: Vec::new(),
        outlooks: BTreeMap::new(),
        outputs_before: BTreeMap::new(),
    }
}

pub(super) fn unit(address: &str) -> UnitAddress {
    address.parse().unwrap()
}

pub(super) fn network(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/{name}")
}

pub(super) fn change(address: &str, action: Action, reason: Reason, fields: Vec<FieldChange>) -> Change {
    Change {
        unit: unit(address),
        id: None,
        action,
        reason,
        fields,
        notes: Vec::new(),
    }
}

pub(super) fn declared(attribute: &str, after: Json) -> FieldChange {
    FieldChange {
        attribute: attribute.into(),
        before: None,
        after: Some(Shown::Value(after)),
        forces_replacement: false,
    }
}

pub(super) fn differing(attribute: &str, before: Json, after: Json) -> FieldChange {
    FieldChange {
        before: Some(before),
        ..declared(attribute, after)
    }
}

pub(super) fn migration_id(name: &str) -> ArmId {
    let server = "providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-erp-prod";
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-data/{server}/migrations/{name}")
        .parse()
        .unwrap()
}

fn step(id: u32, unit: &str, op: Op, after: &[(u32, &str)], behind: &[u32]) -> Step {
    Step {
        id: StepId(id),
        unit: unit.parse().unwrap(),
        op,
        after: after.iter().map(|(id, why)| (StepId(*id), (*why).to_owned())).collect(),
        behind: behind.iter().map(|id| StepId(*id)).collect(),
        scopes: BTreeSet::new(),
        patience: None,
        then: Remember::Unchanged,
    }
}

fn start(name: &str) -> Op {
    Op::Start {
        migration: migration_id(name),
        body: Body::Null,
        writes: Vec::new(),
        tags: BTreeMap::new(),
        may_exist: BTreeSet::new(),
        window: None,
    }
}

fn watch(name: &str) -> Op {
    Op::Await(Await {
        migration: migration_id(name),
        until: Until::Succeeded,
        questions: BTreeMap::new(),
        stall_after: std::time::Duration::from_secs(900),
        databases: Vec::new(),
    })
}

/// A peering to both sides, and a batch of two migrations that needs it.
pub(super) fn first_apply() -> Plan {
    let side = |part: &str, remote: &str, gateway: &str| {
        let fields = vec![
            declared("remote_network", json!(network(remote))),
            declared(gateway, json!(true)),
        ];
        change(
            &format!("vnet_peering.hub_runtime#{part}"),
            Action::Create,
            Reason::Absent,
            fields,
        )
    };
    let databases = [
        "billing",
        "crm",
        "documents",
        "erp",
        "finance",
        "humanresources",
        "invoices",
        "journal",
    ];
    let migration = |number: u32, databases: &[&str]| {
        let fields = vec![
            declared("name", json!(format!("wave1m{number}r1"))),
            declared("databases", json!(databases)),
            declared("mode", json!("online")),
            declared("option", json!("validate_and_migrate")),
            declared("source", json!("10.1.0.4:5432@migrator")),
            declared("target", json!("pg-erp-prod")),
            declared("runtime_server", json!("pg-runtime")),
            declared("cutover", json!("manual")),
        ];
        change(
            &format!("database_batch.wave1#{number}"),
            Action::Create,
            Reason::Absent,
            fields,
        )
    };
    let put = || Op::Put {
        target: StepTarget::Known(network("vnet-hub").parse().unwrap()),
        body: Body::Null,
        brings: BTreeMap::new(),
        query: None,
        finds: Finds::Nothing,
    };
    let way = "vnet_peering.hub_runtime: it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server";
    plan(
        vec![
            migration(1, &databases),
            migration(2, &["ledger", "stock"]),
            side("forward", "vnet-runtime", "allow_gateway_transit"),
            side("reverse", "vnet-hub", "use_remote_gateways"),
        ],
        vec![
            step(
                0,
                "database_batch.wave1#1",
                start("wave1m1r1"),
                &[(4, way), (5, way)],
                &[],
            ),
            step(
                1,
                "database_batch.wave1#1",
                watch("wave1m1r1"),
                &[(0, "it continues it")],
                &[],
            ),
            step(
                2,
                "database_batch.wave1#2",
                start("wave1m2r1"),
                &[(4, way), (5, way)],
                &[1],
            ),
            step(
                3,
                "database_batch.wave1#2",
                watch("wave1m2r1"),
                &[(2, "it continues it")],
                &[],
            ),
            step(4, "vnet_peering.hub_runtime#forward", put(), &[], &[]),
            step(5, "vnet_peering.hub_runtime#reverse", put(), &[], &[]),
        ],
    )
}
