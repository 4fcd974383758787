//! `pgferry lock show`: who holds the lock, and whether it still counts. It takes no lock itself.

use clap::Args;
use pgferry_state::{HeldLock, Life};
use serde_json::json;

use super::store;
use crate::azure::clock::WallClock;
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::view::layout::{clean, hang};
use crate::cli::view::time::{between, instant, length};
use crate::clock::Clock as _;

/// Show who holds the lock of the state
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry lock show", "who, since when, and whether the lock still counts"),
    ("pgferry lock show --json", "for scripts"),
]))]
pub(crate) struct ShowArgs {
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &ShowArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let held = store(call).await?.holder().await?;
    if args.json {
        let lock = held.as_ref().map(|HeldLock { holder, life }| {
            let known = holder.is_known().then_some(holder);
            json!({
                "holder": holder.who,
                "process": known.map(|holder| holder.process),
                "command": known.map(|holder| &holder.command),
                "run": holder.run,
                "since": known.map(|holder| holder.since),
                "age_seconds": known.map(|holder| between(holder.since, WallClock.now()).as_secs()),
                "lapsed": *life == Life::Lapsed,
            })
        });
        call.ui
            .data(&format!("{:#}\n", json!({ "format_version": 1, "lock": lock })));
        return Ok(Exit::Done);
    }
    call.ui.show(&match held {
        None => "Nobody holds the lock.\n".to_owned(),
        Some(held) => told(&held, call.ui.width()),
    });
    Ok(Exit::Done)
}

/// A lock in lines for people.
pub(super) fn told(held: &HeldLock, columns: usize) -> String {
    let HeldLock { holder, life } = held;
    let mut lines = vec![("holder ", clean(holder.who.as_str()))];
    if holder.is_known() {
        let age = length(between(holder.since, WallClock.now()));
        lines.push(("process", holder.process.to_string()));
        lines.push(("command", clean(&holder.command)));
        lines.extend(holder.run.map(|run| ("run    ", run.to_string())));
        lines.push(("since  ", format!("{}, {age} ago", instant(holder.since))));
    }
    let counts = match life {
        Life::Alive => "it is alive, and others are kept out",
        Life::Lapsed => "it died or fell silent: the next command that asks gets the lock",
    };
    lines.push(("state  ", counts.to_owned()));
    let line = |(label, value): (&str, String)| hang(&format!("  {label}  "), "           ", &value, columns);
    let shown: String = lines.into_iter().map(line).collect();
    format!("The lock of the state is held:\n\n{shown}")
}
