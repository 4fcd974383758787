//! `pgferry validate`: whether the configuration holds by itself. It calls nobody and needs no password.

use clap::Args;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::{Project, Purpose, source_text};
use super::view::diagnostic_json::document;
use super::view::layout::count;
use super::wrong::of_error;
use crate::arm::Outputs;
use crate::cli::color::{GOOD, paint};

/// Check the configuration, without calling Azure
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry validate", "this directory"),
    ("pgferry -C live validate", "another one"),
    ("pgferry validate --json", "for scripts"),
]))]
pub(crate) struct ValidateArgs {
    /// As JSON, in the shape of `terraform validate -json`
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &ValidateArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    if args.json {
        return Ok(as_json(call));
    }
    let width = call.ui.width();
    let project = call.project(Purpose::Look)?;
    let declared = project
        .program
        .declare(&Outputs::default())
        .map_err(|found| project.refuse(found, width))?;
    let mut warnings = declared.warnings;
    warnings.extend(declared.unused);
    if !warnings.is_empty() {
        call.ui.alert(&project.rendered(warnings, width));
    }
    let resources = declared.graph.iter().count();
    call.ui.show(&format!(
        "{} The configuration is valid: {}.\n",
        paint(GOOD, "Success."),
        count(resources, "resource")
    ));
    Ok(Exit::Done)
}

/// Standard output holds one document, whatever is wrong.
fn as_json(call: &Call<'_>) -> Exit {
    let project = Project::load(&call.directory, &call.wishes, call.env, Purpose::Look, call.ui.width());
    let (found, sources) = match project {
        Ok(project) => match project.program.declare(&Outputs::default()) {
            Ok(declared) => (declared.warnings, project.sources),
            Err(found) => (found, project.sources),
        },
        Err(CommandError::Configuration { refused, .. }) => (refused.found, refused.sources),
        Err(error) => {
            let answer = of_error(&error.report(), &call.calling);
            call.ui.document(&answer);
            return Exit::Error;
        }
    };
    let failed = found.has_errors();
    let answer = document(found, &|file| source_text(&sources, file));
    call.ui.document(&answer);
    if failed { Exit::Error } else { Exit::Done }
}
