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
    #[arg(long)]
    destroy: bool,
    #[command(flatten)]
    common: Planning,
}

/// Flags of everything that makes a plan.
#[derive(Args)]
pub(crate) struct Planning {
    /// Try the failed migrations of this batch again; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    retry: Vec<Address>,
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
}

impl Planning {
    /// What a plan is made for.
    pub(crate) fn aim(&self, mode: Mode, ui: &Ui) -> Aim {
        if !self.refresh {
            ui.say("note: --refresh=false is taken, but a plan of pgferry always looks at Azure\n");
        }
        Aim {
            mode,
            retry: self.retry.iter().cloned().collect::<BTreeSet<Address>>(),
        }
    }
}

pub(crate) async fn run(args: &PlanArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let mode = if args.destroy { Mode::Destroy } else { Mode::Apply };
    let Planned { plan, .. } = session.plan(&args.common.aim(mode, call.ui)).await?;
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

/// A plan that apply would refuse ends with 7; a migration that runs is no change.
fn exit(plan: &Plan, detailed: bool) -> Exit {
    let refused = plan.blocking().next().is_some() || plan.losses.iter().any(|loss| loss.consent.is_none());
    let checked = if refused { Exit::CheckFailed } else { Exit::Done };
    let changed = if detailed && plan.has_changes() {
        Exit::Changes
    } else {
        Exit::Done
    };
    checked.and(changed)
}
