//! How an attempt to reach a server ended, in the words that rules judge by. It connects to nothing.

use super::facts::Facts;
use crate::postgres::{ConnectError, ConnectFailure, in_full};

/// How an attempt to reach a server or a database ended.
#[derive(Clone, Debug)]
pub enum Contact {
    /// It answered.
    Met(Facts),
    /// It did not.
    Refused(Refused),
}

/// No session came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// The whole chain of causes.
    pub said: String,
}

/// What keeps a session from coming about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Name, route, port or a firewall.
    Way,
    /// TLS or a certificate.
    Tls,
    /// User, password or `pg_hba.conf`.
    SignIn,
    /// No free connection.
    Full,
    /// The database is not there, or may not be entered.
    Database,
}

impl Contact {
    /// What it answered.
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Met(facts) => Some(facts),
            Self::Refused(_) => None,
        }
    }
}

/// How far an attempt comes before it meets a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// On the way to the server.
    Route,
    /// While the connection is encrypted.
    Encryption,
    /// While the user signs in; that there is a free connection and that the database may be entered is told then, too.
    SignIn,
    /// When the user is known and enters the database.
    Entrance,
}

impl Trouble {
    /// When it is met.
    pub fn stage(self) -> Stage {
        match self {
            Self::Way => Stage::Route,
            Self::Tls => Stage::Encryption,
            Self::SignIn | Self::Full => Stage::SignIn,
            Self::Database => Stage::Entrance,
        }
    }
}

impl Refused {
    /// What an error means.
    pub fn of(error: &ConnectError) -> Self {
        Self {
            trouble: trouble(&error.failure),
            said: in_full(&error.failure),
        }
    }
}

fn trouble(failure: &ConnectFailure) -> Trouble {
    match failure.sqlstate() {
        Some("3D000" | "42501" | "55000" | "57P03") => return Trouble::Database,
        Some("53300") => return Trouble::Full,
        Some(_) => return Trouble::SignIn,
        None => {}
    }
    match failure {
        ConnectFailure::NoTls
        | ConnectFailure::Certificate { .. }
        | ConnectFailure::Handshake(_)
        | ConnectFailure::Roots(_) => Trouble::Tls,
        ConnectFailure::NoPassword | ConnectFailure::NoChannelBinding | ConnectFailure::Refused(_) => Trouble::SignIn,
        ConnectFailure::Unresolved { .. }
        | ConnectFailure::Unreachable { .. }
        | ConnectFailure::TimedOut { .. }
        | ConnectFailure::Broken(_)
        | ConnectFailure::Strange(_)
        | ConnectFailure::Setup(_) => Trouble::Way,
    }
}
