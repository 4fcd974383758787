//! `pgferry fmt`: lays files out. It reads and replaces files, and evaluates nothing.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use similar::TextDiff;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Refused;
use super::ui::Ui;
use crate::config::Sources;
use crate::config::layout::formatted;
use crate::config::parse::check_syntax;
use crate::diagnostic::FileId;

/// The argument that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Lay out configuration files in the usual style
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry fmt", "rewrite the `*.hcl` files here, and list those that changed"),
    ("pgferry fmt --check --recursive --diff", "for pipelines: change nothing, exit with 3 if something should"),
    ("pgferry fmt -", "from standard input to standard output, for editors"),
]))]
pub(crate) struct FmtArgs {
    /// Files and directories, or `-` for standard input [default: this directory]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write nothing; exit with 3 if a file is not laid out
    #[arg(long)]
    check: bool,
    /// Show the differences
    #[arg(long)]
    diff: bool,
    /// Subdirectories, too
    #[arg(long)]
    recursive: bool,
    /// Whether changed files are listed
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        hide_possible_values = true
    )]
    list: bool,
    /// Whether changed files are written
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        hide_possible_values = true
    )]
    write: bool,
}

pub(crate) fn run(args: &FmtArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let ui = call.ui;
    if args.paths.iter().any(|path| path.as_os_str() == STANDARD_INPUT) {
        if args.paths.len() > 1 {
            return Err(CommandError::Usage(
                "`-` stands alone: standard input is one text".to_owned(),
            ));
        }
        return standard_input(args, ui);
    }
    let here = [PathBuf::from(".")];
    let paths = if args.paths.is_empty() {
        &here
    } else {
        args.paths.as_slice()
    };
    let mut exit = Exit::Done;
    for path in paths {
        let mut files = Vec::new();
        if let Err(error) = find(&call.directory, path, args.recursive, &mut files) {
            exit = exit.and(complain(call, &error));
        }
        for shown in files {
            exit = exit.and(match file(args, &call.directory, &shown, ui) {
                Ok(exit) => exit,
                Err(error) => complain(call, &error),
            });
        }
    }
    Ok(exit)
}

/// Other files may be in order: the error is told, and work goes on.
fn complain(call: &Call<'_>, error: &CommandError) -> Exit {
    let report = error.report();
    call.ui.alert(&report.render(&call.calling, call.ui.width()));
    report.exit
}

/// The files below `path`, by name; `path` itself if it is one. Links to directories are not followed, so no loop is.
fn find(base: &Path, path: &Path, recursive: bool, found: &mut Vec<PathBuf>) -> Result<(), CommandError> {
    let refused = |source| CommandError::Directory {
        path: path.to_owned(),
        source,
    };
    let place = base.join(path);
    if !fs::metadata(&place).map_err(refused)?.is_dir() {
        if !is_ours(path) {
            let text = format!("`{}` is no `*.hcl` file: only those are laid out", path.display());
            return Err(CommandError::Usage(text));
        }
        found.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(&place).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        entries.push((entry.file_name(), entry.file_type().map_err(refused)?));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, kind) in entries {
        let below = if path == Path::new(".") {
            PathBuf::from(&name)
        } else {
            path.join(&name)
        };
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            if recursive {
                find(base, &below, recursive, found)?;
            }
        } else if is_ours(&below) && !base.join(&below).is_dir() {
            found.push(below);
        }
    }
    Ok(())
}

fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "hcl")
}

fn file(args: &FmtArgs, base: &Path, shown: &Path, ui: &Ui) -> Result<Exit, CommandError> {
    let path = base.join(shown);
    let sources = Sources::read_file(&path).map_err(CommandError::Sources)?;
    let (before, after) = laid_out(&sources, ui)?;
    let writes = args.write && !args.check;
    if before == after {
        if !args.list && !args.check && !args.diff && !writes {
            ui.data(&after);
        }
        return Ok(Exit::Done);
    }
    if writes {
        replace(&path, &after).map_err(|cause| {
            let name = shown.display().to_string();
            CommandError::Unwritable { name, cause }
        })?;
    }
    if args.list {
        ui.data(&format!("{}\n", shown.display()));
    }
    if args.diff {
        ui.data(&difference(&shown.display().to_string(), &before, &after));
    }
    if !args.list && !args.check && !args.diff && !writes {
        ui.data(&after);
    }
    Ok(if args.check { Exit::NotLaidOut } else { Exit::Done })
}

fn standard_input(args: &FmtArgs, ui: &Ui) -> Result<Exit, CommandError> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|source| CommandError::System {
            doing: "read standard input as text",
            source,
        })?;
    let sources = Sources::from_texts([("<standard input>", text.as_str())]);
    let (before, after) = laid_out(&sources, ui)?;
    if args.diff {
        ui.data(&difference("standard input", &before, &after));
    } else if !args.check {
        ui.data(&after);
    }
    Ok(if args.check && before != after {
        Exit::NotLaidOut
    } else {
        Exit::Done
    })
}

/// The text of the only file, and the same laid out.
fn laid_out(sources: &Sources, ui: &Ui) -> Result<(String, String), CommandError> {
    let id = FileId(0);
    let Some(file) = sources.file(id) else {
        return Ok((String::new(), String::new()));
    };
    check_syntax(id, file).map_err(|found| {
        let sources = sources.clone();
        CommandError::refused(Refused { found, sources }, ui.width())
    })?;
    Ok((file.text.to_string(), formatted(&file.text)))
}

fn difference(name: &str, before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .header(&format!("old/{name}"), &format!("new/{name}"))
        .to_string()
}

/// Puts a text in the place of a file, at once and with the file's mode. A link stays one, and the file that it leads to is
/// replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    // A file that must not be written stays, though its directory would allow to replace it.
    let permissions = fs::OpenOptions::new()
        .write(true)
        .open(&target)?
        .metadata()?
        .permissions();
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = target.with_file_name(name);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.set_permissions(permissions)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, &target));
    if written.is_err() {
        // The error that counts is the first.
        let _ = fs::remove_file(&beside);
    }
    written
}
