//! What a rule sees: the facts of one server or database, and those of the target beside it. It asks nobody.

use std::collections::BTreeSet;

use super::End;
use super::contact::{Contact, Refused, Trouble};
use super::facts::{Ask, Facts, Missing, Row};
use super::finding::{Finding, Severity};
use crate::database::{DatabaseName, Endpoint};

/// How databases are migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Copied while nobody writes.
    Offline,
    /// Changes are replayed until the cutover.
    Online,
}

/// Why a rule says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip(pub String);

/// What a rule answers.
pub type Judged = Result<Vec<Finding>, Skip>;

/// What a rule sees.
pub struct Look<'a> {
    /// Which end it is about.
    pub end: End,
    /// How its databases are migrated.
    pub mode: Mode,
    /// The way to the server.
    pub endpoint: &'a Endpoint,
    /// The database, where the rule is about one.
    pub database: Option<&'a DatabaseName>,
    /// The databases that are migrated.
    pub databases: &'a [DatabaseName],
    /// How the attempt to reach it ended.
    pub contact: &'a Contact,
    /// The server that the database is on; the same as `contact` where the rule is about a server.
    pub server: &'a Contact,
    /// The server that it goes to.
    pub target: Option<&'a Contact>,
}

impl<'a> Look<'a> {
    /// How many of its databases are under way at once: the service takes eight at most.
    pub fn slots(&self) -> i64 {
        i64::try_from(self.databases.len().clamp(1, 8)).unwrap_or(8)
    }

    /// Why it was not reached.
    pub fn refused(&self) -> Option<&'a Refused> {
        match self.contact {
            Contact::Met(_) => None,
            Contact::Refused(refused) => Some(refused),
        }
    }

    /// What was said where an attempt failed at what a rule is about.
    ///
    /// # Errors
    /// When it failed at an earlier stage: nobody knows then what that rule's would have brought.
    pub fn refused_at(&self, troubles: &[Trouble]) -> Result<Option<&'a str>, Skip> {
        let Some(refused) = self.refused() else { return Ok(None) };
        if troubles.contains(&refused.trouble) {
            return Ok(Some(&refused.said));
        }
        match troubles.iter().all(|own| own.stage() > refused.trouble.stage()) {
            true => Err(no_connection()),
            false => Ok(None),
        }
    }

    /// What it answered.
    ///
    /// # Errors
    /// When it was not reached.
    pub fn facts(&self) -> Result<&'a Facts, Skip> {
        self.contact.facts().ok_or_else(no_connection)
    }

    /// The answer to a question; no rows where this version has no such thing.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn rows(&self, ask: &Ask) -> Result<&'a [Row], Skip> {
        answer(self.facts()?, ask)
    }

    /// The only row of an answer.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn row(&self, ask: &Ask) -> Result<&'a Row, Skip> {
        let rows = self.rows(ask)?;
        rows.first()
            .ok_or_else(|| Skip(format!("{} came without a row", ask.wanted)))
    }

    /// What the server that a database is on answered.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn of_server(&self, ask: &Ask) -> Result<&'a [Row], Skip> {
        let facts = self
            .server
            .facts()
            .ok_or_else(|| Skip("no connection to the server".to_owned()))?;
        answer(facts, ask)
    }

    /// What the target answered.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn of_target(&self, ask: &Ask) -> Result<&'a [Row], Skip> {
        answer(self.target_facts()?, ask)
    }

    /// The rows of an answer whose `name` the target's answer does not have.
    ///
    /// # Errors
    /// Why one of them could not be read.
    pub fn lacking(&self, ask: &Ask, of_target: &Ask) -> Result<Vec<&'a Row>, Skip> {
        let known: BTreeSet<&str> = self.of_target(of_target)?.iter().map(|row| row.text("name")).collect();
        let rows = self.rows(ask)?.iter();
        Ok(rows.filter(|row| !known.contains(row.text("name"))).collect())
    }

    /// The facts of the target.
    ///
    /// # Errors
    /// When it was not looked at or not reached.
    pub fn target_facts(&self) -> Result<&'a Facts, Skip> {
        match self.target {
            None => Err(Skip("no target was looked at".to_owned())),
            Some(Contact::Refused(_)) => Err(Skip("no connection to the target".to_owned())),
            Some(Contact::Met(facts)) => Ok(facts),
        }
    }

    /// One finding about all rows of an answer.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn each(&self, ask: &Ask, severity: Severity, one: &str, many: &str) -> Judged {
        Ok(Finding::of(severity, self.rows(ask)?, one, many))
    }
}

fn no_connection() -> Skip {
    Skip("no connection".to_owned())
}

fn answer<'a>(facts: &'a Facts, ask: &Ask) -> Result<&'a [Row], Skip> {
    match facts.rows(ask) {
        Ok(rows) => Ok(rows),
        Err(Missing::OtherVersion) => Ok(&[]),
        Err(Missing::Unread(why)) => Err(Skip(why)),
    }
}
