//! What preflight found, for people and for programs. It judges nothing; the rules have.

pub(crate) mod json;
pub(crate) mod junit;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::layout::{clean, count, hang, shorten};
use super::plan::problem::{Level, Places, Problem};
use super::plan::sarif;
use crate::cli::calling::Calling;
use crate::cli::color::{DIM, ERROR, GOOD, HINT, STRONG, WARNING, paint};
use crate::cli::renderings::ReportFormat;
use crate::database::End;
use crate::diagnostic::Code;
use crate::diagnostic::code;
use crate::preflight::contact::Contact;
use crate::preflight::finding::Counts;
use crate::preflight::waiver::{Idle, Waived};
use crate::preflight::{Finding, Fix, Outcome, Place, Report, Seen, Severity, Verdict};

/// How many objects, and lines of a script, are shown unless all are wanted.
const SHOWN: usize = 8;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The first objects of each finding.
    Short,
    /// All of them.
    Whole,
}

/// What preflight found, as text.
pub(crate) struct PreflightView<'a> {
    /// What the rules say.
    pub(crate) report: &'a Report,
    /// What was looked at.
    pub(crate) seen: &'a [Seen],
    /// Waivers that did nothing.
    pub(crate) idle: &'a [Idle<'a>],
    /// How pgferry is called here.
    pub(crate) calling: &'a Calling,
    /// How much is shown.
    pub(crate) detail: Detail,
    /// How wide.
    pub(crate) columns: usize,
}

/// Why a finding of this code matters, and what to do: the first two paragraphs of its explanation.
pub(super) fn told(code: Code) -> (String, String) {
    let text = code::find(code.as_str()).map(|known| known.text).unwrap_or_default();
    let mut paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
    let mut next = || paragraphs.next().unwrap_or_default().trim().to_owned();
    (next(), next())
}

/// A place as people name it: `source.erp, database salesdb`.
pub(super) fn named(place: &Place) -> String {
    match &place.database {
        None => place.server.to_string(),
        Some(database) => format!("{}, database {}", place.server, visible(database.as_str())),
    }
}

/// One line, whatever a name contains.
pub(super) fn visible(text: &str) -> String {
    clean(&text.replace('\n', "\\n").replace('\t', "\\t"))
}

/// The statements or parameters that mend a finding, as one text.
pub(super) fn remedy(finding: &Finding) -> Option<String> {
    let texts: Vec<String> = finding
        .fixes
        .iter()
        .map(|fix| {
            let (head, body) = written(fix);
            format!("-- {head}\n{body}")
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Where a fix belongs, and the fix.
fn written(fix: &Fix) -> (&'static str, String) {
    match fix {
        Fix::Sql {
            on: End::Source,
            script,
        } => ("on the source", script.clone()),
        Fix::Sql {
            on: End::Target,
            script,
        } => ("on the target", script.clone()),
        Fix::Parameter { name, value, counts } => {
            let head = match counts {
                Counts::AtOnce => "server parameter of the target, counts at once",
                Counts::AfterRestart => "server parameter of the target, counts after a restart",
            };
            (head, format!("{name} = {value}"))
        }
    }
}

/// What is wrong, as reports for programs want it: neither notes nor what somebody waives.
pub(crate) fn problems(report: &Report, places: &Places) -> Vec<Problem> {
    let problem = |(outcome, finding, waived): (&Outcome, &Finding, Option<&Waived>)| {
        let level = match (finding.severity, waived) {
            (_, Some(_)) | (Severity::Note, None) => return None,
            (Severity::Error, None) => Level::Error,
            (Severity::Warning, None) => Level::Warning,
        };
        let (why, what) = told(outcome.rule.code);
        let objects = match finding.objects.is_empty() {
            true => String::new(),
            false => {
                let objects: Vec<String> = finding.objects.iter().map(|object| visible(object)).collect();
                format!("{}\n\n", objects.join("\n"))
            }
        };
        Some(Problem {
            rule: outcome.rule.code.to_string(),
            level,
            subject: Some(named(&outcome.place)),
            summary: visible(&finding.summary),
            detail: Some(format!("{objects}{why}\n\n{what}")),
            remedy: remedy(finding).map(|text| clean(&text)),
            place: places.of_address(&outcome.place.server),
        })
    };
    let mut problems: Vec<Problem> = report.findings().filter_map(problem).collect();
    problems.sort_by_key(|problem| problem.level == Level::Warning);
    problems
}

/// The report in one of its formats.
pub(crate) fn rendered(
    format: ReportFormat,
    report: &Report,
    seen: &[Seen],
    problems: &[Problem],
    places: &Places,
) -> String {
    match format {
        ReportFormat::Json => format!("{:#}\n", json::document(report, seen)),
        ReportFormat::Sarif => format!("{:#}\n", sarif::document_of(problems, places, "pgferry/preflight/")),
        ReportFormat::Junit => junit::render(report, places),
    }
}

type Group<'a> = Vec<(&'a Outcome, &'a Finding)>;

impl PreflightView<'_> {
    /// Everything.
    pub(crate) fn render(&self) -> String {
        let mut text: String = self.seen.iter().map(|seen| self.server(seen)).collect();
        let mut groups: BTreeMap<(Severity, Code), Group<'_>> = BTreeMap::new();
        for (outcome, finding, waived) in self.report.findings() {
            if waived.is_none() {
                let group = groups.entry((finding.severity, outcome.rule.code)).or_default();
                group.push((outcome, finding));
            }
        }
        for ((severity, code), group) in &groups {
            text.push('\n');
            text.push_str(&self.group(*severity, *code, group));
        }
        text.push_str(&self.waived());
        text.push_str(&self.skipped());
        text.push('\n');
        text.push_str(&self.summary());
        if let Some((_, code)) = groups.keys().next() {
            let line = self.calling.line(&format!("explain {code}"));
            text.push_str(&hang(
                &format!("{}: ", paint(HINT, "hint")),
                "      ",
                &format!("`{line}` says more of a code"),
                self.columns,
            ));
        }
        text
    }

    fn server(&self, seen: &Seen) -> String {
        let address = paint(STRONG, &seen.wanted.address);
        let told = match &seen.contact {
            Contact::Met(facts) => format!(
                "PostgreSQL {} at {}, {}",
                facts.version,
                seen.wanted.endpoint,
                count(seen.databases.len(), "database")
            ),
            Contact::Refused(_) => format!("{} does not let us in", seen.wanted.endpoint),
        };
        hang(&format!("{address}  "), "  ", &told, self.columns)
    }

    fn group(&self, severity: Severity, code: Code, group: &Group<'_>) -> String {
        let (style, word) = match severity {
            Severity::Error => (ERROR, "error"),
            Severity::Warning => (WARNING, "warning"),
            Severity::Note => (HINT, "note"),
        };
        let meaning = code::find(code.as_str()).map(|known| known.meaning).unwrap_or_default();
        let head = format!("{}: ", paint(style, format!("{word}[{code}]")));
        let mut text = hang(&head, "  ", meaning, self.columns);
        for (outcome, finding) in group {
            let place = format!("{}: {}", named(&outcome.place), visible(&finding.summary));
            text.push_str(&hang("  ", "    ", &place, self.columns));
            self.list(
                &mut text,
                "      ",
                finding.objects.iter().map(|object| visible(object)).collect(),
            );
        }
        let (why, what) = told(code);
        for (label, said) in [("because", why), ("to do", what)] {
            let label = format!("  {}  ", paint(DIM, format!("{label:7}")));
            text.push_str(&hang(&label, "           ", &said, self.columns));
        }
        for (outcome, finding) in group {
            for fix in &finding.fixes {
                let (head, body) = written(fix);
                let place = match (&outcome.place.database, group.len()) {
                    (Some(database), _) => format!(", in {}", visible(database.as_str())),
                    (None, _) => String::new(),
                };
                text.push_str(&hang("  ", "  ", &format!("{head}{place}:"), self.columns));
                // Set in, a name that spans lines would become another one.
                let lines = match finding.objects.iter().any(|object| object.contains(char::is_control)) {
                    true => vec!["names hold line breaks or the like: `--json` has the exact script".to_owned()],
                    false => body.lines().map(clean).collect(),
                };
                self.list(&mut text, "      ", lines);
            }
        }
        text
    }

    /// Lines that are set in, the first of them unless all are wanted.
    fn list(&self, text: &mut String, indent: &str, lines: Vec<String>) {
        let shown = match self.detail {
            Detail::Short if lines.len() > SHOWN + 1 => SHOWN,
            Detail::Short | Detail::Whole => lines.len(),
        };
        for line in lines.iter().take(shown) {
            let line = match self.detail {
                // A name may be longer than a line, a statement must stay whole to be of use.
                Detail::Short if !line.ends_with(';') && !line.contains("; --") => {
                    shorten(line, self.columns.saturating_sub(indent.len()))
                }
                Detail::Short | Detail::Whole => line.clone(),
            };
            let _ = writeln!(text, "{indent}{line}");
        }
        if shown < lines.len() {
            let _ = writeln!(text, "{indent}… and {} more (-v shows all)", lines.len() - shown);
        }
    }

    fn waived(&self) -> String {
        let mut text = String::new();
        for (outcome, finding, waived) in self.report.findings() {
            let Some(waived) = waived else { continue };
            let head = format!("{}: ", paint(DIM, format!("waived[{}]", outcome.rule.code)));
            let said = format!(
                "{}: {}, by {} until {}: {}",
                named(&outcome.place),
                visible(&finding.summary),
                visible(&waived.owner),
                waived.until,
                visible(&waived.reason)
            );
            text.push_str(&hang(&head, "  ", &said, self.columns));
        }
        for idle in self.idle {
            let said = match idle {
                Idle::Expired(waiver) => format!(
                    "the waiver of {} by {} ended on {}",
                    waiver.code,
                    visible(&waiver.owner),
                    waiver.until
                ),
                Idle::Unneeded(waiver) => format!("the waiver of {} waives nothing that was found", waiver.code),
            };
            text.push_str(&hang(
                &format!("{}: ", paint(WARNING, "warning")),
                "  ",
                &said,
                self.columns,
            ));
        }
        if !text.is_empty() {
            text.insert(0, '\n');
        }
        text
    }

    fn skipped(&self) -> String {
        let mut reasons: BTreeMap<&str, (Vec<String>, BTreeSet<String>)> = BTreeMap::new();
        for outcome in &self.report.outcomes {
            if let Verdict::Skipped(why) = &outcome.verdict {
                let rule = outcome.rule.code.to_string();
                let (rules, places) = reasons.entry(why).or_default();
                places.insert(named(&outcome.place));
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        let mut text = String::new();
        for (why, (rules, places)) in reasons {
            let which = if rules.len() <= 4 {
                rules.join(", ")
            } else {
                count(rules.len(), "rule")
            };
            let place = match places.first() {
                Some(only) if places.len() == 1 => only.clone(),
                Some(_) | None => count(places.len(), "place"),
            };
            let head = format!("{}  ", paint(DIM, "not looked"));
            text.push_str(&hang(
                &head,
                "  ",
                &format!("{which} at {place}: {}", visible(why)),
                self.columns,
            ));
        }
        if !text.is_empty() {
            text.insert(0, '\n');
        }
        text
    }

    fn summary(&self) -> String {
        let numbers = Numbers::of(self.report);
        let counted = [
            (numbers.errors, "error", ERROR),
            (numbers.warnings, "warning", WARNING),
            (numbers.notes, "note", HINT),
        ];
        let mut parts: Vec<String> = counted
            .iter()
            .filter(|(number, ..)| *number > 0)
            .map(|(number, word, style)| paint(*style, count(*number, word)))
            .collect();
        if parts.is_empty() {
            parts.push(paint(GOOD, "nothing found"));
        }
        if numbers.waived > 0 {
            parts.push(format!("{} waived", numbers.waived));
        }
        parts.push(format!("{} passed", count(numbers.passed, "check")));
        if numbers.skipped > 0 {
            parts.push(format!("{} could not look", numbers.skipped));
        }
        hang(
            "Preflight: ",
            "           ",
            &format!("{}.", parts.join(", ")),
            self.columns,
        )
    }
}

/// How many of each.
pub(super) struct Numbers {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
    pub(super) waived: usize,
    pub(super) passed: usize,
    pub(super) skipped: usize,
}

impl Numbers {
    pub(super) fn of(report: &Report) -> Self {
        let verdicts = |is: fn(&Verdict) -> bool| report.outcomes.iter().filter(|outcome| is(&outcome.verdict)).count();
        Self {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            waived: report.findings().filter(|(_, _, waived)| waived.is_some()).count(),
            passed: verdicts(|verdict| matches!(verdict, Verdict::Passed)),
            skipped: verdicts(|verdict| matches!(verdict, Verdict::Skipped(_))),
        }
    }
}
