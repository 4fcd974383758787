//! `network`: an existing virtual network. It is read for checks and references, and never changed.

use super::schema::{Argument, ArgumentType, Export, ExportFrom, Fields, PLACE, Schema};
use super::{Conduct, Context, Expansion, Kind, Unit};
use crate::diagnostic::Diagnostics;

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.Network/virtualNetworks";

/// The kind.
pub struct Network;

static SCHEMA: Schema = Schema {
    kind: "network",
    summary: "An existing virtual network.",
    doc: "Networks are only read: their address space, subnets and DNS servers take part in checks, and other blocks refer \
          to them. A network is named by its `vnet_id`, or by `name` within its resource group.",
    example: "network \"hub\" {\n  name = \"vnet-hub\"\n}\n",
    arguments: &[
        Argument::optional("vnet_id", ArgumentType::Id(ARM_TYPE), "ARM id of the virtual network."),
        Argument::optional(
            "name",
            ArgumentType::Text,
            "Name of the virtual network in its resource group.",
        ),
    ],
    common: PLACE,
    sections: &[],
    exports: &[
        Export {
            name: "id",
            doc: "ARM id.",
            from: ExportFrom::Id,
        },
        Export {
            name: "address_space",
            doc: "Address prefixes.",
            from: ExportFrom::Object(&["properties", "addressSpace", "addressPrefixes"]),
        },
    ],
};

impl Kind for Network {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::ReadOnly
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(ARM_TYPE)
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let id = super::existing(fields, cx, "vnet_id", ARM_TYPE, "network")?;
        let unit = Unit::read_only(fields.owner().unit(), id);
        Ok(Expansion::Units(vec![unit]))
    }
}
