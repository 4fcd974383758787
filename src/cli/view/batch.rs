//! The changes of one batch: its migrations in their order, with their databases and what each waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use serde_json::Value as Json;

use super::change::{Frame, because, fields, lead, sign};
use super::layout::{count, hang, listed, typed};
use super::value::Spelling;
use crate::address::{Address, UnitAddress};
use crate::arm::ArmId;
use crate::cli::calling::Calling;
use crate::cli::color::{DIM, STRONG};
use crate::plan::action::{Phase, Shown};
use crate::plan::{Action, Change, FieldChange, Op, Plan, Reason, Step, StepId};

/// The steps of a plan, found by unit.
pub(crate) struct Steps<'a> {
    all: &'a [Step],
    first: HashMap<&'a UnitAddress, &'a Step>,
}

/// What all batches of a plan are shown with.
pub(crate) struct Page<'a> {
    /// The steps of the plan.
    pub(crate) steps: &'a Steps<'a>,
    /// How commands are called.
    pub(crate) calling: &'a Calling,
    /// How wide.
    pub(crate) columns: usize,
}

/// How much is told of what a batch waits for.
const REASONS: usize = 6;

impl<'a> Steps<'a> {
    /// The steps of this plan.
    pub(crate) fn of(plan: &'a Plan) -> Self {
        let mut first = HashMap::new();
        for step in &plan.steps {
            first.entry(&step.unit).or_insert(step);
        }
        Self {
            all: &plan.steps,
            first,
        }
    }

    fn get(&self, id: StepId) -> Option<&'a Step> {
        self.all.get(usize::try_from(id.0).ok()?)
    }

    /// What must be there before a batch can start, each with the reason; the same for all of its migrations.
    fn ways(&self, changes: &[Change]) -> Vec<&'a str> {
        let firsts = changes.iter().filter_map(|change| self.first.get(&change.unit));
        let reasons: BTreeSet<&str> = firsts
            .flat_map(|step| step.after.values().map(String::as_str))
            .collect();
        reasons.into_iter().collect()
    }

    /// What a migration queues behind.
    fn queue(&self, unit: &UnitAddress) -> Option<String> {
        let first = self.first.get(unit)?;
        let target = target(first);
        let mut before: Vec<(String, &str)> = Vec::new();
        for step in first.behind.iter().filter_map(|id| self.get(*id)) {
            let why = match (&target, self::target(step)) {
                (Some(ours), Some(theirs)) if *ours == theirs => "one active migration per target",
                (_, _) => "its source or runtime server runs one at a time",
            };
            before.push((self.name_of(step, unit), why));
        }
        let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (name, why) in before {
            names.entry(why).or_default().insert(name);
        }
        let reasons = names.iter().rev().map(|(why, names)| {
            let names: Vec<String> = names.iter().cloned().collect();
            format!("{}: {why}", listed(&names))
        });
        let reasons: Vec<String> = reasons.collect();
        (!reasons.is_empty()).then(|| format!("waits for {}", reasons.join("; for ")))
    }

    fn name_of(&self, step: &Step, seen_from: &UnitAddress) -> String {
        if step.unit == *seen_from {
            return match &step.op {
                Op::Await(watched) => format!("`{}`, which is not of this batch", watched.migration.name()),
                Op::Put { .. } | Op::Start { .. } | Op::Delete { .. } | Op::Gate(_) | Op::Cutover { .. } | Op::Note => {
                    step.unit.to_string()
                }
            };
        }
        match &step.unit.part {
            Some(part) if step.unit.resource == seen_from.resource => format!("#{part}"),
            Some(_) | None => step.unit.to_string(),
        }
    }
}

/// The target of the migration that a step works on.
fn target(step: &Step) -> Option<ArmId> {
    match &step.op {
        Op::Start { migration, .. } | Op::Cutover { migration, .. } => migration.parent(),
        Op::Await(watched) => watched.migration.parent(),
        Op::Gate(gate) => gate.migration.parent(),
        Op::Put { .. } | Op::Delete { .. } | Op::Note => None,
    }
}

/// Writes the migrations of one batch, which stand together and are not empty.
pub(crate) fn batch(text: &mut String, changes: &[Change], page: &Page<'_>, spelling: &Spelling<'_>) {
    let Page { steps, columns, .. } = *page;
    let Some(first) = changes.first() else { return };
    text.push_str(&hang("  # ", "  # ", &heading(&first.unit.resource, changes), columns));
    let strongest = changes
        .iter()
        .max_by_key(|change| rank(&change.action))
        .unwrap_or(first);
    let sign = sign(&strongest.action);
    let _ = writeln!(text, "{} {}", lead(&sign), first.unit.resource);
    let shared = shared(changes);
    fields(
        text,
        &shared,
        Frame {
            action: &strongest.action,
            spelling,
            columns,
        },
    );
    let cutovers = match shared.iter().any(|field| field.attribute == "cutover") {
        true => Cutovers::Alike,
        false => Cutovers::Differ,
    };
    let ways = steps.ways(changes);
    for (at, way) in ways.iter().take(REASONS).enumerate() {
        let label = if at == 0 { "      after  " } else { "             " };
        text.push_str(&hang(label, "               ", way, columns));
    }
    if ways.len() > REASONS {
        let _ = writeln!(text, "             and {} more", ways.len() - REASONS);
    }
    let reasons: BTreeSet<Option<&str>> = changes.iter().map(reason).collect();
    for change in changes {
        // One reason for all stands in the heading.
        let why = if reasons.len() > 1 { reason(change) } else { None };
        migration(text, change, why, cutovers, page);
    }
    text.push('\n');
}

fn rank(action: &Action) -> u8 {
    match action {
        Action::Forget => 0,
        Action::Adopt | Action::Remember => 1,
        Action::Advance(Phase::Watch | Phase::Answer) => 2,
        Action::Advance(Phase::Cutover) => 3,
        Action::Update => 4,
        Action::Create => 5,
        Action::Replace => 6,
        Action::Delete => 7,
    }
}

/// Actions of one kind, and what is said of how many there are.
type Kind = (fn(&Action) -> bool, &'static str);

/// How many databases and migrations, what becomes of them, and why where all have one reason.
fn heading(resource: &Address, changes: &[Change]) -> String {
    let databases: usize = changes.iter().map(|change| databases(change).len()).sum();
    let kinds: [Kind; 5] = [
        (|action| *action == Action::Create, "to start"),
        (|action| matches!(action, Action::Advance(_)), "on the way"),
        (|action| *action == Action::Adopt, "to adopt"),
        (|action| *action == Action::Forget, "to forget"),
        (
            |action| matches!(action, Action::Update | Action::Replace | Action::Delete),
            "to change",
        ),
    ];
    let counted: Vec<(usize, &str)> = kinds
        .iter()
        .map(|(is_kind, words)| (changes.iter().filter(|change| is_kind(&change.action)).count(), *words))
        .filter(|(number, _)| *number > 0)
        .collect();
    let mut heading = format!("{STRONG}{resource}{STRONG:#}: ");
    if databases > 0 {
        let _ = write!(heading, "{} in ", count(databases, "database"));
    }
    heading.push_str(&count(changes.len(), "migration"));
    match counted.as_slice() {
        [(_, words)] => {
            let _ = write!(heading, " {words}");
        }
        several => {
            let parts: Vec<String> = several
                .iter()
                .map(|(number, words)| format!("{number} {words}"))
                .collect();
            let _ = write!(heading, ", {}", listed(&parts));
        }
    }
    let reasons: BTreeSet<Option<&str>> = changes.iter().map(reason).collect();
    if let (1, Some(Some(reason))) = (reasons.len(), reasons.first()) {
        let _ = write!(heading, ", because {reason}");
    }
    heading
}

/// Why, where "on the way" does not already say it.
fn reason(change: &Change) -> Option<&str> {
    match (&change.reason, &change.action) {
        (Reason::Unfinished | Reason::Destroy, _) => None,
        (Reason::Absent, Action::Create) => Some("they are declared and have not arrived"),
        (reason, _) => Some(because(reason)),
    }
}

fn databases(change: &Change) -> Vec<&str> {
    let field = change.fields.iter().find(|field| field.attribute == "databases");
    match field.and_then(|field| field.after.as_ref()) {
        Some(Shown::Value(Json::Array(names))) => names.iter().filter_map(Json::as_str).collect(),
        Some(Shown::Value(_) | Shown::Sensitive | Shown::Unknown) | None => Vec::new(),
    }
}

fn name(change: &Change) -> Option<&str> {
    let field = change.fields.iter().find(|field| field.attribute == "name");
    match field.and_then(|field| field.after.as_ref()) {
        Some(Shown::Value(Json::String(name))) => Some(name),
        Some(Shown::Value(_) | Shown::Sensitive | Shown::Unknown) | None => change.id.as_ref().map(ArmId::name),
    }
}

/// The fields that every migration of the batch has in common.
fn shared(changes: &[Change]) -> Vec<FieldChange> {
    let told = |field: &&FieldChange| field.attribute != "databases" && field.attribute != "name";
    let richest = changes.iter().max_by_key(|change| change.fields.len());
    let fields = richest.into_iter().flat_map(|change| &change.fields).filter(told);
    let everywhere = |field: &FieldChange| {
        let mut with = changes.iter().filter(|change| change.fields.len() > 1);
        with.all(|change| change.fields.contains(field))
    };
    fields.filter(|field| everywhere(field)).cloned().collect()
}

fn migration(text: &mut String, change: &Change, why: Option<&str>, cutovers: Cutovers, page: &Page<'_>) {
    let Page {
        steps,
        calling,
        columns,
    } = *page;
    let sign = sign(&change.action);
    let part = change
        .unit
        .part
        .as_ref()
        .map_or_else(String::new, |part| format!("#{part}"));
    let databases = databases(change);
    let mut words: Vec<String> = name(change).map(str::to_owned).into_iter().collect();
    if !databases.is_empty() {
        words.push(count(databases.len(), "database"));
    }
    if change.action != Action::Create {
        words.push(sign.will.to_owned());
    }
    let _ = writeln!(text, "  {} {STRONG}{part}{STRONG:#}  {}", lead(&sign), words.join(", "));
    const INDENT: &str = "          ";
    if !databases.is_empty() {
        text.push_str(&hang(INDENT, INDENT, &databases.join(", "), columns));
    }
    for field in own(change, calling, cutovers) {
        let _ = writeln!(text, "{INDENT}{field}");
    }
    if let Some(queue) = steps.queue(&change.unit) {
        text.push_str(&hang(
            &format!("{INDENT}{DIM}"),
            INDENT,
            &format!("{queue}{DIM:#}"),
            columns,
        ));
    }
    if let Some(why) = why {
        let _ = writeln!(text, "{INDENT}# because {why}");
    }
    for note in &change.notes {
        text.push_str(&hang(&format!("{INDENT}# "), &format!("{INDENT}# "), note, columns));
    }
}

/// Whether the migrations of a batch are cut over in one way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cutovers {
    Alike,
    Differ,
}

/// What differs from migration to migration and needs a person's eye: the cutover.
fn own(change: &Change, calling: &Calling, cutovers: Cutovers) -> Vec<String> {
    let cutover = change.fields.iter().find(|field| field.attribute == "cutover");
    match cutover.and_then(|field| field.after.as_ref()) {
        Some(Shown::Value(Json::String(policy))) if policy == "manual" => {
            vec![
                "stops before its cutover, until you type".to_owned(),
                format!("  {}", calling.line(&format!("cutover {}", typed(&change.unit)))),
            ]
        }
        Some(Shown::Value(Json::String(policy))) if policy == "not yet approved" => {
            let part = change.unit.part.as_ref().map_or("", |part| part.as_str());
            vec![
                format!("stops before its cutover until `approved` holds {part}, or you type"),
                format!("  {}", calling.line(&format!("cutover {}", typed(&change.unit)))),
            ]
        }
        // Where the others are approved, too, it is told once for all of them.
        Some(Shown::Value(Json::String(policy))) if policy == "approved" && cutovers == Cutovers::Differ => {
            vec!["cuts over by itself: approved".to_owned()]
        }
        Some(Shown::Value(_) | Shown::Sensitive | Shown::Unknown) | None => Vec::new(),
    }
}
