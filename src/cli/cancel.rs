//! `pgferry cancel`: one migration's end by a person. What it leaves on the target cannot be used, so it wants the address
//! typed.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use pgferry_state::Approval;

use super::Call;
use super::cutover::migration;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::signals::Signals;
use super::view::layout::{clean, count, hang, pad, typed};
use super::view::progress::Progress;
use super::view::status::{doing, tables};
use super::view::time::{between, length};
use super::work::{self, Ended, Working};
use crate::address::UnitAddress;
use crate::apply::{self, CancelOrder, Cancelled};
use crate::arm::Outputs;
use crate::arm::migration::{Ending, Migration};
use crate::cli::color::{ERROR, REMOVE, STRONG};
use crate::secret::Secrets;
use jiff::Timestamp;

/// Cancel a running migration; what it brought so far is lost
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry cancel 'database_batch.wave1#2'", "shows what is lost and wants the address typed"),
    ("pgferry cancel 'database_batch.wave1#2' --accept-loss 'database_batch.wave1#2'", "in a pipeline"),
]))]
pub(crate) struct CancelArgs {
    /// The migration, as `pgferry status` names it
    #[arg(value_name = "ADDRESS#N")]
    address: UnitAddress,
    /// Accept the loss without being asked: the same address once more
    #[arg(long, value_name = "ADDRESS#N")]
    accept_loss: Option<UnitAddress>,
    #[command(flatten)]
    working: Working,
}

/// A running apply writes for seconds at a time.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: &CancelArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let migration = migration(&args.address, &session).await?;
    if let Some(ending) = migration.state.ending() {
        return Err(CommandError::Usage(format!(
            "{} {}: there is nothing to cancel",
            args.address,
            ended(ending)
        )));
    }
    let warning = warning(&args.address, &migration, session.clock.now(), call.ui.width());
    call.ui.show(&warning);
    let mut signals = Signals::listen()?;
    let nothing = "nothing was cancelled, and nothing was changed";
    match work::unless_interrupted(&mut signals, is_accepted(args, call)).await? {
        Some(true) => {}
        Some(false) => {
            call.ui.alert(&format!("\ncancel given up: {nothing}.\n"));
            return Ok(Exit::Error);
        }
        None => {
            work::interrupted(call.ui, nothing);
            return Ok(Exit::Error);
        }
    }
    let caller = work::unless_interrupted(&mut signals, work::caller(call, &session, "cancel"));
    let Some(mut caller) = caller.await? else {
        work::interrupted(call.ui, nothing);
        return Ok(Exit::Error);
    };
    caller.approval = Some(if args.accept_loss.is_some() {
        Approval::Unasked
    } else {
        Approval::Asked
    });
    let (secrets, outputs) = (Secrets::default(), Outputs::default());
    let ports = work::ports(&session, &caller, &secrets, &outputs);
    let options = args.working.options(LOCK_PATIENCE);
    let order = CancelOrder {
        unit: args.address.clone(),
        shown: migration,
    };
    let progress = Progress::by_hand(call);
    let cancelling = work::interruptible(&mut signals, &session, &progress, |interrupt| {
        let (order, options, progress) = (&order, &options, &progress);
        async move { apply::cancel(order, &ports, options, &interrupt, progress).await }
    });
    match cancelling.await {
        Ended::CutShort => Ok(work::cut_short(call.ui, &call.calling.line("status"))),
        Ended::Worked(outcome) => Ok(tell(outcome?, args, call)),
    }
}

/// The address, typed or given. `--auto-approve` is no consent to a loss.
async fn is_accepted(args: &CancelArgs, call: &Call<'_>) -> Result<bool, CommandError> {
    if let Some(accepted) = &args.accept_loss {
        return if *accepted == args.address {
            Ok(true)
        } else {
            Err(CommandError::Usage(format!(
                "--accept-loss names {accepted}, not {}",
                args.address
            )))
        };
    }
    let prompt = format!("\nTo cancel it and lose this, type its address ({}): ", args.address);
    match work::ask(call.ui, prompt).await {
        None => Err(CommandError::LossNotAccepted {
            unit: args.address.clone(),
        }),
        Some(answer) => Ok(answer == args.address.to_string()),
    }
}

/// What is lost, one line a database.
fn warning(unit: &UnitAddress, migration: &Migration, now: Timestamp, columns: usize) -> String {
    let running = migration.started.map_or_else(String::new, |started| {
        format!(", running for {}", length(between(started, now)))
    });
    let doing = migration
        .substate
        .as_ref()
        .map_or_else(|| migration.state.as_str(), doing);
    let mut text = format!(
        "{STRONG}{unit}{STRONG:#}, `{}`: {doing}{running}\n\n",
        migration.id.name()
    );
    if migration.is_cutting_over() {
        let sentence = "Its cutover was triggered and is not over: whoever did that has stopped the writes at the source. Cancelled \
                        now, it has to be done again from the beginning.";
        text.push_str(&hang("", "", sentence, columns));
        text.push('\n');
    }
    if !migration.databases.iter().any(|name| migration.may_have_written(name)) {
        let sentence = "Nothing of it has been copied yet: there is nothing to lose. What is on the target under the names of its \
                        databases is not touched, and neither is the source.";
        text.push_str(&hang("", "", sentence, columns));
        return text;
    }
    let _ = writeln!(
        text,
        "{ERROR}WILL BE LOST: {}{ERROR:#}\n",
        count(migration.databases.len(), "database")
    );
    let names = migration
        .databases
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or_default();
    for name in &migration.databases {
        let copied = match migration
            .progress
            .get(name)
            .map(|progress| (progress.tables.completed, tables(progress)))
        {
            Some((Some(done), Some(all))) => format!("{done} of {all} tables copied so far"),
            Some((Some(done), None)) => format!("{done} tables copied so far"),
            Some((None, _)) | None => "Azure does not tell how far it is".to_owned(),
        };
        let _ = writeln!(text, "    {REMOVE}!{REMOVE:#} {}  {copied}", pad(&clean(name), names));
    }
    text.push('\n');
    let sentence = "Whether Azure takes them away again or leaves them half-filled is not certain: either way nothing of \
                    them on the target can be used. A new attempt copies everything from the beginning. The source is not \
                    touched.";
    text.push_str(&hang("", "", sentence, columns));
    text
}

fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Succeeded => "has succeeded",
        Ending::Failed => "has failed",
        Ending::ValidationFailed => "has failed its validation",
        Ending::Canceled => "was cancelled already",
    }
}

fn tell(outcome: Cancelled, args: &CancelArgs, call: &Call<'_>) -> Exit {
    let unit = &args.address;
    match outcome {
        Cancelled::Ended(Ending::Canceled) => {
            call.ui.show(&format!(
                "\n{unit} is cancelled. To try again: {}\n",
                call.calling.line(&format!("apply --retry {}", typed(&unit.resource)))
            ));
            Exit::Done
        }
        Cancelled::Ended(ending) => {
            call.ui
                .show(&format!("\n{unit} {} before the cancel reached it.\n", ended(ending)));
            Exit::Error
        }
        Cancelled::InFlight => {
            call.ui.show(&format!(
                "\n{unit} is being cancelled; `{}` shows when it is over.\n",
                call.calling.line("status")
            ));
            Exit::InFlight
        }
        Cancelled::NotAsked => {
            call.ui.alert(&format!(
                "\nInterrupted before the service was asked to: {unit} is not being cancelled.\n"
            ));
            Exit::Error
        }
    }
}
