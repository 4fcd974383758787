//! What the local store costs at 1,000, 10,000 and 100,000 records: `cargo bench -p pgferry-state`. Prints a table and
//! judges nothing.
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here ends the benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "a benchmark's output is its table"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgferry_state::{Actor, Edit, Held, Holder, Intent, LocalStore, Store};
use serde_json::json;
use tokio::task::JoinSet;

const ALONE: u32 = 2_000;
const TOGETHER: usize = 20_000;
const TASKS: usize = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    println!("records  lock  load  snapshot  one commit  together  commits per write  release  peak memory");
    for records in [1_000, 10_000, 100_000] {
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(measure(dir.path().join("state"), records));
    }
}

async fn measure(dir: PathBuf, records: usize) {
    let held = LocalStore::new(dir.clone()).lock(intent()).await.unwrap();
    for first in (0..records).step_by(100) {
        held.commit((first..first + 100).map(|number| put(number, 0)).collect())
            .await
            .unwrap();
    }
    held.release().await.unwrap();

    let store = LocalStore::new(dir);
    let (load, seen) = timed(store.load()).await;
    assert_eq!(seen.unwrap().map(|seen| seen.records.len()), Some(records));
    let (lock, held) = timed(store.lock(intent())).await;
    let held: Arc<dyn Held> = held.unwrap().into();
    let (snapshot, seen) = timed(held.snapshot()).await;
    drop(seen.unwrap());

    let begun = Instant::now();
    for round in 0..ALONE {
        held.commit(vec![put(round as usize * 7919 % records, round)])
            .await
            .unwrap();
    }
    let alone = begun.elapsed() / ALONE;

    let before = store.activity();
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let held = Arc::clone(&held);
        tasks.spawn(async move {
            for round in 0..TOGETHER / TASKS {
                held.commit(vec![put((task + round * TASKS) % records, 1)])
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let rate = TOGETHER as f64 / begun.elapsed().as_secs_f64();
    let after = store.activity();
    let joined = (after.commits - before.commits) as f64 / (after.writes - before.writes) as f64;

    let begun = Instant::now();
    drop(held);
    while matches!(store.lock(intent()).await, Err(pgferry_state::StoreError::Locked(_))) {}
    let release = begun.elapsed();
    let memory = peak_memory();
    println!(
        "{records:7}  {lock:.1?}  {load:.1?}  {snapshot:.1?}  {alone:.2?}  {rate:.0}/s  {joined:.1}  {release:.1?}  {memory}"
    );
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let done = work.await;
    (begun.elapsed(), done)
}

/// A document of the size that a migration's record has.
fn put(number: usize, round: u32) -> Edit {
    let document = json!({
        "origin": "created",
        "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-{number:05}/virtualNetworkPeerings/to-runtime"),
        "body": { "properties": {
            "allowVirtualNetworkAccess": true, "allowForwardedTraffic": false, "allowGatewayTransit": false,
            "useRemoteGateways": true, "round": round,
            "remoteVirtualNetwork": { "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-runtime-{number:05}") },
        } },
        "fingerprints": { "password": null },
        "generation": 1,
    });
    Edit::Put {
        key: format!("module.fleet.vnet_peering.server[\"{number:05}\"]#forward")
            .parse()
            .unwrap(),
        document,
    }
}

/// The most memory this process ever had in use, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

fn intent() -> Intent {
    let (who, process) = (Actor::new("bench"), std::process::id());
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who,
            process,
            command: "bench".to_owned(),
            run: None,
            since,
        },
    }
}
