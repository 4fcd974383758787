//! `pgferry wait`: stays with an apply that somebody left, wherever that was, and finishes what was approved then. Where passwords
//! are not at hand it only watches. It plans nothing.

use std::time::Duration;

use clap::{Args, ValueEnum};
use pgferry_state::OpenRun;

use super::Call;
use super::apply::Job;
use super::dealt::{Lists, Next, deal_all, neighbours};
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
use crate::apply::{self, Conclusion, Options, Stall, Wait};
use crate::arm::Outputs;
use crate::length::Length;
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
    let text = format!("{} {}", beginning(&open, plan.steps.len()), intention(&means));
    call.ui.say(&format!("{}\n", hang("", "", &text, call.ui.width())));
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
                // What the configuration approves or answers since then is not part of what was approved.
                let goes_on = match report.conclusion() {
                    Conclusion::Waiting => call.calling.line("apply"),
                    Conclusion::Done | Conclusion::InFlight | Conclusion::Failed => job.again.clone(),
                };
                job.conclude(&report, &plan, &goes_on).await
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
    let lists = Lists::read(session, batches.iter().map(|batch| batch.target.clone()).collect()).await?;
    let dealt = deal_all(&batches, &declared.graph, &prior, &lists);
    let unread = batches.len() - dealt.len();
    let all: usize = dealt.values().map(|batch| batch.databases).sum();
    let missing = all - dealt.values().map(|batch| batch.arrived).sum::<usize>();
    let stays = dealt
        .values()
        .flat_map(|batch| batch.next.values())
        .any(|next| *next == Next::Stays);
    let (text, command, exit) = match (unread, missing, stays) {
        (0, 0, _) => (
            "No apply is open, and every declared database has arrived. What there is is shown by:".to_owned(),
            "status",
            Exit::Done,
        ),
        (0, missing, false) => (
            format!(
                "No apply is open, so nobody moves on what has not arrived: {missing} of {}. That takes:",
                count(all, "database")
            ),
            "apply",
            Exit::InFlight,
        ),
        (0, missing, true) => (
            format!(
                "No apply is open, and of {} {missing} did not arrive: a migration did not succeed, and is not tried again by \
                 itself. What became of it is shown by:",
                count(all, "database")
            ),
            "status",
            Exit::Error,
        ),
        (unread, _, _) => (
            format!(
                "No apply is open, and the targets of {} cannot be read to see what has arrived. What can be seen is shown by:",
                if unread == 1 {
                    "one batch".to_owned()
                } else {
                    format!("{unread} batches")
                }
            ),
            "status",
            Exit::Error,
        ),
    };
    let line = call.calling.line(command);
    call.ui.show(&hang("", "", &format!("{text} {line}"), call.ui.width()));
    Ok(exit)
}

/// What finishing takes, as far as it is at hand.
async fn means(args: &WaitArgs, session: &Session, open: &OpenRun) -> Result<Means, CommandError> {
    if args.watch {
        return Ok(Means::Watch(Why::Asked));
    }
    let (secrets, outputs) = match session.supplied().await {
        Ok(supplied) => supplied,
        Err(CommandError::Configuration { refused, width }) => {
            session.say(&refused.rendered(width));
            return Ok(Means::Watch(Why::Configuration));
        }
        Err(error) => return Err(error),
    };
    let lacking = apply::lacking(open, &secrets)?;
    Ok(match lacking.is_empty() {
        true => Means::Finish(secrets, outputs),
        false => Means::Watch(Why::Lacking(lacking.into_iter().collect())),
    })
}

fn beginning(open: &OpenRun, steps: usize) -> String {
    let done = open
        .steps
        .values()
        .filter(|step| step.phase == pgferry_state::StepPhase::Done);
    format!(
        "The apply of {}, begun {}, is open with {} of {} done.",
        open.by,
        instant(open.started),
        done.count(),
        count(steps, "step")
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
        Means::Watch(Why::Configuration) => {
            "This only watches, since the configuration does not hold: what has not begun does not begin.".to_owned()
        }
    }
}
