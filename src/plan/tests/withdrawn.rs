//! What the configuration takes back of a plan that was approved.

use std::collections::BTreeSet;

use serde_json::json;

use super::{SERVERS, World, id};
use crate::plan::withdrawn::{stands_beside, withdrawn};
use crate::plan::{Aim, Mode, Plan};

fn batch(databases: &str, cutover: &str) -> String {
    format!(
        "{SERVERS}database_batch \"w\" {{\n  source = source.s\n  target = target.t\n  databases = [{databases}]\n  \
             mode = \"online\"\n  cutover {{\n{cutover}\n  }}\n}}\n"
    )
}

/// An Azure with the target and nothing on it.
fn world() -> World {
    let mut world = World::new();
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    let server = json!({ "location": "westeurope", "properties": { "state": "Ready" } });
    world.objects.insert(target.clone(), server);
    world.migrations.insert(target, Vec::new());
    world
}

/// What a plan of one text would do against the other.
fn against(now: &str) -> Vec<String> {
    let world = world();
    let plan = world.plan(&batch(
        "\"a\", \"b\"",
        "    policy = \"automatic\"\n    max_lag = \"5s\"",
    ));
    let found = withdrawn(&plan, &BTreeSet::new(), &world.declared(now).graph);
    found.iter().map(|it| format!("{} {}", it.unit, it.why)).collect()
}

#[test]
fn what_is_as_approved_or_wider_is_not_withdrawn() {
    let automatic = "    policy = \"automatic\"\n    max_lag = \"10s\"";
    assert_eq!(against(&batch("\"a\", \"b\", \"c\"", automatic)), Vec::<String>::new());
    let approved = "    policy = \"approved\"\n    approved = [1]\n    max_lag = \"5s\"";
    assert_eq!(against(&batch("\"a\", \"b\"", approved)), Vec::<String>::new());
}

#[test]
fn what_the_configuration_takes_back_is_told_once_a_unit() {
    let automatic = "    policy = \"automatic\"\n    max_lag = \"5s\"";
    assert_eq!(against(SERVERS), ["database_batch.w#1 is no longer declared"]);
    assert_eq!(
        against(&batch("\"a\"", automatic)),
        ["database_batch.w#1 would bring `b`, which its batch no longer lists"]
    );
    assert_eq!(
        against(&batch("\"a\", \"b\"", "    policy = \"manual\"")),
        ["database_batch.w#1 is no longer to be cut over by itself"]
    );
    assert_eq!(
        against(&batch(
            "\"a\", \"b\"",
            "    policy = \"automatic\"\n    max_lag = \"1s\""
        )),
        ["database_batch.w#1 has stricter conditions for its cutover now"]
    );
}

#[test]
fn a_start_that_leads_elsewhere_or_overwrites_what_is_kept_now_is_taken_back() {
    let automatic = "    policy = \"automatic\"\n    max_lag = \"5s\"";
    let text = batch("\"a\", \"b\"", automatic);
    assert_eq!(
        against(&text.replace("db.example.org", "other.example.org")),
        ["database_batch.w#1 has another source, mode or option now"]
    );
    assert_eq!(
        against(&text.replace("\"pg-t\"", "\"pg-other\"")),
        ["database_batch.w#1 has another target now"]
    );

    let consents = text.replace(
        "mode = \"online\"",
        "mode = \"online\"\n  accept_loss = { a = \"overwrite\", b = \"overwrite\" }",
    );
    let world = world();
    let plan = world.plan(&consents);
    let told = |now: &str| -> Vec<String> {
        let found = withdrawn(&plan, &BTreeSet::new(), &world.declared(now).graph);
        found.into_iter().map(|it| it.why).collect()
    };
    assert_eq!(told(&consents), Vec::<String>::new());
    assert_eq!(told(&text), ["would overwrite `a`, which is no longer accepted"]);
}

/// A watching apply goes on only beside a plan that neither stands in its place nor takes something back of it.
#[test]
fn only_a_part_that_takes_nothing_back_leaves_an_open_plan_to_whoever_watches_it() {
    let text = batch("\"a\", \"b\"", "    policy = \"automatic\"\n    max_lag = \"5s\"");
    let world = world();
    let open = world.plan(&text);
    let down = Plan {
        mode: Mode::Destroy,
        ..open.clone()
    };
    let stands =
        |aim: &Aim, open: &Plan, now: &str| stands_beside(aim, open, &BTreeSet::new(), &world.declared(now).graph);
    let whole = Aim::default();
    let part = Aim {
        targets: ["dns_zone.z".parse().unwrap()].into(),
        ..Aim::default()
    };
    assert!(stands(&part, &open, &text));
    assert!(!stands(&part, &open, SERVERS));
    assert!(!stands(&whole, &open, &text));
    assert!(!stands(&part, &down, &text));
    for mode in [Mode::Destroy, Mode::Refresh] {
        let of = |aim: &Aim| Aim { mode, ..aim.clone() };
        for aim in [of(&part), of(&whole)] {
            assert_eq!(stands(&aim, &open, SERVERS), mode == Mode::Refresh);
        }
    }
}
