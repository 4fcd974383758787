//! The rules of the simulated service, asked through `World::handle`, and the server, asked over HTTP. Never the client's code.

mod contract;
mod faults;
mod migration;
mod network;
mod postgres;
mod private_dns;
mod random;
mod saving;
mod serving;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::contract::Purpose;
use super::path::Route;
use super::{Method, Request, Response, Seed, World};

const GROUP: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-data/providers";
const NETWORK_VERSION: &str = "2024-07-01";
const DNS_VERSION: &str = "2024-06-01";
const POSTGRES_VERSION: &str = "2025-08-01";

/// A world and somebody who is signed in to it.
struct Azure {
    world: World,
}

impl Azure {
    fn of(seed: &Value) -> Self {
        let seed = Seed::parse(&seed.to_string()).unwrap();
        Self {
            world: World::grow(seed, "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap()).unwrap(),
        }
    }

    /// Hub, runtime and target networks, a runtime server, a target with a private endpoint, a source of nineteen databases.
    fn scenario(options: &Value) -> Self {
        Self::of(&scenario(options))
    }

    fn send(&mut self, request: Request) -> Response {
        let response = self
            .world
            .handle(&request.clone().with_header("Authorization", "Bearer x"));
        fits_its_contract(&request, &response);
        response
    }

    fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let version = version(path);
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = Request::new(method, &format!("{path}{separator}api-version={version}"));
        self.send(match body {
            Some(body) => request.with_json(body),
            None => request,
        })
    }

    fn get(&mut self, path: &str) -> Response {
        self.call(Method::Get, path, None)
    }

    fn put(&mut self, path: &str, body: &Value) -> Response {
        self.call(Method::Put, path, Some(body))
    }

    fn patch(&mut self, path: &str, body: &Value) -> Response {
        self.call(Method::Patch, path, Some(body))
    }

    fn delete(&mut self, path: &str) -> Response {
        self.call(Method::Delete, path, None)
    }

    fn post(&mut self, path: &str, body: &Value) -> Response {
        self.call(Method::Post, path, Some(body))
    }

    fn pass(&mut self, seconds: u64) {
        self.world.advance(Duration::from_secs(seconds));
    }

    /// Follows a polling URL as it was returned.
    fn poll(&mut self, response: &Response, header: &str) -> Response {
        let url = response.header(header).unwrap();
        let path = url.strip_prefix("http://127.0.0.1").unwrap();
        self.send(Request::new(Method::Get, path))
    }

    fn put_done(&mut self, path: &str, body: &Value) -> Value {
        let response = self.put(path, body);
        assert!(response.status < 300, "{path}: {}", response.value());
        self.pass(600);
        self.get(path).value()
    }
}

/// What the simulator answers about a resource has the shape that its contract promises.
fn fits_its_contract(request: &Request, response: &Response) {
    let (target, body) = match Route::parse(request.method, &request.path) {
        Route::Item(target) | Route::Collection(target) => (target, response.value()),
        _ => return,
    };
    let Some(contract) = target
        .arm_type()
        .contract()
        .filter(|_| response.status < 300 && !body.is_null())
    else {
        return;
    };
    for each in body["value"].as_array().cloned().unwrap_or_else(|| vec![body]) {
        if each.get("operation").is_none() {
            let checked = contract.check(Purpose::Reply, &each);
            assert!(checked.is_ok(), "{} {}: {checked:#?}", request.method, request.path);
        }
    }
}

fn version(path: &str) -> &'static str {
    let lower = path.to_ascii_lowercase();
    // The last provider in a path decides: locks and roles hang below other resources.
    let provider = lower.rsplit("/providers/").next().unwrap_or_default();
    match provider.split(['/', '?']).take(2).collect::<Vec<_>>().as_slice() {
        ["microsoft.network", "privatednszones"] => DNS_VERSION,
        ["microsoft.network", _] => NETWORK_VERSION,
        ["microsoft.dbforpostgresql", "servers"] => "2017-12-01",
        ["microsoft.dbforpostgresql", _] => POSTGRES_VERSION,
        ["microsoft.authorization", "locks"] => "2020-05-01",
        ["microsoft.authorization", _] => "2022-04-01",
        _ if lower.contains("/resourcegroups") => "2024-11-01",
        _ => "2022-12-01",
    }
}

fn code(response: &Response) -> (u16, String) {
    (
        response.status,
        response.value()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

fn network(name: &str) -> String {
    format!("{GROUP}/Microsoft.Network/virtualNetworks/{name}")
}

fn peering(from: &str, to: &str) -> String {
    format!("{}/virtualNetworkPeerings/to-{to}", network(from))
}

fn zone(name: &str) -> String {
    format!("{GROUP}/Microsoft.Network/privateDnsZones/{name}")
}

fn server(name: &str) -> String {
    format!("{GROUP}/Microsoft.DBforPostgreSQL/flexibleServers/{name}")
}

fn migration(target: &str, name: &str) -> String {
    format!("{}/migrations/{name}", server(target))
}

fn network_object(name: &str, space: &str, subnets: &Value) -> Value {
    json!({ "id": network(name), "location": "westeurope", "properties": { "addressSpace": { "addressPrefixes": [space] }, "subnets": subnets } })
}

fn peering_body(to: &str) -> Value {
    json!({ "properties": {
        "remoteVirtualNetwork": { "id": network(to) }, "allowVirtualNetworkAccess": true, "allowForwardedTraffic": false,
        "allowGatewayTransit": false, "useRemoteGateways": false } })
}

const RUNTIME_ZONE: &str = "pg-runtime.private.postgres.database.azure.com";
const ENDPOINT_ZONE: &str = "privatelink.postgres.database.azure.com";

fn scenario(options: &Value) -> Value {
    let delegated = json!([{ "name": "db", "properties": { "addressPrefix": "10.2.0.0/24",
        "delegations": [{ "name": "pg", "properties": { "serviceName": "Microsoft.DBforPostgreSQL/flexibleServers" } }] } }]);
    let endpoints = json!([{ "name": "pe", "properties": { "addressPrefix": "10.3.0.0/24" } }]);
    let databases: Vec<Value> = (0..19)
        .map(|index| json!({ "name": format!("db{index}"), "size_mb": 1000 + 500 * index, "tables": 20, "change_rate_per_s": 50 }))
        .collect();
    json!({
        "time": "2026-11-01T00:00:00Z",
        "objects": [
            network_object("hub", "10.1.0.0/16", &json!([])),
            network_object("runtime", "10.2.0.0/16", &delegated),
            network_object("target", "10.3.0.0/16", &endpoints),
            { "id": zone(RUNTIME_ZONE), "location": "global" },
            { "id": zone(ENDPOINT_ZONE), "location": "global" },
            { "id": server("pg-runtime"), "location": "West Europe", "sku": { "name": "Standard_D4ds_v5", "tier": "GeneralPurpose" },
              "properties": { "version": "16", "administratorLogin": "pgadmin", "network": {
                "delegatedSubnetResourceId": format!("{}/subnets/db", network("runtime")), "privateDnsZoneArmResourceId": zone(RUNTIME_ZONE) } } },
            { "id": server("pg-target"), "location": "West Europe", "sku": { "name": "Standard_D4ds_v5", "tier": "GeneralPurpose" },
              "properties": { "version": "16", "administratorLogin": "pgadmin", "network": { "publicNetworkAccess": "Disabled" } } },
            { "id": format!("{GROUP}/Microsoft.Network/privateEndpoints/pe-target"), "location": "westeurope", "properties": {
                "subnet": { "id": format!("{}/subnets/pe", network("target")) },
                "privateLinkServiceConnections": [{ "name": "c", "properties": { "privateLinkServiceId": server("pg-target"), "groupIds": ["postgresqlServer"] } }] } }
        ],
        "sources": [{ "host": "10.1.0.4", "port": 5432, "network": network("hub"), "version": "14",
            "users": { "migrator": { "password": "hunter2-source" } }, "databases": databases }],
        "options": options
    })
}

/// Everything a migration through the runtime server needs.
fn connect(azure: &mut Azure) {
    for (from, to) in [
        ("hub", "runtime"),
        ("runtime", "hub"),
        ("runtime", "target"),
        ("target", "runtime"),
    ] {
        azure.put_done(&peering(from, to), &peering_body(to));
    }
    for (zone_name, networks) in [
        (RUNTIME_ZONE, ["hub", "runtime", "target"].as_slice()),
        (ENDPOINT_ZONE, ["runtime", "target"].as_slice()),
    ] {
        for name in networks {
            let link = format!("{}/virtualNetworkLinks/{name}-link", zone(zone_name));
            let body = json!({ "location": "global", "properties": { "virtualNetwork": { "id": network(name) }, "registrationEnabled": false } });
            azure.put_done(&link, &body);
        }
    }
}

fn migration_body(databases: &[&str], changes: &Value) -> Value {
    let mut body = json!({ "location": "westeurope", "properties": {
        "sourceDbServerResourceId": "10.1.0.4:5432@migrator", "sourceType": "OnPremises", "sslMode": "Require",
        "migrationMode": "Online", "migrationOption": "ValidateAndMigrate", "overwriteDbsInTarget": "False",
        "migrationInstanceResourceId": server("pg-runtime"), "dbsToMigrate": databases,
        "secretParameters": { "adminCredentials": { "sourceServerPassword": "hunter2-source", "targetServerPassword": "hunter2-target" } } } });
    for (name, value) in changes.as_object().unwrap() {
        body["properties"][name] = value.clone();
    }
    body
}
