//! `pgferry schema`: the contracts that others may rely on, as JSON Schemas. They are the files of `schemas/pgferry/`.

use clap::{Args, ValueEnum};

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;
use crate::config::json_schema;

/// Print a JSON Schema
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry schema configuration", "of a configuration in JSON, *.hcl.json"),
]))]
pub(crate) struct SchemaArgs {
    /// Of what
    #[arg(value_enum)]
    of: Contract,
}

/// What there is a schema of.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Contract {
    /// The configuration in JSON syntax
    Configuration,
}

pub(crate) fn run(args: &SchemaArgs, ui: &Ui) -> Result<Exit, CommandError> {
    let schema = match args.of {
        Contract::Configuration => json_schema::configuration(),
    };
    ui.data(&format!("{schema:#}\n"));
    Ok(Exit::Done)
}
