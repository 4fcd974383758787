//! Deals a batch into its migrations: who is where already, what is still to start, what runs, what ended badly. Pure.
//!
//! Azure's list of migrations is the truth; records and tags only say which of them are ours. A database that has arrived is
//! never dealt again within its generation, and a created migration never changes its membership.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::UnitAddress;
use crate::arm::migration::{Ending, Migration, MigrationOption, Standing};
use crate::arm::{ArmId, SourceServer};
use crate::kind::database_batch::{Batch, LossConsent};
use crate::prior::{Attempt, Prior};

use super::action::Reason;
use super::step::Opens;

/// How tags begin that tell whose a migration is. Others may be changed by anybody, policies too.
pub const OWN_TAGS: &str = "pgferry-";
/// Tag that names the unit a migration belongs to.
pub const TAG_UNIT: &str = "pgferry-unit";
/// Tag that holds the generation.
pub const TAG_GENERATION: &str = "pgferry-generation";
/// Tag that holds the lineage of the state that made it.
pub const TAG_LINEAGE: &str = "pgferry-lineage";

/// One migration of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Its number in the batch, from 1.
    pub number: u32,
    /// Its databases: fixed once its first attempt was created.
    pub databases: Vec<String>,
    /// Its attempts so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// Whether the state holds a record of it that says the same.
    pub recorded: Recorded,
    /// What is to be done.
    pub fate: Fate,
}

impl Chunk {
    /// Whether what runs was started from another state, or before this one was lost, and is still to be taken up.
    pub fn is_foreign(&self, migration: &Migration, prior: &Prior) -> bool {
        self.recorded == Recorded::Behind && is_of_another_state(migration, prior.lineage())
    }

    /// Who opens the gate of its cutover. Another state may be about to cut over what is its own, on conditions of its own:
    /// that is left to a person.
    pub fn opens(&self, batch: &Batch, prior: &Prior) -> Opens {
        match &self.fate {
            Fate::Running(migration) if self.is_foreign(migration, prior) => Opens::ByHand,
            Fate::Running(_) | Fate::Start(_) | Fate::Done | Fate::Stuck(..) => {
                Opens::of(&batch.cutover.policy, self.number)
            }
        }
    }
}

/// What the state knows of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The same.
    Known,
    /// Nothing, or fewer attempts.
    Behind,
}

/// What is to be done with a chunk.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// Nothing: everything has arrived.
    Done,
    /// A new attempt.
    Start(Start),
    /// An attempt is on its way.
    Running(Box<Migration>),
    /// The last attempt ended badly, and nobody has asked for another.
    Stuck(Box<Migration>, Ending),
}

/// A new attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Its id, under a name that is free.
    pub id: ArmId,
    /// The databases it moves.
    pub databases: Vec<String>,
    /// Databases that may be on the target already, and why: all of them or none, since the service knows one answer for a
    /// whole migration.
    pub may_exist: BTreeMap<String, MayExist>,
    /// Databases of the chunk that are still to come and go in an attempt of their own: what may be overwritten never shares a
    /// migration.
    pub later: Vec<String>,
    /// Databases of the chunk that could share this attempt, were it not for the limit of databases per migration. They go in
    /// later ones of the same chunk.
    pub over: Vec<String>,
    /// Why it is made.
    pub reason: Reason,
    /// The latest of the earlier generations that brought these databases, where all of them were brought before.
    pub supersedes: Option<u32>,
}

/// Why a database may be on the target already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayExist {
    /// The configuration consents to overwriting it.
    Consent(LossConsent),
    /// An earlier attempt of this very batch left it behind.
    OwnLeftover,
}

/// A batch, dealt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deal {
    /// Its migrations by number.
    pub chunks: Vec<Chunk>,
    /// Databases that another migration is moving now, with it.
    pub taken: Vec<(String, ArmId)>,
    /// Databases that an earlier generation brought and that nobody consents to replace.
    pub unconsented: Vec<String>,
}

/// Whether somebody asked for another attempt of what ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Nobody: only the batch's own retries count.
    Unasked,
    /// Somebody did, for this run.
    Asked,
}

/// The latest of the generations before a batch's own that brought a database.
pub(super) fn last_brought(batch: &Batch, migrations: &[Migration], database: &str) -> Option<u32> {
    let earlier = migrations.iter().filter(|migration| {
        is_same_source(batch, migration)
            && generation_of(migration) < batch.generation
            && migration.has_arrived(database)
    });
    earlier.map(generation_of).max()
}

/// Deals a batch that takes the migrations in `imports` over.
pub fn deal(batch: &Batch, prior: &Prior, migrations: &[Migration], retry: Retry, imports: &BTreeSet<ArmId>) -> Deal {
    let here = Here::new(batch, prior, migrations, imports);
    let mut deal = Deal::default();
    let mut names = here.names.clone();
    for (number, members) in &here.own {
        let chunk = here.chunk(*number, members, retry, &mut names);
        let is_tried = match chunk.fate {
            Fate::Start(_) => true,
            Fate::Stuck(..) => retry == Retry::Asked,
            Fate::Done | Fate::Running(_) => false,
        };
        if is_tried {
            deal.taken.extend(here.taken(&chunk));
        }
        deal.chunks.push(chunk);
    }
    here.new_chunks(&mut deal, &mut names);
    deal.chunks.sort_by_key(|chunk| chunk.number);
    deal
}

/// What is known of a batch's databases on its target.
struct Here<'a> {
    batch: &'a Batch,
    migrations: &'a [Migration],
    /// Own migrations of this generation by chunk number, oldest first.
    own: BTreeMap<u32, Vec<&'a Migration>>,
    /// What the state holds per chunk.
    recorded: BTreeMap<u32, &'a [Attempt]>,
    /// Every migration name that is taken, folded.
    names: BTreeSet<String>,
    /// Numbers that a migration has, or had: they never mean another one. One that was refused before it began keeps its own.
    used: BTreeSet<u32>,
    /// The lineage of our state.
    lineage: Option<&'a str>,
}

impl<'a> Here<'a> {
    fn new(batch: &'a Batch, prior: &'a Prior, migrations: &'a [Migration], imports: &BTreeSet<ArmId>) -> Self {
        let recorded = recorded(batch, prior);
        let mut own: BTreeMap<u32, Vec<&Migration>> = BTreeMap::new();
        let mut strangers = Vec::new();
        let mut used: BTreeSet<u32> = recorded.keys().copied().collect();
        for migration in migrations {
            match number_of(batch, migration, &recorded) {
                Some(number) => {
                    used.insert(number);
                    if generation_of(migration) == batch.generation {
                        own.entry(number).or_default().push(migration);
                    }
                }
                None if is_stranger(batch, migration) => strangers.push(migration),
                None if imports.contains(&migration.id)
                    && is_same_source(batch, migration)
                    && generation_of(migration) == batch.generation =>
                {
                    strangers.push(migration);
                }
                None => {}
            }
        }
        strangers.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
        for members in own.values_mut() {
            members.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
        }
        for stranger in strangers {
            let again = own.iter_mut().find(|(number, members)| {
                let databases = membership(batch, recorded.get(number).copied(), members);
                is_another_attempt(stranger, members, &databases)
            });
            match again {
                Some((_, members)) => members.push(stranger),
                None => {
                    let number = first_free(&used);
                    used.insert(number);
                    own.insert(number, vec![stranger]);
                }
            }
        }
        let names = migrations
            .iter()
            .map(|migration| migration.id.name().to_lowercase())
            .collect();
        Self {
            batch,
            migrations,
            own,
            recorded,
            names,
            used,
            lineage: prior.lineage(),
        }
    }

    /// Whether a database has what the batch declares of it, by whatever migration of this generation.
    fn is_done(&self, database: &str) -> bool {
        let mut migrations = self.migrations.iter();
        migrations.any(|migration| has_done(self.batch, migration, database))
    }

    fn chunk(&self, number: u32, members: &[&Migration], retry: Retry, names: &mut BTreeSet<String>) -> Chunk {
        let databases = membership(self.batch, self.recorded.get(&number).copied(), members);
        let attempts: Vec<Attempt> = members.iter().map(|migration| attempt(migration)).collect();
        let known = self.recorded.get(&number).copied().unwrap_or_default();
        let known: BTreeSet<&ArmId> = known.iter().map(|attempt| &attempt.id).collect();
        let recorded = match attempts.iter().all(|attempt| known.contains(&attempt.id)) {
            true => Recorded::Known,
            false => Recorded::Behind,
        };
        let fate = self.fate(number, &databases, members, retry, names);
        Chunk {
            number,
            databases,
            attempts,
            recorded,
            fate,
        }
    }

    fn fate(
        &self,
        number: u32,
        databases: &[String],
        members: &[&Migration],
        retry: Retry,
        names: &mut BTreeSet<String>,
    ) -> Fate {
        let Some(last) = members.last() else { return Fate::Done };
        let ending = match last.standing() {
            Standing::Ended(ending) => ending,
            Standing::Running | Standing::Asking(_) | Standing::ReadyForCutover => {
                return Fate::Running(Box::new((*last).clone()));
            }
        };
        let declared = |name: &&String| self.batch.databases.contains(name);
        let arrived = |name: &String| members.iter().any(|migration| migration.has_arrived(name));
        let remaining: Vec<String> = databases
            .iter()
            .filter(declared)
            .filter(|name| !arrived(name) && !self.is_done(name))
            .filter(|name| self.holder(name).is_none_or(|holder| holder == number))
            .cloned()
            .collect();
        if remaining.is_empty() {
            return Fate::Done;
        }
        // What somebody else moves now is not moved again behind it, over what that one brought.
        let remaining: Vec<String> = remaining
            .into_iter()
            .filter(|name| self.moving(name).is_none())
            .collect();
        if remaining.is_empty() {
            return Fate::Stuck(Box::new((*last).clone()), ending);
        }
        let failures = members.iter().filter(|migration| ended_badly(migration)).count();
        let only_validated = ending == Ending::Succeeded && last.option == MigrationOption::Validate;
        let reason = if only_validated && self.batch.option != MigrationOption::Validate {
            Reason::Because(format!("`{}` has only been validated", last.id.name()))
        // What a person cancelled is not started again by itself.
        } else if retry == Retry::Asked
            || matches!(ending, Ending::Failed | Ending::ValidationFailed)
                && failures <= usize::try_from(self.batch.retries).unwrap_or(usize::MAX)
        {
            Reason::Retry
        } else if ending == Ending::Succeeded && !remaining.iter().any(|name| last.databases.contains(name)) {
            Reason::Because(format!("`{}` moved the others of its databases first", last.id.name()))
        } else {
            return Fate::Stuck(Box::new((*last).clone()), ending);
        };
        let mut may_exist = self.consents(&remaining);
        for migration in members.iter().filter(|migration| self.is_ours(number, migration)) {
            for name in remaining.iter().filter(|name| began_to_move(migration, name)) {
                may_exist.entry(name.clone()).or_insert(MayExist::OwnLeftover);
            }
        }
        let Portion { databases, later, over } = self.portion(members, remaining, &may_exist);
        may_exist.retain(|name, _| databases.contains(name));
        Fate::Start(Start {
            id: self.free_id(number, names),
            databases,
            may_exist,
            later,
            over,
            reason,
            supersedes: None,
        })
    }

    /// What the next attempt of a chunk takes of the databases that are still to come. What was not tried for longest comes
    /// first, so that nothing waits for ever for what fails again and again.
    fn portion(
        &self,
        members: &[&Migration],
        remaining: Vec<String>,
        may_exist: &BTreeMap<String, MayExist>,
    ) -> Portion {
        let last_tried = |name: &String| members.iter().rposition(|member| member.databases.contains(name));
        // What may be overwritten never shares a migration with what may not.
        let (replacing, fresh): (Vec<String>, Vec<String>) =
            remaining.into_iter().partition(|name| may_exist.contains_key(name));
        let mut parts = [fresh, replacing];
        parts.sort_by_key(|part| (part.is_empty(), part.iter().map(last_tried).min()));
        let [part, later] = parts;
        let mut turns: Vec<&String> = part.iter().collect();
        turns.sort_by_key(|name| last_tried(name));
        let taken: BTreeSet<&String> = turns.into_iter().take(self.limit()).collect();
        let (databases, over) = part.iter().cloned().partition(|name| taken.contains(name));
        Portion { databases, later, over }
    }

    /// How many databases a migration that is made now may have.
    fn limit(&self) -> usize {
        self.batch.max_per_migration.max(1)
    }

    /// The chunk that a database stays with: that of the first migration that was made for it. One made by hand may hold it, too.
    fn holder(&self, database: &String) -> Option<u32> {
        let all = self.own.iter().flat_map(|(number, members)| {
            let holding = members.iter().filter(|member| member.databases.contains(database));
            holding.map(move |member| (member.started, &member.id, *number))
        });
        all.min().map(|(_, _, number)| number)
    }

    /// Whether this very state made a migration: its record says so, or its lineage. Only then is what it left behind ours.
    fn is_ours(&self, number: u32, migration: &Migration) -> bool {
        let known = self.recorded.get(&number).copied().unwrap_or_default();
        let recorded = known.iter().any(|attempt| attempt.id == migration.id);
        let lineage = self.lineage.is_some() && tag(migration, TAG_LINEAGE) == self.lineage;
        tag(migration, TAG_UNIT).is_some() && (recorded || lineage)
    }

    fn new_chunks(&self, deal: &mut Deal, names: &mut BTreeSet<String>) {
        let dealt: BTreeSet<&str> = deal
            .chunks
            .iter()
            .flat_map(|chunk| &chunk.databases)
            .map(String::as_str)
            .collect();
        let mut open: Vec<&String> = Vec::new();
        for name in &self.batch.databases {
            if dealt.contains(name.as_str()) || self.is_done(name) {
                continue;
            }
            match self.moving(name) {
                Some(id) => deal.taken.push((name.clone(), id.clone())),
                None => open.push(name),
            }
        }
        open.sort();
        let (replacing, fresh): (Vec<&String>, Vec<&String>) =
            open.into_iter().partition(|name| self.consent(name).is_some());
        let mut used = self.used.clone();
        for group in [fresh, replacing] {
            for databases in group.chunks(self.limit()) {
                let number = first_free(&used);
                used.insert(number);
                let databases: Vec<String> = databases.iter().map(|name| (*name).clone()).collect();
                deal.unconsented
                    .extend(databases.iter().filter(|name| self.lacks_consent(name)).cloned());
                let supersedes = self.brought_before(&databases);
                let start = Start {
                    id: self.free_id(number, names),
                    may_exist: self.consents(&databases),
                    reason: match supersedes {
                        Some(_) => Reason::Because("a new generation brings them anew".to_owned()),
                        None => Reason::Absent,
                    },
                    supersedes,
                    databases: databases.clone(),
                    later: Vec::new(),
                    over: Vec::new(),
                };
                let fate = Fate::Start(start);
                deal.chunks.push(Chunk {
                    number,
                    databases,
                    attempts: Vec::new(),
                    recorded: Recorded::Behind,
                    fate,
                });
            }
        }
    }

    /// What is still to come of a chunk, and on its way with another migration.
    fn taken(&self, chunk: &Chunk) -> Vec<(String, ArmId)> {
        let declared = chunk
            .databases
            .iter()
            .filter(|name| self.batch.databases.contains(name));
        let open = declared.filter(|name| !self.is_done(name));
        open.filter_map(|name| Some((name.clone(), self.moving(name)?.clone())))
            .collect()
    }

    /// The migration that moves a database to this target now, though it is not ours.
    fn moving(&self, database: &str) -> Option<&ArmId> {
        let active = self
            .migrations
            .iter()
            .filter(|migration| migration.state.ending().is_none());
        let mut holding = active.filter(|migration| migration.databases.iter().any(|name| name == database));
        holding.next().map(|migration| &migration.id)
    }

    fn arrived_before(&self, database: &str) -> bool {
        self.last_brought(database).is_some()
    }

    /// The latest of the earlier generations that brought a database.
    fn last_brought(&self, database: &str) -> Option<u32> {
        last_brought(self.batch, self.migrations, database)
    }

    /// The latest of the earlier generations that brought these databases; `None` unless each was brought by one.
    fn brought_before(&self, databases: &[String]) -> Option<u32> {
        let each: Option<Vec<u32>> = databases.iter().map(|name| self.last_brought(name)).collect();
        each?.into_iter().max()
    }

    fn consent(&self, database: &str) -> Option<LossConsent> {
        // Each word is for one kind of loss: `overwrite` for what others left there, `generation` for what we brought.
        match (self.batch.accept_loss.get(database)?, self.arrived_before(database)) {
            (LossConsent::Overwrite, false) => Some(LossConsent::Overwrite),
            (LossConsent::Generation, true) => Some(LossConsent::Generation),
            (LossConsent::Overwrite, true) | (LossConsent::Generation, false) => None,
        }
    }

    fn lacks_consent(&self, database: &str) -> bool {
        self.arrived_before(database) && self.consent(database).is_none()
    }

    fn consents(&self, databases: &[String]) -> BTreeMap<String, MayExist> {
        let consent = |name: &String| Some((name.clone(), MayExist::Consent(self.consent(name)?)));
        databases.iter().filter_map(consent).collect()
    }

    /// The next free name: `wave1m2`, then `wave1m2r1`, `wave1m2r2`, …
    fn free_id(&self, number: u32, names: &mut BTreeSet<String>) -> ArmId {
        let base = format!("{}m{number}", self.batch.base_name);
        let mut name = base.clone();
        let mut retry = 0_u32;
        while !names.insert(name.clone()) {
            retry += 1;
            name = format!("{base}r{retry}");
        }
        self.batch.target.child("migrations", &name)
    }
}

/// Whether a migration did what a batch declares of a database, whoever made it: same source, same target, same generation.
fn has_done(batch: &Batch, migration: &Migration, database: &str) -> bool {
    let is_validated = || {
        batch.option == MigrationOption::Validate
            && migration.state.ending() == Some(Ending::Succeeded)
            && migration.databases.iter().any(|name| name == database)
    };
    is_same_source(batch, migration)
        && generation_of(migration) == batch.generation
        && (migration.has_arrived(database) || is_validated())
}

/// Migrations of its target that did what a batch declares, of some of its databases, under whatever name they were made.
pub fn fulfilling<'a>(batch: &'a Batch, migrations: &'a [Migration]) -> impl Iterator<Item = &'a Migration> {
    let does = |migration: &&Migration| {
        let mut databases = batch.databases.iter();
        databases.any(|database| has_done(batch, migration, database))
    };
    migrations.iter().filter(does)
}

/// What of a chunk is tried now, and what is not.
struct Portion {
    databases: Vec<String>,
    later: Vec<String>,
    over: Vec<String>,
}

/// The databases of a chunk: those of its first attempt.
fn membership(batch: &Batch, recorded: Option<&[Attempt]>, members: &[&Migration]) -> Vec<String> {
    let first = || members.first().map(|migration| migration.databases.clone());
    match recorded.and_then(<[Attempt]>::first) {
        Some(attempt) if attempt.generation == batch.generation => attempt.databases.clone(),
        Some(_) | None => first().unwrap_or_default(),
    }
}

/// Whether a migration made by hand tries again what the attempts of a chunk did not bring: all of that, and nothing else.
fn is_another_attempt(stranger: &Migration, members: &[&Migration], databases: &[String]) -> bool {
    let Some(last) = members.last() else { return false };
    let arrived = |name: &String| members.iter().any(|migration| migration.has_arrived(name));
    let mut open = databases.iter().filter(|name| !arrived(name));
    ended_badly(last)
        && last.started < stranger.started
        && stranger.databases.iter().all(|name| databases.contains(name))
        && open.all(|name| stranger.databases.contains(name))
}

fn recorded<'a>(batch: &'a Batch, prior: &'a Prior) -> BTreeMap<u32, &'a [Attempt]> {
    prior
        .of(&batch.address)
        .filter_map(|(unit, remembered)| Some((number(unit)?, remembered.record.attempts.as_slice())))
        .collect()
}

/// The lowest number from 1 that is not used.
fn first_free(used: &BTreeSet<u32>) -> u32 {
    let taken = used
        .iter()
        .zip(1..)
        .take_while(|(number, expected)| *number == expected);
    taken.last().map_or(1, |(_, last)| last.saturating_add(1))
}

fn number(unit: &UnitAddress) -> Option<u32> {
    /// Far beyond what a batch can have: tags may say anything.
    const MOST: u32 = 1_000_000;
    let number = unit.part.as_ref()?.as_str().parse().ok()?;
    (1..=MOST).contains(&number).then_some(number)
}

/// The chunk a migration belongs to, by our record or by its tags.
fn number_of(batch: &Batch, migration: &Migration, recorded: &BTreeMap<u32, &[Attempt]>) -> Option<u32> {
    let by_record = recorded
        .iter()
        .find(|(_, attempts)| attempts.iter().any(|attempt| attempt.id == migration.id))
        .map(|(number, _)| *number);
    by_record.or_else(|| {
        let unit: UnitAddress = tag(migration, TAG_UNIT)?.parse().ok()?;
        (unit.resource == batch.address && is_same_source(batch, migration))
            .then(|| number(&unit))
            .flatten()
    })
}

/// A migration that nobody's tags claim and that moves databases of ours, and no others, the same way: made by hand, and
/// adopted.
/// One that ended badly leaves nothing to adopt.
fn is_stranger(batch: &Batch, migration: &Migration) -> bool {
    tag(migration, TAG_UNIT).is_none()
        && is_same_source(batch, migration)
        && generation_of(migration) == batch.generation
        && !matches!(
            migration.state.ending(),
            Some(Ending::Failed | Ending::ValidationFailed | Ending::Canceled)
        )
        && !migration.databases.is_empty()
        && migration.databases.iter().all(|name| batch.databases.contains(name))
}

/// Whether another state made a migration: its tags name a unit of ours, and a lineage that is not ours.
fn is_of_another_state(migration: &Migration, lineage: Option<&str>) -> bool {
    tag(migration, TAG_UNIT).is_some() && tag(migration, TAG_LINEAGE) != lineage
}

/// The same server, whoever signs in there.
pub(super) fn is_same_source(batch: &Batch, migration: &Migration) -> bool {
    SourceServer::of(&migration.source) == batch.source.server()
}

/// The generation a migration belongs to; made by hand, it is the first.
pub fn generation_of(migration: &Migration) -> u32 {
    tag(migration, TAG_GENERATION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// A tag's value; keys are case-insensitive.
pub fn tag<'a>(migration: &'a Migration, key: &str) -> Option<&'a str> {
    migration
        .tags
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.as_str())
}

fn attempt(migration: &Migration) -> Attempt {
    Attempt {
        id: migration.id.clone(),
        databases: migration.databases.clone(),
        generation: generation_of(migration),
        created: migration.started,
    }
}

fn ended_badly(migration: &Migration) -> bool {
    matches!(
        migration.state.ending(),
        Some(Ending::Failed | Ending::ValidationFailed | Ending::Canceled)
    )
}

/// Whether a run that ended badly had come to move a database: the service makes databases and counts their tables when it
/// begins to move data. A run that failed before, or that stopped to ask whether a database may be overwritten, has left
/// nothing of its own.
fn began_to_move(migration: &Migration, database: &str) -> bool {
    let counted = migration
        .progress
        .get(database)
        .is_some_and(|progress| progress.tables.any());
    let ended = matches!(migration.state.ending(), Some(Ending::Failed | Ending::Canceled));
    ended && migration.option != MigrationOption::Validate && counted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::address::Address;
    use crate::arm::migration::{MigrationMode, State};
    use crate::diagnostic::{FileId, Span};
    use crate::kind::database_batch::{Cutover, CutoverPolicy, PathNetworks};
    use crate::kind::schema::Term;
    use crate::kind::source::Endpoint;
    use crate::prior::{Origin, Remembered, UnitRecord};
    use crate::secret::SecretRef;

    const SERVER: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/t";

    fn batch(databases: &[&str]) -> Batch {
        let address: Address = "database_batch.wave1".parse().unwrap();
        let secret = |owner: &str| SecretRef {
            vault: None,
            owner: owner.parse().unwrap(),
            attribute: "password".into(),
        };
        Batch {
            span: Span::new(FileId(0), 0..0),
            source: Endpoint {
                text: "10.1.0.4:5432@migrator".into(),
                source_type: "OnPremises",
                ssl_mode: "Require",
                username: "migrator".into(),
            },
            source_address: "source.a".parse().unwrap(),
            source_password: secret("source.a"),
            target: SERVER.parse().unwrap(),
            target_address: "target.t".parse().unwrap(),
            target_region: Term::Known("westeurope".into()),
            target_username: "admin".into(),
            target_password: secret("target.t"),
            runtime: None,
            databases: databases.iter().map(|name| (*name).to_owned()).collect(),
            max_per_migration: 3,
            option: MigrationOption::ValidateAndMigrate,
            mode: MigrationMode::Offline,
            generation: 1,
            accept_loss: BTreeMap::new(),
            setup_logical_replication: None,
            migrate_roles: false,
            retries: 0,
            cutover: Cutover {
                policy: CutoverPolicy::Manual,
                max_lag: Duration::ZERO,
                samples: 3,
                window: None,
            },
            stall_after: Duration::from_secs(900),
            max_concurrent: 1,
            priority: 0,
            window: None,
            source_fqdn: None,
            target_fqdn: None,
            base_name: crate::kind::database_batch::base_name(&address),
            path: BTreeSet::new(),
            networks: PathNetworks::default(),
            tags: BTreeMap::new(),
            address,
        }
    }

    /// A world of one target: what Azure lists, and what we remember of it.
    #[derive(Default)]
    struct World {
        migrations: Vec<Migration>,
        prior: Prior,
        created: u32,
    }

    impl World {
        fn start(&mut self, batch: &Batch, chunk: &Chunk, start: &Start) {
            self.created += 1;
            let tags = [
                (TAG_UNIT.to_owned(), batch.address.part(chunk.number).to_string()),
                (TAG_GENERATION.to_owned(), batch.generation.to_string()),
            ];
            self.migrations.push(Migration {
                id: start.id.clone(),
                run_id: None,
                state: State::InProgress,
                substate: None,
                error: None,
                option: batch.option.clone(),
                mode: batch.mode.clone(),
                source_type: "OnPremises".into(),
                source: batch.source.text.clone(),
                runtime: None,
                databases: start.databases.clone(),
                progress: BTreeMap::new(),
                validation: None,
                started: jiff::Timestamp::from_second(i64::from(self.created)).ok(),
                ended: None,
                tags: tags.into(),
            });
            let mut attempts = chunk.attempts.clone();
            attempts.push(attempt(self.migrations.last().unwrap()));
            let record = UnitRecord {
                format: UnitRecord::FORMAT,
                id: Some(start.id.clone()),
                origin: Origin::Created,
                fields: BTreeMap::new(),
                needs: Vec::new(),
                scopes: Vec::new(),
                touches: Vec::new(),
                attempts,
            };
            self.prior
                .insert(batch.address.part(chunk.number), Remembered { revision: 1, record });
        }

        fn end(&mut self, state: State) {
            let failed = matches!(state, State::Failed | State::Canceled);
            if let Some(active) = self
                .migrations
                .iter_mut()
                .find(|migration| migration.state.ending().is_none())
            {
                active.state = state;
                for name in active.databases.iter().filter(|_| failed) {
                    let half_filled = serde_json::json!({ "migrationState": "Failed", "fullLoadCompletedTables": 3 });
                    active.progress.insert(
                        name.clone(),
                        crate::arm::migration::DatabaseProgress::read(&half_filled),
                    );
                }
            }
        }

        /// Somebody starts a migration in the portal, if the target is free.
        fn by_hand(&mut self, databases: &[&str]) {
            if self
                .migrations
                .iter()
                .any(|migration| migration.state.ending().is_none())
            {
                return;
            }
            let mut chunk = Chunk {
                number: 1,
                databases: Vec::new(),
                attempts: Vec::new(),
                recorded: Recorded::Behind,
                fate: Fate::Done,
            };
            let start = Start {
                id: format!("{SERVER}/migrations/portal{}", self.created).parse().unwrap(),
                databases: databases.iter().map(|name| (*name).to_owned()).collect(),
                may_exist: BTreeMap::new(),
                later: Vec::new(),
                over: Vec::new(),
                reason: Reason::Absent,
                supersedes: None,
            };
            chunk.databases.clone_from(&start.databases);
            let remembered = std::mem::take(&mut self.prior);
            self.start(&batch(databases), &chunk, &start);
            self.prior = remembered;
            self.migrations.last_mut().unwrap().tags.clear();
        }

        /// An apply that only brings the memory up to date.
        fn remember(&mut self, batch: &Batch) {
            for chunk in self.deal(batch, Retry::Unasked).chunks {
                let Some(last) = chunk.attempts.last() else { continue };
                let record = UnitRecord {
                    format: UnitRecord::FORMAT,
                    id: Some(last.id.clone()),
                    origin: Origin::Adopted,
                    fields: BTreeMap::new(),
                    needs: Vec::new(),
                    scopes: Vec::new(),
                    touches: Vec::new(),
                    attempts: chunk.attempts,
                };
                self.prior
                    .insert(batch.address.part(chunk.number), Remembered { revision: 1, record });
            }
        }

        fn deal(&self, batch: &Batch, retry: Retry) -> Deal {
            deal(batch, &self.prior, &self.migrations, retry, &BTreeSet::new())
        }
    }

    fn shape(deal: &Deal) -> Vec<String> {
        let chunks = deal.chunks.iter().map(|chunk| {
            let fate = match &chunk.fate {
                Fate::Done => "done".to_owned(),
                Fate::Start(start) => format!("start {}", start.id.name()),
                Fate::Running(migration) => format!("running {}", migration.id.name()),
                Fate::Stuck(migration, _) => format!("stuck {}", migration.id.name()),
            };
            format!("#{} [{}] {fate}", chunk.number, chunk.databases.join(" "))
        });
        chunks.collect()
    }

    fn starts(deal: &Deal) -> Vec<(&Chunk, &Start)> {
        deal.chunks
            .iter()
            .filter_map(|chunk| match &chunk.fate {
                Fate::Start(start) => Some((chunk, start)),
                Fate::Done | Fate::Running(_) | Fate::Stuck(..) => None,
            })
            .collect()
    }

    #[test]
    fn databases_are_dealt_by_name_and_stay_where_they_started() {
        let mut world = World::default();
        let first = batch(&["e", "d", "c", "b", "a"]);
        let dealt = world.deal(&first, Retry::Unasked);
        assert_eq!(shape(&dealt), ["#1 [a b c] start wave1m1", "#2 [d e] start wave1m2"]);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&first, chunk, start);
        let more = batch(&["aa", "a", "c", "d", "e", "z"]);
        assert_eq!(
            shape(&world.deal(&more, Retry::Unasked)),
            [
                "#1 [a b c] running wave1m1",
                "#2 [aa d e] start wave1m2",
                "#3 [z] start wave1m3"
            ]
        );
    }

    #[test]
    fn what_was_refused_before_it_began_keeps_its_number() {
        let mut world = World::default();
        let batch = batch(&["a", "b", "c", "d"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[1];
        world.start(&batch, chunk, start);
        assert_eq!(
            shape(&world.deal(&batch, Retry::Unasked)),
            ["#1 [a b c] start wave1m1", "#2 [d] running wave1m2"]
        );
    }

    #[test]
    fn what_a_person_cancelled_is_not_started_again_by_itself() {
        let mut world = World::default();
        let patient = Batch {
            retries: 3,
            ..batch(&["a"])
        };
        let dealt = world.deal(&patient, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&patient, chunk, start);
        world.end(State::Canceled);
        assert_eq!(shape(&world.deal(&patient, Retry::Unasked)), ["#1 [a] stuck wave1m1"]);
        assert_eq!(shape(&world.deal(&patient, Retry::Asked)), ["#1 [a] start wave1m1r1"]);
    }

    #[test]
    fn a_tag_may_name_any_number() {
        let mut world = World::default();
        let dealt = world.deal(&batch(&["a"]), Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch(&["a"]), chunk, start);
        world.prior = Prior::default();
        for number in ["0", "4294967295", "99999999999999999999"] {
            let unit = format!("database_batch.wave1#{number}");
            world.migrations[0].tags.insert(TAG_UNIT.into(), unit);
            let dealt = world.deal(&batch(&["b"]), Retry::Unasked);
            assert_eq!(shape(&dealt), ["#1 [b] start wave1m1r1"], "{number}");
        }
    }

    #[test]
    fn a_failure_is_tried_again_only_when_asked_and_under_a_new_name() {
        let mut world = World::default();
        let batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Failed);
        assert_eq!(shape(&world.deal(&batch, Retry::Unasked)), ["#1 [a b] stuck wave1m1"]);
        let again = world.deal(&batch, Retry::Asked);
        assert_eq!(shape(&again), ["#1 [a b] start wave1m1r1"]);
        assert_eq!(starts(&again)[0].1.may_exist.get("a"), Some(&MayExist::OwnLeftover));
    }

    #[test]
    fn what_has_arrived_survives_lost_state_and_another_name_for_the_batch() {
        let mut world = World::default();
        let first = batch(&["a", "b"]);
        let dealt = world.deal(&first, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&first, chunk, start);
        world.end(State::Succeeded);
        world.prior = Prior::default();
        assert_eq!(shape(&world.deal(&first, Retry::Unasked)), ["#1 [a b] done"]);
        let mut renamed = batch(&["a", "b", "c"]);
        renamed.address = "database_batch.other".parse().unwrap();
        renamed.base_name = "other".into();
        assert_eq!(shape(&world.deal(&renamed, Retry::Unasked)), ["#1 [c] start otherm1"]);
    }

    #[test]
    fn a_new_generation_needs_consent_for_what_the_last_one_brought() {
        let mut world = World::default();
        let mut batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Succeeded);
        batch.generation = 2;
        assert_eq!(world.deal(&batch, Retry::Unasked).unconsented, ["a", "b"]);
        let consents = |b| [("a", LossConsent::Generation), ("b", b)].map(|(name, consent)| (name.to_owned(), consent));
        batch.accept_loss = consents(LossConsent::Overwrite).into();
        let stale = world.deal(&batch, Retry::Unasked);
        assert_eq!(stale.unconsented, ["b"], "a consent from before means something else");
        batch.accept_loss = consents(LossConsent::Generation).into();
        let dealt = world.deal(&batch, Retry::Unasked);
        assert!(dealt.unconsented.is_empty());
        assert_eq!(shape(&dealt), ["#2 [a b] start wave1m2"]);
    }

    #[test]
    fn another_login_at_the_source_moves_nothing_again() {
        let mut world = World::default();
        let first = batch(&["a", "b"]);
        let dealt = world.deal(&first, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&first, chunk, start);
        world.end(State::Succeeded);
        let mut other = batch(&["a", "b"]);
        other.source.text = "10.1.0.4:5432@somebody@else".into();
        assert_eq!(shape(&world.deal(&other, Retry::Unasked)), ["#1 [a b] done"]);
        other.source.text = "10.1.0.5:5432@migrator".into();
        assert_eq!(shape(&world.deal(&other, Retry::Unasked)), ["#1 [a b] done"]);
    }

    #[test]
    fn what_a_failed_run_never_touched_is_not_ours_to_overwrite() {
        let mut world = World::default();
        let batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Failed);
        world.migrations[0].progress.remove("a");
        let again = world.deal(&batch, Retry::Asked);
        assert_eq!(shape(&again), ["#1 [a b] start wave1m1r1"]);
        let (chunk, start) = starts(&again)[0];
        assert!(start.may_exist.is_empty(), "nobody consents to overwriting `a`");
        assert_eq!(
            (&start.databases, &start.later),
            (&vec!["a".to_owned()], &vec!["b".to_owned()])
        );
        world.start(&batch, chunk, start);
        world.end(State::Succeeded);
        let then = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&then)[0];
        assert_eq!(
            (chunk.number, start.databases.as_slice(), start.may_exist.get("b")),
            (1, ["b".to_owned()].as_slice(), Some(&MayExist::OwnLeftover))
        );
        world.start(&batch, chunk, start);
        world.end(State::Succeeded);
        assert_eq!(shape(&world.deal(&batch, Retry::Unasked)), ["#1 [a b] done"]);
    }

    #[test]
    fn neither_part_of_a_divided_retry_waits_for_the_other_for_ever() {
        let mut world = World::default();
        let batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Failed);
        world.migrations[0].progress.remove("a");
        let mut tried = Vec::new();
        for _ in 0..4 {
            let again = world.deal(&batch, Retry::Asked);
            let (chunk, start) = starts(&again)[0];
            tried.extend(start.databases.clone());
            world.start(&batch, chunk, start);
            world.end(State::ValidationFailed);
        }
        assert_eq!(tried, ["a", "b", "a", "b"]);
    }

    #[test]
    fn a_lost_state_knows_of_no_leftovers() {
        let mut world = World::default();
        let batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Failed);
        world.prior = Prior::default();
        assert!(starts(&world.deal(&batch, Retry::Asked))[0].1.may_exist.is_empty());
    }

    #[test]
    fn what_was_tried_again_by_hand_is_the_next_attempt() {
        let mut world = World::default();
        let batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Canceled);
        world.by_hand(&["b", "a"]);
        for retry in [Retry::Unasked, Retry::Asked] {
            let dealt = world.deal(&batch, retry);
            assert_eq!(shape(&dealt), ["#1 [a b] running portal1"]);
            assert_eq!(dealt.chunks[0].attempts.len(), 2);
        }
        world.end(State::Succeeded);
        assert_eq!(shape(&world.deal(&batch, Retry::Asked)), ["#1 [a b] done"]);
    }

    #[test]
    fn what_moves_by_hand_is_not_moved_again_behind_it() {
        let mut world = World::default();
        let batch = batch(&["a", "b"]);
        let dealt = world.deal(&batch, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&batch, chunk, start);
        world.end(State::Failed);
        world.by_hand(&["b", "elsewhere"]);
        assert!(world.deal(&batch, Retry::Unasked).taken.is_empty());
        let dealt = world.deal(&batch, Retry::Asked);
        assert_eq!(starts(&dealt)[0].1.databases, ["a"]);
        let taken: Vec<&str> = dealt.taken.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(taken, ["b"]);
    }

    #[test]
    fn a_retry_takes_no_more_than_the_limit_however_many_somebody_put_together() {
        let mut world = World::default();
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let batch = batch(&names);
        world.by_hand(&names);
        world.remember(&batch);
        world.end(State::ValidationFailed);
        assert_eq!(
            shape(&world.deal(&batch, Retry::Unasked)),
            ["#1 [a b c d e f g] stuck portal0"]
        );
        let dealt = world.deal(&batch, Retry::Asked);
        assert_eq!(shape(&dealt), ["#1 [a b c d e f g] start wave1m1"]);
        let (chunk, start) = starts(&dealt)[0];
        assert_eq!(
            (start.databases.join(" "), start.over.join(" "), start.later.len()),
            ("a b c".to_owned(), "d e f g".to_owned(), 0)
        );
        world.start(&batch, chunk, start);
        world.end(State::Succeeded);
        let mut tried = Vec::new();
        while let Some((chunk, start)) = starts(&world.deal(&batch, Retry::Unasked)).first() {
            tried.push(format!("#{} {}", chunk.number, start.databases.join(" ")));
            world.start(&batch, chunk, start);
            world.end(State::Succeeded);
        }
        assert_eq!(tried, ["#1 d e f", "#1 g"]);
        assert_eq!(shape(&world.deal(&batch, Retry::Asked)), ["#1 [a b c d e f g] done"]);
    }

    #[test]
    fn what_failed_here_and_then_in_a_migration_made_by_hand_is_tried_again_once() {
        let mut world = World::default();
        let few = batch(&["a", "b"]);
        let dealt = world.deal(&few, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&few, chunk, start);
        world.end(State::ValidationFailed);
        let batch = batch(&["a", "b", "c"]);
        world.by_hand(&["b", "c"]);
        world.remember(&batch);
        world.end(State::ValidationFailed);
        let again = world.deal(&batch, Retry::Asked);
        let tried: Vec<String> = starts(&again)
            .into_iter()
            .map(|(chunk, start)| format!("#{} {}", chunk.number, start.databases.join(" ")))
            .collect();
        assert_eq!(tried, ["#1 a b", "#2 c"]);
    }

    #[test]
    fn a_limit_that_was_lowered_holds_for_what_failed_before_and_nothing_waits_for_ever() {
        let mut world = World::default();
        let wide = Batch {
            max_per_migration: 8,
            ..batch(&["a", "b", "c", "d", "e"])
        };
        let dealt = world.deal(&wide, Retry::Unasked);
        let (chunk, start) = starts(&dealt)[0];
        world.start(&wide, chunk, start);
        world.end(State::Failed);
        let narrow = Batch {
            max_per_migration: 2,
            ..wide
        };
        let mut tried = Vec::new();
        for _ in 0..5 {
            let again = world.deal(&narrow, Retry::Asked);
            let (chunk, start) = starts(&again)[0];
            tried.push(start.databases.join(" "));
            assert_eq!(chunk.databases.len(), 5, "its migration keeps its databases");
            assert!(start.databases.iter().all(|name| start.may_exist.contains_key(name)));
            world.start(&narrow, chunk, start);
            world.end(State::ValidationFailed);
        }
        assert_eq!(tried, ["a b", "c d", "a e", "b c", "a d"]);
    }

    #[derive(Clone, Debug)]
    enum Turn {
        List(Vec<usize>),
        StartNext,
        End(u8),
        LoseState,
        Retry,
        Consent(usize),
        NeverTouched,
        ByHand(Vec<usize>),
        Remember,
        Limit(usize),
    }

    fn turn() -> impl Strategy<Value = Turn> {
        prop_oneof![
            proptest::sample::subsequence((0..10_usize).collect::<Vec<_>>(), 1..10).prop_map(Turn::List),
            Just(Turn::StartNext),
            (0..4_u8).prop_map(Turn::End),
            Just(Turn::LoseState),
            Just(Turn::Retry),
            (0..10_usize).prop_map(Turn::Consent),
            Just(Turn::NeverTouched),
            proptest::sample::subsequence((0..10_usize).collect::<Vec<_>>(), 1..10).prop_map(Turn::ByHand),
            Just(Turn::Remember),
            (1..6_usize).prop_map(Turn::Limit),
        ]
    }

    proptest! {
        /// Whatever happens to the list, to the state and to the migrations: nothing that arrived or is on its way is
        /// started again, none has more databases than the limit of its hour, and no created migration changes its databases.
        #[test]
        fn no_database_moves_or_repeats_once_it_started(turns in proptest::collection::vec(turn(), 1..40)) {
            let names: Vec<String> = (0..10).map(|at| format!("db{at}")).collect();
            let mut world = World::default();
            let mut listed: Vec<&str> = vec!["db0", "db1", "db2", "db3"];
            let mut retry = Retry::Unasked;
            let mut consents = BTreeMap::new();
            let mut limit = 3;
            for turn in turns {
                match turn {
                    Turn::Limit(databases) => limit = databases,
                    Turn::Remember => {
                        let batch = Batch { max_per_migration: limit, ..batch(&listed) };
                        world.remember(&batch);
                    }
                    Turn::List(chosen) => listed = chosen.iter().map(|at| names[*at].as_str()).collect(),
                    Turn::LoseState => world.prior = Prior::default(),
                    Turn::Retry => retry = Retry::Asked,
                    Turn::Consent(at) => drop(consents.insert(names[at].clone(), LossConsent::Overwrite)),
                    Turn::NeverTouched => {
                        if let Some(last) = world.migrations.last_mut() {
                            last.progress.pop_first();
                        }
                    }
                    Turn::ByHand(chosen) => {
                        world.by_hand(&chosen.iter().map(|at| names[*at].as_str()).collect::<Vec<_>>());
                    }
                    Turn::End(how) => {
                        let states = [State::Succeeded, State::Failed, State::ValidationFailed, State::Canceled];
                        world.end(states[usize::from(how)].clone());
                    }
                    Turn::StartNext => {
                        let mut batch = Batch { max_per_migration: limit, ..batch(&listed) };
                        batch.accept_loss.clone_from(&consents);
                        let dealt = world.deal(&batch, retry);
                        retry = Retry::Unasked;
                        let active = world.migrations.iter().any(|migration| migration.state.ending().is_none());
                        if let (false, Some((chunk, start))) = (active, starts(&dealt).first()) {
                            let (chunk, start) = ((*chunk).clone(), (*start).clone());
                            world.start(&batch, &chunk, &start);
                        }
                    }
                }
                let mut batch = Batch { max_per_migration: limit, ..batch(&listed) };
                batch.accept_loss.clone_from(&consents);
                let dealt = world.deal(&batch, Retry::Asked);
                let mut names = BTreeSet::new();
                for (chunk, start) in starts(&dealt) {
                    prop_assert!(start.databases.len() <= batch.max_per_migration);
                    prop_assert!(
                        start.may_exist.is_empty() || start.databases.iter().all(|name| start.may_exist.contains_key(name)),
                        "what may be overwritten shares a migration with what may not"
                    );
                    prop_assert!(!world.migrations.iter().any(|migration| migration.id == start.id), "a name is used twice");
                    for database in &start.databases {
                        prop_assert!(names.insert(database.clone()), "{database} is dealt twice");
                        for migration in &world.migrations {
                            let holds = migration.databases.contains(database);
                            prop_assert!(!(holds && migration.state.ending().is_none()), "{database} is on its way");
                            prop_assert!(!migration.has_arrived(database), "{database} has arrived");
                            if let (true, Some(unit)) = (holds, tag(migration, TAG_UNIT)) {
                                let unit: UnitAddress = unit.parse().unwrap();
                                prop_assert_eq!(number(&unit), Some(chunk.number), "{} changed its migration", database);
                            }
                        }
                    }
                }
            }
        }
    }
}
