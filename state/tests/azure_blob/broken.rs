//! Connections that break: an answer that never came, a writer that dies between any two requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pgferry_state::{Held, Serial, Store, StoreError};
use serde_json::json;

use crate::gate::{Fate, Gate};
use crate::{Place, azurite, documents, hasty, intent, put};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_counts_once() {
    let place = Place::made().await;
    let gate = Gate::before(azurite().port());
    let held = place.through(&gate.endpoint()).lock(intent("a")).await.unwrap();
    for (number, fate) in [Fate::LostAfter, Fate::LostBefore, Fate::LostAfter]
        .into_iter()
        .enumerate()
    {
        let mut fates = vec![fate];
        gate.judge(move |line| match line.ends_with("comp=appendblock") {
            true => fates.pop().unwrap_or(Fate::Passes),
            false => Fate::Passes,
        });
        let committed = held.commit(vec![put("a", json!(number))]).await.unwrap();
        assert_eq!(committed.serial, Serial::new(number as u64 + 1));
    }
    held.release().await.unwrap();
    let seen = place.open().load().await.unwrap().unwrap();
    assert_eq!((seen.serial, documents(&seen)), (Serial::new(3), vec![("a", json!(2))]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_may_lose_its_answer_once() {
    let place = Place::made().await;
    let gate = Gate::before(azurite().port());
    let mut lost = std::collections::BTreeSet::new();
    // The first of each sort of request loses its answer, and succeeds when it is sent again.
    gate.judge(move |line| match lost.insert(sort_of(line)) {
        true => Fate::LostAfter,
        false => Fate::Passes,
    });
    let store = place.through(&gate.endpoint());
    let held = store.lock(intent("a")).await.unwrap();
    work(&*held).await.unwrap();
    held.release().await.unwrap();
    assert_eq!(store.load().await.unwrap().unwrap().serial, Serial::new(4));
    place.open().lock(intent("b")).await.unwrap().release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_dies_after_any_request_leaves_what_it_was_told_and_nothing_half() {
    let mut cut = 0;
    loop {
        let fates = [Fate::LostBefore, Fate::LostAfter];
        let mut finished = 0;
        for fate in fates {
            let place = Place::made().await;
            let gate = Gate::before(azurite().port());
            let passed = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&passed);
            gate.judge(move |_| match count.fetch_add(1, Ordering::Relaxed) {
                before if before < cut => Fate::Passes,
                before if before == cut => fate,
                _ => Fate::LostBefore,
            });
            let store = place.with(&gate.endpoint(), hasty());
            let mut told = None;
            if let Ok(held) = store.lock(intent("dies")).await {
                told = Some(Serial::ZERO);
                match work(&*held).await {
                    Ok(serial) => told = Some(serial),
                    Err((serial, _)) => told = serial.or(told),
                }
                finished += usize::from(held.release().await.is_ok());
            }
            let seen = place.open().load().await.unwrap();
            let serial = seen.as_ref().map(|snapshot| snapshot.serial);
            assert!(
                serial >= told,
                "after {cut} requests {told:?} was answered and {serial:?} is there"
            );
            if let Some(snapshot) = seen {
                assert_eq!(snapshot.records.len() as u64, snapshot.serial.get());
            }
            // Whoever comes next gets in, once the lease of the dead one is out of the way.
            let broken = [("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "0")];
            place.raw("PUT", "", "comp=lease&", &broken, "").await;
            let held = place.open().lock(intent("next")).await.unwrap();
            held.commit(vec![put("next", json!(1))]).await.unwrap();
            held.release().await.unwrap();
        }
        if finished == fates.len() {
            break;
        }
        cut += 1;
    }
    assert!(cut > 8, "the writer was cut off only {cut} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_away_is_named_without_the_signature() {
    let place = Place::new();
    let missing = place.open().load().await.unwrap_err();
    let shut = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let away = place
        .with(&format!("http://127.0.0.1:{shut}/pgferry"), hasty())
        .load()
        .await
        .unwrap_err();
    for error in [&missing, &away] {
        assert!(matches!(error, StoreError::Remote { .. }), "{error:?}");
        let mut text = format!("{error} {error:?}");
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text.push_str(&format!(" {inner} {inner:?}"));
            cause = inner.source();
        }
        assert!(text.contains("team/prod") && !text.contains("sig="), "{text}");
    }
    let told = std::error::Error::source(&missing).unwrap().to_string();
    assert!(told.contains("ContainerNotFound"), "{told}");
    assert!(!format!("{:?}", place.open()).contains("sig="));
}

/// Four commits, the third of which needs a part of its own and the last of which begins the log anew. Answers with the
/// last serial that was answered.
async fn work(held: &dyn Held) -> Result<Serial, (Option<Serial>, StoreError)> {
    let mut told = None;
    for (name, bytes) in [("a", 10), ("b", 100), ("c", 1_100_000), ("d", 1_040_000)] {
        let committed = held.commit(vec![put(name, json!("x".repeat(bytes)))]).await;
        told = Some(committed.map_err(|error| (told, error))?.serial);
    }
    Ok(told.unwrap_or(Serial::ZERO))
}

fn sort_of(line: &str) -> String {
    let ending = line.split("team/prod").nth(1).unwrap_or_default();
    let verb = line.split(' ').next().unwrap_or_default();
    let (name, component) = ending.split_once('?').unwrap_or((ending, ""));
    let name = name.split('-').next().unwrap_or_default();
    format!("{verb} {name} {component}")
}
