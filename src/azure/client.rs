//! The ARM client: addresses, api-versions, pages, and what an answer means. It decides nothing about resources, and whoever
//! holds it as `ArmRead` cannot change anything.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value as Json;

use super::decode;
use super::endpoint::Endpoint;
use super::mask::Masks;
use super::meter::{Meter, Purpose, Requests};
use super::pipeline::{Exchange, Pipeline, Repeat};
use super::policy::govern::{Bucket, Class, Governor, Remaining};
use super::poll;
use super::settling::Settling;
use super::vault::Vaults;
use super::versions;
use crate::arm::http::{HeaderValue, Request, Response};
use crate::arm::operation::Verb;
use crate::arm::{
    ArmError, ArmId, ArmRead, ArmType, ArmWrite, Body, Call, Collection, CorrelationId, Failure, Final, Found,
    Operation, ServiceError, VaultError, VaultRead,
};
use crate::clock::Clock;
use crate::secret::{Secret, VaultSecret};

/// Types of which a second create is not the same as the first: a migration that was created has started. Their PUT is
/// repeated only when it is certain that it was not applied; otherwise the error goes back and the caller looks again.
const CREATED_ONCE: [&str; 1] = [MIGRATIONS];

/// The type of migrations, whose objects tell what became of them.
const MIGRATIONS: &str = "microsoft.dbforpostgresql/flexibleservers/migrations";

/// How many pages a list may have. The largest lists of ARM have hundreds.
const PAGES: usize = 10_000;

/// The client.
pub struct Client {
    endpoint: Endpoint,
    pipeline: Pipeline,
    vaults: Vaults,
    clock: Arc<dyn Clock>,
    correlation: CorrelationId,
    meter: Arc<Meter>,
    governor: Arc<Governor>,
    settling: Mutex<Settling>,
    masks: Masks,
}

/// What a client is made of.
pub struct Parts {
    /// Where ARM answers.
    pub endpoint: Endpoint,
    /// The way to it.
    pub pipeline: Pipeline,
    /// The vaults of its cloud.
    pub vaults: Vaults,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// The run's id.
    pub correlation: CorrelationId,
    /// The counters that the pipeline feeds.
    pub meter: Arc<Meter>,
    /// The governor that stands in the pipeline.
    pub governor: Arc<Governor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    value: Option<Vec<Json>>,
    next_link: Option<String>,
}

/// A request before it has an address.
struct Outgoing<'a> {
    verb: Verb,
    path: String,
    about: &'a ArmId,
    arm_type: ArmType,
    purpose: Purpose,
    class: Class,
    repeat: Repeat,
    body: Option<Secret>,
}

impl Client {
    /// A client of these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            endpoint: parts.endpoint,
            pipeline: parts.pipeline,
            vaults: parts.vaults,
            clock: parts.clock,
            correlation: parts.correlation,
            meter: parts.meter,
            governor: parts.governor,
            settling: Mutex::default(),
            masks: Masks::default(),
        }
    }

    /// Hides these in all that it tells of what services say, as it hides what it has sent itself: an operation or a migration
    /// tells what another run has sent.
    pub fn hide<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        self.masks.remember(secrets);
    }

    /// How many requests it has sent.
    pub fn requests(&self) -> Requests {
        self.meter.read()
    }

    /// What the services last said is left of their quotas.
    pub fn remaining(&self) -> Vec<Remaining> {
        self.governor.remaining()
    }

    /// The id that all its calls carry.
    pub fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Reads an object; one that this client has just created is looked for a little longer.
    pub(super) async fn read(&self, id: &ArmId) -> Result<Found, Failure> {
        match self.look(id).await {
            Ok(response) => decode::json(&response).map(Found::Present),
            Err(Failure::Refused(error)) if error.is_absent() => Ok(Found::Absent),
            Err(failure) => Err(failure),
        }
    }

    /// Reads an object.
    pub(super) async fn look(&self, id: &ArmId) -> Result<Response, Failure> {
        let mut pause = Duration::from_secs(1);
        loop {
            let arm_type = id.arm_type();
            let path = format!("{id}?api-version={}", version(&arm_type)?);
            let outcome = self.send(Outgoing {
                verb: Verb::Get,
                path,
                about: id,
                arm_type,
                purpose: Purpose::Read,
                class: Class::Read,
                repeat: Repeat::Freely,
                body: None,
            });
            match outcome.await {
                Err(Failure::Refused(error)) if error.is_absent() && self.is_settling(id) => {
                    self.clock.sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    /// Looks at the progress of a call.
    pub(super) async fn poll(&self, path: &str, call: &Call) -> Result<Response, Failure> {
        self.look_on(path, call, Repeat::Freely).await
    }

    /// Looks for the result of a call, where the answer is the result itself: an error there may be the call's own.
    ///
    /// # Errors
    /// [`Failure::Failed`] where it is.
    pub(super) async fn result(&self, path: &str, call: &Call) -> Result<Response, Failure> {
        match self.look_on(path, call, Repeat::UnlessConflict).await {
            Err(Failure::Refused(error)) if is_outcome(&error) => Err(Failure::Failed(error)),
            other => other,
        }
    }

    async fn look_on(&self, path: &str, call: &Call, repeat: Repeat) -> Result<Response, Failure> {
        let response = self.send(Outgoing {
            verb: Verb::Get,
            path: path.to_owned(),
            about: &call.id,
            arm_type: call.id.arm_type(),
            purpose: Purpose::Poll,
            class: Class::Read,
            repeat,
            body: None,
        });
        let response = response.await?;
        match response.status {
            200 | 201 | 202 | 204 => Ok(response),
            other => Err(Failure::Garbled(format!(
                "a look at an operation was answered with status {other}"
            ))),
        }
    }

    async fn pages(&self, collection: &Collection) -> Result<Option<Vec<Json>>, Failure> {
        let mut path = self.list_path(collection)?;
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        while seen.len() < PAGES {
            let sent = self.send(Outgoing {
                verb: Verb::Get,
                path: path.clone(),
                about: &collection.parent,
                arm_type: collection.members.clone(),
                purpose: Purpose::Read,
                class: Class::Read,
                repeat: Repeat::Freely,
                body: None,
            });
            let page: Page = match sent.await {
                Ok(response) => decode::json(&response)?,
                Err(Failure::Refused(error)) if error.is_absent() && seen.is_empty() => return Ok(None),
                Err(failure) => return Err(failure),
            };
            let next = page.next_link.filter(|link| !link.is_empty());
            match (page.value, &next) {
                (Some(value), _) if members.is_empty() => members = value,
                (Some(value), _) => members.extend(value),
                (None, Some(_)) => {}
                (None, None) => return Err(Failure::Garbled("the list has no `value`".into())),
            }
            let Some(next) = next else {
                return Ok(Some(members));
            };
            seen.insert(path);
            let inside = self.endpoint.path_of(&next);
            path = inside.map_err(|error| Failure::Garbled(error.to_string()))?;
            if seen.contains(&path) {
                return Err(Failure::Garbled(
                    "the list leads back to a page that was already read".into(),
                ));
            }
        }
        Err(Failure::Garbled(format!("the list has more than {PAGES} pages")))
    }

    fn list_path(&self, collection: &Collection) -> Result<String, Failure> {
        let version = version(&collection.members)?;
        // What the service lists without a filter is not known; finished runs are wanted too.
        let filter = if collection.members.folded() == MIGRATIONS {
            "&migrationListFilter=All"
        } else {
            ""
        };
        Ok(format!("{}?api-version={version}{filter}", collection.path()))
    }

    async fn change(&self, call: &Call, body: Option<&Body<Final>>) -> Result<Operation, Failure> {
        self.masks
            .remember(body.map(Body::<Final>::secrets).unwrap_or_default());
        let arm_type = call.id.arm_type();
        let version = version(&arm_type)?;
        let once = CREATED_ONCE.contains(&arm_type.folded());
        let (action, class, repeat) = match &call.verb {
            Verb::Get => (String::new(), Class::Read, Repeat::Freely),
            Verb::Put if once => (String::new(), Class::Write, Repeat::Promptly),
            // Whoever held the object may have changed it: the caller looks before it sends its body again (contract 2.7).
            Verb::Put => (String::new(), Class::Write, Repeat::UnlessConflict),
            Verb::Patch => (String::new(), Class::Write, Repeat::Promptly),
            Verb::Post(action) => (format!("/{action}"), Class::Write, Repeat::IfNotApplied),
            Verb::Delete => (String::new(), Class::Delete, Repeat::UnlessConflict),
        };
        let query = call
            .query
            .map(|query| format!("&{}", query.as_str()))
            .unwrap_or_default();
        let sent = self.send(Outgoing {
            verb: call.verb.clone(),
            path: format!("{}{action}?api-version={version}{query}", call.id),
            about: &call.id,
            arm_type,
            purpose: Purpose::Write,
            class,
            repeat,
            body: body.map(|body| Secret::new(body.to_wire().to_string())),
        });
        match sent.await {
            Ok(response) => {
                self.note(call);
                poll::accepted(call, &response, &self.endpoint, self.clock.now())
            }
            // What is gone is deleted; but a migration's DELETE cancels, and there is no cancelling what is not there.
            Err(Failure::Refused(error)) if call.verb == Verb::Delete && error.is_absent() && !once => {
                Ok(Operation::Finished(None))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Remembers what was created, so that a replica that does not know it yet is asked again.
    fn note(&self, call: &Call) {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        match &call.verb {
            Verb::Put => settling.insert(&call.id, self.clock.now()),
            Verb::Delete => settling.remove(&call.id),
            Verb::Get | Verb::Patch | Verb::Post(_) => {}
        }
    }

    fn is_settling(&self, id: &ArmId) -> bool {
        let settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        settling.contains(id, self.clock.now())
    }

    async fn send(&self, outgoing: Outgoing<'_>) -> Result<Response, Failure> {
        let mut headers = vec![("accept", HeaderValue::Plain("application/json".into()))];
        if outgoing.body.is_some() {
            headers.push(("content-type", HeaderValue::Plain("application/json".into())));
        }
        let exchange = Exchange {
            request: Request {
                verb: outgoing.verb,
                url: self.endpoint.at(&outgoing.path),
                headers,
                body: outgoing.body,
            },
            purpose: outgoing.purpose,
            bucket: Bucket::of(outgoing.about, &outgoing.arm_type, outgoing.class),
            repeat: outgoing.repeat,
            waited: Duration::ZERO,
        };
        let response = self.pipeline.send(exchange).await?;
        match response.status {
            200..=299 => Ok(response),
            // A proxy's page says nothing about the object; taken for absence it would be created once more.
            404 if decode::is_foreign(&response) => Err(Failure::Garbled(decode::service_error(&response).to_string())),
            400.. => Err(Failure::Refused(Box::new(decode::refusal(&response, self.clock.now())))),
            other => Err(Failure::Garbled(format!("status {other} is no answer of ARM"))),
        }
    }

    /// What goes out of here of an answer. What a migration says of its course is printed and stored, so it holds no secret.
    fn tell(&self, arm_type: &ArmType, mut answer: Json) -> Json {
        if arm_type.folded() == MIGRATIONS {
            self.masks.hide_in_migration(&mut answer);
        }
        answer
    }

    /// What goes out of here about a failure. It is printed and stored, so it holds no secret.
    fn explain(&self, call: Call) -> impl FnOnce(Failure) -> ArmError {
        move |failure| ArmError {
            call,
            correlation: self.correlation,
            failure: self.masks.hide(failure),
        }
    }
}

#[async_trait]
impl ArmRead for Client {
    async fn get(&self, id: &ArmId) -> Result<Found, ArmError> {
        match self.read(id).await {
            Ok(Found::Present(object)) => Ok(Found::Present(self.tell(&id.arm_type(), object))),
            Ok(Found::Absent) => Ok(Found::Absent),
            Err(failure) => Err(self.explain(Call::new(Verb::Get, id.clone()))(failure)),
        }
    }

    async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError> {
        let members = self.pages(collection).await;
        let members = members.map_err(self.explain(Call::new(Verb::Get, all_of(collection))))?;
        let told = |object| self.tell(&collection.members, object);
        Ok(members.map(|members| members.into_iter().map(told).collect()))
    }

    async fn ask(&self, id: &ArmId, action: &str, body: &Json) -> Result<Json, ArmError> {
        let arm_type = id.arm_type();
        let call = Call::new(Verb::Post(action.to_owned()), id.clone());
        let answer = async {
            let version = version(&arm_type)?;
            let sent = self.send(Outgoing {
                verb: call.verb.clone(),
                path: format!("{id}/{action}?api-version={version}"),
                about: id,
                arm_type: arm_type.clone(),
                purpose: Purpose::Read,
                class: Class::Write,
                repeat: Repeat::Freely,
                body: Some(Secret::new(body.to_string())),
            });
            decode::json(&sent.await?)
        };
        let answer = answer.await;
        answer.map_err(self.explain(call))
    }
}

#[async_trait]
impl ArmWrite for Client {
    async fn begin(&self, call: &Call, body: Option<&Body<Final>>) -> Result<Operation, ArmError> {
        match self.change(call, body).await {
            Ok(Operation::Finished(Some(object))) => {
                let told = self.tell(&call.id.arm_type(), object);
                Ok(Operation::Finished(Some(told)))
            }
            Ok(operation @ (Operation::Finished(None) | Operation::Running { .. })) => Ok(operation),
            Err(failure) => Err(self.explain(call.clone())(failure)),
        }
    }

    async fn finish(&self, operation: Operation, patience: Duration) -> Result<Option<Json>, ArmError> {
        match operation {
            Operation::Finished(result) => Ok(result),
            Operation::Running { call, follow, pause } => {
                let arm_type = call.id.arm_type();
                let result = poll::finish(self, &call, follow, pause, patience).await;
                let result = result.map_err(self.explain(call))?;
                Ok(result.map(|object| self.tell(&arm_type, object)))
            }
        }
    }
}

#[async_trait]
impl VaultRead for Client {
    async fn secret(&self, id: &VaultSecret) -> Result<Secret, VaultError> {
        match self.vaults.read(id).await {
            Ok(secret) => {
                self.hide([&secret]);
                Ok(secret)
            }
            Err(failure) => Err(VaultError {
                id: id.clone(),
                failure: self.masks.hide(failure),
            }),
        }
    }
}

fn version(arm_type: &ArmType) -> Result<&'static str, Failure> {
    versions::of(arm_type).ok_or_else(|| Failure::Unaddressable {
        arm_type: arm_type.clone(),
    })
}

/// Whether an error that stands where a result was expected is how the operation ended. Others speak of the look: who asks
/// (401, 403), how long (408), how often (429), and whether the operation is still known (404).
fn is_outcome(error: &ServiceError) -> bool {
    match error.status {
        401 | 403 | 408 => false,
        404 => !error.is_absent(),
        429 => error.conflict().is_some(),
        400..500 => true,
        _ => false,
    }
}

/// How a list is called in errors: all members under the parent.
fn all_of(collection: &Collection) -> ArmId {
    let parent = &collection.parent;
    if parent.as_str().contains("/providers/") {
        parent.child(collection.members.last(), "*")
    } else {
        parent.provider(collection.members.as_str(), "*")
    }
}
