//! N005: a private endpoint needs a server that takes one and a subnet that has room for it, and is of use once the server has
//! approved it. What was not looked at is not judged.

use serde_json::Value as Json;

use crate::arm::ArmId;
use crate::diagnostic::Severity;
use crate::diagnostic::code::NO_ENDPOINT;
use crate::kind::{Unit, member, private_endpoint};
use crate::plan::{Finding, Inputs};

/// Runs the rule.
pub(super) fn run(inputs: &Inputs<'_>) -> Vec<Finding> {
    let endpoints = inputs
        .graph
        .iter()
        .filter(|declaration| declaration.kind.schema().kind == private_endpoint::NAME);
    endpoints
        .flat_map(|declaration| declaration.units())
        .flat_map(|unit| [server(inputs, unit), subnet(inputs, unit), approval(inputs, unit)])
        .flatten()
        .collect()
}

fn id_at(unit: &Unit, pointer: &str) -> Option<ArmId> {
    unit.body.to_shown().pointer(pointer)?.as_str()?.parse().ok()
}

fn finding(unit: &Unit, severity: Severity, summary: String, detail: &str) -> Finding {
    Finding {
        code: NO_ENDPOINT,
        severity,
        summary,
        detail: Some(detail.to_owned()),
        remedy: None,
        address: Some(unit.address.resource.clone()),
    }
}

/// A server in its own subnet takes no endpoint.
fn server(inputs: &Inputs<'_>, unit: &Unit) -> Option<Finding> {
    let server = id_at(
        unit,
        "/properties/privateLinkServiceConnections/0/properties/privateLinkServiceId",
    )?;
    member(
        inputs.observed.object(&server)?,
        &["properties", "network", "delegatedSubnetResourceId"],
    )?;
    Some(finding(
        unit,
        Severity::Error,
        format!(
            "{} takes no private endpoint: it stands in its own subnet",
            server.name()
        ),
        "Azure refuses the endpoint. The server is reached from its own network and from those peered with it.",
    ))
}

/// The subnet is there, and nobody else's.
fn subnet(inputs: &Inputs<'_>, unit: &Unit) -> Option<Finding> {
    let subnet = id_at(unit, "/properties/subnet/id")?;
    let network = subnet.parent()?;
    let subnets = member(inputs.observed.object(&network)?, &["properties", "subnets"])?.as_array()?;
    let named = |object: &&Json| {
        let name = object.get("name").and_then(Json::as_str);
        name.is_some_and(|name| name.eq_ignore_ascii_case(subnet.name()))
    };
    let Some(object) = subnets.iter().find(named) else {
        let names: Vec<&str> = subnets.iter().filter_map(|each| each.get("name")?.as_str()).collect();
        return Some(finding(
            unit,
            Severity::Error,
            format!("{} has no subnet `{}`", network.name(), subnet.name()),
            &match names.as_slice() {
                [] => "It has none at all.".to_owned(),
                names => format!("Its subnets are {}.", names.join(", ")),
            },
        ));
    };
    let service = object
        .pointer("/properties/delegations/0/properties/serviceName")?
        .as_str()?;
    Some(finding(
        unit,
        Severity::Error,
        format!("the subnet `{}` is delegated to {service}", subnet.name()),
        "A subnet that is delegated to a service holds nothing else. Name another one.",
    ))
}

/// The server's side lets the endpoint in.
fn approval(inputs: &Inputs<'_>, unit: &Unit) -> Option<Finding> {
    let object = inputs.observed.object(unit.id.known()?)?;
    let state =
        object.pointer("/properties/privateLinkServiceConnections/0/properties/privateLinkServiceConnectionState")?;
    let status = state
        .get("status")?
        .as_str()
        .filter(|status| !status.eq_ignore_ascii_case("approved"))?;
    Some(finding(
        unit,
        Severity::Warning,
        format!("the endpoint carries nothing yet: its connection is `{status}`"),
        "Approve it among the private endpoint connections of the server. One that was rejected or lost its server has to be \
         made anew: `pgferry apply --replace ADDR`.",
    ))
}
