//! `pgferry report`: what was moved, how long it took and what was in the way, as a document to keep. It changes nothing, and works
//! beside a running apply.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Call;
use super::dealt::{Lists, neighbours};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::lookout::{covers, unknown};
use super::project::Purpose;
use super::renderings::Destination;
use super::view::layout::listed;
use super::view::report::{Attempt, ReportView, html, markdown};
use crate::address::{Address, UnitAddress};
use crate::arm::migration::Migration;
use crate::arm::{ArmId, Cloud, Outputs};
use crate::kind::database_batch::Batch;
use crate::plan::batch::{Retry, TAG_LINEAGE, TAG_UNIT, deal, fulfilling, tag};
use crate::plan::import;
use crate::prior::Prior;

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
    let records: Vec<_> = prior
        .iter()
        .map(|(unit, remembered)| (unit, &remembered.record))
        .filter(|(_, record)| !record.attempts.is_empty())
        .collect();
    let all = records.iter().flat_map(|(_, record)| &record.attempts);
    let targets = all.filter_map(|attempt| attempt.id.parent());
    let targets: BTreeSet<ArmId> = targets
        .chain(batches.iter().map(|batch| batch.target.clone()))
        .collect();
    let lists = Lists::read(&session, targets.clone()).await?;
    let mut sources = Sources::default();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for (unit, record) in &records {
        for attempt in &record.attempts {
            sources.remembered.insert(attempt.id.clone());
            sources.tell(&attempt.id, unit);
            let list = attempt.id.parent().and_then(|target| lists.of(&target));
            let is_gone = matches!(list, Some(Ok(_))) && found(&lists, &attempt.id).is_none();
            if is_gone && wanted(unit) {
                missing.insert(format!("{unit}: {}", attempt.id.name()));
            }
        }
    }
    for batch in &batches {
        sources.declared(
            batch,
            &prior,
            &lists,
            &import::of(&declared.imports, &batch.address).collect(),
        );
    }
    for target in &targets {
        sources.tagged(lists.of(target), prior.lineage());
    }
    let migrations = sources.told(&lists, |unit, migration| {
        wanted(unit)
            || args.address.as_ref().is_some_and(|address| {
                let mut own = batches.iter().filter(|batch| batch.address == address.resource);
                address.part.is_none()
                    && own.any(|batch| fulfilling(batch, std::slice::from_ref(migration)).next().is_some())
                    && migration.target() == target_of(&batches, &address.resource)
            })
    });
    if let Some(address) = &args.address
        && migrations.is_empty()
        && missing.is_empty()
        && declared.graph.get(&address.resource).is_none()
    {
        return Err(unknown(address, &prior, &declared.graph));
    }
    let notes = sources.limits(&migrations, &targets, &lists, session.project.cloud());
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
        notes,
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

/// Whose each migration is, and how that is known.
#[derive(Default)]
struct Sources {
    units: BTreeMap<ArmId, UnitAddress>,
    remembered: BTreeSet<ArmId>,
}

impl Sources {
    /// Who knows better comes first.
    fn tell(&mut self, migration: &ArmId, unit: &UnitAddress) {
        self.units.entry(migration.clone()).or_insert_with(|| unit.clone());
    }

    /// What a plan would count for a batch: its own migrations, and those that brought its databases under another name.
    fn declared(&mut self, batch: &Batch, prior: &Prior, lists: &Lists, imports: &BTreeSet<ArmId>) {
        let Some(Ok(migrations)) = lists.of(&batch.target) else {
            return;
        };
        for chunk in deal(batch, prior, migrations, Retry::Unasked, imports).chunks {
            let unit = batch.address.part(chunk.number);
            for attempt in &chunk.attempts {
                self.tell(&attempt.id, &unit);
            }
        }
        let whole = UnitAddress {
            resource: batch.address.clone(),
            part: None,
        };
        for migration in fulfilling(batch, migrations) {
            self.tell(&migration.id, &tagged_unit(migration).unwrap_or_else(|| whole.clone()));
        }
    }

    /// What this state made and does not remember: forgotten, renamed or destroyed.
    fn tagged(&mut self, list: Option<Result<&[Migration], &str>>, lineage: Option<&str>) {
        let Some(Ok(migrations)) = list else { return };
        let ours = |migration: &&Migration| lineage.is_some() && tag(migration, TAG_LINEAGE) == lineage;
        for migration in migrations.iter().filter(ours) {
            if let Some(unit) = tagged_unit(migration) {
                self.tell(&migration.id, &unit);
            }
        }
    }

    /// The migrations of each unit that is wanted, oldest first.
    fn told(
        &self,
        lists: &Lists,
        wanted: impl Fn(&UnitAddress, &Migration) -> bool,
    ) -> BTreeMap<UnitAddress, Vec<Migration>> {
        let mut migrations: BTreeMap<UnitAddress, Vec<Migration>> = BTreeMap::new();
        for (id, unit) in &self.units {
            if let Some(migration) = found(lists, id).filter(|migration| wanted(unit, migration)) {
                migrations.entry(unit.clone()).or_default().push(migration.clone());
            }
        }
        for attempts in migrations.values_mut() {
            attempts.sort_by(|one, other| (one.started, &one.id).cmp(&(other.started, &other.id)));
        }
        migrations
    }

    /// What a report cannot know.
    fn limits(
        &self,
        told: &BTreeMap<UnitAddress, Vec<Migration>>,
        targets: &BTreeSet<ArmId>,
        lists: &Lists,
        cloud: Cloud,
    ) -> Vec<String> {
        let who = if cloud == Cloud::Simulator {
            "the simulator"
        } else {
            "Azure"
        };
        let mut notes = Vec::new();
        let is_unknown = |migration: &Migration| !self.remembered.contains(&migration.id);
        let unknown = told.iter().filter(|(_, attempts)| attempts.iter().any(is_unknown));
        let unknown: Vec<String> = unknown.map(|(unit, _)| unit.to_string()).collect();
        if !unknown.is_empty() {
            notes.push(format!(
                "The state does not remember all of {}: destroyed, forgotten, renamed or made elsewhere. {who} alone tells of \
                 it; runs and downtimes are known from the history, and only those of this state.",
                listed(&unknown)
            ));
        }
        for target in targets {
            if let Some(Err(why)) = lists.of(target) {
                notes.push(format!("The migrations of `{}` cannot be read: {why}.", target.name()));
            }
        }
        if targets.is_empty() {
            notes.push(format!(
                "No batch is declared or remembered, so {who} was asked of no target: what was moved before is known from \
                 the history alone."
            ));
        }
        notes
    }
}

/// The unit that a migration's tags name.
fn tagged_unit(migration: &Migration) -> Option<UnitAddress> {
    tag(migration, TAG_UNIT)?.parse().ok()
}

fn target_of(batches: &[&Batch], address: &Address) -> Option<ArmId> {
    let batch = batches.iter().find(|batch| batch.address == *address)?;
    Some(batch.target.clone())
}

fn found<'a>(lists: &'a Lists, id: &ArmId) -> Option<&'a Migration> {
    let list = lists.of(&id.parent()?)?.ok()?;
    list.iter().find(|migration| migration.id == *id)
}
