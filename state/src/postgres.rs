//! A state in a PostgreSQL database: one row for what there is one of, and a row for each thing remembered. Every write is
//! one statement, so it is made whole or not at all, also through a pooler that hands out connections by transaction.
//!
//! The lock is a lease in the state's own row, told by the server's clock and renewed while its holder lives; a write
//! names the lock's token and fence, so whoever lost it writes nothing. Beside it a holder with a connection of its own
//! takes an advisory lock: when its process dies the server drops that at once, and the next one need not wait for the
//! lease. Behind a pooler an advisory lock would belong to a connection that others use too, so there only the lease counts.
//!
//! Never interprets a document, never waits for a writer, never opens a connection itself: that is for whoever [`Dial`]s.

mod line;
mod sql;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Client;

use self::line::Line;
use self::sql::Statements;
use crate::ledger::Ledger;
use crate::shared::{self, InRows, SignInRefused};
use crate::snapshot::{Actor, HistoryEntry, Snapshot};
use crate::store::{Held, HeldLock, Holder, Intent, Store, StoreError};

/// Opens connections to the database, with whatever TLS and login that takes.
#[async_trait]
pub trait Dial: Send + Sync {
    /// A new connection, which ends when the client is dropped.
    ///
    /// # Errors
    /// When none comes about; the words hold no password.
    async fn dial(&self) -> Result<Client, SignInRefused>;

    /// The server and database, as errors name them.
    fn place(&self) -> String;
}

/// Which state of a database is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateName {
    schema: String,
    name: String,
}

/// Why a state cannot have this name or schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateNameError {
    /// The schema's name would need quotes, or is longer than PostgreSQL keeps.
    #[error("`{0}` is no schema for states: 1 to 63 lowercase letters, digits and underscores, no digit first")]
    Schema(String),
    /// The state's name is empty, too long, or holds what cannot be shown.
    #[error("`{0}` is no name of a state: 1 to 200 bytes without control characters")]
    Name(String),
}

impl StateName {
    /// The state of this name in this schema.
    ///
    /// # Errors
    /// When one of them is no name.
    pub fn new(schema: &str, name: &str) -> Result<Self, StateNameError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let first = schema.bytes().next();
        if schema.len() > 63 || !schema.bytes().all(plain) || first.is_none_or(|first| first.is_ascii_digit()) {
            return Err(StateNameError::Schema(schema.to_owned()));
        }
        if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
            return Err(StateNameError::Name(name.to_owned()));
        }
        let [schema, name] = [schema, name].map(str::to_owned);
        Ok(Self { schema, name })
    }

    /// The schema whose tables keep it.
    pub fn schema(&self) -> &str {
        &self.schema
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.schema, self.name)
    }
}

/// What stands between a store and its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Between {
    /// Nothing that shares connections: each is the store's own from its first statement to its last.
    Nothing,
    /// A pooler, such as the PgBouncer of a flexible server on port 6432.
    Pooler,
}

/// How a store behaves towards its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresManners {
    /// How long a holder that fell silent keeps the lock, at least a second.
    pub lease: Duration,
    /// How long a write is tried again on new connections.
    pub patience: Duration,
    /// Whether an advisory lock belongs to the holder alone.
    pub between: Between,
}

impl Default for PostgresManners {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            patience: Duration::from_secs(30),
            between: Between::Nothing,
        }
    }
}

/// The state under a name in a database.
#[derive(Clone)]
pub struct PostgresStore {
    dial: Arc<dyn Dial>,
    place: String,
    statements: Arc<Statements>,
    manners: PostgresManners,
}

impl PostgresStore {
    /// The state of this name in the database that `dial` reaches. Nothing is sent yet. The first lock makes the schema and its
    /// tables where they are missing.
    pub fn new(dial: Arc<dyn Dial>, name: &StateName, manners: PostgresManners) -> Self {
        Self {
            place: format!("{}, state {name}", dial.place()),
            dial,
            statements: Arc::new(Statements::of(name)),
            manners,
        }
    }

    async fn line(&self) -> Result<Line, StoreError> {
        Line::open(
            Arc::clone(&self.dial),
            Arc::clone(&self.statements),
            self.place.clone(),
            self.manners,
        )
        .await
    }

    async fn ledger(&self) -> Result<Option<Ledger>, StoreError> {
        self.line().await?.load().await
    }

    fn texts(&self) -> InRows {
        InRows {
            place: self.place.clone(),
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        let ledger = self.ledger().await?;
        ledger.map(|ledger| ledger.snapshot(&self.texts())).transpose()
    }

    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError> {
        let Intent { holder } = intent;
        let (line, place) = (self.line().await?, self.place.clone());
        // A lease that is granted after the caller gave up is let go.
        shared::to_the_end(async move {
            let (ledger, writer) = writer::take(line, &holder).await?;
            Ok(shared::hold(place, ledger, writer))
        })
        .await
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        match self.ledger().await? {
            Some(ledger) => ledger.history_from(0, &self.texts()),
            None => Ok(Vec::new()),
        }
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        Ok(self.line().await?.held().await?.map(|held| held.lock))
    }

    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError> {
        let line = self.line().await?;
        let Some(line::Held { lock, token }) = line.held().await? else {
            return Ok(None);
        };
        if lock.holder.who != *whose {
            return Err(StoreError::HeldByAnother {
                named: whose.clone(),
                holder: Box::new(lock.holder),
            });
        }
        line.break_lock(&token).await?;
        Ok(Some(lock.holder))
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.place).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_need_quotes_or_could_not_be_shown_are_refused() {
        assert_eq!(
            StateName::new("pgferry", "team a/prod").unwrap().to_string(),
            "pgferry/team a/prod"
        );
        for schema in ["", "1a", "A", "a-b", "a\"b", &"a".repeat(64)] {
            assert!(
                matches!(StateName::new(schema, "x"), Err(StateNameError::Schema(_))),
                "{schema}"
            );
        }
        for name in ["", "a\0b", &"x".repeat(201)] {
            assert!(
                matches!(StateName::new("a", name), Err(StateNameError::Name(_))),
                "{name:?}"
            );
        }
    }
}
