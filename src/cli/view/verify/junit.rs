//! What a comparison found as a JUnit report: a suite for each database, a case for each table and each difference.

use std::fmt::Write as _;

use super::{Keys, headline, lines, named};
use crate::cli::view::plan::xml;
use crate::verify::report::{Compared, RowsVerdict};
use crate::verify::{Difference, Gravity, Report};

/// The report.
pub(crate) fn render(report: &Report, keys: Keys) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let suites: Vec<Suite<'_>> = report.databases.iter().map(Suite::of).collect();
    let cases: usize = suites.iter().map(Suite::cases).sum();
    let failed: usize = suites.iter().map(|suite| suite.failed.len()).sum();
    let _ = writeln!(
        text,
        "<testsuites name=\"pgferry verify\" tests=\"{cases}\" failures=\"{failed}\" errors=\"0\" time=\"0\">"
    );
    for suite in &suites {
        suite.write(&mut text, keys);
    }
    text.push_str("</testsuites>\n");
    text
}

struct Suite<'a> {
    compared: &'a Compared,
    passed: Vec<String>,
    failed: Vec<&'a Difference>,
}

impl<'a> Suite<'a> {
    fn of(compared: &'a Compared) -> Self {
        let objects: usize = compared.objects.iter().map(|(_, number)| number).sum();
        let mut passed = vec![format!("{objects} objects looked at")];
        for table in &compared.tables {
            match table.verdict {
                RowsVerdict::Same(_) | RowsVerdict::Proven => passed.push(format!("rows of {}", table.name)),
                RowsVerdict::Different(_) | RowsVerdict::Unread(_) => {}
            }
        }
        Self {
            compared,
            passed,
            failed: compared
                .differences
                .iter()
                .filter(|difference| difference.gravity == Gravity::Counts)
                .collect(),
        }
    }

    fn cases(&self) -> usize {
        self.passed.len() + self.failed.len()
    }

    fn write(&self, text: &mut String, keys: Keys) {
        let class = xml::attribute(&format!("pgferry.verify.{}", self.compared.batch));
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" time=\"0\" skipped=\"0\">",
            xml::attribute(&named(self.compared)),
            self.cases(),
            self.failed.len()
        );
        for name in &self.passed {
            let _ = writeln!(
                text,
                "    <testcase name=\"{}\" classname=\"{class}\" time=\"0\"/>",
                xml::attribute(name)
            );
        }
        for difference in &self.failed {
            let head = headline(difference);
            let mut said = vec![head.clone()];
            said.extend(lines(difference, keys));
            let _ = writeln!(
                text,
                "    <testcase name=\"{}\" classname=\"{class}\" time=\"0\">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
                xml::attribute(&format!(
                    "{} {} {}",
                    difference.code, difference.kind, difference.subject
                )),
                difference.code,
                xml::attribute(&head),
                xml::text(&said.join("\n"))
            );
        }
        text.push_str("  </testsuite>\n");
    }
}
