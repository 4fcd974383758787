//! `pgferry graph`: the steps of a plan as a picture, each edge with its reason. It plans as `pgferry plan` does, or
//! reads a plan from a file, and changes nothing.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Call;
use super::aiming::Aiming;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::plan_file;
use super::project::Purpose;
use super::session::Planned;
use super::view::plan::mermaid::Reasons;
use super::view::plan::picture::Picture;
use super::view::plan::problem::Places;
use super::view::plan::{dot, html, mermaid, svg};
use crate::plan::{Mode, Plan};

/// Draw the steps of a plan, each with what it waits for and why
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry graph | dot -Tpng > plan.png", "by Graphviz"),
    ("pgferry graph --format svg > plan.svg", "without it"),
    ("pgferry graph --format html > plan.html", "to be zoomed, beside the plan"),
    ("pgferry graph --format mermaid --by unit", "for a document, smaller"),
    ("pgferry graph --destroy", "what destroy would do"),
    ("pgferry graph tonight.plan", "of a plan of `pgferry plan --out`"),
]))]
pub(crate) struct GraphArgs {
    /// How it is written
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Dot)]
    format: Format,
    /// What is a node; a page always has steps
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = By::Step)]
    by: By,
    /// Of a plan that `pgferry plan --out` kept, instead of one made now
    #[arg(value_name = "FILE", conflicts_with_all = ["destroy", "retry", "replace", "target", "exclude"])]
    file: Option<PathBuf>,
    /// Draw what destroy would do
    #[arg(long, conflicts_with_all = ["retry", "replace"])]
    destroy: bool,
    #[command(flatten)]
    aiming: Aiming,
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// The language of Graphviz
    Dot,
    /// A Mermaid flowchart, as Markdown renders it
    Mermaid,
    /// A drawing
    Svg,
    /// One page that needs no other file: the plan beside its picture
    Html,
}

/// What is a node.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// Every step
    Step,
    /// Every unit: its steps in one
    Unit,
    /// Every resource: its units in one
    Resource,
}

async fn planned(args: &GraphArgs, call: &Call<'_>) -> Result<(Plan, Places), CommandError> {
    let mode = if args.destroy { Mode::Destroy } else { Mode::Apply };
    let session = call.session(Purpose::Look).await?;
    let Planned { plan, places, .. } = session.plan(&args.aiming.aim(mode)).await?;
    Ok((plan, places))
}

pub(crate) async fn run(args: &GraphArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let (plan, places) = match &args.file {
        Some(file) => {
            let saved = plan_file::read(&call.directory.join(file))?;
            let places = Places::of_file(&saved.places, &call.directory);
            (saved.plan, places)
        }
        None => planned(args, call).await?,
    };
    let picture = || match args.by {
        By::Step => Picture::of_steps(&plan),
        By::Unit => Picture::of_units(&plan),
        By::Resource => Picture::of_resources(&plan),
    };
    let text = match args.format {
        Format::Dot => dot::render(&picture()),
        Format::Mermaid => mermaid::render(&picture(), Reasons::Shown),
        Format::Svg => svg::render(&picture()),
        Format::Html => html::render(&plan, &call.calling, &places),
    };
    call.ui.data(&text);
    Ok(Exit::Done)
}
