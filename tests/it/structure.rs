//! What a configuration may say beside what it declares: modules, moves, removals, imports and checks, from plan to memory.

use crate::support::Ferry;

const HEAD: &str = r#"
azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
}
"#;

fn project(text: &str) -> Ferry {
    Ferry::of(&format!("{HEAD}{text}"))
}

fn rewrite(ferry: &Ferry, text: &str) {
    ferry.write("main.hcl", &format!("{HEAD}{text}"));
}

const ZONE: &str = "dns_zone \"a\" { name = \"a.example.com\" }\n";

#[test]
fn a_moved_thing_is_neither_deleted_nor_made_again() {
    let ferry = project(ZONE);
    let _ = ferry.apply();
    let writes = ferry.writes().len();
    rewrite(
        &ferry,
        "dns_zone \"c\" { name = \"a.example.com\" }\nmoved {\n  from = dns_zone.a\n  to = dns_zone.b\n}\nmoved {\n  from = \
         dns_zone.b\n  to = dns_zone.c\n}\n",
    );
    let plan = ferry.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(plan.out.contains("dns_zone.a has moved to dns_zone.c"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    // The memory has the new name by itself: the `moved` blocks are no longer needed.
    rewrite(&ferry, "dns_zone \"c\" { name = \"a.example.com\" }\n");
    ferry.expect_no_changes();
    assert_eq!(ferry.writes().len(), writes);
    let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
    assert_eq!(ferry.writes().len(), writes + 1, "it is still ours to delete");
}

#[test]
fn a_thing_moves_into_a_module_and_between_its_instances() {
    let ferry = project(ZONE);
    let _ = ferry.apply();
    let writes = ferry.writes().len();
    std::fs::create_dir(ferry.path("zone")).unwrap();
    ferry.write(
        "zone/main.hcl",
        "variable \"name\" {}\ndns_zone \"this\" { name = var.name }\noutput \"id\" { value = dns_zone.this.id }\n",
    );
    let call =
        "module \"zone\" {\n  for_each = { k = \"a.example.com\" }\n  source = \"./zone\"\n  name = each.value\n}\n";
    rewrite(
        &ferry,
        &format!("{call}moved {{\n  from = dns_zone.a\n  to = module.zone[\"k\"].dns_zone.this\n}}\n"),
    );
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(
        plan.out
            .contains("dns_zone.a has moved to module.zone[\"k\"].dns_zone.this"),
        "{}",
        plan.out
    );
    let _ = ferry.apply();
    ferry.expect_no_changes();
    rewrite(&ferry, call);
    ferry.expect_no_changes();
    assert_eq!(ferry.writes().len(), writes);
}

#[test]
fn what_is_removed_without_destroying_stays() {
    let ferry = project(&format!("{ZONE}dns_zone \"b\" {{ name = \"b.example.com\" }}\n"));
    let _ = ferry.apply();
    let writes = ferry.writes().len();
    rewrite(
        &ferry,
        "removed {\n  from = dns_zone.a\n  lifecycle { destroy = false }\n}\nremoved { from = dns_zone.b }\n",
    );
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to destroy, 1 to forget"), "{}", plan.out);
    let _ = ferry.apply();
    let writes = ferry.writes().split_off(writes);
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert!(
        writes[0].starts_with("DELETE") && writes[0].contains("b.example.com"),
        "{writes:?}"
    );
}

#[test]
fn what_is_imported_is_looked_after_and_outlives_us() {
    let ferry = project(ZONE);
    let _ = ferry.apply();
    std::fs::remove_dir_all(ferry.path(".pgferry/simulator/state")).unwrap();
    let id = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Network\
              /privateDnsZones/a.example.com";
    let import = |id: &str| format!("{ZONE}import {{\n  to = dns_zone.a\n  id = \"{id}\"\n}}\n");
    rewrite(&ferry, &import(&id.replace("a.example", "other.example")));
    let refused = ferry.run(&["plan"]).expect(1);
    assert!(refused.err.contains("stands for another object"), "{}", refused.err);
    rewrite(&ferry, &import(id));
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("imported"), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let writes = ferry.writes().len();
    rewrite(&ferry, "");
    let plan = ferry.run(&["plan"]).expect(0);
    assert!(plan.out.contains("1 to forget"), "{}", plan.out);
    let _ = ferry.apply();
    assert_eq!(ferry.writes().len(), writes);
}

#[test]
fn a_failed_check_is_told_and_stops_nothing() {
    let check = "check \"name\" {\n  assert {\n    condition = dns_zone.a.name == \"b\"\n    error_message = \"It is called \
                 ${dns_zone.a.name}.\"\n  }\n}\n";
    let ferry = project(&format!("{ZONE}{check}"));
    let plan = ferry.run(&["plan"]).expect(7);
    assert!(
        plan.out.contains("check.name: It is called a.example.com."),
        "{}",
        plan.out
    );
    let apply = ferry.run(&["apply", "--auto-approve"]).expect(7);
    assert!(
        apply.out.contains("check.name: It is called a.example.com."),
        "{}",
        apply.out
    );
    assert_eq!(ferry.writes().len(), 1);
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(7);
}
