//! `dns_zone`: a private DNS zone.

use std::time::Duration;

use super::schema::{Argument, ArgumentType, Effect, Export, ExportFrom, Fields, PLACE, Schema, Term};
use super::{Body, BodyField, Conduct, Context, Expansion, Kind, Placement, Thing, Unit};
use crate::diagnostic::Diagnostics;

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.Network/privateDnsZones";

/// Zones take 30 to 60 seconds (contract 12).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The kind.
pub struct DnsZone;

static SCHEMA: Schema = Schema {
    kind: "dns_zone",
    summary: "A private DNS zone.",
    doc: "Private endpoints of PostgreSQL servers are found through `privatelink.postgres.database.azure.com`. A network can \
          be linked to only one zone of a name.",
    example: "dns_zone \"endpoint\" {\n  name = \"privatelink.postgres.database.azure.com\"\n}\n",
    arguments: &[
        Argument::required("name", ArgumentType::Text, "Name of the zone.").on_change(Effect::Replaces),
        Argument::optional("tags", ArgumentType::Map, "Tags, on top of the `azure` block's.")
            .on_change(Effect::InPlace),
    ],
    common: PLACE,
    sections: &[],
    exports: &[Export {
        name: "id",
        doc: "ARM id.",
        from: ExportFrom::Id,
    }],
};

static THING: Thing = Thing {
    fields: &[BodyField::create_only("location", &["location"]), super::tags::FIELD],
    identity: None,
    preserve: &[super::tags::PATH],
    dead: None,
    behind: None,
    patience: PATIENCE,
};

impl Kind for DnsZone {
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
        let name = fields.top().text("name").unwrap_or_default();
        let id = Placement::of(fields, cx).object(ARM_TYPE, "name", name)?;
        let mut body = Body::object([("location", Body::text("global"))]);
        super::tags::set(&mut body, cx, super::tags::own(fields, cx)?);
        let unit = Unit {
            address: fields.owner().unit(),
            id: Term::Known(id.clone()),
            body,
            touches: Vec::new(),
            scopes: vec![id],
        };
        Ok(Expansion::Units(vec![unit]))
    }
}
