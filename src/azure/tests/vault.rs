//! Secrets in vaults.

use std::time::Duration;

use super::rig::{Rig, VNET, answer, call, id, refusal};
use crate::arm::{ArmRead, ArmWrite, Failure, VaultRead, Verb};
use crate::secret::VaultSecret;

fn migrator() -> VaultSecret {
    "https://kv-erp.vault.azure.net/secrets/migrator".parse().unwrap()
}

#[tokio::test]
async fn a_secret_is_read_at_the_host_of_its_vault_and_hidden_from_then_on() {
    let repeats = r#"{"error":{"code":"X","message":"no login with hunter2-of-erp"}}"#;
    let rig = Rig::new(vec![
        answer(
            200,
            &[],
            r#"{"value":"hunter2-of-erp","id":"i","attributes":{"enabled":true}}"#,
        ),
        answer(400, &[], repeats),
    ]);
    let secret = rig.client.secret(&migrator()).await.unwrap();
    assert_eq!(secret.expose(), "hunter2-of-erp");
    let seen = &rig.seen()[0];
    assert_eq!(
        (seen.method, seen.url.as_str()),
        ("GET", "https://kv-erp.vault.azure.net/secrets/migrator?api-version=7.4")
    );
    assert_eq!(seen.header("authorization"), Some("Bearer token-1"));
    let refused = rig.client.begin(&call(Verb::Delete, VNET), None).await.unwrap_err();
    assert_eq!(refused.failure.to_string(), "X: no login with (secret)");
}

#[tokio::test]
async fn vaults_and_arm_are_given_different_tokens() {
    let rig = Rig::new(vec![answer(200, &[], "{}"), answer(200, &[], r#"{"value":"hunter2"}"#)]);
    let _there = rig.client.get(&id(VNET)).await.unwrap();
    let _secret = rig.client.secret(&migrator()).await.unwrap();
    let tokens: Vec<Option<String>> = rig
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(
        tokens,
        [Some("Bearer token-1".to_owned()), Some("Bearer token-2".to_owned())]
    );
}

#[tokio::test]
async fn what_passes_is_waited_for_and_what_does_not_is_told() {
    let disabled = r#"{"error":{"code":"Forbidden","message":"m","innererror":{"code":"SecretDisabled"}}}"#;
    let rig = Rig::new(vec![
        refusal(429, &[("retry-after", "3")], "Throttled"),
        answer(403, &[], disabled),
        answer(200, &[], r#"{"value":""}"#),
    ]);
    let error = rig.client.secret(&migrator()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "read the secret https://kv-erp.vault.azure.net/secrets/migrator"
    );
    assert!(
        matches!(&error.failure, Failure::Refused(service) if service.any_code(&["SecretDisabled"])),
        "{error:?}"
    );
    assert!(rig.clock.slept().contains(&Duration::from_secs(3).as_secs_f64()));
    let error = rig.client.secret(&migrator()).await.unwrap_err();
    assert_eq!(
        error.failure.to_string(),
        "the answer cannot be read: the secret is empty"
    );
}
