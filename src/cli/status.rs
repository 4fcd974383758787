//! `pgferry status`: where the migrations stand. It changes nothing, and works beside a running apply.

use std::collections::{BTreeMap, HashMap};

use clap::Args;
use futures_util::stream::{self, StreamExt};
use pgferry_state::{OpenRun, Snapshot, StepPhase};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session::Session;
use super::ui::Verbosity;
use super::view::layout::count;
use super::view::status::{Databases, Row, Seen, StatusView};
use super::view::time::instant;
use crate::address::{Address, UnitAddress};
use crate::arm::migration::Migration;
use crate::arm::{ArmError, ArmId, ArmRead, Collection, Failure, Outputs};
use crate::prior::{Prior, UnitRecord};

/// Show where the migrations stand; works beside a running apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry status", "all migrations; databases of those that are not over"),
    ("pgferry status database_batch.wave1", "one batch, with all its databases"),
    ("pgferry status --json", "for scripts"),
]))]
pub(crate) struct StatusArgs {
    /// Only this batch, with all its databases
    address: Option<Address>,
    /// Only migrations that are not over
    #[arg(long)]
    active: bool,
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

/// Targets that are read at once.
const IN_FLIGHT: usize = 16;

pub(crate) async fn run(args: &StatusArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let (snapshot, prior) = session.remembered().await?;
    let wanted = |unit: &UnitAddress| args.address.as_ref().is_none_or(|address| unit.resource == *address);
    let records: Vec<(&UnitAddress, &UnitRecord)> = prior
        .iter()
        .map(|(unit, remembered)| (unit, &remembered.record))
        .filter(|(unit, record)| !record.attempts.is_empty() && wanted(unit))
        .collect();
    let lists = lists(&records, &session).await?;
    let rows = records.iter().filter_map(|(unit, record)| row(unit, record, &lists));
    let view = StatusView {
        rows: rows.filter(|row| !args.active || is_active(row)).collect(),
        not_started: not_started(&session, &prior, args),
        run: snapshot.as_ref().and_then(open_run),
        now: session.clock.now(),
        calling: call.calling.clone(),
    };
    if args.json {
        call.ui.data(&format!("{:#}\n", view.json()));
    } else {
        let detailed = args.address.is_some() || call.ui.verbosity() == Verbosity::Detailed;
        let databases = if detailed {
            Databases::OfAll
        } else {
            Databases::OfActive
        };
        call.ui.show(&view.render(databases, call.ui.width()));
    }
    Ok(Exit::Done)
}

/// What a target says of its migrations, or why it cannot be read.
type Lists = HashMap<ArmId, Result<Vec<Migration>, String>>;

/// One list call per target, several in flight.
async fn lists(records: &[(&UnitAddress, &UnitRecord)], session: &Session) -> Result<Lists, CommandError> {
    let mut collections: HashMap<ArmId, Collection> = HashMap::new();
    for attempt in records.iter().filter_map(|(_, record)| record.attempts.last()) {
        if let (Some(target), Some(collection)) = (attempt.id.parent(), attempt.id.collection()) {
            collections.insert(target, collection);
        }
    }
    let reads = collections
        .into_iter()
        .map(|(target, collection)| async move { (target, session.client.list(&collection).await) });
    let answers: Vec<_> = stream::iter(reads).buffer_unordered(IN_FLIGHT).collect().await;
    answers
        .into_iter()
        .map(|(target, answer)| match answer {
            Ok(found) => {
                let migrations = found.unwrap_or_default();
                let listed = |json| Migration::listed(&target, json);
                let migrations = migrations.iter().filter_map(listed).collect();
                Ok((target, Ok(migrations)))
            }
            Err(error) => Ok((target, Err(forbidden(error)?))),
        })
        .collect()
}

/// One server that may not be read does not hide the others.
fn forbidden(error: ArmError) -> Result<String, CommandError> {
    match &error.failure {
        Failure::Refused(service) if service.status == 403 => Ok(format!("no right to read it ({})", service.code)),
        Failure::Refused(_)
        | Failure::Throttled { .. }
        | Failure::Unauthenticated { .. }
        | Failure::Unreachable(_)
        | Failure::Garbled(_)
        | Failure::Unaddressable { .. }
        | Failure::TimedOut { .. } => Err(error.into()),
    }
}

fn row(unit: &UnitAddress, record: &UnitRecord, lists: &Lists) -> Option<Row> {
    let attempt = record.attempts.last()?;
    let seen = match lists.get(&attempt.id.parent()?)? {
        Err(why) => Seen::Unreadable(why.clone()),
        Ok(migrations) => migrations
            .iter()
            .find(|migration| migration.id == attempt.id)
            .map_or_else(
                || Seen::Missing(attempt.id.name().to_owned()),
                |found| Seen::Migration(Box::new(found.clone())),
            ),
    };
    Some(Row {
        unit: unit.clone(),
        seen,
        earlier: record.attempts.len() - 1,
    })
}

fn is_active(row: &Row) -> bool {
    match &row.seen {
        Seen::Migration(migration) => migration.state.ending().is_none(),
        Seen::Missing(_) | Seen::Unreadable(_) => true,
    }
}

/// Declared batches of which nothing is remembered. A configuration that does not hold declares none: status shows what runs
/// all the same.
fn not_started(session: &Session, prior: &Prior, args: &StatusArgs) -> BTreeMap<Address, usize> {
    let Ok(declared) = session.project.program.declare(&Outputs::default()) else {
        return BTreeMap::new();
    };
    let known = |address: &Address| {
        prior
            .iter()
            .any(|(unit, remembered)| unit.resource == *address && !remembered.record.attempts.is_empty())
    };
    declared
        .graph
        .batches()
        .filter(|(_, batch)| !known(&batch.address))
        .filter(|(_, batch)| args.address.as_ref().is_none_or(|address| batch.address == *address))
        .map(|(_, batch)| (batch.address.clone(), batch.databases.len()))
        .collect()
}

/// The open run in words.
fn open_run(snapshot: &Snapshot) -> Option<String> {
    let OpenRun {
        started,
        by,
        steps,
        plan,
        ..
    } = snapshot.run.as_ref()?;
    let done = steps.values().filter(|step| step.phase == StepPhase::Done).count();
    let all = plan
        .get("steps")
        .and_then(serde_json::Value::as_array)
        .map_or(done, Vec::len);
    Some(format!(
        "An apply of {by} is open since {}: {done} of {} done. If it no longer runs, `pgferry apply` goes on with it.\n",
        instant(*started),
        count(all, "step")
    ))
}
