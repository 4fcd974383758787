//! Plans in files, on the disk: `plan --out FILE`, `apply FILE`, `show FILE`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use thiserror::Error;
use uuid::Uuid;

use super::error::CommandError;
use super::view::plan::problem::Places;
use crate::azure::clock::WallClock;
use crate::clock::Clock;
use crate::plan::saved::{Saved, SavedError};
use crate::plan::{Aim, Plan};

/// A plan is smaller than this by far; what is larger is something else, and is not read.
const LARGEST: u64 = 1 << 30;

/// Why a plan file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum PlanFileError {
    /// The system does not let it be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no plan.
    #[error(transparent)]
    Plan(#[from] SavedError),
    /// It is far too large for a plan.
    #[error("it is larger than any plan")]
    TooLarge,
}

/// Writes a plan at once or not at all, readable by its owner alone: it names servers and databases.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(path: &Path, plan: &Plan, aim: &Aim, places: &Places) -> Result<(), CommandError> {
    let saved = Saved::new(
        plan.clone(),
        aim.clone(),
        places.kept(),
        Uuid::new_v4(),
        WallClock.now(),
    );
    write_private(path, saved.to_text().as_bytes()).map_err(|source| unusable(path, source))
}

/// Writes a file at once or not at all, readable by its owner alone.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        // The error that counts is the first.
        let _ = fs::remove_file(&beside);
    })
}

fn unusable(path: &Path, source: impl Into<PlanFileError>) -> CommandError {
    CommandError::PlanFile {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// Reads a plan.
///
/// # Errors
/// When there is none, or it cannot be used.
pub(crate) fn read(path: &Path) -> Result<Saved, CommandError> {
    let size = fs::metadata(path).map_err(|source| unusable(path, source))?.len();
    if size > LARGEST {
        return Err(unusable(path, PlanFileError::TooLarge));
    }
    let bytes = fs::read(path).map_err(|source| unusable(path, source))?;
    Saved::read(&bytes).map_err(|source| unusable(path, source))
}
