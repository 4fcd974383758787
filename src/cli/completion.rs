//! `pgferry completion`: what a shell needs to complete our commands.

use clap::{Args, Command};
use clap_complete::Shell;

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;

/// Write a completion script for a shell
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry completion bash > /etc/bash_completion.d/pgferry", "for everybody on this machine"),
    ("source <(pgferry completion zsh)", "for this shell"),
]))]
pub(crate) struct CompletionArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &CompletionArgs, ui: &Ui, command: &mut Command) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "pgferry", &mut script);
    ui.data(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}
