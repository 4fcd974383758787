//! Who is inside a local state: the file lock that lets one in, and the note that tells others who it is and, when its
//! writer died, that the readers' view may lag. Never opens the database.
//!
//! The note is locked by its author for as long as it is inside. So a note that a dead writer left is told from that of
//! a living one whatever the moment, and nobody is turned away in the name of the dead.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::layout::{Layout, create_private_file, draft_of, io_error, put_in_place, remove_file, sync_dir};
use crate::store::{HeldLock, Holder, Life, StoreError};

/// What somebody inside does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Occupant {
    /// Opens the state, to read or before it writes: not for long, and the view may lag until it is done.
    Opening,
    /// Writes, for as long as it takes; the view shows everything from before.
    Writer(Holder),
}

/// The lock is ours until this is dropped. Only [`Occupancy::leave`] says that the view is up to date.
#[derive(Debug)]
pub(super) struct Occupancy {
    _lock: File,
    _note: File,
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

/// Between two tries to get in.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// How long somebody may be inside without being a writer before this is reported as an error: opening takes a second
/// for 100,000 records.
const PATIENCE: Duration = Duration::from_secs(20);

impl Occupancy {
    /// Gets in, unless a writer is; waits for whoever only opens the state.
    pub(super) fn enter(layout: &Layout) -> Result<Entry, StoreError> {
        let path = layout.lock();
        let lock = open_lock(layout)?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    let found = if Self::is_noted(layout)? {
                        Found::Abandoned
                    } else {
                        Found::InOrder
                    };
                    let note = write_note(layout, &Occupant::Opening)?;
                    put_in_place(&note, &layout.occupant())?;
                    return Ok(Entry::Inside(Self {
                        _lock: lock,
                        _note: note,
                        found,
                    }));
                }
                Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            if let Some(Occupant::Writer(holder)) = read_living_note(layout)? {
                return Ok(Entry::Refused(holder));
            }
            if begun.elapsed() > PATIENCE {
                return Err(io_error("lock", &path)(io::ErrorKind::TimedOut.into()));
            }
            thread::sleep(TRY_AGAIN);
        }
    }

    /// Whether somebody is inside, or died inside: then the view may lag behind the database.
    pub(super) fn is_noted(layout: &Layout) -> Result<bool, StoreError> {
        let path = layout.occupant();
        path.try_exists().map_err(io_error("read", &path))
    }

    /// The writer that is inside, or died inside.
    pub(super) fn holder(layout: &Layout) -> Result<Option<HeldLock>, StoreError> {
        Ok(match read_note(layout)? {
            Some((Occupant::Writer(holder), life)) => Some(HeldLock { holder, life }),
            Some((Occupant::Opening, _)) | None => None,
        })
    }

    /// Tells the others that a writer is inside. The view must show everything by now.
    pub(super) fn announce(&mut self, layout: &Layout, holder: Holder) -> Result<(), StoreError> {
        let path = layout.occupant();
        let note = write_note(layout, &Occupant::Writer(holder))?;
        // A power loss may take the words, but not the file that stood there before; and more than that it stands there
        // is of no use to anybody who comes after it.
        fs::rename(draft_of(&path), &path).map_err(io_error("replace", &path))?;
        self._note = note;
        Ok(())
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

/// A new note, locked, not yet in place. Only for whoever is inside.
fn write_note(layout: &Layout, occupant: &Occupant) -> Result<File, StoreError> {
    let draft = draft_of(&layout.occupant());
    let text = serde_json::to_string(occupant).expect("an occupant has no map in it, so it always has a JSON text");
    let mut note = create_private_file(&draft)?;
    note.try_lock()
        .map_err(io::Error::from)
        .map_err(io_error("lock", &draft))?;
    note.write_all(text.as_bytes()).map_err(io_error("write", &draft))?;
    Ok(note)
}

/// The note of somebody who is alive. One that cannot be understood counts as none.
fn read_living_note(layout: &Layout) -> Result<Option<Occupant>, StoreError> {
    let note = read_note(layout)?;
    Ok(note.and_then(|(occupant, life)| (life == Life::Alive).then_some(occupant)))
}

/// The note that stands there, and whether its author is alive. One that cannot be understood counts as none.
fn read_note(layout: &Layout) -> Result<Option<(Occupant, Life)>, StoreError> {
    let path = layout.occupant();
    let mut text = String::new();
    let mut note = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io_error("read", &path))?,
    };
    note.read_to_string(&mut text).map_err(io_error("read", &path))?;
    let life = match note.try_lock_shared() {
        Ok(()) => Life::Lapsed,
        Err(TryLockError::WouldBlock) => Life::Alive,
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
    };
    Ok(serde_json::from_str(&text).ok().map(|occupant| (occupant, life)))
}
