//! Performs one acting step: its intent made durable, its call, its outcome. It chooses nothing; what it did not expect
//! fails the step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::RecordKey;
use serde_json::{Value as Json, json};

use super::deed::{Deed, Start};
use super::error::{EndedBadly, Moved, StepError};
use super::journal::{BodyHash, Intended, Journal, journal_step};
use super::observer::{Event, GateReading, Held, Observer};
use super::seen::TablesSeen;
use super::{Interrupt, Ports, elapsed};
use crate::address::UnitAddress;
use crate::arm::error::Delivery;
use crate::arm::migration::{Ending, Migration, Standing, Substate};
use crate::arm::operation::{Follow, Operation};
use crate::arm::{
    ArmError, ArmId, ArmType, Body, Call, Collection, Condition, Conflict, Failure, Final, Found, Retry, Sealed, Stage,
    Verb,
};
use crate::plan::batch::{TAG_LINEAGE, TAG_UNIT};
use crate::plan::step::{Finds, Member, is_as_sent};
use crate::plan::{Gate, Step};
use crate::secret::Secrets;
use crate::window::Window;

/// How long a step without a limit of its own may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How often a call is made again that may have been heard, beyond what the client repeats by itself.
const REPEATS: u32 = 8;
/// How often a migration is sent for.
const STARTS: u32 = 3;
/// Pauses between looks for something that may have been created: a replica may not know it yet (contract 2.9).
pub(super) const LOOKS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// The longest pause between two tries of a call that is refused for now.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// For so long after its end a migration may still keep its target from taking the next one.
const LINGERS: Duration = Duration::from_secs(10 * 60);
/// Between readings of a gate that closed again right before the trigger, and after a first refusal that passes.
const GATE_PAUSE: Duration = Duration::from_secs(10);
/// After the first conflict of a call: most operations on networks take no longer.
const CONFLICT_PAUSE: Duration = Duration::from_secs(5);

/// What a deed came to.
#[derive(Debug)]
pub(super) enum Performed {
    /// Done.
    Done(Fruit),
    /// Interrupted.
    Left(Left),
}

/// What an interrupt left of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Azure has it, or may have it, and the journal knows.
    InAzure,
    /// Azure has nothing of it: it was not sent, or it was refused.
    NotThere,
}

impl Left {
    /// What is left after this many earlier tries that may have been heard: where there was one, only a look can tell.
    fn after(self, unheard: u32) -> Self {
        if unheard > 0 { Self::InAzure } else { self }
    }
}

/// What a deed brought.
#[derive(Debug, Default)]
pub(super) struct Fruit {
    /// The object's id.
    pub(super) id: Option<ArmId>,
    /// The object as Azure has it now.
    pub(super) object: Option<Json>,
    /// When a cutover was triggered.
    pub(super) triggered: Option<Timestamp>,
}

/// Who performs a deed.
pub(super) struct Doer<'a> {
    pub(super) ports: Ports<'a>,
    pub(super) journal: Arc<Journal>,
    pub(super) observer: &'a dyn Observer,
    pub(super) interrupt: &'a Interrupt,
    pub(super) step: &'a Step,
    pub(super) key: &'a RecordKey,
    /// Attempts so far, over all runs of the plan.
    pub(super) attempts: u32,
    pub(super) seen: Arc<TablesSeen>,
    /// An object that is there though its call failed: Azure had accepted the call before.
    pub(super) left: Option<ArmId>,
}

enum Called {
    Finished(Option<Json>),
    Left(Left),
}

/// Whether a cutover's conditions hold.
#[derive(Clone, Copy)]
enum MayTrigger {
    Now,
    NotYet,
}

/// A row of refusals of one call.
struct Row {
    since: Timestamp,
    pause: Duration,
}

impl Row {
    fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            pause: GATE_PAUSE,
        }
    }
}

/// How a pause before the next try ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Over,
    Interrupted,
}

impl Doer<'_> {
    /// Performs a deed.
    ///
    /// # Errors
    /// When it did not succeed.
    pub(super) async fn perform(&mut self, deed: Deed<'_>) -> Result<Performed, StepError> {
        match deed {
            Deed::Put {
                id,
                mut body,
                hash,
                brings,
                query,
                finds,
            } => {
                if *finds == Finds::Nothing && body.get(&["tags", TAG_UNIT]).is_some() {
                    self.sign(&mut body);
                }
                let call = Call::new(Verb::Put, id).asking(query);
                self.put(call, &body, &hash, brings, finds).await
            }
            Deed::Start {
                id,
                mut body,
                hash,
                start,
                window,
            } => {
                self.sign(&mut body);
                self.start(id, (&body, &hash), &start, window).await
            }
            Deed::Delete { id, finds } => self.delete(id, finds).await,
            Deed::Cutover {
                id,
                databases,
                gate,
                seen_open,
            } => self.cutover(id, databases, gate, seen_open).await,
            Deed::Answer { id, body, hash } => self.answer(id, &body, &hash).await,
            Deed::Cancel { id, shown } => self.cancel(id, shown).await,
        }
    }

    /// Says whose it is, which can only be said now: the first run of a state is planned before that state is there.
    fn sign(&self, body: &mut Body<Sealed>) {
        body.set(&["tags", TAG_LINEAGE], Body::text(self.journal.lineage().to_string()));
    }

    /// The body as it is sent now: with the secrets that were given, and those in vaults as they are at this moment.
    async fn unsealed(&self, body: &Body<Sealed>) -> Result<Body<Final>, StepError> {
        let mut secrets = Secrets::default();
        for reference in body.secrets() {
            let secret = match &reference.vault {
                Some(id) => Some(self.ports.vaults.secret(id).await?),
                None => self.ports.secrets.get(reference).cloned(),
            };
            if let Some(secret) = secret {
                secrets.insert(reference.clone(), secret);
            }
        }
        Ok(body.unseal(&secrets)?)
    }

    /// Looks whether an object still is as the plan saw it: between a plan and its calls pass hours, and between two tries of
    /// a call minutes. What an earlier try may have done counts as planned.
    async fn as_planned(&self, id: &ArmId, finds: &Finds, body: Option<&Body<Final>>) -> Result<(), StepError> {
        let sent = body.filter(|_| self.attempts > 0);
        let moved = match finds {
            Finds::Anything => return Ok(()),
            Finds::Nothing => {
                let found = self.look(id).await?;
                let unit = &self.step.unit;
                let foreign = found.filter(|object| !sent.is_some_and(|sent| made_by(unit, sent, object)));
                foreign.map(|_| Moved::Exists(id.clone()))
            }
            Finds::Members(members) => match self.look(id).await? {
                None => Some(Moved::Gone(id.clone())),
                Some(object) => {
                    let sent = sent.map(Body::to_wire);
                    let is_ours = |member: &Member| sent.as_ref().is_some_and(|sent| member.is_as_sent(&object, sent));
                    let changed = members
                        .iter()
                        .filter(|member| !member.still_holds(&object) && !is_ours(member));
                    let changed: Vec<String> = changed.map(|member| member.path.join(".")).collect();
                    (!changed.is_empty()).then(|| Moved::Changed {
                        id: id.clone(),
                        members: changed,
                    })
                }
            },
        };
        moved.map_or(Ok(()), |moved| Err(StepError::Moved(moved)))
    }

    async fn put(
        &mut self,
        call: Call,
        body: &Body<Sealed>,
        hash: &BodyHash,
        brings: &BTreeMap<String, Vec<String>>,
        finds: &Finds,
    ) -> Result<Performed, StepError> {
        let mut object = match self.repeating(&call, Some(body), hash, finds).await? {
            Called::Finished(object) => object,
            Called::Left(left) => return Ok(Performed::Left(left)),
        };
        if !brings.is_empty() && object.is_none() {
            object = self.look(&call.id).await?;
        }
        Ok(done(call.id, object))
    }

    async fn delete(&mut self, id: ArmId, finds: &Finds) -> Result<Performed, StepError> {
        let call = Call::new(Verb::Delete, id.clone());
        match self.repeating(&call, None, &BodyHash::none(), finds).await {
            Ok(Called::Finished(_)) | Err(StepError::Moved(Moved::Gone(_))) => Ok(done(id, None)),
            Ok(Called::Left(left)) => Ok(Performed::Left(left)),
            // Gone before us, or Azure has forgotten the operation: the object tells.
            Err(StepError::Arm(error)) if is_absent(&error) => match self.look(&id).await? {
                None => Ok(done(id, None)),
                Some(_) => Err(error.into()),
            },
            Err(error) => Err(error),
        }
    }

    /// Creates a migration, exactly once: it is looked for before it is sent for, and again whenever a reply leaves open
    /// whether it was created.
    async fn start(
        &mut self,
        id: ArmId,
        (body, hash): (&Body<Sealed>, &BodyHash),
        start: &Start<'_>,
        window: Option<&Window>,
    ) -> Result<Performed, StepError> {
        if let Some(object) = self.look(&id).await? {
            return self.owned(id, object, start);
        }
        let call = Call::new(Verb::Put, id.clone());
        let mut row = Row::new(self.ports.clock.now());
        // Calls that may have been heard.
        let mut unheard = 0;
        // How the last of them ended: while that is open, nothing that keeps from another try is the end of it.
        let mut doubt: Option<ArmError> = None;
        loop {
            // Tries take half an hour at most, and windows may close meanwhile. What may have been heard only a look can tell.
            match StepError::outside(Held::Start, window, self.ports.clock.now()) {
                Some(_) if unheard > 0 => return Ok(Performed::Left(Left::InAzure)),
                Some(closed) => return Err(closed),
                None => {}
            }
            let ready = match self.unsealed(body).await {
                Ok(sent) => self.check_target(&id, start).await.map(|()| sent),
                Err(error) => Err(error),
            };
            let sent = match ready {
                Ok(sent) => sent,
                Err(error) => return Err(doubt.map_or(error, StepError::from)),
            };
            let error = match self.once(&call, Some(&sent), hash).await {
                Ok(Called::Finished(object)) => return Ok(done(id, object)),
                Ok(Called::Left(left)) => return Ok(Performed::Left(left.after(unheard))),
                Err(StepError::Arm(error)) => error,
                Err(error) => return Err(error),
            };
            let uncertain = is_uncertain(&error);
            let found = if uncertain {
                self.look_long(&id).await
            } else {
                self.look(&id).await
            };
            match found {
                Ok(Some(object)) => return self.owned(id, object, start),
                Ok(None) if uncertain && unheard + 1 < STARTS && !self.interrupt.is_set() => {
                    unheard += 1;
                    self.tell_repeat(&error);
                    doubt = Some(error);
                }
                Ok(None) if !uncertain => {
                    let rest = match self.is_occupied(&id, &error).await {
                        true => self.rest_after(error, &mut row).await?,
                        false => self.may_pass(error, &mut row).await?,
                    };
                    if rest == Rest::Interrupted {
                        return Ok(Performed::Left(Left::NotThere.after(unheard)));
                    }
                }
                Ok(None) | Err(_) => return Err(error.into()),
            }
        }
    }

    /// Whether a start was refused since another migration keeps the target busy, or did until a moment ago. Which code says
    /// so is not known, so the list tells.
    async fn is_occupied(&self, migration: &ArmId, error: &ArmError) -> bool {
        let is_conflict = matches!(&error.failure, Failure::Refused(error) if error.status == 409);
        let Some(target) = migration.parent().filter(|_| is_conflict) else {
            return false;
        };
        let members = migration.arm_type();
        // Without an answer the refusal stands.
        let Ok(Some(there)) = self
            .ports
            .arm
            .list(&Collection {
                parent: target,
                members,
            })
            .await
        else {
            return false;
        };
        let now = self.ports.clock.now();
        let occupies = |object: &Json| {
            let other = Migration::read(migration.clone(), object);
            match other.standing() {
                Standing::Ended(_) => other.ended.is_some_and(|ended| elapsed(ended, now) < LINGERS),
                Standing::Running | Standing::Asking(_) | Standing::ReadyForCutover => true,
            }
        };
        there.iter().any(occupies)
    }

    /// Nothing of the list may be on the target unless the plan says so: between plan and start somebody may have made it.
    async fn check_target(&self, migration: &ArmId, start: &Start<'_>) -> Result<(), StepError> {
        let Some(target) = migration.parent().filter(|_| start.writes()) else {
            return Ok(());
        };
        let members = ArmType::new(&format!("{}/databases", target.arm_type()));
        let collection = Collection {
            parent: target.clone(),
            members,
        };
        let Some(there) = self.ports.arm.list(&collection).await? else {
            return Err(StepError::NoTarget { target });
        };
        let databases = start.unexpected(&there);
        if databases.is_empty() {
            Ok(())
        } else {
            Err(StepError::DatabasesThere { target, databases })
        }
    }

    /// Triggers a cutover, once more behind its gate: between the last reading and this call time has passed.
    async fn cutover(
        &mut self,
        id: ArmId,
        databases: &[String],
        gate: Option<&Gate>,
        seen_open: bool,
    ) -> Result<Performed, StepError> {
        let began = self.ports.clock.now();
        let body = Body::from_json(&json!({
            "properties": { "triggerCutover": "True", "dbsToTriggerCutoverOn": databases }
        }));
        let call = Call::new(Verb::Patch, id.clone());
        let hash = BodyHash::of(&Body::from_json(&body.to_wire()));
        let mut triggered = None;
        // Triggers that may have been heard.
        let mut sent = 0;
        let mut row = Row::new(began);
        // Where the gate has just been seen open, one more good reading is enough. After a bad one it takes the whole row again.
        let mut good = gate.filter(|_| seen_open).map_or(0, |gate| gate.samples);
        loop {
            let Some(migration) = self.migration_long(&id).await? else {
                return Err(StepError::Vanished { migration: id });
            };
            if is_cut_over(&migration)? {
                return Ok(self.cut_over(id, triggered));
            }
            if let Some(gate) = gate {
                let reading = GateReading::of(gate, &migration, &self.seen, good);
                good = reading.good;
                match self.may_trigger(reading, began)? {
                    MayTrigger::Now => {}
                    MayTrigger::NotYet => match self.rests(GATE_PAUSE).await {
                        Rest::Over => continue,
                        Rest::Interrupted => return Ok(Performed::Left(Left::NotThere.after(sent))),
                    },
                }
            }
            let now = self.ports.clock.now();
            match StepError::outside(Held::Cutover, gate.and_then(|gate| gate.window.as_ref()), now) {
                Some(_) if sent > 0 => return Ok(Performed::Left(Left::InAzure)),
                Some(closed) => return Err(closed),
                None => {}
            }
            match self.once(&call, Some(&body), &hash).await {
                Ok(Called::Finished(_)) => return Ok(self.cut_over(id, triggered.or(Some(now)))),
                Ok(Called::Left(left)) => return Ok(Performed::Left(left.after(sent))),
                Err(StepError::Arm(error)) if is_uncertain(&error) && sent < REPEATS => {
                    sent += 1;
                    triggered = triggered.or(Some(now));
                    self.tell_repeat(&error);
                    if self.rests(GATE_PAUSE).await == Rest::Interrupted {
                        return Ok(Performed::Left(Left::InAzure));
                    }
                }
                // Refused, since an earlier one was heard after all.
                Err(StepError::Arm(_)) if sent > 0 && self.shows_cutover(&id).await => {
                    return Ok(self.cut_over(id, triggered));
                }
                // The gate is read anew after every pause.
                Err(StepError::Arm(error)) => match self.may_pass(error, &mut row).await? {
                    Rest::Over => {}
                    Rest::Interrupted => return Ok(Performed::Left(Left::NotThere.after(sent))),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a cutover shows after a while: a replica may not know it yet.
    async fn shows_cutover(&self, id: &ArmId) -> bool {
        for pause in LOOKS {
            if let Ok(Some(migration)) = self.migration(id).await
                && matches!(is_cut_over(&migration), Ok(true))
            {
                return true;
            }
            self.ports.clock.sleep(pause).await;
        }
        false
    }

    /// Whether the conditions hold at this moment.
    fn may_trigger(&self, reading: GateReading, began: Timestamp) -> Result<MayTrigger, StepError> {
        let told = Event::GateRead {
            unit: &self.step.unit,
            reading: &reading,
        };
        let now = self.ports.clock.now();
        self.observer.event(now, &told);
        if reading.is_open() {
            return Ok(MayTrigger::Now);
        }
        let waited = elapsed(began, now);
        if waited >= self.patience() || reading.is_hopeless() {
            let reading = Box::new(reading);
            return Err(StepError::GateClosed { reading, waited });
        }
        Ok(MayTrigger::NotYet)
    }

    fn cut_over(&self, id: ArmId, triggered: Option<Timestamp>) -> Performed {
        if triggered.is_some() {
            let told = Event::CutoverTriggered {
                unit: &self.step.unit,
                migration: &id,
            };
            self.observer.event(self.ports.clock.now(), &told);
        }
        Performed::Done(Fruit {
            id: Some(id),
            object: None,
            triggered,
        })
    }

    /// Sends an answer. Whether it was heard shows at the next look.
    async fn answer(&mut self, id: ArmId, body: &Body<Sealed>, hash: &BodyHash) -> Result<Performed, StepError> {
        let call = Call::new(Verb::Patch, id.clone());
        let mut row = Row::new(self.ports.clock.now());
        loop {
            let sent = self.unsealed(body).await?;
            match self.once(&call, Some(&sent), hash).await {
                Ok(Called::Finished(object)) => return Ok(done(id, object)),
                Ok(Called::Left(left)) => return Ok(Performed::Left(left)),
                Err(StepError::Arm(error)) if is_uncertain(&error) => return Ok(done(id, None)),
                Err(StepError::Arm(error)) => match self.may_pass(error, &mut row).await? {
                    Rest::Over => {}
                    Rest::Interrupted => return Ok(Performed::Left(Left::NotThere)),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for a migration's end, until it is heard: whether a lost request arrived shows in the migration itself.
    async fn cancel(&mut self, id: ArmId, shown: &Migration) -> Result<Performed, StepError> {
        // Requests that may have been heard.
        let mut unheard = 0;
        let mut row = Row::new(self.ports.clock.now());
        loop {
            let Some(migration) = self.migration(&id).await? else {
                return Err(StepError::Vanished { migration: id });
            };
            let is_heard = matches!(migration.standing(), Standing::Ended(_)) || is_being_cancelled(&migration);
            if is_heard {
                return Ok(done(id, None));
            }
            if let Some(why) = grown(shown, &migration) {
                return Err(StepError::Grown { migration: id, why });
            }
            let body = Body::from_json(&json!({
                "properties": { "cancel": "True", "dbsToCancelMigrationOn": migration.databases }
            }));
            let hash = BodyHash::of(&Body::from_json(&body.to_wire()));
            let call = Call::new(Verb::Patch, id.clone());
            match self.once(&call, Some(&body), &hash).await {
                Ok(Called::Finished(_)) => return Ok(done(id, None)),
                Ok(Called::Left(left)) => return Ok(Performed::Left(left.after(unheard))),
                Err(StepError::Arm(error)) if is_uncertain(&error) && unheard + 1 < REPEATS => {
                    unheard += 1;
                    self.tell_repeat(&error);
                    if self.rests(GATE_PAUSE).await == Rest::Interrupted {
                        return Ok(Performed::Left(Left::InAzure));
                    }
                }
                Err(StepError::Arm(error)) => match self.may_pass(error, &mut row).await? {
                    Rest::Over => {}
                    Rest::Interrupted => return Ok(Performed::Left(Left::NotThere.after(unheard))),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Rests after a refusal that passes, so that the call can be made anew once its caller has looked again.
    ///
    /// # Errors
    /// The refusal, where it does not pass or has lasted for too long.
    async fn may_pass(&self, error: ArmError, row: &mut Row) -> Result<Rest, StepError> {
        match error.failure.retry() {
            Retry::Never => Err(error.into()),
            Retry::Same | Retry::After(_) | Retry::AfterConflict => self.rest_after(error, row).await,
        }
    }

    /// Rests after a refusal, at least for as long as the service asked.
    ///
    /// # Errors
    /// The refusal, where it has lasted for too long.
    async fn rest_after(&self, error: ArmError, row: &mut Row) -> Result<Rest, StepError> {
        let lasted = elapsed(row.since, self.ports.clock.now());
        let pause = row.pause.max(error.failure.asked().unwrap_or_default());
        if lasted.saturating_add(pause) > PATIENCE {
            return Err(error.into());
        }
        row.pause = row.pause.saturating_mul(2).min(LONGEST_PAUSE);
        self.tell_repeat(&error);
        Ok(self.rests(pause).await)
    }

    /// Makes a call that may be made again, until it succeeds, time is up, or repeating cannot help. Before each try it looks
    /// whether the object still is as planned: whoever was in the way may have changed it (contract 2.7).
    async fn repeating(
        &mut self,
        call: &Call,
        body: Option<&Body<Sealed>>,
        hash: &BodyHash,
        finds: &Finds,
    ) -> Result<Called, StepError> {
        let mut row: Option<Row> = None;
        // Tries that may have been heard.
        let mut unheard = 0;
        loop {
            // Read before the look, which should be followed by its call at once.
            let sent = match body {
                Some(body) => Some(self.unsealed(body).await?),
                None => None,
            };
            let tried = match self.as_planned(&call.id, finds, sent.as_ref()).await {
                Ok(()) => self.once(call, sent.as_ref(), hash).await,
                Err(error) => Err(error),
            };
            let error = match tried {
                Err(StepError::Arm(error)) => error,
                Ok(Called::Left(left)) => return Ok(Called::Left(left.after(unheard))),
                other => return other,
            };
            unheard += u32::from(is_uncertain(&error));
            let now = self.ports.clock.now();
            let row = row.get_or_insert(Row {
                since: now,
                pause: CONFLICT_PAUSE,
            });
            let pause = row.pause.max(error.failure.asked().unwrap_or_default());
            let patience = error.failure.conflict().map_or(self.patience(), Conflict::patience);
            let passes = match error.failure.retry() {
                Retry::AfterConflict | Retry::After(_) => unheard <= REPEATS,
                Retry::Same | Retry::Never => false,
            };
            if !passes || elapsed(row.since, now).saturating_add(pause) > patience {
                return Err(error.into());
            }
            row.pause = row.pause.saturating_mul(2).min(LONGEST_PAUSE);
            if self.rests(pause).await == Rest::Interrupted {
                return Ok(Called::Left(Left::NotThere.after(unheard)));
            }
            self.tell_repeat(&error);
        }
    }

    /// Makes a call once: intent, call, acceptance, end.
    async fn once(&mut self, call: &Call, body: Option<&Body<Final>>, hash: &BodyHash) -> Result<Called, StepError> {
        if self.interrupt.is_set() {
            return Ok(Called::Left(Left::NotThere));
        }
        self.attempts += 1;
        let step = journal_step(self.step.id);
        let intended = Intended {
            step,
            attempt: self.attempts,
            unit: self.key,
            call,
            body: hash,
        };
        self.journal.intend(intended).await?;
        let operation = self.ports.arm.begin(call, body).await?;
        match operation {
            Operation::Finished(object) => Ok(Called::Finished(object)),
            Operation::Running { .. } => {
                self.journal.accept(step, &operation).await?;
                let finished = tokio::select! {
                    finished = self.ports.arm.finish(operation, self.patience()) => finished,
                    () = self.interrupt.wait() => return Ok(Called::Left(Left::InAzure)),
                };
                match finished {
                    Ok(object) => Ok(Called::Finished(object)),
                    Err(error) => self.accepted_and_failed(call, error).await,
                }
            }
        }
    }

    /// What to make of an error while an accepted operation is followed. Only the operation's own word is an outcome; whatever
    /// else went wrong, it goes on in Azure.
    async fn accepted_and_failed(&mut self, call: &Call, error: ArmError) -> Result<Called, StepError> {
        match (&call.verb, is_absent(&error)) {
            // Azure forgets operations after a while; the object itself still tells.
            (Verb::Put, true) => self.follow_object(call, error).await,
            (Verb::Put, false) if is_outcome(&error) => {
                self.left = self.look(&call.id).await.unwrap_or_default().map(|_| call.id.clone());
                Err(error.into())
            }
            (Verb::Delete, true) => Err(error.into()),
            (_, _) if is_outcome(&error) => Err(error.into()),
            (_, _) => Err(StepError::OutOfSight(error)),
        }
    }

    /// Follows an object whose operation Azure has forgotten.
    async fn follow_object(&mut self, call: &Call, error: ArmError) -> Result<Called, StepError> {
        if self.look(&call.id).await.map_err(StepError::OutOfSight)?.is_none() {
            return Err(error.into());
        }
        let going_on = Operation::Running {
            call: call.clone(),
            follow: Follow::Object,
            pause: None,
        };
        match self.ports.arm.finish(going_on, self.patience()).await {
            Ok(object) => Ok(Called::Finished(object)),
            Err(error) if is_outcome(&error) => {
                self.left = Some(call.id.clone());
                Err(error.into())
            }
            Err(error) => Err(StepError::OutOfSight(error)),
        }
    }

    async fn rests(&self, pause: Duration) -> Rest {
        tokio::select! {
            () = self.ports.clock.sleep(pause) => Rest::Over,
            () = self.interrupt.wait() => Rest::Interrupted,
        }
    }

    fn patience(&self) -> Duration {
        self.step.patience.unwrap_or(PATIENCE)
    }

    async fn look(&self, id: &ArmId) -> Result<Option<Json>, ArmError> {
        look(&self.ports, id).await
    }

    async fn migration(&self, id: &ArmId) -> Result<Option<Migration>, ArmError> {
        let found = self.look(id).await?;
        Ok(found.map(|object| Migration::read(id.clone(), &object)))
    }

    async fn migration_long(&self, id: &ArmId) -> Result<Option<Migration>, ArmError> {
        let found = self.look_long(id).await?;
        Ok(found.map(|object| Migration::read(id.clone(), &object)))
    }

    async fn look_long(&self, id: &ArmId) -> Result<Option<Json>, ArmError> {
        appears(&self.ports, id).await
    }

    /// A migration of that name is there: ours, by its tags, or somebody else's.
    fn owned(&self, id: ArmId, object: Json, start: &Start<'_>) -> Result<Performed, StepError> {
        if start.made(&id, &object, self.journal.lineage()) {
            Ok(done(id, Some(object)))
        } else {
            Err(StepError::NameTaken { migration: id })
        }
    }

    fn tell_repeat(&self, error: &ArmError) {
        let told = Event::Repeated {
            step: self.step,
            attempt: self.attempts + 1,
            error,
        };
        self.observer.event(self.ports.clock.now(), &told);
    }
}

async fn look(ports: &Ports<'_>, id: &ArmId) -> Result<Option<Json>, ArmError> {
    match ports.arm.get(id).await? {
        Found::Present(object) => Ok(Some(object)),
        Found::Absent => Ok(None),
    }
}

/// Looks for something that may have been created a moment ago: a replica may not know it yet (contract 2.9).
pub(super) async fn appears(ports: &Ports<'_>, id: &ArmId) -> Result<Option<Json>, ArmError> {
    for pause in LOOKS {
        if let Some(object) = look(ports, id).await? {
            return Ok(Some(object));
        }
        ports.clock.sleep(pause).await;
    }
    look(ports, id).await
}

/// Whether an object may be what an earlier try to create it made: its tags tell, where its kind has tags. Without them an
/// object as it was to be, or one whose creation failed, is taken for it.
pub(super) fn made_by<S: Stage>(unit: &UnitAddress, body: &Body<S>, object: &Json) -> bool {
    match body.get(&["tags"]) {
        Some(Body::Object(tags)) if tags.get(TAG_UNIT).is_some() => {
            let found = object.get("tags").and_then(Json::as_object);
            [TAG_UNIT, TAG_LINEAGE].into_iter().all(|key| {
                let mut found = found.into_iter().flatten();
                let tag = found.find(|(name, _)| name.eq_ignore_ascii_case(key));
                tags.get(key).and_then(Body::known).as_ref() == tag.map(|(_, tag)| tag)
            })
        }
        Some(_) | None => is_as_sent(unit, body, object) || matches!(Condition::of(object), Condition::Failed(_)),
    }
}

fn done(id: ArmId, object: Option<Json>) -> Performed {
    Performed::Done(Fruit {
        id: Some(id),
        object,
        triggered: None,
    })
}

/// Whether a migration is past its cutover; an error where it can have none.
pub(super) fn is_cut_over(migration: &Migration) -> Result<bool, StepError> {
    let not_ready = || StepError::NotReady {
        migration: migration.id.clone(),
        state: match &migration.substate {
            Some(substate) => substate.to_string(),
            None => migration.state.to_string(),
        },
        wanted: "waiting for its cutover",
    };
    match migration.standing() {
        Standing::Ended(Ending::Succeeded) => Ok(true),
        Standing::Ended(ending @ (Ending::Failed | Ending::ValidationFailed | Ending::Canceled)) => {
            Err(StepError::Ended(Box::new(EndedBadly::of(migration, ending))))
        }
        Standing::Running if migration.is_cutting_over() => Ok(true),
        Standing::Running | Standing::Asking(_) => Err(not_ready()),
        Standing::ReadyForCutover => Ok(false),
    }
}

/// What a cancel would take beyond what was shown to whoever agreed to it, as the beginning of a sentence.
fn grown(shown: &Migration, now: &Migration) -> Option<&'static str> {
    if now.is_cutting_over() && !shown.is_cutting_over() {
        return Some("its cutover was triggered");
    }
    let written = |name: &&String| now.may_have_written(name) && !shown.may_have_written(name);
    now.databases.iter().find(written).map(|_| "it has begun to copy")
}

/// Whether the service is at cancelling a migration.
fn is_being_cancelled(migration: &Migration) -> bool {
    migration.substate == Some(Substate::Canceling)
}

/// Whether a failed call may have taken effect all the same.
pub(super) fn is_uncertain(error: &ArmError) -> bool {
    match &error.failure {
        Failure::Unreachable(error) => error.delivered == Delivery::Unknown,
        // The client repeats these by itself, and what it tells is the last answer: an earlier one may have been lost.
        Failure::Refused(refused) if is_repeated(&error.call) => {
            (refused.status >= 500 || refused.status == 408) && refused.conflict().is_none()
        }
        Failure::Refused(error) => !error.changed_nothing(),
        Failure::Garbled(_) | Failure::TimedOut { .. } => true,
        Failure::Failed(_)
        | Failure::Throttled { .. }
        | Failure::Unauthenticated { .. }
        | Failure::Unaddressable { .. } => false,
    }
}

/// Whether a call can be sent again and again without harm: anything but the start of a migration and what is asked of one.
fn is_repeated(call: &Call) -> bool {
    match &call.verb {
        Verb::Put | Verb::Delete => call.id.arm_type().last() != "migrations",
        Verb::Get | Verb::Patch | Verb::Post(_) => false,
    }
}

/// Whether an error is the word of an operation itself, and no trouble on the way there.
fn is_outcome(error: &ArmError) -> bool {
    matches!(error.failure, Failure::Failed(_))
}

fn is_absent(error: &ArmError) -> bool {
    match &error.failure {
        Failure::Refused(error) => error.is_absent(),
        Failure::Failed(_)
        | Failure::Throttled { .. }
        | Failure::Unauthenticated { .. }
        | Failure::Unreachable(_)
        | Failure::Garbled(_)
        | Failure::Unaddressable { .. }
        | Failure::TimedOut { .. } => false,
    }
}
