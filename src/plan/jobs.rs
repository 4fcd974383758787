//! Turns dealt batches into works: starts, watches, gates and cutovers of migrations, with their records. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::address::{Address, UnitAddress, typed};
use crate::arm::migration::{Ending, Migration, MigrationMode, MigrationOption, Standing, Substate};
use crate::arm::{ArmId, SourceServer};
use crate::diagnostic::code::{
    AS_BEGUN, LEFT_RUNNING, LEFT_WAITING, NOT_APPROVABLE, ONE_APPROVAL, OTHER_SOURCE, STUCK, TAKEN, UNLISTED,
    UNREADABLE,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::graph::Declaration;
use crate::kind::database_batch::{Approval, Batch, Cutover, CutoverPolicy, LossConsent};
use crate::kind::source::Endpoint;
use crate::kind::tags;
use crate::length::Length;
use crate::observed::{Hidden, Presence};
use crate::prior::{Attempt, Origin, Remembered, UnitRecord};

use super::action::{
    Action, Change, FieldChange, Loss, Phase, Reason, Shown, overwritten_on, replaced_on, should_it_be_there,
};
use super::batch::{
    Chunk, Deal, Fate, MayExist, OWN_TAGS, Recorded, Retry, Start, TAG_GENERATION, TAG_UNIT, deal, generation_of,
    last_brought, tag,
};
use super::diff::needs;
use super::import;
use super::questions;
use super::queue::{Queue, QueuePlace};
use super::step::{Await, Gate, Op, Opens, Remember, Response, Until, Why};
use super::timing;
use super::work::{Direction, Operation, Work, Works};
use super::{Finding, Inputs, Mode};

/// Adds what every batch, and every batch that is gone, has to do.
pub(super) fn works(inputs: &Inputs<'_>, works: &mut Works, found: &mut Diagnostics) {
    let mut kept = BTreeSet::new();
    if inputs.aim.mode == Mode::Apply {
        for (declaration, batch) in inputs.graph.batches() {
            if let Some(reason) = inputs.observed.why_migrations_unreadable(&batch.target) {
                kept.extend(inputs.prior.of(&batch.address).map(|(unit, _)| unit.clone()));
                let refused = unreadable(&batch.target, reason).about(&batch.address);
                let text = match reason {
                    Hidden::Refused(_) | Hidden::NotLookedAt => "Azure does not let us list",
                    Hidden::NotInSnapshot => "the snapshot does not hold",
                };
                let text = format!("{text} the migrations of `{}`", batch.target.name());
                found.push(refused.at(declaration.span, text));
                continue;
            }
            let migrations = inputs.observed.migrations(&batch.target);
            let imports = import::of(&inputs.statements.imports, &batch.address).collect();
            let retry = match inputs.aim.retry.contains(&batch.address) {
                true => Retry::Asked,
                false => Retry::Unasked,
            };
            let dealt = deal(batch, inputs.prior, migrations, retry, &imports);
            report(declaration, batch, &dealt, migrations, works, found);
            other_sources(batch, &dealt, migrations, works);
            as_begun(batch, &dealt, works);
            for chunk in &dealt.chunks {
                kept.insert(batch.address.part(chunk.number));
                let job = Job {
                    inputs,
                    declaration,
                    batch,
                    chunk,
                    unit: batch.address.part(chunk.number),
                };
                match job.work(works) {
                    Some(work) => works.list.push(work),
                    None => works.kept += 1,
                }
            }
        }
    }
    for (unit, remembered) in inputs
        .prior
        .iter()
        .filter(|(_, remembered)| !remembered.record.attempts.is_empty())
    {
        if !kept.contains(unit) {
            leave(inputs, unit, remembered, works, found);
        }
    }
}

/// What should be remembered of the migrations that Azure has of declared batches.
pub(super) fn seen<'a>(
    inputs: &'a Inputs<'_>,
    found: &mut Diagnostics,
) -> impl Iterator<Item = (UnitAddress, UnitRecord)> + 'a {
    let mut dealt = Vec::new();
    for (declaration, batch) in inputs.graph.batches() {
        match inputs.observed.why_migrations_unreadable(&batch.target) {
            Some(reason) => found.push(unreadable(&batch.target, reason).about(&batch.address)),
            None => dealt.push((declaration, batch)),
        }
    }
    dealt.into_iter().flat_map(move |(declaration, batch)| {
        let migrations = inputs.observed.migrations(&batch.target);
        let imports = import::of(&inputs.statements.imports, &batch.address).collect();
        let chunks = deal(batch, inputs.prior, migrations, Retry::Unasked, &imports).chunks;
        chunks
            .into_iter()
            .filter(|chunk| !chunk.attempts.is_empty())
            .map(move |chunk| {
                let unit = batch.address.part(chunk.number);
                let job = Job {
                    inputs,
                    declaration,
                    batch,
                    chunk: &chunk,
                    unit: unit.clone(),
                };
                (unit, job.record(chunk.attempts.clone()))
            })
    })
}

/// Nobody knows which databases have arrived or are on their way: nothing is started, and nothing forgotten.
fn unreadable(target: &ArmId, hidden: &Hidden) -> Diagnostic {
    Diagnostic::error(UNREADABLE, "migrations cannot be read")
        .detail(format!("{target}: {hidden}"))
        .hint(hidden.way_out("the right Microsoft.DBforPostgreSQL/flexibleServers/migrations/read on it"))
}

/// What a deal cannot do.
fn report(
    declaration: &Declaration,
    batch: &Batch,
    dealt: &Deal,
    migrations: &[Migration],
    works: &mut Works,
    found: &mut Diagnostics,
) {
    let mut taken: BTreeMap<&ArmId, Vec<String>> = BTreeMap::new();
    for (database, migration) in &dealt.taken {
        taken.entry(migration).or_default().push(format!("`{database}`"));
    }
    for (migration, databases) in taken {
        let (are, them) = match databases.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        let taken = Diagnostic::error(TAKEN, "database is being moved already")
            .at(
                declaration.span,
                format!("{} {are} on the way to this target", databases.join(", ")),
            )
            .about(&batch.address);
        let name = migration.name();
        let moving = migrations.iter().find(|found| found.id == *migration);
        let unit = moving.and_then(|moving| tag(moving, TAG_UNIT)?.parse::<UnitAddress>().ok());
        let own = unit.filter(|unit| unit.resource == batch.address);
        found.push(match (own, moving.map(generation_of)) {
            (Some(unit), Some(generation)) => taken
                .detail(format!(
                    "The migration `{name}` moves {them} for generation {generation} of this batch, which is not over."
                ))
                .hint(format!(
                    "set `generation` back to {generation} until it has ended, or end it with `pgferry cancel {}`",
                    typed(&unit)
                )),
            (_, _) => taken
                .detail(format!(
                    "The migration `{name}` moves {them}, and does not belong to this batch."
                ))
                .hint(format!("wait until it has ended, or take {them} out of this batch"))
                .hint(format!(
                    "to take it over as it is, write an `import` block with its id: {migration}"
                ))
                .hint("if this batch had another name when it was started, a `moved` block says so"),
        });
    }
    approvals(declaration, batch, dealt, works, found);
    for database in &dealt.unconsented {
        works.losses.push(Loss {
            address: batch.address.clone(),
            what: database.clone(),
            how: replaced_on(batch.target.name()),
            consent: None,
        });
    }
}

/// What came, or comes, from another server than the one that is declared now: only a person knows whether that is the same.
fn other_sources(batch: &Batch, dealt: &Deal, migrations: &[Migration], works: &mut Works) {
    let declared = batch.source.server();
    let mut moved: BTreeMap<SourceServer, Vec<String>> = BTreeMap::new();
    for chunk in &dealt.chunks {
        match &chunk.fate {
            Fate::Done => {}
            Fate::Running(migration) => {
                let from = SourceServer::of(&migration.source);
                if from != declared {
                    works.findings.push(Finding {
                        code: OTHER_SOURCE,
                        severity: Severity::Warning,
                        summary: format!(
                            "{} copies from {from}, and the source of {} is {declared} now",
                            batch.address.part(chunk.number),
                            batch.address
                        ),
                        detail: Some(
                            "What was started goes on as it was started: it is watched, and cut over, from there."
                                .to_owned(),
                        ),
                        remedy: None,
                        address: Some(batch.address.clone()),
                    });
                }
                continue;
            }
            Fate::Start(_) | Fate::Stuck(..) => continue,
        }
        let last = chunk.attempts.last().map(|attempt| &attempt.id);
        let migration = migrations.iter().find(|migration| Some(&migration.id) == last);
        let from = migration.map(|migration| SourceServer::of(&migration.source));
        if let Some(from) = from.filter(|from| *from != declared) {
            moved.entry(from).or_default().push(format!("#{}", chunk.number));
        }
    }
    works.findings.extend(moved.into_iter().map(|(from, chunks)| Finding {
        code: OTHER_SOURCE,
        severity: Severity::Warning,
        summary: format!("{} came from {from}, and its source is {declared} now", batch.address),
        detail: Some(format!(
            "What {} brought is not moved again by itself. If {declared} is another server, a higher `generation` moves \
             everything from it; if it is the same one under another name, nothing has to be done.",
            chunks.join(", ")
        )),
        remedy: None,
        address: Some(batch.address.clone()),
    }));
}

/// What goes on otherwise than its batch declares now, since nothing of it can be changed any more.
fn as_begun(batch: &Batch, dealt: &Deal, works: &mut Works) {
    for chunk in &dealt.chunks {
        let Fate::Running(migration) = &chunk.fate else {
            continue;
        };
        let mut differing = Vec::new();
        let gone: Vec<String> = undeclared(batch, migration).map(|name| format!("`{name}`")).collect();
        if !gone.is_empty() {
            let verb = if gone.len() == 1 { "arrives" } else { "arrive" };
            differing.push(format!(
                "{}, no longer among its databases, {verb} with the others",
                gone.join(", ")
            ));
        }
        // The plan that takes over what was made by hand says so there.
        if !is_just_found(chunk, migration) {
            let others = otherwise(batch, migration).into_iter();
            differing
                .extend(others.map(|other| format!("{} is {}, declared {}", other.what, other.found, other.declared)));
        }
        if differing.is_empty() {
            continue;
        }
        let unit = batch.address.part(chunk.number);
        works.findings.push(Finding {
            code: AS_BEGUN,
            severity: Severity::Warning,
            summary: format!("{unit} goes on as it was begun, and {} declares it otherwise now", batch.address),
            detail: Some(format!(
                "{}. What is declared now counts for what is started from now on. To end what runs: `pgferry cancel {}`",
                differing.join("; "),
                typed(&unit)
            )),
            remedy: None,
            address: Some(batch.address.clone()),
        });
    }
}

/// Databases that a migration moves and its batch does not declare any more.
fn undeclared<'a>(batch: &'a Batch, migration: &'a Migration) -> impl Iterator<Item = &'a String> {
    let names = migration.databases.iter();
    names.filter(|name| !batch.databases.contains(name))
}

/// Whether nobody's tags claim a migration, and it is taken over only now.
fn is_just_found(chunk: &Chunk, migration: &Migration) -> bool {
    chunk.recorded == Recorded::Behind && tag(migration, TAG_UNIT).is_none()
}

/// What a migration does otherwise than its batch declares.
struct Otherwise {
    /// In words.
    what: &'static str,
    /// As a batch declares it.
    attribute: &'static str,
    found: String,
    declared: String,
}

/// All of that, but for its databases and where they come from: none of it can be changed once a migration is created.
fn otherwise(batch: &Batch, migration: &Migration) -> Vec<Otherwise> {
    let server = |id: &Option<ArmId>| id.as_ref().map_or("none".to_owned(), |id| id.name().to_owned());
    let pairs = [
        ("mode", "mode", migration.mode.to_string(), batch.mode.to_string()),
        (
            "option",
            "option",
            migration.option.to_string(),
            batch.option.to_string(),
        ),
        (
            "runtime server",
            "runtime_server",
            server(&migration.runtime),
            server(&batch.runtime),
        ),
    ];
    let pairs = pairs.into_iter().map(|(what, attribute, found, declared)| Otherwise {
        what,
        attribute,
        found,
        declared,
    });
    pairs
        .filter(|pair| !pair.found.eq_ignore_ascii_case(&pair.declared))
        .collect()
}

/// Approvals that mean more, or others, than there are migrations.
fn approvals(declaration: &Declaration, batch: &Batch, dealt: &Deal, works: &mut Works, found: &mut Diagnostics) {
    match &batch.cutover.policy {
        CutoverPolicy::Manual | CutoverPolicy::Automatic => {}
        CutoverPolicy::Approved(Approval::Only) => {
            let open: Vec<String> = dealt
                .chunks
                .iter()
                .filter(|chunk| chunk.fate != Fate::Done)
                .map(|chunk| chunk.number.to_string())
                .collect();
            if dealt.chunks.len() > 1 && !open.is_empty() {
                found.push(
                    Diagnostic::error(ONE_APPROVAL, "one approval for several migrations")
                        .at(
                            declaration.span,
                            format!("this batch has {} migrations", dealt.chunks.len()),
                        )
                        .hint(format!(
                            "`approved = true` is for a batch of one; name those you mean: `approved = [{}]`",
                            open.join(", ")
                        ))
                        .about(&batch.address),
                );
            }
        }
        CutoverPolicy::Approved(Approval::Numbers(numbers)) => {
            let highest = dealt.chunks.iter().map(|chunk| chunk.number).max().unwrap_or_default();
            let missing: Vec<String> = numbers
                .iter()
                .filter(|number| **number > highest || **number == 0)
                .map(u32::to_string)
                .collect();
            if !missing.is_empty() {
                works.findings.push(Finding {
                    code: NOT_APPROVABLE,
                    severity: Severity::Warning,
                    summary: format!("{} has no migration {} to approve", batch.address, missing.join(", ")),
                    detail: Some(format!(
                        "`approved` counts for a migration as soon as there is one of that number; now the highest is {highest}."
                    )),
                    remedy: None,
                    address: Some(batch.address.clone()),
                });
            }
        }
    }
}

/// What is said of a migration that runs and that no declared batch moves on.
fn left(inputs: &Inputs<'_>, unit: &UnitAddress, migration: &Migration) -> Finding {
    let name = migration.id.name();
    let cancel = format!("`pgferry cancel {}`", typed(unit));
    let (code, left, detail) = match migration.standing() {
        Standing::ReadyForCutover => (
            LEFT_WAITING,
            "left as it is, ready for its cutover",
            format!(
                "No apply moves `{name}` on. To finish it: `pgferry cutover {}`; to end it: {cancel}",
                typed(unit)
            ),
        ),
        Standing::Asking(_) => (
            LEFT_WAITING,
            "left as it is, waiting for an answer",
            format!("No apply answers `{name}`. To end it: {cancel}"),
        ),
        Standing::Running | Standing::Ended(_) => (
            LEFT_RUNNING,
            "left running",
            format!("No change of the configuration cancels `{name}`. To end it: {cancel}"),
        ),
    };
    let why = match inputs.graph.get(&unit.resource) {
        None => "is no longer declared",
        Some(_) => "is not what its batch declares now",
    };
    Finding {
        code,
        severity: Severity::Warning,
        summary: format!("{unit} {why} and will be {left}"),
        detail: Some(detail),
        remedy: None,
        address: Some(unit.resource.clone()),
    }
}

/// A migration of a batch that is no longer declared.
fn leave(inputs: &Inputs<'_>, unit: &UnitAddress, remembered: &Remembered, works: &mut Works, found: &mut Diagnostics) {
    let mut targets = remembered
        .record
        .attempts
        .iter()
        .filter_map(|attempt| attempt.id.parent());
    let hidden = targets.find_map(|target| {
        let reason = inputs.observed.why_migrations_unreadable(&target)?;
        Some(unreadable(&target, reason))
    });
    if let Some(refused) = hidden {
        found.push(refused.about(&unit.resource));
        return;
    }
    if let Some(unlisted) = unlisted(inputs, unit, remembered) {
        found.push(unlisted);
        return;
    }
    let running = remembered.record.attempts.iter().find_map(|attempt| {
        let migrations = inputs.observed.migrations(&attempt.id.parent()?);
        let mut migrations = migrations.iter();
        migrations.find(|migration| migration.id == attempt.id && migration.state.ending().is_none())
    });
    match (running, inputs.aim.mode) {
        // Refused where all that disturbs a running migration is.
        (Some(_), Mode::Destroy | Mode::Refresh) => {}
        (Some(migration), Mode::Apply) => works.findings.push(left(inputs, unit, migration)),
        (None, mode) => {
            let mut notes = vec!["a finished migration cannot be deleted; its databases stay on the target".to_owned()];
            if is_nowhere_declared(inputs, remembered) {
                notes.push("no report finds it any more then: keep what `pgferry report` writes first".to_owned());
            }
            notes.extend(renamed(inputs, unit, remembered).map(|name| {
                format!(
                    "if {name} is its new name, say so: moved {{ from = {}, to = {name} }}",
                    unit.resource
                )
            }));
            let change = Change {
                unit: unit.clone(),
                id: remembered.record.id.clone(),
                action: Action::Forget,
                reason: match (mode, inputs.graph.get(&unit.resource)) {
                    (Mode::Destroy, _) => Reason::Destroy,
                    (Mode::Apply | Mode::Refresh, None) => Reason::NotDeclared,
                    (Mode::Apply | Mode::Refresh, Some(_)) => {
                        Reason::Because("it is of an earlier deal or generation".to_owned())
                    }
                },
                fields: Vec::new(),
                notes,
            };
            let operation = Operation {
                op: Op::Note,
                scopes: BTreeSet::new(),
                patience: None,
                then: Remember::Forget,
            };
            works
                .list
                .push(Work::new(unit, Some(change), vec![operation], Direction::Down));
        }
    }
}

/// Whether no batch that is declared has the target of what is remembered: nobody asks for its migrations once it is forgotten.
fn is_nowhere_declared(inputs: &Inputs<'_>, remembered: &Remembered) -> bool {
    let attempts = remembered.record.attempts.iter();
    let mut targets = attempts.filter_map(|attempt| attempt.id.parent());
    targets.all(|target| inputs.graph.batches().all(|(_, batch)| batch.target != target))
}

/// A started migration of the batch's own generation that Azure does not list: it may be too new for a replica, and copying.
/// With its target it would be gone.
fn unlisted(inputs: &Inputs<'_>, unit: &UnitAddress, remembered: &Remembered) -> Option<Diagnostic> {
    let declaration = inputs.graph.get(&unit.resource)?;
    let batch = declaration.batch().filter(|_| inputs.aim.mode != Mode::Refresh)?;
    if matches!(inputs.observed.get(&batch.target), Some(Presence::Absent)) {
        return None;
    }
    let last = remembered.record.attempts.last()?;
    let listed = inputs.observed.migrations(&batch.target);
    let is_missing = last.generation == batch.generation
        && last.id.parent().as_ref() == Some(&batch.target)
        && listed.iter().all(|migration| migration.id != last.id);
    is_missing.then(|| {
        let text = format!("Azure does not list `{}`, which was started for {unit}", last.id.name());
        Diagnostic::error(UNLISTED, "migration is not listed")
            .at(declaration.span, text)
            .detail("It may be too new for a part of Azure and copy all the same, so its databases go nowhere else.")
            .hint("wait some minutes, then run the same command again")
            .hint(format!(
                "if its target was deleted and made anew: `pgferry state rm {}`",
                typed(unit)
            ))
            .about(&unit.resource)
    })
}

/// A batch that nothing is remembered of, and that wants what an undeclared one has brought to the same target.
fn renamed<'a>(inputs: &Inputs<'a>, unit: &UnitAddress, remembered: &Remembered) -> Option<&'a Address> {
    if inputs.aim.mode != Mode::Apply || inputs.graph.get(&unit.resource).is_some() {
        return None;
    }
    let target = remembered
        .record
        .attempts
        .iter()
        .find_map(|attempt| attempt.id.parent())?;
    let brought: BTreeSet<&String> = remembered
        .record
        .attempts
        .iter()
        .flat_map(|attempt| &attempt.databases)
        .collect();
    let mut batches = inputs.graph.batches().map(|(_, batch)| batch);
    let heir = batches.find(|batch| {
        batch.target == target
            && inputs.prior.of(&batch.address).next().is_none()
            && batch.databases.iter().any(|name| brought.contains(name))
    });
    heir.map(|batch| &batch.address)
}

/// A field that says what is asked for or found.
fn field(attribute: &str, value: Json) -> FieldChange {
    FieldChange {
        attribute: attribute.into(),
        before: None,
        after: Some(Shown::Value(value)),
        forces_replacement: false,
    }
}

/// How far a migration has come, as Azure told while the plan was made.
fn as_reported(migration: &Migration) -> Option<String> {
    let tables = migration.tables_copied().zip(migration.tables());
    let tables = tables.map(|(copied, all)| format!("{copied} of {all} tables copied"));
    let lag = migration.largest_lag().map(|lag| format!("lag {}", Length(lag)));
    let told: Vec<String> = tables.into_iter().chain(lag).collect();
    (!told.is_empty()).then(|| format!("as this was planned: {}", told.join(", ")))
}

/// Of a migration that runs, only a question that it asks now is answered where the answer costs something: a later one has
/// been shown to nobody, and waits for the next plan.
fn keep_back_costly_answers(ops: &mut [Operation], migration: &Migration) {
    const COSTLY: [Substate; 2] = [
        Substate::WaitingForOverwrite,
        Substate::WaitingForLogicalReplicationSetup,
    ];
    let asked = match migration.standing() {
        Standing::Asking(asked) => Some(asked),
        Standing::Running | Standing::ReadyForCutover | Standing::Ended(_) => None,
    };
    for operation in ops {
        let Op::Await(watch) = &mut operation.op else { continue };
        for question in COSTLY.iter().filter(|question| asked.as_ref() != Some(question)) {
            if let Some(response @ Response::Answer(_)) = watch.questions.get_mut(question.as_str()) {
                *response = Response::Person(Why::NotShown);
            }
        }
    }
}

/// One migration of a declared batch.
struct Job<'a> {
    inputs: &'a Inputs<'a>,
    declaration: &'a Declaration,
    batch: &'a Batch,
    chunk: &'a Chunk,
    unit: UnitAddress,
}

impl Job<'_> {
    fn work(&self, works: &mut Works) -> Option<Work> {
        match &self.chunk.fate {
            Fate::Done => self.adopt(),
            Fate::Stuck(migration, ending) => {
                works.findings.push(self.stuck(migration, *ending));
                self.adopt()
            }
            Fate::Running(migration) => {
                self.note_answer(migration, works);
                let late = timing::of_running(self.batch, &self.unit, migration, self.opens(), self.inputs.now);
                works.findings.extend(late);
                Some(self.attach(migration))
            }
            Fate::Start(start) => {
                self.note_losses(start, works);
                works
                    .findings
                    .extend(timing::of_start(self.batch, &self.unit, self.inputs.now));
                Some(self.start(start))
            }
        }
    }

    /// Brings the memory up to date, where it is behind.
    fn adopt(&self) -> Option<Work> {
        if self.chunk.recorded == Recorded::Known {
            return None;
        }
        let arrived = matches!(self.chunk.fate, Fate::Done);
        let note = if arrived {
            "already migrated; raise `generation` to do it again"
        } else {
            "its last attempt ended badly"
        };
        let change = self.change(Action::Adopt, Reason::AlreadyThere, vec![note.into()]);
        Some(self.assemble(change, vec![self.remember(self.chunk.attempts.clone())]))
    }

    fn stuck(&self, migration: &Migration, ending: Ending) -> Finding {
        let how = match ending {
            Ending::Succeeded => "ended without bringing every database",
            Ending::Failed => "failed",
            Ending::ValidationFailed => "failed its validation",
            Ending::Canceled => "was cancelled",
        };
        Finding {
            code: STUCK,
            severity: Severity::Warning,
            summary: format!("{} {how} and is not tried again by itself", self.unit),
            detail: Some(format!(
                "{}{}",
                migration
                    .error
                    .as_deref()
                    .map(|error| format!("Azure says: {} ", sentence(error)))
                    .unwrap_or_default(),
                format_args!("To try again: `pgferry apply --retry {}`", typed(&self.batch.address))
            )),
            remedy: None,
            address: Some(self.batch.address.clone()),
        }
    }

    fn note_losses(&self, start: &Start, works: &mut Works) {
        if self.batch.option == MigrationOption::Validate {
            return;
        }
        let target = self.batch.target.name();
        let there = self.inputs.observed.databases(&self.batch.target);
        for (database, why) in &start.may_exist {
            let (how, consent) = match why {
                MayExist::Consent(consent @ LossConsent::Overwrite) => (overwritten_on(target), consent.written()),
                MayExist::Consent(consent @ LossConsent::Generation) => (replaced_on(target), consent.written()),
                MayExist::OwnLeftover => (
                    format!("overwritten on {target}, where a failed attempt left it half-filled"),
                    "left behind by this batch itself",
                ),
            };
            works.losses.push(Loss {
                address: self.batch.address.clone(),
                what: database.clone(),
                how: match there.is_some_and(|there| !there.contains(database)) {
                    true => should_it_be_there(&how),
                    false => how,
                },
                consent: Some(consent.to_owned()),
            });
        }
        let is_told = |name: &String| {
            let mut losses = works.losses.iter();
            losses.any(|loss| loss.address == self.batch.address && loss.what == *name)
        };
        let in_the_way = start.databases.iter().filter(|name| {
            let is_there = there.is_some_and(|there| there.contains(*name));
            is_there && !start.may_exist.contains_key(*name) && !is_told(name)
        });
        let migrations = self.inputs.observed.migrations(&self.batch.target);
        let losses: Vec<Loss> = in_the_way
            .map(|name| Loss {
                address: self.batch.address.clone(),
                what: name.clone(),
                how: match last_brought(self.batch, migrations, name) {
                    Some(_) => replaced_on(target),
                    None => overwritten_on(target),
                },
                consent: None,
            })
            .collect();
        works.losses.extend(losses);
    }

    /// A running migration that asks whether databases may be overwritten, where the configuration says yes.
    fn note_answer(&self, migration: &Migration, works: &mut Works) {
        let asks = matches!(migration.standing(), Standing::Asking(Substate::WaitingForOverwrite));
        if !asks || !questions::may_overwrite(self.batch, &migration.databases) {
            return;
        }
        let target = self.batch.target.name();
        works.losses.extend(migration.databases.iter().map(|database| Loss {
            address: self.batch.address.clone(),
            what: database.clone(),
            how: format!("overwritten on {target}, as the running migration asks"),
            consent: Some(LossConsent::Overwrite.written().to_owned()),
        }));
    }

    fn notes(&self, start: &Start) -> Vec<String> {
        let shares = "what may be overwritten never shares a migration".to_owned();
        let limit = format!("a migration takes at most {}", self.batch.max_per_migration);
        let mut waiting = vec![(&start.over, limit), (&start.later, shares)];
        waiting.retain(|(databases, _)| !databases.is_empty());
        let restarts = self.batch.mode == MigrationMode::Online && self.batch.setup_logical_replication == Some(true);
        let restart = restarts.then(|| {
            "`setup_logical_replication` lets the service restart the source, if it has to switch that on".to_owned()
        });
        let told = waiting.into_iter().map(|(databases, why)| {
            let next = match databases.len() > self.batch.max_per_migration {
                true => "the next applies",
                false => "the next apply",
            };
            format!("{} will follow with {next}: {why}", databases.join(", "))
        });
        told.chain(restart)
            .chain(timing::notes(self.batch, self.inputs.now))
            .collect()
    }

    fn start(&self, start: &Start) -> Work {
        let reason = start.reason.clone();
        let mut change = self.change(Action::Create, reason, self.notes(start));
        change.id = Some(start.id.clone());
        change.fields = self.shown(start);
        let mut attempts = self.chunk.attempts.clone();
        attempts.push(Attempt {
            id: start.id.clone(),
            databases: start.databases.clone(),
            generation: self.batch.generation,
            created: None,
        });
        let overwrite = start.databases.iter().all(|name| start.may_exist.contains_key(name));
        let mut body = self.batch.body(&start.databases, overwrite);
        body.set(tags::PATH, tags::to_body(&self.tags()));
        let first = Operation {
            op: Op::Start {
                migration: start.id.clone(),
                body,
                writes: match self.batch.option {
                    MigrationOption::Validate => Vec::new(),
                    MigrationOption::Migrate | MigrationOption::ValidateAndMigrate | MigrationOption::Other(_) => {
                        start.databases.clone()
                    }
                },
                tags: self.own_tags(),
                may_exist: start.may_exist.keys().cloned().collect(),
                window: self.batch.window.clone(),
            },
            scopes: BTreeSet::from([self.batch.target.clone()]),
            patience: None,
            then: Remember::Record(Box::new(self.record(attempts))),
        };
        let mut ops = vec![first];
        let how = (&self.batch.mode, &self.batch.option);
        ops.extend(self.journey(&start.id, &start.databases, how, self.opens()));
        let mut work = self.assemble(change, ops);
        work.queue = Some(self.queue(QueuePlace::Waiting));
        work
    }

    /// Joins a migration that is on its way.
    fn attach(&self, migration: &Migration) -> Work {
        let is_foreign = self.chunk.is_foreign(migration, self.inputs.prior);
        let opens = self.opens();
        let standing = migration.standing();
        let is_cut_over = migration.mode == MigrationMode::Online && opens == Opens::ByItself;
        let phase = match &standing {
            // An answer comes first: it may cost more than the cutover behind it.
            Standing::Asking(asked) if self.answers(migration, asked) => Phase::Answer,
            Standing::ReadyForCutover | Standing::Running | Standing::Asking(_) if is_cut_over => Phase::Cutover,
            Standing::Asking(_) | Standing::Running | Standing::ReadyForCutover | Standing::Ended(_) => Phase::Watch,
        };
        let note = "started from another state, or before this one was lost; its cutover is left to a person this time";
        let mut notes: Vec<String> = is_foreign.then(|| note.to_owned()).into_iter().collect();
        notes.extend(self.about_hand_made(migration));
        notes.extend(as_reported(migration));
        notes.extend(timing::note_of_running(self.batch, migration, opens, self.inputs.now));
        if let Standing::Asking(asked) = &standing {
            notes.push(self.about_question(migration, asked, is_cut_over));
        }
        let mut change = self.change(Action::Advance(phase), Reason::Unfinished, notes);
        change.fields.extend(self.as_it_runs(migration));
        let mut ops = Vec::new();
        if self.chunk.recorded == Recorded::Behind {
            ops.push(self.remember(self.chunk.attempts.clone()));
        }
        ops.extend(self.journey(
            &migration.id,
            &migration.databases,
            (&migration.mode, &migration.option),
            opens,
        ));
        keep_back_costly_answers(&mut ops, migration);
        let mut work = self.assemble(change, ops);
        work.queue = Some(self.queue(QueuePlace::Holding));
        work
    }

    /// What is shown of a running migration besides its databases: what it does otherwise than declared, and whether it waits for
    /// a person to cut it over.
    fn as_it_runs(&self, migration: &Migration) -> Vec<FieldChange> {
        let mut fields: Vec<FieldChange> = otherwise(self.batch, migration)
            .into_iter()
            .map(|other| field(other.attribute, json!(other.found)))
            .collect();
        let gone: Vec<&String> = undeclared(self.batch, migration).collect();
        if !gone.is_empty() {
            fields.push(field("no_longer_declared", json!(gone)));
        }
        let is_ready = migration.standing() == Standing::ReadyForCutover;
        let is_online = migration.mode == MigrationMode::Online && migration.option != MigrationOption::Validate;
        match self.opens() {
            Opens::ByItself if is_online => {
                let policy = match self.batch.cutover.policy {
                    CutoverPolicy::Automatic => "automatic",
                    CutoverPolicy::Manual | CutoverPolicy::Approved(_) => "approved",
                };
                fields.push(field("cutover", json!(policy)));
                fields.extend(self.gate_as_set());
            }
            Opens::ByHand if is_ready => fields.push(field("cutover", json!("ready"))),
            Opens::ByApproval if is_ready => fields.push(field("cutover", json!("ready, not yet approved"))),
            Opens::ByHand | Opens::ByApproval | Opens::ByItself => {}
        }
        fields
    }

    /// Whose a migration is that nobody's tags claim, and what it does otherwise than declared: none of that can be changed.
    fn about_hand_made(&self, migration: &Migration) -> Option<String> {
        if !is_just_found(self.chunk, migration) {
            return None;
        }
        let differing: Vec<String> = otherwise(self.batch, migration)
            .into_iter()
            .map(|other| format!("{} {}, declared {}", other.what, other.found, other.declared))
            .collect();
        Some(match differing.is_empty() {
            true => "made by hand, and taken over as it is".to_owned(),
            false => format!("made by hand, and taken over as it is: {}", differing.join("; ")),
        })
    }

    /// What becomes of a question that a running migration asks now.
    fn about_question(&self, migration: &Migration, asked: &Substate, is_cut_over: bool) -> String {
        let Some(Response::Answer(answer)) = self.response(migration, asked) else {
            return format!("it asks ({asked}), and waits until somebody answers");
        };
        let mut note = format!("it asks ({asked}), and `{}` answers", answer.from);
        if *asked == Substate::WaitingForLogicalReplicationSetup {
            note.push_str(": Azure sets the source up for logical replication and restarts it, 2 to 3 minutes");
        }
        if is_cut_over {
            note.push_str("; then it is cut over");
        }
        note
    }

    /// Whether the configuration answers a question of a running migration.
    fn answers(&self, migration: &Migration, asked: &Substate) -> bool {
        matches!(self.response(migration, asked), Some(Response::Answer(_)))
    }

    /// What becomes of a question of a running migration.
    fn response(&self, migration: &Migration, asked: &Substate) -> Option<Response> {
        questions::of(self.batch, &migration.databases).remove(asked.as_str())
    }

    /// From created to succeeded, as the run was created, which the batch may say otherwise by now.
    fn journey(
        &self,
        migration: &ArmId,
        databases: &[String],
        (mode, option): (&MigrationMode, &MigrationOption),
        opens: Opens,
    ) -> Vec<Operation> {
        let passive = |op| Operation {
            op,
            scopes: BTreeSet::new(),
            patience: None,
            then: Remember::Unchanged,
        };
        let online = *mode == MigrationMode::Online && *option != MigrationOption::Validate;
        if !online {
            return vec![passive(Op::Await(self.watch(migration, databases, Until::Succeeded)))];
        }
        let gate = Gate {
            migration: migration.clone(),
            databases: databases.to_vec(),
            max_lag: self.batch.cutover.max_lag,
            samples: self.batch.cutover.samples,
            opens,
            window: self.batch.cutover.window.clone(),
        };
        let cutover = Operation {
            op: Op::Cutover {
                migration: migration.clone(),
                databases: databases.to_vec(),
            },
            scopes: BTreeSet::from([self.batch.target.clone()]),
            patience: None,
            then: Remember::Unchanged,
        };
        vec![
            passive(Op::Await(self.watch(migration, databases, Until::ReadyForCutover))),
            passive(Op::Gate(gate)),
            cutover,
            passive(Op::Await(self.watch(migration, databases, Until::Succeeded))),
        ]
    }

    fn opens(&self) -> Opens {
        self.chunk.opens(self.batch, self.inputs.prior)
    }

    fn watch(&self, migration: &ArmId, databases: &[String], until: Until) -> Await {
        Await {
            migration: migration.clone(),
            until,
            questions: questions::of(self.batch, databases),
            stall_after: self.batch.stall_after,
            databases: databases.to_vec(),
        }
    }

    fn change(&self, action: Action, reason: Reason, notes: Vec<String>) -> Change {
        let id = self.chunk.attempts.last().map(|attempt| attempt.id.clone());
        let databases = FieldChange {
            attribute: "databases".into(),
            before: None,
            after: Some(Shown::Value(json!(self.chunk.databases))),
            forces_replacement: false,
        };
        Change {
            unit: self.unit.clone(),
            id,
            action,
            reason,
            fields: vec![databases],
            notes,
        }
    }

    fn shown(&self, start: &Start) -> Vec<FieldChange> {
        let mut fields = vec![
            field("name", json!(start.id.name())),
            field("databases", json!(start.databases)),
            field("mode", json!(self.batch.mode.as_str())),
            field("option", json!(self.batch.option.as_str())),
            field("source", json!(self.batch.source.text)),
            field("source_type", json!(self.batch.source.source_type)),
            field("ssl_mode", json!(self.batch.source.ssl_mode)),
            field("target", json!(self.batch.target.name())),
            field("target_username", json!(self.batch.target_username)),
        ];
        let Endpoint { text, username, .. } = &self.batch.source;
        // A host is told with the login.
        if !text.ends_with(&format!("@{username}")) {
            fields.push(field("source_username", json!(username)));
        }
        if let Some(runtime) = &self.batch.runtime {
            fields.push(field("runtime_server", json!(runtime.name())));
        }
        let passwords = [
            ("source_password", &self.batch.source_password),
            ("target_password", &self.batch.target_password),
        ];
        for (attribute, password) in passwords {
            // Where it is read is what a reviewer approves; a password that is given stays unmentioned.
            fields.extend(password.vault.as_ref().map(|id| field(attribute, json!(id))));
        }
        if self.batch.mode == MigrationMode::Online && self.batch.option != MigrationOption::Validate {
            let policy = match (&self.batch.cutover.policy, self.opens()) {
                (CutoverPolicy::Automatic, _) => "automatic",
                (CutoverPolicy::Manual, _) => "manual",
                (CutoverPolicy::Approved(_), Opens::ByItself) => "approved",
                (CutoverPolicy::Approved(_), Opens::ByHand | Opens::ByApproval) => "not yet approved",
            };
            fields.push(field("cutover", json!(policy)));
            fields.extend(self.gate_as_set());
        }
        fields.extend(self.as_set());
        if let Some(earlier) = start.supersedes {
            fields.push(FieldChange {
                before: Some(json!(earlier)),
                forces_replacement: true,
                ..field("generation", json!(self.batch.generation))
            });
        }
        fields
    }

    /// What the gate waits for, where that is set.
    fn gate_as_set(&self) -> Vec<FieldChange> {
        let Cutover {
            max_lag,
            samples,
            window,
            policy: _,
        } = &self.batch.cutover;
        let window = window
            .as_ref()
            .map(|window| field("cutover_window", json!(window.to_string())));
        let max_lag = (*max_lag != Cutover::MAX_LAG).then(|| field("max_lag", json!(Length(*max_lag).to_string())));
        let samples = (*samples != Cutover::SAMPLES).then(|| field("samples", json!(samples)));
        max_lag.into_iter().chain(samples).chain(window).collect()
    }

    /// What else is set: whoever approves a plan approves it, too.
    fn as_set(&self) -> Vec<FieldChange> {
        let batch = self.batch;
        let set = [
            (
                "setup_logical_replication",
                batch.setup_logical_replication.map(|setup| json!(setup)),
            ),
            ("migrate_roles", batch.migrate_roles.then_some(json!(true))),
            ("source_fqdn", batch.source_fqdn.as_ref().map(|name| json!(name))),
            ("target_fqdn", batch.target_fqdn.as_ref().map(|name| json!(name))),
            ("attempts", (batch.retries > 0).then(|| json!(batch.retries))),
            (
                "max_concurrent",
                (batch.max_concurrent > 1).then(|| json!(batch.max_concurrent)),
            ),
            (
                "start_window",
                batch.window.as_ref().map(|window| json!(window.to_string())),
            ),
            ("priority", (batch.priority != 0).then(|| json!(batch.priority))),
            ("tags", (!batch.tags.is_empty()).then(|| json!(batch.tags))),
        ];
        set.into_iter()
            .filter_map(|(name, value)| Some(field(name, value?)))
            .collect()
    }

    /// The tags of the `azure` block, and over them those that tell which migration it is. The state's lineage joins them at
    /// the call; nobody else gives tags of that beginning.
    fn tags(&self) -> BTreeMap<String, String> {
        let mut given = self.batch.tags.clone();
        given.retain(|key, _| !key.to_lowercase().starts_with(OWN_TAGS));
        tags::merged(&given, &self.own_tags())
    }

    /// Tags by which the migration is known as this unit's in this generation.
    fn own_tags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (TAG_UNIT.to_owned(), self.unit.to_string()),
            (TAG_GENERATION.to_owned(), self.batch.generation.to_string()),
        ])
    }

    fn record(&self, attempts: Vec<Attempt>) -> UnitRecord {
        UnitRecord {
            format: UnitRecord::FORMAT,
            id: attempts.last().map(|attempt| attempt.id.clone()),
            origin: self.origin(&attempts),
            fields: BTreeMap::from([
                ("databases".to_owned(), json!(self.chunk.databases)),
                ("mode".to_owned(), json!(self.batch.mode.as_str())),
                ("option".to_owned(), json!(self.batch.option.as_str())),
                ("source".to_owned(), json!(self.batch.source.text)),
            ]),
            needs: needs(self.inputs, &self.batch.address),
            scopes: vec![self.batch.target.clone()],
            touches: self.batch.path.iter().cloned().collect(),
            attempts,
        }
    }

    /// Imported, where one of its runs was taken over on request; adopted, where its first one was made by hand.
    fn origin(&self, attempts: &[Attempt]) -> Origin {
        let mut imports = import::of(&self.inputs.statements.imports, &self.batch.address);
        let is_imported = imports.any(|id| attempts.iter().any(|attempt| attempt.id == id));
        let remembered = self
            .inputs
            .prior
            .get(&self.unit)
            .map(|remembered| remembered.record.origin);
        let is_hand_made = |attempt: &Attempt| {
            let mut listed = self.inputs.observed.migrations(&self.batch.target).iter();
            listed.any(|migration| migration.id == attempt.id && tag(migration, TAG_UNIT).is_none())
        };
        match remembered {
            Some(Origin::Imported) => Origin::Imported,
            Some(_) | None if is_imported => Origin::Imported,
            Some(origin) => origin,
            None if attempts.first().is_some_and(is_hand_made) => Origin::Adopted,
            None => Origin::Created,
        }
    }

    fn remember(&self, attempts: Vec<Attempt>) -> Operation {
        let then = Remember::Record(Box::new(self.record(attempts)));
        Operation {
            op: Op::Note,
            scopes: BTreeSet::new(),
            patience: None,
            then,
        }
    }

    fn assemble(&self, change: Change, ops: Vec<Operation>) -> Work {
        debug_assert_eq!(self.declaration.address, self.batch.address);
        Work::new(&self.unit, Some(change), ops, Direction::Up)
    }

    fn queue(&self, standing: QueuePlace) -> Queue {
        Queue::of(self.batch, self.chunk.number, standing)
    }
}

/// What a service said, closed as a sentence so that another can follow.
fn sentence(said: &str) -> String {
    let said = said.trim_end();
    match said.ends_with(['.', '!', '?']) {
        true => said.to_owned(),
        false => format!("{said}."),
    }
}
