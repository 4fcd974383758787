//! What is wrong with a plan as the log commands of a pipeline, which shows them beside the changed lines.

use std::fmt::Write;

use super::problem::{Level, Problem};

/// Whose log commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `::error file=…::`, of GitHub Actions.
    GitHub,
    /// `##vso[task.logissue …]`, of Azure DevOps.
    AzureDevOps,
}

/// One line for each problem.
pub(crate) fn render(problems: &[Problem], dialect: Dialect) -> String {
    let mut text = String::new();
    for problem in problems {
        match dialect {
            Dialect::GitHub => github(&mut text, problem),
            Dialect::AzureDevOps => azure_devops(&mut text, problem),
        }
    }
    text
}

fn level(problem: &Problem) -> &'static str {
    match problem.level {
        Level::Error => "error",
        // Azure DevOps has no lesser word.
        Level::Warning | Level::Note => "warning",
    }
}

fn github(text: &mut String, problem: &Problem) {
    let property = |value: &str| message(value).replace(':', "%3A").replace(',', "%2C");
    let _ = write!(text, "::{} ", level(problem));
    if let Some(place) = &problem.place {
        let file = property(&place.file);
        let _ = write!(text, "file={file},line={},col={},", place.line, place.column);
    }
    let title = format!("pgferry {}", problem.rule);
    let _ = writeln!(text, "title={}::{}", property(&title), message(&problem.text()));
}

/// As the runner decodes it: the percent sign first.
fn message(value: &str) -> String {
    value.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn azure_devops(text: &mut String, problem: &Problem) {
    let escaped = |value: &str| {
        let value = value.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A");
        value.replace(';', "%3B").replace(']', "%5D")
    };
    let _ = write!(text, "##vso[task.logissue type={};", level(problem));
    if let Some(place) = &problem.place {
        let file = escaped(&place.file);
        let _ = write!(
            text,
            "sourcepath={file};linenumber={};columnnumber={};",
            place.line, place.column
        );
    }
    let _ = writeln!(text, "code={};]{}", escaped(&problem.rule), escaped(&problem.text()));
}

#[cfg(test)]
mod tests {
    use super::super::problem::{problems, samples};
    use super::*;
    use crate::cli::calling::Calling;

    fn rendered(dialect: Dialect) -> String {
        let (plan, places) = samples::troubled();
        let calling = Calling::of(std::path::Path::new("."), &[]);
        render(&problems(&plan, &calling, &places), dialect)
    }

    #[test]
    fn github_shows_them_beside_the_lines() {
        insta::assert_snapshot!(rendered(Dialect::GitHub), @"
        ::error file=live/eu/main.hcl,line=40,col=1,title=pgferry loss::database_batch.wave1: docs & <files> would be lost: overwritten on the target%0A%0ANothing in the configuration accepts this loss, so the plan cannot be applied.
        ::error file=live/eu/main.hcl,line=40,col=1,title=pgferry N001::database_batch.wave1: vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22%0A%0AOne of them needs another address space; see `pgferry status`.
        ::warning title=pgferry B002::database_batch.old: a batch left the configuration%0A%0AThis would mend it:%0A%0Aremoved {%0A  from = database_batch.old%0A}
        ::warning file=live/eu/checks.hcl,line=3,col=5,title=pgferry check::check.fits: size 100%25%0Ais too much
        ");
    }

    #[test]
    fn azure_devops_shows_them_beside_the_lines() {
        insta::assert_snapshot!(rendered(Dialect::AzureDevOps), @"
        ##vso[task.logissue type=error;sourcepath=live/eu/main.hcl;linenumber=40;columnnumber=1;code=loss;]database_batch.wave1: docs & <files> would be lost: overwritten on the target%0A%0ANothing in the configuration accepts this loss, so the plan cannot be applied.
        ##vso[task.logissue type=error;sourcepath=live/eu/main.hcl;linenumber=40;columnnumber=1;code=N001;]database_batch.wave1: vnet-hub and vnet-target overlap: 10.0.0.0/16, 10.0.4.0/22%0A%0AOne of them needs another address space%3B see `pgferry status`.
        ##vso[task.logissue type=warning;code=B002;]database_batch.old: a batch left the configuration%0A%0AThis would mend it:%0A%0Aremoved {%0A  from = database_batch.old%0A}
        ##vso[task.logissue type=warning;sourcepath=live/eu/checks.hcl;linenumber=3;columnnumber=5;code=check;]check.fits: size 100%AZP25%0Ais too much
        ");
    }

    #[test]
    fn no_text_begins_a_command_of_its_own() {
        for dialect in [Dialect::GitHub, Dialect::AzureDevOps] {
            let text = rendered(dialect);
            let begins = |line: &str| line.starts_with("::") || line.starts_with("##vso[task.logissue ");
            assert!(text.lines().all(begins), "{text}");
        }
    }
}
