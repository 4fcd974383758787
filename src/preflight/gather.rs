//! Gathers facts: one read-only session for each server and database, all questions of a session sent at once. It judges nothing and
//! writes nothing.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;

use super::End;
use super::contact::{Contact, Refused, Trouble};
use super::facts::{Ask, Facts, Missing, Row};
use super::look::Mode;
use super::rule::{self, Over};
use crate::address::Address;
use crate::database::{DatabaseName, Endpoint};
use crate::postgres::{Access, Errand, Limits, QueryFailure, Question, Session, connect, in_full};

/// The database that nearly every server has.
const MAINTENANCE: &str = "postgres";

/// Databases that belong to the system or the provider; the service migrates none of them.
const SYSTEM: [&str; 8] = [
    "postgres",
    "azure_maintenance",
    "azure_sys",
    "rdsadmin",
    "cloudsqladmin",
    "alloydbadmin",
    "alloydbmetadata",
    "template1",
];

/// Relations that are neither the system's nor an extension's.
const OURS: &str = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and not exists (select 1 from pg_depend d where \
                    d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')";

/// A server to look at.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The resource.
    pub address: Address,
    /// Which end it is.
    pub end: End,
    /// The way there.
    pub endpoint: Endpoint,
    /// How long to wait.
    pub limits: Limits,
    /// Its databases.
    pub databases: Choice,
}

/// Which databases of a server are looked at.
#[derive(Clone, Debug)]
pub enum Choice {
    /// All that are not the system's, as for an online migration.
    All,
    /// These.
    These(Vec<Chosen>),
}

/// A database to look at.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its name.
    pub name: DatabaseName,
    /// How it is migrated.
    pub mode: Mode,
    /// The resource of the server that it goes to, on the source.
    pub target: Option<Address>,
}

/// A server that was looked at.
#[derive(Debug)]
pub struct Seen {
    /// What was wanted.
    pub wanted: Wanted,
    /// How the attempt ended.
    pub contact: Contact,
    /// The same for each of its databases.
    pub databases: Vec<(Chosen, Contact)>,
}

/// Looks at servers and their databases, at most so many sessions to one server at once.
pub async fn look(wanted: Vec<Wanted>, at_once: usize) -> Vec<Seen> {
    join_all(wanted.into_iter().map(|server| look_at(server, at_once.max(1)))).await
}

async fn look_at(wanted: Wanted, at_once: usize) -> Seen {
    let contact = meet_server(&wanted).await;
    let existing = contact.facts().map(databases).unwrap_or_default();
    let chosen: Vec<Chosen> = match (&wanted.databases, wanted.end, &contact) {
        (_, _, Contact::Refused(_)) => Vec::new(),
        (Choice::These(chosen), End::Source, Contact::Met(_)) => chosen.clone(),
        // What is not there yet cannot be in the way.
        (Choice::These(chosen), End::Target, Contact::Met(_)) => {
            let there = |chosen: &&Chosen| existing.contains(&chosen.name);
            chosen.iter().filter(there).cloned().collect()
        }
        (Choice::All, End::Source, Contact::Met(_)) => existing.into_iter().map(every).collect(),
        (Choice::All, End::Target, Contact::Met(_)) => Vec::new(),
    };
    let asks = match wanted.end {
        End::Source => rule::asks(Over::Database),
        End::Target => rule::asks(Over::Arrival),
    };
    let (asks, wanted_ref) = (&asks, &wanted);
    let looks = chosen.into_iter().map(|chosen| async move {
        let contact = meet(wanted_ref, &chosen.name, asks).await;
        (chosen, contact)
    });
    // In the order that was asked for, whichever answers first.
    let databases = stream::iter(looks).buffered(at_once).collect().await;
    Seen {
        wanted,
        contact,
        databases,
    }
}

fn every(name: DatabaseName) -> Chosen {
    Chosen {
        name,
        mode: Mode::Online,
        target: None,
    }
}

/// The maintenance database tells about the server; where it may not be entered, any of those that are migrated does.
async fn meet_server(wanted: &Wanted) -> Contact {
    let mut asks = match wanted.end {
        End::Source => rule::asks(Over::Source),
        End::Target => rule::asks(Over::Target),
    };
    asks.extend(rule::asks(Over::Both));
    let names = match &wanted.databases {
        Choice::All => Vec::new(),
        Choice::These(chosen) => chosen.iter().map(|chosen| chosen.name.clone()).collect(),
    };
    let mut refused = Refused {
        trouble: Trouble::Database,
        said: "no database could be entered".to_owned(),
    };
    for name in MAINTENANCE.parse().into_iter().chain(names) {
        match meet(wanted, &name, &asks).await {
            Contact::Refused(again) if again.trouble == Trouble::Database => refused = again,
            contact => return contact,
        }
    }
    Contact::Refused(refused)
}

async fn meet(wanted: &Wanted, database: &DatabaseName, asks: &[&'static Ask]) -> Contact {
    let session = connect(
        &wanted.endpoint,
        database,
        Errand::Preflight,
        Access::ReadOnly,
        wanted.limits,
    );
    match session.await {
        Ok(session) => Contact::Met(facts(&session, asks).await),
        Err(error) => Contact::Refused(Refused::of(&error)),
    }
}

async fn facts(session: &Session, asks: &[&'static Ask]) -> Facts {
    // Sent without waiting for each other, they cost one round trip together.
    let answers = join_all(asks.iter().map(|asked| ask(session, asked))).await;
    let mut facts = Facts::new(session.version(), session.process());
    for (asked, answer) in asks.iter().zip(answers) {
        if let Err(Unanswered { lost: Some(why), .. }) = &answer {
            facts.lost.get_or_insert_with(|| why.clone());
        }
        facts.insert(asked, answer.map_err(|unanswered| unanswered.missing));
    }
    facts
}

/// A question without an answer.
struct Unanswered {
    missing: Missing,
    /// Why the connection broke, where that is the cause.
    lost: Option<String>,
}

async fn ask(session: &Session, asked: &Ask) -> Result<Vec<Row>, Unanswered> {
    let version = session.version().number();
    if version < asked.since || version >= asked.before {
        return Err(Unanswered {
            missing: Missing::OtherVersion,
            lost: None,
        });
    }
    let sql = asked.sql.replace("{ours}", OURS);
    let question = Question {
        wanted: asked.wanted,
        sql: &sql,
    };
    let rows = session.all(&question, |answer| Ok(Row::new(answer.values()))).await;
    rows.map_err(|error| {
        let why = format!("cannot read {}: {}", asked.wanted, in_full(&error.failure));
        // An administrator's command and a crash end a session with these.
        let ended = matches!(error.failure.sqlstate(), Some("57P01" | "57P02" | "57P03"));
        let is_lost = ended || matches!(error.failure, QueryFailure::Lost(_));
        Unanswered {
            lost: is_lost.then(|| why.clone()),
            missing: Missing::Unread(why),
        }
    })
}

/// The databases of a server that could be migrated.
fn databases(facts: &Facts) -> Vec<DatabaseName> {
    let rows = facts.rows(&rule::pf047::ASK).unwrap_or_default();
    rows.iter()
        .filter(|row| row.is("allowed") && row.is("enterable") && !row.is("template"))
        .map(|row| row.text("name"))
        .filter(|name| !SYSTEM.contains(name))
        .filter_map(|name| name.parse().ok())
        .collect()
}
