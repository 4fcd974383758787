//! What is encrypted, what is told where a key does not fit, and that every promise of a store holds.

use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::local::LocalStore;
use crate::snapshot::{Account, RunId, RunOutcome, StepId, UnitFailure};
use crate::store::Damage;
use crate::testing::Sealed;
use crate::testing::conformance::Lab;

struct Dir(TempDir);

impl Lab for Dir {
    fn store(&self) -> Box<dyn Store> {
        Box::new(LocalStore::new(self.0.path().join("state")))
    }

    async fn pretend_newer(&self) {
        std::fs::write(self.0.path().join("state/format"), "pgferry-state 2\n").unwrap();
    }
}

crate::store_conformance!(Sealed(Dir(tempfile::tempdir().unwrap())));

fn local(dir: &TempDir) -> Arc<dyn Store> {
    Arc::new(LocalStore::new(dir.path().join("state")))
}

fn given(current: &[&str], former: &[&str]) -> Keys {
    let keys = |texts: &[&str]| texts.iter().map(|text| SealKey::passphrase(text)).collect::<Vec<_>>();
    Keys::new(keys(current).into_iter().next(), keys(former))
}

fn intent() -> Intent {
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who: Actor::new("ada"),
            process: 1,
            command: "test".to_owned(),
            run: None,
            since,
        },
    }
}

fn put(name: &str, document: serde_json::Value) -> Edit {
    let key = name.parse().unwrap();
    Edit::Put { key, document }
}

/// One of everything that is kept: a record, a finished run, an open one with its plan and journal.
async fn fill(store: &dyn Store) {
    let moment = jiff::Timestamp::UNIX_EPOCH;
    let held = store.lock(intent()).await.unwrap();
    for ends in [true, false] {
        let run = RunId::random();
        let (step, failing) = (StepId::new(1), StepId::new(2));
        let intended = |step| Edit::Intent {
            run,
            step,
            attempt: 1,
            unit: "readable unit".to_owned(),
            method: "PUT".to_owned(),
            body_hash: "readable hash".to_owned(),
        };
        let begun = vec![
            Edit::BeginRun {
                approval: None,
                run,
                started: moment,
                by: Actor::new("readable actor"),
                plan: json!({ "readable plan": "x".repeat(9_000) }),
                plan_fingerprint: "f".to_owned(),
            },
            put("kept", json!({ "readable": "record" })),
            put("large", json!({ "readable": "y".repeat(9_000) })),
            intended(step),
            Edit::Accepted {
                run,
                step,
                operation: json!("readable operation"),
            },
            intended(failing),
            Edit::Failed {
                run,
                step: failing,
                message: "readable message".to_owned(),
            },
        ];
        held.commit(begun).await.unwrap();
        if ends {
            let summary = "readable summary".to_owned();
            held.commit(vec![Edit::EndRun {
                account: Account {
                    ended_by: Some(Actor::new("readable actor")),
                    exit: Some(1),
                    failures: vec![UnitFailure {
                        unit: "readable unit".to_owned(),
                        code: "readable code".to_owned(),
                        message: "readable message".to_owned(),
                    }],
                },
                run,
                finished: moment,
                outcome: RunOutcome::Succeeded,
                summary,
            }])
            .await
            .unwrap();
        }
    }
    held.release().await.unwrap();
}

fn holds(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        std::fs::read(&path)
            .unwrap()
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    })
}

#[tokio::test]
async fn nothing_of_what_is_kept_can_be_read_on_the_disk() {
    let (plain, sealed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(local(&plain).as_ref()).await;
    assert!(holds(plain.path(), "readable"), "the test finds what is not encrypted");
    let store = SealedStore::new(local(&sealed), given(&["a passphrase"], &[]));
    fill(&store).await;
    for text in ["readable", "a passphrase", "yyyyyyyy", "xxxxxxxx"] {
        assert!(!holds(sealed.path(), text), "`{text}` is on the disk");
    }
    let (seen, expected) = (
        store.load().await.unwrap().unwrap(),
        local(&plain).load().await.unwrap().unwrap(),
    );
    let told = |seen: &Snapshot| {
        let steps = seen.run.clone().map(|run| (run.by, run.plan, run.steps));
        let history: Vec<_> = seen
            .history
            .iter()
            .map(|entry| (entry.by.clone(), entry.summary.clone(), entry.account.clone()))
            .collect();
        let records: Vec<_> = seen
            .records
            .iter()
            .map(|(key, record)| (key.clone(), record.document.clone()))
            .collect();
        (steps, history, records)
    };
    assert_eq!(told(&seen), told(&expected));
}

#[tokio::test]
async fn a_wrong_key_a_missing_one_and_one_too_many_are_told_apart() {
    let (plain, sealed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(local(&plain).as_ref()).await;
    fill(&SealedStore::new(local(&sealed), given(&["right"], &[]))).await;
    let key = Keys::new(Some(SealKey::key(&"0".repeat(64)).unwrap()), Vec::new());
    for (keys, dir, wanted) in [
        (
            given(&["wrong"], &["wronger"]),
            &sealed,
            "the passphrase is not that of the state",
        ),
        (key, &sealed, "the passphrase is not that of the state"),
        (Keys::default(), &sealed, "the state is encrypted"),
        (given(&["right"], &[]), &plain, "the state is not encrypted"),
    ] {
        let store = SealedStore::new(local(dir), keys);
        let refused = [
            store.load().await.map(drop),
            store.lock(intent()).await.map(drop),
            store.history().await.map(drop),
        ];
        for refused in refused {
            let told = refused.unwrap_err().to_string();
            assert!(told.contains(wanted), "{told}");
        }
        // Nobody is locked out by a refusal.
        local(dir).lock(intent()).await.unwrap().release().await.unwrap();
    }
}

#[tokio::test]
async fn a_state_is_encrypted_encrypted_anew_and_decrypted_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fill(local(&dir).as_ref()).await;
    let mut seen = local(&dir).load().await.unwrap().unwrap();
    let history = local(&dir).history().await.unwrap();
    for keys in [
        given(&["first"], &[]),
        given(&["second"], &["first"]),
        given(&[], &["second"]),
    ] {
        let store = SealedStore::new(local(&dir), keys.clone());
        assert_eq!(store.sealing().await.unwrap(), Sealing::Otherwise);
        store.seal_anew(intent()).await.unwrap();
        assert_eq!(store.sealing().await.unwrap(), Sealing::AsGiven);
        let now = store.load().await.unwrap().unwrap();
        seen.serial = Serial::new(seen.serial.get() + 1);
        assert_eq!(now, seen);
        assert_eq!(store.history().await.unwrap(), history);
    }
    // What was encrypted with the first key is not opened by it any more.
    assert_eq!(local(&dir).load().await.unwrap().unwrap(), seen);
}

#[tokio::test]
async fn a_former_key_reads_and_writes_until_the_state_is_encrypted_anew() {
    let dir = tempfile::tempdir().unwrap();
    fill(&SealedStore::new(local(&dir), given(&["old"], &[]))).await;
    let store = SealedStore::new(local(&dir), given(&["new"], &["old"]));
    let held = store.lock(intent()).await.unwrap();
    held.commit(vec![put("more", json!(1))]).await.unwrap();
    held.release().await.unwrap();
    let old = SealedStore::new(local(&dir), given(&["old"], &[]));
    assert!(
        old.load()
            .await
            .unwrap()
            .unwrap()
            .records
            .contains_key(&"more".parse().unwrap())
    );
    store.seal_anew(intent()).await.unwrap();
    assert!(matches!(
        old.load().await,
        Err(StoreError::WrongKey { passphrase: true })
    ));
}

#[tokio::test]
async fn what_was_changed_since_is_damage_and_not_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = SealedStore::new(local(&dir), given(&["right"], &[]));
    fill(&store).await;
    let held = local(&dir).lock(intent()).await.unwrap();
    // A text of another sort, encrypted with the right key, is no record either.
    let check = held.snapshot().await.unwrap().records[&key::header_key()].document["check"].clone();
    held.commit(vec![put("kept", check)]).await.unwrap();
    held.release().await.unwrap();
    match store.load().await {
        Err(StoreError::Corrupt {
            damage: Damage::Meaning { what, .. },
            ..
        }) => assert_eq!(what, "record"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_thirty_two_bytes_and_is_never_shown() {
    assert!(SealKey::key(&"AB".repeat(32)).is_ok());
    assert!(SealKey::key("q7Gm0V3b5m1S4cQ2v8y9w0ZtYkLxJhNfRrPpDdSsAa8=").is_ok());
    for text in [
        "",
        "secret",
        &"ab".repeat(31),
        "q7Gm0V3b5m1S4cQ2v8y9w0ZtYkLxJhNfRrPpDdSs",
    ] {
        assert!(matches!(SealKey::key(text), Err(KeyTextError)), "{text}");
    }
    let shown = format!("{:?}", given(&["a passphrase"], &["another"]));
    assert!(!shown.contains("pass") && !shown.contains("another"), "{shown}");
}
