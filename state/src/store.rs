//! The interface of every backend: look without a lock, lock to write, commit edits atomically. Holds no backend, and
//! gives no advice: errors name facts, the caller knows the way out.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::shared::RemoteFault;
use crate::snapshot::{
    Account, Actor, Approval, Binding, HistoryEntry, Lineage, RecordKey, Revision, RunId, RunOutcome, Serial, Snapshot,
    StepId,
};
use crate::upgrade::FormatVersion;

/// A place that remembers one state.
#[async_trait]
pub trait Store: Send + Sync {
    /// What the store remembers, or `None` when nothing was ever stored. Takes no lock and is never refused because
    /// somebody writes; beside a writer the answer may be older than the last commits, but is always one serial.
    async fn load(&self) -> Result<Option<Snapshot>, StoreError>;

    /// Makes the caller the one writer, creating the state if there is none. Does not wait for another writer:
    /// [`StoreError::Locked`] names who holds it. A writer whose process died holds nothing: at once on this machine's
    /// disk, and where others reach the store too, when its lease lapses, within a minute.
    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError>;

    /// Finished runs, oldest first: all of them when nobody writes, at least the most recent 200 beside a writer.
    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError>;

    /// Who holds the lock, or left it by dying. Takes no lock, and may be out of date when it is read.
    async fn holder(&self) -> Result<Option<HeldLock>, StoreError>;

    /// Takes the lock from its holder if that is `whose`, and answers with it; `None` where nobody holds the lock. From then on
    /// every write of that holder is refused.
    ///
    /// [`StoreError::HeldByAnother`] names who holds it instead. On this machine's disk only what a dead process left is
    /// cleared: a living one could not be kept from writing, so it is [`StoreError::HolderLives`].
    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError>;
}

/// The lock, and with it the only way to write. Dropping it releases it too, but then nobody hears of a failure.
#[async_trait]
pub trait Held: Send + Sync {
    /// Everything as of the last commit that was answered, or later.
    async fn snapshot(&self) -> Result<Snapshot, StoreError>;

    /// Makes all the edits or none of them, in order, durable before it returns. Concurrent calls share one write to
    /// disk. An error leaves the state as it was, except [`StoreError::Io`] and [`StoreError::Remote`] while writing:
    /// then whether the edits were kept shows after the next lock, and this one takes no more.
    async fn commit(&self, edits: Vec<Edit>) -> Result<Committed, StoreError>;

    /// Lets the next writer in, after readers can see all that was committed.
    async fn release(self: Box<Self>) -> Result<(), StoreError>;
}

/// Why a lock is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// What others are told while the lock is held.
    pub holder: Holder,
}

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person or pipeline.
    pub who: Actor,
    /// The process id on the holder's machine.
    pub process: u32,
    /// The command that runs.
    pub command: String,
    /// The run that the lock serves, where there is one.
    pub run: Option<RunId>,
    /// When the lock was taken.
    pub since: Timestamp,
}

/// A lock as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldLock {
    /// Who took it.
    pub holder: Holder,
    /// Whether it still counts.
    pub life: Life,
}

/// Whether a lock still keeps others out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its holder gives signs of life.
    Alive,
    /// Its holder died or fell silent for too long: whoever asks next gets the lock.
    Lapsed,
}

impl Holder {
    /// A process of somebody, with its command, and with its run where there is one.
    pub fn new(who: Actor, process: u32, command: impl Into<String>, run: Option<RunId>, since: Timestamp) -> Self {
        Self {
            who,
            process,
            command: command.into(),
            run,
            since,
        }
    }

    /// Whoever holds a lock and left no name: no pgferry, or one that is taking or leaving it, or died while it did.
    pub(crate) fn unknown() -> Self {
        let who = Actor::new("somebody who left no name");
        Self::new(who, 0, "an unknown program", None, Timestamp::UNIX_EPOCH)
    }

    /// Whether the holder said who it is. Where not, neither process nor time means anything.
    pub fn is_known(&self) -> bool {
        *self != Self::unknown()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who,
            process,
            command,
            run,
            since,
        } = self;
        if !self.is_known() {
            return write!(f, "{who}");
        }
        write!(f, "{who} (process {process}) with `{command}`")?;
        if let Some(run) = run {
            write!(f, ", run {run}")?;
        }
        write!(f, ", since {since}")
    }
}

/// One change to what is remembered.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Ties the lineage to where it belongs; the same binding again changes nothing, another one is refused.
    Bind(Binding),
    /// Opens a run; refused while another is open, or the same one under another fingerprint. The same run again changes
    /// nothing, its first plan stands.
    BeginRun {
        /// The new run.
        run: RunId,
        /// When it began.
        started: Timestamp,
        /// Who began it.
        by: Actor,
        /// The approved plan, free of secrets.
        plan: Value,
        /// The fingerprint under which the plan was approved.
        plan_fingerprint: String,
        /// On what word it is carried out, where that is known.
        approval: Option<Approval>,
    },
    /// A call is about to be made.
    Intent {
        /// The open run.
        run: RunId,
        /// The step that makes the call.
        step: StepId,
        /// Which attempt of the step this is, from 1.
        attempt: u32,
        /// The unit that is acted upon.
        unit: String,
        /// The verb.
        method: String,
        /// A hash of the body to be sent.
        body_hash: String,
    },
    /// The service took the intended call on.
    Accepted {
        /// The open run.
        run: RunId,
        /// The step that made the call.
        step: StepId,
        /// What it takes to ask for the outcome again; opaque.
        operation: Value,
    },
    /// The step ended well.
    Done {
        /// The open run.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// The step ended badly.
    Failed {
        /// The open run.
        run: RunId,
        /// The step.
        step: StepId,
        /// What went wrong, for people.
        message: String,
    },
    /// Remembers a document, in place of the one under this key if there is one.
    Put {
        /// The key.
        key: RecordKey,
        /// The document.
        document: Value,
    },
    /// As `Put`, but only if the record is still at this revision (`None`: only if there is no record).
    PutIf {
        /// The key.
        key: RecordKey,
        /// The document.
        document: Value,
        /// What the writer believes the record's revision to be.
        expected: Option<Revision>,
    },
    /// Forgets a record; one that is not there changes nothing.
    Remove {
        /// The key.
        key: RecordKey,
    },
    /// Moves a record to a key that is free. It counts as written anew.
    Rename {
        /// The old key.
        from: RecordKey,
        /// The new key.
        to: RecordKey,
    },
    /// Takes over all that another store remembers: its lineage, serial, records with their revisions, open run and history.
    /// Refused where something else is remembered already: another lineage, or the same one as late or later.
    Adopt {
        /// What the other store remembers.
        state: Box<Snapshot>,
        /// All its finished runs, oldest first.
        history: Vec<HistoryEntry>,
    },
    /// Puts another state in the place of this one: lineage, binding, fingerprint key, records and open run. Nothing is
    /// refused: whether it may be is for the caller to judge, under the lock. The serial becomes later than both, and what
    /// differs counts as written anew. The history stays, with the runs that it did not know behind it.
    Replace {
        /// The state that is to be.
        state: Box<Snapshot>,
    },
    /// A line in the history for something that was no run. An open run stays open. That a run was left takes the place of the
    /// line right before it, if that says the same of the same run.
    Log(HistoryEntry),
    /// Ends the open run: a line in the history, and its plan and journal are dropped.
    EndRun {
        /// The open run.
        run: RunId,
        /// When it ended.
        finished: Timestamp,
        /// How it ended.
        outcome: RunOutcome,
        /// What it did, in a sentence for people.
        summary: String,
        /// What else is known of its end.
        account: Account,
    },
}

/// What a commit became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The serial of the commit; that of the last one where there was nothing to commit.
    pub serial: Serial,
    /// The revisions of the records that it wrote and left in place.
    pub revisions: BTreeMap<RecordKey, Revision>,
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else writes.
    #[error("the state is locked by {0}")]
    Locked(Holder),
    /// The state was written by a later pgferry.
    #[error("the state has format {found}, and this pgferry knows formats up to {known}")]
    NewerFormat {
        /// The format that the state says it has.
        found: FormatVersion,
        /// The newest format that this program reads.
        known: FormatVersion,
    },
    /// What is stored is not what was written.
    #[error("the state in {} is damaged: {damage}{}", path.display(), Remains(last_good.as_ref()))]
    Corrupt {
        /// The file or directory at fault, or the address of the blob or database.
        path: PathBuf,
        /// What keeps it.
        keeper: Keeper,
        /// What is wrong with it.
        damage: Damage,
        /// The newest whole copy, if one is left.
        last_good: Option<LastGood>,
    },
    /// Two parts of one store belong to different states.
    #[error("the state has lineage {found} where {expected} was expected")]
    LineageMismatch {
        /// The lineage of the store.
        expected: Lineage,
        /// The one that was met.
        found: Lineage,
    },
    /// What was to be taken over is not later than what is here.
    #[error("the state is at serial {here} already, and what was to be taken over is at serial {offered}")]
    NotLater {
        /// The serial of the store.
        here: Serial,
        /// The serial of what was to be taken over.
        offered: Serial,
    },
    /// The state belongs to another cloud, tenant or subscription.
    #[error("the state belongs to {}, not to {}", .0.bound, .0.wanted)]
    BoundElsewhere(Box<BindingConflict>),
    /// The record was written since the caller read it.
    #[error("the record `{key}` is {}, not {}", Standing(*found), Standing(*expected))]
    StaleRevision {
        /// The record.
        key: RecordKey,
        /// What the caller believed; `None`: absent.
        expected: Option<Revision>,
        /// What is so; `None`: absent.
        found: Option<Revision>,
    },
    /// There is no record to move.
    #[error("there is no record `{key}`")]
    UnknownRecord {
        /// The key.
        key: RecordKey,
    },
    /// There is a record where another was to be moved.
    #[error("there is a record `{key}` already")]
    RecordExists {
        /// The key.
        key: RecordKey,
    },
    /// A run is open, and it is not the one that was to begin.
    #[error("run {open} is still open")]
    RunOpen {
        /// The open run.
        open: RunId,
    },
    /// The run that was to begin is open, and was begun with another plan.
    #[error("run {run} was begun with another plan, and is still open")]
    OtherPlan {
        /// The open run.
        run: RunId,
    },
    /// The journal was written for a run that is not open.
    #[error("run {run} is not open")]
    RunNotOpen {
        /// The run.
        run: RunId,
    },
    /// The journal was told what its step's past rules out.
    #[error("step {step} of run {run} cannot be {told}: it is {standing}")]
    StepOutOfOrder {
        /// The open run.
        run: RunId,
        /// The step.
        step: StepId,
        /// What the journal was told.
        told: &'static str,
        /// What the journal knew.
        standing: &'static str,
    },
    /// A document nests so deep that JSON readers refuse it.
    #[error("{what} nests deeper than {limit} levels")]
    TooDeep {
        /// What was to be kept.
        what: String,
        /// How deep a document may nest.
        limit: usize,
    },
    /// An earlier write failed, so what the disk holds is known only after locking again.
    #[error("an earlier write to the state failed, so this lock takes no more")]
    Unusable,
    /// The writer lost its lock: its lease lapsed or was broken, and somebody else was let in since. Nothing of the
    /// commit was kept, and this lock takes no more.
    #[error("this run no longer holds the lock of the state{}", Successor(now.as_deref()))]
    LockLost {
        /// Who holds it now, where that is known.
        now: Option<Box<Holder>>,
    },
    /// The lock that was to be broken is held by somebody else than was named.
    #[error("the lock is not held by {named}, but by {holder}")]
    HeldByAnother {
        /// Whose lock was to be broken.
        named: Actor,
        /// Who holds it.
        holder: Box<Holder>,
    },
    /// The lock that was to be broken is held by a process of this machine that lives.
    #[error("the lock is held by a living process: {0}")]
    HolderLives(Box<Holder>),
    /// The state is encrypted, and no key was given.
    #[error("the state is encrypted, and no key of it is at hand")]
    Encrypted,
    /// The state is not encrypted, and was to be.
    #[error("the state is not encrypted, though it should be")]
    NotEncrypted,
    /// None of the keys that were given opens the state.
    #[error("{}", if *.passphrase { "the passphrase is not that of the state" } else { "the key is not that of the state" })]
    WrongKey {
        /// Whether the state was encrypted with a passphrase.
        passphrase: bool,
    },
    /// A store that others reach too did not answer, or refused.
    #[error("cannot {doing} {place}")]
    Remote {
        /// What was attempted.
        doing: &'static str,
        /// On which blob or database, without anything secret.
        place: String,
        /// Why not.
        source: Arc<RemoteFault>,
    },
    /// The system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A lineage that is bound, and what it was to be bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingConflict {
    /// What the lineage belongs to.
    pub bound: Binding,
    /// What it was to belong to.
    pub wanted: Binding,
}

/// What keeps a state, and so what a copy of it may be found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// A directory of this machine.
    Directory,
    /// A service that others reach too: a container or a database.
    Service,
}

/// What is wrong with a stored state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The file that tells the format holds something else.
    #[error("its format marker says nothing known")]
    FormatMarker,
    /// The database cannot be read.
    #[error("the database cannot be read ({0})")]
    Database(String),
    /// The database is older than something written after it.
    #[error("the database ends at serial {database}, but serial {seen} was committed")]
    Behind {
        /// The serial in the database.
        database: Serial,
        /// The serial that was seen elsewhere.
        seen: Serial,
    },
    /// The database's rows do not match the checksum that was committed with them.
    #[error("the database does not match its checksum")]
    Checksum,
    /// The readers' view does not match the checksum at its end.
    #[error("the readers' view does not match its checksum")]
    View,
    /// Something that is whole by its checksum has no meaning.
    #[error("{what} cannot be understood ({why})")]
    Meaning {
        /// Which part.
        what: String,
        /// The reader's complaint.
        why: String,
    },
    /// A document that is kept in a file of its own is missing or changed.
    #[error("a large document is missing or changed")]
    LargeDocument,
    /// A part that was written and never removed by a pgferry is not there.
    #[error("{0} is gone")]
    Gone(&'static str),
}

/// A whole copy of the state as it once was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastGood {
    /// Where it is: a file in the exported form, or the address of a blob.
    pub path: PathBuf,
    /// Its serial.
    pub serial: Serial,
    /// How many records it holds.
    pub records: usize,
}

impl StoreError {
    /// One failure, told to everybody who waited for the same write.
    pub(crate) fn told_again(&self) -> Self {
        match self {
            Self::Io { doing, path, source } => Self::Io {
                doing,
                path: path.clone(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
            Self::Remote { doing, place, source } => Self::Remote {
                doing,
                place: place.clone(),
                source: Arc::clone(source),
            },
            Self::Corrupt {
                path,
                keeper,
                damage,
                last_good,
            } => Self::Corrupt {
                path: path.clone(),
                keeper: *keeper,
                damage: damage.clone(),
                last_good: last_good.clone(),
            },
            Self::LockLost { now } => Self::LockLost { now: now.clone() },
            Self::Locked(_)
            | Self::NewerFormat { .. }
            | Self::LineageMismatch { .. }
            | Self::NotLater { .. }
            | Self::BoundElsewhere(_)
            | Self::StaleRevision { .. }
            | Self::UnknownRecord { .. }
            | Self::RecordExists { .. }
            | Self::RunOpen { .. }
            | Self::OtherPlan { .. }
            | Self::RunNotOpen { .. }
            | Self::StepOutOfOrder { .. }
            | Self::TooDeep { .. }
            | Self::HeldByAnother { .. }
            | Self::HolderLives(_)
            | Self::Encrypted
            | Self::NotEncrypted
            | Self::WrongKey { .. }
            | Self::Unusable => Self::Unusable,
        }
    }
}

struct Successor<'a>(Option<&'a Holder>);

impl fmt::Display for Successor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(holder) => write!(f, ", which is now held by {holder}"),
            None => f.write_str(", which was taken from it"),
        }
    }
}

struct Remains<'a>(Option<&'a LastGood>);

impl fmt::Display for Remains<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(LastGood { path, serial, records }) => {
                write!(
                    f,
                    "; {} is whole, with {records} records at serial {serial}",
                    path.display()
                )
            }
            None => f.write_str("; no whole copy is left beside it"),
        }
    }
}

struct Standing(Option<Revision>);

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(revision) => write!(f, "at revision {revision}"),
            None => f.write_str("absent"),
        }
    }
}
