//! `pgferry state show`: all that is remembered of a unit, a resource or a module. It writes nothing and takes no lock.

use clap::Args;
use serde_json::json;

use super::Opened;
use super::chosen::{Chosen, units};
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::show;
use crate::cli::view::value::{Ids, Spelling};

/// Show all that is remembered of a unit, a resource or a module
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state show 'vnet_peering.hub_runtime#forward'", "one unit"),
    ("pgferry state show database_batch.wave1 --json", "for scripts"),
]))]
pub(crate) struct ShowArgs {
    /// The unit, resource or module
    #[arg(value_name = "ADDRESS")]
    address: Chosen,
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &ShowArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let opened = Opened::of(call).await?;
    let (snapshot, prior) = opened.prior().await?;
    let units = units(std::slice::from_ref(&args.address), &prior)?;
    if args.json {
        let shown = units.iter().filter_map(|unit| {
            let remembered = prior.get(unit)?;
            let (address, revision) = (unit.to_string(), remembered.revision);
            Some(json!({ "address": address, "revision": revision, "record": remembered.record }))
        });
        let document = json!({
            "format_version": 1,
            "lineage": snapshot.as_ref().map(|snapshot| snapshot.lineage),
            "serial": snapshot.as_ref().map(|snapshot| snapshot.serial),
            "units": shown.collect::<Vec<_>>(),
        });
        call.ui.document(&document);
        return Ok(Exit::Done);
    }
    let spelling = Spelling {
        home: &opened.subscription,
        ids: Ids::Whole,
    };
    let mut text = String::new();
    show::render(
        &mut text,
        &prior,
        |unit| units.contains(unit),
        &spelling,
        call.ui.width(),
    );
    call.ui.show(&text);
    Ok(Exit::Done)
}
