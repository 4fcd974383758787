//! `pgferry snapshot`: what a plan of this configuration reads from Azure, in a file, for `pgferry plan --snapshot`. It changes
//! nothing and needs no password.

use std::path::PathBuf;

use clap::Args;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::plan_file::write_private;
use super::project::Purpose;
use super::view::layout::{count, typed};

/// Keep what a plan reads from Azure in a file, to plan where nobody can log in
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry snapshot --out azure.json", "where there is a login, such as in a nightly job"),
    ("pgferry plan --snapshot azure.json", "where there is none, such as for a pull request of a stranger"),
    ("pgferry snapshot | jq '.objects[].id'", "which objects of Azure a plan depends on"),
]))]
pub(crate) struct SnapshotArgs {
    /// Write it to this file, readable by its owner alone; without it, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(args: &SnapshotArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let session = call.session(Purpose::Look).await?;
    let taken = session.snapshot().await?;
    match &args.out {
        None => call.ui.data(&taken.text),
        Some(path) => {
            write_private(&call.directory.join(path), taken.text.as_bytes()).map_err(|cause| {
                let name = path.display().to_string();
                CommandError::NotWritten { name, cause }
            })?;
            let line = call.calling.line(&format!("plan --snapshot {}", typed(path.display())));
            call.ui.say(&format!(
                "{} and what is remembered are kept in {}. To plan from them: {line}\n",
                count(taken.objects, "object"),
                path.display()
            ));
        }
    }
    Ok(Exit::Done)
}
