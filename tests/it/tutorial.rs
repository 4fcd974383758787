//! Azure's tutorial of an online migration, as its example says.

use serde_json::Value as Json;

use crate::support::Ferry;

#[test]
fn the_tutorial_moves_all_databases_in_one_migration_and_shows_what_validation_said() {
    let ferry = Ferry::example("tutorial-online");
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let status = ferry.run(&["status", "database_batch.tutorial"]).expect(0).out;
    let warned = "validation: SchemaValidation of `timedb`: Warning: Tables without a";
    assert!(status.contains(warned), "{status}");
    assert!(
        status.contains("validation: Warning, 14 of 15 checks found nothing"),
        "{status}"
    );
    let json = ferry
        .run(&["status", "database_batch.tutorial", "--json"])
        .expect(0)
        .out;
    let json: Json = serde_json::from_str(&json).unwrap();
    let validation = &json["migrations"][0]["validation"];
    assert_eq!(validation["verdict"], "Warning", "{json:#}");
    let _ = ferry
        .run(&["cutover", "database_batch.tutorial#1", "--auto-approve"])
        .expect(0);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 1);
}
