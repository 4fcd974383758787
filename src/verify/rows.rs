//! Rows of one table on both ends: counted, digested in parts, and where parts differ, told apart by key. It fetches counts, digests
//! and the keys of differing parts, and never a row.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join;

use super::canonical::{Form, Shape};
use super::digest::{self, Digest, Digests, Parts, Range};
use super::pair::{Options, Pair, Sample, Settling};
use super::side::{Side, SideError, Way, take};
use super::table::Table;
use crate::clock::Clock;
use crate::database::quote_identifier;
use crate::postgres::{Answer, QueryFailure, Question, Session};

/// Rows fetched at once as keys and digests. More in one part are split further where they can be.
const FETCHED_AT_ONCE: u64 = 16_384;

/// After so many rows fetched as keys and digests of one table, what is found is told as "at least".
const FETCHED_AT_MOST: u64 = 4_000_000;

/// The same, after so many differing rows: they are held in memory.
const HELD_AT_MOST: usize = 50_000;

/// What came of comparing the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowsCompared {
    /// Rows that were compared on the source and on the target; less than all of a sample.
    pub rows: [u64; 2],
    /// What differs, where something does.
    pub different: Option<RowDifference>,
}

/// Rows that are not the same on both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowDifference {
    /// Rows of the source whose key the target does not have.
    pub missing: u64,
    /// Rows of the target whose key the source does not have.
    pub extra: u64,
    /// Rows with the same key that hold something else.
    pub changed: u64,
    /// Rows that kept changing on the source while they were looked at.
    pub moving: u64,
    /// Whether there may be more: then not all differing parts were looked into.
    pub at_least: bool,
    /// The names of the key's columns; empty where nothing identifies a row.
    pub key: Vec<String>,
    /// The first of them.
    pub named: Vec<NamedRow>,
}

/// A row that differs, by its key; without a key, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedRow {
    /// In which way.
    pub how: How,
    /// The values of the key's columns, or the digest alone.
    pub key: Vec<Option<String>>,
}

/// In which way a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Only the source has it.
    Missing,
    /// Only the target has it.
    Extra,
    /// Both have it, with other values.
    Changed,
}

impl How {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
        }
    }
}

/// Two sessions that read the same table on both ends.
#[derive(Clone)]
pub struct Both {
    /// On the source.
    pub source: Session,
    /// On the target.
    pub target: Session,
}

impl Both {
    async fn take(&self, way: Way) -> Result<(), SideError> {
        try_join(take(&self.source, way), take(&self.target, way)).await?;
        Ok(())
    }
}

/// Everything that stays the same for all tables of a database.
pub struct Reading<'a> {
    /// The database.
    pub pair: &'a Pair,
    /// How deep, and how much.
    pub options: &'a Options,
    /// How rows become numbers.
    pub form: Form,
    /// Waits while the target catches up.
    pub clock: &'a dyn Clock,
}

/// Parts that differ, with the rows of each, by how they were dealt.
type Suspects = Vec<(Parts, BTreeMap<i64, u64>)>;

type Key = Vec<Option<String>>;

/// The digests that rows of one key have on the source and on the target, each as often as it comes.
type Rows = BTreeMap<Key, [BTreeMap<i64, i64>; 2]>;

/// Counts rows.
///
/// # Errors
/// When an end cannot be read.
pub async fn count(both: &Both, table: &Table) -> Result<[u64; 2], SideError> {
    let sql = format!("select count(*) as n from {}", table.from);
    let one = |session: Session| {
        let sql = &sql;
        async move {
            let wanted = format!("how many rows {} has", table.name);
            let question = Question { wanted: &wanted, sql };
            Ok::<u64, SideError>(session.one(&question, |row| row.number("n")).await?)
        }
    };
    let (source, target) = try_join(one(both.source.clone()), one(both.target.clone())).await?;
    Ok([source, target])
}

/// Compares rows by digests, and looks again where the target may still be on its way.
///
/// # Errors
/// When an end cannot be read.
pub async fn compare(both: &Both, table: &Table, reading: &Reading<'_>) -> Result<RowsCompared, SideError> {
    let (form, sample) = (reading.form, reading.options.sample);
    let mut compared = RowsCompared {
        rows: [0, 0],
        different: None,
    };
    let mut suspects = Suspects::new();
    let ranges = Parts::ranges(table, span(both, table).await?, reading.options.scans);
    if ranges.len() > 1 {
        both.take(Way::ByPages).await?;
    }
    for Range { within: range, span } in ranges {
        let sql = digest::whole(table, form, range.as_ref(), sample);
        let (source, target) = both_digests(both, table, &sql).await?;
        for (sum, digests) in compared.rows.iter_mut().zip([&source, &target]) {
            *sum += digests.values().map(|digest| digest.rows).sum::<u64>();
        }
        let Some(rows) = digest::differing(&source, &target).into_values().next() else {
            continue;
        };
        let parts = Parts::of(rows, table, span);
        let only = range
            .as_ref()
            .map(|(ranges, range)| (ranges, std::slice::from_ref(range)));
        let sql = digest::digests(table, form, &parts, only, sample);
        let (source, target) = both_digests(both, table, &sql).await?;
        suspects.push((parts, digest::differing(&source, &target)));
    }
    both.take(Way::Any).await?;
    if suspects.is_empty() {
        return Ok(compared);
    }
    let found = match reading.pair.settling {
        Settling::Settled => into(both, table, form, sample, &suspects).await?,
        Settling::Replaying { times, wait } => {
            for _ in 0..times.max(1) {
                let fresh = again(reading, wait).await?;
                let mut remaining = Suspects::new();
                for (parts, differing) in &suspects {
                    let chosen: Vec<i64> = differing.keys().copied().collect();
                    let sql = digest::digests(table, form, parts, Some((parts, &chosen)), sample);
                    let (source, target) = both_digests(&fresh.both(), table, &sql).await?;
                    let differing = digest::differing(&source, &target);
                    if !differing.is_empty() {
                        remaining.push((parts.clone(), differing));
                    }
                }
                fresh.close().await;
                suspects = remaining;
                if suspects.is_empty() {
                    return Ok(compared);
                }
            }
            let fresh = again(reading, wait).await?;
            let [limits, _] = reading.pair.limits;
            let later = Side::open(&reading.pair.source, &reading.pair.database, limits, 1).await?;
            let before = fresh.both();
            let after = Both {
                source: later.first().clone(),
                target: before.target.clone(),
            };
            let first = into(&before, table, form, sample, &suspects).await?;
            let second = into(&after, table, form, sample, &suspects).await?;
            fresh.close().await;
            later.close().await;
            lasting(first, second)
        }
    };
    let told = tell(&found, table, reading.options.named);
    compared.different = (!found.rows.is_empty() || found.at_least).then_some(told);
    Ok(compared)
}

/// What was found inside differing parts.
struct Found {
    rows: Rows,
    moving: u64,
    at_least: bool,
}

/// The source as it is, and the target as it is after a wait.
struct Fresh {
    source: Side,
    target: Side,
}

impl Fresh {
    fn both(&self) -> Both {
        Both {
            source: self.source.first().clone(),
            target: self.target.first().clone(),
        }
    }

    async fn close(self) {
        self.source.close().await;
        self.target.close().await;
    }
}

async fn again(reading: &Reading<'_>, wait: Duration) -> Result<Fresh, SideError> {
    let pair = reading.pair;
    let [limits, _] = pair.limits;
    let source = Side::open(&pair.source, &pair.database, limits, 1).await?;
    // What the source holds now is on the target once it has been replayed.
    reading.clock.sleep(wait).await;
    let [_, limits] = pair.limits;
    let target = Side::open(&pair.target, &pair.database, limits, 1).await?;
    Ok(Fresh { source, target })
}

/// What differs from the source as it was before the wait and as it was after it, with the source unchanged in between: only that is
/// no replay under way.
fn lasting(first: Found, second: Found) -> Found {
    let mut found = Found {
        rows: BTreeMap::new(),
        moving: 0,
        at_least: first.at_least || second.at_least,
    };
    for (key, [source, target]) in second.rows {
        match first.rows.get(&key) {
            Some([before, _]) if *before == source => {
                found.rows.insert(key, [source, target]);
            }
            Some(_) | None => found.moving += 1,
        }
    }
    found
}

/// The lowest and the highest value of a whole-number key over both ends.
async fn span(both: &Both, table: &Table) -> Result<Option<(i64, i64)>, SideError> {
    let [key] = table.key.as_slice() else { return Ok(None) };
    if !matches!(key.shape, Shape::Small | Shape::Large) {
        return Ok(None);
    }
    let name = quote_identifier(&key.name);
    let sql = format!(
        "select min({name})::int8 as low, max({name})::int8 as high from {}",
        table.from
    );
    let one = |session: Session| {
        let sql = &sql;
        async move {
            let wanted = format!("the keys of {}", table.name);
            let question = Question { wanted: &wanted, sql };
            let ends = session
                .one(&question, |row| match (row.maybe("low")?, row.maybe("high")?) {
                    (Some(_), Some(_)) => Ok(Some((row.number("low")?, row.number("high")?))),
                    (_, _) => Ok(None),
                })
                .await?;
            Ok::<Option<(i64, i64)>, SideError>(ends)
        }
    };
    let (source, target) = try_join(one(both.source.clone()), one(both.target.clone())).await?;
    Ok(match (source, target) {
        (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => Some((0, 0)),
    })
}

async fn both_digests(both: &Both, table: &Table, sql: &str) -> Result<(Digests, Digests), SideError> {
    try_join(digests(&both.source, table, sql), digests(&both.target, table, sql)).await
}

async fn digests(session: &Session, table: &Table, sql: &str) -> Result<Digests, SideError> {
    let wanted = format!("the digests of {}", table.name);
    let question = Question { wanted: &wanted, sql };
    let rows = session.all(&question, |row| {
        let digest = Digest {
            rows: row.number("n")?,
            sum: row.text("s")?.to_owned(),
        };
        Ok((row.number("p")?, digest))
    });
    Ok(rows.await?.into_iter().collect())
}

/// Looks into differing parts, so many at once that memory stays bounded.
async fn into(
    both: &Both,
    table: &Table,
    form: Form,
    sample: Option<Sample>,
    suspects: &Suspects,
) -> Result<Found, SideError> {
    let mut found = Found {
        rows: BTreeMap::new(),
        moving: 0,
        at_least: false,
    };
    let mut fetched = 0;
    // Parts still to be looked into, with how they were dealt; finer ones come on top.
    let all = suspects.iter().rev();
    let mut waiting: Vec<(Parts, i64, u64)> = all
        .flat_map(|(parts, differing)| differing.iter().rev().map(|(part, rows)| (parts.clone(), *part, *rows)))
        .collect();
    while let Some((dealt, part, rows)) = waiting.pop() {
        if fetched > FETCHED_AT_MOST || found.rows.len() > HELD_AT_MOST {
            found.at_least = true;
            break;
        }
        if let Some(finer) = (rows > FETCHED_AT_ONCE).then(|| dealt.of_part(part, rows)).flatten() {
            let sql = digest::digests(table, form, &finer, Some((&dealt, &[part])), sample);
            let (source, target) = both_digests(both, table, &sql).await?;
            let differing = digest::differing(&source, &target);
            waiting.extend(differing.iter().rev().map(|(part, rows)| (finer.clone(), *part, *rows)));
            continue;
        }
        let mut chosen = vec![part];
        let mut together = rows;
        while let Some((next, part, rows)) = waiting.last() {
            if *next != dealt || together + rows > FETCHED_AT_ONCE || chosen.len() == 256 {
                break;
            }
            chosen.push(*part);
            together += rows;
            waiting.pop();
        }
        fetched += together;
        let sql = digest::rows(table, form, &dealt, &chosen, sample);
        let (source, target) = try_join(
            fetch(&both.source, table, &dealt, &sql),
            fetch(&both.target, table, &dealt, &sql),
        )
        .await?;
        found.rows.append(&mut apart(source, target));
    }
    Ok(found)
}

type Fetched = BTreeMap<Key, BTreeMap<i64, i64>>;

async fn fetch(session: &Session, table: &Table, parts: &Parts, sql: &str) -> Result<Fetched, SideError> {
    let keys: Vec<String> = match parts {
        Parts::Ranges { .. } | Parts::Keys { .. } => (0..table.key.len()).map(|at| format!("k{at}")).collect(),
        Parts::Rows { .. } => Vec::new(),
    };
    let wanted = format!("the keys of {}", table.name);
    let mut answers = session.each(&Question { wanted: &wanted, sql }).await?;
    let mut rows = Fetched::new();
    let decode = |row: &Answer| -> Result<(Key, i64, i64), QueryFailure> {
        let digest = row.number("h")?;
        let key: Key = if keys.is_empty() {
            vec![Some(format!("{digest:x}"))]
        } else {
            let values = keys.iter().map(|key| Ok(row.maybe(key)?.map(str::to_owned)));
            values.collect::<Result<_, QueryFailure>>()?
        };
        Ok((key, digest, row.number("n")?))
    };
    while let Some(answer) = answers.next().await? {
        let (key, digest, times) = decode(&answer).map_err(|failure| answers.failed(failure))?;
        *rows.entry(key).or_default().entry(digest).or_default() += times;
    }
    Ok(rows)
}

/// Only what is not the same on both ends.
fn apart(source: Fetched, mut target: Fetched) -> Rows {
    let mut rows = Rows::new();
    for (key, ours) in source {
        let theirs = target.remove(&key).unwrap_or_default();
        if ours != theirs {
            rows.insert(key, [ours, theirs]);
        }
    }
    rows.extend(target.into_iter().map(|(key, theirs)| (key, [BTreeMap::new(), theirs])));
    rows
}

fn tell(found: &Found, table: &Table, named: usize) -> RowDifference {
    let mut told = RowDifference {
        moving: found.moving,
        at_least: found.at_least,
        key: table.key.iter().map(|column| column.name.clone()).collect(),
        ..RowDifference::default()
    };
    let mut rows = Vec::new();
    for (key, [ours, theirs]) in &found.rows {
        let count = |digests: &BTreeMap<i64, i64>| digests.values().sum::<i64>().unsigned_abs();
        let (ours, theirs) = (count(ours), count(theirs));
        told.missing += ours.saturating_sub(theirs);
        told.extra += theirs.saturating_sub(ours);
        let how = match ours.cmp(&theirs) {
            std::cmp::Ordering::Greater => How::Missing,
            std::cmp::Ordering::Less => How::Extra,
            std::cmp::Ordering::Equal => {
                told.changed += ours;
                How::Changed
            }
        };
        rows.push(NamedRow { how, key: key.clone() });
    }
    // Numbers in the order of numbers, so that the first ones are the first.
    rows.sort_by(|a, b| natural(&a.key).cmp(&natural(&b.key)));
    // One kind of difference must not hide another.
    let share = named.div_ceil(3).max(1);
    for how in [How::Missing, How::Extra, How::Changed] {
        told.named
            .extend(rows.iter().filter(|row| row.how == how).take(share).cloned());
    }
    told
}

fn natural(key: &[Option<String>]) -> Vec<(Option<i64>, Option<&str>)> {
    key.iter()
        .map(|value| (value.as_deref().and_then(|text| text.parse().ok()), value.as_deref()))
        .collect()
}
