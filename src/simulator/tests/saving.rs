//! The live world as text: nothing is lost by a new start, and nothing secret is in it.

use serde_json::{Value, json};

use super::{Azure, connect, migration, migration_body, network, peering, peering_body, server};
use crate::simulator::{ClockMode, Method, Request, RestoreError, World};

fn again(azure: &Azure) -> Azure {
    let text = azure.world.save(ClockMode::Factor(60.0), "digest");
    let restored = World::restore(&text).unwrap();
    assert_eq!(
        (restored.clock, restored.seed_digest.as_str()),
        (ClockMode::Factor(60.0), "digest")
    );
    Azure { world: restored.world }
}

#[test]
fn a_restored_world_goes_on_where_it_stood() {
    let mut azure = Azure::scenario(&json!({}));
    connect(&mut azure);
    azure.put(&migration("pg-target", "m1"), &migration_body(&["db0"], &json!({})));
    azure.pass(100);
    let accepted = azure.put(
        &format!("{}/subnets/more", network("hub")),
        &json!({ "properties": { "addressPrefix": "10.1.7.0/24" } }),
    );
    let mut restored = again(&azure);
    assert_eq!(restored.world.objects(), azure.world.objects());
    assert_eq!(restored.world.next_event(), azure.world.next_event());
    for world in [&mut azure, &mut restored] {
        let busy = world.put(&peering("hub", "target"), &peering_body("target"));
        assert_eq!(busy.status, 429, "the network is still being written");
        world.pass(7200);
        assert_eq!(
            world.poll(&accepted, "Azure-AsyncOperation").value(),
            json!({ "status": "Succeeded" })
        );
        world.patch(
            &migration("pg-target", "m1"),
            &json!({ "properties": { "triggerCutover": "True" } }),
        );
        world.pass(600);
    }
    assert_eq!(restored.world.objects(), azure.world.objects());
    assert_eq!(
        restored.get(&migration("pg-target", "m1")).value()["properties"]["currentStatus"]["state"],
        "Succeeded"
    );
    assert_eq!(again(&restored).world.objects(), azure.world.objects());
}

#[test]
fn an_operation_can_be_polled_after_a_new_start() {
    let mut azure = Azure::scenario(&json!({}));
    let accepted = azure.put(&peering("hub", "runtime"), &peering_body("runtime"));
    azure.pass(60);
    assert_eq!(
        again(&azure).poll(&accepted, "Azure-AsyncOperation").value(),
        json!({ "status": "Succeeded" })
    );
}

#[test]
fn no_secret_is_saved_and_credentials_still_work() {
    let mut azure = Azure::scenario(&json!({}));
    connect(&mut azure);
    azure.put(&migration("pg-target", "m1"), &migration_body(&["db0"], &json!({})));
    let created = json!({ "location": "westeurope", "sku": { "name": "Standard_B1ms", "tier": "Burstable" }, "properties": {
        "administratorLogin": "boss", "administratorLoginPassword": "hunter2-admin", "version": "17" } });
    azure.put(&server("new"), &created);
    let text = String::from_utf8(azure.world.save(ClockMode::Event, "")).unwrap();
    assert!(!text.contains("hunter2"));
    let mut restored = again(&azure);
    restored.delete(&migration("pg-target", "m1"));
    restored.pass(7200);
    restored.put(&migration("pg-target", "m2"), &migration_body(&["db0"], &json!({})));
    restored.pass(7200);
    assert_eq!(
        restored.get(&migration("pg-target", "m2")).value()["properties"]["currentStatus"]["state"],
        "WaitingForUserAction"
    );
}

#[test]
fn an_export_is_a_seed_again() {
    let mut azure = Azure::scenario(&json!({ "page_size": 7 }));
    connect(&mut azure);
    let mut export = azure
        .world
        .control(&Request::new(Method::Get, "/_simulator/world"))
        .unwrap()
        .value();
    let mut second = Azure::of(&export);
    let plain = |objects: Vec<Value>| -> Vec<Value> { objects.into_iter().map(without_volatile).collect() };
    assert_eq!(plain(second.world.objects()), plain(azure.world.objects()));
    export["objects"][0]["colour"] = json!("red");
    assert!(
        crate::simulator::Seed::parse(&export.to_string())
            .is_ok_and(|seed| World::grow(seed, azure.world.now()).is_err())
    );
}

/// Etags are new in a new world.
fn without_volatile(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| name != "etag")
                .map(|(name, field)| (name, without_volatile(field)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_volatile).collect()),
        other => other,
    }
}

#[test]
fn a_world_of_another_format_is_refused() {
    let text = String::from_utf8(Azure::scenario(&json!({})).world.save(ClockMode::Event, "")).unwrap();
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert!(matches!(
        World::restore(newer.as_bytes()),
        Err(RestoreError::Format { found: 2 })
    ));
    assert!(matches!(World::restore(b"{"), Err(RestoreError::Json(_))));
}
