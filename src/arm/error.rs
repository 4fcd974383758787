//! What can go wrong with a call to ARM, and whether trying again can help. Facts only; advice belongs to `cli::error`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::cloud::Scope;
use super::id::ArmType;
use super::operation::{Call, CorrelationId};
use crate::secret::VaultSecret;

/// A call that failed: what was attempted on what, and how it failed.
#[derive(Debug, Error)]
#[error("{call}")]
pub struct ArmError {
    /// What was attempted.
    pub call: Call,
    /// The run's correlation id, for a support request.
    pub correlation: CorrelationId,
    /// How it failed.
    #[source]
    pub failure: Failure,
}

/// A secret that could not be read in its vault.
#[derive(Debug, Error)]
#[error("read the secret {id}")]
pub struct VaultError {
    /// The secret.
    pub id: VaultSecret,
    /// How it failed.
    #[source]
    pub failure: Failure,
}

/// How a call failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// ARM answered with an error.
    #[error("{0}")]
    Refused(Box<ServiceError>),
    /// An operation that ARM had accepted is over and did not succeed: the word of the operation itself, not of the look at
    /// it.
    #[error("{0}")]
    Failed(Box<ServiceError>),
    /// ARM wants us to wait, and the patience of this call is used up.
    #[error("throttled; Azure asks to wait {} s", retry_after.as_secs())]
    Throttled {
        /// How long.
        retry_after: Duration,
    },
    /// No credential gave a token.
    #[error("no token for {}: {reason}", audience.0.trim_end_matches("/.default"))]
    Unauthenticated {
        /// What the token was for.
        audience: Scope,
        /// What each credential that was tried said.
        reason: String,
    },
    /// No answer.
    #[error("{0}")]
    Unreachable(TransportError),
    /// An answer that is not what the contract says.
    #[error("the answer cannot be read: {0}")]
    Garbled(String),
    /// A call that cannot be addressed: it was not sent.
    #[error("no api-version is known for `{arm_type}`")]
    Unaddressable {
        /// The type that is not in the table.
        arm_type: ArmType,
    },
    /// An operation that did not end in the time it was given.
    #[error("not finished after {} s", waited.as_secs())]
    TimedOut {
        /// How long it was followed.
        waited: Duration,
    },
}

/// What the network said.
#[derive(Debug, Clone, Error)]
#[error("no answer: {message}")]
pub struct TransportError {
    /// The chain of causes in one line, without secrets.
    pub message: String,
    /// Whether the request can have reached the service before the connection broke.
    pub delivered: Delivery,
}

/// Whether a request that got no answer can have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It never left: no connection.
    NotSent,
    /// Nobody knows.
    Unknown,
}

/// An error answer of ARM (contract 2.4).
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// HTTP status of the answer that told it; 200 where a status document or the object told of an operation that failed.
    pub status: u16,
    /// The service's code, or the status where it sent none.
    pub code: String,
    /// Its message, as sent.
    pub message: String,
    /// What it is about.
    pub target: Option<String>,
    /// Nested errors.
    pub details: Vec<ServiceError>,
    /// `x-ms-request-id` and what else a support request needs.
    pub request_id: Option<String>,
    /// How long the service asked to wait before the call is made again; `None` where it did not say. It is about the moment
    /// of the answer, so it is not kept.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// Whether and how to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It will not help.
    Never,
    /// Safe to repeat as it is, after a pause.
    Same,
    /// Another operation is in the way: wait, look again, then repeat.
    AfterConflict,
    /// Wait as told.
    After(Duration),
}

impl Failure {
    /// What sort of failure it is, in a word that holds nothing of the call: the service's own code where there is one.
    pub fn kind(&self) -> &str {
        match self {
            Self::Refused(error) | Self::Failed(error) => &error.code,
            Self::Throttled { .. } => "throttled",
            Self::Unauthenticated { .. } => "unauthenticated",
            Self::Unreachable(_) => "unreachable",
            Self::Garbled(_) => "garbled",
            Self::Unaddressable { .. } => "unaddressable",
            Self::TimedOut { .. } => "timed_out",
        }
    }

    /// The one place that decides whether a failed call may be repeated.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Throttled { retry_after } => Retry::After(*retry_after),
            Self::Refused(error) => error.retry(),
            // Whatever the status of the look that told it: the operation is over, and only a conflict passes.
            Self::Failed(error) => error.conflict().map_or(Retry::Never, |_| Retry::AfterConflict),
            Self::Unreachable(error) => match error.delivered {
                Delivery::NotSent => Retry::Same,
                Delivery::Unknown => Retry::AfterConflict,
            },
            Self::Unauthenticated { .. } | Self::Garbled(_) | Self::Unaddressable { .. } | Self::TimedOut { .. } => {
                Retry::Never
            }
        }
    }

    /// What is in the way of the call, where that passes.
    pub fn conflict(&self) -> Option<Conflict> {
        match self {
            Self::Refused(error) | Self::Failed(error) => error.conflict(),
            Self::Throttled { .. }
            | Self::Unauthenticated { .. }
            | Self::Unreachable(_)
            | Self::Garbled(_)
            | Self::Unaddressable { .. }
            | Self::TimedOut { .. } => None,
        }
    }

    /// How long the service asked to wait before the call is made again, beside a conflict or any other refusal; `None` where
    /// it did not say.
    pub fn asked(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => Some(*retry_after),
            Self::Refused(error) | Self::Failed(error) => error.retry_after,
            Self::Unauthenticated { .. }
            | Self::Unreachable(_)
            | Self::Garbled(_)
            | Self::Unaddressable { .. }
            | Self::TimedOut { .. } => None,
        }
    }
}

/// What is in the way of a call that will work later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conflict {
    /// Something that was just created is not known everywhere yet.
    Spreading,
    /// A neighbour in the network is being changed.
    Neighbour,
    /// The server is being changed.
    Server,
}

impl Conflict {
    /// How long it may last before it is worth reporting; whoever repeats a call looks at the object anew before each try
    /// (contract 2.7). Shorter than what the conflicting operation itself is known to take would report what passes
    /// (contract 12).
    pub fn patience(self) -> Duration {
        let minutes = match self {
            // Minutes for a new principal; longer, and it does not exist.
            Self::Spreading => 5,
            // Network operations take about a minute each, and several may stand in line.
            Self::Neighbour => 15,
            // Creating a server takes up to ten minutes, moving its network twenty.
            Self::Server => 30,
        };
        Duration::from_secs(minutes * 60)
    }
}

/// Codes that mean "something else is being done to it; later it will work" (contract 2.7).
const CONFLICTS: [(&str, Conflict); 7] = [
    ("AnotherOperationInProgress", Conflict::Neighbour),
    ("ReferencedResourceNotProvisioned", Conflict::Neighbour),
    ("RetryableError", Conflict::Neighbour),
    ("ServerIsBusy", Conflict::Server),
    ("ServerBusy", Conflict::Server),
    ("ServerIsNotReady", Conflict::Server),
    ("PrincipalNotFound", Conflict::Spreading),
];

/// Codes of 404 answers that do not mean "the object is not there".
const NOT_ABOUT_THE_OBJECT: [&str; 5] = [
    "SubscriptionNotFound",
    "InvalidSubscriptionId",
    "InvalidResourceType",
    "InvalidResourceNamespace",
    "NoRegisteredProviderFound",
];

impl ServiceError {
    /// Whether repeating can help: by code first, then by whether the service said when, and by status where it said nothing.
    /// The reference client repeats whatever asks for a wait (contract 2.7), but a token that was refused is not better later.
    pub fn retry(&self) -> Retry {
        if self.conflict().is_some() {
            return Retry::AfterConflict;
        }
        match (self.retry_after, self.status) {
            (Some(asked), status) if status != 401 => Retry::After(asked),
            (None, 408 | 429 | 500 | 502 | 503 | 504) => Retry::Same,
            _ => Retry::Never,
        }
    }

    /// Whether it is certain that the call so answered changed nothing. A 5xx may come from a gateway behind which the call
    /// went on, unless the service says when to come back; a refusal of the 4xx family was decided before anything was done,
    /// except 408, which only says that somebody stopped waiting.
    pub fn changed_nothing(&self) -> bool {
        let refused = (400..500).contains(&self.status) && self.status != 408;
        refused || self.conflict().is_some() || (self.status == 503 && self.retry_after.is_some())
    }

    /// Whether this error or one of its details has one of these codes.
    pub fn any_code(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| code.eq_ignore_ascii_case(&self.code))
            || self.details.iter().any(|detail| detail.any_code(codes))
    }

    /// What is in the way, where that passes. A call so answered was refused and changed nothing.
    pub fn conflict(&self) -> Option<Conflict> {
        CONFLICTS
            .iter()
            .find(|(code, _)| self.any_code(&[code]))
            .map(|(_, conflict)| *conflict)
    }

    /// Whether it says that the object, its parent or its group is not there. A 404 that speaks of a subscription, a
    /// resource type or an api-version says nothing about the object.
    pub fn is_absent(&self) -> bool {
        self.status == 404 && !self.any_code(&NOT_ABOUT_THE_OBJECT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> ServiceError {
        ServiceError {
            status,
            code: code.into(),
            message: String::new(),
            target: None,
            details: Vec::new(),
            request_id: None,
            retry_after: None,
        }
    }

    fn asking(status: u16, code: &str) -> ServiceError {
        ServiceError {
            retry_after: Some(Duration::from_secs(9)),
            ..refused(status, code)
        }
    }

    #[test]
    fn what_asks_for_a_wait_may_be_repeated_after_it() {
        assert_eq!(asking(503, "X").retry(), Retry::After(Duration::from_secs(9)));
        assert_eq!(asking(409, "X").retry(), Retry::After(Duration::from_secs(9)));
        assert_eq!(asking(409, "ServerBusy").retry(), Retry::AfterConflict);
        assert_eq!(asking(401, "X").retry(), Retry::Never);
    }

    #[test]
    fn a_server_error_leaves_open_what_became_of_the_call_unless_it_says_when_to_come_back() {
        for (error, certain) in [
            (refused(409, "X"), true),
            (refused(408, "X"), false),
            (refused(500, "X"), false),
            (refused(500, "ServerIsBusy"), true),
            (refused(503, "X"), false),
            (asking(503, "X"), true),
            (asking(502, "X"), false),
        ] {
            assert_eq!(error.changed_nothing(), certain, "{error:?}");
        }
    }
}
