//! How rows are dealt into parts that both ends agree on, and the SQL that digests each part inside the server. It sends nothing.

use std::collections::BTreeMap;

use super::canonical::Form;
use super::pair::Sample;
use super::table::Table;
use crate::database::quote_identifier;

/// Rows of a part, on average: few enough to be fetched as keys and digests.
const ROWS_OF_A_PART: u64 = 2_048;

/// The most ranges of one table.
const MOST_RANGES: u64 = 256;

/// The most parts of one pass; their digests are all that travels.
const MOST_PARTS: u64 = 65_536;

/// How rows are dealt into parts. Parts come from what a row holds: where it lies differs between servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Ranges of a whole-number key. Part `n` begins at `low + n * width`.
    Ranges {
        /// The key.
        column: String,
        /// Where part 0 begins.
        low: i64,
        /// How many numbers a part spans.
        width: i64,
    },
    /// By the digest of the key.
    Keys {
        /// One less than the number of parts, a power of two.
        mask: i64,
    },
    /// By the digest of the whole row, where nothing identifies one.
    Rows {
        /// The same.
        mask: i64,
    },
}

/// Rows that are digested as a whole before anybody looks for parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// Which part of which parts it is; the whole table without.
    pub within: Option<(Parts, i64)>,
    /// Its lowest and highest key, where that is a whole number.
    pub span: Option<(i64, i64)>,
}

/// How large tables are read, in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scans {
    /// Up to so many, a table is digested as a whole: one scan is the fastest, and reading so few twice where they differ takes seconds.
    pub rows_of_one: u64,
    /// A larger one in ranges of about so many: enough for parallel workers, and few enough that looking into one of them costs little
    /// beside all the others.
    pub rows_of_a_range: u64,
}

impl Scans {
    /// What has proven itself.
    pub const USUAL: Self = Self {
        rows_of_one: 5_000_000,
        rows_of_a_range: 500_000,
    };
}

/// What is said of a part: how many rows it has, and the sum of their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// The sum. A sum does not depend on an order and does not lose doubled rows.
    pub sum: String,
}

/// Parts with their digests. Part -1 has the rows without a key.
pub type Digests = BTreeMap<i64, Digest>;

/// The part of rows that have no key.
pub const KEYLESS: i64 = -1;

impl Parts {
    /// The parts of so many rows of a table with this lowest and highest key, where it has a whole-number key.
    pub fn of(rows: u64, table: &Table, span: Option<(i64, i64)>) -> Self {
        let wanted = (rows / ROWS_OF_A_PART).clamp(1, MOST_PARTS).next_power_of_two();
        let parts = i64::try_from(wanted).unwrap_or(1);
        let mask = parts - 1;
        match (table.key.as_slice(), span) {
            ([], _) => Self::Rows { mask },
            ([key], Some((low, high))) => match high.checked_sub(low).and_then(|span| (span / parts).checked_add(1)) {
                Some(width) => Self::Ranges {
                    column: key.name.clone(),
                    low,
                    width,
                },
                None => Self::Keys { mask },
            },
            (_, _) => Self::Keys { mask },
        }
    }

    /// The ranges that a table is digested in first; the table itself where it is small, or does not lie in the order of its key.
    pub fn ranges(table: &Table, span: Option<(i64, i64)>, scans: Scans) -> Vec<Range> {
        let whole = || vec![Range { within: None, span }];
        let large = table.rows > scans.rows_of_one && table.ordered;
        let ([key], Some((low, high)), true) = (table.key.as_slice(), span, large) else {
            return whole();
        };
        let wanted = (table.rows / scans.rows_of_a_range.max(1)).clamp(1, MOST_RANGES);
        let wanted = i64::try_from(wanted).unwrap_or(1);
        let Some(width) = high
            .checked_sub(low)
            .and_then(|distance| (distance / wanted).checked_add(1))
        else {
            return whole();
        };
        let ranges = Self::Ranges {
            column: key.name.clone(),
            low,
            width,
        };
        let range = |at: i64| {
            let first = low.saturating_add(at.saturating_mul(width)).min(high);
            let last = first.saturating_add(width - 1).min(high);
            Range {
                within: Some((ranges.clone(), at)),
                span: Some((first, last)),
            }
        };
        (0..wanted).map(range).collect()
    }

    /// The part that holds a row, as SQL over the table; over the digest `h` for whole rows.
    fn part(&self, table: &Table, form: Form) -> String {
        match self {
            Self::Ranges { column, low, width } => {
                let key = quote_identifier(column);
                format!("coalesce(({key}::int8 - ({low})) / {width}, {KEYLESS})")
            }
            Self::Keys { mask } => format!("({} >> 12) & {mask}", form.digest(&table.key)),
            Self::Rows { mask } => format!("(h >> 12) & {mask}"),
        }
    }

    /// A condition that holds for the rows of these parts; one that an index serves, where there is one.
    fn within(&self, table: &Table, form: Form, parts: &[i64]) -> String {
        match self {
            Self::Ranges { column, low, width } => {
                let key = quote_identifier(column);
                let ranges: Vec<String> = parts
                    .iter()
                    .map(|part| match *part {
                        KEYLESS => format!("{key} is null"),
                        part => {
                            let first = low.saturating_add(part.saturating_mul(*width));
                            let last = first.saturating_add(width - 1);
                            format!("{key} between {first} and {last}")
                        }
                    })
                    .collect();
                format!("({})", ranges.join(" or "))
            }
            Self::Keys { .. } | Self::Rows { .. } => {
                let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
                format!("({}) in ({})", self.part(table, form), parts.join(", "))
            }
        }
    }

    /// The parts of one part, so that each has few rows; none where it cannot be split.
    pub fn of_part(&self, part: i64, rows: u64) -> Option<Self> {
        match self {
            Self::Ranges { column, low, width } if *width > 1 && part != KEYLESS => {
                let parts = i64::try_from((rows / ROWS_OF_A_PART).clamp(16, 1_024)).unwrap_or(16);
                Some(Self::Ranges {
                    column: column.clone(),
                    low: low.saturating_add(part.saturating_mul(*width)),
                    width: (width - 1) / parts + 1,
                })
            }
            Self::Ranges { .. } | Self::Keys { .. } | Self::Rows { .. } => None,
        }
    }
}

/// A column that keeps a subquery from being merged into the query around it, where the server would guess as many parts as there are
/// keys, and sort the whole table by one process. `offset 0` would do so, too, but also forbid parallel workers.
const APART: &str = "clock_timestamp() as apart";

/// One digest of the whole table, or of one part of it, as part 0.
pub fn whole(table: &Table, form: Form, only: Option<&(Parts, i64)>, sample: Option<Sample>) -> String {
    let digest = form.digest(&table.columns);
    let within = only.map(|(parts, part)| parts.within(table, form, &[*part]));
    let sampled = sample.map(|sample| match table.key.as_slice() {
        [] => sampled(&digest, sample),
        key => sampled(&form.digest(key), sample),
    });
    let conditions = where_all(within.into_iter().chain(sampled));
    format!(
        "select 0 as p, count(*) as n, coalesce(sum({digest}), 0) as s from {}{conditions}",
        table.from
    )
}

/// Digests of all parts, or of these.
pub fn digests(
    table: &Table,
    form: Form,
    parts: &Parts,
    only: Option<(&Parts, &[i64])>,
    sample: Option<Sample>,
) -> String {
    let digest = form.digest(&table.columns);
    let part = parts.part(table, form);
    let within = only.map(|(whole, chosen)| whole.within(table, form, chosen));
    match parts {
        Parts::Ranges { .. } | Parts::Keys { .. } => {
            let sampled = sample.map(|sample| sampled(&form.digest(&table.key), sample));
            let conditions = where_all(within.into_iter().chain(sampled));
            format!(
                "select p, count(*) as n, sum(h) as s from (select {part} as p, {digest} as h, {APART} from {}{conditions}) r group by p",
                table.from
            )
        }
        Parts::Rows { .. } => {
            let sampled = sample.map(|sample| sampled("h", sample));
            let conditions = where_all(within.into_iter().chain(sampled));
            format!(
                "select {part} as p, count(*) as n, sum(h) as s from (select {digest} as h, {APART} from {}) r{conditions} group by 1",
                table.from
            )
        }
    }
}

/// Keys and digests of the rows of these parts: `h`, and the key as `k0`, `k1` and so on. Without a key: digests, and how often each
/// comes as `n`.
pub fn rows(table: &Table, form: Form, parts: &Parts, chosen: &[i64], sample: Option<Sample>) -> String {
    let digest = form.digest(&table.columns);
    let within = Some(parts.within(table, form, chosen));
    match parts {
        Parts::Ranges { .. } | Parts::Keys { .. } => {
            let keys = table.key.iter().enumerate();
            let keys: Vec<String> = keys
                .map(|(at, column)| format!("{} as k{at}", column.shown(form)))
                .collect();
            let sampled = sample.map(|sample| sampled(&form.digest(&table.key), sample));
            format!(
                "select {digest} as h, 1 as n, {} from {}{}",
                keys.join(", "),
                table.from,
                where_all(within.into_iter().chain(sampled))
            )
        }
        Parts::Rows { .. } => {
            let sampled = sample.map(|sample| sampled("h", sample));
            format!(
                "select h, count(*) as n from (select {digest} as h, {APART} from {}) r{} group by h",
                table.from,
                where_all(within.into_iter().chain(sampled))
            )
        }
    }
}

/// A condition that holds for a share of all digests.
fn sampled(digest: &str, sample: Sample) -> String {
    format!("({digest} & {}) < {}", Sample::PARTS - 1, sample.parts())
}

fn where_all(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", conditions.join(" and "))
    }
}

/// The parts whose digests are not the same on both ends, with the rows of the larger one.
pub fn differing(source: &Digests, target: &Digests) -> BTreeMap<i64, u64> {
    let mut parts = BTreeMap::new();
    for part in source.keys().chain(target.keys()) {
        let (ours, theirs) = (source.get(part), target.get(part));
        if ours != theirs {
            let rows = |digest: Option<&Digest>| digest.map_or(0, |digest| digest.rows);
            parts.insert(*part, rows(ours).max(rows(theirs)));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::TableName;
    use crate::postgres::ServerVersion;
    use crate::verify::canonical::{Column, Shape};
    use crate::verify::table::Holder;

    fn table(rows: u64, key: &[Shape]) -> Table {
        let key: Vec<Column> = key
            .iter()
            .enumerate()
            .map(|(at, shape)| Column {
                name: format!("id{at}"),
                shape: *shape,
            })
            .collect();
        Table {
            name: TableName {
                schema: "public".into(),
                name: "t".into(),
            },
            holder: Holder::Table,
            from: "only public.t".to_owned(),
            rows,
            ordered: true,
            columns: key.clone(),
            key,
            left_out: Vec::new(),
        }
    }

    #[test]
    fn ranges_cover_the_span_and_extremes_do_not_overflow() {
        let small = table(100, &[Shape::Large]);
        assert_eq!(
            Parts::of(small.rows, &small, Some((5, 104))),
            Parts::Ranges {
                column: "id0".to_owned(),
                low: 5,
                width: 100
            }
        );
        let wide = table(1_000_000, &[Shape::Large]);
        assert_eq!(
            Parts::of(wide.rows, &wide, Some((i64::MIN, i64::MAX))),
            Parts::Keys { mask: 511 }
        );
        let Parts::Ranges { low, width, .. } = Parts::of(wide.rows, &wide, Some((0, i64::MAX))) else {
            panic!("a span that fits is dealt by range");
        };
        assert!(i128::from(low) + i128::from(width) * 512 > i128::from(i64::MAX));
        assert_eq!(
            Parts::of(small.rows, &small, Some((0, i64::MAX))),
            Parts::Keys { mask: 0 }
        );
    }

    #[test]
    fn without_a_whole_number_the_digest_of_the_key_or_the_row_deals() {
        assert_eq!(Parts::of(1, &table(1, &[Shape::Exact]), None), Parts::Keys { mask: 0 });
        assert_eq!(Parts::of(u64::MAX, &table(1, &[]), None), Parts::Rows { mask: 65_535 });
    }

    #[test]
    fn ranges_touch_each_other_and_cover_the_span() {
        for (low, high) in [(1, 10_000_000), (-5, 7), (0, 0), (i64::MIN / 2, i64::MAX / 2)] {
            let ranges = Parts::ranges(&table(10_000_000, &[Shape::Large]), Some((low, high)), Scans::USUAL);
            assert_eq!(ranges.len(), 20);
            let spans: Vec<(i64, i64)> = ranges.iter().filter_map(|range| range.span).collect();
            assert_eq!(spans[0].0, low);
            assert!(spans.iter().any(|(_, last)| *last == high), "{spans:?}");
            assert!(
                spans
                    .windows(2)
                    .all(|pair| pair[0].1 + 1 == pair[1].0 || pair[0].1 >= high)
            );
        }
        let small = Parts::ranges(&table(10, &[Shape::Large]), Some((1, 10)), Scans::USUAL);
        assert_eq!(small.len(), 1);
        assert_eq!(small[0].within, None);
    }

    #[test]
    fn a_part_is_split_until_it_spans_one_number() {
        let mut parts = Parts::of(10, &table(10, &[Shape::Large]), Some((0, i64::MAX - 1)));
        let mut splits = 0;
        while let Some(finer) = parts.of_part(0, 1_000_000) {
            parts = finer;
            splits += 1;
        }
        assert!(matches!(parts, Parts::Ranges { width: 1, .. }));
        assert!(splits < 12, "{splits}");
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let mut odd = table(1, &[Shape::Small]);
        odd.key[0].name = "a\"; drop table t; --".to_owned();
        odd.columns = odd.key.clone();
        let form = Form::of(ServerVersion::new(150_000), ServerVersion::new(150_000), false);
        let parts = Parts::of(odd.rows, &odd, Some((0, 9)));
        for sql in [
            digests(&odd, form, &parts, None, None),
            rows(&odd, form, &parts, &[0], None),
        ] {
            assert!(sql.contains("\"a\"\"; drop table t; --\""), "{sql}");
            assert!(!sql.contains("\"a\";"), "{sql}");
        }
    }
}
