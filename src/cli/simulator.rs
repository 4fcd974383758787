//! `pgferry simulator`: the simulated Azure in the foreground, and what can be told to one that serves.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::simulated::{self, Ask};
use crate::kind::schema::duration;
use crate::simulator::ClockMode;
use crate::simulator::serve::{self, Options, Tls, announce_path};

/// Work with the simulated Azure of this directory
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry simulator serve", "serve in the foreground, for other clients too"),
    ("pgferry simulator reset", "return to the seed"),
    ("pgferry simulator advance 2h", "let simulated time pass"),
]))]
pub(crate) struct SimulatorArgs {
    #[command(subcommand)]
    verb: SimulatorVerb,
}

#[derive(Subcommand)]
enum SimulatorVerb {
    /// Serve the world of this directory until interrupted
    Serve(ServeArgs),
    /// Return to the seed; what was simulated is forgotten, its state too
    Reset,
    /// Print the world as a list of ARM objects
    World,
    /// Let simulated time pass
    Advance {
        /// How much, such as `90s`, `10m` or `2h`
        #[arg(value_parser = length)]
        by: Duration,
    },
}

#[derive(Args)]
struct ServeArgs {
    /// Port on 127.0.0.1; any free one by default
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Speak TLS with an authority of its own, whose certificate it writes to .pgferry/simulator/ca.pem
    #[arg(long)]
    tls: bool,
    /// How time passes: `event`, `manual`, or a factor such as `x120`; by default as the world says
    #[arg(long, value_name = "CLOCK")]
    clock: Option<ClockMode>,
    /// The seed of the world; by default what the `azure` block names
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// End when nobody asked anything for so long
    #[arg(long, value_name = "TIME", value_parser = length)]
    idle_exit: Option<Duration>,
}

fn length(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| format!("`{text}` is no length of time such as `90s`, `10m` or `2h`"))
}

pub(crate) async fn run(args: &SimulatorArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    match &args.verb {
        SimulatorVerb::Serve(args) => serving(args, call).await,
        SimulatorVerb::Reset => reset(call).await,
        SimulatorVerb::World => {
            let project = call.project(Purpose::Look)?;
            let address = simulated::address(&project, call.ui).await?;
            let world = simulated::ask(&address, Ask::Read("world")).await?;
            call.ui.data(&format!("{world:#}\n"));
            Ok(Exit::Done)
        }
        SimulatorVerb::Advance { by } => {
            let project = call.project(Purpose::Look)?;
            let address = simulated::address(&project, call.ui).await?;
            let order = Ask::Tell("advance", json!({ "by": format!("{}s", by.as_secs()) }));
            simulated::ask(&address, order).await?;
            call.ui.say("Simulated time went on.\n");
            Ok(Exit::Done)
        }
    }
}

async fn serving(args: &ServeArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let seed = match &args.world {
        Some(file) => Some(call.directory.join(file)),
        None => simulated::seed(&call.project(Purpose::Look)?),
    };
    let options = Options {
        seed,
        dir: call.directory.join(".pgferry").join("simulator"),
        port: args.port,
        tls: if args.tls { Tls::OwnAuthority } else { Tls::Off },
        clock: args.clock,
        idle_exit: args.idle_exit,
        announce: announce_path(&call.directory),
    };
    call.ui
        .say("Serving the simulated Azure on loopback; .pgferry/simulator.json names the port. Ctrl-C ends it.\n");
    serve::serve(options, asked_to_stop())
        .await
        .map_err(CommandError::Serve)?;
    Ok(Exit::Done)
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn reset(call: &Call<'_>) -> Result<Exit, CommandError> {
    let project = call.project(Purpose::Look)?;
    match simulated::serving(&project).await {
        Some(address) => {
            simulated::ask(&address, Ask::Tell("reset", json!({}))).await?;
        }
        None => serve::forget(&project.hidden().join("simulator")).map_err(CommandError::Serve)?,
    }
    let state = super::session::state_directory(&project);
    match std::fs::remove_dir_all(&state) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(CommandError::Directory { path: state, source }),
    }
    call.ui
        .say("The simulated world is as its seed says again, and its state is forgotten.\n");
    Ok(Exit::Done)
}
