//! Databases of flexible servers, as ARM lists them. Never what is in them.

use serde_json::{Map, Value, json};

use super::flexible_server::{begin_child, parent_server, ready};
use super::{accepted_body, enveloped, missing, new_id, page_of, properties_of, stored};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::operation::Effect;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::store::Object;
use crate::simulator::world::{Answer, Call, World};

/// Databases that every server has; they are listed, but are nobody's.
const SYSTEM: &[&str] = &["azure_maintenance", "azure_sys", "postgres"];

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    let body = accepted_body(world, call)?;
    ready(world, &server)?;
    let id = world
        .store
        .get(&call.key)
        .map_or_else(|| new_id(world, call), |database| database.id.clone());
    let mut whole = enveloped(&id, ArmType::Database, &body);
    let mut properties = properties_of(&body);
    properties.entry("charset").or_insert(json!("UTF8"));
    properties.entry("collation").or_insert(json!("en_US.utf8"));
    whole.insert("properties".to_owned(), Value::Object(properties));
    let effect = Effect::Put {
        id,
        arm_type: ArmType::Database,
        body: whole,
    };
    Ok(begin_child(
        world,
        call,
        server,
        "UpsertServerDatabaseManagementOperation",
        effect,
    ))
}

pub(super) fn read(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    match SYSTEM.iter().find(|name| **name == call.target.name()) {
        Some(name) if !world.store.contains(&call.key) => {
            let id = world
                .store
                .get(&server)
                .map(|server| server.id.clone())
                .unwrap_or_default();
            Ok(Response::json(200, &Value::Object(object(&id, name))))
        }
        Some(_) | None if world.store.contains(&call.key) => stored(world, call),
        Some(_) | None => Err(missing(world, call)),
    }
}

pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    let id = world
        .store
        .get(&server)
        .map(|server| server.id.clone())
        .unwrap_or_default();
    let mut values: Vec<(String, Value)> = super::members(world, call)
        .iter()
        .filter_map(|key| {
            world
                .store
                .get(key)
                .map(|object| (key.to_string(), Value::Object(object.body.whole())))
        })
        .collect();
    for name in SYSTEM {
        let key = call.key.join(name).to_string();
        if !values.iter().any(|(there, _)| *there == key) {
            values.push((key, Value::Object(object(&id, name))));
        }
    }
    values.sort_by(|one, other| one.0.cmp(&other.0));
    page_of(world, call, values)
}

fn object(server: &str, name: &str) -> Map<String, Value> {
    let id = format!("{server}/databases/{name}");
    let mut body = enveloped(&id, ArmType::Database, &Map::new());
    body.insert(
        "properties".to_owned(),
        json!({ "charset": "UTF8", "collation": "en_US.utf8" }),
    );
    body
}

/// Whether the target of a migration has that database already; those that every server has are there, too.
pub(super) fn exists(world: &World, server: &Key, name: &str) -> bool {
    SYSTEM.contains(&name) || world.store.contains(&key(server, name))
}

fn key(server: &Key, name: &str) -> Key {
    server.join("databases").join(name)
}

/// A migration creates a database.
pub(super) fn create(world: &mut World, server: &Key, name: &str) {
    let id = world
        .store
        .get(server)
        .map(|server| server.id.clone())
        .unwrap_or_default();
    if !SYSTEM.contains(&name) && !id.is_empty() {
        let body = object(&id, name);
        world
            .store
            .put(Object::new(&format!("{id}/databases/{name}"), ArmType::Database, body));
    }
}

/// A rolled-back migration removes one.
pub(super) fn drop_one(world: &mut World, server: &Key, name: &str) {
    let key = key(server, name);
    if last_segment(key.as_str()) == name.to_ascii_lowercase() {
        world.store.remove(&key);
    }
}
