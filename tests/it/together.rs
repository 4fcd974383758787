//! Several applies of one plan at once, wherever the state is kept: one works, the others are told who, and whoever lost
//! the lock writes nothing more.

use std::time::{Duration, Instant};

use pgferry_state::{Actor, Holder, Intent, LocalStore, Store};
use serde_json::{Value as Json, json};

use crate::support::backend::Backend;
use crate::support::{Answer, Ferry, Running, side_by_side, until};

/// A project whose Azure never comes to the end of anything: what an apply begins outlasts the test.
fn endless(backend: Backend, name: &str) -> Ferry {
    let mut ferry = Ferry::example("quickstart");
    backend.keep(&mut ferry, name);
    ferry.world(|world| world["clock"] = "manual".into());
    ferry.wake_simulator();
    ferry
}

/// Lets time pass again.
fn go_on(ferry: &Ferry) {
    ferry.control(reqwest::Method::POST, "clock", Some(json!({ "mode": "event" })));
}

/// Starts an apply, and waits until it has begun to write.
fn working(ferry: &Ferry) -> Running {
    let mut first = ferry.start(&["apply", "--auto-approve"]);
    until("the apply writes", || !ferry.writes().is_empty() || first.has_ended());
    first
}

/// The lock as everybody sees it.
fn lock(ferry: &Ferry) -> Json {
    let shown = ferry.run(&["lock", "show", "--json"]).expect(0);
    serde_json::from_str::<Json>(&shown.out).unwrap()["lock"].take()
}

/// Insists that a refusal names the holder, its run and for how long.
fn expect_told(refused: &Answer, held: &Json) {
    let said = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("somebody else is writing to the state"), "{said}");
    for fact in ["holder", "run"] {
        let fact = held[fact].as_str().unwrap();
        assert!(said.contains(fact), "{fact} is missing: {said}");
    }
    assert!(said.contains(" ago"), "its age is missing: {said}");
    assert_eq!(refused.code, 1, "{said}");
}

/// What it takes that a holder which fell silent is followed: nothing where the operating system or the database sees it
/// die, and in a container the lease, of which a quarter may be over at its last renewal.
fn lease(backend: Backend) -> (Duration, Duration) {
    match backend {
        Backend::Local | Backend::Postgres => (Duration::ZERO, Duration::from_secs(40)),
        Backend::AzureBlob => (Duration::from_secs(43), Duration::from_secs(100)),
    }
}

#[test]
fn of_eight_applies_one_works_and_seven_are_told_who() {
    for backend in Backend::ALL {
        let ferry = endless(backend, "eight-at-once");
        let mut running: Vec<Running> = (0..8).map(|_| ferry.start(&["apply", "--auto-approve"])).collect();
        until("seven have ended", || {
            running.iter_mut().map(|one| u32::from(one.has_ended())).sum::<u32>() == 7
        });
        let held = lock(&ferry);
        assert_eq!(held["lapsed"], json!(false), "{backend:?}: {held}");
        let (over, mut left) = Running::parted(running);
        for refused in over {
            expect_told(&refused.finish(Duration::from_secs(1)), &held);
        }
        until("the one that is left writes", || !ferry.writes().is_empty());
        go_on(&ferry);
        let _ = left.remove(0).finish(Duration::from_secs(120)).expect(0);
        ferry.expect_no_changes();
        assert_eq!(ferry.created().len(), 3, "{backend:?}: {:#?}", ferry.created());
    }
}

#[test]
fn nobody_waits_for_a_lock_that_is_held() {
    for backend in Backend::ALL {
        let ferry = endless(backend, "no-waiting");
        let _first = working(&ferry);
        let begun = Instant::now();
        let _ = ferry.run(&["plan"]).expect(0);
        let planned = begun.elapsed();
        let begun = Instant::now();
        let refused = ferry.run(&["apply", "--auto-approve"]);
        let refused_after = begun.elapsed();
        expect_told(&refused, &lock(&ferry));
        // What an apply does before it asks for the lock is a plan; the machine of a test may be busy.
        let more = refused_after.saturating_sub(planned);
        assert!(more < Duration::from_secs(5), "{backend:?}: {more:?} more than a plan");
    }
}

/// A state that somebody writes while nothing is applied.
#[test]
fn a_name_that_moves_waits_for_the_lock_as_long_as_it_was_told() {
    let zone = "azure {\n  cloud = \"simulator\"\n  world = \"world.json\"\n  \
                subscription_id = \"00000000-0000-4000-8000-000000000001\"\n  resource_group = \"rg-data\"\n}\n\
                dns_zone \"a\" { name = \"one.example\" }\n";
    let ferry = Ferry::of(zone);
    let _ = ferry.apply();
    ferry.edit("dns_zone \"a\"", "dns_zone \"b\"");
    ferry.append("moved {\n  from = dns_zone.a\n  to = dns_zone.b\n}\n");

    let store = LocalStore::new(ferry.path(".pgferry/simulator/state"));
    let holder = Holder::new(
        Actor::new("a test"),
        std::process::id(),
        "write",
        None,
        jiff::Timestamp::UNIX_EPOCH,
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let held = runtime.block_on(store.lock(Intent { holder })).unwrap();
    let before = ferry.requests().len();
    let refused = ferry.run(&["apply", "--auto-approve"]).expect(1);
    assert!(
        refused.err.contains("somebody else is writing to the state"),
        "{}",
        refused.err
    );
    let looked = ferry.requests().len() - before;

    let mut waiting = ferry.start(&["apply", "--auto-approve", "--lock-timeout", "100s"]);
    until("it has planned", || {
        waiting.has_ended() || ferry.requests().len() >= before + 2 * looked
    });
    assert!(!waiting.has_ended(), "{}", waiting.finish(Duration::from_secs(1)).all());
    runtime.block_on(held.release()).unwrap();
    let _ = waiting.finish(Duration::from_secs(60)).expect(0);
    ferry.expect_no_changes();
    let listed = ferry.run(&["state", "list"]).expect(0);
    assert!(
        listed.out.contains("dns_zone.b") && !listed.out.contains("dns_zone.a"),
        "{}",
        listed.out
    );
}

#[test]
fn a_holder_that_died_is_followed_after_its_lease_and_not_before() {
    side_by_side(Backend::ALL.into_iter(), |backend| {
        let ferry = endless(backend, "died");
        let first = working(&ferry);
        let held = lock(&ferry);
        first.signal("KILL");
        let _ = first.finish(Duration::from_secs(10));
        let begun = Instant::now();
        let (least, most) = lease(backend);
        if least > Duration::ZERO {
            expect_told(&ferry.run(&["apply", "--auto-approve"]), &held);
        }
        go_on(&ferry);
        let next = ferry.start(&["apply", "--auto-approve", "--lock-timeout", "100s"]);
        until_writing(&ferry, &held);
        let waited = begun.elapsed();
        assert!(least <= waited && waited < most, "{backend:?}: {waited:?}");
        let _ = next.finish(Duration::from_secs(120)).expect(0);
        ferry.expect_no_changes();
        assert_eq!(ferry.created().len(), 3, "{backend:?}: {:#?}", ferry.created());
    });
}

#[test]
fn a_holder_that_stood_still_for_longer_than_its_lease_writes_no_more() {
    side_by_side([Backend::AzureBlob, Backend::Postgres].into_iter(), |backend| {
        let ferry = endless(backend, "stood-still");
        let first = working(&ferry);
        let held = lock(&ferry);
        first.signal("STOP");
        let begun = Instant::now();
        expect_told(&ferry.run(&["apply", "--auto-approve"]), &held);
        go_on(&ferry);
        let next = ferry.start(&["apply", "--auto-approve", "--lock-timeout", "100s"]);
        until_writing(&ferry, &held);
        assert!(
            begun.elapsed() > Duration::from_secs(43),
            "{backend:?}: {:?}",
            begun.elapsed()
        );
        let _ = next.finish(Duration::from_secs(120)).expect(0);
        let after = (ferry.writes().len(), ferry.run(&["state", "pull"]).expect(0).out);

        first.signal("CONT");
        let refused = first.finish(Duration::from_secs(60));
        assert_eq!(refused.code, 1, "{backend:?}: {}", refused.all());
        let said = refused.all().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("no longer holds the lock"), "{backend:?}: {said}");
        assert_eq!(
            (ferry.writes().len(), ferry.run(&["state", "pull"]).expect(0).out),
            after,
            "{backend:?}"
        );
        ferry.expect_no_changes();
        assert_eq!(ferry.created().len(), 3, "{backend:?}: {:#?}", ferry.created());
    });
}

/// Its Azure can still be reached, but not what keeps the state.
#[test]
fn a_holder_that_is_cut_off_from_the_state_begins_nothing_more_and_writes_nothing_once_it_is_back() {
    side_by_side([Backend::AzureBlob, Backend::Postgres].into_iter(), |backend| {
        let ferry = endless(backend, "cut-off");
        let first = working(&ferry);
        let held = lock(&ferry);
        ferry.gate().unwrap().shut();
        ferry.pass_by_the_gate();
        let begun = ferry.writes();
        go_on(&ferry);
        let next = ferry.start(&["apply", "--auto-approve", "--lock-timeout", "100s"]);
        until_writing(&ferry, &held);
        let _ = next.finish(Duration::from_secs(120)).expect(0);
        let after = (ferry.writes().len(), ferry.run(&["state", "pull"]).expect(0).out);
        ferry.gate().unwrap().open();
        let refused = first.finish(Duration::from_secs(120));
        assert_eq!(refused.code, 1, "{backend:?}: {}", refused.all());
        let said = refused.all().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("so nothing else was begun"), "{backend:?}: {said}");
        assert!(
            said.contains("the next apply looks before it acts") || said.contains("what was committed"),
            "{said}"
        );
        assert_eq!(
            (ferry.writes().len(), ferry.run(&["state", "pull"]).expect(0).out),
            after,
            "{backend:?}: {begun:#?}"
        );
        ferry.expect_no_changes();
        assert_eq!(ferry.created().len(), 3, "{backend:?}: {:#?}", ferry.created());
    });
}

#[test]
fn on_one_machine_a_holder_that_stands_still_keeps_its_lock() {
    let ferry = endless(Backend::Local, "stood-still");
    let first = working(&ferry);
    let held = lock(&ferry);
    first.signal("STOP");
    go_on(&ferry);
    expect_told(&ferry.run(&["apply", "--auto-approve", "--lock-timeout", "2s"]), &held);
    first.signal("CONT");
    let _ = first.finish(Duration::from_secs(120)).expect(0);
    ferry.expect_no_changes();
    assert_eq!(ferry.created().len(), 3, "{:#?}", ferry.created());
}

/// Waits until somebody else has the lock than before, or is done with it.
fn until_writing(ferry: &Ferry, before: &Json) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while lock(ferry)["process"] == before["process"] {
        assert!(Instant::now() < deadline, "the lock stays with {before}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a later apply took back is not begun any more by one that still watches with the configuration of before.
#[test]
fn what_another_apply_took_back_is_not_begun() {
    let ferry = endless(Backend::Local, "taken_back");
    let first = working(&ferry);
    until("the first migration is there", || {
        ferry.control(reqwest::Method::POST, "advance", Some(json!({ "by": "30s" })));
        !ferry.created().is_empty()
    });
    let declared = std::fs::read_to_string(ferry.path("main.hcl")).unwrap();
    let end = declared.find("database_batch \"wave1\"").unwrap();
    ferry.write("main.hcl", &declared[..end]);
    let second = ferry
        .run(&["apply", "--auto-approve", "--lock-timeout", "60s"])
        .expect(3);
    assert!(second.all().contains("database_batch.wave1#1"), "{}", second.all());
    go_on(&ferry);
    let first = first.finish(Duration::from_secs(60));
    let said = first.all().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("closed it meanwhile"), "{said}");
    assert_eq!(first.code, 3, "{said}");
    assert_eq!(ferry.created().len(), 1, "{said}");
    let history = ferry.run(&["history"]).expect(0).out;
    assert!(history.contains("closed by a later command"), "{history}");
}
