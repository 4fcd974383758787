//! The command line: the only place that speaks, asks, reads the environment and ends the process. It holds no rule about
//! configurations, plans or Azure; those stand in the modules it calls.

mod advice;
mod color;
mod completion;
mod env;
mod error;
mod exit;
mod help;
mod panic;
mod project;
mod session;
mod simulated;
mod spelling;
mod ui;
mod version;
mod view;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use color::ColorWish;
use env::Env;
use error::CommandError;
use exit::Exit;
use ui::{Interaction, Settings, Ui, Verbosity};

/// Plan and apply for moving PostgreSQL databases into Azure Database for PostgreSQL flexible server
#[derive(Parser)]
#[command(
    name = "pgferry",
    bin_name = "pgferry",
    version,
    propagate_version = false,
    disable_help_flag = true,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
    after_help = help::after(),
    styles = help::STYLES
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command.
#[derive(Args)]
struct Global {
    /// Work as if started in this directory
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    chdir: Option<PathBuf>,
    /// Give a variable its value; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE", help_heading = "Global options")]
    var: Vec<String>,
    /// Take variables from this file; may be repeated
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    var_file: Vec<PathBuf>,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", help_heading = "Global options")]
    color: Option<ColorWish>,
    /// Never use colour
    #[arg(long, global = true, conflicts_with = "color", help_heading = "Global options")]
    no_color: bool,
    /// Whether questions may be asked; without a terminal they never are
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    input: bool,
    /// How log lines look
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        hide_default_value = true,
        help_heading = "Global options"
    )]
    log_format: LogFormat,
    /// Only results, warnings and errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Global options"
    )]
    quiet: bool,
    /// Every detail; twice: what is sent to Azure, too
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    verbose: u8,
    /// Show this help
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort, help_heading = "Global options")]
    help: Option<bool>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Subcommand)]
enum Command {
    Version(version::VersionArgs),
    Completion(completion::CompletionArgs),
}

/// Runs a command line and ends with its exit code.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    panic::install_hook();
    // A defect of ours ends with the code of an error; the hook has said what happened.
    catch_unwind(AssertUnwindSafe(|| run(arguments)))
        .unwrap_or(Exit::Error)
        .into()
}

fn run(arguments: Vec<OsString>) -> Exit {
    let env = Env::read();
    let mut command = Cli::command();
    let arguments = spelling::normalise(arguments, &command);
    let parsed = command
        .try_get_matches_from_mut(arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(answer) => return help::answer(&answer, &env),
    };
    let ui = Ui::new(settings(&cli.global, &env));
    let exit = match dispatch(&cli, &matches, &env, &ui) {
        Ok(exit) => exit,
        Err(error) => {
            let report = error.report();
            ui.alert(&report.render(ui.width()));
            report.exit
        }
    };
    match ui.finish() {
        Ok(()) => exit,
        Err(error) => {
            ui.alert(&CommandError::Output(error).report().render(ui.width()));
            Exit::Error
        }
    }
}

fn settings(global: &Global, env: &Env) -> Settings {
    Settings {
        color: match (global.color, global.no_color) {
            (_, true) => ColorWish::Never,
            (Some(wish), false) => wish,
            (None, false) => env.color,
        },
        verbosity: match (global.quiet, global.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Detailed,
        },
        questions: if global.input {
            Interaction::Possible
        } else {
            Interaction::Impossible
        },
    }
}

fn dispatch(cli: &Cli, _matches: &ArgMatches, _env: &Env, ui: &Ui) -> Result<Exit, CommandError> {
    match &cli.command {
        Command::Version(args) => version::run(args, ui),
        Command::Completion(args) => completion::run(args, ui, &mut Cli::command()),
    }
}
