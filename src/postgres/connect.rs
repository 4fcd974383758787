//! Opens sessions: resolve, dial, TLS, sign in, settle the session's manners. It never retries a refusal and never logs a secret.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding as ClientBinding, SslMode as ClientMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{ConnectError, ConnectFailure, Stage};
use super::session::Session;
use super::tls;
use crate::database::{ChannelBinding, DatabaseName, Endpoint, Host, Port, SslMode, quote_literal};

/// What a session is for; administrators see it as `application_name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Checks before a migration.
    Preflight,
    /// Comparison of two servers.
    Verify,
    /// Reading what a server holds.
    Discover,
    /// The simulator's own servers.
    Simulate,
    /// Stored state.
    State,
}

/// What a session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every transaction is read only.
    ReadOnly,
    /// Transactions may write.
    ReadWrite,
}

/// How long a session waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For each address dialled, and again for TLS and sign-in.
    pub connect: Duration,
    /// For each statement; `None` waits for ever.
    pub statement: Option<Duration>,
    /// For each lock. A waiting lock request makes others queue behind it, so this stays short.
    pub lock: Duration,
}

impl Limits {
    /// For catalog reads.
    pub const BRIEF: Self = Self {
        connect: Duration::from_secs(15),
        statement: Some(Duration::from_secs(60)),
        lock: Duration::from_secs(5),
    };
    /// For reads of whole tables.
    pub const LONG: Self = Self {
        statement: None,
        ..Self::BRIEF
    };
}

/// The way back to a server, kept so that a running statement can be cancelled.
#[derive(Clone)]
pub(super) struct Door {
    address: SocketAddr,
    host: Host,
    tls: MakeRustlsConnect,
    patience: Duration,
}

/// Signs in to one database.
///
/// # Errors
/// What was attempted on which server, and the whole chain of causes.
pub async fn connect(
    endpoint: &Endpoint,
    database: &DatabaseName,
    errand: Errand,
    access: Access,
    limits: Limits,
) -> Result<Session, ConnectError> {
    let failed = |failure| ConnectError {
        server: endpoint.to_string(),
        database: database.clone(),
        user: endpoint.user.clone(),
        ssl_mode: endpoint.ssl_mode,
        failure,
    };
    let (client, door) = open(endpoint, database, errand, limits).await.map_err(failed)?;
    let session = Session::new(client, door, endpoint.to_string(), database.clone());
    match timeout(limits.connect, session.settle(&manners(access, limits))).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(error)) => Err(failed(ConnectFailure::Setup(Box::new(error)))),
        Err(_) => Err(failed(ConnectFailure::TimedOut {
            stage: Stage::SigningIn,
            after: limits.connect,
        })),
    }
}

/// Signs in to one database and leaves the session as the server made it: what a pooler hands on must have no manners of
/// its own.
///
/// # Errors
/// What was attempted on which server, and the whole chain of causes.
pub(super) async fn sign_in_plainly(
    endpoint: &Endpoint,
    database: &DatabaseName,
    errand: Errand,
    limits: Limits,
) -> Result<Client, ConnectError> {
    let opened = open(endpoint, database, errand, limits).await;
    opened.map(|(client, _)| client).map_err(|failure| ConnectError {
        server: endpoint.to_string(),
        database: database.clone(),
        user: endpoint.user.clone(),
        ssl_mode: endpoint.ssl_mode,
        failure,
    })
}

async fn open(
    endpoint: &Endpoint,
    database: &DatabaseName,
    errand: Errand,
    limits: Limits,
) -> Result<(Client, Door), ConnectFailure> {
    let tls = tls::connector(endpoint.ssl_mode, &endpoint.roots)?;
    let mut config = Config::new();
    config
        .user(endpoint.user.as_str())
        .dbname(database.as_str())
        .application_name(errand.application_name())
        .channel_binding(binding(endpoint.channel_binding));
    if let Some(password) = &endpoint.password {
        config.password(password.expose());
    }
    let first = match endpoint.ssl_mode {
        SslMode::Disable => ClientMode::Disable,
        SslMode::Prefer => ClientMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => ClientMode::Require,
    };
    let answer = sign_in(endpoint, config.ssl_mode(first), &tls, limits).await;
    match (endpoint.ssl_mode, answer) {
        // As libpq: `prefer` falls back where TLS itself fails, or where pg_hba.conf admits only plain connections.
        (SslMode::Prefer, Err(failure)) if worth_a_plain_try(&failure) => {
            sign_in(endpoint, config.ssl_mode(ClientMode::Disable), &tls, limits)
                .await
                .map_err(|_| failure)
        }
        (_, answer) => answer,
    }
}

fn worth_a_plain_try(failure: &ConnectFailure) -> bool {
    match failure {
        ConnectFailure::Handshake(_) | ConnectFailure::Certificate { .. } => true,
        ConnectFailure::Refused(error) => error.sqlstate == "28000",
        ConnectFailure::Unresolved { .. }
        | ConnectFailure::Unreachable { .. }
        | ConnectFailure::TimedOut { .. }
        | ConnectFailure::NoTls
        | ConnectFailure::Roots(_)
        | ConnectFailure::NoPassword
        | ConnectFailure::NoChannelBinding
        | ConnectFailure::Broken(_)
        | ConnectFailure::Strange(_)
        | ConnectFailure::Setup(_) => false,
    }
}

async fn sign_in(
    endpoint: &Endpoint,
    config: &Config,
    tls: &MakeRustlsConnect,
    limits: Limits,
) -> Result<(Client, Door), ConnectFailure> {
    let (host, port) = match &endpoint.via {
        Some(via) => (&via.host, via.port),
        None => (&endpoint.host, endpoint.port),
    };
    let (stream, address) = dial(host, port, limits.connect).await?;
    let door = Door {
        address,
        host: endpoint.host.clone(),
        tls: tls.clone(),
        patience: limits.connect,
    };
    let connector = door.connector()?;
    let signing_in = timeout(limits.connect, config.connect_raw(stream, connector));
    let (client, connection) = signing_in
        .await
        .map_err(|_| ConnectFailure::TimedOut {
            stage: Stage::SigningIn,
            after: limits.connect,
        })?
        .map_err(ConnectFailure::from_client)?;
    // The task ends when the client is dropped or the connection breaks; the client then reports the break to whoever asks.
    tokio::spawn(connection);
    Ok((client, door))
}

async fn dial(host: &Host, port: Port, patience: Duration) -> Result<(TcpStream, SocketAddr), ConnectFailure> {
    let unresolved = |source| ConnectFailure::Unresolved {
        host: host.clone(),
        source,
    };
    let addresses = timeout(patience, tokio::net::lookup_host((host.as_str(), port.number())))
        .await
        .map_err(|_| ConnectFailure::TimedOut {
            stage: Stage::Resolving,
            after: patience,
        })?
        .map_err(unresolved)?;
    let mut last = unresolved(std::io::Error::from(std::io::ErrorKind::NotFound));
    for address in addresses {
        match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                keep_alive(&stream).map_err(ConnectFailure::Broken)?;
                return Ok((stream, address));
            }
            Ok(Err(source)) => last = ConnectFailure::Unreachable { address, source },
            Err(_) => {
                last = ConnectFailure::TimedOut {
                    stage: Stage::Dialling,
                    after: patience,
                }
            }
        }
    }
    Err(last)
}

/// A statement may run for hours without a byte on the wire; a dead peer is then noticed within about two minutes.
fn keep_alive(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10));
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

impl Door {
    fn connector(&self) -> Result<<MakeRustlsConnect as MakeTlsConnect<TcpStream>>::TlsConnect, ConnectFailure> {
        let mut tls = self.tls.clone();
        MakeTlsConnect::<TcpStream>::make_tls_connect(&mut tls, self.host.as_str())
            .map_err(|error| ConnectFailure::Roots(error.to_string()))
    }

    /// Asks the server to stop what a session is doing. Nobody learns whether it worked: the protocol has no answer.
    pub(super) async fn cancel(&self, token: tokio_postgres::CancelToken) {
        let attempt = async {
            let stream = TcpStream::connect(self.address).await.ok()?;
            let connector = self.connector().ok()?;
            token.cancel_query_raw(stream, connector).await.ok()
        };
        // A lost cancel leaves a statement to its own end; nothing here can do more.
        let _ = timeout(self.patience, attempt).await;
    }
}

impl Errand {
    fn application_name(self) -> &'static str {
        match self {
            Self::Preflight => "pgferry preflight",
            Self::Verify => "pgferry verify",
            Self::Discover => "pgferry discover",
            Self::Simulate => "pgferry simulator",
            Self::State => "pgferry state",
        }
    }
}

fn binding(binding: ChannelBinding) -> ClientBinding {
    match binding {
        ChannelBinding::Disable => ClientBinding::Disable,
        ChannelBinding::Prefer => ClientBinding::Prefer,
        ChannelBinding::Require => ClientBinding::Require,
    }
}

/// The settings that a session wants, as the rows that `settle.sql` takes. Those that a server does not know are left out there.
fn manners(access: Access, limits: Limits) -> String {
    let read_only = match access {
        Access::ReadOnly => "on",
        Access::ReadWrite => "off",
    };
    let milliseconds = |duration: Duration| duration.as_millis().to_string();
    let statement = limits.statement.map_or_else(|| "0".to_owned(), milliseconds);
    let lock = milliseconds(limits.lock);
    let wanted: [(&str, &str); 19] = [
        ("default_transaction_read_only", read_only),
        ("statement_timeout", &statement),
        ("lock_timeout", &lock),
        // A snapshot is held open between statements, for hours if need be.
        ("idle_in_transaction_session_timeout", "0"),
        ("idle_session_timeout", "0"),
        ("transaction_timeout", "0"),
        // A server that finds us gone stops working for us.
        ("client_connection_check_interval", "10000"),
        // Rows that a policy would hide become an error instead of a difference.
        ("row_security", "off"),
        // From here on: one spelling of every value, whatever the server or the role prefers.
        ("search_path", ""),
        ("timezone", "UTC"),
        ("datestyle", "ISO, YMD"),
        ("intervalstyle", "iso_8601"),
        ("extra_float_digits", "3"),
        ("bytea_output", "hex"),
        ("xmloption", "content"),
        ("lc_monetary", "C"),
        ("standard_conforming_strings", "on"),
        ("quote_all_identifiers", "off"),
        ("array_nulls", "on"),
    ];
    wanted
        .iter()
        .map(|(name, value)| format!("({}, {})", quote_literal(name), quote_literal(value)))
        .collect::<Vec<_>>()
        .join(", ")
}
