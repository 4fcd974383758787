//! `pgferry report`: what was moved, how long it took and what was in the way, as a document to keep. It changes nothing, and works
//! beside a running apply.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Call;
use super::dealt::{Lists, deal_all, neighbours};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::renderings::Destination;
use super::status::{covers, unknown};
use super::view::report::{Attempt, ReportView, html, markdown};
use crate::address::UnitAddress;
use crate::arm::migration::Migration;
use crate::arm::{ArmId, Cloud, Outputs};

/// Write what was moved, how long it took and what was in the way, as a document to keep
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry report > release.md", "as Markdown, for a ticket or a release"),
    ("pgferry report --format html --out release.html", "as one page that needs nothing else"),
    ("pgferry report database_batch.wave1", "of one batch"),
]))]
pub(crate) struct ReportArgs {
    /// Only this batch or migration
    #[arg(value_name = "ADDRESS[#N]")]
    address: Option<UnitAddress>,
    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    format: Format,
    /// Write it to this file; without it, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For tickets and releases
    Markdown,
    /// One page
    Html,
}

pub(crate) async fn run(args: &ReportArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let (_, prior) = session.remembered_as_declared().await?;
    let wanted = |unit: &UnitAddress| args.address.as_ref().is_none_or(|address| covers(address, unit));
    let declared = session.project.program.declare(&Outputs::default());
    let declared = declared.map_err(|found| session.project.refuse(found, call.ui.width()))?;
    let batches = neighbours(&declared.graph, None);
    let records = prior.iter().map(|(unit, remembered)| (unit, &remembered.record));
    let records: Vec<_> = records
        .filter(|(unit, record)| !record.attempts.is_empty() && wanted(unit))
        .collect();
    let all = records.iter().flat_map(|(_, record)| &record.attempts);
    let targets = all.filter_map(|attempt| attempt.id.parent());
    let targets = targets.chain(batches.iter().map(|batch| batch.target.clone()));
    let lists = Lists::read(&session, targets.collect()).await?;
    let mut migrations: BTreeMap<UnitAddress, Vec<Migration>> = BTreeMap::new();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for (unit, record) in records {
        for attempt in &record.attempts {
            match found(&lists, &attempt.id) {
                Some(migration) => migrations.entry(unit.clone()).or_default().push(migration.clone()),
                None => drop(missing.insert(format!("{unit}: {}", attempt.id.name()))),
            }
        }
    }
    let dealt = deal_all(&batches, (&declared.graph, &declared.imports), &prior, &lists);
    for unrecorded in dealt.values().flat_map(|dealt| &dealt.unrecorded) {
        let unit = &unrecorded.unit;
        let known = migrations.get(unit).into_iter().flatten();
        if wanted(unit) && known.clone().all(|migration| migration.id != unrecorded.migration.id) {
            migrations
                .entry(unit.clone())
                .or_default()
                .push(unrecorded.migration.clone());
        }
    }
    if let Some(address) = &args.address
        && migrations.is_empty()
        && missing.is_empty()
        && declared.graph.get(&address.resource).is_none()
    {
        return Err(unknown(address, &prior, &declared.graph));
    }
    let attempts = migrations.into_iter().flat_map(|(unit, all)| {
        (1..).zip(all).map(move |(number, migration)| Attempt {
            unit: unit.clone(),
            number,
            migration,
        })
    });
    let view = ReportView {
        attempts: attempts.collect(),
        missing: missing.into_iter().collect(),
        history: session.store.history().await?,
        now: session.clock.now(),
        is_simulated: session.project.cloud() == Cloud::Simulator,
    };
    let text = match args.format {
        Format::Markdown => markdown::render(&view),
        Format::Html => html::render(&view),
    };
    let to = args.out.clone().map_or(Destination::Output, Destination::File);
    to.take(&text, &call.directory, call.ui)?;
    Ok(Exit::Done)
}

fn found<'a>(lists: &'a Lists, id: &ArmId) -> Option<&'a Migration> {
    let list = lists.of(&id.parent()?)?.ok()?;
    list.iter().find(|migration| migration.id == *id)
}
