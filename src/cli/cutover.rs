//! `pgferry cutover`: one migration's cutover by a person. It works beside a running apply.

use std::time::Duration;

use clap::Args;
use pgferry_state::Approval;

use super::Call;
use super::dealt::{Lists, deal_all, neighbours};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session::Session;
use super::signals::Signals;
use super::view::layout::{clean, count, hang, listed, typed};
use super::view::progress::{Progress, reading, waiting};
use super::view::status::doing;
use super::view::time::{between, lag, length};
use super::work::{self, Ended, Working};
use crate::address::UnitAddress;
use crate::apply::observer::GateReading;
use crate::apply::seen::TablesSeen;
use crate::apply::{self, CutoverOrder, CutoverReport, Outcome};
use crate::arm::migration::{Ending, Migration, Standing, cutover_until};
use crate::arm::{ArmRead, Found, Outputs};
use crate::cli::color::{GOOD, STRONG, paint};
use crate::kind::database_batch::Batch;
use crate::length::Length;
use crate::plan::Gate;
use crate::plan::step::Opens;
use crate::prior::Prior;
use crate::secret::Secrets;

/// Cut a migration over; works beside a running apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry cutover 'database_batch.wave1#2'", "shows the gate's reading, asks, cuts over, measures the downtime"),
    ("pgferry cutover 'database_batch.wave1#2' --auto-approve", "does not ask"),
]))]
pub(crate) struct CutoverArgs {
    /// The migration, as `pgferry status` names it
    #[arg(value_name = "ADDRESS#N")]
    address: UnitAddress,
    /// How long the gate's conditions may take to hold, by the clock of the cloud
    #[arg(long, value_name = "TIME", default_value = "10m")]
    patience: Length,
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
    /// Cut it over even while the window of its cutover is closed; the history tells so
    #[arg(long)]
    outside_window: bool,
    #[command(flatten)]
    working: Working,
}

/// A running apply writes for seconds at a time.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: &CutoverArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let migration = migration(&args.address, &session).await?;
    if let Some(ending) = migration.state.ending() {
        return over(&args.address, ending, call);
    }
    let batch = batch(&args.address, &session, call)?;
    if batch.is_none() {
        call.ui.say(&format!(
            "{} is no longer declared: its cutover asks for no lag at all, in three readings.\n",
            args.address.resource
        ));
    }
    if let Standing::Running = migration.standing()
        && !migration.is_cutting_over()
    {
        return Err(CommandError::NotReady {
            unit: args.address.clone(),
            doing: migration
                .substate
                .as_ref()
                .map_or(migration.state.as_str(), doing)
                .to_owned(),
        });
    }
    let mut order = order(args, &migration, batch.as_ref());
    let now = session.clock.now();
    let closed = order
        .gate
        .window
        .take_if(|window| args.outside_window || !window.is_open(now));
    let is_outside = match closed {
        Some(window) if !args.outside_window => {
            return Err(CommandError::OutsideWindow {
                unit: args.address.clone(),
                opens: window.opens(now).map(|opens| window.local(opens)),
            });
        }
        Some(window) => !window.is_open(now),
        None => false,
    };
    if order.gate.databases.is_empty() {
        return Err(CommandError::Usage(format!(
            "every database of {} has failed or was cancelled: nothing is left to cut over, and `pgferry cancel {}` ends it",
            args.address,
            typed(&args.address)
        )));
    }
    call.ui
        .show(&preview(&args.address, &migration, &order.gate, call.ui.width()));
    let mut signals = Signals::listen()?;
    if !args.auto_approve {
        let question = "\nWrites to the source must have stopped: what is written there after the cutover stays behind.\n\
                        Do you want to cut over now?";
        let nothing = "nothing was triggered, and nothing was changed";
        if !work::agreed(&mut signals, call.ui, question, ("cutover", nothing)).await? {
            return Ok(Exit::Error);
        }
    }
    let command = if is_outside {
        "cutover --outside-window"
    } else {
        "cutover"
    };
    let caller = work::unless_interrupted(&mut signals, work::caller(call, &session, command));
    let Some(mut caller) = caller.await? else {
        work::interrupted(call.ui, "nothing was triggered, and nothing was changed");
        return Ok(Exit::Error);
    };
    caller.approval = Some(if args.auto_approve {
        Approval::Unasked
    } else {
        Approval::Asked
    });
    let (secrets, outputs) = (Secrets::default(), Outputs::default());
    let ports = work::ports(&session, &caller, &secrets, &outputs);
    let options = args.working.options(LOCK_PATIENCE);
    let progress = Progress::by_hand(call);
    let cutting = work::interruptible(&mut signals, &session, &progress, |interrupt| {
        let (order, options, progress) = (&order, &options, &progress);
        async move { apply::cutover(order, &ports, options, &interrupt, progress).await }
    });
    match cutting.await {
        Ended::CutShort => Ok(work::cut_short(call.ui, &call.calling.line("status"))),
        Ended::Worked(report) => {
            let report = report?;
            let (snapshot, _) = session.remembered().await?;
            let is_open = snapshot.is_some_and(|snapshot| snapshot.run.is_some());
            let next = match is_open {
                true => format!(
                    "What queues behind it goes on with the run that is open; where nobody stays with that: {}",
                    call.calling.line("wait")
                ),
                false => format!("What queues behind it goes on with: {}", call.calling.line("apply")),
            };
            let now = session.clock.now();
            let left = cutover_until(now, migration.deadline()).map(|until| between(now, until));
            Ok(tell(&report, &next, left, args, call))
        }
    }
}

/// The last attempt of a migration, as Azure has it.
///
/// # Errors
/// When nothing is remembered of it, or Azure has none.
pub(crate) async fn migration(unit: &UnitAddress, session: &Session) -> Result<Migration, CommandError> {
    let (_, prior) = session.remembered_as_declared().await?;
    let unknown = || CommandError::UnknownMigration {
        unit: unit.clone(),
        known: prior
            .iter()
            .filter(|(_, remembered)| !remembered.record.attempts.is_empty())
            .map(|(unit, _)| unit.clone())
            .collect(),
    };
    let attempt = prior.get(unit).and_then(|remembered| remembered.record.attempts.last());
    let Some(attempt) = attempt else {
        return Err(not_started(unit, session, &prior).await?.unwrap_or_else(unknown));
    };
    match session.client.get(&attempt.id).await? {
        Found::Present(json) => Ok(Migration::read(attempt.id.clone(), &json)),
        Found::Absent => Err(CommandError::Usage(format!(
            "{unit} was started as `{}`, and Azure does not have that migration any more",
            attempt.id.name()
        ))),
    }
}

/// The error for a migration that is declared and whose turn has not come.
async fn not_started(
    unit: &UnitAddress,
    session: &Session,
    prior: &Prior,
) -> Result<Option<CommandError>, CommandError> {
    let Ok(declared) = session.project.program.declare(&Outputs::default()) else {
        return Ok(None);
    };
    let batches = neighbours(&declared.graph, Some(&unit.resource));
    let lists = Lists::read(session, batches.iter().map(|batch| batch.target.clone()).collect()).await?;
    let mut dealt = deal_all(&batches, (&declared.graph, &declared.imports), prior, &lists);
    let queued = dealt.remove(&unit.resource).into_iter().flat_map(|dealt| dealt.queued);
    let found = queued.into_iter().find(|queued| queued.unit == *unit);
    Ok(found.map(|queued| CommandError::NotStarted {
        behind: queued.waits_for(),
        unit: queued.unit,
    }))
}

/// What is said of a migration that cannot be cut over any more.
fn over(unit: &UnitAddress, ending: Ending, call: &Call<'_>) -> Result<Exit, CommandError> {
    let how = match ending {
        Ending::Succeeded => {
            call.ui
                .show(&format!("{unit} has succeeded already: nothing is left to cut over.\n"));
            return Ok(Exit::Done);
        }
        Ending::Failed => "has failed",
        Ending::ValidationFailed => "has failed its validation",
        Ending::Canceled => "was cancelled",
    };
    Err(CommandError::Over {
        unit: unit.clone(),
        how,
    })
}

/// The batch, where it is still declared.
///
/// # Errors
/// When the configuration does not hold: nobody knows then on which conditions the cutover may be triggered.
fn batch(unit: &UnitAddress, session: &Session, call: &Call<'_>) -> Result<Option<Batch>, CommandError> {
    let declared = session.project.program.declare(&Outputs::default());
    let declared = declared.map_err(|found| session.project.refuse(found, call.ui.width()))?;
    let mut batches = declared.graph.batches();
    let found = batches.find(|(_, batch)| batch.address == unit.resource);
    Ok(found.map(|(_, batch)| batch.clone()))
}

/// The declared conditions; the strictest where the batch is no longer declared.
fn order(args: &CutoverArgs, migration: &Migration, batch: Option<&Batch>) -> CutoverOrder {
    CutoverOrder {
        unit: args.address.clone(),
        gate: Gate {
            migration: migration.id.clone(),
            databases: to_come(migration),
            max_lag: batch.map_or(Duration::ZERO, |batch| batch.cutover.max_lag),
            samples: batch.map_or(3, |batch| batch.cutover.samples),
            opens: Opens::ByHand,
            window: batch.and_then(|batch| batch.cutover.window.clone()),
        },
        patience: args.patience.0,
        stall_after: batch.map_or(Duration::from_secs(15 * 60), |batch| batch.stall_after),
    }
}

/// The databases that a cutover can bring: what has failed or was cancelled does not come by this migration any more.
fn to_come(migration: &Migration) -> Vec<String> {
    let is_lost = |name: &&String| {
        migration
            .progress
            .get(*name)
            .is_some_and(|progress| progress.state.is_lost())
    };
    migration
        .databases
        .iter()
        .filter(|name| !is_lost(name))
        .cloned()
        .collect()
}

fn preview(unit: &UnitAddress, migration: &Migration, gate: &Gate, columns: usize) -> String {
    let state = match migration.standing() {
        Standing::Asking(substate) => doing(&substate).to_owned(),
        Standing::ReadyForCutover => "ready for its cutover".to_owned(),
        Standing::Running | Standing::Ended(_) => migration.state.to_string(),
    };
    let databases = format!(
        "{}: {}",
        count(gate.databases.len(), "database"),
        listed(&gate.databases)
    );
    let lost = migration.databases.iter().filter(|name| !gate.databases.contains(name));
    let lost: Vec<String> = lost.cloned().collect();
    let left_out = match lost.is_empty() {
        true => String::new(),
        false => hang(
            "  ",
            "  ",
            &clean(&format!(
                "not among them, since they failed or were cancelled and will not arrive by this migration: {}",
                listed(&lost)
            )),
            columns,
        ),
    };
    let conditions = format!(
        "lag of each at most {}, in {}",
        lag(Some(gate.max_lag)),
        count(usize::try_from(gate.samples).unwrap_or(usize::MAX), "good reading"),
    );
    let reading = reading(&GateReading::of(gate, migration, &TablesSeen::default(), 0));
    format!(
        "{STRONG}{unit}{STRONG:#}, `{}`: {state}\n{}{left_out}  gate: {conditions}\n{}",
        migration.id.name(),
        hang("  ", "  ", &clean(&databases), columns),
        hang("  now:  ", "        ", &reading, columns),
    )
}

fn tell(report: &CutoverReport, next: &str, left: Option<Duration>, args: &CutoverArgs, call: &Call<'_>) -> Exit {
    let unit = &args.address;
    match &report.outcome {
        Outcome::Done => {
            let told = match &report.downtime {
                Some(downtime) => format!(
                    "{} {unit} is over, downtime {}.",
                    paint(GOOD, "Cutover complete."),
                    length(downtime.took)
                ),
                None => format!("{unit} is over; somebody else had cut it over before this command could."),
            };
            let columns = call.ui.width();
            call.ui.show(&format!(
                "\n{}{}",
                hang("", "", &told, columns),
                hang("", "", next, columns)
            ));
            Exit::Done
        }
        Outcome::Waiting(waits) => {
            let waits = waiting(unit, waits, left, &call.calling);
            call.ui.show(&format!("\n{unit} {waits}\n"));
            Exit::WaitingForPerson
        }
        Outcome::Left { .. } => {
            call.ui.alert(&format!(
                "\nInterrupted before the cutover was triggered: {unit} is not being cut over.\n"
            ));
            Exit::Error
        }
        Outcome::InFlight { .. } | Outcome::Failed(_) | Outcome::Skipped { .. } => {
            call.ui.show(&format!(
                "\n{unit} goes on in Azure; `{}` shows how far it is.\n",
                call.calling.line("status")
            ));
            Exit::InFlight
        }
    }
}
