//! The only door to sled. Every call is guarded, because sled panics on some damaged files, and every write is followed
//! by a sync of its file, because sled's flush survives a killed process but not a power loss. Never interprets a row.

use std::any::Any;
use std::cell::Cell as Flag;
use std::fs::{self, File};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use super::layout::{Layout, io_error, sync_dir};
use crate::rows::{Cell, Checksum, RowKey, Rows};
use crate::snapshot::Serial;
use crate::store::{Damage, Keeper, StoreError};

/// An open database.
pub(super) struct Database {
    dir: PathBuf,
    sled: sled::Db,
    /// The file that holds everything that was committed, for syncing.
    file: File,
}

/// All rows are in memory too, so sled needs to cache little more than the pages around the last changes.
const CACHE_BYTES: u64 = 16 << 20;

/// The row of the seal: serial and checksum over all other rows. No [`RowKey`] looks like it.
const SEAL: &[u8] = b"=";

/// A file up to this size is never written anew.
const BLOATED_BYTES: u64 = 64 << 20;

/// How many times larger than its rows a file may be before it is written anew.
const BLOATED_TIMES: u64 = 10;

impl Database {
    /// Opens the database of a state. One that was never made is made empty.
    pub(super) fn open(layout: &Layout) -> Result<Self, StoreError> {
        settle_replacement(layout)?;
        Self::open_dir(layout.database())
    }

    /// Makes the database of a new state with just these rows, whole or not at all: a power loss may tear whatever a new
    /// database writes first.
    pub(super) fn make(layout: &Layout, serial: Serial, rows: &Rows) -> Result<(), StoreError> {
        settle_replacement(layout)?;
        Self::make_beside(layout, serial, rows)?;
        let next = layout.next_database();
        fs::rename(&next, layout.database()).map_err(io_error("rename", &next))?;
        sync_dir(layout.dir())
    }

    /// Makes a database with just these rows that is to take this one's place.
    fn make_beside(layout: &Layout, serial: Serial, rows: &Rows) -> Result<(), StoreError> {
        let next = layout.next_database();
        let fresh = Self::open_dir(next.clone())?;
        fresh.write(
            rows.iter().map(|(key, cell)| (key, Some(cell))),
            serial,
            rows.checksum(),
        )?;
        fresh.contents()?;
        fresh.close();
        sync_below(&next)
    }

    fn open_dir(dir: PathBuf) -> Result<Self, StoreError> {
        let sled = open_sled(&dir)?;
        let path = dir.join("db");
        let file = File::open(&path).map_err(io_error("open", &path))?;
        Ok(Self { dir, sled, file })
    }

    /// All rows and the serial of the last commit, checked; `None` where nothing was ever committed.
    pub(super) fn contents(&self) -> Result<Option<(Serial, Rows)>, StoreError> {
        let stored = guarded("read", &self.dir, || self.sled.iter().collect::<sled::Result<Vec<_>>>())?;
        let damaged = |damage| StoreError::Corrupt {
            path: self.dir.clone(),
            damage,
            keeper: Keeper::Directory,
            last_good: None,
        };
        let mut rows = Rows::new();
        let mut seal = None;
        for (key, cell) in &stored {
            if key == SEAL {
                seal = Some(unseal(cell).ok_or_else(|| damaged(Damage::Checksum))?);
                continue;
            }
            let row = RowKey::decode(key).zip(Cell::decode(cell));
            let (key, cell) = row.ok_or_else(|| damaged(Damage::Checksum))?;
            rows.set(key, cell);
        }
        match seal {
            Some((serial, checksum)) if checksum == rows.checksum() => Ok(Some((serial, rows))),
            None if stored.is_empty() => Ok(None),
            Some(_) | None => Err(damaged(Damage::Checksum)),
        }
    }

    /// Makes all these rows so (`None`: removed), or none of them, durable on return.
    pub(super) fn write<'a>(
        &self,
        rows: impl Iterator<Item = (&'a RowKey, Option<&'a Cell>)>,
        serial: Serial,
        checksum: Checksum,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, cell) in rows {
            match cell {
                Some(cell) => batch.insert(key.encode(), cell.encode()),
                None => batch.remove(key.encode()),
            }
        }
        batch.insert(
            SEAL,
            [serial.get().to_be_bytes().as_slice(), &checksum.to_stored()].concat(),
        );
        guarded("write", &self.dir, || {
            self.sled.apply_batch(batch)?;
            self.sled.flush()
        })?;
        self.file.sync_all().map_err(io_error("sync", &self.dir))
    }

    /// Whether the file is so much larger than the rows in it that it is worth writing anew.
    pub(super) fn is_bloated(&self, rows: &Rows) -> Result<bool, StoreError> {
        let on_disk = guarded("measure", &self.dir, || self.sled.size_on_disk())?;
        if on_disk <= BLOATED_BYTES {
            return Ok(false);
        }
        let logical: usize = rows
            .iter()
            .map(|(key, cell)| key.encode().len() + cell.encode().len())
            .sum();
        Ok(on_disk / BLOATED_TIMES > logical as u64)
    }

    /// Puts a new database with just these rows in this one's place.
    pub(super) fn rewrite(self, layout: &Layout, serial: Serial, rows: &Rows) -> Result<Self, StoreError> {
        let next = layout.next_database();
        Self::make_beside(layout, serial, rows)?;
        self.close();
        fs::rename(layout.database(), layout.former_database()).map_err(io_error("rename", &layout.database()))?;
        fs::rename(&next, layout.database()).map_err(io_error("rename", &next))?;
        sync_dir(layout.dir())?;
        Self::open(layout)
    }

    /// Closes it. Nothing is lost where this fails, since every write is durable when it returns.
    pub(super) fn close(self) {
        let Self { dir, sled, file: _ } = self;
        if let Err(error) = guarded("close", &dir, || {
            drop(sled);
            Ok(())
        }) {
            tracing::debug!(%error, "sled did not close cleanly");
        }
    }
}

/// Makes everything last that is in this directory, and the directory itself.
fn sync_below(dir: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir).map_err(io_error("read", dir))? {
        let path = entry.map_err(io_error("read", dir))?.path();
        if path.is_dir() {
            sync_below(&path)?;
        } else {
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(io_error("sync", &path))?;
        }
    }
    sync_dir(dir)
}

/// Finishes or undoes a replacement that was interrupted.
fn settle_replacement(layout: &Layout) -> Result<(), StoreError> {
    let (current, former) = (layout.database(), layout.former_database());
    if former.is_dir() && !current.is_dir() {
        fs::rename(&former, &current).map_err(io_error("rename", &former))?;
        sync_dir(layout.dir())?;
    }
    for leftover in [former, layout.next_database()] {
        if leftover.is_dir() {
            fs::remove_dir_all(&leftover).map_err(io_error("remove", &leftover))?;
        }
    }
    Ok(())
}

fn unseal(stored: &[u8]) -> Option<(Serial, Checksum)> {
    let (serial, checksum) = stored.split_first_chunk::<8>()?;
    Some((
        Serial::new(u64::from_be_bytes(*serial)),
        Checksum::from_stored(checksum.try_into().ok()?),
    ))
}

/// How long a database that was just closed may take to give its lock back: sled frees memory lazily, and its file
/// with it.
const LET_GO: Duration = Duration::from_secs(5);

fn open_sled(dir: &Path) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None);
    let begun = Instant::now();
    loop {
        match guarded("open", dir, || config.open()) {
            Err(StoreError::Io { source, .. }) if still_locked(&source) && begun.elapsed() < LET_GO => {
                thread::sleep(Duration::from_millis(2));
            }
            opened => return opened,
        }
    }
}

/// sled reports its lock in words only. Nobody but us opens it, and we hold the state's own lock.
fn still_locked(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("could not acquire lock")
}

/// Calls sled; what it panics or reports becomes an error.
fn guarded<T>(doing: &'static str, dir: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    hush_guarded_panics();
    GUARDED.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(false);
    let damaged = |why: String| StoreError::Corrupt {
        path: dir.to_owned(),
        damage: Damage::Database(why),
        keeper: Keeper::Directory,
        last_good: None,
    };
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) if !is_about_contents(&error) => Err(io_error(doing, dir)(error)),
        // Its own words are for those who know its inside.
        Ok(Err(sled::Error::Corruption { .. })) => Err(damaged("a part of it is damaged".to_owned())),
        Ok(Err(error)) => Err(damaged(error.to_string())),
        Err(payload) => Err(damaged(words_of(payload.as_ref()))),
    }
}

/// Errors that say what the files hold, not what the system did.
fn is_about_contents(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, Other, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | NotFound | UnexpectedEof => true,
        Other => !still_locked(error),
        _ => false,
    }
}

fn words_of(payload: &(dyn Any + Send)) -> String {
    let words = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    words.unwrap_or("it panicked").to_owned()
}

thread_local! {
    static GUARDED: Flag<bool> = const { Flag::new(false) };
}

/// A panic that is caught and reported as an error must not also print itself; all other panics go on as before.
fn hush_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Content;
    use crate::snapshot::Revision;

    fn filled() -> Rows {
        let mut rows = Rows::new();
        for number in 0..500 {
            let content = Content::Inline("x".repeat(number).into());
            rows.set(
                RowKey::Past(number as u64),
                Cell {
                    revision: Revision::new(1),
                    content,
                },
            );
        }
        rows
    }

    fn write_all(database: &Database, rows: &Rows) {
        database
            .write(
                rows.iter().map(|(key, cell)| (key, Some(cell))),
                Serial::new(7),
                rows.checksum(),
            )
            .unwrap();
    }

    fn checked(database: &Database) -> (Serial, Checksum) {
        let (serial, rows) = database.contents().unwrap().expect("it was written");
        (serial, rows.checksum())
    }

    #[test]
    fn a_database_written_anew_holds_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().to_owned());
        let rows = filled();
        let database = Database::open(&layout).unwrap();
        write_all(&database, &rows);
        assert!(!database.is_bloated(&rows).unwrap());
        let database = database.rewrite(&layout, Serial::new(7), &rows).unwrap();
        assert_eq!(checked(&database), (Serial::new(7), rows.checksum()));
        assert!(!layout.former_database().exists() && !layout.next_database().exists());
    }

    #[test]
    fn an_interrupted_replacement_is_settled_on_opening() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().to_owned());
        let rows = filled();
        let database = Database::open(&layout).unwrap();
        write_all(&database, &rows);
        database.close();
        fs::create_dir(layout.next_database()).unwrap();
        fs::rename(layout.database(), layout.former_database()).unwrap();
        for _ in ["between the two renames", "after them"] {
            let database = Database::open(&layout).unwrap();
            assert_eq!(checked(&database), (Serial::new(7), rows.checksum()));
            assert!(!layout.former_database().exists() && !layout.next_database().exists());
            database.close();
            fs::create_dir(layout.former_database()).unwrap();
        }
    }
}
