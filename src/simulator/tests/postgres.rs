//! Flexible servers, their children, and the provider's own calls.

use serde_json::{Value, json};

use super::{Azure, GROUP, Method, Request, code, network, server, zone};

fn body() -> Value {
    json!({ "location": "westeurope", "sku": { "name": "Standard_D4ds_v5", "tier": "GeneralPurpose" }, "properties": {
        "administratorLogin": "boss", "administratorLoginPassword": "hunter2", "version": "17", "createMode": "Create",
        "storage": { "storageSizeGB": 128 }, "network": { "publicNetworkAccess": "Enabled" } } })
}

fn state(azure: &mut Azure, name: &str) -> Value {
    azure.get(&server(name)).value()["properties"]["state"].clone()
}

#[test]
fn a_server_is_created_changed_and_deleted() {
    let mut azure = Azure::scenario(&json!({}));
    let created = azure.put(&server("new"), &body());
    assert_eq!(
        (created.status, created.value()["operation"].as_str()),
        (202, Some("UpsertServerManagementOperationV2"))
    );
    assert_eq!(created.value().get("status"), None);
    assert!(
        created
            .header("Azure-AsyncOperation")
            .unwrap()
            .contains("/locations/westeurope/azureAsyncOperation/")
    );
    assert_eq!(state(&mut azure, "new"), "Provisioning");
    assert_eq!(azure.poll(&created, "Location").status, 202);
    azure.pass(300);
    assert_eq!(
        azure.poll(&created, "Azure-AsyncOperation").value()["status"],
        "Succeeded"
    );
    let read = azure.get(&server("new")).value();
    assert_eq!(
        (&read["location"], &read["properties"]["state"]),
        (&json!("West Europe"), &json!("Ready"))
    );
    assert_eq!(
        read["properties"]["storage"],
        json!({ "storageSizeGB": 128, "autoGrow": "Disabled", "type": "Premium_LRS", "tier": "P10", "iops": 500 })
    );
    assert!(!read.to_string().contains("hunter2") && read["properties"].get("createMode").is_none());

    let grown = azure.patch(
        &server("new"),
        &json!({ "properties": { "storage": { "storageSizeGB": 256 } } }),
    );
    assert!(grown.header("Location").unwrap().contains("/locations/West%20Europe/"));
    assert_eq!(state(&mut azure, "new"), "Updating");
    assert_eq!(
        code(&azure.patch(&server("new"), &json!({ "tags": {} }))),
        (409, "ServerIsBusy".into())
    );
    azure.pass(120);
    let read = azure.get(&server("new")).value();
    assert_eq!(
        (
            &read["properties"]["storage"]["storageSizeGB"],
            &read["properties"]["storage"]["autoGrow"]
        ),
        (&json!(256), &json!("Disabled"))
    );
    assert_eq!(
        code(&azure.patch(
            &server("new"),
            &json!({ "properties": { "storage": { "storageSizeGB": 128 } } })
        ))
        .0,
        400
    );
    assert_eq!(
        code(&azure.patch(&server("new"), &json!({ "properties": { "version": "16" } }))).0,
        400
    );
    assert_eq!(
        code(&azure.patch(&server("new"), &json!({ "properties": { "administratorLogin": "x" } }))).0,
        400
    );

    let deleted = azure.delete(&server("new"));
    assert_eq!((deleted.status, state(&mut azure, "new")), (202, json!("Dropping")));
    azure.pass(66);
    assert_eq!(
        (azure.get(&server("new")).status, azure.delete(&server("new")).status),
        (404, 204)
    );
}

#[test]
fn a_create_that_cannot_work_is_refused() {
    let mut azure = Azure::scenario(&json!({}));
    let mut refused = |change: &dyn Fn(&mut Value), expected: &str| {
        let mut body = body();
        change(&mut body);
        assert_eq!(code(&azure.put(&server("new"), &body)).1, expected, "{body}");
    };
    refused(
        &|body| body["properties"]["storage"]["storageSizeGB"] = json!(100),
        "InvalidParameterValue",
    );
    refused(
        &|body| body["properties"]["version"] = json!(17),
        "InvalidRequestContent",
    );
    refused(
        &|body| body["properties"]["administratorLogin"] = Value::Null,
        "InvalidParameterValue",
    );
    refused(&|body| body["sku"] = Value::Null, "InvalidParameterValue");
    refused(
        &|body| body["properties"]["colour"] = json!("red"),
        "InvalidRequestContent",
    );
    let injected = |subnet: &'static str, zone_name: &'static str| {
        move |body: &mut Value| {
            body["properties"]["network"] = json!({
                "delegatedSubnetResourceId": format!("{}/subnets/{subnet}", network(if subnet == "pe" { "target" } else { "runtime" })),
                "privateDnsZoneArmResourceId": zone(zone_name) });
        }
    };
    refused(&injected("pe", super::RUNTIME_ZONE), "SubnetMissingRequiredDelegation");
    refused(&injected("nowhere", super::RUNTIME_ZONE), "InvalidParameterValue");
    refused(
        &injected("db", "nowhere.postgres.database.azure.com"),
        "InvalidParameterValue",
    );
    refused(
        &|body| body["properties"]["network"] = json!({ "delegatedSubnetResourceId": network("a") }),
        "InvalidParameterValue",
    );
    let mut good = body();
    injected("db", super::RUNTIME_ZONE)(&mut good);
    assert_eq!(azure.put(&server("new"), &good).status, 202);
    assert_eq!(
        code(
            &azure.put(
                &server("pg-target")
                    .replace("rg-data", "RG-DATA")
                    .replace("pg-target", "Pg-Target2"),
                &body()
            )
        ),
        (400, "InvalidResourceName".into())
    );
}

#[test]
fn children_are_written_one_at_a_time() {
    let mut azure = Azure::scenario(&json!({}));
    let rule = format!("{}/firewallRules/office", server("pg-target"));
    let range = |from: &str, to: &str| json!({ "properties": { "startIpAddress": from, "endIpAddress": to } });
    assert_eq!(azure.put(&rule, &range("10.0.0.1", "10.0.0.9")).status, 202);
    assert_eq!(azure.get(&rule).status, 404);
    let database = format!("{}/databases/app", server("pg-target"));
    assert_eq!(
        code(&azure.put(&database, &json!({ "properties": {} }))),
        (409, "ServerIsBusy".into())
    );
    azure.pass(30);
    assert_eq!(azure.get(&rule).value()["properties"]["endIpAddress"], "10.0.0.9");
    assert_eq!(code(&azure.put(&rule, &range("10.0.0.9", "10.0.0.1"))).0, 400);
    assert_eq!(code(&azure.put(&rule, &range("ten", "10.0.0.1"))).0, 400);
    let injected = format!("{}/firewallRules/office", server("pg-runtime"));
    assert_eq!(
        code(&azure.put(&injected, &range("10.0.0.1", "10.0.0.9"))),
        (400, "OperationNotAllowed".into())
    );
    azure.put_done(&database, &json!({ "properties": { "charset": "utf8" } }));
    let listed = azure.get(&format!("{}/databases", server("pg-target"))).value();
    let names: Vec<&str> = listed["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["app", "azure_maintenance", "azure_sys", "postgres"]);
    assert_eq!(azure.delete(&database).status, 202);
    azure.pass(30);
    assert_eq!(
        (azure.get(&database).status, azure.delete(&database).status),
        (404, 204)
    );
}

#[test]
fn a_static_parameter_waits_for_a_restart() {
    let mut azure = Azure::scenario(&json!({}));
    let parameter = |name: &str| format!("{}/configurations/{name}", server("pg-target"));
    let value = |value: &str| json!({ "properties": { "value": value, "source": "user-override" } });
    azure.patch(&parameter("wal_level"), &value("logical"));
    azure.pass(30);
    let pending = azure.get(&parameter("wal_level")).value()["properties"].clone();
    assert_eq!(
        (
            &pending["value"],
            &pending["isConfigPendingRestart"],
            &pending["defaultValue"]
        ),
        (&json!("logical"), &json!(true), &json!("replica"))
    );
    let restarted = azure.post(&format!("{}/restart", server("pg-target")), &json!({}));
    assert_eq!(
        (restarted.status, state(&mut azure, "pg-target")),
        (202, json!("Restarting"))
    );
    assert_eq!(
        code(&azure.post(&format!("{}/restart", server("pg-target")), &json!({}))).0,
        409
    );
    azure.pass(90);
    assert_eq!(
        azure.get(&parameter("wal_level")).value()["properties"]["isConfigPendingRestart"],
        false
    );
    azure.put(&parameter("azure.extensions"), &value("hstore"));
    azure.pass(30);
    assert_eq!(
        azure.get(&parameter("azure.extensions")).value()["properties"]["isConfigPendingRestart"],
        false
    );
    assert_eq!(
        code(&azure.patch(&parameter("wal_level"), &value("archive"))),
        (400, "InvalidParameterValue".into())
    );
    assert_eq!(
        code(&azure.patch(&parameter("server_version"), &value("18"))),
        (400, "ConfigurationReadOnly".into())
    );
    assert_eq!(azure.patch(&parameter("no_such"), &value("1")).status, 404);
    let all = azure.get(&format!("{}/configurations", server("pg-target"))).value();
    assert!(all["value"].as_array().unwrap().len() > 15);
}

#[test]
fn a_server_stops_and_starts() {
    let mut azure = Azure::scenario(&json!({}));
    azure.post(&format!("{}/stop", server("pg-target")), &json!({}));
    assert_eq!(state(&mut azure, "pg-target"), "Stopping");
    azure.pass(90);
    assert_eq!(state(&mut azure, "pg-target"), "Stopped");
    assert_eq!(
        code(&azure.post(&format!("{}/restart", server("pg-target")), &json!({}))),
        (409, "ServerIsNotReady".into())
    );
    azure.post(&format!("{}/start", server("pg-target")), &json!({}));
    azure.pass(90);
    assert_eq!(state(&mut azure, "pg-target"), "Ready");
}

#[test]
fn the_provider_answers_about_names_zones_and_subnets() {
    let mut azure = Azure::scenario(&json!({}));
    let location =
        "/subscriptions/11111111-1111-1111-1111-111111111111/providers/Microsoft.DBforPostgreSQL/locations/westeurope";
    let mut check = |name: &str| {
        let asked = json!({ "name": name, "type": "Microsoft.DBforPostgreSQL/flexibleServers" });
        let reply = azure.post(&format!("{location}/checkNameAvailability"), &asked).value();
        (
            reply["nameAvailable"].as_bool().unwrap(),
            reply["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(check("free"), (true, String::new()));
    assert_eq!(check("pg-target"), (false, "AlreadyExists".into()));
    assert_eq!(check("Bad_"), (false, "Invalid".into()));
    let suffix = azure.post(
        "/providers/Microsoft.DBforPostgreSQL/getPrivateDnsZoneSuffix",
        &json!({}),
    );
    assert_eq!(suffix.value(), json!("postgres.database.azure.com"));
    let usage = azure.post(
        &format!("{location}/checkVirtualNetworkSubnetUsage"),
        &json!({ "virtualNetworkArmResourceId": network("runtime") }),
    );
    assert_eq!(
        usage.value()["delegatedSubnetsUsage"],
        json!([{ "subnetName": "db", "usage": 1 }])
    );
    assert!(azure.get(&format!("{location}/capabilities")).value()["value"][0]["supportedServerVersions"].is_array());
}

#[test]
fn groups_are_created_read_and_listed() {
    let mut azure = Azure::scenario(&json!({}));
    let subscription = "/subscriptions/11111111-1111-1111-1111-111111111111";
    let group = format!("{subscription}/resourcegroups/rg-new");
    assert_eq!(
        (azure.get(&group).status, azure.call(Method::Head, &group, None).status),
        (404, 404)
    );
    let body = json!({ "location": "East US", "tags": { "team": "db" } });
    assert_eq!(
        (azure.put(&group, &body).status, azure.put(&group, &body).status),
        (201, 200)
    );
    assert_eq!(azure.call(Method::Head, &group, None).status, 204);
    assert_eq!(
        azure.get(&group).value()["id"],
        group.replace("resourcegroups", "resourceGroups")
    );
    assert_eq!(
        code(&azure.put(&group, &json!({ "location": "westus" }))),
        (409, "InvalidResourceGroupLocation".into())
    );
    let list = azure.get(&format!("{subscription}/resourcegroups")).value();
    assert_eq!(list["value"].as_array().unwrap().len(), 2);
    let tagged = azure
        .get(&format!(
            "{subscription}/resourcegroups?$filter=tagName%20eq%20'team'%20and%20tagValue%20eq%20'db'"
        ))
        .value();
    assert_eq!(tagged["value"][0]["name"], "rg-new");
    let resources = azure
        .send(Request::new(
            Method::Get,
            &format!("{subscription}/resourceGroups/rg-data/resources?api-version=2024-11-01"),
        ))
        .value();
    assert!(resources["value"].as_array().unwrap().len() >= 7);
}

#[test]
fn single_servers_and_role_assignments_are_read_only() {
    let single = format!("{GROUP}/Microsoft.DBforPostgreSQL/servers/old");
    let at = |scope: &str, name: &str, principal: &str| json!({ "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "properties": { "principalId": principal, "scope": scope } });
    let subscription = "/subscriptions/11111111-1111-1111-1111-111111111111";
    let objects = json!([
        { "id": single, "location": "westeurope", "properties": { "version": "11" } },
        at(subscription, "11111111-0000-0000-0000-000000000001", "p"),
        at(&single, "11111111-0000-0000-0000-000000000002", "q")
    ]);
    let mut azure = Azure::of(&json!({ "objects": objects }));
    assert_eq!(azure.get(&single).value()["properties"]["version"], "11");
    assert_eq!(azure.put(&single, &json!({ "location": "x" })).status, 405);
    let mut names = |scope: &str, filter: &str| {
        let reply = azure
            .get(&format!(
                "{scope}/providers/Microsoft.Authorization/roleAssignments{filter}"
            ))
            .value();
        reply["value"].as_array().unwrap().len()
    };
    assert_eq!(names(&single, "?$filter=atScope()"), 2);
    assert_eq!(names(subscription, "?$filter=atScope()"), 1);
    assert_eq!(names(subscription, ""), 2);
    assert_eq!(names(subscription, "?$filter=principalId%20eq%20'q'"), 1);
    let roles = azure
        .get(&format!(
            "{subscription}/providers/Microsoft.Authorization/roleDefinitions?$filter=roleName%20eq%20'Contributor'"
        ))
        .value();
    assert_eq!(roles["value"][0]["name"], "b24988ac-6180-42a0-ab88-20f7382dd24c");
    let permissions = azure
        .get(&format!("{subscription}/providers/Microsoft.Authorization/permissions"))
        .value();
    assert_eq!(permissions["value"][0]["actions"], json!(["*"]));
}
