//! `pgferry explain`: what a code means, how it comes about and what to do. It needs no project and no network.

use clap::Args;
use serde_json::{Value as Json, json};

use super::color::{STRONG, paint};
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;
use super::view::explanation;
use crate::diagnostic::code::{self, Explanation};
use crate::diagnostic::nearest;

/// Explain a code, such as the C010 of `error[C010]`
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry explain C010", "what the code means and what to do"),
    ("pgferry explain", "every code"),
]))]
pub(crate) struct ExplainArgs {
    /// The code; without one, all are listed
    code: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ExplainArgs, ui: &Ui) -> Result<Exit, CommandError> {
    let Some(written) = &args.code else {
        if args.json {
            let all: Vec<Json> = code::ALL.iter().map(as_json).collect();
            ui.document(&Json::Array(all));
        } else {
            ui.show(&listed(ui.width()));
        }
        return Ok(Exit::Done);
    };
    let explanation = code::find(written.trim()).ok_or_else(|| unknown(written))?;
    if args.json {
        ui.document(&as_json(explanation));
    } else {
        ui.show(&explanation::render(explanation, ui.width()));
    }
    Ok(Exit::Done)
}

fn listed(width: usize) -> String {
    let line = |known: &Explanation| {
        let first = format!("{}  ", paint(STRONG, known.code.as_str()));
        super::view::layout::hang(&first, "      ", known.meaning, width)
    };
    code::ALL.iter().map(line).collect()
}

fn as_json(explanation: &Explanation) -> Json {
    json!({
        "code": explanation.code.as_str(),
        "meaning": explanation.meaning,
        "explanation": explanation.text,
    })
}

fn unknown(written: &str) -> CommandError {
    let upper = written.trim().to_uppercase();
    let near = nearest(&upper, code::ALL.iter().map(|known| known.code.as_str()));
    CommandError::UnknownName {
        what: "code",
        name: written.to_owned(),
        near: near.map(str::to_owned),
        list: "pgferry explain",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::env::Env;
    use super::super::project::{Project, Purpose, Wishes};
    use super::*;
    use crate::arm::Outputs;
    use crate::config::Sources;
    use crate::diagnostic::{Diagnostics, Severity};

    /// What holds for every example that has no `azure` block of its own.
    const AZURE: &str = "azure {\n  subscription_id = \"00000000-0000-4000-8000-000000000001\"\n  resource_group = \"rg\"\n  \
                         location = \"westeurope\"\n}\n";

    /// The files of an explanation's examples of one sort.
    fn example(explanation: &Explanation, sort: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut lines = explanation.text.lines();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let body: String = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .flat_map(|line| [line, "\n"])
                .collect();
            let mut words = info.split(' ').skip(1);
            if words.next() == Some(sort) {
                let name = words.next().unwrap_or("main.hcl").to_owned();
                assert!(files.insert(name, body).is_none(), "{}", explanation.code);
            }
        }
        files
    }

    fn found(mut files: BTreeMap<String, String>) -> Diagnostics {
        if !files.values().any(|text| text.contains("azure {")) {
            files.insert("azure.hcl".into(), AZURE.into());
        }
        let sources = Sources::from_texts(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let project = Project::of(
            Path::new("."),
            sources,
            &Wishes::default(),
            &Env::empty(),
            Purpose::Look,
        );
        match project {
            Ok(project) => match project.program.declare(&Outputs::default()) {
                Ok(declared) => declared.warnings,
                Err(found) => found,
            },
            Err(refused) => refused.found,
        }
    }

    /// Codes that only a look at Azure, a plan, the state or the command line can bring about.
    const NEEDS_MORE: [&str; 28] = [
        "B001", "B002", "B003", "B004", "B005", "B006", "B007", "B008", "B009", "C014", "C045", "C046", "C114", "C140",
        "C141", "C142", "C143", "C144", "C145", "C146", "C147", "C148", "M001", "N001", "N002", "N003", "N004", "N005",
    ];

    #[test]
    fn wrong_examples_give_their_code_and_right_ones_nothing() {
        let mut broken = Vec::new();
        for explanation in code::ALL {
            let code = explanation.code;
            let wrong = example(explanation, "wrong");
            // Rules of preflight judge servers, and verify compares them.
            let of_servers = code.as_str().starts_with("PF") || code.as_str().starts_with('V');
            let needs_more = NEEDS_MORE.contains(&code.as_str()) || of_servers;
            if wrong.is_empty() != needs_more {
                broken.push(format!("{code}: an example should be there, or not be there"));
            }
            let said = (!wrong.is_empty()).then(|| found(wrong));
            if said
                .as_ref()
                .is_some_and(|said| !said.iter().any(|found| found.code == code))
            {
                broken.push(format!("{code}: the wrong example gives {said:#?}"));
            }
            let right = example(explanation, "right");
            if right.is_empty() && said.is_some() {
                broken.push(format!("{code}: nothing shows how it is right"));
            }
            if !right.is_empty() {
                let errors: Vec<_> = found(right)
                    .iter()
                    .filter(|found| found.severity == Severity::Error)
                    .cloned()
                    .collect();
                if !errors.is_empty() {
                    broken.push(format!("{code}: the right example gives {errors:#?}"));
                }
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    #[test]
    fn explanations_fit_a_narrow_terminal_and_examples_are_formatted_for_it() {
        for explanation in code::ALL {
            let text = anstream::adapter::strip_str(&explanation::render(explanation, 80)).to_string();
            let wide = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{}", explanation.code);
        }
    }

    #[test]
    fn an_unknown_code_suggests_the_nearest() {
        let report = unknown("c0l0").report();
        assert_eq!(report.headline.as_deref(), Some("there is no code `c0l0`"));
        assert_eq!(
            report.hints,
            ["did you mean `C010`?", "`pgferry explain` lists them all"]
        );
    }

    #[test]
    fn a_code_is_explained_in_sentences_and_examples() {
        let explanation = code::find("c010").unwrap();
        insta::assert_snapshot!(anstream::adapter::strip_str(&explanation::render(explanation, 80)).to_string(), @r#"
        C010: no argument or nested block of this name exists here

        The block has no argument, or no nested block, of this name. Most often it is a
        slip of the pen, or an argument that stands one level too deep or too high.

        Wrong:

            network "hub" {
              nmae = "vnet-hub"
            }

        Correct the name: `pgferry kinds network` lists what a `network` may hold. What
        is written `name { … }` is a nested block, and what is written `name = …` is an
        argument.

        Right:

            network "hub" {
              name = "vnet-hub"
            }
        "#);
    }
}
