//! `pgferry lock break` and `pgferry force-unlock`: takes the lock from a holder who was named. Whoever held it writes nothing
//! any more; what it began in Azure goes on, and its journal stays.

use clap::Args;
use pgferry_state::{Actor, HeldLock, Store};

use super::{show, store};
use crate::cli::Call;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::help;
use crate::cli::signals::Signals;
use crate::cli::view::layout::typed;
use crate::cli::work;

/// Take the lock from a holder who never will write again
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry lock break --holder ada@runner-7", "shows the lock and asks"),
]))]
pub(crate) struct BreakArgs {
    /// Whose lock it is, as `pgferry lock show` names the holder
    #[arg(long, value_name = "NAME")]
    holder: String,
    /// Do not ask
    #[arg(long)]
    auto_approve: bool,
}

/// As in Terraform: take the lock from its holder; see `pgferry lock break`
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry force-unlock ada@runner-7", "locks have holders here, and no ids"),
]))]
pub(crate) struct UnlockArgs {
    /// The holder or the run that the error named
    #[arg(value_name = "HOLDER|RUN")]
    id: String,
    /// Do not ask
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(args: &BreakArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let store = store(call).await?;
    let held = store.holder().await?;
    take(store.as_ref(), held, Actor::new(&args.holder), args.auto_approve, call).await
}

pub(crate) async fn unlock(args: &UnlockArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let store = store(call).await?;
    let held = store.holder().await?;
    let named = match &held {
        Some(held) if held.holder.run.is_some_and(|run| run.to_string() == args.id) => held.holder.who.clone(),
        Some(held) if held.holder.who.as_str() != args.id => {
            return Err(CommandError::Usage(format!(
                "a lock has no id here, but a holder: it is held by {}. `pgferry lock break --holder {}` takes it from there",
                held.holder,
                typed(&held.holder.who)
            )));
        }
        Some(_) | None => Actor::new(&args.id),
    };
    take(store.as_ref(), held, named, args.force, call).await
}

async fn take(
    store: &dyn Store,
    held: Option<HeldLock>,
    named: Actor,
    is_approved: bool,
    call: &Call<'_>,
) -> Result<Exit, CommandError> {
    let mut signals = Signals::listen()?;
    if let Some(held) = held.filter(|held| held.holder.who == named) {
        call.ui.show(&show::told(&held, call.ui.width()));
        if !is_approved {
            let question = "\nIts holder will write nothing any more; what it began in Azure goes on. Do you want to take the lock?";
            let nothing = "the lock stays where it is";
            if !work::agreed(&mut signals, call.ui, question, ("lock break", nothing)).await? {
                return Ok(Exit::Error);
            }
        }
    }
    let Some(broken) = work::unless_interrupted(&mut signals, async { Ok(store.break_lock(&named).await?) }).await?
    else {
        let told = call.calling.line("lock show");
        call.ui.alert(&format!(
            "\nInterrupted while the lock was taken: `{told}` tells who holds it.\n"
        ));
        return Ok(Exit::Error);
    };
    match broken {
        None => call.ui.show("Nobody holds the lock: there is nothing to break.\n"),
        Some(_) => call.ui.show(&format!(
            "\nThe lock is free. If a run was cut short, `{}` settles what it left open first.\n",
            call.calling.line("apply")
        )),
    }
    Ok(Exit::Done)
}
