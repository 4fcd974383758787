//! What can go wrong between pgferry and a PostgreSQL server, told apart by what one would do about it. Never holds a password.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use crate::database::{DatabaseName, Host, SslMode, UserName};

/// No connection came about.
#[derive(Debug, Error)]
#[error("cannot connect to database `{database}` on {server} as `{user}` (sslmode {ssl_mode})")]
pub struct ConnectError {
    /// The server, with its detour if it has one.
    pub server: String,
    /// The database asked for.
    pub database: DatabaseName,
    /// Who signed in.
    pub user: UserName,
    /// How much TLS was asked for.
    pub ssl_mode: SslMode,
    /// What went wrong.
    #[source]
    pub failure: ConnectFailure,
}

/// Why no connection came about.
#[derive(Debug, Error)]
pub enum ConnectFailure {
    /// The name has no address.
    #[error("the name `{host}` cannot be resolved")]
    Unresolved {
        /// The name.
        host: Host,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// Nothing listens, or the way is closed.
    #[error("nothing accepts connections on {address}")]
    Unreachable {
        /// The last address tried.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Packets vanish, or the server is stuck.
    #[error("no answer within {} s while {stage}", after.as_secs())]
    TimedOut {
        /// How far it had got.
        stage: Stage,
        /// The patience it had.
        after: Duration,
    },
    /// TLS was asked for and the server has none.
    #[error("the server does not offer TLS")]
    NoTls,
    /// The certificate was not accepted.
    #[error("the server's certificate was refused: {fault}")]
    Certificate {
        /// In which way.
        fault: CertificateFault,
        /// What the TLS library said.
        #[source]
        source: rustls::Error,
    },
    /// TLS failed before or beside certificates.
    #[error("the TLS handshake failed")]
    Handshake(#[source] rustls::Error),
    /// The trusted roots cannot be used.
    #[error("the trusted root certificates cannot be used: {0}")]
    Roots(String),
    /// The server wants a password and none is at hand.
    #[error("the server wants a password, and none was given")]
    NoPassword,
    /// The proof could not be tied to the channel, though that was required.
    #[error("the server does not tie the password proof to the TLS channel, though channel binding is required")]
    NoChannelBinding,
    /// The server refused, and said why.
    #[error("the server refused")]
    Refused(#[source] ServerError),
    /// The connection broke while it was being made.
    #[error("the connection broke during sign-in")]
    Broken(#[source] io::Error),
    /// What answered does not speak PostgreSQL, or not as expected.
    #[error("what answered does not behave like a PostgreSQL server")]
    Strange(#[source] tokio_postgres::Error),
    /// The session could not be set up after signing in.
    #[error("the session could not be set up")]
    Setup(#[source] Box<QueryError>),
}

/// How far a connection had got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Asking for the address of a name.
    Resolving,
    /// Waiting for the TCP connection.
    Dialling,
    /// TLS and sign-in.
    SigningIn,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No trusted root vouches for it.
    Untrusted,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for another host. Only alternative names count, never the common name.
    WrongName,
    /// Anything else.
    Unusable,
}

/// What a server answers when it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// `ERROR`, `FATAL` or `PANIC`.
    pub severity: String,
    /// Five characters, appendix A of the PostgreSQL manual.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// More, where the server has it.
    pub detail: Option<String>,
    /// The server's own advice.
    pub hint: Option<String>,
}

/// A question that got no answer.
#[derive(Debug, Error)]
#[error("cannot read {asked} from database `{database}` on {server}")]
pub struct QueryError {
    /// The server.
    pub server: String,
    /// The database.
    pub database: DatabaseName,
    /// What was wanted.
    pub asked: String,
    /// What went wrong.
    #[source]
    pub failure: QueryFailure,
}

/// Why a question got no answer.
#[derive(Debug, Error)]
pub enum QueryFailure {
    /// The server refused, and said why.
    #[error("the server refused")]
    Refused(#[source] ServerError),
    /// The connection is gone.
    #[error("the connection was lost")]
    Lost(#[source] tokio_postgres::Error),
    /// The answer has not the shape it should have.
    #[error("the answer has an unexpected shape: {0}")]
    Misshapen(String),
}

impl ConnectFailure {
    /// The SQLSTATE, where the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(&error.sqlstate),
            Self::Setup(error) => error.failure.sqlstate(),
            Self::Unresolved { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::NoTls
            | Self::Certificate { .. }
            | Self::Handshake(_)
            | Self::Roots(_)
            | Self::NoPassword
            | Self::NoChannelBinding
            | Self::Broken(_)
            | Self::Strange(_) => None,
        }
    }

    /// Sorts what the client library reports.
    pub(super) fn from_client(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            return Self::Refused(refusal.into());
        }
        if let Some(tls) = find_rustls(&error) {
            return match certificate_fault(tls) {
                Some(fault) => Self::Certificate {
                    fault,
                    source: tls.clone(),
                },
                None => Self::Handshake(tls.clone()),
            };
        }
        // The library gives these three as bare texts only; tests against real servers hold them.
        let told = error.source().map(ToString::to_string).unwrap_or_default();
        if told == "server does not support TLS" {
            return Self::NoTls;
        }
        if told == "password missing" {
            return Self::NoPassword;
        }
        if told.contains("channel binding") {
            return Self::NoChannelBinding;
        }
        let broken = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
            .map(|io| io::Error::new(io.kind(), io.to_string()))
            .or_else(|| error.is_closed().then(|| io::ErrorKind::UnexpectedEof.into()));
        broken.map_or_else(|| Self::Strange(error), Self::Broken)
    }
}

impl QueryFailure {
    /// The SQLSTATE, where the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Refused(error) => Some(&error.sqlstate),
            Self::Lost(_) | Self::Misshapen(_) => None,
        }
    }

    pub(super) fn from_client(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => Self::Refused(refusal.into()),
            None => Self::Lost(error),
        }
    }
}

impl From<&tokio_postgres::error::DbError> for ServerError {
    fn from(error: &tokio_postgres::error::DbError) -> Self {
        Self {
            severity: error.severity().to_owned(),
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
        }
    }
}

/// The TLS library's own error, which hides inside I/O errors.
fn find_rustls(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(this) = cause {
        if let Some(tls) = this.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        if let Some(inner) = this.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(tls) = inner.downcast_ref::<rustls::Error>()
        {
            return Some(tls);
        }
        cause = this.source();
    }
    None
}

fn certificate_fault(error: &rustls::Error) -> Option<CertificateFault> {
    use rustls::CertificateError as Fault;
    let rustls::Error::InvalidCertificate(fault) = error else {
        return None;
    };
    Some(match fault {
        Fault::UnknownIssuer | Fault::BadSignature => CertificateFault::Untrusted,
        Fault::Expired | Fault::ExpiredContext { .. } => CertificateFault::Expired,
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => CertificateFault::WrongName,
        _ => CertificateFault::Unusable,
    })
}

impl StdError for ServerError {}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (SQLSTATE {})", self.severity, self.message, self.sqlstate)?;
        if let Some(detail) = &self.detail {
            write!(f, "; {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolving => "resolving the name",
            Self::Dialling => "opening the connection",
            Self::SigningIn => "signing in",
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Untrusted => "no trusted root vouches for it",
            Self::Expired => "it has expired",
            Self::NotYetValid => "it is not valid yet",
            Self::WrongName => "it names another host among its alternative names, or none",
            Self::Unusable => "it cannot be used",
        })
    }
}
/// An error with all its causes, in one line.
pub fn in_full(error: &dyn StdError) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        said.push_str(": ");
        said.push_str(&this.to_string());
        cause = this.source();
    }
    said
}
