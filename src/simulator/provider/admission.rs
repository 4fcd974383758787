//! What holds for requests about any type: versions, rights, registration, locks, bodies. Never what a type does with them.

use serde_json::{Map, Value, json};

use crate::simulator::arm_type::ArmType;
use crate::simulator::contract::{Contract, Purpose, Violation};
use crate::simulator::message::Method;
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::{Detail, Refusal};
use crate::simulator::world::{Call, Registration, World};

/// Refuses API versions that do not know the type.
pub(super) fn known_version(contract: &Contract, version: &str) -> Result<(), Refusal> {
    if contract
        .versions()
        .iter()
        .any(|known| known.eq_ignore_ascii_case(version))
    {
        return Ok(());
    }
    let (namespace, rest) = contract.title().split_once('/').unwrap_or((contract.title(), ""));
    Err(Refusal::bad_request(
        "NoRegisteredProviderFound",
        format!(
            "No registered resource provider found for API version '{version}' for type '{rest}' of '{namespace}'. The supported api-versions are '{}'.",
            contract.versions().join(", ")
        ),
    ))
}

/// 404 unless the object is there for readers.
pub(super) fn visible(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    let found = world.store.get(&call.key);
    match found.filter(|object| object.hidden_until.is_none_or(|until| until <= world.now)) {
        Some(_) => Ok(()),
        None => Err(missing(world, call)),
    }
}

/// The 404 of an object, or of its parent where that is missing too.
pub(super) fn missing(world: &World, call: &Call<'_>) -> Refusal {
    if let Some(parent) = call
        .target
        .parent()
        .filter(|parent| !world.store.contains(&parent.key()))
    {
        return Refusal::parent_not_found(&parent.names.join("/"));
    }
    let group = call.key.group();
    let group = group.as_ref().map(|group| last_segment(group.as_str()));
    Refusal::not_found(&call.target.type_name(), &call.target.names.join("/"), group)
}

pub(super) fn group_exists(world: &World, scope: &str) -> Result<(), Refusal> {
    match Key::of(scope).group() {
        Some(group) if !world.store.contains(&group) => {
            let name = last_segment(scope);
            Err(Refusal::new(
                404,
                "ResourceGroupNotFound",
                format!("Resource group '{name}' could not be found."),
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// 403 unless the caller has the action.
pub(super) fn permitted(world: &World, call: &Call<'_>, verb: &str) -> Result<(), Refusal> {
    let action = format!("{}/{verb}", call.target.type_name());
    if world
        .options
        .allowed_actions
        .iter()
        .any(|allowed| action_matches(allowed, &action))
    {
        return Ok(());
    }
    let message = format!(
        "The client 'simulated' with object id 'simulated' does not have authorization to perform action '{action}' over scope '{}' or the scope is invalid.",
        call.target.id()
    );
    Err(Refusal::new(403, "AuthorizationFailed", message))
}

fn action_matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    match pattern.split_once('*') {
        None => pattern == action,
        Some((start, end)) => {
            action.len() >= start.len() + end.len() && action.starts_with(start) && action.ends_with(end)
        }
    }
}

/// What holds for every write: the provider is registered, and no lock forbids it.
pub(super) fn admit_write(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    let subscription = call.key.subscription().unwrap_or_default();
    let namespace = &call.target.namespace;
    if world.registration(subscription, namespace) != Registration::Registered {
        let message = format!("The subscription is not registered to use namespace '{namespace}'.");
        return Err(Refusal::conflict("MissingSubscriptionRegistration", message));
    }
    for lock in world.store.locks_over(&call.key) {
        let level = lock
            .body
            .properties()
            .get("level")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if level == "ReadOnly" || (level == "CanNotDelete" && call.request.method == Method::Delete) {
            let message = format!(
                "The scope '{}' cannot perform this operation because following scope(s) are locked: '{}'. Please remove the lock and try again.",
                call.target.id(),
                lock.id
            );
            return Err(Refusal::conflict("ScopeLocked", message));
        }
    }
    Ok(())
}

/// The canonical body of a PUT or PATCH, checked against the contract and against what is there.
pub(super) fn accepted_body(world: &World, call: &Call<'_>) -> Result<Map<String, Value>, Refusal> {
    let sent: Value = serde_json::from_slice(&call.request.body).map_err(|_| {
        let text = "The request content was invalid and could not be deserialized: it is not JSON.";
        Refusal::bad_request("InvalidRequestContent", text)
    })?;
    let Some(contract) = call.arm_type.contract() else {
        return Err(Refusal::method_not_allowed(&call.target.type_name()));
    };
    let (patch, existing) = (call.request.method == Method::Patch, world.store.get(&call.key));
    if let Some(fault) = contract.name_fault(call.target.name()).filter(|_| existing.is_none()) {
        return Err(Refusal::bad_request("InvalidResourceName", fault).with_target(call.target.name()));
    }
    let purpose = if patch { Purpose::Patch } else { Purpose::Put };
    let body = contract.check(purpose, &sent).map_err(invalid)?;
    if let Some(existing) = existing.filter(|_| !patch) {
        let changes = contract.immutable_changes(&Value::Object(existing.body.whole()), &body);
        if let Some(first) = changes.first() {
            let message = format!(
                "The property '{first}' of '{}' cannot be changed once it exists.",
                existing.id
            );
            return Err(Refusal::conflict("PropertyChangeNotAllowed", message).with_target(first.clone()));
        }
    }
    match body {
        Value::Object(body) => Ok(body),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Err(
            Refusal::bad_request("InvalidRequestContent", "The request content must be a JSON object."),
        ),
    }
}

pub(super) fn invalid(violations: Vec<Violation>) -> Refusal {
    let summary = violations
        .first()
        .map(|first| format!("{} Path '{}'.", first.message, first.path))
        .unwrap_or_default();
    let target = violations.first().map(|first| first.path.clone()).unwrap_or_default();
    let details = violations.into_iter().map(|each| Detail {
        code: "InvalidRequestContent".to_owned(),
        message: each.message,
        target: Some(each.path),
    });
    Refusal::bad_request(
        "InvalidRequestContent",
        format!("The request content was invalid and could not be deserialized: '{summary}'"),
    )
    .with_target(target)
    .with_details(details.collect())
}

/// The `properties` of a canonical body.
pub(super) fn properties_of(body: &Map<String, Value>) -> Map<String, Value> {
    body.get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// The id a new object gets: its parent's or group's stored casing, the type's canonical one, the name as sent.
pub(super) fn new_id(world: &World, call: &Call<'_>) -> String {
    let name = call.target.name();
    if let Some(parent) = call.target.parent().and_then(|parent| world.store.get(&parent.key())) {
        return format!("{}/{}/{name}", parent.id, call.arm_type.segment());
    }
    let scope = match call.key.group().and_then(|group| world.store.get(&group)) {
        Some(group) => group.id.clone(),
        None => call.target.scope.clone(),
    };
    format!("{scope}/providers/{}/{name}", call.arm_type.name())
}

/// The envelope of a new or replaced object: its identity and what the request says beside `properties`.
pub(super) fn enveloped(id: &str, arm_type: ArmType, sent: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, value) in sent {
        let empty = value.as_object().is_some_and(Map::is_empty);
        if name != "properties" && !(name == "tags" && empty) {
            body.insert(name.clone(), value.clone());
        }
    }
    body.insert("id".to_owned(), json!(id));
    body.insert("name".to_owned(), json!(last_segment(id)));
    body.insert("type".to_owned(), json!(arm_type.name()));
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_match_as_in_role_definitions() {
        assert!(action_matches("*", "a/b/read"));
        assert!(action_matches("*/read", "Microsoft.Network/virtualNetworks/read"));
        assert!(action_matches(
            "microsoft.network/*",
            "Microsoft.Network/virtualNetworks/write"
        ));
        assert!(!action_matches("*/read", "Microsoft.Network/virtualNetworks/write"));
        assert!(!action_matches("ab*ba", "aba"));
    }
}
