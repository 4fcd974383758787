//! How long an apply takes, in time that jumps: hardly longer than its longest path, or than the scope with the most to do.

use std::collections::HashMap;
use std::time::Duration;

use super::migrations::{OFFLINE, copying, ended};
use crate::apply::testing::{Azure, Bench, Plans, chain, peering_id, put, target_id};
use crate::apply::{Conclusion, Report};
use crate::arm::ArmId;
use crate::plan::{Op, Plan, StepId};

/// What each write of these plans takes.
const WRITE: Duration = Duration::from_secs(30);

/// An Azure whose writes take their time, and whose migrations take about twenty minutes.
fn azure() -> Azure {
    let azure = Azure::long_running(WRITE);
    azure.migrations_go(
        (0..10)
            .map(copying)
            .chain((0..15).map(|_| copying(10)))
            .chain([ended("Succeeded")]),
    );
    azure
}

async fn run(plans: Plans) -> (Plan, Report) {
    let mut bench = Bench::on(azure());
    bench.options.parallelism = 100;
    let plan = plans.plan();
    let report = bench.run(&plan).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    (plan, report)
}

/// How long a migration takes that is alone.
async fn migration() -> Duration {
    let mut plans = Plans::default();
    plans.chain(chain("alone", "alone", OFFLINE));
    let (_, report) = run(plans).await;
    report.elapsed
}

/// The least that a plan can take: its longest path, or all the writes of one scope.
fn bound(plan: &Plan, migration: Duration) -> Duration {
    let takes = |op: &Op| match op {
        Op::Put { .. } | Op::Delete { .. } | Op::Cutover { .. } => WRITE,
        Op::Await(_) => migration,
        Op::Start { .. } | Op::Gate(_) | Op::Note => Duration::ZERO,
    };
    let mut ends: HashMap<StepId, Duration> = HashMap::new();
    let mut scopes: HashMap<&ArmId, Duration> = HashMap::new();
    // These plans name what a step waits for before the step itself.
    for step in &plan.steps {
        let before = step.after.keys().chain(&step.behind).map(|id| ends[id]);
        let end = before.max().unwrap_or_default() + takes(&step.op);
        ends.insert(step.id, end);
        for scope in &step.scopes {
            *scopes.entry(scope).or_default() += takes(&step.op);
        }
    }
    ends.into_values().chain(scopes.into_values()).max().unwrap()
}

async fn expect_short(name: &str, plans: Plans) {
    let alone = migration().await;
    let (plan, report) = run(plans).await;
    let bound = bound(&plan, alone);
    let ratio = report.elapsed.as_secs_f64() / bound.as_secs_f64();
    assert!(
        (1.0..=1.05).contains(&ratio),
        "{name}: {:?} where {bound:?} are the least",
        report.elapsed
    );
}

/// A write that holds these networks.
fn write(plans: &mut Plans, name: &str, networks: &[&str]) -> StepId {
    let step = plans.add(put(name));
    plans.step(step).scopes = networks.iter().map(|network| peering_id(network)).collect();
    step
}

#[tokio::test(start_paused = true)]
async fn what_a_migration_waits_for_goes_before_what_nothing_waits_for() {
    let mut plans = Plans::default();
    for number in 0..40 {
        write(&mut plans, &format!("link{number}"), &["zone"]);
    }
    let last = write(&mut plans, "last", &["zone"]);
    let (start, _) = plans.chain(chain("t", "wave", OFFLINE));
    plans.after(start, last);
    expect_short("one zone", plans).await;
}

#[tokio::test(start_paused = true)]
async fn the_longest_queue_of_migrations_begins_first() {
    let mut plans = Plans::default();
    for number in 0..20 {
        let spoke = format!("spoke{number}");
        let forth = write(&mut plans, &format!("forth{number}"), &["hub", &spoke]);
        let back = write(&mut plans, &format!("back{number}"), &["hub", &spoke]);
        let mut before = None;
        for wave in 0..if number == 19 { 4 } else { 1 } {
            let (start, end) = plans.chain(chain(&spoke, &format!("w{number}x{wave}"), OFFLINE));
            plans.after(start, forth);
            plans.after(start, back);
            if let Some(before) = before.replace(end) {
                plans.behind(start, before);
            }
        }
    }
    expect_short("a hub", plans).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_of_two_busy_networks_is_not_passed_over_for_good() {
    let mut plans = Plans::default();
    // It comes late, and while both are busy: one of them half a write after the other.
    let first = write(&mut plans, "first", &["elsewhere"]);
    let bridge = write(&mut plans, "bridge", &["left", "right"]);
    plans.after(bridge, first);
    let (start, _) = plans.chain(chain("t", "wave", OFFLINE));
    plans.after(start, bridge);
    for number in 0..30 {
        write(&mut plans, &format!("left{number}"), &["left"]);
        write(&mut plans, &format!("right{number}"), &["right"]);
    }
    let bench = Bench::on(azure());
    bench.azure.takes(&peering_id("right0"), WRITE / 2);
    let plan = plans.plan();
    let report = bench.run(&plan).await.unwrap();
    let least = bound(&plan, migration().await);
    // At the worst it waits three times for one network while the other is free, and for the second of them.
    assert!(
        report.elapsed <= least + 3 * WRITE,
        "{:?} where {least:?} are the least",
        report.elapsed
    );
}

#[tokio::test(start_paused = true)]
async fn servers_that_have_nothing_to_do_with_each_other_do_not_wait_for_each_other() {
    let mut plans = Plans::default();
    for number in 0..50 {
        let network = format!("n{number}");
        let forth = write(&mut plans, &format!("forth{number}"), &[&network]);
        let back = write(&mut plans, &format!("back{number}"), &[&network]);
        let (start, _) = plans.chain(chain(target_id(&network).name(), &format!("w{number}"), OFFLINE));
        plans.after(start, forth);
        plans.after(start, back);
    }
    expect_short("a fleet", plans).await;
}
