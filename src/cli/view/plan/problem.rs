//! What is wrong with a plan, as reports for programs want it: one list of findings, failed checks and losses nobody accepts,
//! each with its place in the files. It judges nothing; the plan has.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::address::Address;
use crate::cli::calling::Calling;
use crate::cli::view::layout::clean;
use crate::config::Sources;
use crate::config::source::{Location, Role};
use crate::diagnostic::{Severity, Span};
use crate::graph::Graph;
use crate::plan::action::Loss;
use crate::plan::{Checked, Finding, Plan};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Apply refuses the plan.
    Error,
    /// It does not.
    Warning,
    /// It was agreed to, and is only told.
    Note,
}

/// Something that is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Its stable code; [`Problem::CHECK`] and [`Problem::LOSS`] for what has none.
    pub(crate) rule: String,
    /// How bad it is.
    pub(crate) level: Level,
    /// The resource or check concerned.
    pub(crate) subject: Option<String>,
    /// What is wrong, in one sentence.
    pub(crate) summary: String,
    /// Why it matters and what to do.
    pub(crate) detail: Option<String>,
    /// HCL that would mend it.
    pub(crate) remedy: Option<String>,
    /// Where it is declared.
    pub(crate) place: Option<Location>,
}

impl Problem {
    /// The rule of `check` blocks.
    pub(crate) const CHECK: &str = "check";
    /// The rule that a loss wants consent.
    pub(crate) const LOSS: &str = "loss";
    /// The rule of a loss that the configuration accepts.
    pub(crate) const ACCEPTED: &str = "accepted-loss";

    /// Everything below the summary, as paragraphs of one text.
    pub(crate) fn more(&self) -> String {
        let remedy = self.remedy.as_ref().map(|hcl| format!("This would mend it:\n\n{hcl}"));
        let parts: Vec<String> = self.detail.clone().into_iter().chain(remedy).collect();
        parts.join("\n\n")
    }

    /// Everything as one text, the subject first where the summary does not name it.
    pub(crate) fn text(&self) -> String {
        let head = match &self.subject {
            Some(subject) if !self.summary.contains(subject.as_str()) => format!("{subject}: {}", self.summary),
            Some(_) | None => self.summary.clone(),
        };
        match self.more() {
            more if more.is_empty() => head,
            more => format!("{head}\n\n{more}"),
        }
    }
}

/// A place that is written as `main.hcl:3:17`.
fn read(text: &str) -> Option<Location> {
    let (rest, column) = text.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Location {
        file: file.to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

/// Where resources are declared, in files named as the caller of the command sees them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    base: PathBuf,
    declared: BTreeMap<Address, Location>,
    first_file: Option<String>,
}

impl Places {
    /// Of what a plan has something to say about. `base` is the directory of the configuration as it was given.
    pub(crate) fn of(plan: &Plan, graph: &Graph, sources: &Sources, base: &Path) -> Self {
        let found = plan.findings.iter().filter_map(|finding| finding.address.as_ref());
        let concerned = found.chain(plan.losses.iter().map(|loss| &loss.address));
        let declared = concerned.filter_map(|address| {
            let declaration = graph.get(address)?;
            Some((address.clone(), sources.locate(declaration.span)?))
        });
        let first_file = sources.of_role(Role::Configuration).next();
        Self {
            base: base.to_owned(),
            declared: declared.collect(),
            first_file: first_file.map(|(_, file)| file.name.clone()),
        }
    }

    /// Of a plan in a file.
    pub(crate) fn of_file(kept: &BTreeMap<Address, String>, base: &Path) -> Self {
        let declared = kept.iter();
        let declared: BTreeMap<Address, Location> = declared
            .filter_map(|(address, place)| Some((address.clone(), read(place)?)))
            .collect();
        Self {
            base: base.to_owned(),
            first_file: declared.values().next().map(|place| place.file.clone()),
            declared,
        }
    }

    /// As a plan's file keeps them.
    pub(crate) fn kept(&self) -> BTreeMap<Address, String> {
        let declared = self.declared.iter();
        declared
            .map(|(address, place)| (address.clone(), place.to_string()))
            .collect()
    }

    /// Of resources and the headers of their blocks.
    pub(crate) fn declared<'a>(
        blocks: impl Iterator<Item = (&'a Address, Span)>,
        sources: &Sources,
        base: &Path,
    ) -> Self {
        let located = blocks.filter_map(|(address, span)| Some((address.clone(), sources.locate(span)?)));
        let first_file = sources.of_role(Role::Configuration).next();
        Self {
            base: base.to_owned(),
            declared: located.collect(),
            first_file: first_file.map(|(_, file)| file.name.clone()),
        }
    }

    /// A place in a file as it is seen from where the command was called.
    pub(crate) fn seen(&self, place: Location) -> Location {
        Location {
            file: as_seen(&self.base, &place.file),
            ..place
        }
    }

    /// Where a resource is declared.
    pub(crate) fn of_address(&self, address: &Address) -> Option<Location> {
        self.declared.get(address).cloned().map(|place| self.seen(place))
    }

    /// The place of a check, which the plan tells as `main.hcl:3:17`.
    fn of_text(&self, text: &str) -> Option<Location> {
        read(text).map(|place| self.seen(place))
    }

    /// A place for what has none, where a format demands one: the top of the configuration.
    pub(crate) fn top(&self) -> Option<Location> {
        let file = self.first_file.clone()?;
        Some(self.seen(Location {
            file,
            line: 1,
            column: 1,
        }))
    }
}

/// A file of a configuration as it is seen from where the command was called, without `.` and with `..` resolved where that can be.
fn as_seen(base: &Path, file: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut root = "";
    for component in base.join(file).components() {
        match component {
            Component::CurDir => {}
            Component::RootDir => root = "/",
            Component::ParentDir => match parts.last() {
                Some(last) if last != ".." => {
                    parts.pop();
                }
                Some(_) | None => parts.push("..".to_owned()),
            },
            Component::Prefix(prefix) => parts.push(prefix.as_os_str().to_string_lossy().into_owned()),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
        }
    }
    format!("{root}{}", parts.join("/"))
}

/// Everything that is wrong: what stops an apply first.
pub(crate) fn problems(plan: &Plan, calling: &Calling, places: &Places) -> Vec<Problem> {
    let losses = plan.losses.iter().filter(|loss| loss.consent.is_none());
    let mut problems: Vec<Problem> = losses.map(|loss| loss_problem(loss, places)).collect();
    problems.extend(
        plan.findings
            .iter()
            .map(|finding| finding_problem(finding, calling, places)),
    );
    problems.extend(plan.failed_checks().map(|check| check_problem(check, places)));
    problems.sort_by_key(|problem| problem.level == Level::Warning);
    problems
}

fn loss_problem(loss: &Loss, places: &Places) -> Problem {
    Problem {
        rule: Problem::LOSS.to_owned(),
        level: Level::Error,
        subject: Some(loss.address.to_string()),
        summary: format!("{} would be lost: {}", clean(&loss.what), clean(&loss.how)),
        detail: Some("Nothing in the configuration accepts this loss, so the plan cannot be applied.".to_owned()),
        remedy: None,
        place: places.of_address(&loss.address),
    }
}

/// The losses that the configuration accepts. They are nothing wrong; whoever reviews a change wants to see them beside it.
pub(crate) fn accepted(plan: &Plan, places: &Places) -> Vec<Problem> {
    let accepted = plan
        .losses
        .iter()
        .filter_map(|loss| Some((loss, loss.consent.as_ref()?)));
    let problem = |(loss, consent): (&Loss, &String)| Problem {
        rule: Problem::ACCEPTED.to_owned(),
        level: Level::Note,
        summary: match loss.is_only_possible() {
            true => format!("{} would be {}", clean(&loss.what), clean(&loss.how)),
            false => format!("{} will be lost: {}", clean(&loss.what), clean(&loss.how)),
        },
        detail: Some(format!("It is accepted: {}.", clean(consent))),
        ..loss_problem(loss, places)
    };
    accepted.map(problem).collect()
}

fn finding_problem(finding: &Finding, calling: &Calling, places: &Places) -> Problem {
    Problem {
        rule: finding.code.to_string(),
        level: match finding.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        },
        subject: finding.address.as_ref().map(Address::to_string),
        summary: clean(&finding.summary),
        detail: finding.detail.as_ref().map(|detail| clean(&calling.in_text(detail))),
        remedy: finding.remedy.as_ref().map(|remedy| clean(remedy)),
        place: finding.address.as_ref().and_then(|address| places.of_address(address)),
    }
}

/// A failed check never stops an apply.
fn check_problem(check: &Checked, places: &Places) -> Problem {
    Problem {
        rule: Problem::CHECK.to_owned(),
        level: Level::Warning,
        subject: Some(check.name.clone()),
        summary: clean(&check.message),
        detail: None,
        remedy: None,
        place: check.place.as_ref().and_then(|place| places.of_text(place)),
    }
}

/// What is wrong with a sample, for the tests of the reports.
#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::block::Verdict;
    use crate::cli::view::samples;
    use crate::diagnostic::code;

    /// A plan with one of each, and where they are declared.
    pub(crate) fn troubled() -> (Plan, Places) {
        let mut plan = samples::first_apply();
        let batch: Address = "database_batch.wave1".parse().unwrap();
        plan.losses = ["crm", "docs & <files>"]
            .iter()
            .zip([Some("accept_loss: crm = \"overwrite\"".to_owned()), None])
            .map(|(what, consent)| Loss {
                address: batch.clone(),
                what: (*what).to_owned(),
                how: "overwritten on the target".to_owned(),
                consent,
            })
            .collect();
        plan.findings = vec![
            Finding {
                code: code::OVERLAP,
                severity: Severity::Error,
                summary: "vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22".to_owned(),
                detail: Some("One of them needs another address space; see `pgferry status`.".to_owned()),
                remedy: None,
                address: Some(batch.clone()),
            },
            Finding {
                code: code::LEFT_RUNNING,
                severity: Severity::Warning,
                summary: "a batch left the configuration".to_owned(),
                detail: None,
                remedy: Some("removed {\n  from = database_batch.old\n}".to_owned()),
                address: Some("database_batch.old".parse().unwrap()),
            },
        ];
        let check = |name: &str, verdict, line| Checked {
            name: name.to_owned(),
            verdict,
            message: "size 100%\nis too much".to_owned(),
            place: Some(format!("checks.hcl:{line}:5")),
        };
        plan.checks = vec![
            check("check.fits", Verdict::Fails, 3),
            check("check.named", Verdict::Holds, 9),
            check("check.later", Verdict::Unknown, 12),
        ];
        let place = Location {
            file: "main.hcl".to_owned(),
            line: 40,
            column: 1,
        };
        let places = Places {
            base: PathBuf::from("live/./eu"),
            declared: BTreeMap::from([(batch, place)]),
            first_file: Some("main.hcl".to_owned()),
        };
        (plan, places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_an_apply_comes_first_and_has_its_place() {
        let (plan, places) = samples::troubled();
        let calling = Calling::of(Path::new("live/eu"), &[]);
        let found = problems(&plan, &calling, &places);
        let lines: Vec<String> = found
            .iter()
            .map(|problem| {
                let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
                format!(
                    "{:?} {} {place} {}",
                    problem.level,
                    problem.rule,
                    problem.summary.replace('\n', " ")
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        Error loss live/eu/main.hcl:40:1 docs & <files> would be lost: overwritten on the target
        Error N001 live/eu/main.hcl:40:1 vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22
        Warning B002  a batch left the configuration
        Warning check live/eu/checks.hcl:3:5 size 100% is too much
        ");
        assert!(
            found
                .iter()
                .any(|problem| problem.more().contains("`pgferry -C live/eu status`"))
        );
    }

    #[test]
    fn files_are_named_as_the_caller_sees_them() {
        assert_eq!(as_seen(Path::new("."), "main.hcl"), "main.hcl");
        assert_eq!(
            as_seen(Path::new("live/eu"), "../modules/a/main.hcl"),
            "live/modules/a/main.hcl"
        );
        assert_eq!(as_seen(Path::new("."), "../../a.hcl"), "../../a.hcl");
        assert_eq!(as_seen(Path::new("/repo"), "main.hcl"), "/repo/main.hcl");
    }
}
