//! Resource groups. Never what is in them, except to list it.

use serde_json::{Value, json};

use super::{enveloped, known_version, only_read};
use crate::simulator::arm_type::ArmType;
use crate::simulator::contract::Purpose;
use crate::simulator::message::{Method, Request, Response};
use crate::simulator::path::{Key, last_segment};
use crate::simulator::refusal::Refusal;
use crate::simulator::region;
use crate::simulator::store::Object;
use crate::simulator::world::{Answer, World};

/// A group by its id.
pub(super) fn one(world: &mut World, request: &Request, version: &str, id: &str) -> Answer {
    is_known(version)?;
    match request.method {
        Method::Get => read(world, id),
        Method::Head => Ok(Response::empty(if world.store.contains(&Key::of(id)) {
            204
        } else {
            404
        })),
        Method::Put | Method::Patch => put(world, request, id),
        Method::Post | Method::Delete => Err(Refusal::method_not_allowed(ArmType::ResourceGroup.name())),
    }
}

fn is_known(version: &str) -> Result<(), Refusal> {
    ArmType::ResourceGroup
        .contract()
        .map_or(Ok(()), |contract| known_version(contract, version))
}

fn read(world: &mut World, id: &str) -> Answer {
    let key = Key::of(id);
    if !world.store.contains(&key) {
        let message = format!("Resource group '{}' could not be found.", last_segment(id));
        return Err(Refusal::new(404, "ResourceGroupNotFound", message));
    }
    Ok(Response::bytes(200, world.store.view(&key).to_vec()))
}

/// The groups of a subscription, perhaps only those with a tag.
pub(super) fn list(world: &mut World, request: &Request, version: &str, subscription: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    let collection = Key::of(&format!("/subscriptions/{subscription}/resourceGroups"));
    let keys: Vec<Key> = world.store.members(&collection).cloned().collect();
    let tag = request.parameter("$filter").and_then(|filter| tag_filter(&filter));
    let mut values = Vec::new();
    for key in keys {
        let value: Value = serde_json::from_slice(&world.store.view(&key)).unwrap_or_default();
        let fits = tag.as_ref().is_none_or(|(name, wanted)| {
            let tags = value.get("tags").and_then(Value::as_object);
            let found = tags.and_then(|tags| tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
            found.is_some_and(|(_, value)| wanted.as_deref().is_none_or(|wanted| value == wanted))
        });
        if fits {
            values.push(value);
        }
    }
    Ok(Response::json(200, &json!({ "value": values })))
}

/// `tagName eq 'a'`, optionally `and tagValue eq 'b'`.
fn tag_filter(filter: &str) -> Option<(String, Option<String>)> {
    let quoted = |word: &str| {
        let rest = filter.split(word).nth(1)?;
        rest.split('\'').nth(1).map(str::to_owned)
    };
    quoted("tagName eq").map(|name| (name, quoted("tagValue eq")))
}

fn put(world: &mut World, request: &Request, id: &str) -> Answer {
    let key = Key::of(id);
    let existing = world.store.get(&key).cloned();
    let patch = request.method == Method::Patch;
    if patch && existing.is_none() {
        return read(world, id);
    }
    let invalid = |text: String| Refusal::bad_request("InvalidRequestContent", text);
    let sent: Value =
        serde_json::from_slice(&request.body).map_err(|_| invalid("The request content is not JSON.".to_owned()))?;
    let Some(contract) = ArmType::ResourceGroup.contract() else {
        return Err(invalid("No contract.".to_owned()));
    };
    if let Some(fault) = contract.name_fault(last_segment(id)).filter(|_| existing.is_none()) {
        return Err(Refusal::bad_request("InvalidResourceGroup", fault));
    }
    let purpose = if patch { Purpose::Patch } else { Purpose::Put };
    let body = contract.check(purpose, &sent).map_err(super::invalid)?;
    let sent = body.as_object().cloned().unwrap_or_default();
    if let Some(existing) = existing.as_ref().filter(|_| !patch) {
        let before = Value::Object(existing.body.whole());
        if !contract.immutable_changes(&before, &body).is_empty() {
            let message = format!(
                "Invalid resource group location. The Resource group already exists in location '{}'.",
                before["location"].as_str().unwrap_or_default()
            );
            return Err(Refusal::conflict("InvalidResourceGroupLocation", message));
        }
    }
    let mut whole = match (&existing, patch) {
        (Some(existing), true) => existing.body.whole(),
        _ => enveloped(
            existing.as_ref().map_or(id, |object| object.id.as_str()),
            ArmType::ResourceGroup,
            &sent,
        ),
    };
    if patch {
        whole.extend(sent);
    }
    if let Some(location) = whole.get("location").and_then(Value::as_str).map(region::plain) {
        whole.insert("location".to_owned(), json!(location));
    }
    whole.insert("properties".to_owned(), json!({ "provisioningState": "Succeeded" }));
    let id = existing.as_ref().map_or(id, |object| object.id.as_str()).to_owned();
    world.store.put(Object::new(&id, ArmType::ResourceGroup, whole));
    Ok(Response::bytes(
        if existing.is_some() { 200 } else { 201 },
        world.store.view(&key).to_vec(),
    ))
}

/// Top-level resources of a group or subscription, as the generic list shows them: without `properties`.
pub(super) fn resources(world: &World, request: &Request, version: &str, scope: &str) -> Answer {
    is_known(version)?;
    only_read(request)?;
    let prefix = format!("{}/", Key::of(scope));
    let filter = request.parameter("$filter").unwrap_or_default();
    let wanted = filter
        .split("resourceType eq")
        .nth(1)
        .and_then(|rest| rest.split('\'').nth(1))
        .map(str::to_owned);
    let mut keys: Vec<&Key> = world
        .store
        .keys()
        .filter(|key| key.as_str().starts_with(&prefix))
        .collect();
    keys.sort();
    let top_level = |key: &&&Key| key.group().is_some_and(|group| key.parent() == Some(group));
    let values: Vec<Value> = keys
        .iter()
        .filter(top_level)
        .filter_map(|key| world.store.get(key))
        .filter(|object| {
            wanted
                .as_deref()
                .is_none_or(|wanted| object.arm_type.name().eq_ignore_ascii_case(wanted))
        })
        .map(|object| Value::Object(object.body.envelope()))
        .collect();
    Ok(Response::json(200, &json!({ "value": values })))
}
