//! A state in a container of Azure Blob Storage, spoken to directly. One append blob is the log: every write of the
//! lock's holder adds a frame to it, under the lease that is the lock and only if the log is as the holder left it. Its
//! metadata names the base, a blob with all rows as they were when the log was last begun anew, and the holder.
//!
//! ```text
//! KEY             the log: an append blob; lease = lock; metadata = format, holder, base and the base before it
//! KEY.base-ID     all rows at one serial; written once, dropped when two newer ones stand
//! KEY.part-ID     the rows of one frame that is too large for the log; dropped with it
//! KEY.known       written once, so that a log that is gone is not taken for a state that never was
//! ```
//!
//! A write costs one request and its own bytes, however much is remembered. When the log has grown as large as its base,
//! a new base is written and the log begun anew in one request, which the lease outlives.
//!
//! Never interprets a document, never waits for a writer, never holds a lease without end.

mod address;
mod heart;
mod log;
mod wire;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::address::{BlobAddress, BlobAddressError};
use self::wire::Wire;
use crate::shared::{self, InRows, SignInRefused};
use crate::snapshot::{Actor, HistoryEntry, Snapshot};
use crate::store::{Held, HeldLock, Holder, Intent, Store, StoreError};

/// How a [`BlobStore`] proves that it may.
#[derive(Clone)]
pub enum BlobLogin {
    /// By the signature of a shared access signature. It needs read, add, create, write and delete.
    Sas(BlobSas),
    /// By a token of Microsoft Entra, asked for before every request: whoever gives them keeps them fresh.
    Tokens(Arc<dyn BlobTokens>),
}

/// A shared access signature, never shown.
#[derive(Clone)]
pub struct BlobSas(String);

impl BlobSas {
    /// The signature as the portal and the command line give it, with or without the `?` before it.
    pub fn new(query: &str) -> Self {
        Self(query.trim().trim_start_matches('?').to_owned())
    }
}

impl fmt::Debug for BlobSas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobSas(hidden)")
    }
}

impl fmt::Debug for BlobLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sas(sas) => sas.fmt(f),
            Self::Tokens(_) => f.write_str("Tokens"),
        }
    }
}

/// Gives tokens for `https://storage.azure.com/`.
#[async_trait]
pub trait BlobTokens: Send + Sync {
    /// The value of the `Authorization` header: `Bearer` and a token that is good for the next minutes.
    ///
    /// # Errors
    /// When there is no login, or it gives no token.
    async fn authorization(&self) -> Result<Authorization, SignInRefused>;
}

/// The value of an `Authorization` header, never shown.
pub struct Authorization(String);

impl Authorization {
    /// This value.
    pub fn new(header: impl Into<String>) -> Self {
        Self(header.into())
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(hidden)")
    }
}

/// How a store behaves towards the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobManners {
    /// How long a holder that fell silent keeps the lock: 15 to 60 whole seconds, as the service has it.
    pub lease: Duration,
    /// How long a request is tried again that got no answer, or was answered with 429 or 5xx.
    pub patience: Duration,
}

impl Default for BlobManners {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            patience: Duration::from_secs(30),
        }
    }
}

/// The state under one key of a container.
#[derive(Clone, Debug)]
pub struct BlobStore {
    wire: Arc<Wire>,
}

/// How often a lock is asked for whose holder is not known yet: who takes or leaves it is known in moments.
const ASKS: u32 = 10;

/// How long between two of them.
const BETWEEN_ASKS: Duration = Duration::from_millis(80);

impl BlobStore {
    /// The state at this address. The client brings proxies, certificates and timeouts along; nothing is sent yet.
    pub fn new(address: BlobAddress, login: BlobLogin, http: reqwest::Client, manners: BlobManners) -> Self {
        Self {
            wire: Arc::new(Wire::new(address, login, http, manners)),
        }
    }
}

#[async_trait]
impl Store for BlobStore {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        let ledger = log::load(&self.wire).await?;
        ledger.map(|ledger| ledger.snapshot(&self.texts())).transpose()
    }

    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError> {
        let Intent { holder } = intent;
        let mut asked = 0;
        let (ledger, writer) = loop {
            asked += 1;
            match writer::take(&self.wire, &holder).await? {
                writer::Asked::Taken(taken) => break *taken,
                writer::Asked::Held(Some(other)) => return Err(StoreError::Locked(other)),
                writer::Asked::Held(None) if asked < ASKS => tokio::time::sleep(BETWEEN_ASKS).await,
                writer::Asked::Held(None) => return Err(StoreError::Locked(Holder::unknown())),
            }
        };
        Ok(shared::hold(self.wire.place(), ledger, writer))
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        match log::load(&self.wire).await? {
            Some(ledger) => ledger.history_from(0, &self.texts()),
            None => Ok(Vec::new()),
        }
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        Ok(log::peek(&self.wire).await?.and_then(|standing| standing.held()))
    }

    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError> {
        writer::break_lock(&self.wire, whose).await
    }
}

impl BlobStore {
    fn texts(&self) -> InRows {
        InRows {
            place: self.wire.place(),
        }
    }
}
