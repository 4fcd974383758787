//! An Azure in memory: objects, migrations that follow a script, faults on order, and a log of every call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::arm::error::Delivery;
use crate::arm::operation::{Follow, Operation};
use crate::arm::{
    ArmError, ArmId, ArmRead, ArmWrite, Body, Call, Collection, CorrelationId, Failure, Final, Found, ServiceError,
    TransportError, Verb,
};

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub(in crate::apply) enum Fault {
    /// It takes effect, and nobody hears of it.
    LostReply,
    /// It never takes effect, and nobody hears of it.
    LostRequest,
    /// The service refuses with this status and code.
    Refused(u16, &'static str),
    /// The service takes it on, and fails later with this code.
    FailsLater(&'static str),
    /// The same, and what it made stays, `Failed`.
    FailsAndStays(&'static str),
    /// The service takes it on and does it, and refuses to tell how it went.
    Unfollowed(u16),
    /// There is never an answer.
    Hangs,
}

#[derive(Default)]
pub(in crate::apply) struct Azure {
    inner: Mutex<Inner>,
    /// How long each mutating call takes.
    slowness: Duration,
    /// Whether PUTs of other things than migrations are long-running.
    long_running: Option<Duration>,
    /// What takes another time.
    lasting: Mutex<BTreeMap<ArmId, Duration>>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<ArmId, Json>,
    scripts: BTreeMap<ArmId, VecDeque<Json>>,
    /// What follows once a migration is asked for its cutover.
    after_cutover: BTreeMap<ArmId, VecDeque<Json>>,
    /// What follows once a question is answered.
    after_answer: BTreeMap<ArmId, VecDeque<Json>>,
    template: VecDeque<Json>,
    databases: BTreeMap<ArmId, Vec<String>>,
    faults: VecDeque<(Verb, String, Fault)>,
    log: Vec<String>,
    failing: Option<&'static str>,
    unfollowed: Option<u16>,
    unreadable: usize,
    in_flight: usize,
    most: usize,
}

/// A `currentStatus`, with every database alike.
pub(in crate::apply) fn status(state: &str, substate: &str, database: Json) -> Json {
    json!({ "state": state, "substate": substate, "database": database })
}

fn error(call: Call, failure: Failure) -> ArmError {
    ArmError {
        call,
        correlation: CorrelationId(Uuid::nil()),
        failure,
    }
}

fn said(status: u16, code: &str) -> Box<ServiceError> {
    Box::new(ServiceError {
        status,
        code: code.into(),
        message: "refused".into(),
        target: None,
        details: Vec::new(),
        request_id: None,
        retry_after: None,
    })
}

fn refused(status: u16, code: &str) -> Failure {
    Failure::Refused(said(status, code))
}

fn lost() -> Failure {
    Failure::Unreachable(TransportError {
        message: "connection reset".into(),
        delivered: Delivery::Unknown,
    })
}

impl Azure {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// An Azure whose mutating calls take this long.
    pub(in crate::apply) fn slow(slowness: Duration) -> Self {
        Self {
            slowness,
            ..Self::default()
        }
    }

    /// An Azure whose objects take this long to be made.
    pub(in crate::apply) fn long_running(takes: Duration) -> Self {
        Self {
            long_running: Some(takes),
            ..Self::default()
        }
    }

    /// This one takes another time.
    pub(in crate::apply) fn takes(&self, id: &ArmId, time: Duration) {
        self.lasting.lock().unwrap().insert(id.clone(), time);
    }

    /// The next call of this verb on an object whose id contains the text goes wrong.
    pub(in crate::apply) fn fail_next(&self, verb: Verb, id: &str, fault: Fault) {
        self.inner().faults.push_back((verb, id.to_lowercase(), fault));
    }

    /// The next reads fail.
    pub(in crate::apply) fn unreadable(&self, times: usize) {
        self.inner().unreadable = times;
    }

    /// What every migration without a script of its own goes through, one status per look; the last one stays.
    pub(in crate::apply) fn migrations_go(&self, statuses: impl IntoIterator<Item = Json>) {
        self.inner().template = statuses.into_iter().collect();
    }

    /// What one migration goes through.
    pub(in crate::apply) fn script(&self, id: &ArmId, statuses: impl IntoIterator<Item = Json>) {
        self.inner().scripts.insert(id.clone(), statuses.into_iter().collect());
    }

    pub(in crate::apply) fn after_cutover(&self, id: &ArmId, statuses: impl IntoIterator<Item = Json>) {
        self.inner()
            .after_cutover
            .insert(id.clone(), statuses.into_iter().collect());
    }

    pub(in crate::apply) fn after_answer(&self, id: &ArmId, statuses: impl IntoIterator<Item = Json>) {
        self.inner()
            .after_answer
            .insert(id.clone(), statuses.into_iter().collect());
    }

    /// A migration of somebody else, or one that was there before.
    pub(in crate::apply) fn migration(&self, id: &ArmId, databases: &[&str], tags: Json) {
        let body = json!({ "properties": { "dbsToMigrate": databases, "migrationMode": "Online" }, "tags": tags });
        self.inner().put(id, &body);
    }

    /// A migration with these properties.
    pub(in crate::apply) fn migration_as(&self, id: &ArmId, properties: Json) {
        let object = json!({ "id": id.as_str(), "name": id.name(), "properties": properties });
        self.inner().objects.insert(id.clone(), object);
    }

    pub(in crate::apply) fn object(&self, id: &ArmId, body: Json) {
        self.inner().put(id, &body);
    }

    pub(in crate::apply) fn database(&self, target: &ArmId, name: &str) {
        self.inner()
            .databases
            .entry(target.clone())
            .or_default()
            .push(name.into());
    }

    pub(in crate::apply) fn has(&self, id: &ArmId) -> bool {
        self.inner().objects.contains_key(id)
    }

    pub(in crate::apply) fn peek(&self, id: &ArmId) -> Option<Json> {
        self.inner().objects.get(id).cloned()
    }

    /// Every mutating call that took effect, in order.
    pub(in crate::apply) fn log(&self) -> Vec<String> {
        self.inner().log.clone()
    }

    /// How often a call took effect on this object.
    pub(in crate::apply) fn count(&self, verb: &str, id: &ArmId) -> usize {
        let line = format!("{verb} {}", id.name());
        self.inner().log.iter().filter(|known| **known == line).count()
    }

    /// The most mutating calls that were in flight at once.
    pub(in crate::apply) fn most_in_flight(&self) -> usize {
        self.inner().most
    }
}

impl Inner {
    fn put(&mut self, id: &ArmId, body: &Json) {
        let mut object = body.clone();
        object["id"] = json!(id.as_str());
        object["name"] = json!(id.name());
        if is_migration(id) {
            object["properties"]["currentStatus"] = json!({ "state": "InProgress" });
        }
        self.objects.insert(id.clone(), object);
    }

    fn patch(&mut self, id: &ArmId, body: &Json) {
        let asked = |key: &str| body["properties"][key] == json!("True");
        if asked("triggerCutover") {
            let next = self.after_cutover.remove(id);
            let done = || {
                VecDeque::from([status(
                    "Succeeded",
                    "Completed",
                    json!({ "migrationState": "Succeeded" }),
                )])
            };
            self.scripts.insert(id.clone(), next.unwrap_or_else(done));
        } else if asked("cancel") {
            let canceled = status("Canceled", "Completed", json!({ "migrationState": "Canceled" }));
            self.scripts.insert(id.clone(), VecDeque::from([canceled]));
        } else if let Some(next) = self.after_answer.remove(id) {
            self.scripts.insert(id.clone(), next);
        }
    }

    fn look(&mut self, id: &ArmId) -> Option<Json> {
        let mut object = self.objects.get(id)?.clone();
        if is_migration(id) {
            let template = self.template.clone();
            let script = self.scripts.entry(id.clone()).or_insert(template);
            let status = if script.len() > 1 {
                script.pop_front()
            } else {
                script.front().cloned()
            };
            if let Some(status) = status {
                let names = object["properties"]["dbsToMigrate"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let details: serde_json::Map<String, Json> = names
                    .iter()
                    .map(|name| (name.as_str().unwrap().to_owned(), status["database"].clone()))
                    .collect();
                object["properties"]["currentStatus"] = json!({
                    "state": status["state"],
                    "currentSubStateDetails": { "currentSubState": status["substate"], "dbDetails": details },
                });
                self.objects.insert(id.clone(), object.clone());
            }
        }
        Some(object)
    }

    fn fault(&mut self, call: &Call) -> Option<Fault> {
        let at = self
            .faults
            .iter()
            .position(|(verb, id, _)| *verb == call.verb && call.id.folded().contains(id.as_str()))?;
        self.faults.remove(at).map(|(_, _, fault)| fault)
    }

    fn take_effect(&mut self, call: &Call, body: Option<&Json>) {
        self.log.push(format!("{} {}", call.verb.method(), call.id.name()));
        match (&call.verb, body) {
            (Verb::Put, Some(body)) => self.put(&call.id, body),
            (Verb::Patch, Some(body)) => self.patch(&call.id, body),
            (Verb::Delete, _) => drop(self.objects.remove(&call.id)),
            (Verb::Put | Verb::Patch, None) | (Verb::Get | Verb::Post(_), _) => panic!("no such call: {call}"),
        }
    }
}

fn is_migration(id: &ArmId) -> bool {
    id.arm_type().last() == "migrations"
}

#[async_trait]
impl ArmRead for Azure {
    async fn get(&self, id: &ArmId) -> Result<Found, ArmError> {
        tokio::task::yield_now().await;
        let mut inner = self.inner();
        if inner.unreadable > 0 {
            inner.unreadable -= 1;
            return Err(error(Call::new(Verb::Get, id.clone()), lost()));
        }
        Ok(inner.look(id).map_or(Found::Absent, Found::Present))
    }

    async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError> {
        if collection.members.last() == "migrations" {
            let inner = self.inner();
            let members = inner.objects.iter();
            let members = members.filter(|(id, _)| id.parent().as_ref() == Some(&collection.parent));
            return Ok(Some(members.map(|(_, object)| object.clone()).collect()));
        }
        assert_eq!(collection.members.last(), "databases");
        let names = self
            .inner()
            .databases
            .get(&collection.parent)
            .cloned()
            .unwrap_or_default();
        Ok(Some(names.iter().map(|name| json!({ "name": name })).collect()))
    }

    async fn ask(&self, _: &ArmId, action: &str, _: &Json) -> Result<Json, ArmError> {
        panic!("nobody asks for {action}")
    }
}

#[async_trait]
impl ArmWrite for Azure {
    async fn begin(&self, call: &Call, body: Option<&Body<Final>>) -> Result<Operation, ArmError> {
        {
            let mut inner = self.inner();
            inner.in_flight += 1;
            inner.most = inner.most.max(inner.in_flight);
        }
        if self.slowness.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(self.slowness).await;
        }
        self.inner().in_flight -= 1;
        let fault = self.inner().fault(call);
        let body = body.map(Body::to_wire);
        match fault {
            Some(Fault::LostRequest) => return Err(error(call.clone(), lost())),
            Some(Fault::Refused(status, code)) => return Err(error(call.clone(), refused(status, code))),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::FailsLater(code)) => {
                self.inner().failing = Some(code);
                return Ok(running(call));
            }
            Some(Fault::FailsAndStays(code)) => {
                let mut inner = self.inner();
                inner.take_effect(call, body.as_ref());
                inner.failing = Some(code);
                if let Some(object) = inner.objects.get_mut(&call.id) {
                    object["properties"]["provisioningState"] = json!("Failed");
                }
                return Ok(running(call));
            }
            Some(Fault::Unfollowed(status)) => {
                let mut inner = self.inner();
                inner.take_effect(call, body.as_ref());
                inner.unfollowed = Some(status);
                return Ok(running(call));
            }
            Some(Fault::LostReply) => {
                self.inner().take_effect(call, body.as_ref());
                return Err(error(call.clone(), lost()));
            }
            None => {}
        }
        let mut inner = self.inner();
        inner.take_effect(call, body.as_ref());
        if self.long_running.is_some() && !is_migration(&call.id) {
            return Ok(running(call));
        }
        Ok(Operation::Finished(inner.objects.get(&call.id).cloned()))
    }

    async fn finish(&self, operation: Operation, _: Duration) -> Result<Option<Json>, ArmError> {
        let Operation::Running { call, .. } = operation else {
            panic!("only running operations are followed");
        };
        let lasting = self.lasting.lock().unwrap().get(&call.id).copied();
        let takes = lasting.or(self.long_running);
        tokio::time::sleep(takes.unwrap_or(Duration::from_secs(1))).await;
        let mut inner = self.inner();
        if let Some(status) = inner.unfollowed.take() {
            return Err(error(call, refused(status, "AuthorizationFailed")));
        }
        if let Some(code) = inner.failing.take() {
            return Err(error(call, Failure::Failed(said(200, code))));
        }
        Ok(inner.look(&call.id))
    }
}

fn running(call: &Call) -> Operation {
    Operation::Running {
        call: call.clone(),
        follow: Follow::Status {
            poll: "/operations/1".into(),
            location: None,
        },
        pause: None,
    }
}
