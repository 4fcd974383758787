//! Server parameters of flexible servers: a catalogue of defaults, and objects for what was changed (contract 4).
//! Never the server itself.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::flexible_server::{begin_child, parent_server, ready};
use super::{accepted_body, enveloped, missing, page_of, properties_of};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::operation::Effect;
use crate::simulator::path::Key;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::{Object, text};
use crate::simulator::world::{Answer, Call, World};

/// One parameter of the catalogue.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Parameter {
    name: String,
    default_value: String,
    data_type: String,
    allowed_values: String,
    is_dynamic_config: bool,
    is_read_only: bool,
    description: String,
}

static CATALOGUE: LazyLock<Vec<Parameter>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("parameters.json")).expect("a test reads the catalogue that is compiled in")
});

fn parameter(name: &str) -> Option<&'static Parameter> {
    CATALOGUE
        .iter()
        .find(|parameter| parameter.name.eq_ignore_ascii_case(name))
}

pub(super) fn read(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    match view(world, &server, call.target.name()) {
        Some(view) => Ok(Response::json(200, &view)),
        None => Err(missing(world, call)),
    }
}

pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    let own: Vec<String> = super::members(world, call)
        .iter()
        .filter_map(|key| world.store.get(key).map(|o| o.name().to_owned()))
        .collect();
    let mut names: Vec<&str> = CATALOGUE
        .iter()
        .map(|parameter| parameter.name.as_str())
        .chain(own.iter().map(String::as_str))
        .collect();
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    names.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    let values = names
        .into_iter()
        .filter_map(|name| view(world, &server, name).map(|view| (name.to_ascii_lowercase(), view)));
    let values: Vec<(String, Value)> = values.collect();
    page_of(world, call, values)
}

/// A parameter as GET shows it: what the catalogue says, overlaid by what is stored.
fn view(world: &World, server: &Key, name: &str) -> Option<Value> {
    let server_id = &world.store.get(server)?.id;
    let stored = world.store.get(&key(server, name));
    let known = parameter(name);
    let name = known
        .map(|known| known.name.as_str())
        .or_else(|| stored.map(Object::name))?;
    let mut body = enveloped(
        &format!("{server_id}/configurations/{name}"),
        ArmType::Configuration,
        &Map::new(),
    );
    let mut properties = known.map(defaults).unwrap_or_default();
    if let Some(stored) = stored {
        properties.extend(stored.body.properties());
    }
    body.insert("properties".to_owned(), Value::Object(properties));
    Some(Value::Object(body))
}

fn defaults(parameter: &Parameter) -> Map<String, Value> {
    let all = json!({
        "value": parameter.default_value, "defaultValue": parameter.default_value, "description": parameter.description,
        "dataType": parameter.data_type, "allowedValues": parameter.allowed_values, "source": "system-default",
        "isDynamicConfig": parameter.is_dynamic_config, "isReadOnly": parameter.is_read_only, "isConfigPendingRestart": false
    });
    all.as_object().cloned().unwrap_or_default()
}

fn key(server: &Key, name: &str) -> Key {
    server.join("configurations").join(name)
}

/// PUT and PATCH alike.
pub(super) fn write(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    let Some(before) = view(world, &server, call.target.name()) else {
        let message = format!(
            "The configuration '{}' does not exist for the server.",
            call.target.name()
        );
        return Err(Refusal::new(404, "ConfigurationNotExists", message));
    };
    let body = Value::Object(properties_of(&accepted_body(world, call)?));
    if before.pointer("/properties/isReadOnly") == Some(&Value::Bool(true)) {
        let message = format!("The configuration '{}' is read-only.", call.target.name());
        return Err(Refusal::bad_request("ConfigurationReadOnly", message));
    }
    ready(world, &server)?;
    let default = text(&before, "/properties/defaultValue").unwrap_or_default().to_owned();
    let source = body
        .get("source")
        .and_then(Value::as_str)
        .unwrap_or("user-override")
        .to_owned();
    let value = body.get("value").and_then(Value::as_str).unwrap_or(&default).to_owned();
    if let Some(known) = parameter(call.target.name()).filter(|known| !known.allows(&value)) {
        let message = format!(
            "The value '{value}' is not allowed for '{}': {}.",
            known.name, known.allowed_values
        );
        return Err(Refusal::bad_request("InvalidParameterValue", message));
    }
    let effect = Effect::Parameter {
        server: server.clone(),
        name: call.target.name().to_owned(),
        value,
        source,
    };
    Ok(begin_child(
        world,
        call,
        server,
        "UpdateServerConfigurationsManagementOperation",
        effect,
    ))
}

impl Parameter {
    fn allows(&self, value: &str) -> bool {
        match self.data_type.as_str() {
            "Boolean" | "Enumeration" => self.allowed_values.split(',').any(|allowed| allowed == value),
            "Integer" | "Numeric" => match (self.allowed_values.rsplit_once('-'), value.parse::<f64>()) {
                (Some((from, to)), Ok(value)) => {
                    let bound = |text: &str, other: f64| text.parse::<f64>().unwrap_or(other);
                    (bound(from, f64::MIN)..=bound(to, f64::MAX)).contains(&value)
                }
                (None, Ok(_)) => true,
                (_, Err(_)) => false,
            },
            _ => true,
        }
    }
}

/// The write of a parameter is done; a static one waits for a restart.
pub(super) fn set(world: &mut World, server: &Key, name: &str, value: &str, source: &str) {
    let Some(Value::Object(mut body)) = view(world, server, name) else {
        return;
    };
    let id = text(&Value::Object(body.clone()), "/id").unwrap_or_default().to_owned();
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        let dynamic = properties.get("isDynamicConfig") == Some(&Value::Bool(true));
        let changed = properties.get("value").and_then(Value::as_str) != Some(value);
        properties.insert("value".to_owned(), json!(value));
        properties.insert("source".to_owned(), json!(source));
        if changed && !dynamic {
            properties.insert("isConfigPendingRestart".to_owned(), json!(true));
        }
    }
    world.store.put(Object::new(&id, ArmType::Configuration, body));
}

pub(super) fn restarted(world: &mut World, server: &Key) {
    let keys: Vec<Key> = world.store.children(server, "configurations").cloned().collect();
    for key in keys {
        world.store.edit(&key, |properties| {
            properties.insert("isConfigPendingRestart".to_owned(), json!(false));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_can_be_read_and_allows_its_own_defaults() {
        for parameter in CATALOGUE.iter() {
            assert!(parameter.allows(&parameter.default_value), "{}", parameter.name);
        }
        assert!(!parameter("wal_level").unwrap().allows("archive"));
        assert!(!parameter("max_wal_senders").unwrap().allows("many"));
    }
}
