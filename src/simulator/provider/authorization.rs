//! Role assignments, definitions, permissions and locks, read only. Never grants anything.

use serde_json::{Value, json};

use super::{missing, page_of, stored};
use crate::simulator::arm_type::ArmType;
use crate::simulator::message::Response;
use crate::simulator::path::Key;
use crate::simulator::store::text;
use crate::simulator::world::{Answer, Call, World};

/// Names and guids of the built-in roles that the tool knows (contract 9).
const ROLES: &[(&str, &str)] = &[
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("Network Contributor", "4d97b98b-1d4f-4787-a291-c67834d212e7"),
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    ("Private DNS Zone Contributor", "b12aa53e-6015-4669-85d0-8515ebb3ae7f"),
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
];

pub(super) fn list_assignments(world: &mut World, call: &Call<'_>) -> Answer {
    let assignments = assignments(world, call);
    page_of(world, call, assignments)
}

pub(super) fn list_locks(world: &mut World, call: &Call<'_>) -> Answer {
    let locks = world.store.locks_over(&Key::of(&call.target.scope));
    let values = locks
        .iter()
        .map(|lock| (Key::of(&lock.id).to_string(), Value::Object(lock.body.whole())))
        .collect();
    page_of(world, call, values)
}

/// Permissions are no objects: they follow from the options.
pub(super) fn list_permissions_or_stored(world: &mut World, call: &Call<'_>) -> Answer {
    if !call
        .target
        .type_name()
        .eq_ignore_ascii_case("Microsoft.Authorization/permissions")
    {
        return super::list_stored(world, call);
    }
    let actions = &world.options.allowed_actions;
    let entry = json!({ "actions": actions, "notActions": [], "dataActions": [], "notDataActions": [] });
    Ok(Response::json(200, &json!({ "value": [entry] })))
}

/// Assignments at the scope and above; without `atScope()` also those below.
fn assignments(world: &World, call: &Call<'_>) -> Vec<(String, Value)> {
    let scope = Key::of(&call.target.scope);
    let filter = call.request.parameter("$filter").unwrap_or_default();
    let principal = filter
        .split("principalId eq")
        .nth(1)
        .or_else(|| filter.split("assignedTo(").nth(1));
    let principal = principal.and_then(|rest| rest.split('\'').nth(1));
    let below = format!("{scope}/");
    let above: Vec<Key> = scope.scopes().collect();
    let mut found: Vec<(String, Value)> = world
        .store
        .keys()
        .filter(|key| {
            let at = key.parent();
            let inherited = at.as_ref().is_some_and(|at| above.contains(at));
            inherited || (!filter.contains("atScope()") && key.as_str().starts_with(&below))
        })
        .filter_map(|key| world.store.get(key).map(|object| (key, object)))
        .filter(|(_, object)| object.arm_type == ArmType::RoleAssignment)
        .map(|(key, object)| (key.to_string(), Value::Object(object.body.whole())))
        .filter(|(_, body)| principal.is_none_or(|wanted| text(body, "/properties/principalId") == Some(wanted)))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

pub(super) fn list_definitions(_: &mut World, call: &Call<'_>) -> Answer {
    let filter = call.request.parameter("$filter").unwrap_or_default();
    let wanted = filter
        .split("roleName eq")
        .nth(1)
        .and_then(|rest| rest.split('\'').nth(1));
    let named = ROLES
        .iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted)));
    let values: Vec<Value> = named.map(|(name, guid)| role(&call.target.scope, name, guid)).collect();
    Ok(Response::json(200, &json!({ "value": values })))
}

fn role(scope: &str, name: &str, guid: &str) -> Value {
    json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"), "name": guid,
        "type": ArmType::RoleDefinition.name(),
        "properties": { "roleName": name, "type": "BuiltInRole", "assignableScopes": ["/"], "permissions": [] }
    })
}

pub(super) fn role_definition(world: &mut World, call: &Call<'_>) -> Answer {
    match ROLES
        .iter()
        .find(|(_, guid)| guid.eq_ignore_ascii_case(call.target.name()))
    {
        Some((name, guid)) => Ok(Response::json(200, &role(&call.target.scope, name, guid))),
        None if world.store.contains(&call.key) => stored(world, call),
        None => Err(missing(world, call)),
    }
}
