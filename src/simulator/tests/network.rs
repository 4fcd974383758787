//! Virtual networks, subnets and peerings.

use serde_json::json;

use super::{Azure, Method, NETWORK_VERSION, Request, code, network, network_object, peering, peering_body, server};

fn two_networks(options: &serde_json::Value) -> Azure {
    let objects = [
        network_object("a", "10.0.0.0/16", &json!([])),
        network_object("b", "10.1.0.0/16", &json!([])),
    ];
    Azure::of(&json!({ "objects": objects, "options": options }))
}

fn state(azure: &mut Azure, from: &str, to: &str) -> String {
    azure.get(&peering(from, to)).value()["properties"]["peeringState"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn level(azure: &mut Azure, from: &str, to: &str) -> String {
    azure.get(&peering(from, to)).value()["properties"]["peeringSyncLevel"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_network_write_is_announced_polled_and_settles() {
    let mut azure = two_networks(&json!({}));
    let body = json!({ "location": "West Europe", "tags": { "a": "b" }, "properties": { "addressSpace": { "addressPrefixes": ["10.5.0.0/16"] } } });
    let created = azure.put(&network("c"), &body);
    assert_eq!(created.status, 201);
    assert_eq!(created.value()["properties"]["provisioningState"], "Updating");
    assert_eq!(created.value()["location"], "westeurope");
    let url = created.header("Azure-AsyncOperation").unwrap();
    assert!(
        url.len() > 2800 && url.contains("/locations/westeurope/operations/"),
        "{}",
        url.len()
    );
    assert_eq!(
        azure.poll(&created, "Azure-AsyncOperation").value(),
        json!({ "status": "InProgress" })
    );
    azure.pass(30);
    assert_eq!(
        azure.poll(&created, "Azure-AsyncOperation").value(),
        json!({ "status": "Succeeded" })
    );
    let read = azure.get(&network("C").to_uppercase());
    assert_eq!(read.value()["id"], network("c"));
    assert_eq!(read.value()["properties"]["subnets"], json!([]));
    assert_eq!(read.header("ETag"), read.value()["etag"].as_str());
}

#[test]
fn a_polling_url_works_only_as_it_was_returned() {
    let mut azure = two_networks(&json!({}));
    let response = azure.put(&peering("a", "b"), &peering_body("b"));
    let url = response
        .header("Azure-AsyncOperation")
        .unwrap()
        .strip_prefix("http://127.0.0.1")
        .unwrap()
        .to_owned();
    let tampered = url.split("&c=").next().unwrap();
    assert_eq!(azure.send(Request::new(Method::Get, tampered)).status, 403);
    assert_eq!(azure.send(Request::new(Method::Get, &url)).status, 200);
}

#[test]
fn two_peerings_connect_and_one_deleted_disconnects_the_other() {
    let mut azure = two_networks(&json!({}));
    azure.put_done(&peering("a", "b"), &peering_body("b"));
    assert_eq!(state(&mut azure, "a", "b"), "Initiated");
    azure.put_done(&peering("b", "a"), &peering_body("a"));
    assert_eq!(
        (state(&mut azure, "a", "b"), state(&mut azure, "b", "a")),
        ("Connected".into(), "Connected".into())
    );
    let deleted = azure.delete(&peering("b", "a"));
    assert_eq!((deleted.status, deleted.header("Azure-AsyncOperation")), (202, None));
    assert_eq!(azure.poll(&deleted, "Location").status, 202);
    azure.pass(30);
    assert_eq!(azure.poll(&deleted, "Location").status, 204);
    assert_eq!(state(&mut azure, "a", "b"), "Disconnected");
    assert_eq!(
        code(&azure.put(&peering("b", "a"), &peering_body("a"))),
        (400, "RemotePeeringIsDisconnected".into())
    );
    assert_eq!(
        code(&azure.put(&peering("a", "b"), &peering_body("b"))),
        (400, "PeeringIsDisconnected".into())
    );
    azure.delete(&peering("a", "b"));
    azure.pass(30);
    azure.put_done(&peering("b", "a"), &peering_body("a"));
    azure.put_done(&peering("a", "b"), &peering_body("b"));
    assert_eq!(state(&mut azure, "b", "a"), "Connected");
    assert_eq!(azure.delete(&peering("a", "nowhere")).status, 204);
}

#[test]
fn a_changed_address_space_has_to_be_synced() {
    let mut azure = two_networks(&json!({}));
    azure.put_done(&peering("a", "b"), &peering_body("b"));
    azure.put_done(&peering("b", "a"), &peering_body("a"));
    assert_eq!(
        (level(&mut azure, "a", "b"), level(&mut azure, "b", "a")),
        ("FullyInSync".into(), "FullyInSync".into())
    );
    let wider = json!({ "location": "westeurope", "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16", "10.9.0.0/16"] } } });
    azure.put_done(&network("a"), &wider);
    assert_eq!(
        (level(&mut azure, "a", "b"), level(&mut azure, "b", "a")),
        ("RemoteNotInSync".into(), "LocalNotInSync".into())
    );
    azure.put_done(&peering("b", "a"), &peering_body("a"));
    assert_eq!(level(&mut azure, "b", "a"), "LocalNotInSync");
    let path = format!("{}?syncRemoteAddressSpace=true", peering("b", "a"));
    assert_eq!(azure.put(&path, &peering_body("a")).status, 200);
    azure.pass(30);
    assert_eq!(
        (level(&mut azure, "a", "b"), level(&mut azure, "b", "a")),
        ("FullyInSync".into(), "FullyInSync".into())
    );
}

#[test]
fn every_write_gives_the_network_and_its_children_a_new_etag() {
    let mut azure = two_networks(&json!({}));
    let etag = |azure: &mut Azure, path: &str| azure.get(path).value()["etag"].as_str().unwrap().to_owned();
    let before = etag(&mut azure, &network("a"));
    azure.put_done(&peering("a", "b"), &peering_body("b"));
    let after = etag(&mut azure, &network("a"));
    assert_ne!(before, after);
    assert_eq!(etag(&mut azure, &peering("a", "b")), after);
}

#[test]
fn overlapping_writes_and_busy_peers_are_turned_down() {
    let mut azure = two_networks(&json!({}));
    assert_eq!(azure.put(&peering("a", "b"), &peering_body("b")).status, 201);
    let again = azure.put(
        &format!("{}/subnets/s", network("a")),
        &json!({ "properties": { "addressPrefix": "10.0.1.0/24" } }),
    );
    assert_eq!(
        (code(&again), again.header("Retry-After")),
        ((429, "AnotherOperationInProgress".into()), Some("10"))
    );
    assert_eq!(
        code(&azure.put(&peering("b", "a"), &peering_body("a"))),
        (400, "ReferencedResourceNotProvisioned".into())
    );
    azure.pass(30);
    assert_eq!(azure.put(&peering("b", "a"), &peering_body("a")).status, 201);
}

#[test]
fn an_overlapping_write_can_also_be_accepted_and_fail() {
    let mut azure = two_networks(&json!({ "network_conflicts": "fail_later" }));
    azure.put(&peering("a", "b"), &peering_body("b"));
    let second = azure.put(&peering("a", "b"), &peering_body("b"));
    assert_eq!(second.status, 200);
    azure.pass(60);
    let status = azure.poll(&second, "Azure-AsyncOperation").value();
    assert_eq!(
        (&status["status"], &status["error"]["code"]),
        (&json!("Failed"), &json!("AnotherOperationInProgress"))
    );
}

#[test]
fn address_spaces_of_peers_do_not_overlap() {
    let objects = [
        network_object("a", "10.0.0.0/16", &json!([])),
        network_object("b", "10.1.0.0/16", &json!([])),
        network_object("c", "10.1.128.0/17", &json!([])),
    ];
    let mut azure = Azure::of(&json!({ "objects": objects }));
    assert_eq!(
        code(&azure.put(&peering("b", "c"), &peering_body("c"))),
        (400, "VnetAddressSpacesOverlap".into())
    );
    azure.put_done(&peering("a", "b"), &peering_body("b"));
    let refused = azure.put(&peering("a", "c"), &peering_body("c"));
    assert_eq!(
        code(&refused),
        (400, "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet".into())
    );
    assert_eq!(
        code(&azure.put(&peering("a", "nowhere"), &peering_body("nowhere"))),
        (400, "InvalidResourceReference".into())
    );
    assert_eq!(code(&azure.put(&peering("a", "a"), &peering_body("a"))).0, 400);
}

#[test]
fn a_subnet_put_replaces_and_a_network_put_without_subnets_keeps_them() {
    let mut azure = two_networks(&json!({}));
    let subnet = format!("{}/subnets/s", network("a"));
    let delegation =
        json!([{ "name": "d", "properties": { "serviceName": "Microsoft.DBforPostgreSQL/flexibleServers" } }]);
    let full = json!({ "properties": { "addressPrefix": "10.0.1.0/24", "delegations": delegation,
        "serviceEndpoints": [{ "service": "Microsoft.Sql" }] } });
    let created = azure.put_done(&subnet, &full);
    assert_eq!(
        created["properties"]["delegations"][0]["properties"]["actions"][0],
        "Microsoft.Network/virtualNetworks/subnets/join/action"
    );
    let bare = azure.put_done(
        &subnet,
        &json!({ "properties": { "addressPrefixes": ["10.0.1.0/24"] } }),
    );
    assert_eq!(bare["properties"]["delegations"], json!([]));
    assert_eq!(bare["properties"].get("serviceEndpoints"), None);
    assert_eq!(bare["properties"]["addressPrefix"], "10.0.1.0/24");
    let whole =
        json!({ "location": "westeurope", "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/16"] } } });
    assert_eq!(
        azure.put_done(&network("a"), &whole)["properties"]["subnets"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut emptied = whole.clone();
    emptied["properties"]["subnets"] = json!([]);
    assert_eq!(
        azure.put_done(&network("a"), &emptied)["properties"]["subnets"],
        json!([])
    );
    for (prefix, expected) in [
        ("10.7.0.0/24", "NetcfgInvalidSubnet"),
        ("ten", "InvalidAddressPrefixFormat"),
    ] {
        assert_eq!(
            code(&azure.put(&subnet, &json!({ "properties": { "addressPrefix": prefix } }))),
            (400, expected.into())
        );
    }
}

#[test]
fn a_subnet_in_use_stays_and_keeps_its_delegation() {
    let mut azure = Azure::scenario(&json!({}));
    let subnet = format!("{}/subnets/db", network("runtime"));
    assert_eq!(code(&azure.delete(&subnet)), (400, "InUseSubnetCannotBeDeleted".into()));
    assert_eq!(
        code(&azure.delete(&network("runtime"))),
        (400, "InUseSubnetCannotBeDeleted".into())
    );
    let bare = json!({ "properties": { "addressPrefix": "10.2.0.0/24" } });
    assert_eq!(
        code(&azure.put(&subnet, &bare)),
        (400, "SubnetMissingRequiredDelegation".into())
    );
}

#[test]
fn bodies_that_break_the_contract_are_refused_with_every_fault() {
    let mut azure = two_networks(&json!({}));
    let body = json!({ "properties": { "remoteVirtualNetwork": { "id": network("b") }, "allowVirtualNetworkAcces": true, "useRemoteGateways": "yes" } });
    let refused = azure.put(&peering("a", "b"), &body).value();
    assert_eq!(refused["error"]["code"], "InvalidRequestContent");
    let targets: Vec<&str> = refused["error"]["details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["target"].as_str().unwrap())
        .collect();
    assert_eq!(
        targets,
        ["properties.allowVirtualNetworkAcces", "properties.useRemoteGateways"]
    );
    let mut other = peering_body("b");
    azure.put_done(&peering("a", "b"), &other);
    other["properties"]["remoteVirtualNetwork"]["id"] = json!(network("a"));
    assert_eq!(
        code(&azure.put(&peering("a", "b"), &other)),
        (409, "PropertyChangeNotAllowed".into())
    );
    let mut request = Request::new(
        Method::Put,
        &format!("{}?api-version={NETWORK_VERSION}", peering("a", "b")),
    );
    request.body = b"{".to_vec();
    assert_eq!(code(&azure.send(request)), (400, "InvalidRequestContent".into()));
}

#[test]
fn versions_places_and_types_are_checked() {
    let mut azure = two_networks(&json!({}));
    let mut ask = |path: &str| {
        let response = azure.send(Request::new(Method::Get, path));
        code(&response)
    };
    let known = network("a");
    assert_eq!(ask(&known), (400, "MissingApiVersionParameter".into()));
    assert_eq!(
        ask(&format!("{known}?api-version=2015-01-01")),
        (400, "NoRegisteredProviderFound".into())
    );
    assert_eq!(ask(&format!("{known}?api-version=2026-03-01")).0, 200);
    assert_eq!(
        ask(&known
            .replace("1111-1111-", "1111-2222-")
            .replace('?', "")
            .as_str()
            .to_owned()
            .as_str()
            .replace("/virtualNetworks/a", "/virtualNetworks/a?api-version=2024-07-01")),
        (404, "SubscriptionNotFound".into())
    );
    assert_eq!(
        ask(&format!(
            "{}?api-version=2024-07-01",
            known.replace("rg-data", "rg-other")
        )),
        (404, "ResourceGroupNotFound".into())
    );
    assert_eq!(
        ask(&format!("{}?api-version=2024-07-01", network("z"))),
        (404, "ResourceNotFound".into())
    );
    assert_eq!(
        ask(&format!("{}?api-version=2024-07-01", peering("z", "a"))),
        (404, "ParentResourceNotFound".into())
    );
}

#[test]
fn lists_are_paged_across_group_and_subscription() {
    let objects: Vec<_> = (0..5)
        .map(|index| network_object(&format!("v{index}"), &format!("10.{index}.0.0/16"), &json!([])))
        .collect();
    let mut azure = Azure::of(&json!({ "objects": objects, "options": { "page_size": 2 } }));
    let subscription =
        "/subscriptions/11111111-1111-1111-1111-111111111111/providers/Microsoft.Network/virtualNetworks";
    for list in [network("x").trim_end_matches("/x").to_owned(), subscription.to_owned()] {
        let (mut names, mut pages) = (Vec::new(), 0);
        let mut reply = azure.get(&list).value();
        loop {
            pages += 1;
            names.extend(
                reply["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|each| each["name"].as_str().unwrap().to_owned()),
            );
            let Some(next) = reply["nextLink"].as_str() else { break };
            reply = azure
                .send(Request::new(
                    Method::Get,
                    next.strip_prefix("http://127.0.0.1").unwrap(),
                ))
                .value();
        }
        assert_eq!(
            (pages, names),
            (3, ["v0", "v1", "v2", "v3", "v4"].map(str::to_owned).to_vec())
        );
    }
}

#[test]
fn with_latencies_off_a_write_is_done_in_its_reply() {
    let mut azure = two_networks(&json!({ "latencies": false }));
    let created = azure.put(&peering("a", "b"), &peering_body("b"));
    assert_eq!((created.status, created.header("Azure-AsyncOperation")), (201, None));
    assert_eq!(created.value()["properties"]["provisioningState"], "Succeeded");
    assert_eq!(
        azure.put(&peering("b", "a"), &peering_body("a")).value()["properties"]["peeringState"],
        "Connected"
    );
    assert_eq!(state(&mut azure, "a", "b"), "Connected");
    assert_eq!(azure.delete(&peering("a", "b")).status, 200);
}

#[test]
fn locks_and_missing_rights_stop_writes() {
    let lock = json!({ "id": format!("{}/providers/Microsoft.Authorization/locks/keep", network("a")), "properties": { "level": "CanNotDelete" } });
    let objects = json!([
        network_object("a", "10.0.0.0/16", &json!([])),
        network_object("b", "10.1.0.0/16", &json!([])),
        lock
    ]);
    let mut azure = Azure::of(
        &json!({ "objects": objects, "options": { "allowed_actions": ["*/read", "Microsoft.Network/virtualNetworks/*"] } }),
    );
    azure.put_done(&peering("a", "b"), &peering_body("b"));
    assert_eq!(code(&azure.delete(&peering("a", "b"))), (409, "ScopeLocked".into()));
    let listed = azure
        .get(&format!(
            "{}/providers/Microsoft.Authorization/locks?$filter=atScope()",
            peering("a", "b")
        ))
        .value();
    assert_eq!(listed["value"][0]["name"], "keep");
    let refused = azure.delete(&server("any"));
    assert_eq!(code(&refused), (403, "AuthorizationFailed".into()));
    assert!(
        refused.value()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("Microsoft.DBforPostgreSQL/flexibleServers/delete")
    );
}

#[test]
fn an_unregistered_provider_is_registered_first() {
    let objects = json!([
        network_object("a", "10.0.0.0/16", &json!([])),
        network_object("b", "10.1.0.0/16", &json!([]))
    ]);
    let mut azure =
        Azure::of(&json!({ "objects": objects, "options": { "unregistered_providers": ["Microsoft.Network"] } }));
    assert_eq!(
        code(&azure.put(&peering("a", "b"), &peering_body("b"))),
        (409, "MissingSubscriptionRegistration".into())
    );
    let provider =
        "/subscriptions/11111111-1111-1111-1111-111111111111/providers/Microsoft.Network?api-version=2025-04-01";
    let register = provider.replace("?", "/register?");
    assert_eq!(
        azure.send(Request::new(Method::Post, &register)).value()["registrationState"],
        "Registering"
    );
    azure.pass(60);
    assert_eq!(
        azure.send(Request::new(Method::Get, provider)).value()["registrationState"],
        "Registered"
    );
    assert_eq!(azure.put(&peering("a", "b"), &peering_body("b")).status, 201);
}

#[test]
fn lists_may_begin_with_an_empty_page_and_ids_may_change_their_casing() {
    let options = json!({ "pages": "empty_first", "casing": "shuffled" });
    let mut azure =
        Azure::of(&json!({ "objects": [network_object("a", "10.0.0.0/16", &json!([]))], "options": options }));
    let list = network("a").trim_end_matches("/a").to_owned();
    let first = azure.get(&list).value();
    assert_eq!(first["value"], json!([]));
    let next = first["nextLink"]
        .as_str()
        .unwrap()
        .strip_prefix("http://127.0.0.1")
        .unwrap();
    let second = azure.send(Request::new(Method::Get, next)).value();
    assert_eq!(
        second["value"][0]["id"],
        network("a").replace("resourceGroups", "resourcegroups")
    );
    assert_eq!(second.get("nextLink"), None);
}

fn group() -> String {
    format!("{}/Microsoft.Network/networkSecurityGroups/nsg", super::GROUP)
}

fn rule(name: &str) -> String {
    format!("{}/securityRules/{name}", group())
}

fn rule_body(priority: u32) -> serde_json::Value {
    json!({ "properties": {
        "priority": priority, "direction": "inbound", "access": "Allow", "protocol": "tcp", "sourcePortRange": "*",
        "destinationPortRange": "5432", "sourceAddressPrefix": "10.0.0.0/16", "destinationAddressPrefix": "VirtualNetwork" } })
}

/// A group with a rule, and a network with a subnet that it guards.
fn guarded() -> Azure {
    let subnets = json!([{ "name": "db", "properties": { "addressPrefix": "10.0.1.0/24", "networkSecurityGroup": { "id": group() } } }]);
    Azure::of(&json!({ "objects": [
        { "id": group(), "location": "westeurope", "properties": {
            "securityRules": [{ "name": "theirs", "properties": rule_body(100)["properties"] }] } },
        network_object("a", "10.0.0.0/16", &subnets),
    ] }))
}

#[test]
fn a_security_rule_stands_in_its_group_and_leaves_the_others_alone() {
    let mut azure = guarded();
    let created = azure.put(&rule("ours"), &rule_body(200));
    assert_eq!(
        (created.status, &created.value()["properties"]["provisioningState"]),
        (201, &json!("Updating"))
    );
    assert!(created.header("Azure-AsyncOperation").is_some());
    assert_eq!(
        code(&azure.put(&rule("more"), &rule_body(300))),
        (429, "AnotherOperationInProgress".into())
    );
    azure.pass(60);
    let read = azure.get(&rule("OURS")).value();
    assert_eq!(
        (
            &read["properties"]["direction"],
            &read["properties"]["protocol"],
            &read["properties"]["sourceAddressPrefixes"]
        ),
        (&json!("Inbound"), &json!("Tcp"), &json!([]))
    );
    let whole = azure.get(&group()).value();
    let names: Vec<&str> = whole["properties"]["securityRules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ours", "theirs"]);
    assert_eq!(
        whole["properties"]["subnets"],
        json!([{ "id": format!("{}/subnets/db", network("a")) }])
    );
    let deleted = azure.delete(&rule("ours"));
    assert_eq!((deleted.status, deleted.header("Azure-AsyncOperation")), (202, None));
    azure.pass(60);
    assert_eq!(
        (
            azure.get(&rule("ours")).status,
            azure.delete(&rule("ours")).status,
            azure.get(&rule("theirs")).status
        ),
        (404, 204, 200)
    );
}

#[test]
fn a_security_rule_that_cannot_be_is_refused() {
    let mut azure = guarded();
    assert_eq!(
        code(&azure.put(&rule("ours"), &rule_body(100))),
        (400, "SecurityRuleConflict".into())
    );
    let mut refused = |change: &dyn Fn(&mut serde_json::Value), expected: &str| {
        let mut body = rule_body(200);
        change(&mut body["properties"]);
        assert_eq!(code(&azure.put(&rule("ours"), &body)), (400, expected.into()), "{body}");
    };
    refused(&|rule| rule["priority"] = json!(99), "InvalidRequestContent");
    refused(
        &|rule| rule["sourceAddressPrefixes"] = json!(["10.1.0.0/16"]),
        "SecurityRuleParameterConflict",
    );
    refused(
        &|rule| {
            rule.as_object_mut().unwrap().remove("destinationPortRange");
        },
        "SecurityRuleParameterNotSpecified",
    );
    refused(
        &|rule| rule["destinationPortRange"] = json!("70000"),
        "SecurityRuleInvalidPortRange",
    );
    refused(
        &|rule| rule["destinationPortRange"] = json!("9-1"),
        "SecurityRuleInvalidPortRange",
    );
    refused(
        &|rule| rule["sourceAddressPrefix"] = json!("10.0.0.0/33"),
        "SecurityRuleInvalidAddressPrefix",
    );
    refused(
        &|rule| {
            rule.as_object_mut().unwrap().remove("sourceAddressPrefix");
            rule["sourceAddressPrefixes"] = json!(["10.0.0.0/16", "VirtualNetwork"]);
        },
        "SecurityRuleInvalidAddressPrefix",
    );
    let nowhere = rule("ours").replace("/nsg/", "/nowhere/");
    assert_eq!(azure.put(&nowhere, &rule_body(200)).status, 404);
}

fn endpoint() -> String {
    format!("{}/Microsoft.Network/privateEndpoints/ours", super::GROUP)
}

fn endpoint_body(target: &str, subnet: &str) -> serde_json::Value {
    json!({ "location": "West Europe", "properties": {
        "subnet": { "id": subnet },
        "privateLinkServiceConnections": [{ "name": "ours", "properties": {
            "privateLinkServiceId": server(target), "groupIds": ["postgresqlServer"] } }] } })
}

fn zone_group_body() -> serde_json::Value {
    json!({ "properties": { "privateDnsZoneConfigs": [
        { "name": "privatelink", "properties": { "privateDnsZoneId": super::zone(super::ENDPOINT_ZONE) } }] } })
}

#[test]
fn an_endpoint_shows_at_its_server_and_its_zone_group_in_the_zone() {
    let mut azure = Azure::scenario(&json!({}));
    let subnet = format!("{}/subnets/pe", network("target"));
    let created = azure.put(&endpoint(), &endpoint_body("pg-target", &subnet));
    assert_eq!(
        (created.status, &created.value()["properties"]["provisioningState"]),
        (201, &json!("Updating"))
    );
    assert_eq!(
        code(&azure.put(
            &endpoint().replace("ours", "second"),
            &endpoint_body("pg-target", &subnet)
        )),
        (429, "AnotherOperationInProgress".into())
    );
    azure.pass(60);
    let read = azure.get(&endpoint()).value();
    let connection = &read["properties"]["privateLinkServiceConnections"][0]["properties"];
    assert_eq!(connection["privateLinkServiceConnectionState"]["status"], "Approved");
    let address = read["properties"]["customDnsConfigs"][0]["ipAddresses"][0].clone();
    let shown = |azure: &mut Azure| {
        let target = azure.get(&server("pg-target")).value();
        let all = target["properties"]["privateEndpointConnections"]
            .as_array()
            .unwrap()
            .clone();
        all.iter()
            .filter(|each| each["properties"]["privateEndpoint"]["id"] == endpoint())
            .count()
    };
    assert_eq!(shown(&mut azure), 1);

    let group = format!("{}/privateDnsZoneGroups/default", endpoint());
    let record = format!("{}/A/pg-target", super::zone(super::ENDPOINT_ZONE));
    azure.put_done(&group, &zone_group_body());
    assert_eq!(
        azure.get(&record).value()["properties"]["aRecords"],
        json!([{ "ipv4Address": address }])
    );
    assert_eq!(
        code(&azure.put(&group.replace("default", "more"), &zone_group_body())).0,
        400,
        "an endpoint has one group"
    );
    azure.delete(&group);
    azure.pass(60);
    assert_eq!((azure.get(&group).status, azure.get(&record).status), (404, 404));
    azure.put_done(&group, &zone_group_body());
    azure.delete(&endpoint());
    azure.pass(60);
    assert_eq!(
        (
            azure.get(&endpoint()).status,
            azure.get(&record).status,
            shown(&mut azure)
        ),
        (404, 404, 0)
    );
}

#[test]
fn an_endpoint_that_cannot_be_is_refused() {
    let mut azure = Azure::scenario(&json!({}));
    let subnet = format!("{}/subnets/pe", network("target"));
    let mut refused = |body: &serde_json::Value| code(&azure.put(&endpoint(), body));
    assert_eq!(
        refused(&endpoint_body("pg-runtime", &subnet)),
        (400, "OperationNotAllowed".into())
    );
    assert_eq!(
        refused(&endpoint_body("pg-target", &subnet.replace("/pe", "/nowhere"))),
        (400, "InvalidResourceReference".into())
    );
    assert_eq!(
        refused(&endpoint_body("nowhere", &subnet)),
        (400, "InvalidResourceReference".into())
    );
    let mut other = endpoint_body("pg-target", &subnet);
    other["properties"]["privateLinkServiceConnections"][0]["properties"]["groupIds"] = json!(["sqlServer"]);
    assert_eq!(refused(&other), (400, "InvalidPrivateLinkGroupId".into()));
    other["properties"]["privateLinkServiceConnections"] = json!([]);
    assert_eq!(refused(&other).0, 400);
    let group = format!("{}/privateDnsZoneGroups/default", endpoint());
    assert_eq!(azure.put(&group, &zone_group_body()).status, 404);
}
