//! The law for every example: apply, then plan, is empty; destroy, then state, is empty, and the world is what it was; and all
//! of it again.

use std::fs;

use serde_json::Value as Json;

use crate::support::Ferry;

fn examples() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What the simulated world is, but for what a destroy leaves, and rightly: the databases that arrived and the migrations that
/// brought them, which nothing deletes; the time; and marks of versions, which every write to a network renews.
fn world(ferry: &Ferry) -> Json {
    fn unmark(json: &mut Json) {
        match json {
            Json::Object(members) => {
                members.remove("etag");
                members.values_mut().for_each(unmark);
            }
            Json::Array(items) => items.iter_mut().for_each(unmark),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
        }
    }
    let told = ferry.run(&["simulator", "world"]).expect(0).out;
    let mut world: Json = serde_json::from_str(&told).unwrap();
    assert!(world["time"].is_string());
    world["time"] = Json::Null;
    unmark(&mut world);
    world["objects"].as_array_mut().unwrap().retain(|object| {
        let kind = object["type"].as_str().unwrap();
        !["migrations", "databases"]
            .iter()
            .any(|left| kind.ends_with(&format!("flexibleServers/{left}")))
    });
    world
}

fn keeps_the_law(ferry: &Ferry) {
    let _ = ferry.run(&["validate"]).expect(0);
    let _ = ferry.run(&["plan", "--detailed-exitcode"]).expect(2);
    let before = world(ferry);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert!(!ferry.writes().is_empty());
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(ferry.run(&["state", "list"]).expect(0).out, "");
    assert_eq!(world(ferry), before);
    let again = ferry.apply();
    assert!(
        again.out.contains("already migrated") || again.err.contains("already migrated"),
        "{}",
        again.all()
    );
    ferry.expect_no_changes();
}

#[test]
fn every_example_keeps_the_law() {
    for name in examples() {
        keeps_the_law(&Ferry::example(&name));
    }
}

#[test]
fn the_kinds_that_no_example_has_keep_the_law() {
    keeps_the_law(&Ferry::guarded());
}
