//! Migrations: what a client may ask of them (contract 5). How they move on by themselves is in `run`, what they
//! show of it in `progress`, what they check in `validation`.

mod path_check;
mod progress;
mod run;
mod source;
mod validation;

use serde_json::{Map, Value, json};

use super::flexible_server::{display_location, parent_server, ready};
use super::{accepted_body, enveloped, missing, new_id, page_of, properties_of, visible};
use crate::simulator::arm_type::ArmType;
use crate::simulator::clock;
use crate::simulator::message::Response;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::region;
use crate::simulator::store::{Object, text, texts};
use crate::simulator::world::{Answer, Call, World};

pub(crate) use progress::view;
pub(crate) use run::{Run, due, grown, interrupt};

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    name_is_valid(call)?;
    let body = accepted_body(world, call)?;
    if world.store.contains(&call.key) {
        let message = format!(
            "A migration named '{}' already exists on the target server. Names of finished migrations stay taken.",
            call.target.name()
        );
        return Err(Refusal::conflict("MigrationNameAlreadyExists", message));
    }
    target_is_free(world, &server)?;
    let mut properties = properties_of(&body);
    let secrets = properties.remove("secretParameters").unwrap_or_default();
    let location = body.get("location").and_then(Value::as_str).unwrap_or_default();
    if !region::same(location, &display_location(world, &server)) {
        return Err(invalid(format!(
            "The location '{location}' is not that of the target server, {}.",
            display_location(world, &server)
        )));
    }
    databases_are_valid(world, &properties)?;
    runtime_is_valid(world, &server, &properties)?;
    source::form_is_valid(&mut properties)?;
    let credentials = source::sign_in(world, &properties, &secrets);
    let window = start_of_window(&properties)?;
    complete(world, &server, &mut properties);
    let id = new_id(world, call);
    let mut whole = enveloped(&id, ArmType::Migration, &body);
    whole.insert("location".to_owned(), json!(region::display(location)));
    whole.insert("properties".to_owned(), Value::Object(properties.clone()));
    let mut object = Object::new(&id, ArmType::Migration, whole.clone());
    object.run = Some(Box::new(Run::new(
        world,
        credentials,
        window,
        call.mishaps.migration.clone(),
    )));
    super::virtual_network::hide(world, call, &mut object);
    let key = world.store.put(object);
    world.active.insert(key.clone());
    run::start(world, &key);
    Ok(Response::json(201, &first_reply(whole, properties, location)))
}

/// As recorded: the location as it was sent, of the status only the state, and no word about roles.
fn first_reply(mut whole: Map<String, Value>, mut properties: Map<String, Value>, location: &str) -> Value {
    properties.insert("currentStatus".to_owned(), json!({ "state": "InProgress" }));
    properties.remove("migrateRoles");
    whole.insert("location".to_owned(), json!(location));
    whole.insert("properties".to_owned(), Value::Object(properties));
    Value::Object(whole)
}

pub(super) fn read(world: &mut World, call: &Call<'_>) -> Answer {
    name_is_valid(call)?;
    visible(world, call)?;
    Ok(Response::json(200, &view(world, &call.key)))
}

/// `Active`, which is also the default, leaves out what has ended.
pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let filter = call
        .request
        .parameter("migrationListFilter")
        .unwrap_or_else(|| "Active".to_owned());
    let all = match filter.to_ascii_lowercase().as_str() {
        "all" => true,
        "active" => false,
        _ => {
            return Err(invalid(format!(
                "The value '{filter}' of migrationListFilter is not one of Active, All."
            )));
        }
    };
    let keys = super::members(world, call);
    let shown = keys.into_iter().filter(|key| all || world.active.contains(key));
    let values = shown.map(|key| (key.to_string(), view(world, &key))).collect();
    page_of(world, call, values)
}

pub(super) fn patch(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    let body = accepted_body(world, call)?;
    let changes = properties_of(&body);
    if let Some(tags) = body.get("tags") {
        run::set_tags(world, &call.key, tags.clone());
    }
    if !changes.is_empty() {
        if !world.active.contains(&call.key) {
            let message = format!(
                "The migration '{}' has ended and cannot be updated.",
                call.target.name()
            );
            return Err(Refusal::bad_request("InvalidMigrationState", message));
        }
        run::update(world, &call.key, changes)?;
    }
    Ok(Response::json(200, &view(world, &call.key)))
}

/// Cancels; a migration is never deleted.
pub(super) fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    parent_server(world, call)?;
    if !world.active.contains(&call.key) {
        return Ok(Response::empty(204));
    }
    run::cancel(world, &call.key, &[])?;
    Ok(Response::json(200, &view(world, &call.key)))
}

pub(super) fn name_availability(world: &World, call: &Call<'_>) -> Answer {
    if !world.store.contains(&call.key) {
        return Err(missing(world, call));
    }
    let asked: Value = serde_json::from_slice(&call.request.body).unwrap_or_default();
    let Some(name) = text(&asked, "/name") else {
        return Err(invalid("Required property 'name' not found in JSON.".to_owned()));
    };
    if text(&asked, "/type").is_none_or(|sent| !sent.eq_ignore_ascii_case(ArmType::Migration.name())) {
        return Err(invalid(format!("The type has to be {}.", ArmType::Migration.name())));
    }
    let mut reply = json!({ "name": name, "type": ArmType::Migration.name(), "nameAvailable": true });
    let fault = ArmType::Migration
        .contract()
        .and_then(|contract| contract.name_fault(name));
    let taken = world.store.contains(&call.key.join("migrations").join(name));
    let refused = match (fault, taken) {
        (Some(fault), _) => Some(("Invalid", fault)),
        (None, true) => Some(("AlreadyExists", format!("Migration name '{name}' is already in use."))),
        (None, false) => None,
    };
    if let (Some((reason, message)), Some(fields)) = (refused, reply.as_object_mut()) {
        fields.insert("nameAvailable".to_owned(), json!(false));
        fields.insert("reason".to_owned(), json!(reason));
        fields.insert("message".to_owned(), json!(message));
    }
    Ok(Response::json(200, &reply))
}

/// Offline or online.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Offline,
    Online,
}

impl Mode {
    fn of(properties: &Value) -> Self {
        if text(properties, "/migrationMode") == Some("Online") {
            Self::Online
        } else {
            Self::Offline
        }
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::bad_request("InvalidInput", message)
}

fn name_is_valid(call: &Call<'_>) -> Result<(), Refusal> {
    let fault = ArmType::Migration
        .contract()
        .and_then(|contract| contract.name_fault(call.target.name()));
    match fault {
        Some(_) => Err(invalid(format!(
            "Invalid input. Parameter name: 'MigrationResourceId'. Error: Invalid migration resource ID '{}'.\r\nParameter name: MigrationResourceId",
            call.target.id().trim_start_matches('/')
        ))),
        None => Ok(()),
    }
}

fn target_is_free(world: &World, server: &Key) -> Result<(), Refusal> {
    ready(world, server)?;
    let properties = world.properties(server);
    if properties
        .pointer("/cluster/clusterSize")
        .and_then(Value::as_u64)
        .is_some_and(|size| size > 0)
    {
        return Err(invalid(
            "Migrations into elastic clusters are not supported.".to_owned(),
        ));
    }
    match run::active_on(world, server) {
        Some(active) => {
            let message = format!(
                "The migration '{}' is active on the target server; only one migration or validation can be active on a server at a time.",
                last_segment(active.as_str())
            );
            Err(Refusal::conflict("ActiveMigrationExists", message))
        }
        None => Ok(()),
    }
}

fn databases_are_valid(world: &World, properties: &Map<String, Value>) -> Result<(), Refusal> {
    let view = Value::Object(properties.clone());
    let names: Vec<&str> = texts(&view, "/dbsToMigrate").collect();
    let most = world.options.max_databases_per_migration;
    if names.len() > most {
        return Err(invalid(format!(
            "A migration can have at most {most} databases, {} were given.",
            names.len()
        )));
    }
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() || matches!(*name, "template0" | "template1" | "azure_sys" | "azure_maintenance") {
            return Err(invalid(format!("The database '{name}' cannot be migrated.")));
        }
        if names.iter().take(index).any(|other| other == name) {
            return Err(invalid(format!("The database '{name}' is listed twice.")));
        }
    }
    Ok(())
}

fn runtime_is_valid(world: &World, server: &Key, properties: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(id) = properties.get("migrationInstanceResourceId").and_then(Value::as_str) else {
        return Ok(());
    };
    let runtime = Key::of(id);
    let Some(object) = world.store.get(&runtime) else {
        return Err(invalid(format!("The migration runtime server {id} was not found.")));
    };
    if object.arm_type != ArmType::FlexibleServer {
        return Err(invalid(format!(
            "The migration runtime server {id} is not a flexible server."
        )));
    }
    if runtime == *server {
        return Err(invalid(
            "The migration runtime server must not be the target server.".to_owned(),
        ));
    }
    if text(&world.properties(&runtime), "/network/delegatedSubnetResourceId").is_none() {
        return Err(invalid(format!(
            "The migration runtime server {id} is not integrated into a virtual network."
        )));
    }
    ready(world, &runtime)
}

fn start_of_window(properties: &Map<String, Value>) -> Result<Option<jiff::Timestamp>, Refusal> {
    match properties.get("migrationWindowStartTimeInUtc").and_then(Value::as_str) {
        None => Ok(None),
        Some(given) => given
            .parse()
            .map(Some)
            .map_err(|_| invalid(format!("'{given}' is not a time in UTC."))),
    }
}

/// Defaults (contract 5.1).
fn complete(world: &mut World, server: &Key, properties: &mut Map<String, Value>) {
    let target = world
        .store
        .get(server)
        .map(|server| server.id.clone())
        .unwrap_or_default();
    let id = world.chance.guid();
    properties.remove("migrationWindowEndTimeInUtc");
    let single = properties.get("sourceType").and_then(Value::as_str) == Some("PostgreSQLSingleServer");
    let defaults = [
        ("migrationMode", "Offline"),
        ("migrationOption", "ValidateAndMigrate"),
        ("sslMode", if single { "VerifyFull" } else { "Prefer" }),
        ("setupLogicalReplicationOnSourceDbIfNeeded", "False"),
        ("overwriteDbsInTarget", "False"),
        ("migrateRoles", "False"),
    ];
    for (name, default) in defaults {
        properties.entry(name).or_insert(json!(default));
    }
    properties
        .entry("migrationWindowStartTimeInUtc")
        .or_insert(json!(clock::wire(world.now)));
    properties.entry("dbsToMigrate").or_insert(json!([]));
    if Mode::of(&Value::Object(properties.clone())) == Mode::Offline {
        properties.insert("triggerCutover".to_owned(), json!("True"));
    }
    properties.insert("migrationId".to_owned(), json!(id));
    properties.insert("targetDbServerResourceId".to_owned(), json!(target));
}
