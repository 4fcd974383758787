//! Words about PostgreSQL: where a server is, how it is reached, what things in it are called. It never connects.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::secret::Secret;

/// Longest name that PostgreSQL keeps, in bytes; longer ones it cuts off silently.
pub const LONGEST_NAME: usize = 63;

/// Name or IP address of a server.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Arc<str>);

/// TCP port, 1 to 65535.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port(u16);

/// Name of a role that signs in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Arc<str>);

/// Name of a database.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseName(Arc<str>);

/// A table by schema and name, both as the catalog has them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Schema.
    pub schema: Arc<str>,
    /// Name within the schema.
    pub name: Arc<str>,
}

/// How much of TLS is asked for; libpq's words. There is no `allow`: it protects nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS where the server has it, else none.
    Prefer,
    /// TLS, whoever answers.
    Require,
    /// TLS, and the certificate descends from a trusted root.
    VerifyCa,
    /// TLS, a trusted root, and the certificate is for this host.
    VerifyFull,
}

/// Which certificates are trusted as roots under [`SslMode::VerifyCa`] and [`SslMode::VerifyFull`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Those of the operating system.
    System,
    /// Those of this text: one or more PEM certificates.
    Pem(Arc<[u8]>),
}

/// Whether the password proof must be tied to the TLS channel, so that nobody can relay it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never tied.
    Disable,
    /// Tied where both sides can.
    #[default]
    Prefer,
    /// Refuse where it cannot be tied.
    Require,
}

/// Another address to dial instead of the server's own, such as the near end of a tunnel. Certificates are still checked
/// against the server's own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// Host to dial.
    pub host: Host,
    /// Port to dial.
    pub port: Port,
}

/// Which end of a migration a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// The server that databases leave.
    Source,
    /// The server that they enter.
    Target,
}

/// All that is needed to sign in to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The server.
    pub host: Host,
    /// Its port.
    pub port: Port,
    /// A detour, where there is one.
    pub via: Option<Via>,
    /// Who signs in.
    pub user: UserName,
    /// With what; an Entra token is one too. `None` where the server asks for none.
    pub password: Option<Secret>,
    /// How much TLS.
    pub ssl_mode: SslMode,
    /// What is trusted.
    pub roots: Roots,
    /// Whether the password proof is tied to the TLS channel.
    pub channel_binding: ChannelBinding,
}

/// Why a text is not one of these words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WordError {
    /// Nothing there.
    #[error("a {0} cannot be empty")]
    Empty(&'static str),
    /// A character that it cannot have.
    #[error("a {what} cannot contain {character:?}")]
    Character {
        /// What was read.
        what: &'static str,
        /// The character.
        character: char,
    },
    /// Longer than PostgreSQL keeps.
    #[error("a {what} has at most {LONGEST_NAME} bytes; this one has {bytes}")]
    TooLong {
        /// What was read.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// No port.
    #[error("`{0}` is not a port: a whole number from 1 to 65535")]
    NotAPort(String),
    /// No sslmode.
    #[error("`{0}` is not an sslmode: one of disable, prefer, require, verify-ca, verify-full")]
    NotAnSslMode(String),
}

impl Host {
    /// The host as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this machine itself.
    pub fn is_loopback(&self) -> bool {
        let address = self.0.parse::<std::net::IpAddr>();
        &*self.0 == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Host {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let what = "host";
        if text.is_empty() {
            return Err(WordError::Empty(what));
        }
        let odd = |c: &char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '?' | '#' | ',');
        match text.chars().find(odd) {
            Some(character) => Err(WordError::Character { what, character }),
            None => Ok(Self(text.into())),
        }
    }
}

impl Port {
    /// The port that PostgreSQL listens on unless told otherwise.
    pub const POSTGRES: Self = Self(5432);

    /// A port by number.
    ///
    /// # Errors
    /// When it is 0.
    pub fn new(number: u16) -> Result<Self, WordError> {
        if number == 0 {
            Err(WordError::NotAPort(number.to_string()))
        } else {
            Ok(Self(number))
        }
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl FromStr for Port {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        text.parse()
            .map_err(|_| WordError::NotAPort(text.to_owned()))
            .and_then(Self::new)
    }
}

impl UserName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        // Longer names are real: a single server wants `user@server`.
        kept("user name", text, usize::MAX).map(Self)
    }
}

impl DatabaseName {
    /// The name as the catalog has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as SQL writes it.
    pub fn quoted(&self) -> String {
        quote_identifier(&self.0)
    }
}

impl FromStr for DatabaseName {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        kept("database name", text, LONGEST_NAME).map(Self)
    }
}

impl TableName {
    /// The name as SQL writes it, with its schema.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_identifier(&self.schema), quote_identifier(&self.name))
    }
}

impl SslMode {
    /// The mode as libpq spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl FromStr for SslMode {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        match text {
            "disable" => Ok(Self::Disable),
            "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" | "verify_ca" => Ok(Self::VerifyCa),
            "verify-full" | "verify_full" => Ok(Self::VerifyFull),
            other => Err(WordError::NotAnSslMode(other.to_owned())),
        }
    }
}

/// An identifier as SQL writes it: always in quotes, so that no keyword, case or character can be taken for something else.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal that reads the same whatever `standard_conforming_strings` says.
pub fn quote_literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

fn kept(what: &'static str, text: &str, longest: usize) -> Result<Arc<str>, WordError> {
    if text.is_empty() {
        Err(WordError::Empty(what))
    } else if text.contains('\0') {
        Err(WordError::Character { what, character: '\0' })
    } else if text.len() > longest {
        Err(WordError::TooLong {
            what,
            bytes: text.len(),
        })
    } else {
        Ok(text.into())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)?;
        match &self.via {
            Some(via) => write!(f, " (by way of {}:{})", via.host, via.port),
            None => Ok(()),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", plain_or_quoted(&self.schema), plain_or_quoted(&self.name))
    }
}

/// The name as people write it: in quotes only where SQL needs them, with control characters made visible.
fn plain_or_quoted(name: &str) -> String {
    let mut characters = name.chars();
    let plain = characters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain {
        name.to_owned()
    } else {
        let visible: String = name
            .chars()
            .flat_map(|c| {
                if c.is_control() {
                    c.escape_default().collect()
                } else {
                    vec![c]
                }
            })
            .collect();
        quote_identifier(&visible)
    }
}

macro_rules! written_plainly {
    ($($word:ty),*) => {$(
        impl fmt::Display for $word {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $word {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}
written_plainly!(Host, Port, UserName, DatabaseName);

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_postgresql_would_cut_off_are_refused() {
        assert!("x".repeat(63).parse::<DatabaseName>().is_ok());
        assert_eq!(
            "😀".repeat(16).parse::<DatabaseName>(),
            Err(WordError::TooLong {
                what: "database name",
                bytes: 64
            })
        );
        assert_eq!("".parse::<DatabaseName>(), Err(WordError::Empty("database name")));
    }

    #[test]
    fn whatever_a_name_contains_stays_inside_its_quotes() {
        assert_eq!(quote_identifier("a\"; drop table b; --"), "\"a\"\"; drop table b; --\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal(r"back\slash'"), r"E'back\\slash'''");
    }

    #[test]
    fn a_table_is_shown_as_people_write_it() {
        let table = |schema: &str, name: &str| TableName {
            schema: schema.into(),
            name: name.into(),
        };
        assert_eq!(table("public", "orders").to_string(), "public.orders");
        assert_eq!(table("public", "Orders").to_string(), "public.\"Orders\"");
        assert_eq!(table("public", "a\nb").to_string(), "public.\"a\\nb\"");
    }

    #[test]
    fn sslmodes_are_read_as_libpq_and_as_hcl_spell_them() {
        assert_eq!("verify-full".parse(), Ok(SslMode::VerifyFull));
        assert_eq!("verify_full".parse(), Ok(SslMode::VerifyFull));
        assert!("allow".parse::<SslMode>().is_err());
    }

    #[test]
    fn an_endpoint_never_shows_its_password() {
        let endpoint = Endpoint {
            host: "db.example".parse().unwrap(),
            port: Port::POSTGRES,
            via: None,
            user: "migrator".parse().unwrap(),
            password: Some(Secret::new("hunter2")),
            ssl_mode: SslMode::VerifyFull,
            roots: Roots::System,
            channel_binding: ChannelBinding::Prefer,
        };
        assert!(!format!("{endpoint} {endpoint:?}").contains("hunter2"));
    }
}
