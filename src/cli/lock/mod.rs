//! `pgferry lock`: who writes to the state, and how somebody who never will again is put out. It changes no record.

mod break_lock;
mod show;

pub(crate) use self::break_lock::{UnlockArgs, unlock};

use std::sync::Arc;

use clap::{Args, Subcommand};
use pgferry_state::Store;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session;

/// Show who writes to the state, or take the lock from somebody who never will again
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry lock show", "who holds the lock, since when, and whether it still counts"),
    ("pgferry lock break --holder ada@runner-7", "shows it and asks"),
]))]
pub(crate) struct LockArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Show(show::ShowArgs),
    Break(break_lock::BreakArgs),
}

pub(crate) async fn run(args: &LockArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    match &args.command {
        Command::Show(args) => show::run(args, call).await,
        Command::Break(args) => break_lock::run(args, call).await,
    }
}

async fn store(call: &Call<'_>) -> Result<Arc<dyn Store>, CommandError> {
    let project = call.project(Purpose::Look)?;
    session::store(&project, call.env).await
}
