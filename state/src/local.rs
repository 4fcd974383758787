//! A state in a directory on this machine, kept in sled. Two files beside the database carry the protocol: `lock`, held
//! by the one who is inside, and `occupant.json`, which stands from the moment somebody gets in until the view shows all
//! that was committed. So readers read the view and nothing else, unless the last writer died: then the first of them
//! to come by looks into the database and brings the view up to date.
//!
//! Never interprets a document and never waits for a writer.

mod database;
mod large;
mod layout;
mod occupancy;
mod opened;
mod view;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::task;

use self::large::LargeFiles;
use self::layout::{Layout, io_error};
use self::occupancy::{Entry, Occupancy};
use self::opened::{Opened, ViewTrust};
use self::writer::{Answer, Request};
use crate::ledger::Ledger;
use crate::snapshot::{Actor, HistoryEntry, Snapshot};
use crate::store::{Committed, Edit, Held, HeldLock, Holder, Intent, Life, Store, StoreError};
use crate::upgrade::Document;

/// The state in a directory.
#[derive(Clone, Debug)]
pub struct LocalStore {
    layout: Layout,
    counters: Arc<Counters>,
}

/// What the writers of a [`LocalStore`] did so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Commits that were made durable.
    pub commits: u64,
    /// Writes that made them durable; each may carry many commits.
    pub writes: u64,
    /// Times that the readers' view was rewritten beside a writer.
    pub views: u64,
}

impl LocalStore {
    /// The state in this directory, which is made when it is first locked.
    pub fn new(dir: PathBuf) -> Self {
        Self {
            layout: Layout::new(dir),
            counters: Arc::default(),
        }
    }

    /// The state that a view of some local state shows, in `view.json` or in `earlier`, with the large documents that are kept
    /// beside it: what is left to go back to where the database is damaged.
    ///
    /// # Errors
    /// When the file cannot be read, does not match its checksum, or lacks a document that was kept beside it.
    pub fn kept(view: &Path) -> Result<Snapshot, StoreError> {
        view::kept(view)
    }

    /// What the writers that were locked through this value did.
    pub fn activity(&self) -> Activity {
        let Counters { commits, writes, views } = &*self.counters;
        let [commits, writes, views] = [commits, writes, views].map(|counter| counter.load(Ordering::Relaxed));
        Activity { commits, writes, views }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Layout) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let layout = self.layout.clone();
        run_blocking(move || work(&layout).map_err(|error| with_last_good(error, &layout))).await
    }
}

#[async_trait]
impl Store for LocalStore {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        self.blocking(load).await
    }

    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError> {
        let counters = Arc::clone(&self.counters);
        self.blocking(move |layout| {
            let opened = lock(layout, intent)?;
            let writer = writer::start(opened, counters).map_err(io_error("start a thread for", layout.dir()))?;
            Ok(Box::new(LocalHeld {
                layout: layout.clone(),
                writer,
            }) as Box<dyn Held>)
        })
        .await
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        self.blocking(history).await
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        self.blocking(|layout| {
            layout.stored_format()?;
            Occupancy::holder(layout)
        })
        .await
    }

    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError> {
        let whose = whose.clone();
        self.blocking(move |layout| break_lock(layout, whose)).await
    }
}

struct LocalHeld {
    layout: Layout,
    writer: Sender<Request>,
}

impl LocalHeld {
    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        // A writer that is gone without having been released has panicked; what it left is read at the next lock.
        self.writer.send(request(answer)).map_err(|_| StoreError::Unusable)?;
        answered.await.map_err(|_| StoreError::Unusable)?
    }
}

#[async_trait]
impl Held for LocalHeld {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let ledger = self.ask(|answer| Request::Copy { answer }).await?;
        let layout = self.layout.clone();
        run_blocking(move || ledger.snapshot(&LargeFiles::new(&layout))).await
    }

    async fn commit(&self, edits: Vec<Edit>) -> Result<Committed, StoreError> {
        self.ask(|answer| Request::Commit { edits, answer }).await
    }

    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        self.ask(|answer| Request::Release { answer }).await
    }
}

impl Drop for LocalHeld {
    fn drop(&mut self) {
        // After a release nobody listens any more; otherwise the writer lets go, and nobody hears how that went.
        let (answer, _) = oneshot::channel();
        drop(self.writer.send(Request::Release { answer }));
    }
}

/// What the writers of one store value did.
#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    writes: AtomicU64,
    views: AtomicU64,
}

impl Counters {
    fn count_write(&self, commits: usize) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits as u64, Ordering::Relaxed);
    }

    fn count_view(&self) {
        self.views.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often a reader looks again when what it read was replaced in its hands.
const LOOKS: usize = 5;

fn load(layout: &Layout) -> Result<Option<Snapshot>, StoreError> {
    read(
        layout,
        |document| view::complete(layout, document),
        |ledger, large| ledger.snapshot(large),
    )
}

fn history(layout: &Layout) -> Result<Vec<HistoryEntry>, StoreError> {
    let shown = read(
        layout,
        |document| Ok((document.finished_runs, document.history)),
        |ledger, large| ledger.history_from(0, large).map(|all| (None, all)),
    )?;
    let Some((finished, history)) = shown else {
        return Ok(Vec::new());
    };
    if finished.is_none_or(|finished| finished == history.len() as u64) {
        return Ok(history);
    }
    match Occupancy::enter(layout)? {
        Entry::Refused(_) => Ok(history),
        Entry::Inside(occupancy) => {
            let opened = Opened::open(layout.clone(), occupancy, ViewTrust::Whole)?;
            let all = opened.ledger.history_from(0, &opened.large);
            opened.close()?;
            all
        }
    }
}

/// Reads the view where it is up to date or somebody writes, and the database where the last writer died or the view
/// is damaged.
fn read<T>(
    layout: &Layout,
    from_view: impl Fn(Document) -> Result<T, StoreError>,
    from_ledger: impl FnOnce(&Ledger, &LargeFiles) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    if layout.stored_format()?.is_none() {
        return Ok(None);
    }
    let mut trust = ViewTrust::Whole;
    if !Occupancy::is_noted(layout)? {
        match view::read(layout).and_then(|view| view.map(&from_view).transpose()) {
            Err(StoreError::Corrupt { .. }) => trust = ViewTrust::Damaged,
            Ok(None) => {}
            decided => return decided,
        }
    }
    match Occupancy::enter(layout)? {
        Entry::Refused(_) => beside_writer(layout, from_view),
        Entry::Inside(occupancy) => {
            let opened = Opened::open(layout.clone(), occupancy, trust)?;
            let found = from_ledger(&opened.ledger, &opened.large);
            opened.close()?;
            found.map(Some)
        }
    }
}

/// A writer may clear up a large document between the reading of a view and that of the document; then there is a
/// newer view.
fn beside_writer<T>(
    layout: &Layout,
    from_view: impl Fn(Document) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    let look = || view::read(layout).and_then(|view| view.map(&from_view).transpose());
    let mut found = look();
    for _ in 1..LOOKS {
        match found {
            Err(StoreError::Corrupt { .. }) => found = look(),
            decided => return decided,
        }
    }
    found
}

fn lock(layout: &Layout, intent: Intent) -> Result<Opened, StoreError> {
    layout.stored_format()?;
    layout.create()?;
    let Intent { holder } = intent;
    match Occupancy::enter(layout)? {
        Entry::Refused(other) => Err(StoreError::Locked(other)),
        Entry::Inside(occupancy) => {
            let mut opened = Opened::open(layout.clone(), occupancy, ViewTrust::Whole)?;
            opened.announce(holder)?;
            Ok(opened)
        }
    }
}

/// Clears up what a dead holder left. A living one is in no lease that could be taken from it.
fn break_lock(layout: &Layout, whose: Actor) -> Result<Option<Holder>, StoreError> {
    // A later form may have another idea of locks.
    layout.stored_format()?;
    let Some(HeldLock { holder, life }) = Occupancy::holder(layout)? else {
        return Ok(None);
    };
    if holder.who != whose {
        let holder = Box::new(holder);
        return Err(StoreError::HeldByAnother { named: whose, holder });
    }
    if life == Life::Alive {
        return Err(StoreError::HolderLives(Box::new(holder)));
    }
    match Occupancy::enter(layout)? {
        Entry::Refused(other) => Err(StoreError::HolderLives(Box::new(other))),
        Entry::Inside(occupancy) => {
            Opened::open(layout.clone(), occupancy, ViewTrust::Whole)?.close()?;
            Ok(Some(holder))
        }
    }
}

/// Adds to the report of damage what is left to go back to.
fn with_last_good(error: StoreError, layout: &Layout) -> StoreError {
    match error {
        StoreError::Corrupt {
            path,
            keeper,
            damage,
            last_good,
        } => StoreError::Corrupt {
            path,
            keeper,
            damage,
            last_good: last_good.or_else(|| view::last_good(layout)),
        },
        other => other,
    }
}

async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        // The runtime is shutting down, so nobody waits for the answer.
        Err(_) => Err(StoreError::Unusable),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::testing::conformance::Lab;

    struct Dir(TempDir);

    impl Dir {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }
    }

    impl Lab for Dir {
        fn store(&self) -> Box<dyn Store> {
            Box::new(LocalStore::new(self.0.path().join(".pgferry/state")))
        }

        async fn pretend_newer(&self) {
            std::fs::write(self.0.path().join(".pgferry/state/format"), "pgferry-state 2\n").unwrap();
        }
    }

    crate::store_conformance!(Dir::new());
}
