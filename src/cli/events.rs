//! `pgferry events`: what happens to the migrations, as JSON lines. It only looks.

use clap::{ArgAction, Args};

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::lookout::{Lookout, conclude, is_over};
use super::signals::Signals;
use super::view::event::Chronicle;
use super::work;
use crate::address::UnitAddress;

/// Print what happens to the migrations, as JSON lines; works beside a running apply
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry events", "until every migration is over"),
    ("pgferry events 'database_batch.wave1#2'", "of one migration"),
    ("pgferry events --follow=false", "where each stands now, and no more"),
    ("pgferry schema events", "the form of a line"),
]))]
pub(crate) struct EventsArgs {
    /// Only this batch or migration
    #[arg(value_name = "ADDRESS[#N]")]
    address: Option<UnitAddress>,
    /// Whether to stay until every migration is over and no open apply would begin another
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        action = ArgAction::Set,
        hide_default_value = true,
        hide_possible_values = true
    )]
    follow: bool,
}

pub(crate) async fn run(args: &EventsArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let mut signals = Signals::listen()?;
    let opened = work::unless_interrupted(&mut signals, Lookout::open(call, args.address.clone())).await?;
    let Some(mut lookout) = opened else {
        return Ok(Exit::Error);
    };
    let mut chronicle = Chronicle::default();
    loop {
        let view = lookout.view();
        let lines = chronicle
            .note(&view)
            .into_iter()
            .map(|event| format!("{}\n", event.json()));
        let lines: String = lines.collect();
        if !lines.is_empty() {
            call.ui.json_lines(&lines);
        }
        // A reader who went away reads nothing more.
        if !args.follow || is_over(&view) || call.ui.is_unread() {
            return Ok(conclude(&view));
        }
        tokio::select! {
            biased;
            () = signals.first() => return Ok(conclude(&view)),
            () = lookout.again() => {}
        }
    }
}
