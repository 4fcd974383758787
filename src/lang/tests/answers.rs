//! Compares with recorded answers of Terraform.

use std::path::PathBuf;
use std::{fs, io};

use super::*;
use crate::lang::Marks;
use crate::lang::convert::convert;
use crate::lang::eval::{Evaluator, Frames, Reported, Resolved, Scope};
use crate::lang::expr::{Reference, StepNode};
use crate::lang::files::{FileError, Files};
use crate::lang::function::{ABSENT, all};
use crate::lang::types::Nothing;

/// The one function that Terraform does not have.
const OURS: &str = "key_vault_secret";
use crate::lang::value::Type;

const RECORDED: &str = include_str!("terraform.txt");

/// What Terraform calculates and pgferry refuses on purpose, each with its reason, besides the functions that are absent.
const STRICTER: &[(&str, &str)] = &[(
    "format(\"%s\", null)",
    "Terraform answers with a value that never becomes known",
)];

/// Where the answers differ on purpose.
const OTHERWISE: &[(&str, &str, &str)] = &[(
    "format(\"%v\", null)",
    "\"null\"\n",
    "Terraform answers with a value that never becomes known",
)];

/// What Terraform refuses and pgferry takes.
const MILDER: &[(&str, &str)] = &[
    ("yamldecode(\"\\t- a\")", "YAML 1.2 allows a tab there"),
    ("fileset(\".\", \"{*.txt,sub/*}\")", "a slash in braces is understood"),
];

/// The files that the recorded expressions read.
struct Fixtures;

impl Fixtures {
    fn path(path: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lang/tests/files")).join(path)
    }
}

impl Files for Fixtures {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        fs::read(Self::path(path)).map_err(|_| FileError::Missing(path.to_owned()))
    }

    fn exists(&self, path: &str) -> Result<bool, FileError> {
        match fs::metadata(Self::path(path)) {
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(_) => Err(FileError::NotRegular(path.to_owned())),
            Err(_) => Ok(false),
        }
    }

    fn below(&self, directory: &str) -> Result<Vec<String>, FileError> {
        fn visit(path: &std::path::Path, before: &str, found: &mut Vec<String>) -> io::Result<()> {
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let name = format!("{before}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() {
                    visit(&entry.path(), &format!("{name}/"), found)?;
                } else {
                    found.push(name);
                }
            }
            Ok(())
        }
        let mut found = Vec::new();
        // What is no directory has no files.
        let _ = visit(&Self::path(directory), "", &mut found);
        Ok(found)
    }

    fn absolute(&self, path: &str) -> Result<String, FileError> {
        Ok(Self::path(path).display().to_string())
    }
}

/// The variables of `files/variables.tf`.
impl Scope for Fixtures {
    fn resolve(
        &self,
        reference: &Reference,
        evaluator: &Evaluator<'_>,
        frames: Frames<'_>,
    ) -> Result<Resolved, Reported> {
        let name = match reference.steps.first().map(|step| &step.node) {
            Some(StepNode::Attribute(name)) if &*reference.root.value == "var" => &**name,
            _ => return Nothing.resolve(reference, evaluator, frames),
        };
        let value = match name {
            "ephemeral" => Value::text("x"),
            "ephemeral_secret" => Value::text("y").marked(Marks::SENSITIVE),
            "ephemeral_list" => {
                let ty = Type::List(Type::String.into());
                convert(&Value::tuple(vec![Value::text("a")]), &ty).unwrap()
            }
            _ => return Nothing.resolve(reference, evaluator, frames),
        };
        let value = value.marked(Marks::EPHEMERAL);
        Ok(Resolved { value, steps: 1 })
    }
}

fn recorded() -> Vec<(String, String)> {
    let mut recorded: Vec<(String, String)> = Vec::new();
    for line in RECORDED.lines().skip_while(|line| line.starts_with('#')) {
        match (line.strip_prefix("> "), recorded.last_mut()) {
            (Some(expression), _) => recorded.push((expression.to_owned(), String::new())),
            (None, Some((expression, answer))) => match line.strip_prefix('|') {
                Some(more) if answer.is_empty() => {
                    expression.push('\n');
                    expression.push_str(more.strip_prefix(' ').unwrap_or(more));
                }
                Some(_) | None => {
                    answer.push_str(line);
                    answer.push('\n');
                }
            },
            (None, None) => panic!("an answer stands before the first expression"),
        }
    }
    recorded
}

/// What the console prints, or `!`.
fn printed(expression: &str) -> String {
    let refused = "!\n".to_owned();
    let Ok(expr) = syntax::expression(FileId(0), expression) else {
        return refused;
    };
    let evaluator = Evaluator::new(&Fixtures, &Fixtures);
    let value = evaluator.eval(&expr);
    match value {
        Ok(value) if !evaluator.take_found().has_errors() => format!("{}\n", Displayed(&value)),
        Ok(_) | Err(_) => refused,
    }
}

fn calls(expression: &str, name: &str) -> bool {
    expression.contains(&format!("{name}("))
}

#[test]
fn expressions_evaluate_as_in_terraform() {
    let mut different = String::new();
    let recorded = recorded();
    assert!(recorded.len() > 1_300, "{}", recorded.len());
    for (expression, answer) in &recorded {
        let ours = printed(expression);
        let listed = |list: &[(&str, &str)]| list.iter().any(|(listed, _)| listed == expression);
        let is_absent = ABSENT.iter().any(|(name, _)| calls(expression, name));
        let other = OTHERWISE.iter().find(|(listed, _, _)| listed == expression);
        let agrees = if let Some((_, otherwise, _)) = other {
            ours == *otherwise && answer != otherwise
        } else if is_absent || listed(STRICTER) {
            ours == "!\n"
        } else if listed(MILDER) {
            answer == "!\n" && ours != *answer
        } else {
            ours == *answer
        };
        if !agrees {
            writeln!(different, "> {expression}\nterraform: {answer}pgferry:   {ours}").unwrap();
        }
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn every_function_is_compared_in_ordinary_and_in_wrong_calls() {
    let recorded = recorded();
    for function in all().filter(|function| function.name != OURS) {
        let calling = recorded
            .iter()
            .filter(|(expression, _)| calls(expression, function.name));
        let (refused, answered): (Vec<_>, Vec<_>) = calling.partition(|(_, answer)| answer == "!\n");
        // `can` never refuses but what `try` and it cannot parse.
        let wrong = usize::from(function.name != "can");
        assert!(
            answered.len() >= 2 || function.name == "templatestring",
            "{}",
            function.name
        );
        assert!(refused.len() >= wrong, "{}", function.name);
    }
}
