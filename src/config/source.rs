//! The one door to the files of a configuration: what is read, and where in it a span lies. It never parses.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::diagnostic::{FileId, Span};
use crate::lang::files::{FileError, Files};

/// A file with more bytes is refused unread: parsing takes about fifty times the text in memory.
pub const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// A directory with more files below it is not looked through.
const MOST_FILES: usize = 100_000;

/// The texts of a run, and the door to further files that functions read.
#[derive(Clone)]
pub struct Sources {
    directory: PathBuf,
    files: Vec<SourceFile>,
    /// The files of each module by the name of its directory, as seen from the root.
    modules: BTreeMap<Arc<str>, Vec<FileId>>,
    /// The first name of each directory, whatever links lead to it.
    first_names: HashMap<PathBuf, Arc<str>>,
    /// Names of files in the directory that mean something elsewhere, none of which is read.
    foreign: Vec<String>,
    /// Files that count and cannot be read, by the module's directory; the root is `.`.
    unreadable: BTreeMap<Arc<str>, Vec<Unreadable>>,
    /// Texts of modules' files that count in place of the stored ones, by their paths.
    laid_over: BTreeMap<PathBuf, String>,
    door: Door,
}

/// One text.
#[derive(Clone)]
pub struct SourceFile {
    /// Its name as shown to people.
    pub name: String,
    /// Its content, without a byte order mark.
    pub text: Arc<str>,
    /// What it holds.
    pub role: Role,
}

/// A file that cannot be read.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Its name as shown to people.
    pub name: String,
    /// What it was to hold.
    pub role: Role,
    /// Why.
    pub error: Arc<ReadError>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Blocks of the root.
    Configuration,
    /// Blocks of a module.
    Module,
    /// Values of variables, taken up because of the file's name.
    AutomaticVariables,
    /// Values of variables, named by the operator.
    NamedVariables,
    /// A single value from the command line or the environment.
    Value,
    /// What somebody asks on a console.
    Question,
}

/// A place for people: line and column count from one, columns count characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file's name.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// SHA-256 of everything that was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SourceDigest(pub [u8; 32]);

/// Why a configuration cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The directory does not exist.
    #[error("there is no directory `{0}`")]
    NoDirectory(String),
    /// Something else is there.
    #[error("`{0}` is not a directory")]
    NotADirectory(String),
    /// The directory has no configuration.
    #[error("`{0}` holds no configuration: no file in it ends with `.hcl` or `.hcl.json`")]
    Empty(String),
    /// The directory has a configuration of Terraform only.
    #[error(
        "`{directory}` holds a configuration of Terraform (`{name}`), but no file that ends with `.hcl` or `.hcl.json`"
    )]
    ForTerraform {
        /// The directory.
        directory: String,
        /// One of the files.
        name: String,
    },
    /// A file is there but is no regular file.
    #[error("`{0}` is not a regular file")]
    NotRegular(String),
    /// The file is not worth reading.
    #[error("`{name}` has {megabytes} MB; files over 16 MB are not read. Keep bulk values in YAML, JSON or CSV files")]
    TooLarge {
        /// The file.
        name: String,
        /// Its size.
        megabytes: u64,
    },
    /// The file is no text.
    #[error("`{name}` is not valid UTF-8: the first wrong byte is in line {line}")]
    NotText {
        /// The file.
        name: String,
        /// The line with the first wrong byte.
        line: usize,
    },
    /// There is no file of this name.
    #[error("there is no file `{0}`")]
    NoFile(String),
    /// The system refused.
    #[error("`{name}` cannot be read")]
    Refused {
        /// The file or directory.
        name: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl Sources {
    /// Reads the configuration of a directory: every `*.hcl` and `*.hcl.json` except `*.vars.hcl`, the variable
    /// files that are taken up by name, and no name that starts with a dot. What cannot be read beside something that can is
    /// told by [`Sources::unreadable`].
    ///
    /// # Errors
    /// When the directory cannot be read, or no file of it, or holds no configuration.
    pub fn read(directory: &Path) -> Result<Self, ReadError> {
        let shown = directory.display().to_string();
        let refused = |cause: io::Error| match cause.kind() {
            io::ErrorKind::NotFound => ReadError::NoDirectory(shown.clone()),
            io::ErrorKind::NotADirectory => ReadError::NotADirectory(shown.clone()),
            _ => ReadError::Refused {
                name: shown.clone(),
                cause,
            },
        };
        let names = names_in(directory).map_err(refused)?;
        let mut sources = Self::empty(directory);
        sources.foreign = foreign_names(directory).map_err(refused)?;
        let mut unreadable = Vec::new();
        for (name, role) in names {
            match read_text(&directory.join(&name), &name) {
                Ok(text) => drop(sources.push(name, &text, role)),
                Err(error) => unreadable.push((name, role, error)),
            }
        }
        if sources.of_role(Role::Configuration).next().is_none() {
            if let Some((_, _, error)) = unreadable.into_iter().next() {
                return Err(error);
            }
            if let Some(name) = sources.foreign.iter().find(|name| is_terraform(name)) {
                let name = name.clone();
                return Err(ReadError::ForTerraform { directory: shown, name });
            }
            return Err(ReadError::Empty(shown));
        }
        sources.give_up(".".into(), unreadable);
        Ok(sources)
    }

    /// Reads one file, whatever its name; values of variables are what its name says they are.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_file(path: &Path) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        let role = if name.ends_with(".vars.hcl") || name.ends_with(".vars.hcl.json") {
            Role::NamedVariables
        } else {
            Role::Configuration
        };
        let text = read_text(path, &name)?;
        let mut sources = Self::empty(path.parent().unwrap_or(Path::new(".")));
        sources.push(name, &text, role);
        Ok(sources)
    }

    /// Reads the blocks of a module's directory, which is told as seen from the root, and answers with the first name that
    /// led to it: links give a directory many, and it is read once.
    ///
    /// # Errors
    /// When the directory cannot be read, or no file of it, or holds no configuration.
    pub fn read_module(&mut self, directory: &Arc<str>) -> Result<Arc<str>, ReadError> {
        if self.modules.contains_key(directory) {
            return Ok(Arc::clone(directory));
        }
        let path = self.directory.join(&**directory);
        let refused = |cause: io::Error| match cause.kind() {
            io::ErrorKind::NotFound => ReadError::NoDirectory(directory.to_string()),
            io::ErrorKind::NotADirectory => ReadError::NotADirectory(directory.to_string()),
            _ => ReadError::Refused {
                name: directory.to_string(),
                cause,
            },
        };
        if self.first_names.is_empty() {
            let root = fs::canonicalize(&self.directory).map_err(refused)?;
            self.first_names.insert(root, ".".into());
        }
        let itself = fs::canonicalize(&path).map_err(refused)?;
        if let Some(name) = self.first_names.get(&itself) {
            return Ok(Arc::clone(name));
        }
        let mut files = Vec::new();
        let mut names = names_in(&path).map_err(refused)?;
        let above = self.laid_over.keys().filter(|open| open.parent() == Some(&itself));
        for name in above.filter_map(|open| open.file_name()?.to_str()) {
            if let (Some(role), false) = (role_of(name), names.iter().any(|(known, _)| known == name)) {
                names.push((name.to_owned(), role));
            }
        }
        let mut unreadable = Vec::new();
        for (name, role) in names {
            if role == Role::Configuration {
                let shown = format!("{directory}/{name}");
                let text = match self.laid_over.get(&itself.join(&name)) {
                    Some(text) => Ok(text.clone()),
                    None => read_text(&path.join(&name), &shown),
                };
                match text {
                    Ok(text) => files.push(self.push(shown, &text, Role::Module)),
                    Err(error) => unreadable.push((shown, Role::Module, error)),
                }
            }
        }
        if files.is_empty() {
            let first = unreadable.into_iter().next().map(|(_, _, error)| error);
            return Err(first.unwrap_or_else(|| ReadError::Empty(directory.to_string())));
        }
        self.give_up(Arc::clone(directory), unreadable);
        self.first_names.insert(itself, Arc::clone(directory));
        self.modules.insert(Arc::clone(directory), files);
        Ok(Arc::clone(directory))
    }

    /// Lays texts over the files of modules that are read later, each by its path: what an editor has open counts, and not what
    /// was stored.
    pub fn lay_over(&mut self, texts: impl IntoIterator<Item = (PathBuf, String)>) {
        self.laid_over.extend(texts.into_iter().map(|(path, text)| {
            // Links give a directory many names.
            let place = path.parent().and_then(|place| fs::canonicalize(place).ok());
            let path = place
                .zip(path.file_name())
                .map(|(place, name)| place.join(name))
                .unwrap_or(path);
            (path, text)
        }));
    }

    fn give_up(&mut self, directory: Arc<str>, files: Vec<(String, Role, ReadError)>) {
        let files = files.into_iter().map(|(name, role, error)| Unreadable {
            name,
            role,
            error: error.into(),
        });
        self.unreadable.insert(directory, files.collect());
    }

    /// The files of a module's directory that count and cannot be read; the root is `.`.
    pub fn unreadable(&self, directory: &str) -> &[Unreadable] {
        self.unreadable.get(directory).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names of files of the directory that look as if they gave values to variables, but for which another name is read. Those
    /// of Terraform belong to its own configuration where that lies beside them.
    pub fn values_not_read(&self) -> Vec<&str> {
        let has_terraform = self.foreign.iter().any(|name| is_terraform(name));
        let names = self.foreign.iter().filter(|name| !is_terraform(name));
        let names = names.filter(|name| !has_terraform || !name.contains(".tfvars"));
        names.map(String::as_str).collect()
    }

    /// The files of a module that was read.
    pub fn of_module(&self, directory: &str) -> impl Iterator<Item = (FileId, &SourceFile)> {
        let files = self.modules.get(directory).into_iter().flatten();
        files.filter_map(|id| Some((*id, self.file(*id)?)))
    }

    /// Takes texts for files; their names tell their roles, and the modules that they belong to.
    pub fn from_texts<'t>(texts: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let mut sources = Self::empty(Path::new("."));
        for (name, text) in texts {
            match name.rsplit_once('/') {
                Some((directory, _)) => {
                    let id = sources.push(name.to_owned(), text, Role::Module);
                    sources.modules.entry(directory.into()).or_default().push(id);
                }
                None => {
                    sources.push(name.to_owned(), text, role_of(name).unwrap_or(Role::Configuration));
                }
            }
        }
        sources
    }

    /// Nothing yet, in a directory.
    pub fn empty(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            files: Vec::new(),
            modules: BTreeMap::new(),
            first_names: HashMap::new(),
            foreign: Vec::new(),
            unreadable: BTreeMap::new(),
            laid_over: BTreeMap::new(),
            door: Door {
                directory: directory.to_owned(),
                seen: Arc::default(),
            },
        }
    }

    /// Reads a file of variable values that the operator named; a relative path starts where the operator stands.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn add_variable_file(&mut self, path: &Path) -> Result<FileId, ReadError> {
        let name = path.display().to_string();
        let text = read_text(path, &name)?;
        Ok(self.push(name, &text, Role::NamedVariables))
    }

    /// Takes up a value that stands in no file, so that errors can point into it.
    pub fn add_value(&mut self, name: String, text: &str) -> FileId {
        self.push(name, text, Role::Value)
    }

    /// Takes up what somebody asks, so that errors can point into it.
    pub fn add_question(&mut self, text: &str) -> FileId {
        self.push("<console>".to_owned(), text, Role::Question)
    }

    /// Puts a text in the place of the file of that name, or beside the others where its name tells that it belongs there.
    pub fn put(&mut self, name: &str, text: &str) {
        let Some(role) = role_of(name) else { return };
        for files in self.unreadable.values_mut() {
            files.retain(|file| file.name != name);
        }
        match self.files.iter_mut().find(|file| file.name == name) {
            Some(file) => file.text = text.strip_prefix('\u{feff}').unwrap_or(text).into(),
            None => {
                self.push(name.to_owned(), text, role);
            }
        }
    }

    fn push(&mut self, name: String, text: &str, role: Role) -> FileId {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        self.files.push(SourceFile { name, text, role });
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// The files of one role, in the order of their names.
    pub fn of_role(&self, role: Role) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .filter(move |(_, file)| file.role == role)
            .map(|(at, file)| (FileId(u32::try_from(at).unwrap_or(u32::MAX)), file))
    }

    /// The directory that holds the configuration.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The text that a file holds.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// The door that functions read files through.
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// What a span covers.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file)
            .and_then(|file| file.text.get(span.range()))
            .unwrap_or_default()
    }

    /// Where a span starts.
    pub fn locate(&self, span: Span) -> Option<Location> {
        let file = self.file(span.file)?;
        let before = file.text.get(..span.start as usize)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some(Location {
            file: file.name.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        })
    }

    /// The line in which a span starts, without its line ending. Nothing for values of variables: they may be secret.
    pub fn line(&self, span: Span) -> Option<&str> {
        let file = self.file(span.file)?;
        let text = match file.role {
            Role::Configuration | Role::Module | Role::Question => &file.text,
            Role::AutomaticVariables | Role::NamedVariables | Role::Value => return None,
        };
        let start = text.get(..span.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(start..)?.split('\n').next()?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }

    /// The digest of the configuration's files, and of those that functions have read so far. Values of variables do
    /// not count: they may be secret, and a digest of a short secret gives it away.
    pub fn digest(&self) -> SourceDigest {
        let mut hash = Sha256::new();
        let mut add = |name: &str, content: &[u8]| {
            for part in [name.as_bytes(), content] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        };
        let is_written = |file: &&SourceFile| matches!(file.role, Role::Configuration | Role::Module);
        for file in self.files.iter().filter(is_written) {
            add(&file.name, file.text.as_bytes());
        }
        for (path, digest) in self.door.seen.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            add(path, digest);
        }
        SourceDigest(hash.finalize().into())
    }
}

/// The files of a directory that count, in the order of their names.
fn names_in(directory: &Path) -> io::Result<Vec<(String, Role)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // As in Terraform a directory may be called anything.
        if entry.file_type()?.is_dir() {
            continue;
        }
        let name = entry.file_name();
        if let Some((name, role)) = name.to_str().and_then(|name| Some((name.to_owned(), role_of(name)?))) {
            names.push((name, role));
        }
    }
    names.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(names)
}

/// The names of files that would mean something to Terraform, or would hold values if they were called otherwise.
fn foreign_names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        if let Ok(name) = entry?.file_name().into_string() {
            let stem = name.strip_suffix(".json").unwrap_or(&name);
            let values = stem == "terraform.tfvars" || stem.ends_with(".auto.tfvars");
            let json = name.ends_with(".json") && (stem == "pgferry.vars" || stem.ends_with(".auto.vars"));
            if !name.starts_with('.') && (is_terraform(&name) || values || json) {
                names.push(name);
            }
        }
    }
    names.sort();
    Ok(names)
}

fn is_terraform(name: &str) -> bool {
    name.strip_suffix(".json").unwrap_or(name).ends_with(".tf")
}

fn role_of(name: &str) -> Option<Role> {
    let stem = name.strip_suffix(".json").unwrap_or(name).strip_suffix(".hcl")?;
    if name.starts_with('.') {
        None
    } else if stem == "pgferry.vars" || stem.ends_with(".auto.vars") {
        Some(Role::AutomaticVariables)
    } else if stem.ends_with(".vars") {
        None
    } else {
        Some(Role::Configuration)
    }
}

impl SourceFile {
    /// Whether it holds JSON, as `*.hcl.json` does.
    pub fn is_json(&self) -> bool {
        let path = Path::new(&self.name);
        self.role != Role::Value && path.extension().is_some_and(|extension| extension == "json")
    }
}

fn read_text(path: &Path, name: &str) -> Result<String, ReadError> {
    let refused = |cause: io::Error| match cause.kind() {
        io::ErrorKind::NotFound => ReadError::NoFile(name.to_owned()),
        _ => ReadError::Refused {
            name: name.to_owned(),
            cause,
        },
    };
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() {
        return Err(ReadError::NotRegular(name.to_owned()));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(ReadError::TooLarge {
            name: name.to_owned(),
            megabytes: metadata.len() / (1024 * 1024),
        });
    }
    let content = content(path).map_err(refused)?.ok_or_else(|| ReadError::TooLarge {
        name: name.to_owned(),
        megabytes: LARGEST_FILE / (1024 * 1024),
    })?;
    String::from_utf8(content).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to());
        ReadError::NotText {
            name: name.to_owned(),
            line: valid.unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() + 1,
        }
    })
}

/// What a file holds; nothing where it is more than its size promised and more than is read, as files of the system may be.
fn content(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut content)?;
    Ok((u64::try_from(content.len()).unwrap_or(u64::MAX) <= LARGEST_FILE).then_some(content))
}

/// The device that is empty; whoever names it wants an empty file.
const NOTHING: &str = "/dev/null";

/// The door that functions read files through; it remembers what it gave out.
#[derive(Clone)]
pub struct Door {
    directory: PathBuf,
    seen: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Door {
    fn remember(&self, path: &str, digest: Vec<u8>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(path.to_owned(), digest);
    }

    fn metadata(&self, path: &str) -> Result<fs::Metadata, FileError> {
        fs::metadata(self.directory.join(path)).map_err(|cause| refused(path, &cause))
    }
}

fn is_no_directory(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn refused(path: &str, cause: &io::Error) -> FileError {
    match cause.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::Refused {
            path: path.to_owned(),
            reason: cause.to_string(),
        },
    }
}

impl Files for Door {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        if path == NOTHING {
            return Ok(Vec::new());
        }
        let metadata = self.metadata(path)?;
        if !metadata.is_file() {
            return Err(FileError::NotRegular(path.to_owned()));
        }
        let too_large = || FileError::TooLarge(path.to_owned());
        if metadata.len() > LARGEST_FILE {
            return Err(too_large());
        }
        let content = content(&self.directory.join(path)).map_err(|cause| refused(path, &cause))?;
        let content = content.ok_or_else(too_large)?;
        self.remember(path, Sha256::digest(&content).to_vec());
        Ok(content)
    }

    fn exists(&self, path: &str) -> Result<bool, FileError> {
        let there = match self.metadata(path) {
            Ok(metadata) if metadata.is_file() => true,
            Ok(_) => return Err(FileError::NotRegular(path.to_owned())),
            Err(FileError::Missing(_)) => false,
            Err(error) => return Err(error),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entry(path.to_owned()).or_insert_with(|| vec![u8::from(there)]);
        Ok(there)
    }

    fn below(&self, directory: &str) -> Result<Vec<String>, FileError> {
        let mut files = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let place = self.directory.join(directory).join(&folder);
            let entries = match fs::read_dir(&place) {
                Ok(entries) => entries,
                // That there is none counts as much as what one would hold.
                Err(cause) if folder.is_empty() && is_no_directory(&cause) => break,
                Err(cause) => return Err(refused(directory, &cause)),
            };
            for entry in entries {
                let entry = entry.map_err(|cause| refused(directory, &cause))?;
                // The language has no name for what is no text.
                let Some(name) = entry.file_name().to_str().map(|name| format!("{folder}{name}")) else {
                    continue;
                };
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(format!("{name}/"));
                } else if fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()) {
                    files.push(name);
                }
                if files.len() + folders.len() > MOST_FILES {
                    return Err(FileError::TooMany(directory.to_owned()));
                }
            }
        }
        files.sort();
        let mut hash = Sha256::new();
        for file in &files {
            hash.update(file);
            hash.update([0]);
        }
        self.remember(&format!("{directory}/"), hash.finalize().to_vec());
        Ok(files)
    }

    fn absolute(&self, path: &str) -> Result<String, FileError> {
        let absolute = std::path::absolute(self.directory.join(path)).map_err(|cause| refused(path, &cause))?;
        Ok(absolute.display().to_string())
    }
}

impl fmt::Display for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        directory
    }

    #[test]
    fn names_tell_what_a_file_holds() {
        let directory = directory(&[
            ("b.hcl", b"" as &[u8]),
            ("a.hcl", b"\xef\xbb\xbfx"),
            (".hidden.hcl", b"\xff"),
            ("prod.vars.hcl", b"\xff"),
            ("z.auto.vars.hcl", b""),
            ("pgferry.vars.hcl", b""),
            ("c.hcl.json", b"{}"),
            ("y.auto.vars.hcl.json", b"{}"),
            ("notes.json", b"\xff"),
            ("notes.txt", b"\xff"),
        ]);
        let sources = Sources::read(directory.path()).unwrap();
        let names = |role| {
            sources
                .of_role(role)
                .map(|(_, file)| file.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Role::Configuration), ["a.hcl", "b.hcl", "c.hcl.json"]);
        assert_eq!(
            names(Role::AutomaticVariables),
            ["pgferry.vars.hcl", "y.auto.vars.hcl.json", "z.auto.vars.hcl"]
        );
        assert_eq!(&*sources.file(FileId(0)).unwrap().text, "x");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let said = |files: &[(&str, &[u8])]| {
            let directory = directory(files);
            let error = Sources::read(directory.path()).err().unwrap().to_string();
            error.replace(&directory.path().display().to_string(), "DIR")
        };
        assert_eq!(
            said(&[]),
            "`DIR` holds no configuration: no file in it ends with `.hcl` or `.hcl.json`"
        );
        assert_eq!(
            said(&[("a.hcl", b"x\n\xff")]),
            "`a.hcl` is not valid UTF-8: the first wrong byte is in line 2"
        );
        let missing = Sources::read(Path::new("no/such/place")).err().unwrap();
        assert_eq!(missing.to_string(), "there is no directory `no/such/place`");
    }

    #[test]
    fn the_files_of_a_directory_count_into_the_digest() {
        let directory = directory(&[("a.hcl", b"" as &[u8])]);
        fs::create_dir_all(directory.path().join("sub/deep")).unwrap();
        fs::write(directory.path().join("sub/deep/b"), "").unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("sub/loop")).unwrap();
        let sources = Sources::read(directory.path()).unwrap();
        let door = sources.door();
        assert_eq!(door.below("sub").unwrap(), ["deep/b"]);
        assert_eq!(door.below("a.hcl").unwrap(), Vec::<String>::new());
        let before = sources.digest();
        assert_eq!(door.below("later").unwrap(), Vec::<String>::new());
        assert!(sources.digest() != before);
        let before = sources.digest();
        fs::create_dir(directory.path().join("later")).unwrap();
        fs::write(directory.path().join("later/c"), "").unwrap();
        assert_eq!(door.below("later").unwrap(), ["c"]);
        assert!(sources.digest() != before);
    }

    #[test]
    fn devices_and_directories_are_refused_and_nothing_is_empty() {
        let directory = directory(&[("a.hcl", b"" as &[u8])]);
        let door = Sources::read(directory.path()).unwrap().door();
        for path in ["/dev/zero", "/dev/tty", ".", "/dev/stdin"] {
            assert!(door.read(path).is_err(), "{path}");
        }
        assert_eq!(door.read("/dev/null").unwrap(), b"");
    }

    #[test]
    fn what_cannot_be_read_hides_nothing_else() {
        let directory = directory(&[
            ("a.hcl", b"x" as &[u8]),
            ("b.hcl", b"\xff"),
            ("pgferry.vars.hcl", b"\xff"),
        ]);
        let mut sources = Sources::read(directory.path()).unwrap();
        let names = |sources: &Sources| {
            sources
                .unreadable(".")
                .iter()
                .map(|file| file.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(sources.of_role(Role::Configuration).count(), 1);
        assert_eq!(names(&sources), ["b.hcl", "pgferry.vars.hcl"]);
        sources.put("b.hcl", "as it is in an editor");
        assert_eq!(names(&sources), ["pgferry.vars.hcl"]);
    }

    #[test]
    fn values_under_other_names_are_noticed() {
        let unread = |files: &[(&str, &[u8])]| {
            let sources = Sources::read(directory(files).path()).unwrap();
            sources.values_not_read().join(" ")
        };
        let none: &[u8] = b"";
        assert_eq!(
            unread(&[
                ("a.hcl", none),
                ("pgferry.vars.json", none),
                ("x.auto.vars.json", none),
                ("terraform.tfvars", none)
            ]),
            "pgferry.vars.json terraform.tfvars x.auto.vars.json"
        );
        // These are Terraform's own.
        assert_eq!(
            unread(&[("a.hcl", none), ("main.tf", none), ("terraform.tfvars", none)]),
            ""
        );
    }

    #[test]
    fn a_large_file_is_refused_unread() {
        let directory = directory(&[]);
        let file = fs::File::create(directory.path().join("big.hcl")).unwrap();
        file.set_len(LARGEST_FILE + 1).unwrap();
        assert!(matches!(
            Sources::read(directory.path()),
            Err(ReadError::TooLarge { .. })
        ));
    }

    #[test]
    fn columns_count_characters() {
        let sources = Sources::from_texts([("main.hcl", "a\r\näö = 1\r\n")]);
        let span = Span::new(FileId(0), 8..9);
        assert_eq!(sources.text(span), "=");
        assert_eq!(sources.locate(span).unwrap().to_string(), "main.hcl:2:4");
        assert_eq!(sources.line(span), Some("äö = 1"));
    }

    #[test]
    fn what_functions_read_counts_into_the_digest() {
        let directory = directory(&[("a.hcl", b"" as &[u8]), ("key", b"1")]);
        let digest = |reads: bool| {
            let sources = Sources::read(directory.path()).unwrap();
            if reads {
                sources.door().read("key").unwrap();
            }
            sources.digest()
        };
        let (without, with) = (digest(false), digest(true));
        assert_ne!(without, with);
        fs::write(directory.path().join("key"), b"2").unwrap();
        assert_ne!(with, digest(true));
        assert_eq!(without, digest(false));
    }
}
