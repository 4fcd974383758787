//! `pgferry ci init`: writes workflows into the root of the repository. What stands there and says something else is left alone
//! unless it is to be replaced, and then that is said.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Call;
use super::super::error::CommandError;
use super::super::exit::Exit;
use super::super::help;
use super::super::project::Refused;
use super::super::view::layout::{hang, listed};
use super::workflow::{Forge, Place, Variable, Workflow, workflows};
use crate::config::{Configuration, Sources, parsed, required};

/// Write a workflow for pull requests and one for releases
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry ci init github", "writes .github/workflows/pgferry-plan.yml and pgferry-release.yml"),
    ("pgferry ci init azure-devops", "writes azure-pipelines/pgferry-plan.yml and pgferry-release.yml"),
    ("pgferry ci init github --branch trunk", "what is merged there is applied"),
    ("pgferry ci init github --force", "replaces what stands there"),
]))]
pub(crate) struct InitArgs {
    /// Whose pipelines
    #[arg(value_name = "FORGE")]
    forge: Forge,
    /// The branch whose commits are applied
    #[arg(long, value_name = "NAME", default_value = "main")]
    branch: String,
    /// Replace workflows that stand there and say something else
    #[arg(long)]
    force: bool,
}

/// What is to be done with a file.
enum Fate {
    /// It is not there.
    Write,
    /// It is there, and is as it should be.
    Keep,
    /// It is there, and says something else.
    Replace,
}

pub(crate) fn run(args: &InitArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let configuration = configuration(call)?;
    let (root, inside) = repository(&call.directory)?;
    let (Some(directory), Some(branch)) = (plain(&inside), plain(&args.branch)) else {
        return Err(CommandError::Usage(format!(
            "workflows hold the directory `{inside}` and the branch `{}` as they stand, in shells and in YAML: letters, digits, \
             `_`, `-`, `.` and `/` are possible there",
            args.branch
        )));
    };
    let place = Place { directory, branch };
    let mut files: Vec<(Workflow, Fate)> = Vec::new();
    for workflow in workflows(args.forge, &place, &variables(&configuration)?) {
        let fate = fate(&root, &workflow)?;
        files.push((workflow, fate));
    }
    let in_the_way = files.iter().filter(|(_, fate)| matches!(fate, Fate::Replace));
    let in_the_way: Vec<String> = in_the_way.map(|(workflow, _)| format!("`{}`", workflow.path)).collect();
    if !args.force && !in_the_way.is_empty() {
        return Err(CommandError::Usage(format!(
            "{} would be written otherwise than it stands there, so nothing was written: give --force to replace it",
            listed(&in_the_way)
        )));
    }
    for (workflow, fate) in &files {
        let did = match fate {
            Fate::Keep => "unchanged",
            Fate::Write => "written",
            Fate::Replace => "replaced",
        };
        if !matches!(fate, Fate::Keep) {
            write(&root, workflow)?;
        }
        call.ui.show(&format!("{did:9}  {}\n", workflow.path));
    }
    call.ui.say(&next(&configuration, args.forge, call));
    Ok(Exit::Done)
}

/// The root of the repository that a directory lies in, and the directory as seen from there; empty for the root itself.
fn repository(directory: &Path) -> Result<(PathBuf, String), CommandError> {
    let refused = |source| CommandError::Directory {
        path: directory.to_owned(),
        source,
    };
    let whole = fs::canonicalize(directory).map_err(refused)?;
    let root = whole.ancestors().find(|folder| folder.join(".git").exists());
    let root = root.ok_or_else(|| {
        CommandError::Usage(
            "neither here nor above is a repository (`.git`), and only in one are workflows looked for".to_owned(),
        )
    })?;
    let inside = whole.strip_prefix(root).unwrap_or(Path::new(""));
    Ok((root.to_owned(), inside.display().to_string()))
}

/// A word that means itself in a shell, in YAML and in a pattern of paths.
fn plain(word: &str) -> Option<&str> {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    (plain && !word.starts_with('-')).then_some(word)
}

/// The configuration as it is written. Nothing of it is evaluated: what it takes is for the pipelines to give, and need not be at
/// hand here.
fn configuration(call: &Call<'_>) -> Result<Configuration, CommandError> {
    let mut sources = Sources::read(&call.directory).map_err(CommandError::Sources)?;
    let (configuration, found) = parsed(&mut sources);
    match found.has_errors() {
        true => {
            let found = call.calling.in_hints(&found);
            Err(CommandError::refused(Refused { found, sources }, call.ui.width()))
        }
        false => Ok(configuration),
    }
}

/// The variables of the configuration without a default.
///
/// # Errors
/// When one has a name that no environment can have, or two would be kept under one: a forge knows no small letters.
fn variables(configuration: &Configuration) -> Result<Vec<Variable>, CommandError> {
    let usable = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut variables = Vec::new();
    for variable in required(configuration) {
        let name = variable.name.to_string();
        if !usable(&name) {
            return Err(CommandError::Usage(format!(
                "a pipeline gives variables by its environment, and `{name}` can be no name there: name it with letters, digits \
                 and `_`, or give it a default"
            )));
        }
        if let Some(other) = kept.insert(name.to_uppercase(), name.clone()) {
            return Err(CommandError::Usage(format!(
                "a pipeline would keep `{other}` and `{name}` under one name, since there letter case does not count: rename one"
            )));
        }
        variables.push(Variable {
            name,
            is_secret: variable.is_secret,
            opens_state: variable.opens_state,
        });
    }
    Ok(variables)
}

/// Whether nothing says that the state is kept elsewhere than on the machine.
fn is_local(configuration: &Configuration) -> bool {
    let settings = configuration
        .root
        .iter()
        .filter(|block| &*block.kind.value == "pgferry");
    let mut backends = settings
        .flat_map(|block| block.body.blocks_of("state"))
        .filter_map(|state| state.labels.first());
    backends.all(|backend| &*backend.value == "local")
}

fn fate(root: &Path, workflow: &Workflow) -> Result<Fate, CommandError> {
    match fs::read(root.join(&workflow.path)) {
        Ok(there) if there == workflow.text.as_bytes() => Ok(Fate::Keep),
        Ok(_) => Ok(Fate::Replace),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Fate::Write),
        Err(cause) => Err(not_written(workflow, cause)),
    }
}

fn write(root: &Path, workflow: &Workflow) -> Result<(), CommandError> {
    let path = root.join(&workflow.path);
    let folder = path.parent().unwrap_or(root);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &workflow.text));
    written.map_err(|cause| not_written(workflow, cause))
}

fn not_written(workflow: &Workflow, cause: std::io::Error) -> CommandError {
    CommandError::NotWritten {
        name: workflow.path.clone(),
        cause,
    }
}

fn next(configuration: &Configuration, forge: Forge, call: &Call<'_>) -> String {
    let columns = call.ui.width();
    let mut text = String::from("\n");
    let gates = match forge {
        Forge::GitHub => "environments with their reviewers",
        Forge::AzureDevOps => "environments with their approvals",
    };
    let line = format!(
        "What they take stands at the top of each: set it up, the {gates} first of all, before these files are merged. The roles \
         of their identities: {}",
        call.calling.line("rbac")
    );
    text.push_str(&hang("", "", &line, columns));
    if is_local(configuration) {
        let line = "The state is kept beside the configuration, and a runner is thrown away: add a `state` block to the `pgferry` \
                    block before the first apply.";
        text.push_str(&hang("", "", line, columns));
    }
    text
}
