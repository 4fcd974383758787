//! Firewall rules of flexible servers. Never those of single servers, which are only read.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::flexible_server::{begin_child, parent_server, ready};
use super::{accepted_body, enveloped, new_id, properties_of};
use crate::simulator::arm_type::ArmType;
use crate::simulator::operation::Effect;
use crate::simulator::refusal::Refusal;
use crate::simulator::store::text;
use crate::simulator::world::{Answer, Call, World};

pub(super) fn put(world: &mut World, call: &Call<'_>) -> Answer {
    let server = parent_server(world, call)?;
    let body = accepted_body(world, call)?;
    let properties = properties_of(&body);
    range_is_valid(&Value::Object(properties.clone()))?;
    if text(&world.properties(&server), "/network/delegatedSubnetResourceId").is_some() {
        let message = "Firewall rule operations cannot be requested for a private access enabled server.";
        return Err(Refusal::bad_request("OperationNotAllowed", message));
    }
    ready(world, &server)?;
    let id = world
        .store
        .get(&call.key)
        .map_or_else(|| new_id(world, call), |rule| rule.id.clone());
    let mut whole = enveloped(&id, ArmType::FirewallRule, &body);
    whole.insert("properties".to_owned(), json!(properties));
    let effect = Effect::Put {
        id,
        arm_type: ArmType::FirewallRule,
        body: whole,
    };
    Ok(begin_child(
        world,
        call,
        server,
        "UpsertServerFirewallRulesManagementOperation",
        effect,
    ))
}

fn range_is_valid(properties: &Value) -> Result<(), Refusal> {
    let address = |member: &str| {
        let given = text(properties, member).unwrap_or_default();
        given.parse::<Ipv4Addr>().map_err(|_| {
            Refusal::bad_request("InvalidParameterValue", format!("'{given}' is not an IPv4 address."))
                .with_target(member)
        })
    };
    let (start, end) = (address("/startIpAddress")?, address("/endIpAddress")?);
    if start > end {
        let message = format!("The range {start} - {end} begins after its end.");
        return Err(Refusal::bad_request("InvalidParameterValue", message));
    }
    Ok(())
}
