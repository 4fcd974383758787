//! What a comparison found, for people and for programs. It judges nothing.

pub(crate) mod json;
pub(crate) mod junit;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::layout::{clean, count, hang, shorten};
use super::plan::problem::{Level as Gravest, Places, Problem};
use super::plan::sarif;
use super::preflight::{told, visible};
use crate::cli::calling::Calling;
use crate::cli::color::{DIM, ERROR, GOOD, HINT, STRONG, paint};
use crate::cli::error::CommandError;
use crate::cli::renderings::ReportFormat;
use crate::diagnostic::Code;
use crate::diagnostic::code;
use crate::verify::report::{Compared, RowsVerdict};
use crate::verify::rows::RowDifference;
use crate::verify::{self, Difference, Gravity, Level, Options, Report};

/// How many differences of one code, and lines of a definition, are shown unless all are wanted.
const SHOWN: usize = 8;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The first differences of each code, and what is expected only counted.
    Short,
    /// All of them.
    Whole,
}

/// Whether keys of rows are shown. They are the only part of a row that verify ever sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

/// What a comparison found, as text.
pub(crate) struct VerifyView<'a> {
    /// What came of it.
    pub(crate) report: &'a Report,
    /// How it was made.
    pub(crate) options: &'a Options,
    /// How pgferry is called here.
    pub(crate) calling: &'a Calling,
    /// Whether keys are shown.
    pub(crate) keys: Keys,
    /// How much is shown.
    pub(crate) detail: Detail,
    /// How wide.
    pub(crate) columns: usize,
}

/// Writes a file that was asked for.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn save(path: &Path, text: &str) -> Result<(), CommandError> {
    fs::write(path, text).map_err(|cause| CommandError::NotWritten {
        name: path.display().to_string(),
        cause,
    })
}

/// A database as people name it.
pub(super) fn named(compared: &Compared) -> String {
    format!("{}, database {}", compared.batch, visible(compared.database.as_str()))
}

/// A difference in one line.
pub(super) fn headline(difference: &Difference) -> String {
    let thing = format!("{} {}", difference.kind, visible(&difference.subject));
    match &difference.detail {
        verify::Detail::Missing => format!("{thing} is not on the target"),
        verify::Detail::Extra => format!("{thing} is only on the target"),
        verify::Detail::Differs(_) => thing,
        verify::Detail::Counts([source, target]) => {
            format!(
                "{thing}: {} on the source, {} on the target",
                rows(*source),
                grouped(*target)
            )
        }
        verify::Detail::Rows {
            rows: counted,
            different,
        } => {
            let [source, target] = counted;
            let numbers = if source == target {
                format!("{} on both ends", rows(*source))
            } else {
                format!("{} on the source, {} on the target", rows(*source), grouped(*target))
            };
            format!("{thing}: {numbers}; {}", summed(different))
        }
        verify::Detail::Behind { target, of, at } => {
            let stands = target.map_or("has given no value yet".to_owned(), |target| {
                format!("stands at {target}")
            });
            format!("{thing} {stands}, {} at {at}", visible(of))
        }
        verify::Detail::Unread(why) => format!("{thing}: {}", visible(why)),
    }
}

/// How many rows of each kind.
fn summed(different: &RowDifference) -> String {
    let counted = [
        (different.missing, "missing"),
        (different.extra, "extra"),
        (different.changed, "changed"),
        (different.moving, "still changing"),
    ];
    let parts: Vec<String> = counted
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{} {word}", grouped(*number)))
        .collect();
    let least = if different.at_least { "at least " } else { "" };
    format!("{least}{}", parts.join(", "))
}

/// What stands below the headline, line by line.
pub(super) fn lines(difference: &Difference, keys: Keys) -> Vec<String> {
    match &difference.detail {
        verify::Detail::Differs(attributes) => attributes
            .iter()
            .flat_map(|attribute| {
                let value = |value: &Option<String>| value.as_deref().map_or("nothing".to_owned(), visible);
                let (source, target) = (value(&attribute.source), value(&attribute.target));
                [
                    format!("{} on the source: {source}", visible(&attribute.name)),
                    format!("{} on the target: {target}", visible(&attribute.name)),
                ]
            })
            .collect(),
        verify::Detail::Rows { different, .. } if keys == Keys::Shown => different
            .named
            .iter()
            .map(|row| {
                let how = row.how.word();
                let key = if different.key.is_empty() {
                    let digest = row.key.iter().flatten().next().map_or("", String::as_str);
                    format!("a row with digest {digest}")
                } else {
                    let parts = different.key.iter().zip(&row.key).map(|(column, value)| {
                        let value = value.as_deref().map_or("nothing".to_owned(), visible);
                        format!("{} = {}", visible(column), shorten(&value, 60))
                    });
                    parts.collect::<Vec<_>>().join(", ")
                };
                format!("{how:8} {key}")
            })
            .collect(),
        verify::Detail::Rows { .. }
        | verify::Detail::Missing
        | verify::Detail::Extra
        | verify::Detail::Counts(_)
        | verify::Detail::Behind { .. }
        | verify::Detail::Unread(_) => Vec::new(),
    }
}

/// What is not the same, as reports for programs want it, without what is expected.
pub(crate) fn problems(report: &Report, keys: Keys, places: &Places) -> Vec<Problem> {
    counting(report)
        .map(|(compared, difference)| {
            let (why, what) = told(difference.code);
            let mut detail: Vec<String> = lines(difference, keys);
            detail.extend([String::new(), why, String::new(), what]);
            Problem {
                rule: difference.code.to_string(),
                level: Gravest::Error,
                subject: Some(named(compared)),
                summary: headline(difference),
                detail: Some(detail.join("\n").trim().to_owned()),
                remedy: shown_repair(difference, keys).map(clean),
                place: places.of_address(&compared.batch),
            }
        })
        .collect()
}

/// What would mend a difference, unless it names keys that are not to be shown.
pub(super) fn shown_repair(difference: &Difference, keys: Keys) -> Option<&str> {
    let names_keys = matches!(difference.detail, verify::Detail::Rows { .. });
    difference
        .repair
        .as_deref()
        .filter(|_| keys == Keys::Shown || !names_keys)
}

fn counting(report: &Report) -> impl Iterator<Item = (&Compared, &Difference)> {
    let all = report.databases.iter();
    all.flat_map(|compared| {
        compared
            .differences
            .iter()
            .map(move |difference| (compared, difference))
    })
    .filter(|(_, difference)| difference.gravity == Gravity::Counts)
}

/// The report in one of its formats.
pub(crate) fn rendered(
    format: ReportFormat,
    report: &Report,
    options: &Options,
    keys: Keys,
    problems: &[Problem],
    places: &Places,
) -> String {
    match format {
        ReportFormat::Json => format!("{:#}\n", json::document(report, options, keys)),
        ReportFormat::Sarif => format!("{:#}\n", sarif::document_of(problems, places, "pgferry/verify/")),
        ReportFormat::Junit => junit::render(report, keys),
    }
}

impl VerifyView<'_> {
    /// Everything.
    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        for compared in &self.report.databases {
            text.push_str(&self.database(compared));
        }
        let mut groups: BTreeMap<Code, Vec<(&Compared, &Difference)>> = BTreeMap::new();
        for (compared, difference) in counting(self.report) {
            groups.entry(difference.code).or_default().push((compared, difference));
        }
        for (code, group) in &groups {
            text.push('\n');
            text.push_str(&self.group(*code, group));
        }
        text.push_str(&self.expected());
        text.push('\n');
        text.push_str(&self.summary());
        if let Some(code) = groups.keys().next() {
            let line = self.calling.line(&format!("explain {code}"));
            let said = format!("`{line}` says more of a code");
            text.push_str(&hang(
                &format!("{}: ", paint(HINT, "hint")),
                "      ",
                &said,
                self.columns,
            ));
        }
        text
    }

    fn database(&self, compared: &Compared) -> String {
        let head = hang("", "", &paint(STRONG, named(compared)), self.columns);
        let Some([source, target]) = compared.versions else {
            return format!("{head}  could not be compared\n");
        };
        let objects: usize = compared.objects.iter().map(|(_, number)| number).sum();
        let mut parts = vec![format!("PostgreSQL {source} and {target}"), count(objects, "object")];
        if compared.level != Level::Schema {
            let sum: u64 = compared.tables.iter().map(|table| counted(&table.verdict)).sum();
            parts.push(count(compared.tables.len(), "table"));
            parts.push(rows(sum));
            let proven = compared
                .tables
                .iter()
                .filter(|table| table.verdict == RowsVerdict::Proven);
            let proven = proven.count();
            if proven > 0 {
                parts.push(format!("{} found the same by an earlier run", count(proven, "table")));
            }
        }
        let mut text = head;
        text.push_str(&hang("  ", "  ", &parts.join(", "), self.columns));
        for table in compared.tables.iter().filter(|table| !table.left_out.is_empty()) {
            let said = format!(
                "{}: {} not compared, because versions before 12 write floating point differently",
                table.name,
                visible(&table.left_out.join(", "))
            );
            text.push_str(&hang("  ", "    ", &said, self.columns));
        }
        text
    }

    fn group(&self, code: Code, group: &[(&Compared, &Difference)]) -> String {
        let meaning = code::find(code.as_str()).map(|known| known.meaning).unwrap_or_default();
        let head = format!("{}: ", paint(ERROR, format!("error[{code}]")));
        let mut text = hang(&head, "  ", meaning, self.columns);
        let shown = match self.detail {
            Detail::Short if group.len() > SHOWN + 1 => SHOWN,
            Detail::Short | Detail::Whole => group.len(),
        };
        let mut place = String::new();
        for (compared, difference) in group.iter().take(shown) {
            let here = named(compared);
            if here != place {
                text.push_str(&hang("  ", "    ", &format!("{here}:"), self.columns));
                place = here;
            }
            text.push_str(&hang("    ", "      ", &headline(difference), self.columns));
            for line in lines(difference, self.keys) {
                let line = match self.detail {
                    Detail::Short => shorten(&line, self.columns.saturating_sub(8)),
                    Detail::Whole => line,
                };
                let _ = writeln!(text, "        {line}");
            }
        }
        if shown < group.len() {
            let _ = writeln!(text, "    … and {} more (-v shows all)", group.len() - shown);
        }
        let (why, what) = told(code);
        for (label, said) in [("because", why), ("to do", what)] {
            let label = format!("  {}  ", paint(DIM, format!("{label:7}")));
            text.push_str(&hang(&label, "           ", &said, self.columns));
        }
        text
    }

    fn expected(&self) -> String {
        let mut text = String::new();
        if self.detail == Detail::Short {
            return text;
        }
        for compared in &self.report.databases {
            for difference in &compared.differences {
                let Gravity::Expected(why) = &difference.gravity else {
                    continue;
                };
                let head = format!("{}: ", paint(DIM, format!("expected[{}]", difference.code)));
                let said = format!("{}: {}; {}", named(compared), headline(difference), visible(why));
                text.push_str(&hang(&head, "  ", &said, self.columns));
                for line in lines(difference, self.keys) {
                    let _ = writeln!(text, "        {line}");
                }
            }
        }
        if !text.is_empty() {
            text.insert(0, '\n');
        }
        text
    }

    fn summary(&self) -> String {
        let number = self.report.counting();
        let mut parts = Vec::new();
        if number == 0 {
            parts.push(paint(GOOD, "no difference"));
        } else {
            parts.push(paint(ERROR, count(number, "difference")));
        }
        parts.push(format!("in {}", count(self.report.databases.len(), "database")));
        let expected: usize = self
            .report
            .databases
            .iter()
            .map(|compared| compared.differences.len())
            .sum::<usize>()
            - number;
        if expected > 0 {
            let more = match self.detail {
                Detail::Short => " (-v shows them)",
                Detail::Whole => "",
            };
            parts.push(format!("besides {expected} that come with every migration{more}"));
        }
        let mut said = format!("{}.", parts.join(" "));
        if let Some(sample) = self.options.sample {
            said.push_str(&format!(
                " Of every table only about {:.1} % of the rows were looked at.",
                sample.percent()
            ));
        }
        if !self.options.tables.is_empty() {
            said.push_str(" Only some tables were looked at.");
        }
        match self.options.level {
            Level::Schema => said.push_str(" Rows were not looked at."),
            Level::Counts => said.push_str(" Rows were counted, not compared."),
            Level::Checksum => {}
        }
        hang("Verify: ", "        ", &said, self.columns)
    }
}

fn counted(verdict: &RowsVerdict) -> u64 {
    match verdict {
        RowsVerdict::Same(rows) => *rows,
        RowsVerdict::Different([source, _]) => *source,
        RowsVerdict::Proven | RowsVerdict::Unread(_) => 0,
    }
}

fn rows(number: u64) -> String {
    let word = if number == 1 { "row" } else { "rows" };
    format!("{} {word}", grouped(number))
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_000), "1 000");
        assert_eq!(grouped(12_345_678), "12 345 678");
    }
}
