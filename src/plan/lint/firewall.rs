//! N002 and N003: a firewall rule does what its block says only on a server with public access, and a wide one lets in more
//! than anybody meant. What was not looked at is not judged.

use std::net::Ipv4Addr;

use serde_json::Value as Json;

use crate::arm::Body;
use crate::diagnostic::Severity;
use crate::diagnostic::code::{NO_FIREWALL, WIDE_RANGE};
use crate::kind::{Unit, firewall_rule, member};
use crate::plan::{Finding, Inputs};

/// More addresses than the largest network that was ever given to one owner.
const MANY: u32 = 1 << 24;

/// Runs the rule.
pub(super) fn run(inputs: &Inputs<'_>) -> Vec<Finding> {
    let rules = inputs
        .graph
        .iter()
        .filter(|declaration| declaration.kind.schema().kind == firewall_rule::NAME);
    rules
        .flat_map(|declaration| declaration.units())
        .flat_map(|unit| [no_firewall(inputs, unit), wide(unit)])
        .flatten()
        .collect()
}

/// The server of a rule keeps everybody out, whatever its rules say.
fn no_firewall(inputs: &Inputs<'_>, unit: &Unit) -> Option<Finding> {
    let server = unit.id.known()?.parent()?;
    let network = member(inputs.observed.object(&server)?, &["properties", "network"])?;
    let text = |name: &str| network.get(name).and_then(Json::as_str);
    let finding = |severity, summary, detail: &str| {
        Some(Finding {
            code: NO_FIREWALL,
            severity,
            summary,
            detail: Some(detail.to_owned()),
            remedy: None,
            address: Some(unit.address.resource.clone()),
        })
    };
    if text("delegatedSubnetResourceId").is_some() {
        return finding(
            Severity::Error,
            format!("{} takes no firewall rules: it stands in its own subnet", server.name()),
            "Azure refuses the rule. Who may connect is for the network to say: peerings, and the security rules of the \
             server's subnet.",
        );
    }
    let off = text("publicNetworkAccess").is_some_and(|access| access.eq_ignore_ascii_case("disabled"));
    if !off {
        return None;
    }
    finding(
        Severity::Warning,
        format!("the rule lets nobody in: public access to {} is off", server.name()),
        "The server is reached through private endpoints alone. Remove the rule, or turn public access on.",
    )
}

/// A range that nobody owns as a whole.
fn wide(unit: &Unit) -> Option<Finding> {
    let address = |path| {
        let Some(Body::Text(text)) = unit.body.get(path) else {
            return None;
        };
        text.parse::<Ipv4Addr>().ok()
    };
    let (start, end) = (address(firewall_rule::START)?, address(firewall_rule::END)?);
    let more = u32::from(end).saturating_sub(u32::from(start));
    (more >= MANY).then(|| Finding {
        code: WIDE_RANGE,
        severity: Severity::Warning,
        summary: format!("the rule lets in {:.0}% of all addresses", share(more)),
        detail: Some(format!(
            "From {start} to {end} anybody may try passwords. Name the addresses that connect, or use a private endpoint."
        )),
        remedy: None,
        address: Some(unit.address.resource.clone()),
    })
}

/// How much of all addresses a range is, in percent; at least one.
fn share(more: u32) -> f64 {
    (f64::from(more) / f64::from(u32::MAX) * 100.0).max(1.0)
}
