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

/// Applies until everything has arrived, with a person who cuts over what waits for one.
fn applied(ferry: &Ferry) -> String {
    let mut said = String::new();
    loop {
        let answer = ferry.run(&["apply", "--auto-approve"]);
        said.push_str(&answer.all());
        match answer.code {
            0 => return said,
            4 => {}
            _ => panic!("{said}"),
        }
        let status = ferry.run(&["status", "--json"]).expect(0);
        let status: Json = serde_json::from_str(&status.out).unwrap();
        let migrations = status["migrations"].as_array().unwrap();
        let waiting: Vec<&str> = migrations
            .iter()
            .filter(|migration| migration["waits_for_person"] == true)
            .map(|migration| migration["address"].as_str().unwrap())
            .collect();
        assert!(!waiting.is_empty(), "{said}\n{status:#}");
        for unit in waiting {
            let _ = ferry.run(&["cutover", unit, "--auto-approve"]).expect(0);
        }
    }
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
    let _ = applied(ferry);
    ferry.expect_no_changes();
    assert!(!ferry.writes().is_empty());
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(ferry.run(&["state", "list"]).expect(0).out, "");
    assert_eq!(world(ferry), before);
    let again = applied(ferry);
    assert!(again.contains("already migrated"), "{again}");
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
