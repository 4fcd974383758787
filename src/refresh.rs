//! Looks at Azure: one list call per parent collection, one read only to confirm that a top-level object is absent, all in
//! flight at once. It reads through `ArmRead`, so it cannot change anything. A snapshot can stand in Azure's place.

pub mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value as Json;
use thiserror::Error;

use crate::arm::migration::{Migration, MigrationOption};
use crate::arm::{ArmError, ArmId, ArmRead, ArmType, Collection, Failure, Found, Outputs};
use crate::diagnostic::Diagnostics;
use crate::graph::{Extent, Graph};
use crate::kind::connect::Server;
use crate::kind::database_batch::Batch;
use crate::kind::schema::Term;
use crate::kind::{self, Conduct};
use crate::observed::{Hidden, Observed, Presence};
use crate::prior::Prior;
use snapshot::Snapshot;

/// Reads in flight. The client's own governor slows them down where quotas are short.
const IN_FLIGHT: usize = 64;

/// The most targets whose databases are listed.
pub const MOST_LANDINGS: usize = 100;

/// Why a look failed.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The configuration does not hold, given what Azure told.
    #[error("the configuration cannot be used")]
    Configuration(Diagnostics),
    /// A read failed.
    #[error(transparent)]
    Arm(#[from] ArmError),
}

/// What a look brought.
pub struct Seen<D> {
    /// What is declared, with every id that could be known.
    pub declared: D,
    /// What Azure has.
    pub observed: Observed,
    /// Attributes that Azure told.
    pub outputs: Outputs,
}

/// What is looked at.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Azure, as it is now.
    Azure(&'a dyn ArmRead),
    /// What an earlier look found.
    Snapshot(&'a Snapshot),
}

/// A configuration that can be evaluated as often as more becomes known; pure functions of what is known.
pub trait Declare: Sync {
    /// Everything that is declared.
    type Declared: AsRef<Graph> + Send;

    /// Only what is read, given what Azure has told: the rest may hang on it.
    ///
    /// # Errors
    /// What keeps the configuration from being evaluated at all.
    fn readable(&self, outputs: &Outputs) -> Result<(Graph, Extent), Diagnostics>;

    /// Everything, given what Azure has told.
    ///
    /// # Errors
    /// All that is wrong.
    fn complete(&self, outputs: &Outputs) -> Result<Self::Declared, Diagnostics>;
}

/// Looks in waves: what is only read comes first, since ids may hang on it.
///
/// # Errors
/// When the configuration does not hold, or a read fails for another reason than missing rights.
pub async fn look<D: Declare>(
    configuration: &D,
    prior: &Prior,
    source: Source<'_>,
) -> Result<Seen<D::Declared>, RefreshError> {
    let mut observed = Observed::default();
    let mut told = Outputs::default();
    // What is read may be named by what is read: each wave makes more known, until one brings nothing new.
    loop {
        let (readable, extent) = configuration.readable(&told).map_err(RefreshError::Configuration)?;
        let wanted = read_only(&readable).without(&observed);
        if wanted.is_empty() {
            break;
        }
        source.observe(&mut observed, &wanted).await?;
        told = outputs(&readable, &observed);
        if extent == Extent::All {
            break;
        }
    }
    let outputs = told;
    let declared = configuration.complete(&outputs).map_err(RefreshError::Configuration)?;
    let wanted = everything(declared.as_ref(), prior).without(&observed);
    source.observe(&mut observed, &wanted).await?;
    if let Source::Azure(arm) = source {
        look_into(landings(declared.as_ref(), &observed), arm, &mut observed).await?;
    }
    Ok(Seen {
        declared,
        observed,
        outputs,
    })
}

impl Source<'_> {
    async fn observe(self, observed: &mut Observed, wanted: &Wanted) -> Result<(), RefreshError> {
        match self {
            Self::Azure(arm) => observe(observed, wanted, arm).await,
            Self::Snapshot(snapshot) => {
                snapshot.observe(observed, wanted);
                Ok(())
            }
        }
    }
}

/// What is to be looked at.
#[derive(Debug, Default)]
pub struct Wanted {
    ids: BTreeSet<ArmId>,
    targets: BTreeSet<ArmId>,
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.targets.is_empty()
    }

    fn without(mut self, observed: &Observed) -> Self {
        self.ids.retain(|id| observed.get(id).is_none());
        self.targets.retain(|target| !observed.knows_migrations(target));
        self
    }
}

fn read_only(graph: &Graph) -> Wanted {
    let mut wanted = Wanted::default();
    let read = graph
        .iter()
        .filter(|declaration| declaration.kind.conduct() == Conduct::ReadOnly);
    let ids = read
        .flat_map(|declaration| declaration.units())
        .filter_map(|unit| unit.id.known());
    wanted.ids.extend(ids.cloned());
    wanted
}

/// Every id that is declared or remembered, and the migrations of every target: one may run there for another configuration,
/// on a way that this one looks after.
fn everything(graph: &Graph, prior: &Prior) -> Wanted {
    let mut wanted = Wanted::default();
    for declaration in graph.iter() {
        wanted
            .targets
            .extend(declaration.batch().map(|batch| batch.target.clone()));
        let ids = declaration.units().iter().filter_map(|unit| unit.id.known());
        if declaration.server.as_ref().is_some_and(Server::is_target) {
            wanted.targets.extend(ids.clone().cloned());
        }
        wanted.ids.extend(ids.cloned());
    }
    for (_, remembered) in prior.iter() {
        let record = &remembered.record;
        if record.attempts.is_empty() {
            wanted.ids.extend(record.id.clone());
        } else {
            wanted
                .targets
                .extend(record.attempts.iter().filter_map(|attempt| attempt.id.parent()));
        }
    }
    wanted
}

/// The targets of what is yet to be started: what is on them may be in its way.
fn landings(graph: &Graph, observed: &Observed) -> BTreeSet<ArmId> {
    let batches = graph.iter().filter_map(|declaration| declaration.batch());
    let lands = |batch: &&Batch| {
        let migrations = observed.migrations(&batch.target);
        let is_dealt_with = |name: &String| {
            migrations.iter().any(|migration| {
                let moves = migration.state.ending().is_none() && migration.databases.contains(name);
                moves || migration.has_arrived(name)
            })
        };
        batch.option != MigrationOption::Validate && !batch.databases.iter().all(is_dealt_with)
    };
    batches.filter(lands).map(|batch| batch.target.clone()).collect()
}

/// Lists the databases of targets, unless there are so many that it would cost more than all other reads together: every start
/// looks itself once more. Where Azure refuses, nothing is known.
async fn look_into(targets: BTreeSet<ArmId>, arm: &dyn ArmRead, observed: &mut Observed) -> Result<(), RefreshError> {
    if targets.len() > MOST_LANDINGS {
        return Ok(());
    }
    let found: Vec<(ArmId, Option<Vec<Json>>)> = stream::iter(targets)
        .map(|target| async move {
            let collection = Collection {
                members: ArmType::new(&format!("{}/databases", target.arm_type())),
                parent: target.clone(),
            };
            match arm.list(&collection).await {
                Ok(databases) => Ok((target, databases)),
                // A stopped server may refuse it as well as one that is busy.
                Err(ArmError {
                    failure: Failure::Refused(_),
                    ..
                }) => Ok((target, None)),
                Err(error) => Err(error),
            }
        })
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    for (target, databases) in found {
        if let Some(databases) = databases {
            let names = databases.iter().filter_map(|database| database.get("name")?.as_str());
            observed.insert_databases(target, names.map(str::to_owned).collect());
        }
    }
    Ok(())
}

fn outputs(graph: &Graph, observed: &Observed) -> Outputs {
    let mut outputs = Outputs::default();
    for declaration in graph.iter() {
        let Some(unit) = declaration.units().first() else {
            continue;
        };
        let Term::Known(id) = &unit.id else { continue };
        let Some(object) = observed.object(id) else { continue };
        for (attribute, value) in kind::outputs_of(declaration.kind, object) {
            outputs.insert(&declaration.address, attribute, value);
        }
    }
    outputs
}

/// One read.
enum Read {
    /// A whole collection, of which some members are wanted.
    List(Collection, Vec<ArmId>),
    /// One top-level object.
    Get(ArmId),
    /// The migrations of a target.
    Migrations(ArmId),
}

/// Reads what is wanted, beside what was observed before.
///
/// # Errors
/// When a read fails for another reason than missing rights.
pub async fn observe(observed: &mut Observed, wanted: &Wanted, arm: &dyn ArmRead) -> Result<(), RefreshError> {
    let (reads, inline) = arrange(wanted, observed);
    let found: Vec<Observed> = stream::iter(reads)
        .map(|read| perform(read, arm))
        .buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    for part in found {
        observed.absorb(part);
    }
    for (parent, members) in inline {
        take_inline(&parent, &members, observed);
    }
    Ok(())
}

/// Groups ids into reads; children that their parents' answers hold are kept aside, and parents that were not seen yet are
/// wanted instead.
fn arrange(wanted: &Wanted, observed: &Observed) -> (Vec<Read>, BTreeMap<ArmId, Vec<ArmId>>) {
    let mut inline: BTreeMap<ArmId, Vec<ArmId>> = BTreeMap::new();
    let mut top: BTreeMap<Collection, BTreeSet<ArmId>> = BTreeMap::new();
    let mut children: BTreeMap<Collection, Vec<ArmId>> = BTreeMap::new();
    for id in &wanted.ids {
        let Some(collection) = id.collection() else { continue };
        match id.parent() {
            None => {
                top.entry(collection).or_default().insert(id.clone());
            }
            Some(parent) if collection.members.inline_member().is_some() => {
                if let (Some(above), None) = (parent.collection(), observed.get(&parent)) {
                    top.entry(above).or_default().insert(parent.clone());
                }
                inline.entry(parent).or_default().push(id.clone());
            }
            Some(_) => children.entry(collection).or_default().push(id.clone()),
        }
    }
    let mut reads: Vec<Read> = Vec::new();
    for (collection, members) in top {
        let mut members: Vec<ArmId> = members.into_iter().collect();
        match (members.len(), members.pop()) {
            (1, Some(only)) => reads.push(Read::Get(only)),
            (_, last) => {
                members.extend(last);
                reads.push(Read::List(collection, members));
            }
        }
    }
    reads.extend(
        children
            .into_iter()
            .map(|(collection, members)| Read::List(collection, members)),
    );
    reads.extend(wanted.targets.iter().cloned().map(Read::Migrations));
    (reads, inline)
}

async fn perform(read: Read, arm: &dyn ArmRead) -> Result<Observed, ArmError> {
    let mut observed = Observed::default();
    match read {
        Read::Get(id) => {
            let presence = get(&id, arm).await?;
            observed.insert(id, presence);
        }
        Read::List(collection, wanted) => list(collection, wanted, arm, &mut observed).await?,
        Read::Migrations(target) => {
            let collection = target.child("migrations", "any").collection();
            let answers = match collection {
                Some(collection) => arm.list(&collection).await,
                None => Ok(None),
            };
            match answers {
                Ok(answers) => {
                    let answers = answers.iter().flatten();
                    let migrations = answers.filter_map(|answer| Migration::listed(&target, answer));
                    let migrations = migrations.collect();
                    observed.insert_migrations(target, migrations);
                }
                Err(error) => observed.insert_unreadable_migrations(target, refused(error)?),
            }
        }
    }
    Ok(observed)
}

async fn get(id: &ArmId, arm: &dyn ArmRead) -> Result<Presence, ArmError> {
    match arm.get(id).await {
        Ok(Found::Present(json)) => Ok(Presence::Present(Arc::new(json))),
        Ok(Found::Absent) => Ok(Presence::Absent),
        Err(error) => refused(error).map(Presence::Unreadable),
    }
}

/// Missing rights are an answer of their own: unknown, not absent.
fn refused(error: ArmError) -> Result<Hidden, ArmError> {
    refusal(&error).ok_or(error)
}

fn refusal(error: &ArmError) -> Option<Hidden> {
    match &error.failure {
        Failure::Refused(service) if service.status == 403 => Some(Hidden::Refused(service.to_string())),
        Failure::Refused(_)
        | Failure::Failed(_)
        | Failure::Throttled { .. }
        | Failure::Unauthenticated { .. }
        | Failure::Unreachable(_)
        | Failure::Garbled(_)
        | Failure::Unaddressable { .. }
        | Failure::TimedOut { .. } => None,
    }
}

async fn list(
    collection: Collection,
    wanted: Vec<ArmId>,
    arm: &dyn ArmRead,
    observed: &mut Observed,
) -> Result<(), ArmError> {
    let below = wanted.first().is_some_and(|id| id.parent().is_some());
    let answers = match arm.list(&collection).await {
        Ok(answers) => answers.unwrap_or_default(),
        Err(error) if below => {
            let reason = refused(error)?;
            for id in wanted {
                observed.insert(id, Presence::Unreadable(reason.clone()));
            }
            return Ok(());
        }
        Err(error) => {
            refused(error)?;
            Vec::new()
        }
    };
    let mut members = Vec::new();
    for answer in answers {
        let Some(id) = member_id(&collection, &answer) else {
            continue;
        };
        // Siblings are kept below a parent, where a kind may tell objects by a member; elsewhere only what is wanted.
        if below || wanted.binary_search(&id).is_ok() {
            members.push(id.clone());
            observed.insert(id, Presence::Present(Arc::new(answer)));
        }
    }
    let missing: Vec<ArmId> = wanted.into_iter().filter(|id| observed.get(id).is_none()).collect();
    if below {
        for id in missing {
            observed.insert(id, Presence::Absent);
        }
        observed.insert_collection(collection, members);
    } else {
        let confirmed: Vec<(ArmId, Presence)> = stream::iter(missing)
            .map(|id| async move { get(&id, arm).await.map(|presence| (id, presence)) })
            .buffer_unordered(IN_FLIGHT)
            .try_collect()
            .await?;
        for (id, presence) in confirmed {
            observed.insert(id, presence);
        }
    }
    Ok(())
}

/// Which member of a collection an object in its list is. A child's own `id` may name another parent in some answers: below a
/// parent, identity is the name.
fn member_id(collection: &Collection, answer: &Json) -> Option<ArmId> {
    let is_below = collection.parent.as_str().contains("/providers/");
    match answer.get("name").and_then(Json::as_str) {
        Some(name) if is_below => Some(collection.parent.child(collection.members.last(), name)),
        Some(_) | None => answer.get("id").and_then(Json::as_str)?.parse().ok(),
    }
}

/// Takes children out of their parent's answer. They are not kept twice: nothing else reads them there.
fn take_inline(parent: &ArmId, wanted: &[ArmId], observed: &mut Observed) {
    let Some(first) = wanted.first().and_then(ArmId::collection) else {
        return;
    };
    let Some(member) = first.members.inline_member() else {
        return;
    };
    let children = match observed.get_mut(parent) {
        Some(Presence::Present(object)) => Arc::make_mut(object)
            .get_mut("properties")
            .and_then(|properties| properties.get_mut(member))
            .map(Json::take),
        Some(Presence::Unreadable(reason)) => {
            let reason = reason.clone();
            for id in wanted {
                observed.insert(id.clone(), Presence::Unreadable(reason.clone()));
            }
            return;
        }
        Some(Presence::Absent) | None => {
            for id in wanted {
                observed.insert(id.clone(), Presence::Absent);
            }
            return;
        }
    };
    let children = match children {
        Some(Json::Array(children)) => children,
        Some(_) | None => Vec::new(),
    };
    // Taken out in an earlier wave: what was not among them then is not there.
    let is_taken = observed.members(&first).next().is_some();
    let mut members = Vec::new();
    for child in children {
        let Some(name) = child.get("name").and_then(Json::as_str) else {
            continue;
        };
        let id = parent.child(first.members.last(), name);
        members.push(id.clone());
        observed.insert(id, Presence::Present(Arc::new(child)));
    }
    for id in wanted {
        if observed.get(id).is_none() {
            observed.insert(id.clone(), Presence::Absent);
        }
    }
    if !is_taken {
        observed.insert_collection(first, members);
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use uuid::Uuid;

    use super::*;
    use crate::arm::{Call, CorrelationId, ServiceError, Verb};

    /// An Azure that lists nothing, and refuses lists of migrations with this status.
    struct Refusing(u16);

    #[async_trait]
    impl ArmRead for Refusing {
        async fn get(&self, _: &ArmId) -> Result<Found, ArmError> {
            Ok(Found::Absent)
        }

        async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError> {
            if collection.members.last() != "migrations" {
                return Ok(Some(Vec::new()));
            }
            let refusal = ServiceError {
                status: self.0,
                code: "AuthorizationFailed".into(),
                message: "may not list migrations".into(),
                target: None,
                details: Vec::new(),
                request_id: None,
                retry_after: None,
            };
            Err(ArmError {
                call: Call::new(Verb::Get, collection.parent.clone()),
                correlation: CorrelationId(Uuid::nil()),
                failure: Failure::Refused(Box::new(refusal)),
            })
        }

        async fn ask(&self, _: &ArmId, _: &str, _: &Json) -> Result<Json, ArmError> {
            Ok(Json::Null)
        }
    }

    fn target() -> ArmId {
        let server = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-t";
        server.parse().unwrap()
    }

    #[tokio::test]
    async fn migrations_that_may_not_be_read_are_an_answer_and_other_refusals_are_errors() {
        let wanted = Wanted {
            ids: BTreeSet::new(),
            targets: BTreeSet::from([target()]),
        };
        let mut observed = Observed::default();
        observe(&mut observed, &wanted, &Refusing(403)).await.unwrap();
        let reason = observed.why_migrations_unreadable(&target()).unwrap();
        assert!(reason.to_string().contains("may not list migrations"), "{reason}");
        assert!(observed.knows_migrations(&target()), "it is not asked for again");
        assert!(
            observe(&mut Observed::default(), &wanted, &Refusing(400))
                .await
                .is_err()
        );
    }
}
