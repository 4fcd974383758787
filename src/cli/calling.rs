//! How pgferry is called here, so that every command that is shown can be typed as it stands. It runs none.

use std::path::Path;

use super::view::layout::typed;
use crate::config::Assignment;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What stands before and behind a command wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calling {
    before: String,
    behind: String,
}

/// How a command begins in a text that knows of no directory.
const COMMAND: &str = "`pgferry ";

impl Calling {
    /// For a project in this directory with these variables. Values of variables may be secret: they are left out.
    pub(crate) fn of(directory: &Path, assignments: &[Assignment]) -> Self {
        let mut before = String::from("pgferry");
        if directory != Path::new(".") {
            before.push_str(" -C ");
            before.push_str(&typed(directory.display()));
        }
        let mut behind = String::new();
        for assignment in assignments {
            behind.push_str(&match assignment {
                Assignment::File(path) => {
                    let path = path.strip_prefix(directory).unwrap_or(path);
                    format!(" --var-file {}", typed(path.display()))
                }
                Assignment::Value { name, .. } => format!(" --var {name}=…"),
            });
        }
        Self { before, behind }
    }

    /// The line that runs a command here: its name with what belongs to it, as a shell takes it.
    pub(crate) fn line(&self, command: &str) -> String {
        format!("{} {command}{}", self.before, self.behind)
    }

    /// A text in which every command, which stands in backticks and begins with `pgferry`, is the line that runs it here.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let mut pieces = text.split(COMMAND);
        let mut result = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            match piece.split_once('`') {
                Some((command, rest)) => result.push_str(&format!("`{}`{rest}", self.line(command))),
                None => {
                    result.push_str(COMMAND);
                    result.push_str(piece);
                }
            }
        }
        result
    }

    /// Problems whose ways out are such texts.
    pub(crate) fn in_hints(&self, found: &Diagnostics) -> Diagnostics {
        let complete = |problem: &Diagnostic| Diagnostic {
            hints: problem.hints.iter().map(|hint| self.in_text(hint)).collect(),
            ..problem.clone()
        };
        found.iter().map(complete).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::code;

    #[test]
    fn a_command_is_shown_as_it_works_here() {
        let here = Calling::of(Path::new("."), &[]);
        assert_eq!(
            here.line("cutover 'database_batch.a#1'"),
            "pgferry cutover 'database_batch.a#1'"
        );
        let assignments = [
            Assignment::File("live eu/prod.pgvars".into()),
            Assignment::Value {
                name: "password".into(),
                text: "hunter2".into(),
            },
        ];
        let elsewhere = Calling::of(Path::new("live eu"), &assignments);
        assert_eq!(
            elsewhere.line("apply"),
            "pgferry -C 'live eu' apply --var-file prod.pgvars --var password=…"
        );
    }

    #[test]
    fn commands_in_a_text_are_completed() {
        let here = Calling::of(Path::new("live"), &[]);
        assert_eq!(
            here.in_text("wait, or end it with `pgferry cancel 'a.b#1'`; `pgferry status` shows `x` of pgferry"),
            "wait, or end it with `pgferry -C live cancel 'a.b#1'`; `pgferry -C live status` shows `x` of pgferry"
        );
        assert_eq!(here.in_text("`pgferry never ends"), "`pgferry never ends");
        let found = Diagnostic::error(code::NO_DEFAULT, "odd").hint("see `pgferry show`");
        let hints: Vec<String> = here
            .in_hints(&found.into())
            .iter()
            .flat_map(|problem| problem.hints.clone())
            .collect();
        assert_eq!(hints, ["see `pgferry -C live show`"]);
    }
}
