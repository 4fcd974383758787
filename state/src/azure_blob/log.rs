//! Reads the log with its base: what is remembered, and whether it is what was written. Writes nothing.

use std::fmt::Write as _;

use reqwest::{Method, StatusCode};

use super::wire::{Call, Refusal, Reply, Undone, Wire};
use crate::ledger::Ledger;
use crate::rows::{RowKey, Rows};
use crate::shared::{Frame, InRows, Mark, Payload, RemoteFault, damaged, read_frames, replay};
use crate::snapshot::Serial;
use crate::store::{Damage, HeldLock, Holder, LastGood, Life, StoreError};
use crate::upgrade::FormatVersion;

const FORMAT: &str = "x-ms-meta-pgferry";
const BASE: &str = "x-ms-meta-base";
const EARLIER: &str = "x-ms-meta-earlier";
const HOLDER: &str = "x-ms-meta-holder";

/// The ending of the blob that says that there was a log once.
pub(super) const KNOWN: &str = ".known";

/// A command longer than this is not shown whole: all metadata of a blob together has at most 8 KiB.
const LONGEST_COMMAND: usize = 400;

/// How often a reader looks again when what it read was replaced in its hands.
const LOOKS: usize = 5;

/// What stands in a log's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Meta {
    /// The ending of the base's name.
    pub(super) base: Option<String>,
    /// That of the base before it.
    pub(super) earlier: Option<String>,
    /// Who holds the lock, or died holding it.
    pub(super) holder: Option<Holder>,
}

/// A log without its text.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) etag: String,
    pub(super) length: u64,
    pub(super) meta: Meta,
    /// Whether somebody has its lease.
    pub(super) leased: bool,
}

/// A log with its text.
pub(super) struct Log {
    pub(super) standing: Standing,
    /// How many writes it took, where the service counts them.
    pub(super) blocks: u64,
    text: Vec<u8>,
}

/// What a log and its base come to.
pub(super) struct Replayed {
    /// `None` where nothing was ever written.
    pub(super) ledger: Option<Ledger>,
    pub(super) base_bytes: u64,
    /// The endings of the parts that the log refers to.
    pub(super) parts: Vec<String>,
}

impl Meta {
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let Self { base, earlier, holder } = self;
        let mut headers = vec![(FORMAT, FormatVersion::CURRENT.to_string())];
        let named = [(BASE, base), (EARLIER, earlier)];
        headers.extend(
            named
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.clone()?))),
        );
        if let Some(holder) = holder {
            let mut holder = holder.clone();
            if let Some((end, _)) = holder.command.char_indices().nth(LONGEST_COMMAND) {
                holder.command.truncate(end);
                holder.command.push('…');
            }
            let text = serde_json::to_string(&holder).expect("values with string keys always have a JSON text");
            headers.push((HOLDER, ascii(&text)));
        }
        headers
    }

    fn of(wire: &Wire, reply: &Reply) -> Result<Self, StoreError> {
        let marker = || damaged(&wire.place(), Damage::FormatMarker);
        let format = reply
            .header(FORMAT)
            .and_then(|text| text.parse().ok())
            .ok_or_else(marker)?;
        let (found, known) = (FormatVersion::new(format), FormatVersion::CURRENT);
        if found > known {
            return Err(StoreError::NewerFormat { found, known });
        }
        if found < FormatVersion::new(1) {
            return Err(marker());
        }
        let named = |name| reply.header(name).map(str::to_owned);
        // A holder that cannot be read is one that is not known: the lease decides, not its name.
        let holder = reply.header(HOLDER).and_then(|text| serde_json::from_str(text).ok());
        Ok(Self {
            base: named(BASE),
            earlier: named(EARLIER),
            holder,
        })
    }
}

impl Standing {
    fn of(wire: &Wire, doing: &'static str, reply: &Reply) -> Result<Self, StoreError> {
        let length = reply.header("content-length").and_then(|text| text.parse().ok());
        Ok(Self {
            etag: wire.etag(doing, reply)?,
            length: length.ok_or_else(|| wire.failed(doing, RemoteFault::Malformed("a length")))?,
            meta: Meta::of(wire, reply)?,
            leased: matches!(reply.header("x-ms-lease-state"), Some("leased" | "breaking")),
        })
    }

    /// Who holds the lock, or died holding it.
    pub(super) fn held(&self) -> Option<HeldLock> {
        let (holder, life) = match (&self.meta.holder, self.leased) {
            (Some(holder), true) => (holder.clone(), Life::Alive),
            (Some(holder), false) => (holder.clone(), Life::Lapsed),
            (None, true) => (Holder::unknown(), Life::Alive),
            (None, false) => return None,
        };
        Some(HeldLock { holder, life })
    }
}

/// JSON text with all that is not ASCII escaped, as headers want it.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// The log as it is, without its text; `None` where there is none.
pub(super) async fn peek(wire: &Wire) -> Result<Option<Standing>, StoreError> {
    let doing = "look at the state in";
    let found = get(wire, doing, Method::HEAD, "", None).await?;
    found.map(|reply| Standing::of(wire, doing, &reply)).transpose()
}

/// The log as it is; `None` where there is none.
pub(super) async fn fetch(wire: &Wire) -> Result<Option<Log>, StoreError> {
    let doing = "read the state in";
    let Some(reply) = get(wire, doing, Method::GET, "", None).await? else {
        return Ok(None);
    };
    let mut standing = Standing::of(wire, doing, &reply)?;
    standing.length = reply.body.len() as u64;
    let blocks = reply.header("x-ms-blob-committed-block-count");
    Ok(Some(Log {
        standing,
        blocks: blocks.and_then(|text| text.parse().ok()).unwrap_or_default(),
        text: reply.body,
    }))
}

/// The end of the log from this byte on.
pub(super) async fn fetch_end(wire: &Wire, from: u64) -> Result<Vec<u8>, StoreError> {
    let range = Some(("x-ms-range", format!("bytes={from}-")));
    let reply = get(wire, "read the state in", Method::GET, "", range).await?;
    Ok(reply.map(|reply| reply.body).unwrap_or_default())
}

/// Whether there was a log once.
pub(super) async fn is_known(wire: &Wire) -> Result<bool, StoreError> {
    let found = get(wire, "look at the state in", Method::HEAD, KNOWN, None).await?;
    Ok(found.is_some())
}

async fn get(
    wire: &Wire,
    doing: &'static str,
    method: Method,
    ending: &str,
    range: Option<(&'static str, String)>,
) -> Result<Option<Reply>, StoreError> {
    let call = Call {
        doing,
        method,
        ending: ending.to_owned(),
        component: None,
        headers: range.into_iter().collect(),
        body: Vec::new(),
    };
    match wire.send(&call).await {
        Ok(reply) => Ok(Some(reply)),
        Err(Undone::Refused(refusal)) if is_absent(&refusal) => Ok(None),
        Err(undone) => Err(wire.explain(doing, undone)),
    }
}

/// A blob that is not there; a container that is not there is another matter. Answers to HEAD have no body, but a code.
pub(super) fn is_absent(refusal: &Refusal) -> bool {
    refusal.status == StatusCode::NOT_FOUND && refusal.code == "BlobNotFound"
}

/// What is remembered, for readers.
pub(super) async fn load(wire: &Wire) -> Result<Option<Ledger>, StoreError> {
    let mut looks = 0;
    loop {
        looks += 1;
        let Some(log) = fetch(wire).await? else {
            if !is_known(wire).await? {
                return Ok(None);
            }
            // Somebody may have made it since it was missed.
            if looks < LOOKS && peek(wire).await?.is_some() {
                continue;
            }
            return Err(damaged(&wire.place(), Damage::Gone("the log")));
        };
        match read(wire, &log).await {
            Ok(Replayed { ledger, .. }) => return Ok(ledger),
            // A writer that begins the log anew drops what the old one referred to.
            Err(error @ StoreError::Corrupt { .. }) => {
                let now = peek(wire).await?.map(|standing| standing.etag);
                if looks == LOOKS || now.as_ref() == Some(&log.standing.etag) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// What a log and its base come to; damage is told together with what is left.
pub(super) async fn read(wire: &Wire, log: &Log) -> Result<Replayed, StoreError> {
    match replayed(wire, log).await {
        Err(StoreError::Corrupt {
            path, keeper, damage, ..
        }) => Err(StoreError::Corrupt {
            keeper,
            path,
            damage,
            last_good: last_good(wire, &log.standing.meta).await,
        }),
        done => done,
    }
}

async fn replayed(wire: &Wire, log: &Log) -> Result<Replayed, StoreError> {
    let unreadable = |what: &str| damaged(&wire.place(), Damage::Database(what.to_owned()));
    let text = std::str::from_utf8(&log.text).map_err(|_| unreadable("the log is no text"))?;
    let frames = read_frames(text).ok_or_else(|| unreadable("the log does not end where a write ended"))?;
    let mut rows = Rows::new();
    let mut serial = None;
    let mut parts = Vec::new();
    let mut base_bytes = 0;
    if let Some(base) = &log.standing.meta.base {
        let (told, bytes) = read_base(wire, base, &mut rows).await?;
        serial = Some(told);
        base_bytes = bytes;
    }
    for Frame { mark, rows: lines } in frames {
        if serial.is_some_and(|before| mark.serial <= before) {
            return Err(unreadable("a write in the log does not follow the one before it"));
        }
        let apart = match &mark.rows {
            Payload::Follow(_) => None,
            Payload::Apart { name, lines } => {
                let text = blob(wire, name, "a part of the log").await?;
                if text.lines().count() != *lines {
                    return Err(unreadable("a part of the log is cut short"));
                }
                parts.push(name.clone());
                Some(text)
            }
        };
        let apart = apart.iter().flat_map(|text| text.lines());
        count(wire, &mark, lines.into_iter().chain(apart), &mut rows)?;
        serial = Some(mark.serial);
    }
    let ledger = match serial {
        None => None,
        Some(serial) => {
            let texts = InRows { place: wire.place() };
            let ledger = Ledger::of(serial, rows, &texts)?;
            Some(ledger.ok_or_else(|| unreadable("it has no head"))?)
        }
    };
    Ok(Replayed {
        ledger,
        base_bytes,
        parts,
    })
}

/// Lets the lines of a frame count and compares what they come to with its mark.
fn count<'l>(
    wire: &Wire,
    mark: &Mark,
    lines: impl Iterator<Item = &'l str>,
    rows: &mut Rows,
) -> Result<(), StoreError> {
    for line in lines {
        replay(line, rows).ok_or_else(|| damaged(&wire.place(), Damage::Checksum))?;
    }
    if rows.checksum() == mark.checksum {
        Ok(())
    } else {
        Err(damaged(&wire.place(), Damage::Checksum))
    }
}

/// Reads all rows of a base, which is one frame, and answers with its serial and size.
async fn read_base(wire: &Wire, ending: &str, rows: &mut Rows) -> Result<(Serial, u64), StoreError> {
    let text = blob(wire, ending, "the base of the log").await?;
    let whole = read_frames(&text).and_then(|frames| <[Frame<'_>; 1]>::try_from(frames).ok());
    let [Frame { mark, rows: lines }] = whole.ok_or_else(|| {
        damaged(
            &wire.place(),
            Damage::Database("the base of the log is cut short".to_owned()),
        )
    })?;
    count(wire, &mark, lines.into_iter(), rows)?;
    Ok((mark.serial, text.len() as u64))
}

async fn blob(wire: &Wire, ending: &str, what: &'static str) -> Result<String, StoreError> {
    let reply = get(wire, "read the state in", Method::GET, ending, None).await?;
    let reply = reply.ok_or_else(|| damaged(&wire.place_of(ending), Damage::Gone(what)))?;
    String::from_utf8(reply.body).map_err(|_| damaged(&wire.place_of(ending), Damage::Checksum))
}

/// The newest base that is whole.
async fn last_good(wire: &Wire, meta: &Meta) -> Option<LastGood> {
    for ending in [&meta.base, &meta.earlier].into_iter().flatten() {
        let mut rows = Rows::new();
        if let Ok((serial, _)) = read_base(wire, ending, &mut rows).await {
            let records = rows.iter().filter(|(key, _)| matches!(key, RowKey::Record(_))).count();
            return Some(LastGood {
                path: wire.place_of(ending).into(),
                serial,
                records,
            });
        }
    }
    None
}
