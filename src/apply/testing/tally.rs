//! A store that keeps nothing and counts: for runs so large that a store which copies itself would take minutes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use pgferry_state::{
    Actor, Committed, Edit, Held, HeldLock, HistoryEntry, Holder, Intent, Serial, Snapshot, Store, StoreError,
};

/// Counts commits.
#[derive(Default)]
pub(in crate::apply) struct Tally(Arc<AtomicUsize>);

impl Tally {
    pub(in crate::apply) fn commits(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Store for Tally {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }

    async fn lock(&self, _: Intent) -> Result<Box<dyn Held>, StoreError> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        Ok(Vec::new())
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        Ok(None)
    }

    async fn break_lock(&self, _: &Actor) -> Result<Option<Holder>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Held for Tally {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::fresh())
    }

    async fn commit(&self, _: Vec<Edit>) -> Result<Committed, StoreError> {
        tokio::task::yield_now().await;
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Committed {
            serial: Serial::ZERO,
            revisions: BTreeMap::new(),
        })
    }

    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}
