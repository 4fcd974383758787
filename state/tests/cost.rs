//! What a commit makes the process write does not depend on how much else is remembered. A program of its own, because
//! the system counts what a process writes, not what a test does.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here fails the test")]

use std::fs;
use std::time::Duration;

use pgferry_state::{Actor, Edit, Held, Holder, Intent, LocalStore, Store};
use serde_json::json;

const WINDOWS: usize = 21;
const COMMITS: usize = 50;

#[tokio::test]
async fn a_commit_writes_as_much_among_a_hundred_thousand_records_as_among_a_thousand() {
    let dir = tempfile::tempdir().unwrap();
    let mut costs = Vec::new();
    for records in [1_000, 100_000] {
        let dir = dir.path().join(records.to_string());
        let held = LocalStore::new(dir.clone()).lock(intent()).await.unwrap();
        for first in (0..records).step_by(1_000) {
            held.commit((first..first + 1_000).map(|number| put(number, 0)).collect())
                .await
                .unwrap();
        }
        held.release().await.unwrap();
        let store = LocalStore::new(dir);
        let held = store.lock(intent()).await.unwrap();
        costs.push(cost(&store, held.as_ref(), records).await);
        held.release().await.unwrap();
    }
    assert!(costs[1] < costs[0] * 2, "bytes for a commit: {costs:?}");
}

/// How many bytes a commit of one record writes. The readers' view is as large as the state, and is written beside the commits
/// for a twentieth of the time at the most: into few of the windows.
async fn cost(store: &LocalStore, held: &dyn Held, records: usize) -> u64 {
    held.commit(vec![put(0, 1)]).await.unwrap();
    while store.activity().views == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut windows = Vec::new();
    for window in 0..WINDOWS {
        let before = written();
        for round in (0..COMMITS).map(|commit| window * COMMITS + commit) {
            held.commit(vec![put(round * 7919 % records, round + 2)]).await.unwrap();
        }
        windows.push((written() - before) / COMMITS as u64);
    }
    windows.sort_unstable();
    windows[WINDOWS / 2]
}

/// How many bytes this process handed to the system so far.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let bytes = io.lines().find_map(|line| line.strip_prefix("wchar: ")).unwrap();
    bytes.parse().unwrap()
}

fn put(number: usize, round: usize) -> Edit {
    let key = format!("vnet_peering.server[\"{number:05}\"]#forward").parse().unwrap();
    Edit::Put {
        key,
        document: json!({ "round": round, "body": "x".repeat(400) }),
    }
}

fn intent() -> Intent {
    let (who, process) = (Actor::new("a"), std::process::id());
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who,
            process,
            command: "test".to_owned(),
            run: None,
            since,
        },
    }
}
