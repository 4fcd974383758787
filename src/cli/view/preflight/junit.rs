//! What preflight found as a JUnit report: a suite for each place, a case for each rule. Warnings and notes pass, with what is said.

use std::fmt::Write as _;

use super::{named, remedy, told, visible};
use crate::cli::view::plan::problem::Places;
use crate::cli::view::plan::xml;
use crate::preflight::{Finding, Outcome, Place, Report, Severity, Verdict};

/// The report.
pub(crate) fn render(report: &Report, places: &Places) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        text,
        "<testsuites name=\"pgferry preflight\" {}>",
        numbers(&report.outcomes)
    );
    for suite in report.outcomes.chunk_by(|a, b| a.place == b.place) {
        let Some(first) = suite.first() else { continue };
        let skipped = suite
            .iter()
            .filter(|outcome| matches!(outcome.verdict, Verdict::Skipped(_)));
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" {} skipped=\"{}\">",
            xml::attribute(&named(&first.place)),
            numbers(suite),
            skipped.count()
        );
        for outcome in suite {
            case(&mut text, outcome, places);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn fails(outcome: &Outcome) -> bool {
    match &outcome.verdict {
        Verdict::Found { finding, waived: None } => finding.severity == Severity::Error,
        Verdict::Found { waived: Some(_), .. } | Verdict::Passed | Verdict::Skipped(_) => false,
    }
}

fn numbers(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| fails(outcome)).count();
    format!(
        "tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"0\"",
        outcomes.len()
    )
}

fn case(text: &mut String, outcome: &Outcome, places: &Places) {
    let Place { server, .. } = &outcome.place;
    let code = outcome.rule.code;
    let meaning = crate::diagnostic::code::find(code.as_str())
        .map(|known| known.meaning)
        .unwrap_or_default();
    let _ = write!(
        text,
        "    <testcase name=\"{}\" classname=\"pgferry.preflight.{}\" time=\"0\"",
        xml::attribute(&format!("{code} {meaning}")),
        xml::attribute(&server.to_string())
    );
    let _ = match &outcome.verdict {
        Verdict::Passed => writeln!(text, "/>"),
        Verdict::Skipped(why) => writeln!(
            text,
            ">\n      <skipped message=\"{}\"/>\n    </testcase>",
            xml::attribute(&visible(why))
        ),
        Verdict::Found { finding, .. } if fails(outcome) => writeln!(
            text,
            ">\n      <failure type=\"{code}\" message=\"{}\">{}</failure>\n    </testcase>",
            xml::attribute(&visible(&finding.summary)),
            xml::text(&said(outcome, finding, places))
        ),
        Verdict::Found { finding, waived } => {
            let word = match (waived, finding.severity) {
                (Some(_), _) => "waived",
                (None, Severity::Error | Severity::Warning) => "warning",
                (None, Severity::Note) => "note",
            };
            writeln!(
                text,
                ">\n      <system-out>{word}: {}</system-out>\n    </testcase>",
                xml::text(&said(outcome, finding, places))
            )
        }
    };
}

/// Everything of a finding, its place first: the form that Jenkins publishes has no attributes for it.
fn said(outcome: &Outcome, finding: &Finding, places: &Places) -> String {
    let (why, what) = told(outcome.rule.code);
    let place = places.of_address(&outcome.place.server);
    let mut lines: Vec<String> = place.iter().map(ToString::to_string).collect();
    lines.push(visible(&finding.summary));
    lines.extend(finding.objects.iter().map(|object| visible(object)));
    lines.extend([String::new(), why, what]);
    lines.extend(remedy(finding));
    lines.join("\n")
}
