//! Resources that get another name, and addresses that come to stand for other objects: what is ours stays ours, whatever fails
//! on the way.

use serde_json::json;

use crate::support::Ferry;

const PROJECT: &str = r#"
azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
  location        = "westeurope"
}
"#;

fn zones(pairs: &[(&str, &str, &str)]) -> String {
    let zone = |(label, name, tag): &(&str, &str, &str)| {
        format!("dns_zone \"{label}\" {{\n  name = \"{name}.example\"\n  tags = {{ x = \"{tag}\" }}\n}}\n")
    };
    pairs.iter().map(zone).collect()
}

fn project(pairs: &[(&str, &str, &str)]) -> String {
    format!("{PROJECT}{}", zones(pairs))
}

fn refuse_once(ferry: &Ferry, path: &str) {
    let fault = json!({ "method": "PUT", "path": path, "count": 1, "fault": { "kind": "status", "status": 403, "code": "AuthorizationFailed" } });
    ferry.control(reqwest::Method::POST, "faults", Some(fault));
}

fn deleted(ferry: &Ferry) -> Vec<String> {
    let writes = ferry.writes().into_iter().filter(|write| write.starts_with("DELETE"));
    let name = |write: String| {
        write
            .split(['/', '?'])
            .find(|part| part.ends_with(".example"))
            .unwrap_or_default()
            .to_owned()
    };
    let mut names: Vec<String> = writes.map(name).collect();
    names.sort();
    names
}

#[test]
fn a_zone_of_another_label_stays_ours_though_its_update_fails() {
    let ferry = Ferry::of(&project(&[("a", "one", "1")]));
    let _ = ferry.apply();
    ferry.write("main.hcl", &project(&[("b", "one", "2")]));
    refuse_once(&ferry, "*one.example");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(deleted(&ferry), ["one.example"]);
}

#[test]
fn zones_that_swap_their_labels_end_as_declared_though_one_update_fails() {
    let ferry = Ferry::of(&project(&[("a", "one", "a"), ("b", "two", "b")]));
    let _ = ferry.apply();
    ferry.write("main.hcl", &project(&[("a", "two", "a"), ("b", "one", "b")]));
    refuse_once(&ferry, "*one.example");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(
        plan.out.contains("1 to change"),
        "the tag of `one` is still the old one:\n{}",
        plan.out
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(deleted(&ferry), ["one.example", "two.example"]);
}

#[test]
fn what_is_made_in_the_stead_of_something_else_is_ours_though_its_create_fails_late() {
    let ferry = Ferry::of(&project(&[("a", "one", "1")]));
    let _ = ferry.apply();
    ferry.write("main.hcl", &project(&[("a", "two", "1")]));
    let fault = json!({ "method": "PUT", "path": "*two.example", "count": 1,
        "fault": { "kind": "operation_fails", "code": "InternalServerError" } });
    ferry.control(reqwest::Method::POST, "faults", Some(fault));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(deleted(&ferry), ["one.example", "two.example"]);
}
