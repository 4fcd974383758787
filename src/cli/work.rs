//! What apply, destroy, cutover and cancel share: who acts and through which doors, consent, and how an interrupt reaches a
//! run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::{Args, ValueEnum};
use pgferry_state::{Edit, Holder, Intent, RecordKey, StoreError};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::session::Session;
use super::signals::Signals;
use super::ui::Ui;
use super::view::progress::Progress;
use crate::address::UnitAddress;

use crate::apply::{ApplyError, Caller, Interrupt, Interrupter, Moved, OnError, Options, Ports, Wait};
use crate::arm::Outputs;
use crate::azure::clock::WallClock;
use crate::clock::Clock;
use crate::length::Length;
use crate::plan::{Output, Plan};
use crate::prior::OUTPUT_PREFIX;
use crate::secret::Secrets;

/// An interrupted run has two seconds; the last tenth is for saying so.
const PATIENCE: Duration = Duration::from_millis(1900);

/// How often what shows elapsed time is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// How long output values wait for the state.
const OUTPUT_PATIENCE: Duration = Duration::from_secs(30);

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

/// What is said when a signal came before anything was done.
pub(crate) fn not_begun(ui: &Ui, again: &str) -> Exit {
    ui.alert(&format!(
        "\nInterrupted before anything was changed.\nTo go on: {again}\n"
    ));
    Exit::InFlight
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

/// Keeps output values for `pgferry output`: known ones that may be seen; the others are forgotten.
///
/// # Errors
/// When the state cannot be written.
pub(crate) async fn keep_outputs(
    session: &Session,
    caller: &Caller,
    outputs: &BTreeMap<String, Output>,
) -> Result<(), CommandError> {
    let (_, prior) = session.remembered().await?;
    let known = prior.outputs();
    let wanted = |name: &String| match outputs.get(name) {
        Some(Output::Value(value)) => Some(value),
        Some(Output::Sensitive | Output::Unknown) | None => None,
    };
    let mut edits = Vec::new();
    for name in outputs.keys().filter(|name| wanted(name) != known.get(*name)) {
        if let Some(value) = wanted(name) {
            edits.push(Edit::Put {
                key: key(name)?,
                document: value.clone(),
            });
        }
    }
    for name in known.keys().filter(|name| wanted(name).is_none()) {
        edits.push(Edit::Remove { key: key(name)? });
    }
    if edits.is_empty() {
        return Ok(());
    }
    let binding = Edit::Bind(caller.binding());
    edits.insert(0, binding);
    let intent = intent(caller);
    let until = tokio::time::Instant::now() + OUTPUT_PATIENCE;
    loop {
        // Somebody who writes does so for moments; only who writes for long is named.
        match session.store.lock(intent.clone()).await {
            Ok(held) => {
                held.commit(edits).await?;
                return Ok(held.release().await?);
            }
            Err(StoreError::Locked(_)) if tokio::time::Instant::now() < until => tokio::time::sleep(TICK).await,
            Err(error) => return Err(error.into()),
        }
    }
}

fn intent(caller: &Caller) -> Intent {
    Intent {
        holder: Holder {
            who: caller.who.clone(),
            process: caller.process,
            command: caller.command.clone(),
            run: None,
            since: WallClock.now(),
        },
    }
}

/// Remembers under their new names what a plan moves, all at once, and answers with the revisions that the records got.
///
/// # Errors
/// When the state cannot be written, or one of the records is no longer as the plan knows it.
pub(crate) async fn rename(
    session: &Session,
    caller: &Caller,
    plan: &Plan,
) -> Result<Vec<(UnitAddress, u64)>, CommandError> {
    if plan.moves.is_empty() {
        return Ok(Vec::new());
    }
    let record = |unit: &UnitAddress| record_key(&unit.to_string());
    let held = session.store.lock(intent(caller)).await?;
    let snapshot = held.snapshot().await?;
    let mut edits = Vec::new();
    let mut changed = Vec::new();
    for moved in &plan.moves {
        let (from, to) = (record(&moved.from)?, record(&moved.to)?);
        let found = snapshot.records.get(&from).map(|record| record.revision.get());
        if found != plan.base.records.get(&moved.to).copied() {
            changed.push(moved.from.clone());
        }
        edits.push((from, to));
    }
    if !changed.is_empty() {
        held.release().await?;
        return Err(ApplyError::Moved(Moved::Records(changed)).into());
    }
    // A name may be free only once another record has left it; in a circle, one steps aside for a moment.
    let mut ordered = Vec::with_capacity(edits.len());
    while !edits.is_empty() {
        let leaving: BTreeSet<RecordKey> = edits.iter().map(|(from, _)| from.clone()).collect();
        let (ready, waiting): (Vec<_>, Vec<_>) = edits.into_iter().partition(|(_, to)| !leaving.contains(to));
        ordered.extend(ready.iter().cloned().map(|(from, to)| Edit::Rename { from, to }));
        edits = waiting;
        if let (true, Some((from, _))) = (ready.is_empty(), edits.first_mut()) {
            let aside: RecordKey = record_key(&format!("{from}#aside"))?;
            ordered.push(Edit::Rename {
                from: std::mem::replace(from, aside.clone()),
                to: aside,
            });
        }
    }
    let committed = held.commit(ordered).await?;
    held.release().await?;
    let mut revisions = Vec::new();
    for moved in &plan.moves {
        if let Some(revision) = committed.revisions.get(&record(&moved.to)?) {
            revisions.push((moved.to.clone(), revision.get()));
        }
    }
    Ok(revisions)
}

fn record_key(text: &str) -> Result<RecordKey, CommandError> {
    text.parse()
        .map_err(|_| CommandError::Usage(format!("`{text}` cannot be the name of a record")))
}

fn key(name: &str) -> Result<RecordKey, CommandError> {
    let key = format!("{OUTPUT_PREFIX}{name}");
    key.parse()
        .map_err(|_| CommandError::Usage(format!("`{name}` cannot be kept as the name of an output")))
}
