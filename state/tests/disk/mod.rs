//! A disk as a power loss finds it, made from the calls of a program in the words of `strace -f -xx`. A file keeps what was
//! in it at its last sync, a directory its names; of what came after, anything may be there: of a file any of the writes,
//! of a directory its changes up to some moment.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// What survives beside what was synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survives {
    /// Nothing.
    WhatWasSynced,
    /// Something, chosen by this number.
    MoreOrLess(u64),
}

/// What a line of the trace told.
#[derive(Default)]
pub(crate) struct Happened {
    /// A sync is done, or about to be: a moment to cut at.
    pub(crate) synced: bool,
    /// What was said on standard output.
    pub(crate) said: String,
}

/// All that the program wrote below one directory.
pub(crate) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    open: HashMap<u64, Open>,
    /// Calls that have begun, by thread.
    begun: HashMap<String, String>,
    /// What a sync that has begun will have made last, by thread.
    syncing: HashMap<String, Node>,
}

#[derive(Clone, Debug)]
enum Node {
    File {
        synced: Vec<u8>,
        since: Vec<Write>,
    },
    Directory {
        synced: BTreeMap<String, usize>,
        since: Vec<Change>,
    },
}

#[derive(Clone, Debug)]
enum Write {
    At(u64, Vec<u8>),
    Length(u64),
}

#[derive(Clone, Debug)]
enum Change {
    Name(String, usize),
    Forget(String),
    /// Of one name to another in the same directory, at once.
    Rename(String, String, usize),
}

struct Open {
    node: usize,
    at: u64,
}

impl Disk {
    /// An empty one, that takes what happens below this directory.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            nodes: vec![Node::directory()],
            open: HashMap::new(),
            begun: HashMap::new(),
            syncing: HashMap::new(),
        }
    }

    /// Lets one line of the trace happen.
    pub(crate) fn happen(&mut self, line: &str) -> Happened {
        let Some((thread, rest)) = line.trim_start().split_once(char::is_whitespace) else {
            return Happened::default();
        };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            let begin = self.begin(thread, begun);
            self.begun.insert(thread.to_owned(), begun.to_owned());
            return begin;
        }
        if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").unwrap();
            let whole = self.begun.remove(thread).unwrap() + end;
            return self.end(thread, &whole);
        }
        let begin = self.begin(thread, rest);
        let end = self.end(thread, rest);
        Happened {
            synced: begin.synced || end.synced,
            said: end.said,
        }
    }

    /// A sync makes last what was written when it began. Just before it counts is the last moment for a cut without it.
    fn begin(&mut self, thread: &str, call: &str) -> Happened {
        let Some(arguments) = call.strip_prefix("fsync(").or_else(|| call.strip_prefix("fdatasync(")) else {
            return Happened::default();
        };
        let descriptor = leading_number(arguments);
        if let Some(node) = self.open.get(&descriptor).map(|open| open.node) {
            self.syncing.insert(thread.to_owned(), self.nodes[node].clone());
        }
        Happened {
            synced: true,
            said: String::new(),
        }
    }

    fn end(&mut self, thread: &str, call: &str) -> Happened {
        let mut happened = Happened::default();
        let (name, rest) = call.split_once('(').unwrap_or_else(|| panic!("not a call: {call}"));
        let (arguments, result) = rest
            .rsplit_once(" = ")
            .unwrap_or_else(|| panic!("without an end: {call}"));
        let arguments = arguments.trim_end().strip_suffix(')').unwrap();
        let result: i64 = result.split(' ').next().unwrap().parse().unwrap_or(-1);
        if result < 0 {
            return happened;
        }
        let result = u64::try_from(result).unwrap();
        let parts: Vec<&str> = arguments.split(", ").collect();
        match name {
            "openat" => self.opened(&parts, result),
            "close" => drop(self.open.remove(&leading_number(arguments))),
            "fcntl" if parts[1].starts_with("F_DUPFD") => self.duplicated(leading_number(arguments), result),
            "dup" => self.duplicated(leading_number(arguments), result),
            "fcntl" => {}
            "write" if leading_number(arguments) == 1 => {
                happened.said = String::from_utf8(text(parts[1])).unwrap();
            }
            "write" => {
                if let Some(open) = self.open.get_mut(&leading_number(arguments)) {
                    let (node, at) = (open.node, open.at);
                    open.at += result;
                    self.wrote(node, at, text(parts[1]), result);
                }
            }
            "pwrite64" => {
                if let Some(open) = self.open.get(&leading_number(arguments)) {
                    self.wrote(open.node, leading_number(parts[3]), text(parts[1]), result);
                }
            }
            "ftruncate" => {
                if let Some(open) = self.open.get(&leading_number(arguments)) {
                    let length = Write::Length(leading_number(parts[1]));
                    self.file(open.node).push(length);
                }
            }
            "lseek" => {
                if let Some(open) = self.open.get_mut(&leading_number(arguments)) {
                    open.at = result;
                }
            }
            "fsync" | "fdatasync" => {
                happened.synced = true;
                let node = self.open.get(&leading_number(arguments)).map(|open| open.node);
                if let (Some(node), Some(then)) = (node, self.syncing.remove(thread)) {
                    self.nodes[node].last(&then);
                }
            }
            "mkdir" => self.made(&path(parts[0]), Node::directory()),
            "unlink" | "rmdir" => self.change(&path(parts[0]), Change::Forget),
            "unlinkat" => self.removed_at(&parts),
            "rename" => self.renamed(&path(parts[0]), &path(parts[1])),
            "linkat" => {
                if let Some(node) = self.find(&path(parts[1])) {
                    self.change(&path(parts[3]), |name| Change::Name(name, node));
                }
            }
            other => assert!(!self.concerns(call), "`{other}` is not replayed: {call:.300}"),
        }
        happened
    }

    fn concerns(&self, call: &str) -> bool {
        let root: String = self
            .root
            .to_str()
            .unwrap()
            .bytes()
            .map(|byte| format!("\\x{byte:02x}"))
            .collect();
        call.contains(&root)
            || self
                .open
                .contains_key(&leading_number(call.split('(').nth(1).unwrap_or_default()))
    }

    fn opened(&mut self, parts: &[&str], descriptor: u64) {
        self.open.remove(&descriptor);
        let (path, flags) = (path(parts[1]), parts[2]);
        if !path.starts_with(&self.root) {
            return;
        }
        if self.find(&path).is_none() && flags.contains("O_CREAT") {
            self.made(&path, Node::file());
        }
        if let Some(node) = self.find(&path) {
            if flags.contains("O_TRUNC") {
                self.file(node).push(Write::Length(0));
            }
            self.open.insert(descriptor, Open { node, at: 0 });
        }
    }

    fn duplicated(&mut self, from: u64, to: u64) {
        match self.open.get(&from).map(|open| (open.node, open.at)) {
            Some((node, at)) => drop(self.open.insert(to, Open { node, at })),
            None => drop(self.open.remove(&to)),
        }
    }

    fn wrote(&mut self, node: usize, at: u64, mut bytes: Vec<u8>, count: u64) {
        bytes.truncate(usize::try_from(count).unwrap());
        assert_eq!(bytes.len() as u64, count, "the trace has all bytes");
        self.file(node).push(Write::At(at, bytes));
    }

    fn file(&mut self, node: usize) -> &mut Vec<Write> {
        match &mut self.nodes[node] {
            Node::File { since, .. } => since,
            Node::Directory { .. } => panic!("a directory is written to"),
        }
    }

    fn removed_at(&mut self, parts: &[&str]) {
        let path = path(parts[1]);
        if parts[0] == "AT_FDCWD" || path.is_absolute() {
            return self.change(&path, Change::Forget);
        }
        let directory = self.open.get(&leading_number(parts[0])).map(|open| open.node);
        if let Some(Node::Directory { since, .. }) = directory.map(|node| &mut self.nodes[node]) {
            since.push(Change::Forget(path.to_str().unwrap().to_owned()));
        }
    }

    fn renamed(&mut self, from: &Path, to: &Path) {
        let Some(node) = self.find(from) else { return };
        assert_eq!(from.parent(), to.parent(), "names move within their directory only");
        let name = to.file_name().unwrap().to_str().unwrap().to_owned();
        self.change(from, |before| Change::Rename(before, name, node));
    }

    fn made(&mut self, path: &Path, node: Node) {
        if path.starts_with(&self.root) {
            self.nodes.push(node);
            let node = self.nodes.len() - 1;
            self.change(path, |name| Change::Name(name, node));
        }
    }

    fn change(&mut self, path: &Path, change: impl FnOnce(String) -> Change) {
        let parent = path.parent().and_then(|parent| self.find(parent));
        if let Some(Node::Directory { since, .. }) = parent.map(|node| &mut self.nodes[node]) {
            since.push(change(path.file_name().unwrap().to_str().unwrap().to_owned()));
        }
    }

    fn find(&self, path: &Path) -> Option<usize> {
        let below = path.strip_prefix(&self.root).ok()?;
        below.components().try_fold(0, |node, name| {
            let name = name.as_os_str().to_str()?;
            self.nodes[node].names(usize::MAX).get(name).copied()
        })
    }

    /// Writes what a power loss leaves into an empty directory.
    pub(crate) fn restore(&self, to: &Path, survives: Survives) {
        self.restore_node(0, to, survives);
    }

    fn restore_node(&self, node: usize, to: &Path, survives: Survives) {
        match &self.nodes[node] {
            Node::File { synced, since } => {
                let mut bytes = synced.clone();
                for (number, write) in since.iter().enumerate() {
                    if survives.chance((node, number), 2) == 1 {
                        write.apply(&mut bytes);
                    }
                }
                std::fs::write(to, bytes).unwrap();
            }
            directory @ Node::Directory { since, .. } => {
                std::fs::create_dir_all(to).unwrap();
                let changes = survives.chance((node, "names"), since.len() as u64 + 1);
                for (name, node) in directory.names(usize::try_from(changes).unwrap()) {
                    self.restore_node(node, &to.join(name), survives);
                }
            }
        }
    }
}

impl Survives {
    /// A number below this one: 0 where nothing more survives.
    fn chance(self, what: impl Hash, below: u64) -> u64 {
        match self {
            Self::WhatWasSynced => 0,
            Self::MoreOrLess(seed) => {
                let mut hasher = DefaultHasher::new();
                (seed, what).hash(&mut hasher);
                hasher.finish() % below
            }
        }
    }
}

impl Node {
    fn file() -> Self {
        Self::File {
            synced: Vec::new(),
            since: Vec::new(),
        }
    }

    fn directory() -> Self {
        Self::Directory {
            synced: BTreeMap::new(),
            since: Vec::new(),
        }
    }

    /// The names after so many changes since the last sync.
    fn names(&self, changes: usize) -> BTreeMap<String, usize> {
        let Self::Directory { synced, since } = self else {
            return BTreeMap::new();
        };
        let mut names = synced.clone();
        for change in since.iter().take(changes) {
            match change.clone() {
                Change::Name(name, node) => drop(names.insert(name, node)),
                Change::Forget(name) => drop(names.remove(&name)),
                Change::Rename(from, to, node) => {
                    names.remove(&from);
                    names.insert(to, node);
                }
            }
        }
        names
    }

    /// What it was `then` lasts; what came since is still to be synced.
    fn last(&mut self, then: &Self) {
        match (self, then) {
            (
                Self::File { synced, since },
                Self::File {
                    synced: before,
                    since: covered,
                },
            ) => {
                let mut bytes = before.clone();
                covered.iter().for_each(|write| write.apply(&mut bytes));
                *synced = bytes;
                since.drain(..covered.len().min(since.len()));
            }
            (this @ Self::Directory { .. }, then @ Self::Directory { since: covered, .. }) => {
                let names = then.names(usize::MAX);
                if let Self::Directory { synced, since } = this {
                    *synced = names;
                    since.drain(..covered.len().min(since.len()));
                }
            }
            _ => panic!("a file became a directory"),
        }
    }
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::At(at, written) => {
                let at = usize::try_from(*at).unwrap();
                let end = at + written.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[at..end].copy_from_slice(written);
            }
            Self::Length(length) => bytes.resize(usize::try_from(*length).unwrap(), 0),
        }
    }
}

/// The number that a text begins with.
fn leading_number(text: &str) -> u64 {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().unwrap_or(u64::MAX)
}

/// The bytes of a text such as `"\x61\x62"`.
fn text(written: &str) -> Vec<u8> {
    let inside = written.trim_matches('"');
    let bytes = inside.split("\\x").skip(1);
    bytes.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn path(written: &str) -> PathBuf {
    String::from_utf8(text(written)).unwrap().into()
}
