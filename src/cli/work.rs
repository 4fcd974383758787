//! What apply, destroy, cutover and cancel share: who acts and through which doors, consent, and how an interrupt reaches a
//! run.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::session::Session;
use super::signals::Signals;
use super::ui::Ui;
use super::view::progress::Progress;
use crate::apply::{Caller, Interrupt, Interrupter, OnError, Options, Ports, Wait};
use crate::arm::Outputs;
use crate::azure::clock::WallClock;
use crate::length::Length;
use crate::secret::Secrets;

/// An interrupted run has two seconds; the last tenth is for saying so.
const PATIENCE: Duration = Duration::from_millis(1900);

/// How often what shows elapsed time is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// Flags of everything that changes Azure.
#[derive(Args)]
pub(crate) struct Working {
    /// How long to stay: until all is over or waits for people (done), until each migration can be cut over (ready), or only
    /// until everything is submitted (none)
    #[arg(long, value_name = "FOR", default_value = "done")]
    wait: WaitFor,
    /// How long to wait for the state when somebody else writes, such as `30s`
    #[arg(long, value_name = "TIME")]
    lock_timeout: Option<Length>,
}

/// How long to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WaitFor {
    #[value(help = "Until everything is over, or only persons can move it on")]
    Done,
    #[value(help = "Until each migration is finished or ready for its cutover")]
    Ready,
    #[value(help = "Until everything that can be submitted is")]
    None,
}

/// What a failed step means to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Failing {
    #[value(help = "Only what hangs on it is skipped")]
    Continue,
    #[value(help = "Nothing new is started")]
    Stop,
}

impl Working {
    /// How a run goes about its plan. `patience` is how long it waits for the state when no flag says so.
    pub(crate) fn options(&self, patience: Duration) -> Options {
        Options {
            wait: match self.wait {
                WaitFor::Done => Wait::Done,
                WaitFor::Ready => Wait::Ready,
                WaitFor::None => Wait::NoWait,
            },
            lock_timeout: self.lock_timeout.map_or(patience, |span| span.0),
            ..Options::default()
        }
    }
}

impl From<Failing> for OnError {
    fn from(failing: Failing) -> Self {
        match failing {
            Failing::Continue => Self::Continue,
            Failing::Stop => Self::Stop,
        }
    }
}

/// Who acts in this process, on a state that is this project's.
///
/// # Errors
/// When the state belongs elsewhere, or Azure cannot be asked for the subscription's tenant.
pub(crate) async fn caller(call: &Call<'_>, session: &Session, command: &str) -> Result<Caller, CommandError> {
    session.remembered().await?;
    Ok(Caller {
        approval: None,
        who: call.env.actor.clone(),
        process: std::process::id(),
        command: format!("pgferry {command}"),
        cloud: session.project.cloud(),
        tenant: session.tenant().await?,
        subscription: session.subscription.clone(),
    })
}

/// The doors of a run.
pub(crate) fn ports<'a>(
    session: &'a Session,
    caller: &'a Caller,
    secrets: &'a Secrets,
    outputs: &'a Outputs,
) -> Ports<'a> {
    Ports {
        arm: session.client.as_ref(),
        store: session.store.as_ref(),
        clock: session.clock.as_ref(),
        wall: &WallClock,
        secrets,
        vaults: session.client.as_ref(),
        outputs,
        caller,
    }
}

/// How work ended.
pub(crate) enum Ended<T> {
    /// By itself, in good order.
    Worked(T),
    /// It did not leave in time, or a second signal came. The journal knows what was under way.
    CutShort,
}

/// Runs work that an interrupt asks to stop; its progress is drawn as time goes on.
pub(crate) async fn interruptible<T, W: Future<Output = T>>(
    signals: &mut Signals,
    session: &Session,
    progress: &Progress,
    work: impl FnOnce(Interrupt) -> W,
) -> Ended<T> {
    let (interrupter, interrupt) = Interrupter::new();
    let mut work = std::pin::pin!(work(interrupt));
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            done = &mut work => {
                progress.finish();
                return Ended::Worked(done);
            }
            () = signals.first() => break,
            _ = tick.tick() => progress.tick(session.clock.now()),
        }
    }
    interrupter.interrupt();
    let ended = tokio::select! {
        done = &mut work => Ended::Worked(done),
        () = signals.first() => Ended::CutShort,
        () = tokio::time::sleep(PATIENCE) => Ended::CutShort,
    };
    progress.finish();
    ended
}

/// Does what changes nothing, unless a signal comes first: then none.
///
/// # Errors
/// When the work fails.
pub(crate) async fn unless_interrupted<T>(
    signals: &mut Signals,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<Option<T>, CommandError> {
    tokio::select! {
        biased;
        () = signals.first() => Ok(None),
        done = work => done.map(Some),
    }
}

/// What is said when a signal came before anything was done: nothing of it is in Azure, as where a person says no.
pub(crate) fn not_begun(ui: &Ui, again: &str) -> Exit {
    ui.alert(&format!(
        "\nInterrupted before anything was changed.\nTo go on: {again}\n"
    ));
    Exit::Error
}

/// Asks whether a command may do what it has shown; where it may not, or a signal comes instead of an answer, it says so. `nothing`
/// is what did not happen then.
///
/// # Errors
/// When nobody can be asked.
pub(crate) async fn agreed(
    signals: &mut Signals,
    ui: &Ui,
    question: &str,
    (command, nothing): (&str, &str),
) -> Result<bool, CommandError> {
    match unless_interrupted(signals, approve(ui, question)).await? {
        Some(Approval::Given) => return Ok(true),
        Some(Approval::Refused) => ui.alert(&format!("\n{command} cancelled: {nothing}.\n")),
        None => interrupted(ui, nothing),
    }
    Ok(false)
}

/// What is said when a signal came in place of an answer.
pub(crate) fn interrupted(ui: &Ui, nothing: &str) {
    ui.alert(&format!("\nInterrupted: {nothing}.\n"));
}

/// Does what writes to the state alone. A signal cuts it short, and nobody knows here then whether it was written.
///
/// # Errors
/// When the work fails.
pub(crate) async fn written(
    signals: &mut Signals,
    call: &Call<'_>,
    work: impl Future<Output = Result<Exit, CommandError>>,
) -> Result<Exit, CommandError> {
    let done = unless_interrupted(signals, work).await?;
    Ok(done.unwrap_or_else(|| {
        call.ui.alert(&format!(
            "\nInterrupted while the state was written: `{}` tells whether it was.\n",
            call.calling.line("history")
        ));
        Exit::Error
    }))
}

/// What is said of work that was cut short.
pub(crate) fn cut_short(ui: &Ui, again: &str) -> Exit {
    ui.alert(&format!(
        "\nEnded at once. What runs in Azure goes on there, and the journal knows what was under way.\nTo go on: {again}\n"
    ));
    Exit::InFlight
}

/// Asks for consent; only `yes` is one.
///
/// # Errors
/// When nobody can be asked.
pub(crate) async fn approve(ui: &Ui, question: &str) -> Result<Approval, CommandError> {
    let prompt = format!("{question}\n  Only `yes` is taken for a yes.\n\n  Enter a value: ");
    match ask(ui, prompt).await {
        None => Err(CommandError::NobodyToAsk),
        Some(answer) if answer == "yes" => Ok(Approval::Given),
        Some(_) => Ok(Approval::Refused),
    }
}

/// Whether a person consented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Approval {
    /// They did.
    Given,
    /// They did not.
    Refused,
}

/// Reading a terminal blocks, so it gets a thread of its own.
pub(crate) async fn ask(ui: &Ui, prompt: String) -> Option<String> {
    let ui = ui.clone();
    tokio::task::spawn_blocking(move || ui.ask(&prompt))
        .await
        .ok()
        .flatten()
}
