//! What `target` and `runtime_server` have in common: an existing flexible server, read and never changed.

use super::schema::{Argument, ArgumentType, Export, ExportFrom, Fields, PLACE, Term};
use super::{Context, Expansion, Placement, Unit};
use crate::arm::ArmId;
use crate::diagnostic::code::{CONFLICT, MISSING_ARGUMENT};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

/// Naming a server.
pub const SERVER_ID: Argument = Argument::optional(
    "server_id",
    ArgumentType::Id(ARM_TYPE),
    "ARM id of the flexible server, instead of `name`.",
);

/// Naming a server within its group.
pub const NAME: Argument = Argument::optional(
    "name",
    ArgumentType::Text,
    "Name of the flexible server in its resource group.",
);

/// What Azure tells of a server.
pub const EXPORTS: &[Export] = &[
    Export {
        name: "id",
        doc: "ARM id.",
        from: ExportFrom::Id,
    },
    Export {
        name: "fqdn",
        doc: "Host name of the server.",
        from: ExportFrom::Object(&["properties", "fullyQualifiedDomainName"]),
    },
    Export {
        name: "version",
        doc: "Major version of PostgreSQL.",
        from: ExportFrom::Object(&["properties", "version"]),
    },
    Export {
        name: "region",
        doc: "Region, as Azure spells it.",
        from: ExportFrom::Object(&["location"]),
    },
    Export {
        name: "private_dns_zone_id",
        doc: "ARM id of the private DNS zone of a server in its own subnet.",
        from: ExportFrom::Object(&["properties", "network", "privateDnsZoneArmResourceId"]),
    },
];

/// The server's id, from `server_id` or from `name`.
pub fn id(fields: &Fields<'_>, cx: &Context<'_>) -> Result<Term<ArmId>, Diagnostics> {
    match (fields.top().id("server_id"), fields.top().text("name")) {
        (Some(id), None) => {
            super::named_by_id(fields, "server_id", PLACE)?;
            Ok(id.clone())
        }
        (None, Some(name)) => Ok(Term::Known(Placement::of(fields, cx).object(ARM_TYPE, "name", name)?)),
        (Some(_), Some(_)) => Err(Diagnostic::error(CONFLICT, "arguments that do not go together")
            .at(fields.top().span("name"), "`server_id` already names the server")
            .about(fields.owner())
            .into()),
        (None, None) => Err(Diagnostic::error(MISSING_ARGUMENT, "missing argument")
            .at(fields.header(), "a server needs `name` or `server_id`")
            .about(fields.owner())
            .into()),
    }
}

/// The one unit of an existing server.
pub fn expand(fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
    let unit = Unit::read_only(fields.owner().unit(), id(fields, cx)?);
    Ok(Expansion::Units(vec![unit]))
}

/// The host name that Azure gives to a server of its own.
pub fn host_name(id: &ArmId, cx: &Context<'_>) -> String {
    format!("{}.postgres.{}", id.name(), cx.defaults.cloud.database_suffix())
}
