//! `pgferry history`: who applied what, when, and how it ended. It reads only the state.

use std::fmt::Write;

use clap::Args;
use pgferry_state::{Account, HistoryEntry, RunOutcome, UnitFailure};
use serde_json::{Value as Json, json};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session;
use super::view::history::{ended, on_word};
use super::view::layout::{clean, hang};
use super::view::time::{between, instant};
use crate::cli::color::{ADD, DIM, REMOVE, STRONG, paint};

/// Show who applied what, when, and how it ended
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry history", "the last ten runs"),
    ("pgferry history --limit 100", "more of them"),
    ("pgferry history --json", "for scripts and audits"),
]))]
pub(crate) struct HistoryArgs {
    /// How many runs, the latest last
    #[arg(long, alias = "last", value_name = "N", default_value_t = 10)]
    limit: usize,
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &HistoryArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let project = call.project(Purpose::Look)?;
    let store = session::store(&project, call.env).await?;
    let subscription = project.subscription(call.ui.width())?;
    let snapshot = session::remembered(&project, &subscription, store.as_ref()).await?;
    let history = store.history().await?;
    let shown = history.iter().skip(history.len().saturating_sub(args.limit));
    if args.json {
        let runs: Vec<Json> = shown.map(as_json).collect();
        let document = json!({ "format_version": 1, "all": history.len(), "runs": runs });
        call.ui.document(&document);
        return Ok(Exit::Done);
    }
    if history.is_empty() {
        call.ui.show(match snapshot.and_then(|snapshot| snapshot.run) {
            Some(_) => "No run has ended here yet; one is open, and `pgferry status` tells of it.\n",
            None => "No run has ended here yet.\n",
        });
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for entry in shown {
        let outcome = match entry.outcome {
            RunOutcome::Succeeded => paint(ADD, ended(entry)),
            RunOutcome::Failed | RunOutcome::Abandoned => paint(REMOVE, ended(entry)),
            RunOutcome::Continued | RunOutcome::Left => ended(entry),
        };
        let _ = writeln!(
            text,
            "{STRONG}{}{STRONG:#}  {}  {outcome}",
            instant(entry.started),
            clean(entry.by.as_str()),
        );
        text.push_str(&hang("  ", "  ", &clean(&entry.summary), call.ui.width()));
        for UnitFailure { unit, code, message } in &entry.account.failures {
            let failure = format!("{} ({}): {}", clean(unit), clean(code), clean(message));
            text.push_str(&hang("    ", "      ", &failure, call.ui.width()));
        }
        let mut facts = vec![format!("run {}", entry.run), format!("plan {}", entry.plan_fingerprint)];
        facts.extend(entry.approval.map(|approval| on_word(approval).to_owned()));
        let other = entry.account.ended_by.as_ref().filter(|by| **by != entry.by);
        facts.extend(other.map(|by| format!("ended by {}", clean(by.as_str()))));
        let _ = writeln!(text, "  {DIM}{}{DIM:#}", facts.join(", "));
    }
    call.ui.show(&text);
    Ok(Exit::Done)
}

/// A finished run for programs.
fn as_json(entry: &HistoryEntry) -> Json {
    let HistoryEntry {
        run,
        started,
        finished,
        by,
        plan_fingerprint,
        approval,
        outcome,
        summary,
        account: Account {
            ended_by,
            exit,
            failures,
        },
    } = entry;
    json!({
        "run": run,
        "started": started,
        "finished": finished,
        "seconds": between(*started, *finished).as_secs(),
        "by": by,
        "plan": plan_fingerprint,
        "approval": approval,
        "outcome": outcome,
        "summary": summary,
        "ended_by": ended_by,
        "exit": exit,
        "failures": failures,
    })
}
