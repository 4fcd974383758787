//! `pgferry validate`: whether the configuration holds by itself. It calls nobody and needs no password.

use clap::Args;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::Purpose;
use super::view::layout::count;
use crate::arm::Outputs;
use crate::cli::color::{GOOD, paint};

/// Check the configuration, without calling Azure
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry validate", "this directory"),
    ("pgferry -C live validate", "another one"),
]))]
pub(crate) struct ValidateArgs {}

pub(crate) fn run(_: &ValidateArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let width = call.ui.width();
    let project = call.project(Purpose::Look)?;
    let declared = project
        .program
        .declare(&Outputs::default())
        .map_err(|found| project.refuse(found, width))?;
    if !declared.warnings.is_empty() {
        call.ui.alert(&project.rendered(declared.warnings, width));
    }
    let resources = declared.graph.iter().count();
    call.ui.show(&format!(
        "{} The configuration is valid: {}.\n",
        paint(GOOD, "Success."),
        count(resources, "resource")
    ));
    Ok(Exit::Done)
}
