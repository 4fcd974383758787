//! A network in a subscription of another tenant: read, peered in both directions, and linked to zones of ours.

use serde_json::json;

use crate::support::Ferry;

const OURS: &str = "00000000-0000-4000-8000-000000000001";
const THEIRS: &str = "00000000-0000-4000-8000-000000000002";
const OTHER_TENANT: &str = "00000000-0000-4000-8000-00000000bbbb";

/// The quickstart, its hub's network in a subscription of another tenant.
fn across() -> Ferry {
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| {
        let text = world.to_string();
        let group = format!("/subscriptions/{OURS}/resourceGroups/rg-data");
        let hub = "/providers/Microsoft.Network/virtualNetworks/vnet-hub";
        let spare = "/providers/Microsoft.Network/virtualNetworks/vnet-spare";
        let moved = text.replace(
            &format!("{group}{hub}"),
            &format!("/subscriptions/{THEIRS}/resourceGroups/rg-hub{hub}"),
        );
        *world = serde_json::from_str(&moved).unwrap();
        world["tenants"] = json!({ THEIRS: OTHER_TENANT });
        let group = json!({
            "id": format!("/subscriptions/{THEIRS}/resourceGroups/rg-hub"),
            "name": "rg-hub", "type": "Microsoft.Resources/resourceGroups", "location": "westeurope"
        });
        let spare = json!({
            "id": format!("/subscriptions/{THEIRS}/resourceGroups/rg-spare{spare}"), "location": "westeurope",
            "properties": { "addressSpace": { "addressPrefixes": ["10.99.0.0/16"] } }
        });
        let other = json!({
            "id": format!("/subscriptions/{THEIRS}/resourceGroups/rg-spare"),
            "name": "rg-spare", "type": "Microsoft.Resources/resourceGroups", "location": "westeurope"
        });
        let objects = world["objects"].as_array_mut().unwrap();
        objects.insert(0, group);
        objects.insert(1, other);
        // Two groups of one subscription are read at once, and both reads are refused at first.
        objects.push(spare);
    });
    ferry.edit(
        "name = \"vnet-hub\"",
        &format!("name = \"vnet-hub\"\n  subscription_id = \"{THEIRS}\"\n  resource_group = \"rg-hub\""),
    );
    ferry.append(&format!(
        "network \"spare\" {{\n  name            = \"vnet-spare\"\n  resource_group  = \"rg-spare\"\n  subscription_id = \"{THEIRS}\"\n}}\n"
    ));
    ferry
}

fn name_the_other_tenant(ferry: &Ferry) {
    ferry.edit(
        "location        = \"westeurope\"",
        &format!("location        = \"westeurope\"\n  auxiliary_tenant_ids = [\"{OTHER_TENANT}\"]"),
    );
}

#[test]
fn what_lies_in_a_further_tenant_is_read_peered_and_linked() {
    let ferry = across();
    let refused = ferry.run(&["plan"]).expect(1);
    assert!(refused.err.contains("auxiliary_tenant_ids"), "{}", refused.err);
    assert!(refused.err.contains(OTHER_TENANT), "{}", refused.err);
    assert!(ferry.writes().is_empty(), "{:?}", ferry.writes());

    name_the_other_tenant(&ferry);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let there: Vec<String> = ferry
        .writes()
        .into_iter()
        .filter(|write| write.contains(THEIRS))
        .collect();
    assert_eq!(there.len(), 1, "one direction of the peering lies there: {there:#?}");
    // The tenant of a subscription is learnt once a run: plan, apply and the two empty plans.
    let refused = ferry.entries().iter().filter(|entry| entry["status"] == 401).count();
    assert!(refused <= 8, "{refused} challenges");
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
}

#[test]
fn what_is_no_tenant_or_one_too_many_is_pointed_at() {
    let ferry = across();
    ferry.edit(
        "location        = \"westeurope\"",
        "location        = \"westeurope\"\n  auxiliary_tenant_ids = [\"contoso\"]",
    );
    let refused = ferry.run(&["plan"]).expect(1);
    assert!(refused.err.contains("`contoso` is not a GUID"), "{}", refused.err);
    assert!(refused.err.contains("main.hcl:11"), "{}", refused.err);
    let guids: Vec<String> = (1..=4)
        .map(|at| format!("\"00000000-0000-4000-8000-00000000000{at}\""))
        .collect();
    ferry.edit("[\"contoso\"]", &format!("[{}]", guids.join(", ")));
    let refused = ferry.run(&["plan"]).expect(1);
    assert!(refused.err.contains("tokens of 3 at most"), "{}", refused.err);
}
