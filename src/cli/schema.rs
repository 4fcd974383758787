//! `pgferry schema`: the contracts that others may rely on, as JSON Schemas. They are the files of `schemas/pgferry/`.

use clap::{Args, ValueEnum};

use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::ui::Ui;
use super::view::plan::JSON_SCHEMA;
use crate::config::json_schema;

/// The contract of a line of `events`.
const EVENTS: &str = include_str!("../../schemas/pgferry/events.json");

/// The contract of the files of `plan --out`.
const SAVED_PLAN: &str = include_str!("../../schemas/pgferry/saved-plan.json");

/// The contract of the files of `snapshot`.
const SNAPSHOT: &str = include_str!("../../schemas/pgferry/snapshot.json");

/// Print a JSON Schema
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry schema configuration", "of a configuration in JSON, *.hcl.json"),
    ("pgferry schema events", "of each line of `pgferry events`"),
    ("pgferry schema plan-json", "of what `pgferry plan --json` prints"),
    ("pgferry schema saved-plan", "of the files of `pgferry plan --out`"),
    ("pgferry schema snapshot", "of the files of `pgferry snapshot`"),
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
    /// A line of what happens to migrations
    Events,
    /// A plan in Terraform's JSON representation
    PlanJson,
    /// A plan in a file
    SavedPlan,
    /// What a plan reads from Azure, in a file
    Snapshot,
}

pub(crate) fn run(args: &SchemaArgs, ui: &Ui) -> Result<Exit, CommandError> {
    match args.of {
        Contract::Configuration => ui.document(&json_schema::configuration()),
        Contract::Events => ui.data(EVENTS),
        Contract::PlanJson => ui.data(JSON_SCHEMA),
        Contract::SavedPlan => ui.data(SAVED_PLAN),
        Contract::Snapshot => ui.data(SNAPSHOT),
    }
    Ok(Exit::Done)
}
