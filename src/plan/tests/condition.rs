//! Objects that show what is declared and are not well.

use serde_json::json;

use super::{PEERING, World, forward, lines};
use crate::prior::{Origin, Prior};

fn with_state(state: &str) -> World {
    let mut world = World::after(PEERING);
    world.object(&forward())["properties"]["provisioningState"] = json!(state);
    world
}

#[test]
fn what_a_failed_operation_left_is_put_again() {
    let world = with_state("Failed");
    assert_eq!(
        lines(&world.plan(PEERING)),
        ["Update vnet_peering.p#forward Repair(\"its last operation failed\") []"]
    );
    let world = with_state("Canceled");
    assert_eq!(
        lines(&world.plan(PEERING)),
        ["Update vnet_peering.p#forward Repair(\"its last operation was cancelled\") []"]
    );
}

#[test]
fn what_is_broken_is_put_again_where_it_would_be_adopted_and_does_not_become_ours_to_delete() {
    let mut world = with_state("Failed");
    world.prior = Prior::default();
    let plan = world.plan(PEERING);
    assert_eq!(
        lines(&plan),
        [
            "Update vnet_peering.p#forward Repair(\"its last operation failed\") []",
            "Adopt vnet_peering.p#reverse AlreadyThere []"
        ]
    );
    world.apply(&plan);
    let unit = "vnet_peering.p#forward".parse().unwrap();
    assert_eq!(world.prior.get(&unit).unwrap().record.origin, Origin::Adopted);
    assert!(lines(&world.plan(PEERING)).is_empty());
}

#[test]
fn what_somebody_is_changing_is_not_adopted_as_it_stands() {
    let mut world = with_state("Updating");
    assert!(lines(&world.plan(PEERING)).is_empty(), "ours, and as declared");
    world.prior = Prior::default();
    assert_eq!(
        lines(&world.plan(PEERING))[0],
        "Update vnet_peering.p#forward Repair(\"somebody's operation on it is not over (`Updating`)\") []"
    );
    let leaving = with_state("Deleting");
    assert_eq!(
        lines(&leaving.plan(PEERING)),
        ["Update vnet_peering.p#forward Repair(\"somebody is deleting it\") []"]
    );
}

#[test]
fn a_change_of_something_broken_says_so_too() {
    let world = with_state("Failed");
    let changed = PEERING.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    assert_eq!(
        lines(&world.plan(&changed)),
        ["Update vnet_peering.p#forward Declared [use_remote_gateways] its last operation failed"]
    );
}
