//! The fleet: two hundred servers of an inventory, through a module.

use crate::support::Ferry;

#[test]
fn two_hundred_servers_are_planned_from_an_inventory() {
    let ferry = Ferry::example("fleet");
    let valid = ferry.run(&["validate"]).expect(0);
    assert!(!valid.all().contains("warning"), "{}", valid.all());
    let plan = ferry.run(&["plan"]).expect(0);
    // A migration each, both directions of one peering, and one link; the zone is there already.
    assert!(plan.out.contains("203 to add"), "{}", plan.out);
    assert!(
        plan.out.contains("module.server[\"berlin-crm\"].database_batch.this"),
        "{}",
        plan.out
    );
    let first = ferry.run(&["plan", "--var", "waves=[1]"]).expect(0);
    assert!(first.out.contains("73 to add"), "{}", first.out);
    let refused = ferry.run(&["plan", "--var", "waves=[4]"]).expect(1);
    assert!(
        refused.err.contains("There are the waves 1, 2 and 3."),
        "{}",
        refused.err
    );
}

#[test]
fn a_wave_of_the_fleet_moves_and_stays_moved() {
    let ferry = Ferry::example("fleet");
    let inventory = std::fs::read_to_string(ferry.path("inventory.yaml")).unwrap();
    let (some, _) = inventory.split_once("  bruges-billing:").unwrap();
    ferry.write("inventory.yaml", some);
    let _ = ferry.apply();
    let writes = ferry.writes();
    let starts: Vec<&String> = writes.iter().filter(|write| write.contains("/migrations/")).collect();
    assert_eq!(starts.len(), 20, "{writes:#?}");
    let names: std::collections::BTreeSet<&str> = starts.iter().filter_map(|write| write.rsplit('/').next()).collect();
    assert_eq!(names.len(), 20, "names are unique: {names:?}");
    ferry.expect_no_changes();
    // The module gets another name: everything is remembered, and nothing migrates again.
    ferry.edit(
        "module \"server\" {",
        "moved {\n  from = module.server\n  to   = module.database_server\n}\n\nmodule \"database_server\" {",
    );
    ferry.edit("in module.server :", "in module.database_server :");
    let plan = ferry.run(&["plan"]).expect(0);
    let said = "module.server[\"berlin-crm\"].database_batch.this has moved to";
    assert!(plan.out.contains(said), "{}", plan.out);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.writes().len(), writes.len());
}
