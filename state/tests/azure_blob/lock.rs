//! The lease as the lock: who gets in, who is told what, and that whoever lost it writes nothing.

use std::time::{Duration, Instant};

use pgferry_state::{Actor, Life, Serial, Store, StoreError};
use serde_json::json;
use tokio::task::JoinSet;

use crate::gate::{Fate, Gate};
use crate::{Place, azurite, documents, hasty, intent, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_that_start_together_one_gets_in_and_seven_are_told_who() {
    let place = Place::made().await;
    for _ in ["a new state", "an old one"] {
        let mut starting = JoinSet::new();
        for number in 0..8 {
            let store = place.open();
            starting.spawn(async move {
                let begun = Instant::now();
                (store.lock(intent(&format!("runner{number}"))).await, begun.elapsed())
            });
        }
        let mut inside = Vec::new();
        let mut told = Vec::new();
        for (locked, took) in starting.join_all().await {
            match locked {
                Ok(held) => inside.push(held),
                Err(StoreError::Locked(holder)) => told.push((holder, took)),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!((inside.len(), told.len()), (1, 7));
        for (holder, took) in told {
            assert!(holder.who.as_str().starts_with("runner"), "{holder}");
            assert_eq!(holder.run, intent("x").holder.run);
            // Far from the lease: nobody waits for it, however busy the machine is.
            assert!(took < Duration::from_secs(30), "{took:?}");
        }
        inside.remove(0).release().await.unwrap();
    }
}

/// Between the look for the log and the look whether there was one, somebody makes both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_made_while_somebody_looks_for_it_is_not_taken_for_one_that_is_gone() {
    for locks in [true, false] {
        let place = Place::made().await;
        let gate = Gate::before(azurite().port());
        let mut first = Some(place.open());
        gate.judge(move |line| {
            if line.starts_with("HEAD")
                && line.ends_with(".known")
                && let Some(first) = first.take()
            {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    first.lock(intent("faster")).await.unwrap().release().await.unwrap();
                });
            }
            Fate::Passes
        });
        let store = place.through(&gate.endpoint());
        if locks {
            store.lock(intent("slower")).await.unwrap().release().await.unwrap();
        } else {
            assert_eq!(store.load().await.unwrap().unwrap().serial, Serial::ZERO);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_fell_silent_is_followed_after_its_lease_and_not_before_and_writes_no_more() {
    let place = Place::made().await;
    let gate = Gate::before(azurite().port());
    let cut_off = place.with(&gate.endpoint(), hasty());
    let begun = Instant::now();
    let held = cut_off.lock(intent("silent")).await.unwrap();
    held.commit(vec![put("a", json!("kept"))]).await.unwrap();
    gate.judge(|_| Fate::LostBefore);

    let next = place.with(&azurite().endpoint(), hasty());
    let followed = loop {
        match next.lock(intent("next")).await {
            Ok(followed) => break followed,
            Err(StoreError::Locked(holder)) => assert_eq!(holder.who.as_str(), "silent"),
            Err(error) => panic!("{error}"),
        }
    };
    assert!(begun.elapsed() >= Duration::from_secs(14), "{:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    gate.judge(|_| Fate::Passes);
    match held.commit(vec![put("a", json!("lost"))]).await {
        Err(StoreError::LockLost { now: Some(holder) }) => assert_eq!(holder.who.as_str(), "next"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(held.commit(Vec::new()).await, Err(StoreError::Unusable)));
    drop(held);
    followed.commit(vec![put("b", json!("next"))]).await.unwrap();
    followed.release().await.unwrap();
    let seen = place.open().load().await.unwrap().unwrap();
    assert_eq!(documents(&seen), [("a", json!("kept")), ("b", json!("next"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_lapsed_is_taken_again_if_nobody_was_inside() {
    let place = Place::made().await;
    let held = place.open().lock(intent("slept")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    let broken = [("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "0")];
    assert_eq!(place.raw("PUT", "", "comp=lease&", &broken, "").await, 202);
    held.commit(vec![put("a", json!(2))]).await.unwrap();
    match place.open().lock(intent("other")).await.map(|_| ()) {
        Err(StoreError::Locked(holder)) => assert_eq!(holder.who.as_str(), "slept"),
        other => panic!("{other:?}"),
    }
    held.release().await.unwrap();
    assert_eq!(
        documents(&place.open().load().await.unwrap().unwrap()),
        [("a", json!(2))]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_was_broken_is_not_taken_again_by_its_holder() {
    let place = Place::made().await;
    assert_eq!(place.open().break_lock(&Actor::new("stuck")).await.unwrap(), None);
    let held = place.open().lock(intent("stuck")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    let broken = place.open().break_lock(&Actor::new("stuck")).await.unwrap();
    assert_eq!(broken, Some(intent("stuck").holder));
    let refused = held.commit(vec![put("a", json!(2))]).await;
    assert!(
        matches!(refused, Err(StoreError::LockLost { now: None })),
        "{refused:?}"
    );
    assert!(matches!(held.release().await, Err(StoreError::Unusable)));
    let held = place.open().lock(intent("next")).await.unwrap();
    held.release().await.unwrap();
    assert_eq!(
        documents(&place.open().load().await.unwrap().unwrap()),
        [("a", json!(1))]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_writes_all_the_time_is_put_out_as_well() {
    let place = Place::made().await;
    let held = place.open().lock(intent("busy")).await.unwrap();
    let busy = tokio::spawn(async move {
        let mut written = 0_u64;
        loop {
            match held.commit(vec![put("a", json!(written))]).await {
                Ok(_) => written += 1,
                Err(error) => return (written, error),
            }
        }
    });
    let broken = place.open().break_lock(&Actor::new("busy")).await.unwrap();
    assert_eq!(broken, Some(intent("busy").holder));
    let (written, error) = busy.await.unwrap();
    assert!(matches!(error, StoreError::LockLost { .. }), "{error:?}");
    let seen = place.open().load().await.unwrap().unwrap();
    assert_eq!(seen.serial.get(), written, "nothing but what was answered is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_whose_lease_ran_out_is_seen_as_lapsed_and_can_be_cleared() {
    let place = Place::made().await;
    let held = place.open().lock(intent("gone")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    let ended = [("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "0")];
    assert_eq!(place.raw("PUT", "", "comp=lease&", &ended, "").await, 202);
    let seen = place.open().holder().await.unwrap().unwrap();
    assert_eq!((seen.holder, seen.life), (intent("gone").holder, Life::Lapsed));
    let cleared = place.open().break_lock(&Actor::new("gone")).await.unwrap();
    assert_eq!(cleared, Some(intent("gone").holder));
    assert_eq!(place.open().holder().await.unwrap(), None);
    let refused = held.commit(vec![put("a", json!(2))]).await;
    assert!(matches!(refused, Err(StoreError::LockLost { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_another_program_is_a_lock_too() {
    let place = Place::made().await;
    place.open().lock(intent("a")).await.unwrap().release().await.unwrap();
    let foreign = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
    assert_eq!(place.raw("PUT", "", "comp=lease&", &foreign, "").await, 201);
    let refused = place.open().lock(intent("b")).await.map(|_| ());
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("somebody who left no name"), "{told}");
}
