//! Firewall rules of a server.

use serde_json::{Value as Json, json};

use super::{BATCH, World, id, lines};
use crate::arm::ArmId;
use crate::arm::migration::Migration;
use crate::plan::Plan;

/// A rule of the batch's target.
const RULE: &str =
    "firewall_rule \"office\" {\n  server           = target.t\n  start_ip_address = \"203.0.113.16\"\n}\n";

/// The rule and its server.
fn text() -> String {
    let servers = BATCH.split("database_batch").next().unwrap();
    format!("network \"a\" {{ name = \"vnet-a\" }}\nnetwork \"b\" {{ name = \"vnet-b\" }}\n{servers}{RULE}")
}

/// And a batch that moves there.
fn text_with_batch() -> String {
    format!(
        "{}database_batch{}",
        text(),
        BATCH.split_once("database_batch").unwrap().1
    )
}

fn target() -> ArmId {
    id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t")
}

/// A world whose target has this network.
fn world(network: &Json) -> World {
    let mut world = World::new();
    world.objects.insert(
        target(),
        json!({ "location": "westeurope", "properties": { "network": network } }),
    );
    world
}

fn applied() -> World {
    let mut world = world(&json!({ "publicNetworkAccess": "Enabled" }));
    let plan = world.plan(&text());
    world.apply(&plan);
    world
}

fn findings(plan: &Plan) -> Vec<String> {
    let findings = plan.findings.iter();
    findings
        .map(|finding| format!("{} {:?} {}", finding.code.as_str(), finding.severity, finding.summary))
        .collect()
}

#[test]
fn a_batch_waits_for_the_rules_of_its_target() {
    let plan = world(&json!({ "publicNetworkAccess": "Enabled" })).plan(&text_with_batch());
    let step = |of: &str| plan.steps.iter().find(|step| step.unit.to_string() == of).unwrap();
    let rule = step("firewall_rule.office");
    assert_eq!(
        step("database_batch.w#1").after.get(&rule.id).map(String::as_str),
        Some("firewall_rule.office: it opens the firewall of pg-t")
    );
    assert!(
        rule.scopes.contains(&target()),
        "nothing else is written to the server meanwhile"
    );
    assert_eq!(findings(&plan), Vec::<String>::new());
}

#[test]
fn addresses_change_in_place_and_a_name_or_a_server_makes_the_rule_anew() {
    let world = applied();
    assert!(!lines(&world.plan(&text())).iter().any(|line| line.contains("office")));
    let changed = |before: &str, after: &str| {
        assert!(text().contains(before));
        let plan = world.plan(&text().replace(before, after));
        let line = lines(&plan).into_iter().find(|line| line.contains("office"));
        line.unwrap()
    };
    assert_eq!(
        changed(
            "start_ip_address = \"203.0.113.16\"",
            "start_ip_address = \"203.0.113.16\"\n  end_ip_address = \"203.0.113.31\""
        ),
        "Update firewall_rule.office Declared [end_ip_address]"
    );
    assert_eq!(
        changed("server           = target.t", "server = target.t\n  name = \"branch\""),
        "Replace firewall_rule.office Declared [name start_ip_address end_ip_address]"
    );
}

#[test]
fn what_somebody_else_did_to_a_rule_is_put_right() {
    let mut world = applied();
    let rule = target().child("firewallRules", "office");
    world.object(&rule)["properties"]["endIpAddress"] = json!("255.255.255.255");
    assert!(lines(&world.plan(&text())).contains(&"Update firewall_rule.office Drifted [end_ip_address]".to_owned()));
}

#[test]
fn a_rule_stays_while_a_migration_needs_its_server() {
    let mut world = applied();
    let running = json!({
        "properties": { "dbsToMigrate": ["x"], "currentStatus": { "state": "InProgress" } },
    });
    let running = Migration::read(target().child("migrations", "byhand"), &running);
    world.migrations.insert(target(), vec![running]);
    let found = world.propose(&text().replace(RULE, "")).unwrap_err();
    let details: Vec<&str> = found.iter().filter_map(|found| found.detail.as_deref()).collect();
    assert_eq!(
        details,
        ["The migration `byhand` is not over, and needs what would be deleted: firewall_rule.office."]
    );
    let more = text().replace(RULE, &format!("{RULE}{}", RULE.replace("\"office\"", "\"branch\"")));
    let plan = world.plan(&more);
    assert!(
        lines(&plan)
            .iter()
            .any(|line| line.starts_with("Create firewall_rule.branch")),
        "one more address does no harm"
    );
}

#[test]
fn a_rule_that_opens_nothing_or_nearly_everything_is_found() {
    let injected = world(&json!({ "delegatedSubnetResourceId": "/x", "publicNetworkAccess": "Disabled" }));
    assert_eq!(
        findings(&injected.plan(&text())),
        ["N002 Error pg-t takes no firewall rules: it stands in its own subnet"]
    );
    let private = world(&json!({ "publicNetworkAccess": "Disabled" }));
    assert_eq!(
        findings(&private.plan(&text())),
        ["N002 Warning the rule lets nobody in: public access to pg-t is off"]
    );
    let wide = text().replace(
        "start_ip_address = \"203.0.113.16\"",
        "start_ip_address = \"0.0.0.0\"\n  end_ip_address = \"127.255.255.255\"",
    );
    let public = world(&json!({ "publicNetworkAccess": "Enabled" }));
    assert_eq!(
        findings(&public.plan(&wide)),
        ["N003 Warning the rule lets in 50% of all addresses"]
    );
    let azure = text().replace("\"203.0.113.16\"", "\"0.0.0.0\"");
    assert_eq!(findings(&public.plan(&azure)), Vec::<String>::new());
}
