//! `pgferry status`: where the migrations stand. It changes nothing, and works beside a running apply.

use clap::Args;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::lookout::Lookout;
use super::ui::Verbosity;
use super::view::status::{Databases, Row, Seen};
use crate::address::UnitAddress;

/// Show where the migrations stand; works beside a running apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry status", "all migrations; databases of those that are not over"),
    ("pgferry status database_batch.wave1", "one batch, with all its databases"),
    ("pgferry status 'database_batch.wave1#2'", "one migration"),
    ("pgferry status --json", "for scripts"),
]))]
pub(crate) struct StatusArgs {
    /// Only this batch or migration, with all its databases
    #[arg(value_name = "ADDRESS[#N]")]
    address: Option<UnitAddress>,
    /// Only migrations that are not over
    #[arg(long)]
    active: bool,
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &StatusArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let mut lookout = Lookout::open(call, args.address.clone()).await?;
    let mut view = lookout.view();
    let all = view.rows.len();
    view.rows.retain(|row| !args.active || is_active(row));
    view.over = all - view.rows.len();
    if args.json {
        call.ui.document(&view.json());
    } else {
        let detailed = args.address.is_some() || call.ui.verbosity() == Verbosity::Detailed;
        let databases = if detailed {
            Databases::OfAll
        } else {
            Databases::OfActive
        };
        call.ui.show(&view.render(databases, call.ui.width()));
    }
    Ok(Exit::Done)
}

fn is_active(row: &Row) -> bool {
    match &row.seen {
        Seen::Migration(migration) => migration.state.ending().is_none(),
        Seen::Missing(_) | Seen::Unreadable(_) => true,
    }
}
