//! `pgferry preflight`: connects to the servers of the configuration and says what would keep a migration from succeeding. It asks
//! Azure nothing but for passwords in vaults, changes nothing, and takes no lock.

use std::collections::BTreeSet;

use clap::Args;

use super::Call;
use super::dialler::Dialler;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::{Project, Purpose};
use super::renderings::{ForPeople, Reports};
use super::ui::Verbosity;
use super::view::plan::annotations;
use super::view::plan::problem::Places;
use super::view::preflight::{self as view, Detail, PreflightView};
use crate::address::Address;
use crate::arm::Outputs;
use crate::arm::migration::MigrationMode;
use crate::azure::clock::WallClock;
use crate::clock::Clock;
use crate::config::Declared;
use crate::database::{DatabaseName, End};
use crate::kind::connect::Server;
use crate::kind::database_batch::Batch;
use crate::postgres::Limits;
use crate::preflight::{self, Choice, Chosen, Mode, Report, Severity, Wanted, waiver};

/// Look at the real servers, and say what a migration would stumble over
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry preflight", "every source and target, and the databases of every batch"),
    ("pgferry preflight source.erp", "one server, and all its databases that a batch names"),
    ("pgferry preflight database_batch.wave1", "what one batch moves, on both ends"),
    ("pgferry preflight --json", "for programs"),
    ("pgferry preflight --sarif=preflight.sarif --junit=preflight.xml", "for a pipeline, beside the text for people"),
    ("pgferry explain PF080", "why a finding matters, and what to do"),
]))]
pub(crate) struct PreflightArgs {
    /// A source, a target or a batch; without one, all of them
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<Address>,
    /// How many databases of a server are looked at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallelism: u16,
    #[command(flatten)]
    reports: Reports,
}

pub(crate) async fn run(args: &PreflightArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let for_people = args.reports.for_people()?;
    let project = Project::load(&call.directory, &call.wishes, call.env, Purpose::Look, call.ui.width())?;
    let declared = project
        .program
        .declare(&Outputs::default())
        .map_err(|found| project.refuse(found, call.ui.width()))?;
    let wanted = wanted(&args.addresses, &declared, &project, call).await?;
    if wanted.is_empty() {
        return Err(CommandError::Usage(
            "the configuration has no `source` and no `target` to look at".to_owned(),
        ));
    }
    let seen = preflight::look(wanted, usize::from(args.parallelism)).await;
    let mut report = Report::of(&seen);
    let waivers = &project.settings.preflight.waivers;
    let today = WallClock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let idle = waiver::apply(&mut report, waivers, today);
    let servers = declared
        .graph
        .iter()
        .filter_map(|declaration| declaration.server.as_ref());
    let places = Places::declared(
        servers.map(|server| (&server.address, server.span)),
        &project.sources,
        &project.directory,
    );
    let problems = view::problems(&report, &places);
    args.reports.write(call, |format| {
        view::rendered(format, &report, &seen, &problems, &places)
    })?;
    if for_people == ForPeople::Wanted {
        let view = PreflightView {
            report: &report,
            seen: &seen,
            idle: &idle,
            calling: &call.calling,
            detail: match call.ui.verbosity() {
                Verbosity::Quiet | Verbosity::Normal => Detail::Short,
                Verbosity::Detailed => Detail::Whole,
            },
            columns: call.ui.width(),
        };
        call.ui.show(&view.render());
    }
    if let Some(dialect) = call.env.annotations.filter(|_| !problems.is_empty()) {
        call.ui.command(&annotations::render(&problems, dialect));
    }
    Ok(if report.count(Severity::Error) > 0 {
        Exit::CheckFailed
    } else {
        Exit::Done
    })
}

/// The servers to look at, each with the databases that the chosen batches move from or to it.
async fn wanted(
    addresses: &[Address],
    declared: &Declared,
    project: &Project,
    call: &Call<'_>,
) -> Result<Vec<Wanted>, CommandError> {
    let servers: Vec<&Server> = declared
        .graph
        .iter()
        .filter_map(|declaration| declaration.server.as_ref())
        .collect();
    let batches: Vec<&Batch> = declared.graph.batches().map(|(_, batch)| batch).collect();
    let known: BTreeSet<&Address> = servers
        .iter()
        .map(|server| &server.address)
        .chain(batches.iter().map(|batch| &batch.address))
        .collect();
    if let Some(unknown) = addresses.iter().find(|address| !known.contains(address)) {
        return Err(CommandError::NothingThere {
            what: "source, target or batch",
            address: unknown.to_string(),
            known: known.iter().map(ToString::to_string).collect(),
        });
    }
    let chosen = |address: &Address| addresses.is_empty() || addresses.contains(address);
    let mut dialler = Dialler::of(project, call);
    let mut wanted = Vec::new();
    for server in servers {
        let all: Vec<&Batch> = batches
            .iter()
            .copied()
            .filter(|batch| [&batch.source_address, &batch.target_address].contains(&&server.address))
            .collect();
        let named: Vec<&Batch> = all.iter().copied().filter(|batch| chosen(&batch.address)).collect();
        let meant = match (chosen(&server.address), named.is_empty()) {
            (true, _) => all,
            (false, false) => named,
            (false, true) => continue,
        };
        let dialled = dialler.dialled(server, &declared.secrets).await?;
        wanted.push(Wanted {
            address: server.address.clone(),
            end: server.end,
            endpoint: dialled.endpoint,
            limits: Limits {
                connect: dialled.patience.unwrap_or(Limits::BRIEF.connect),
                ..Limits::BRIEF
            },
            databases: databases(server, &meant)?,
        });
    }
    Ok(wanted)
}

fn databases(server: &Server, batches: &[&Batch]) -> Result<Choice, CommandError> {
    if batches.is_empty() {
        return Ok(Choice::All);
    }
    let mut chosen: Vec<Chosen> = Vec::new();
    for batch in batches {
        for name in &batch.databases {
            let name: DatabaseName = name
                .parse()
                .map_err(|error| CommandError::Usage(format!("{}: {error}", batch.address)))?;
            let target = match server.end {
                End::Source => Some(batch.target_address.clone()),
                End::Target => None,
            };
            chosen.push(Chosen {
                name,
                mode: mode(&batch.mode),
                target,
            });
        }
    }
    chosen.sort_by(|a, b| (&a.name, &a.target, a.mode).cmp(&(&b.name, &b.target, b.mode)));
    Ok(Choice::These(chosen))
}

/// What cannot be told counts as what asks for more.
fn mode(mode: &MigrationMode) -> Mode {
    match mode {
        MigrationMode::Offline => Mode::Offline,
        MigrationMode::Online | MigrationMode::Other(_) => Mode::Online,
    }
}
