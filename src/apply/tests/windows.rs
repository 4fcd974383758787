//! What is held until its window opens, and goes on then. The clock begins on Thursday, 1 January 1970, at midnight.

use std::time::Duration;

use pgferry_state::Store;
use serde_json::json;

use super::migrations::{AUTOMATIC, OFFLINE, completing, ended, ready};
use super::outcomes;
use crate::apply::observer::Held;
use crate::apply::testing::{Bench, Fault, Plans, batch_id, chain};
use crate::apply::{ApplyError, Conclusion, CutoverOrder, Outcome, Report, StepError, Wait, WaitsFor, cutover, resume};
use crate::arm::Verb;
use crate::plan::step::Opens;
use crate::plan::{Gate, Op, StepId};
use crate::window::{Window, Zone};

fn hours(hours: &str) -> Window {
    Window {
        zone: Zone::default(),
        not_before: None,
        not_after: None,
        hours: vec![hours.parse().unwrap()],
        closed: Vec::new(),
    }
}

fn until(second: i64) -> Window {
    Window {
        not_after: Some(jiff::Timestamp::from_second(second).unwrap()),
        hours: Vec::new(),
        ..hours("Mon")
    }
}

fn limit(plans: &mut Plans, step: StepId, within: Window) {
    match &mut plans.step(step).op {
        Op::Start { window, .. } => *window = Some(within),
        Op::Gate(gate) => gate.window = Some(within),
        other => panic!("{other:?} has no window"),
    }
}

fn second(id: StepId) -> StepId {
    StepId(id.0 + 2)
}

/// When steps began and what was told of windows, with the seconds.
fn told(bench: &Bench) -> Vec<String> {
    let lines = bench.heard.lines().into_iter();
    let kept = lines.filter(|line| {
        let words = ["begins", "waits for Window", "goes on", "cutover of", "failed"];
        words.iter().any(|word| line.contains(word))
    });
    kept.map(|line| line.trim().chars().take(55).collect()).collect()
}

fn held(report: &Report) -> Vec<(String, Held)> {
    let units = report.units().into_iter();
    units
        .filter_map(|(unit, outcome)| match outcome {
            Outcome::Waiting(WaitsFor::Window { holds, .. }) => Some((unit.to_string(), *holds)),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_start_is_held_without_the_lock_and_what_queues_behind_it_keeps_its_place() {
    let bench = Bench::new();
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    let (first, last) = plans.chain(chain("t", "first", OFFLINE));
    let (behind, _) = plans.chain(chain("t", "behind", OFFLINE));
    plans.chain(chain("other", "free", OFFLINE));
    plans.behind(behind, last);
    limit(&mut plans, first, hours("02:00-03:00"));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
    assert_eq!(bench.azure.log(), ["PUT free", "PUT first", "PUT behind"]);
    let lines = bench.heard.lines();
    let at = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert!(
        at("lock released") < at("7200 begins 0 database_batch.first#1"),
        "{lines:#?}"
    );
    assert_eq!(
        told(&bench)[..4],
        [
            "0 database_batch.first#1 waits for Window { holds: Star",
            "0 begins 4 database_batch.free#1",
            "0 begins 5 database_batch.free#1",
            "7200 database_batch.first#1 goes on",
        ],
        "{lines:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_stay_leaves_it_to_a_later_one() {
    let bench = Bench::new();
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut leaving = Bench::on_same(&bench);
    leaving.options.wait = Wait::NoWait;
    let mut plans = Plans::default();
    let (first, _) = plans.chain(chain("t", "wave", OFFLINE));
    limit(&mut plans, first, hours("02:00-03:00"));
    let report = leaving.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::InFlight);
    assert_eq!(held(&report), [("database_batch.wave#1".to_owned(), Held::Start)]);
    assert_eq!(report.counts().left, 1);
    assert!(bench.azure.log().is_empty());
    let resumed = bench
        .with(async |ports| resume(&ports, &bench.options, &bench.interrupt, &bench.heard).await)
        .await;
    assert_eq!(resumed.unwrap().unwrap().conclusion(), Conclusion::Done);
    assert!(
        bench.heard.has("7200 begins 0 database_batch.wave#1"),
        "{:#?}",
        bench.heard.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn a_cutover_is_triggered_as_soon_as_its_window_opens_and_not_before() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [ready(json!(0))]);
    bench.azure.after_cutover(&id, [completing(), ended("Succeeded")]);
    let mut plans = Plans::default();
    let (first, _) = plans.chain(chain("t", "wave", AUTOMATIC));
    limit(&mut plans, second(first), hours("Thu 22:00-04:00"));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
    let lines = told(&bench);
    assert_eq!(
        lines[lines.len() - 4..],
        [
            "79200 database_batch.wave#1 goes on",
            "79200 begins 3 database_batch.wave#1",
            "79200 cutover of database_batch.wave#1",
            "79200 begins 4 database_batch.wave#1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_between_gate_and_trigger_holds_the_cutover_until_the_next_one() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [ready(json!(0))]);
    bench.azure.after_cutover(&id, [completing(), ended("Succeeded")]);
    for _ in 0..4 {
        let busy = Fault::Refused(409, "ServerIsBusy");
        bench.azure.fail_next(Verb::Patch, "wave", busy);
    }
    let mut plans = Plans::default();
    let (first, _) = plans.chain(chain("t", "wave", AUTOMATIC));
    limit(&mut plans, second(first), hours("00:00-00:01"));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
    assert_eq!(bench.azure.count("PATCH", &id), 1);
    let lines = told(&bench);
    let held = "database_batch.wave#1 waits for Window { holds: Cut";
    assert!(lines.iter().any(|line| line.contains(held)), "{lines:#?}");
    // What was seen a day ago counts for nothing: the whole row is read again.
    let readings = bench.heard.lines();
    let later = readings
        .iter()
        .filter(|line| line.trim().starts_with("864") && line.contains("gate of"));
    let good: Vec<bool> = later.map(|line| line.contains(": 1 of 2")).collect();
    assert_eq!(good.first(), Some(&true), "{readings:#?}");
    let cutover = lines.iter().find(|line| line.contains("cutover of")).unwrap();
    let second: u64 = cutover.split(' ').next().unwrap().parse().unwrap();
    assert!((86_400..86_460).contains(&second), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_may_never_begin_any_more_fails_and_does_nothing() {
    let bench = Bench::new();
    bench.azure.script(&batch_id("t", "late"), [ready(json!(9))]);
    bench.azure.migrations_go([ended("Succeeded")]);
    let mut plans = Plans::default();
    let (late, _) = plans.chain(chain("t", "late", AUTOMATIC));
    let (over, _) = plans.chain(chain("other", "over", OFFLINE));
    limit(&mut plans, second(late), until(3600));
    limit(&mut plans, over, until(0));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Failed);
    assert_eq!(bench.azure.log(), ["PUT late"]);
    let closed = |unit: &str| {
        let units = report.units();
        let found = units.into_iter().find(|(known, _)| known.to_string() == unit);
        matches!(
            found,
            Some((_, Outcome::Failed(StepError::WindowClosed { opens: None, .. })))
        )
    };
    assert!(closed("database_batch.late#1"), "{}", outcomes(&report));
    assert!(closed("database_batch.over#1"), "{}", outcomes(&report));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_told_when_the_window_opens_and_does_not_wait_for_it() {
    let bench = Bench::new();
    let id = batch_id("t", "wave");
    bench.azure.script(&id, [ready(json!(0))]);
    let mut leaving = Bench::on_same(&bench);
    leaving.options.wait = Wait::NoWait;
    let mut plans = Plans::default();
    plans.chain(chain("t", "wave", AUTOMATIC));
    let plan = plans.plan();
    let _ = leaving.run(&plan).await.unwrap();
    let gate = plan.steps.iter().find_map(|step| match &step.op {
        Op::Gate(gate) => Some(gate.clone()),
        _ => None,
    });
    let order = |window| CutoverOrder {
        unit: "database_batch.wave#1".parse().unwrap(),
        gate: Gate {
            opens: Opens::ByHand,
            window,
            ..gate.clone().unwrap()
        },
        patience: Duration::from_secs(120),
        stall_after: Duration::from_secs(900),
    };
    let by_hand = async |order: CutoverOrder| {
        bench
            .with(async |ports| cutover(&order, &ports, &leaving.options, &bench.interrupt, &bench.heard).await)
            .await
    };
    let refused = by_hand(order(Some(hours("Fri")))).await.unwrap_err();
    let ApplyError::Step { source, .. } = &refused else {
        panic!("{refused}");
    };
    assert!(
        matches!(**source, StepError::WindowClosed { opens: Some(_), .. }),
        "{source}"
    );
    assert_eq!(bench.azure.count("PATCH", &id), 0);
    let _ = by_hand(order(None)).await.unwrap();
    assert_eq!(bench.azure.count("PATCH", &id), 1);
    assert!(bench.store.load().await.unwrap().unwrap().run.is_some());
}
