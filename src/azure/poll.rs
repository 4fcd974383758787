//! Long-running operations: what the first answer says, and following it to the end (contract 2.5). Every wait goes through
//! the clock. It starts no operation.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::client::Client;
use super::decode;
use super::endpoint::Endpoint;
use crate::arm::http::Response;
use crate::arm::operation::{Follow, Verb};
use crate::arm::{Call, Condition, Failure, Found, Operation};

/// How long to wait between looks where the service does not say.
const PAUSE: Duration = Duration::from_secs(30);

/// Types whose writes are done with the first answer, whatever its status: their bodies have no `provisioningState`, and
/// without this list a 201 would read as "still running".
const SYNCHRONOUS: [&str; 11] = [
    // A resource group, which has no type in its id.
    "",
    "microsoft.dbforpostgresql/flexibleservers/migrations",
    "microsoft.network/privatednszones/a",
    "microsoft.network/privatednszones/aaaa",
    "microsoft.network/privatednszones/cname",
    "microsoft.network/privatednszones/mx",
    "microsoft.network/privatednszones/ptr",
    "microsoft.network/privatednszones/srv",
    "microsoft.network/privatednszones/txt",
    "microsoft.authorization/roleassignments",
    "microsoft.authorization/locks",
];

/// What the answer to a mutating call says of the operation.
///
/// # Errors
/// When the answer says that it failed, or cannot be read.
pub(super) fn accepted(
    call: &Call,
    response: &Response,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Operation, Failure> {
    let running = |follow: Follow| Operation::Running {
        call: call.clone(),
        follow,
        pause: response.retry_after(now),
    };
    if response.status == 204 {
        return Ok(Operation::Finished(None));
    }
    if SYNCHRONOUS.contains(&call.id.arm_type().folded()) && response.status != 202 {
        return Ok(Operation::Finished(json_of(response)?));
    }
    let location = link(response, "location", endpoint)?;
    if let Some(poll) = link(response, "azure-asyncoperation", endpoint)? {
        return Ok(running(Follow::Status { poll, location }));
    }
    if let Some(poll) = location {
        return Ok(running(Follow::Location { poll }));
    }
    match &call.verb {
        Verb::Put | Verb::Patch => {
            let body = json_of(response)?;
            let state = body.as_ref().and_then(provisioning_state).map(str::to_owned);
            match (state.as_deref().map(Condition::named), response.status) {
                (Some(Condition::Changing(_)), _) | (_, 202) | (None, 201) => Ok(running(Follow::Object)),
                (Some(Condition::Settled) | None, _) => Ok(Operation::Finished(body)),
                (Some(Condition::Failed(state)), _) => Err(ended(state, body.as_ref(), response)),
            }
        }
        Verb::Get | Verb::Delete | Verb::Post(_) => Ok(Operation::Finished(json_of(response)?)),
    }
}

/// Follows a running operation to its end and answers with the object, where there still is one.
///
/// # Errors
/// When the operation failed, was not done within `patience`, or Azure no longer knows it (status 404 of the status
/// document): then only a look at the object tells how it ended.
pub(super) async fn finish(
    client: &Client,
    call: &Call,
    mut follow: Follow,
    pause: Option<Duration>,
    patience: Duration,
) -> Result<Option<Json>, Failure> {
    let mut wait = Wait {
        since: client.clock().now(),
        patience,
        looks: 0,
    };
    let mut pause = pause;
    loop {
        wait.for_next_look(client, pause.unwrap_or(PAUSE)).await?;
        let look = match &follow {
            Follow::Status { poll, location } => status(client, call, poll, location.as_deref()).await?,
            Follow::Location { poll } => location(client, call, poll).await?,
            Follow::Object => object(client, call).await?,
        };
        match look {
            Look::Running { next, asked } => {
                follow = next;
                pause = asked;
            }
            Look::Done(result) => return Ok(result),
            Look::Reread => return present(client.read(&call.id).await?),
            Look::Fetch(path) => return json_of(&client.poll(&path, call).await?),
        }
    }
}

/// What a look at an operation found.
enum Look {
    /// Look again, there, after that long.
    Running { next: Follow, asked: Option<Duration> },
    /// Over, with this result.
    Done(Option<Json>),
    /// Over; the object itself is the result.
    Reread,
    /// Over; the result is there.
    Fetch(String),
}

struct Wait {
    since: Timestamp,
    patience: Duration,
    looks: u32,
}

impl Wait {
    /// Never beyond the caller's patience: the last look is at its very end.
    async fn for_next_look(&mut self, client: &Client, pause: Duration) -> Result<(), Failure> {
        let waited = Duration::try_from(client.clock().now().duration_since(self.since)).unwrap_or_default();
        let left = self.patience.saturating_sub(waited);
        if left.is_zero() && self.looks > 0 {
            return Err(Failure::TimedOut { waited });
        }
        self.looks += 1;
        let pause = pause.min(left);
        if !pause.is_zero() {
            client.clock().sleep(pause).await;
        }
        Ok(())
    }
}

/// A look at a status document.
async fn status(client: &Client, call: &Call, poll: &str, location: Option<&str>) -> Result<Look, Failure> {
    let response = client.poll(poll, call).await?;
    let body = json_of(&response)?;
    let endpoint = client.endpoint();
    // Both links may be replaced with each answer.
    let poll = link(&response, "azure-asyncoperation", endpoint)?.unwrap_or_else(|| poll.to_owned());
    let location = link(&response, "location", endpoint)?.or_else(|| location.map(str::to_owned));
    let word = body.as_ref().and_then(|body| body.get("status")).and_then(Json::as_str);
    let word = word.or_else(|| body.as_ref().and_then(provisioning_state));
    let condition = match (word, response.status) {
        (Some(word), _) => Condition::named(word),
        (None, 204) => Condition::Settled,
        (None, 201 | 202) => Condition::Changing("Accepted"),
        (None, _) => return Err(Failure::Garbled("the operation's status document has no status".into())),
    };
    match condition {
        Condition::Changing(_) => Ok(Look::Running {
            next: Follow::Status { poll, location },
            asked: response.retry_after(client.clock().now()),
        }),
        Condition::Failed(word) => Err(ended(word, body.as_ref(), &response)),
        Condition::Settled => after_success(client, call, location, body.as_ref()),
    }
}

/// Where the result is once the status document says that it is there.
fn after_success(client: &Client, call: &Call, location: Option<String>, body: Option<&Json>) -> Result<Look, Failure> {
    let resource = body
        .and_then(|body| body.get("resourceLocation"))
        .and_then(Json::as_str);
    match (&call.verb, resource, location) {
        (Verb::Delete, _, _) => Ok(Look::Done(None)),
        (_, Some(resource), _) => Ok(Look::Fetch(inside(client.endpoint(), resource)?)),
        (Verb::Put | Verb::Patch | Verb::Get, None, _) => Ok(Look::Reread),
        // All actions of the contract have `final-state-via: location`.
        (Verb::Post(_), None, Some(poll)) => Ok(Look::Running {
            next: Follow::Location { poll },
            asked: Some(Duration::ZERO),
        }),
        (Verb::Post(_), None, None) => Ok(Look::Done(None)),
    }
}

/// A look at a `Location`.
async fn location(client: &Client, call: &Call, poll: &str) -> Result<Look, Failure> {
    let response = client.result(poll, call).await?;
    if response.status == 202 {
        let poll = link(&response, "location", client.endpoint())?.unwrap_or_else(|| poll.to_owned());
        return Ok(Look::Running {
            next: Follow::Location { poll },
            asked: response.retry_after(client.clock().now()),
        });
    }
    match &call.verb {
        Verb::Put | Verb::Patch | Verb::Get => Ok(Look::Reread),
        Verb::Delete => Ok(Look::Done(None)),
        Verb::Post(_) => Ok(Look::Done(json_of(&response)?)),
    }
}

/// A look at the object itself.
async fn object(client: &Client, call: &Call) -> Result<Look, Failure> {
    let response = client.look(&call.id).await?;
    let body = json_of(&response)?;
    let state = body.as_ref().and_then(provisioning_state);
    match state.map(Condition::named) {
        Some(Condition::Changing(_)) => Ok(Look::Running {
            next: Follow::Object,
            asked: response.retry_after(client.clock().now()),
        }),
        Some(Condition::Failed(state)) => Err(ended(state, body.as_ref(), &response)),
        Some(Condition::Settled) | None => Ok(Look::Done(body)),
    }
}

fn present(found: Found) -> Result<Option<Json>, Failure> {
    match found {
        Found::Present(json) => Ok(Some(json)),
        Found::Absent => Ok(None),
    }
}

fn ended(state: &str, body: Option<&Json>, response: &Response) -> Failure {
    let error = decode::operation_error(state, body.unwrap_or(&Json::Null), response);
    Failure::Failed(Box::new(error))
}

fn provisioning_state(body: &Json) -> Option<&str> {
    body.pointer("/properties/provisioningState")?.as_str()
}

/// Path and query of a link in a header, where it has one.
fn link(response: &Response, header: &str, endpoint: &Endpoint) -> Result<Option<String>, Failure> {
    match response.header(header).filter(|value| !value.is_empty()) {
        Some(value) => inside(endpoint, value).map(Some),
        None => Ok(None),
    }
}

fn inside(endpoint: &Endpoint, link: &str) -> Result<String, Failure> {
    endpoint
        .path_of(link)
        .map_err(|error| Failure::Garbled(error.to_string()))
}

/// The body of a success, which may be empty.
fn json_of(response: &Response) -> Result<Option<Json>, Failure> {
    if decode::text_of(response).is_empty() {
        return Ok(None);
    }
    decode::json(response).map(Some)
}
