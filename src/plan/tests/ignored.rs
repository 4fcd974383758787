//! Fields that `ignore_changes` leaves to others.

use serde_json::json;

use super::{PEERING, World, forward, lines};

fn ignoring(fields: &str) -> String {
    PEERING.replace(
        "to = network.b\n",
        &format!("to = network.b\n  lifecycle {{ ignore_changes = [{fields}] }}\n"),
    )
}

#[test]
fn an_update_of_another_field_leaves_them_as_they_are() {
    let text = ignoring("use_remote_gateways, allow_virtual_network_access");
    let mut world = World::after(&text);
    let properties = &mut world.object(&forward())["properties"];
    properties["useRemoteGateways"] = json!(true);
    properties.as_object_mut().unwrap().remove("allowVirtualNetworkAccess");
    let unchanged = world.plan(&text);
    assert!(lines(&unchanged).is_empty() && unchanged.drift.is_empty());
    let changed = text.replace(
        "to = network.b\n",
        "to = network.b\n  forward { allow_forwarded_traffic = true }\n",
    );
    let plan = world.plan(&changed);
    assert_eq!(
        lines(&plan),
        ["Update vnet_peering.p#forward Declared [allow_forwarded_traffic]"]
    );
    world.apply(&plan);
    let properties = &world.object(&forward())["properties"];
    assert_eq!(properties["useRemoteGateways"], json!(true));
    assert_eq!(properties["allowForwardedTraffic"], json!(true));
    assert_eq!(
        properties.get("allowVirtualNetworkAccess"),
        None,
        "what is not there is not brought in"
    );
}
