//! An apply that was left is finished by `wait`, and only watched where that is wanted.

use crate::support::Ferry;

#[test]
fn what_one_job_submitted_another_one_finishes() {
    let ferry = Ferry::example("quickstart");
    let submitted = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    assert!(submitted.all().contains("Azure goes on"), "{}", submitted.all());
    let writes = ferry.writes();

    let watched = ferry.run(&["wait", "--watch"]).expect(3);
    assert!(watched.all().contains("This only watches."), "{}", watched.all());
    assert!(
        watched.all().contains("Not begun:") && watched.all().contains("database_batch.wave1#2"),
        "{}",
        watched.all()
    );
    assert_eq!(ferry.writes(), writes, "watching changes nothing");

    let finished = ferry.run(&["wait"]).expect(0);
    assert!(finished.all().contains("This goes on with it."), "{}", finished.all());
    assert!(finished.all().contains("databases   = 19"), "{}", finished.all());
    assert_eq!(ferry.created().len(), 3);
    ferry.expect_no_changes();

    let nothing = ferry.run(&["wait"]).expect(0);
    assert!(
        nothing.out.contains("every declared database has arrived"),
        "{}",
        nothing.out
    );
}

#[test]
fn with_nothing_open_waiting_tells_what_has_not_arrived() {
    let ferry = Ferry::example("quickstart");
    let before = ferry.run(&["wait"]).expect(3).out;
    assert!(before.contains("what has not arrived: 19 of 19 databases"), "{before}");
    let ready = ferry.run(&["apply", "--auto-approve", "--wait", "ready"]).expect(3).out;
    assert!(
        ready.contains("database_batch.wave1#1, ready: the apply that goes on cuts it over")
            && ready.contains("left; cutovers are next"),
        "{ready}"
    );

    // What was approved and is taken back since is not done, and nothing says that it was.
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let writes = ferry.writes();
    let watched = ferry.run(&["wait"]).expect(3).all().replace('\n', " ");
    assert!(
        watched.contains("the configuration takes back what was approved: database_batch.wave1#1 is no longer"),
        "{watched}"
    );
    assert_eq!(ferry.writes(), writes, "watching changes nothing");
}

#[test]
fn waiting_until_everything_is_ready_ends_with_four_where_a_person_cuts_over() {
    let ferry = Ferry::example("quickstart");
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    let ready = ferry.run(&["wait", "--until", "ready"]).expect(4);
    assert!(
        ready.all().contains("pgferry cutover 'database_batch.wave1#1'"),
        "{}",
        ready.all()
    );
    let _ = ferry
        .run(&["cutover", "database_batch.wave1#1", "--auto-approve"])
        .expect(0);
    let next = ferry.run(&["wait"]).expect(4);
    assert!(
        next.all().contains("pgferry cutover 'database_batch.wave1#2'"),
        "{}",
        next.all()
    );
}
