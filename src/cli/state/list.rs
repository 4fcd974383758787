//! `pgferry state list`: the addresses that are remembered, one a line. It writes nothing and takes no lock.

use clap::Args;
use serde_json::json;

use super::Opened;
use super::chosen::{Chosen, units};
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;

/// List what is remembered, one address a line
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state list", "every unit"),
    ("pgferry state list module.eu", "those of a module"),
    ("pgferry state list --id /subscriptions/…", "the unit that stands for this object"),
    ("pgferry state list --json", "for scripts"),
]))]
pub(crate) struct ListArgs {
    /// Only these units, resources or modules
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<Chosen>,
    /// Only what stands for this object in Azure
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &ListArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let (snapshot, prior) = Opened::of(call).await?.prior().await?;
    let units = units(&args.addresses, &prior)?;
    let records = units.iter().filter_map(|unit| Some((unit, prior.get(unit)?)));
    let records = records.filter(|(_, remembered)| {
        let id = remembered.record.id.as_ref().map(crate::arm::ArmId::as_str);
        args.id
            .as_ref()
            .is_none_or(|wanted| id.is_some_and(|id| id.eq_ignore_ascii_case(wanted)))
    });
    if !args.json {
        let lines: String = records.map(|(unit, _)| format!("{unit}\n")).collect();
        call.ui.data(&lines);
        return Ok(Exit::Done);
    }
    let listed: Vec<_> = records
        .map(|(unit, remembered)| {
            json!({
                "address": unit.to_string(),
                "resource": unit.resource.to_string(),
                "kind": unit.resource.kind().as_str(),
                "id": remembered.record.id,
                "origin": remembered.record.origin,
                "revision": remembered.revision,
            })
        })
        .collect();
    let document = json!({
        "format_version": 1,
        "lineage": snapshot.as_ref().map(|snapshot| snapshot.lineage),
        "serial": snapshot.as_ref().map(|snapshot| snapshot.serial),
        "units": listed,
    });
    call.ui.document(&document);
    Ok(Exit::Done)
}
