//! The files of a local state and how they are written so that a crash leaves the old one or the new one. Knows names
//! and durability, never contents, except for the format marker that is read before anything else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::store::{Damage, Keeper, StoreError};
use crate::upgrade::FormatVersion;

/// The directory of a local state.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    dir: PathBuf,
}

/// The directory of earlier views.
pub(super) const EARLIER: &str = "earlier";

const MARKER: &str = "pgferry-state ";

impl Layout {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file whose lock is the writer's.
    pub(super) fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// Who is inside; there while the lock is held, and after its holder died.
    pub(super) fn occupant(&self) -> PathBuf {
        self.dir.join("occupant.json")
    }

    /// What readers read.
    pub(super) fn view(&self) -> PathBuf {
        self.dir.join("view.json")
    }

    /// Where earlier views are kept.
    pub(super) fn earlier_views(&self) -> PathBuf {
        self.dir.join(EARLIER)
    }

    /// Where texts are kept that are too large for a row.
    pub(super) fn large(&self) -> PathBuf {
        self.dir.join("large")
    }

    /// The database's own directory.
    pub(super) fn database(&self) -> PathBuf {
        self.dir.join("sled")
    }

    /// A database that is being written to take the other's place.
    pub(super) fn next_database(&self) -> PathBuf {
        self.dir.join("sled.next")
    }

    /// A database whose place another takes.
    pub(super) fn former_database(&self) -> PathBuf {
        self.dir.join("sled.former")
    }

    /// Whether there is a database, or one whose replacement was interrupted.
    pub(super) fn has_database(&self) -> bool {
        self.database().is_dir() || self.former_database().is_dir()
    }

    fn format(&self) -> PathBuf {
        self.dir.join("format")
    }

    /// The format of what is stored here; `None` where nothing is.
    pub(super) fn stored_format(&self) -> Result<Option<FormatVersion>, StoreError> {
        let path = self.format();
        let text = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return self.unmarked(),
            Err(source) => return Err(io_error("read", &path)(source)),
        };
        let text = String::from_utf8_lossy(&text);
        match text
            .strip_prefix(MARKER)
            .and_then(|number| number.trim_end().parse().ok())
            .map(FormatVersion::new)
        {
            Some(FormatVersion::CURRENT) => Ok(Some(FormatVersion::CURRENT)),
            Some(found) if found > FormatVersion::CURRENT => Err(StoreError::NewerFormat {
                found,
                known: FormatVersion::CURRENT,
            }),
            Some(_) | None => Err(StoreError::Corrupt {
                path,
                damage: Damage::FormatMarker,
                keeper: Keeper::Directory,
                last_good: None,
            }),
        }
    }

    /// Without a marker there is nothing, or something that lost its marker.
    fn unmarked(&self) -> Result<Option<FormatVersion>, StoreError> {
        for path in [self.view(), self.database()] {
            if path.try_exists().map_err(io_error("read", &path))? {
                let damage = Damage::FormatMarker;
                return Err(StoreError::Corrupt {
                    path: self.format(),
                    damage,
                    keeper: Keeper::Directory,
                    last_good: None,
                });
            }
        }
        Ok(None)
    }

    /// Makes the directory, private to its owner.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        if let Some(parent) = self.dir.parent() {
            fs::create_dir_all(parent).map_err(io_error("create", parent))?;
        }
        create_private_dir(&self.dir)
    }

    /// Marks the directory as a state of this format and hides it from git. Only for the holder of the lock.
    pub(super) fn mark(&self) -> Result<(), StoreError> {
        let hidden = match self.dir.parent() {
            Some(parent) if parent.file_name().is_some_and(|name| name == ".pgferry") => parent,
            Some(_) | None => &self.dir,
        };
        let ignore = hidden.join(".gitignore");
        if !ignore.try_exists().map_err(io_error("read", &ignore))? {
            fs::write(&ignore, "*\n").map_err(io_error("write", &ignore))?;
        }
        write_whole(
            &self.format(),
            format!("{MARKER}{}\n", FormatVersion::CURRENT).as_bytes(),
        )
    }
}

/// Makes a directory that only its owner may enter, unless it is there.
pub(super) fn create_private_dir(dir: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(source) => Err(io_error("create", dir)(source)),
        Ok(()) => match dir.parent() {
            Some(parent) => sync_dir(parent),
            None => Ok(()),
        },
    }
}

/// A new file that only its owner may read, in place of any that is there.
pub(super) fn create_private_file(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(io_error("create", path))
}

/// Where the contents of `path` are written before they take its place. Two writers never have the same path in hand,
/// since only the lock's holder writes.
pub(super) fn draft_of(path: &Path) -> PathBuf {
    path.with_added_extension("new")
}

/// Puts the whole contents in place, durably.
pub(super) fn write_whole(path: &Path, contents: &[u8]) -> Result<(), StoreError> {
    let draft = draft_of(path);
    let mut file = create_private_file(&draft)?;
    file.write_all(contents).map_err(io_error("write", &draft))?;
    put_in_place(&file, path)
}

/// Puts a file written under [`draft_of`] in place, durably.
pub(super) fn put_in_place(file: &File, path: &Path) -> Result<(), StoreError> {
    let draft = draft_of(path);
    file.sync_all().map_err(io_error("sync", &draft))?;
    fs::rename(&draft, path).map_err(io_error("replace", path))?;
    match path.parent() {
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Removes a file if it is there.
pub(super) fn remove_file(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes names created, replaced or removed in this directory last.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    // A relative path of one component has the empty path as its parent.
    let dir = if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    };
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(io_error("sync", dir))
}

/// An error of the system, with what was attempted on what.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { doing, path, source }
}
