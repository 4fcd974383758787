//! `pgferry state rm`: forgets objects. They stay in Azure as they are.

use clap::Args;
use pgferry_state::Edit;

use super::Opened;
use super::chosen::{Chosen, units};
use super::writing::{Locking, Writing};
use crate::address::UnitAddress;
use crate::apply::record_key;
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::session;
use crate::cli::signals::Signals;
use crate::cli::view::layout::{count, hang};
use crate::cli::work;
use crate::prior::Prior;

/// Forget objects; they stay in Azure as they are
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state rm dns_zone.endpoint", "shows what would be forgotten and asks"),
    ("pgferry state rm --dry-run module.eu", "only shows it"),
]))]
pub(crate) struct RmArgs {
    /// The units, resources or modules
    #[arg(value_name = "ADDRESS", required = true)]
    addresses: Vec<Chosen>,
    /// Only show what would be forgotten
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    locking: Locking,
}

pub(crate) async fn run(args: &RmArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let opened = Opened::of(call).await?;
    let (_, prior) = opened.prior().await?;
    let shown = units(&args.addresses, &prior)?;
    call.ui.show(&told(&shown, &prior, call));
    if args.dry_run {
        return Ok(Exit::Done);
    }
    let mut signals = Signals::listen()?;
    if !args.auto_approve {
        let question = "\nDo you want pgferry to forget this?";
        if !work::agreed(&mut signals, call.ui, question, ("state rm", "nothing was forgotten")).await? {
            return Ok(Exit::Error);
        }
    }
    let writes = async {
        let writing = Writing::begin("state rm", &args.locking, opened.store.as_ref(), call).await?;
        let now = session::prior(Some(&writing.snapshot))?;
        let changed = shown.iter().find(|unit| now.get(unit) != prior.get(unit));
        if let Some(changed) = changed {
            let error = CommandError::Usage(format!(
                "{changed} was written by somebody else meanwhile: nothing was forgotten"
            ));
            writing.give_up().await?;
            return Err(error);
        }
        let edits: Result<Vec<Edit>, CommandError> = shown
            .iter()
            .map(|unit| Ok(Edit::Remove { key: record_key(unit)? }))
            .collect();
        let named: Vec<String> = args.addresses.iter().map(ToString::to_string).collect();
        let summary = format!("{}: {} forgotten", named.join(", "), count(shown.len(), "unit"));
        writing.commit(edits?, summary, call).await?;
        call.ui.show(&format!("\n{} forgotten.\n", count(shown.len(), "unit")));
        Ok(Exit::Done)
    };
    work::written(&mut signals, call, writes).await
}

/// What would be forgotten, and what that means.
fn told(units: &[UnitAddress], prior: &Prior, call: &Call<'_>) -> String {
    let columns = call.ui.width();
    let mut text = String::from("To be forgotten:\n\n");
    for unit in units {
        let id = prior.get(unit).and_then(|remembered| remembered.record.id.as_ref());
        let id = id.map_or_else(String::new, |id| format!("  {id}"));
        text.push_str(&hang("  - ", "      ", &format!("{unit}{id}"), columns));
    }
    text.push('\n');
    let meaning = "Azure keeps all of it. What is still declared is adopted by the next apply, and migrations are found by their \
                   tags; what is adopted, destroy leaves alone. To take an object over as pgferry's own again, write an \
                   `import` block with its address as `to` and its id as `id`.";
    text.push_str(&hang("", "", meaning, columns));
    let has_attempts = |unit: &&UnitAddress| prior.get(unit).is_some_and(|it| !it.record.attempts.is_empty());
    if units.iter().any(|unit| has_attempts(&unit)) {
        let running = "What of the migrations still runs goes on, but pgferry protects its way to the target only while its batch is \
                       declared: `pgferry status` shows what runs.";
        text.push_str(&hang("", "", &call.calling.in_text(running), columns));
    }
    text
}
