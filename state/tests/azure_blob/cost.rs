//! What a write costs: one request, and bytes of its own only, however much is remembered.

use std::sync::Arc;

use pgferry_state::{Held, Store};
use serde_json::json;
use tokio::task::JoinSet;

use crate::gate::{Gate, Seen};
use crate::{Place, azurite, documents, intent, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_costs_one_request_among_a_thousand_records_and_among_a_hundred_thousand() {
    const COMMITS: usize = 40;
    let mut costs = Vec::new();
    for records in [1_000, 100_000] {
        let place = Place::made().await;
        let held = place.open().lock(intent("fills")).await.unwrap();
        for first in (0..records).step_by(10_000) {
            let last = records.min(first + 10_000);
            held.commit((first..last).map(record).collect()).await.unwrap();
        }
        held.release().await.unwrap();

        let gate = Gate::before(azurite().port());
        let held = place.through(&gate.endpoint()).lock(intent("a")).await.unwrap();
        gate.seen();
        for round in 0..COMMITS {
            held.commit(vec![changed(round * 7919 % records)]).await.unwrap();
        }
        let seen: Vec<Seen> = gate.seen();
        assert!(
            seen.iter().all(|seen| seen.line.ends_with("comp=appendblock")),
            "{seen:?}"
        );
        costs.push((seen.len(), seen.iter().map(|seen| seen.bytes).sum::<usize>()));
        held.release().await.unwrap();
    }
    let [(few, small), (many, large)] = costs[..] else {
        unreachable!("two sizes were measured")
    };
    assert_eq!([few, many], [COMMITS; 2]);
    assert!(
        large < 2 * small && small < COMMITS * 1_200,
        "{costs:?} requests and bytes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_made_together_share_their_requests() {
    const COMMITS: usize = 400;
    let place = Place::made().await;
    let gate = Gate::before(azurite().port());
    let held: Arc<dyn Held> = place.through(&gate.endpoint()).lock(intent("a")).await.unwrap().into();
    gate.seen();
    let mut commits = JoinSet::new();
    for number in 0..COMMITS {
        let held = Arc::clone(&held);
        commits.spawn(async move { held.commit(vec![record(number)]).await.unwrap() });
    }
    commits.join_all().await;
    let requests = gate.seen().len();
    assert!(requests <= COMMITS / 8, "{requests} requests for {COMMITS} commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grew_is_begun_anew_and_clears_up() {
    let place = Place::made().await;
    let mut expected = Vec::new();
    for round in 0..12 {
        let held = place.open().lock(intent("a")).await.unwrap();
        let text = "x".repeat(if round % 3 == 0 { 1_200_000 } else { 400_000 });
        held.commit(vec![put("a", json!([round, text]))]).await.unwrap();
        held.commit(vec![put("b", json!(round))]).await.unwrap();
        expected = vec![("a", json!([round, text])), ("b", json!(round))];
        held.release().await.unwrap();
    }
    assert_eq!(documents(&place.open().load().await.unwrap().unwrap()), expected);
    let blobs = place.blobs().await;
    let bases = blobs.iter().filter(|name| name.starts_with(".base-")).count();
    assert_eq!(bases, 2, "{blobs:?}");
    // The log, the mark that there is one, two bases, and what the log of the last rounds refers to.
    assert!(blobs.len() <= 6, "{blobs:?}");
}

fn record(number: usize) -> pgferry_state::Edit {
    put(&name(number), json!({ "body": "x".repeat(400) }))
}

fn changed(number: usize) -> pgferry_state::Edit {
    put(&name(number), json!({ "body": "y".repeat(400) }))
}

fn name(number: usize) -> String {
    format!("vnet_peering.server[\"{number:05}\"]#forward")
}
