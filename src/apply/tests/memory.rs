//! Records that get other names, and outputs that are kept.

use std::collections::BTreeMap;
use std::time::Duration;

use pgferry_state::{Actor, Edit, Held, Holder, Intent, RecordKey, Store};
use serde_json::{Value as Json, json};

use crate::address::UnitAddress;
use crate::apply::testing::{Bench, Plans};
use crate::apply::{self, ApplyError};
use crate::plan::{Moved, Output, Plan};

async fn take(bench: &Bench) -> Box<dyn Held> {
    let holder = Holder::new(Actor::new("somebody"), 7, "import", None, jiff::Timestamp::UNIX_EPOCH);
    bench.store.lock(Intent { holder }).await.unwrap()
}

/// Lets go after so many seconds.
async fn let_go_after(held: Box<dyn Held>, seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    held.release().await.unwrap();
}

/// A plan that gives each of these, which are remembered under their old names, its new one.
async fn moving(bench: &Bench, pairs: &[(&str, &str)]) -> Plan {
    let put = |(from, _): &(&str, &str)| Edit::Put {
        key: from.parse().unwrap(),
        document: json!(from),
    };
    let held = take(bench).await;
    let committed = held.commit(pairs.iter().map(put).collect()).await.unwrap();
    held.release().await.unwrap();
    let mut plan = Plans::default().plan();
    for (from, to) in pairs {
        let revision = committed.revisions[&from.parse::<RecordKey>().unwrap()];
        let (from, to): (UnitAddress, UnitAddress) = (from.parse().unwrap(), to.parse().unwrap());
        plan.base.records.insert(to.clone(), revision.get());
        plan.moves.push(Moved { from, to });
    }
    plan
}

async fn rename(bench: &Bench, plan: &Plan) -> Result<Option<Vec<(UnitAddress, u64)>>, ApplyError> {
    bench
        .with(async |ports| apply::rename(&ports, &bench.options, plan, &bench.interrupt, &bench.heard).await)
        .await
}

/// What is remembered, each with the name that it had first.
async fn remembered(bench: &Bench) -> Vec<String> {
    let snapshot = bench.store.load().await.unwrap().unwrap();
    let told = snapshot.records.iter();
    told.map(|(key, record)| format!("{key}: {}", record.document.as_str().unwrap_or_default()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_moved_is_remembered_in_the_order_in_which_names_become_free() {
    let bench = Bench::new();
    let names = [
        ("vnet_peering.a", "vnet_peering.b"),
        ("vnet_peering.b", "vnet_peering.c"),
    ];
    let circle = [("dns_zone.x", "dns_zone.y"), ("dns_zone.y", "dns_zone.x")];
    let plan = moving(&bench, &[names, circle].concat()).await;
    let revisions = rename(&bench, &plan).await.unwrap().unwrap();
    assert_eq!(
        remembered(&bench).await,
        [
            "dns_zone.x: dns_zone.y",
            "dns_zone.y: dns_zone.x",
            "vnet_peering.b: vnet_peering.a",
            "vnet_peering.c: vnet_peering.b"
        ]
    );
    assert_eq!(revisions.len(), 4);
    let snapshot = bench.store.load().await.unwrap().unwrap();
    for (unit, revision) in revisions {
        let key: RecordKey = unit.to_string().parse().unwrap();
        assert_eq!(snapshot.records[&key].revision.get(), revision, "{unit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_waits_for_somebody_who_writes_as_long_as_it_was_told() {
    let mut bench = Bench::new();
    let plan = moving(&bench, &[("vnet_peering.a", "vnet_peering.b")]).await;
    let held = take(&bench).await;
    let refused = rename(&bench, &plan).await;
    assert!(
        matches!(&refused, Err(ApplyError::Locked(holder)) if holder.process == 7),
        "{refused:?}"
    );
    bench.options.lock_timeout = Duration::from_secs(10);
    let (renamed, ()) = tokio::join!(rename(&bench, &plan), let_go_after(held, 5));
    assert_eq!(renamed.unwrap().unwrap().len(), 1);
    assert!(bench.heard.has("waits for somebody"));
    assert_eq!(remembered(&bench).await, ["vnet_peering.b: vnet_peering.a"]);
}

#[tokio::test(start_paused = true)]
async fn a_move_that_waits_can_be_interrupted() {
    let mut bench = Bench::new();
    let plan = moving(&bench, &[("vnet_peering.a", "vnet_peering.b")]).await;
    let held = take(&bench).await;
    bench.options.lock_timeout = Duration::from_secs(1000);
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.interrupter.interrupt();
    };
    let (renamed, ()) = tokio::join!(rename(&bench, &plan), interrupt);
    assert_eq!(renamed.unwrap(), None);
    held.release().await.unwrap();
    assert_eq!(remembered(&bench).await, ["vnet_peering.a: vnet_peering.a"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_written_since_is_not_moved() {
    let bench = Bench::new();
    let plan = moving(&bench, &[("vnet_peering.a", "vnet_peering.b")]).await;
    let held = take(&bench).await;
    let (key, document) = ("vnet_peering.a".parse().unwrap(), json!("other"));
    held.commit(vec![Edit::Put { key, document }]).await.unwrap();
    held.release().await.unwrap();
    let refused = rename(&bench, &plan).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the records of vnet_peering.a were written since the plan was made"
    );
    assert_eq!(remembered(&bench).await, ["vnet_peering.a: other"]);
    let _ = take(&bench).await;
}

#[tokio::test(start_paused = true)]
async fn outputs_wait_for_somebody_who_writes_and_are_written_only_where_they_changed() {
    let bench = Bench::new();
    let outputs = BTreeMap::from([
        ("n".to_owned(), Output::Value(json!(4))),
        ("hidden".to_owned(), Output::Sensitive),
    ]);
    let keep = async |kept: &[(&str, i32)]| {
        let kept: BTreeMap<String, Json> = kept
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        bench
            .with(async |ports| apply::keep_outputs(&ports, &bench.options, &kept, &outputs, &bench.heard).await)
            .await
    };
    let held = take(&bench).await;
    keep(&[("n", 4)]).await.unwrap();
    let (kept, ()) = tokio::join!(keep(&[("n", 3), ("gone", 1)]), let_go_after(held, 20));
    kept.unwrap();
    let snapshot = bench.store.load().await.unwrap().unwrap();
    let told: Vec<String> = snapshot
        .records
        .iter()
        .map(|(key, record)| format!("{key} {}", record.document))
        .collect();
    assert_eq!(told, ["output.n 4"]);
}
