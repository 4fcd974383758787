//! Ports that stop answering after a number of calls, as if the process had been killed there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pgferry_state::{
    Actor, Committed, Edit, Held, HeldLock, HistoryEntry, Holder, Intent, Snapshot, Store, StoreError,
};
use serde_json::Value as Json;
use tokio::sync::Notify;

use crate::arm::operation::Operation;
use crate::arm::{ArmError, ArmId, ArmRead, ArmWrite, Body, Call, Collection, Final, Found};

/// Burns down with every call, before and after it takes effect.
#[derive(Clone, Debug)]
pub(in crate::apply) struct Fuse {
    left: Arc<AtomicUsize>,
    blown: Arc<Notify>,
}

/// A port behind a fuse.
pub(in crate::apply) struct Fused<'a, T> {
    inner: &'a T,
    fuse: Fuse,
}

impl Fuse {
    pub(in crate::apply) fn endless() -> Self {
        Self::of(usize::MAX)
    }

    pub(in crate::apply) fn of(length: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(length)),
            blown: Arc::new(Notify::new()),
        }
    }

    /// Returns once the fuse has blown.
    pub(in crate::apply) async fn blown(&self) {
        self.blown.notified().await;
    }

    async fn burn(&self) {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            self.blown.notify_one();
            std::future::pending::<()>().await;
        }
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
    }

    async fn around<T>(&self, call: impl Future<Output = T>) -> T {
        self.burn().await;
        let answer = call.await;
        self.burn().await;
        answer
    }
}

impl<'a, T> Fused<'a, T> {
    pub(in crate::apply) fn new(inner: &'a T, fuse: &Fuse) -> Self {
        Self {
            inner,
            fuse: fuse.clone(),
        }
    }
}

#[async_trait]
impl<T: ArmWrite> ArmRead for Fused<'_, T> {
    async fn get(&self, id: &ArmId) -> Result<Found, ArmError> {
        self.fuse.around(self.inner.get(id)).await
    }

    async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError> {
        self.fuse.around(self.inner.list(collection)).await
    }

    async fn ask(&self, id: &ArmId, action: &str, body: &Json) -> Result<Json, ArmError> {
        self.fuse.around(self.inner.ask(id, action, body)).await
    }
}

#[async_trait]
impl<T: ArmWrite> ArmWrite for Fused<'_, T> {
    async fn begin(&self, call: &Call, body: Option<&Body<Final>>) -> Result<Operation, ArmError> {
        self.fuse.around(self.inner.begin(call, body)).await
    }

    async fn finish(&self, operation: Operation, patience: Duration) -> Result<Option<Json>, ArmError> {
        self.fuse.around(self.inner.finish(operation, patience)).await
    }
}

#[async_trait]
impl<T: Store> Store for Fused<'_, T> {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        self.fuse.around(self.inner.load()).await
    }

    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError> {
        let held = self.fuse.around(self.inner.lock(intent)).await?;
        let fuse = self.fuse.clone();
        Ok(Box::new(FusedHeld { held, fuse }))
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        self.inner.history().await
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        self.inner.holder().await
    }

    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError> {
        self.inner.break_lock(whose).await
    }
}

struct FusedHeld {
    held: Box<dyn Held>,
    fuse: Fuse,
}

#[async_trait]
impl Held for FusedHeld {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.fuse.around(self.held.snapshot()).await
    }

    async fn commit(&self, edits: Vec<Edit>) -> Result<Committed, StoreError> {
        self.fuse.around(self.held.commit(edits)).await
    }

    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        self.held.release().await
    }
}
