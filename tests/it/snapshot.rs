//! Plans from what an earlier look at Azure found: without a login, without a network, and as good as that look.

use std::fs;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Ferry, PASSWORD, follows_schema};

fn plan(answer: &Answer) -> Json {
    serde_json::from_str(&answer.out).unwrap_or_else(|_| panic!("{}", answer.all()))
}

/// A project of the same configuration where nothing was ever done, with this snapshot.
fn elsewhere(snapshot: &Json) -> Ferry {
    let other = Ferry::example("quickstart");
    other.write("azure.json", &snapshot.to_string());
    other
}

#[test]
fn a_plan_from_a_snapshot_is_the_plan_of_that_moment_and_asks_nobody() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry
        .run(&["apply", "--auto-approve", "--target", "dns_link.endpoint"])
        .expect(0);
    let taken = ferry.run(&["snapshot", "--out", "azure.json"]).expect(0);
    assert!(taken.err.contains("plan --snapshot azure.json"), "{}", taken.all());
    let text = fs::read_to_string(ferry.path("azure.json")).unwrap();
    assert!(!text.contains(PASSWORD), "{text}");
    let snapshot: Json = serde_json::from_str(&text).unwrap();
    follows_schema("snapshot.json", &snapshot);
    let mut live = plan(&ferry.run(&["plan", "--json"]).expect(0));

    let other = elsewhere(&snapshot);
    let made = other.run(&[
        "plan",
        "--snapshot",
        "azure.json",
        "--json=plan.json",
        "--out",
        "kept.plan",
    ]);
    let made = made.expect(0);
    let mut read: Json = serde_json::from_slice(&fs::read(other.path("plan.json")).unwrap()).unwrap();
    assert_eq!(read["pgferry"]["snapshot"]["taken"], snapshot["taken"]);
    follows_schema("plan-json.json", &read);
    for plan in [&mut live, &mut read] {
        plan["pgferry"]["snapshot"] = Json::Null;
    }
    assert_eq!(read, live);
    for said in ["NOT LIVE", "s ago; Azure was not asked", "Azure: not asked; "] {
        assert!(made.out.replace("\n          ", " ").contains(said), "{}", made.out);
    }
    let markdown = other.run(&["plan", "--snapshot", "azure.json", "--markdown"]).expect(0);
    assert!(markdown.out.contains("**NOT LIVE**"), "{}", markdown.out);

    let shown = other.run(&["show", "kept.plan"]).expect(0);
    assert!(shown.out.contains("NOT LIVE"), "{}", shown.out);
    let refused = other.run(&["apply", "kept.plan", "--auto-approve"]).expect(1);
    let fingerprint = live["pgferry"]["fingerprint"].as_str().unwrap();
    let way_out = format!("apply --approved {fingerprint}");
    assert!(
        refused.err.replace("\n      ", " ").contains(&way_out),
        "{}",
        refused.err
    );
    assert!(made.err.contains(&way_out), "{}", made.err);
    assert!(
        !other.path(".pgferry").exists(),
        "no simulator was started and no state was touched"
    );
}

#[test]
fn what_a_snapshot_does_not_hold_is_not_created_by_a_guess() {
    let ferry = Ferry::example("quickstart");
    let whole: Json = serde_json::from_str(&ferry.run(&["snapshot"]).expect(0).out).unwrap();
    let live = plan(&ferry.run(&["plan", "--json"]).expect(0));
    let mut partial = whole.clone();
    partial["absent"] = json!([]);
    partial["whole"] = json!([]);
    let other = elsewhere(&partial);
    let refused = other.run(&["plan", "--snapshot", "azure.json"]).expect(1);
    for said in ["the snapshot does not hold", "--snapshot-complete"] {
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let complete = ["plan", "--snapshot", "azure.json", "--snapshot-complete"];
    let read = plan(&other.run(&[&complete[..], &["--json"]].concat()).expect(0));
    assert_eq!(read["pgferry"]["fingerprint"], live["pgferry"]["fingerprint"]);
    assert_eq!(read["pgferry"]["snapshot"]["complete"], true);

    // What other programs export is a list of objects and nothing else.
    other.write("azure.json", &whole["objects"].to_string());
    let listed = other.run(&complete).expect(0);
    assert!(listed.out.contains("does not say how old it is"), "{}", listed.out);
    let fingerprint = live["pgferry"]["fingerprint"].as_str().unwrap();
    assert!(listed.out.contains(fingerprint), "{}", listed.out);

    let mut foreign = whole;
    foreign["subscription"] = "00000000-0000-4000-8000-00000000000f".into();
    other.write("azure.json", &foreign.to_string());
    let refused = other.run(&["plan", "--snapshot", "azure.json"]).expect(1);
    assert!(refused.err.contains("was taken of something else"), "{}", refused.err);
    other.write("azure.json", "{ \"kind\": \"pgferry-snap");
    for name in ["azure.json", "missing.json"] {
        let refused = other.run(&["plan", "--snapshot", name]).expect(1);
        assert!(
            refused.err.contains("cannot use the snapshot") && refused.err.contains(name),
            "{}",
            refused.err
        );
        assert_eq!(refused.err.matches("error: ").count(), 1, "{}", refused.err);
    }
}
