//! The resource providers: one file per type. This one finds who answers. Never what a single type means.

mod admission;
pub(crate) mod authorization;
pub(crate) mod configuration;
pub(crate) mod database;
pub(crate) mod dns_zone_group;
mod effect;
pub(crate) mod firewall_rule;
pub(crate) mod flexible_server;
mod listing;
pub(crate) mod migration;
pub(crate) mod peering;
pub(crate) mod postgres_service;
pub(crate) mod private_dns;
pub(crate) mod private_endpoint;
pub(crate) mod resource_group;
pub(crate) mod security_rule;
pub(crate) mod subnet;
pub(crate) mod subscription;
pub(crate) mod virtual_network;

use super::arm_type::ArmType;
use super::message::{Method, Request, Response};
use super::operation;
use super::path::{Route, Target};
use super::refusal::Refusal;
use super::world::{Answer, Call, Mishaps, World};
use admission::{
    accepted_body, admit_write, enveloped, group_exists, invalid, known_version, missing, new_id, permitted,
    properties_of, visible,
};
pub(crate) use effect::{take_effect, take_failure};
use listing::{members, page, page_of};

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
        Route::ResourceGroups(subscription) => resource_group::list(world, request, &version, &subscription),
        Route::ResourceGroup(id) => resource_group::one(world, request, &version, &id),
        Route::Resources(scope) => resource_group::resources(world, request, &version, &scope),
        Route::Tenants => subscription::tenants(world, request, &version),
        Route::Subscriptions => subscription::list(world, request, &version),
        Route::Subscription(id) => subscription::read(world, request, &version, &id),
        Route::Locations(id) => subscription::locations(request, &version, &id),
        Route::Providers(id) => subscription::providers(world, request, &version, &id),
        Route::Provider {
            subscription,
            namespace,
        } => subscription::provider(world, request, &version, &subscription, &namespace),
        Route::Register {
            subscription,
            namespace,
        } => subscription::register(world, request, &version, &subscription, &namespace),
        Route::Entra(_) | Route::Unknown => Err(nothing_at(request)),
    }
}

/// Refuses whatever is no plain read.
fn only_read(request: &Request) -> Result<(), Refusal> {
    match request.method {
        Method::Get | Method::Head => Ok(()),
        Method::Put | Method::Patch | Method::Post | Method::Delete => Err(Refusal::method_not_allowed(&request.path)),
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

/// Who answers which verb for a type.
struct Verbs {
    read: Handler,
    list: Handler,
    put: Handler,
    patch: Handler,
    delete: Handler,
}

type Handler = fn(&mut World, &Call<'_>) -> Answer;

/// What can only be read.
const READ_ONLY: Verbs = Verbs {
    read: stored,
    list: list_stored,
    put: refuse,
    patch: refuse,
    delete: refuse,
};

fn refuse(_: &mut World, call: &Call<'_>) -> Answer {
    Err(Refusal::method_not_allowed(&call.target.type_name()))
}

fn verbs(arm_type: ArmType) -> Verbs {
    match arm_type {
        ArmType::VirtualNetwork => Verbs {
            put: virtual_network::put,
            patch: virtual_network::patch,
            delete: virtual_network::delete,
            ..READ_ONLY
        },
        ArmType::Subnet => Verbs {
            put: subnet::put,
            delete: subnet::delete,
            ..READ_ONLY
        },
        ArmType::Peering => Verbs {
            put: peering::put,
            delete: peering::delete,
            ..READ_ONLY
        },
        ArmType::PrivateDnsZone => Verbs {
            put: private_dns::put_zone,
            patch: private_dns::patch,
            delete: private_dns::delete_zone,
            ..READ_ONLY
        },
        ArmType::VirtualNetworkLink => Verbs {
            put: private_dns::put_link,
            patch: private_dns::patch,
            delete: private_dns::delete_link,
            ..READ_ONLY
        },
        ArmType::PrivateEndpoint => Verbs {
            put: private_endpoint::put,
            delete: private_endpoint::delete,
            ..READ_ONLY
        },
        ArmType::PrivateDnsZoneGroup => Verbs {
            put: dns_zone_group::put,
            delete: dns_zone_group::delete,
            ..READ_ONLY
        },
        ArmType::SecurityRule => Verbs {
            put: security_rule::put,
            delete: security_rule::delete,
            ..READ_ONLY
        },
        ArmType::FlexibleServer => Verbs {
            put: flexible_server::put,
            patch: flexible_server::patch,
            delete: flexible_server::delete,
            ..READ_ONLY
        },
        ArmType::FirewallRule => Verbs {
            put: firewall_rule::put,
            delete: flexible_server::delete_child,
            ..READ_ONLY
        },
        ArmType::Database => Verbs {
            read: database::read,
            list: database::list,
            put: database::put,
            delete: flexible_server::delete_child,
            ..READ_ONLY
        },
        ArmType::Configuration => Verbs {
            read: configuration::read,
            list: configuration::list,
            put: configuration::write,
            patch: configuration::write,
            ..READ_ONLY
        },
        ArmType::Migration => Verbs {
            read: migration::read,
            list: migration::list,
            put: migration::put,
            patch: migration::patch,
            delete: migration::delete,
        },
        ArmType::RoleAssignment => Verbs {
            list: authorization::list_assignments,
            ..READ_ONLY
        },
        ArmType::RoleDefinition => Verbs {
            read: authorization::role_definition,
            list: authorization::list_definitions,
            ..READ_ONLY
        },
        ArmType::Lock => Verbs {
            list: authorization::list_locks,
            ..READ_ONLY
        },
        ArmType::Other => Verbs {
            list: authorization::list_permissions_or_stored,
            ..READ_ONLY
        },
        ArmType::ResourceGroup
        | ArmType::NetworkSecurityGroup
        | ArmType::RecordSetA
        | ArmType::PrivateEndpointConnection
        | ArmType::SingleServer
        | ArmType::SingleServerFirewallRule
        | ArmType::SingleServerNetworkRule
        | ArmType::SingleServerConfiguration
        | ArmType::SingleServerDatabase => READ_ONLY,
    }
}

fn item(world: &mut World, call: &Call<'_>) -> Answer {
    group_exists(world, &call.target.scope)?;
    let verbs = verbs(call.arm_type);
    let (right, handler) = match call.request.method {
        Method::Get | Method::Head => ("read", verbs.read),
        Method::Put => ("write", verbs.put),
        Method::Patch => ("write", verbs.patch),
        Method::Delete => ("delete", verbs.delete),
        Method::Post => return refuse(world, call),
    };
    permitted(world, call, right)?;
    if right != "read" {
        admit_write(world, call)?;
    }
    handler(world, call)
}

/// A stored object as it is.
fn stored(world: &mut World, call: &Call<'_>) -> Answer {
    visible(world, call)?;
    let response = Response::bytes(200, world.store.view(&call.key).to_vec());
    Ok(match world.store.etag(&call.key) {
        Some(etag) => response.with_header("ETag", format!("W/\"{etag}\"")),
        None => response,
    })
}

/// The stored objects of a collection.
fn list_stored(world: &mut World, call: &Call<'_>) -> Answer {
    let keys = members(world, call);
    page(world, call, keys)
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
        (_, other) => Err(Refusal::method_not_allowed(&format!(
            "{}/{other}",
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
    only_read(call.request)?;
    permitted(world, call, "read")?;
    group_exists(world, &call.target.scope)?;
    if let Some(parent) = call.target.parent() {
        let parent_missing = !world.store.contains(&parent.key());
        if parent_missing && parent.arm_type() != ArmType::Other {
            return Err(missing(world, call));
        }
    }
    (verbs(call.arm_type).list)(world, call)
}
