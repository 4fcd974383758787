//! `pgferry status`: where the migrations stand. It changes nothing, and works beside a running apply.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use pgferry_state::{OpenRun, Snapshot, StepPhase};

use super::Call;
use super::dealt::{Dealt, Lists, deal_all, neighbours};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::ui::Verbosity;
use super::view::layout::count;
use super::view::status::{Databases, Row, Seen, StatusView};
use super::view::time::instant;
use crate::address::{Address, UnitAddress};
use crate::arm::Outputs;
use crate::graph::Graph;
use crate::plan::Mode;
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

pub(crate) async fn run(args: &StatusArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let (snapshot, prior) = session.remembered_as_declared().await?;
    let wanted = |unit: &UnitAddress| args.address.as_ref().is_none_or(|address| covers(address, unit));
    // A configuration that does not hold declares none: what runs is shown all the same.
    let declared = session.project.program.declare(&Outputs::default());
    let (graph, imports) = match declared {
        Ok(declared) => (declared.graph, declared.imports),
        Err(_) => {
            call.ui.alert(&format!(
                "The configuration does not hold, so what is to come is not shown: {}\n\n",
                call.calling.line("validate")
            ));
            (Graph::default(), Vec::new())
        }
    };
    let records: Vec<(&UnitAddress, &UnitRecord)> = prior
        .iter()
        .map(|(unit, remembered)| (unit, &remembered.record))
        .filter(|(unit, record)| !record.attempts.is_empty() && wanted(unit))
        .collect();
    let resource = args.address.as_ref().map(|address| &address.resource);
    let batches = neighbours(&graph, resource);
    let attempts = records.iter().filter_map(|(_, record)| record.attempts.last());
    let targets = attempts.filter_map(|attempt| attempt.id.parent());
    let targets = targets.chain(batches.iter().map(|batch| batch.target.clone()));
    let lists = Lists::read(&session, targets.collect()).await?;
    let mut found = deal_all(&batches, (&graph, &imports), &prior, &lists);
    let shown = batches.iter().map(|batch| &batch.address);
    let shown = shown.filter(|address| resource.is_none_or(|resource| resource == *address));
    let dealt: BTreeMap<Address, Option<Dealt>> = shown
        .map(|address| {
            let mut dealt = found.remove(address);
            if let Some(dealt) = &mut dealt {
                dealt.queued.retain(|queued| wanted(&queued.unit));
            }
            (address.clone(), dealt)
        })
        .collect();
    if let Some(address) = &args.address
        && !is_known(address, &records, &dealt)
    {
        return Err(unknown(address, &prior, &graph));
    }
    // What runs is shown where nothing is remembered of it, too: a plan would take it up.
    let unrecorded = dealt.values().flatten().flat_map(|dealt| &dealt.unrecorded);
    let unrecorded = unrecorded
        .filter(|unrecorded| wanted(&unrecorded.unit))
        .map(|unrecorded| Row {
            unit: unrecorded.unit.clone(),
            seen: Seen::Migration(Box::new(unrecorded.migration.clone())),
            earlier: unrecorded.earlier,
        });
    let mut rows: Vec<Row> = unrecorded.collect();
    let newer: BTreeSet<UnitAddress> = rows.iter().map(|row| row.unit.clone()).collect();
    let known = records.iter().filter(|(unit, _)| !newer.contains(*unit));
    rows.extend(known.filter_map(|(unit, record)| row(unit, record, &lists)));
    rows.sort_by(|one, other| one.unit.cmp(&other.unit));
    let (rows, over): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| !args.active || is_active(row));
    let view = StatusView {
        rows,
        over: over.len(),
        batches: dealt,
        run: snapshot.as_ref().and_then(open_run),
        now: session.clock.now(),
        calling: call.calling.clone(),
    };
    if args.json {
        call.ui.document(&view.json());
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

fn row(unit: &UnitAddress, record: &UnitRecord, lists: &Lists) -> Option<Row> {
    let attempt = record.attempts.last()?;
    let seen = match lists.of(&attempt.id.parent()?)? {
        Err(why) => Seen::Unreadable(why.to_owned()),
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

/// Whether an address means a unit: itself, or all of its resource.
pub(crate) fn covers(address: &UnitAddress, unit: &UnitAddress) -> bool {
    unit.resource == address.resource && (address.part.is_none() || unit.part == address.part)
}

fn is_known(
    address: &UnitAddress,
    records: &[(&UnitAddress, &UnitRecord)],
    dealt: &BTreeMap<Address, Option<Dealt>>,
) -> bool {
    let is_queued = |dealt: &Dealt| {
        let mut running = dealt.unrecorded.iter().map(|unrecorded| &unrecorded.unit);
        let mut queued = dealt.queued.iter().map(|queued| &queued.unit);
        queued.any(|unit| covers(address, unit)) || running.any(|unit| covers(address, unit))
    };
    let is_declared = match (&address.part, dealt.get(&address.resource)) {
        (_, None) => false,
        (None, Some(_)) | (Some(_), Some(None)) => true,
        (Some(_), Some(Some(dealt))) => is_queued(dealt),
    };
    is_declared || !records.is_empty()
}

/// The error for an address that nothing is declared or remembered of.
pub(crate) fn unknown(address: &UnitAddress, prior: &Prior, graph: &Graph) -> CommandError {
    let mut known: BTreeSet<String> = graph.batches().map(|(_, batch)| batch.address.to_string()).collect();
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
    let run = snapshot.run.as_ref()?;
    let OpenRun {
        started,
        by,
        steps,
        plan,
        ..
    } = run;
    let done = steps.values().filter(|step| step.phase == StepPhase::Done).count();
    let all = plan
        .get("steps")
        .and_then(serde_json::Value::as_array)
        .map_or(done, Vec::len);
    let what = crate::apply::mode(run).command();
    let next = match crate::apply::mode(run) {
        Mode::Destroy => "`pgferry destroy` goes on with it",
        Mode::Apply | Mode::Refresh => {
            "`pgferry wait` goes on with it, and `pgferry plan` says what the next apply would do"
        }
    };
    Some(format!(
        "The {what} of {by}, begun {}, is open, with {done} of {} done. If it no longer runs, {next}.",
        instant(*started),
        count(all, "step")
    ))
}
