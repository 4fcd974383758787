//! A program that ends lets go of the locks that it dropped. A program of its own, because locks are counted for all of it.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use pgferry_state::testing::azurite::Azurite;
use pgferry_state::{
    Actor, BlobAddress, BlobLogin, BlobManners, BlobSas, BlobStore, Edit, Holder, Intent, Life, Store, settled,
};
use serde_json::json;

/// One test, since locks are counted for the whole program.
#[tokio::test]
async fn a_lock_that_was_dropped_or_given_up_is_free_once_all_is_settled() {
    let azurite = Azurite::start().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let container = format!("{}/states?restype=container&{}", azurite.endpoint(), Azurite::sas());
    let made = http.put(container).header("content-length", 0).send().await.unwrap();
    assert_eq!(made.status().as_u16(), 201);
    let address = BlobAddress::new(&azurite.endpoint(), "states", "prod").unwrap();
    let login = BlobLogin::Sas(BlobSas::new(&Azurite::sas()));
    let store = BlobStore::new(address, login, http, BlobManners::default());
    a_lock_that_was_dropped_is_free(&store).await;
    a_lock_whose_taking_was_given_up_is_free(&store).await;
}

async fn a_lock_that_was_dropped_is_free(store: &BlobStore) {
    settled().await;
    let held = store.lock(intent("first")).await.expect("a lock");
    let put = Edit::Put {
        key: "a".parse().expect("a key"),
        document: json!(1),
    };
    held.commit(vec![put]).await.expect("a commit");
    let waits = tokio::time::timeout(Duration::from_millis(50), settled()).await;
    assert!(waits.is_err(), "a lock that is held is waited for");
    drop(held);
    settled().await;
    let held = store.lock(intent("second")).await.expect("a lock");
    held.release().await.expect("a release");
}

/// Given up at each moment at which something is waited for.
async fn a_lock_whose_taking_was_given_up_is_free(store: &BlobStore) {
    for waits in 1_u32.. {
        let mut taking = store.lock(intent("first"));
        let mut left = waits;
        let taken = poll_fn(|context| match taking.as_mut().poll(context) {
            Poll::Ready(taken) => Poll::Ready(Some(taken)),
            Poll::Pending if left == 1 => Poll::Ready(None),
            Poll::Pending => {
                left -= 1;
                Poll::Pending
            }
        })
        .await;
        drop(taking);
        let is_through = taken.is_some();
        drop(taken);
        settled().await;
        let held = store.holder().await.expect("an answer");
        assert!(
            held.is_none_or(|held| held.life == Life::Lapsed),
            "given up at its wait {waits}"
        );
        if is_through {
            assert!(waits > 3, "it takes, reads and notes its name: {waits}");
            return;
        }
    }
}

fn intent(who: &str) -> Intent {
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who: Actor::new(who),
            process: 1,
            command: "test".to_owned(),
            run: None,
            since,
        },
    }
}
