//! `pgferry init`: brings the state to where the configuration says. It copies a state whole or not at all, reads back what it
//! wrote, and leaves the original where it was.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use pgferry_state::{
    Edit, HistoryEntry, Holder, Intent, LocalStore, SealedStore, Sealing, Serial, Snapshot, Store, StoreError,
};

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::session;
use super::{Call, Project};
use crate::azure::clock::WallClock;
use crate::clock::Clock as _;

/// Bring the state to where the configuration says, from where it was before
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry init", "after a `state` block was added: from `.pgferry/state`"),
    ("pgferry init --from ../before", "from where another directory's configuration says"),
]))]
pub(crate) struct InitArgs {
    /// Take the state of the project in this directory, such as a checkout from before the `state` block was changed
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
}

pub(crate) async fn run(args: &InitArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let project = call.project(Purpose::Look)?;
    let goal = Place::of(&project, call).await?;
    let origin = match &args.from {
        Some(directory) => {
            let before = Project::load(directory, &call.wishes, call.env, Purpose::Look, call.ui.width())?;
            Some(Place::of(&before, call).await?)
        }
        None if project.backend.is_local() => None,
        None => Some(Place {
            store: Arc::new(SealedStore::either(
                Arc::new(LocalStore::new(session::state_directory(&project))),
                project.encryption.keys()?,
            )),
            name: session::state_directory(&project).display().to_string(),
        }),
    };
    let origin = origin.filter(|origin| origin.name != goal.name);
    let told = match origin {
        Some(origin) => bring(&origin, &goal, call).await?,
        None => match goal.store.load().await? {
            Some(state) => format!("The state is in {}, {}.", goal.name, size(&state)),
            None => format!(
                "The state will be in {}: nothing is remembered yet. `pgferry plan` is the first command.",
                goal.name
            ),
        },
    };
    let told = match goal.store.sealing().await? {
        Sealing::AsGiven => told,
        Sealing::Otherwise => {
            goal.store.seal_anew(intent(call)).await?;
            let now = if project.encryption.keys()?.encrypts() {
                "It is encrypted now as the configuration says. Copies and backups from before are as they were."
            } else {
                "It is not encrypted any more: take the `encryption` block out."
            };
            format!("{told} {now}")
        }
    };
    call.ui.show(&format!("{told}\n"));
    Ok(Exit::Done)
}

/// How often a state is read that somebody changes before it is locked.
const TRIES: usize = 5;

/// A store and its name for people.
struct Place {
    store: Arc<SealedStore>,
    name: String,
}

impl Place {
    async fn of(project: &Project, call: &Call<'_>) -> Result<Self, CommandError> {
        Ok(Self {
            store: Arc::new(SealedStore::either(
                session::stored(project, call.env).await?,
                project.encryption.keys()?,
            )),
            name: project.backend.place(&session::state_directory(project)),
        })
    }
}

async fn bring(origin: &Place, goal: &Place, call: &Call<'_>) -> Result<String, CommandError> {
    let (from, to) = (&origin.name, &goal.name);
    let Some(first) = origin.store.load().await? else {
        let there = goal.store.load().await?;
        return Ok(match there {
            Some(state) => format!("The state is in {to}, {}; nothing is in {from}.", size(&state)),
            None => format!("The state will be in {to}: nothing is remembered yet."),
        });
    };
    if first.serial == Serial::ZERO {
        return Ok(format!("The state will be in {to}; in {from} nothing is remembered."));
    }
    for _ in 0..TRIES {
        // All of a local history is there for the asking only while nobody is inside.
        let history = origin.store.history().await?;
        let expected = origin.store.load().await?.map(|state| state.serial);
        let original = origin.store.lock(intent(call)).await?;
        let state = original.snapshot().await?;
        let brought = if expected == Some(state.serial) {
            copy(&state, &history, origin, goal, call).await.map(Some)
        } else {
            Ok(None)
        };
        original.release().await?;
        if let Some(told) = brought? {
            return Ok(told);
        }
    }
    Err(CommandError::StateKeepsChanging { place: from.clone() })
}

/// Copies what nobody changes meanwhile, and compares the copy with it.
async fn copy(
    state: &Snapshot,
    history: &[HistoryEntry],
    origin: &Place,
    goal: &Place,
    call: &Call<'_>,
) -> Result<String, CommandError> {
    let (from, to) = (&origin.name, &goal.name);
    let held = goal.store.lock(intent(call)).await?;
    let adopt = Edit::Adopt {
        state: Box::new(state.clone()),
        history: history.to_vec(),
    };
    let adopted = held.commit(vec![adopt]).await;
    let released = held.release().await;
    match adopted {
        Ok(_) => released?,
        Err(StoreError::LineageMismatch { expected, found }) => {
            return Err(CommandError::OtherState {
                from: from.clone(),
                offered: found,
                to: to.clone(),
                here: expected,
            });
        }
        Err(StoreError::NotLater { here, offered }) if here == offered => {
            return Ok(format!("The state is in {to} already, {}, as in {from}.", size(state)));
        }
        Err(StoreError::NotLater { here, offered }) => {
            return Ok(format!(
                "The state is in {to} already, at serial {here}; the one in {from} is an earlier copy, at serial {offered}."
            ));
        }
        Err(error) => return Err(error.into()),
    }
    let (read, told) = (goal.store.load().await?, goal.store.history().await?);
    if read.as_ref() != Some(state) || told != history {
        return Err(CommandError::StateNotCopied {
            from: from.clone(),
            to: to.clone(),
        });
    }
    Ok(format!(
        "The state is in {to} now, {}, and was read back. The one in {from} is as it was: remove it when nobody uses it \
         any more.",
        size(state)
    ))
}

fn size(state: &Snapshot) -> String {
    let records = state.records.len();
    let word = if records == 1 { "record" } else { "records" };
    format!("{records} {word} at serial {}", state.serial)
}

fn intent(call: &Call<'_>) -> Intent {
    Intent {
        holder: Holder::new(
            call.env.actor.clone(),
            std::process::id(),
            "pgferry init",
            None,
            WallClock.now(),
        ),
    }
}
