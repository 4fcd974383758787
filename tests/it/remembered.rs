//! What is remembered, looked at and put right by hand, and locks that are taken from whoever left them.

use std::time::Duration;

use serde_json::Value as Json;

use crate::support::{Ferry, until};

fn pulled(ferry: &Ferry) -> Json {
    serde_json::from_str(&ferry.run(&["state", "pull"]).expect(0).out).unwrap()
}

fn history(ferry: &Ferry) -> Vec<String> {
    let told: Json = serde_json::from_str(&ferry.run(&["history", "--json"]).expect(0).out).unwrap();
    let runs = told["runs"].as_array().unwrap().iter();
    runs.map(|run| run["plan"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_remembered_is_listed_shown_and_moved_with_what_refers_to_it() {
    let ferry = Ferry::example("quickstart");
    let empty = ferry.run(&["state", "list"]).expect(0);
    assert_eq!(empty.out, "");
    let _ = ferry.apply();
    let listed = ferry.run(&["state", "list"]).expect(0).out;
    assert!(listed.lines().any(|line| line == "database_batch.wave1#3"), "{listed}");
    assert_eq!(listed.lines().count(), 12, "{listed}");
    let one = ferry.run(&["state", "list", "dns_zone.endpoint"]).expect(0).out;
    assert_eq!(one, "dns_zone.endpoint\n");
    let json: Json = serde_json::from_str(
        &ferry
            .run(&["state", "list", "dns_zone.endpoint", "--json"])
            .expect(0)
            .out,
    )
    .unwrap();
    let id = json["units"][0]["id"].as_str().unwrap().to_uppercase();
    assert_eq!(ferry.run(&["state", "list", "-id", &id]).expect(0).out, one);
    let shown = ferry.run(&["state", "show", "vnet_peering.hub_runtime"]).expect(0).out;
    assert!(
        shown.contains("#forward") && shown.contains("2 units remembered"),
        "{shown}"
    );
    let unknown = ferry.run(&["state", "show", "vnet_peering.hub_runtim"]).expect(1).all();
    assert!(unknown.contains("vnet_peering.hub_runtime"), "{unknown}");

    let dry = ferry
        .run(&["state", "mv", "--dry-run", "dns_zone.endpoint", "dns_zone.moved"])
        .expect(0)
        .out;
    assert!(dry.contains("dns_zone.endpoint -> dns_zone.moved"), "{dry}");
    ferry.expect_no_changes();
    let writes = ferry.writes().len();
    let _ = ferry
        .run(&["state", "mv", "dns_zone.endpoint", "dns_zone.moved"])
        .expect(0);
    assert!(
        !pulled(&ferry)["records"].to_string().contains("dns_zone.endpoint"),
        "what needs it knows it by its new name"
    );
    ferry.edit("dns_zone \"endpoint\"", "dns_zone \"moved\"");
    ferry.edit("dns_zone.endpoint", "dns_zone.moved");
    ferry.expect_no_changes();
    assert_eq!(ferry.writes().len(), writes, "moving a record writes nothing to Azure");
    assert_eq!(history(&ferry).last().unwrap(), "state mv");

    for (from, to, why) in [
        ("dns_link.endpoint", "dns_link.runtime_zone", "remembered already"),
        ("dns_zone.moved", "vnet_peering.moved", "does not change its kind"),
        ("database_batch.wave1#1", "database_batch.wave1#2", "remembered already"),
        ("database_batch.wave1#1", "database_batch.wave2", "#PART"),
    ] {
        let refused = ferry.run(&["state", "mv", from, to]).expect(1);
        // The words are told in lines as wide as a terminal.
        let said: Vec<&str> = refused
            .out
            .split_whitespace()
            .chain(refused.err.split_whitespace())
            .collect();
        assert!(said.join(" ").contains(why), "{said:?}");
    }
    let no_file = ferry.run(&["state", "list", "-state=x.tfstate"]).expect(1).all();
    assert!(no_file.contains("there is no file of state"), "{no_file}");
}

#[test]
fn what_is_forgotten_stays_in_azure_and_is_adopted_again() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    let before = ferry.writes().len();
    let refused = ferry.run(&["state", "rm", "dns_zone.endpoint"]).expect(1).all();
    assert!(
        refused.contains("Azure keeps") && refused.contains("nobody to ask"),
        "{refused}"
    );
    let dry = ferry
        .run(&["state", "rm", "--dry-run", "dns_zone.endpoint"])
        .expect(0)
        .all();
    assert!(dry.contains("`import` block"), "{dry}");
    assert!(
        ferry
            .run(&["state", "list"])
            .expect(0)
            .out
            .contains("dns_zone.endpoint")
    );
    let _ = ferry
        .run(&["state", "rm", "--auto-approve", "dns_zone.endpoint"])
        .expect(0);
    assert!(
        !ferry
            .run(&["state", "list"])
            .expect(0)
            .out
            .contains("dns_zone.endpoint")
    );
    let _ = ferry.apply();
    let shown = ferry.run(&["state", "show", "dns_zone.endpoint"]).expect(0).out;
    assert!(shown.contains("adopted"), "{shown}");
    assert_eq!(ferry.writes().len(), before);
    assert!(history(&ferry).contains(&"state rm".to_owned()));
}

#[test]
fn a_pulled_state_can_be_pushed_back_and_others_are_refused() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    let text = ferry.run(&["state", "pull"]).expect(0).out;
    ferry.write("good.json", &text);
    let same = ferry.run(&["state", "push", "good.json"]).expect(0).out;
    assert!(same.contains("like that already"), "{same}");

    let _ = ferry
        .run(&["state", "rm", "--auto-approve", "database_batch.wave1"])
        .expect(0);
    let earlier = ferry
        .run(&["state", "push", "--auto-approve", "good.json"])
        .expect(1)
        .all();
    assert!(earlier.contains("an earlier state"), "{earlier}");
    let pushed = ferry
        .run(&["state", "push", "--auto-approve", "--force", "good.json"])
        .expect(0)
        .out;
    assert!(pushed.contains("was read back"), "{pushed}");
    ferry.expect_no_changes();
    assert_eq!(history(&ferry)[1..], ["state rm", "state push"]);
    let after = pulled(&ferry);
    let good: Json = serde_json::from_str(&text).unwrap();
    assert!(after["serial"].as_u64() > good["serial"].as_u64());

    let refused = |change: &dyn Fn(&mut Json), why: &str| {
        let mut state = pulled(&ferry);
        change(&mut state);
        ferry.write("bad.json", &state.to_string());
        let said = ferry
            .run(&["state", "push", "--auto-approve", "bad.json"])
            .expect(1)
            .all();
        assert!(said.contains(why), "{why} is missing:\n{said}");
    };
    refused(
        &|state| state["lineage"] = "00000000-0000-0000-0000-000000000001".into(),
        "of another state",
    );
    refused(
        &|state| state["binding"]["cloud"] = "public".into(),
        "belongs elsewhere",
    );
    refused(
        &|state| state["records"]["output.databases"]["document"] = 20.into(),
        "under the same serial",
    );
    refused(&|state| state["format"] = 99.into(), "format 99");
    refused(
        &|state| state["records"]["#"] = state["records"]["output.databases"].clone(),
        "names no unit",
    );
    assert_eq!(pulled(&ferry), after, "what is refused leaves no trace");
}

#[test]
fn a_lost_state_comes_back_from_azure_with_its_lineage_and_its_migrations() {
    let ferry = Ferry::example("quickstart");
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let _ = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let before = pulled(&ferry);
    let refused = ferry.run(&["state", "rebuild", "--auto-approve"]).expect(1).all();
    assert!(refused.contains("pgferry state pull"), "{refused}");
    std::fs::remove_dir_all(ferry.path(".pgferry/simulator/state")).unwrap();
    let writes = ferry.writes();

    let told = ferry.run(&["state", "rebuild", "--auto-approve"]).expect(0).out;
    for part in ["migration wave1m1", "adopted: stays", "made by us: deleted"] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(ferry.writes(), writes, "it changes nothing in Azure");
    let after = pulled(&ferry);
    assert_eq!(after["lineage"], before["lineage"]);
    let units = |state: &Json| -> Vec<String> { state["records"].as_object().unwrap().keys().cloned().collect() };
    let of_objects =
        |units: Vec<String>| -> Vec<String> { units.into_iter().filter(|unit| !unit.starts_with("output")).collect() };
    assert_eq!(of_objects(units(&after)), of_objects(units(&before)));

    // The migration that waits is still ours to cut over, and the rest follows.
    ferry.edit("policy = \"manual\"", "policy = \"automatic\"");
    let _ = ferry.apply();
    assert_eq!(ferry.created().len(), 3);
    ferry.expect_no_changes();
}

#[test]
fn a_living_holder_is_shown_and_kept_and_a_dead_one_can_be_cleared() {
    let ferry = Ferry::example("quickstart");
    // With a clock that stands still the apply stays in the middle of a creation.
    ferry.world(|world| world["clock"] = "manual".into());
    ferry.wake_simulator();
    let nobody = ferry.run(&["lock", "show"]).expect(0).out;
    assert!(nobody.contains("Nobody holds the lock"), "{nobody}");
    let mut running = ferry.start(&["apply", "--auto-approve"]);
    until("the apply writes", || !ferry.writes().is_empty() || running.has_ended());
    let lock = || -> Json { serde_json::from_str(&ferry.run(&["lock", "show", "--json"]).expect(0).out).unwrap() };
    let seen = lock();
    assert_eq!(seen["lock"]["lapsed"], false, "{seen}");
    assert!(
        seen["lock"]["run"].is_string() && seen["lock"]["command"] == "pgferry apply",
        "{seen}"
    );
    let holder = seen["lock"]["holder"].as_str().unwrap().to_owned();
    let other = ferry
        .run(&["lock", "break", "--auto-approve", "--holder", "somebody"])
        .expect(1)
        .all();
    assert!(other.contains(&holder), "{other}");
    let lives = ferry
        .run(&["lock", "break", "--auto-approve", "--holder", &holder])
        .expect(1)
        .all();
    assert!(lives.contains("living process"), "{lives}");
    let by_id = ferry.run(&["force-unlock", "-force", "0123"]).expect(1).all();
    assert!(
        by_id.contains("has no id here") && by_id.contains("lock break --holder"),
        "{by_id}"
    );

    running.signal("KILL");
    let _ = running.finish(Duration::from_secs(10));
    assert_eq!(lock()["lock"]["lapsed"], true);
    let cleared = ferry.run(&["force-unlock", "-force", &holder]).expect(0).out;
    assert!(cleared.contains("The lock is free"), "{cleared}");
    assert!(lock()["lock"].is_null());
    // What the dead run has in doubt is for an apply to settle first.
    let refused = ferry.run(&["state", "mv", "dns_zone.a", "dns_zone.b"]).expect(1);
    assert!(refused.all().contains("there is no"), "{}", refused.all());
}
