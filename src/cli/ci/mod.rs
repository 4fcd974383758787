//! `pgferry ci`: what a repository needs so that pipelines plan and apply. It writes files and changes nothing else.

mod init;
mod workflow;

use clap::{Args, Subcommand};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;

/// Write the pipelines that plan pull requests and apply what is merged
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry ci init github", "two workflows for GitHub Actions"),
    ("pgferry -C live ci init azure-devops", "two pipelines for Azure DevOps, for the configuration in live"),
]))]
pub(crate) struct CiArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Init(init::InitArgs),
}

pub(crate) fn run(args: &CiArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    match &args.command {
        Command::Init(args) => init::run(args, call),
    }
}
