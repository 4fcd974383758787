//! What a commit makes the process write does not depend on how much else is remembered. A program of its own, because
//! the system counts what a process writes, not what a test does.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here fails the test")]

use std::fs;

use pgferry_state::{Actor, Edit, Holder, Intent, LocalStore, Store};
use serde_json::json;

const WINDOWS: usize = 21;
const COMMITS: usize = 50;

#[tokio::test]
async fn a_commit_writes_as_much_in_a_large_state_as_in_a_small_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut costs = Vec::new();
    for records in [100, 10_000] {
        let store = LocalStore::new(dir.path().join(records.to_string()));
        let held = store.lock(intent()).await.unwrap();
        for first in (0..records).step_by(100) {
            held.commit((first..first + 100).map(|number| put(number, 0)).collect())
                .await
                .unwrap();
        }
        held.release().await.unwrap();
        let held = store.lock(intent()).await.unwrap();
        let mut windows = Vec::new();
        for window in 0..WINDOWS {
            let before = written();
            for round in (0..COMMITS).map(|commit| window * COMMITS + commit) {
                held.commit(vec![put(round * 7919 % records, round)]).await.unwrap();
            }
            windows.push((written() - before) / COMMITS as u64);
        }
        // The view is as large as the state, and is written by the second, not by the commit: into few of the windows.
        windows.sort_unstable();
        costs.push(windows[WINDOWS / 2]);
    }
    assert!(costs[1] < costs[0] * 2, "bytes per commit: {costs:?}");
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
