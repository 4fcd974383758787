//! `target`: the flexible server that databases enter. It must exist; it is read and never changed.

use super::connect::{self, Described, Server};
use super::schema::{Argument, ArgumentType, Fields, PLACE, Schema};
use super::{Conduct, Context, Expansion, Kind, server};
use crate::database::{End, SslMode};
use crate::diagnostic::Diagnostics;

/// The kind.
pub struct Target;

static SCHEMA: Schema = Schema {
    kind: "target",
    summary: "The flexible server that databases enter.",
    doc: "The server must exist. A migration belongs to its target: one is active at a time, and the names of past ones \
          stay taken.",
    example: "target \"erp\" {\n  name           = \"pg-erp-prod\"\n  admin_username = \"pgadmin\"\n  admin_password = \
              var.target_password\n  network        = network.target\n}\n",
    arguments: &[
        server::NAME,
        server::SERVER_ID,
        Argument::required(
            "admin_username",
            ArgumentType::Text,
            "Login that the service uses on the target.",
        ),
        Argument::required(
            "admin_password",
            ArgumentType::Secret,
            "Its password. Write-only: never in state, plan or log.",
        ),
        Argument::optional(
            "network",
            ArgumentType::Reference(&["network"]),
            "The network through which the server is reached privately: its own, or that of its private endpoint.",
        ),
    ],
    common: PLACE,
    sections: &[connect::SECTION],
    exports: server::EXPORTS,
};

impl Kind for Target {
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

    fn server(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Option<Server>, Diagnostics> {
        let id = server::id(fields, cx)?;
        let argument = if fields.top().has("name") { "name" } else { "server_id" };
        let described = Described {
            end: End::Target,
            host: id.known().map(|id| (server::host_name(id, cx), argument)),
            port: None,
            user: "admin_username",
            password: "admin_password",
            ssl_mode: None,
            usual_ssl_mode: SslMode::VerifyFull,
        };
        connect::server(fields, described).map(Some)
    }
}
