//! What others did to the state's blobs: nothing is taken for what it is not, and what is left is named.

use pgferry_state::{Damage, Serial, Store, StoreError};
use serde_json::json;

use crate::{Place, intent, put};

/// A state with a base and a log after it.
async fn whole() -> Place {
    let place = Place::made().await;
    let held = place.open().lock(intent("a")).await.unwrap();
    held.commit(vec![put("a", json!("x".repeat(900_000)))]).await.unwrap();
    held.commit(vec![put("b", json!("x".repeat(900_000)))]).await.unwrap();
    held.commit(vec![put("c", json!(3))]).await.unwrap();
    held.release().await.unwrap();
    assert_eq!(
        place
            .blobs()
            .await
            .iter()
            .filter(|name| name.starts_with(".base-"))
            .count(),
        1
    );
    place
}

async fn refusals(place: &Place) -> [StoreError; 2] {
    let load = place.open().load().await.map(|_| ());
    let lock = place.open().lock(intent("b")).await.map(|_| ());
    [load.unwrap_err(), lock.unwrap_err()]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_gone_is_not_taken_for_a_new_state() {
    let place = whole().await;
    assert_eq!(place.raw("DELETE", "", "", &[], "").await, 202);
    for refused in refusals(&place).await {
        let StoreError::Corrupt { damage, .. } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(damage, Damage::Gone("the log"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_with_something_else_at_its_end_names_the_base_that_is_whole() {
    let place = whole().await;
    for line in ["x", "{}\n", "{\"key\":\"record/c\"}\n"] {
        assert_eq!(place.raw("PUT", "", "comp=appendblock&", &[], line).await, 201);
        for refused in refusals(&place).await {
            let StoreError::Corrupt {
                last_good: Some(good), ..
            } = refused
            else {
                panic!("{refused:?}")
            };
            assert_eq!((good.serial, good.records), (Serial::new(2), 2));
            assert!(good.path.to_str().unwrap().contains("team/prod.base-"), "{good:?}");
        }
    }
    // Somebody was refused, and did not keep the lock.
    place.open().lock(intent("b")).await.map(|_| ()).unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_that_is_gone_or_changed_is_reported() {
    let place = whole().await;
    let base = place
        .blobs()
        .await
        .into_iter()
        .find(|name| name.starts_with(".base-"))
        .unwrap();
    let block = [("x-ms-blob-type", "BlockBlob")];
    for changed in ["", "{}", "not even JSON\n"] {
        assert_eq!(place.raw("PUT", &base, "", &block, changed).await, 201);
        for refused in refusals(&place).await {
            assert!(
                matches!(refused, StoreError::Corrupt { last_good: None, .. }),
                "{refused:?}"
            );
        }
    }
    assert_eq!(place.raw("DELETE", &base, "", &[], "").await, 202);
    for refused in refusals(&place).await {
        let StoreError::Corrupt { damage, .. } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(damage, Damage::Gone("the base of the log"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_of_somebody_else_is_left_alone() {
    let place = Place::made().await;
    let headers = [("x-ms-blob-type", "AppendBlob")];
    assert_eq!(place.raw("PUT", "", "", &headers, "").await, 201);
    assert_eq!(place.raw("PUT", "", "comp=appendblock&", &[], "theirs").await, 201);
    for refused in refusals(&place).await {
        let StoreError::Corrupt { damage, .. } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(damage, Damage::FormatMarker);
    }
    assert_eq!(place.blobs().await, [""]);
}
