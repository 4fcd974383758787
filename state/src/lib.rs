//! What pgferry remembers, and how it is kept: records, the open run with its journal, history and the lock.
//!
//! Records are JSON documents under opaque keys. This crate gives them serials and revisions, commits changes to them
//! atomically and durably, and lets one writer in at a time. It never knows what a document means: no HCL, no kinds,
//! no plans, no Azure.
//!
//! ```text
//! snapshot   what is remembered at one serial: plain values
//! store      the interface of every backend: Store, Held, Edit, StoreError
//! ledger     the rules an edit obeys, the same for every backend that keeps rows
//! upgrade    the written forms, one file per version
//! local      the backend on this machine's disk (sled)
//! shared     what the backends have in common that others reach too
//! azure_blob the backend in a container of Azure Blob Storage
//! postgres   the backend in a PostgreSQL database
//! sealed     encryption of what a store of any kind is given to keep
//! testing    a strict store in memory and the suite that every store passes
//! ```

mod azure_blob;
mod hex;
mod ledger;
mod local;
mod postgres;
mod rows;
mod sealed;
mod shared;
mod snapshot;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod upgrade;

pub use azure_blob::{
    Authorization, BlobAddress, BlobAddressError, BlobLogin, BlobManners, BlobSas, BlobStore, BlobTokens,
};
pub use local::{Activity, LocalStore};
pub use postgres::{Between, Dial, PostgresManners, PostgresStore, StateName, StateNameError};
pub use sealed::{KeyTextError, Keys, SealKey, SealedStore, Sealing};
pub use shared::{RemoteFault, SignInRefused, settled};
pub use snapshot::{
    Account, Actor, Approval, Binding, FingerprintKey, HistoryEntry, InvalidName, Lineage, OpenRun, Record, RecordKey,
    Revision, RunId, RunOutcome, Serial, Snapshot, StepId, StepJournal, StepPhase, UnitFailure,
};
pub use store::{
    BindingConflict, Committed, Damage, Edit, Held, HeldLock, Holder, Intent, Keeper, LastGood, Life, Store, StoreError,
};
pub use upgrade::{FormatVersion, ImportError};
