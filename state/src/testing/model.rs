//! Random edits, made to the local store and to the strict one in memory, which share no rules in code: both must come
//! to the same state.

use proptest::prelude::*;
use serde_json::json;

use super::MemoryStore;
use crate::local::LocalStore;
use crate::snapshot::{
    Actor, Binding, FingerprintKey, HistoryEntry, Lineage, RecordKey, Revision, RunId, RunOutcome, Snapshot, StepId,
};
use crate::store::{Edit, Held, Holder, Intent, Store, StoreError};

/// What happens to both stores.
#[derive(Clone, Debug)]
enum Event {
    Commit(Vec<Edit>),
    Relock,
    Drop,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_local_store_and_the_strict_one_agree(events in proptest::collection::vec(event(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(compare(events));
    }
}

async fn compare(events: Vec<Event>) {
    let dir = tempfile::tempdir().unwrap();
    let local = LocalStore::new(dir.path().join("state"));
    let strict = MemoryStore::new();
    let mut held = [lock(&local).await, lock(&strict).await];
    for event in events {
        match event {
            Event::Commit(edits) => {
                let allowed = held[1].commit(edits.clone()).await;
                if let Err(StoreError::StepOutOfOrder { .. }) = allowed {
                    continue;
                }
                let said = |outcome: Result<_, StoreError>| outcome.map_err(|error| error.to_string());
                assert_eq!(said(held[0].commit(edits).await), said(allowed));
            }
            Event::Relock => {
                let [one, other] = held;
                one.release().await.unwrap();
                other.release().await.unwrap();
                assert_eq!(seen(local.load().await.unwrap()), seen(strict.load().await.unwrap()));
                held = [lock(&local).await, lock(&strict).await];
            }
            Event::Drop => {
                drop(held);
                held = [lock(&local).await, lock(&strict).await];
            }
        }
        let [one, other] = &held;
        assert_eq!(seen(one.snapshot().await.ok()), seen(other.snapshot().await.ok()));
    }
    let [one, other] = held;
    one.release().await.unwrap();
    other.release().await.unwrap();
    assert_eq!(local.history().await.unwrap(), strict.history().await.unwrap());
}

/// A snapshot without what is random in it.
fn seen(snapshot: Option<Snapshot>) -> Snapshot {
    let lineage: Lineage = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    Snapshot {
        lineage,
        fingerprint_key: FingerprintKey([0; 32]),
        ..snapshot.unwrap()
    }
}

/// A dropped lock is free soon, not at once.
async fn lock(store: &dyn Store) -> Box<dyn Held> {
    let since = jiff::Timestamp::UNIX_EPOCH;
    loop {
        let holder = Holder {
            who: Actor::new("a"),
            process: 1,
            command: String::new(),
            run: None,
            since,
        };
        match store.lock(Intent { holder }).await {
            Err(StoreError::Locked(_)) => tokio::task::yield_now().await,
            locked => return locked.unwrap(),
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => proptest::collection::vec(edit(), 0..5).prop_map(Event::Commit),
        1 => Just(Event::Relock),
        1 => Just(Event::Drop),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    let document = || (0..3usize).prop_map(|size| json!({ "text": "x".repeat(size * 3_000) }));
    let step = || (0..3u32).prop_map(StepId::new);
    let started = jiff::Timestamp::UNIX_EPOCH;
    prop_oneof![
        4 => (key(), document()).prop_map(|(key, document)| Edit::Put { key, document }),
        2 => (key(), document(), proptest::option::of(0..6u64)).prop_map(|(key, document, expected)| {
            Edit::PutIf { key, document, expected: expected.map(Revision::new) }
        }),
        2 => key().prop_map(|key| Edit::Remove { key }),
        2 => (key(), key()).prop_map(|(from, to)| Edit::Rename { from, to }),
        3 => (run(), document(), prop_oneof!["f", "g"]).prop_map(move |(run, plan, plan_fingerprint)| Edit::BeginRun {
            run, started, by: Actor::new("a"), plan, plan_fingerprint, approval: None,
        }),
        3 => (run(), step(), 1..4u32).prop_map(|(run, step, attempt)| {
            let [unit, method, body_hash] = ["u", "PUT", "h"].map(str::to_owned);
            Edit::Intent { run, step, attempt, unit, method, body_hash }
        }),
        2 => (run(), step(), document()).prop_map(|(run, step, operation)| Edit::Accepted { run, step, operation }),
        2 => (run(), step()).prop_map(|(run, step)| Edit::Done { run, step }),
        1 => (run(), step()).prop_map(|(run, step)| Edit::Failed { run, step, message: "m".to_owned() }),
        2 => run().prop_map(move |run| Edit::EndRun {
            run, finished: started, outcome: RunOutcome::Succeeded, summary: "s".to_owned(), account: crate::Account::default(),
        }),
        1 => run().prop_map(move |run| Edit::Log(HistoryEntry {
            run, started, finished: started, by: Actor::new("a"), plan_fingerprint: String::new(), approval: None,
            outcome: RunOutcome::Succeeded, summary: "l".to_owned(), account: crate::Account::default(),
        })),
        1 => prop_oneof!["public", "simulator"].prop_map(|cloud| {
            let [tenant, subscription] = ["t", "s"].map(str::to_owned);
            Edit::Bind(Binding { cloud, tenant, subscription })
        }),
    ]
}

fn key() -> impl Strategy<Value = RecordKey> {
    (0..4).prop_map(|number| format!("k{number}").parse().unwrap())
}

fn run() -> impl Strategy<Value = RunId> {
    (0..2).prop_map(|number| format!("00000000-0000-0000-0000-00000000000{number}").parse().unwrap())
}
