//! Encryption at rest, for a store of any kind: records, the plan, the journal and the history are encrypted before a store is
//! given them and decrypted after. Never writes a key, a passphrase or what it makes of them.
//!
//! What a store needs for its own work stays readable: names of units, ids of runs and steps, times, the tenant and the
//! subscription, and who holds the lock. The same text is encrypted to the same letters, so that a store can tell that
//! nothing changed.

mod cipher;
mod key;
mod passage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use self::cipher::Cipher;
use self::key::{Header, Opened};
pub use self::key::{KeyTextError, Keys, SealKey};
use crate::snapshot::{Actor, HistoryEntry, Serial, Snapshot};
use crate::store::{Committed, Edit, Held, HeldLock, Holder, Intent, Store, StoreError};

/// A store whose contents are encrypted where keys say so.
pub struct SealedStore {
    inner: Arc<dyn Store>,
    keys: Keys,
    manner: Manner,
}

/// Whether what is stored must be as the keys say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// A state that is not encrypted is refused where there is a key.
    Strict,
    /// It is read as well.
    Either,
}

/// How a state is encrypted, seen from the keys that were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// As the keys say, or nothing is stored.
    AsGiven,
    /// Not at all, or with a former key: [`SealedStore::seal_anew`] makes it so.
    Otherwise,
}

/// How often a state is read that somebody changes before it is locked.
const TRIES: usize = 5;

impl SealedStore {
    /// What is in this store, encrypted under the first of these keys.
    pub fn new(inner: Arc<dyn Store>, keys: Keys) -> Self {
        let manner = Manner::Strict;
        Self { inner, keys, manner }
    }

    /// As [`Self::new`], but a state that is not encrypted is read as well.
    pub fn either(inner: Arc<dyn Store>, keys: Keys) -> Self {
        let manner = Manner::Either;
        Self { inner, keys, manner }
    }

    /// Whether what is stored is encrypted as the keys say.
    ///
    /// # Errors
    /// When it cannot be read, or none of the keys opens it.
    pub async fn sealing(&self) -> Result<Sealing, StoreError> {
        let Some(stored) = self.inner.load().await? else {
            return Ok(Sealing::AsGiven);
        };
        Ok(if stored.serial == Serial::ZERO || self.is_as_given(&stored)? {
            Sealing::AsGiven
        } else {
            Sealing::Otherwise
        })
    }

    fn is_as_given(&self, stored: &Snapshot) -> Result<bool, StoreError> {
        let header = Header::of(stored)?;
        let opened = self.keys.open(header.as_ref())?;
        Ok(match opened {
            Opened::Plain => !self.keys.encrypts(),
            Opened::Current(_) => true,
            Opened::Former(_) => false,
        })
    }

    /// Writes everything anew as the keys say: encrypted under the first of them, or not at all where there are former ones only.
    ///
    /// # Errors
    /// When the state cannot be read or written, or none of the keys opens it; also where somebody writes all the time.
    pub async fn seal_anew(&self, intent: Intent) -> Result<(), StoreError> {
        let reading = Self::either(Arc::clone(&self.inner), self.keys.clone());
        for _ in 0..TRIES {
            // Beside a writer the history may lack its oldest part.
            let (before, history) = (reading.load().await?, reading.history().await?);
            let Some(before) = before else { return Ok(()) };
            let held = self.inner.lock(intent.clone()).await?;
            let written = match held.snapshot().await {
                Ok(now) if now.serial == before.serial => {
                    self.rewrite(held.as_ref(), before, history).await.map(|()| true)
                }
                Ok(_) => Ok(false),
                Err(error) => Err(error),
            };
            held.release().await?;
            if written? {
                return Ok(());
            }
        }
        Err(StoreError::Unusable)
    }

    async fn rewrite(
        &self,
        held: &dyn Held,
        mut state: Snapshot,
        history: Vec<HistoryEntry>,
    ) -> Result<(), StoreError> {
        state.serial = Serial::new(state.serial.get() + 1);
        let edit = Edit::Adopt {
            state: Box::new(state),
            history,
        };
        let edit = match self.keys.begin()? {
            Some(begun) => begun.cipher.seal_edit(edit, &begun.header)?,
            None => edit,
        };
        held.commit(vec![edit]).await.map(drop)
    }

    /// What it takes to read what is stored; refuses what is not as it should be.
    fn opened(&self, stored: &Snapshot) -> Result<Option<Arc<Cipher>>, StoreError> {
        let header = Header::of(stored)?;
        match self.keys.open(header.as_ref())? {
            Opened::Plain if stored.serial != Serial::ZERO && self.keys.encrypts() && self.manner == Manner::Strict => {
                Err(StoreError::NotEncrypted)
            }
            Opened::Plain => Ok(None),
            Opened::Current(cipher) | Opened::Former(cipher) => Ok(Some(cipher)),
        }
    }

    async fn enter(&self, held: &dyn Held) -> Result<Inside, StoreError> {
        let stored = held.snapshot().await?;
        if let Some(cipher) = self.opened(&stored)? {
            let header = Header::of(&stored)?.ok_or(StoreError::Encrypted)?;
            return Ok(Inside {
                sealing: Some((cipher, header)),
                begun: AtomicBool::new(true),
            });
        }
        // A state that holds something stays as it is; one that holds nothing yet begins as the keys say.
        let begins = stored.serial == Serial::ZERO;
        let begun = if begins { self.keys.begin()? } else { None };
        Ok(Inside {
            sealing: begun.map(|begun| (begun.cipher, begun.header)),
            begun: AtomicBool::new(!begins),
        })
    }
}

#[async_trait]
impl Store for SealedStore {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        let Some(stored) = self.inner.load().await? else {
            return Ok(None);
        };
        let cipher = self.opened(&stored)?;
        cipher::opened(cipher.as_deref(), stored).map(Some)
    }

    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError> {
        let held = self.inner.lock(intent).await?;
        match self.enter(held.as_ref()).await {
            Ok(inside) => Ok(Box::new(SealedHeld { held, inside })),
            Err(error) => {
                held.release().await?;
                Err(error)
            }
        }
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        let Some(stored) = self.inner.load().await? else {
            return Ok(Vec::new());
        };
        let cipher = self.opened(&stored)?;
        let history = self.inner.history().await?;
        match cipher {
            Some(cipher) => history.into_iter().map(|entry| cipher.open_entry(entry)).collect(),
            None => Ok(history),
        }
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        self.inner.holder().await
    }

    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError> {
        self.inner.break_lock(whose).await
    }
}

struct SealedHeld {
    held: Box<dyn Held>,
    inside: Inside,
}

/// How the state is encrypted that is locked.
struct Inside {
    sealing: Option<(Arc<Cipher>, Header)>,
    /// Whether the state says so already.
    begun: AtomicBool,
}

#[async_trait]
impl Held for SealedHeld {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let stored = self.held.snapshot().await?;
        let cipher = self.inside.sealing.as_ref().map(|(cipher, _)| cipher.as_ref());
        // Before the first commit nothing is encrypted, and nothing is there.
        cipher::opened(cipher, stored)
    }

    async fn commit(&self, edits: Vec<Edit>) -> Result<Committed, StoreError> {
        let Some((cipher, header)) = &self.inside.sealing else {
            return self.held.commit(edits).await;
        };
        let whole = |edit: &Edit| matches!(edit, Edit::Adopt { .. } | Edit::Replace { .. });
        let begins = !self.inside.begun.load(Ordering::SeqCst) && !edits.is_empty() && !edits.iter().any(whole);
        let sealed = edits.into_iter().map(|edit| cipher.seal_edit(edit, header));
        let mut edits = sealed.collect::<Result<Vec<_>, _>>()?;
        if begins {
            // With the first commit, so that nothing encrypted is ever without it.
            edits.push(header.edit());
        }
        let empty = edits.is_empty();
        let mut committed = self.held.commit(edits).await?;
        if !empty {
            self.inside.begun.store(true, Ordering::SeqCst);
        }
        committed.revisions.remove(&key::header_key());
        Ok(committed)
    }

    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        self.held.release().await
    }
}

#[cfg(test)]
mod tests;
