//! What happens to migrations, as lines that a program reads, beside whoever moves them on.

use serde_json::Value as Json;

use crate::support::{Answer, Ferry, follows_schema, until};

fn lines(answer: &Answer) -> Vec<Json> {
    answer
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What is told of one kind, as `before > after`.
fn told(lines: &[Json], address: &str, event: &str) -> Vec<String> {
    let of_it = lines
        .iter()
        .filter(|line| line["address"] == address && line["event"] == event);
    of_it
        .map(|line| format!("{} > {}", line["before"], line["after"]).replace('"', ""))
        .collect()
}

#[test]
fn every_change_is_a_line_until_all_is_over_and_nothing_is_written() {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    let events = ferry.start(&["events"]);
    let finished = ferry.run(&["wait"]).expect(0);
    let answer = events.finish(std::time::Duration::from_secs(120)).expect(0);
    let writes = ferry.writes();
    let lines = lines(&answer);
    for line in &lines {
        follows_schema("events.json", line);
    }
    for number in 1..=3 {
        let unit = format!("database_batch.wave1#{number}");
        assert_eq!(
            told(&lines, &unit, "migration"),
            [format!("null > wave1m{number}")],
            "{}",
            finished.err
        );
        assert_eq!(told(&lines, &unit, "ended"), ["null > succeeded"]);
        let states = told(&lines, &unit, "state");
        assert!(
            states[0].starts_with("null > ") && states.last().unwrap().ends_with("> Succeeded"),
            "{states:?}"
        );
        // What one line leaves is what the next one finds.
        for event in ["state", "substate", "counts"] {
            let of_it: Vec<&Json> = lines
                .iter()
                .filter(|line| line["address"] == *unit && line["event"] == event)
                .collect();
            assert!(
                of_it.windows(2).all(|pair| pair[0]["after"] == pair[1]["before"]),
                "{of_it:#?}"
            );
        }
        let counts = lines
            .iter()
            .rfind(|line| line["address"] == *unit && line["event"] == "counts")
            .unwrap();
        assert_eq!(counts["after"]["databases"], counts["after"]["databases_arrived"]);
        let ended = lines
            .iter()
            .find(|line| line["address"] == *unit && line["event"] == "ended")
            .unwrap();
        assert_eq!(ended["time_from"], "azure");
    }
    assert!(
        lines
            .iter()
            .any(|line| line["event"] == "validation" && line["after"] == "Succeeded")
    );
    let databases = lines
        .iter()
        .filter(|line| line["event"] == "database_state" && line["after"] == "Succeeded");
    assert_eq!(databases.count(), 19);

    // What is over is told once, and what only looks changes nothing.
    let again = ferry.run(&["events", "database_batch.wave1#2"]).expect(0);
    let again = self::lines(&again);
    assert!(again.iter().all(|line| line["address"] == "database_batch.wave1#2"));
    assert_eq!(told(&again, "database_batch.wave1#2", "state"), ["null > Succeeded"]);
    assert_eq!(ferry.writes(), writes);
}

#[test]
fn who_stops_following_learns_where_things_stand() {
    let ferry = Ferry::example("quickstart");
    ferry.edit("policy = \"automatic\"", "policy = \"manual\"");
    let _ = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    let now = ferry.run(&["events", "--follow=false"]).expect(3);
    assert_eq!(
        told(&lines(&now), "database_batch.wave1#1", "migration"),
        ["null > wave1m1"]
    );
    let mut events = ferry.start(&["events"]);
    until("the first migration is ready", || {
        assert!(!events.has_ended());
        ferry.run(&["status"]).out.contains("Waiting for a person")
    });
    events.signal("INT");
    let answer = events.finish(std::time::Duration::from_secs(10)).expect(4);
    assert!(answer.out.contains("wave1m1"), "{}", answer.out);
}

#[test]
fn what_is_not_known_is_refused_as_by_status() {
    let ferry = Ferry::example("quickstart");
    let answer = ferry.run(&["events", "database_batch.wave9"]).expect(1);
    assert!(answer.err.contains("database_batch.wave1"), "{}", answer.err);
    assert_eq!(answer.out, "");
}
