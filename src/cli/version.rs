//! `pgferry version`. It starts nothing and reads nothing, so that scripts may call it as often as they like.

use clap::Args;
use serde_json::json;

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;

/// Show the version
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry version", "name and version"),
    ("pgferry version --json", "for scripts"),
]))]
pub(crate) struct VersionArgs {
    /// As a JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &VersionArgs, ui: &Ui) -> Result<Exit, CommandError> {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    if args.json {
        let answer = json!({
            "pgferry_version": version,
            "platform": platform,
            "plan_format": crate::plan::Plan::FORMAT,
        });
        ui.document(&answer);
    } else {
        ui.show(&format!("pgferry {version}\non {platform}\n"));
    }
    Ok(Exit::Done)
}
