//! Terraform's spelling of flags: `-auto-approve`, `-input=false`. It turns arguments into the ones that clap knows, driven
//! by the flags that are declared; it decides nothing about their meaning.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

/// What follows a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Nothing; it is there or not.
    Switch,
    /// A value, after `=` or as the next argument.
    Value,
    /// Nothing, or a value after `=`.
    MaybeValue,
}

/// Every long flag of a command line, whatever the subcommand.
struct Flags {
    long: BTreeMap<String, Shape>,
    short_values: Vec<char>,
    short_switches: Vec<char>,
}

/// The arguments with single-dash long flags written with two, and `--switch=true` or `=false` resolved. Flags before the
/// subcommand move behind it: clap forgets those of them that are repeated there.
///
/// Values are never touched: what follows a flag that takes one, and everything after `--`.
pub(crate) fn normalise(arguments: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let flags = Flags::of(command);
    let mut result = Vec::with_capacity(arguments.len());
    let mut rest = arguments.into_iter();
    result.extend(rest.next());
    let mut subcommand_to_come = true;
    while let Some(argument) = rest.next() {
        if argument == "--" {
            result.push(argument);
            break;
        }
        let Some(text) = argument.to_str() else {
            result.push(argument);
            continue;
        };
        let Some((name, value, shape)) = flags.find(text) else {
            let takes_next = flags.is_short_with_value(text);
            if subcommand_to_come && !text.starts_with('-') {
                subcommand_to_come = false;
                if text == "help" {
                    // Help is the same wherever it is asked for, and takes no flags.
                    result.truncate(1);
                }
                result.insert(1, argument);
                continue;
            }
            if flags.is_unknown_word(text) {
                // Clap would complain of its first letter.
                result.push(format!("-{text}").into());
                continue;
            }
            result.push(argument);
            if takes_next {
                result.extend(rest.next());
            }
            continue;
        };
        match (shape, value) {
            (Shape::Switch, Some("true")) => result.push(format!("--{name}").into()),
            (Shape::Switch, Some("false")) => {}
            (Shape::Switch | Shape::MaybeValue, None) => result.push(format!("--{name}").into()),
            (Shape::Switch | Shape::MaybeValue | Shape::Value, Some(value)) => {
                result.push(format!("--{name}={value}").into());
            }
            (Shape::Value, None) => {
                result.push(format!("--{name}").into());
                result.extend(rest.next());
            }
        }
    }
    result.extend(rest);
    result
}

impl Flags {
    fn of(command: &Command) -> Self {
        let mut flags = Self {
            long: BTreeMap::from([
                ("help".to_owned(), Shape::Switch),
                ("version".to_owned(), Shape::Switch),
            ]),
            short_values: Vec::new(),
            short_switches: Vec::new(),
        };
        flags.collect(command);
        flags
    }

    fn collect(&mut self, command: &Command) {
        for argument in command.get_arguments().filter(|argument| !argument.is_positional()) {
            let shape = shape_of(argument);
            let names = argument.get_long_and_visible_aliases().unwrap_or_default();
            self.long.extend(names.into_iter().map(|name| (name.to_owned(), shape)));
            match shape {
                Shape::Value => self.short_values.extend(argument.get_short()),
                Shape::Switch | Shape::MaybeValue => self.short_switches.extend(argument.get_short()),
            }
        }
        for subcommand in command.get_subcommands() {
            self.collect(subcommand);
        }
    }

    /// The flag that an argument names in either spelling, with what follows its `=`.
    fn find<'a>(&self, text: &'a str) -> Option<(&'a str, Option<&'a str>, Shape)> {
        let bare = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
        let (name, value) = match bare.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (bare, None),
        };
        // A single letter is a short flag, never a long one.
        let shape = *self.long.get(name).filter(|_| name.len() > 1)?;
        Some((name, value, shape))
    }

    /// A word behind a single dash that is no bundle of short flags.
    fn is_unknown_word(&self, text: &str) -> bool {
        let Some(word) = text.strip_prefix('-').filter(|word| !word.starts_with('-')) else {
            return false;
        };
        let is_switch = |letter: char| self.short_switches.contains(&letter);
        let starts_with_value = word
            .chars()
            .next()
            .is_some_and(|letter| self.short_values.contains(&letter));
        word.chars().count() > 1 && !starts_with_value && !word.chars().all(is_switch)
    }

    fn is_short_with_value(&self, text: &str) -> bool {
        let mut letters = text.chars();
        letters.next() == Some('-')
            && letters.next().is_some_and(|letter| self.short_values.contains(&letter))
            && letters.next().is_none()
    }
}

fn shape_of(argument: &Arg) -> Shape {
    let least = argument.get_num_args().map(|range| range.min_values());
    match argument.get_action() {
        ArgAction::Set | ArgAction::Append if least == Some(0) => Shape::MaybeValue,
        ArgAction::Set | ArgAction::Append => Shape::Value,
        // Clap's set of actions may grow; all others take no value.
        _ => Shape::Switch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::arg;

    fn normalised(line: &str) -> String {
        let command = Command::new("pgferry")
            .arg(arg!(-C --chdir <DIR>).global(true))
            .arg(arg!(--var <PAIR>).global(true))
            .arg(arg!(--"no-color").global(true))
            .arg(arg!(-v --verbose ... ).global(true))
            .subcommand(
                Command::new("apply")
                    .arg(arg!(--"auto-approve"))
                    .arg(arg!(--parallelism <N>))
                    .arg(arg!(--input[BOOL]).require_equals(true))
                    .arg(arg!([FILE])),
            );
        let words = line.split(' ').map(OsString::from).collect();
        let result = normalise(words, &command);
        let words: Vec<_> = result.iter().map(|word| word.to_str().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn terraforms_spelling_becomes_ours() {
        assert_eq!(
            normalised("pgferry -chdir=live apply -input=false -auto-approve -no-color -parallelism=4 -var a=b"),
            "pgferry apply --chdir=live --input=false --auto-approve --no-color --parallelism=4 --var a=b"
        );
        assert_eq!(normalised("pgferry -help"), "pgferry --help");
    }

    #[test]
    fn switches_take_truth_values() {
        assert_eq!(
            normalised("pgferry apply -auto-approve=true -no-color=false"),
            "pgferry apply --auto-approve"
        );
        assert_eq!(
            normalised("pgferry apply --auto-approve=maybe"),
            "pgferry apply --auto-approve=maybe"
        );
    }

    #[test]
    fn values_and_what_is_unknown_stay() {
        assert_eq!(normalised("pgferry -C -var apply"), "pgferry apply -C -var");
        assert_eq!(
            normalised("pgferry --var -no-color=x apply"),
            "pgferry apply --var -no-color=x"
        );
        assert_eq!(
            normalised("pgferry apply -- -auto-approve"),
            "pgferry apply -- -auto-approve"
        );
        assert_eq!(
            normalised("pgferry apply -vv -unknown=1"),
            "pgferry apply -vv --unknown=1"
        );
        assert_eq!(
            normalised("pgferry apply -Cdir -vv -x -"),
            "pgferry apply -Cdir -vv -x -"
        );
    }

    #[test]
    fn help_takes_no_flags() {
        assert_eq!(normalised("pgferry -C live -no-color help plan"), "pgferry help plan");
    }
}
