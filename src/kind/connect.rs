//! `connect` blocks, and the PostgreSQL servers that `source` and `target` stand for: where each is, by which way pgferry itself
//! gets there, and who signs in. It reads no file and no environment, and connects to nothing.

use std::str::FromStr;
use std::sync::Arc;

use super::schema::{Argument, ArgumentType, Content, Fields, Section, Word};
use crate::address::Address;
use crate::database::{End, Host, Port, SslMode, UserName, Via};
use crate::diagnostic::code::NOT_ALLOWED;
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::secret::SecretRef;

/// The name of the block.
pub const CONNECT: &str = "connect";

const fn word(word: &'static str, wire: &'static str) -> Word {
    Word { word, wire }
}

/// libpq's words for how much TLS, but for `allow`, which protects nobody.
const SSL_MODES: &[Word] = &[
    word("disable", "disable"),
    word("prefer", "prefer"),
    word("require", "require"),
    word("verify_ca", "verify-ca"),
    word("verify_full", "verify-full"),
];

/// The block, the same for both ends.
pub const SECTION: Section = Section {
    name: CONNECT,
    doc: "How pgferry itself reaches the server, where that differs from the way the service does.",
    arguments: &[
        Argument::optional(
            "host",
            ArgumentType::Text,
            "Host name or IP address to dial, such as the near end of a tunnel. Certificates are still checked against the server's own name.",
        ),
        Argument::optional("port", ArgumentType::Whole(1, 65535), "Port to dial."),
        Argument::optional(
            "ssl_mode",
            ArgumentType::Choice(SSL_MODES),
            "TLS between pgferry and the server. Default: the block's `ssl_mode`, PGSSLMODE, then `verify_full` for an Azure server and \
             `prefer` for others.",
        ),
        Argument::optional(
            "root_certificates",
            ArgumentType::Text,
            "The certificates that are trusted as roots, as PEM, such as `file(\"ca.pem\")`. Default: PGSSLROOTCERT, \
             `~/.postgresql/root.crt`, then those of the system.",
        ),
        Argument::optional(
            "service",
            ArgumentType::Text,
            "A service of libpq's service file, which fills in what the configuration leaves out.",
        ),
    ],
};

/// A PostgreSQL server as the configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The resource.
    pub address: Address,
    /// Its block's header.
    pub span: Span,
    /// Which end it is.
    pub end: End,
    /// Its own name; `None` where only Azure knows it yet.
    pub host: Option<Host>,
    /// Its own port.
    pub port: Port,
    /// The detour that the configuration names.
    pub via: Option<Via>,
    /// Who signs in.
    pub user: UserName,
    /// Which secret is the password.
    pub password: SecretRef,
    /// How much TLS, where the configuration says so.
    pub ssl_mode: Option<SslMode>,
    /// How much TLS where nothing says so.
    pub usual_ssl_mode: SslMode,
    /// The trusted roots, where the configuration names them.
    pub roots: Option<Arc<[u8]>>,
    /// A service of libpq's service file.
    pub service: Option<String>,
}

impl Server {
    /// Whether databases enter it.
    pub fn is_target(&self) -> bool {
        self.end == End::Target
    }
}

/// What a block says of its server outside of `connect`.
pub(super) struct Described<'a> {
    /// Which end it is.
    pub(super) end: End,
    /// Its own name, and the argument that holds it.
    pub(super) host: Option<(String, &'a str)>,
    /// Its own port.
    pub(super) port: Option<i64>,
    /// The argument that says who signs in.
    pub(super) user: &'a str,
    /// The argument that holds the password.
    pub(super) password: &'a str,
    /// How much TLS, by the block's own argument.
    pub(super) ssl_mode: Option<SslMode>,
    /// How much TLS where nothing says so.
    pub(super) usual_ssl_mode: SslMode,
}

/// The server that a block stands for.
///
/// # Errors
/// When a host, a user or a port is no such thing.
pub(super) fn server(fields: &Fields<'_>, described: Described<'_>) -> Result<Server, Diagnostics> {
    let top = fields.top();
    let connect = fields.section(CONNECT);
    let host = match &described.host {
        Some((text, argument)) => Some(parsed::<Host>(text, top, argument, fields)?),
        None => None,
    };
    let port = port(described.port);
    let via = match connect {
        Some(connect) if connect.has("host") || connect.has("port") => {
            let dialled = match (connect.text("host"), &host) {
                (Some(text), _) => Some(parsed::<Host>(text, connect, "host", fields)?),
                (None, own) => own.clone(),
            };
            dialled.map(|host| Via {
                host,
                port: connect.whole("port").map_or(port, |written| self::port(Some(written))),
            })
        }
        Some(_) | None => None,
    };
    let user = parsed::<UserName>(
        top.text(described.user).unwrap_or_default(),
        top,
        described.user,
        fields,
    )?;
    let own_mode = connect.and_then(|connect| connect.choice("ssl_mode"));
    Ok(Server {
        address: fields.owner().clone(),
        span: fields.header(),
        end: described.end,
        host,
        port,
        via,
        user,
        password: fields.secret(described.password),
        ssl_mode: own_mode.and_then(|word| word.wire.parse().ok()).or(described.ssl_mode),
        usual_ssl_mode: described.usual_ssl_mode,
        roots: connect
            .and_then(|connect| connect.text("root_certificates"))
            .map(|text| text.as_bytes().into()),
        service: connect.and_then(|connect| connect.text("service")).map(str::to_owned),
    })
}

/// The schema lets only ports through.
fn port(written: Option<i64>) -> Port {
    written
        .and_then(|number| u16::try_from(number).ok())
        .and_then(|number| Port::new(number).ok())
        .unwrap_or(Port::POSTGRES)
}

fn parsed<T: FromStr<Err = crate::database::WordError>>(
    text: &str,
    content: &Content<'_>,
    argument: &str,
    fields: &Fields<'_>,
) -> Result<T, Diagnostics> {
    text.parse().map_err(|error: crate::database::WordError| {
        Diagnostic::error(NOT_ALLOWED, "value not allowed")
            .at(content.span(argument), error.to_string())
            .about(fields.owner())
            .into()
    })
}
