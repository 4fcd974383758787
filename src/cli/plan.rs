//! `pgferry plan`: what apply would do, and why. It changes nothing, locks nothing and needs no password.

use std::collections::BTreeSet;

use clap::Args;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session::{Aim, Planned, Session};
use super::ui::{Ui, Verbosity};
use super::view::layout::typed;
use super::view::plan::{Detail, PlanView, Reads};
use crate::address::Address;
use crate::plan::{Mode, Plan};

/// Show what apply would do, and why
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry plan", "for a person"),
    ("pgferry plan --detailed-exitcode", "for a pipeline: ends with 2 where something would change"),
    ("pgferry plan --destroy", "what destroy would do"),
]))]
pub(crate) struct PlanArgs {
    /// End with 2 when something would change
    #[arg(long)]
    detailed_exitcode: bool,
    /// Plan to take down what pgferry made
    #[arg(long, conflicts_with = "retry")]
    destroy: bool,
    #[command(flatten)]
    retrying: Retrying,
    #[command(flatten)]
    known: FromTerraform,
    /// Known from Terraform; a plan locks nothing
    #[arg(long, value_name = "TIME", hide = true)]
    lock_timeout: Option<String>,
    /// Known from Terraform; how many reads go out at once follows from what there is to read
    #[arg(long, value_name = "N", hide = true)]
    parallelism: Option<String>,
}

/// Whose failed migrations are tried again.
#[derive(Args)]
pub(crate) struct Retrying {
    /// Try the failed migrations of this batch again; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    retry: Vec<Address>,
}

/// Flags known from Terraform that change nothing here.
#[derive(Args)]
pub(crate) struct FromTerraform {
    /// Known from Terraform; a plan always looks at Azure, so `false` changes nothing
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        hide = true
    )]
    refresh: bool,
    /// Known from Terraform; only what changes something locks, and that always does
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        hide = true
    )]
    lock: bool,
    /// Known from Terraform; warnings are as long as they have to be
    #[arg(long, hide = true)]
    compact_warnings: bool,
}

impl Retrying {
    /// The batches.
    pub(crate) fn batches(&self) -> BTreeSet<Address> {
        self.retry.iter().cloned().collect()
    }
}

impl FromTerraform {
    /// Says which of them were given for nothing.
    pub(crate) fn note(&self, ui: &Ui) {
        if !self.refresh {
            ui.say("note: --refresh=false is taken, but a plan of pgferry always looks at Azure\n");
        }
        if !self.lock {
            ui.say("note: --lock=false is taken, but what changes something always locks the state, and a plan never does\n");
        }
        if self.compact_warnings {
            ui.say("note: --compact-warnings is taken, and changes nothing\n");
        }
    }
}

/// A command with the batches that it is to try again, as it is typed.
pub(crate) fn again<'a>(command: &str, retry: impl IntoIterator<Item = &'a Address>) -> String {
    let retry = retry.into_iter().map(|batch| format!(" --retry {}", typed(batch)));
    std::iter::once(command.to_owned()).chain(retry).collect()
}

pub(crate) async fn run(args: &PlanArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let mode = if args.destroy { Mode::Destroy } else { Mode::Apply };
    args.known.note(call.ui);
    for (flag, given) in [("lock-timeout", &args.lock_timeout), ("parallelism", &args.parallelism)] {
        if given.is_some() {
            let note = format!("note: --{flag} is taken, but means nothing to a plan\n");
            call.ui.say(&note);
        }
    }
    let aim = Aim {
        mode,
        retry: args.retrying.batches(),
    };
    let Planned { plan, .. } = session.plan(&aim).await?;
    show(&plan, &session, call.ui);
    Ok(exit(&plan, args.detailed_exitcode))
}

/// Shows a plan with what it took.
pub(crate) fn show(plan: &Plan, session: &Session, ui: &Ui) {
    let view = PlanView {
        plan,
        calling: &session.project.calling,
        reads: Some(Reads(session.client.requests().reads)),
        detail: match ui.verbosity() {
            Verbosity::Quiet | Verbosity::Normal => Detail::Review,
            Verbosity::Detailed => Detail::Everything,
        },
        columns: ui.width(),
    };
    ui.show(&view.render());
}

/// A plan that apply would refuse ends with 7, and so does a failed check; a migration that runs is no change.
fn exit(plan: &Plan, detailed: bool) -> Exit {
    let refused = plan.blocking().next().is_some() || plan.losses.iter().any(|loss| loss.consent.is_none());
    let checked = if refused || plan.failed_checks().next().is_some() {
        Exit::CheckFailed
    } else {
        Exit::Done
    };
    let changed = if detailed && plan.has_changes() {
        Exit::Changes
    } else {
        Exit::Done
    };
    checked.and(changed)
}
