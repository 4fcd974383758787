//! One end of a comparison: sessions that all see one snapshot. It never writes, and knows nothing of the other end.

use crate::database::{DatabaseName, Endpoint, quote_literal};
use crate::postgres::{
    Access, Answer, ConnectError, Errand, Limits, QueryError, QueryFailure, Question, Session, connect,
};

/// Schemas that belong to the system or the provider.
const OURS: &str = "n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'azure', 'cron', 'pgaadauth')";

/// Sessions to one database that see the same instant of it.
pub struct Side {
    sessions: Vec<Session>,
}

/// Why an end could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// No session came about.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A question got no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Side {
    /// Opens so many sessions, the first of which lends its snapshot to the others.
    ///
    /// # Errors
    /// When a session cannot be had or the snapshot not be shared.
    pub async fn open(
        endpoint: &Endpoint,
        database: &DatabaseName,
        limits: Limits,
        sessions: usize,
    ) -> Result<Self, SideError> {
        let dial = || connect(endpoint, database, Errand::Verify, Access::ReadOnly, limits);
        let first = dial().await?;
        let begin = "begin transaction isolation level repeatable read, read only";
        run(&first, begin).await?;
        let mut all = vec![first.clone()];
        if sessions > 1 {
            let question = Question {
                wanted: "a snapshot to share",
                sql: "select pg_export_snapshot() as snapshot",
            };
            let snapshot = first.one(&question, |row| Ok(row.text("snapshot")?.to_owned())).await?;
            let join = format!("{begin}; set transaction snapshot {}", quote_literal(&snapshot));
            for _ in 1..sessions {
                let further = dial().await?;
                run(&further, &join).await?;
                all.push(further);
            }
        }
        for session in &all {
            // Statements over whole tables are few and plain; compiling them for wide tables takes longer than it saves.
            run(
                session,
                "select set_config(name, 'off', true) from pg_settings where name = 'jit'; savepoint looked",
            )
            .await?;
        }
        Ok(Self { sessions: all })
    }

    /// Takes back what a refused statement of the first session has spoilt.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn recover(&self) -> Result<(), QueryError> {
        recover(self.first()).await
    }

    /// The first session.
    pub fn first(&self) -> &Session {
        // A side is opened with one session at least, and loses none.
        self.sessions.first().expect("a side has a session")
    }

    /// Ends the transactions, so that servers do not report clients that went away in the middle of one.
    pub async fn close(self) {
        for session in &self.sessions {
            // There is nothing to lose.
            let _ = run(session, "rollback").await;
        }
    }

    /// All sessions, each for one reader at a time.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }
}

/// How a session gets at the rows of a range of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As the server sees fit.
    Any,
    /// Page by page: by way of an index alone it would come back to the same pages, and take a third longer.
    ByPages,
}

/// Sets the way for the statements to come; a refused statement sets it back.
///
/// # Errors
/// When the connection is gone.
pub async fn take(session: &Session, way: Way) -> Result<(), QueryError> {
    let sql = match way {
        Way::Any => "set local enable_indexscan = on",
        Way::ByPages => "set local enable_indexscan = off",
    };
    run(session, sql).await
}

/// Takes back what a refused statement has spoilt, so that the session sees its snapshot again.
///
/// # Errors
/// When the connection is gone.
pub async fn recover(session: &Session) -> Result<(), QueryError> {
    run(session, "rollback to savepoint looked").await
}

/// Asks one of our own questions, which holds no name of a user, with our schemas filled in, and decodes every row.
///
/// # Errors
/// As [`Session::all`].
pub async fn ask<T>(
    session: &Session,
    wanted: &str,
    sql: &'static str,
    decode: impl FnMut(&Answer) -> Result<T, QueryFailure>,
) -> Result<Vec<T>, QueryError> {
    let sql = ours(sql);
    session.all(&Question { wanted, sql: &sql }, decode).await
}

/// One of our own statements, with the schemas that are neither the system's nor the provider's in the place of `{ours}`. Never for a
/// statement with names of a user, which may hold these characters, too.
pub fn ours(sql: &'static str) -> String {
    sql.replace("{ours}", OURS)
}

async fn run(session: &Session, sql: &str) -> Result<(), QueryError> {
    let wanted = "one snapshot";
    session.run(&Question { wanted, sql }).await
}
