//! What all rules say about all that was looked at. Pure: the same facts always give the same report.

use super::End;
use super::contact::Contact;
use super::finding::{Finding, Severity};
use super::gather::{Choice, Chosen, Seen};
use super::look::{Look, Mode};
use super::rule::{ALL, Over, Rule, When};
use super::waiver::Waived;
use crate::address::Address;
use crate::database::DatabaseName;

/// What a rule is about in one case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The server's resource.
    pub server: Address,
    /// Which end it is.
    pub end: End,
    /// The database, where it is about one.
    pub database: Option<DatabaseName>,
}

/// What came of a rule in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Passed,
    /// Something is.
    Found {
        /// What.
        finding: Finding,
        /// Who takes it upon himself, if somebody does.
        waived: Option<Waived>,
    },
    /// It could not look; why.
    Skipped(String),
}

/// A rule, a place, and what came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The rule.
    pub rule: &'static Rule,
    /// The place.
    pub place: Place,
    /// What came of it.
    pub verdict: Verdict,
}

/// Everything that was judged.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order of servers, databases and codes.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Judges what was seen.
    pub fn of(seen: &[Seen]) -> Self {
        let mut report = Self::default();
        for server in seen {
            report.judge_server(server, seen);
        }
        report
    }

    /// The findings, with whether they are waived.
    pub fn findings(&self) -> impl Iterator<Item = (&Outcome, &Finding, Option<&Waived>)> {
        self.outcomes.iter().filter_map(|outcome| match &outcome.verdict {
            Verdict::Found { finding, waived } => Some((outcome, finding, waived.as_ref())),
            Verdict::Passed | Verdict::Skipped(_) => None,
        })
    }

    /// How many findings of a severity nobody waives.
    pub fn count(&self, severity: Severity) -> usize {
        let counts = |(_, finding, waived): &(&Outcome, &Finding, Option<&Waived>)| {
            finding.severity == severity && waived.is_none()
        };
        self.findings().filter(counts).count()
    }

    fn judge_server(&mut self, seen: &Seen, all: &[Seen]) {
        let mode = match &seen.wanted.databases {
            Choice::All => Mode::Online,
            Choice::These(chosen) => chosen.iter().map(|chosen| chosen.mode).max().unwrap_or(Mode::Online),
        };
        let names: Vec<DatabaseName> = match &seen.wanted.databases {
            Choice::These(chosen) => chosen.iter().map(|chosen| chosen.name.clone()).collect(),
            Choice::All => seen.databases.iter().map(|(chosen, _)| chosen.name.clone()).collect(),
        };
        let only_target = seen.databases.iter().find_map(|(chosen, _)| chosen.target.as_ref());
        let look = Look {
            end: seen.wanted.end,
            mode,
            endpoint: &seen.wanted.endpoint,
            database: None,
            databases: &names,
            contact: &seen.contact,
            server: &seen.contact,
            target: target(only_target, all),
        };
        self.judge(seen, None, &look, |over| match over {
            Over::Contact | Over::Both => true,
            Over::Source => seen.wanted.end == End::Source,
            Over::Target => seen.wanted.end == End::Target,
            Over::Database | Over::Arrival => false,
        });
        for (chosen, contact) in &seen.databases {
            let look = Look {
                database: Some(&chosen.name),
                mode: chosen.mode,
                contact,
                target: target(chosen.target.as_ref(), all),
                ..look
            };
            let is_whole = contact.facts().is_some_and(|facts| facts.lost.is_none());
            self.judge(seen, Some(chosen), &look, |over| match over {
                // A database that answers has said all about the way to it by answering.
                Over::Contact => !is_whole,
                Over::Database => seen.wanted.end == End::Source,
                Over::Arrival => seen.wanted.end == End::Target,
                Over::Source | Over::Target | Over::Both => false,
            });
        }
    }

    fn judge(&mut self, seen: &Seen, chosen: Option<&Chosen>, look: &Look<'_>, concerns: impl Fn(Over) -> bool) {
        for rule in ALL.iter().copied() {
            let meant = match rule.when {
                When::Always => true,
                When::Online => look.mode == Mode::Online,
            };
            if !meant || !concerns(rule.over) {
                continue;
            }
            let place = Place {
                server: seen.wanted.address.clone(),
                end: seen.wanted.end,
                database: chosen.map(|chosen| chosen.name.clone()),
            };
            let mut tell = |verdict| {
                let place = place.clone();
                self.outcomes.push(Outcome { rule, place, verdict });
            };
            match (rule.judge)(look) {
                Err(skip) => tell(Verdict::Skipped(skip.0)),
                Ok(found) if found.is_empty() => tell(Verdict::Passed),
                Ok(found) => found
                    .into_iter()
                    .for_each(|finding| tell(Verdict::Found { finding, waived: None })),
            }
        }
    }
}

fn target<'a>(address: Option<&Address>, all: &'a [Seen]) -> Option<&'a Contact> {
    let address = address?;
    all.iter()
        .find(|seen| seen.wanted.end == End::Target && seen.wanted.address == *address)
        .map(|seen| &seen.contact)
}
