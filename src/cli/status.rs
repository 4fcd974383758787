//! `pgferry status`: where the migrations stand. It changes nothing, and works beside a running apply.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use clap::Args;
use futures_util::stream::{self, StreamExt};
use pgferry_state::{OpenRun, Snapshot, StepPhase};

use super::Call;
use super::dealt::{Dealt, migrations};
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
use crate::kind::database_batch::Batch;
use crate::prior::{Prior, UnitRecord};

/// Show where the migrations stand; works beside a running apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry status", "all migrations; databases of those that are not over"),
    ("pgferry status database_batch.wave1", "one batch, with all its databases"),
    ("pgferry status 'database_batch.wave1#2'", "one migration"),
    ("pgferry status --json", "for scripts"),
]))]
pub(crate) struct StatusArgs {
    /// Only this batch or migration, with all its databases
    #[arg(value_name = "ADDRESS[#N]")]
    address: Option<UnitAddress>,
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
    let wanted = |unit: &UnitAddress| args.address.as_ref().is_none_or(|address| covers(address, unit));
    let batches = declared(&session);
    let records: Vec<(&UnitAddress, &UnitRecord)> = prior
        .iter()
        .map(|(unit, remembered)| (unit, &remembered.record))
        .filter(|(unit, record)| !record.attempts.is_empty() && wanted(unit))
        .collect();
    let batches: Vec<Batch> = batches
        .into_iter()
        .filter(|batch| {
            args.address
                .as_ref()
                .is_none_or(|address| batch.address == address.resource)
        })
        .collect();
    let lists = lists(&records, &batches, &session).await?;
    let dealt: BTreeMap<Address, Option<Dealt>> = batches
        .iter()
        .map(|batch| (batch.address.clone(), dealt(batch, &prior, &lists, args)))
        .collect();
    if let Some(address) = &args.address
        && !is_known(address, &records, &dealt)
    {
        return Err(unknown(address, &prior, &session));
    }
    let rows = records.iter().filter_map(|(unit, record)| row(unit, record, &lists));
    let (rows, over): (Vec<Row>, Vec<Row>) = rows.partition(|row| !args.active || is_active(row));
    let view = StatusView {
        rows,
        over: over.len(),
        batches: dealt,
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
async fn lists(
    records: &[(&UnitAddress, &UnitRecord)],
    batches: &[Batch],
    session: &Session,
) -> Result<Lists, CommandError> {
    let mut collections: HashMap<ArmId, Collection> = HashMap::new();
    for attempt in records.iter().filter_map(|(_, record)| record.attempts.last()) {
        if let (Some(target), Some(collection)) = (attempt.id.parent(), attempt.id.collection()) {
            collections.insert(target, collection);
        }
    }
    for batch in batches {
        if let Some(collection) = migrations(&batch.target) {
            collections.insert(batch.target.clone(), collection);
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

/// The declared batches. A configuration that does not hold declares none: status shows what runs all the same.
fn declared(session: &Session) -> Vec<Batch> {
    let declared = session.project.program.declare(&Outputs::default());
    let batches = declared.iter().flat_map(|declared| declared.graph.batches());
    batches.map(|(_, batch)| batch.clone()).collect()
}

/// Whether an address means a unit: itself, or all of its resource.
pub(crate) fn covers(address: &UnitAddress, unit: &UnitAddress) -> bool {
    unit.resource == address.resource && (address.part.is_none() || unit.part == address.part)
}

/// Where a declared batch stands; nothing where its target cannot be read.
fn dealt(batch: &Batch, prior: &Prior, lists: &Lists, args: &StatusArgs) -> Option<Dealt> {
    let migrations = match lists.get(&batch.target) {
        Some(Ok(migrations)) => migrations.as_slice(),
        Some(Err(_)) | None => return None,
    };
    let mut dealt = Dealt::of(batch, prior, migrations);
    if let Some(address) = &args.address {
        dealt.queued.retain(|queued| covers(address, &queued.unit));
    }
    Some(dealt)
}

fn is_known(
    address: &UnitAddress,
    records: &[(&UnitAddress, &UnitRecord)],
    dealt: &BTreeMap<Address, Option<Dealt>>,
) -> bool {
    let is_queued = |dealt: &Dealt| dealt.queued.iter().any(|queued| covers(address, &queued.unit));
    let is_declared = match (&address.part, dealt.get(&address.resource)) {
        (_, None) => false,
        (None, Some(_)) | (Some(_), Some(None)) => true,
        (Some(_), Some(Some(dealt))) => is_queued(dealt),
    };
    is_declared || !records.is_empty()
}

fn unknown(address: &UnitAddress, prior: &Prior, session: &Session) -> CommandError {
    let mut known: BTreeSet<String> = declared(session)
        .iter()
        .map(|batch| batch.address.to_string())
        .collect();
    for (unit, remembered) in prior.iter() {
        if !remembered.record.attempts.is_empty() {
            known.insert(match address.part {
                Some(_) => unit.to_string(),
                None => unit.resource.to_string(),
            });
        }
    }
    CommandError::NothingThere {
        what: if address.part.is_some() { "migration" } else { "batch" },
        address: address.to_string(),
        known: known.into_iter().collect(),
    }
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
        "The apply of {by}, begun {}, is open, with {done} of {} done. If it no longer runs, the next `pgferry apply` takes up the rest.",
        instant(*started),
        count(all, "step")
    ))
}
