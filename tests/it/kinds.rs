//! Each kind on its own: applied, planned again, changed, taken away.

use serde_json::json;

use crate::support::Ferry;

const AZURE: &str = r#"
azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
  location        = "westeurope"
}
network "a" { name = "vnet-hub" }
network "b" { name = "vnet-target" }
"#;

pub(crate) fn project(text: &str) -> Ferry {
    Ferry::of(&format!("{AZURE}{text}"))
}

#[test]
fn a_peering_is_changed_in_place_and_deleted_in_both_directions() {
    let ferry = project("vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n");
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.edit(
        "to = network.b\n",
        "to = network.b\n  forward { allow_forwarded_traffic = true }\n",
    );
    let plan = ferry.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(
        plan.out.contains("Plan: 0 to add, 1 to change, 0 to destroy."),
        "{}",
        plan.out
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.write("main.hcl", AZURE);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(
        plan.out.contains("Plan: 0 to add, 0 to change, 2 to destroy."),
        "{}",
        plan.out
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

#[test]
fn somebody_elses_change_is_told_from_ours() {
    let ferry = project("vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n");
    let _ = ferry.apply();
    let _ = ferry.run(&["simulator", "world"]).expect(0);
    let vnet = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks";
    ferry.arm(
        "DELETE",
        &format!("{vnet}/vnet-hub/virtualNetworkPeerings/vnet-hub-to-vnet-target?api-version=2024-07-01"),
        json!(null),
    );
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(
        plan.out.contains("Changed by others since the last apply"),
        "{}",
        plan.out
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

#[test]
fn a_peering_learns_the_new_addresses_of_the_other_network() {
    let ferry = project("vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n");
    let _ = ferry.apply();
    let vnet = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-target?api-version=2024-07-01";
    let mut body = ferry.arm("GET", vnet, json!(null));
    let prefixes = &mut body["properties"]["addressSpace"]["addressPrefixes"];
    prefixes.as_array_mut().unwrap().push(json!("10.77.0.0/16"));
    let grown =
        json!({ "location": body["location"], "properties": { "addressSpace": body["properties"]["addressSpace"] } });
    ferry.arm("PUT", vnet, grown);
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to change"), "{}", plan.out);
    assert!(plan.out.contains("has changed since they were peered"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

#[test]
fn a_peering_whose_making_failed_is_put_again_and_is_ours_to_delete() {
    let ferry = project("vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n");
    let fails = json!({ "kind": "operation_fails", "code": "InternalServerError" });
    let path = "*/vnet-hub/virtualNetworkPeerings/*";
    ferry.world(|world| world["faults"] = json!([{ "method": "PUT", "path": path, "fault": fails }]));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let plan = ferry.run(&["plan"]).expect(0);
    let words: Vec<&str> = plan.out.split_whitespace().collect();
    assert!(
        words.join(" ").contains("because its last operation failed"),
        "{}",
        plan.out
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.write("main.hcl", AZURE);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("2 to destroy"), "{}", plan.out);
}

#[test]
fn a_zone_keeps_tags_of_others() {
    let ferry = project("dns_zone \"z\" {\n  name = \"x.example.org\"\n  tags = { team = \"db\" }\n}\n");
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.edit("team = \"db\"", "team = \"data\"");
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to change"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

#[test]
fn a_link_made_by_hand_under_another_name_is_adopted() {
    let ferry = project("dns_zone \"z\" { name = \"x.example.org\" }\n");
    let _ = ferry.apply();
    let group =
        "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network";
    ferry.arm(
        "PUT",
        &format!("{group}/privateDnsZones/x.example.org/virtualNetworkLinks/by-hand?api-version=2024-06-01"),
        json!({ "location": "global", "properties": {
            "virtualNetwork": { "id": format!("{group}/virtualNetworks/vnet-hub") }, "registrationEnabled": false } }),
    );
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    ferry.edit("}\n", "}\n");
    let text = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    ferry.write(
        "main.hcl",
        &format!("{text}\ndns_link \"l\" {{\n  zone = dns_zone.z\n  networks = [network.a]\n}}\n"),
    );
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to adopt"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.write("main.hcl", &text);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to forget"), "{}", plan.out);
}

#[test]
fn what_is_read_may_be_named_by_what_is_read() {
    let ferry = Ferry::example("quickstart");
    let outright = ferry.run(&["plan"]).expect(0).out;
    ferry.edit(
        "name    = \"pg-runtime\"",
        "name    = \"pg-${replace(target.erp.fqdn, \"/^.*$/\", \"runtime\")}\"",
    );
    let by_way_of = ferry.run(&["plan"]).expect(0).out;
    let without_counts = |text: &str| {
        text.lines()
            .filter(|line| !line.starts_with("Azure:"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(without_counts(&by_way_of), without_counts(&outright));
}

/// ARM's path of a firewall rule of the target.
fn firewall_rule(name: &str) -> String {
    let group = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data";
    format!(
        "{group}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-erp-prod/firewallRules/{name}?api-version=2025-08-01"
    )
}

#[test]
fn an_office_moves_and_its_firewall_rule_with_it() {
    let ferry = Ferry::example("on-premises-to-public");
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.edit("203.0.113.16/28", "203.0.113.32/28");
    let plan = ferry.run(&["plan"]).expect(0);
    for part in ["203.0.113.16", "203.0.113.47", "0 to add, 1 to change, 0 to destroy"] {
        assert!(plan.out.contains(part), "{part} is missing:\n{}", plan.out);
    }
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let rule = ferry.arm("GET", &firewall_rule("office-headquarters"), json!(null));
    assert_eq!(
        rule["properties"],
        json!({ "startIpAddress": "203.0.113.32", "endIpAddress": "203.0.113.47" })
    );
    ferry.edit("    warehouse    = \"198.51.100.7/32\"\n", "");
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("0 to change, 1 to destroy"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

#[test]
fn a_firewall_rule_made_by_hand_is_adopted_changed_and_stays_behind() {
    let ferry = Ferry::example("on-premises-to-public");
    ferry.wake_simulator();
    let body = json!({ "properties": { "startIpAddress": "203.0.113.1", "endIpAddress": "203.0.113.1" } });
    ferry.arm("PUT", &firewall_rule("office-warehouse"), body);
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    let fails = json!({ "kind": "operation_fails", "code": "InternalServerError" });
    let faults = json!([{ "method": "PUT", "path": "*/firewallRules/*", "fault": fails }]);
    ferry.control(reqwest::Method::POST, "faults", Some(faults));
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("198.51.100.7"), "{}", plan.out);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    let deleted: Vec<String> = ferry.writes();
    let deleted: Vec<&String> = deleted.iter().filter(|write| write.starts_with("DELETE")).collect();
    assert!(
        deleted.len() == 1 && deleted[0].contains("office-headquarters"),
        "what was there before us stays: {deleted:#?}"
    );
}

/// A rule of the group in front of the target's subnet.
const SECURITY_RULE: &str = r#"
security_group "g" { name = "nsg-target" }
security_rule "postgresql" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.20.1.0/28"
  destination_address_prefix = "VirtualNetwork"
  destination_port_range     = "5432"
}
"#;

/// A project with a security group, which has a rule of somebody else.
fn guarded(text: &str) -> Ferry {
    let ferry = project(text);
    let group =
        "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network";
    let theirs = json!({
        "name": "theirs", "properties": {
            "priority": 300, "direction": "Inbound", "access": "Deny", "protocol": "*", "sourcePortRange": "*",
            "destinationPortRange": "*", "sourceAddressPrefix": "Internet", "destinationAddressPrefix": "*",
        },
    });
    let nsg = json!({
        "id": format!("{group}/networkSecurityGroups/nsg-target"), "location": "westeurope",
        "properties": { "securityRules": [theirs] },
    });
    ferry.world(|world| world["objects"].as_array_mut().unwrap().push(nsg));
    ferry
}

#[test]
fn a_security_rule_is_changed_made_anew_and_deleted_beside_those_of_others() {
    let ferry = guarded(SECURITY_RULE);
    let fails = json!({ "kind": "operation_fails", "code": "InternalServerError" });
    let path = "*/securityRules/*";
    ferry.world(|world| world["faults"] = json!([{ "method": "PUT", "path": path, "fault": fails }]));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.edit(
        "source_address_prefix      = \"10.20.1.0/28\"",
        "source_address_prefixes = [\"10.20.1.0/28\", \"10.1.0.4\"]",
    );
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("0 to add, 1 to change, 0 to destroy"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    ferry.edit("= 200", "= 300");
    let plan = ferry.run(&["plan"]).expect(7);
    let words: Vec<&str> = plan.err.split_whitespace().chain(plan.out.split_whitespace()).collect();
    assert!(
        words.join(" ").contains("`theirs`, which is there already"),
        "{}",
        plan.all()
    );
    ferry.edit("= 300", "= 210");
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    let nsg = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network/networkSecurityGroups/nsg-target";
    let left = ferry.arm("GET", &format!("{nsg}?api-version=2024-07-01"), json!(null));
    let left = left["properties"]["securityRules"].as_array().unwrap().clone();
    let names: Vec<&str> = left.iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["theirs"]);
}

#[test]
fn a_security_rule_of_somebody_else_is_adopted_and_stays_behind() {
    let theirs = SECURITY_RULE
        .replace("\"postgresql\"", "\"theirs\"")
        .replace("= 200", "= 300")
        .replace("\"allow\"", "\"deny\"")
        .replace("\"tcp\"", "\"*\"")
        .replace("\"10.20.1.0/28\"", "\"Internet\"")
        .replace("\"VirtualNetwork\"", "\"*\"")
        .replace("\"5432\"", "\"*\"");
    let ferry = guarded(&theirs);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to adopt"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.writes(), Vec::<String>::new());
    ferry.write("main.hcl", AZURE);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to forget"), "{}", plan.out);
}

#[test]
fn an_endpoint_and_its_name_come_before_what_needs_them_and_go_together() {
    let ferry = Ferry::example("quickstart");
    ferry.append(
        "private_endpoint \"second\" {\n  server  = target.erp\n  network = network.target\n  subnet  = \"snet-endpoints\"\n}\n\
         dns_zone_group \"second\" {\n  endpoint = private_endpoint.second\n  zones    = [dns_zone.endpoint]\n}\n",
    );
    let plan = ferry.run(&["plan"]).expect(0);
    let words: Vec<&str> = plan.out.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("it makes pg-erp-prod reachable in vnet-target"),
        "{}",
        plan.out
    );
    let fails = json!({ "kind": "operation_fails", "code": "InternalServerError" });
    let path = "*/privateEndpoints/*";
    let faults = json!([{ "method": "PUT", "path": path, "fault": fails }]);
    ferry.control(reqwest::Method::POST, "faults", Some(faults));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let group =
        "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network";
    let records = format!("{group}/privateDnsZones/privatelink.postgres.database.azure.com/A?api-version=2024-06-01");
    let names = |ferry: &Ferry| {
        let listed = ferry.arm("GET", &records, json!(null));
        let listed = listed["value"].as_array().unwrap().clone();
        listed
            .iter()
            .map(|record| record["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&ferry), ["pg-erp-prod"]);
    ferry.edit("server  = target.erp\n", "server  = target.erp\n  name = \"pe-new\"\n");
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("2 to add, 0 to change, 2 to destroy"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(names(&ferry), ["pg-erp-prod"]);
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert!(
        ferry
            .writes()
            .iter()
            .any(|write| write.starts_with("DELETE") && write.contains("pe-new/privateDnsZoneGroups")),
        "{:#?}",
        ferry.writes()
    );
}
