//! One connection and what is asked over it. What breaks here is told apart: a refusal of the server, and a connection
//! that is gone, after which a new one is dialled.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::sql::Statements;
use super::{Dial, PostgresManners};
use crate::hex;
use crate::ledger::Ledger;
use crate::rows::{Cell, Checksum, Content, RowKey, Rows};
use crate::shared::{InRows, RemoteFault, SignInRefused, damaged};
use crate::snapshot::{Revision, Serial};
use crate::store::{Damage, HeldLock, Holder, Life, StoreError};
use crate::upgrade::FormatVersion;

/// How long a statement may take: the longest reads or writes all of a large state.
const ANSWER: Duration = Duration::from_secs(60);

/// A connection to the database of one state.
pub(super) struct Line {
    dial: Arc<dyn Dial>,
    pub(super) statements: Arc<Statements>,
    pub(super) place: String,
    pub(super) manners: PostgresManners,
    client: Client,
}

/// A lock and the token that its holder writes under.
pub(super) struct Held {
    pub(super) lock: HeldLock,
    pub(super) token: String,
}

/// Why a statement was not answered with rows.
pub(super) enum Unanswered {
    /// The connection is gone or silent: whether the statement was carried out is not known.
    Gone(RemoteFault),
    /// The server refused, and nothing was changed.
    Refused(tokio_postgres::Error),
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Line {
    pub(super) async fn open(
        dial: Arc<dyn Dial>,
        statements: Arc<Statements>,
        place: String,
        manners: PostgresManners,
    ) -> Result<Self, StoreError> {
        let client = dial.dial().await.map_err(|refused| not_connected(&place, refused))?;
        Ok(Self {
            dial,
            statements,
            place,
            manners,
            client,
        })
    }

    /// Replaces the connection.
    pub(super) async fn redial(&mut self) -> Result<(), StoreError> {
        let dialled = self.dial.dial().await;
        self.client = dialled.map_err(|refused| not_connected(&self.place, refused))?;
        Ok(())
    }

    /// Asks for rows. The state's name is always the first parameter.
    pub(super) async fn ask(&self, sql: &str, further: &[Parameter<'_>]) -> Result<Vec<Row>, Unanswered> {
        let name = &self.statements.name;
        let mut parameters: Vec<Parameter<'_>> = vec![(name, Type::TEXT)];
        parameters.extend_from_slice(further);
        self.answered(self.client.query_typed(sql, &parameters)).await
    }

    async fn answered<T>(
        &self,
        asking: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Unanswered> {
        match tokio::time::timeout(ANSWER, asking).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if is_gone(&error) => Err(Unanswered::Gone(RemoteFault::Database(error))),
            Ok(Err(error)) => Err(Unanswered::Refused(error)),
            Err(_) => Err(Unanswered::Gone(RemoteFault::Silent(ANSWER.as_secs()))),
        }
    }

    /// What is remembered; `None` where nothing was ever stored.
    pub(super) async fn load(&self) -> Result<Option<Ledger>, StoreError> {
        match self.ask(&self.statements.load, &[]).await {
            Ok(rows) => self.understood(&rows),
            Err(Unanswered::Refused(error)) if is_missing(&error) => Ok(None),
            Err(unanswered) => Err(self.failed("read", unanswered)),
        }
    }

    /// Makes the state's row, and what it takes for that.
    pub(super) async fn prepare(&self) -> Result<(), StoreError> {
        let doing = "prepare";
        let examined = self
            .answered(self.client.query_typed(&self.statements.examine, &[]))
            .await;
        let examined = examined.map_err(|unanswered| self.failed(doing, unanswered))?;
        let row = self.only(doing, examined)?;
        let encoding: String = self.field(doing, &row, "encoding")?;
        if encoding != "UTF8" {
            let why = format!("its database keeps {encoding}, and only one with UTF8 keeps every text");
            return Err(self.remote(doing, RemoteFault::SignIn(SignInRefused(why))));
        }
        if !self.field::<bool>(doing, &row, "complete")? {
            let made = self.answered(self.client.batch_execute(&self.statements.create)).await;
            made.map_err(|unanswered| self.failed(doing, unanswered))?;
        }
        let format: &[Parameter<'_>] = &[(&(FormatVersion::CURRENT.number() as i32), Type::INT4)];
        let settled = self.ask(&self.statements.settle, format).await;
        settled.map(drop).map_err(|unanswered| self.failed(doing, unanswered))
    }

    /// Who holds the lock, once it is known that the state has a form that is known.
    pub(super) async fn holder(&self) -> Result<Option<Holder>, StoreError> {
        Ok(self.held().await?.map(|held| held.lock.holder))
    }

    /// The lock as it stands, once it is known that the state has a form that is known.
    pub(super) async fn held(&self) -> Result<Option<Held>, StoreError> {
        let doing = "look at";
        let rows = match self.ask(&self.statements.look, &[]).await {
            Ok(rows) => rows,
            Err(Unanswered::Refused(error)) if is_missing(&error) => return Ok(None),
            Err(unanswered) => return Err(self.failed(doing, unanswered)),
        };
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        self.known(self.field(doing, row, "format")?)?;
        let Some(holder) = holder_in(self.field(doing, row, "holder")?) else {
            return Ok(None);
        };
        let life = if self.field(doing, row, "alive")? {
            Life::Alive
        } else {
            Life::Lapsed
        };
        Ok(Some(Held {
            lock: HeldLock { holder, life },
            token: self.field(doing, row, "token")?,
        }))
    }

    /// Ends this lock if it is still held under this token; one that is not was let go meanwhile.
    pub(super) async fn break_lock(&self, token: &str) -> Result<(), StoreError> {
        let token: &[Parameter<'_>] = &[(&token, Type::TEXT)];
        let broken = self.ask(&self.statements.break_lock, token).await;
        broken
            .map(drop)
            .map_err(|unanswered| self.failed("break the lock of", unanswered))
    }

    /// Whether the server gave this connection the state's advisory lock.
    pub(super) async fn try_advisory(&self) -> Result<bool, StoreError> {
        let doing = "lock";
        let sql = "SELECT pg_try_advisory_lock($1) AS ours";
        let key: &[Parameter<'_>] = &[(&self.statements.lock_key, Type::INT8)];
        let rows = self.answered(self.client.query_typed(sql, key)).await;
        let rows = rows.map_err(|unanswered| self.failed(doing, unanswered))?;
        let row = self.only(doing, rows)?;
        self.field(doing, &row, "ours")
    }

    fn understood(&self, answer: &[Row]) -> Result<Option<Ledger>, StoreError> {
        let doing = "read";
        let Some(first) = answer.first() else {
            return Ok(None);
        };
        self.known(self.field(doing, first, "format")?)?;
        let unreadable = |what: &str| damaged(&self.place, Damage::Database(what.to_owned()));
        let mut rows = Rows::new();
        for row in answer {
            let Some(key) = self.field::<Option<&str>>(doing, row, "key")? else {
                // The row of a state without rows: it was made, and never written.
                return Ok(None);
            };
            let key = RowKey::from_text(key).ok_or_else(|| unreadable("a row has a key that means nothing"))?;
            let revision: i64 = self.field(doing, row, "revision")?;
            let content: &str = self.field(doing, row, "content")?;
            let cell = Cell {
                revision: Revision::new(revision.cast_unsigned()),
                content: Content::Inline(content.into()),
            };
            rows.set(key, cell);
        }
        let checksum: String = self.field(doing, first, "checksum")?;
        if checksum != written(rows.checksum()) {
            return Err(damaged(&self.place, Damage::Checksum));
        }
        let serial: i64 = self.field(doing, first, "serial")?;
        let texts = InRows {
            place: self.place.clone(),
        };
        let ledger = Ledger::of(Serial::new(serial.cast_unsigned()), rows, &texts)?;
        ledger.map(Some).ok_or_else(|| unreadable("it has no head"))
    }

    fn known(&self, format: i32) -> Result<(), StoreError> {
        let known = FormatVersion::CURRENT;
        match u32::try_from(format) {
            Ok(0) | Err(_) => Err(damaged(&self.place, Damage::FormatMarker)),
            Ok(number) if FormatVersion::new(number) > known => Err(StoreError::NewerFormat {
                found: FormatVersion::new(number),
                known,
            }),
            Ok(_) => Ok(()),
        }
    }

    pub(super) fn only(&self, doing: &'static str, rows: Vec<Row>) -> Result<Row, StoreError> {
        let first = rows.into_iter().next();
        first.ok_or_else(|| self.remote(doing, RemoteFault::Malformed("a row")))
    }

    pub(super) fn field<'r, T: tokio_postgres::types::FromSql<'r>>(
        &self,
        doing: &'static str,
        row: &'r Row,
        name: &str,
    ) -> Result<T, StoreError> {
        let field = row.try_get(name);
        field.map_err(|error| self.remote(doing, RemoteFault::Database(error)))
    }

    pub(super) fn failed(&self, doing: &'static str, unanswered: Unanswered) -> StoreError {
        let fault = match unanswered {
            Unanswered::Gone(fault) => fault,
            Unanswered::Refused(error) => RemoteFault::Database(error),
        };
        self.remote(doing, fault)
    }

    pub(super) fn remote(&self, doing: &'static str, fault: RemoteFault) -> StoreError {
        StoreError::Remote {
            doing,
            place: self.place.clone(),
            source: fault.into(),
        }
    }
}

/// A checksum as it is stored.
pub(super) fn written(checksum: Checksum) -> String {
    hex::encode(&checksum.to_stored())
}

/// A holder that cannot be read still holds.
fn holder_in(text: Option<String>) -> Option<Holder> {
    text.map(|text| serde_json::from_str(&text).unwrap_or_else(|_| Holder::unknown()))
}

fn not_connected(place: &str, refused: SignInRefused) -> StoreError {
    StoreError::Remote {
        doing: "reach",
        place: place.to_owned(),
        source: RemoteFault::SignIn(refused).into(),
    }
}

/// Whether the connection is no use any more: closed, or closed by a server that shuts down or a pooler that lost it.
fn is_gone(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => code.code().starts_with("57P") || code.code().starts_with("08"),
        None => true,
    }
}

/// Whether there is no such table or schema.
fn is_missing(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| matches!(code.code(), "42P01" | "3F000"))
}
