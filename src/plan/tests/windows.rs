//! Windows in a plan: what is shown of them, what is bound by the fingerprint, and what is refused.

use super::*;
use crate::diagnostic::Severity;
use crate::plan::schedule::Schedule;

fn batch(more: &str, cutover: &str) -> String {
    format!(
        "{SERVERS}database_batch \"w\" {{\n  source = source.s\n  target = target.t\n  databases = [\"a\"]\n  mode = \"online\"\n\
         {more}\n  cutover {{\n    policy = \"automatic\"\n{cutover}\n  }}\n}}\n"
    )
}

fn target() -> ArmId {
    id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t")
}

/// An Azure with the target and nothing on it, on a Tuesday at noon.
fn world() -> World {
    let mut world = World::new();
    let server = json!({ "location": "westeurope", "properties": { "state": "Ready" } });
    world.objects.insert(target(), server);
    world.migrations.insert(target(), Vec::new());
    world.now = "2026-12-01T12:00:00Z".parse().unwrap();
    world
}

/// What a plan refuses, each with what it says about it.
fn refused(plan: &Plan) -> Vec<String> {
    let errors = plan.findings.iter().filter(|found| found.severity == Severity::Error);
    errors
        .map(|found| format!("{} {}", found.code, found.summary))
        .collect()
}

const BERLIN: &str = "  time_zone = \"Europe/Berlin\"\n  not_before = \"2026-12-04 20:00\"";
const SATURDAYS: &str = "    window = [\"Sat 22:00-04:00\"]";

#[test]
fn a_plan_shows_windows_and_when_they_open() {
    let plan = world().plan(&batch(BERLIN, SATURDAYS));
    assert_eq!(refused(&plan), Vec::<String>::new());
    let change = &plan.changes[0];
    let field = |name: &str| {
        let field = change.fields.iter().find(|field| field.attribute == name)?;
        Some(serde_json::to_value(field.after.as_ref()?).unwrap().to_string())
    };
    assert!(
        field("start_window")
            .unwrap()
            .contains("from 2026-12-04 20:00 (Europe/Berlin)"),
        "{change:?}"
    );
    assert!(
        field("cutover_window")
            .unwrap()
            .contains("Sat 22:00-04:00 (Europe/Berlin)"),
        "{change:?}"
    );
    assert_eq!(
        change.notes,
        [
            "it starts Fri 2026-12-04 20:00 Europe/Berlin at the earliest, when its window opens",
            "it is cut over Sat 2026-12-05 22:00 Europe/Berlin at the earliest, when its window opens",
        ]
    );
    let schedule = Schedule::of(&plan).unwrap();
    let bar = &schedule.lanes[0].bars[0];
    let told = |at: Option<Timestamp>| at.unwrap().to_string();
    assert_eq!(told(bar.starts_from), "2026-12-04T19:00:00Z");
    assert_eq!(told(bar.cutover_from), "2026-12-05T21:00:00Z");
}

#[test]
fn what_is_approved_is_bound_to_its_windows_and_to_no_hour() {
    let mut world = world();
    let with = |world: &World, more: &str, cutover: &str| world.plan(&batch(more, cutover)).fingerprint();
    let approved = with(&world, BERLIN, SATURDAYS);
    assert_ne!(approved, with(&world, "", SATURDAYS));
    assert_ne!(approved, with(&world, BERLIN, ""));
    assert_ne!(approved, with(&world, BERLIN, &SATURDAYS.replace("Sat", "Sun")));
    assert_ne!(
        approved,
        with(&world, &format!("{BERLIN}\n  calendar = \"2026-12-24\""), SATURDAYS)
    );
    world.now = "2026-12-02T03:00:00Z".parse().unwrap();
    assert_eq!(approved, with(&world, BERLIN, SATURDAYS));
}

#[test]
fn a_window_in_the_past_and_one_that_never_opens_are_refused() {
    let world = world();
    let plan = |more: &str, cutover: &str| world.plan(&batch(more, cutover));
    let past = plan("  not_after = \"2026-11-30 22:00\"", "");
    assert_eq!(
        refused(&past),
        ["B009 database_batch.w#1 may not be started any more: its window lies in the past"]
    );
    assert!(past.is_refused());
    assert_eq!(
        refused(&plan("", "    not_after = \"2026-12-01 12:00\"")),
        ["B009 database_batch.w#1 may not be cut over any more: its window lies in the past"]
    );
    let frozen = "  not_before = \"2026-12-24 10:00\"\n  not_after = \"2026-12-26 10:00\"\n  calendar = \"2026-12-20/2027-01-02\"";
    assert_eq!(
        refused(&plan(frozen, "")),
        ["B009 database_batch.w#1 can never be started: its window does not open"]
    );
    // Azure gives a migration up after a week.
    let late = "    not_before = \"2026-12-08 12:00\"";
    assert_eq!(
        refused(&plan("", late)),
        ["B009 database_batch.w#1 would end before its cutover: Azure gives a migration up 168 h after its start"]
    );
    assert_eq!(
        refused(&plan("  not_before = \"2026-12-01 12:01\"", late)),
        Vec::<String>::new()
    );
}

#[test]
fn a_running_migration_is_refused_its_cutover_only_where_that_comes_by_itself() {
    let mut world = world();
    let migration = json!({
        "properties": {
            "sourceDbServerResourceId": "db.example.org:5432@migrator",
            "dbsToMigrate": ["a"],
            "migrationMode": "Online",
            "migrationOption": "ValidateAndMigrate",
            "migrationWindowStartTimeInUtc": "2026-12-01T00:00:00Z",
            "currentStatus": { "state": "InProgress" },
        },
        "tags": { "pgferry-unit": "database_batch.w#1", "pgferry-generation": "1" },
    });
    let migration = Migration::read(target().child("migrations", "wm1"), &migration);
    world.migrations.insert(target(), vec![migration]);
    let found = |text: &str| {
        let found = world.plan(text).findings.into_iter();
        let windows = found.filter(|found| found.code.as_str() == "B009");
        windows.map(|found| (found.severity, found.summary)).collect::<Vec<_>>()
    };
    let over = batch("", "    not_after = \"2026-12-01 11:00\"");
    let why = "database_batch.w#1 may not be cut over any more: its window lies in the past".to_owned();
    assert_eq!(found(&over), [(Severity::Error, why.clone())]);
    // A person may do it all the same.
    assert_eq!(found(&over.replace("automatic", "manual")), [(Severity::Warning, why)]);
    let late = batch("", "    not_before = \"2026-12-08 00:00\"");
    let why = "database_batch.w#1 ends before the window of its cutover opens".to_owned();
    assert_eq!(found(&late), [(Severity::Warning, why)]);
    // The window of a start says nothing about what runs.
    assert_eq!(found(&batch("  not_after = \"2026-11-01 11:00\"", "")), []);
}

#[test]
fn what_cannot_be_read_says_where_and_what_would_do() {
    let world = world();
    let said = |more: &str, cutover: &str| {
        let declared = world.try_declared(&batch(more, cutover));
        let found = declared.err().unwrap();
        let marks = found.iter().filter_map(|found| found.primary.as_ref());
        marks.map(|mark| mark.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        said("  time_zone = \"Berlin\"", ""),
        ["`Berlin` is no name of a time zone: write for example `Europe/Berlin` or `UTC`"]
    );
    assert_eq!(
        said("  calendar = <<-DAYS\n    2026-12-24\n    25 December\n  DAYS", ""),
        ["line 2 of the calendar: `25` is no day such as 2026-12-24"]
    );
    assert_eq!(
        said(
            "",
            "    not_before = \"2026-12-06 10:00\"\n    not_after = \"2026-12-06 10:00\""
        ),
        ["it has to be later than `not_before`: otherwise nothing ever begins"]
    );
    assert_eq!(
        said("  start_window = [\"Sa\"]", ""),
        [
            "`Sa` says no hours of the week: write days, hours or both, for example `Sat,Sun`, `22:00-04:00` or `Mon-Fri \
          22:00-04:00`"
        ]
    );
}
