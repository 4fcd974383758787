//! `pgferry plan`: what apply would do, and why. It changes nothing, locks nothing and needs no password.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Call;
use super::aiming::{Aiming, again};
use super::calling::Calling;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::plan_file;
use super::project::Purpose;
use super::renderings::{ForPeople, Renderings};
use super::session::{Planned, Session, plan_from};
use super::snapshot_file::SnapshotFile;
use super::ui::{Ui, Verbosity};
use super::view::layout::typed;
use super::view::plan::problem::Places;
use super::view::plan::{Detail, PlanView, Reads, missing};
use crate::azure::clock::WallClock;
use crate::clock::Clock;
use crate::plan::{Aim, Mode, Plan};
use crate::refresh::snapshot::Coverage;

/// Show what apply would do, and why
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry plan", "for a person"),
    ("pgferry plan --detailed-exitcode", "for a pipeline: ends with 2 where something would change"),
    ("pgferry plan --destroy", "what destroy would do"),
    ("pgferry plan --refresh-only", "what others changed, and nothing else"),
    ("pgferry plan --out tonight.plan", "keeps the plan, to be carried out as it is"),
    ("pgferry plan --target database_batch.wave1", "one batch, and what it needs"),
    ("pgferry plan --json | conftest test -", "for a policy"),
    ("pgferry plan --markdown=plan.md --sarif=plan.sarif", "for a pull request, beside the plan for people"),
    ("pgferry plan --markdown --max-bytes 30000", "shortened until it fits"),
    ("pgferry plan --html=plan.html", "a page with a picture"),
    ("pgferry plan --snapshot azure.json", "from what `pgferry snapshot` kept: no login, no network"),
]))]
pub(crate) struct PlanArgs {
    /// End with 2 when something would change
    #[arg(long)]
    detailed_exitcode: bool,
    /// Plan to take down what pgferry made
    #[arg(long, conflicts_with_all = ["retry", "replace"])]
    destroy: bool,
    /// Only find out what others changed, and offer to remember it
    #[arg(long, conflicts_with_all = ["destroy", "retry", "replace"])]
    refresh_only: bool,
    /// Keep the plan in a file, for `pgferry apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plan from what `pgferry snapshot` kept, or from ARM objects as `az resource show` and Resource Graph print them, with
    /// neither login nor network. What it does not hold is unknown
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// What the snapshot does not hold does not exist
    #[arg(long, requires = "snapshot")]
    snapshot_complete: bool,
    #[command(flatten)]
    aiming: Aiming,
    #[command(flatten)]
    renderings: Renderings,
    #[command(flatten)]
    known: FromTerraform,
    /// Known from Terraform; a plan locks nothing
    #[arg(long, value_name = "TIME", hide = true)]
    lock_timeout: Option<String>,
    /// Known from Terraform; how many reads go out at once follows from what there is to read
    #[arg(long, value_name = "N", hide = true)]
    parallelism: Option<String>,
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

pub(crate) async fn run(args: &PlanArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let for_people = args.renderings.for_people_beside(args.out.as_deref())?;
    let mode = match (args.destroy, args.refresh_only) {
        (true, _) => Mode::Destroy,
        (false, true) => Mode::Refresh,
        (false, false) => Mode::Apply,
    };
    args.known.note(call.ui);
    for (flag, given) in [("lock-timeout", &args.lock_timeout), ("parallelism", &args.parallelism)] {
        if given.is_some() {
            let note = format!("note: --{flag} is taken, but means nothing to a plan\n");
            call.ui.say(&note);
        }
    }
    let aim = args.aiming.aim(mode);
    let (Planned { plan, places, .. }, reads) = match &args.snapshot {
        None => {
            let session = call.session(Purpose::Look).await?;
            let planned = session.plan(&aim).await?;
            (planned, Some(Reads(session.client.requests().reads)))
        }
        Some(path) => (from_snapshot(path, args, &aim, call).await?, None),
    };
    args.renderings.write(&plan, &aim, &places, call)?;
    if for_people == ForPeople::Wanted {
        show_after(&plan, &places, reads, &call.calling, call.ui);
    }
    if let Some(path) = &args.out {
        let place = call.directory.join(path);
        plan_file::write(&place, &plan, &aim, &places)?;
        call.ui.say(&format!("\n{}\n", kept(path, &plan, &aim, &call.calling)));
    }
    Ok(exit(&plan, args.detailed_exitcode))
}

async fn from_snapshot(path: &Path, args: &PlanArgs, aim: &Aim, call: &Call<'_>) -> Result<Planned, CommandError> {
    let coverage = match args.snapshot_complete {
        true => Coverage::Complete,
        false => Coverage::Partial,
    };
    let snapshot = SnapshotFile::read(&call.directory.join(path), coverage)?;
    let project = call.project(Purpose::Look)?;
    plan_from(&snapshot, &project, call, aim).await
}

/// Where the plan is kept, and how it is carried out. One that was made from a snapshot is not: what it does is approved instead.
fn kept(path: &Path, plan: &Plan, aim: &Aim, calling: &Calling) -> String {
    let place = path.display();
    let missing = missing(plan);
    if !missing.is_empty() {
        return format!(
            "The plan is kept in {place}, to be read. As it stands it is refused: {}.",
            missing.join("; ")
        );
    }
    match plan.base.snapshot {
        None => {
            let line = calling.line(&format!("apply {}", typed(&place)));
            format!("The plan is kept in {place}. To carry it out: {line}")
        }
        Some(_) => {
            let line = calling.line(&approved(plan, aim));
            format!("The plan is kept in {place}, to be read. To look at Azure and do exactly this: {line}")
        }
    }
}

/// The command that does what a plan does, if that still is what is to be done.
pub(crate) fn approved(plan: &Plan, aim: &Aim) -> String {
    let command = match plan.mode {
        Mode::Apply => "apply",
        Mode::Refresh => "apply --refresh-only",
        // It takes no fingerprint: it shows its plan and asks.
        Mode::Destroy => return again("destroy", aim),
    };
    again(&format!("{command} --approved {}", plan.fingerprint()), aim)
}

/// Shows a plan with what it took.
pub(crate) fn show(plan: &Plan, places: &Places, session: &Session, ui: &Ui) {
    let reads = Reads(session.client.requests().reads);
    show_after(plan, places, Some(reads), &session.project.calling, ui);
}

/// Shows what others changed.
pub(crate) fn show_drift(plan: &Plan, places: &Places, session: &Session, ui: &Ui) {
    let reads = Reads(session.client.requests().reads);
    ui.show(&view(plan, places, Some(reads), &session.project.calling, ui).render_drift());
}

fn show_after(plan: &Plan, places: &Places, reads: Option<Reads>, calling: &Calling, ui: &Ui) {
    ui.show(&view(plan, places, reads, calling, ui).render());
    if plan.has_changes() {
        ui.show(&format!("Fingerprint: {}\n", plan.fingerprint()));
    }
}

fn view<'a>(plan: &'a Plan, places: &'a Places, reads: Option<Reads>, calling: &'a Calling, ui: &Ui) -> PlanView<'a> {
    PlanView {
        plan,
        calling,
        places,
        reads,
        now: Some(WallClock.now()),
        detail: match ui.verbosity() {
            Verbosity::Quiet | Verbosity::Normal => Detail::Review,
            Verbosity::Detailed => Detail::Everything,
        },
        columns: ui.width(),
    }
}

/// A plan that apply would refuse ends with 7, and so does a failed check; a migration that runs is no change.
fn exit(plan: &Plan, detailed: bool) -> Exit {
    let checked = if plan.is_refused() || plan.failed_checks().next().is_some() {
        Exit::CheckFailed
    } else {
        Exit::Done
    };
    let changed = match (detailed && plan.has_changes(), plan.mode) {
        (true, Mode::Refresh) if !plan.drift.is_empty() => Exit::Drift,
        (true, _) => Exit::Changes,
        (false, _) => Exit::Done,
    };
    checked.and(changed)
}
