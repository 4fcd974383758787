//! Calls and the long-running operations that they start. Values only; polling belongs to `azure::poll`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::id::ArmId;

/// What a call does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Read.
    Get,
    /// Create or replace.
    Put,
    /// Change some members.
    Patch,
    /// Remove; on a migration: cancel.
    Delete,
    /// Run an action such as `restart`.
    Post(String),
}

/// A verb on an object; names what was attempted, in errors and in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What it does.
    pub verb: Verb,
    /// To what.
    pub id: ArmId,
    /// What the query says beside the api-version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
}

/// What the query of a call says beside the api-version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// A peering takes over the addresses that the other network has now (contract 7.2).
    SyncRemoteAddressSpace,
}

/// One id for all calls of a run, so that support can find them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelationId(pub Uuid);

/// A mutating call that Azure accepted; it can be stored and polled from another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Finished with the first answer. `None` where Azure answered without a body.
    Finished(Option<Json>),
    /// Going on in Azure.
    Running {
        /// What was called.
        call: Call,
        /// How to ask for its progress.
        follow: Follow,
        /// How long Azure asked to wait before the first look; `None` where it did not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pause: Option<Duration>,
    },
}

/// How a running operation is followed; decided by the first response (contract 2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follow {
    /// `Azure-AsyncOperation`: a status document. Path and query, used byte for byte.
    Status {
        /// Where the status is.
        poll: String,
        /// `Location`, when it came too.
        location: Option<String>,
    },
    /// `Location` only: 202 until done.
    Location {
        /// Where to ask.
        poll: String,
    },
    /// Neither: the object's own `provisioningState` tells.
    Object,
}

impl Verb {
    /// The HTTP method.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Post(_) => "POST",
        }
    }
}

impl Query {
    /// As it stands in the address: `name=value`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SyncRemoteAddressSpace => "syncRemoteAddressSpace=true",
        }
    }
}

impl Call {
    /// A call.
    pub fn new(verb: Verb, id: ArmId) -> Self {
        let query = None;
        Self { verb, id, query }
    }

    /// The same call with a query of its own.
    #[must_use]
    pub fn asking(mut self, query: Option<Query>) -> Self {
        self.query = query;
        self
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.method(), self.id)?;
        match &self.verb {
            Verb::Post(action) => write!(f, "/{action}"),
            Verb::Get | Verb::Put | Verb::Patch | Verb::Delete => Ok(()),
        }
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
