//! Whatever comes in whatever order: an answer, never a panic, and a world that can be saved and read again.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{Azure, migration, migration_body, network, peering, peering_body, server, zone};
use crate::simulator::{ClockMode, Method, Request, World};

#[derive(Debug, Clone)]
enum Step {
    Call(Method, String, Value),
    Pass(u64),
    Reopen,
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Get),
        Just(Method::Head),
        Just(Method::Put),
        Just(Method::Patch),
        Just(Method::Post),
        Just(Method::Delete)
    ]
}

fn place() -> impl Strategy<Value = String> {
    let networks = ["hub", "runtime", "target"];
    let pair = (0..3_usize, 0..3_usize);
    prop_oneof![
        (0..3_usize).prop_map(move |at| network(networks[at])),
        pair.prop_map(move |(from, to)| peering(networks[from], networks[to])),
        Just(format!("{}/subnets/x", network("hub"))),
        Just(zone("z.com")),
        Just(format!("{}/virtualNetworkLinks/l", zone("z.com"))),
        Just(server("pg-target")),
        Just(server("pg-new")),
        Just(format!("{}/firewallRules/f", server("pg-target"))),
        Just(format!("{}/configurations/wal_level", server("pg-target"))),
        Just(format!("{}/databases/db1", server("pg-target"))),
        (0..3_u8).prop_map(|number| migration("pg-target", &format!("m{number}"))),
        Just(format!("{}/migrations", server("pg-target"))),
        Just(format!("{}/restart", server("pg-runtime"))),
        Just(format!("{}/checkMigrationNameAvailability", server("pg-target"))),
        "(/[a-zA-Z.%]{0,9}){0,9}",
        Just("/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg-data".to_owned()),
    ]
}

fn body() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(peering_body("runtime")),
        Just(peering_body("hub")),
        Just(
            json!({ "location": "westeurope", "properties": { "addressSpace": { "addressPrefixes": ["10.1.0.0/16", "10.9.0.0/16"] } } })
        ),
        Just(json!({ "location": "global", "properties": { "virtualNetwork": { "id": network("hub") } } })),
        Just(json!({ "properties": { "addressPrefix": "10.1.5.0/24" } })),
        Just(json!({ "properties": { "value": "logical" } })),
        Just(json!({ "properties": { "startIpAddress": "1.1.1.1", "endIpAddress": "1.1.1.2" } })),
        (0..19_u8).prop_map(|number| migration_body(
            &[format!("db{number}").as_str()],
            &json!({ "migrationInstanceResourceId": null, "sourceDbServerResourceId": "10.1.0.4:5432@migrator" })
        )),
        Just(json!({ "properties": { "triggerCutover": "True" } })),
        Just(json!({ "properties": { "cancel": true } })),
        Just(json!({ "name": "m1", "type": "Microsoft.DBforPostgreSQL/flexibleServers/migrations" })),
        junk(),
    ]
}

fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z/]{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("(properties|location|tags|name|id|sku|[a-z]{1,6})", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (method(), place(), body()).prop_map(|(method, place, body)| Step::Call(method, place, body)),
        2 => (0..100_000_u64).prop_map(Step::Pass),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_requests_is_answered(steps in prop::collection::vec(step(), 1..40)) {
        let mut azure = Azure::scenario(&json!({ "path_checks": "off" }));
        for step in steps {
            match step {
                Step::Call(method, place, body) => {
                    let body = if matches!(method, Method::Put | Method::Patch | Method::Post) { Some(&body) } else { None };
                    let response = azure.call(method, &place, body);
                    assert!((200..600).contains(&response.status), "{method} {place}: {}", response.status);
                    assert!(response.status < 500, "{method} {place}: {}", response.value());
                }
                Step::Pass(seconds) => azure.pass(seconds),
                Step::Reopen => {
                    let before = azure.world.objects();
                    azure.world = World::restore(&azure.world.save(ClockMode::Event, "")).unwrap().world;
                    assert_eq!(azure.world.objects(), before);
                }
            }
        }
    }

    #[test]
    fn rubbish_is_answered(path in "\\PC{0,40}", query in "\\PC{0,20}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut azure = Azure::scenario(&json!({}));
        for method in [Method::Get, Method::Put, Method::Patch, Method::Post, Method::Delete, Method::Head] {
            let mut request = Request::new(method, &format!("/{path}?api-version=2024-07-01&{query}"));
            request.body = bytes.clone();
            assert!(azure.send(request).status >= 200);
        }
    }
}
