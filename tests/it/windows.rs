//! Windows: what is held until they open, in the order that the plan shows, by the simulator's clock.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use reqwest::Method;

use crate::support::Ferry;

const CUTOVER: &str = "  cutover {\n    policy = \"automatic\"\n";

/// The present instant of the simulator.
fn now(ferry: &Ferry) -> Timestamp {
    let clock = ferry.control(Method::GET, "clock", None);
    clock["now"].as_str().unwrap().parse().unwrap()
}

/// When requests of this kind that have to do with migrations were heard, with the names of these.
fn heard(ferry: &Ferry, method: &str) -> Vec<(String, Timestamp)> {
    let entries = ferry.entries().into_iter().filter_map(|entry| {
        let path = entry["path"].as_str()?;
        let (_, name) = path.split('?').next()?.split_once("/migrations/")?;
        let is_it = entry["method"] == method && entry["status"].as_u64()? < 300;
        is_it.then(|| (name.to_owned(), entry["time"].as_str().unwrap().parse().unwrap()))
    });
    entries.collect()
}

/// By clocks in Berlin.
fn in_berlin(at: Timestamp) -> jiff::Zoned {
    at.to_zoned(TimeZone::get("Europe/Berlin").unwrap())
}

#[test]
fn what_is_scheduled_is_what_runs_within_its_windows() {
    let ferry = Ferry::example("quickstart");
    ferry.world(|world| {
        let databases = world["sources"][0]["databases"].as_array_mut().unwrap();
        databases.push(serde_json::json!({ "name": "payroll", "size_mb": 100, "tables": 5 }));
    });
    ferry.wake_simulator();
    let begins = now(&ferry).checked_add(50.hours()).unwrap();
    let local = in_berlin(begins).strftime("%Y-%m-%dT%H:%M%:z").to_string();
    let tomorrow = in_berlin(begins).date().tomorrow().unwrap();
    ferry.write("freeze.txt", &format!("# closed\n{tomorrow} audit\n"));
    ferry.edit(
        CUTOVER,
        &format!(
            "  time_zone = \"Europe/Berlin\"\n  calendar = file(\"freeze.txt\")\n  not_before = \"{local}\"\n\n{CUTOVER}    \
             window = [\"22:00-04:00\"]\n"
        ),
    );
    ferry.append(
        "database_batch \"last\" {\n  source = source.erp\n  target = target.erp\n  runtime_server = runtime_server.shared\n  \
         databases = [\"payroll\"]\n  priority = -5\n}\n",
    );
    let plan = ferry.run(&["plan"]).expect(0).out;
    let says = |text: &str, wanted: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(wanted), "`{wanted}` is not in {text}");
    };
    says(&plan, "at the earliest, when its window opens");
    says(&plan, &format!("22:00-04:00; not on {tomorrow} audit (Europe/Berlin)"));
    let status = ferry.run(&["status"]).expect(0).out;
    says(&status, "#1 8 databases, not started; starts ");

    let left = ferry.run(&["apply", "--auto-approve", "--wait", "none"]).expect(3);
    says(&left.out, "Waiting for a window:");
    says(&left.out, "database_batch.wave1#1 starts ");
    says(&left.out, "left; nothing of it runs in Azure");
    assert!(heard(&ferry, "PUT").is_empty());

    let done = ferry.run(&["wait"]).expect(0);
    says(&done.all(), "database_batch.wave1#1 starts ");
    let started = heard(&ferry, "PUT");
    let names: Vec<&str> = started.iter().map(|(name, _)| name.as_str()).collect();
    // The lower priority keeps its place behind the batch that was held.
    assert_eq!(names, ["wave1m1", "wave1m2", "wave1m3", "lastm1"]);
    for (name, at) in started.iter().filter(|(name, _)| name.starts_with("wave1")) {
        // The configuration tells it to the minute.
        assert!(*at >= begins - 1.minutes(), "{name} {at}");
        assert_ne!(in_berlin(*at).date(), tomorrow, "{name}");
    }
    let triggered = heard(&ferry, "PATCH");
    assert_eq!(triggered.len(), 3);
    for (name, at) in triggered {
        let local = in_berlin(at);
        assert!(local.hour() >= 22 || local.hour() < 4, "{name} {local}");
        assert_ne!(local.date(), tomorrow, "{name}");
    }
    ferry.expect_no_changes();
}

#[test]
fn a_person_cuts_over_outside_the_window_only_by_saying_so_and_the_history_tells() {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let later = now(&ferry).checked_add(96.hours()).unwrap();
    let manual = CUTOVER.replace("automatic", "manual");
    ferry.edit(CUTOVER, &format!("{manual}    not_before = \"{later}\"\n"));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(4);
    let writes = ferry.writes();
    let unit = "database_batch.wave1#1";
    let refused = ferry.run(&["cutover", unit, "--auto-approve"]).expect(1).all();
    assert!(
        refused.contains("the window of the cutover of database_batch.wave1#1 is closed")
            && refused.contains("--outside-window"),
        "{refused}"
    );
    assert_eq!(ferry.writes(), writes);
    let _ = ferry
        .run(&["cutover", unit, "--auto-approve", "--outside-window"])
        .expect(0);
    let history = ferry.run(&["history"]).expect(0).out;
    let history = history.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        history.contains("cutover --outside-window database_batch.wave1#1: triggered"),
        "{history}"
    );
}

#[test]
fn a_window_in_the_past_is_refused_with_a_way_out() {
    let ferry = Ferry::example("quickstart");
    ferry.edit(CUTOVER, &format!("  not_after = \"2020-01-01 10:00\"\n\n{CUTOVER}"));
    let refused = ferry.run(&["apply", "--auto-approve"]).expect(7).all();
    let refused = refused.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in [
        "database_batch.wave1#1 may not be started any more: its window lies in the past",
        "`not_after` was Wed 2020-01-01 10:00 UTC.",
        "`--exclude`",
    ] {
        assert!(refused.contains(wanted), "{refused}");
    }
    assert!(ferry.writes().is_empty());
}
