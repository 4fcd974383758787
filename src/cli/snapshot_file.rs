//! Snapshots on the disk: `plan --snapshot FILE` reads one in the place of Azure.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::env::Env;
use super::error::CommandError;
use super::project::Project;
use super::session;
use crate::arm::SubscriptionId;
use crate::plan::{FromSnapshot, Memory};
use crate::prior::{Prior, PriorError};
use crate::refresh::snapshot::{Coverage, Snapshot, SnapshotError};

/// Larger than the whole of what any plan reads; what is larger still is something else, and is not read.
const LARGEST: u64 = 1 << 31;

/// Why a snapshot cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SnapshotFileError {
    /// The system does not let it be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is none.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A record in it is not one of ours.
    #[error("it is damaged: {0}")]
    Record(#[from] PriorError),
    /// It is far too large for one.
    #[error("it is larger than any snapshot")]
    TooLarge,
}

/// A snapshot that was read.
pub(crate) struct SnapshotFile {
    /// What it holds.
    pub(crate) snapshot: Snapshot,
    path: PathBuf,
}

impl SnapshotFile {
    /// Reads a snapshot.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub(crate) fn read(path: &Path, coverage: Coverage) -> Result<Self, CommandError> {
        let size = fs::metadata(path).map_err(|source| unusable(path, source))?.len();
        if size > LARGEST {
            return Err(unusable(path, SnapshotFileError::TooLarge));
        }
        let bytes = fs::read(path).map_err(|source| unusable(path, source))?;
        let snapshot = Snapshot::read(&bytes).map_err(|source| unusable(path, source))?;
        Ok(Self {
            snapshot: snapshot.covering(coverage),
            path: path.to_owned(),
        })
    }

    /// What is remembered, by the snapshot or by a state on this machine: no other is within reach without a network.
    ///
    /// # Errors
    /// When the snapshot is of another cloud or subscription, or what is remembered cannot be read.
    pub(super) async fn remembered(
        &self,
        project: &Project,
        subscription: &SubscriptionId,
        env: &Env,
    ) -> Result<(Prior, Memory), CommandError> {
        if let Some(head) = &self.snapshot.head
            && (head.cloud, &head.subscription) != (project.cloud(), subscription)
        {
            return Err(CommandError::ForeignSnapshot {
                path: self.path.clone(),
                of: format!("{} in subscription {}", head.cloud, head.subscription),
                here: format!("{} in subscription {subscription}", project.cloud()),
            });
        }
        match self.snapshot.prior().map_err(|source| unusable(&self.path, source))? {
            Some(prior) => Ok((prior, Memory::Snapshot)),
            None if project.backend.is_local() => {
                let store = session::store(project, env).await?;
                let remembered = session::remembered(project, subscription, store.as_ref()).await?;
                Ok((session::prior(remembered.as_ref())?, Memory::State))
            }
            None => Ok((Prior::default(), Memory::Nowhere)),
        }
    }

    /// What a plan says of it.
    pub(super) fn origin(&self, memory: Memory) -> FromSnapshot {
        FromSnapshot {
            taken: self.snapshot.head.as_ref().map(|head| head.taken),
            complete: self.snapshot.coverage() == Coverage::Complete,
            memory,
        }
    }
}

fn unusable(path: &Path, source: impl Into<SnapshotFileError>) -> CommandError {
    CommandError::SnapshotFile {
        path: path.to_owned(),
        source: source.into(),
    }
}
