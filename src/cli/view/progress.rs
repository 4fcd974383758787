//! A run as it goes on: lines that stay, and on a terminal lines below them that change in place. It watches; it decides
//! nothing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::layout::{clean, count, hang, listed, pad, shorten, typed, width};
use super::status::doing;
use super::time::{between, clock, lag, length, roughly};
use crate::address::UnitAddress;
use crate::apply::observer::{DatabaseReading, GateReading, Held, MigrationProgress, Objection, WaitsFor};
use crate::apply::{Event, Observer};
use crate::arm::ArmId;
use crate::arm::migration::{CUTOVER_WAIT, Substate, cutover_until};
use crate::cli::Call;
use crate::cli::calling::Calling;
use crate::cli::color::{ADD, ADVANCE, CHANGE, DIM, REMOVE, STRONG, paint};
use crate::cli::ui::{LiveLines, Ui, Verbosity};
use crate::plan::step::{Opens, Until};
use crate::plan::{Action, Op, Plan, Step};

/// Shows a run.
pub(crate) struct Progress {
    ui: Ui,
    calling: Calling,
    /// Addresses are filled up to so many columns.
    column: usize,
    actions: HashMap<UnitAddress, Action>,
    /// Migrations that write nothing.
    validating: HashSet<ArmId>,
    scene: Mutex<Scene>,
}

/// What is going on right now.
struct Scene {
    total: usize,
    over: usize,
    active: BTreeMap<UnitAddress, Active>,
    told: HashMap<UnitAddress, Told>,
    /// What was said of validations, so that it is said once.
    remarked: HashSet<(ArmId, String)>,
    /// Lines that stay and are not written yet.
    pending: String,
    drawn: Option<Instant>,
    now: Timestamp,
}

/// A unit whose turn it is.
struct Active {
    since: Timestamp,
    what: String,
    /// The migration before it in its queue that is watched for it, by name; what is seen is that one's.
    behind: Option<String>,
    progress: Option<MigrationProgress>,
    /// Since when it copies, and how many tables it had then.
    copying: Option<(Timestamp, u64)>,
    waits: Option<String>,
}

/// What was last said of a migration in lines that stay.
struct Told {
    at: Timestamp,
    substate: Option<Substate>,
}

/// Lines are redrawn at most this often.
const REDRAW: Duration = Duration::from_millis(100);

/// Without a terminal, a migration that only goes on is mentioned once in so much time of the cloud.
const MENTION: Duration = Duration::from_secs(5 * 60);

/// Longer addresses stick out.
const WIDEST_ADDRESS: usize = 36;

/// Where an address leaves less room than this, the text goes below it.
const LEAST_TEXT: usize = 28;

/// An estimate needs so many copied tables, and this share of all, or it says more about chance than about the rest.
const LEAST_TABLES: u64 = 3;
const LEAST_SHARE: u64 = 10;

/// More lines would push everything else off the screen.
const LIVE: usize = 12;

impl Progress {
    /// Watches the run of this plan.
    pub(crate) fn new(call: &Call<'_>, plan: &Plan) -> Self {
        let starts = plan.steps.iter().filter_map(|step| match &step.op {
            Op::Start { migration, writes, .. } if writes.is_empty() => Some(migration.clone()),
            Op::Start { .. } | Op::Put { .. } | Op::Delete { .. } => None,
            Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => None,
        });
        Self {
            validating: starts.collect(),
            ..Self::of(call.ui, &call.calling, actions(plan))
        }
    }

    /// Watches what is done to one migration by hand.
    pub(crate) fn by_hand(call: &Call<'_>) -> Self {
        Self::of(call.ui, &call.calling, HashMap::new())
    }

    fn of(ui: &Ui, calling: &Calling, actions: HashMap<UnitAddress, Action>) -> Self {
        let widest = actions.keys().map(|unit| unit.to_string().chars().count()).max();
        Self {
            ui: ui.clone(),
            calling: calling.clone(),
            column: widest.unwrap_or_default().min(WIDEST_ADDRESS),
            actions,
            validating: HashSet::new(),
            scene: Mutex::new(Scene {
                total: 0,
                over: 0,
                active: BTreeMap::new(),
                told: HashMap::new(),
                remarked: HashSet::new(),
                pending: String::new(),
                drawn: None,
                now: Timestamp::UNIX_EPOCH,
            }),
        }
    }

    fn scene(&self) -> MutexGuard<'_, Scene> {
        self.scene.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time goes on, by the cloud's clock: what is shown as elapsed does, too.
    pub(crate) fn tick(&self, now: Timestamp) {
        let mut scene = self.scene();
        scene.now = scene.now.max(now);
        self.draw(&mut scene);
    }

    /// Nothing more happens: what is pending is written, what changes in place is taken away.
    pub(crate) fn finish(&self) {
        let mut scene = self.scene();
        let pending = std::mem::take(&mut scene.pending);
        if pending.is_empty() {
            self.ui.draw(&[]);
        } else {
            self.ui.say(&pending);
        }
    }

    fn draw(&self, scene: &mut Scene) {
        if self.ui.live_lines() == LiveLines::Not {
            return;
        }
        if scene.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        scene.drawn = Some(Instant::now());
        let live = scene.lines(self.ui.terminal_width().saturating_sub(1));
        let pending = std::mem::take(&mut scene.pending);
        if pending.is_empty() {
            self.ui.draw(&live);
        } else {
            self.ui.say_above(&pending, &live);
        }
    }

    /// A line that stays; what does not fit goes on below.
    fn line(&self, scene: &mut Scene, at: Timestamp, unit: Option<&UnitAddress>, text: &str) {
        let mut first = format!("{DIM}{}{DIM:#}  ", clock(at));
        let indent = pad("", width(&first));
        if let Some(unit) = unit {
            let unit = pad(&unit.to_string(), self.column);
            first.push_str(&format!("{STRONG}{unit}{STRONG:#}  "));
        }
        let line = if width(&first) + width(text) <= self.ui.width() {
            format!("{first}{text}\n")
        } else if width(&first) + LEAST_TEXT <= self.ui.width() {
            hang(&first, &pad("", width(&first)), text, self.ui.width())
        } else {
            format!(
                "{}\n{}",
                first.trim_end(),
                hang(&indent, &indent, text, self.ui.width())
            )
        };
        match self.ui.live_lines() {
            LiveLines::Shown => scene.pending.push_str(&line),
            LiveLines::Not => self.ui.say(&line),
        }
    }

    fn is_detailed(&self) -> bool {
        self.ui.verbosity() == Verbosity::Detailed
    }

    fn begun(&self, step: &Step) -> Option<String> {
        Some(match &step.op {
            Op::Put { .. } => match self.actions.get(&step.unit) {
                Some(Action::Update) => "updating".into(),
                Some(Action::Replace) => "creating anew".into(),
                Some(
                    Action::Create
                    | Action::Delete
                    | Action::Adopt
                    | Action::Forget
                    | Action::Remember
                    | Action::Advance(_),
                )
                | None => "creating".into(),
            },
            Op::Delete { .. } => "deleting".into(),
            Op::Start { migration, .. } => format!("starting `{}`", migration.name()),
            Op::Await(watched) => match watched.until {
                Until::ReadyForCutover | Until::Succeeded => "watching".into(),
                Until::Ended => format!("waiting for `{}`, which holds the target", watched.migration.name()),
            },
            Op::Gate(_) => "at the gate of its cutover".into(),
            Op::Cutover { .. } => "cutting over".into(),
            Op::Note => return None,
        })
    }

    fn finished(&self, step: &Step) -> Option<String> {
        let done = |text: &str| Some(paint(ADD, text));
        match &step.op {
            Op::Put { .. } => match self.actions.get(&step.unit) {
                Some(Action::Update) => done("updated"),
                Some(Action::Replace) => done("created anew"),
                Some(
                    Action::Create
                    | Action::Delete
                    | Action::Adopt
                    | Action::Forget
                    | Action::Remember
                    | Action::Advance(_),
                )
                | None => done("created"),
            },
            Op::Delete { .. } => done("deleted"),
            Op::Start { migration, .. } => Some(format!("{} as `{}`", paint(ADD, "started"), migration.name())),
            Op::Await(watched) => match watched.until {
                Until::ReadyForCutover => done("ready for its cutover"),
                Until::Succeeded => {
                    let word = match self.validating.contains(&watched.migration) {
                        true => "validated",
                        false => "arrived",
                    };
                    let databases = count(watched.databases.len(), "database");
                    Some(format!("{}: {databases}", paint(ADD, word)))
                }
                Until::Ended => None,
            },
            Op::Gate(_) | Op::Cutover { .. } => None,
            Op::Note => match self.actions.get(&step.unit)? {
                Action::Adopt => done("adopted"),
                Action::Forget => done("forgotten"),
                Action::Remember => done("remembered"),
                Action::Create | Action::Update | Action::Replace | Action::Delete | Action::Advance(_) => None,
            },
        }
    }

    fn progress(&self, scene: &mut Scene, at: Timestamp, unit: &UnitAddress, progress: &MigrationProgress) {
        if let Some(active) = scene.active.get_mut(unit) {
            if let (true, Some(done)) = (is_copying(progress), progress.tables_done) {
                active.copying.get_or_insert((at, done));
            }
            active.progress = Some(progress.clone());
        }
        for remark in &progress.remarks {
            if scene.remarked.insert((progress.migration.clone(), remark.clone())) {
                let text = paint(CHANGE, format!("validation: {}", clean(remark)));
                self.line(scene, at, Some(unit), &text);
            }
        }
        // The next line tells of these two by themselves.
        let is_behind = scene.active.get(unit).is_some_and(|active| active.behind.is_some());
        if !is_behind
            && matches!(
                progress.substate,
                Some(Substate::WaitingForCutover | Substate::Completed)
            )
        {
            return;
        }
        let told = scene.told.get(unit);
        let is_new = told.is_none_or(|told| told.substate != progress.substate);
        let is_due = told.is_none_or(|told| between(told.at, at) >= MENTION);
        let stays = match self.ui.live_lines() {
            LiveLines::Shown => is_new,
            LiveLines::Not => is_new || is_due,
        };
        if stays {
            let substate = progress.substate.clone();
            scene.told.insert(unit.clone(), Told { at, substate });
            let active = scene.active.get(unit);
            let words = active.map_or_else(|| facts(progress, None, at), |active| active.facts(progress, at));
            let text = words.join(", ");
            self.line(scene, at, Some(unit), &text);
        }
    }
}

/// What becomes of each unit.
fn actions(plan: &Plan) -> HashMap<UnitAddress, Action> {
    let changes = plan.changes.iter();
    changes
        .map(|change| (change.unit.clone(), change.action.clone()))
        .collect()
}

impl Observer for Progress {
    fn event(&self, at: Timestamp, event: &Event<'_>) {
        let mut guard = self.scene();
        let scene = &mut *guard;
        scene.now = scene.now.max(at);
        match event {
            Event::RunStarted { run, steps } => {
                scene.total = *steps;
                if self.is_detailed() {
                    self.line(scene, at, None, &format!("run {run}: {}", count(*steps, "step")));
                }
            }
            Event::Recovered { step } => {
                self.line(
                    scene,
                    at,
                    Some(&step.unit),
                    "had happened before the interruption; remembered now",
                );
            }
            Event::StepStarted { step } => {
                if let Some(what) = self.begun(step) {
                    if self.is_detailed() {
                        self.line(scene, at, Some(&step.unit), &what);
                    }
                    let behind = match &step.op {
                        Op::Await(watched) if watched.until == Until::Ended => {
                            Some(watched.migration.name().to_owned())
                        }
                        Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Start { .. } => None,
                        Op::Put { .. } | Op::Delete { .. } | Op::Note => None,
                    };
                    let active = Active {
                        since: at,
                        what,
                        behind,
                        progress: None,
                        copying: None,
                        waits: None,
                    };
                    scene.active.insert(step.unit.clone(), active);
                }
            }
            Event::StepFinished { step, elapsed } => {
                scene.over += 1;
                scene.active.remove(&step.unit);
                if let Some(text) = self.finished(step) {
                    let text = if elapsed.as_secs() > 0 {
                        format!("{text} after {}", length(*elapsed))
                    } else {
                        text
                    };
                    self.line(scene, at, Some(&step.unit), &text);
                }
            }
            Event::StepFailed { step, error, elapsed } => {
                scene.over += 1;
                scene.active.remove(&step.unit);
                let text = format!(
                    "{} after {}: {}",
                    paint(REMOVE, "FAILED"),
                    length(*elapsed),
                    chain(*error)
                );
                self.line(scene, at, Some(&step.unit), &text);
            }
            Event::StepSkipped { step, because } => {
                scene.over += 1;
                if step.unit != because.unit {
                    self.line(
                        scene,
                        at,
                        Some(&step.unit),
                        &format!("skipped, since {} failed", because.unit),
                    );
                }
            }
            Event::Repeated { step, attempt, error } => {
                if self.is_detailed() {
                    self.line(
                        scene,
                        at,
                        Some(&step.unit),
                        &format!("attempt {attempt} follows: {}", chain(*error)),
                    );
                }
            }
            Event::Progress { unit, progress } => self.progress(scene, at, unit, progress),
            Event::Unreadable { unit, error } => {
                self.line(
                    scene,
                    at,
                    Some(unit),
                    &format!("cannot be looked at now: {}", chain(*error)),
                );
            }
            Event::Answered { unit, substate, answer } => {
                let text = format!("{}: answered by `{}`", doing(substate), answer.from);
                self.line(scene, at, Some(unit), &text);
            }
            Event::Waiting { unit, waits } => {
                let progress = scene.active.get(*unit).and_then(|active| active.progress.as_ref());
                let left = cutover_until(at, progress.and_then(|progress| progress.deadline));
                let left = left.map(|until| between(at, until));
                let text = waiting(unit, waits, left, &self.calling);
                if let Some(active) = scene.active.get_mut(*unit) {
                    active.waits = Some(text.clone());
                }
                self.line(scene, at, Some(unit), &paint(CHANGE, &text));
            }
            Event::GoesOn { unit } => {
                if let Some(active) = scene.active.get_mut(*unit) {
                    active.waits = None;
                }
                self.line(scene, at, Some(unit), "goes on");
            }
            Event::GateRead { unit, reading } => self.line(scene, at, Some(unit), &gate(reading)),
            Event::CutoverTriggered { unit, .. } => self.line(scene, at, Some(unit), "cutover triggered"),
            Event::Downtime(downtime) => {
                let text = format!("{}, downtime {}", paint(ADD, "cut over"), length(downtime.took));
                self.line(scene, at, Some(&downtime.unit), &text);
            }
            Event::CancelSent { unit, .. } => self.line(scene, at, Some(unit), "cancel sent"),
            Event::LockTaken => self.whisper(scene, at, "the state is locked"),
            Event::LockReleased => self.whisper(scene, at, "the state is free for others: this run only watches now"),
            Event::LockAwaited { holder } => {
                self.line(
                    scene,
                    at,
                    None,
                    &format!("waiting for the state, which is locked by {holder}"),
                );
            }
            Event::Interrupted => self.line(
                scene,
                at,
                None,
                "stopping: nothing new is started, what runs in Azure goes on there; once more ends at once",
            ),
        }
        self.draw(scene);
    }
}

impl Progress {
    fn whisper(&self, scene: &mut Scene, at: Timestamp, text: &str) {
        if self.is_detailed() {
            self.line(scene, at, None, text);
        }
    }
}

impl Scene {
    /// What changes in place: one line a unit, migrations first, and one that counts.
    fn lines(&self, columns: usize) -> Vec<String> {
        let mut units: Vec<(&UnitAddress, &Active)> = self.active.iter().collect();
        units.sort_by_key(|(_, active)| active.progress.is_none());
        let mut lines: Vec<String> = units
            .iter()
            .take(LIVE)
            .map(|(unit, active)| self.live(unit, active, columns))
            .collect();
        let hidden = units.len().saturating_sub(LIVE);
        if hidden > 0 {
            lines.push(format!("  {DIM}and {hidden} more{DIM:#}"));
        }
        if self.total > 0 {
            let text = shorten(
                &format!("  {} of {} done", self.over, count(self.total, "step")),
                columns,
            );
            lines.push(paint(DIM, text));
        }
        lines
    }

    fn live(&self, unit: &UnitAddress, active: &Active, columns: usize) -> String {
        let mut words = match (&active.waits, &active.progress) {
            (Some(waits), _) => vec![waits.clone()],
            (None, Some(progress)) => active.facts(progress, self.now),
            (None, None) => vec![active.what.clone()],
        };
        words.push(length(between(active.since, self.now)));
        let (symbol, style) = match active.waits {
            Some(_) => ("?", CHANGE),
            None => (">", ADVANCE),
        };
        let room = columns.saturating_sub(4);
        let fits = |words: &[String]| width(&format!("{unit}  {}", words.join("  "))) <= room;
        if !fits(&words) {
            // How long it will take is worth more than how far it is behind.
            words.retain(|word| !word.starts_with("lag "));
        }
        if !fits(&words) && words.len() > 1 {
            words.pop();
        }
        let text = shorten(&format!("{unit}  {}", words.join("  ")), room);
        format!("  {} {text}", paint(style, symbol))
    }
}

impl Active {
    /// How far its migration is, or the one that goes before it.
    fn facts(&self, progress: &MigrationProgress, now: Timestamp) -> Vec<String> {
        let mut words = facts(progress, self.copying, now);
        if let (Some(behind), Some(first)) = (&self.behind, words.first_mut()) {
            *first = format!("behind `{behind}`: {first}");
        }
        words
    }
}

fn is_copying(progress: &MigrationProgress) -> bool {
    progress.substate == Some(Substate::MigratingData)
}

/// How far a migration is, word by word.
fn facts(progress: &MigrationProgress, copying: Option<(Timestamp, u64)>, now: Timestamp) -> Vec<String> {
    let state = progress
        .substate
        .as_ref()
        .map_or_else(|| progress.state.as_str(), doing);
    let mut words = vec![clean(state)];
    let tables = progress.tables_done.zip(progress.tables);
    words.extend(tables.map(|(done, all)| format!("{done}/{all} tables")));
    if progress.databases_done > 0 {
        words.push(format!("{}/{} databases", progress.databases_done, progress.databases));
    }
    words.extend(progress.lag.map(|behind| format!("lag {}", lag(Some(behind)))));
    if let (true, Some(since), Some((done, all))) = (is_copying(progress), copying, tables) {
        words.extend(estimate(since, done, all, now));
    }
    words
}

/// By the rate of tables since the copy was first seen; rough, since tables differ in size.
fn estimate((since, had): (Timestamp, u64), done: u64, all: u64, now: Timestamp) -> Option<String> {
    let copied = done.saturating_sub(had);
    if copied < LEAST_TABLES || copied.saturating_mul(LEAST_SHARE) < all || done >= all {
        return None;
    }
    let (copied, left) = (u32::try_from(copied).ok()?, u32::try_from(all - done).ok()?);
    let rest = between(since, now).as_secs_f64() / f64::from(copied) * f64::from(left);
    Some(format!(
        "about {} left",
        roughly(Duration::try_from_secs_f64(rest).ok()?)
    ))
}

/// What the configuration has to say before a cutover, where it is the configuration that says it.
pub(crate) fn approval(unit: &UnitAddress, opens: Opens) -> Option<String> {
    let number = unit.part.as_ref().map_or("1", |part| part.as_str());
    match opens {
        Opens::ByApproval => Some(format!("{number} in `approved` of its batch and an apply")),
        Opens::ByHand | Opens::ByItself => None,
    }
}

/// What a migration waits for, with what to do; for a cutover Azure leaves so much time at most.
pub(crate) fn waiting(unit: &UnitAddress, waits: &WaitsFor, left: Option<Duration>, calling: &Calling) -> String {
    match waits {
        WaitsFor::Answer { substate, why } => {
            let way_out = why.map_or_else(String::new, |why| {
                format!(": {}", calling.in_text(&crate::cli::advice::on_question(unit, why)))
            });
            format!("asks ({}){way_out}", doing(substate))
        }
        WaitsFor::Somebody { migration, substate } => {
            format!(
                "waits behind `{}`, which waits itself ({}) and is not moved on here; `{}` tells whose it is",
                migration.name(),
                doing(substate),
                calling.line("status")
            )
        }
        WaitsFor::Cutover { opens, .. } => {
            let line = format!("`{}`", calling.line(&format!("cutover {}", typed(unit))));
            let left = left.unwrap_or(CUTOVER_WAIT);
            let limit = match left == CUTOVER_WAIT {
                true => format!("{} h from now at most", CUTOVER_WAIT.as_secs() / 3600),
                false => format!("{} from now at most", length(left)),
            };
            match approval(unit, *opens) {
                Some(approval) => format!("waits for {approval}, {limit}, or now: {line}"),
                None => format!("waits for a person, {limit}: {line}"),
            }
        }
        WaitsFor::Window { holds, local, .. } => {
            let what = match holds {
                Held::Start => "starts",
                Held::Cutover => "is cut over",
            };
            format!("{what} {local} at the earliest, when its window opens")
        }
        WaitsFor::Stalled { since } => format!(
            "nothing has moved since {}: look at the load, locks and free disk of both servers; where it stays so, end it \
             with `{}` and try again",
            clock(*since),
            calling.line(&format!("cancel {}", typed(unit)))
        ),
    }
}

/// The reading of a gate: what it says of all databases, then what speaks against a cutover.
pub(crate) fn gate(reading: &GateReading) -> String {
    let facts = facts_of(reading).join(", ");
    match (reading.good, reading.needed) {
        (0, _) => format!("gate: {facts}"),
        (good, needed) if good > needed => format!("gate, right before the trigger: {facts}"),
        (good, needed) => format!("gate {good}/{needed}: {facts}"),
    }
}

/// A single reading, of which it does not matter how many were good before it.
pub(crate) fn reading(reading: &GateReading) -> String {
    let mut words = facts_of(reading);
    if reading.holds() {
        words.push("nothing against it".into());
    }
    words.join(", ")
}

fn facts_of(reading: &GateReading) -> Vec<String> {
    let tables: Option<u64> = reading.databases.iter().map(|database| database.tables).sum();
    let mut words = vec![format!(
        "lag {} (allowed {})",
        lag(reading.lag()),
        lag(Some(reading.max_lag))
    )];
    words.extend(tables.map(|tables| format!("{tables} tables copied")));
    let against: Vec<String> = reading.databases.iter().filter_map(objections).collect();
    if !against.is_empty() {
        words.push(format!("against it: {}", listed(&against)));
    }
    words
}

fn objections(database: &DatabaseReading) -> Option<String> {
    let words: Vec<String> = database.objections.iter().map(objection).collect();
    (!words.is_empty()).then(|| format!("{} ({})", clean(&database.name), words.join(", ")))
}

fn objection(objection: &Objection) -> String {
    match objection {
        Objection::Unheard => "Azure says nothing of it".into(),
        Objection::State(state) => clean(state.as_str()),
        Objection::Errored(tables) => format!("{tables} tables failed"),
        Objection::Copying(tables) => format!("{tables} tables to copy"),
        Objection::Fewer { completed, seen } => format!("{completed} tables, {seen} were seen before"),
        Objection::TablesUnknown => "tables unknown".into(),
        Objection::LagUnknown => "lag unknown".into(),
        Objection::Lagging(behind) => format!("lag {}", lag(Some(*behind))),
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = clean(&error.to_string()).replace('\n', " ");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&clean(&next.to_string()).replace('\n', " "));
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::observer::Downtime;
    use crate::cli::ui::recorded::Recording;
    use crate::cli::view::samples::first_apply;

    fn watching(ui: &Ui, plan: &Plan) -> Progress {
        let calling = Calling::of(std::path::Path::new("."), &[]);
        Progress::of(ui, &calling, actions(plan))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_793_491_200 + seconds).unwrap()
    }

    fn seen(unit: &UnitAddress, substate: Substate, done: u64) -> MigrationProgress {
        MigrationProgress {
            migration: crate::cli::view::samples::migration_id(&format!("of-{}", unit.resource.label())),
            state: crate::arm::migration::State::InProgress,
            substate: Some(substate),
            databases_done: 0,
            databases: 8,
            tables_done: Some(done),
            tables: Some(200),
            lag: Some(Duration::from_secs(4)),
            remarks: Vec::new(),
            started: Some(at(0)),
            deadline: crate::arm::migration::end_of_life(at(0)),
        }
    }

    fn reading(good: u32, objections: Vec<Objection>) -> GateReading {
        let database = DatabaseReading {
            name: "billing".into(),
            lag: Some(Duration::from_secs(3)),
            tables: Some(200),
            objections,
        };
        GateReading {
            migration: crate::cli::view::samples::migration_id("wave1m1"),
            databases: vec![database],
            max_lag: Duration::ZERO,
            good,
            needed: 3,
        }
    }

    /// What a first migration tells on its way.
    fn night(progress: &Progress) {
        let plan = first_apply();
        let [start, watch, ..] = plan.steps.as_slice() else {
            panic!("the sample has steps");
        };
        let unit = &start.unit;
        let tell = |seconds, event: Event<'_>| progress.event(at(seconds), &event);
        tell(0, Event::StepStarted { step: start });
        tell(
            2,
            Event::StepFinished {
                step: start,
                elapsed: Duration::from_secs(2),
            },
        );
        tell(2, Event::StepStarted { step: watch });
        for (seconds, done) in [(10, 0), (70, 50), (400, 120)] {
            let progress = seen(unit, Substate::MigratingData, done);
            tell(
                seconds,
                Event::Progress {
                    unit,
                    progress: &progress,
                },
            );
        }
        let lagging = reading(0, vec![Objection::Lagging(Duration::from_secs(3))]);
        tell(
            500,
            Event::GateRead {
                unit,
                reading: &lagging,
            },
        );
        tell(
            530,
            Event::GateRead {
                unit,
                reading: &reading(1, Vec::new()),
            },
        );
        tell(
            540,
            Event::Waiting {
                unit,
                waits: &WaitsFor::Cutover {
                    reading: Box::new(reading(1, Vec::new())),
                    opens: Opens::ByHand,
                },
            },
        );
        let downtime = Downtime {
            unit: unit.clone(),
            migration: reading(3, Vec::new()).migration,
            triggered: at(600),
            took: Duration::from_secs(61),
        };
        tell(661, Event::Downtime(&downtime));
        tell(
            662,
            Event::StepFinished {
                step: watch,
                elapsed: Duration::from_secs(660),
            },
        );
    }

    #[test]
    fn a_night_in_a_log() {
        let err = Recording::default();
        let ui = Ui::over(Recording::default(), err.clone(), Verbosity::Normal, LiveLines::Not);
        let progress = watching(&ui, &first_apply());
        night(&progress);
        progress.finish();
        insta::assert_snapshot!(err.text(), @"
        00:00:02Z  database_batch.wave1#1            started as `wave1m1r1` after 2 s
        00:00:10Z  database_batch.wave1#1            MigratingData, 0/200 tables, lag 4
                                                     s
        00:06:40Z  database_batch.wave1#1            MigratingData, 120/200 tables, lag
                                                     4 s, about 5 min left
        00:08:20Z  database_batch.wave1#1            gate: lag 3 s (allowed 0 s), 200
                                                     tables copied, against it: billing
                                                     (lag 3 s)
        00:08:50Z  database_batch.wave1#1            gate 1/3: lag 3 s (allowed 0 s),
                                                     200 tables copied
        00:09:00Z  database_batch.wave1#1            waits for a person, 72 h from now
                                                     at most:
                                                     `pgferry cutover 'database_batch.wave1#1'`
        00:11:01Z  database_batch.wave1#1            cut over, downtime 1 min 01 s
        00:11:02Z  database_batch.wave1#1            arrived: 0 databases after 11 min
        ");
    }

    #[test]
    fn an_approval_is_asked_of_the_configuration_first() {
        let waits = |opens, left| {
            let reading = Box::new(reading(1, Vec::new()));
            let calling = Calling::of(std::path::Path::new("live"), &[]);
            let unit = "database_batch.w#2".parse().unwrap();
            waiting(&unit, &WaitsFor::Cutover { reading, opens }, left, &calling)
        };
        assert_eq!(
            waits(Opens::ByApproval, Some(CUTOVER_WAIT)),
            "waits for 2 in `approved` of its batch and an apply, 72 h from now at most, or now: `pgferry -C live cutover 'database_batch.w#2'`"
        );
        assert_eq!(
            waits(Opens::ByHand, None),
            "waits for a person, 72 h from now at most: `pgferry -C live cutover 'database_batch.w#2'`"
        );
        assert_eq!(
            waits(Opens::ByHand, Some(Duration::from_secs(17 * 3600))),
            "waits for a person, 17 h 00 min from now at most: `pgferry -C live cutover 'database_batch.w#2'`"
        );
    }

    #[test]
    fn on_a_terminal_one_line_a_migration_changes_in_place() {
        let ui = Ui::over(
            Recording::default(),
            Recording::default(),
            Verbosity::Normal,
            LiveLines::Shown,
        );
        let plan = first_apply();
        let progress = watching(&ui, &plan);
        let unit = &plan.steps[1].unit;
        progress.event(
            at(0),
            &Event::RunStarted {
                run: pgferry_state::RunId::random(),
                steps: 6,
            },
        );
        progress.event(at(0), &Event::StepStarted { step: &plan.steps[1] });
        for (seconds, done) in [(10, 0), (110, 50)] {
            let seen = seen(unit, Substate::MigratingData, done);
            progress.event(at(seconds), &Event::Progress { unit, progress: &seen });
        }
        let lines = progress.scene().lines(79);
        let plain: Vec<String> = lines
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect();
        insta::assert_snapshot!(plain.join("\n"), @"
        > database_batch.wave1#1  MigratingData  50/200 tables  about 5 min left
        0 of 6 steps done
        ");
        assert!(plain.iter().all(|line| super::width(line) <= 79));
    }
}
