//! `pgferry state`: what is remembered, shown and put right by hand. It never changes Azure, and only `rebuild` looks at it.

mod chosen;
mod list;
mod mv;
mod pull;
mod push;
mod rebuild;
mod rm;
mod show;
mod writing;

use std::sync::Arc;

use clap::{Args, Subcommand};
use pgferry_state::{Snapshot, Store};

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session;
use super::{Call, Project};
use crate::arm::SubscriptionId;
use crate::prior::Prior;

/// Look at what is remembered, and put it right by hand
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state list", "every unit that is remembered"),
    ("pgferry state mv network.a network.b", "after a block was renamed"),
    ("pgferry state pull > state.json", "all of it, as one JSON document"),
]))]
pub(crate) struct StateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Mv(mv::MvArgs),
    Rm(rm::RmArgs),
    Pull(pull::PullArgs),
    Push(push::PushArgs),
    Rebuild(rebuild::RebuildArgs),
}

pub(crate) async fn run(args: &StateArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    match &args.command {
        Command::List(args) => list::run(args, call).await,
        Command::Show(args) => show::run(args, call).await,
        Command::Mv(args) => mv::run(args, call).await,
        Command::Rm(args) => rm::run(args, call).await,
        Command::Pull(args) => pull::run(args, call).await,
        Command::Push(args) => push::run(args, call).await,
        Command::Rebuild(args) => rebuild::run(args, call).await,
    }
}

/// A project's state.
struct Opened {
    project: Project,
    store: Arc<dyn Store>,
    subscription: SubscriptionId,
}

impl Opened {
    async fn of(call: &Call<'_>) -> Result<Self, CommandError> {
        let project = call.project(Purpose::Look)?;
        let store = session::store(&project, call.env).await?;
        let subscription = project.subscription(call.ui.width())?;
        Ok(Self {
            project,
            store,
            subscription,
        })
    }

    /// What is remembered, which may be nothing; refused where it is not this project's.
    async fn remembered(&self) -> Result<Option<Snapshot>, CommandError> {
        session::remembered(&self.project, &self.subscription, self.store.as_ref()).await
    }

    async fn prior(&self) -> Result<(Option<Snapshot>, Prior), CommandError> {
        let snapshot = self.remembered().await?;
        let prior = session::prior(snapshot.as_ref())?;
        Ok((snapshot, prior))
    }
}
