//! Runs that were killed at every instant: what the next one makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use pgferry_state::testing::MemoryStore;
use pgferry_state::{RunOutcome, Store};
use serde_json::json;

use super::migrations::{AUTOMATIC, copying, ready};
use super::outcomes;
use crate::address::UnitAddress;
use crate::apply::testing::{Azure, Bench, Fault, Fuse, Plans, batch_id, chain, peering_id, put};
use crate::apply::{Conclusion, Settled, Wait, close, follow, reconcile, resume};
use crate::arm::Verb;
use crate::plan::step::Remember;
use crate::plan::{Op, Plan};
use crate::prior::{Origin, UnitRecord};

const PEERINGS: [&str; 2] = ["a", "b"];
const MIGRATIONS: [(&str, &str); 3] = [("t", "first"), ("t", "second"), ("u", "third")];

fn world() -> Azure {
    let azure = Azure::long_running(Duration::from_secs(20));
    azure.migrations_go([copying(2), copying(9), ready(json!(0))]);
    azure
}

/// What a plan of now would say: everything that is not there is made, what runs is watched to its end, and what is there
/// without a record would be adopted.
async fn plan(azure: &Azure, store: &MemoryStore) -> Plan {
    let snapshot = store.load().await.unwrap();
    let records: BTreeMap<UnitAddress, u64> = snapshot
        .iter()
        .flat_map(|snapshot| &snapshot.records)
        .map(|(key, record)| (key.as_str().parse().unwrap(), record.revision.get()))
        .collect();
    let mut plans = Plans::default();
    let mut peerings = Vec::new();
    for name in PEERINGS {
        let (unit, op, then) = put(name);
        match (azure.has(&peering_id(name)), records.contains_key(&unit)) {
            (true, true) => {}
            (true, false) => peerings.push(plans.add((unit, Op::Note, adopted(then)))),
            (false, _) => peerings.push(plans.add((unit, op, then))),
        }
    }
    let mut last = BTreeMap::new();
    for (target, name) in MIGRATIONS {
        let mut steps = chain(target, name, AUTOMATIC);
        let id = batch_id(target, name);
        if let Some(object) = azure.peek(&id) {
            let (unit, _, then) = steps.remove(0);
            if object.pointer("/properties/currentStatus/state") == Some(&json!("Succeeded")) {
                steps.clear();
            }
            if !records.contains_key(&unit) {
                steps.insert(0, (unit, Op::Note, adopted(then)));
            }
        }
        if steps.is_empty() {
            continue;
        }
        let (first, end) = plans.chain(steps);
        for peering in &peerings {
            plans.after(first, *peering);
        }
        if let Some(before) = last.insert(target, end) {
            plans.behind(first, before);
        }
    }
    let mut plan = plans.plan();
    plan.base.records = records;
    plan
}

/// Only the plan's author may call something adopted, so that a test can tell what recovery failed to remember.
fn adopted(then: Remember) -> Remember {
    match then {
        Remember::Record(mut record) => {
            record.origin = Origin::Adopted;
            Remember::Record(record)
        }
        other => other,
    }
}

/// Settles, plans and applies in a process that is killed once its fuse has blown; whether it came to its end.
async fn process(azure: &Arc<Azure>, store: &MemoryStore, fuse: Fuse) -> bool {
    let bench = Bench::with_fuse(Arc::clone(azure), store.clone(), fuse.clone());
    let work = async {
        let settled = bench
            .with(async |ports| reconcile(&ports, &bench.options, &bench.interrupt, &bench.heard).await)
            .await;
        settled.unwrap();
        let plan = plan(azure, store).await;
        if plan.steps.is_empty() {
            bench
                .with(async |ports| close(&ports, &bench.options, &plan.fingerprint(), &[], 0, &bench.heard).await)
                .await
                .unwrap();
        } else {
            let report = bench.run(&plan).await.unwrap();
            assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
        }
    };
    tokio::select! {
        biased;
        () = fuse.blown() => false,
        () = work => true,
    }
}

async fn check(azure: &Azure, store: &MemoryStore, when: &str) {
    let snapshot = store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.run, None, "{when}");
    assert_eq!(snapshot.records.len(), PEERINGS.len() + MIGRATIONS.len(), "{when}");
    for (key, record) in &snapshot.records {
        let record: UnitRecord = serde_json::from_value(record.document.clone()).unwrap();
        assert_eq!(record.origin, Origin::Created, "{key} {when}");
    }
    for (target, name) in MIGRATIONS {
        let id = batch_id(target, name);
        assert_eq!(azure.count("PUT", &id), 1, "{name} {when}: {:?}", azure.log());
        assert_eq!(azure.count("PATCH", &id), 1, "{name} {when}: {:?}", azure.log());
    }
    assert!(plan(azure, store).await.steps.is_empty(), "{when}");
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_call_the_next_apply_creates_nothing_twice_and_forgets_nothing() {
    let mut points = 0;
    for length in 0.. {
        let (azure, store) = (Arc::new(world()), MemoryStore::new());
        if process(&azure, &store, Fuse::of(length)).await {
            break;
        }
        points += 1;
        assert!(process(&azure, &store, Fuse::endless()).await);
        check(&azure, &store, &format!("after {length} calls")).await;
    }
    assert!(points > 100, "only {points} instants");
}

#[tokio::test(start_paused = true)]
async fn killed_again_while_it_recovers_it_recovers_all_the_same() {
    for length in (0..).step_by(3) {
        let (azure, store) = (Arc::new(world()), MemoryStore::new());
        if process(&azure, &store, Fuse::of(length)).await {
            break;
        }
        for again in [2, 5, 8, 11, 3] {
            process(&azure, &store, Fuse::of(again)).await;
        }
        assert!(process(&azure, &store, Fuse::endless()).await);
        check(&azure, &store, &format!("after {length} calls and five more lives")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_call_the_stored_plan_can_be_finished() {
    for length in 0.. {
        let (azure, store) = (Arc::new(world()), MemoryStore::new());
        let fuse = Fuse::of(length);
        let bench = Bench::with_fuse(Arc::clone(&azure), store.clone(), fuse.clone());
        let plan = plan(&azure, &store).await;
        let ended = tokio::select! {
            biased;
            () = fuse.blown() => false,
            report = bench.run(&plan) => report.unwrap().conclusion() == Conclusion::Done,
        };
        if ended {
            break;
        }
        drop(bench);
        let open = store.load().await.unwrap().and_then(|snapshot| snapshot.run);
        let next = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
        let report = next
            .with(async |ports| resume(&ports, &next.options, &next.interrupt, &next.heard).await)
            .await
            .unwrap();
        assert_eq!(report.is_some(), open.is_some(), "after {length} calls");
        if let Some(report) = report {
            assert_eq!(
                report.conclusion(),
                Conclusion::Done,
                "after {length} calls: {}",
                outcomes(&report)
            );
            check(&azure, &store, &format!("resumed after {length} calls")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_while_nobody_watched_is_ours_and_is_not_taken_for_done() {
    for go_on in [false, true] {
        let (azure, store) = (Arc::new(world()), MemoryStore::new());
        azure.fail_next(Verb::Put, "/a", Fault::FailsAndStays("InternalServerError"));
        let mut plans = Plans::default();
        plans.add(put("a"));
        let plan = plans.plan();
        let bench = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            bench.interrupter.interrupt();
        };
        let (report, ()) = tokio::join!(bench.run(&plan), interrupt);
        assert_eq!(report.unwrap().conclusion(), Conclusion::InFlight);

        let next = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
        if go_on {
            let resumed = next
                .with(async |ports| resume(&ports, &next.options, &next.interrupt, &next.heard).await)
                .await;
            assert_eq!(resumed.unwrap().unwrap().conclusion(), Conclusion::Done);
            assert_eq!(azure.count("PUT", &peering_id("a")), 2, "it is put again");
        } else {
            let settled = next
                .with(async |ports| reconcile(&ports, &next.options, &next.interrupt, &next.heard).await)
                .await;
            let Settled::Recovered(found) = settled.unwrap() else {
                panic!("nothing was found out")
            };
            assert_eq!(found.undone, ["vnet_peering.a".parse().unwrap()]);
        }
        let snapshot = store.load().await.unwrap().unwrap();
        let origins = snapshot.records.values().map(|record| &record.document["origin"]);
        assert_eq!(origins.collect::<Vec<_>>(), ["created"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_is_closed_by_the_next_one_and_told_in_the_history() {
    let (azure, store) = (Arc::new(world()), MemoryStore::new());
    let bench = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    let first = plan(&azure, &store).await;
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.interrupter.interrupt();
    };
    let (report, ()) = tokio::join!(bench.run(&first), interrupt);
    assert_eq!(report.unwrap().conclusion(), Conclusion::InFlight);

    let next = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    let settled = next
        .with(async |ports| reconcile(&ports, &next.options, &next.interrupt, &next.heard).await)
        .await;
    let Settled::Recovered(found) = settled.unwrap() else {
        panic!("nothing was found out")
    };
    assert_eq!(found.recovered, ["vnet_peering.a".parse().unwrap()]);
    // Nobody has agreed to anything yet, and its process might be alive.
    let open = store.load().await.unwrap().unwrap().run.unwrap();
    assert_eq!(open.in_doubt().count(), 0);
    let again = plan(&azure, &store).await;
    assert_eq!(next.run(&again).await.unwrap().conclusion(), Conclusion::Done);
    let snapshot = store.load().await.unwrap().unwrap();
    let told: Vec<_> = snapshot.history.iter().map(|entry| entry.outcome).collect();
    assert_eq!(told, [RunOutcome::Left, RunOutcome::Continued, RunOutcome::Succeeded]);
    assert_eq!(snapshot.history[0].run, snapshot.history[1].run);
    assert_eq!(snapshot.history[0].account.exit, Some(3));
    assert_eq!(
        snapshot.history[1].summary,
        "open with 1 unit done and no call in doubt when the next run closed it"
    );
}

#[tokio::test(start_paused = true)]
async fn who_only_watches_calls_and_writes_nothing() {
    let (azure, store) = (Arc::new(world()), MemoryStore::new());
    let mut first = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    first.options.wait = Wait::NoWait;
    let approved = plan(&azure, &store).await;
    let left = first.run(&approved).await.unwrap();
    assert_eq!(left.conclusion(), Conclusion::InFlight);
    let (calls, serial) = (azure.log(), store.load().await.unwrap().unwrap().serial);

    let watcher = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    let watched = watcher
        .with(async |ports| follow(&ports, &watcher.options, &watcher.interrupt, &watcher.heard).await)
        .await
        .unwrap()
        .expect("a run is open");
    assert_eq!(watched.conclusion(), Conclusion::InFlight, "{}", outcomes(&watched));
    assert_eq!(azure.log(), calls);
    assert_eq!(store.load().await.unwrap().unwrap().serial, serial);

    // Now another one finishes it.
    let next = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    let finished = next
        .with(async |ports| resume(&ports, &next.options, &next.interrupt, &next.heard).await)
        .await;
    assert_eq!(finished.unwrap().unwrap().conclusion(), Conclusion::Done);
    check(&azure, &store, "finished by another one").await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_watches_while_another_process_finishes_it_ends_in_good_order() {
    let (azure, store) = (Arc::new(world()), MemoryStore::new());
    let approved = plan(&azure, &store).await;
    let first = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    let second = Bench::with_fuse(Arc::clone(&azure), store.clone(), Fuse::endless());
    let joins = async {
        // The first one watches by then and has let the lock go.
        while !first.heard.has("lock released") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        second
            .with(async |ports| resume(&ports, &second.options, &second.interrupt, &second.heard).await)
            .await
    };
    let (one, other) = tokio::join!(first.run(&approved), joins);
    let (one, other) = (one.unwrap(), other.unwrap().expect("the run is open"));
    // Whoever comes first to the next write goes on; the other one is told, and nothing is done twice.
    let ends: BTreeSet<Conclusion> = [one.conclusion(), other.conclusion()].into();
    assert!(
        ends.contains(&Conclusion::Done),
        "{}\n{}",
        outcomes(&one),
        outcomes(&other)
    );
    assert!(
        !ends.contains(&Conclusion::Failed),
        "{}\n{}",
        outcomes(&one),
        outcomes(&other)
    );
    check(&azure, &store, "finished by two").await;
}
