//! What a run of `verify` has already found the same, one line for each table, so that an interrupted one can go on. It is removed
//! when a run could read everything.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::azure::clock::WallClock;
use crate::cli::error::CommandError;
use crate::cli::project::keep_out_of_git;
use crate::cli::ui::{Ui, Verbosity};
use crate::clock::Clock as _;
use crate::verify::report::{RowsVerdict, TableOutcome};
use crate::verify::{Level, Observer, Pair, Sample};

/// The file in the hidden directory of a project.
const FILE: &str = "verify.jsonl";

/// An open journal. It also tells how the comparison goes on.
pub(super) struct Journal<'a> {
    path: PathBuf,
    how: String,
    proven: BTreeSet<(String, String, String)>,
    file: Mutex<Option<File>>,
    ui: &'a Ui,
    done: Mutex<usize>,
}

/// A table that was found the same.
#[derive(Serialize, Deserialize)]
struct Line {
    /// How it was compared; a line counts only for a run that compares alike.
    how: String,
    batch: String,
    database: String,
    table: String,
    rows: u64,
    /// When.
    at: String,
}

impl<'a> Journal<'a> {
    /// Begins a journal, with what an interrupted run has found where that is wished.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(super) fn open(
        hidden: &Path,
        resume: bool,
        level: Level,
        sample: Option<Sample>,
        ui: &'a Ui,
    ) -> Result<Self, CommandError> {
        let path = hidden.join(FILE);
        let how = format!("{level:?} {:?}", sample.map(Sample::parts));
        let failed = |cause: io::Error| CommandError::NotWritten {
            name: path.display().to_string(),
            cause,
        };
        let mut proven = BTreeSet::new();
        if resume {
            let text = match fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                text => text.map_err(failed)?,
            };
            // A line that was cut off by a kill proves nothing.
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
            proven.extend(
                lines
                    .filter(|line| line.how == how)
                    .map(|line| (line.batch, line.database, line.table)),
            );
        }
        let file = match level {
            Level::Schema => None,
            Level::Counts | Level::Checksum => {
                keep_out_of_git(hidden)?;
                let mut options = OpenOptions::new();
                options.create(true).append(resume).write(true).truncate(!resume);
                let mut file = options.open(&path).map_err(failed)?;
                // Whatever a kill has cut off must not swallow the next line.
                file.write_all(b"\n").map_err(failed)?;
                Some(file)
            }
        };
        Ok(Self {
            path,
            how,
            proven,
            file: Mutex::new(file),
            ui,
            done: Mutex::new(0),
        })
    }

    /// Tables by batch, database and name that need not be read again.
    pub(super) fn proven(&self) -> &BTreeSet<(String, String, String)> {
        &self.proven
    }

    /// Ends the journal: the run has read everything.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(super) fn close(self) -> Result<(), CommandError> {
        let file = self.file.into_inner().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            return Ok(());
        }
        fs::remove_file(&self.path).map_err(|cause| CommandError::NotWritten {
            name: self.path.display().to_string(),
            cause,
        })
    }
}

impl Observer for Journal<'_> {
    fn began(&self, pair: &Pair) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        if self.ui.verbosity() != Verbosity::Quiet {
            self.ui.say(&format!("comparing {} of {}\n", pair.database, pair.batch));
        }
    }

    fn table(&self, pair: &Pair, outcome: &TableOutcome, of: usize) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done += 1;
        if self.ui.verbosity() == Verbosity::Detailed {
            self.ui.say(&format!("  {done}/{of} {}\n", outcome.name));
        }
        let RowsVerdict::Same(rows) = outcome.verdict else {
            return;
        };
        let line = Line {
            how: self.how.clone(),
            batch: pair.batch.to_string(),
            database: pair.database.to_string(),
            table: outcome.name.quoted(),
            rows,
            at: WallClock.now().to_string(),
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(file), Ok(text)) = (file.as_mut(), serde_json::to_string(&line)) {
            // A line that cannot be written costs a resumed run time, and this one nothing.
            let _ = writeln!(file, "{text}");
        }
    }
}
