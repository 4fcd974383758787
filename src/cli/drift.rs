//! `pgferry drift`: what others changed since the last apply, for people and for cron, with the configuration that would
//! accept it. It changes nothing.

use std::fmt::Write;
use std::path::{Component, Path};

use clap::Args;
use serde_json::json;
use similar::TextDiff;

use super::Call;
use super::aiming::Choosing;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::plan::show_drift;
use super::project::Purpose;
use super::session::{Planned, Session};
use super::view::layout::{hang, typed};
use crate::address::UnitAddress;
use crate::config::amend::{Amended, Amendment, Left, amend, literal};
use crate::kind;
use crate::plan::action::{Drift, Outcome, Shown};
use crate::plan::{Mode, Plan};

/// Show what others changed since the last apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry drift", "ends with 5 where somebody changed something, and with 0 otherwise"),
    ("pgferry drift --json", "for a program"),
    ("pgferry drift --patch | git apply", "takes the changes of others into the configuration; with -C DIR, git -C DIR apply"),
]))]
pub(crate) struct DriftArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "patch")]
    json: bool,
    /// Print only the difference to the configuration that would accept all that can be accepted by editing it
    #[arg(long)]
    patch: bool,
    #[command(flatten)]
    choosing: Choosing,
}

pub(crate) async fn run(args: &DriftArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let aim = args.choosing.aim(Mode::Refresh);
    let Planned {
        plan, places, drifted, ..
    } = session.plan(&aim).await?;
    let amendments = plan.drift.iter().flat_map(|drift| {
        let span = drifted.get(&drift.unit.resource).copied();
        drift.fields.iter().filter_map(move |field| match &field.after {
            Some(Shown::Value(value)) => Some(Amendment {
                address: drift.unit.resource.clone(),
                declared: span?,
                section: section(&drift.unit),
                argument: field.attribute.clone(),
                value: value.clone(),
            }),
            Some(Shown::Sensitive | Shown::Unknown) | None => None,
        })
    });
    let project = &session.project;
    let amended = amend(&project.program.configuration, &project.sources, amendments.collect());
    let patch = patch(&session, &amended);
    if args.json {
        let told = json!({
            "drift": plan.drift.iter().map(as_json).collect::<Vec<_>>(),
            "patch": patch,
            "by_hand": amended.left.iter().map(by_hand).collect::<Vec<_>>(),
        });
        call.ui.document(&told);
    } else if args.patch {
        call.ui.data(&patch);
    } else {
        show_drift(&plan, &places, &session, call.ui);
        call.ui.say(&ways_out(&plan, &patch, &amended.left, call));
    }
    Ok(match plan.drift.is_empty() {
        true => Exit::Done,
        false => Exit::Drift,
    })
}

/// The nested block of the resource that speaks of this unit of it.
fn section(unit: &UnitAddress) -> Option<&'static str> {
    let part = unit.part.as_ref()?;
    let kind = kind::find(unit.resource.kind().as_str())?;
    let sections = kind.schema().sections.iter();
    sections.map(|section| section.name).find(|name| *name == part.as_str())
}

/// The difference to the files as they are.
fn patch(session: &Session, amended: &Amended) -> String {
    let sources = &session.project.sources;
    let files = amended.texts.iter().filter_map(|(id, after)| {
        let file = sources.file(*id)?;
        let difference = TextDiff::from_lines(&*file.text, after.as_str())
            .unified_diff()
            .header(&format!("a/{}", file.name), &format!("b/{}", file.name))
            .to_string();
        Some(difference)
    });
    files.collect()
}

fn ways_out(plan: &Plan, patch: &str, left: &[Left], call: &Call<'_>) -> String {
    if plan.drift.is_empty() {
        return String::new();
    }
    let columns = call.ui.width();
    let mut text = String::from("\n");
    let back = format!("To have it as declared again: {}", call.calling.line("apply"));
    text.push_str(&hang("", "  ", &back, columns));
    if !patch.is_empty() {
        text.push_str(&hang(
            "",
            "  ",
            &format!(
                "To keep what others made, change the configuration like this ({} | {}):",
                call.calling.line("drift --patch"),
                git_apply(&call.directory)
            ),
            columns,
        ));
        let _ = write!(text, "\n{patch}\n");
    }
    for Left { amendment, because } in left {
        let sentence = format!(
            "To keep {}, write so that its {} is {}: {because}.",
            amendment.address,
            amendment.argument,
            literal(&amendment.value)
        );
        text.push_str(&hang("", "  ", &sentence, columns));
    }
    let forget = format!(
        "To only remember it, so that it no longer counts as drift: {}",
        call.calling.line("apply --refresh-only")
    );
    text.push_str(&hang("", "  ", &forget, columns));
    text
}

/// The command that takes the patch: its files are named as seen from the configuration's directory.
fn git_apply(directory: &Path) -> String {
    match directory.components().all(|part| part == Component::CurDir) {
        true => "git apply".to_owned(),
        false => format!("git -C {} apply", typed(directory.display())),
    }
}

fn as_json(drift: &Drift) -> serde_json::Value {
    let fields = drift.fields.iter().map(|field| {
        let now = match &field.after {
            Some(Shown::Value(value)) => value.clone(),
            Some(Shown::Sensitive | Shown::Unknown) | None => serde_json::Value::Null,
        };
        json!({ "attribute": field.attribute, "before": field.before, "after": now })
    });
    json!({
        "address": drift.unit,
        "outcome": match drift.outcome {
            Outcome::Changed => "changed",
            Outcome::Deleted => "deleted",
        },
        "fields": fields.collect::<Vec<_>>(),
    })
}

fn by_hand(left: &Left) -> serde_json::Value {
    json!({
        "address": left.amendment.address,
        "argument": left.amendment.argument,
        "value": left.amendment.value,
        "because": left.because,
    })
}
