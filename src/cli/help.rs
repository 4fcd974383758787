//! How help and usage errors look. What each flag means stands beside the flag.

use std::ffi::OsString;

use anstyle::AnsiColor;
use clap::builder::Styles;
use clap::builder::styling::Effects;
use clap::error::ErrorKind;

use super::color::{STRONG, paint};
use super::env::{Env, VARIABLES};
use super::exit::Exit;
use super::ui::{Interaction, Settings, Ui, Verbosity};

/// The colours of help texts.
pub(crate) const STYLES: Styles = Styles::styled()
    .header(AnsiColor::White.on_default().effects(Effects::BOLD))
    .usage(AnsiColor::White.on_default().effects(Effects::BOLD))
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default().effects(Effects::DIMMED))
    .error(super::color::ERROR)
    .valid(AnsiColor::Green.on_default())
    .invalid(AnsiColor::Yellow.on_default());

/// What stands under the list of commands.
pub(crate) fn after() -> String {
    let width = VARIABLES
        .iter()
        .map(|variable| variable.name.len())
        .max()
        .unwrap_or_default();
    let variables: String = VARIABLES
        .iter()
        .map(|variable| format!("  {:width$}  {}\n", variable.name, variable.does))
        .collect();
    format!(
        "{}\n{variables}\n{}\n  0 done or nothing to do      1 error                2 changes (plan --detailed-exitcode)\n  \
         3 still in flight in Azure   4 waiting for a person   7 a check failed\n\n\
         Flags may be written as in Terraform, too: -auto-approve, -input=false.",
        paint(STRONG, "Environment:"),
        paint(STRONG, "Exit codes:"),
    )
}

/// A block of examples under a command's help.
pub(crate) fn examples(lines: &[(&str, &str)]) -> String {
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let body: String = lines
        .iter()
        .map(|(line, does)| format!("  {line:width$}  {does}\n"))
        .collect();
    format!("{}\n{}", paint(STRONG, "Examples:"), body.trim_end())
}

/// Prints what clap has to say: help that was asked for is a result, a usage error is an error like any other. Values of
/// the command line may be passwords where they should not stand; they are left out.
pub(crate) fn answer(said: &clap::Error, arguments: &[OsString], env: &Env) -> Exit {
    let ui = Ui::new(Settings {
        color: env.color,
        verbosity: Verbosity::Normal,
        questions: Interaction::Impossible,
    });
    let text = said.render().ansi().to_string();
    match said.kind() {
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
