//! The changes of one batch: its migrations in their order, with their databases and what each waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use serde_json::Value as Json;

use super::change::{Frame, because, fields, lead, shown, sign};
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
pub(crate) fn target(step: &Step) -> Option<ArmId> {
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
    let alike = Alike {
        shared: &shared,
        cutovers,
        spelling,
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
        migration(text, change, why, &alike, page);
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
    let all: usize = changes.iter().map(|change| databases(change).len()).sum();
    let gone: usize = changes
        .iter()
        .map(|change| listed_in(change, "no_longer_declared").len())
        .sum();
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
    match (all, gone) {
        (0, _) => {}
        (all, 0) => {
            let _ = write!(heading, "{} in ", count(all, "database"));
        }
        (all, gone) => {
            let declared = count(all.saturating_sub(gone), "database");
            let are = if gone == 1 { "is" } else { "are" };
            let _ = write!(heading, "{declared}, and {gone} that {are} no longer declared, in ");
        }
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
    listed_in(change, "databases")
}

/// The names in a field.
fn listed_in<'a>(change: &'a Change, attribute: &str) -> Vec<&'a str> {
    let field = change.fields.iter().find(|field| field.attribute == attribute);
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

/// The fields that everything to start has in common, and that nothing which runs has otherwise.
fn shared(changes: &[Change]) -> Vec<FieldChange> {
    let told = |field: &&FieldChange| field.attribute != "databases" && field.attribute != "name";
    let starts = changes.iter().filter(|change| change.action == Action::Create);
    let richest = starts.max_by_key(|change| change.fields.len());
    let fields = richest.into_iter().flat_map(|change| &change.fields).filter(told);
    let everywhere = |field: &FieldChange| {
        let all = changes.iter().flat_map(|change| &change.fields);
        let mut alike = all.filter(|other| other.attribute == field.attribute);
        alike.all(|other| other == field)
    };
    fields.filter(|field| everywhere(field)).cloned().collect()
}

/// The fields that a migration has for itself, and of which nothing else tells.
fn differing<'a>(change: &'a Change, shared: &'a [FieldChange]) -> impl Iterator<Item = &'a FieldChange> {
    const TOLD: [&str; 4] = ["databases", "name", "cutover", "no_longer_declared"];
    let fields = change.fields.iter();
    fields.filter(|field| !TOLD.contains(&field.attribute.as_str()) && !shared.contains(field))
}

/// What the migrations of a batch are shown with.
struct Alike<'a> {
    /// The fields in the heading.
    shared: &'a [FieldChange],
    /// Whether they are cut over in one way.
    cutovers: Cutovers,
    spelling: &'a Spelling<'a>,
}

fn migration(text: &mut String, change: &Change, why: Option<&str>, alike: &Alike<'_>, page: &Page<'_>) {
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
    match cutover(change) {
        Some(policy) if policy.starts_with(READY) => words.push("ready for its cutover".to_owned()),
        Some(_) | None if change.action == Action::Create => {}
        Some(_) | None => words.push(sign.will.to_owned()),
    }
    let _ = writeln!(text, "  {} {STRONG}{part}{STRONG:#}  {}", lead(&sign), words.join(", "));
    const INDENT: &str = "          ";
    if !databases.is_empty() {
        text.push_str(&hang(INDENT, INDENT, &databases.join(", "), columns));
    }
    let gone = listed_in(change, "no_longer_declared");
    if !gone.is_empty() {
        let sentence = format!("no longer declared, and moved all the same: {}", gone.join(", "));
        text.push_str(&hang(INDENT, INDENT, &sentence, columns));
    }
    for field in differing(change, alike.shared) {
        let after = field.after.as_ref().map(|after| shown(after, alike.spelling));
        let _ = writeln!(
            text,
            "{INDENT}{} = {}",
            field.attribute,
            after.unwrap_or_else(|| "null".to_owned())
        );
    }
    for line in own(change, calling, alike.cutovers) {
        let _ = writeln!(text, "{INDENT}{line}");
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
        let note = calling.in_text(note);
        text.push_str(&hang(&format!("{INDENT}# "), &format!("{INDENT}# "), &note, columns));
    }
}

/// Whether the migrations of a batch are cut over in one way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cutovers {
    Alike,
    Differ,
}

/// How the word begins that says of a migration that it is ready for its cutover and waits for a person.
const READY: &str = "ready";

/// How a migration is cut over, where that is told.
fn cutover(change: &Change) -> Option<&str> {
    let field = change.fields.iter().find(|field| field.attribute == "cutover");
    match field.and_then(|field| field.after.as_ref()) {
        Some(Shown::Value(Json::String(policy))) => Some(policy),
        Some(Shown::Value(_) | Shown::Sensitive | Shown::Unknown) | None => None,
    }
}

/// What differs from migration to migration and needs a person's eye: the cutover.
fn own(change: &Change, calling: &Calling, cutovers: Cutovers) -> Vec<String> {
    let line = || format!("  {}", calling.line(&format!("cutover {}", typed(&change.unit))));
    let part = change.unit.part.as_ref().map_or("", |part| part.as_str());
    match cutover(change) {
        Some("manual") => vec!["stops before its cutover, until you type".to_owned(), line()],
        Some("not yet approved") => vec![
            format!("stops before its cutover until `approved` holds {part}, or you type"),
            line(),
        ],
        Some("ready") => vec!["waits for its cutover, until you type".to_owned(), line()],
        Some("ready, not yet approved") => vec![
            format!("waits for its cutover until `approved` holds {part}, or you type"),
            line(),
        ],
        // Where the others are approved, too, it is told once for all of them.
        Some("approved") if cutovers == Cutovers::Differ => vec!["cuts over by itself: approved".to_owned()],
        Some("automatic") if cutovers == Cutovers::Differ => vec!["cuts over by itself".to_owned()],
        Some(_) | None => Vec::new(),
    }
}
