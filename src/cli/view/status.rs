//! Migrations on their way: what each does, how far it is, what it needs; the portal's columns for its databases.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::layout::{clean, count, hang, listed, pad_left, table, typed, width};
use super::progress::approval;
use super::time::{between, instant, lag, length};
use crate::address::{Address, UnitAddress};
use crate::arm::migration::{
    CUTOVER_WAIT, DatabaseProgress, DatabaseState, Ending, Migration, MigrationMode, Standing, State, Substate,
};
use crate::cli::advice::on_question;
use crate::cli::calling::Calling;
use crate::cli::color::{ADD, ADVANCE, CHANGE, DIM, REMOVE, STRONG, paint};
use crate::cli::dealt::{Dealt, Next};
use crate::plan::step::{Opens, Response};
use crate::window::Window;

/// One migration of a batch, as far as it is known.
pub(crate) struct Row {
    /// Its unit.
    pub(crate) unit: UnitAddress,
    /// What Azure says of its last attempt.
    pub(crate) seen: Seen,
    /// Earlier attempts of the same migration.
    pub(crate) earlier: usize,
}

/// What Azure says of a migration.
pub(crate) enum Seen {
    /// This.
    Migration(Box<Migration>),
    /// It is remembered under this name, and not in the list of the target.
    Missing(String),
    /// Nobody could read it; why.
    Unreadable(String),
}

/// How much is shown of each migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Databases {
    /// Of those that are not over.
    OfActive,
    /// Of all.
    OfAll,
}

/// Everything that is shown.
pub(crate) struct StatusView {
    /// The migrations, in address order.
    pub(crate) rows: Vec<Row>,
    /// How many more migrations are over and not shown.
    pub(crate) over: usize,
    /// The declared batches; where their target cannot be read, no more is known of them.
    pub(crate) batches: BTreeMap<Address, Option<Dealt>>,
    /// The run that is open, if one is, in words.
    pub(crate) run: Option<String>,
    /// Now, by the cloud's clock.
    pub(crate) now: Timestamp,
    /// How commands are called.
    pub(crate) calling: Calling,
}

impl StatusView {
    /// As text with styles.
    pub(crate) fn render(&self, databases: Databases, columns: usize) -> String {
        let mut text = String::new();
        if let Some(run) = &self.run {
            text.push_str(&hang("", "", &self.calling.in_text(run), columns));
            text.push('\n');
        }
        for group in self.rows.chunk_by(|a, b| a.unit.resource == b.unit.resource) {
            self.group(&mut text, group, databases, columns);
        }
        for (address, dealt) in self.untouched() {
            match dealt {
                Some(dealt) => self.untouched_batch(&mut text, address, dealt, columns),
                None => {
                    let _ = writeln!(text, "{STRONG}{address}{STRONG:#}: its target cannot be read\n");
                }
            }
        }
        if text.is_empty() {
            text.push_str(&match self.over {
                0 => "No migrations: the configuration declares none, and none is remembered.\n".to_owned(),
                1 => self
                    .calling
                    .in_text("The one migration is over: `pgferry status` shows it.\n"),
                over => self.calling.in_text(&format!(
                    "All {over} migrations are over: `pgferry status` shows them.\n"
                )),
            });
        }
        self.needs(&mut text, columns);
        text
    }

    /// Declared batches of which nothing is shown above, and that are not hidden because they are over.
    fn untouched(&self) -> impl Iterator<Item = (&Address, Option<&Dealt>)> {
        let is_shown = |address: &Address| self.rows.iter().any(|row| row.unit.resource == *address);
        let has_news = |dealt: &Option<Dealt>| {
            self.over == 0 || dealt.as_ref().is_none_or(|dealt| dealt.arrived < dealt.databases)
        };
        self.batches
            .iter()
            .filter(move |(address, dealt)| !is_shown(address) && has_news(dealt))
            .map(|(address, dealt)| (address, dealt.as_ref()))
    }

    fn untouched_batch(&self, text: &mut String, address: &Address, dealt: &Dealt, columns: usize) {
        let open = dealt.databases.saturating_sub(dealt.arrived);
        let all = count(dealt.databases, "database");
        let queued: usize = dealt.queued.iter().map(|queued| queued.databases).sum();
        let stands = match (dealt.arrived, open) {
            (0, _) if queued == dealt.databases => format!("{all}, not started"),
            (0, _) => format!("{all}, none of which has arrived"),
            (_, 0) if dealt.validates => format!("{all}, all of which were validated; none was moved"),
            (validated, open) if dealt.validates => format!("{all}: {validated} were validated, {open} to come"),
            (_, 0) => format!("{all}, all of which have arrived"),
            (arrived, open) => format!("{all}: {arrived} have arrived, {open} to come"),
        };
        text.push_str(&hang(
            "",
            "",
            &format!("{STRONG}{address}{STRONG:#}: {stands}"),
            columns,
        ));
        let is_held = !dealt.queued.is_empty() && self.later(dealt.window.as_ref()).is_some();
        if is_held || dealt.queued.len() > 1 || dealt.queued.iter().any(|queued| !queued.behind.is_empty()) {
            text.push('\n');
            self.queue(text, dealt, columns);
        }
        text.push('\n');
    }

    /// When a window opens that is closed now, as clocks of its time zone show it.
    fn later(&self, window: Option<&Window>) -> Option<String> {
        let window = window.filter(|window| !window.is_open(self.now))?;
        Some(
            window
                .opens(self.now)
                .map_or_else(|| "never".to_owned(), |opens| window.local(opens)),
        )
    }

    /// What has not begun, each with what goes before it.
    fn queue(&self, text: &mut String, dealt: &Dealt, columns: usize) {
        for queued in &dealt.queued {
            let part = queued.unit.part.as_ref().map_or("", |part| part.as_str());
            let behind = match (queued.waits_for(), self.has_row(&queued.unit)) {
                (Some(behind), true) => format!("tried again by the next apply, waits for {behind}"),
                (None, true) => "tried again by the next apply".to_owned(),
                (Some(behind), false) => format!("waits for {behind}"),
                (None, false) => "not started".to_owned(),
            };
            let opens = self.later(dealt.window.as_ref());
            let opens = opens.map(|opens| format!("; starts {opens} at the earliest, when its window opens"));
            let sentence = format!(
                "#{part}  {}, {behind}{}",
                count(queued.databases, "database"),
                opens.unwrap_or_default()
            );
            text.push_str(&hang("  ", "      ", &sentence, columns));
        }
    }

    fn group(&self, text: &mut String, rows: &[Row], databases: Databases, columns: usize) {
        let Some(first) = rows.first() else { return };
        let dealt = self.batches.get(&first.unit.resource).and_then(Option::as_ref);
        let to_come = dealt.into_iter().flat_map(|dealt| &dealt.queued);
        let queued = match to_come.filter(|queued| !self.has_row(&queued.unit)).count() {
            0 => String::new(),
            queued => format!(", {queued} more to come"),
        };
        let _ = writeln!(
            text,
            "{STRONG}{}{STRONG:#}: {}{queued}\n",
            first.unit.resource,
            count(rows.len(), "migration")
        );
        let lines = table(&rows.iter().map(|row| self.line(row)).collect::<Vec<_>>());
        for (row, line) in rows.iter().zip(lines) {
            let _ = writeln!(text, "  {line}");
            let Seen::Migration(migration) = &row.seen else {
                continue;
            };
            let is_active = migration.state.ending().is_none();
            self.facts(text, row, migration, columns);
            if let (Databases::OfAll, Some(validated)) = (databases, validated(migration)) {
                let _ = writeln!(text, "      {validated}");
            }
            for remark in migration.remarks() {
                let remark = format!("validation: {}", clean(&remark.to_string()));
                text.push_str(&hang("      ", "        ", &remark, columns));
            }
            let batch = self.batches.get(&row.unit.resource).and_then(Option::as_ref);
            let closed_until = self.later(batch.and_then(|batch| batch.cutover_window.as_ref()));
            if let Some(by_itself) = by_itself(migration, self.next(&row.unit), closed_until.as_deref()) {
                text.push_str(&hang("      ", "      ", &self.calling.in_text(&by_itself), columns));
            }
            if is_active || databases == Databases::OfAll {
                for line in portal(migration) {
                    let _ = writeln!(text, "      {line}");
                }
            }
        }
        if let Some(dealt) = dealt {
            self.queue(text, dealt, columns);
        }
        text.push('\n');
    }

    /// Whether an attempt of it is shown.
    fn has_row(&self, unit: &UnitAddress) -> bool {
        self.rows.iter().any(|row| row.unit == *unit)
    }

    /// What the next apply does with a migration, where it is declared and its target can be read.
    fn next(&self, unit: &UnitAddress) -> Option<&Next> {
        self.batches.get(&unit.resource)?.as_ref()?.next.get(unit)
    }

    fn line(&self, row: &Row) -> Vec<String> {
        let part = row
            .unit
            .part
            .as_ref()
            .map_or_else(String::new, |part| format!("#{part}"));
        match &row.seen {
            Seen::Missing(name) => vec![part, name.clone(), paint(REMOVE, "not found in Azure")],
            Seen::Unreadable(why) => vec![
                part,
                String::new(),
                paint(CHANGE, format!("cannot be read: {}", clean(why))),
            ],
            Seen::Migration(migration) => {
                let mut cells = vec![
                    part,
                    migration.id.name().to_owned(),
                    state(migration),
                    format!("{}/{} databases", migration.arrived(), migration.databases.len()),
                ];
                let tables = migration.tables().filter(|all| *all > 0);
                cells.extend(tables.map(|all| format!("{}/{all} tables", migration.tables_copied().unwrap_or(0))));
                cells
            }
        }
    }

    /// Since when, how long, until when, how far behind.
    fn facts(&self, text: &mut String, row: &Row, migration: &Migration, columns: usize) {
        let mut facts = Vec::new();
        match (migration.started, migration.ended, migration.state.ending()) {
            (Some(started), Some(ended), Some(_)) => facts.push(format!(
                "ended {}, after {}",
                instant(ended),
                length(between(started, ended))
            )),
            (Some(started), _, None) => {
                facts.push(format!("running for {}", length(between(started, self.now))));
                if let Some(by) = migration.given_up_by(self.now) {
                    let left = length(between(self.now, by));
                    facts.push(match migration.standing() {
                        Standing::ReadyForCutover => {
                            let hours = CUTOVER_WAIT.as_secs() / 3600;
                            format!("Azure gives it up {hours} h after it became ready, at the latest in {left}")
                        }
                        Standing::Running | Standing::Asking(_) | Standing::Ended(_) => {
                            format!("Azure gives it up in {left}")
                        }
                    });
                }
            }
            (_, _, _) => {}
        }
        if migration.mode == MigrationMode::Online && migration.state.ending().is_none() {
            facts.push(format!("lag {}", lag(migration.largest_lag())));
        }
        if row.earlier > 0 {
            facts.push(format!("{} before it", count(row.earlier, "attempt")));
        }
        if !facts.is_empty() {
            text.push_str(&hang(
                &format!("      {DIM}"),
                "      ",
                &format!("{}{DIM:#}", facts.join(", ")),
                columns,
            ));
        }
        if let Some(error) = &migration.error {
            text.push_str(&hang("      ", "      ", &clean(error), columns));
        }
    }

    /// What a person has to do, with the line to type.
    fn needs(&self, text: &mut String, columns: usize) {
        let needs: Vec<Need> = self.rows.iter().filter_map(|row| self.need(row)).collect();
        if needs.is_empty() {
            return;
        }
        let _ = writeln!(text, "{STRONG}Waiting for a person:{STRONG:#}\n");
        for Need { what, command } in needs {
            text.push_str(&hang("  ", "  ", &self.calling.in_text(&what), columns));
            let _ = writeln!(text, "    {}", self.calling.line(&command));
        }
    }

    /// Whether only a person moves it on.
    pub(crate) fn waits_for_person(&self, row: &Row) -> bool {
        self.need(row).is_some()
    }

    fn need(&self, row: &Row) -> Option<Need> {
        let Seen::Migration(migration) = &row.seen else {
            return None;
        };
        need(&row.unit, migration, self.next(&row.unit))
    }

    /// As data for programs.
    pub(crate) fn json(&self) -> Json {
        let migrations: Vec<Json> = self.rows.iter().map(|row| self.row_json(row)).collect();
        let not_started: Vec<Json> = self
            .untouched()
            .filter_map(|(address, dealt)| Some((address, dealt?)))
            .map(|(address, dealt)| json!({ "address": address, "databases": dealt.databases, "arrived": if dealt.validates { 0 } else { dealt.arrived } }))
            .collect();
        let queued: Vec<Json> = self
            .batches
            .values()
            .flatten()
            .flat_map(|dealt| dealt.queued.iter().map(move |queued| (queued, dealt.window.as_ref())))
            .map(|(queued, window)| {
                let opens = window.and_then(|window| window.opens(self.now));
                json!({
                    "address": queued.unit,
                    "databases": queued.databases,
                    "waits_for": queued.behind,
                    "starts_from": opens.filter(|opens| *opens > self.now).map(|opens| opens.to_string()),
                })
            })
            .collect();
        json!({
            "format_version": 1,
            "now": self.now.to_string(),
            "migrations": migrations,
            "not_started": not_started,
            "queued": queued,
        })
    }

    fn row_json(&self, row: &Row) -> Json {
        let mut object = json!({ "address": row.unit, "earlier_attempts": row.earlier });
        let more = match &row.seen {
            Seen::Missing(name) => json!({ "name": name, "found": false }),
            Seen::Unreadable(why) => json!({ "unreadable": why }),
            Seen::Migration(migration) => json!({
                "name": migration.id.name(),
                "id": migration.id.as_str(),
                "state": migration.state.as_str(),
                "substate": migration.substate.as_ref().map(Substate::as_str),
                "mode": migration.mode.as_str(),
                "error": migration.error,
                "started": migration.started.map(|at| at.to_string()),
                "ended": migration.ended.map(|at| at.to_string()),
                "given_up_by": migration.given_up_by(self.now).map(|at| at.to_string()),
                "lag_seconds": migration.largest_lag().map(|lag| lag.as_secs()),
                "waits_for_person": self.need(row).is_some(),
                "next_apply": self.next(&row.unit).map(|next| next_word(migration, next)),
                "validation": migration.validation.as_ref().map(|validation| json!({
                    "verdict": validation.verdict.as_ref().map(ToString::to_string),
                    "checks": validation.checks.iter().map(|check| json!({
                        "database": check.database,
                        "name": check.name,
                        "verdict": check.verdict.to_string(),
                        "messages": check.messages,
                    })).collect::<Vec<_>>(),
                })),
                "databases": migration.databases.iter().map(|name| {
                    database_json(name, migration.progress.get(name), migration.has_arrived(name))
                }).collect::<Vec<_>>(),
            }),
        };
        if let (Json::Object(object), Json::Object(more)) = (&mut object, more) {
            object.extend(more);
        }
        object
    }
}

/// How the validation ended, once it has.
fn validated(migration: &Migration) -> Option<String> {
    let validation = migration.validation.as_ref()?;
    let verdict = validation.verdict.as_ref()?;
    let (all, remarks) = (validation.checks.len(), migration.remarks().count());
    Some(format!(
        "validation: {}, {} of {} found nothing",
        clean(verdict.as_str()),
        all.saturating_sub(remarks),
        count(all, "check")
    ))
}

fn database_json(name: &str, progress: Option<&DatabaseProgress>, arrived: bool) -> Json {
    let Some(progress) = progress else {
        return json!({ "name": name, "arrived": arrived });
    };
    json!({
        "name": name,
        "arrived": arrived,
        "state": progress.state.as_str(),
        "tables": {
            "queued": progress.tables.queued,
            "loading": progress.tables.loading,
            "completed": progress.tables.completed,
            "errored": progress.tables.errored,
        },
        "changes": {
            "inserts": progress.changes.inserts,
            "updates": progress.changes.updates,
            "deletes": progress.changes.deletes,
            "incoming": progress.changes.incoming,
            "applied": progress.changes.applied,
        },
        "lag_seconds": progress.latency,
        "message": progress.message,
    })
}

/// What a migration does, in the service's words, coloured by what it means.
pub(crate) fn state(migration: &Migration) -> String {
    let style = match migration.standing() {
        Standing::Running => ADVANCE,
        Standing::Asking(_) | Standing::ReadyForCutover => CHANGE,
        Standing::Ended(Ending::Succeeded) => ADD,
        Standing::Ended(Ending::Failed | Ending::ValidationFailed | Ending::Canceled) => REMOVE,
    };
    let words = match (&migration.state, &migration.substate) {
        (State::InProgress | State::WaitingForUserAction | State::CleaningUp | State::Other(_), Some(substate)) => {
            doing(substate)
        }
        (state, _) => state.as_str(),
    };
    paint(style, clean(words))
}

/// What a migration does, in the service's own words, without what they only add in length.
pub(crate) fn doing(substate: &Substate) -> &str {
    match substate {
        Substate::WaitingForLogicalReplicationSetup => "WaitingForLogicalReplicationSetup",
        Substate::WaitingForCutover => "WaitingForCutover",
        Substate::Canceling => "Canceling",
        Substate::PerformingPreRequisiteSteps
        | Substate::WaitingForDatabases
        | Substate::WaitingForOverwrite
        | Substate::WaitingForScheduling
        | Substate::WaitingForWindow
        | Substate::MigratingData
        | Substate::CompletingMigration
        | Substate::Completed
        | Substate::ValidationInProgress
        | Substate::Other(_) => substate.as_str(),
    }
}

/// All tables of a database, when every counter is known.
pub(crate) fn tables(progress: &DatabaseProgress) -> Option<u64> {
    progress.tables.total()
}

/// The portal's columns, one line a database.
fn portal(migration: &Migration) -> Vec<String> {
    let online = migration.mode == MigrationMode::Online;
    let mut heading = vec!["DATABASE", "STATE", "COPIED", "LOADING", "QUEUED", "FAILED"];
    if online {
        heading.extend(["LAG", "READ", "APPLIED"]);
    }
    let mut rows: Vec<Vec<String>> = vec![heading.into_iter().map(str::to_owned).collect()];
    for name in &migration.databases {
        let mut cells = vec![clean(name)];
        match migration.progress.get(name) {
            None => cells.push("not told".into()),
            Some(progress) => {
                cells.push(database_state(&progress.state).to_owned());
                let tables = progress.tables;
                cells.extend([tables.completed, tables.loading, tables.queued, tables.errored].map(number));
                if online {
                    cells.push(progress.latency.map_or("?".into(), |seconds| format!("{seconds} s")));
                    cells.extend([progress.changes.incoming, progress.changes.applied].map(number));
                }
            }
        }
        rows.push(cells);
    }
    align_right(&mut rows, 2);
    let mut lines = table(&rows);
    if let Some(heading) = lines.first_mut() {
        *heading = paint(DIM, &*heading);
    }
    for (name, progress) in &migration.progress {
        if let Some(message) = &progress.message {
            lines.push(format!("{}: {}", clean(name), clean(message)));
        }
    }
    lines
}

fn database_state(state: &DatabaseState) -> &str {
    match state {
        DatabaseState::WaitingForCutover => "ready",
        DatabaseState::InProgress => "running",
        DatabaseState::Failed => "failed",
        DatabaseState::Canceled => "cancelled",
        DatabaseState::Succeeded => "arrived",
        DatabaseState::Canceling => "being cancelled",
        DatabaseState::Other(text) => text,
    }
}

/// A counter that the service did not send is unknown, not zero.
fn number(counter: Option<u64>) -> String {
    counter.map_or_else(|| "?".to_owned(), |counter| counter.to_string())
}

/// Pads the columns from `first` on to the left: numbers end in one column.
fn align_right(rows: &mut [Vec<String>], first: usize) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    for column in first..columns {
        let widest = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| width(cell))
            .max()
            .unwrap_or_default();
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
            *cell = pad_left(cell, widest);
        }
    }
}

/// What a person has to do, and the command to type.
struct Need {
    what: String,
    command: String,
}

fn need(unit: &UnitAddress, migration: &Migration, next: Option<&Next>) -> Option<Need> {
    match migration.standing() {
        Standing::Running => None,
        Standing::ReadyForCutover => {
            let opens = match next {
                Some(Next::GoesOn { opens, .. }) => *opens,
                Some(Next::Nothing | Next::Starts | Next::Stays) | None => Opens::ByHand,
            };
            let ready = format!("{unit} is ready for its cutover, lag {}", lag(migration.largest_lag()));
            let what = match opens {
                Opens::ByItself => return None,
                Opens::ByHand => ready,
                Opens::ByApproval => format!("{ready}; it waits for {}; or now:", approval(unit, opens)?),
            };
            Some(Need {
                what,
                command: format!("cutover {}", typed(unit)),
            })
        }
        Standing::Asking(substate) => {
            let what = match next {
                Some(Next::GoesOn {
                    response: Some(Response::Answer(_)),
                    ..
                }) => return None,
                Some(Next::GoesOn {
                    response: Some(Response::Person(why)),
                    ..
                }) => format!("{unit} asks ({}): {}", doing(&substate), on_question(unit, *why)),
                Some(_) | None => format!(
                    "{unit} asks something that no configuration answers ({}); to end it:",
                    doing(&substate)
                ),
            };
            let command = match next {
                Some(Next::GoesOn { response: Some(_), .. }) => "apply".to_owned(),
                Some(_) | None => format!("cancel {}", typed(unit)),
            };
            Some(Need { what, command })
        }
        Standing::Ended(ending) => {
            let lost: Vec<String> = migration
                .databases
                .iter()
                .filter(|name| !migration.has_arrived(name))
                .map(|name| clean(name))
                .collect();
            let how = match ending {
                Ending::Succeeded => "succeeded",
                Ending::Failed => "failed",
                Ending::ValidationFailed => "failed its validation",
                Ending::Canceled => "was cancelled",
            };
            (next == Some(&Next::Stays)).then(|| Need {
                what: format!("{unit} {how}; not arrived: {}", listed(&lost)),
                command: format!("apply --retry {}", typed(&unit.resource)),
            })
        }
    }
}

/// What the next apply, or one that still watches, does by itself where a migration waits.
fn by_itself(migration: &Migration, next: Option<&Next>, closed_until: Option<&str>) -> Option<String> {
    let Some(Next::GoesOn { opens, response }) = next else {
        return None;
    };
    match (migration.standing(), response) {
        (Standing::ReadyForCutover, _) if *opens == Opens::ByItself => Some(match closed_until {
            Some(opens) => format!("`pgferry apply` cuts it over by itself, {opens} at the earliest"),
            None => "`pgferry apply` cuts it over by itself".to_owned(),
        }),
        (Standing::Asking(_), Some(Response::Answer(answer))) => {
            Some(format!("`pgferry apply` answers with `{}`", answer.from))
        }
        (_, _) => None,
    }
}

/// What the next apply does, as one word for programs.
fn next_word(migration: &Migration, next: &Next) -> &'static str {
    match next {
        Next::Nothing => "nothing",
        Next::Starts => "starts",
        Next::Stays => "needs_retry",
        Next::GoesOn { opens, response } => match (migration.standing(), response) {
            (Standing::ReadyForCutover, _) if *opens == Opens::ByItself => "cuts_over",
            (Standing::Asking(_), Some(Response::Answer(_))) => "answers",
            (_, _) => "watches",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::dealt::{Ahead, Queued};
    use crate::plan::step::Why;

    fn migration(state: &str, substate: &str, databases: Json) -> Migration {
        let names: Vec<&String> = databases.as_object().unwrap().keys().collect();
        let id = "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-erp-prod/migrations/wave1m1r1";
        let answer = json!({
            "properties": {
                "migrationMode": "Online",
                "migrationOption": "ValidateAndMigrate",
                "dbsToMigrate": names,
                "migrationWindowStartTimeInUtc": "2026-11-01T00:24:00Z",
                "currentStatus": {
                    "state": state,
                    "currentSubStateDetails": { "currentSubState": substate, "dbDetails": databases },
                },
            },
        });
        Migration::read(id.parse().unwrap(), &answer)
    }

    fn database(state: &str, done: u64, loading: u64, queued: u64, latency: Option<u64>) -> Json {
        json!({
            "migrationState": state,
            "fullLoadCompletedTables": done, "fullLoadLoadingTables": loading,
            "fullLoadQueuedTables": queued, "fullLoadErroredTables": 0,
            "latency": latency, "incomingChanges": 12, "appliedChanges": 4_000_000,
        })
    }

    fn row(number: u32, seen: Seen) -> Row {
        Row {
            unit: format!("database_batch.wave1#{number}").parse().unwrap(),
            seen,
            earlier: 0,
        }
    }

    fn ahead(unit: &str) -> Ahead {
        Ahead::Unit(unit.parse().unwrap())
    }

    fn dealt(batch: &str, databases: usize, arrived: usize, queued: &[(u32, &[Ahead])]) -> Dealt {
        let queued = queued.iter().map(|(number, behind)| Queued {
            unit: format!("database_batch.{batch}#{number}").parse().unwrap(),
            databases: 5,
            behind: behind.to_vec(),
        });
        Dealt {
            validates: false,
            databases,
            arrived,
            window: None,
            cutover_window: None,
            next: BTreeMap::new(),
            queued: queued.collect(),
            unrecorded: Vec::new(),
        }
    }

    #[test]
    fn what_is_over_is_not_said_to_be_undeclared() {
        let view = StatusView {
            rows: Vec::new(),
            over: 3,
            batches: BTreeMap::from([("database_batch.wave4".parse().unwrap(), Some(dealt("wave4", 9, 9, &[])))]),
            run: None,
            now: Timestamp::UNIX_EPOCH,
            calling: Calling::of(std::path::Path::new("live"), &[]),
        };
        assert_eq!(
            view.render(Databases::OfActive, 80),
            "All 3 migrations are over: `pgferry -C live status` shows them.\n"
        );
    }

    #[test]
    fn a_busy_night_at_a_glance() {
        let ready = migration(
            "WaitingForUserAction",
            "WaitingForCutoverTrigger",
            json!({
                "billing": database("WaitingForCutoverTrigger", 40, 0, 0, Some(0)),
                "crm": database("WaitingForCutoverTrigger", 212, 0, 0, Some(4)),
            }),
        );
        let copying = migration(
            "InProgress",
            "MigratingData",
            json!({
                "documents": database("InProgress", 12, 4, 24, None),
            }),
        );
        let view = StatusView {
            rows: vec![
                row(1, Seen::Migration(Box::new(ready))),
                row(2, Seen::Migration(Box::new(copying))),
                row(3, Seen::Missing("wave1m3r1".into())),
            ],
            over: 0,
            batches: BTreeMap::from([
                (
                    "database_batch.wave1".parse().unwrap(),
                    Some(dealt("wave1", 11, 0, &[(4, &[ahead("database_batch.wave1#3")])])),
                ),
                (
                    "database_batch.wave2".parse().unwrap(),
                    Some(dealt("wave2", 5, 0, &[(1, &[])])),
                ),
                (
                    "database_batch.wave3".parse().unwrap(),
                    Some(dealt(
                        "wave3",
                        12,
                        3,
                        &[
                            (1, &[Ahead::Migration("wave1m1r1".into())]),
                            (2, &[ahead("database_batch.wave3#1"), ahead("database_batch.wave1#4")]),
                        ],
                    )),
                ),
                ("database_batch.wave4".parse().unwrap(), Some(dealt("wave4", 9, 9, &[]))),
            ]),
            run: None,
            now: "2026-11-01T01:58:00Z".parse().unwrap(),
            calling: Calling::of(std::path::Path::new("."), &[]),
        };
        let text = anstream::adapter::strip_str(&view.render(Databases::OfActive, 80)).to_string();
        insta::assert_snapshot!(text, @"
        database_batch.wave1: 3 migrations, 1 more to come

          #1  wave1m1r1  WaitingForCutover   0/2 databases  252/252 tables
              running for 1 h 34 min, Azure gives it up 72 h after it became ready, at
              the latest in 3 d 00 h, lag 4 s
              DATABASE  STATE  COPIED  LOADING  QUEUED  FAILED  LAG  READ  APPLIED
              billing   ready      40        0       0       0  0 s    12  4000000
              crm       ready     212        0       0       0  4 s    12  4000000
          #2  wave1m1r1  MigratingData       0/1 databases  12/40 tables
              running for 1 h 34 min, Azure gives it up in 6 d 22 h, lag unknown
              DATABASE   STATE    COPIED  LOADING  QUEUED  FAILED  LAG  READ  APPLIED
              documents  running      12        4      24       0    ?    12  4000000
          #3  wave1m3r1  not found in Azure
          #4  5 databases, waits for #3

        database_batch.wave2: 5 databases, not started

        database_batch.wave3: 12 databases: 3 have arrived, 9 to come

          #1  5 databases, waits for `wave1m1r1`
          #2  5 databases, waits for #1 and database_batch.wave1#4

        database_batch.wave4: 9 databases, all of which have arrived

        Waiting for a person:

          database_batch.wave1#1 is ready for its cutover, lag 4 s
            pgferry cutover 'database_batch.wave1#1'
        ");
        assert!(
            text.lines().all(|line| width(line) <= 80),
            "wider than 80 columns:\n{text}"
        );
    }

    #[test]
    fn what_the_next_apply_does_by_itself_is_not_asked_of_a_person() {
        let database = || json!({ "billing": database("WaitingForCutoverTrigger", 40, 0, 0, Some(0)) });
        let ready = || migration("WaitingForUserAction", "WaitingForCutoverTrigger", database());
        let asking = || {
            migration(
                "WaitingForUserAction",
                "WaitingForTargetDBOverwriteConfirmation",
                database(),
            )
        };
        let ended = || migration("Failed", "Completed", json!({ "billing": {} }));
        let goes_on = |opens, response| Next::GoesOn { opens, response };
        let answer = Response::Answer(crate::plan::Answer {
            from: "accept_loss".into(),
            body: crate::arm::Body::object::<&str>([]),
        });
        let known = [
            (ready(), goes_on(Opens::ByItself, None)),
            (ready(), goes_on(Opens::ByHand, None)),
            (asking(), goes_on(Opens::ByHand, Some(answer))),
            (asking(), goes_on(Opens::ByHand, Some(Response::Person(Why::Overwrite)))),
            (ended(), Next::Starts),
            (ended(), Next::Stays),
        ];
        let mut batch = dealt("wave1", 6, 0, &[(5, &[])]);
        let mut rows = Vec::new();
        for (number, (migration, next)) in (1..).zip(known) {
            batch
                .next
                .insert(format!("database_batch.wave1#{number}").parse().unwrap(), next);
            rows.push(row(number, Seen::Migration(Box::new(migration))));
        }
        let view = StatusView {
            rows,
            over: 0,
            batches: BTreeMap::from([("database_batch.wave1".parse().unwrap(), Some(batch))]),
            run: None,
            now: "2026-11-01T01:58:00Z".parse().unwrap(),
            calling: Calling::of(std::path::Path::new("live"), &[]),
        };
        let text = anstream::adapter::strip_str(&view.render(Databases::OfActive, 80)).to_string();
        let (facts, needs) = text.split_once("Waiting for a person:").unwrap();
        assert!(
            facts.contains("`pgferry -C live apply` cuts it over by itself"),
            "{text}"
        );
        assert!(
            facts.contains("`pgferry -C live apply` answers with `accept_loss`"),
            "{text}"
        );
        assert!(
            facts.contains("#5  5 databases, tried again by the next apply"),
            "{text}"
        );
        insta::assert_snapshot!(needs.trim_start(), @r#"
        database_batch.wave1#2 is ready for its cutover, lag 0 s
            pgferry -C live cutover 'database_batch.wave1#2'
          database_batch.wave1#4 asks (WaitingForTargetDBOverwriteConfirmation):
          databases of these names are on the target; `accept_loss = { DATABASE =
          "overwrite" }` lets them be replaced, or end it with
          `pgferry -C live cancel 'database_batch.wave1#4'`
            pgferry -C live apply
          database_batch.wave1#6 failed; not arrived: billing
            pgferry -C live apply --retry database_batch.wave1
        "#);
        let words: Vec<_> = view.json()["migrations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["next_apply"].clone())
            .collect();
        assert_eq!(
            words,
            ["cuts_over", "watches", "answers", "watches", "starts", "needs_retry"]
        );
    }
}
