//! `pgferry output`: output values as of the last apply. It reads only the state.

use clap::Args;
use serde_json::{Map, Value as Json};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session;
use super::view::layout::pad;
use super::view::value::{Ids, Spelling};
use crate::diagnostic::nearest;

/// Show output values as of the last apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry output", "all of them"),
    ("pgferry output --json", "for scripts"),
    ("pgferry output --raw target_host", "one text, as it is"),
]))]
pub(crate) struct OutputArgs {
    /// Only this one
    name: Option<String>,
    /// As JSON
    #[arg(long, conflicts_with = "raw")]
    json: bool,
    /// The value itself, without quotes and line break
    #[arg(long, requires = "name")]
    raw: bool,
}

pub(crate) async fn run(args: &OutputArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let project = call.project(Purpose::Look)?;
    let store = session::store(&project, call.env).await?;
    let home = project.subscription(call.ui.width())?;
    let prior = session::prior(session::remembered(&project, &home, store.as_ref()).await?.as_ref())?;
    let spelling = Spelling {
        home: &home,
        ids: Ids::Whole,
    };
    let outputs = prior.outputs();
    match &args.name {
        Some(name) => {
            let value = outputs.get(name).ok_or_else(|| unknown(name, outputs.keys()))?;
            match (args.json, args.raw, value) {
                (_, true, Json::String(text)) => call.ui.data(text),
                (_, true, Json::Bool(_) | Json::Number(_)) => call.ui.data(&value.to_string()),
                (_, true, Json::Null | Json::Array(_) | Json::Object(_)) => {
                    return Err(CommandError::Usage(format!(
                        "`{name}` is no single text, number or truth value: use --json instead of --raw"
                    )));
                }
                (true, false, _) => call.ui.document(&value),
                (false, false, _) => call.ui.show(&(spelling.lines(value).join("\n") + "\n")),
            }
        }
        None if args.json => {
            let all: Map<String, Json> = outputs
                .iter()
                .map(|(name, value)| (name.clone(), serde_json::json!({ "sensitive": false, "value": value })))
                .collect();
            call.ui.document(&Json::Object(all));
        }
        None if outputs.is_empty() => {
            call.ui
                .show("No outputs: the configuration has none, or was not applied yet.\n");
        }
        None => {
            let names = outputs
                .keys()
                .map(|name| name.chars().count())
                .max()
                .unwrap_or_default();
            let lines = outputs.iter().map(|(name, value)| {
                let value = spelling.lines(value).join("\n");
                format!("{} = {value}\n", pad(name, names))
            });
            call.ui.show(&lines.collect::<String>());
        }
    }
    Ok(Exit::Done)
}

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> CommandError {
    let hint = match nearest(name, known.map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`pgferry output` lists those of the last apply; sensitive ones are never kept".to_owned(),
    };
    CommandError::UnknownOutput {
        name: name.to_owned(),
        hint,
    }
}
