//! `source`: the PostgreSQL server that databases leave. It is described, not changed; only a single server is an ARM object.

use super::connect::{self, Described, Server};
use super::schema::{Argument, ArgumentType, Export, ExportFrom, Fields, Schema, Term, Word};
use super::{Conduct, Context, Expansion, Kind, Unit, server};
use crate::arm::SourceServer;
use crate::database::{End, SslMode};
use crate::diagnostic::code::{CONFLICT, MISSING_ARGUMENT, NOT_ALLOWED, NOT_KNOWN};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of a single server.
pub const SINGLE_SERVER: &str = "Microsoft.DBforPostgreSQL/servers";

const fn word(word: &'static str, wire: &'static str) -> Word {
    Word { word, wire }
}

/// The service's kinds of source (`SourceType`, API 2025-08-01).
pub const TYPES: &[Word] = &[
    word("on_premises", "OnPremises"),
    word("azure_vm", "AzureVM"),
    word("aws", "AWS"),
    word("aws_rds", "AWS_RDS"),
    word("aws_aurora", "AWS_AURORA"),
    word("aws_ec2", "AWS_EC2"),
    word("gcp", "GCP"),
    word("gcp_cloud_sql", "GCP_CloudSQL"),
    word("gcp_alloy_db", "GCP_AlloyDB"),
    word("gcp_compute", "GCP_Compute"),
    word("postgresql_single_server", "PostgreSQLSingleServer"),
    word("postgresql_flexible_server", "PostgreSQLFlexibleServer"),
    word("postgresql_cosmos_db", "PostgreSQLCosmosDB"),
    word("edb", "EDB"),
    word("edb_oracle_server", "EDB_Oracle_Server"),
    word("edb_postgresql", "EDB_PostgreSQL"),
    word("huawei_rds", "Huawei_RDS"),
    word("huawei_compute", "Huawei_Compute"),
    word("heroku_postgresql", "Heroku_PostgreSQL"),
    word("crunchy_postgresql", "Crunchy_PostgreSQL"),
    word("apsara_db_rds", "ApsaraDB_RDS"),
    word("digital_ocean_droplets", "Digital_Ocean_Droplets"),
    word("digital_ocean_postgresql", "Digital_Ocean_PostgreSQL"),
    word("supabase_postgresql", "Supabase_PostgreSQL"),
];

const SSL_MODES: &[Word] = &[
    word("prefer", "Prefer"),
    word("require", "Require"),
    word("verify_ca", "VerifyCA"),
    word("verify_full", "VerifyFull"),
];

/// The kind.
pub struct Source;

/// A source, as a migration needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `host:port@user`, or the id of a single server: what `sourceDbServerResourceId` holds.
    pub text: String,
    /// The service's name for the kind of source.
    pub source_type: &'static str,
    /// The service's name for the TLS mode.
    pub ssl_mode: &'static str,
    /// The login.
    pub username: String,
}

impl Endpoint {
    /// The server, whoever signs in there.
    pub fn server(&self) -> SourceServer {
        SourceServer::of(&self.text)
    }
}

static SCHEMA: Schema = Schema {
    kind: "source",
    summary: "The PostgreSQL server that databases leave.",
    doc: "Named by `host`, or by `server_id` when it is an Azure single server. The service connects to it from the target or \
          the runtime server, so `host` is the address as seen from there.",
    example: "source \"erp\" {\n  type     = \"on_premises\"\n  host     = \"10.1.0.4\"\n  username = \"migrator\"\n  password = \
              var.erp_password\n  ssl_mode = \"require\"\n  network  = network.onprem_hub\n}\n",
    arguments: &[
        Argument::required("type", ArgumentType::Choice(TYPES), "Where the server runs."),
        Argument::optional(
            "host",
            ArgumentType::Text,
            "Host name or IP address, as the migration's server reaches it.",
        ),
        Argument::default("port", ArgumentType::Whole(1, 65535), "5432", "Port."),
        Argument::optional(
            "server_id",
            ArgumentType::Id(SINGLE_SERVER),
            "ARM id of an Azure single server, instead of `host`.",
        ),
        Argument::required(
            "username",
            ArgumentType::Text,
            "Login with the rights that the migration needs.",
        ),
        Argument::required(
            "password",
            ArgumentType::Secret,
            "Its password. Write-only: never in state, plan or log.",
        ),
        Argument::default(
            "ssl_mode",
            ArgumentType::Choice(SSL_MODES),
            "verify_full for a single server, else prefer",
            "TLS towards the source. The service honours `prefer` and `require` for all but single servers.",
        ),
        Argument::optional(
            "network",
            ArgumentType::Reference(&["network"]),
            "The network through which the source is reached privately; for a server in a data centre, the hub with the gateway.",
        ),
    ],
    common: &[],
    sections: &[connect::SECTION],
    exports: &[Export {
        name: "id",
        doc: "ARM id of a single server.",
        from: ExportFrom::Id,
    }],
};

impl Kind for Source {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::ReadOnly
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(SINGLE_SERVER)
    }

    fn expand(&self, fields: &Fields<'_>, _: &Context<'_>) -> Result<Expansion, Diagnostics> {
        endpoint(fields)?;
        if let Some(connect) = fields.section("connect")
            && let Some(host) = connect.text("host").filter(|host| !is_host(host))
        {
            return Err(Diagnostic::error(NOT_ALLOWED, "unusable source")
                .at(
                    connect.span("host"),
                    format!("`{host}` is not a host name or an IPv4 address, without port"),
                )
                .about(fields.owner())
                .into());
        }
        let Some(id) = fields.top().id("server_id") else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let unit = Unit::read_only(fields.owner().unit(), id.clone());
        Ok(Expansion::Units(vec![unit]))
    }

    fn server(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Option<Server>, Diagnostics> {
        let top = fields.top();
        let single = top.id("server_id").and_then(Term::known);
        let host = match (top.text("host"), single) {
            (Some(host), _) => Some((host.to_owned(), "host")),
            (None, Some(id)) => Some((server::host_name(id, cx), "server_id")),
            (None, None) => None,
        };
        let described = Described {
            end: End::Source,
            host,
            port: top.whole("port"),
            user: "username",
            password: "password",
            ssl_mode: top.choice("ssl_mode").and_then(|word| word.word.parse().ok()),
            usual_ssl_mode: if single.is_some() {
                SslMode::VerifyFull
            } else {
                SslMode::Prefer
            },
        };
        connect::server(fields, described).map(Some)
    }
}

/// Whether a text can stand as the host of `host:port@user`.
fn is_host(host: &str) -> bool {
    !host.is_empty() && !host.contains([':', '@', '/', '?', '#']) && !host.chars().any(char::is_whitespace)
}

/// The source as a migration needs it.
///
/// # Errors
/// When it has no address or two, or one that cannot be written as `host:port@user`.
pub fn endpoint(fields: &Fields<'_>) -> Result<Endpoint, Diagnostics> {
    let top = fields.top();
    let single = top
        .choice("type")
        .is_some_and(|word| word.wire == "PostgreSQLSingleServer");
    let username = top.text("username").unwrap_or_default();
    let refuse = |code, argument: &str, text: &str| {
        Err(Diagnostic::error(code, "unusable source")
            .at(top.span(argument), text)
            .about(fields.owner())
            .into())
    };
    let text = match (top.text("host"), top.id("server_id")) {
        (Some(_), Some(_)) => return refuse(CONFLICT, "host", "`server_id` already names the server"),
        (None, None) => {
            return refuse(
                MISSING_ARGUMENT,
                "host",
                "a source needs `host`, or `server_id` for a single server",
            );
        }
        (None, Some(_)) if !single => {
            return refuse(
                CONFLICT,
                "server_id",
                "only `type = \"postgresql_single_server\"` is named by `server_id`",
            );
        }
        (Some(_), None) if single => {
            return refuse(CONFLICT, "host", "a single server is named by `server_id`");
        }
        (None, Some(Term::Known(id))) => id.as_str().to_owned(),
        (None, Some(Term::Open(_))) => {
            return refuse(NOT_KNOWN, "server_id", "the source's id must be known while planning");
        }
        (Some(host), None) => {
            if !is_host(host) {
                return refuse(
                    NOT_ALLOWED,
                    "host",
                    "expected a host name or an IPv4 address, without port",
                );
            }
            format!("{host}:{}@{username}", top.whole("port").unwrap_or(5432))
        }
    };
    let default_ssl = if single { "VerifyFull" } else { "Prefer" };
    Ok(Endpoint {
        text,
        source_type: top.choice("type").map_or("OnPremises", |word| word.wire),
        ssl_mode: top.choice("ssl_mode").map_or(default_ssl, |word| word.wire),
        username: username.to_owned(),
    })
}
