//! `pgferry apply` and `pgferry destroy`: plan, ask, carry out, tell. The plan decides what is done; nothing here does.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use pgferry_state::{Approval as Word, RunId};

use super::Call;
use super::aiming::{Aiming, Choosing, again};
use super::env::Pipeline;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::plan::{FromTerraform, approved, show};
use super::plan_file;
use super::project::Purpose;
use super::session::{Afterwards, Planned, Session};
use super::signals::Signals;
use super::view::layout::{hang, typed};
use super::view::progress::Progress;
use super::view::summary::SummaryView;
use super::view::time::instant;
use super::work::{self, Approval, Ended, Failing, Working};
use crate::address::Address;
use crate::apply::{self, Caller, Conclusion, EarlierRun, Options, Outcome, Report, Settled, StepError};
use crate::arm::{Cloud, Outputs};
use crate::block::Verdict;
use crate::diagnostic::code::LEFT_WAITING;
use crate::plan::canonical::Fingerprint;
use crate::plan::saved::{self, Saved};
use crate::plan::{Aim, Checked, Mode, Output, Plan};
use crate::secret::Secrets;

/// Make it as the configuration says
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry apply", "shows the plan and asks"),
    ("pgferry apply --auto-approve --wait ready", "in a pipeline: leaves when the cutovers can begin"),
    ("pgferry apply tonight.plan", "carries out a plan that was kept, and nothing else"),
    ("pgferry apply --approved 5c1f0e…", "in a pipeline: only what the review approved"),
    ("pgferry apply --retry database_batch.wave1", "tries the failed migrations of a batch again"),
    ("pgferry apply --target database_batch.wave1", "one batch, and what it needs"),
]))]
pub(crate) struct ApplyArgs {
    /// A plan of `pgferry plan --out`, to be carried out as it is; without one, a plan is made and shown
    #[arg(value_name = "FILE", conflicts_with_all = ["retry", "replace", "target", "exclude", "refresh_only"])]
    file: Option<PathBuf>,
    /// Go on without asking if the plan does exactly what this fingerprint stands for, and not otherwise
    #[arg(long, value_name = "FINGERPRINT", conflicts_with_all = ["file", "auto_approve"])]
    approved: Option<Fingerprint>,
    /// With `--approved`: the plan that was approved, as `plan --out` kept it; a refusal then names what differs
    #[arg(long, value_name = "FILE", requires = "approved")]
    was: Option<PathBuf>,
    /// Only remember what others changed; nothing in Azure changes
    #[arg(long, conflicts_with_all = ["retry", "replace"])]
    refresh_only: bool,
    #[command(flatten)]
    aiming: Aiming,
    #[command(flatten)]
    working: Working,
    #[command(flatten)]
    running: Running,
}

/// Take down what pgferry made, and forget the rest
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry destroy", "shows what would be deleted and asks"),
    ("pgferry plan --destroy", "only shows it"),
]))]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    choosing: Choosing,
    #[command(flatten)]
    working: Working,
    #[command(flatten)]
    running: Running,
}

/// Flags of runs of many steps.
#[derive(Args)]
struct Running {
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
    /// How many changes to have under way in Azure at once; watching migrations does not count
    #[arg(long, value_name = "N", default_value = "100", value_parser = at_least_one)]
    parallelism: NonZeroUsize,
    /// What a failed step means to the others: what hangs on it is skipped (continue), or nothing new begins (stop)
    #[arg(long, value_name = "HOW", default_value = "continue")]
    on_error: Failing,
    /// Keep the state on this runner although it is thrown away
    #[arg(long)]
    ephemeral_state: bool,
    #[command(flatten)]
    known: FromTerraform,
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "it takes a whole number from 1 on: so many calls at once".to_owned())
}

pub(crate) async fn apply(args: &ApplyArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let aim = args.aiming.aim(match args.refresh_only {
        true => Mode::Refresh,
        false => Mode::Apply,
    });
    let order = match (&args.file, &args.approved) {
        (Some(file), _) => Order::Saved(Box::new(live(file, plan_file::read(&call.directory.join(file))?)?)),
        (None, Some(fingerprint)) => Order::Approved(aim, approval(fingerprint, args.was.as_deref(), call)?),
        (None, None) => Order::Asked(aim),
    };
    run(order, &args.working, &args.running, call).await
}

/// What was approved, with the plan of it where that is at hand.
fn approval(fingerprint: &Fingerprint, was: Option<&Path>, call: &Call<'_>) -> Result<Approved, CommandError> {
    let was = was
        .map(|file| plan_file::read(&call.directory.join(file)))
        .transpose()?;
    if let Some(other) = was.as_ref().filter(|was| was.fingerprint != *fingerprint) {
        return Err(CommandError::OtherThanWas {
            approved: fingerprint.clone(),
            was: other.fingerprint.clone(),
        });
    }
    Ok(Approved {
        fingerprint: fingerprint.clone(),
        was: was.map(|saved| Box::new(saved.plan)),
    })
}

/// A plan that was made from a snapshot is read and approved, and not carried out: whoever kept it has not seen Azure.
fn live(file: &Path, saved: Saved) -> Result<Saved, CommandError> {
    match saved.plan.base.snapshot {
        None => Ok(saved),
        Some(_) => Err(CommandError::PlanOfSnapshot {
            path: file.to_owned(),
            instead: approved(&saved.plan, &saved.aim),
        }),
    }
}

pub(crate) async fn destroy(args: &DestroyArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let order = Order::Asked(args.choosing.aim(Mode::Destroy));
    run(order, &args.working, &args.running, call).await
}

/// What is to be carried out.
enum Order {
    /// What is planned now, once somebody agrees.
    Asked(Aim),
    /// What is planned now, if it is what somebody agreed to.
    Approved(Aim, Approved),
    /// What was planned before, if it still is what would be planned.
    Saved(Box<Saved>),
}

/// What somebody agreed to.
struct Approved {
    fingerprint: Fingerprint,
    /// The plan that it is of.
    was: Option<Box<Plan>>,
}

impl Order {
    fn aim(&self) -> &Aim {
        match self {
            Self::Asked(aim) | Self::Approved(aim, _) => aim,
            Self::Saved(saved) => &saved.aim,
        }
    }
}

async fn run(order: Order, working: &Working, running: &Running, call: &Call<'_>) -> Result<Exit, CommandError> {
    let aim = order.aim().clone();
    let command = aim.mode.command();
    let goes_on = call.calling.line(&again(command, &aim));
    // One listener from here to the end: a signal between two phases must not be lost.
    let mut signals = Signals::listen()?;
    let opened = work::unless_interrupted(&mut signals, async {
        let session = call.session(Purpose::Change).await?;
        refuse_to_lose_state(&session, running, call)?;
        let caller = work::caller(call, &session, command).await?;
        Ok((session, caller))
    });
    let Some((session, caller)) = opened.await? else {
        return Ok(work::not_begun(call.ui, &goes_on));
    };
    let mut job = Job {
        caller,
        options: Options {
            parallelism: running.parallelism.get(),
            on_error: running.on_error.into(),
            ..working.options(Duration::ZERO)
        },
        command,
        again: goes_on,
        session,
        call,
    };
    running.known.note(call.ui);
    // Before anything is settled: whoever goes on with it needs its calls as they were left.
    if let Order::Saved(saved) = &order {
        job.refuse_a_second_run(RunId::from(saved.id)).await?;
    }
    if let Some(exit) = job.settle(&mut signals).await? {
        return Ok(exit);
    }
    let Some(planned) = work::unless_interrupted(&mut signals, job.session.plan(&aim)).await? else {
        return Ok(work::not_begun(call.ui, &job.again));
    };
    job.caller.approval = match &order {
        Order::Saved(_) => Some(Word::PlanFile),
        // Where watching is all that is left, nobody's word is needed.
        Order::Approved(_, approved) => {
            (approved.fingerprint == planned.plan.fingerprint()).then_some(Word::Fingerprint)
        }
        Order::Asked(_) if !planned.plan.has_changes() => None,
        Order::Asked(_) if running.auto_approve => Some(Word::Unasked),
        Order::Asked(_) => Some(Word::Asked),
    };
    if let Order::Saved(saved) = &order {
        let planned = job.as_saved(saved, planned).await?;
        return job.carry_out(&mut signals, planned, &aim).await;
    }
    show(&planned.plan, &planned.places, &job.session, call.ui);
    let is_nothing = planned.plan.is_empty() && planned.plan.blocking().next().is_none();
    let consent = match &order {
        Order::Approved(_, approved) => {
            refuse_other_than(approved, &planned.plan)?;
            Some(Approval::Given)
        }
        Order::Asked(_) | Order::Saved(_) => {
            work::unless_interrupted(&mut signals, job.consent(&planned.plan, running)).await?
        }
    };
    match consent {
        Some(Approval::Given) if is_nothing => {
            let exit = checked(&planned.plan.checks).and(job.short_of(&planned.plan));
            if aim.mode != Mode::Refresh && aim.is_whole() {
                job.close_what_is_over(&planned.plan, exit).await?;
            }
            if aim.mode == Mode::Apply {
                job.keep_outputs(&planned.plan.outputs).await?;
            }
            Ok(exit)
        }
        Some(Approval::Given) => job.carry_out(&mut signals, planned, &aim).await,
        Some(Approval::Refused) => {
            call.ui.alert(&format!("\n{command} cancelled: nothing was changed.\n"));
            Ok(Exit::Error)
        }
        None => Ok(work::not_begun(call.ui, &job.again)),
    }
}

/// An approval is for what a plan does. Watching alone needs none.
fn refuse_other_than(approved: &Approved, plan: &Plan) -> Result<(), CommandError> {
    let found = plan.fingerprint();
    if found == approved.fingerprint || !plan.has_changes() {
        return Ok(());
    }
    Err(CommandError::NotApproved {
        approved: approved.fingerprint.clone(),
        found,
        differing: approved.was.as_ref().map(|was| saved::differences(was, plan)),
        drifted: plan.drift.iter().map(|drift| drift.unit.clone()).collect(),
    })
}

/// A runner that is thrown away takes local state with it, and with the state the memory of what is ours.
fn refuse_to_lose_state(session: &Session, running: &Running, call: &Call<'_>) -> Result<(), CommandError> {
    if !session.project.backend.is_local() {
        return Ok(());
    }
    match (session.project.cloud(), call.env.pipeline, running.ephemeral_state) {
        (Cloud::Simulator, _, _) | (_, Pipeline::No, _) | (_, Pipeline::Yes, true) => Ok(()),
        (Cloud::Public | Cloud::UsGovernment | Cloud::China, Pipeline::Yes, false) => Err(CommandError::EphemeralState),
    }
}

/// One apply, destroy or wait.
pub(super) struct Job<'a> {
    pub(super) session: Session,
    pub(super) caller: Caller,
    pub(super) options: Options,
    pub(super) command: &'static str,
    pub(super) again: String,
    pub(super) call: &'a Call<'a>,
}

impl Job<'_> {
    /// Settles what an interrupted run left open; an exit, where this one was interrupted at that.
    async fn settle(&self, signals: &mut Signals) -> Result<Option<Exit>, CommandError> {
        let (secrets, outputs) = (Secrets::default(), Outputs::default());
        let ports = work::ports(&self.session, &self.caller, &secrets, &outputs);
        let progress = Progress::by_hand(self.call);
        let settling = work::interruptible(signals, &self.session, &progress, |interrupt| {
            let (ports, options, progress) = (ports, &self.options, &progress);
            async move { apply::reconcile(&ports, options, &interrupt, progress).await }
        });
        match settling.await {
            Ended::CutShort => Ok(Some(work::cut_short(self.call.ui, &self.again))),
            Ended::Worked(settled) => match settled? {
                Settled::Nothing => {
                    // What is read is a copy beside the database; a shared state is read as it is.
                    if self.session.project.backend.is_local() && self.session.remembered().await?.0.is_some() {
                        apply::check(&ports).await?;
                    }
                    Ok(None)
                }
                Settled::Recovered(earlier) => {
                    self.call.ui.say(&told(&earlier));
                    Ok(None)
                }
                Settled::InOrder(open) => {
                    let sentence = format!(
                        "The run of {}, begun {}, is still open. Where it still watches, this one takes over once it begins.",
                        open.by,
                        instant(open.started)
                    );
                    let told = hang("", "", &sentence, self.call.ui.width());
                    self.call.ui.say(&format!("{told}\n"));
                    Ok(None)
                }
                Settled::Interrupted(_) => Ok(Some(work::cut_short(self.call.ui, &self.again))),
            },
        }
    }

    /// What the plan of a file does, as it is planned now, if that is the same.
    async fn as_saved(&self, saved: &Saved, now: Planned) -> Result<Planned, CommandError> {
        let base = &saved.plan.base;
        if (base.cloud, &base.subscription) != (now.plan.base.cloud, &now.plan.base.subscription) {
            return Err(CommandError::ForeignPlan {
                made_for: format!("{} in subscription {}", base.cloud, base.subscription),
                here: format!("{} in subscription {}", now.plan.base.cloud, now.plan.base.subscription),
            });
        }
        let moved = saved::departures(&saved.plan, &now.plan);
        if !moved.is_empty() {
            return Err(CommandError::PlanMoved(moved));
        }
        Ok(Planned {
            run: Some(saved.id),
            plan: saved::cut_to(&saved.plan, now.plan),
            ..now
        })
    }

    /// A plan in a file is for one run: its steps are numbered anew each time, and a journal tells of them by their numbers.
    async fn refuse_a_second_run(&self, run: RunId) -> Result<(), CommandError> {
        let (snapshot, _) = self.session.remembered().await?;
        let Some(snapshot) = snapshot else { return Ok(()) };
        let may_be_older = snapshot.may_lack_history();
        if let Some(open) = snapshot.run.filter(|open| open.id == run) {
            return Err(CommandError::PlanBegun {
                by: open.by.to_string(),
                at: open.started,
            });
        }
        let history = match may_be_older {
            true => self.session.store.history().await?,
            false => snapshot.history,
        };
        match history.into_iter().find(|entry| entry.run == run) {
            Some(entry) => Err(CommandError::PlanUsed {
                by: entry.by.to_string(),
                at: entry.started,
            }),
            None => Ok(()),
        }
    }

    /// Nothing is to be done: a run that left in good order has nothing to come back for.
    async fn close_what_is_over(&self, plan: &Plan, exit: Exit) -> Result<(), CommandError> {
        let (snapshot, _) = self.session.remembered().await?;
        let left: Vec<&str> = plan.left_behind().map(|finding| finding.summary.as_str()).collect();
        let is_open = snapshot.as_ref().is_some_and(|snapshot| snapshot.run.is_some());
        if snapshot.is_none() || (!is_open && left.is_empty()) {
            return Ok(());
        }
        let (secrets, outputs) = (Secrets::default(), Outputs::default());
        let ports = work::ports(&self.session, &self.caller, &secrets, &outputs);
        let progress = Progress::by_hand(self.call);
        let fingerprint = plan.fingerprint();
        Ok(apply::close(&ports, &self.options, &fingerprint, &left, exit.code(), &progress).await?)
    }

    async fn keep_outputs(&self, outputs: &BTreeMap<String, Output>) -> Result<(), CommandError> {
        let (_, prior) = self.session.remembered().await?;
        let (secrets, told) = (Secrets::default(), Outputs::default());
        let ports = work::ports(&self.session, &self.caller, &secrets, &told);
        let progress = Progress::by_hand(self.call);
        let kept = apply::keep_outputs(&ports, &self.options, prior.outputs(), outputs, &progress).await;
        progress.finish();
        Ok(kept?)
    }

    /// Consent to a plan. What changes nothing needs none.
    async fn consent(&self, plan: &Plan, running: &Running) -> Result<Approval, CommandError> {
        let is_refused = plan.blocking().next().is_some() || plan.losses.iter().any(|loss| loss.consent.is_none());
        if running.auto_approve || !plan.has_changes() || is_refused {
            return Ok(Approval::Given);
        }
        let question = match plan.mode {
            Mode::Apply => "\nDo you want to do this?",
            Mode::Destroy => "\nDo you really want to take all of this down?",
            Mode::Refresh => "\nDo you want to remember this?",
        };
        work::approve(self.call.ui, question).await
    }

    async fn carry_out(&self, signals: &mut Signals, planned: Planned, aim: &Aim) -> Result<Exit, CommandError> {
        let Planned {
            plan,
            outputs,
            secrets,
            run,
            beside,
            places: _,
            drifted: _,
        } = planned;
        let options = Options {
            beside,
            ..self.options.clone()
        };
        let mut approved = plan.approve().map_err(CommandError::NotApprovable)?;
        if let Some(run) = run {
            approved = approved.under(run);
        }
        let ports = work::ports(&self.session, &self.caller, &secrets, &outputs);
        let progress = Progress::new(self.call, approved.plan());
        self.call.ui.say("\n");
        let running = work::interruptible(signals, &self.session, &progress, |interrupt| {
            let (ports, options, progress, approved) = (ports, &options, &progress, &mut approved);
            async move {
                match apply::rename(&ports, options, approved.plan(), &interrupt, progress).await? {
                    Some(renamed) => approved.renamed(renamed),
                    None => return Ok(None),
                }
                apply::run(approved, &ports, options, &interrupt, progress)
                    .await
                    .map(Some)
            }
        });
        let report = match running.await {
            Ended::CutShort => return Ok(work::cut_short(self.call.ui, &self.again)),
            Ended::Worked(report) => report?,
        };
        let Some(report) = report else {
            return Ok(work::not_begun(self.call.ui, &self.again));
        };
        let plan = approved.plan();
        let goes_on = self.call.calling.line(&again(self.command, &to_retry(&report, aim)));
        self.conclude(&report, plan, &goes_on).await
    }

    /// Tells what became of a run, keeps its outputs and judges what is declared.
    pub(super) async fn conclude(&self, report: &Report, plan: &Plan, goes_on: &str) -> Result<Exit, CommandError> {
        let told = match self.tell(report, plan, goes_on) {
            Exit::Done => self.tell_outputs(plan.mode, &report.outputs).await?,
            told => told,
        };
        Ok(told.and(self.short_of(plan)))
    }

    /// Whatever else was done, it is not over while a migration runs that no apply moves on, and what is declared has not come
    /// true while one did not succeed.
    fn short_of(&self, plan: &Plan) -> Exit {
        self.left_behind(plan).and(self.stuck(plan))
    }

    fn left_behind(&self, plan: &Plan) -> Exit {
        let mut exit = Exit::Done;
        for finding in plan.left_behind() {
            let detail = finding.detail.as_deref().unwrap_or_default();
            let text = format!("{}. {}", finding.summary, self.call.calling.in_text(detail));
            let told = hang("", "", &text, self.call.ui.width());
            self.call.ui.alert(&format!("\n{told}"));
            exit = exit.and(match finding.code == LEFT_WAITING {
                true => Exit::WaitingForPerson,
                false => Exit::InFlight,
            });
        }
        exit
    }

    fn stuck(&self, plan: &Plan) -> Exit {
        let batches: BTreeSet<&Address> = plan.stuck().filter_map(|finding| finding.address.as_ref()).collect();
        if batches.is_empty() {
            return Exit::Done;
        }
        let retry: Vec<String> = batches
            .iter()
            .map(|batch| format!("--retry {}", typed(batch)))
            .collect();
        self.call.ui.alert(&format!(
            "\nNot everything that is declared has arrived: an earlier migration did not succeed, and is not tried again by itself.\n\
             To try again: {}\n",
            self.call.calling.line(&format!("apply {}", retry.join(" ")))
        ));
        Exit::Error
    }

    /// Tells what became of a run.
    pub(super) fn tell(&self, report: &Report, plan: &Plan, goes_on: &str) -> Exit {
        let view = SummaryView {
            report,
            plan,
            calling: &self.call.calling,
            again: goes_on,
            columns: self.call.ui.width(),
        };
        self.call.ui.show(&view.render());
        match report.conclusion() {
            Conclusion::Done => Exit::Done,
            Conclusion::InFlight => Exit::InFlight,
            Conclusion::Waiting => Exit::WaitingForPerson,
            Conclusion::Failed => Exit::Error,
        }
    }

    /// Keeps and shows the outputs and the checks, now that all they hang on is known.
    async fn tell_outputs(&self, mode: Mode, told: &Outputs) -> Result<Exit, CommandError> {
        let Afterwards { outputs, checks } = match mode {
            Mode::Apply | Mode::Refresh => self.session.afterwards(told)?,
            Mode::Destroy => Afterwards {
                outputs: std::collections::BTreeMap::new(),
                checks: Vec::new(),
            },
        };
        self.keep_outputs(&outputs).await?;
        if !outputs.is_empty() {
            let home = &self.session.subscription;
            self.call
                .ui
                .show(&super::view::plan::outputs(&outputs, home, "\nOutputs:\n\n"));
        }
        let failed = super::view::plan::checks(&checks, self.call.ui.width());
        if !failed.is_empty() {
            self.call.ui.show(&format!("\n{failed}"));
        }
        Ok(checked(&checks))
    }
}

/// A failed check stops nothing, but the exit code tells of it.
fn checked(checks: &[Checked]) -> Exit {
    match checks.iter().any(|check| check.verdict == Verdict::Fails) {
        true => Exit::CheckFailed,
        false => Exit::Done,
    }
}

/// The batches that were asked to be tried again, and those whose migrations failed now: nothing else goes on with them.
pub(super) fn to_retry(report: &Report, aim: &Aim) -> Aim {
    let has_failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(StepError::Ended(_)));
    let units = report.units().into_iter();
    let failed = units.filter(|(_, outcome)| has_failed(outcome));
    let mut again = aim.clone();
    again.retry.extend(failed.map(|(unit, _)| unit.resource.clone()));
    again
}

fn told(earlier: &EarlierRun) -> String {
    let mut text = format!(
        "This goes on where the run of {}, begun {}, was left.\n",
        earlier.by,
        instant(earlier.started)
    );
    for unit in &earlier.recovered {
        text.push_str(&format!(
            "  what it was doing to {unit} had happened, and is remembered now\n"
        ));
    }
    for unit in &earlier.undone {
        text.push_str(&format!("  what it was doing to {unit} had not happened\n"));
    }
    text.push('\n');
    text
}
