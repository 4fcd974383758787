//! `pgferry verify`: compares the databases of batches on their sources and targets. It asks Azure nothing but for
//! passwords in vaults, changes nothing on a server, and fetches no row.

mod journal;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Call;
use super::dial::Dialled;
use super::dialler::Dialler;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::{Project, Purpose};
use super::renderings::{ForPeople, Reports};
use super::ui::Verbosity;
use super::view::plan::annotations;
use super::view::plan::problem::Places;
use super::view::verify::{self as view, Detail, Keys, VerifyView};
use crate::address::Address;
use crate::arm::Outputs;
use crate::arm::migration::MigrationMode;
use crate::azure::clock::WallClock;
use crate::config::Declared;
use crate::database::DatabaseName;
use crate::kind::database_batch::Batch;
use crate::length::Length;
use crate::postgres::Limits;
use crate::verify::{self, Level, Options, Pair, Sample, Scans, Settling, TablePattern, repair};
use journal::Journal;

/// How often what differs is looked at again while changes are being replayed.
const LOOKS: u32 = 3;

/// How long a replay may take where nothing else is said.
const USUAL_WAIT: Duration = Duration::from_secs(10);

/// Compare what the source holds with what has arrived on the target
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry verify", "all databases of all batches, down to every row"),
    ("pgferry verify database_batch.wave1 --level counts", "the databases of one batch, by objects and numbers of rows"),
    ("pgferry verify --tables 'sales.*' --sample 5%", "a twentieth of the rows of some tables"),
    ("pgferry verify --resume", "without the tables that an interrupted run has found the same"),
    ("pgferry verify --repair=repair.sql --json=verify.json", "what would mend the targets, and everything for programs"),
    ("pgferry explain V031", "what a difference means, and what to do"),
]))]
pub(crate) struct VerifyArgs {
    /// A batch; without one, all of them
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<Address>,
    /// How deep to compare; each level includes those before it
    #[arg(long, value_name = "LEVEL", default_value = "checksum")]
    level: Depth,
    /// Only rows of these tables: `schema.table` or `table`, `*` for any characters; may be repeated
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    tables: Vec<TablePattern>,
    /// Only so many percent of the rows of each table
    #[arg(long, value_name = "PERCENT")]
    sample: Option<Sample>,
    /// How long changes may take from source to target before what differs counts; `0s` after writes have stopped. Default: 10s
    /// for online batches, 0s for offline ones
    #[arg(long, value_name = "LENGTH")]
    settle: Option<Length>,
    /// How many tables of a database are read at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallelism: u16,
    /// Leave out tables that the last run, which did not come to its end, has found the same
    #[arg(long)]
    resume: bool,
    /// Do not show the keys of rows that differ
    #[arg(long)]
    hide_keys: bool,
    /// Write SQL that would mend the targets into this file; it is never run
    #[arg(long, value_name = "FILE")]
    repair: Option<PathBuf>,
    #[command(flatten)]
    reports: Reports,
}

/// How deep a comparison goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Depth {
    /// Objects, rights and settings
    Schema,
    /// And numbers of rows, and sequences
    Counts,
    /// And what is in the rows
    Checksum,
}

/// How many keys of differing rows are named for each table.
const NAMED: usize = 9;

pub(crate) async fn run(args: &VerifyArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let for_people = args.reports.for_people()?;
    let project = Project::load(&call.directory, &call.wishes, call.env, Purpose::Look, call.ui.width())?;
    let declared = project
        .program
        .declare(&Outputs::default())
        .map_err(|found| project.refuse(found, call.ui.width()))?;
    let pairs = pairs(args, &declared, &project, call).await?;
    if pairs.is_empty() {
        return Err(CommandError::Usage(
            "the configuration has no `database_batch` whose databases could be compared".to_owned(),
        ));
    }
    let level = match args.level {
        Depth::Schema => Level::Schema,
        Depth::Counts => Level::Counts,
        Depth::Checksum => Level::Checksum,
    };
    let journal = Journal::open(&project.hidden(), args.resume, level, args.sample, call.ui)?;
    let options = Options {
        level,
        tables: args.tables.clone(),
        sample: args.sample,
        at_once: usize::from(args.parallelism),
        scans: Scans::USUAL,
        named: NAMED,
        proven: journal.proven().clone(),
    };
    let report = verify::verify(&pairs, &options, &WallClock, &journal).await;
    if report.is_complete() {
        journal.close()?;
    }
    if let Some(path) = &args.repair {
        view::save(&call.directory.join(path), &repair::script(&report))?;
    }
    let batches = declared.graph.batches().map(|(_, batch)| (&batch.address, batch.span));
    let places = Places::declared(batches, &project.sources, &project.directory);
    let keys = if args.hide_keys { Keys::Hidden } else { Keys::Shown };
    let problems = view::problems(&report, keys, &places);
    args.reports.write(call, |format| {
        view::rendered(format, &report, &options, keys, &problems, &places)
    })?;
    if for_people == ForPeople::Wanted {
        let view = VerifyView {
            report: &report,
            options: &options,
            calling: &call.calling,
            keys,
            detail: match call.ui.verbosity() {
                Verbosity::Quiet | Verbosity::Normal => Detail::Short,
                Verbosity::Detailed => Detail::Whole,
            },
            columns: call.ui.width(),
        };
        call.ui.show(&view.render());
    }
    if let Some(dialect) = call.env.annotations.filter(|_| !problems.is_empty()) {
        call.ui.alert(&annotations::render(&problems, dialect));
    }
    Ok(if report.counting() > 0 {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

/// The databases to compare: those of the chosen batches, each once for each target.
async fn pairs(
    args: &VerifyArgs,
    declared: &Declared,
    project: &Project,
    call: &Call<'_>,
) -> Result<Vec<Pair>, CommandError> {
    let batches: Vec<&Batch> = declared.graph.batches().map(|(_, batch)| batch).collect();
    if let Some(unknown) = args
        .addresses
        .iter()
        .find(|address| !batches.iter().any(|batch| batch.address == **address))
    {
        return Err(CommandError::NothingThere {
            what: "batch",
            address: unknown.to_string(),
            known: batches.iter().map(|batch| batch.address.to_string()).collect(),
        });
    }
    let mut dialler = Dialler::of(project, call);
    let mut pairs = Vec::new();
    for batch in batches {
        if !args.addresses.is_empty() && !args.addresses.contains(&batch.address) {
            continue;
        }
        let source = dialled(&batch.source_address, batch, declared, &mut dialler).await?;
        let target = dialled(&batch.target_address, batch, declared, &mut dialler).await?;
        for name in &batch.databases {
            let database: DatabaseName = name
                .parse()
                .map_err(|error| CommandError::Usage(format!("{}: {error}", batch.address)))?;
            pairs.push(Pair {
                batch: batch.address.clone(),
                database,
                source: source.endpoint.clone(),
                target: target.endpoint.clone(),
                limits: [limits(&source), limits(&target)],
                settling: settling(args.settle, &batch.mode),
            });
        }
    }
    Ok(pairs)
}

async fn dialled(
    address: &Address,
    batch: &Batch,
    declared: &Declared,
    dialler: &mut Dialler<'_>,
) -> Result<Dialled, CommandError> {
    let mut servers = declared
        .graph
        .iter()
        .filter_map(|declaration| declaration.server.as_ref());
    let server = servers.find(|server| server.address == *address).ok_or_else(|| {
        CommandError::Usage(format!(
            "{}: nothing says how to reach {address}: it is no `source` or `target` block",
            batch.address
        ))
    })?;
    dialler.dialled(server, &declared.secrets).await
}

fn limits(dialled: &Dialled) -> Limits {
    Limits {
        connect: dialled.patience.unwrap_or(Limits::LONG.connect),
        ..Limits::LONG
    }
}

fn settling(wished: Option<Length>, mode: &MigrationMode) -> Settling {
    let usual = match mode {
        MigrationMode::Offline => Duration::ZERO,
        MigrationMode::Online | MigrationMode::Other(_) => USUAL_WAIT,
    };
    let wait = wished.map_or(usual, |length| length.0);
    if wait.is_zero() {
        Settling::Settled
    } else {
        Settling::Replaying { times: LOOKS, wait }
    }
}
