//! The law for every example: apply, then plan, is empty; destroy, then state, is empty; and all of it again.

use std::fs;

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

#[test]
fn every_example_keeps_the_law() {
    for name in examples() {
        let ferry = Ferry::example(&name);
        let _ = ferry.run(&["validate"]).expect(0);
        let _ = ferry.run(&["plan", "--detailed-exitcode"]).expect(2);
        let _ = ferry.apply();
        ferry.expect_no_changes();
        let _ = ferry.run(&["destroy", "--auto-approve"]).expect(0);
        let shown = ferry.run(&["show"]).expect(0);
        assert!(!shown.out.contains("vnet_peering"), "{}", shown.out);
        let again = ferry.apply();
        assert!(
            again.out.contains("already migrated") || again.err.contains("already migrated"),
            "{}",
            again.all()
        );
        ferry.expect_no_changes();
    }
}
