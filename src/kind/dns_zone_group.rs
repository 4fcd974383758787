//! `dns_zone_group`: the zones in which a private endpoint writes the name of its server. The service writes the records; this
//! never does.

use std::time::Duration;

use super::schema::{Argument, ArgumentType, Effect, Export, ExportFrom, Fields, Schema, Term};
use super::{
    Body, BodyField, Compare, Conduct, Context, Draft, Expansion, Kind, Linked, Thing, Touch, Unit, name,
    private_endpoint,
};
use crate::address::Address;
use crate::arm::ArmId;
use crate::diagnostic::code::{CONFLICT, NOT_ALLOWED, NOT_KNOWN};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups";

/// The name that portals and templates give.
const USUAL_NAME: &str = "default";

/// A group takes about a minute (contract 12).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// Where the zones stand in a body.
const CONFIGS: &[&str] = &["properties", "privateDnsZoneConfigs"];

/// The kind.
pub struct DnsZoneGroup;

static SCHEMA: Schema = Schema {
    kind: "dns_zone_group",
    summary: "The zones in which a private endpoint writes the name of its server.",
    doc: "The service writes an A record of the server into each zone, and takes it away with the group. Who is to find the server \
          by its name needs a link of its network to one of these zones: `dns_link`. An endpoint has one group.",
    example: "private_endpoint \"erp\" {\n  server  = target.erp\n  network = network.target\n  subnet  = \"snet-endpoints\"\n}\n\n\
              dns_zone \"endpoint\" {\n  name = \"privatelink.postgres.database.azure.com\"\n}\n\ndns_zone_group \"erp\" {\n  \
              endpoint = private_endpoint.erp\n  zones    = [dns_zone.endpoint]\n}\n",
    arguments: &[
        Argument::required(
            "endpoint",
            ArgumentType::Reference(&[private_endpoint::NAME]),
            "The endpoint.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "zones",
            ArgumentType::References(&["dns_zone"]),
            "Zones that get a record of the server.",
        )
        .on_change(Effect::InPlace),
        Argument::default("name", ArgumentType::Text, USUAL_NAME, "Name of the group.").on_change(Effect::Replaces),
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
    fields: &[BodyField::in_place("zones", CONFIGS, Compare::Contained)],
    identity: None,
    preserve: &[],
    dead: None,
    behind: None,
    patience: PATIENCE,
};

impl Kind for DnsZoneGroup {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::Thing(&THING)
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(ARM_TYPE)
    }

    fn linked(&self) -> &'static [Linked] {
        &[Linked {
            path: CONFIGS,
            action: "Microsoft.Network/privateDnsZones/join/action",
            contract: "9",
        }]
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let top = fields.top();
        let Some(address) = top.reference("endpoint") else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let refuse = |code, summary: &'static str, argument: &str, text: String| {
            Diagnostics::from(
                Diagnostic::error(code, summary)
                    .at(top.span(argument), text)
                    .about(fields.owner()),
            )
        };
        let unknown = |argument: &str, what: &str| {
            let text = format!("the id of {what} must be known while planning");
            refuse(NOT_KNOWN, "value not known while planning", argument, text)
        };
        let Term::Known(endpoint) = cx.id_of(address)? else {
            return Err(unknown("endpoint", "this endpoint"));
        };
        let name = top.text("name").unwrap_or(USUAL_NAME);
        name::check(ARM_TYPE, name, fields, "name")?;
        let mut zones: Vec<ArmId> = Vec::new();
        for zone in top.references("zones").unwrap_or_default() {
            let Term::Known(id) = cx.id_of(zone)? else {
                return Err(unknown("zones", &format!("`{zone}`")));
            };
            if zones.iter().any(|other| config_name(other) == config_name(&id)) {
                let text = format!("two of these zones are called `{}`", id.name());
                return Err(refuse(CONFLICT, "two zones of one name", "zones", text));
            }
            zones.push(id);
        }
        if zones.is_empty() {
            let text = "a group needs a zone".to_owned();
            return Err(refuse(NOT_ALLOWED, "value not allowed", "zones", text));
        }
        let unit = Unit {
            address: fields.owner().unit(),
            id: Term::Known(endpoint.child("privateDnsZoneGroups", name)),
            body: body(&zones),
            touches: touches(address, cx)?,
            // The endpoint is written with it, and so is every zone (contract 12).
            scopes: std::iter::once(endpoint).chain(zones).collect(),
        };
        Ok(Expansion::Units(vec![unit]))
    }
}

fn body(zones: &[ArmId]) -> Body<Draft> {
    let configs = zones.iter().map(|zone| {
        Body::object([
            ("name", Body::text(config_name(zone))),
            (
                "properties",
                Body::object([("privateDnsZoneId", Body::text(zone.as_str()))]),
            ),
        ])
    });
    Body::object([(
        "properties",
        Body::object([("privateDnsZoneConfigs", Body::List(configs.collect()))]),
    )])
}

/// What a zone is called within a group: a name takes no dots there.
fn config_name(zone: &ArmId) -> String {
    zone.name().to_lowercase().replace('.', "-")
}

/// Both ends of the endpoint: whoever passes by one of them needs the name.
fn touches(endpoint: &Address, cx: &Context<'_>) -> Result<Vec<Touch>, Diagnostics> {
    let schema = private_endpoint::PrivateEndpoint.schema();
    let fields = schema.read(cx.block(endpoint)?)?;
    let ends = private_endpoint::ends(&fields, cx)?;
    Ok(ends.map_or_else(Vec::new, |ends| {
        ends.touches(|server, network| format!("{server} is found by its name in {network} through it"))
    }))
}
