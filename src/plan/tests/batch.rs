//! What a batch says that is not so.

use serde_json::json;

use super::{BATCH, PEERING, World, id};
use crate::arm::ArmId;
use crate::arm::migration::Migration;
use crate::plan::Mode;
use crate::plan::action::Shown;

const APPROVED: &str = "  cutover {\n    policy   = \"approved\"\n    approved = [1, 9]\n  }\n";

fn with_approval(approval: &str, databases: &str) -> (World, String) {
    let mut world = World::after(PEERING);
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world
        .objects
        .insert(target.clone(), json!({ "location": "westeurope" }));
    world.migrations.insert(target, Vec::new());
    let databases = format!("databases = {databases}\n  mode = \"online\"\n  max_per_migration = 1\n{approval}");
    (
        world,
        format!("{PEERING}{}", BATCH.replace("databases = [\"x\"]\n", &databases)),
    )
}

#[test]
fn an_approval_of_a_migration_that_is_not_there_is_told() {
    let (world, text) = with_approval(APPROVED, "[\"x\", \"y\"]");
    let plan = world.plan(&text);
    let told: Vec<&str> = plan.findings.iter().map(|finding| finding.summary.as_str()).collect();
    assert_eq!(told, ["database_batch.w has no migration 9 to approve"]);
    let policies: Vec<_> = plan
        .changes
        .iter()
        .filter_map(|change| change.fields.iter().find(|field| field.attribute == "cutover"))
        .map(|field| field.after.clone())
        .collect();
    let policy = |word: &str| Some(Shown::Value(json!(word)));
    assert_eq!(policies, [policy("approved"), policy("not yet approved")]);
}

#[test]
fn one_approval_is_for_one_migration() {
    let all = APPROVED.replace("[1, 9]", "true");
    let (world, text) = with_approval(&all, "[\"x\"]");
    assert!(world.propose(&text).is_ok());
    let (world, text) = with_approval(&all, "[\"x\", \"y\"]");
    let found = world.propose(&text).unwrap_err();
    let summaries: Vec<&str> = found.iter().map(|found| found.summary.as_str()).collect();
    assert_eq!(summaries, ["one approval for several migrations"]);
}

/// The migration that brought `x`, in the first generation.
fn arrived(target: &ArmId) -> Migration {
    let object = json!({
        "tags": { "pgferry-unit": "database_batch.w#1", "pgferry-generation": "1" },
        "properties": {
            "migrationMode": "Online",
            "migrationOption": "ValidateAndMigrate",
            "sourceDbServerResourceId": "db.example.org:5432@migrator",
            "dbsToMigrate": ["x"],
            "currentStatus": { "state": "Succeeded" },
        },
    });
    Migration::read(target.child("migrations", "wm1"), &object)
}

/// Each database that is on the target is a loss once, with the word that accepts it: whether an earlier generation brought it,
/// or nobody knows who did.
#[test]
fn what_is_on_the_target_is_one_loss_with_the_word_that_accepts_it() {
    let (mut world, text) = with_approval("", "[\"x\", \"y\", \"z\"]");
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world.migrations.insert(target.clone(), vec![arrived(&target)]);
    let there = ["x", "y"].map(str::to_owned);
    world.databases.insert(target, there.into());
    let told = |text: &str| -> Vec<String> {
        let losses = world.plan(text).losses;
        let told = losses.iter().map(|loss| {
            let consent = loss.consent.as_deref().unwrap_or("nothing");
            format!("{} by {}, {consent}", loss.what, loss.accepted_by())
        });
        told.collect()
    };
    assert_eq!(told(&text), ["y by overwrite, nothing"], "what has arrived stays");
    let anew = text.replace("max_per_migration = 1", "max_per_migration = 1\n  generation = 2");
    assert_eq!(told(&anew), ["x by generation, nothing", "y by overwrite, nothing"]);
    let accepted = anew.replace(
        "generation = 2",
        "generation = 2\n  accept_loss = { x = \"generation\", y = \"overwrite\" }",
    );
    assert_eq!(
        told(&accepted),
        [
            "x by generation, accept_loss = \"generation\"",
            "y by overwrite, accept_loss = \"overwrite\""
        ]
    );
}

#[test]
fn another_source_of_what_has_arrived_is_told_and_moves_nothing() {
    let (mut world, text) = with_approval("", "[\"x\"]");
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    let migration = arrived(&target);
    world.migrations.insert(target, vec![migration]);
    world.apply(&world.plan(&text));
    let same = text.replace("Db.example.org", "db.EXAMPLE.org");
    assert!(world.plan(&same).findings.is_empty());
    let plan = world.plan(&text.replace("Db.example.org", "new.example.org"));
    let told: Vec<&str> = plan.findings.iter().map(|finding| finding.summary.as_str()).collect();
    assert_eq!(
        told,
        ["database_batch.w came from db.example.org:5432, and its source is new.example.org:5432 now"]
    );
    assert!(plan.is_empty(), "{:#?}", plan.steps);
}

#[test]
fn what_a_retry_has_no_room_for_is_told() {
    let (mut world, text) = with_approval("", "[\"x\", \"y\"]");
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    let failed = json!({
        "tags": { "pgferry-unit": "database_batch.w#1", "pgferry-generation": "1" },
        "properties": {
            "migrationMode": "Online",
            "migrationOption": "ValidateAndMigrate",
            "sourceDbServerResourceId": "db.example.org:5432@migrator",
            "dbsToMigrate": ["x", "y"],
            "currentStatus": { "state": "ValidationFailed" },
        },
    });
    let migration = Migration::read(target.child("migrations", "wm1"), &failed);
    world.migrations.insert(target, vec![migration]);
    world.aim.retry.insert("database_batch.w".parse().unwrap());
    let plan = world.plan(&text);
    let notes: Vec<&str> = plan
        .changes
        .iter()
        .flat_map(|change| &change.notes)
        .map(String::as_str)
        .collect();
    assert_eq!(
        notes,
        ["y will follow with the next apply: a migration takes at most 1"]
    );
}

#[test]
fn a_batch_of_another_name_is_offered_its_memory() {
    let (mut world, text) = with_approval("", "[\"x\"]");
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    let arrived = json!({
        "tags": { "pgferry-unit": "database_batch.w#1", "pgferry-generation": "1" },
        "properties": {
            "migrationMode": "Online",
            "migrationOption": "ValidateAndMigrate",
            "sourceDbServerResourceId": "Db.example.org:5432@migrator",
            "dbsToMigrate": ["x"],
            "currentStatus": { "state": "Succeeded" },
        },
    });
    let migration = Migration::read(target.child("migrations", "wm1"), &arrived);
    world.migrations.insert(target, vec![migration]);
    world.apply(&world.plan(&text));
    let plan = world.plan(&text.replace("\"w\"", "\"night\""));
    let notes: Vec<&String> = plan.changes.iter().flat_map(|change| &change.notes).collect();
    let moved =
        "if database_batch.night is its new name, say so: moved { from = database_batch.w, to = database_batch.night }";
    assert!(notes.iter().any(|note| *note == moved), "{notes:#?}");
    let gone = world.plan(PEERING);
    assert!(
        !gone
            .changes
            .iter()
            .flat_map(|change| &change.notes)
            .any(|note| note.contains("moved")),
        "{:#?}",
        gone.changes
    );
}

#[test]
fn a_started_migration_that_azure_does_not_list_is_neither_forgotten_nor_dealt_again() {
    let (mut world, text) = with_approval("", "[\"x\"]");
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world.apply(&world.plan(&text));
    world.migrations.insert(target.clone(), Vec::new());
    let found = world.propose(&text).unwrap_err();
    let codes: Vec<&str> = found.iter().map(|found| found.code.as_str()).collect();
    assert_eq!(codes, ["B006"]);

    // Nor is what it needs taken down; with its target it would be gone.
    world.aim.mode = Mode::Destroy;
    assert!(world.propose(&text).is_err());
    world.objects.remove(&target);
    world.gone.push(target);
    assert_eq!(world.propose(&text).err(), None);
}
