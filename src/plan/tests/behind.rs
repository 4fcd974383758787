//! Peerings that no longer fit their networks.

use serde_json::json;

use super::{PEERING, World, forward, lines};
use crate::arm::Query;
use crate::plan::{Op, Plan};

const REPAIR: &str = "Repair(\"the address space of the other network has changed since they were peered\")";

fn with_level(level: &str) -> World {
    let mut world = World::after(PEERING);
    world.object(&forward())["properties"]["peeringSyncLevel"] = json!(level);
    world
}

fn queries(plan: &Plan) -> Vec<Option<Query>> {
    let puts = plan.steps.iter().filter_map(|step| match &step.op {
        Op::Put { query, .. } => Some(*query),
        Op::Start { .. } | Op::Delete { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => None,
    });
    puts.collect()
}

#[test]
fn a_side_that_does_not_know_the_others_addresses_is_put_with_the_query_that_tells_it() {
    for level in ["LocalNotInSync", "LocalAndRemoteNotInSync"] {
        let plan = with_level(level).plan(PEERING);
        assert_eq!(lines(&plan), [format!("Update vnet_peering.p#forward {REPAIR} []")]);
        assert_eq!(queries(&plan), [Some(Query::SyncRemoteAddressSpace)]);
    }
    for level in ["FullyInSync", "RemoteNotInSync"] {
        assert!(lines(&with_level(level).plan(PEERING)).is_empty(), "{level}");
    }
}

#[test]
fn another_change_brings_it_up_to_date_too_and_a_new_peering_needs_no_query() {
    let changed = PEERING.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    assert_eq!(
        queries(&with_level("LocalNotInSync").plan(&changed)),
        [Some(Query::SyncRemoteAddressSpace)]
    );
    assert_eq!(queries(&World::new().plan(PEERING)), [None, None]);
}
