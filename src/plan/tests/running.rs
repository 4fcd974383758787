//! What a plan does beside migrations that run.

use super::*;
use crate::arm::migration::MigrationMode;
use crate::plan::action::{Action, Phase};
use crate::plan::step::Response;

fn target() -> ArmId {
    id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t")
}

/// A world with a server and one migration of a batch on it.
fn world(batch: &str, databases: &[&str], status: Json) -> World {
    let mut world = World::new();
    let server = json!({ "location": "westeurope", "properties": { "state": "Ready" } });
    world.objects.insert(target(), server);
    let migration = json!({
        "properties": {
            "sourceDbServerResourceId": "db.example.org:5432@migrator",
            "dbsToMigrate": databases,
            "migrationMode": "Offline",
            "migrationOption": "ValidateAndMigrate",
            "currentStatus": status,
        },
        "tags": { "pgferry-unit": format!("database_batch.{batch}#1"), "pgferry-generation": "1" },
    });
    let name = format!("{batch}m1");
    let migration = Migration::read(target().child("migrations", &name), &migration);
    world.migrations.insert(target(), vec![migration]);
    world
}

fn asking(substate: &str) -> Json {
    json!({ "state": "WaitingForUserAction", "currentSubStateDetails": { "currentSubState": substate } })
}

fn batch(label: &str, databases: &str, more: &str) -> String {
    format!(
        "database_batch \"{label}\" {{\n  source = source.s\n  target = target.t\n  databases = [{databases}]\n{more}\n}}\n"
    )
}

#[test]
fn an_answer_that_costs_data_is_shown_and_asked_for_before_it_is_given() {
    let consent = "accept_loss = { a = \"overwrite\" }";
    let text = format!("{SERVERS}{}", batch("w", "\"a\"", consent));
    let asks = world("w", &["a"], asking("WaitingForTargetDBOverwriteConfirmation"));
    let plan = asks.plan(&text);
    assert!(plan.has_changes());
    assert_eq!(plan.changes[0].action, Action::Advance(Phase::Answer));
    assert_eq!(plan.losses.len(), 1);

    // While it does not ask, nobody has seen what the answer would cost.
    let runs = world("w", &["a"], json!({ "state": "InProgress" }));
    let plan = runs.plan(&text);
    assert!(!plan.has_changes());
    let answers: Vec<&String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.op {
            Op::Await(watch) => Some(&watch.questions),
            _ => None,
        })
        .flatten()
        .filter_map(|(asked, response)| matches!(response, Response::Answer(_)).then_some(asked))
        .collect();
    assert_eq!(
        answers,
        [
            "WaitingForDBsToMigrateSpecification",
            "WaitingForDataMigrationScheduling"
        ]
    );
}

#[test]
fn what_runs_waits_for_nothing_that_queues_behind_it() {
    let text = format!(
        "{SERVERS}{}{}",
        batch("first", "\"x\"", ""),
        batch("second", "\"a\"", "depends_on = [database_batch.first]")
    );
    let world = world("second", &["a"], json!({ "state": "InProgress" }));
    let plan = world.plan(&text);
    let mut over = std::collections::BTreeSet::new();
    for _ in &plan.steps {
        let ready = plan.steps.iter().filter(|step| {
            let before = step.after.keys().chain(&step.behind);
            before.into_iter().all(|on| over.contains(on))
        });
        over = ready.map(|step| step.id).collect();
    }
    assert_eq!(over.len(), plan.steps.len(), "{:#?}", plan.steps);
}

#[test]
fn an_answer_that_restarts_the_source_is_told_before_the_cutover_behind_it() {
    let mut world = world(
        "w",
        &["a"],
        asking("WaitingForLogicalReplicationSetupRequestOnSourceDB"),
    );
    for migration in world.migrations.values_mut().flatten() {
        migration.mode = MigrationMode::Online;
    }
    let text = |setup: &str| {
        let more = format!("  mode = \"online\"\n{setup}\n  cutover {{ policy = \"automatic\" }}");
        format!("{SERVERS}{}", batch("w", "\"a\"", &more))
    };
    let plan = world.plan(&text("  setup_logical_replication = true"));
    let change = &plan.changes[0];
    assert_eq!(change.action, Action::Advance(Phase::Answer));
    assert!(
        change
            .notes
            .iter()
            .any(|note| note.contains("restarts it") && note.contains("then it is cut over")),
        "{:?}",
        change.notes
    );
    let plan = world.plan(&text(""));
    assert!(
        plan.changes[0]
            .notes
            .iter()
            .any(|note| note.contains("waits until somebody answers")),
        "{:?}",
        plan.changes[0].notes
    );
}

/// What is said of a migration that the configuration does not declare any more.
fn left(status: Json) -> Vec<(&'static str, String)> {
    let text = format!("{SERVERS}{}", batch("w", "\"a\"", ""));
    let mut before = world("w", &["a"], json!({ "state": "InProgress" }));
    before.apply(&before.plan(&text));
    let mut now = world("w", &["a"], status);
    now.prior = before.prior;
    let plan = now.plan(SERVERS);
    let told = plan.left_behind();
    told.map(|finding| (finding.code.as_str(), finding.detail.clone().unwrap_or_default()))
        .collect()
}

#[test]
fn what_leaves_the_configuration_is_told_with_what_a_person_can_do() {
    let way = |detail: &str| format!("{detail} `pgferry cancel 'database_batch.w#1'`");
    assert_eq!(
        left(json!({ "state": "InProgress" })),
        [("B002", way("No change of the configuration cancels `wm1`. To end it:"))]
    );
    assert_eq!(
        left(asking("WaitingForCutoverTrigger")),
        [(
            "B007",
            way("No apply moves `wm1` on. To finish it: `pgferry cutover 'database_batch.w#1'`; to end it:")
        )]
    );
    assert_eq!(
        left(asking("WaitingForTargetDBOverwriteConfirmation")),
        [("B007", way("No apply answers `wm1`. To end it:"))]
    );
    assert_eq!(left(json!({ "state": "Succeeded" })), []);
}

#[test]
fn what_was_changed_in_a_batch_is_told_of_the_migration_that_goes_on_without_it() {
    let mut runs = world("w", &["a", "b"], asking("WaitingForCutoverTrigger"));
    for migration in runs.migrations.values_mut().flatten() {
        migration.mode = MigrationMode::Online;
    }
    let declared = |databases: &str, mode: &str| {
        let more = format!("  mode = \"{mode}\"\n  max_per_migration = 2");
        format!("{SERVERS}{}", batch("w", databases, &more))
    };
    let told = |plan: &Plan| {
        let findings = plan.findings.iter().filter(|finding| finding.code.as_str() == "B008");
        let details: Vec<String> = findings.filter_map(|finding| finding.detail.clone()).collect();
        details
    };
    let field = |plan: &Plan, attribute: &str| {
        let change = plan
            .changes
            .iter()
            .find(|change| change.unit.to_string().ends_with("#1"));
        let fields = change.map(|change| change.fields.clone()).unwrap_or_default();
        fields.into_iter().find(|field| field.attribute == attribute)?.after
    };
    let shown = |value: Json| Some(crate::plan::action::Shown::Value(value));

    let plan = runs.plan(&declared("\"a\", \"b\"", "online"));
    assert_eq!(told(&plan), Vec::<String>::new());
    assert_eq!(field(&plan, "cutover"), shown(json!("ready")));

    let plan = runs.plan(&declared("\"a\", \"c\"", "offline"));
    assert_eq!(
        told(&plan),
        [
            "`b`, no longer among its databases, arrives with the others; mode is Online, declared Offline. What is declared \
             now counts for what is started from now on. To end what runs: `pgferry cancel 'database_batch.w#1'`"
        ]
    );
    assert_eq!(field(&plan, "mode"), shown(json!("Online")));
    assert_eq!(field(&plan, "no_longer_declared"), shown(json!(["b"])));
}
