//! Starts, watches, questions, gates, cutovers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use insta::assert_snapshot;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::outcomes;
use crate::address::UnitAddress;
use crate::apply::testing::{Bench, Chain, Fault, Plans, approved, batch_id, chain, status, target_id};
use crate::apply::{Conclusion, Event, Interrupter, Observer, Outcome, Stall, StepError, Wait, WaitsFor};
use crate::arm::{ArmId, Body, Verb};
use crate::clock::Clock as _;
use crate::plan::step::{Opens, Remember, Until};
use crate::plan::{Await, Op};
use crate::prior::UnitRecord;
use crate::secret::SecretRef;
use pgferry_state::Store;

pub(super) const OFFLINE: Chain = Chain {
    online: false,
    opens: Opens::ByItself,
    samples: 1,
};
pub(super) const AUTOMATIC: Chain = Chain {
    online: true,
    opens: Opens::ByItself,
    samples: 2,
};
pub(super) const BY_HAND: Chain = Chain {
    online: true,
    opens: Opens::ByHand,
    samples: 1,
};

pub(super) fn copying(completed: u64) -> Json {
    let database = json!({
        "migrationState": "InProgress", "fullLoadQueuedTables": 10 - completed, "fullLoadLoadingTables": 0,
        "fullLoadCompletedTables": completed, "fullLoadErroredTables": 0,
    });
    status("InProgress", "MigratingData", database)
}

pub(super) fn ready(latency: Json) -> Json {
    let database = json!({
        "migrationState": "WaitingForCutoverTrigger", "fullLoadQueuedTables": 0, "fullLoadLoadingTables": 0,
        "fullLoadCompletedTables": 10, "fullLoadErroredTables": 0, "latency": latency,
    });
    status("WaitingForUserAction", "WaitingForCutoverTrigger", database)
}

pub(super) fn completing() -> Json {
    status(
        "InProgress",
        "CompletingMigration",
        json!({ "migrationState": "InProgress" }),
    )
}

pub(super) fn ended(state: &str) -> Json {
    status(
        state,
        "Completed",
        json!({ "migrationState": state, "message": "what the service says" }),
    )
}

fn watch_of_theirs(theirs: &ArmId) -> (UnitAddress, Op, Remember) {
    let op = Op::Await(Await {
        migration: theirs.clone(),
        until: Until::Ended,
        questions: BTreeMap::new(),
        stall_after: Duration::MAX,
        databases: Vec::new(),
    });
    ("database_batch.ours#1".parse().unwrap(), op, Remember::Unchanged)
}

pub(super) fn asking(substate: &str) -> Json {
    status(
        "WaitingForUserAction",
        substate,
        json!({ "migrationState": "InProgress" }),
    )
}

#[tokio::test(start_paused = true)]
async fn an_online_migration_is_cut_over_once_its_gate_is_open_and_its_downtime_is_told() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(
        &id,
        [
            copying(3),
            copying(8),
            ready(json!(7)),
            ready(json!(7)),
            ready(json!(0)),
        ],
    );
    bench
        .azure
        .after_cutover(&id, [completing(), completing(), ended("Succeeded")]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    assert_snapshot!(bench.heard.lines().join("\n"), @"
      0 lock taken
      0 run of 5 steps
      0 begins 0 database_batch.wave#1
      0 done 0 database_batch.wave#1
      0 begins 1 database_batch.wave#1
      0 database_batch.wave#1 InProgress MigratingData
      0 lock released
     30 database_batch.wave#1 InProgress MigratingData
     60 database_batch.wave#1 WaitingForUserAction WaitingForCutoverTrigger
     60 done 1 database_batch.wave#1
     60 begins 2 database_batch.wave#1
     60 database_batch.wave#1 WaitingForUserAction WaitingForCutoverTrigger
     60 gate of database_batch.wave#1: 0 of 2, lag Some(7s)
     70 database_batch.wave#1 WaitingForUserAction WaitingForCutoverTrigger
     70 gate of database_batch.wave#1: 1 of 2, lag Some(0ns)
     80 database_batch.wave#1 WaitingForUserAction WaitingForCutoverTrigger
     80 gate of database_batch.wave#1: 2 of 2, lag Some(0ns)
     80 done 2 database_batch.wave#1
     80 lock taken
     80 begins 3 database_batch.wave#1
     80 gate of database_batch.wave#1: 3 of 2, lag Some(0ns)
     80 cutover of database_batch.wave#1
     80 done 3 database_batch.wave#1
     80 begins 4 database_batch.wave#1
     80 database_batch.wave#1 InProgress CompletingMigration
     80 lock released
     90 database_batch.wave#1 InProgress CompletingMigration
    100 database_batch.wave#1 Succeeded Completed
    100 downtime of database_batch.wave#1 20s
    100 done 4 database_batch.wave#1
    100 lock taken
    ");
    assert_eq!(report.downtimes[0].took, Duration::from_secs(20));
    assert_eq!(bench.azure.log(), ["PUT wave", "PATCH wave"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_migration_tells_when_it_was_created() {
    let bench = Bench::new();
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    bench.run(&plans.plan()).await.unwrap();
    let snapshot = bench.store.load().await.unwrap().unwrap();
    let record = &snapshot.records[&"database_batch.wave#1".parse().unwrap()];
    let record: UnitRecord = serde_json::from_value(record.document.clone()).unwrap();
    assert_eq!(record.attempts[0].created, Some(jiff::Timestamp::UNIX_EPOCH));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_lag_keeps_the_gate_closed_and_breaks_the_row_of_good_readings() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    let unknown = ready(Json::Null);
    let good = ready(json!(0));
    bench.azure.script(
        &id,
        [good.clone(), good.clone(), unknown.clone(), unknown, good.clone(), good],
    );
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    let gate: Vec<String> = bench
        .heard
        .words()
        .into_iter()
        .filter(|line| line.starts_with("gate"))
        .collect();
    assert_snapshot!(gate.join("\n"), @"
    gate of database_batch.wave#1: 1 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 0 of 2, lag None
    gate of database_batch.wave#1: 0 of 2, lag None
    gate of database_batch.wave#1: 1 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 2 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 3 of 2, lag Some(0ns)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_gate_stays_closed_while_fewer_tables_are_there_than_were_seen_before() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    let tables = |completed: u64| {
        let mut status = ready(json!(0));
        status["database"]["fullLoadCompletedTables"] = json!(completed);
        status
    };
    bench
        .azure
        .script(&id, [tables(12), tables(11), tables(11), tables(12), tables(12)]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    let words = bench.heard.words().into_iter();
    let gate: Vec<String> = words.filter(|line| line.starts_with("gate")).collect();
    assert_snapshot!(gate.join("\n"), @"
    gate of database_batch.wave#1: 0 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 0 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 1 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 2 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 3 of 2, lag Some(0ns)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_is_refused_for_now_has_its_gate_read_anew_and_no_downtime_before_it_is_heard() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [ready(json!(0))]);
    bench.azure.after_cutover(&id, [completing(), ended("Succeeded")]);
    for _ in 0..3 {
        let busy = Fault::Refused(409, "ServerIsBusy");
        bench.azure.fail_next(Verb::Patch, "wave", busy);
    }
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    let words = bench.heard.words();
    let tries: Vec<&str> = words
        .iter()
        .skip_while(|line| *line != "begins 3 database_batch.wave#1")
        .map(String::as_str)
        .filter(|line| line.starts_with("gate") || line.starts_with("attempt") || line.starts_with("cutover"))
        .collect();
    assert_eq!(
        tries.iter().filter(|line| line.starts_with("gate")).count(),
        4,
        "{tries:?}"
    );
    assert_eq!(tries.last().copied(), Some("cutover of database_batch.wave#1"));
    let downtime = report.downtimes.first().expect("it is measured");
    assert!(downtime.took < Duration::from_secs(30), "{downtime:?}");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_keeps_a_refused_trigger_from_being_sent_again() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [ready(json!(0))]);
    for _ in 0..50 {
        let busy = Fault::Refused(409, "ServerIsBusy");
        bench.azure.fail_next(Verb::Patch, "wave", busy);
    }
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let plan = plans.plan();
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.interrupter.interrupt();
        bench.azure.count("PATCH", &id)
    };
    let (report, sent) = tokio::join!(bench.run(&plan), interrupt);
    assert!(report.unwrap().downtimes.is_empty());
    assert_eq!(bench.azure.count("PATCH", &id), sent);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_closes_right_before_the_trigger_is_waited_for_again() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    let good = ready(json!(0));
    bench
        .azure
        .script(&id, [good.clone(), good.clone(), good.clone(), ready(json!(9)), good]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    bench.run(&plans.plan()).await.unwrap();
    let words = bench.heard.words();
    let trigger = words.iter().position(|line| line.starts_with("cutover of")).unwrap();
    assert_snapshot!(words[trigger - 3..trigger].join("\n"), @"
    gate of database_batch.wave#1: 0 of 2, lag Some(9s)
    gate of database_batch.wave#1: 1 of 2, lag Some(0ns)
    gate of database_batch.wave#1: 2 of 2, lag Some(0ns)
    ");
}

/// Asks a run to stop at the reading after so many good ones.
struct StopsAtReading<'a> {
    interrupter: &'a Interrupter,
    left: Mutex<u32>,
}

impl Observer for StopsAtReading<'_> {
    fn event(&self, _: Timestamp, event: &Event<'_>) {
        if let Event::GateRead { .. } = event {
            let mut left = self.left.lock().unwrap();
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.interrupter.interrupt();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_cut_over_once_the_run_was_asked_to_stop() {
    let bench = Bench::new();
    bench.azure.migrations_go([ready(json!(0))]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let observer = StopsAtReading {
        interrupter: &bench.interrupter,
        // Two open the gate; the third is the last one before the trigger.
        left: Mutex::new(3),
    };
    let approved = approved(&plans.plan());
    let report = bench
        .with(async |ports| crate::apply::run(&approved, &ports, &bench.options, &bench.interrupt, &observer).await)
        .await
        .unwrap();
    assert_eq!(report.conclusion(), Conclusion::InFlight);
    assert_snapshot!(outcomes(&report), @"database_batch.wave#1 in flight");
    assert_eq!(bench.azure.log(), ["PUT wave"]);
}

#[tokio::test(start_paused = true)]
async fn a_cutover_by_hand_ends_the_run_with_its_reading() {
    let bench = Bench::new();
    bench.azure.migrations_go([copying(4), ready(json!(3))]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", BY_HAND));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Waiting);
    let units = report.units();
    let Some(Outcome::Waiting(WaitsFor::Cutover { reading, .. })) = units.values().next() else {
        panic!("{}", outcomes(&report));
    };
    assert_eq!(reading.lag(), Some(Duration::from_secs(3)));
    assert!(!reading.is_open());
    assert!(bench.store.load().await.unwrap().unwrap().run.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_a_person_cut_over_meanwhile_releases_the_queue_behind_it() {
    let bench = Bench::new();
    let first = batch_id("t", "first");
    let good = || ready(json!(0));
    bench.azure.script(
        &first,
        [good(), good(), good(), good(), completing(), ended("Succeeded")],
    );
    bench.azure.script(
        &batch_id("other", "busy"),
        (0..20).map(|_| copying(1)).chain([ended("Succeeded")]),
    );
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "first", BY_HAND));
    let (next, _) = plans.chain(chain("t", "next", OFFLINE));
    plans.behind(next, last);
    plans.chain(chain("other", "busy", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @"
    database_batch.busy#1 done
    database_batch.first#1 done
    database_batch.next#1 done
    ");
    assert_eq!(bench.azure.log(), ["PUT first", "PUT busy", "PUT next"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_as_the_configuration_says() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [asking("WaitingForDataMigrationScheduling")]);
    bench.azure.after_answer(&id, [copying(2), ended("Succeeded")]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    assert_eq!(bench.azure.log(), ["PUT wave", "PATCH wave"]);
    assert!(bench.heard.has("answered WaitingForDataMigrationScheduling"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_sent_again() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [asking("WaitingForDataMigrationScheduling")]);
    bench.azure.after_answer(&id, [copying(2), ended("Succeeded")]);
    bench.azure.fail_next(Verb::Patch, "wave", Fault::LostRequest);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
    assert_eq!(bench.azure.log(), ["PUT wave", "PATCH wave"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_is_left_to_a_person_while_others_go_on() {
    let bench = Bench::new();
    bench.azure.script(
        &batch_id("t", "asks"),
        [asking("WaitingForTargetDBOverwriteConfirmation")],
    );
    bench
        .azure
        .script(&batch_id("u", "goes"), (0..9).map(copying).chain([ended("Succeeded")]));
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "asks", OFFLINE));
    let (next, _) = plans.chain(chain("t", "queued", OFFLINE));
    plans.behind(next, last);
    plans.chain(chain("u", "goes", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Waiting);
    assert_snapshot!(outcomes(&report), @"
    database_batch.asks#1 waiting
    database_batch.goes#1 done
    database_batch.queued#1 left behind 1
    ");
    assert_eq!(bench.azure.log(), ["PUT asks", "PUT goes"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_migration_tells_the_services_words_and_lets_the_queue_go_on() {
    let bench = Bench::new();
    bench
        .azure
        .script(&batch_id("t", "fails"), [copying(2), ended("Failed")]);
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "fails", AUTOMATIC));
    let (next, _) = plans.chain(chain("t", "next", OFFLINE));
    plans.behind(next, last);
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @"
    database_batch.fails#1 failed: the migration `fails` failed
    database_batch.next#1 done
    ");
    let Some(Outcome::Failed(StepError::Ended(ended))) = report.units().values().next() else {
        panic!("{}", outcomes(&report));
    };
    assert_eq!(ended.databases[0].2.as_deref(), Some("what the service says"));
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_cannot_be_seen_any_more_keeps_its_place() {
    let bench = Bench::new();
    bench.azure.migrations_go([copying(1)]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "hidden", OFFLINE));
    let (next, _) = plans.chain(chain("t", "next", OFFLINE));
    plans.behind(next, last);
    let plan = plans.plan();
    let hide = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.azure.unreadable(usize::MAX);
    };
    let (report, ()) = tokio::join!(bench.run(&plan), hide);
    let report = report.unwrap();
    assert_eq!(report.conclusion(), Conclusion::InFlight);
    assert_snapshot!(outcomes(&report), @"
    database_batch.hidden#1 unseen
    database_batch.next#1 left behind 1
    ");
}

#[tokio::test(start_paused = true)]
async fn short_blindness_is_borne() {
    let bench = Bench::new();
    bench.azure.migrations_go([copying(1), copying(2), ended("Succeeded")]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    let plan = plans.plan();
    let hide = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.azure.unreadable(5);
    };
    let (report, ()) = tokio::join!(bench.run(&plan), hide);
    assert_eq!(report.unwrap().conclusion(), Conclusion::Done);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_moves_for_long_an_apply_says_so_and_goes_on_watching() {
    let bench = Bench::new();
    let id = batch_id("t", "large");
    bench.azure.script(&id, [copying(1), copying(2)]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "large", OFFLINE));
    let plan = plans.plan();
    let moves = async {
        tokio::time::sleep(Duration::from_secs(40 * 60)).await;
        assert!(bench.heard.has("waits for Stalled"), "it is told");
        bench.azure.script(&id, [ended("Succeeded")]);
    };
    let (report, ()) = tokio::join!(bench.run(&plan), moves);
    assert_eq!(report.unwrap().conclusion(), Conclusion::Done);
}

#[tokio::test(start_paused = true)]
async fn nothing_that_moves_for_long_ends_a_wait_where_that_is_wanted() {
    let mut bench = Bench::new();
    bench.options.stall = Stall::Ends;
    bench.azure.migrations_go([copying(1), copying(2)]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "stuck", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Waiting);
    assert!(matches!(
        report.units().values().next(),
        Some(Outcome::Waiting(WaitsFor::Stalled { since })) if since.as_second() == 30
    ));
    assert_eq!(report.elapsed, Duration::from_secs(16 * 60));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_appeared_on_the_target_stops_the_start() {
    let bench = Bench::new();
    bench.azure.migrations_go([ended("Succeeded")]);
    bench.azure.database(&target_id("t"), "wavea");
    bench.azure.database(&target_id("t"), "postgres");
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    let plan = plans.plan();
    let report = bench.run(&plan).await.unwrap();
    assert_snapshot!(outcomes(&report), @"database_batch.wave#1 failed: `wavea` on t would be overwritten");
    assert_eq!(bench.azure.log(), Vec::<String>::new());

    let bench = Bench::new();
    bench.azure.migrations_go([ended("Succeeded")]);
    bench.azure.database(&target_id("t"), "wavea");
    let mut plan = plan;
    if let Op::Start { may_exist, .. } = &mut plan.steps[0].op {
        *may_exist = BTreeSet::from(["wavea".to_owned()]);
    }
    assert_eq!(bench.run(&plan).await.unwrap().conclusion(), Conclusion::Done);
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_reply_or_request_was_lost_creates_one_migration() {
    for fault in [Fault::LostReply, Fault::LostRequest, Fault::Refused(502, "BadGateway")] {
        let bench = Bench::new();
        bench.azure.migrations_go([ended("Succeeded")]);
        bench.azure.fail_next(Verb::Put, "wave", fault.clone());
        let mut plans = Plans::default();
        plans.chain(chain("t", "wave", OFFLINE));
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), Conclusion::Done, "{fault:?}");
        assert_eq!(bench.azure.count("PUT", &batch_id("t", "wave")), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_while_another_migration_keeps_its_target_busy() {
    let refused = || Fault::Refused(409, "SomethingUnheardOf");
    // Another one that ended so many seconds before the start, and whether that is a reason to wait.
    for (ended_before, waits) in [(Some(30), true), (Some(3600), false), (None, false)] {
        let bench = Bench::new();
        bench.azure.migrations_go([ended("Succeeded")]);
        bench.azure.fail_next(Verb::Put, "wave", refused());
        bench.azure.fail_next(Verb::Put, "wave", refused());
        if let Some(seconds) = ended_before {
            let end = bench.clock.now() - SignedDuration::from_secs(seconds);
            let properties = json!({
                "currentStatus": { "state": "Succeeded" }, "migrationWindowEndTimeInUtc": end.to_string(),
            });
            bench.azure.migration_as(&batch_id("t", "earlier"), properties);
        }
        let mut plans = Plans::default();
        plans.chain(chain("t", "wave", OFFLINE));
        let report = bench.run(&plans.plan()).await.unwrap();
        let starts = bench.azure.count("PUT", &batch_id("t", "wave"));
        assert_eq!(starts == 1, waits, "{ended_before:?}: {}", outcomes(&report));
    }
    // One that is active for ever does not hold the start for ever.
    let bench = Bench::new();
    bench.azure.migrations_go([ended("Succeeded")]);
    let properties = json!({ "currentStatus": { "state": "InProgress" } });
    bench.azure.migration_as(&batch_id("t", "earlier"), properties);
    for _ in 0..100 {
        bench.azure.fail_next(Verb::Put, "wave", refused());
    }
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert!(outcomes(&report).contains("failed"), "{}", outcomes(&report));
    assert!(report.elapsed > Duration::from_secs(20 * 60) && report.elapsed < Duration::from_secs(40 * 60));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_else_took_is_left_alone() {
    let bench = Bench::new();
    bench.azure.migration(
        &batch_id("t", "wave"),
        &["x"],
        json!({ "pgferry-unit": "database_batch.other#1" }),
    );
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", OFFLINE));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @"database_batch.wave#1 failed: the name `wave` is taken by another migration");
    assert_eq!(bench.azure.log(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_run_stays_as_long_as_it_is_told() {
    for (wait, conclusion, log) in [
        (Wait::NoWait, Conclusion::InFlight, vec!["PUT wave", "PUT other"]),
        (Wait::Ready, Conclusion::InFlight, vec!["PUT wave", "PUT other"]),
        (
            Wait::Done,
            Conclusion::Done,
            vec!["PUT wave", "PUT other", "PATCH wave"],
        ),
    ] {
        let mut bench = Bench::new();
        bench.options.wait = wait;
        bench
            .azure
            .script(&batch_id("t", "wave"), [copying(1), ready(json!(0))]);
        bench
            .azure
            .script(&batch_id("u", "other"), [copying(1), ended("Succeeded")]);
        let mut plans = Plans::default();
        plans.chain(chain("t", "wave", AUTOMATIC));
        plans.chain(chain("u", "other", OFFLINE));
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), conclusion, "{wait:?}");
        assert_eq!(bench.azure.log(), log, "{wait:?}");
    }
    let mut bench = Bench::new();
    bench.options.wait = Wait::Ready;
    bench.azure.migrations_go([ready(json!(0))]);
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", BY_HAND));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Waiting);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_migration_is_waited_for_however_it_ends_and_named_where_it_waits_itself() {
    for (statuses, conclusion) in [
        (vec![copying(1), ended("Failed")], Conclusion::Done),
        (vec![copying(1), ready(json!(0))], Conclusion::Waiting),
    ] {
        let bench = Bench::new();
        let theirs = batch_id("t", "theirs");
        bench.azure.migration(&theirs, &["x"], json!({}));
        bench.azure.script(&theirs, statuses);
        bench.azure.migrations_go([ended("Succeeded")]);
        let mut plans = Plans::default();
        let (first, _) = plans.chain(chain("t", "ours", OFFLINE));
        let stranger = plans.add(watch_of_theirs(&theirs));
        plans.behind(first, stranger);
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), conclusion, "{}", outcomes(&report));
        let waits = matches!(
            report.units().values().next(),
            Some(Outcome::Waiting(WaitsFor::Somebody { .. }))
        );
        assert_eq!(waits, conclusion == Conclusion::Waiting, "{}", outcomes(&report));
    }
}

#[tokio::test(start_paused = true)]
async fn many_migrations_under_watch_rest_together() {
    let bench = Bench::new();
    bench
        .azure
        .migrations_go((0..5).map(copying).chain([ended("Succeeded")]));
    let mut plans = Plans::default();
    for at in 0..50 {
        plans.chain(chain(&format!("t{at}"), &format!("m{at}"), OFFLINE));
    }
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    // Five rests of half a minute, one timer each, beside the one that lets the lock go.
    assert!(bench.clock.sleeps() <= 6, "{} timers", bench.clock.sleeps());
}

/// A plan of one migration whose source's password stays in a vault.
fn vaulted() -> Plans {
    let mut plans = Plans::default();
    let (start, _) = plans.chain(chain("t", "a", OFFLINE));
    if let Op::Start { body, .. } = &mut plans.step(start).op {
        let password = SecretRef {
            owner: "source.a".parse().unwrap(),
            attribute: "password".into(),
            vault: Some(IN_VAULT.parse().unwrap()),
        };
        body.set(&["properties", "secretParameters"], Body::Secret(password));
    }
    plans
}

const IN_VAULT: &str = "https://kv-erp.vault.azure.net/secrets/migrator";

#[tokio::test(start_paused = true)]
async fn a_secret_in_a_vault_is_read_anew_for_each_try_of_its_call() {
    let bench = Bench::new();
    bench.vaults.hold(IN_VAULT, "hunter2");
    bench.azure.migrations_go([ended("Succeeded")]);
    let busy = Fault::Refused(409, "ServerIsBusy");
    bench.azure.fail_next(Verb::Put, "migrations/a", busy);
    let report = bench.run(&vaulted().plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @"database_batch.a#1 done");
    assert_eq!(bench.vaults.read(), [IN_VAULT, IN_VAULT]);
    assert!(!bench.heard.has("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn what_a_vault_does_not_give_is_not_sent() {
    let bench = Bench::new();
    let report = bench.run(&vaulted().plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @"database_batch.a#1 failed: a secret could not be read: read the secret https://kv-erp.vault.azure.net/secrets/migrator: SecretNotFound: not found");
    assert_eq!(bench.azure.count("PUT", &batch_id("t", "a")), 0);
}

/// Nobody has heard whether the first try took effect: that the vault gives nothing for a second one is not how the start ended.
#[tokio::test(start_paused = true)]
async fn a_vault_that_refuses_the_next_try_of_a_start_in_doubt_does_not_close_it() {
    let bench = Bench::new();
    bench.vaults.hold(IN_VAULT, "hunter2");
    bench.vaults.close_after(1);
    bench.azure.fail_next(Verb::Put, "migrations/a", Fault::LostRequest);
    let report = bench.run(&vaulted().plan()).await.unwrap();
    assert_eq!(bench.vaults.read(), [IN_VAULT, IN_VAULT]);
    let told = outcomes(&report);
    assert!(
        told.starts_with("database_batch.a#1 failed: the call failed: PUT ") && told.ends_with("connection reset"),
        "{told}"
    );
}
