//! `security_group`: an existing network security group. It is read for its rules and for what it guards, and never changed
//! itself.

use super::schema::{Argument, ArgumentType, Export, ExportFrom, Fields, PLACE, Schema};
use super::{Conduct, Context, Expansion, Kind, Unit};
use crate::diagnostic::Diagnostics;

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.Network/networkSecurityGroups";

/// The attribute that tells what a group guards.
pub const SUBNETS: &str = "subnets";

/// The kind.
pub struct SecurityGroup;

static SCHEMA: Schema = Schema {
    kind: "security_group",
    summary: "An existing network security group.",
    doc: "Groups are only read: `security_rule` adds rules to them, and what they guard tells which batches wait for a rule. A \
          group is named by its `group_id`, or by `name` within its resource group.",
    example: "security_group \"target\" {\n  name = \"nsg-target\"\n}\n",
    arguments: &[
        Argument::optional(
            "group_id",
            ArgumentType::Id(ARM_TYPE),
            "ARM id of the network security group.",
        ),
        Argument::optional(
            "name",
            ArgumentType::Text,
            "Name of the network security group in its resource group.",
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
            name: SUBNETS,
            doc: "Subnets that it guards, each an object with an `id`.",
            from: ExportFrom::Object(&["properties", "subnets"]),
        },
    ],
};

impl Kind for SecurityGroup {
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
        let id = super::existing(fields, cx, "group_id", ARM_TYPE, "security group")?;
        let unit = Unit::read_only(fields.owner().unit(), id);
        Ok(Expansion::Units(vec![unit]))
    }
}
