//! What was asked of a server and what it answered, as plain values. Nothing here connects or judges.

use std::collections::BTreeMap;

use crate::postgres::ServerVersion;

/// A question to a server or a database.
#[derive(Debug)]
pub struct Ask {
    /// What is wanted, in words that complete "cannot read …"; also its name among the facts.
    pub wanted: &'static str,
    /// The statement; `{ours}` stands for the relations that are neither the system's nor an extension's.
    pub sql: &'static str,
    /// The first version that has what it asks for, as `server_version_num` counts.
    pub since: u32,
    /// The first version that no longer has it.
    pub before: u32,
}

/// Every version.
pub const ALWAYS: u32 = u32::MAX;

/// One row: columns by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row(BTreeMap<String, Option<String>>);

/// Why an answer is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This version has no such thing, so there is nothing that could be wrong.
    OtherVersion,
    /// It could not be read.
    Unread(String),
}

/// What a server or a database answered.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Which version answers.
    pub version: ServerVersion,
    /// The server process that answered first.
    pub process: i64,
    /// Why the connection broke, where it did before all was answered.
    pub lost: Option<String>,
    answers: BTreeMap<&'static str, Result<Vec<Row>, Missing>>,
}

impl Row {
    /// A row of these columns.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let owned = |(name, value): (&str, Option<&str>)| (name.to_owned(), value.map(str::to_owned));
        Self(columns.into_iter().map(owned).collect())
    }

    /// A value, where there is one.
    pub fn maybe(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_deref()
    }

    /// A value; empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        self.maybe(column).unwrap_or_default()
    }

    /// A whole number; 0 where there is none.
    pub fn number(&self, column: &str) -> i64 {
        self.text(column).parse().unwrap_or_default()
    }

    /// A truth value.
    pub fn is(&self, column: &str) -> bool {
        matches!(self.text(column), "t" | "true" | "on")
    }
}

impl Facts {
    /// Nothing answered yet.
    pub fn new(version: ServerVersion, process: i64) -> Self {
        Self {
            version,
            process,
            lost: None,
            answers: BTreeMap::new(),
        }
    }

    /// Takes up an answer.
    pub fn insert(&mut self, ask: &'static Ask, answer: Result<Vec<Row>, Missing>) {
        self.answers.insert(ask.wanted, answer);
    }

    /// The answer to a question.
    ///
    /// # Errors
    /// Why there is none.
    pub fn rows(&self, ask: &Ask) -> Result<&[Row], Missing> {
        match self.answers.get(ask.wanted) {
            Some(Ok(rows)) => Ok(rows),
            Some(Err(missing)) => Err(missing.clone()),
            None => Err(Missing::Unread(format!("{} was not asked for", ask.wanted))),
        }
    }
}
