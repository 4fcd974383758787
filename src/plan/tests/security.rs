//! Rules of a network security group.

use serde_json::json;

use super::{BATCH, World, id, lines};
use crate::arm::ArmId;
use crate::arm::migration::Migration;
use crate::plan::{Op, Plan};

/// A rule of a group that guards a subnet of the batch's target network.
const RULE: &str = r#"
network "a" { name = "vnet-a" }
network "b" { name = "vnet-b" }
security_group "g" { name = "nsg" }
security_rule "in" {
  security_group             = security_group.g
  priority                   = 200
  direction                  = "inbound"
  access                     = "allow"
  protocol                   = "tcp"
  source_address_prefix      = "10.1.0.4/32"
  destination_address_prefix = "VirtualNetwork"
  destination_port_range     = "5432"
}
"#;

fn group() -> ArmId {
    id("Microsoft.Network/networkSecurityGroups/nsg")
}

fn rule(name: &str) -> ArmId {
    group().child("securityRules", name)
}

fn world() -> World {
    let mut world = World::new();
    let guarded =
        json!([{ "id": id("Microsoft.Network/virtualNetworks/vnet-b").child("subnets", "default").as_str() }]);
    world
        .outputs
        .insert(&"security_group.g".parse().unwrap(), "subnets", guarded.clone());
    world
        .objects
        .insert(group(), json!({ "properties": { "subnets": guarded } }));
    world
}

fn applied() -> World {
    let mut world = world();
    let plan = world.plan(RULE);
    world.apply(&plan);
    world
}

fn findings(plan: &Plan) -> Vec<&str> {
    plan.findings.iter().map(|finding| finding.summary.as_str()).collect()
}

/// The change of a rule when a text is replaced.
fn changed(world: &World, before: &str, after: &str) -> Vec<String> {
    assert!(RULE.contains(before), "{before}");
    lines(&world.plan(&RULE.replace(before, after)))
}

#[test]
fn a_batch_waits_for_what_guards_its_networks() {
    let mut world = world();
    world.objects.insert(
        id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t"),
        json!({ "location": "westeurope" }),
    );
    let plan = world.plan(&format!("{RULE}{BATCH}"));
    let step = |of: &str| plan.steps.iter().find(|step| step.unit.to_string() == of).unwrap();
    let first = step("security_rule.in");
    assert_eq!(
        step("database_batch.w#1").after.get(&first.id).map(String::as_str),
        Some("security_rule.in: it decides what passes in vnet-b")
    );
    assert!(
        first.scopes.contains(&group()),
        "nothing else is written to the group meanwhile"
    );
}

#[test]
fn what_azure_answers_in_other_words_is_the_same() {
    let mut world = applied();
    let answered = &mut world.object(&rule("in"))["properties"];
    answered["sourceAddressPrefix"] = json!("10.1.0.4");
    answered["destinationAddressPrefix"] = json!("virtualNetwork");
    answered["protocol"] = json!("TCP");
    answered["sourceAddressPrefixes"] = json!([]);
    answered["destinationPortRanges"] = json!([]);
    answered.as_object_mut().unwrap().remove("description");
    assert_eq!(lines(&world.plan(RULE)), Vec::<String>::new());
}

#[test]
fn ends_change_in_place_and_a_place_makes_the_rule_anew() {
    let world = applied();
    let one = "source_address_prefix      = \"10.1.0.4/32\"";
    assert_eq!(
        changed(&world, one, "source_address_prefixes = [\"10.2.0.0/16\", \"10.1.0.4\"]"),
        ["Update security_rule.in Declared [source_address_prefixes]"]
    );
    assert_eq!(
        changed(&world, "\"allow\"", "\"deny\""),
        ["Update security_rule.in Declared [access]"]
    );
    assert_eq!(
        changed(&world, "= 200", "= 210"),
        ["Replace security_rule.in Declared [priority]"]
    );
    assert_eq!(
        changed(&world, "\"inbound\"", "\"outbound\""),
        ["Replace security_rule.in Declared [direction]"]
    );
    let mut drifted = applied();
    drifted.object(&rule("in"))["properties"]["access"] = json!("Deny");
    assert_eq!(lines(&drifted.plan(RULE)), ["Update security_rule.in Drifted [access]"]);
}

#[test]
fn the_order_of_a_list_means_nothing() {
    let several = RULE.replace(
        "source_address_prefix      = \"10.1.0.4/32\"",
        "source_address_prefixes = [\"10.1.0.4\", \"10.2.0.0/16\"]",
    );
    let mut world = world();
    let plan = world.plan(&several);
    world.apply(&plan);
    world.object(&rule("in"))["properties"]["sourceAddressPrefixes"] = json!(["10.2.0.0/16", "10.1.0.4/32"]);
    assert_eq!(lines(&world.plan(&several)), Vec::<String>::new());
}

#[test]
fn two_rules_exchange_their_priorities_once_both_are_away() {
    let second = RULE.rsplit_once("security_rule").unwrap().1;
    let second = format!(
        "security_rule{}",
        second.replace("\"in\"", "\"other\"").replace("= 200", "= 300")
    );
    let both = format!("{RULE}{second}");
    let mut world = world();
    let plan = world.plan(&both);
    world.apply(&plan);
    let swapped = both
        .replace("= 200", "= 0")
        .replace("= 300", "= 200")
        .replace("= 0\n", "= 300\n");
    let plan = world.plan(&swapped);
    assert_eq!(
        lines(&plan),
        [
            "Replace security_rule.in Declared [priority]",
            "Replace security_rule.other Declared [priority]"
        ]
    );
    assert_eq!(findings(&plan), Vec::<&str>::new());
    let step = |of: &str, puts: bool| {
        let of_unit = plan.steps.iter().filter(|step| step.unit.to_string() == of);
        let mut of_unit = of_unit.filter(|step| matches!(step.op, Op::Put { .. }) == puts);
        of_unit.next().unwrap()
    };
    for (one, other) in [
        ("security_rule.in", "security_rule.other"),
        ("security_rule.other", "security_rule.in"),
    ] {
        assert!(step(one, true).behind.contains(&step(other, false).id), "{one}");
    }
}

#[test]
fn a_priority_that_is_taken_is_found_before_azure_refuses_it() {
    let second = RULE.rsplit_once("security_rule").unwrap().1;
    let twice = format!("{RULE}security_rule{}", second.replace("\"in\"", "\"other\""));
    assert_eq!(
        findings(&world().plan(&twice)),
        ["security_rule.other cannot have priority 200: it is that of security_rule.in"]
    );
    let mut taken = world();
    let theirs = json!({ "properties": { "priority": 200, "direction": "Inbound" } });
    taken.objects.insert(rule("theirs"), theirs);
    let expected = "security_rule.in cannot have priority 200: it is that of `theirs`, which is there already";
    assert_eq!(findings(&taken.plan(RULE)), [expected]);
    taken.object(&rule("theirs"))["properties"]["direction"] = json!("Outbound");
    assert_eq!(findings(&taken.plan(RULE)), Vec::<&str>::new());
    // Under another name it is ours, and goes.
    let renamed = RULE.replace("priority  ", "name = \"new\"\n  priority  ");
    assert_eq!(findings(&applied().plan(&renamed)), Vec::<&str>::new());
}

#[test]
fn a_rule_stays_while_a_migration_passes_by_it() {
    let servers = BATCH.split("database_batch").next().unwrap();
    let text = format!("{RULE}{servers}");
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    let mut world = applied();
    world
        .objects
        .insert(target.clone(), json!({ "location": "westeurope" }));
    let running = json!({
        "properties": { "dbsToMigrate": ["x"], "currentStatus": { "state": "InProgress" } },
    });
    let running = Migration::read(target.child("migrations", "byhand"), &running);
    world.migrations.insert(target, vec![running]);
    assert!(world.propose(&text).is_ok());
    let found = world.propose(&text.replace("\"allow\"", "\"deny\"")).unwrap_err();
    let details: Vec<&str> = found.iter().filter_map(|found| found.detail.as_deref()).collect();
    assert_eq!(
        details,
        ["The migration `byhand` is not over, and needs what would be changed: security_rule.in."]
    );
}
