//! Tags of the `azure` block.

use serde_json::{Value as Json, json};

use super::{BATCH, PEERING, World, id, lines};
use crate::arm::migration::Migration;
use crate::plan::{Op, Plan};
use crate::prior::Prior;

const LINK: &str = "network \"a\" { name = \"vnet-a\" }\ndns_zone \"z\" {\n  name = \"x.example.org\"\n  tags = { team = \"db\" }\n}\n\
                    dns_link \"l\" {\n  zone = dns_zone.z\n  networks = [network.a]\n}\n";

fn tagged(mut world: World, owner: &str) -> World {
    world.tags.insert("owner".into(), owner.into());
    world.tags.insert("Team".into(), "all".into());
    world
}

fn tags_of_migration(plan: &Plan) -> Json {
    let mut starts = plan.steps.iter().filter_map(|step| match &step.op {
        Op::Start { body, .. } => Some(body.to_shown()["tags"].clone()),
        Op::Put { .. } | Op::Delete { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => None,
    });
    starts.next().unwrap()
}

#[test]
fn they_reach_everything_that_carries_tags() {
    let mut world = tagged(World::new(), "dba");
    world.apply(&world.plan(LINK));
    let zone = id("Microsoft.Network/privateDnsZones/x.example.org");
    assert_eq!(
        world.object(&zone)["tags"],
        json!({ "owner": "dba", "team": "db", "pgferry-unit": "dns_zone.z" })
    );
    let link = zone.child("virtualNetworkLinks", "vnet-a-link");
    assert_eq!(
        world.object(&link)["tags"],
        json!({ "owner": "dba", "Team": "all", "pgferry-unit": "dns_link.l#a" })
    );
    let world = tagged(world, "somebody");
    assert_eq!(
        lines(&world.plan(LINK)),
        [
            "Update dns_link.l#a Declared [tags]",
            "Update dns_zone.z Declared [tags]"
        ]
    );
}

#[test]
fn a_migration_is_made_with_them_and_not_touched_for_them() {
    let mut world = tagged(World::after(PEERING), "dba");
    world.tags.insert("PgFerry-Lineage".into(), "not theirs to give".into());
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world
        .objects
        .insert(target.clone(), json!({ "location": "westeurope" }));
    let text = format!("{PEERING}{BATCH}");
    let plan = world.plan(&text);
    assert_eq!(
        tags_of_migration(&plan),
        json!({ "owner": "dba", "Team": "all", "pgferry-unit": "database_batch.w#1", "pgferry-generation": "1" })
    );
    world.apply(&plan);
    let made = json!({
        "tags": tags_of_migration(&plan),
        "properties": {
            "sourceDbServerResourceId": "db.example.org:5432@migrator",
            "dbsToMigrate": ["x"],
            "currentStatus": { "state": "Succeeded" },
        },
    });
    let made = Migration::read(target.child("migrations", "wm1"), &made);
    world.migrations.insert(target, vec![made]);
    assert!(lines(&tagged(world, "somebody").plan(&text)).is_empty());
}

#[test]
fn what_is_adopted_is_never_tagged() {
    let mut world = World::after(LINK);
    world.prior = Prior::default();
    let mut world = tagged(world, "dba");
    let note = "its tags stay as they are: what was there before us is never tagged";
    let plan = world.plan(LINK);
    assert_eq!(
        lines(&plan),
        [
            format!("Adopt dns_link.l#a AlreadyThere [] {note}"),
            format!("Adopt dns_zone.z AlreadyThere [] {note}")
        ]
    );
    world.apply(&plan);
    let world = tagged(world, "somebody");
    let plan = world.plan(LINK);
    assert!(lines(&plan).is_empty() && plan.drift.is_empty(), "{:#?}", lines(&plan));
}
