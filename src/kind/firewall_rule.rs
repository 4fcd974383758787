//! `firewall_rule`: a range of addresses that may connect to a flexible server with public access. It never asks whether the
//! server has public access; the plan does, once the server was looked at.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::schema::{Argument, ArgumentType, Effect, Export, ExportFrom, Fields, Schema};
use super::{Body, BodyField, Compare, Conduct, Context, Draft, Expansion, Kind, Thing, Touch, Unit, name, server};
use crate::diagnostic::code::NOT_ALLOWED;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules";

/// The kind's name.
pub const NAME: &str = "firewall_rule";

/// Where the first address sits.
pub const START: &[&str] = &["properties", "startIpAddress"];

/// Where the last address sits.
pub const END: &[&str] = &["properties", "endIpAddress"];

/// A child of a server takes seconds, and waits for whatever else is written to the server (contract 12).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The kind.
pub struct FirewallRule;

static SCHEMA: Schema = Schema {
    kind: NAME,
    summary: "A range of addresses that may connect to a flexible server with public access.",
    doc: "Addresses are IPv4. `0.0.0.0` alone stands for whatever runs in Azure, the virtual machines of other customers \
          too. A server in its own subnet takes no rules, and while public access is off they let nobody in. Batches that \
          move to or through the server wait for its rules.",
    example: "firewall_rule \"office\" {\n  server           = target.erp\n  start_ip_address = \"203.0.113.16\"\n  \
              end_ip_address   = \"203.0.113.31\"\n}\n",
    arguments: &[
        Argument::required(
            "server",
            ArgumentType::Object(&["target", "runtime_server"], server::ARM_TYPE),
            "The flexible server.",
        )
        .on_change(Effect::Replaces),
        Argument::default(
            "name",
            ArgumentType::Text,
            "the block's label, with `-KEY` where `for_each` gives one",
            "Name of the rule.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "start_ip_address",
            ArgumentType::Text,
            "The first address of the range.",
        )
        .on_change(Effect::InPlace),
        Argument::default(
            "end_ip_address",
            ArgumentType::Text,
            "the first address",
            "The last address of the range.",
        )
        .on_change(Effect::InPlace),
    ],
    common: &[],
    sections: &[],
    exports: &[Export {
        name: "id",
        doc: "ARM id.",
        from: ExportFrom::Id,
    }],
};

static THING: Thing = Thing {
    fields: &[
        BodyField::in_place("start_ip_address", START, Compare::Exact),
        BodyField::in_place("end_ip_address", END, Compare::Exact),
    ],
    identity: None,
    preserve: &[],
    dead: None,
    behind: None,
    patience: PATIENCE,
};

impl Kind for FirewallRule {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::Thing(&THING)
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(ARM_TYPE)
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let Some(server) = cx.object(fields, "server")? else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let default = name::of_block(fields.owner());
        let name = fields.top().text("name").unwrap_or(&default);
        name::check(ARM_TYPE, name, fields, "name")?;
        let (start, end) = range(fields)?;
        let properties = Body::object([
            ("startIpAddress", Body::text(start.to_string())),
            ("endIpAddress", Body::text(end.to_string())),
        ]);
        let touches = server.known().map(|id| Touch {
            id: id.clone(),
            because: format!("it opens the firewall of {}", id.name()),
        });
        let unit = Unit {
            address: fields.owner().unit(),
            id: super::child(&server, "firewallRules", name),
            body: Body::<Draft>::object([("properties", properties)]),
            touches: touches.into_iter().collect(),
            // A server takes one write at a time, those of its children among them (contract 12).
            scopes: server.known().cloned().into_iter().collect(),
        };
        Ok(Expansion::Units(vec![unit]))
    }
}

/// The first and the last address.
fn range(fields: &Fields<'_>) -> Result<(Ipv4Addr, Ipv4Addr), Diagnostics> {
    let mut found = Diagnostics::new();
    let start = found.absorb(address(fields, "start_ip_address"));
    let end = match fields.top().has("end_ip_address") {
        true => found.absorb(address(fields, "end_ip_address")),
        false => start,
    };
    match (start, end) {
        (Some(start), Some(end)) if start > end => {
            Err(Diagnostic::error(NOT_ALLOWED, "range that ends before it begins")
                .at(
                    fields.top().span("end_ip_address"),
                    format!("this comes before {start}, where the range begins"),
                )
                .hint("exchange `start_ip_address` and `end_ip_address`")
                .about(fields.owner())
                .into())
        }
        (Some(start), Some(end)) => Ok((start, end)),
        (None, _) | (_, None) => Err(found),
    }
}

/// One address.
fn address(fields: &Fields<'_>, argument: &str) -> Result<Ipv4Addr, Diagnostics> {
    let text = fields.top().text(argument).unwrap_or_default();
    text.parse::<Ipv4Addr>().map_err(|_| {
        let refused = Diagnostic::error(NOT_ALLOWED, "value not allowed")
            .at(
                fields.top().span(argument),
                "expected an IPv4 address such as `203.0.113.7`",
            )
            .about(fields.owner());
        let range = text
            .split_once('/')
            .is_some_and(|(host, _)| host.parse::<Ipv4Addr>().is_ok());
        match range {
            true => refused.hint(format!(
                "a rule takes no prefix: for the addresses of a network, write `start_ip_address = \
                 cidrhost(\"{text}\", 0)` and `end_ip_address = cidrhost(\"{text}\", -1)`"
            )),
            false => refused.detail("The firewall of a server knows neither host names nor IPv6."),
        }
        .into()
    })
}
