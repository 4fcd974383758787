//! `pgferry bug-report`: what somebody who looks for a defect needs, without secrets and, unless asked for, without names. It asks
//! nobody over the network, and what cannot be read is a part of what it tells.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Display, Write};
use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use pgferry_state::{FormatVersion, Keys, LocalStore, OpenRun, SealedStore, Snapshot, StepPhase, Store};
use serde_json::{Value as Json, json};

use super::Call;
use super::backend::Backend;
use super::env::VARIABLE_PREFIX;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::project::{Project, Purpose, Refused};
use super::pseudonyms::{Pseudonyms, Telling, is_language};
use super::renderings::Destination;
use super::session;
use super::simulated;
use super::view::history::ended;
use super::view::layout::{clean, count, listed};
use super::view::time::instant;
use crate::arm::Outputs;
use crate::config::source::Role;
use crate::config::{Sources, sensitive};
use crate::diagnostic::{Diagnostics, Severity};
use crate::kind;
use crate::plan::Plan;

/// Collect what a report of a defect needs, without secrets or names
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry bug-report", "as Markdown, to read first"),
    ("pgferry bug-report --out report.md", "in a file"),
    ("pgferry bug-report --with-config", "with the configuration, its texts replaced"),
    ("pgferry bug-report --plain-names", "for those who may know what yours are called"),
]))]
pub(crate) struct BugReportArgs {
    /// Add the configuration, without comments and secrets
    #[arg(long)]
    with_config: bool,
    /// Tell names of subscriptions, resources and people as they are
    #[arg(long)]
    plain_names: bool,
    /// As a JSON object
    #[arg(long)]
    json: bool,
    /// Write it to this file; without it, to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How many of the last runs are told.
const RUNS: usize = 10;

/// How many lines of a log are told.
const LINES: usize = 20;

/// A part of the report.
#[derive(Default)]
struct Section {
    title: &'static str,
    facts: Vec<(String, String)>,
    lines: Vec<String>,
}

impl Section {
    fn new(title: &'static str) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    fn fact(&mut self, name: impl Into<String>, value: impl Display) {
        self.facts.push((name.into(), value.to_string()));
    }
}

/// The report in the making.
struct Writer<'a> {
    call: &'a Call<'a>,
    names: Pseudonyms,
    sections: Vec<Section>,
    left_out: Vec<String>,
}

pub(crate) async fn run(args: &BugReportArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let telling = match args.plain_names {
        true => Telling::Plain,
        false => Telling::Pseudonyms,
    };
    let mut writer = Writer {
        call,
        names: Pseudonyms::new(telling),
        sections: Vec::new(),
        left_out: vec!["values of variables, and of the environment".to_owned()],
    };
    writer.sections.push(program());
    writer.sections.push(terminal(call));
    writer.environment(args.plain_names);
    let (project, sources) = match writer.sources() {
        Some(sources) => {
            let (project, sources) = writer.configuration(sources);
            (project, Some(sources))
        }
        None => (None, None),
    };
    match &project {
        Some(project) => {
            writer.cloud(project);
            writer.state(project).await;
        }
        None => writer.states_found().await,
    }
    writer.simulator_log();
    match &sources {
        Some(sources) if args.with_config => writer.config(sources),
        Some(_) | None => writer
            .left_out
            .push("the configuration (`--with-config` adds it)".to_owned()),
    }
    if !args.plain_names {
        let names =
            "names, ids and addresses: the same one has the same number throughout (`--plain-names` tells them)";
        writer.left_out.push(names.to_owned());
    }
    let azure = "everything that only Azure or a server could tell: nobody was asked over the network";
    writer.left_out.push(azure.to_owned());
    let text = match args.json {
        true => format!("{:#}\n", as_json(&writer)),
        false => as_markdown(&writer),
    };
    let destination = args.out.clone().map_or(Destination::Output, Destination::File);
    destination.take(&text, &call.directory, call.ui)?;
    Ok(Exit::Done)
}

fn program() -> Section {
    let mut section = Section::new("Program");
    section.fact("version", env!("CARGO_PKG_VERSION"));
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    section.fact("platform", platform);
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    if let Some(system) = system {
        section.fact("system", system.trim_matches('"'));
    }
    if let Ok(processors) = std::thread::available_parallelism() {
        section.fact("processors", processors);
    }
    section.fact("format of plans", Plan::FORMAT);
    section.fact("format of state", FormatVersion::CURRENT);
    section
}

fn terminal(call: &Call<'_>) -> Section {
    let mut section = Section::new("Terminal");
    let yes = |is: bool| if is { "a terminal" } else { "none" };
    section.fact("standard input", yes(std::io::stdin().is_terminal()));
    section.fact("standard output", yes(std::io::stdout().is_terminal()));
    section.fact("standard error", yes(std::io::stderr().is_terminal()));
    section.fact("columns", call.ui.terminal_width());
    section
}

/// An error with its causes.
fn in_full(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}

fn tally(all: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

fn counted(counts: &BTreeMap<String, usize>) -> String {
    let each = counts.iter().map(|(name, number)| format!("{number} {name}"));
    match counts.is_empty() {
        true => "none".to_owned(),
        false => each.collect::<Vec<_>>().join(", "),
    }
}

impl Writer<'_> {
    fn environment(&mut self, plain: bool) {
        let mut section = Section::new("Environment");
        let names = self.call.env.telling.iter();
        let (own, set): (Vec<&String>, Vec<&String>) =
            names.partition(|name| name.starts_with(VARIABLE_PREFIX) || name.starts_with("TF_VAR_"));
        let set: Vec<String> = set.into_iter().cloned().collect();
        section.fact(
            "set",
            if set.is_empty() {
                "none".to_owned()
            } else {
                listed(&set)
            },
        );
        let own: Vec<String> = own.into_iter().cloned().collect();
        section.fact(
            "values of variables",
            match plain && !own.is_empty() {
                true => listed(&own),
                false => own.len().to_string(),
            },
        );
        self.sections.push(section);
    }

    /// The texts of the project. What cannot be read is told.
    fn sources(&mut self) -> Option<Sources> {
        match Sources::read(&self.call.directory) {
            Ok(sources) => Some(sources),
            Err(error) => {
                let mut section = Section::new("Configuration");
                section.fact("cannot be read", self.names.tell(&in_full(&error)));
                self.sections.push(section);
                None
            }
        }
    }

    /// The project, where the configuration holds so far, and all its texts: evaluating it brings those of modules and values.
    fn configuration(&mut self, sources: Sources) -> (Option<Project>, Sources) {
        let Call {
            directory, wishes, env, ..
        } = self.call;
        let project = Project::of(directory, sources, wishes, env, Purpose::Look);
        let all = match &project {
            Ok(project) => project.sources.clone(),
            Err(refused) => refused.sources.clone(),
        };
        let mut section = Section::new("Configuration");
        for role in [
            Role::Configuration,
            Role::Module,
            Role::AutomaticVariables,
            Role::NamedVariables,
            Role::Value,
        ] {
            let mut number = 0;
            for (_, file) in all.of_role(role) {
                self.names.learn_configuration(&file.text);
                number += 1;
            }
            if number > 0 {
                section.fact(of_role(role), number);
            }
        }
        let project = match project {
            Ok(project) => project,
            Err(refused) => {
                let Refused { found, .. } = *refused;
                section.fact("holds", "no");
                problems(&found, &mut section);
                self.sections.push(section);
                return (None, all);
            }
        };
        let program = &project.program;
        self.names.hide(&sensitive(&program.configuration, &program.inputs));
        let blocks = program.configuration.root.iter();
        let blocks = tally(blocks.map(|block| match is_language(&block.kind.value) {
            true => block.kind.value.to_string(),
            false => "of no kind".to_owned(),
        }));
        section.fact("blocks", counted(&blocks));
        match program.declare(&Outputs::default()) {
            Ok(declared) => {
                self.names
                    .hide(declared.secrets.iter().map(|(_, secret)| secret).collect::<Vec<_>>());
                section.fact("holds", "yes");
                let kinds = declared.graph.iter().map(|one| one.address.kind().to_string());
                section.fact("declared", counted(&tally(kinds)));
                let units = declared.graph.iter().map(|one| one.units().len());
                section.fact("units", units.sum::<usize>());
                for declaration in declared.graph.iter() {
                    self.names.learn(&declaration.address.to_string());
                }
                problems(&declared.warnings, &mut section);
            }
            Err(found) => {
                section.fact("holds", "no");
                problems(&found, &mut section);
            }
        }
        self.sections.push(section);
        (Some(project), all)
    }

    fn cloud(&mut self, project: &Project) {
        let mut section = Section::new("Cloud");
        section.fact("cloud", project.cloud());
        let defaults = &project.program.defaults;
        if let Some(subscription) = &defaults.subscription {
            section.fact("subscription", self.names.name("subscription", subscription.as_str()));
        }
        if let Some(tenant) = &defaults.tenant {
            section.fact("tenant", self.names.name("tenant", tenant.as_str()));
        }
        self.sections.push(section);
    }

    async fn state(&mut self, project: &Project) {
        let mut section = Section::new("State");
        let backend = match project.backend {
            Backend::Local => "local",
            Backend::AzureBlob { .. } => "azure_blob",
            Backend::Postgres { .. } => "postgres",
        };
        section.fact("backend", backend);
        let is_encrypted = project.settings.pgferry.encryption.is_some();
        section.fact("encrypted", if is_encrypted { "yes" } else { "no" });
        if !project.backend.is_local() {
            let elsewhere =
                "the state, which is not on this machine (`pgferry status` and `pgferry history` tell of it)";
            self.left_out.push(elsewhere.to_owned());
            self.sections.push(section);
            return;
        }
        match session::store(project, self.call.env).await {
            Ok(store) => self.stored(section, store.as_ref()).await,
            Err(error) => {
                let report = error.report();
                let why: Vec<String> = report.headline.into_iter().chain(report.causes).collect();
                section.fact("cannot be read", self.names.tell(&why.join(": ")));
                self.sections.push(section);
            }
        }
    }

    /// The states beside a configuration that does not say where its own is.
    async fn states_found(&mut self) {
        let hidden = self.call.directory.join(".pgferry");
        for (place, directory) in [
            ("local", hidden.join("state")),
            ("local, the simulator's", hidden.join("simulator").join("state")),
        ] {
            if !directory.exists() {
                continue;
            }
            let mut section = Section::new("State");
            section.fact("found", place);
            let store = SealedStore::new(Arc::new(LocalStore::new(directory)), Keys::default());
            self.stored(section, &store).await;
        }
    }

    async fn stored(&mut self, mut section: Section, store: &dyn Store) {
        match store.load().await {
            Ok(None) => section.fact("remembers", "nothing: there is none yet"),
            Err(error) => section.fact("cannot be read", self.names.tell(&in_full(&error))),
            Ok(Some(snapshot)) => {
                self.remembered(&snapshot, &mut section);
                self.sections.push(section);
                if let Some(open) = &snapshot.run {
                    self.open_run(open);
                }
                return self.runs(store).await;
            }
        }
        self.sections.push(section);
    }

    fn remembered(&mut self, snapshot: &Snapshot, section: &mut Section) {
        for (key, record) in &snapshot.records {
            self.names.learn(key.as_str());
            self.names.learn_document(&record.document);
        }
        section.fact("lineage", snapshot.lineage);
        section.fact("serial", snapshot.serial);
        if let Some(binding) = &snapshot.binding {
            let cloud = self.names.tell(&binding.cloud);
            let subscription = self.names.name("subscription", &binding.subscription);
            let tenant = self.names.name("tenant", &binding.tenant);
            section.fact("belongs to", format!("{cloud}, {subscription}, {tenant}"));
        }
        let kinds = snapshot.records.keys().map(|key| {
            let mut words = key.as_str().split(['/', '.', '#', '[', ':']);
            words
                .find(|word| kind::find(word).is_some())
                .unwrap_or("other")
                .to_owned()
        });
        section.fact("records", counted(&tally(kinds)));
    }

    fn open_run(&mut self, open: &OpenRun) {
        self.names.learn_document(&open.plan);
        let mut section = Section::new("Open run");
        section.fact("run", open.id);
        section.fact("began", instant(open.started));
        section.fact("by", self.names.name("person", open.by.as_str()));
        section.fact("plan", &open.plan_fingerprint);
        let phases = open.steps.values().map(|step| {
            let phase = match step.phase {
                StepPhase::Intended { .. } => "intended",
                StepPhase::Accepted { .. } => "accepted",
                StepPhase::Done => "done",
                StepPhase::Failed { .. } => "failed",
            };
            phase.to_owned()
        });
        section.fact("steps", counted(&tally(phases)));
        for step in open.steps.values() {
            if let StepPhase::Failed { message } = &step.phase {
                section.lines.push(self.names.tell(message));
            }
        }
        self.sections.push(section);
    }

    async fn runs(&mut self, store: &dyn Store) {
        let mut section = Section::new("Last runs");
        match store.history().await {
            Ok(history) => {
                section.fact("ended", history.len());
                for entry in history.iter().rev().take(RUNS) {
                    let (began, ended) = (instant(entry.started), ended(entry));
                    let by = self.names.name("person", entry.by.as_str());
                    let summary = self.names.tell(&entry.summary);
                    let line = format!("{began}  {ended}, by {by}: {summary} (run {})", entry.run);
                    section.lines.push(line);
                }
            }
            Err(error) => section.fact("cannot be read", self.names.tell(&in_full(&error))),
        }
        self.sections.push(section);
    }

    fn simulator_log(&mut self) {
        let log = simulated::home(&self.call.directory).join("serve.log");
        let log = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        if lines.is_empty() {
            return;
        }
        let mut section = Section::new("Log of the simulator");
        let last = lines.iter().skip(lines.len().saturating_sub(LINES));
        section.lines = last.map(|line| self.names.tell(line)).collect();
        self.sections.push(section);
    }

    fn config(&mut self, sources: &Sources) {
        let mut section = Section::new("Text of the configuration");
        let modules = sources.of_role(Role::Module);
        for (_, file) in sources.of_role(Role::Configuration).chain(modules) {
            let name = self.names.name("file", &file.name);
            section.lines.push(format!("# {name}"));
            let text = self.names.configuration(&file.text);
            section.lines.extend(text.lines().map(str::to_owned));
        }
        self.sections.push(section);
    }
}

fn of_role(role: Role) -> &'static str {
    match role {
        Role::Configuration => "files",
        Role::Module => "files of modules",
        Role::AutomaticVariables => "variable files beside it",
        Role::NamedVariables => "variable files that were named",
        Role::Value => "values given one by one",
        Role::Question => "questions",
    }
}

/// What is wrong, by its codes: what is said beside them names things.
fn problems(found: &Diagnostics, section: &mut Section) {
    let codes = found.iter().map(|problem| {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        format!("{severity}[{}] {}", problem.code, problem.summary)
    });
    for (problem, times) in tally(codes) {
        section.lines.push(format!("{problem}: {}", count(times, "time")));
    }
}

fn as_json(writer: &Writer<'_>) -> Json {
    let sections = writer.sections.iter().map(|section| {
        let facts = section.facts.iter();
        let facts: serde_json::Map<String, Json> = facts.map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({ "title": section.title, "facts": facts, "lines": section.lines })
    });
    json!({
        "format_version": 1,
        "sections": sections.collect::<Vec<_>>(),
        "left_out": writer.left_out,
    })
}

fn as_markdown(writer: &Writer<'_>) -> String {
    let mut text = String::from("# pgferry bug report\n");
    for section in &writer.sections {
        let _ = write!(text, "\n## {}\n\n", section.title);
        for (name, value) in &section.facts {
            let _ = writeln!(text, "- {name}: {}", clean(value));
        }
        if !section.lines.is_empty() {
            // A fence that no line can close.
            let longest = section.lines.iter().flat_map(|line| line.split(|c| c != '`'));
            let longest = longest.map(str::len).max().unwrap_or_default();
            let fence = "`".repeat(3.max(longest + 1));
            let lines: Vec<String> = section.lines.iter().map(|line| clean(line)).collect();
            let before = if section.facts.is_empty() { "" } else { "\n" };
            let _ = write!(text, "{before}{fence}text\n{}\n{fence}\n", lines.join("\n"));
        }
    }
    text.push_str("\n## Left out\n\n");
    for left_out in &writer.left_out {
        let _ = writeln!(text, "- {left_out}");
    }
    text.push_str("\nPlease read this before you send it: what was not known to be a name or a secret is told.\n");
    text
}
