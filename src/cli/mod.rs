//! The command line: the only place that speaks, asks, reads the environment and ends the process. It holds no rule about
//! configurations, plans or Azure; those stand in the modules it calls.

mod advice;
mod aiming;
mod apply;
mod backend;
mod bug_report;
mod calling;
mod cancel;
mod ci;
mod color;
mod completion;
mod console;
mod cutover;
mod dealt;
mod dial;
mod dialler;
mod drift;
mod env;
mod error;
mod events;
mod exit;
mod explain;
mod fmt;
mod graph;
mod help;
mod history;
mod init;
mod kinds;
mod lock;
mod logging;
mod lookout;
mod lsp;
mod man;
mod output;
mod panic;
mod plan;
mod plan_file;
mod polling;
mod preflight;
mod project;
mod prompt;
mod pseudonyms;
mod rbac;
mod renderings;
mod report;
mod runner;
mod schema;
mod sealing;
mod session;
mod show;
mod signals;
mod simulated;
mod simulator;
mod snapshot;
mod snapshot_file;
mod spelling;
mod state;
mod status;
mod traces;
mod ui;
mod validate;
mod verify;
mod version;
mod view;
mod wait;
mod work;
mod wrong;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use tracing::Instrument;

use calling::Calling;
use color::ColorWish;
use env::Env;
use error::CommandError;
use exit::Exit;
use project::{Project, Purpose, Wishes};
use session::Session;
use traces::Traces;
use ui::{Interaction, Settings, Ui, Verbosity};

use crate::arm::Cloud;
use crate::config::Assignment;

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
    /// How log lines on standard error look; PGFERRY_LOG says which there are
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
    /// Every detail, and the login in use; twice: what is sent to Azure, too
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
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Fmt(fmt::FmtArgs),
    Console(console::ConsoleArgs),
    Plan(plan::PlanArgs),
    Graph(graph::GraphArgs),
    Snapshot(snapshot::SnapshotArgs),
    Preflight(preflight::PreflightArgs),
    Verify(verify::VerifyArgs),
    Drift(drift::DriftArgs),
    Apply(apply::ApplyArgs),
    Destroy(apply::DestroyArgs),
    Wait(wait::WaitArgs),
    Status(status::StatusArgs),
    Events(events::EventsArgs),
    Cutover(cutover::CutoverArgs),
    Cancel(cancel::CancelArgs),
    Show(show::ShowArgs),
    Output(output::OutputArgs),
    History(history::HistoryArgs),
    Report(report::ReportArgs),
    State(state::StateArgs),
    Lock(lock::LockArgs),
    ForceUnlock(lock::UnlockArgs),
    Simulator(simulator::SimulatorArgs),
    Kinds(kinds::KindsArgs),
    Rbac(rbac::RbacArgs),
    Ci(ci::CiArgs),
    Schema(schema::SchemaArgs),
    Lsp(lsp::LspArgs),
    Explain(explain::ExplainArgs),
    BugReport(bug_report::BugReportArgs),
    Version(version::VersionArgs),
    Completion(completion::CompletionArgs),
    Man(man::ManArgs),
}

/// What every command that works on a project is given.
pub(crate) struct Call<'a> {
    /// Where the project is.
    pub(crate) directory: PathBuf,
    /// Values of variables, in the order of the command line.
    pub(crate) wishes: Wishes,
    /// The environment.
    pub(crate) env: &'a Env,
    /// The streams.
    pub(crate) ui: &'a Ui,
    /// How pgferry is called here.
    pub(crate) calling: Calling,
    /// The command's name, as it is typed: `state list`.
    pub(crate) command: String,
}

impl Call<'_> {
    /// The project, connected to nobody.
    fn project(&self, purpose: Purpose) -> Result<Project, CommandError> {
        let project = Project::load(&self.directory, &self.wishes, self.env, purpose, self.ui.width())?;
        if project.cloud() == Cloud::Simulator {
            self.ui.simulated(simulated::not_real(&project));
        }
        Ok(project)
    }

    /// The project, connected to its cloud.
    async fn session(&self, purpose: Purpose) -> Result<Session, CommandError> {
        let env = prompt::answered_or_interrupted(self, purpose).await;
        Session::open(&self.directory, &self.wishes, &env, self.ui, purpose).await
    }
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
        .try_get_matches_from_mut(&arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(answer) => return help::answer(answer, &arguments, &env),
    };
    let ui = Ui::new(settings(&cli.global, &env));
    let directory = cli.global.chdir.clone().unwrap_or_else(|| PathBuf::from("."));
    let wishes = wishes(&directory, &matches);
    let known = wishes.as_ref().map_or(&[][..], |wishes| wishes.assignments.as_slice());
    let calling = Calling::of(&directory, known);
    let ended = wishes.and_then(|wishes| {
        let call = Call {
            directory: directory.clone(),
            wishes,
            env: &env,
            ui: &ui,
            calling: calling.clone(),
            command: command_name(&matches),
        };
        dispatch(&cli, &call)
    });
    let exit = match ended {
        Ok(exit) => exit,
        Err(error) => {
            let report = error.report();
            ui.alert(&report.render(&calling, ui.width()));
            if let Err(unwritten) = wrong::write(&error, &matches, &directory, &calling, &ui) {
                ui.alert(&unwritten.report().render(&calling, ui.width()));
            }
            report.exit
        }
    };
    match ui.finish() {
        Ok(()) => exit,
        Err(error) => {
            ui.alert(&CommandError::Output(error).report().render(&calling, ui.width()));
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
        reader: env.reader(),
    }
}

fn dispatch(cli: &Cli, call: &Call<'_>) -> Result<Exit, CommandError> {
    let Call { env, ui, .. } = *call;
    let global = &cli.global;
    match &cli.command {
        Command::Ci(args) => ci::run(args, call),
        Command::Completion(args) => completion::run(args, ui, &mut Cli::command()),
        Command::Console(args) => console::run(args, call),
        Command::Explain(args) => explain::run(args, ui),
        Command::Fmt(args) => fmt::run(args, call),
        Command::Kinds(args) => kinds::run(args, ui),
        Command::Lsp(args) => lsp::run(args, &call.wishes, env, ui),
        Command::Man(args) => man::run(args, ui, Cli::command()),
        Command::Schema(args) => schema::run(args, ui),
        Command::Version(args) => version::run(args, ui),
        Command::Validate(args) => logged(global, call).and_then(|traces| {
            let span = traces.command(&call.command);
            let exit = span.in_scope(|| validate::run(args, call));
            traces.end(span, &exit);
            exit
        }),
        Command::BugReport(args) => connected(global, call, bug_report::run(args, call)),
        Command::Apply(args) => connected(global, call, apply::apply(args, call)),
        Command::Cancel(args) => connected(global, call, cancel::run(args, call)),
        Command::Cutover(args) => connected(global, call, cutover::run(args, call)),
        Command::Destroy(args) => connected(global, call, apply::destroy(args, call)),
        Command::Drift(args) => connected(global, call, drift::run(args, call)),
        Command::Events(args) => connected(global, call, events::run(args, call)),
        Command::ForceUnlock(args) => connected(global, call, lock::unlock(args, call)),
        Command::Graph(args) => connected(global, call, graph::run(args, call)),
        Command::History(args) => connected(global, call, history::run(args, call)),
        Command::Init(args) => connected(global, call, init::run(args, call)),
        Command::Lock(args) => connected(global, call, lock::run(args, call)),
        Command::Output(args) => connected(global, call, output::run(args, call)),
        Command::Plan(args) => connected(global, call, plan::run(args, call)),
        Command::Preflight(args) => connected(global, call, preflight::run(args, call)),
        Command::Rbac(args) => connected(global, call, rbac::run(args, call)),
        Command::Report(args) => connected(global, call, report::run(args, call)),
        Command::Show(args) => connected(global, call, show::run(args, call)),
        Command::Simulator(args) => connected(global, call, simulator::run(args, call)),
        Command::Snapshot(args) => connected(global, call, snapshot::run(args, call)),
        Command::State(args) => connected(global, call, state::run(args, call)),
        Command::Status(args) => connected(global, call, status::run(args, call)),
        Command::Verify(args) => connected(global, call, verify::run(args, call)),
        Command::Wait(args) => connected(global, call, wait::run(args, call)),
    }
}

/// Starts the log of a command that may have something to log, and its trace.
fn logged(global: &Global, call: &Call<'_>) -> Result<Traces, CommandError> {
    logging::start(call.env, call.ui, global.log_format, global.verbose)
}

/// Carries out a command that talks to Azure, a database or a shared state.
fn connected(
    global: &Global,
    call: &Call<'_>,
    command: impl Future<Output = Result<Exit, CommandError>>,
) -> Result<Exit, CommandError> {
    // Another provider within reach would make every connection a panic.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let traces = logged(global, call)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| CommandError::System {
        doing: "start working threads",
        source,
    })?;
    let span = traces.command(&call.command);
    let exit = runtime.block_on(command.instrument(span.clone()));
    // A lock that an error dropped is let go in passing; one that is not would keep others out until it lapses.
    let patience =
        signals::asked_to_stop().map_or(LETTING_GO, |then| LEAVING.saturating_sub(then.elapsed()).max(AT_ONCE));
    let let_go = runtime.block_on(async { tokio::time::timeout(patience, pgferry_state::settled()).await });
    if let_go.is_err() {
        call.ui.alert(&format!(
            "\nThe lock of the state could not be let go in time. It lapses by itself within a minute; `{}` tells whose it is, and \
             `{}` ends it at once.\n",
            call.calling.line("lock show"),
            call.calling.line("lock break --holder NAME"),
        ));
    }
    // What still runs only waits for answers that nobody will read.
    runtime.shutdown_background();
    traces.end(span, &exit);
    exit
}

/// How long a command that failed may take to let go of a lock.
const LETTING_GO: Duration = Duration::from_secs(2);

/// How long one that was asked to stop may take for everything: a little less than the two seconds that it has.
const LEAVING: Duration = Duration::from_millis(1950);

/// What it has for its lock, however late it is.
const AT_ONCE: Duration = Duration::from_millis(50);

/// The name of the command that was given: `plan`, `state list`.
fn command_name(matches: &ArgMatches) -> String {
    let mut words = Vec::new();
    let mut inner = matches;
    while let Some((word, deeper)) = inner.subcommand() {
        words.push(word);
        inner = deeper;
    }
    words.join(" ")
}

/// `--var` and `--var-file` in the order of the command line: later ones win.
fn wishes(directory: &Path, matches: &ArgMatches) -> Result<Wishes, CommandError> {
    let mut inner = matches;
    while let Some((_, deeper)) = inner.subcommand() {
        inner = deeper;
    }
    let mut found: Vec<(usize, Assignment)> = Vec::new();
    let indices = |name| inner.indices_of(name).into_iter().flatten();
    for (at, text) in indices("var").zip(inner.get_many::<String>("var").into_iter().flatten()) {
        let Some((name, value)) = text.split_once('=') else {
            // The word may hold a password, whatever stands between it and the name.
            return Err(CommandError::Usage(
                "a `--var` gives no value: write `--var NAME=VALUE`".to_owned(),
            ));
        };
        let (name, text) = (name.trim().to_owned(), value.to_owned());
        found.push((at, Assignment::Value { name, text }));
    }
    for (at, path) in indices("var_file").zip(inner.get_many::<PathBuf>("var_file").into_iter().flatten()) {
        found.push((at, Assignment::File(directory.join(path))));
    }
    found.sort_by_key(|(at, _)| *at);
    Ok(Wishes {
        assignments: found.into_iter().map(|(_, assignment)| assignment).collect(),
    })
}
