//! What the backends have in common that others reach too: the task that joins commits into one write, the written form
//! of rows, and what can go wrong on the way. Never knows where the rows go: that is a [`Medium`].

mod fault;
mod frame;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

pub use self::fault::{RemoteFault, SignInRefused};
pub(crate) use self::frame::{Frame, Mark, Payload, read_frames, replay};
use crate::ledger::{LargeTexts, Ledger};
use crate::rows::{LargeRef, RowKey};
use crate::snapshot::Snapshot;
use crate::store::{Committed, Damage, Edit, Held, Keeper, StoreError};

/// Where a writer's rows are made durable. It holds the lock until it is released.
#[async_trait]
pub(crate) trait Medium: Send + 'static {
    /// Makes these rows durable as they are in the ledger (absent: removed), all or none, with the ledger's serial and
    /// checksum. After an error nothing is written any more.
    async fn write(&mut self, rows: &BTreeSet<RowKey>, ledger: &Ledger) -> Result<(), StoreError>;

    /// Lets the next writer in.
    async fn release(self) -> Result<(), StoreError>;
}

/// Starts the task that writes, and answers with the lock that its medium holds.
pub(crate) fn hold(place: String, ledger: Ledger, medium: impl Medium) -> Box<dyn Held> {
    let (sender, requests) = mpsc::unbounded_channel();
    let writer = Writer {
        texts: InRows { place: place.clone() },
        ledger,
        medium,
        health: Health::Good,
    };
    let inside = Inside::enter();
    tokio::spawn(async move {
        writer.run(requests).await;
        drop(inside);
    });
    Box::new(SharedHeld { place, writer: sender })
}

/// Carries work to its end even if nobody waits for it any more; what it comes to is dropped then.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let inside = Inside::enter();
    // Leaves after what it came to, whose drop may have something to send.
    let carried = tokio::spawn(async move { (work.await, inside) });
    // Work that panicked has left nobody knows what.
    carried.await.map_or(Err(StoreError::Unusable), |(done, _)| done)
}

/// Waits until every lock of a shared store that was dropped in this process is let go, also one whose taking was given up. A program that ends earlier leaves
/// its lock to lapse; a lock that is still held is waited for, too.
pub async fn settled() {
    loop {
        let left = LEFT.notified();
        tokio::pin!(left);
        // From here on nobody leaves unheard.
        left.as_mut().enable();
        if INSIDE.load(Ordering::SeqCst) == 0 {
            return;
        }
        left.await;
    }
}

/// How many of them this process has.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Tells that one of them left.
static LEFT: Notify = Notify::const_new();

/// A writer, from its start to its end however it ends; or somebody who is still taking a lock or letting it go.
pub(crate) struct Inside;

impl Inside {
    pub(crate) fn enter() -> Self {
        INSIDE.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        LEFT.notify_waiters();
    }
}

/// Large texts, where a backend keeps every text in its row.
pub(crate) struct InRows {
    /// The store, for errors.
    pub(crate) place: String,
}

impl LargeTexts for InRows {
    fn read(&self, _: LargeRef) -> Result<Arc<str>, StoreError> {
        Err(damaged(&self.place, Damage::LargeDocument))
    }

    fn meaningless(&self, what: &RowKey, why: serde_json::Error) -> StoreError {
        let (what, why) = (what.to_string(), why.to_string());
        damaged(&self.place, Damage::Meaning { what, why })
    }
}

/// The error for damage, before anybody looked for what is left.
pub(crate) fn damaged(place: &str, damage: Damage) -> StoreError {
    StoreError::Corrupt {
        path: place.into(),
        keeper: Keeper::Service,
        damage,
        last_good: None,
    }
}

enum Request {
    Commit {
        edits: Vec<Edit>,
        answer: Answer<Committed>,
    },
    Copy {
        answer: Answer<Ledger>,
    },
    Release {
        answer: Answer<()>,
    },
}

/// Where an answer goes; whoever stopped waiting for it does not want to know.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

struct SharedHeld {
    place: String,
    writer: UnboundedSender<Request>,
}

impl SharedHeld {
    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        // A writer that is gone without having been released has panicked; what it left is read at the next lock.
        self.writer.send(request(answer)).map_err(|_| StoreError::Unusable)?;
        answered.await.map_err(|_| StoreError::Unusable)?
    }
}

#[async_trait]
impl Held for SharedHeld {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let ledger = self.ask(|answer| Request::Copy { answer }).await?;
        ledger.snapshot(&InRows {
            place: self.place.clone(),
        })
    }

    async fn commit(&self, edits: Vec<Edit>) -> Result<Committed, StoreError> {
        self.ask(|answer| Request::Commit { edits, answer }).await
    }

    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        self.ask(|answer| Request::Release { answer }).await
    }
}

impl Drop for SharedHeld {
    fn drop(&mut self) {
        // After a release nobody listens any more; otherwise the writer lets go, and nobody hears how that went.
        let (answer, _) = oneshot::channel();
        drop(self.writer.send(Request::Release { answer }));
    }
}

struct Writer<M> {
    texts: InRows,
    ledger: Ledger,
    medium: M,
    health: Health,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// A write failed: what is stored is unknown until it is read again.
    WriteFailed,
}

/// Commits that are made durable together: the rows they touched, and who waits for what.
#[derive(Default)]
struct Group {
    rows: BTreeSet<RowKey>,
    answers: Vec<(Answer<Committed>, Committed)>,
}

impl<M: Medium> Writer<M> {
    async fn run(mut self, mut requests: UnboundedReceiver<Request>) {
        while let Some(first) = requests.recv().await {
            let mut waiting = vec![first];
            while let Ok(next) = requests.try_recv() {
                waiting.push(next);
            }
            if let Some(answer) = self.round(waiting).await {
                drop(answer.send(self.release().await));
                return;
            }
        }
    }

    /// Answers all requests with one write, and hands back who waits for the release if there is one.
    async fn round(&mut self, waiting: Vec<Request>) -> Option<Answer<()>> {
        let mut group = Group::default();
        let mut copies = Vec::new();
        let mut release = None;
        for request in waiting {
            match request {
                Request::Commit { edits, answer } => match self.join(edits, &mut group.rows) {
                    Ok(committed) => group.answers.push((answer, committed)),
                    Err(error) => drop(answer.send(Err(error))),
                },
                Request::Copy { answer } => copies.push(answer),
                Request::Release { answer } => release = Some(answer),
            }
        }
        self.write(group).await;
        for answer in copies {
            drop(answer.send(self.healthy().map(|()| self.ledger.clone())));
        }
        release
    }

    /// Lets the edits count in memory and notes which rows are to be written.
    fn join(&mut self, edits: Vec<Edit>, rows: &mut BTreeSet<RowKey>) -> Result<Committed, StoreError> {
        self.healthy()?;
        let draft = self.ledger.draft(edits, &self.texts)?;
        rows.extend(draft.writes.keys().cloned());
        Ok(self.ledger.absorb(draft))
    }

    async fn write(&mut self, group: Group) {
        let Group { rows, answers } = group;
        let written = if rows.is_empty() {
            Ok(())
        } else {
            self.medium.write(&rows, &self.ledger).await
        };
        if written.is_err() {
            self.health = Health::WriteFailed;
        }
        for (answer, committed) in answers {
            let told = match &written {
                Ok(()) => Ok(committed),
                Err(error) => Err(error.told_again()),
            };
            drop(answer.send(told));
        }
    }

    fn healthy(&self) -> Result<(), StoreError> {
        match self.health {
            Health::Good => Ok(()),
            Health::WriteFailed => Err(StoreError::Unusable),
        }
    }

    async fn release(self) -> Result<(), StoreError> {
        let healthy = self.healthy();
        self.medium.release().await.and(healthy)
    }
}
