//! `pgferry simulator`: serves the simulated Azure of a directory, and lets a person look at it, wind its clock and start it
//! anew. What it answers is the simulator's business.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use pgferry_state::{Edit, Holder, Intent, LocalStore, RunOutcome, Snapshot, Store};
use serde_json::{Value as Json, json};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project;
use super::project::Purpose;
use super::session;
use super::signals::Signals;
use super::simulated::{self, Ask};
use crate::azure::clock::WallClock;
use crate::clock::Clock;
use crate::config::source::ReadError;
use crate::simulator::serve::{self, Options, Tls, announce_path, read_announcement};
use crate::simulator::{ClockMode, Span};

/// Serve, inspect and wind the simulated Azure of this directory
#[derive(Args)]
pub(crate) struct SimulatorArgs {
    #[command(subcommand)]
    command: SimulatorCommand,
}

#[derive(Subcommand)]
enum SimulatorCommand {
    Serve(ServeArgs),
    Reset(ResetArgs),
    World(WorldArgs),
    Advance(AdvanceArgs),
    Clock(ClockArgs),
}

/// Serve in the foreground, for pgferry and for other clients
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry simulator serve --clock event", "jumps from event to event: for tests"),
    ("pgferry simulator serve --port 8443 --tls", "for clients that insist on https; its CA is in .pgferry/simulator/ca.pem"),
]))]
struct ServeArgs {
    /// The world to grow from when there is none yet; by default the one that the `azure` block names
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// The port on 127.0.0.1, which is that of TLS with `--tls`; by default any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Speak TLS, with a certificate of an authority of its own; pgferry comes in by another port
    #[arg(long)]
    tls: bool,
    /// How time passes: `event`, `manual`, or a factor such as `x120`
    #[arg(long, value_name = "MODE")]
    clock: Option<ClockMode>,
    /// Begin with an empty world, whatever the configuration names
    #[arg(long, conflicts_with = "world", hide = true)]
    no_world: bool,
    /// End after so much time without a request
    #[arg(long, value_name = "TIME")]
    idle_exit: Option<Span>,
}

/// Return to the seed, and forget what was remembered of the simulated world
#[derive(Args)]
struct ResetArgs {}

/// Show the live world as JSON
#[derive(Args)]
struct WorldArgs {
    /// Only its ARM objects
    #[arg(long)]
    objects: bool,
}

/// Let simulated time pass
#[derive(Args)]
#[command(after_help = help::examples(&[("pgferry simulator advance 2h", "two hours, at once")]))]
struct AdvanceArgs {
    /// How much, such as `30m` or `2h`
    #[arg(value_name = "TIME")]
    by: Span,
}

/// Show how time passes, or change it
#[derive(Args)]
struct ClockArgs {
    /// `event`, `manual`, or a factor such as `x120`
    mode: Option<ClockMode>,
}

pub(crate) async fn run(args: &SimulatorArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    match &args.command {
        SimulatorCommand::Serve(args) => serve(args, call).await?,
        SimulatorCommand::Reset(_) => reset(call).await?,
        SimulatorCommand::World(args) => {
            let what = if args.objects { "world/objects" } else { "world" };
            let world = ask(call, Ask::Read(what)).await?;
            call.ui.document(&world);
        }
        SimulatorCommand::Advance(args) => {
            let told = ask(call, Ask::Tell("advance", json!({ "by": args.by }))).await?;
            call.ui.show(&clock_line(&told));
        }
        SimulatorCommand::Clock(args) => {
            let what = match args.mode {
                None => Ask::Read("clock"),
                Some(mode) => Ask::Tell("clock", json!({ "mode": mode })),
            };
            let told = ask(call, what).await?;
            call.ui.show(&clock_line(&told));
        }
    }
    Ok(Exit::Done)
}

/// Asks the simulator of the directory, starting it where it does not serve.
async fn ask(call: &Call<'_>, what: Ask) -> Result<Json, CommandError> {
    let address = match simulated::answering(&call.directory).await {
        Some(serving) => serving.address,
        None => simulated::address(&call.project(Purpose::Look)?, call.ui).await?,
    };
    simulated::ask(&address, what).await
}

fn clock_line(told: &Json) -> String {
    let text = |key: &str| told.get(key).and_then(Json::as_str).unwrap_or("none");
    format!(
        "It is {} in the simulated world, clock {}; next event: {}\n",
        text("now"),
        text("mode"),
        text("next_event")
    )
}

async fn serve(args: &ServeArgs, call: &Call<'_>) -> Result<(), CommandError> {
    let hidden = call.directory.join(".pgferry");
    project::keep_out_of_git(&hidden)?;
    let options = Options {
        seed: match &args.world {
            Some(path) => Some(path.clone()),
            None if args.no_world => None,
            None => declared_world(call)?,
        },
        dir: simulated::home(&call.directory),
        port: args.port,
        tls: if args.tls { Tls::OwnAuthority } else { Tls::Off },
        clock: args.clock,
        idle_exit: args.idle_exit.map(|span| span.0),
        announce: announce_path(&call.directory),
    };
    let announced = options.announce.clone();
    let mut signals = Signals::listen()?;
    let serving = serve::serve(options, signals.first());
    let telling = tell(&announced, call);
    let (served, ()) = futures_util::future::join(serving, telling).await;
    served.map_err(CommandError::Serve)
}

/// Says where it serves, once that is known.
async fn tell(announced: &Path, call: &Call<'_>) {
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let ours = read_announcement(announced).filter(|told| told.process_id == std::process::id());
        if let Some(told) = ours {
            let address = match told.tls_port {
                Some(port) => format!("https://127.0.0.1:{port}"),
                None => format!("http://127.0.0.1:{}", told.port),
            };
            call.ui
                .say(&format!("Serving a simulated Azure on {address}; Ctrl-C ends it.\n"));
            return;
        }
    }
}

/// The world that the configuration names; none where there is no configuration.
fn declared_world(call: &Call<'_>) -> Result<Option<PathBuf>, CommandError> {
    match call.project(Purpose::Look) {
        Ok(project) => Ok(simulated::seed(&project)),
        Err(CommandError::Sources(ReadError::Empty(_))) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Forgets all records of a state that others keep, and gives up its open run; lineage and history stay.
async fn forget(store: &dyn Store, intent: Intent) -> Result<(), CommandError> {
    if store.load().await?.is_none() {
        return Ok(());
    }
    let held = store.lock(intent).await?;
    let Snapshot { records, run, .. } = held.snapshot().await?;
    let mut edits: Vec<Edit> = records.into_keys().map(|key| Edit::Remove { key }).collect();
    edits.extend(run.map(|run| Edit::EndRun {
        account: pgferry_state::Account::default(),
        run: run.id,
        finished: WallClock.now(),
        outcome: RunOutcome::Abandoned,
        summary: "the simulated world was reset".to_owned(),
    }));
    held.commit(edits).await?;
    Ok(held.release().await?)
}

/// The world returns to its seed, whether somebody serves it or not; its state goes, too, or the next plan would take the
/// whole world for drift.
async fn reset(call: &Call<'_>) -> Result<(), CommandError> {
    // Only a project has a world.
    let project = call.project(Purpose::Look)?;
    let home = simulated::home(&call.directory);
    let state = home.join("state");
    let intent = Intent {
        holder: Holder::new(
            call.env.actor.clone(),
            std::process::id(),
            "pgferry simulator reset",
            None,
            WallClock.now(),
        ),
    };
    if state.exists() {
        LocalStore::new(state.clone())
            .lock(intent.clone())
            .await?
            .release()
            .await?;
    }
    if !project.backend.is_local() {
        forget(session::store(&project, call.env).await?.as_ref(), intent).await?;
    }
    match simulated::answering(&call.directory).await {
        Some(serving) => {
            simulated::ask(&serving.address, Ask::Tell("reset", json!({}))).await?;
        }
        None => serve::forget(&home).map_err(CommandError::Serve)?,
    }
    match fs::remove_dir_all(&state) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(CommandError::Directory { path: state, source }),
    }
    call.ui
        .show("The simulated world is as its seed says, and nothing is remembered of it.\n");
    Ok(())
}
