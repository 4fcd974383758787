//! The walk over databases: snapshots, catalogs, rows, sequences. What differs is judged by the modules that it calls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{join_all, try_join};

use super::canonical::Form;
use super::pair::{Level, Options, Pair, Settling};
use super::report::{Compared, Detail, Difference, Gravity, Report, RowsVerdict, TableOutcome};
use super::rows::{self, Both, Reading};
use super::side::{Side, SideError, ask, recover};
use super::table::{self, Holder, Table};
use super::{catalog, large_object, repair, sequence, view_text};
use crate::clock::Clock;
use crate::database::TableName;
use crate::diagnostic::Code;
use crate::diagnostic::code::{COUNT_DIFFERS, LARGE_OBJECT_DIFFERS, MULTISET_DIFFERS, NOT_COMPARED, ROWS_DIFFER};
use crate::postgres::{QueryFailure, in_full};

/// Hears how a comparison goes on.
pub trait Observer: Sync {
    /// A database is being compared.
    fn began(&self, pair: &Pair);

    /// The rows of a table have been compared, of so many tables.
    fn table(&self, pair: &Pair, outcome: &TableOutcome, of: usize);
}

/// Compares databases one after the other.
pub async fn verify(pairs: &[Pair], options: &Options, clock: &dyn Clock, observer: &dyn Observer) -> Report {
    let mut report = Report::default();
    for pair in pairs {
        observer.began(pair);
        let mut compared = Compared {
            batch: pair.batch.clone(),
            database: pair.database.clone(),
            level: options.level,
            versions: None,
            objects: Vec::new(),
            tables: Vec::new(),
            differences: Vec::new(),
        };
        let reading = Walk {
            pair,
            options,
            clock,
            observer,
        };
        if let Err(error) = reading.database(&mut compared).await {
            compared.differences.push(Difference {
                code: NOT_COMPARED,
                gravity: Gravity::Counts,
                kind: "database",
                subject: pair.database.to_string(),
                detail: Detail::Unread(in_full(&error)),
                repair: None,
            });
        }
        compared.differences.sort_by(|a, b| {
            (a.gravity != Gravity::Counts, a.code.as_str(), &a.subject).cmp(&(
                b.gravity != Gravity::Counts,
                b.code.as_str(),
                &b.subject,
            ))
        });
        report.databases.push(compared);
    }
    report
}

struct Walk<'a> {
    pair: &'a Pair,
    options: &'a Options,
    clock: &'a dyn Clock,
    observer: &'a dyn Observer,
}

impl Walk<'_> {
    async fn database(&self, compared: &mut Compared) -> Result<(), SideError> {
        let pair = self.pair;
        let [source_limits, target_limits] = pair.limits;
        let sessions = match self.options.level {
            Level::Schema => 1,
            Level::Counts | Level::Checksum => self.options.at_once.max(1),
        };
        let (source, target) = try_join(
            Side::open(&pair.source, &pair.database, source_limits, sessions),
            Side::open(&pair.target, &pair.database, target_limits, sessions),
        )
        .await?;
        let outcome = self.ends(&source, &target, compared).await;
        source.close().await;
        target.close().await;
        outcome
    }

    async fn ends(&self, source: &Side, target: &Side, compared: &mut Compared) -> Result<(), SideError> {
        let pair = self.pair;
        compared.versions = Some([source.first().version(), target.first().version()]);
        let catalogs = catalog::compare(source, target).await?;
        compared.objects = catalogs.objects;
        compared.differences.extend(catalogs.differences);
        compared
            .differences
            .extend(view_text::settle(pair, catalogs.views).await?);
        if self.options.level == Level::Schema {
            return Ok(());
        }
        self.rows(source, target, compared).await?;
        for mut difference in sequence::compare(source, target).await? {
            if matches!(pair.settling, Settling::Replaying { .. }) {
                difference.gravity =
                    Gravity::Expected("sequences are not replayed; they are set after the cutover".to_owned());
            }
            compared.differences.push(difference);
        }
        Ok(())
    }

    async fn rows(&self, source: &Side, target: &Side, compared: &mut Compared) -> Result<(), SideError> {
        let (ours, theirs) = try_join(table::held(source), table::held(target)).await?;
        let (one, other) = try_join(encoding(source), encoding(target)).await?;
        let form = Form::of(source.first().version(), target.first().version(), one != other);
        let mut tables: Vec<Table> = ours
            .iter()
            .filter(|(name, _)| self.is_meant(name))
            .filter_map(|(name, held)| Some(table::paired(name, held, theirs.get(name)?, form)))
            .collect();
        if self.options.tables.is_empty() {
            let (ours, theirs) =
                try_join(large_object::count(source.first()), large_object::count(target.first())).await?;
            if ours + theirs > 0 {
                tables.push(large_object::table(form, ours.max(theirs)));
            }
        }
        // The largest first, so that none of them begins when all others are done.
        tables.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.name.cmp(&b.name)));
        let of = tables.len();
        let waiting: Mutex<VecDeque<Table>> = Mutex::new(tables.into());
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let reading = Reading {
            pair: self.pair,
            options: self.options,
            form,
            clock: self.clock,
        };
        let sessions = source.sessions().iter().zip(target.sessions());
        let readers = sessions.map(|(source, target)| {
            let both = Both {
                source: source.clone(),
                target: target.clone(),
            };
            let (next, reading) = (&next, &reading);
            async move {
                let mut outcomes = Vec::new();
                while let Some(table) = next() {
                    let (outcome, difference) = self.table(&both, &table, reading).await;
                    self.observer.table(self.pair, &outcome, of);
                    outcomes.push((outcome, difference));
                }
                outcomes
            }
        });
        for (outcome, difference) in join_all(readers).await.into_iter().flatten() {
            compared.differences.extend(difference);
            compared.tables.push(outcome);
        }
        compared.tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    fn is_meant(&self, name: &TableName) -> bool {
        self.options.tables.is_empty() || self.options.tables.iter().any(|pattern| pattern.takes(name))
    }

    async fn table(&self, both: &Both, table: &Table, reading: &Reading<'_>) -> (TableOutcome, Option<Difference>) {
        let outcome = |verdict| TableOutcome {
            name: table.name.clone(),
            verdict,
            left_out: table.left_out.clone(),
        };
        let difference = |code, detail, repair| Difference {
            code,
            gravity: Gravity::Counts,
            kind: match table.holder {
                Holder::Table => "table",
                Holder::MaterialisedView => "materialised view",
                Holder::LargeObjects => "large objects",
            },
            subject: match table.holder {
                Holder::Table | Holder::MaterialisedView => table.name.to_string(),
                Holder::LargeObjects => "of the database".to_owned(),
            },
            detail,
            repair,
        };
        let place = (
            self.pair.batch.to_string(),
            self.pair.database.to_string(),
            table.name.quoted(),
        );
        if self.options.proven.contains(&place) {
            return (outcome(RowsVerdict::Proven), None);
        }
        let compared = match self.options.level {
            Level::Schema => return (outcome(RowsVerdict::Proven), None),
            Level::Counts => rows::count(both, table).await.map(|rows| (rows, None)),
            Level::Checksum => rows::compare(both, table, reading)
                .await
                .map(|compared| (compared.rows, compared.different)),
        };
        match compared {
            Err(error) => {
                let why = match &error {
                    SideError::Query(error) => in_full(&error.failure),
                    SideError::Connect(error) => in_full(error),
                };
                for session in [&both.source, &both.target] {
                    // Where even this fails, the connection is gone, and every further table says so.
                    let _ = recover(session).await;
                }
                let told = difference(NOT_COMPARED, Detail::Unread(why.clone()), None);
                (outcome(RowsVerdict::Unread(why)), Some(told))
            }
            Ok((rows, Some(different))) => {
                let code = code(table, &different.key);
                let repair = repair::rows(table, &different);
                let told = difference(code, Detail::Rows { rows, different }, Some(repair));
                (outcome(RowsVerdict::Different(rows)), Some(told))
            }
            Ok((rows, None)) if self.options.level == Level::Counts && rows.first() != rows.last() => {
                let told = difference(COUNT_DIFFERS, Detail::Counts(rows), None);
                (outcome(RowsVerdict::Different(rows)), Some(told))
            }
            Ok(([source, _], None)) => (outcome(RowsVerdict::Same(source)), None),
        }
    }
}

fn code(table: &Table, key: &[String]) -> Code {
    match (table.holder, key) {
        (Holder::LargeObjects, _) => LARGE_OBJECT_DIFFERS,
        (Holder::Table | Holder::MaterialisedView, []) => MULTISET_DIFFERS,
        (Holder::Table | Holder::MaterialisedView, _) => ROWS_DIFFER,
    }
}

async fn encoding(side: &Side) -> Result<Vec<String>, SideError> {
    let sql = "select getdatabaseencoding() as encoding";
    let read = ask(side.first(), "the encoding", sql, |row| {
        Ok::<_, QueryFailure>(row.text("encoding")?.to_owned())
    });
    Ok(read.await?)
}
