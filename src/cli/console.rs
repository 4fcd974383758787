//! `pgferry console`: evaluates expressions where the outputs of the configuration stand. It calls nobody and changes nothing.
//!
//! What is typed is remembered only until the end: it may hold secrets.

use std::io::{self, BufRead as _};

use clap::Args;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::{Project, Purpose};
use super::prompt;
use super::ui::Interaction;
use crate::arm::Outputs;
use crate::config::layout::{is_open, without_surroundings};
use crate::diagnostic::Diagnostics;
use crate::lang::convert::type_of;
use crate::lang::display::{Displayed, DisplayedType};
use crate::lang::expr::{Call as FunctionCall, Expr, Node, Spread};
use crate::lang::{function, syntax};

/// Evaluate expressions of the configuration
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry console", "line by line; Tab completes names"),
    ("echo 'keys(var.waves)' | pgferry console", "from standard input; the first error ends it"),
]))]
pub(crate) struct ConsoleArgs {}

const HELP: &str = "\
Every line is an expression, as it could stand in an output of this configuration: `var.NAME`, `local.NAME`, `KIND.LABEL`, every
function, and `type(EXPRESSION)` for its type. Open brackets and heredocs go on in the next line. What Azure decides is not known
here. `exit` or Ctrl-D ends.
";

/// What comes of a line.
enum Answer {
    Nothing,
    Text(String),
    Leave,
}

pub(crate) fn run(_: &ConsoleArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let width = call.ui.width();
    let env = prompt::answered(call, Purpose::Ask);
    let mut project = Project::load(&call.directory, &call.wishes, &env, Purpose::Ask, width)?;
    // What is wrong with the configuration is told before the first question.
    evaluate(&mut project, "null").map_err(|found| project.refuse(found, width))?;
    match call.ui.interaction() {
        Interaction::Possible => converse(project, call),
        Interaction::Impossible => read_lines(project, call),
    }
}

/// Answers what standard input asks, until something is wrong.
fn read_lines(mut project: Project, call: &Call<'_>) -> Result<Exit, CommandError> {
    let width = call.ui.width();
    let mut question = String::new();
    let mut lines = io::stdin().lock().lines();
    loop {
        let line = lines.next().transpose().map_err(|source| CommandError::System {
            doing: "read standard input as text",
            source,
        })?;
        let is_last = line.is_none();
        question.extend(line.map(|line| line + "\n"));
        if is_last || !is_open(&question) {
            let asked = std::mem::take(&mut question);
            match answer(&mut project, &asked).map_err(|found| project.refuse(found, width))? {
                Answer::Nothing => {}
                Answer::Text(text) => call.ui.data(&text),
                Answer::Leave => return Ok(Exit::Done),
            }
        }
        if is_last {
            return Ok(Exit::Done);
        }
    }
}

/// Answers a person, who may err.
fn converse(mut project: Project, call: &Call<'_>) -> Result<Exit, CommandError> {
    let failed = |error: ReadlineError| CommandError::System {
        doing: "read from the terminal",
        source: io::Error::other(error),
    };
    let config = Config::builder()
        .auto_add_history(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor: Editor<Names, DefaultHistory> = Editor::with_config(config).map_err(failed)?;
    editor.set_helper(Some(Names::of(&project)));
    loop {
        let line = match editor.readline("> ") {
            Ok(line) => line,
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(Exit::Done),
            Err(error) => return Err(failed(error)),
        };
        match answer(&mut project, &line) {
            Ok(Answer::Nothing) => {}
            Ok(Answer::Text(text)) => call.ui.data(&text),
            Ok(Answer::Leave) => return Ok(Exit::Done),
            Err(found) => call.ui.alert(&project.rendered(found, call.ui.width())),
        }
    }
}

fn answer(project: &mut Project, question: &str) -> Result<Answer, Diagnostics> {
    Ok(match without_surroundings(question) {
        "" => Answer::Nothing,
        "exit" => Answer::Leave,
        "help" => Answer::Text(HELP.to_owned()),
        question => Answer::Text(evaluate(project, question)? + "\n"),
    })
}

/// What is printed for an expression.
fn evaluate(project: &mut Project, question: &str) -> Result<String, Diagnostics> {
    let file = project.sources.add_question(question);
    let expr = syntax::expression(file, question)?;
    let ask = |expr| project.program.ask(&Outputs::default(), expr);
    match of_type(&expr) {
        Some(inner) => ask(inner).map(|value| DisplayedType(&type_of(&value)).to_string()),
        None => ask(&expr).map(|value| Displayed(&value).to_string()),
    }
}

/// The argument of `type(…)`, which only a console knows.
fn of_type(expr: &Expr) -> Option<&Expr> {
    let Node::Call(FunctionCall {
        name,
        arguments,
        spread: Spread::None,
    }) = &expr.node
    else {
        return None;
    };
    match arguments.as_slice() {
        [only] if *name.value == *"type" => Some(only),
        _ => None,
    }
}

/// What can be completed.
struct Names(Vec<String>);

impl Names {
    fn of(project: &Project) -> Self {
        let mut names = project.program.names();
        names.extend(function::all().map(|function| format!("{}(", function.name)));
        names.extend(["path.module", "path.root", "path.cwd", "type("].map(str::to_owned));
        names.sort();
        Self(names)
    }

    /// Where the name before the cursor starts, and all that begin like it.
    fn before(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = line.get(..cursor).unwrap_or(line);
        let is_name = |c: char| c.is_alphanumeric() || ['_', '-', '.'].contains(&c);
        let start = before.trim_end_matches(is_name).len();
        let word = before.get(start..).unwrap_or_default();
        let fitting = self.0.iter().filter(|name| !word.is_empty() && name.starts_with(word));
        (start, fitting.cloned().collect())
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.before(line, cursor))
    }
}

impl Validator for Names {
    fn validate(&self, line: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_open(line.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Highlighter for Names {}

impl Helper for Names {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_the_cursor_is_completed() {
        let names = Names(["local.size", "local.sizes", "length("].map(str::to_owned).to_vec());
        let found = |line: &str| names.before(line, line.len());
        assert_eq!(
            found("1 + local.si"),
            (4, vec!["local.size".to_owned(), "local.sizes".to_owned()])
        );
        assert_eq!(found("[len"), (1, vec!["length(".to_owned()]));
        assert_eq!(found("x ").1, Vec::<String>::new());
    }
}
