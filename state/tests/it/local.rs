//! What the local store does beyond what every store does: which files it leaves, what its writes cost, and what it
//! makes of a writer that died.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pgferry_state::{Edit, Held, LocalStore, Record, Serial, Snapshot, Store, StoreError};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{copy_dir, intent};

#[tokio::test]
async fn commits_made_together_share_their_writes() {
    const COMMITS: u64 = 400;
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join("state"));
    let held: std::sync::Arc<dyn Held> = store.lock(intent("a")).await.unwrap().into();
    let mut commits = JoinSet::new();
    for number in 0..COMMITS {
        let held = std::sync::Arc::clone(&held);
        commits.spawn(async move {
            held.commit(vec![put(&format!("k{number}"), json!(number))])
                .await
                .unwrap()
        });
    }
    commits.join_all().await;
    let activity = store.activity();
    assert_eq!(activity.commits, COMMITS);
    assert!(activity.writes <= COMMITS / 4, "{activity:?}");
}

#[tokio::test]
async fn a_refused_commit_costs_no_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join("state"));
    let held = store.lock(intent("a")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    // The view of the first commit is written in its own time and counts for itself.
    let spent = || (store.activity().commits, store.activity().writes);
    let before = spent();
    held.commit(Vec::new()).await.unwrap();
    held.commit(vec![Edit::Rename {
        from: key("b"),
        to: key("c"),
    }])
    .await
    .unwrap_err();
    assert_eq!(spent(), before);
}

#[tokio::test]
async fn a_large_document_that_cannot_be_kept_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join("state"));
    let held = store.lock(intent("a")).await.unwrap();
    fs::write(dir.path().join("state/large"), "in the way").unwrap();
    let refused = held
        .commit(vec![put("a", json!(1)), put("b", json!("x".repeat(100_000)))])
        .await;
    assert!(
        matches!(refused, Err(StoreError::Io { doing: "create", .. })),
        "{refused:?}"
    );
    held.commit(vec![put("c", json!(3))]).await.unwrap();
    let seen = held.snapshot().await.unwrap();
    assert_eq!((seen.serial, documents(&seen)), (Serial::new(1), vec![("c", json!(3))]));
}

#[tokio::test]
async fn the_directory_hides_itself_from_git_and_from_others() {
    let dir = tempfile::tempdir().unwrap();
    for (state, ignored) in [(".pgferry/state", ".pgferry"), ("elsewhere", "elsewhere")] {
        let store = LocalStore::new(dir.path().join(state));
        store.lock(intent("a")).await.unwrap().release().await.unwrap();
        let ignore = dir.path().join(ignored).join(".gitignore");
        assert_eq!(fs::read_to_string(ignore).unwrap(), "*\n");
        assert_eq!(mode(&dir.path().join(state)), 0o700);
        assert_eq!(mode(&dir.path().join(state).join("view.json")), 0o600);
    }
    assert!(!dir.path().join(".pgferry/state/.gitignore").exists());
}

#[tokio::test]
async fn looking_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join(".pgferry/state"));
    assert_eq!(store.load().await.unwrap(), None);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn readers_see_commits_beside_the_writer_without_being_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join("state"));
    let held = store.lock(intent("a")).await.unwrap();
    let mut committed = Serial::ZERO;
    for number in 0..50 {
        committed = held.commit(vec![put("a", json!(number))]).await.unwrap().serial;
    }
    let catch_up = async {
        while store.load().await.unwrap().unwrap().serial != committed {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), catch_up)
        .await
        .expect("the view is rewritten about once a second");
    assert!(store.activity().views < 10, "{:?}", store.activity());
}

#[tokio::test]
async fn what_a_dead_writer_committed_is_seen_by_the_first_who_looks() {
    let dir = tempfile::tempdir().unwrap();
    let alive = dir.path().join("alive");
    let held = LocalStore::new(alive.clone()).lock(intent("a")).await.unwrap();
    for number in 0..300 {
        held.commit(vec![put(&format!("k{number}"), json!("x".repeat(number * 20)))])
            .await
            .unwrap();
    }
    let expected = held.snapshot().await.unwrap();
    // A copy of the files is what a kill leaves: nothing of it was closed.
    for look in ["load", "lock", "history", "both"] {
        let dead = dir.path().join(look);
        copy_dir(&alive, &dead);
        let store = LocalStore::new(dead);
        match look {
            "load" => {}
            "lock" => store.lock(intent("b")).await.unwrap().release().await.unwrap(),
            "history" => assert_eq!(store.history().await.unwrap(), []),
            _ => {
                let (one, other) = tokio::join!(store.load(), store.load());
                assert_eq!(one.unwrap().unwrap(), other.unwrap().unwrap());
            }
        }
        assert_eq!(store.load().await.unwrap().as_ref(), Some(&expected), "{look}");
    }
}

#[tokio::test]
async fn a_dead_writers_note_misleads_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let alive = dir.path().join("alive");
    let held = LocalStore::new(alive.clone()).lock(intent("dead")).await.unwrap();
    let dead = dir.path().join("dead");
    copy_dir(&alive, &dead);
    held.release().await.unwrap();
    let store = LocalStore::new(dead);
    let held = store.lock(intent("next")).await.unwrap();
    match store.lock(intent("third")).await.map(|_| ()) {
        Err(StoreError::Locked(holder)) => assert_eq!(holder, intent("next").holder),
        other => panic!("{other:?}"),
    }
    held.release().await.unwrap();
    assert_eq!(
        fs::read_dir(dir.path().join("dead"))
            .unwrap()
            .filter(|f| named(f, "occupant.json"))
            .count(),
        0
    );
}

#[tokio::test]
async fn a_state_is_locked_released_and_read_in_quick_succession() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join("state"));
    for number in 0..25 {
        let held = store.lock(intent("a")).await.unwrap();
        held.commit(vec![put("a", json!(number))]).await.unwrap();
        held.release().await.unwrap();
        assert_eq!(documents(&store.load().await.unwrap().unwrap()), [("a", json!(number))]);
    }
    assert_eq!(fs::read_dir(dir.path().join("state/earlier")).unwrap().count(), 5);
}

#[tokio::test]
async fn large_documents_that_nobody_needs_are_cleared_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::new(dir.path().join("state"));
    for number in 0..10 {
        let held = store.lock(intent("a")).await.unwrap();
        for step in ["x", "y", "z"] {
            held.commit(vec![put("a", json!([number, step.repeat(50_000)]))])
                .await
                .unwrap();
        }
        held.release().await.unwrap();
    }
    let kept = fs::read_dir(dir.path().join("state/large")).unwrap().count();
    assert_eq!(kept, 6, "those of the view and of the five earlier ones");
    assert_eq!(
        documents(&store.load().await.unwrap().unwrap()),
        [("a", json!([9, "z".repeat(50_000)]))]
    );
}

fn put(name: &str, document: Value) -> Edit {
    Edit::Put {
        key: key(name),
        document,
    }
}

fn key(name: &str) -> pgferry_state::RecordKey {
    name.parse().unwrap()
}

fn documents(snapshot: &Snapshot) -> Vec<(&str, Value)> {
    snapshot
        .records
        .iter()
        .map(|(key, Record { document, .. })| (key.as_str(), document.clone()))
        .collect()
}

fn named(entry: &std::io::Result<fs::DirEntry>, name: &str) -> bool {
    entry.as_ref().unwrap().file_name() == name
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
