//! Private endpoints and the zones that name them.

use serde_json::{Value as Json, json};

use super::{BATCH, World, id, lines};
use crate::arm::ArmId;
use crate::plan::Plan;

/// An endpoint of the target in the target's network, and a zone that names it.
const ENDPOINT: &str = r#"
private_endpoint "e" {
  server  = target.t
  network = network.b
  subnet  = "ends"
}
dns_zone "z" { name = "privatelink.postgres.database.azure.com" }
dns_zone_group "e" {
  endpoint = private_endpoint.e
  zones    = [dns_zone.z]
}
"#;

fn text() -> String {
    let servers = BATCH.split("database_batch").next().unwrap();
    format!("network \"a\" {{ name = \"vnet-a\" }}\nnetwork \"b\" {{ name = \"vnet-b\" }}\n{servers}{ENDPOINT}")
}

fn target() -> ArmId {
    id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t")
}

fn endpoint() -> ArmId {
    id("Microsoft.Network/privateEndpoints/e")
}

fn world(server: &Json, subnet: &Json) -> World {
    let mut world = World::new();
    let server = json!({ "location": "westeurope", "properties": { "network": server } });
    world.objects.insert(target(), server);
    let network = id("Microsoft.Network/virtualNetworks/vnet-b");
    *world.object(&network) = json!({ "properties": { "subnets": [subnet] } });
    world
}

fn sound() -> World {
    world(
        &json!({ "publicNetworkAccess": "Disabled" }),
        &json!({ "name": "Ends" }),
    )
}

fn applied() -> World {
    let mut world = sound();
    let plan = world.plan(&text());
    world.apply(&plan);
    // What the service adds.
    let connection = &mut world.object(&endpoint())["properties"]["privateLinkServiceConnections"][0];
    connection["id"] = json!("/x");
    connection["name"] = json!("e_0f3c");
    connection["properties"]["privateLinkServiceConnectionState"] = json!({ "status": "Approved" });
    let group = endpoint().child("privateDnsZoneGroups", "default");
    world.object(&group)["properties"]["privateDnsZoneConfigs"][0]["properties"]["recordSets"] = json!([{ "ttl": 10 }]);
    world
}

fn findings(plan: &Plan) -> Vec<&str> {
    plan.findings.iter().map(|finding| finding.summary.as_str()).collect()
}

#[test]
fn a_batch_waits_for_an_endpoint_of_its_target_and_for_its_name() {
    let batch = BATCH.split_once("database_batch").unwrap().1;
    let plan = sound().plan(&format!("{}database_batch{batch}", text()));
    let step = |of: &str| plan.steps.iter().find(|step| step.unit.to_string() == of).unwrap();
    let (end, group) = (step("private_endpoint.e"), step("dns_zone_group.e"));
    let after = &step("database_batch.w#1").after;
    assert_eq!(
        [after.get(&end.id), after.get(&group.id)].map(|reason| reason.map(String::as_str)),
        [
            Some("private_endpoint.e: it makes pg-t reachable in vnet-b"),
            Some("dns_zone_group.e: pg-t is found by its name in vnet-b through it")
        ]
    );
    assert!(group.after.contains_key(&end.id), "a group stands in its endpoint");
    assert!(end.scopes.contains(&target()) && end.scopes.contains(&id("Microsoft.Network/virtualNetworks/vnet-b")));
    assert_eq!(findings(&plan), Vec::<&str>::new());
}

#[test]
fn what_the_service_adds_is_no_difference_and_where_it_leads_is_one() {
    let world = applied();
    assert_eq!(lines(&world.plan(&text())), Vec::<String>::new());
    let elsewhere = text().replace("  network = network.b\n  subnet", "  network = network.a\n  subnet");
    assert_eq!(
        lines(&world.plan(&elsewhere)),
        [
            "Replace dns_zone_group.e Because(\"private_endpoint.e, in which it stands, is made anew\") []",
            "Replace private_endpoint.e Declared [subnet]"
        ]
    );
    let more = format!("{}dns_zone \"y\" {{ name = \"y.example\" }}\n", text())
        .replace("[dns_zone.z]", "[dns_zone.z, dns_zone.y]");
    assert!(lines(&world.plan(&more)).contains(&"Update dns_zone_group.e Declared [zones]".to_owned()));
    let mut other = applied();
    let leads = "/subscriptions/x/resourceGroups/y/providers/Microsoft.DBforPostgreSQL/flexibleServers/other";
    other.object(&endpoint())["properties"]["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceId"] =
        json!(leads);
    assert!(lines(&other.plan(&text())).contains(&"Replace private_endpoint.e Drifted [server]".to_owned()));
}

#[test]
fn an_endpoint_that_cannot_stand_is_found_before_azure_refuses_it() {
    let injected = world(
        &json!({ "delegatedSubnetResourceId": "/x" }),
        &json!({ "name": "ends" }),
    );
    assert_eq!(
        findings(&injected.plan(&text())),
        ["pg-t takes no private endpoint: it stands in its own subnet"]
    );
    let missing = world(&json!({}), &json!({ "name": "default" }));
    assert_eq!(findings(&missing.plan(&text())), ["vnet-b has no subnet `ends`"]);
    let delegations = json!([{ "properties": { "serviceName": "Microsoft.Web/serverFarms" } }]);
    let taken = json!({ "name": "ends", "properties": { "delegations": delegations } });
    assert_eq!(
        findings(&world(&json!({}), &taken).plan(&text())),
        ["the subnet `ends` is delegated to Microsoft.Web/serverFarms"]
    );
    let mut rejected = applied();
    rejected.object(&endpoint())["properties"]["privateLinkServiceConnections"][0]["properties"]["privateLinkServiceConnectionState"] =
        json!({ "status": "Rejected" });
    assert_eq!(
        findings(&rejected.plan(&text())),
        ["the endpoint carries nothing yet: its connection is `Rejected`"]
    );
}
