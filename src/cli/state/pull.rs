//! `pgferry state pull`: the whole state as one JSON document on standard output. It writes nothing and takes no lock.

use clap::Args;

use super::Opened;
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;

/// Print the whole state as one JSON document
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state pull > state.json", "a copy, as private as the state itself"),
    ("pgferry state pull | jq .serial", "how many commits it has seen"),
]))]
pub(crate) struct PullArgs {}

pub(crate) async fn run(args: &PullArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let PullArgs {} = args;
    let opened = Opened::of(call).await?;
    // The history first: a run that ends in between is then in the snapshot, as ended or as open.
    let earlier = opened.store.history().await?;
    let Some(mut snapshot) = opened.remembered().await? else {
        call.ui.say("Nothing is remembered yet, so nothing is printed.\n");
        return Ok(Exit::Done);
    };
    let recent = std::mem::replace(&mut snapshot.history, earlier);
    for entry in recent {
        if snapshot.history.iter().all(|known| known.run != entry.run) {
            snapshot.history.push(entry);
        }
    }
    call.ui.document(&snapshot.export());
    Ok(Exit::Done)
}
