//! The workflows as texts: templates of a forge, filled in for one configuration. Pure.

use std::fmt::Write;

use clap::ValueEnum;

/// Whose pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Forge {
    #[value(name = "github", help = "GitHub Actions")]
    GitHub,
    #[value(name = "azure-devops", help = "Azure DevOps")]
    AzureDevOps,
}

/// Where the configuration is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Its directory as seen from the root of the repository; empty for the root.
    pub(super) directory: &'a str,
    /// The branch whose commits are applied.
    pub(super) branch: &'a str,
}

/// A variable that somebody has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: String,
    /// Whether it is nobody else's business.
    pub(super) is_secret: bool,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Workflow {
    /// Where it stands, as seen from the root of the repository.
    pub(super) path: String,
    /// What it says.
    pub(super) text: String,
}

/// The templates of a forge.
struct Templates {
    folder: &'static str,
    plan: &'static str,
    release: &'static str,
    /// The step that installs pgferry, at no indentation.
    install: &'static str,
}

impl Forge {
    fn templates(self) -> Templates {
        match self {
            Self::GitHub => Templates {
                folder: ".github/workflows",
                plan: include_str!("github/plan.yml"),
                release: include_str!("github/release.yml"),
                install: include_str!("github/install.yml"),
            },
            Self::AzureDevOps => Templates {
                folder: "azure-pipelines",
                plan: include_str!("azure_devops/plan.yml"),
                release: include_str!("azure_devops/release.yml"),
                install: include_str!("azure_devops/install.yml"),
            },
        }
    }

    /// What gives a variable its value in an environment.
    fn value(self, variable: &Variable) -> String {
        let stored = stored(variable);
        match (self, variable.is_secret) {
            (Self::GitHub, true) => format!("${{{{ secrets.{stored} }}}}"),
            (Self::GitHub, false) => format!("${{{{ vars.{stored} }}}}"),
            (Self::AzureDevOps, _) => format!("$({stored})"),
        }
    }
}

/// The name under which a forge keeps a variable.
fn stored(variable: &Variable) -> String {
    format!("PGFERRY_VAR_{}", variable.name.to_uppercase())
}

/// The workflow for pull requests and the one for releases.
pub(super) fn workflows(forge: Forge, place: &Place<'_>, variables: &[Variable]) -> Vec<Workflow> {
    let templates = forge.templates();
    let slug = match place.directory {
        "" => String::new(),
        inside => format!("-{}", inside.replace('/', "-")),
    };
    let environment = |wanted: &dyn Fn(&Variable) -> bool| -> String {
        let mut lines = String::new();
        for variable in variables.iter().filter(|variable| wanted(variable)) {
            let _ = writeln!(lines, "PGFERRY_VAR_{}: {}", variable.name, forge.value(variable));
        }
        lines
    };
    let plain = environment(&|variable| !variable.is_secret);
    let all = environment(&|_| true);
    let mut taken = String::new();
    for variable in variables {
        let kept = match (forge, variable.is_secret) {
            (Forge::GitHub, true) => "a secret of the repository, or of the three environments",
            (Forge::GitHub, false) => "a variable of the repository",
            (Forge::AzureDevOps, true) => "a secret in the variable group",
            (Forge::AzureDevOps, false) => "in the variable group",
        };
        let _ = writeln!(taken, "#   {}  {kept}", stored(variable));
    }
    [("plan", templates.plan), ("release", templates.release)]
        .into_iter()
        .map(|(which, template)| {
            let path = format!("{}/pgferry{slug}-{which}.yml", templates.folder);
            let blocks = [
                ("@INSTALL@", templates.install),
                ("@PLAIN@", &plain),
                ("@ALL@", &all),
                ("@SECRETS@", &taken),
            ];
            let (below, of, chdir) = match place.directory {
                "" => ("**".to_owned(), String::new(), String::new()),
                inside => (format!("{inside}/**"), format!(" of {inside}"), format!("-C {inside} ")),
            };
            // Azure DevOps takes a directory for all below it.
            let below = match (forge, place.directory) {
                (Forge::GitHub, _) => below,
                (Forge::AzureDevOps, "") => "*".to_owned(),
                (Forge::AzureDevOps, inside) => inside.to_owned(),
            };
            let words = [
                ("@PATHS@", below.as_str()),
                ("@FILE@", &path),
                ("@OF@", &of),
                ("@SLUG@", &slug),
                ("@BRANCH@", place.branch),
                ("@C@", &chdir),
            ];
            Workflow {
                text: filled(template, &blocks, &words),
                path,
            }
        })
        .collect()
}

/// A template with its blocks, which take over the indentation of the line they stand for, and its words.
fn filled(template: &str, blocks: &[(&str, &str)], words: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for line in template.lines() {
        match blocks.iter().find(|(name, _)| line.trim() == *name) {
            None => {
                text.push_str(line);
                text.push('\n');
            }
            Some((_, block)) => {
                let indent = line.len() - line.trim_start().len();
                for inner in block.lines() {
                    let _ = writeln!(text, "{:indent$}{inner}", "");
                }
            }
        }
    }
    words.iter().fold(text, |text, (name, word)| text.replace(name, word))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use saphyr_parser::Parser;

    use super::*;
    use crate::cli::{Cli, spelling};

    const PLACES: [Place<'static>; 2] = [
        Place {
            directory: "",
            branch: "main",
        },
        Place {
            directory: "live/prod",
            branch: "trunk",
        },
    ];

    fn all() -> Vec<Workflow> {
        let variable = |name: &str, is_secret| Variable {
            name: name.to_owned(),
            is_secret,
        };
        let sets = [vec![], vec![variable("erp_password", true), variable("size", false)]];
        let forges = [Forge::GitHub, Forge::AzureDevOps];
        let every = forges.into_iter().flat_map(|forge| {
            let sets = &sets;
            PLACES
                .iter()
                .flat_map(move |place| sets.iter().flat_map(move |set| workflows(forge, place, set)))
        });
        every.collect()
    }

    /// The command lines of pgferry in a script, as words; a variable of the shell has a value that fits.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for line in text.lines().map(str::trim) {
            let is_script = !line.starts_with('#') && !line.starts_with("name:") && !line.starts_with("echo ");
            let Some(at) = line.find("pgferry ").filter(|_| is_script) else {
                continue;
            };
            let (before, command) = line.split_at(at);
            let begins = before.is_empty() || before.starts_with("timeout ") || before.ends_with("$(");
            if !begins || !before.is_empty() && !before.ends_with([' ', '(']) {
                continue;
            }
            let command = command.split([';', '|', '>', '<', ')']).next().unwrap();
            let fitting = [
                ("\"$FINGERPRINT\"", "377f988b92aa3e935784b1843f922918"),
                ("\"$address\"", "database_batch.wave1#1"),
            ];
            let command = fitting
                .iter()
                .fold(command.to_owned(), |text, (name, value)| text.replace(name, value));
            found.push(command.split_whitespace().map(|word| word.replace('"', "")).collect());
        }
        found
    }

    #[test]
    fn every_command_is_one_that_there_is() {
        let mut told = 0;
        for workflow in all() {
            let commands = commands(&workflow.text);
            assert!(!commands.is_empty(), "{}", workflow.path);
            for words in commands {
                let mut command = Cli::command();
                let words = words.iter().map(Into::into).collect();
                let words = spelling::normalise(words, &command);
                let parsed = command.try_get_matches_from_mut(&words);
                assert!(parsed.is_ok(), "{words:?}: {}", parsed.unwrap_err());
                told += 1;
            }
        }
        // One of pull requests and seven of releases, of two forges, for two places and two sets of variables.
        assert_eq!(told, 4 * 16);
    }

    #[test]
    fn every_workflow_is_yaml_without_a_gap() {
        for Workflow { path, text } in all() {
            for event in Parser::new_from_str(&text) {
                assert!(event.is_ok(), "{path}: {event:?}\n{text}");
            }
            let gap = text.lines().find(|line| {
                let mut parts = line.split('@').skip(1);
                parts.any(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_uppercase()))
            });
            assert_eq!(gap, None, "{path}");
            assert!(!text.contains(" \n"), "{path} has a line that ends in a space");
        }
    }

    #[test]
    fn a_workflow_knows_its_place_and_its_secrets() {
        let [_, directory] = &PLACES;
        let secret = Variable {
            name: "erp_password".to_owned(),
            is_secret: true,
        };
        let written = workflows(Forge::GitHub, directory, &[secret]);
        let [plan, release] = &written[..] else {
            panic!("{written:?}")
        };
        assert_eq!(plan.path, ".github/workflows/pgferry-live-prod-plan.yml");
        assert!(
            plan.text.contains("- \"live/prod/**\"") && plan.text.contains("pgferry -C live/prod plan "),
            "{}",
            plan.text
        );
        // A plan needs no password, and is given none.
        assert!(!plan.text.contains("erp_password"), "{}", plan.text);
        let given = "      PGFERRY_VAR_erp_password: ${{ secrets.PGFERRY_VAR_ERP_PASSWORD }}\n";
        assert_eq!(release.text.matches(given).count(), 3, "{}", release.text);
        assert!(release.text.contains("branches: [trunk]"), "{}", release.text);
    }
}
