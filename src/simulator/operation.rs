//! Asynchronous operations: how they are announced, polled, and what they do when they end. Never waits: time comes from the world.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::arm_type::ArmType;
use super::clock;
use super::message::{Request, Response};
use super::path::Key;
use super::refusal::Refusal;
use super::region;
use super::world::{Call, World};

/// Which provider's habits an operation follows (contract 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Family {
    Postgres,
    Network,
    PrivateDns,
}

/// What happens to the world when an operation ends well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// Nothing: the operation is bound to fail.
    Nothing,
    /// A network or DNS object becomes `Succeeded`.
    Settle(Key),
    /// An object goes, with all below it.
    Remove(Key),
    /// An object appears or is replaced.
    Put {
        id: String,
        arm_type: ArmType,
        body: Map<String, Value>,
    },
    /// A flexible server is `Ready` with these properties.
    Server {
        key: Key,
        envelope: Map<String, Value>,
        properties: Map<String, Value>,
    },
    /// A flexible server has restarted.
    Restarted(Key),
    /// A flexible server is in another state.
    State { key: Key, state: String },
    /// A parameter has a new value.
    Parameter {
        server: Key,
        name: String,
        value: String,
        source: String,
    },
    /// A provider is registered.
    Register { subscription: String, namespace: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Running,
    Succeeded,
    Failed(Refusal),
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: Uuid,
    pub(crate) family: Family,
    pub(crate) started: Timestamp,
    pub(crate) outcome: Outcome,
    /// Taken when the operation ends.
    pub(crate) effect: Option<Effect>,
    /// It will end as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mishap: Option<Refusal>,
    /// Nothing else may be written under this object meanwhile.
    pub(crate) lock: Option<Key>,
    /// The object it is about.
    pub(crate) subject: Key,
    /// The region in its URLs.
    pub(crate) location: String,
}

/// What a provider wants to happen.
pub(crate) struct Plan {
    pub(crate) family: Family,
    pub(crate) effect: Effect,
    pub(crate) lock: Option<Key>,
    pub(crate) subject: Key,
    pub(crate) location: String,
    pub(crate) takes: Duration,
    pub(crate) mishap: Option<Refusal>,
}

/// An operation that was just begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is over already: latencies are off.
    Done(Uuid),
    Running(Uuid),
}

impl Begun {
    pub(crate) fn id(self) -> Uuid {
        match self {
            Self::Done(id) | Self::Running(id) => id,
        }
    }
}

/// The query that makes a polling URL work: long, opaque, to be sent back byte for byte (contract 2.5).
fn signature(operation: &Operation) -> String {
    let stamp = operation.started.as_microsecond();
    let mut filler = String::with_capacity(2900);
    while filler.len() < 2800 {
        filler.push_str("MIIHhzCCBm-gAwIBAgITfAeWc2lt");
        filler.push_str(&operation.id.simple().to_string());
    }
    let simple = operation.id.simple();
    format!("t={stamp}&c={filler}&s={simple}{simple}{simple}&h={simple}")
}

/// The two URLs of an operation: its status, its result.
fn urls(world: &World, call: &Call<'_>, id: Uuid) -> Option<(String, String)> {
    let operation = world.operations.get(&id)?;
    let subscription = call.target.key().subscription().unwrap_or_default().to_owned();
    let (status, result) = match operation.family {
        Family::Postgres => ("azureAsyncOperation", "operationResults"),
        Family::Network => ("operations", "operationResults"),
        Family::PrivateDns => ("privateDnsOperationStatuses", "privateDnsOperationResults"),
    };
    let place = match operation.family {
        Family::Postgres => {
            let location = operation.location.replace(' ', "%20");
            format!("/subscriptions/{subscription}/providers/Microsoft.DBforPostgreSQL/locations/{location}")
        }
        Family::Network => {
            let location = region::plain(&operation.location);
            format!("/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}")
        }
        Family::PrivateDns => format!("{}/providers/Microsoft.Network", call.target.scope),
    };
    let base = &call.request.base;
    let query = format!("api-version={}&{}", call.version, signature(operation));
    Some((
        format!("{base}{place}/{status}/{id}?{query}"),
        format!("{base}{place}/{result}/{id}?{query}"),
    ))
}

/// Which LRO headers a reply carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announce {
    StatusOnly,
    ResultOnly,
    Both,
}

/// Adds the LRO headers to a reply.
pub(crate) fn announced(
    world: &World,
    call: &Call<'_>,
    response: Response,
    begun: Begun,
    announce: Announce,
    retry_after: u64,
) -> Response {
    let Some((status, result)) = urls(world, call, begun.id()) else {
        return response;
    };
    let retry_after = match begun {
        Begun::Done(_) => 0,
        Begun::Running(_) => retry_after,
    };
    let response = response.with_header("Retry-After", retry_after.to_string());
    match announce {
        Announce::StatusOnly => response.with_header("Azure-AsyncOperation", status),
        Announce::ResultOnly => response.with_header("Location", result),
        Announce::Both => response
            .with_header("Azure-AsyncOperation", status)
            .with_header("Location", result),
    }
}

/// Which of an operation's two URLs is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Status,
    Result,
}

/// Answers a poll: `rest` are the segments after the namespace.
pub(crate) fn poll(world: &mut World, request: &Request, rest: &[String]) -> Option<Result<Response, Refusal>> {
    let (kind, id) = match rest {
        [_, _, kind, id] | [kind, id] => (kind, id),
        _ => return None,
    };
    let asked = match kind.to_ascii_lowercase().as_str() {
        "azureasyncoperation" | "operations" | "privatednsoperationstatuses" => Asked::Status,
        "operationresults" | "privatednsoperationresults" => Asked::Result,
        _ => return None,
    };
    let unknown = || Refusal::new(404, "OperationNotFound", format!("The operation '{id}' was not found."));
    let operation = match Uuid::parse_str(id).ok().and_then(|id| world.operations.get(&id)) {
        Some(operation) => operation,
        None => return Some(Err(unknown())),
    };
    if !request.query.ends_with(&signature(operation)) {
        return Some(Err(Refusal::new(
            403,
            "InvalidOperationToken",
            "The signature of the polling URL does not match. Send back the URL exactly as it was returned.",
        )));
    }
    Some(Ok(answer(world, request, operation, asked)))
}

fn answer(world: &World, request: &Request, operation: &Operation, asked: Asked) -> Response {
    let running = operation.outcome == Outcome::Running;
    let retry_after = match operation.family {
        Family::Postgres => "15",
        Family::Network => "10",
        Family::PrivateDns => "30",
    };
    match asked {
        Asked::Status => {
            let response = Response::json(200, &status_body(operation));
            if running {
                response.with_header("Retry-After", retry_after)
            } else {
                response
            }
        }
        Asked::Result if running => {
            let own = format!("{}{}", request.base, request.path_and_query());
            Response::empty(202)
                .with_header("Location", own)
                .with_header("Retry-After", retry_after)
        }
        Asked::Result => match &operation.outcome {
            Outcome::Failed(refusal) => refusal.clone().into_response(),
            Outcome::Running | Outcome::Succeeded => match world.store.get(&operation.subject) {
                Some(object) => Response::bytes(200, object.body.text("", "")),
                None => Response::empty(204),
            },
        },
    }
}

fn status_body(operation: &Operation) -> Value {
    let (word, error) = match &operation.outcome {
        Outcome::Running => ("InProgress", None),
        Outcome::Succeeded => ("Succeeded", None),
        Outcome::Failed(refusal) => ("Failed", Some(refusal.error())),
    };
    let mut body = match operation.family {
        // Recorded: the PostgreSQL provider names the operation and its start, the network one says no more than the status.
        Family::Postgres => {
            json!({ "name": operation.id, "status": word, "startTime": milliseconds(operation.started) })
        }
        Family::Network | Family::PrivateDns => json!({ "status": word }),
    };
    if let (Some(fields), Some(error)) = (body.as_object_mut(), error) {
        fields.insert("error".to_owned(), error);
    }
    body
}

/// The first reply of a PostgreSQL write: no status, no resource (contract 2.5).
pub(crate) fn postgres_first_reply(world: &World, operation: &'static str) -> Response {
    Response::json(
        202,
        &json!({ "operation": operation, "startTime": milliseconds(world.now) }),
    )
}

fn milliseconds(at: Timestamp) -> String {
    format!("{at:.3}")
}

impl World {
    /// Begins an operation; one that takes no time is over when this returns.
    pub(crate) fn begin(&mut self, plan: Plan) -> Begun {
        let id = self.chance.guid();
        let Plan {
            family,
            effect,
            lock,
            subject,
            location,
            takes,
            mishap,
        } = plan;
        if let Some(lock) = &lock {
            self.busy.insert(lock.clone(), id);
        }
        let operation = Operation {
            id,
            family,
            started: self.now,
            outcome: Outcome::Running,
            effect: Some(effect),
            mishap,
            lock,
            subject,
            location,
        };
        self.operations.insert(id, operation);
        if takes.is_zero() {
            self.end_operation(id);
            return Begun::Done(id);
        }
        let ends = clock::later(self.now, takes);
        self.schedule(ends, super::world::Event::Operation(id));
        Begun::Running(id)
    }

    /// Ends an operation, well or not.
    pub(crate) fn end_operation(&mut self, id: Uuid) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        let (effect, mishap) = (operation.effect.take(), operation.mishap.take());
        let Some(effect) = effect else { return };
        let lock = operation.lock.clone();
        operation.outcome = match &mishap {
            Some(refusal) => Outcome::Failed(refusal.clone()),
            None => Outcome::Succeeded,
        };
        if let Some(lock) = lock.filter(|lock| self.busy.get(lock) == Some(&id)) {
            self.busy.remove(&lock);
        }
        self.finished.push_back(id);
        while self.finished.len() > FINISHED_KEPT {
            if let Some(oldest) = self.finished.pop_front() {
                self.operations.remove(&oldest);
            }
        }
        match mishap {
            None => super::provider::take_effect(self, effect),
            Some(_) => super::provider::take_failure(self, effect),
        }
    }
}

/// Ended operations that can still be polled, also after the service began anew.
const FINISHED_KEPT: usize = 2_000;
