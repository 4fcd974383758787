//! What is wrong with a plan as a JUnit report: a suite of losses, one of findings and one of checks. What holds is a passed
//! case, what is only known after apply a skipped one.

use std::fmt::Write;

use super::problem::{Level, Places, Problem, problems};
use super::xml;
use crate::block::Verdict;
use crate::cli::calling::Calling;
use crate::config::source::Location;
use crate::plan::Plan;

/// One case of a suite.
struct Case {
    name: String,
    class: &'static str,
    place: Option<Location>,
    result: Outcome,
}

enum Outcome {
    Passed,
    /// A loss, by what the configuration accepts it.
    Accepted(String),
    /// Only known after apply.
    Skipped,
    /// The rule, the sentence, and everything that is said of it.
    Failed {
        rule: String,
        summary: String,
        text: String,
    },
    /// It does not stop an apply: JUnit has no word for that.
    Warned(String),
}

/// The report. A plan that nothing is wrong with has one passed case: readers refuse reports without any.
pub(crate) fn render(plan: &Plan, calling: &Calling, places: &Places) -> String {
    let problems = problems(plan, calling, places);
    report(&[
        ("losses", losses(plan, &problems)),
        ("findings", findings(&problems)),
        ("checks", checks(plan, &problems)),
    ])
}

/// The report where there is no plan: each problem is a case.
pub(crate) fn without_plan(problems: &[Problem]) -> String {
    report(&[("findings", findings(problems))])
}

fn report(suites: &[(&str, Vec<Case>)]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    let _ = writeln!(text, "<testsuites name=\"pgferry plan\" {}>", numbers(all()));
    for (name, cases) in suites.iter().filter(|(_, cases)| !cases.is_empty()) {
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" {} skipped=\"{}\">",
            numbers(cases),
            skipped(cases)
        );
        for case in cases {
            write_case(&mut text, case);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn numbers<'a>(cases: impl IntoIterator<Item = &'a Case>) -> String {
    let (mut all, mut failed) = (0, 0);
    for case in cases {
        all += 1;
        failed += usize::from(matches!(case.result, Outcome::Failed { .. }));
    }
    format!("tests=\"{all}\" failures=\"{failed}\" errors=\"0\" time=\"0\"")
}

fn skipped(cases: &[Case]) -> usize {
    cases
        .iter()
        .filter(|case| matches!(case.result, Outcome::Skipped))
        .count()
}

fn losses(plan: &Plan, problems: &[Problem]) -> Vec<Case> {
    let accepted = plan
        .losses
        .iter()
        .filter(|loss| loss.consent.is_some())
        .map(|loss| Case {
            name: format!("{}: {} {}", loss.address, loss.what, loss.how),
            class: "losses",
            place: None,
            result: match &loss.consent {
                Some(consent) => Outcome::Accepted(consent.clone()),
                None => Outcome::Passed,
            },
        });
    let refused = problems.iter().filter(|problem| problem.rule == Problem::LOSS);
    let refused = refused.map(|problem| failed("losses", problem));
    refused.chain(accepted).collect()
}

fn findings(problems: &[Problem]) -> Vec<Case> {
    let is_finding = |problem: &&Problem| problem.rule != Problem::LOSS && problem.rule != Problem::CHECK;
    let mut cases: Vec<Case> = problems
        .iter()
        .filter(is_finding)
        .map(|problem| match problem.level {
            Level::Error => failed("findings", problem),
            Level::Warning | Level::Note => Case {
                result: Outcome::Warned(problem.text()),
                ..failed("findings", problem)
            },
        })
        .collect();
    if cases.is_empty() {
        cases.push(Case {
            name: "no finding".to_owned(),
            class: "findings",
            place: None,
            result: Outcome::Passed,
        });
    }
    cases
}

fn checks(plan: &Plan, problems: &[Problem]) -> Vec<Case> {
    let mut failures = problems.iter().filter(|problem| problem.rule == Problem::CHECK);
    let case = |name: &str, result| Case {
        name: name.to_owned(),
        class: "checks",
        place: None,
        result,
    };
    plan.checks
        .iter()
        .filter_map(|check| match check.verdict {
            Verdict::Holds => Some(case(&check.name, Outcome::Passed)),
            Verdict::Unknown => Some(case(&check.name, Outcome::Skipped)),
            Verdict::Fails => failures.next().map(|problem| Case {
                name: check.name.clone(),
                ..failed("checks", problem)
            }),
        })
        .collect()
}

fn failed(class: &'static str, problem: &Problem) -> Case {
    let subject = problem.subject.as_deref().unwrap_or("the plan");
    Case {
        name: format!("{subject}: {} {}", problem.rule, problem.summary),
        class,
        place: problem.place.clone(),
        result: Outcome::Failed {
            rule: problem.rule.clone(),
            summary: problem.summary.clone(),
            text: problem.text(),
        },
    }
}

fn write_case(text: &mut String, case: &Case) {
    let name = xml::attribute(&case.name);
    // The form that Jenkins publishes has no attributes for a place: the texts begin with it.
    let _ = write!(
        text,
        "    <testcase name=\"{name}\" classname=\"pgferry.plan.{}\" time=\"0\"",
        case.class
    );
    let said = |place: &Option<Location>, text: &str| match place {
        Some(place) => format!("{place}\n{text}"),
        None => text.to_owned(),
    };
    let _ = match &case.result {
        Outcome::Passed => writeln!(text, "/>"),
        Outcome::Skipped => writeln!(
            text,
            ">\n      <skipped message=\"only known after apply\"/>\n    </testcase>"
        ),
        Outcome::Failed {
            rule,
            summary,
            text: all,
        } => writeln!(
            text,
            ">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            xml::attribute(rule),
            xml::attribute(summary),
            xml::text(&said(&case.place, all))
        ),
        Outcome::Accepted(consent) => writeln!(
            text,
            ">\n      <system-out>accepted by {}</system-out>\n    </testcase>",
            xml::text(consent)
        ),
        Outcome::Warned(all) => writeln!(
            text,
            ">\n      <system-out>warning: {}</system-out>\n    </testcase>",
            xml::text(&said(&case.place, all))
        ),
    };
}

#[cfg(test)]
mod tests {
    use super::super::problem::samples;
    use super::*;
    use crate::cli::view::samples::plan;

    fn rendered(plan: &Plan, places: &Places) -> String {
        render(plan, &Calling::of(std::path::Path::new("."), &[]), places)
    }

    #[test]
    fn what_fails_passes_and_is_not_known_are_told_apart() {
        let (plan, places) = samples::troubled();
        insta::assert_snapshot!(rendered(&plan, &places), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="pgferry plan" tests="7" failures="3" errors="0" time="0">
          <testsuite name="losses" tests="2" failures="1" errors="0" time="0" skipped="0">
            <testcase name="database_batch.wave1: loss docs &amp; &lt;files&gt; would be lost: overwritten on the target" classname="pgferry.plan.losses" time="0">
              <failure type="loss" message="docs &amp; &lt;files&gt; would be lost: overwritten on the target">live/eu/main.hcl:40:1
        database_batch.wave1: docs &amp; &lt;files&gt; would be lost: overwritten on the target

        Nothing in the configuration accepts this loss, so the plan cannot be applied.</failure>
            </testcase>
            <testcase name="database_batch.wave1: crm overwritten on the target" classname="pgferry.plan.losses" time="0">
              <system-out>accepted by accept_loss: crm = &quot;overwrite&quot;</system-out>
            </testcase>
          </testsuite>
          <testsuite name="findings" tests="2" failures="1" errors="0" time="0" skipped="0">
            <testcase name="database_batch.wave1: N001 vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22" classname="pgferry.plan.findings" time="0">
              <failure type="N001" message="vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22">live/eu/main.hcl:40:1
        database_batch.wave1: vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22

        One of them needs another address space; see `pgferry status`.</failure>
            </testcase>
            <testcase name="database_batch.old: B002 a batch left the configuration" classname="pgferry.plan.findings" time="0">
              <system-out>warning: database_batch.old: a batch left the configuration

        This would mend it:

        removed {
          from = database_batch.old
        }</system-out>
            </testcase>
          </testsuite>
          <testsuite name="checks" tests="3" failures="1" errors="0" time="0" skipped="1">
            <testcase name="check.fits" classname="pgferry.plan.checks" time="0">
              <failure type="check" message="size 100%&#10;is too much">live/eu/checks.hcl:3:5
        check.fits: size 100%
        is too much</failure>
            </testcase>
            <testcase name="check.named" classname="pgferry.plan.checks" time="0"/>
            <testcase name="check.later" classname="pgferry.plan.checks" time="0">
              <skipped message="only known after apply"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_report_is_never_without_a_case() {
        let text = rendered(&plan(Vec::new(), Vec::new()), &Places::default());
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="pgferry plan" tests="1" failures="0" errors="0" time="0">
          <testsuite name="findings" tests="1" failures="0" errors="0" time="0" skipped="0">
            <testcase name="no finding" classname="pgferry.plan.findings" time="0"/>
          </testsuite>
        </testsuites>
        "#);
    }
}
