//! The flags that render a plan for programs and pull requests, the same for every command that has a plan to show. They choose
//! where each text goes; how it looks stands in [`super::view::plan`].

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use serde::Serialize;

use super::Call;
use super::error::CommandError;
use super::plan::approved;
use super::ui::Ui;
use super::view::plan::problem::{Places, problems};
use super::view::plan::{annotations, html, json, junit, markdown, sarif};
use crate::plan::{Aim, Plan};

/// Renderings beside, or instead of, the one for a terminal.
#[derive(Args)]
#[command(next_help_heading = "Renderings")]
pub(crate) struct Renderings {
    /// As JSON, in the shape of `terraform show -json`. Without a file, this and the others go to standard output instead of
    /// the plan for people; with one, they are written beside it
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    json: Option<Destination>,
    /// As Markdown, for a comment on a pull request
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    markdown: Option<Destination>,
    /// How long the Markdown may be; what does not fit is left out by weight, what could be lost last of all
    #[arg(
        long,
        value_name = "BYTES",
        requires = "markdown",
        default_value_t = markdown::GITHUB,
        hide_default_value = true,
        value_parser = clap::value_parser!(u64).range(markdown::LEAST..)
    )]
    max_bytes: u64,
    /// Findings, failed checks and losses as SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    sarif: Option<Destination>,
    /// The same as a JUnit report
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    junit: Option<Destination>,
    /// As one page that shows the plan beside a picture of its steps
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    html: Option<Destination>,
    /// In GitHub Actions and Azure DevOps, log no annotations
    #[arg(long)]
    no_annotations: bool,
}

/// Where a rendering goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Standard output, in the place of the plan for people.
    Output,
    /// A file beside it.
    File(PathBuf),
}

/// Reports beside, or instead of, the text for a terminal, for commands that have no plan to show.
#[derive(Args)]
#[command(next_help_heading = "Renderings")]
pub(crate) struct Reports {
    /// As JSON. Without a file, this and the others go to standard output instead of the text for people; with one, they are
    /// written beside it
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    json: Option<Destination>,
    /// As SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    sarif: Option<Destination>,
    /// As a JUnit report
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    junit: Option<Destination>,
}

/// What a report can be rendered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    /// For programs.
    Json,
    /// For code scanning.
    Sarif,
    /// For test reports.
    Junit,
}

impl Reports {
    fn wanted(&self) -> impl Iterator<Item = (ReportFormat, &'static str, &Destination)> {
        let all = [
            (ReportFormat::Json, "--json", &self.json),
            (ReportFormat::Sarif, "--sarif", &self.sarif),
            (ReportFormat::Junit, "--junit", &self.junit),
        ];
        all.into_iter()
            .filter_map(|(format, flag, to)| Some((format, flag, to.as_ref()?)))
    }

    /// Whether standard output is left to the text for people.
    ///
    /// # Errors
    /// When two reports want it. That is known before any work, so ask before.
    pub(crate) fn for_people(&self) -> Result<ForPeople, CommandError> {
        one_owner(self.wanted().map(|(_, flag, to)| (flag, to)))
    }

    /// Writes every report that was asked for.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, call: &Call<'_>, render: impl Fn(ReportFormat) -> String) -> Result<(), CommandError> {
        for (format, _, to) in self.wanted() {
            to.take(&render(format), &call.directory, call.ui)?;
        }
        Ok(())
    }
}

/// Whether the plan for people is still to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForPeople {
    /// It is.
    Wanted,
    /// Standard output belongs to a program.
    Replaced,
}

impl FromStr for Destination {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "-" => Self::Output,
            path => Self::File(path.into()),
        })
    }
}

/// What a plan can be rendered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Markdown,
    Sarif,
    Junit,
    Html,
}

impl Format {
    fn flag(self) -> &'static str {
        match self {
            Self::Json => "--json",
            Self::Markdown => "--markdown",
            Self::Sarif => "--sarif",
            Self::Junit => "--junit",
            Self::Html => "--html",
        }
    }
}

/// Standard output belongs to one, and so does a file. The configuration is nobody's.
fn one_owner<'a>(wanted: impl Iterator<Item = (&'static str, &'a Destination)>) -> Result<ForPeople, CommandError> {
    let mut owners: Vec<(&str, &Destination)> = Vec::new();
    for (flag, to) in wanted {
        if let Destination::File(path) = to {
            let name = path.to_string_lossy();
            if name.ends_with(".hcl") || name.ends_with(".hcl.json") {
                return Err(CommandError::Usage(format!(
                    "`{flag}` would write over {name}, which is read as configuration: name another file"
                )));
            }
        }
        if let Some((other, _)) = owners.iter().find(|(_, theirs)| *theirs == to) {
            return Err(CommandError::Usage(match to {
                Destination::Output => format!(
                    "`{other}` and `{flag}` both go to standard output: give one of them a file, as `{flag}=FILE`"
                ),
                Destination::File(path) => {
                    format!(
                        "`{other}` and `{flag}` both go to {}: give each a file of its own",
                        path.display()
                    )
                }
            }));
        }
        owners.push((flag, to));
    }
    match owners.iter().any(|(_, to)| **to == Destination::Output) {
        true => Ok(ForPeople::Replaced),
        false => Ok(ForPeople::Wanted),
    }
}

impl Destination {
    /// Writes a text where it goes; a file's path starts at the project.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn take(&self, text: &str, directory: &Path, ui: &Ui) -> Result<(), CommandError> {
        match self {
            Self::Output => ui.data(text),
            Self::File(path) => write_file(path, directory, ui, |file| file.write_all(text.as_bytes()))?,
        }
        Ok(())
    }

    /// The same of a document, which is written while it is made.
    ///
    /// # Errors
    /// When the file cannot be written.
    fn take_document(&self, document: &impl Serialize, directory: &Path, ui: &Ui) -> Result<(), CommandError> {
        match self {
            Self::Output => ui.document(document),
            Self::File(path) => write_file(path, directory, ui, |file| {
                serde_json::to_writer_pretty(&mut *file, document)?;
                file.write_all(b"\n")
            })?,
        }
        Ok(())
    }
}

fn write_file(
    path: &Path,
    directory: &Path,
    ui: &Ui,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), CommandError> {
    let written = File::create(directory.join(path)).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush()
    });
    written.map_err(|cause| CommandError::NotWritten {
        name: path.display().to_string(),
        cause,
    })?;
    ui.answered_in_a_file();
    Ok(())
}

impl Renderings {
    /// What was asked for, and where it goes.
    fn wanted(&self) -> impl Iterator<Item = (Format, &Destination)> {
        let all = [
            (Format::Json, &self.json),
            (Format::Markdown, &self.markdown),
            (Format::Sarif, &self.sarif),
            (Format::Junit, &self.junit),
            (Format::Html, &self.html),
        ];
        all.into_iter().filter_map(|(format, to)| Some((format, to.as_ref()?)))
    }

    /// Whether standard output is left to the plan for people.
    ///
    /// # Errors
    /// When two renderings want it. That is known before any work, so ask before.
    pub(crate) fn for_people(&self) -> Result<ForPeople, CommandError> {
        one_owner(self.wanted().map(|(format, to)| (format.flag(), to)))
    }

    /// The same where the plan itself goes to a file, too.
    ///
    /// # Errors
    /// When two want one place.
    pub(crate) fn for_people_beside(&self, kept: Option<&Path>) -> Result<ForPeople, CommandError> {
        let kept = kept.map(|path| Destination::File(path.to_owned()));
        let renderings = self.wanted().map(|(format, to)| (format.flag(), to));
        one_owner(kept.iter().map(|to| ("--out", to)).chain(renderings))
    }

    /// Where there turns out to be no plan.
    ///
    /// # Errors
    /// When one was to be rendered.
    pub(crate) fn refuse_without_plan(&self) -> Result<(), CommandError> {
        match self.wanted().next() {
            None => Ok(()),
            Some((format, _)) => Err(CommandError::Usage(format!(
                "`{}` is of a plan: name a file of `pgferry plan --out`",
                format.flag()
            ))),
        }
    }

    /// Renders a plan in all formats that were asked for, and annotates it where a pipeline reads annotations.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write(&self, plan: &Plan, aim: &Aim, places: &Places, call: &Call<'_>) -> Result<(), CommandError> {
        let calling = &call.calling;
        for (format, to) in self.wanted() {
            let directory = &call.directory;
            let text = match format {
                Format::Json => {
                    let document = json::Document { plan, calling, places };
                    to.take_document(&document, directory, call.ui)?;
                    continue;
                }
                Format::Sarif => {
                    to.take_document(&sarif::document(plan, calling, places), directory, call.ui)?;
                    continue;
                }
                Format::Markdown => {
                    let approval = calling.line(&approved(plan, aim));
                    markdown::render(plan, &approval, calling, places, self.max_bytes)
                }
                Format::Junit => junit::render(plan, calling, places),
                Format::Html => html::render(plan, calling, places),
            };
            to.take(&text, directory, call.ui)?;
        }
        if let (Some(dialect), false) = (call.env.annotations, self.no_annotations) {
            let found = problems(plan, calling, places);
            if !found.is_empty() {
                call.ui.command(&annotations::render(&found, dialect));
            }
        }
        Ok(())
    }
}
