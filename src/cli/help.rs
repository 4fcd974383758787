//! How help and usage errors look. What each flag means stands beside the flag.

use std::ffi::OsString;

use anstyle::AnsiColor;
use clap::builder::Styles;
use clap::builder::styling::Effects;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::color::{HINT, STRONG, paint};
use super::env::{Env, VARIABLES};
use super::exit::Exit;
use super::ui::{Interaction, Settings, Ui, Verbosity};
use super::view::layout::hang;

/// The colours of help texts.
pub(crate) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::White.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::White.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default().effects(Effects::DIMMED))
    .error(super::color::ERROR)
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());

/// Help is laid out for this width.
const COLUMNS: usize = 80;

/// What stands under the list of commands.
pub(crate) fn after() -> String {
    let width = VARIABLES
        .iter()
        .map(|variable| variable.name.len())
        .max()
        .unwrap_or_default();
    let variables: String = VARIABLES
        .iter()
        .map(|variable| {
            let first = format!("  {:width$}  ", variable.name);
            hang(&first, &" ".repeat(first.len()), variable.does, COLUMNS)
        })
        .collect();
    let codes = [
        (Exit::Done, "done, or nothing to do"),
        (
            Exit::Error,
            "an error, of usage too; declined, or interrupted before anything was begun",
        ),
        (Exit::Changes, "something would change (plan --detailed-exitcode)"),
        (
            Exit::InFlight,
            "migrations go on in Azure; of fmt --check: not laid out",
        ),
        (Exit::WaitingForPerson, "only a person's answer is missing"),
        (Exit::Drift, "others changed something (drift)"),
        (Exit::CheckFailed, "a check failed"),
    ];
    let codes: String = codes
        .iter()
        .map(|(exit, means)| format!("  {}  {means}\n", exit.code()))
        .collect();
    format!(
        "{}\n{variables}\n{}\n{codes}\nFlags may be written as in Terraform, too: -auto-approve, -input=false.",
        paint(STRONG, "Environment:"),
        paint(STRONG, "Exit codes:"),
    )
}

/// A block of examples under a command's help.
pub(crate) fn examples(lines: &[(&str, &str)]) -> String {
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let longest = lines.iter().map(|(_, does)| does.len()).max().unwrap_or_default();
    let beside = width + longest + 4 <= COLUMNS;
    let body: String = lines
        .iter()
        .map(|(line, does)| match beside {
            true => format!("  {line:width$}  {does}\n"),
            false => format!("  {line}\n      {does}\n"),
        })
        .collect();
    format!("{}\n{}", paint(STRONG, "Examples:"), body.trim_end())
}

/// Commands that nobody should be led to by a slip of a finger.
const NEVER_SUGGESTED: [&str; 3] = ["destroy", "cancel", "force-unlock"];

/// Takes commands that lose something out of what is suggested.
fn keep_harmless(said: &mut clap::Error) {
    let suggested: Vec<String> = match said.remove(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(several)) => several,
        _ => return,
    };
    let kept: Vec<String> = suggested
        .into_iter()
        .filter(|command| !NEVER_SUGGESTED.contains(&command.as_str()))
        .collect();
    if !kept.is_empty() {
        said.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(kept));
    }
}

/// What stands here for something that Terraform has.
fn known_from_terraform(said: &clap::Error, command: Option<&str>) -> Option<&'static str> {
    let text = |kind| match said.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    match said.kind() {
        ErrorKind::InvalidSubcommand => match text(ContextKind::InvalidSubcommand)? {
            "get" => Some("nothing has to be prepared: `pgferry plan` is the first command"),
            "refresh" => {
                Some("every plan looks at Azure; `pgferry apply --refresh-only` remembers what others changed")
            }
            "import" => Some("an `import` block in the configuration takes up what is there"),
            "workspace" => Some(
                "there are no workspaces: give each environment a directory, with a `state` block and variables of its own, and name it with `-C`",
            ),
            "providers" => Some("nothing is installed: what can be declared is built in, and `pgferry kinds` lists it"),
            "test" => Some(
                "`check` blocks judge what is declared, and with `cloud = \"simulator\"` in the `azure` block `pgferry apply` tries it without Azure",
            ),
            "login" | "logout" => {
                Some("logins are Azure's own: `az login`, or the variables that `pgferry --help` names")
            }
            "taint" | "untaint" => Some(
                "`pgferry apply --replace ADDRESS` makes something anew, --retry ADDRESS tries the failed migrations of a batch again",
            ),
            _ => None,
        },
        ErrorKind::UnknownArgument => {
            let word = text(ContextKind::InvalidArg)?;
            let is_plan_file = !word.starts_with('-') && ["plan", ".tfplan"].iter().any(|end| word.ends_with(end));
            if is_plan_file {
                Some("`pgferry apply FILE` carries out a plan that was kept, `pgferry show FILE` shows it")
            } else if word == "--auto-approve" && command == Some("cancel") {
                Some(
                    "a loss is accepted by name and not in general: `pgferry cancel ADDRESS#N --accept-loss ADDRESS#N`, with the same address twice",
                )
            } else if word == "--destroy" {
                Some("`pgferry destroy` takes down what was made, `pgferry plan --destroy` only shows it")
            } else if word.starts_with("--out") {
                Some("`pgferry plan --out FILE` keeps a plan")
            } else if word == "--state" || word.starts_with("--state=") || word.starts_with("--state-out") {
                Some(
                    "there is no file of state: the `state` block says where it is kept; `pgferry state pull` and `push` carry it",
                )
            } else {
                None
            }
        }
        // Clap's set of kinds may grow; none of the others is of something that Terraform has.
        _ => None,
    }
}

/// Prints what clap has to say: help that was asked for is a result, a usage error is an error like any other. Values of
/// the command line may be passwords where they should not stand; they are left out.
pub(crate) fn answer(mut said: clap::Error, arguments: &[OsString], env: &Env) -> Exit {
    let command = arguments.get(1).and_then(|word| word.to_str());
    let hint = known_from_terraform(&said, command);
    if hint.is_some() && said.kind() == ErrorKind::UnknownArgument {
        // Clap would take it for a value that was meant to look like a flag.
        said.remove(ContextKind::Suggested);
    }
    keep_harmless(&mut said);
    let ui = Ui::new(Settings {
        color: env.color,
        verbosity: Verbosity::Normal,
        questions: Interaction::Impossible,
        reader: env.reader(),
    });
    let kind = said.kind();
    let text = said.render().ansi().to_string();
    match kind {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            ui.show(&text);
            match ui.finish() {
                Ok(()) => Exit::Done,
                Err(_) => Exit::Error,
            }
        }
        // Clap's set of kinds may grow; all others are errors.
        _ => {
            ui.alert(&without_values(text, arguments));
            if let Some(hint) = hint {
                ui.alert(&hang(&format!("{}: ", paint(HINT, "hint")), "      ", hint, ui.width()));
            }
            Exit::Error
        }
    }
}

/// The text with every `NAME=VALUE` of the command line shortened to `NAME=…`.
fn without_values(text: String, arguments: &[OsString]) -> String {
    let words = arguments.iter().filter_map(|argument| argument.to_str());
    words.fold(text, |text, word| {
        // A flag may have been cut off in front of the pair: `--flag=NAME=VALUE`.
        let pairs = [Some(word), word.split_once('=').map(|(_, pair)| pair)];
        pairs
            .into_iter()
            .flatten()
            .fold(text, |text, pair| match pair.split_once('=') {
                Some((name, value)) if !value.is_empty() => text.replace(pair, &format!("{name}=…")),
                Some(_) | None => text,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_pairs_are_left_out() {
        let said = |text: &str, words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            without_values(text.to_owned(), &words)
        };
        assert_eq!(
            said("unexpected argument 'a=hunter2' found", &["plan", "a=hunter2"]),
            "unexpected argument 'a=…' found"
        );
        assert_eq!(
            said("unrecognized 'a=hun=ter2'", &["--x=a=hun=ter2"]),
            "unrecognized 'a=…'"
        );
        assert_eq!(
            said("unexpected argument '--x' found", &["plan", "--x", "a="]),
            "unexpected argument '--x' found"
        );
    }
}
