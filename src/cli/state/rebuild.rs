//! `pgferry state rebuild`: a lost state made anew from what is declared and what Azure has. It changes nothing in Azure.

use std::collections::BTreeMap;

use clap::Args;
use pgferry_state::{Edit, Lineage, Record, Revision, Serial, Snapshot};

use super::writing::{Locking, Writing};
use crate::address::UnitAddress;
use crate::apply::record_key;
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::project::Purpose;
use crate::cli::session::Rebuilt;
use crate::cli::signals::Signals;
use crate::cli::view::layout::{count, listed, table};
use crate::cli::work;
use crate::prior::{Origin, UnitRecord};

/// Make a lost state anew from what Azure has
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state rebuild", "shows what will be remembered and asks"),
    ("pgferry state rebuild --force", "in the place of a state that is there, which `state pull` should have saved"),
]))]
pub(crate) struct RebuildArgs {
    /// Also where something is remembered already: what is not declared, or not in Azure, is forgotten
    #[arg(long)]
    force: bool,
    /// The lineage of the state that is lost, where migrations of several states are there
    #[arg(long, value_name = "ID")]
    lineage: Option<Lineage>,
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    locking: Locking,
}

pub(crate) async fn run(args: &RebuildArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let here = session.store.load().await?;
    let serial = here.as_ref().map_or(Serial::ZERO, |here| here.serial);
    if here.is_some_and(|here| !here.records.is_empty()) && !args.force {
        return Err(CommandError::Usage(
            "something is remembered already; save it with `pgferry state pull`, and --force makes it anew all the same"
                .to_owned(),
        ));
    }
    let Rebuilt { lineage, records } = session.rebuilt(args.lineage).await?;
    if records.is_empty() {
        call.ui
            .show("Nothing of what is declared is there yet, so there is nothing to remember.\n");
        return Ok(Exit::Done);
    }
    call.ui.show(&told(lineage, &records));
    let mut signals = Signals::listen()?;
    if !args.auto_approve {
        let question = "\nDo you want this to be remembered?";
        if !work::agreed(
            &mut signals,
            call.ui,
            question,
            ("state rebuild", "nothing was written"),
        )
        .await?
        {
            return Ok(Exit::Error);
        }
    }
    let writes = async {
        let caller = work::caller(call, &session, "state rebuild").await?;
        let mut state = Snapshot::fresh();
        state.lineage = lineage.unwrap_or(state.lineage);
        state.binding = Some(caller.binding());
        for (unit, record) in &records {
            let document = serde_json::to_value(record).map_err(|error| CommandError::Usage(error.to_string()))?;
            let revision = Revision::new(0);
            state.records.insert(record_key(unit)?, Record { revision, document });
        }
        let writing = Writing::begin("state rebuild", &args.locking, session.store.as_ref(), call).await?;
        if writing.snapshot.serial != serial {
            writing.give_up().await?;
            return Err(CommandError::Usage(
                "somebody else wrote to the state meanwhile: nothing was written".to_owned(),
            ));
        }
        let summary = format!("{} from what Azure has", count(records.len(), "record"));
        let state = Box::new(state);
        writing.commit(vec![Edit::Replace { state }], summary, call).await?;
        call.ui.show(&format!(
            "\nRemembered: {}. What differs from what is declared is shown by: {}\n",
            count(records.len(), "unit"),
            call.calling.line("plan")
        ));
        Ok(Exit::Done)
    };
    work::written(&mut signals, call, writes).await
}

fn told(lineage: Option<Lineage>, records: &BTreeMap<UnitAddress, UnitRecord>) -> String {
    let rows: Vec<Vec<String>> = records
        .iter()
        .map(|(unit, record)| vec![unit.to_string(), what(record)])
        .collect();
    let mut text = String::from("This would be remembered:\n\n");
    for line in table(&rows) {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str(&match lineage {
        Some(lineage) => format!("\nIts lineage is {lineage}, by the tags of what it made.\n"),
        None => "\nNothing is tagged, so it gets a lineage of its own.\n".to_owned(),
    });
    text
}

fn what(record: &UnitRecord) -> String {
    if !record.attempts.is_empty() {
        let names: Vec<String> = record
            .attempts
            .iter()
            .map(|attempt| attempt.id.name().to_owned())
            .collect();
        return format!("migration {}", listed(&names));
    }
    match record.origin {
        Origin::Created => "made by us: deleted once it is no longer declared",
        Origin::Adopted => "adopted: stays once it is no longer declared",
        Origin::Imported => "imported",
    }
    .to_owned()
}
