//! The resource providers: one file per type. This one finds who answers, checks what holds for every type, and lists.
//! Never what a single type means.

pub(crate) mod authorization;
pub(crate) mod configuration;
pub(crate) mod database;
pub(crate) mod firewall_rule;
pub(crate) mod flexible_server;
pub(crate) mod migration;
pub(crate) mod peering;
pub(crate) mod postgres_service;
pub(crate) mod private_dns;
pub(crate) mod resource_group;
pub(crate) mod subnet;
pub(crate) mod subscription;
pub(crate) mod virtual_network;

use serde_json::{Map, Value, json};

use super::arm_type::ArmType;
use super::contract::{Contract, Purpose, Violation};
use super::message::{Method, Request, Response, decode};
use super::operation::{self, Effect};
use super::path::{Key, Route, Target};
use super::refusal::{Detail, Refusal};
use super::world::{Answer, Call, Mishaps, Registration, World};

/// Answers an authenticated request.
pub(crate) fn dispatch(world: &mut World, request: &Request, route: Route, mishaps: Mishaps) -> Answer {
    let version = request
        .parameter("api-version")
        .filter(|version| !version.is_empty())
        .ok_or_else(|| {
            let text = "The api-version query parameter (?api-version=) is required for all requests.";
            Refusal::bad_request("MissingApiVersionParameter", text)
        })?;
    if let Some(id) = route.subscription().filter(|id| !world.knows_subscription(id)) {
        return Err(Refusal::new(
            404,
            "SubscriptionNotFound",
            format!("The subscription '{id}' could not be found."),
        ));
    }
    match route {
        Route::Item(target) => item(world, &call(request, version, target, mishaps)?),
        Route::Collection(target) => collection(world, &call(request, version, target, mishaps)?),
        Route::Action(target, action) => act(world, &call(request, version, target, mishaps)?, &action),
        Route::Service { scope, namespace, rest } => service(world, request, &version, &scope, &namespace, &rest),
        Route::ResourceGroups(_) | Route::ResourceGroup(_) | Route::Resources(_) => {
            resource_group::answer(world, request, &route, &version)
        }
        Route::Tenants
        | Route::Subscriptions
        | Route::Subscription(_)
        | Route::Locations(_)
        | Route::Providers(_)
        | Route::Provider { .. }
        | Route::Register { .. } => subscription::answer(world, request, &route, &version),
        Route::Entra(_) | Route::Unknown => Err(nothing_at(request)),
    }
}

fn nothing_at(request: &Request) -> Refusal {
    Refusal::new(
        404,
        "InvalidResourceType",
        format!("The resource type could not be found: {}.", request.path),
    )
}

fn call(request: &Request, version: String, target: Target, mishaps: Mishaps) -> Result<Call<'_>, Refusal> {
    let arm_type = target.arm_type();
    if let Some(contract) = arm_type.contract() {
        known_version(contract, &version)?;
    }
    let key = target.key();
    Ok(Call {
        request,
        version,
        target,
        arm_type,
        key,
        mishaps,
    })
}

/// Refuses API versions that do not know the type.
pub(crate) fn known_version(contract: &Contract, version: &str) -> Result<(), Refusal> {
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

fn item(world: &mut World, call: &Call<'_>) -> Answer {
    group_exists(world, &call.target.scope)?;
    match call.request.method {
        Method::Get | Method::Head => {
            permitted(world, call, "read")?;
            read(world, call)
        }
        Method::Put | Method::Patch => {
            permitted(world, call, "write")?;
            admit_write(world, call)?;
            write(world, call)
        }
        Method::Delete => {
            permitted(world, call, "delete")?;
            admit_write(world, call)?;
            delete(world, call)
        }
        Method::Post => Err(Refusal::method_not_allowed(&call.target.type_name())),
    }
}

fn read(world: &mut World, call: &Call<'_>) -> Answer {
    match call.arm_type {
        ArmType::Migration => migration::read(world, call),
        ArmType::Configuration => configuration::read(world, call),
        ArmType::Database => database::read(world, call),
        ArmType::RoleDefinition => authorization::role_definition(world, call),
        _ => stored(world, call),
    }
}

/// A stored object as it is.
fn stored(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    let response = Response::bytes(200, world.store.view(&call.key).to_vec());
    let etag = match call.arm_type {
        ArmType::VirtualNetwork => world.store.get(&call.key).and_then(|object| object.etag),
        kind if kind.lives_in_network() => call
            .key
            .parent()
            .and_then(|parent| world.store.get(&parent))
            .and_then(|network| network.etag),
        _ => None,
    };
    Ok(match etag {
        Some(etag) => response.with_header("ETag", format!("W/\"{etag}\"")),
        None => response,
    })
}

/// 404 unless the object is there for readers.
pub(crate) fn visible(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
    let found = world.store.get(&call.key);
    match found.filter(|object| object.hidden_until.is_none_or(|until| until <= world.now)) {
        Some(_) => Ok(()),
        None => Err(missing(world, call)),
    }
}

/// The 404 of an object, or of its parent where that is missing too.
pub(crate) fn missing(world: &World, call: &Call<'_>) -> Refusal {
    if let Some(parent) = call
        .target
        .parent()
        .filter(|parent| !world.store.contains(&parent.key()))
    {
        return Refusal::parent_not_found(&parent.names.join("/"));
    }
    let group = call.key.group();
    let group = group.as_ref().map(|group| super::path::last_segment(group.as_str()));
    Refusal::not_found(&call.target.type_name(), &call.target.names.join("/"), group)
}

fn write(world: &mut World, call: &Call<'_>) -> Answer {
    let put = call.request.method == Method::Put;
    match call.arm_type {
        ArmType::VirtualNetwork if put => virtual_network::put(world, call),
        ArmType::VirtualNetwork => tags(world, call),
        ArmType::Subnet if put => subnet::put(world, call),
        ArmType::Peering if put => peering::put(world, call),
        ArmType::PrivateDnsZone if put => private_dns::put_zone(world, call),
        ArmType::PrivateDnsZone => private_dns::patch(world, call),
        ArmType::VirtualNetworkLink if put => private_dns::put_link(world, call),
        ArmType::VirtualNetworkLink => private_dns::patch(world, call),
        ArmType::FlexibleServer if put => flexible_server::put(world, call),
        ArmType::FlexibleServer => flexible_server::patch(world, call),
        ArmType::FirewallRule if put => firewall_rule::put(world, call),
        ArmType::Database if put => database::put(world, call),
        ArmType::Configuration => configuration::write(world, call),
        ArmType::Migration if put => migration::put(world, call),
        ArmType::Migration => migration::patch(world, call),
        _ => Err(Refusal::method_not_allowed(&call.target.type_name())),
    }
}

fn delete(world: &mut World, call: &Call<'_>) -> Answer {
    match call.arm_type {
        ArmType::VirtualNetwork => virtual_network::delete(world, call),
        ArmType::Subnet => subnet::delete(world, call),
        ArmType::Peering => peering::delete(world, call),
        ArmType::PrivateDnsZone => private_dns::delete_zone(world, call),
        ArmType::VirtualNetworkLink => private_dns::delete_link(world, call),
        ArmType::FlexibleServer => flexible_server::delete(world, call),
        ArmType::FirewallRule | ArmType::Database => flexible_server::delete_child(world, call),
        ArmType::Migration => migration::delete(world, call),
        _ => Err(Refusal::method_not_allowed(&call.target.type_name())),
    }
}

fn act(world: &mut World, call: &Call<'_>, action: &str) -> Answer {
    group_exists(world, &call.target.scope)?;
    permitted(world, call, &format!("{action}/action"))?;
    match (call.arm_type, action) {
        (ArmType::FlexibleServer, "checkmigrationnameavailability") => migration::name_availability(world, call),
        (ArmType::FlexibleServer, "restart" | "start" | "stop") => {
            admit_write(world, call)?;
            flexible_server::act(world, call, action)
        }
        _ => Err(Refusal::method_not_allowed(&format!(
            "{}/{action}",
            call.target.type_name()
        ))),
    }
}

fn service(
    world: &mut World,
    request: &Request,
    version: &str,
    scope: &str,
    namespace: &str,
    rest: &[String],
) -> Answer {
    if let Some(answer) = operation::poll(world, request, rest) {
        return answer;
    }
    if namespace.eq_ignore_ascii_case("Microsoft.DBforPostgreSQL") {
        if let Some(contract) = ArmType::FlexibleServer.contract() {
            known_version(contract, version)?;
        }
        return postgres_service::answer(world, request, scope, rest);
    }
    Err(nothing_at(request))
}

fn collection(world: &mut World, call: &Call<'_>) -> Answer {
    if !matches!(call.request.method, Method::Get | Method::Head) {
        return Err(Refusal::method_not_allowed(&call.target.type_name()));
    }
    permitted(world, call, "read")?;
    group_exists(world, &call.target.scope)?;
    if call.target.namespace.eq_ignore_ascii_case("Microsoft.Authorization") {
        return authorization::list(world, call);
    }
    if let Some(parent) = call.target.parent() {
        let parent_missing = !world.store.contains(&parent.key());
        if parent_missing && parent.arm_type() != ArmType::Other {
            return Err(missing(world, call));
        }
    }
    match call.arm_type {
        ArmType::Migration => migration::list(world, call),
        ArmType::Configuration => configuration::list(world, call),
        ArmType::Database => database::list(world, call),
        _ => {
            let keys = members(world, call);
            page(world, call, keys)
        }
    }
}

/// The visible members of the collection that a call names.
pub(crate) fn members(world: &World, call: &Call<'_>) -> Vec<Key> {
    let seen = |key: &&Key| {
        world
            .store
            .get(key)
            .is_some_and(|object| object.hidden_until.is_none_or(|until| until <= world.now))
    };
    // `ALL` stands for every type of record set.
    if call
        .target
        .types
        .last()
        .is_some_and(|last| last.eq_ignore_ascii_case("ALL"))
        && let Some(zone) = call
            .target
            .parent()
            .filter(|parent| parent.arm_type() == ArmType::PrivateDnsZone)
    {
        return world
            .store
            .children(&zone.key(), ArmType::RecordSetA.segment())
            .filter(seen)
            .cloned()
            .collect();
    }
    let across = Key::of(&call.target.scope).group().is_none() && call.target.types.len() == 1;
    if across {
        world
            .store
            .across_subscription(&call.key)
            .filter(seen)
            .cloned()
            .collect()
    } else {
        world.store.members(&call.key).filter(seen).cloned().collect()
    }
}

/// One page of stored objects.
pub(crate) fn page(world: &mut World, call: &Call<'_>, keys: Vec<Key>) -> Answer {
    let (keys, next) = cut(world, call, keys, |key| key.as_str());
    let mut body = Vec::with_capacity(keys.len() * 1024 + 32);
    body.extend_from_slice(b"{\"value\":[");
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&world.store.view(key));
    }
    Ok(Response::bytes(200, closed(body, next)))
}

/// One page of values made for this reply; they are in the order of their names.
pub(crate) fn page_of(world: &World, call: &Call<'_>, values: Vec<(String, Value)>) -> Answer {
    let (values, next) = cut(world, call, values, |(name, _)| name.as_str());
    let items: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
    let mut body = b"{\"value\":".to_vec();
    body.extend_from_slice(Value::Array(items).to_string().as_bytes());
    body.pop();
    Ok(Response::bytes(200, closed(body, next)))
}

fn closed(mut body: Vec<u8>, next: Option<String>) -> Vec<u8> {
    body.push(b']');
    if let Some(next) = next {
        body.extend_from_slice(format!(",\"nextLink\":{}", Value::String(next)).as_bytes());
    }
    body.push(b'}');
    body
}

/// The items after the skip token, at most a page of them, and the link to the rest.
fn cut<T>(world: &World, call: &Call<'_>, items: Vec<T>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let after = call.request.parameter("$skiptoken");
    let size = call
        .request
        .parameter("$top")
        .and_then(|top| top.parse::<usize>().ok())
        .unwrap_or(world.options.page_size);
    let mut rest = items
        .into_iter()
        .skip_while(|item| after.as_deref().is_some_and(|after| name(item) <= after));
    let page: Vec<T> = rest.by_ref().take(size.max(1)).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| {
        // The PostgreSQL provider's own links have a doubled slash (contract 2.10).
        let path = match call.target.namespace.eq_ignore_ascii_case("Microsoft.DBforPostgreSQL") {
            true => call.request.path.replacen("/resourceGroups/", "//resourceGroups/", 1),
            false => call.request.path.clone(),
        };
        let kept: Vec<&str> = call
            .request
            .query
            .split('&')
            .filter(|pair| !is_skip_token(pair))
            .collect();
        format!(
            "{}{path}?{}&$skiptoken={}",
            call.request.base,
            kept.join("&"),
            encoded(name(last))
        )
    });
    (page, next)
}

fn is_skip_token(pair: &str) -> bool {
    pair.split('=')
        .next()
        .is_some_and(|name| decode(name).eq_ignore_ascii_case("$skiptoken"))
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn group_exists(world: &World, scope: &str) -> Result<(), Refusal> {
    match Key::of(scope).group() {
        Some(group) if !world.store.contains(&group) => {
            let name = super::path::last_segment(scope);
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
pub(crate) fn permitted(world: &World, call: &Call<'_>, verb: &str) -> Result<(), Refusal> {
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
fn admit_write(world: &World, call: &Call<'_>) -> Result<(), Refusal> {
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
pub(crate) fn accepted_body(world: &World, call: &Call<'_>) -> Result<Map<String, Value>, Refusal> {
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

fn invalid(violations: Vec<Violation>) -> Refusal {
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
pub(crate) fn properties_of(body: &Map<String, Value>) -> Map<String, Value> {
    body.get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// The id a new object gets: its parent's or group's stored casing, the type's canonical one, the name as sent.
pub(crate) fn new_id(world: &World, call: &Call<'_>) -> String {
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
pub(crate) fn enveloped(id: &str, arm_type: ArmType, sent: &Map<String, Value>) -> Map<String, Value> {
    let mut body = Map::new();
    for (name, value) in sent {
        let empty = value.as_object().is_some_and(Map::is_empty);
        if name != "properties" && !(name == "tags" && empty) {
            body.insert(name.clone(), value.clone());
        }
    }
    body.insert("id".to_owned(), json!(id));
    body.insert("name".to_owned(), json!(super::path::last_segment(id)));
    body.insert("type".to_owned(), json!(arm_type.name()));
    body
}

/// A PATCH that changes nothing but tags.
fn tags(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    let sent = accepted_body(world, call)?;
    if let Some(object) = world.store.get(&call.key).cloned() {
        let mut whole = object.body.whole();
        if let Some(tags) = sent.get("tags") {
            whole.insert("tags".to_owned(), tags.clone());
        }
        let mut changed = super::store::Object::new(&object.id, object.arm_type, whole);
        changed.etag = object.etag;
        world.store.put(changed);
    }
    Ok(Response::bytes(200, world.store.view(&call.key).to_vec()))
}

/// What the end of an operation does.
pub(crate) fn take_effect(world: &mut World, effect: Effect) {
    match effect {
        Effect::Nothing => {}
        Effect::Settle(key) => settle(world, &key, "Succeeded"),
        Effect::Remove(key) => remove(world, &key),
        Effect::Put { id, arm_type, body } => {
            world.store.put(super::store::Object::new(&id, arm_type, body));
        }
        Effect::Server {
            key,
            envelope,
            properties,
        } => flexible_server::settle(world, &key, envelope, properties),
        Effect::Restarted(key) => flexible_server::restarted(world, &key),
        Effect::State { key, state } => flexible_server::set_state(world, &key, &state),
        Effect::Parameter {
            server,
            name,
            value,
            source,
        } => configuration::set(world, &server, &name, &value, &source),
        Effect::Register {
            subscription,
            namespace,
        } => {
            world
                .registrations
                .insert((subscription, namespace), Registration::Registered);
        }
    }
}

/// What the failed end of an operation leaves.
pub(crate) fn take_failure(world: &mut World, effect: Effect) {
    match effect {
        Effect::Settle(key) => settle(world, &key, "Failed"),
        Effect::Server { key, .. } => flexible_server::settle_failed(world, &key),
        Effect::Restarted(key) | Effect::State { key, .. } => flexible_server::set_state(world, &key, "Ready"),
        Effect::Remove(key) => undo_remove(world, &key),
        Effect::Nothing | Effect::Put { .. } | Effect::Parameter { .. } => {}
        Effect::Register {
            subscription,
            namespace,
        } => {
            world
                .registrations
                .insert((subscription, namespace), Registration::NotRegistered);
        }
    }
}

fn settle(world: &mut World, key: &Key, state: &str) {
    let arm_type = world.store.get(key).map(|object| object.arm_type);
    world.store.edit(key, |properties| {
        properties.insert("provisioningState".to_owned(), json!(state));
        if arm_type == Some(ArmType::VirtualNetworkLink) {
            properties.insert("virtualNetworkLinkState".to_owned(), json!("Completed"));
        }
    });
    match arm_type {
        Some(ArmType::Peering) if state == "Succeeded" => {
            peering::connect(world, key);
            virtual_network::bump_parent(world, key);
        }
        Some(ArmType::VirtualNetwork) => virtual_network::bump(world, key),
        Some(ArmType::Subnet | ArmType::Peering) => virtual_network::bump_parent(world, key),
        Some(_) | None => {}
    }
}

fn remove(world: &mut World, key: &Key) {
    let arm_type = world.store.get(key).map(|object| object.arm_type);
    let below = match arm_type {
        Some(
            ArmType::Subnet
            | ArmType::Peering
            | ArmType::VirtualNetworkLink
            | ArmType::FirewallRule
            | ArmType::Database,
        )
        | None => Vec::new(),
        Some(_) => world.store.descendants(key),
    };
    for each in below.iter().chain(std::iter::once(key)) {
        if world
            .store
            .get(each)
            .is_some_and(|object| object.arm_type == ArmType::Peering)
        {
            peering::disconnect(world, each);
        }
        world.active.remove(each);
        world.store.remove(each);
    }
    if matches!(arm_type, Some(ArmType::Subnet | ArmType::Peering)) {
        virtual_network::bump_parent(world, key);
    }
}

fn undo_remove(world: &mut World, key: &Key) {
    let arm_type = world.store.get(key).map(|object| object.arm_type);
    match arm_type {
        Some(ArmType::FlexibleServer) => flexible_server::set_state(world, key, "Ready"),
        Some(
            ArmType::VirtualNetwork
            | ArmType::Subnet
            | ArmType::Peering
            | ArmType::PrivateDnsZone
            | ArmType::VirtualNetworkLink,
        ) => {
            world.store.edit(key, |properties| {
                properties.insert("provisioningState".to_owned(), json!("Failed"));
            });
        }
        Some(_) | None => {}
    }
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

    #[test]
    fn skip_tokens_survive_a_link() {
        let text = "/subscriptions/s/a b/ü";
        assert_eq!(decode(&encoded(text)), text);
    }
}
