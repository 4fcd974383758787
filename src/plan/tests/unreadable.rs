//! Targets whose migrations may not be listed.

use super::{BATCH, PEERING, World, id};
use crate::diagnostic::Diagnostics;

fn told(found: &Diagnostics) -> Vec<(String, Option<String>, bool)> {
    let one = |found: &crate::diagnostic::Diagnostic| {
        let about = found.address.as_ref().map(ToString::to_string);
        (found.summary.clone(), about, found.primary.is_some())
    };
    found.iter().map(one).collect()
}

#[test]
fn a_batch_says_that_nobody_may_list_its_migrations_and_where_it_stands() {
    let mut world = World::new();
    let target = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t");
    world
        .objects
        .insert(target.clone(), serde_json::json!({ "location": "westeurope" }));
    let text = format!("{PEERING}{BATCH}");
    world.apply(&world.plan(&text));
    world.closed.push(target);
    let refused = "migrations cannot be read".to_owned();
    let about = Some("database_batch.w".to_owned());
    let found = world.propose(&text).unwrap_err();
    assert_eq!(told(&found), [(refused.clone(), about.clone(), true)]);
    let gone = world.propose(PEERING).unwrap_err();
    assert_eq!(
        told(&gone),
        [(refused, about, false)],
        "what is no longer declared is not forgotten either"
    );
}
