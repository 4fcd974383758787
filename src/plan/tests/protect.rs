//! What a running migration needs.

use serde_json::json;

use super::{BATCH, PEERING, World, id};
use crate::arm::ArmId;
use crate::arm::migration::Migration;
use crate::diagnostic::code::IN_THE_WAY;
use crate::prior::Origin;

#[test]
fn its_way_is_protected_whoever_signs_in_at_the_source() {
    let mut world = World::after(PEERING);
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world
        .objects
        .insert(target.clone(), json!({ "location": "westeurope" }));
    let running = json!({
        "properties": {
            "sourceDbServerResourceId": "db.example.org:5432@somebody",
            "dbsToMigrate": ["x"],
            "currentStatus": { "state": "InProgress" },
        },
    });
    let running = Migration::read(target.child("migrations", "byhand"), &running);
    world.migrations.insert(target, vec![running]);
    let text = format!("{PEERING}{BATCH}");
    assert!(world.propose(&text).is_ok());
    let changed = text.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    let found = world.propose(&changed).unwrap_err();
    let summaries: Vec<&str> = found.iter().map(|found| found.summary.as_str()).collect();
    assert_eq!(summaries, ["a running migration needs it"]);
    let both = changed.replace(
        "to = network.b\n",
        "to = network.b\n  reverse { allow_gateway_transit = true }\n",
    );
    let found = world.propose(&both).unwrap_err();
    let details: Vec<Option<&str>> = found.iter().map(|found| found.detail.as_deref()).collect();
    let one = "The migration `byhand` is not over, and needs what would be changed: vnet_peering.p#forward, vnet_peering.p#reverse.";
    assert_eq!(details, [Some(one)], "one problem a migration");
}

#[test]
fn the_way_of_what_another_configuration_moves_is_protected_too() {
    let servers = BATCH.split("database_batch").next().unwrap();
    let text = format!("{PEERING}{servers}");
    let mut world = World::after(&text);
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world
        .objects
        .insert(target.clone(), json!({ "location": "westeurope" }));
    let running = json!({
        "tags": { "pgferry-unit": "database_batch.elsewhere#1" },
        "properties": { "dbsToMigrate": ["x"], "currentStatus": { "state": "InProgress" } },
    });
    let running = Migration::read(target.child("migrations", "elsewherem1"), &running);
    world.migrations.insert(target, vec![running]);
    assert!(world.propose(&text).is_ok(), "nothing on its way changes");
    let without = text.replace("vnet_peering \"p\" {\n  from = network.a\n  to = network.b\n}\n", "");
    assert_ne!(without, text);
    let found = world.propose(&without).unwrap_err();
    let hints: Vec<&str> = found
        .iter()
        .flat_map(|found| &found.hints)
        .map(String::as_str)
        .collect();
    assert_eq!(
        hints,
        ["wait until it has ended: its tags say that it is of database_batch.elsewhere#1"]
    );
}

const ZONE: &str = "dns_zone \"z\" { name = \"a.private.postgres.database.azure.com\" }\n\
                    dns_link \"l\" {\n  zone = dns_zone.z\n  networks = [network.a]\n}\n";

#[test]
fn a_link_that_a_migration_resolves_by_is_not_to_be_removed_by_hand() {
    let servers = BATCH.split("database_batch").next().unwrap();
    let text = format!("{PEERING}{servers}");
    let mut world = World::after(&format!("{text}{ZONE}"));
    let link = world
        .prior
        .iter()
        .find(|(unit, _)| unit.resource.kind().as_str() == "dns_link");
    let (unit, mut remembered) = link.map(|(unit, found)| (unit.clone(), found.clone())).unwrap();
    remembered.record.origin = Origin::Adopted;
    let zone = remembered.record.id.as_ref().and_then(ArmId::parent).unwrap();
    world.prior.insert(unit, remembered);
    let hints = |world: &World| -> Vec<String> {
        let found = world.propose(&text).unwrap_err();
        let in_the_way = found.iter().filter(|found| found.code == IN_THE_WAY);
        in_the_way.flat_map(|found| found.hints.clone()).collect()
    };
    assert_eq!(hints(&world), ["remove `vnet-a-link` by hand, or keep dns_zone.z"]);

    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    let server = json!({ "location": "westeurope", "properties": { "network": { "privateDnsZoneArmResourceId": zone.as_str() } } });
    world.objects.insert(target.clone(), server);
    let running = json!({ "properties": { "dbsToMigrate": ["x"], "currentStatus": { "state": "InProgress" } } });
    let running = Migration::read(target.child("migrations", "byhand"), &running);
    world.migrations.insert(target, vec![running]);
    assert_eq!(
        hints(&world),
        ["keep dns_zone.z until the migration `byhand` is over: it needs `vnet-a-link`"]
    );
}
