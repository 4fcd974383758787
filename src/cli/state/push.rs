//! `pgferry state push`: puts a pulled state in the place of the one that is there, and reads it back. The history is kept.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;
use pgferry_state::{Edit, ImportError, LocalStore, Serial, Snapshot};

use super::Opened;
use super::writing::{Locking, Writing};
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::session;
use crate::cli::signals::Signals;
use crate::cli::view::layout::count;
use crate::cli::work;

/// Bytes that are read at most: a wrong file shall not fill the memory.
const LARGEST: u64 = 1 << 30;

/// Put a state from a file in the place of the one that is there
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry state push state.json", "shows what would change and asks"),
    ("pgferry state push --auto-approve - < state.json", "from standard input"),
]))]
pub(crate) struct PushArgs {
    /// A file of `pgferry state pull`, or a view that a local state keeps; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Also where the file is of another state, an earlier one, or of another cloud or subscription
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    locking: Locking,
}

pub(crate) async fn run(args: &PushArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let offered = read(args, call)?;
    // What could not be read again is not put in place.
    session::prior(Some(&offered))?;
    let opened = Opened::of(call).await?;
    let here = opened.store.load().await?;
    if here
        .as_ref()
        .is_some_and(|here| is_same(here, &offered) && here.serial == offered.serial)
    {
        call.ui.show("The state is like that already; nothing was written.\n");
        return Ok(Exit::Done);
    }
    judge(args, &opened, here.as_ref(), &offered)?;
    call.ui.show(&told(here.as_ref(), &offered));
    let mut signals = Signals::listen()?;
    if !args.auto_approve {
        let question = "\nDo you want this to be the state?";
        if !work::agreed(&mut signals, call.ui, question, ("state push", "nothing was written")).await? {
            return Ok(Exit::Error);
        }
    }
    let writes = async {
        let writing = Writing::begin("state push", &args.locking, opened.store.as_ref(), call).await?;
        let before = here.as_ref().map_or(Serial::ZERO, |here| here.serial);
        if writing.snapshot.serial != before {
            writing.give_up().await?;
            return Err(CommandError::Usage(
                "somebody else wrote to the state meanwhile: nothing was written".to_owned(),
            ));
        }
        let summary = format!(
            "a state of serial {} with {}",
            offered.serial,
            count(offered.records.len(), "record")
        );
        let state = Box::new(offered.clone());
        writing.commit(vec![Edit::Replace { state }], summary, call).await?;
        let read = opened.store.load().await?;
        match read.filter(|read| is_same(read, &offered)) {
        Some(read) => {
            call.ui.show(&format!(
                "\nThe state is at serial {} now, with {}, and was read back.\n",
                read.serial,
                count(read.records.len(), "record")
            ));
            Ok(Exit::Done)
        }
        None => Err(CommandError::Usage(
            "the state that was read back is not the one that was written: keep the file, and report this as a defect"
                .to_owned(),
        )),
    }
    };
    work::written(&mut signals, call, writes).await
}

/// The whole text, unless it is longer than any state can be.
fn bounded(from: impl io::Read) -> io::Result<String> {
    let mut text = String::new();
    let read = from.take(LARGEST + 1).read_to_string(&mut text)?;
    match u64::try_from(read) {
        Ok(read) if read <= LARGEST => Ok(text),
        Ok(_) | Err(_) => Err(io::Error::other("it is longer than 1 GiB")),
    }
}

fn read(args: &PushArgs, call: &Call<'_>) -> Result<Snapshot, CommandError> {
    let name = args.file.display().to_string();
    let path = call.directory.join(&args.file);
    let unreadable = |cause: String| CommandError::Usage(format!("cannot take a state from `{name}`: {cause}"));
    let text = match name.as_str() {
        "-" => bounded(io::stdin().lock()),
        _ => File::open(&path).and_then(bounded),
    };
    let text = text.map_err(|error| unreadable(error.to_string()))?;
    let json = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    match Snapshot::import(json) {
        Ok(offered) => Ok(offered),
        // What a local state keeps for its readers, with large documents beside it.
        Err(ImportError::Elsewhere { .. }) => LocalStore::kept(&path).map_err(|error| unreadable(error.to_string())),
        Err(error @ ImportError::NewerFormat { .. }) => Err(CommandError::NewerExport {
            path: args.file.clone(),
            source: error,
        }),
        Err(error @ ImportError::NotAnExport(_)) => {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            Err(unreadable(format!("{error}{cause}")))
        }
    }
}

/// Refuses what would lose something, unless that is wanted.
fn judge(args: &PushArgs, opened: &Opened, here: Option<&Snapshot>, offered: &Snapshot) -> Result<(), CommandError> {
    if args.force {
        return Ok(());
    }
    session::must_belong(offered, opened.project.cloud(), &opened.subscription)?;
    let Some(here) = here.filter(|here| here.serial != Serial::ZERO) else {
        return Ok(());
    };
    session::must_belong(here, opened.project.cloud(), &opened.subscription)?;
    let refused = if here.lineage != offered.lineage {
        format!(
            "the file is of another state: lineage {}, not {}",
            offered.lineage, here.lineage
        )
    } else if offered.serial < here.serial {
        format!(
            "the file is an earlier state: serial {}, and there is {} already",
            offered.serial, here.serial
        )
    } else if offered.serial == here.serial {
        format!(
            "the file says something else under the same serial {}: give it a higher one",
            here.serial
        )
    } else {
        return Ok(());
    };
    Err(CommandError::Usage(format!(
        "{refused}; --force puts it in place all the same"
    )))
}

/// Whether two states remember the same. Serials and revisions are the store's own.
fn is_same(one: &Snapshot, other: &Snapshot) -> bool {
    let documents = |state: &Snapshot| -> Vec<_> {
        let records = state.records.iter();
        records
            .map(|(key, record)| (key.clone(), record.document.clone()))
            .collect()
    };
    (one.lineage, &one.binding, &one.run) == (other.lineage, &other.binding, &other.run)
        && one.fingerprint_key() == other.fingerprint_key()
        && documents(one) == documents(other)
}

fn told(here: Option<&Snapshot>, offered: &Snapshot) -> String {
    let size = |state: &Snapshot| {
        format!(
            "{} at serial {}, lineage {}",
            count(state.records.len(), "record"),
            state.serial,
            state.lineage
        )
    };
    let now = here.map_or_else(|| "nothing".to_owned(), size);
    format!("Remembered now:  {now}\nIn the file:     {}\n", size(offered))
}
