//! `pgferry state mv`: remembers objects under other addresses. Azure and the configuration are not touched.

use std::fmt::Write as _;

use clap::Args;
use pgferry_state::Edit;

use super::Opened;
use super::chosen::{Chosen, units};
use super::writing::{Locking, Writing};
use crate::address::UnitAddress;
use crate::address::pattern::Renaming;
use crate::apply::record_key;
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::session;
use crate::cli::view::layout::count;
use crate::prior::{Prior, Renamed};

/// Remember objects under another address
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state mv network.a network.b", "a resource with all its instances and units"),
    ("pgferry state mv module.eu 'module.region[\"eu\"]'", "a module that got `for_each`"),
    ("pgferry state mv --dry-run network.a network.b", "only shows what would move"),
]))]
pub(crate) struct MvArgs {
    /// The unit, resource or module as it is remembered
    #[arg(value_name = "FROM")]
    from: Chosen,
    /// The address that it is to have
    #[arg(value_name = "TO")]
    to: Chosen,
    /// Only show what would move
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    locking: Locking,
}

pub(crate) async fn run(args: &MvArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let opened = Opened::of(call).await?;
    let (_, prior) = opened.prior().await?;
    if args.dry_run {
        let moving = moved(args, &prior)?;
        call.ui.show(&told(&moving, "would move"));
        return Ok(Exit::Done);
    }
    // What is refused needs no lock; what is done is judged again under it.
    moved(args, &prior)?;
    let writing = Writing::begin("state mv", &args.locking, opened.store.as_ref(), call).await?;
    let before = session::prior(Some(&writing.snapshot))?;
    let decided = moved(args, &before).and_then(|moving| Ok((edits(&before, &moving)?, moving)));
    let (edits, moving) = match decided {
        Ok(decided) => decided,
        Err(error) => {
            writing.give_up().await?;
            return Err(error);
        }
    };
    let summary = format!(
        "{} to {}: {} moved",
        args.from,
        args.to,
        count(moving.moves.len(), "unit")
    );
    writing.commit(edits, summary, call).await?;
    call.ui.show(&told(&moving, "moved"));
    call.ui.say(&format!(
        "\nThe configuration must say the same; `{}` shows whether it does.\n",
        call.calling.line("plan")
    ));
    Ok(Exit::Done)
}

/// The memory as it is to be.
fn moved(args: &MvArgs, prior: &Prior) -> Result<Renamed, CommandError> {
    units(std::slice::from_ref(&args.from), prior)?;
    let renamed = match (&args.from, &args.to) {
        (Chosen::Pattern(from), Chosen::Pattern(to)) => {
            if from.resource.as_ref().map(|resource| &resource.kind)
                != to.resource.as_ref().map(|resource| &resource.kind)
            {
                return Err(of_another_kind(args));
            }
            let (from, to) = (from.clone(), to.clone());
            prior.clone().renamed(&[Renaming { from, to }])
        }
        (Chosen::Unit(from), Chosen::Unit(to)) => {
            if from.resource.kind() != to.resource.kind() {
                return Err(of_another_kind(args));
            }
            one(from, to, prior)
        }
        (Chosen::Unit(_), Chosen::Pattern(_)) | (Chosen::Pattern(_), Chosen::Unit(_)) => {
            return Err(CommandError::Usage(
                "name either both with their `#PART`, to move one unit, or both without, to move all of them"
                    .to_owned(),
            ));
        }
    };
    if let Some((from, to)) = renamed.blocked.first() {
        return Err(CommandError::Usage(format!(
            "{from} cannot become {to}: that is remembered already; nothing was moved. `pgferry state rm` forgets it"
        )));
    }
    if renamed.moves.is_empty() {
        return Err(CommandError::Usage(format!(
            "nothing of {} would get another address as {}: where instances have keys, name each with its own",
            args.from, args.to
        )));
    }
    Ok(renamed)
}

fn of_another_kind(args: &MvArgs) -> CommandError {
    CommandError::Usage(format!(
        "{} cannot become {}: an object does not change its kind, and a resource is no module",
        args.from, args.to
    ))
}

fn one(from: &UnitAddress, to: &UnitAddress, prior: &Prior) -> Renamed {
    let mut renamed = Renamed {
        prior: prior.clone(),
        moves: [].into(),
        blocked: Vec::new(),
    };
    if prior.get(to).is_some() {
        renamed.blocked.push((from.clone(), to.clone()));
    } else {
        renamed.prior.permute(&[(from.clone(), to.clone())]);
        renamed.moves.insert(to.clone(), from.clone());
    }
    renamed
}

/// What turns the one memory into the other: records under new names, and others that refer to them.
fn edits(before: &Prior, after: &Renamed) -> Result<Vec<Edit>, CommandError> {
    let mut edits = Vec::new();
    for (unit, _) in before.iter().filter(|(unit, _)| after.prior.get(unit).is_none()) {
        edits.push(Edit::Remove { key: record_key(unit)? });
    }
    for (unit, remembered) in after.prior.iter() {
        if before.get(unit).is_none_or(|known| known.record != remembered.record) {
            edits.push(Edit::Put {
                key: record_key(unit)?,
                document: serde_json::to_value(&remembered.record)
                    .expect("a record has text keys only, so it is always JSON"),
            });
        }
    }
    Ok(edits)
}

fn told(moving: &Renamed, verb: &str) -> String {
    let mut text = String::new();
    for (to, from) in &moving.moves {
        let _ = writeln!(text, "{from} -> {to}");
    }
    let _ = writeln!(text, "{} {verb}.", count(moving.moves.len(), "unit"));
    text
}
