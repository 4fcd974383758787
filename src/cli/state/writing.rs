//! What commands share that write to the state by hand: the lock, what it must find, and the line in the history. What is
//! written is theirs.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use pgferry_state::{Edit, Held, HistoryEntry, Holder, RunId, RunOutcome, Snapshot, Store, StoreError};

use crate::apply;
use crate::azure::clock::WallClock;
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::clock::Clock as _;
use crate::length::Length;

/// Flags of commands that write to the state.
#[derive(Args)]
pub(super) struct Locking {
    /// How long to wait when somebody else writes, such as `30s`
    #[arg(long, value_name = "TIME")]
    lock_timeout: Option<Length>,
}

/// The state while nobody else writes to it.
pub(super) struct Writing {
    held: Box<dyn Held>,
    /// As it is under the lock.
    pub(super) snapshot: Snapshot,
    command: &'static str,
    begun: Timestamp,
}

impl Writing {
    /// Takes the lock, waiting as long as was asked for.
    ///
    /// # Errors
    /// When somebody else writes for longer, or calls of an interrupted run are in doubt: those are settled first.
    pub(super) async fn begin(
        command: &'static str,
        locking: &Locking,
        store: &dyn Store,
        call: &Call<'_>,
    ) -> Result<Self, CommandError> {
        let begun = WallClock.now();
        let patience = locking.lock_timeout.map_or(Duration::ZERO, |length| length.0);
        let (who, command_line) = (call.env.actor.clone(), format!("pgferry {command}"));
        let holder = Holder::new(who, std::process::id(), command_line, None, begun);
        let held = apply::acquire(store, holder, &WallClock, patience, |_| ()).await?;
        let writing = Self {
            snapshot: held.snapshot().await?,
            held,
            command,
            begun,
        };
        match writing.in_doubt() {
            None => Ok(writing),
            Some(open) => {
                writing.give_up().await?;
                Err(StoreError::RunOpen { open }.into())
            }
        }
    }

    /// The open run, where the outcome of one of its calls is unknown.
    fn in_doubt(&self) -> Option<RunId> {
        let open = self.snapshot.run.as_ref()?;
        open.in_doubt().next().map(|_| open.id)
    }

    /// Lets go without having written.
    pub(super) async fn give_up(self) -> Result<(), CommandError> {
        Ok(self.held.release().await?)
    }

    /// Writes all the edits, with a line in the history that says so.
    pub(super) async fn commit(
        self,
        mut edits: Vec<Edit>,
        summary: String,
        call: &Call<'_>,
    ) -> Result<(), CommandError> {
        edits.push(Edit::Log(HistoryEntry {
            approval: None,
            account: pgferry_state::Account::default(),
            run: RunId::random(),
            started: self.begun,
            finished: WallClock.now(),
            by: call.env.actor.clone(),
            plan_fingerprint: self.command.to_owned(),
            outcome: RunOutcome::Succeeded,
            summary,
        }));
        let committed = self.held.commit(edits).await;
        let released = self.held.release().await;
        committed?;
        Ok(released?)
    }
}
