//! The readers' view: the whole state in its exported form, one record a line, with a checksum at its end. Also the
//! copy to go back to when the database is damaged, so earlier ones are kept. Never decides whether it is up to date.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::large::LargeFiles;
use super::layout::{
    EARLIER, Layout, create_private_dir, create_private_file, draft_of, io_error, put_in_place, remove_file, sync_dir,
};
use crate::hex;
use crate::ledger::{Head, LargeTexts, Ledger, RunHead};
use crate::rows::{Cell, Content, LargeRef, RowKey};
use crate::snapshot::{Lineage, RecordKey, Serial, Snapshot, StepId};
use crate::store::{Damage, Keeper, LastGood, StoreError};
use crate::upgrade::{self, Document, FormatVersion, ImportError};

/// How many views of earlier locks are kept.
const EARLIER_KEPT: usize = 5;

/// What the first line of a view says.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    format: FormatVersion,
    pub(super) lineage: Lineage,
    pub(super) serial: Serial,
    /// What the view keeps elsewhere.
    pub(super) large: BTreeSet<LargeRef>,
}

/// Puts the view of this ledger in place.
pub(super) fn write(layout: &Layout, ledger: &Ledger) -> Result<(), StoreError> {
    let path = layout.view();
    let parts = Parts::of(ledger, &LargeFiles::new(layout))?;
    let file = create_private_file(&draft_of(&path))?;
    let mut out = Sealing {
        out: BufWriter::with_capacity(1 << 16, file),
        hash: Sha256::new(),
    };
    let written = parts.write(&mut out).and_then(|()| out.seal());
    put_in_place(&written.map_err(io_error("write", &path))?, &path)
}

/// The state that the view shows, or `None` without a view.
pub(super) fn read(layout: &Layout) -> Result<Option<Document>, StoreError> {
    let path = layout.view();
    match fs::read(&path) {
        Ok(bytes) => parse(&path, &bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", &path)(source)),
    }
}

/// The state of a view with the documents that it keeps elsewhere.
pub(super) fn complete(layout: &Layout, document: Document) -> Result<Snapshot, StoreError> {
    let large = LargeFiles::new(layout);
    document.into_snapshot(&mut |name, part| {
        let text = large.read(name)?;
        serde_json::from_str::<Value>(&text).map_err(|why| meaningless(&layout.view(), part, &why))
    })
}

/// The first line of the view, or `None` where there is no view or its first line is damaged.
pub(super) fn header(layout: &Layout) -> Result<Option<Header>, StoreError> {
    header_of(&layout.view())
}

/// Keeps the view that is in place beside the one that will replace it, and drops the oldest of those kept.
pub(super) fn keep_earlier(layout: &Layout, header: &Header) -> Result<(), StoreError> {
    let dir = layout.earlier_views();
    create_private_dir(&dir)?;
    let kept = dir.join(format!("{:020}.json", header.serial.get()));
    remove_file(&kept)?;
    fs::hard_link(layout.view(), &kept)
        .or_else(|_| fs::copy(layout.view(), &kept).map(|_| ()))
        .map_err(io_error("create", &kept))?;
    for path in earlier(layout)?.into_iter().skip(EARLIER_KEPT) {
        remove_file(&path)?;
    }
    sync_dir(&dir)
}

/// What the views in place and kept refer to.
pub(super) fn large_in_views(layout: &Layout) -> Result<BTreeSet<LargeRef>, StoreError> {
    let mut used = BTreeSet::new();
    for path in [layout.view()].into_iter().chain(earlier(layout)?) {
        used.extend(header_of(&path)?.into_iter().flat_map(|header| header.large));
    }
    Ok(used)
}

/// The newest view that is whole.
pub(super) fn last_good(layout: &Layout) -> Option<LastGood> {
    let candidates = [layout.view()].into_iter().chain(earlier(layout).unwrap_or_default());
    candidates.into_iter().find_map(|path| {
        let document = parse(&path, &fs::read(&path).ok()?).ok()?;
        let Snapshot { serial, records, .. } = complete(layout, document).ok()?;
        Some(LastGood {
            path,
            serial,
            records: records.len(),
        })
    })
}

/// The state that a view in a file shows, be it in place or kept from earlier.
pub(super) fn kept(path: &Path) -> Result<Snapshot, StoreError> {
    let bytes = fs::read(path).map_err(io_error("read", path))?;
    let document = parse(path, &bytes)?;
    let beside = path.parent().unwrap_or(path);
    let dir = match beside.file_name().is_some_and(|name| name == EARLIER) {
        true => beside.parent().unwrap_or(beside),
        false => beside,
    };
    complete(&Layout::new(dir.to_owned()), document)
}

/// Newest first.
fn earlier(layout: &Layout) -> Result<Vec<PathBuf>, StoreError> {
    let dir = layout.earlier_views();
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(io_error("read", &dir))?,
    };
    let paths: io::Result<BTreeSet<PathBuf>> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(paths.map_err(io_error("read", &dir))?.into_iter().rev().collect())
}

fn header_of(path: &Path) -> Result<Option<Header>, StoreError> {
    let mut line = Vec::new();
    match File::open(path).and_then(|file| BufReader::new(file).read_until(b'\n', &mut line)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(io_error("read", path))?,
    };
    let open = line.strip_suffix(b",\n").unwrap_or_default();
    Ok(serde_json::from_slice(&[open, b"}"].concat()).ok())
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Document, StoreError> {
    let damaged = |damage| StoreError::Corrupt {
        path: path.to_owned(),
        damage,
        keeper: Keeper::Directory,
        last_good: None,
    };
    let whole = sealed(bytes)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .ok_or_else(|| damaged(Damage::View))?;
    upgrade::read(whole).map_err(|error| match error {
        ImportError::NewerFormat { found, known } => StoreError::NewerFormat { found, known },
        ImportError::NotAnExport(why) => meaningless(path, "the view", &why),
        ImportError::Elsewhere { part } => damaged(Damage::Meaning {
            what: part,
            why: "it is elsewhere".to_owned(),
        }),
    })
}

fn meaningless(path: &Path, what: &str, why: &serde_json::Error) -> StoreError {
    let damage = Damage::Meaning {
        what: what.to_owned(),
        why: why.to_string(),
    };
    StoreError::Corrupt {
        path: path.to_owned(),
        damage,
        keeper: Keeper::Directory,
        last_good: None,
    }
}

const SEAL: &[u8] = b"\"checksum\":\"";

/// The text, if the checksum in its last line is that of the lines before.
fn sealed(bytes: &[u8]) -> Option<&[u8]> {
    let body_len = bytes.strip_suffix(b"\n")?.iter().rposition(|byte| *byte == b'\n')? + 1;
    let (body, last) = bytes.split_at_checked(body_len)?;
    let stated = last.strip_prefix(SEAL)?.strip_suffix(b"\"}\n")?;
    let actual = hex::encode(&Sha256::digest(body));
    (stated == actual.as_bytes()).then_some(bytes)
}

/// Writes through and hashes what it writes.
struct Sealing {
    out: BufWriter<File>,
    hash: Sha256,
}

impl Sealing {
    fn seal(self) -> io::Result<File> {
        let Self { mut out, hash } = self;
        out.write_all(SEAL)?;
        out.write_all(hex::encode(&hash.finalize()).as_bytes())?;
        out.write_all(b"\"}\n")?;
        out.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What a view is written from. Documents stay elsewhere if they are; the journal and the history are brought in.
struct Parts<'a> {
    header: Header,
    head: &'a Head,
    plan: Option<&'a Content>,
    steps: Vec<(StepId, Arc<str>)>,
    history: Vec<Arc<str>>,
    records: Vec<(&'a RecordKey, &'a Cell)>,
}

impl<'a> Parts<'a> {
    fn of(ledger: &'a Ledger, large: &LargeFiles) -> Result<Self, StoreError> {
        let head = ledger.head();
        let header = Header {
            format: FormatVersion::CURRENT,
            lineage: head.lineage,
            serial: ledger.serial(),
            large: ledger
                .rows()
                .iter()
                .filter_map(|(_, cell)| cell.content.elsewhere())
                .collect(),
        };
        let history = ledger
            .finished(ledger.first_recent_run())
            .map(|(_, content)| content.text(large));
        let history = history.collect::<Result<_, _>>()?;
        let mut parts = Self {
            header,
            head,
            plan: None,
            steps: Vec::new(),
            history,
            records: Vec::new(),
        };
        for (key, cell) in ledger.rows().iter() {
            match key {
                RowKey::Head | RowKey::Past(_) => {}
                RowKey::Plan => parts.plan = Some(&cell.content),
                RowKey::Step(step) => parts.steps.push((*step, cell.content.text(large)?)),
                RowKey::Record(key) => parts.records.push((key, cell)),
            }
        }
        parts.steps.sort_unstable_by_key(|(step, _)| *step);
        parts.records.sort_unstable_by_key(|(key, _)| *key);
        Ok(parts)
    }

    fn write(&self, out: &mut Sealing) -> io::Result<()> {
        let Head {
            lineage: _,
            fingerprint_key,
            binding,
            run,
            finished_runs,
        } = self.head;
        let header = serde_json::to_string(&self.header)?;
        out.write_all(header.strip_suffix('}').unwrap_or(&header).as_bytes())?;
        member(out, ",\n\"binding\":", binding)?;
        member(out, ",\n\"fingerprint_key\":", fingerprint_key)?;
        member(out, ",\n\"finished_runs\":", finished_runs)?;
        out.write_all(b",\n\"run\":")?;
        match run {
            Some(run) => self.write_run(out, run)?,
            None => out.write_all(b"null")?,
        }
        out.write_all(b",\n\"history\":[")?;
        for (separator, entry) in separators().zip(&self.history) {
            write!(out, "{separator}{entry}")?;
        }
        out.write_all(b"],\n\"records\":{")?;
        for (separator, (key, Cell { revision, content })) in separators().zip(&self.records) {
            member(out, separator, key)?;
            write!(out, ":{{\"revision\":{revision}")?;
            text(out, content, ",\"document\":", ",\"large\":")?;
            out.write_all(b"}")?;
        }
        out.write_all(b"\n},\n")
    }

    fn write_run(&self, out: &mut Sealing, run: &RunHead) -> io::Result<()> {
        let RunHead {
            id,
            started,
            by,
            plan_fingerprint,
            approval,
        } = run;
        member(out, "{\"id\":", id)?;
        member(out, ",\"started\":", started)?;
        member(out, ",\"by\":", by)?;
        member(out, ",\"plan_fingerprint\":", plan_fingerprint)?;
        if let Some(approval) = approval {
            member(out, ",\"approval\":", approval)?;
        }
        if let Some(plan) = self.plan {
            text(out, plan, ",\"plan\":", ",\"plan_large\":")?;
        }
        out.write_all(b",\n\"steps\":{")?;
        for (separator, (step, journal)) in separators().zip(&self.steps) {
            write!(out, "{separator}\"{step}\":{journal}")?;
        }
        out.write_all(b"}}")
    }
}

/// Each entry has a line of its own.
fn separators() -> impl Iterator<Item = &'static str> {
    iter::once("\n").chain(iter::repeat(",\n"))
}

fn member(out: &mut Sealing, before: &str, value: &impl Serialize) -> io::Result<()> {
    out.write_all(before.as_bytes())?;
    Ok(serde_json::to_writer(out, value)?)
}

fn text(out: &mut Sealing, content: &Content, before_text: &str, before_name: &str) -> io::Result<()> {
    match content {
        Content::Inline(text) => write!(out, "{before_text}{text}"),
        Content::Large(name) => member(out, before_name, name),
    }
}
