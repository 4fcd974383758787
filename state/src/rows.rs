//! A state as rows, which is how backends keep it: keys, cells, and a table whose copy costs almost nothing and whose
//! checksum follows every change. Knows nothing of disks, and nothing of what a row means.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::hex;
use crate::snapshot::{RecordKey, Revision, StepId};

/// Where a row belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RowKey {
    /// What there is one of: lineage, binding, the open run's head.
    Head,
    /// The open run's plan.
    Plan,
    /// A step of the open run.
    Step(StepId),
    /// A finished run, by its number from 0.
    Past(u64),
    /// A remembered document.
    Record(RecordKey),
}

impl RowKey {
    /// The key as a backend stores it. Rows of a sort stand together, steps and runs in their order.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Head => b"h".to_vec(),
            Self::Plan => b"p".to_vec(),
            Self::Step(step) => [b"s".as_slice(), &step.get().to_be_bytes()].concat(),
            Self::Past(number) => [b"f".as_slice(), &number.to_be_bytes()].concat(),
            Self::Record(key) => [b"r", key.as_str().as_bytes()].concat(),
        }
    }

    pub(crate) fn decode(stored: &[u8]) -> Option<Self> {
        let (sort, rest) = stored.split_first()?;
        match sort {
            b'h' if rest.is_empty() => Some(Self::Head),
            b'p' if rest.is_empty() => Some(Self::Plan),
            b's' => Some(Self::Step(StepId::new(u32::from_be_bytes(rest.try_into().ok()?)))),
            b'f' => Some(Self::Past(u64::from_be_bytes(rest.try_into().ok()?))),
            b'r' => Some(Self::Record(std::str::from_utf8(rest).ok()?.parse().ok()?)),
            _ => None,
        }
    }
}

impl RowKey {
    /// The key as backends write it that keep text.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Head => "head".to_owned(),
            Self::Plan => "plan".to_owned(),
            Self::Step(step) => format!("step/{step}"),
            Self::Past(number) => format!("past/{number}"),
            Self::Record(key) => format!("record/{key}"),
        }
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        match text.split_once('/') {
            None if text == "head" => Some(Self::Head),
            None if text == "plan" => Some(Self::Plan),
            Some(("step", number)) => Some(Self::Step(number.parse().ok()?)),
            Some(("past", number)) => Some(Self::Past(number.parse().ok()?)),
            Some(("record", key)) => Some(Self::Record(key.parse().ok()?)),
            _ => None,
        }
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("the head"),
            Self::Plan => f.write_str("the open run's plan"),
            Self::Step(step) => write!(f, "the journal of step {step}"),
            Self::Past(number) => write!(f, "finished run {number}"),
            Self::Record(key) => write!(f, "the record `{key}`"),
        }
    }
}

/// What stands in a row, and which commit put it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) revision: Revision,
    pub(crate) content: Content,
}

/// A JSON text, in the row itself or where the backend keeps what is too large for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Inline(Arc<str>),
    Large(LargeRef),
}

/// The SHA-256 of a large text, which is also its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LargeRef(pub(crate) [u8; 32]);

impl Serialize for LargeRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for LargeRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("a large text is named by 64 hexadecimal digits"))
    }
}

impl LargeRef {
    pub(crate) fn to(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }
}

impl Content {
    /// The name, where the text is not in the row.
    pub(crate) fn elsewhere(&self) -> Option<LargeRef> {
        match self {
            Self::Inline(_) => None,
            Self::Large(name) => Some(*name),
        }
    }
}

const INLINE: u8 = 0;
const LARGE: u8 = 1;

impl Cell {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (tag, content) = match &self.content {
            Content::Inline(text) => (INLINE, text.as_bytes()),
            Content::Large(LargeRef(hash)) => (LARGE, hash.as_slice()),
        };
        [&self.revision.get().to_be_bytes(), [tag].as_slice(), content].concat()
    }

    pub(crate) fn decode(stored: &[u8]) -> Option<Self> {
        let (revision, rest) = stored.split_first_chunk::<8>()?;
        let (tag, content) = rest.split_first()?;
        let content = match *tag {
            INLINE => Content::Inline(std::str::from_utf8(content).ok()?.into()),
            LARGE => Content::Large(LargeRef(content.try_into().ok()?)),
            _ => return None,
        };
        Some(Self {
            revision: Revision::new(u64::from_be_bytes(*revision)),
            content,
        })
    }
}

/// The sum of the hashes of all rows: it follows a change at the cost of that change, and does not depend on order.
/// It finds accidents; it is no seal against somebody who rewrites the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksum(u128);

impl Checksum {
    pub(crate) fn from_stored(stored: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(stored))
    }

    pub(crate) fn to_stored(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    fn add(&mut self, key: &RowKey, cell: &Cell) {
        self.0 = self.0.wrapping_add(row_hash(key, cell));
    }

    fn subtract(&mut self, key: &RowKey, cell: &Cell) {
        self.0 = self.0.wrapping_sub(row_hash(key, cell));
    }
}

fn row_hash(key: &RowKey, cell: &Cell) -> u128 {
    let key = key.encode();
    let mut hash = Sha256::new();
    hash.update((key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(cell.encode());
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(16)
        .fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

/// How many parts a table has. A copied table shares its parts; the first change to a shared part copies that part,
/// about 400 rows of 100,000, so a change never costs in proportion to the table.
const PARTS: usize = 256;

/// All rows of a state. A clone is a copy as of now that later changes do not touch.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    parts: Vec<Arc<BTreeMap<RowKey, Cell>>>,
    checksum: Checksum,
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self {
            parts: vec![Arc::default(); PARTS],
            checksum: Checksum::default(),
        }
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }

    pub(crate) fn get(&self, key: &RowKey) -> Option<&Cell> {
        self.parts.get(part_of(key))?.get(key)
    }

    pub(crate) fn set(&mut self, key: RowKey, cell: Cell) {
        self.checksum.add(&key, &cell);
        let before = self.part_mut(&key).insert(key.clone(), cell);
        if let Some(before) = before {
            self.checksum.subtract(&key, &before);
        }
    }

    pub(crate) fn remove(&mut self, key: &RowKey) {
        if let Some(before) = self.part_mut(key).remove(key) {
            self.checksum.subtract(key, &before);
        }
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&RowKey, &Cell)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    fn part_mut(&mut self, key: &RowKey) -> &mut BTreeMap<RowKey, Cell> {
        let part = self
            .parts
            .get_mut(part_of(key))
            .expect("a part's number is below PARTS, and there are PARTS parts");
        Arc::make_mut(part)
    }
}

fn part_of(key: &RowKey) -> usize {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() % PARTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> RowKey {
        RowKey::Record(name.parse().unwrap())
    }

    fn cell(revision: u64, text: &str) -> Cell {
        Cell {
            revision: Revision::new(revision),
            content: Content::Inline(text.into()),
        }
    }

    #[test]
    fn keys_and_cells_come_back_from_their_stored_form() {
        let keys = [
            RowKey::Head,
            RowKey::Plan,
            RowKey::Step(StepId::new(7)),
            RowKey::Past(9),
            record("a#1"),
            record("module.a/b"),
        ];
        for key in keys {
            assert_eq!(RowKey::decode(&key.encode()).as_ref(), Some(&key));
            assert_eq!(RowKey::from_text(&key.to_text()), Some(key));
        }
        let large = Cell {
            revision: Revision::new(2),
            content: Content::Large(LargeRef::to("{}")),
        };
        for cell in [cell(1, "{}"), large] {
            assert_eq!(Cell::decode(&cell.encode()), Some(cell));
        }
        for broken in [b"".as_slice(), b"x", b"s123", b"r", b"hh"] {
            assert_eq!(RowKey::decode(broken), None);
            assert_eq!(Cell::decode(broken), None);
        }
        for broken in ["", "x", "head/", "step/x", "record/", "past/-1"] {
            assert_eq!(RowKey::from_text(broken), None, "{broken}");
        }
    }

    #[test]
    fn the_checksum_depends_on_the_rows_and_not_on_how_they_came_about() {
        let mut straight = Rows::new();
        straight.set(record("a"), cell(1, "1"));
        straight.set(record("b"), cell(2, "2"));
        let mut winding = Rows::new();
        winding.set(record("c"), cell(9, "9"));
        winding.set(record("b"), cell(1, "1"));
        winding.set(record("b"), cell(2, "2"));
        winding.set(record("a"), cell(1, "1"));
        assert_ne!(winding.checksum(), straight.checksum());
        winding.remove(&record("c"));
        assert_eq!(winding.checksum(), straight.checksum());
        winding.set(record("b"), cell(3, "2"));
        assert_ne!(winding.checksum(), straight.checksum());
    }

    #[test]
    fn a_copy_keeps_what_it_was_copied_from() {
        let mut rows = Rows::new();
        rows.set(record("a"), cell(1, "old"));
        let copy = rows.clone();
        rows.set(record("a"), cell(2, "new"));
        rows.set(record("b"), cell(2, "new"));
        assert_eq!(copy.get(&record("a")), Some(&cell(1, "old")));
        assert_eq!(copy.iter().count(), 1);
        assert_eq!(rows.iter().count(), 2);
    }
}
