//! What `target` and `runtime_server` have in common: an existing flexible server, read and never changed.

use super::schema::{Argument, ArgumentType, Export, ExportFrom, Fields, Term};
use super::{Context, Expansion, Unit};
use crate::arm::ArmId;
use crate::diagnostic::Diagnostics;

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
    super::existing(fields, cx, "server_id", ARM_TYPE, "server")
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
