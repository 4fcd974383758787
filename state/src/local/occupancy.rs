//! Who is inside a local state: the file lock that lets one in, and the note that tells others who it is and, when its
//! writer died, that the readers' view may lag. Never opens the database.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::layout::{Layout, io_error, remove_file, sync_dir, write_whole};
use crate::store::{Holder, StoreError};

/// Who is, or was, inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Occupant {
    /// A writer.
    Writer(Holder),
    /// A reader who looks into the database for a moment.
    Reader,
}

/// The lock is ours until this is dropped. Only [`Occupancy::leave`] says that the view is up to date.
#[derive(Debug)]
pub(super) struct Occupancy {
    _lock: File,
    found: Found,
}

/// What the one before left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// No note: the view shows everything.
    InOrder,
    /// A note: somebody died inside.
    Abandoned,
}

/// What came of a try to get in.
pub(super) enum Entry {
    Inside(Occupancy),
    Refused(Holder),
}

/// Between two looks at who is inside. A note that is there twice was not left by a dead writer whose successor was
/// about to write its own.
const LOOK_AGAIN: Duration = Duration::from_millis(15);

/// How long somebody may be inside without a writer's note before this is reported as an error: readers are inside for
/// as long as it takes to open a database.
const PATIENCE: Duration = Duration::from_secs(10);

impl Occupancy {
    /// Gets in, unless a writer is; waits for readers.
    pub(super) fn enter(layout: &Layout, occupant: &Occupant) -> Result<Entry, StoreError> {
        let path = layout.lock();
        let lock = open_lock(layout)?;
        let begun = Instant::now();
        let mut seen: Option<Holder> = None;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    let found = if Self::is_noted(layout)? {
                        Found::Abandoned
                    } else {
                        Found::InOrder
                    };
                    write_whole(&layout.occupant(), note(occupant).as_bytes())?;
                    return Ok(Entry::Inside(Self { _lock: lock, found }));
                }
                Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            seen = match (read_note(layout)?, seen) {
                (Some(Occupant::Writer(now)), Some(before)) if now == before => return Ok(Entry::Refused(now)),
                (Some(Occupant::Writer(now)), _) => Some(now),
                (Some(Occupant::Reader) | None, _) => None,
            };
            if begun.elapsed() > PATIENCE {
                return Err(io_error("lock", &path)(io::ErrorKind::TimedOut.into()));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Whether somebody is inside, or died inside: then the view may lag behind the database.
    pub(super) fn is_noted(layout: &Layout) -> Result<bool, StoreError> {
        let path = layout.occupant();
        path.try_exists().map_err(io_error("read", &path))
    }

    /// Lets the next one in after nothing was changed: readers may trust the view as much as before.
    pub(super) fn retreat(self, layout: &Layout) {
        match self.found {
            Found::InOrder => {
                if let Err(error) = self.leave(layout) {
                    tracing::debug!(%error, "the note of a failed entry stays");
                }
            }
            Found::Abandoned => {}
        }
    }

    /// Lets the next one in, and says that the view shows everything.
    pub(super) fn leave(self, layout: &Layout) -> Result<(), StoreError> {
        remove_file(&layout.occupant())?;
        sync_dir(layout.dir())
    }
}

fn open_lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.lock();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&path).map_err(io_error("open", &path))
}

fn note(occupant: &Occupant) -> String {
    serde_json::to_string(occupant).expect("an occupant has no map in it, so it always has a JSON text")
}

/// A note that cannot be read counts as none: it decides nothing but what a refused writer is told.
fn read_note(layout: &Layout) -> Result<Option<Occupant>, StoreError> {
    let path = layout.occupant();
    match fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", &path)(source)),
    }
}
