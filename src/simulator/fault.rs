//! Faults on demand: which requests they meet and what then goes wrong. Never decides by real chance: draws come from the world.

use serde::{Deserialize, Serialize};

use super::clock::Span;
use super::message::Method;
use super::random::Chance;
use super::refusal::{Detail, Refusal};

/// One rule: the requests it meets, how often, and what it does to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Only this verb; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Only paths that match: `*` stands for any characters, slashes included; case is ignored. Any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Starts with the n-th match, counted from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Ends after so many times; one by default, `0` for ever.
    #[serde(default = "once")]
    pub count: u64,
    /// How likely each match is to be hit; always when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What happens.
    pub fault: Fault,
}

fn once() -> u64 {
    1
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Refused before anything happened.
    Status {
        /// HTTP status, 400 to 599.
        status: u16,
        /// ARM error code.
        code: String,
        /// ARM error message.
        #[serde(default)]
        message: Option<String>,
        /// `Retry-After` in seconds.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// A conflict of contract 2.7 by its code, with the status and shape it has there.
    Conflict {
        /// The code.
        code: Conflict,
    },
    /// The connection breaks before anything happened.
    ResetBefore {},
    /// The connection breaks after everything happened: the reply is lost.
    ResetAfter {},
    /// The answer is late, in simulated time.
    Slow {
        /// By how much.
        by: Span,
    },
    /// The answer is late, in real time.
    SlowWall {
        /// By how many milliseconds.
        milliseconds: u64,
    },
    /// Half of the body is late, in real time.
    SlowBody {
        /// By how many milliseconds.
        milliseconds: u64,
    },
    /// The answer is delivered twice on its connection.
    Duplicate {},
    /// Everything happens, and the answer that is delivered is the one to the request before.
    AnotherAnswer {},
    /// The body breaks off.
    Truncate {
        /// After so many bytes.
        bytes: usize,
    },
    /// A write succeeds, but for a while reads do not find what it created.
    NotFoundAfterCreate {
        /// For how long.
        lasting: Span,
    },
    /// The write is accepted; its operation ends as failed.
    OperationFails {
        /// ARM error code.
        code: String,
        /// ARM error message.
        #[serde(default)]
        message: Option<String>,
    },
    /// The service ends without a reply; what it has taken on stays for the next one.
    ServiceDies {},
    /// A migration created by this request goes wrong.
    Migration {
        /// How.
        how: MigrationFault,
    },
}

/// The conflicts of contract 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is an error code of Azure, explained in the contract")]
pub enum Conflict {
    AnotherOperationInProgress,
    ReferencedResourceNotProvisioned,
    RetryableError,
    RemotePeeringIsDisconnected,
    ServerIsBusy,
    ServerBusy,
    PrincipalNotFound,
    RoleAssignmentExists,
    PreconditionFailed,
    ScopeLocked,
    AuthorizationFailed,
    RequestDisallowedByPolicy,
}

impl Conflict {
    pub(crate) fn refusal(self, path: &str) -> Refusal {
        let busy = "Cannot proceed with operation because a referenced resource is not in Succeeded state.";
        match self {
            Self::AnotherOperationInProgress => {
                Refusal::new(429, "AnotherOperationInProgress", ANOTHER_OPERATION).retry_after(10)
            }
            Self::ReferencedResourceNotProvisioned => {
                Refusal::bad_request("ReferencedResourceNotProvisioned", format!("{busy} Resource: {path}"))
            }
            Self::RetryableError => Refusal::new(429, "RetryableError", "A retryable error occured.")
                .with_details(vec![Detail {
                    code: "ReferencedResourceNotProvisioned".to_owned(),
                    message: busy.to_owned(),
                    target: None,
                }])
                .retry_after(10),
            Self::RemotePeeringIsDisconnected => Refusal::bad_request(
                "RemotePeeringIsDisconnected",
                format!("Cannot create or update peering {path} because its remote peering is in Disconnected state."),
            ),
            Self::ServerIsBusy => Refusal::conflict(
                "ServerIsBusy",
                "Cannot complete operation while server is busy processing another operation. Try again later.",
            ),
            Self::ServerBusy => Refusal::conflict(
                "ServerBusy",
                "Server is busy with another operation. Please try again later.",
            ),
            Self::PrincipalNotFound => Refusal::bad_request("PrincipalNotFound", "The principal does not exist yet."),
            Self::RoleAssignmentExists => {
                Refusal::conflict("RoleAssignmentExists", "The role assignment already exists.")
            }
            Self::PreconditionFailed => Refusal::new(
                412,
                "PreconditionFailed",
                "The condition in the request header was not met.",
            ),
            Self::ScopeLocked => Refusal::conflict(
                "ScopeLocked",
                format!("The scope '{path}' cannot perform this operation because a lock prevents it."),
            ),
            Self::AuthorizationFailed => Refusal::new(
                403,
                "AuthorizationFailed",
                format!("The client does not have authorization to perform this action over scope '{path}'."),
            ),
            Self::RequestDisallowedByPolicy => Refusal::new(
                403,
                "RequestDisallowedByPolicy",
                format!("Resource '{path}' was disallowed by policy."),
            ),
        }
    }
}

/// The message of `AnotherOperationInProgress`.
pub(crate) const ANOTHER_OPERATION: &str = "Another operation on this or dependent resource is in progress.";

/// How a migration goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum MigrationFault {
    /// A check of the validation fails.
    ValidationFails {
        /// The type of the check, for example `ExtensionsValidation`.
        check: String,
        /// The database it concerns; the server when absent.
        #[serde(default)]
        database: Option<String>,
        /// What the service says.
        #[serde(default)]
        message: Option<String>,
    },
    /// A check of the validation warns, which does not stop the migration.
    ValidationWarns {
        /// The type of the check.
        check: String,
        /// The database it concerns; the server when absent.
        #[serde(default)]
        database: Option<String>,
        /// What the service says.
        #[serde(default)]
        message: Option<String>,
    },
    /// The copy fails in the middle of a database.
    CopyFails {
        /// Which; the first when absent.
        #[serde(default)]
        database: Option<String>,
        /// What the service says.
        #[serde(default)]
        message: Option<String>,
    },
    /// From the middle of a database on, no counter moves any more and nothing ends.
    Stuck {
        /// Which; the first when absent.
        #[serde(default)]
        database: Option<String>,
    },
    /// The cutover fails.
    CutoverFails {
        /// What the service says.
        #[serde(default)]
        message: Option<String>,
    },
    /// The service stops and asks, although nothing in the request makes it.
    Waits {
        /// For what.
        on: WaitFor,
    },
}

/// What a migration can be made to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is a waiting substate of contract 5.4")]
pub enum WaitFor {
    LogicalReplication,
    Databases,
    Overwrite,
    Scheduling,
}

/// A rule with its counters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Armed {
    #[serde(flatten)]
    rule: FaultRule,
    #[serde(default)]
    seen: u64,
    #[serde(default)]
    fired: u64,
}

/// All rules of a world.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Faults {
    armed: Vec<Armed>,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.armed.push(Armed {
            rule,
            seen: 0,
            fired: 0,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn armed(&self) -> &[Armed] {
        &self.armed
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// The faults that hit this request, in the order they were added.
    pub(crate) fn meet(&mut self, method: Method, path: &str, chance: &mut Chance) -> Vec<Fault> {
        let mut hits = Vec::new();
        for armed in &mut self.armed {
            let rule = &armed.rule;
            let spent = rule.count != 0 && armed.fired >= rule.count;
            let meets = rule.method.is_none_or(|wanted| wanted == method)
                && rule.path.as_ref().is_none_or(|pattern| matches(pattern, path));
            if spent || !meets {
                continue;
            }
            armed.seen += 1;
            let early = rule.nth.is_some_and(|nth| armed.seen < nth);
            let spared = rule
                .probability
                .is_some_and(|probability| chance.fraction() >= probability);
            if !early && !spared {
                armed.fired += 1;
                hits.push(rule.fault.clone());
            }
        }
        hits
    }
}

/// `*` matches any run of characters; ASCII case is ignored. A pattern without a star may match anywhere at the end.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let parts: Vec<&str> = pattern.split('*').collect();
    match parts.as_slice() {
        [] => true,
        [whole] => text == *whole || text.ends_with(whole),
        [first, middle @ .., last] => {
            let Some(mut rest) = text.strip_prefix(first) else {
                return false;
            };
            for part in middle {
                match rest.find(part) {
                    Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                    None => return false,
                }
            }
            rest.ends_with(last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(value: serde_json::Value) -> FaultRule {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn patterns() {
        assert!(matches("*/virtualNetworkPeerings/*", "/a/virtualnetworkpeerings/x"));
        assert!(matches("/restart", "/a/b/restart"));
        assert!(!matches("/a/*/c", "/a/b/d"));
        assert!(matches("*", "/anything"));
    }

    #[test]
    fn the_third_and_fourth_match_are_hit() {
        let mut faults = Faults::default();
        faults.add(rule(json!({
            "method": "PUT", "path": "*/peerings/*", "nth": 3, "count": 2,
            "fault": { "kind": "status", "status": 503, "code": "ServiceUnavailable" }
        })));
        let mut chance = Chance::new(1);
        let mut hit = |method, path: &str| !faults.meet(method, path, &mut chance).is_empty();
        assert!(!hit(Method::Get, "/peerings/a"));
        let hits: Vec<bool> = (0..6).map(|_| hit(Method::Put, "/peerings/a")).collect();
        assert_eq!(hits, [false, false, true, true, false, false]);
    }

    #[test]
    fn an_unknown_key_of_a_fault_is_named() {
        let text = json!({ "fault": { "kind": "slow", "by": 3, "until": 4 } }).to_string();
        let error = serde_json::from_str::<FaultRule>(&text).unwrap_err().to_string();
        assert!(error.contains("until"), "{error}");
    }
}
