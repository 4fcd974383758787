//! One signed-in session: asks questions, hands back answers as text, says what failed. It never interprets them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream};

use super::connect::Door;
use super::error::{QueryError, QueryFailure};
use crate::database::DatabaseName;

/// A signed-in session. A statement that is still running when nobody waits for it any more is cancelled on the server.
#[derive(Clone)]
pub struct Session {
    line: Arc<Line>,
    version: ServerVersion,
    process: i64,
}

struct Line {
    client: Client,
    door: Door,
    server: String,
    database: DatabaseName,
}

/// A server's version as `server_version_num` has it: 90624, 100023, 180004.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion(u32);

/// A question and what it asks for, in words that complete "cannot read …".
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// What is wanted, for error messages.
    pub wanted: &'a str,
    /// The statement.
    pub sql: &'a str,
}

/// One row: columns by name, values as PostgreSQL writes them.
pub struct Answer(SimpleQueryRow);

/// Rows as they arrive, so that memory stays bounded however many there are.
pub struct Answers {
    rows: Pin<Box<SimpleQueryStream>>,
    running: Running,
    wanted: String,
}

impl Session {
    pub(super) fn new(client: Client, door: Door, server: String, database: DatabaseName) -> Self {
        let line = Line {
            client,
            door,
            server,
            database,
        };
        Self {
            line: Arc::new(line),
            version: ServerVersion(0),
            process: 0,
        }
    }

    pub(super) async fn settle(self, manners: &str) -> Result<Self, QueryError> {
        let sql = include_str!("sql/settle.sql").replace("{wanted}", manners);
        let question = Question {
            wanted: "the server's version",
            sql: &sql,
        };
        let (version, process) = self
            .one(&question, |row| Ok((row.number("version")?, row.number("process")?)))
            .await?;
        Ok(Self {
            version: ServerVersion(version),
            process,
            ..self
        })
    }

    /// Which version answers.
    pub fn version(&self) -> ServerVersion {
        self.version
    }

    /// The server process that answered first; another one later betrays a pooler in between.
    pub fn process(&self) -> i64 {
        self.process
    }

    /// The server as errors name it.
    pub fn server(&self) -> &str {
        &self.line.server
    }

    /// The database this session is in.
    pub fn database(&self) -> &DatabaseName {
        &self.line.database
    }

    /// All rows, decoded. For answers that are known to be small.
    ///
    /// # Errors
    /// When the server refuses, the connection breaks, or a row cannot be decoded.
    pub async fn all<T>(
        &self,
        question: &Question<'_>,
        mut decode: impl FnMut(&Answer) -> Result<T, QueryFailure>,
    ) -> Result<Vec<T>, QueryError> {
        let mut answers = self.each(question).await?;
        let mut decoded = Vec::new();
        while let Some(answer) = answers.next().await? {
            decoded.push(decode(&answer).map_err(|failure| self.failed(question.wanted, failure))?);
        }
        Ok(decoded)
    }

    /// The only row.
    ///
    /// # Errors
    /// As [`Session::all`], and when there is not exactly one.
    pub async fn one<T>(
        &self,
        question: &Question<'_>,
        decode: impl FnMut(&Answer) -> Result<T, QueryFailure>,
    ) -> Result<T, QueryError> {
        let rows = self.all(question, decode).await?;
        let found = rows.len();
        <[T; 1]>::try_from(rows).map(|[row]| row).map_err(|_| {
            let failure = QueryFailure::Misshapen(format!("one row was expected, {found} came"));
            self.failed(question.wanted, failure)
        })
    }

    /// Rows as they arrive.
    ///
    /// # Errors
    /// When the server refuses or the connection breaks.
    pub async fn each(&self, question: &Question<'_>) -> Result<Answers, QueryError> {
        let running = Running::new(&self.line);
        let rows = self
            .line
            .client
            .simple_query_raw(question.sql)
            .await
            .map_err(|error| self.failed(question.wanted, QueryFailure::from_client(error)))?;
        Ok(Answers {
            rows: Box::pin(rows),
            running,
            wanted: question.wanted.to_owned(),
        })
    }

    /// Runs statements that answer nothing of interest.
    ///
    /// # Errors
    /// When the server refuses or the connection breaks.
    pub async fn run(&self, question: &Question<'_>) -> Result<(), QueryError> {
        let mut running = Running::new(&self.line);
        let outcome = self.line.client.batch_execute(question.sql).await;
        running.over();
        outcome.map_err(|error| self.failed(question.wanted, QueryFailure::from_client(error)))
    }

    /// Runs one statement that holds text of others: where that text makes it more than one, the server refuses all of it.
    ///
    /// # Errors
    /// When the server refuses or the connection breaks.
    pub async fn run_single(&self, question: &Question<'_>) -> Result<(), QueryError> {
        let mut running = Running::new(&self.line);
        // Of the two protocols only this one takes no more than one statement.
        let outcome = self.line.client.execute(question.sql, &[]).await;
        running.over();
        match outcome {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(question.wanted, QueryFailure::from_client(error))),
        }
    }

    /// An error about this session.
    pub fn failed(&self, wanted: &str, failure: QueryFailure) -> QueryError {
        self.line.failed(wanted, failure)
    }
}

impl Line {
    fn failed(&self, wanted: &str, failure: QueryFailure) -> QueryError {
        QueryError {
            server: self.server.clone(),
            database: self.database.clone(),
            asked: wanted.to_owned(),
            failure,
        }
    }
}

impl Answers {
    /// The next row, or `None` after the last.
    ///
    /// # Errors
    /// When the server refuses midway or the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Answer>, QueryError> {
        while let Some(message) = self.rows.next().await {
            match message {
                Ok(SimpleQueryMessage::Row(row)) => return Ok(Some(Answer(row))),
                Ok(_) => {}
                Err(error) => {
                    self.running.over();
                    return Err(self.running.line.failed(&self.wanted, QueryFailure::from_client(error)));
                }
            }
        }
        self.running.over();
        Ok(None)
    }

    /// An error about these rows.
    pub fn failed(&self, failure: QueryFailure) -> QueryError {
        self.running.line.failed(&self.wanted, failure)
    }
}

impl Answer {
    /// All columns by name; NULL is `None`.
    pub fn values(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let columns = self.0.columns().iter().enumerate();
        columns.map(|(at, column)| (column.name(), self.0.try_get(at).ok().flatten()))
    }

    /// A value that may be NULL.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn maybe(&self, column: &str) -> Result<Option<&str>, QueryFailure> {
        self.0
            .try_get(column)
            .map_err(|_| QueryFailure::Misshapen(format!("there is no column `{column}`")))
    }

    /// A value that is there.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL.
    pub fn text(&self, column: &str) -> Result<&str, QueryFailure> {
        self.maybe(column)?
            .ok_or_else(|| QueryFailure::Misshapen(format!("`{column}` is NULL")))
    }

    /// A whole number.
    ///
    /// # Errors
    /// When there is no such column, or it holds none.
    pub fn number<N: std::str::FromStr>(&self, column: &str) -> Result<N, QueryFailure> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|_| QueryFailure::Misshapen(format!("`{column}` is no number: {text}")))
    }

    /// A yes or no.
    ///
    /// # Errors
    /// When there is no such column, or it is NULL.
    pub fn flag(&self, column: &str) -> Result<bool, QueryFailure> {
        Ok(self.text(column)? == "t")
    }
}

impl ServerVersion {
    /// A version by its number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// What people call the version: 9 for 9.6, 15 for 15.18.
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.major() >= 10 {
            write!(f, "{}.{}", self.major(), self.0 % 10_000)
        } else {
            write!(f, "{}.{}.{}", self.major(), self.0 / 100 % 100, self.0 % 100)
        }
    }
}

/// Watches over a statement: dropped before its end, it asks the server to stop.
struct Running {
    line: Arc<Line>,
    unfinished: bool,
}

impl Running {
    fn new(line: &Arc<Line>) -> Self {
        Self {
            line: Arc::clone(line),
            unfinished: true,
        }
    }

    fn over(&mut self) {
        self.unfinished = false;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.unfinished || self.line.client.is_closed() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (door, token) = (self.line.door.clone(), self.line.client.cancel_token());
        runtime.spawn(async move { door.cancel(token).await });
    }
}
