//! `pgferry man`: the manual pages, from what the commands say of themselves. They go into the archives of releases.

use std::path::PathBuf;

use clap::{Args, Command};

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;

/// Write the manual pages into a directory
#[derive(Args)]
#[command(hide = true, after_help = help::examples(&[
    ("pgferry man /usr/local/share/man/man1", "then `man pgferry-plan`"),
]))]
pub(crate) struct ManArgs {
    /// The directory, which must exist
    directory: PathBuf,
}

pub(crate) fn run(args: &ManArgs, ui: &Ui, command: Command) -> Result<Exit, CommandError> {
    let name = args.directory.display().to_string();
    // The page of `help` would be a second list of the same commands.
    let command = command.disable_help_subcommand(true);
    match clap_mangen::generate_to(command, &args.directory) {
        Ok(()) => {
            ui.say(&format!("The manual pages are in {name}.\n"));
            Ok(Exit::Done)
        }
        Err(cause) => Err(CommandError::NotWritten { name, cause }),
    }
}
