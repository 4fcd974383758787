//! `pgferry wait`: stays with an apply that somebody left, wherever that was, and finishes what was approved then. Where passwords
//! are not at hand it only watches. It plans nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pgferry_state::{OpenRun, StepPhase};

use super::Call;
use super::aiming::again;
use super::apply::{Job, to_retry};
use super::dealt::{Dealt, Lists, Next, deal_all, neighbours};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session::Session;
use super::signals::Signals;
use super::view::layout::{count, hang, listed};
use super::view::progress::Progress;
use super::view::time::instant;
use super::work::{self, Ended};
use crate::address::{Address, UnitAddress};
use crate::apply::{self, Conclusion, Options, Stall, Wait};
use crate::arm::Outputs;
use crate::arm::migration::Standing;
use crate::length::Length;
use crate::plan::withdrawn::{Withdrawn, withdrawn};
use crate::plan::{Aim, Mode, Plan, StepId};
use crate::prior::Prior;
use crate::secret::{SecretRef, Secrets};

/// How long the state is waited for when somebody else writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Stay with an apply that was left, and finish it
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry apply --auto-approve --wait none", "one job of a pipeline submits and leaves"),
    ("pgferry wait", "another one, on any machine that reaches the state, finishes what was approved"),
    ("pgferry wait --until ready", "leaves when the cutovers can begin"),
]))]
pub(crate) struct WaitArgs {
    /// How long to stay
    #[arg(long, value_name = "WHEN", default_value = "done")]
    until: Until,
    /// Only watch, even if everything is at hand that finishing takes
    #[arg(long)]
    watch: bool,
    /// How long to wait for the state when somebody else writes, such as `30s`; a minute where nothing is said
    #[arg(long, value_name = "TIME")]
    lock_timeout: Option<Length>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    #[value(help = "Until everything is over, or only persons can move it on")]
    Done,
    #[value(help = "Until each migration is finished or ready for its cutover")]
    Ready,
}

/// Whether the rest of a run can be finished here.
enum Means {
    /// It can, with these.
    Finish(Secrets, Outputs),
    /// It can only be watched.
    Watch(Why),
}

/// Why a run is only watched.
enum Why {
    /// Somebody wants it so.
    Asked,
    /// These are not at hand.
    Lacking(Vec<SecretRef>),
    /// The configuration that would supply them does not hold.
    Configuration,
    /// The configuration takes back what was approved.
    Withdrawn(Vec<Withdrawn>),
}

pub(crate) async fn run(args: &WaitArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let mut signals = Signals::listen()?;
    let goes_on = call.calling.line("wait");
    let opened = work::unless_interrupted(&mut signals, async {
        let session = call.session(Purpose::Look).await?;
        let caller = work::caller(call, &session, "wait").await?;
        let (snapshot, _) = session.remembered().await?;
        let Some(open) = snapshot.and_then(|snapshot| snapshot.run) else {
            return Ok((session, caller, None));
        };
        let means = means(args, &session, &open).await?;
        Ok((session, caller, Some((open, means))))
    });
    let Some((session, caller, found)) = opened.await? else {
        return Ok(work::not_begun(call.ui, &goes_on));
    };
    let Some((open, means)) = found else {
        let looked = work::unless_interrupted(&mut signals, nothing_open(&session, call)).await?;
        return Ok(looked.unwrap_or_else(|| work::not_begun(call.ui, &goes_on)));
    };
    let plan = apply::open_plan(&open)?;
    let text = format!("{} {}", beginning(&open, &plan), intention(&means));
    call.ui.say(&format!(
        "{}\n",
        hang("", "", &call.calling.in_text(&text), call.ui.width())
    ));
    let job = Job {
        session,
        caller,
        options: Options {
            wait: match args.until {
                Until::Done => Wait::Done,
                Until::Ready => Wait::Ready,
            },
            stall: Stall::Ends,
            lock_timeout: args.lock_timeout.map_or(PATIENCE, |span| span.0),
            ..Options::default()
        },
        command: "wait",
        again: goes_on,
        call,
    };
    let progress = Progress::new(call, &plan);
    let (finishes, secrets, outputs) = match means {
        Means::Finish(secrets, outputs) => (true, secrets, outputs),
        Means::Watch(_) => (false, Secrets::default(), Outputs::default()),
    };
    let ports = work::ports(&job.session, &job.caller, &secrets, &outputs);
    let staying = work::interruptible(&mut signals, &job.session, &progress, |interrupt| {
        let (ports, options, progress) = (ports, &job.options, &progress);
        async move {
            match finishes {
                true => apply::resume(&ports, options, &interrupt, progress).await,
                false => apply::follow(&ports, options, &interrupt, progress).await,
            }
        }
    });
    match staying.await {
        Ended::CutShort => Ok(work::cut_short(call.ui, &job.again)),
        Ended::Worked(report) => match report? {
            Some(report) if finishes => {
                let goes_on = match report.conclusion() {
                    Conclusion::Failed => {
                        let aim = to_retry(&report, &Aim::default());
                        call.calling.line(&again(plan.mode.command(), &aim))
                    }
                    Conclusion::Done | Conclusion::InFlight | Conclusion::Waiting => job.again.clone(),
                };
                let exit = job.conclude(&report, &plan, &goes_on).await?;
                if report.conclusion() == Conclusion::Waiting {
                    call.ui.say(
                        &call
                            .calling
                            .in_text("What the configuration approves or answers since then takes `pgferry apply`.\n"),
                    );
                }
                Ok(exit)
            }
            Some(report) => Ok(job.tell(&report, &plan, &call.calling.line("apply"))),
            None => {
                call.ui.show("Whoever had left it has finished it meanwhile.\n");
                Ok(Exit::Done)
            }
        },
    }
}

/// No apply is open: whoever waits wants to know whether all has arrived, since then it is over.
async fn nothing_open(session: &Session, call: &Call<'_>) -> Result<Exit, CommandError> {
    let declared = session.project.program.declare(&Outputs::default());
    let declared = declared.map_err(|found| session.project.refuse(found, call.ui.width()))?;
    let (_, prior) = session.remembered_as_declared().await?;
    let batches = neighbours(&declared.graph, None);
    let attempts = prior
        .iter()
        .filter_map(|(_, remembered)| remembered.record.attempts.last());
    let targets = attempts.filter_map(|attempt| attempt.id.parent());
    let targets = targets.chain(batches.iter().map(|batch| batch.target.clone()));
    let lists = Lists::read(session, targets.collect()).await?;
    let dealt = deal_all(&batches, (&declared.graph, &declared.imports), &prior, &lists);
    let found = NothingOpen {
        batches: batches.len(),
        dealt: dealt.values().collect(),
        left: left_behind(&prior, &dealt, &lists),
    };
    let (text, command, exit) = found.told();
    let line = call.calling.line(command);
    call.ui.show(&hang("", "", &format!("{text} {line}"), call.ui.width()));
    Ok(exit)
}

/// Migrations that are remembered, not over, and of no batch that is declared.
fn left_behind(prior: &Prior, dealt: &BTreeMap<Address, Dealt>, lists: &Lists) -> Vec<(UnitAddress, Standing)> {
    let remembered = prior.iter().filter(|(unit, _)| {
        let batch = dealt.get(&unit.resource);
        batch.is_none_or(|batch| !batch.next.contains_key(unit))
    });
    let running = remembered.filter_map(|(unit, remembered)| {
        let attempt = remembered.record.attempts.last()?;
        let migrations = lists.of(&attempt.id.parent()?)?.ok()?;
        let migration = migrations.iter().find(|migration| migration.id == attempt.id)?;
        match migration.standing() {
            Standing::Ended(_) => None,
            standing @ (Standing::Running | Standing::ReadyForCutover | Standing::Asking(_)) => {
                Some((unit.clone(), standing))
            }
        }
    });
    running.collect()
}

/// What there is, once no apply is open.
struct NothingOpen<'a> {
    /// How many batches are declared.
    batches: usize,
    /// Those that could be looked at.
    dealt: Vec<&'a Dealt>,
    /// Migrations that no batch moves on.
    left: Vec<(UnitAddress, Standing)>,
}

impl NothingOpen<'_> {
    /// A sentence, the command that it ends with, and how to exit.
    fn told(&self) -> (String, &'static str, Exit) {
        let moved = self.dealt.iter().filter(|batch| !batch.validates);
        let all: usize = self.dealt.iter().map(|batch| batch.databases).sum();
        let missing = all - self.dealt.iter().map(|batch| batch.arrived).sum::<usize>();
        let mut next = self.dealt.iter().flat_map(|batch| batch.next.values());
        if self.dealt.len() < self.batches {
            let unread = match self.batches - self.dealt.len() {
                1 => "one batch".to_owned(),
                unread => format!("{unread} batches"),
            };
            let text = format!("No apply is open, and the targets of {unread} cannot be read to see what has arrived.");
            return (format!("{text} What can be seen is shown by:"), "status", Exit::Error);
        }
        if next.any(|next| *next == Next::Stays) {
            let text = format!(
                "No apply is open, and of {} {missing} did not arrive: a migration did not succeed, and is not tried again by \
                 itself. What became of it is shown by:",
                count(all, "database")
            );
            return (text, "status", Exit::Error);
        }
        if missing > 0 {
            let text = format!(
                "No apply is open, so nobody moves on what has not arrived: {missing} of {}. That takes:",
                count(all, "database")
            );
            return (text, "apply", Exit::InFlight);
        }
        if !self.left.is_empty() {
            let units: Vec<String> = self.left.iter().map(|(unit, _)| unit.to_string()).collect();
            let text = format!(
                "No apply is open, and no batch that is declared moves on what is not over: {}. What it waits for is shown by:",
                listed(&units)
            );
            let is_running = self.left.iter().all(|(_, standing)| *standing == Standing::Running);
            let exit = if is_running {
                Exit::InFlight
            } else {
                Exit::WaitingForPerson
            };
            return (text, "status", exit);
        }
        let what = match moved.count() {
            0 if all > 0 => "every declared database was validated; none was to be moved",
            some if some < self.dealt.len() => {
                "every declared database has arrived, or was validated where no more was wanted"
            }
            _ => "every declared database has arrived",
        };
        (
            format!("No apply is open, and {what}. What there is is shown by:"),
            "status",
            Exit::Done,
        )
    }
}

/// What finishing takes, as far as it is at hand.
async fn means(args: &WaitArgs, session: &Session, open: &OpenRun) -> Result<Means, CommandError> {
    if args.watch {
        return Ok(Means::Watch(Why::Asked));
    }
    let plan = apply::open_plan(open)?;
    if plan.mode == Mode::Destroy {
        return Err(CommandError::OpenDestroy);
    }
    let (graph, secrets, outputs) = match session.supplied().await {
        Ok(supplied) => supplied,
        Err(CommandError::Configuration { refused, width }) => {
            session.say(&refused.rendered(width));
            return Ok(Means::Watch(Why::Configuration));
        }
        Err(error) => return Err(error),
    };
    let over = open.over().map(|id| StepId(id.get())).collect();
    let withdrawn = withdrawn(&plan, &over, &graph);
    if !withdrawn.is_empty() {
        return Ok(Means::Watch(Why::Withdrawn(withdrawn)));
    }
    let lacking = apply::lacking(open, &secrets)?;
    Ok(match lacking.is_empty() {
        true => Means::Finish(secrets, outputs),
        false => Means::Watch(Why::Lacking(lacking.into_iter().collect())),
    })
}

fn beginning(open: &OpenRun, plan: &Plan) -> String {
    let done = open.steps.values().filter(|step| step.phase == StepPhase::Done);
    format!(
        "The {} of {}, begun {}, is open with {} of {} done.",
        plan.mode.command(),
        open.by,
        instant(open.started),
        done.count(),
        count(plan.steps.len(), "step")
    )
}

fn intention(means: &Means) -> String {
    match means {
        Means::Finish(..) => "This goes on with it.".to_owned(),
        Means::Watch(Why::Asked) => "This only watches.".to_owned(),
        Means::Watch(Why::Lacking(secrets)) => {
            let names: Vec<String> = secrets.iter().map(|secret| format!("`{secret}`")).collect();
            format!(
                "This only watches, since no value was given for {}: what has not begun does not begin.",
                listed(&names)
            )
        }
        Means::Watch(Why::Withdrawn(withdrawn)) => {
            let each: Vec<String> = withdrawn.iter().map(|it| format!("{} {}", it.unit, it.why)).collect();
            format!(
                "This only watches, since the configuration takes back what was approved: {}. What has not begun does not begin; \
                 `pgferry apply` plans it anew.",
                listed(&each)
            )
        }
        Means::Watch(Why::Configuration) => {
            "This only watches, since the configuration does not hold: what has not begun does not begin.".to_owned()
        }
    }
}
