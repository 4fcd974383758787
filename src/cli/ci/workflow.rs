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
    /// Whether the state cannot be opened without it, so that a plan takes it, too.
    pub(super) opens_state: bool,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Workflow {
    /// Where it stands, as seen from the root of the repository.
    pub(super) path: String,
    /// What it says.
    pub(super) text: String,
}

/// The actions that workflows use, each by the commit of a release: a tag can be moved.
const ACTIONS: [(&str, &str); 2] = [
    (
        "@CHECKOUT@",
        "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0",
    ),
    (
        "@UPLOAD_SARIF@",
        "github/codeql-action/upload-sarif@0499de31b99561a6d14a36a5f662c2a54f91beee # v4.31.2",
    ),
];

/// The part of a script that tells what is ready for its cutover.
const READY: &str = include_str!("ready.sh");

/// The templates of a forge.
struct Templates {
    folder: &'static str,
    plan: &'static str,
    release: &'static str,
    /// Parts of both, at no indentation, by the lines that they stand for.
    parts: &'static [(&'static str, &'static str)],
}

/// Who is given a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// Who plans, and only reads.
    Plan,
    /// Who applies.
    Apply,
}

impl Identity {
    /// Whether it takes this variable.
    fn takes(self, variable: &Variable) -> bool {
        match self {
            Self::Plan => !variable.is_secret || variable.opens_state,
            Self::Apply => true,
        }
    }
}

impl Forge {
    fn templates(self) -> Templates {
        match self {
            Self::GitHub => Templates {
                folder: ".github/workflows",
                plan: include_str!("github/plan.yml"),
                release: include_str!("github/release.yml"),
                parts: &[
                    ("@INSTALL@", include_str!("github/install.yml")),
                    ("@AIM@", include_str!("github/aim.sh")),
                    ("@READY@", READY),
                ],
            },
            Self::AzureDevOps => Templates {
                folder: "azure-pipelines",
                plan: include_str!("azure_devops/plan.yml"),
                release: include_str!("azure_devops/release.yml"),
                parts: &[
                    ("@INSTALL@", include_str!("azure_devops/install.yml")),
                    ("@COMMENTING@", include_str!("azure_devops/commenting.yml")),
                    ("@AIMED@", include_str!("azure_devops/aimed.yml")),
                    ("@AIM@", include_str!("azure_devops/aim.sh")),
                    ("@READY@", READY),
                ],
            },
        }
    }

    /// The name under which it keeps a variable for one of the two. GitHub keeps secrets of the repository, which a plan takes,
    /// beside those of its environments, so there they have names of their own; Azure DevOps has a group for each of the two.
    fn stored(self, variable: &Variable, whose: Identity) -> String {
        let beginning = match (self, whose, variable.is_secret) {
            (Self::GitHub, Identity::Plan, true) => "PGFERRY_PLAN_VAR",
            (Self::GitHub | Self::AzureDevOps, Identity::Plan | Identity::Apply, _) => "PGFERRY_VAR",
        };
        format!("{beginning}_{}", variable.name.to_uppercase())
    }

    /// What gives a variable its value in an environment.
    fn value(self, variable: &Variable, whose: Identity) -> String {
        let stored = self.stored(variable, whose);
        match (self, variable.is_secret) {
            (Self::GitHub, true) => format!("${{{{ secrets.{stored} }}}}"),
            (Self::GitHub, false) => format!("${{{{ vars.{stored} }}}}"),
            (Self::AzureDevOps, _) => format!("$({stored})"),
        }
    }

    /// What one of the two takes, as lines of an environment.
    fn environment(self, variables: &[Variable], whose: Identity) -> String {
        let mut lines = String::new();
        for variable in variables.iter().filter(|variable| whose.takes(variable)) {
            let _ = writeln!(lines, "PGFERRY_VAR_{}: {}", variable.name, self.value(variable, whose));
        }
        lines
    }

    /// What one of the two takes, as comments say it.
    fn told(self, variables: &[Variable], whose: Identity) -> String {
        let mut lines = String::new();
        for variable in variables.iter().filter(|variable| whose.takes(variable)) {
            let kept = match (self, whose, variable.is_secret, variable.opens_state) {
                // It is told with what a plan takes.
                (Self::GitHub, Identity::Apply, false, _) => continue,
                (Self::GitHub, Identity::Apply, true, _) => "",
                (Self::GitHub, Identity::Plan, true, _) => "  a secret, which opens the state for a plan",
                (Self::GitHub, Identity::Plan, false, true) => {
                    "  of the environments of the release, too, where an apply opens the state otherwise"
                }
                (Self::AzureDevOps, Identity::Plan, true, _) => "  a secret, which opens the state for a plan",
                (Self::AzureDevOps, Identity::Apply, true, _) => "  a secret",
                (Self::GitHub, Identity::Plan, false, false) | (Self::AzureDevOps, _, false, _) => "",
            };
            let indent = match (self, whose) {
                (Self::GitHub, Identity::Apply) => "                     ",
                (Self::GitHub | Self::AzureDevOps, _) => "   ",
            };
            let _ = writeln!(lines, "#{indent}{}{kept}", self.stored(variable, whose));
        }
        let opens = variables
            .iter()
            .any(|variable| variable.is_secret && variable.opens_state);
        if whose == Identity::Plan && opens {
            lines.push_str(
                "# What opens the state for a plan should let nobody write: a role of PostgreSQL of its own (`pgferry rbac` prints its\n\
                 # grants), a signature for reading alone. A passphrase or key of the state is the same for both, and shows all of it.\n",
            );
        }
        if lines.is_empty() && (self, whose) == (Self::GitHub, Identity::Apply) {
            lines.push_str("#                     the configuration has none\n");
        }
        lines
    }
}

/// The workflow for pull requests and the one for releases.
pub(super) fn workflows(forge: Forge, place: &Place<'_>, variables: &[Variable]) -> Vec<Workflow> {
    let templates = forge.templates();
    let slug = match place.directory {
        "" => String::new(),
        inside => format!("-{}", inside.replace('/', "-")),
    };
    let filled_in = [
        ("@PLAN@", forge.environment(variables, Identity::Plan)),
        ("@APPLY@", forge.environment(variables, Identity::Apply)),
        ("@PLAN_TAKES@", forge.told(variables, Identity::Plan)),
        ("@APPLY_TAKES@", forge.told(variables, Identity::Apply)),
    ];
    let mut blocks = templates.parts.to_vec();
    blocks.extend(filled_in.iter().map(|(name, block)| (*name, block.as_str())));
    [("plan", templates.plan), ("release", templates.release)]
        .into_iter()
        .map(|(which, template)| {
            let path = format!("{}/pgferry{slug}-{which}.yml", templates.folder);
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
            let mut words = vec![
                ("@PATHS@", below.as_str()),
                ("@FILE@", &path),
                ("@OF@", &of),
                ("@SLUG@", &slug),
                ("@BRANCH@", place.branch),
                ("@C@", &chdir),
            ];
            words.extend(ACTIONS);
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

    fn variable(name: &str, is_secret: bool, opens_state: bool) -> Variable {
        Variable {
            name: name.to_owned(),
            is_secret,
            opens_state,
        }
    }

    /// One of every sort.
    fn every_variable() -> Vec<Variable> {
        vec![
            variable("erp_password", true, false),
            variable("size", false, false),
            variable("state_password", true, true),
            variable("state_user", false, true),
        ]
    }

    fn all() -> Vec<Workflow> {
        let sets = [vec![], every_variable()];
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
            let is_script = !line.starts_with(['#', '-']) && !line.starts_with("name:") && !line.starts_with("echo ");
            let Some(at) = line.find("pgferry ").filter(|_| is_script) else {
                continue;
            };
            let (before, command) = line.split_at(at);
            let begins = before.is_empty() || before.starts_with("timeout ") || before.ends_with("$(");
            if !begins || !before.is_empty() && !before.ends_with([' ', '(']) {
                continue;
            }
            let command = command.split(" 2>").next().unwrap();
            let command = command.split([';', '|', '>', '<', ')']).next().unwrap();
            let fitting = [
                (
                    "\"${aim[@]}\"",
                    "--target=network.hub --exclude=target.erp --retry=database_batch.wave1",
                ),
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
    fn what_somebody_types_reaches_no_script_but_through_an_environment() {
        for Workflow { path, text } in all() {
            let typed = text
                .lines()
                .filter(|line| line.contains("inputs.") || line.contains("parameters."));
            for line in typed {
                let (name, value) = line.trim().split_once(": ").unwrap();
                assert!(name.chars().all(|c| c.is_ascii_uppercase()), "{path}: {line}");
                assert!(value.starts_with("${{ ") && value.ends_with(" }}"), "{path}: {line}");
            }
        }
    }

    #[test]
    fn every_action_is_named_by_a_commit() {
        for Workflow { path, text } in all() {
            let used = text.lines().filter_map(|line| line.split_once("uses: "));
            for (_, action) in used {
                let (_, version) = action.split_once('@').unwrap();
                let (commit, release) = version.split_once(" # v").unwrap();
                assert!(
                    commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()),
                    "{path}: {action}"
                );
                assert!(!release.is_empty(), "{path}: {action}");
            }
        }
    }

    #[test]
    fn a_workflow_knows_its_place() {
        let [_, directory] = &PLACES;
        let written = workflows(Forge::GitHub, directory, &[]);
        let [plan, release] = &written[..] else {
            panic!("{written:?}")
        };
        assert_eq!(plan.path, ".github/workflows/pgferry-live-prod-plan.yml");
        assert!(
            plan.text.contains("- \"live/prod/**\"") && plan.text.contains("pgferry -C live/prod plan "),
            "{}",
            plan.text
        );
        assert!(release.text.contains("branches: [trunk]"), "{}", release.text);
    }

    #[test]
    fn a_plan_is_given_what_opens_the_state_and_no_other_secret() {
        let times = |text: &str, given: &str| text.matches(given).count();
        let written = |forge| workflows(forge, &PLACES[0], &every_variable());

        let github = written(Forge::GitHub);
        let [plan, release] = &github[..] else {
            panic!("{github:?}")
        };
        let plans = "PGFERRY_VAR_state_password: ${{ secrets.PGFERRY_PLAN_VAR_STATE_PASSWORD }}\n";
        let applies = "PGFERRY_VAR_state_password: ${{ secrets.PGFERRY_VAR_STATE_PASSWORD }}\n";
        let passwords = "PGFERRY_VAR_erp_password: ${{ secrets.PGFERRY_VAR_ERP_PASSWORD }}\n";
        let plain = "PGFERRY_VAR_size: ${{ vars.PGFERRY_VAR_SIZE }}\n";
        assert_eq!(
            [plans, applies, passwords, plain].map(|line| times(&plan.text, line)),
            [1, 0, 0, 1]
        );
        // Of releases: plan and drift; apply, wait, cutover and what goes on behind it.
        let told = [plans, applies, passwords, plain].map(|line| times(&release.text, line));
        assert_eq!(told, [2, 4, 4, 6]);
        // What is not pgferry has none of it.
        let steps = github.iter().flat_map(|workflow| workflow.text.split("\n      - "));
        for step in steps.filter(|step| step.contains("secrets.PGFERRY")) {
            assert!(step.contains("pgferry -C") || step.contains("pgferry "), "{step}");
            assert!(!step.contains("uses: "), "{step}");
        }
        assert!(!plan.text.contains("ERP_PASSWORD"), "{}", plan.text);

        // One group for each of the two, and the names are the same in both.
        let azure = written(Forge::AzureDevOps);
        let [plan, release] = &azure[..] else {
            panic!("{azure:?}")
        };
        let (state, passwords) = (
            "PGFERRY_VAR_state_password: $(PGFERRY_VAR_STATE_PASSWORD)\n",
            "PGFERRY_VAR_erp_password: $(PGFERRY_VAR_ERP_PASSWORD)\n",
        );
        assert_eq!([state, passwords].map(|line| times(&plan.text, line)), [1, 0]);
        assert_eq!([state, passwords].map(|line| times(&release.text, line)), [5, 3]);
        assert!(!plan.text.contains("group: pgferry-apply"), "{}", plan.text);
        let stages: Vec<&str> = release.text.split("  - stage: ").skip(1).collect();
        for stage in stages {
            let (plans, applies) = (
                stage.contains("group: pgferry-plan"),
                stage.contains("group: pgferry-apply"),
            );
            assert!(!(plans && applies), "{stage}");
            assert_eq!(applies, stage.contains("ERP_PASSWORD"), "{stage}");
        }
    }
}
