//! `dns_link`: links of a private DNS zone to networks, one unit per network.

use std::collections::BTreeSet;
use std::time::Duration;

use super::schema::{Argument, ArgumentType, Effect, Export, ExportFrom, Fields, Schema, Term};
use super::{Body, BodyField, Compare, Conduct, Context, Draft, Expansion, Kind, Linked, Thing, Touch, Unit};
use crate::arm::ArmId;
use crate::diagnostic::code::{CONFLICT, NOT_KNOWN};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its objects.
pub const ARM_TYPE: &str = "Microsoft.Network/privateDnsZones/virtualNetworkLinks";

/// Links take 30 to 60 seconds (contract 12).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The kind.
pub struct DnsLink;

static SCHEMA: Schema = Schema {
    kind: "dns_link",
    summary: "Links of a private DNS zone to virtual networks.",
    doc: "Each linked network resolves the zone's names. A link is told from others by its network, since a network can be \
          linked to a zone only once: a link that somebody else made under another name is adopted.",
    example: "dns_link \"endpoint\" {\n  zone     = dns_zone.endpoint.id\n  networks = [network.runtime, network.target]\n}\n",
    arguments: &[
        Argument::required(
            "zone",
            ArgumentType::Object(&["dns_zone"], super::dns_zone::ARM_TYPE),
            "The zone: a `dns_zone`, or the ARM id of one.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "networks",
            ArgumentType::References(&["network"]),
            "Networks that shall resolve the zone's names.",
        )
        .on_change(Effect::InPlace),
    ],
    common: &[],
    sections: &[],
    exports: &[Export {
        name: "id",
        doc: "ARM id of the first link.",
        from: ExportFrom::Id,
    }],
};

/// What tells one link of a zone from another.
const NETWORK: &[&str] = &["properties", "virtualNetwork", "id"];

static THING: Thing = Thing {
    fields: &[
        BodyField::create_only("location", &["location"]),
        BodyField::replaces("network_id", NETWORK, Compare::Folded),
        BodyField::in_place(
            "registration_enabled",
            &["properties", "registrationEnabled"],
            Compare::Exact,
        ),
        super::tags::FIELD,
    ],
    identity: Some(NETWORK),
    // Tags of others, and a setting that pgferry does not manage.
    preserve: &[super::tags::PATH, &["properties", "resolutionPolicy"]],
    dead: None,
    behind: None,
    patience: PATIENCE,
};

impl Kind for DnsLink {
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
            path: NETWORK,
            action: "Microsoft.Network/virtualNetworks/join/action",
            contract: "9",
        }]
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let Some(zone) = cx.object(fields, "zone")? else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let mut names = BTreeSet::new();
        let mut units = Vec::new();
        for network in fields.top().references("networks").unwrap_or_default() {
            let Term::Known(vnet) = cx.id_of(network)? else {
                return Err(Diagnostic::error(NOT_KNOWN, "value not known while planning")
                    .at(
                        fields.top().span("networks"),
                        format!("the id of `{network}` must be known while planning"),
                    )
                    .about(fields.owner())
                    .into());
            };
            let name = super::name::link(vnet.name());
            if !names.insert(name.to_lowercase()) {
                return Err(Diagnostic::error(CONFLICT, "two links of one name")
                    .at(
                        fields.top().span("networks"),
                        format!("two of these networks are called `{}`", vnet.name()),
                    )
                    .detail("A link is named after its network, and a zone holds a name only once.")
                    .hint("link the second one from another `dns_link` block in its own zone, or list it once")
                    .about(fields.owner())
                    .into());
            }
            let mut unit = unit(fields, network, &zone, &name, &vnet);
            super::tags::set(&mut unit.body, cx, None);
            units.push(unit);
        }
        Ok(Expansion::Units(units))
    }
}

fn unit(fields: &Fields<'_>, network: &crate::address::Address, zone: &Term<ArmId>, name: &str, vnet: &ArmId) -> Unit {
    let part = match network.key() {
        Some(key) => format!("{}[{key}]", network.label()),
        None => network.label().to_string(),
    };
    let zone_name = zone.known().map_or("its zone", |zone| zone.name());
    Unit {
        address: fields.owner().part(part),
        id: super::child(zone, "virtualNetworkLinks", name),
        body: Body::<Draft>::object([
            ("location", Body::text("global")),
            (
                "properties",
                Body::object([
                    ("virtualNetwork", Body::object([("id", Body::text(vnet.as_str()))])),
                    ("registrationEnabled", Body::Bool(false)),
                ]),
            ),
        ]),
        touches: vec![Touch {
            id: vnet.clone(),
            because: format!("{} resolves {zone_name} through it", vnet.name()),
        }],
        scopes: zone.known().cloned().into_iter().collect(),
    }
}
