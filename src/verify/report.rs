//! What came of a comparison, as plain values. It compares nothing and words nothing for people.

use super::pair::Level;
use super::rows::RowDifference;
use crate::address::Address;
use crate::database::{DatabaseName, TableName};
use crate::diagnostic::Code;
use crate::postgres::ServerVersion;

/// All databases that were compared.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order they were asked for.
    pub databases: Vec<Compared>,
}

/// One database on both ends.
#[derive(Debug)]
pub struct Compared {
    /// The batch that moves it.
    pub batch: Address,
    /// Its name.
    pub database: DatabaseName,
    /// How deep the comparison went.
    pub level: Level,
    /// Versions of source and target, where both could be entered.
    pub versions: Option<[ServerVersion; 2]>,
    /// How many objects of the source were compared, of each kind.
    pub objects: Vec<(&'static str, usize)>,
    /// The tables whose rows were compared, or should have been.
    pub tables: Vec<TableOutcome>,
    /// Everything that is not the same, the grave before the expected.
    pub differences: Vec<Difference>,
}

/// What came of the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableOutcome {
    /// The table; large objects of a database stand for one.
    pub name: TableName,
    /// What came of it.
    pub verdict: RowsVerdict,
    /// Columns whose values could not be compared.
    pub left_out: Vec<String>,
}

/// What can come of the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsVerdict {
    /// The same on both ends: so many rows.
    Same(u64),
    /// Not the same: so many rows on the source and on the target.
    Different([u64; 2]),
    /// An earlier run has found it the same.
    Proven,
    /// It could not be read.
    Unread(String),
}

/// One thing that is not the same on both ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its stable code.
    pub code: Code,
    /// Whether it counts.
    pub gravity: Gravity,
    /// What kind of thing it is, such as `index`.
    pub kind: &'static str,
    /// Which one, as SQL writes it.
    pub subject: String,
    /// In which way.
    pub detail: Detail,
    /// Statements for the target that would mend it; comments where a person must do it.
    pub repair: Option<String>,
}

/// Whether a difference counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// The databases are not the same.
    Counts,
    /// It comes with every migration, for this reason.
    Expected(String),
}

/// In which way something differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only the source has it.
    Missing,
    /// Only the target has it.
    Extra,
    /// Both have it, and these attributes are not the same.
    Differs(Vec<Attribute>),
    /// The numbers of rows are not the same.
    Counts([u64; 2]),
    /// The rows are not the same.
    Rows {
        /// Rows on the source and on the target.
        rows: [u64; 2],
        /// Which.
        different: RowDifference,
    },
    /// A sequence would give values again, or stands before where it stood.
    Behind {
        /// Where the target's sequence stands; `None` before its first value.
        target: Option<i64>,
        /// What it is behind: `the source` or a column.
        of: String,
        /// Where that stands.
        at: i64,
    },
    /// It could not be compared, so nothing is proven.
    Unread(String),
}

/// An attribute on both ends; `None` where it is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// On the source.
    pub source: Option<String>,
    /// On the target.
    pub target: Option<String>,
}

impl Report {
    /// Whether everything could be read, whatever it holds.
    pub fn is_complete(&self) -> bool {
        let mut all = self.databases.iter().flat_map(|compared| &compared.differences);
        !all.any(|difference| matches!(difference.detail, Detail::Unread(_)))
    }

    /// How many differences count.
    pub fn counting(&self) -> usize {
        let all = self.databases.iter().flat_map(|compared| &compared.differences);
        all.filter(|difference| difference.gravity == Gravity::Counts).count()
    }
}
