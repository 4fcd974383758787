//! Who holds the lock when, and what others may do meanwhile.

use std::sync::Arc;
use std::time::Duration;

use pgferry_state::{Actor, Edit, Held, Holder, Intent, RecordKey, RunId, Store};
use serde_json::json;

use super::migrations::{AUTOMATIC, BY_HAND, OFFLINE, asking, completing, copying, ended, ready};
use super::outcomes;
use crate::apply::testing::{Bench, Fault, Fuse, Heard, Plans, batch_id, chain, peering_id, put};
use crate::apply::{
    ApplyError, CancelOrder, Cancelled, Conclusion, CutoverOrder, Outcome, Report, Stopped, cancel, cutover,
};
use crate::arm::migration::{Ending, Migration};
use crate::arm::{ArmId, Found, Verb};
use crate::plan::step::Opens;
use crate::plan::{Gate, Op, Plan};

fn order(plan: &Plan) -> CutoverOrder {
    let gate = plan.steps.iter().find_map(|step| match &step.op {
        Op::Gate(gate) => Some((step.unit.clone(), gate.clone())),
        _ => None,
    });
    let (unit, gate) = gate.unwrap();
    CutoverOrder {
        unit,
        gate: Gate {
            opens: Opens::ByHand,
            ..gate
        },
        patience: Duration::from_secs(120),
        stall_after: Duration::from_secs(900),
    }
}

async fn take(bench: &Bench) -> Box<dyn Held> {
    let holder = Holder::new(Actor::new("somebody"), 7, "import", None, jiff::Timestamp::UNIX_EPOCH);
    bench.store.lock(Intent { holder }).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_state_that_somebody_writes_is_refused_at_once_or_waited_for() {
    let mut bench = Bench::new();
    let mut plans = Plans::default();
    plans.add(put("a"));
    let plan = plans.plan();
    let held = take(&bench).await;
    let refused = bench.run(&plan).await;
    assert!(
        matches!(&refused, Err(ApplyError::Locked(holder)) if holder.process == 7),
        "{refused:?}"
    );

    bench.options.lock_timeout = Duration::from_secs(10);
    let release = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        held.release().await.unwrap();
    };
    let (report, ()) = tokio::join!(bench.run(&plan), release);
    assert_eq!(report.unwrap().conclusion(), Conclusion::Done);
    assert!(bench.heard.has("waits for somebody"));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_watches_lets_others_write_and_waits_for_them() {
    let bench = Bench::new();
    bench.azure.script(
        &batch_id("t", "first"),
        [copying(1), copying(2), copying(3), ended("Succeeded")],
    );
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "first", OFFLINE));
    let (next, _) = plans.chain(chain("t", "next", OFFLINE));
    plans.behind(next, last);
    let plan = plans.plan();
    let write = async {
        tokio::time::sleep(Duration::from_secs(70)).await;
        let held = take(&bench).await;
        let edit = Edit::Put {
            key: "database_batch.apart#1".parse().unwrap(),
            document: json!({}),
        };
        held.commit(vec![edit]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        held.release().await.unwrap();
    };
    let (report, ()) = tokio::join!(bench.run(&plan), write);
    let report = report.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
    assert!(bench.heard.has("waits for somebody"));
    assert_eq!(report.elapsed.as_secs(), 130);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_somebody_wrote_meanwhile_stops_its_step_and_no_other() {
    let bench = Bench::new();
    bench
        .azure
        .migrations_go([copying(1), copying(2), copying(3), ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "first", OFFLINE));
    let moved = plans.add(put("moved"));
    let kept = plans.add(put("kept"));
    let made = plans.add(put("made"));
    for step in [moved, kept, made] {
        plans.after(step, last);
    }
    let plan = plans.plan();
    let write = async {
        tokio::time::sleep(Duration::from_secs(70)).await;
        let held = take(&bench).await;
        let key: RecordKey = "vnet_peering.moved".parse().unwrap();
        let document = json!({});
        held.commit(vec![Edit::Put { key, document }]).await.unwrap();
        held.release().await.unwrap();
        bench.azure.object(&peering_id("made"), json!({}));
    };
    let (report, ()) = tokio::join!(bench.run(&plan), write);
    insta::assert_snapshot!(outcomes(&report.unwrap()), @"
    database_batch.first#1 done
    vnet_peering.kept done
    vnet_peering.made failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/made exists by now
    vnet_peering.moved failed: the records of vnet_peering.moved were written since the plan was made
    ");
}

/// A run that watches a migration, with something to make afterwards; meanwhile others come. Whether it went on afterwards.
async fn watching_while(others: impl AsyncFn(&Bench)) -> (Bench, Report) {
    let bench = Bench::new();
    bench
        .azure
        .migrations_go([copying(1), copying(2), copying(3), copying(4), ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "first", OFFLINE));
    let later = plans.add(put("later"));
    plans.after(later, last);
    let plan = plans.plan();
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(70)).await;
        others(&bench).await;
    };
    let (report, ()) = tokio::join!(bench.run(&plan), meanwhile);
    let report = report.unwrap();
    assert_eq!(bench.azure.has(&peering_id("later")), report.stopped.is_none());
    (bench, report)
}

/// Another process makes something else: beside an open run, or in its place.
async fn makes(name: &str, bench: &Bench, is_beside: bool) {
    let mut other = Bench::on_same(bench);
    other
        .with(async |ports| crate::apply::reconcile(&ports, &other.options, &other.interrupt, &other.heard).await)
        .await
        .unwrap();
    let open = other.store.load().await.unwrap().unwrap().run;
    other.options.beside = open.filter(|_| is_beside).map(|open| open.id);
    let mut plans = Plans::default();
    plans.add(put(name));
    let report = other.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_one_of_something_else_closed_opens_itself_again() {
    let (bench, report) = watching_while(async |bench| makes("other", bench, true).await).await;
    assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.run, None);
    assert_eq!(snapshot.history.len(), 3);
}

/// What was approved once is not done any more once a later plan stands in its place, whoever still watches.
#[tokio::test(start_paused = true)]
async fn a_run_that_another_one_stands_in_the_place_of_begins_nothing_more() {
    let whole = watching_while(async |bench| makes("other", bench, false).await).await;
    // The second one knows of the first only, which it finds closed.
    let third = watching_while(async |bench| {
        makes("other", bench, true).await;
        makes("another", bench, false).await;
    });
    let (empty, left) = (&[][..], &["`first` is no longer declared"][..]);
    let closed = watching_while(async |bench| nothing_to_do(bench, empty).await);
    let behind = watching_while(async |bench| {
        makes("other", bench, true).await;
        nothing_to_do(bench, left).await;
    });
    for (bench, report) in [whole, third.await, closed.await, behind.await] {
        assert!(matches!(report.stopped, Some(Stopped::Closed)), "{:?}", report.stopped);
        assert_eq!(report.conclusion(), Conclusion::InFlight);
        assert_eq!(bench.store.load().await.unwrap().unwrap().run, None);
    }
}

async fn nothing_to_do(bench: &Bench, left: &[&str]) {
    let other = Bench::on_same(bench);
    let fingerprint = Plans::default().plan().fingerprint();
    for _ in 0..2 {
        other
            .with(async |ports| crate::apply::close(&ports, &other.options, &fingerprint, left, 0, &other.heard).await)
            .await
            .unwrap();
    }
    let history = bench.store.load().await.unwrap().unwrap().history;
    let told = history.iter().filter(|entry| entry.summary.contains("nothing to do"));
    assert_eq!(told.count(), usize::from(!left.is_empty()), "it is told once");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_one_took_over_writes_nothing_more() {
    let bench = Bench::new();
    bench
        .azure
        .migrations_go([copying(1), copying(2), copying(3), ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "first", OFFLINE));
    let later = plans.add(put("later"));
    plans.after(later, last);
    let plan = plans.plan();
    let take_over = async {
        tokio::time::sleep(Duration::from_secs(70)).await;
        let held = take(&bench).await;
        let open = held.snapshot().await.unwrap().run.unwrap();
        let end = Edit::EndRun {
            account: pgferry_state::Account::default(),
            run: open.id,
            finished: jiff::Timestamp::UNIX_EPOCH,
            outcome: pgferry_state::RunOutcome::Abandoned,
            summary: String::new(),
        };
        let begin = Edit::BeginRun {
            approval: None,
            run: RunId::random(),
            started: jiff::Timestamp::UNIX_EPOCH,
            by: Actor::new("somebody"),
            plan: json!({}),
            plan_fingerprint: String::new(),
        };
        held.commit(vec![end, begin]).await.unwrap();
        held.release().await.unwrap();
    };
    let (report, ()) = tokio::join!(bench.run(&plan), take_over);
    let report = report.unwrap();
    assert!(
        matches!(report.stopped, Some(Stopped::TakenOver(_))),
        "{:?}",
        report.stopped
    );
    assert_eq!(report.conclusion(), Conclusion::InFlight);
    assert!(!bench.azure.has(&peering_id("later")));
}

#[tokio::test(start_paused = true)]
async fn a_cutover_by_hand_works_beside_a_run_that_watches_and_releases_what_is_queued() {
    let bench = Bench::new();
    let first = batch_id("t", "first");
    bench.azure.script(&first, [copying(1), ready(json!(0))]);
    bench.azure.after_cutover(&first, [completing(), ended("Succeeded")]);
    bench.azure.script(
        &batch_id("u", "busy"),
        (0..40).map(|at| copying(at % 10)).chain([ended("Succeeded")]),
    );
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    let (_, last) = plans.chain(chain("t", "first", BY_HAND));
    let (next, _) = plans.chain(chain("t", "next", OFFLINE));
    plans.behind(next, last);
    plans.chain(chain("u", "busy", OFFLINE));
    let plan = plans.plan();
    let hand = Bench::on_same(&bench);
    let by_hand = async {
        tokio::time::sleep(Duration::from_secs(200)).await;
        hand.with(async |ports| cutover(&order(&plan), &ports, &hand.options, &hand.interrupt, &hand.heard).await)
            .await
    };
    let (report, cut) = tokio::join!(bench.run(&plan), by_hand);
    let cut = cut.unwrap();
    assert!(matches!(cut.outcome, Outcome::Done), "{cut:?}");
    assert_eq!(cut.downtime.unwrap().took, Duration::from_secs(10));
    assert_eq!(report.unwrap().conclusion(), Conclusion::Done);
    assert_eq!(bench.azure.log(), ["PUT first", "PUT busy", "PATCH first", "PUT next"]);
    insta::assert_snapshot!(words(&hand.heard, "database_batch.first"), @"
    200 lock taken
    200 cutover of database_batch.first#1
    ");
    // While a person is waited for, a gate that stays as it is says nothing more.
    let mut read = bench.heard.words();
    read.retain(|line| line.starts_with("gate of"));
    assert_eq!(read, ["gate of database_batch.first#1: 1 of 1, lag Some(0ns)"]);
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.run, None);
    // Who cut over is told apart from the run that it happened beside.
    let told: Vec<&str> = snapshot.history.iter().map(|run| run.summary.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "apply database_batch.first#1: triggered");
    assert_eq!(snapshot.history[0].plan_fingerprint, "cutover by hand");
}

fn words(heard: &Heard, about: &str) -> String {
    let lines = heard
        .lines()
        .into_iter()
        .filter(|line| !line.contains(about) || line.contains("cutover of"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Its intent stands in the journal of a run whose plan knows nothing of it.
#[tokio::test(start_paused = true)]
async fn a_cutover_by_hand_that_was_killed_beside_an_open_run_stands_in_nobodys_way() {
    let mut kills = 0;
    for length in 0.. {
        let bench = Bench::new();
        let first = batch_id("t", "first");
        bench.azure.script(&first, [copying(1), ready(json!(0))]);
        bench.azure.after_cutover(&first, [completing(), ended("Succeeded")]);
        let mut plans = Plans::default();
        plans.chain(chain("t", "first", BY_HAND));
        let plan = plans.plan();
        let left = bench.run(&plan).await.unwrap();
        assert_eq!(left.conclusion(), Conclusion::Waiting);
        let fuse = Fuse::of(length);
        let hand = Bench::with_fuse(Arc::clone(&bench.azure), bench.store.clone(), fuse.clone());
        let cut =
            hand.with(async |ports| cutover(&order(&plan), &ports, &hand.options, &hand.interrupt, &hand.heard).await);
        let finished = tokio::select! {
            biased;
            () = fuse.blown() => false,
            cut = cut => { cut.unwrap(); true }
        };
        let next = Bench::on_same(&bench);
        next.with(async |ports| crate::apply::reconcile(&ports, &next.options, &next.interrupt, &next.heard).await)
            .await
            .unwrap();
        let mut plans = Plans::default();
        plans.add(put("other"));
        let report = next.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), Conclusion::Done, "after {length} calls");
        assert_eq!(
            next.store.load().await.unwrap().unwrap().run,
            None,
            "after {length} calls"
        );
        if finished {
            break;
        }
        kills += 1;
    }
    assert!(kills > 10, "only {kills} instants");
}

#[tokio::test(start_paused = true)]
async fn a_cutover_by_hand_alone_is_in_the_history() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", BY_HAND));
    let plan = plans.plan();
    bench
        .azure
        .migration(&batch_id("t", "wave"), &["wavea", "waveb"], json!({}));
    bench.azure.migrations_go([ready(json!(0))]);
    let cut = bench
        .with(async |ports| cutover(&order(&plan), &ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await
        .unwrap();
    assert!(matches!(cut.outcome, Outcome::Done), "{cut:?}");
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.run, None);
    assert_eq!(snapshot.history[0].summary, "apply database_batch.wave#1: triggered");
}

#[tokio::test(start_paused = true)]
async fn a_cutover_by_hand_does_not_pass_a_closed_gate() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let plan = plans.plan();
    bench
        .azure
        .migration(&batch_id("t", "wave"), &["wavea", "waveb"], json!({}));
    bench.azure.migrations_go([ready(json!(40))]);
    let refused = bench
        .with(async |ports| cutover(&order(&plan), &ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await;
    insta::assert_snapshot!(crate::apply::run::in_full(&refused.unwrap_err()), @"database_batch.wave#1 failed: the conditions for the cutover did not hold within 120 s");
    assert_eq!(bench.azure.log(), Vec::<String>::new());
}

/// What somebody saw before agreeing to a cancel.
async fn cancel_order(bench: &Bench, id: &ArmId) -> CancelOrder {
    let Found::Present(json) = bench.with(async |ports| ports.arm.get(id).await).await.unwrap() else {
        panic!("{id} is there");
    };
    CancelOrder {
        unit: "database_batch.wave#1".parse().unwrap(),
        shown: Migration::read(id.clone(), &json),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_over_already_is_not_called_triggered_in_the_history() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", BY_HAND));
    let plan = plans.plan();
    let id = batch_id("t", "wave");
    bench.azure.migration(&id, &["wavea", "waveb"], json!({}));
    bench
        .azure
        .script(&id, [completing(), completing(), ended("Succeeded")]);
    let cut = bench
        .with(async |ports| cutover(&order(&plan), &ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await
        .unwrap();
    assert!(matches!(cut.outcome, Outcome::Done), "{cut:?}");
    assert_eq!(cut.downtime, None);
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(
        snapshot.history[0].summary,
        "apply database_batch.wave#1: not triggered, it was cut over already"
    );
}

#[tokio::test(start_paused = true)]
async fn a_cutover_that_a_lost_database_stands_against_is_refused_at_once() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let plan = plans.plan();
    let id = batch_id("t", "wave");
    bench.azure.migration(&id, &["wavea", "waveb"], json!({}));
    let mut lost = ready(json!(0));
    lost["database"]["migrationState"] = json!("Canceled");
    bench.azure.script(&id, [lost.clone()]);
    let refused = bench
        .with(async |ports| cutover(&order(&plan), &ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await;
    let error = crate::apply::run::in_full(&refused.unwrap_err());
    assert!(error.contains("did not hold within 0 s"), "{error}");

    // A run waits for a person, since nothing it waits for would open the gate.
    let bench = Bench::new();
    bench.azure.script(&id, [lost]);
    let report = bench.run(&plan).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Waiting, "{}", outcomes(&report));
    assert_eq!(bench.azure.log(), ["PUT wave"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_takes_no_more_than_was_agreed_to() {
    let shown_and_now = [
        (
            ready(json!(0)),
            completing(),
            "its cutover was triggered since you were asked",
        ),
        (
            asking("WaitingForTargetDBOverwriteConfirmation"),
            copying(3),
            "it has begun to copy since you were asked",
        ),
    ];
    for (shown, now, why) in shown_and_now {
        let bench = Bench::new();
        let id = batch_id("t", "wave");
        bench.azure.migration(&id, &["wavea"], json!({}));
        bench.azure.script(&id, [shown]);
        let order = cancel_order(&bench, &id).await;
        bench.azure.script(&id, [now]);
        let cancelled = bench
            .with(async |ports| cancel(&order, &ports, &bench.options, &bench.interrupt, &bench.heard).await)
            .await;
        let error = crate::apply::run::in_full(&cancelled.unwrap_err());
        assert_eq!(error, format!("database_batch.wave#1 failed: {why}"));
        assert_eq!(bench.azure.log(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_whose_request_or_reply_was_lost_is_heard_once() {
    for fault in [Fault::LostRequest, Fault::LostReply] {
        let bench = Bench::new();
        let id = batch_id("t", "wave");
        bench.azure.migration(&id, &["x"], json!({}));
        bench.azure.script(&id, [copying(1)]);
        bench.azure.fail_next(Verb::Patch, "wave", fault.clone());
        let order = cancel_order(&bench, &id).await;
        let cancelled = bench
            .with(async |ports| cancel(&order, &ports, &bench.options, &bench.interrupt, &bench.heard).await)
            .await;
        assert_eq!(cancelled.unwrap(), Cancelled::Ended(Ending::Canceled), "{fault:?}");
        assert_eq!(bench.azure.count("PATCH", &id), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_waits_until_the_migration_is_over_and_refuses_one_that_is() {
    let bench = Bench::new();
    let migration = batch_id("t", "wave");
    bench.azure.migration(&migration, &["wavea"], json!({}));
    bench.azure.migrations_go([copying(1)]);
    let order = cancel_order(&bench, &migration).await;
    let cancelled = bench
        .with(async |ports| cancel(&order, &ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await;
    assert_eq!(cancelled.unwrap(), Cancelled::Ended(Ending::Canceled));
    assert_eq!(bench.azure.log(), ["PATCH wave"]);
    let again = bench
        .with(async |ports| cancel(&order, &ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await;
    insta::assert_snapshot!(crate::apply::run::in_full(&again.unwrap_err()), @"database_batch.wave#1 failed: `wave` is Canceled, not running");
}

/// The refusal says nothing of the request before it, which nobody answered.
#[tokio::test(start_paused = true)]
async fn an_unanswered_cancel_stays_open_though_the_next_try_was_refused_and_interrupted() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.migration(&id, &["wavea"], json!({}));
    bench.azure.script(&id, [completing()]);
    bench.azure.fail_next(Verb::Patch, "wave", Fault::LostRequest);
    for _ in 0..50 {
        let busy = Fault::Refused(409, "ServerIsBusy");
        bench.azure.fail_next(Verb::Patch, "wave", busy);
    }
    let order = cancel_order(&bench, &id).await;
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        bench.interrupter.interrupt();
    };
    let cancelling = bench.with(async |ports| {
        let (cancelled, ()) = tokio::join!(
            cancel(&order, &ports, &bench.options, &bench.interrupt, &bench.heard),
            interrupt
        );
        cancelled
    });
    assert_eq!(cancelling.await.unwrap(), Cancelled::InFlight);
    assert_eq!(bench.azure.count("PATCH", &id), 0);
}
