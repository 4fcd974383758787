//! Rows as lines of JSON: what one write adds to a log, or all of a state at one serial. Never decides whether a frame
//! may follow another: that is for whoever replays them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hex;
use crate::ledger::Ledger;
use crate::rows::{Cell, Checksum, Content, RowKey, Rows};
use crate::snapshot::{Revision, Serial};

/// The line before the rows of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// The serial once the frame counts.
    pub(crate) serial: Serial,
    /// The checksum over all rows once the frame counts.
    #[serde(with = "sum")]
    pub(crate) checksum: Checksum,
    /// Which lock it was written under, so that a writer knows its own frames again.
    pub(crate) by: String,
    /// Where the rows are.
    pub(crate) rows: Payload,
}

/// Where the rows of a frame are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payload {
    /// In this many lines that follow.
    Follow(usize),
    /// In a blob of their own, so many lines.
    Apart {
        /// Its name.
        name: String,
        /// How many lines it has.
        lines: usize,
    },
}

/// A frame that was read: its mark, and its rows where they follow it.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) mark: Mark,
    pub(crate) rows: Vec<&'a str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cell: Option<(u64, Arc<str>)>,
}

impl Mark {
    /// The mark of what the ledger is now.
    pub(crate) fn of(ledger: &Ledger, by: &str, rows: Payload) -> Self {
        Self {
            serial: ledger.serial(),
            checksum: ledger.checksum(),
            by: by.to_owned(),
            rows,
        }
    }

    pub(crate) fn line(&self) -> String {
        line_of(self)
    }
}

impl Frame<'_> {
    /// The lines of these rows, as they are in the ledger.
    pub(crate) fn lines<'k>(keys: impl IntoIterator<Item = &'k RowKey>, ledger: &Ledger) -> String {
        keys.into_iter()
            .map(|key| line_of(&Line::of(key, ledger.rows().get(key))))
            .collect()
    }

    /// The lines of all rows, in their order, and how many they are.
    pub(crate) fn all_lines(ledger: &Ledger) -> (String, usize) {
        let keys: BTreeSet<&RowKey> = ledger.rows().iter().map(|(key, _)| key).collect();
        let count = keys.len();
        (Self::lines(keys, ledger), count)
    }
}

impl Line {
    fn of(key: &RowKey, cell: Option<&Cell>) -> Self {
        let cell = cell.and_then(|Cell { revision, content }| match content {
            Content::Inline(text) => Some((revision.get(), Arc::clone(text))),
            // A ledger whose backend keeps every text in its row never holds one elsewhere.
            Content::Large(_) => None,
        });
        Self {
            key: key.to_text(),
            cell,
        }
    }
}

/// Takes a frame apart from the text that begins with it, and hands back what comes after. `None`: there is no whole
/// frame at its beginning.
pub(crate) fn read_frames(text: &str) -> Option<Vec<Frame<'_>>> {
    let mut frames = Vec::new();
    let mut lines = text.split_inclusive('\n').map(|line| line.strip_suffix('\n'));
    while let Some(line) = lines.next() {
        let mark: Mark = serde_json::from_str(line?).ok()?;
        let follow = match mark.rows {
            Payload::Follow(lines) => lines,
            Payload::Apart { .. } => 0,
        };
        let rows: Vec<&str> = lines.by_ref().take(follow).collect::<Option<_>>()?;
        if rows.len() != follow {
            return None;
        }
        frames.push(Frame { mark, rows });
    }
    Some(frames)
}

/// Lets one line count. `None`: it means nothing.
pub(crate) fn replay(line: &str, rows: &mut Rows) -> Option<()> {
    let Line { key, cell } = serde_json::from_str(line).ok()?;
    let key = RowKey::from_text(&key)?;
    match cell {
        Some((revision, text)) => rows.set(
            key,
            Cell {
                revision: Revision::new(revision),
                content: Content::Inline(text),
            },
        ),
        None => rows.remove(&key),
    }
    Some(())
}

fn line_of(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("values with string keys always have a JSON text");
    line.push('\n');
    line
}

/// A checksum as 32 hexadecimal digits.
mod sum {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Checksum, hex};

    pub(super) fn serialize<S: Serializer>(checksum: &Checksum, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&checksum.to_stored()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Checksum, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(&text)
            .map(Checksum::from_stored)
            .ok_or_else(|| D::Error::custom("a checksum is 32 hexadecimal digits"))
    }
}
