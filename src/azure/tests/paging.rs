//! Lists and single reads (2.3, 2.10).

use super::rig::{BASE, Rig, SERVER, VNET, answer, code, id, json, refusal};
use crate::arm::{ArmRead, Found};

fn page(names: &[&str], next: Option<&str>) -> super::rig::Step {
    let value: Vec<_> = names.iter().map(|name| serde_json::json!({ "name": name })).collect();
    let next = next.map(|path| format!("{BASE}{path}"));
    answer(
        200,
        &[],
        &serde_json::json!({ "value": value, "nextLink": next }).to_string(),
    )
}

fn collection(of: &str) -> crate::arm::Collection {
    id(of).collection().unwrap()
}

#[tokio::test]
async fn pages_are_followed_verbatim_even_over_an_empty_one() {
    let rig = Rig::new(vec![
        page(
            &["a"],
            Some("/subscriptions/s//x?api-version=2017-12-01&$skiptoken=A%2bB%20c"),
        ),
        page(&[], Some("/subscriptions/s//x?$skiptoken=2")),
        page(&["b", "c"], None),
    ]);
    let found = rig
        .client
        .list(&collection(&format!("{SERVER}/firewallRules/r")))
        .await
        .unwrap()
        .unwrap();
    let names: Vec<_> = found.iter().map(|member| member["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    insta::assert_snapshot!(rig.lines(), @"
    GET /subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg/firewallRules?api-version=2025-08-01
    GET /subscriptions/s//x?api-version=2017-12-01&$skiptoken=A%2bB%20c
    GET /subscriptions/s//x?$skiptoken=2
    ");
}

#[tokio::test]
async fn finished_migrations_are_listed_too() {
    let rig = Rig::new(vec![answer(200, &[], r#"{"value":[],"nextLink":""}"#)]);
    let found = rig
        .client
        .list(&collection(&format!("{SERVER}/migrations/m")))
        .await
        .unwrap();
    assert_eq!(found, Some(Vec::new()));
    assert!(
        rig.lines()
            .ends_with("/flexibleServers/pg/migrations?api-version=2025-08-01&migrationListFilter=All")
    );
}

#[tokio::test]
async fn a_list_that_leads_back_is_refused() {
    let rig = Rig::new(vec![
        page(&["a"], Some("/x?p=2")),
        page(&["b"], Some("/x?p=3")),
        page(&["c"], Some("/x?p=2")),
    ]);
    let error = rig.client.list(&collection(VNET)).await.unwrap_err();
    assert_eq!(rig.seen().len(), 3);
    insta::assert_snapshot!(error, @"GET /subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/*");
    insta::assert_snapshot!(error.failure, @"the answer cannot be read: the list leads back to a page that was already read");
}

#[tokio::test]
async fn no_token_goes_to_a_page_on_another_host() {
    let foreign = r#"{"value":[],"nextLink":"https://management.azure.com.evil.example/x"}"#;
    let rig = Rig::new(vec![answer(200, &[], foreign)]);
    let error = rig.client.list(&collection(VNET)).await.unwrap_err();
    assert_eq!(rig.seen().len(), 1);
    assert!(error.failure.to_string().contains("evil.example"));
}

#[tokio::test]
async fn a_missing_parent_is_no_error_but_a_missing_subscription_is() {
    for code in ["ParentResourceNotFound", "ResourceGroupNotFound", "ResourceNotFound"] {
        let rig = Rig::new(vec![refusal(404, &[], code)]);
        assert_eq!(rig.client.list(&collection(VNET)).await.unwrap(), None);
        let rig = Rig::new(vec![refusal(404, &[], code)]);
        assert_eq!(rig.client.get(&id(VNET)).await.unwrap(), Found::Absent);
    }
    let rig = Rig::new(vec![refusal(404, &[], "SubscriptionNotFound")]);
    assert_eq!(
        code(&rig.client.get(&id(VNET)).await.unwrap_err().failure),
        "SubscriptionNotFound"
    );
    let rig = Rig::new(vec![
        page(&["a"], Some("/x?p=2")),
        refusal(404, &[], "ResourceNotFound"),
    ]);
    assert!(
        rig.client.list(&collection(VNET)).await.is_err(),
        "half a list is no list"
    );
}

#[tokio::test]
async fn a_page_of_a_proxy_is_not_taken_for_absence() {
    let rig = Rig::new(vec![answer(404, &[], "<html><title>Proxy says no</title></html>")]);
    let error = rig.client.get(&id(VNET)).await.unwrap_err();
    insta::assert_snapshot!(error.failure, @"the answer cannot be read: HTTP 404: the answer is a page, not JSON: Proxy says no");
}

#[tokio::test]
async fn a_broken_answer_is_named_without_quoting_it() {
    for body in [r#"{"name":"secret-valu"#, "<html>secret</html>", r#"["secret"]"#] {
        let rig = Rig::always(answer(200, &[], body));
        let error = rig.client.list(&collection(VNET)).await.unwrap_err();
        let shown = error.failure.to_string();
        assert!(shown.starts_with("the answer cannot be read: it is"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[tokio::test]
async fn asking_is_a_post_that_counts_as_a_read() {
    let rig = Rig::new(vec![answer(200, &[], r#"{"nameAvailable":true}"#)]);
    let asked = json(r#"{"name":"m1"}"#);
    let told = rig
        .client
        .ask(&id(SERVER), "checkMigrationNameAvailability", &asked)
        .await
        .unwrap();
    assert_eq!(told["nameAvailable"], true);
    let seen = &rig.seen()[0];
    assert_eq!(seen.body.as_deref(), Some(r#"{"name":"m1"}"#));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(rig.client.requests().reads, 1);
    assert_eq!(rig.client.requests().writes, 0);
}

#[tokio::test]
async fn a_type_without_a_version_is_not_called() {
    let rig = Rig::new(Vec::new());
    let vm = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm";
    let error = rig.client.get(&id(vm)).await.unwrap_err();
    insta::assert_snapshot!(error.failure, @"no api-version is known for `Microsoft.Compute/virtualMachines`");
    assert!(rig.seen().is_empty());
}

#[tokio::test]
async fn every_call_has_its_own_id_and_the_run_s() {
    let rig = Rig::new(vec![
        answer(503, &[], ""),
        answer(200, &[], "{}"),
        answer(200, &[], "{}"),
    ]);
    rig.client.get(&id(VNET)).await.unwrap();
    rig.client.get(&id(VNET)).await.unwrap();
    let seen = rig.seen();
    let call_id = |at: usize| seen[at].header("x-ms-client-request-id").unwrap().to_owned();
    assert_eq!(call_id(0), call_id(1), "a repetition is the same call");
    assert_ne!(call_id(1), call_id(2));
    for request in &seen {
        let nil = "00000000-0000-0000-0000-000000000000";
        assert_eq!(request.header("x-ms-correlation-request-id"), Some(nil));
        assert_eq!(request.header("x-ms-return-client-request-id"), Some("true"));
    }
}
