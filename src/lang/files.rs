//! The port through which functions such as `file` see files. It opens none itself.

use thiserror::Error;

/// Reads files for functions; every answer counts into the fingerprint of the run.
pub trait Files {
    /// The content of the file at `path`, which may be relative to the configuration's directory.
    ///
    /// # Errors
    /// When the file is not there, too large or cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// Whether a regular file is there.
    ///
    /// # Errors
    /// When something else is there, or nobody can tell.
    fn exists(&self, path: &str) -> Result<bool, FileError>;

    /// The regular files in a directory and below it, as paths from there with single slashes; none where there is no
    /// directory. Links to directories are not followed.
    ///
    /// # Errors
    /// When it cannot be read, or holds too many.
    fn below(&self, directory: &str) -> Result<Vec<String>, FileError>;

    /// The path from the root of the file system.
    ///
    /// # Errors
    /// When nobody can tell.
    fn absolute(&self, path: &str) -> Result<String, FileError>;
}

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FileError {
    /// Nothing is there.
    #[error("there is no file at `{0}`")]
    Missing(String),
    /// A directory or device is there.
    #[error("`{0}` is not a regular file")]
    NotRegular(String),
    /// It is larger than what is read.
    #[error("`{0}` has more than 16 MB")]
    TooLarge(String),
    /// The system refused.
    #[error("`{path}` cannot be read: {reason}")]
    Refused {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A directory holds more than is looked through.
    #[error("`{0}` holds more than 100,000 files")]
    TooMany(String),
    /// No files can be read here.
    #[error("files cannot be read here")]
    NoDoor,
}

/// For places where no file may be read.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> Result<Vec<u8>, FileError> {
        Err(FileError::NoDoor)
    }
    fn exists(&self, _path: &str) -> Result<bool, FileError> {
        Err(FileError::NoDoor)
    }
    fn below(&self, _directory: &str) -> Result<Vec<String>, FileError> {
        Err(FileError::NoDoor)
    }
    fn absolute(&self, _path: &str) -> Result<String, FileError> {
        Err(FileError::NoDoor)
    }
}
