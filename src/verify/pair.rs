//! What is compared with what, and how deeply. Nothing here connects.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use super::digest::Scans;
use crate::address::Address;
use crate::database::{DatabaseName, Endpoint, TableName};
use crate::postgres::Limits;

/// One database on both ends.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The batch that moves it.
    pub batch: Address,
    /// Its name, the same on both ends.
    pub database: DatabaseName,
    /// Where it comes from.
    pub source: Endpoint,
    /// Where it goes.
    pub target: Endpoint,
    /// How long each end is waited for, source first.
    pub limits: [Limits; 2],
    /// Whether changes are still being replayed, so that what differs is looked at again.
    pub settling: Settling,
}

/// How deep a comparison goes; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the catalogs say: objects, rights, settings.
    Schema,
    /// And how many rows there are, and where sequences stand.
    Counts,
    /// And what is in the rows.
    Checksum,
}

/// Whether the target may still be on its way to what the source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// Nothing moves any more: the first look counts.
    Settled,
    /// What differs is looked at again, so many times, with so much time in between.
    Replaying {
        /// How often.
        times: u32,
        /// How long between two looks.
        wait: Duration,
    },
}

/// A part of the rows, for a quick look: so many of 1 024 equal parts, chosen by what a row holds and not by where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample(u16);

/// Which tables are meant: `schema.table` or `table`, with `*` for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePattern(String);

/// How a comparison is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// How deep.
    pub level: Level,
    /// Only rows of these tables; all without one.
    pub tables: Vec<TablePattern>,
    /// Only a part of the rows of each.
    pub sample: Option<Sample>,
    /// How many tables of a database are read at once.
    pub at_once: usize,
    /// How large tables are read.
    pub scans: Scans,
    /// How many differing keys are named for each table.
    pub named: usize,
    /// Tables whose rows an earlier run has found the same, by batch, database and table.
    pub proven: BTreeSet<(String, String, String)>,
}

impl Sample {
    /// Of how many parts a sample is counted.
    pub const PARTS: u16 = 1024;

    /// How many of them it takes.
    pub fn parts(self) -> u16 {
        self.0
    }

    /// About how much that is, in percent.
    pub fn percent(self) -> f64 {
        f64::from(self.0) * 100.0 / f64::from(Self::PARTS)
    }
}

impl FromStr for Sample {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a share of the rows: a number of percent from 0.1 to 99, such as `5%`");
        let percent: f64 = text.trim_end_matches('%').trim().parse().map_err(|_| wrong())?;
        if !(0.1..=99.0).contains(&percent) {
            return Err(wrong());
        }
        let parts = percent * f64::from(Self::PARTS) / 100.0;
        // In range, as just checked.
        Ok(Self(parts.ceil() as u16))
    }
}

impl TablePattern {
    /// Whether a table is meant.
    pub fn takes(&self, table: &TableName) -> bool {
        if self.0.contains('.') {
            matches(&self.0, &format!("{}.{}", table.schema, table.name))
        } else {
            matches(&self.0, &table.name)
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TablePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("a table has a name".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a text is what a pattern of literal characters and `*` describes.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_what_it_describes() {
        let table = TableName {
            schema: "sales".into(),
            name: "orders_2024".into(),
        };
        let takes = |pattern: &str| pattern.parse::<TablePattern>().unwrap().takes(&table);
        for pattern in [
            "orders_2024",
            "orders_*",
            "*",
            "sales.*",
            "sales.orders*2024",
            "*.orders_2024",
            "s*.o*4",
        ] {
            assert!(takes(pattern), "{pattern}");
        }
        for pattern in ["orders", "public.*", "Orders_2024", "orders_2024x*", "*2023", "sales"] {
            assert!(!takes(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_sample_is_a_share_in_percent() {
        assert_eq!("50%".parse::<Sample>().unwrap().parts(), 512);
        assert_eq!("0.1".parse::<Sample>().unwrap().parts(), 2);
        for wrong in ["0", "100%", "all", "-1", "NaN"] {
            assert!(wrong.parse::<Sample>().is_err(), "{wrong}");
        }
    }
}
