//! Tokens on their way: renewal by the clock, challenges answered once (2.2).

use super::rig::{Rig, SCOPE, VNET, answer, code, id, refusal};
use crate::arm::{ArmRead, Failure};
use crate::azure::credential::{Claims, TokenError};
use crate::azure::policy::govern::Caps;

const CHALLENGE: &str = r#"Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==""#;

fn bearer(rig: &Rig, at: usize) -> String {
    rig.seen()[at].header("authorization").unwrap().to_owned()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_kept() {
    let rig = Rig::always(answer(200, &[], "{}"));
    for _ in 0..5 {
        rig.client.get(&id(VNET)).await.unwrap();
    }
    assert_eq!(rig.login.count(), 1);
    assert_eq!(bearer(&rig, 4), "Bearer token-1");
}

#[tokio::test]
async fn a_token_of_an_hour_is_renewed_five_minutes_before_it_ends() {
    let rig = Rig::always(answer(200, &[], "{}"));
    rig.client.get(&id(VNET)).await.unwrap();
    rig.clock.advance(54 * 60 + 59);
    rig.client.get(&id(VNET)).await.unwrap();
    assert_eq!(rig.login.count(), 1);
    rig.clock.advance(1);
    rig.client.get(&id(VNET)).await.unwrap();
    assert_eq!(rig.login.count(), 2);
    assert_eq!(bearer(&rig, 2), "Bearer token-2");
}

#[tokio::test]
async fn tokens_of_ninety_seconds_last_a_run_of_ten_minutes() {
    let rig = Rig::built(Vec::new(), Some(answer(200, &[], "{}")), Caps::Always, 90);
    for _ in 0..=600 {
        rig.client.get(&id(VNET)).await.unwrap();
        rig.clock.advance(1);
    }
    // Renewed when a fifth of ninety seconds is left: every 72 s.
    assert_eq!(rig.login.count(), 9);
}

#[tokio::test]
async fn calls_that_start_together_share_one_token() {
    let rig = Rig::always(answer(200, &[], "{}"));
    let vnet = id(VNET);
    futures_util::future::join_all((0..50).map(|_| rig.client.get(&vnet))).await;
    assert_eq!(rig.login.count(), 1);
}

#[tokio::test]
async fn a_claims_challenge_is_answered_once() {
    let refused = || answer(401, &[("www-authenticate", CHALLENGE)], "");
    let rig = Rig::new(vec![refused(), answer(200, &[], "{}")]);
    rig.client.get(&id(VNET)).await.unwrap();
    assert_eq!(bearer(&rig, 1), "Bearer token-2");
    let claims = rig.login.claims.lock().unwrap().clone();
    assert_eq!(
        claims,
        [None, Some(r#"{"access_token":{"nbf":{"essential":true}}}"#.to_owned())]
    );

    let rig = Rig::new(vec![refused(), refused()]);
    let error = rig.client.get(&id(VNET)).await.unwrap_err();
    assert_eq!(code(&error.failure), "HTTP 401");
    assert_eq!(rig.seen().len(), 2);
}

#[tokio::test]
async fn a_token_that_arm_finds_too_old_is_renewed_once() {
    let rig = Rig::new(vec![
        refusal(401, &[], "ExpiredAuthenticationToken"),
        answer(200, &[], "{}"),
    ]);
    rig.client.get(&id(VNET)).await.unwrap();
    assert_eq!(rig.login.count(), 2);
    let rig = Rig::new(vec![refusal(401, &[], "AuthenticationFailed")]);
    assert!(rig.client.get(&id(VNET)).await.is_err());
    assert_eq!(rig.login.count(), 1);
}

#[tokio::test]
async fn calls_refused_together_fetch_one_new_token() {
    let mut steps = Vec::new();
    steps.extend((0..20).map(|_| refusal(401, &[], "ExpiredAuthenticationToken")));
    let rig = Rig::built(steps, Some(answer(200, &[], "{}")), Caps::Always, 3600);
    let vnet = id(VNET);
    let outcomes = futures_util::future::join_all((0..20).map(|_| rig.client.get(&vnet))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(rig.login.count(), 2);
}

#[tokio::test]
async fn a_failed_renewal_uses_the_old_token_while_it_holds() {
    let rig = Rig::always(answer(200, &[], "{}"));
    rig.client.get(&id(VNET)).await.unwrap();
    *rig.login.broken.lock().unwrap() = Some(TokenError::NotHere("the authority is away".into()));
    rig.clock.advance(56 * 60);
    rig.client.get(&id(VNET)).await.unwrap();
    assert_eq!(bearer(&rig, 1), "Bearer token-1");
    rig.clock.advance(5 * 60);
    let error = rig.client.get(&id(VNET)).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Unauthenticated { .. }));
    insta::assert_snapshot!(error.failure, @"no token for https://management.azure.com: the authority is away");
}

#[test]
fn only_a_claims_challenge_has_claims() {
    assert!(Claims::of_challenge(CHALLENGE).is_some());
    for header in [
        "Bearer realm=\"\"",
        "Bearer claims=\"!\"",
        "Bearer claims=\"bm90IGpzb24\"",
        "Bearer claims=\"e30",
    ] {
        assert_eq!(Claims::of_challenge(header), None, "{header}");
    }
    assert_eq!(SCOPE.0, "https://management.azure.com/.default");
}
