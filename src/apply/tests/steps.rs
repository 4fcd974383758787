//! Order, failures, faults of calls, interrupts.

use std::time::Duration;

use crate::address::UnitAddress;
use crate::apply::testing::{Azure, Bench, Fault, Plans, Tally, peering_id, put};
use crate::apply::{ApplyError, Conclusion, OnError, Settled, Stopped, reconcile, resume};
use crate::arm::Verb;
use crate::kind::Compare;
use crate::plan::Op;
use crate::plan::step::{Finds, Member, Remember, StepTarget};
use insta::assert_snapshot;
use serde_json::json;

use super::outcomes;
use pgferry_state::{RunOutcome, Store};

#[tokio::test(start_paused = true)]
async fn steps_run_in_order_and_are_remembered() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.chain(vec![put("a"), put("b")]);
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(report.conclusion(), Conclusion::Done);
    assert_snapshot!(bench.heard.words().join("\n"), @r"
    lock taken
    run of 2 steps
    begins 0 vnet_peering.a
    done 0 vnet_peering.a
    begins 1 vnet_peering.b
    done 1 vnet_peering.b
    ");
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.records.len(), 2);
    assert_eq!(snapshot.run, None);
    assert_eq!(snapshot.history[0].outcome, RunOutcome::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_failed_step_is_skipped_and_what_is_behind_it_runs() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    let failing = plans.add(put("failing"));
    let after = plans.add(put("after"));
    let further = plans.add(put("further"));
    let behind = plans.add(put("behind"));
    plans.add(put("apart"));
    plans.after(after, failing);
    plans.after(further, after);
    plans.behind(behind, further);
    bench
        .azure
        .fail_next(Verb::Put, "failing", Fault::Refused(400, "InvalidInput"));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @r"
    vnet_peering.after skipped because of 0
    vnet_peering.apart done
    vnet_peering.behind done
    vnet_peering.failing failed: the call failed: PUT /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/failing: InvalidInput: refused
    vnet_peering.further skipped because of 1
    ");
    assert_eq!(report.conclusion(), Conclusion::Failed);
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.history[0].outcome, RunOutcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_run_may_stop_at_the_first_error() {
    let mut bench = Bench::new();
    bench.options.on_error = OnError::Stop;
    bench.options.parallelism = 1;
    let mut plans = Plans::default();
    plans.add(put("failing"));
    plans.add(put("other"));
    bench
        .azure
        .fail_next(Verb::Put, "failing", Fault::Refused(400, "InvalidInput"));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert!(matches!(report.stopped, Some(Stopped::OnError)));
    assert_eq!(bench.azure.log(), Vec::<String>::new());
    assert_eq!(bench.store.load().await.unwrap().unwrap().run, None);
}

/// An update of a peering as it was seen, and its deletion.
fn update_and_delete(seen: bool) -> [(UnitAddress, Op, Remember); 2] {
    let members = vec![Member {
        path: vec!["properties".into(), "allowForwardedTraffic".into()],
        value: json!(seen),
        compare: Compare::Exact,
    }];
    let (unit, op, then) = put("updated");
    let Op::Put {
        target,
        body,
        brings,
        query,
        ..
    } = op
    else {
        unreachable!()
    };
    let finds = Finds::Members(members.clone());
    let update = Op::Put {
        target,
        body,
        brings,
        query,
        finds,
    };
    let delete = Op::Delete {
        target: StepTarget::Known(peering_id("deleted")),
        finds: Finds::Members(members),
    };
    [
        (unit, update, then),
        ("vnet_peering.deleted".parse().unwrap(), delete, Remember::Forget),
    ]
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_since_the_plan_is_neither_updated_nor_deleted() {
    for (seen, conclusion, calls) in [(true, Conclusion::Failed, 0), (false, Conclusion::Done, 2)] {
        let bench = Bench::new();
        for name in ["updated", "deleted"] {
            let now = json!({ "properties": { "allowForwardedTraffic": false } });
            bench.azure.object(&peering_id(name), now);
        }
        let mut plans = Plans::default();
        for step in update_and_delete(seen) {
            plans.add(step);
        }
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), conclusion, "{}", outcomes(&report));
        assert_eq!(bench.azure.log().len(), calls, "{:?}", bench.azure.log());
        if seen {
            assert_snapshot!(outcomes(&report), @r"
            vnet_peering.deleted failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/deleted was changed since the plan was made: properties.allowForwardedTraffic
            vnet_peering.updated failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/updated was changed since the plan was made: properties.allowForwardedTraffic
            ");
        }
    }
}

/// Whoever is in the way may be changing that very object: the body of the plan would take it back.
#[tokio::test(start_paused = true)]
async fn what_somebody_changed_while_a_conflict_passed_is_neither_updated_nor_deleted() {
    for changed in [true, false] {
        let bench = Bench::new();
        let object = |allowed: bool| json!({ "properties": { "allowForwardedTraffic": allowed } });
        for (verb, name) in [(Verb::Put, "updated"), (Verb::Delete, "deleted")] {
            bench.azure.object(&peering_id(name), object(true));
            let conflict = Fault::Refused(409, "AnotherOperationInProgress");
            bench.azure.fail_next(verb, name, conflict);
        }
        let mut plans = Plans::default();
        for step in update_and_delete(true) {
            plans.add(step);
        }
        let others = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for name in ["updated", "deleted"].into_iter().filter(|_| changed) {
                bench.azure.object(&peering_id(name), object(false));
            }
        };
        let plan = plans.plan();
        let (report, ()) = tokio::join!(bench.run(&plan), others);
        let report = report.unwrap();
        if changed {
            assert_snapshot!(outcomes(&report), @"
            vnet_peering.deleted failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/deleted was changed since the plan was made: properties.allowForwardedTraffic
            vnet_peering.updated failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/updated was changed since the plan was made: properties.allowForwardedTraffic
            ");
            assert_eq!(bench.azure.log(), Vec::<String>::new());
        } else {
            assert_eq!(report.conclusion(), Conclusion::Done, "{}", outcomes(&report));
            assert_eq!(bench.azure.log(), ["PUT updated", "DELETE deleted"]);
        }
    }
}

/// That a call was meant to be sent is no licence to do it days later to whatever is there by then.
#[tokio::test(start_paused = true)]
async fn what_somebody_made_after_a_lost_create_is_neither_overwritten_nor_taken_for_ours() {
    for (found, done) in [
        (json!({ "allowForwardedTraffic": false }), false),
        (json!({ "allowForwardedTraffic": true }), true),
    ] {
        let bench = Bench::new();
        for _ in 0..9 {
            bench.azure.fail_next(Verb::Put, "a", Fault::LostRequest);
        }
        let mut plans = Plans::default();
        plans.add(put("a"));
        let left = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(left.conclusion(), Conclusion::Failed);
        assert!(bench.store.load().await.unwrap().unwrap().run.is_some());
        bench.azure.object(&peering_id("a"), json!({ "properties": found }));
        let next = Bench::on_same(&bench);
        let report = next
            .with(async |ports| resume(&ports, &next.options, &next.interrupt, &next.heard).await)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(report.conclusion() == Conclusion::Done, done, "{}", outcomes(&report));
        assert_eq!(bench.azure.log(), Vec::<String>::new());
        let records = bench.store.load().await.unwrap().unwrap().records.len();
        assert_eq!(records, usize::from(done));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_as_good_as_deleted_and_cannot_be_updated() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    for step in update_and_delete(true) {
        plans.add(step);
    }
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_eq!(bench.azure.log(), Vec::<String>::new());
    assert_snapshot!(outcomes(&report), @r"
    vnet_peering.deleted done
    vnet_peering.updated failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/updated is gone by now
    ");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_a_passing_conflict_and_a_late_failure_are_repeated() {
    for fault in [
        Fault::LostReply,
        Fault::LostRequest,
        Fault::Refused(429, "AnotherOperationInProgress"),
        Fault::FailsLater("AnotherOperationInProgress"),
    ] {
        let bench = Bench::new();
        let mut plans = Plans::default();
        plans.add(put("a"));
        bench.azure.fail_next(Verb::Put, "a", fault.clone());
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), Conclusion::Done, "{fault:?}");
        assert!(bench.heard.has("attempt 2 of 0"), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_unknown_outcome_stays_open_and_the_next_run_remembers_what_it_made_as_ours() {
    // Nine lost replies outlast all repetitions; a look that is refused says nothing of what is looked at.
    for faults in [vec![Fault::LostReply; 9], vec![Fault::Unfollowed(403)]] {
        let bench = Bench::new();
        for fault in faults {
            bench.azure.fail_next(Verb::Put, "a", fault);
        }
        let mut plans = Plans::default();
        plans.add(put("a"));
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), Conclusion::Failed);
        let snapshot = bench.store.load().await.unwrap().unwrap();
        assert!(snapshot.run.is_some() && snapshot.records.is_empty());

        let next = Bench::on_same(&bench);
        let settled = next
            .with(async |ports| reconcile(&ports, &next.options, &next.interrupt, &next.heard).await)
            .await;
        let Settled::Recovered(found) = settled.unwrap() else {
            panic!("nothing was found out")
        };
        assert_eq!(found.recovered, ["vnet_peering.a".parse().unwrap()]);
        let snapshot = bench.store.load().await.unwrap().unwrap();
        let record = snapshot.records.values().next().unwrap();
        assert_eq!(record.document["origin"], "created");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_made_since_the_plan_is_not_overwritten() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.add(put("a"));
    bench
        .azure
        .object(&peering_id("a"), json!({ "tags": { "owner": "others" } }));
    let report = bench.run(&plans.plan()).await.unwrap();
    assert_snapshot!(outcomes(&report), @"vnet_peering.a failed: /subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/vnet/virtualNetworkPeerings/a exists by now");
    assert_eq!(bench.azure.log(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_create_left_is_remembered_as_ours() {
    for (fault, records) in [
        (Fault::FailsAndStays("InternalServerError"), 1),
        (Fault::FailsLater("InternalServerError"), 0),
        (Fault::Refused(400, "InvalidInput"), 0),
    ] {
        let bench = Bench::new();
        let mut plans = Plans::default();
        plans.add(put("a"));
        bench.azure.fail_next(Verb::Put, "a", fault.clone());
        let report = bench.run(&plans.plan()).await.unwrap();
        assert_eq!(report.conclusion(), Conclusion::Failed, "{fault:?}");
        let snapshot = bench.store.load().await.unwrap().unwrap();
        let origins = snapshot.records.values().map(|record| &record.document["origin"]);
        assert_eq!(origins.collect::<Vec<_>>(), vec!["created"; records], "{fault:?}");
        assert_eq!(snapshot.run, None, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_stay_within_the_bound_and_one_scope_has_one_writer() {
    let azure = Azure::slow(Duration::from_secs(1));
    let mut bench = Bench::on(azure);
    bench.options.parallelism = 4;
    let mut plans = Plans::default();
    for at in 0..40 {
        let id = plans.add(put(&format!("p{at}")));
        plans.step(id).scopes.clear();
    }
    bench.run(&plans.plan()).await.unwrap();
    assert_eq!(bench.azure.most_in_flight(), 4);

    let azure = Azure::slow(Duration::from_secs(1));
    let bench = Bench::on(azure);
    let mut plans = Plans::default();
    for at in 0..5 {
        plans.add(put(&format!("p{at}")));
    }
    bench.run(&plans.plan()).await.unwrap();
    assert_eq!(bench.azure.most_in_flight(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_returns_within_two_seconds_and_leaves_a_journal() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    let hanging = plans.add(put("hanging"));
    plans.step(hanging).scopes.clear();
    plans.add(put("quick"));
    let after = plans.add(put("after"));
    plans.after(after, hanging);
    bench.azure.fail_next(Verb::Put, "hanging", Fault::Hangs);
    let plan = plans.plan();
    let began = tokio::time::Instant::now();
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.interrupter.interrupt();
    };
    let (report, ()) = tokio::join!(bench.run(&plan), interrupt);
    assert!(began.elapsed() < Duration::from_secs(62));
    let report = report.unwrap();
    assert_eq!(report.conclusion(), Conclusion::InFlight);
    assert_snapshot!(outcomes(&report), @"
    vnet_peering.after left behind 0
    vnet_peering.hanging unanswered
    vnet_peering.quick done
    ");
    let snapshot = bench.store.load().await.unwrap().unwrap();
    assert_eq!(snapshot.run.unwrap().steps.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_azure_refused_is_not_told_as_going_on_after_an_interrupt() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.add(put("busy"));
    for _ in 0..5 {
        let busy = Fault::Refused(409, "AnotherOperationInProgress");
        bench.azure.fail_next(Verb::Put, "busy", busy);
    }
    let plan = plans.plan();
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        bench.interrupter.interrupt();
    };
    let (report, ()) = tokio::join!(bench.run(&plan), interrupt);
    let report = report.unwrap();
    assert_eq!(report.elapsed, Duration::from_secs(8));
    assert_snapshot!(outcomes(&report), @"vnet_peering.busy left");
}

#[tokio::test(start_paused = true)]
async fn an_accepted_operation_is_left_to_azure_at_once() {
    let azure = Azure::long_running(Duration::from_secs(600));
    let bench = Bench::on(azure);
    let mut plans = Plans::default();
    plans.add(put("slow"));
    let plan = plans.plan();
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.interrupter.interrupt();
    };
    let (report, ()) = tokio::join!(bench.run(&plan), interrupt);
    let report = report.unwrap();
    assert_eq!(report.elapsed, Duration::from_secs(60));
    assert_eq!(report.conclusion(), Conclusion::InFlight);
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_records_moved_is_refused_before_anything_is_done() {
    let bench = Bench::new();
    let mut plans = Plans::default();
    plans.add(put("a"));
    let plan = plans.plan();
    bench.run(&plan).await.unwrap();
    let again = bench.run(&plan).await;
    assert!(matches!(again, Err(ApplyError::Moved(_))), "{again:?}");
    assert_eq!(bench.azure.count("PUT", &peering_id("a")), 1);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_steps_cost_two_commits_and_one_call_each() {
    let bench = Bench::new();
    let store = Tally::default();
    let mut plans = Plans::default();
    let mut last = None;
    for at in 0..10_000 {
        let id = plans.add(put(&format!("p{at}")));
        // A hundred to a scope, every tenth after another.
        let scope = peering_id(&format!("scope{}", at % 100));
        plans.step(id).scopes = std::collections::BTreeSet::from([scope]);
        if let (Some(last), 0) = (last, at % 10) {
            plans.after(id, last);
        }
        last = Some(id);
    }
    let plan = plans.plan();
    let report = bench.run_in(&store, &plan).await.unwrap();
    assert_eq!(report.counts().done, 10_000);
    assert_eq!(bench.azure.log().len(), 10_000);
    // Beside them one that opens the run and one that closes it.
    assert_eq!(store.commits(), 20_002);
}
