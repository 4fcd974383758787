//! `runtime_server`: the flexible server that Azure runs the migration from. It must exist; it is read and never changed.

use super::schema::{Argument, ArgumentType, Fields, PLACE, Schema};
use super::{Conduct, Context, Expansion, Kind, server};
use crate::diagnostic::Diagnostics;

/// The kind.
pub struct RuntimeServer;

static SCHEMA: Schema = Schema {
    kind: "runtime_server",
    summary: "The flexible server that Azure runs the migration from.",
    doc: "Needed when source and target are both reached by private address only. It stands in its own delegated subnet, is \
          at least as large as the target, needs neither high availability nor backups, and can be deleted afterwards.",
    example: "runtime_server \"shared\" {\n  name    = \"pg-runtime\"\n  network = network.runtime\n}\n",
    arguments: &[
        server::NAME,
        server::SERVER_ID,
        Argument::required(
            "network",
            ArgumentType::Reference(&["network"]),
            "The network its subnet belongs to.",
        ),
    ],
    common: PLACE,
    sections: &[],
    exports: server::EXPORTS,
};

impl Kind for RuntimeServer {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::ReadOnly
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(server::ARM_TYPE)
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        server::expand(fields, cx)
    }
}
