//! Private DNS zones and links.

use serde_json::{Value, json};

use super::{Azure, DNS_VERSION, GROUP, Method, Request, code, network, network_object, zone};

fn world() -> Azure {
    Azure::of(&json!({ "objects": [network_object("a", "10.0.0.0/16", &json!([]))] }))
}

fn link_body(to: &str) -> Value {
    json!({ "location": "Global", "properties": { "virtualNetwork": { "id": network(to) }, "registrationEnabled": false } })
}

fn conditional(azure: &mut Azure, method: Method, path: &str, header: (&str, &str), body: &Value) -> (u16, String) {
    let request = Request::new(method, &format!("{path}?api-version={DNS_VERSION}")).with_json(body);
    code(&azure.send(request.with_header(header.0, header.1)))
}

#[test]
fn a_zone_and_a_link_come_and_go() {
    let mut azure = world();
    let created = azure.put(&zone("z.com"), &json!({ "location": "Global", "tags": { "a": "b" } }));
    assert_eq!(
        (created.status, created.header("Retry-After"), created.body.len()),
        (202, Some("60"), 0)
    );
    assert!(
        created
            .header("Location")
            .unwrap()
            .contains("/resourceGroups/rg-data/providers/Microsoft.Network/privateDnsOperationResults/")
    );
    assert_eq!(
        azure.poll(&created, "Azure-AsyncOperation").value(),
        json!({ "status": "InProgress" })
    );
    let link = format!("{}/virtualNetworkLinks/a-link", zone("z.com"));
    assert_eq!(
        code(&azure.put(&link, &link_body("a"))),
        (404, "ParentResourceNotFound".into())
    );
    azure.pass(30);
    assert_eq!(
        azure.poll(&created, "Azure-AsyncOperation").value(),
        json!({ "status": "Succeeded" })
    );
    assert_eq!(azure.poll(&created, "Location").status, 200);
    let read = azure.get(&zone("z.com")).value();
    assert_eq!(
        (&read["location"], &read["properties"]["numberOfVirtualNetworkLinks"]),
        (&json!("global"), &json!(0))
    );
    assert!(!read["etag"].as_str().unwrap().starts_with("W/"));

    azure.put(&link, &link_body("a"));
    assert_eq!(
        azure.get(&link).value()["properties"]["virtualNetworkLinkState"],
        "InProgress"
    );
    azure.pass(30);
    assert_eq!(
        azure.get(&link).value()["properties"]["virtualNetworkLinkState"],
        "Completed"
    );
    assert_eq!(
        azure.get(&zone("z.com")).value()["properties"]["numberOfVirtualNetworkLinks"],
        1
    );
    assert_eq!(
        code(&azure.delete(&zone("z.com"))),
        (409, "CannotDeleteResource".into())
    );
    assert_eq!(azure.delete(&link).status, 202);
    azure.pass(30);
    let deleted = azure.delete(&zone("z.com"));
    assert_eq!(azure.poll(&deleted, "Location").status, 202);
    azure.pass(30);
    assert_eq!(
        (
            azure.poll(&deleted, "Location").status,
            azure.get(&zone("z.com")).status
        ),
        (204, 404)
    );
    assert_eq!(azure.delete(&zone("z.com")).status, 204);
}

#[test]
fn preconditions_hold() {
    let mut azure = world();
    let body = json!({ "location": "global" });
    let failed = (412, "PreconditionFailed".to_owned());
    assert_eq!(
        conditional(&mut azure, Method::Put, &zone("z.com"), ("If-Match", "*"), &body),
        failed
    );
    assert_eq!(
        conditional(&mut azure, Method::Put, &zone("z.com"), ("If-None-Match", "*"), &body).0,
        202
    );
    azure.pass(30);
    assert_eq!(
        conditional(&mut azure, Method::Put, &zone("z.com"), ("If-None-Match", "*"), &body),
        failed
    );
    assert_eq!(
        conditional(&mut azure, Method::Put, &zone("z.com"), ("If-Match", "other"), &body),
        failed
    );
    let etag = azure.get(&zone("z.com")).value()["etag"].as_str().unwrap().to_owned();
    assert_eq!(
        conditional(
            &mut azure,
            Method::Patch,
            &zone("z.com"),
            ("If-Match", &etag),
            &json!({ "tags": { "x": "y" } })
        )
        .0,
        200
    );
    assert_eq!(
        conditional(
            &mut azure,
            Method::Delete,
            &zone("z.com"),
            ("If-Match", &etag),
            &Value::Null
        ),
        failed
    );
    assert_eq!(azure.get(&zone("z.com")).value()["tags"], json!({ "x": "y" }));
}

#[test]
fn a_network_links_to_one_zone_of_a_name_once() {
    let mut azure = world();
    let elsewhere = zone("z.com").replace("rg-data", "rg-dns");
    azure.put(
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourcegroups/rg-dns",
        &json!({ "location": "westeurope" }),
    );
    for zone in [zone("z.com"), elsewhere.clone()] {
        azure.put_done(&zone, &json!({ "location": "global" }));
    }
    azure.put_done(&format!("{}/virtualNetworkLinks/one", zone("z.com")), &link_body("a"));
    assert_eq!(
        code(&azure.put(&format!("{}/virtualNetworkLinks/two", zone("z.com")), &link_body("a"))),
        (409, "Conflict".into())
    );
    assert_eq!(
        code(&azure.put(&format!("{elsewhere}/virtualNetworkLinks/one"), &link_body("a"))),
        (400, "BadRequest".into())
    );
    let to_nobody = azure.put(
        &format!("{}/virtualNetworkLinks/two", zone("z.com")),
        &link_body("nobody"),
    );
    assert_eq!(code(&to_nobody), (400, "InvalidResourceReference".into()));
    let mut moved = link_body("a");
    moved["properties"]["virtualNetwork"]["id"] = json!(network("b"));
    assert_eq!(
        code(&azure.put(&format!("{}/virtualNetworkLinks/one", zone("z.com")), &moved)),
        (409, "PropertyChangeNotAllowed".into())
    );
    let redirect = json!({ "properties": { "registrationEnabled": true } });
    assert_eq!(
        azure
            .patch(&format!("{}/virtualNetworkLinks/one", zone("z.com")), &redirect)
            .status,
        200
    );
    assert_eq!(
        azure.get(&zone("z.com")).value()["properties"]["numberOfVirtualNetworkLinksWithRegistration"],
        1
    );
}

#[test]
fn bodies_and_names_are_checked() {
    let mut azure = world();
    assert_eq!(
        code(&azure.put(&zone("z.com"), &json!({ "location": "eastus" }))),
        (400, "InvalidRequestContent".into())
    );
    assert_eq!(
        code(&azure.put(&zone("z.com"), &json!({}))),
        (400, "InvalidRequestContent".into())
    );
    assert_eq!(
        code(&azure.put(&zone("nodots"), &json!({ "location": "global" }))),
        (400, "InvalidResourceName".into())
    );
}

#[test]
fn records_are_read_by_type_and_altogether() {
    let record = format!("{}/A/pg", zone("z.com"));
    let objects = json!([{ "id": zone("z.com"), "location": "global" },
        { "id": record, "properties": { "ttl": 10, "fqdn": "pg.z.com.", "isAutoRegistered": false, "aRecords": [{ "ipv4Address": "10.0.0.4" }] } }]);
    let mut azure = Azure::of(&json!({ "objects": objects }));
    assert_eq!(
        azure.get(&record.to_uppercase()).value()["properties"]["aRecords"][0]["ipv4Address"],
        "10.0.0.4"
    );
    for list in ["A", "all"] {
        assert_eq!(
            azure.get(&format!("{}/{list}", zone("z.com"))).value()["value"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    assert_eq!(azure.get(&zone("z.com")).value()["properties"]["numberOfRecordSets"], 2);
    assert_eq!(azure.put(&record, &json!({ "properties": { "ttl": 1 } })).status, 405);
}

#[test]
fn with_latencies_off_everything_is_there_at_once() {
    let mut azure = Azure::of(
        &json!({ "objects": [network_object("a", "10.0.0.0/16", &json!([]))], "options": { "latencies": false } }),
    );
    let created = azure.put(&zone("z.com"), &json!({ "location": "global" }));
    assert_eq!(
        (created.status, &created.value()["properties"]["provisioningState"]),
        (201, &json!("Succeeded"))
    );
    let link = azure.put(&format!("{}/virtualNetworkLinks/l", zone("z.com")), &link_body("a"));
    assert_eq!(
        (link.status, &link.value()["properties"]["virtualNetworkLinkState"]),
        (201, &json!("Completed"))
    );
    assert_eq!(
        azure.get(&format!("{GROUP}/Microsoft.Network/privateDnsZones")).value()["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
