//! Plans that are kept in a file or approved by their fingerprint, and what becomes of them when something moves.

use std::fs;

use pgferry::plan::saved::{Saved, SavedError};
use pgferry_state::{Actor, Edit, HistoryEntry, Holder, Intent, LocalStore, RunId, RunOutcome, Store};
use serde_json::{Value as Json, json};

use crate::support::{Ferry, follows_schema};

fn fingerprint(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("Fingerprint: "));
    line.unwrap_or_else(|| panic!("no fingerprint in:\n{text}")).to_owned()
}

#[test]
fn a_kept_plan_is_shown_without_its_configuration_carried_out_once_and_refused_afterwards() {
    let ferry = Ferry::example("quickstart");
    let planned = ferry.run(&["plan", "--out", "tonight.plan"]);
    assert_eq!(planned.code, 0, "{}", planned.all());
    assert!(planned.all().contains("apply tonight.plan"), "{}", planned.all());
    let kept: Json = serde_json::from_slice(&fs::read(ferry.path("tonight.plan")).unwrap()).unwrap();
    follows_schema("saved-plan.json", &kept);

    let elsewhere = Ferry::of("");
    fs::remove_file(elsewhere.path("main.hcl")).unwrap();
    fs::copy(ferry.path("tonight.plan"), elsewhere.path("tonight.plan")).unwrap();
    let shown = elsewhere.run(&["show", "tonight.plan"]).expect(0);
    assert!(shown.out.contains("database_batch.wave1"), "{}", shown.all());
    assert_eq!(fingerprint(&shown.out), fingerprint(&planned.out));

    let applied = ferry.run(&["apply", "tonight.plan"]);
    assert_eq!(applied.code, 0, "{}", applied.all());
    ferry.expect_no_changes();
    let again = ferry.run(&["apply", "tonight.plan"]);
    assert_eq!(again.code, 1, "{}", again.all());
    assert!(again.all().contains("carried out already"), "{}", again.all());
}

#[test]
fn a_kept_plan_is_refused_when_what_it_does_would_be_something_else_by_now() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "tonight.plan"]).expect(0);
    ferry.edit("allow_gateway_transit = true", "allow_gateway_transit = false");
    let refused = ferry.run(&["apply", "tonight.plan"]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    for said in [
        "no longer what it was",
        "vnet_peering.",
        "the configuration or a variable",
    ] {
        assert!(refused.all().contains(said), "{said}: {}", refused.all());
    }
    assert_eq!(ferry.writes(), Vec::<String>::new());
}

#[test]
fn the_order_and_the_guards_of_a_kept_plan_are_not_taken_from_its_file() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let mut file: Json = serde_json::from_str(&fs::read_to_string(ferry.path("p.plan")).unwrap()).unwrap();
    let steps = file["plan"]["steps"].as_array_mut().unwrap();
    assert!(
        steps
            .iter()
            .any(|step| step["after"].as_object().is_some_and(|after| !after.is_empty()))
    );
    for step in steps {
        step["after"] = json!({});
        step["behind"] = json!([]);
    }
    // Damage is refused; whoever means it makes the digest anew.
    ferry.write("p.plan", &file.to_string());
    let refused = ferry.run(&["apply", "p.plan", "--auto-approve"]).expect(1);
    assert!(refused.err.contains("changed after it was made"), "{}", refused.err);
    ferry.write("p.plan", &forged(file).to_text());
    // What has come to the configuration since was shown to nobody.
    ferry.append("dns_zone \"later\" { name = \"later.example.net\" }\n");
    let _ = ferry.run(&["apply", "p.plan", "--auto-approve"]).expect(0);
    let writes = ferry.writes();
    let first_of = |part: &str| writes.iter().position(|write| write.contains(part)).unwrap();
    assert!(
        first_of("/virtualNetworkPeerings/") < first_of("/migrations/"),
        "{writes:#?}"
    );
    assert!(!writes.iter().any(|write| write.contains("later")), "{writes:#?}");
    assert_eq!(ferry.created().len(), 3);
    let _ = ferry.apply();
    ferry.expect_no_changes();
}

/// A changed file with a digest that fits.
fn forged(file: Json) -> Saved {
    let Saved {
        plan,
        aim,
        places,
        id,
        made,
        ..
    } = serde_json::from_value(file).unwrap();
    Saved::new(plan, aim, places, id, made)
}

/// Somebody agreed to what the file shows: it must be what is done, down to the last value.
#[test]
fn a_kept_plan_that_shows_something_else_than_what_is_done_is_refused() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let text = fs::read_to_string(ferry.path("p.plan")).unwrap();
    let file = serde_json::from_str(&text.replace("\"automatic\"", "\"manual\"")).unwrap();
    ferry.write("p.plan", &forged(file).to_text());
    assert!(
        ferry
            .run(&["show", "p.plan"])
            .expect(0)
            .out
            .contains("stops before its cutover")
    );
    let refused = ferry.run(&["apply", "p.plan", "--auto-approve"]).expect(1);
    let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("database_batch.wave1#1: the file shows something else"),
        "{said}"
    );
    assert_eq!(ferry.writes(), Vec::<String>::new());
}

/// Writes these edits to the state of a project, as somebody else would.
fn commit(ferry: &Ferry, edits: Vec<Edit>) {
    let store = LocalStore::new(ferry.path(".pgferry/simulator/state"));
    let who = Actor::new("somebody");
    let holder = Holder::new(who, std::process::id(), "write", None, jiff::Timestamp::UNIX_EPOCH);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let held = store.lock(Intent { holder }).await.unwrap();
        held.commit(edits).await.unwrap();
        held.release().await.unwrap();
    });
}

#[test]
fn a_kept_plan_whose_run_is_open_is_refused_and_wait_goes_on_with_it() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let kept = Saved::read(&fs::read(ferry.path("p.plan")).unwrap()).unwrap();
    // As a run leaves it that is killed right before its first call.
    let begin = Edit::BeginRun {
        approval: None,
        run: kept.id.into(),
        started: jiff::Timestamp::UNIX_EPOCH,
        by: Actor::new("somebody"),
        plan: serde_json::to_value(&kept.plan).unwrap(),
        plan_fingerprint: kept.fingerprint.to_string(),
    };
    let first = kept.plan.steps.first().unwrap();
    let intent = Edit::Intent {
        run: kept.id.into(),
        step: pgferry_state::StepId::new(first.id.0),
        attempt: 1,
        unit: first.unit.to_string(),
        method: "PUT".into(),
        body_hash: String::new(),
    };
    commit(&ferry, vec![begin, intent]);
    ferry.append("dns_zone \"a\" { name = \"a.example.net\" }\n");
    let refused = ferry.run(&["apply", "p.plan"]).expect(1);
    assert!(
        refused.err.contains("is being carried out already"),
        "{}",
        refused.all()
    );
    assert!(refused.err.contains("pgferry wait"), "{}", refused.all());
    assert_eq!(ferry.writes(), Vec::<String>::new());
    let _ = ferry.run(&["wait"]).expect(0);
    assert_eq!(ferry.created().len(), 3);
    let refused = ferry.run(&["apply", "p.plan"]).expect(1);
    assert!(refused.err.contains("carried out already"), "{}", refused.all());
}

#[test]
fn a_kept_plan_is_for_one_run_however_many_came_after_it() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let kept = Saved::read(&fs::read(ferry.path("p.plan")).unwrap()).unwrap();
    let line = |run| {
        Edit::Log(HistoryEntry {
            approval: None,
            account: pgferry_state::Account::default(),
            run,
            started: jiff::Timestamp::UNIX_EPOCH,
            finished: jiff::Timestamp::UNIX_EPOCH,
            by: Actor::new("somebody"),
            plan_fingerprint: String::new(),
            outcome: RunOutcome::Failed,
            summary: "failed at once".to_owned(),
        })
    };
    let later = (0..250).map(|_| line(RunId::random()));
    commit(&ferry, std::iter::once(line(kept.id.into())).chain(later).collect());
    let refused = ferry.run(&["apply", "p.plan"]).expect(1);
    assert!(refused.err.contains("carried out already"), "{}", refused.all());
    assert_eq!(ferry.writes(), Vec::<String>::new());
}

#[test]
fn a_kept_plan_starts_no_migration_whose_way_vanished_since() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry
        .run(&["apply", "--auto-approve", "--exclude", "database_batch.wave1"])
        .expect(0);
    let _ = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let writes = ferry.writes();
    let side = writes
        .iter()
        .find(|write| write.contains("/virtualNetworkPeerings/"))
        .unwrap();
    let path = side.strip_prefix("PUT ").unwrap();
    ferry.arm("DELETE", path, Json::Null);
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    let before = ferry.writes();
    let refused = ferry.run(&["apply", "p.plan"]).expect(1);
    let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "no longer what it was: nothing was changed",
        "it is gone from Azure, and database_batch.wave1#1 needs it",
        "pgferry plan --out FILE",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(ferry.writes(), before);
}

#[test]
fn an_approval_is_for_what_was_shown_and_for_nothing_else() {
    let ferry = Ferry::example("quickstart");
    let approved = fingerprint(&ferry.run(&["plan", "--out", "reviewed.plan"]).out);
    ferry.edit("allow_gateway_transit = true", "allow_gateway_transit = false");
    let refused = ferry.run(&["apply", "--approved", &approved]);
    assert_eq!(refused.code, 1, "{}", refused.all());
    assert!(
        refused.all().contains("not the plan that was approved"),
        "{}",
        refused.all()
    );
    assert!(refused.err.contains("--was FILE"), "{}", refused.err);
    // With the plan at hand, what differs is named: what says something else, what is new, what is no longer to be done.
    ferry.edit(
        "networks = [network.onprem_hub, network.target]",
        "networks = [network.target]",
    );
    ferry.append("dns_zone \"more\" {\n  name = \"more.example.net\"\n}\n");
    let refused = ferry
        .run(&["apply", "--approved", &approved, "--was", "reviewed.plan"])
        .expect(1);
    let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "vnet_peering.hub_runtime#forward: the configuration or a variable says something else",
        "dns_link.runtime_zone#onprem_hub: nothing is left to do for it",
        "dns_zone.more: there was nothing to do for it",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(!said.contains("#reverse"), "{said}");
    ferry.edit(
        "networks = [network.target]",
        "networks = [network.onprem_hub, network.target]",
    );
    ferry.edit("dns_zone \"more\" {\n  name = \"more.example.net\"\n}\n", "");
    let other = ferry
        .run(&["apply", "--approved", &"0".repeat(32), "--was", "reviewed.plan"])
        .expect(1);
    assert!(other.err.contains("is not the one that was approved"), "{}", other.err);
    assert_eq!(ferry.writes(), Vec::<String>::new());
    // A comment is no change of what is done.
    ferry.edit("allow_gateway_transit = false", "allow_gateway_transit = true");
    ferry.append("# tonight\n");
    let applied = ferry.run(&["apply", "--approved", &approved]);
    assert_eq!(applied.code, 0, "{}", applied.all());
    // What was approved is done: nothing is left that would need another approval.
    let again = ferry.run(&["apply", "--approved", &approved]);
    assert_eq!(again.code, 0, "{}", again.all());
}

#[test]
fn a_file_that_is_no_plan_says_so() {
    let ferry = Ferry::example("quickstart");
    ferry.write("not.plan", "{}");
    for arguments in [["apply", "not.plan"], ["apply", "missing.plan"], ["show", "not.plan"]] {
        let refused = ferry.run(&arguments);
        assert_eq!(refused.code, 1, "{}", refused.all());
        assert!(refused.all().contains("cannot use the plan"), "{}", refused.all());
    }
}

#[test]
fn a_plan_of_a_part_leaves_the_rest_and_says_so() {
    let ferry = Ferry::example("quickstart");
    let applied = ferry.run(&["apply", "--auto-approve", "--target", "dns_link.endpoint"]);
    assert_eq!(applied.code, 0, "{}", applied.all());
    assert!(applied.all().contains("Left out"), "{}", applied.all());
    assert!(
        ferry.writes().iter().all(|write| write.contains("privateDnsZones")),
        "{:#?}",
        ferry.writes()
    );
    let unknown = ferry.run(&["plan", "--target", "dns_link.endpiont"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.all().contains("dns_link.endpoint"), "{}", unknown.all());
}

#[test]
fn outputs_alone_are_a_change_that_is_shown_asked_for_and_approved() {
    let ferry = Ferry::of(
        "azure {\n  cloud = \"simulator\"\n  world = \"world.json\"\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n}\noutput \"n\" {\n  value = 3\n}\n",
    );
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(0);
    ferry.edit("value = 3", "value = 4");
    let planned = ferry.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(planned.out.contains("~ n = 3 -> 4"), "{}", planned.out);
    let _ = ferry.run(&["apply"]).expect(1);
    assert!(ferry.run(&["output"]).expect(0).out.contains("n = 3"), "nobody agreed");
    let _ = ferry
        .run(&["apply", "--approved", &fingerprint(&planned.out)])
        .expect(0);
    assert!(ferry.run(&["output"]).expect(0).out.contains("n = 4"));
    let _ = ferry.run(&["plan", "--detailed-exitcode"]).expect(0);
}

/// Whatever became of a file on its way: it is refused, or does what it did. Nothing of it panics.
#[test]
fn a_damaged_plan_file_is_refused_or_does_what_was_approved() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let whole = fs::read(ferry.path("p.plan")).unwrap();
    let made = Saved::read(&whole).unwrap();
    // Without the line break at its end it is whole.
    for length in (0..whole.len() - 1).step_by(97) {
        let refused = Saved::read(&whole[..length]).unwrap_err();
        assert!(matches!(refused, SavedError::NotAPlan(_)), "{length}: {refused}");
    }
    let mut refusals = 0;
    for at in (0..whole.len()).step_by(131) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        match Saved::read(&flipped) {
            Ok(read) => assert_eq!(
                (read.plan.deeds(), read.plan.terms()),
                (made.plan.deeds(), made.plan.terms()),
                "a bit at {at}"
            ),
            Err(_) => refusals += 1,
        }
    }
    assert!(refusals > 50, "{refusals} of {}", whole.len() / 131);

    ferry.write("half.plan", &String::from_utf8_lossy(&whole[..whole.len() / 2]));
    let text = String::from_utf8(whole).unwrap();
    let changed = text.replace("wave1m1", "wave9m9");
    assert_ne!(changed, text);
    ferry.write("changed.plan", &changed);
    let mut newer: Json = serde_json::from_str(&text).unwrap();
    newer["format"] = json!(Saved::FORMAT + 1);
    newer["more"] = json!("what this program does not know");
    ferry.write("newer.plan", &newer.to_string());
    ferry.write(
        "foreign.plan",
        "{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"resource_changes\":[]}",
    );
    fs::write(ferry.path("zip.plan"), b"PK\x03\x04\x14\x00\x08\x00\xff\xfe").unwrap();
    for (file, said) in [
        ("half.plan", "it is not a plan of pgferry"),
        ("changed.plan", "it was changed after it was made"),
        ("newer.plan", "this program reads form"),
        ("foreign.plan", "it is not a plan of pgferry"),
        ("zip.plan", "it is not a plan of pgferry"),
    ] {
        for command in ["apply", "show", "graph"] {
            let refused = ferry.run(&[command, file]).expect(1);
            let words = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                words.contains(said) && words.contains(file),
                "{command}: {}",
                refused.err
            );
            assert_eq!(refused.err.matches("error: ").count(), 1, "{}", refused.err);
        }
    }
    assert_eq!(ferry.writes(), Vec::<String>::new());
}

#[test]
fn a_plan_or_an_approval_of_another_configuration_is_refused() {
    let ferry = Ferry::example("quickstart");
    let planned = ferry.run(&["plan", "--out", "p.plan"]).expect(0);
    let other = Ferry::example("minimal");
    fs::copy(ferry.path("p.plan"), other.path("p.plan")).unwrap();
    let approved = fingerprint(&planned.out);
    for arguments in [&["apply", "p.plan"][..], &["apply", "--approved", &approved]] {
        let refused = other.run(arguments).expect(1);
        assert!(!refused.err.contains("panicked"), "{}", refused.err);
        assert!(refused.err.contains("error"), "{}", refused.all());
    }
    other.wake_simulator();
    assert_eq!(other.writes(), Vec::<String>::new());
}

/// A database of this name on the target is found while planning, and not by the run of the night.
#[test]
fn what_stands_in_the_way_on_the_target_is_a_loss_that_the_plan_names() {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let server = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers\
                  /Microsoft.DBforPostgreSQL/flexibleServers/pg-erp-prod";
    ferry.arm(
        "PUT",
        &format!("{server}/databases/hrdb?api-version=2024-08-01"),
        json!({ "properties": { "charset": "UTF8" } }),
    );
    ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "10m" })));
    // Who may not look into it plans all the same, and the start looks itself.
    let rule = json!({
        "method": "GET", "path": "*/flexibleServers/pg-erp-prod/databases",
        "fault": { "kind": "status", "status": 403, "code": "AuthorizationFailed" }
    });
    ferry.control(reqwest::Method::POST, "faults", Some(rule));
    let blind = ferry.run(&["plan"]).expect(0);
    assert!(!blind.out.contains("LOST"), "{}", blind.out);
    ferry.control(reqwest::Method::DELETE, "faults", None);
    let refused = ferry.run(&["plan"]).expect(7);
    for told in [
        "WILL BE LOST: 1",
        "overwritten on pg-erp-prod, NOT ACCEPTED",
        "! hrdb",
        "accept_loss = { \"hrdb\" = \"overwrite\" }",
    ] {
        assert!(refused.out.contains(told), "{told}: {}", refused.out);
    }
    let before = ferry.writes();
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(7);
    assert_eq!(ferry.writes(), before);
    ferry.edit(
        "mode           = \"online\"",
        "mode           = \"online\"\n  accept_loss    = { hrdb = \"overwrite\" }",
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
}
