//! The part of the control API that concerns the world alone: request log, export, faults, options. Never the clock.
//!
//! The whole API lies under `/_simulator/` and needs no token:
//!
//! | call | does |
//! | --- | --- |
//! | `GET clock` | mode, time, next event, number of sleepers, digest of the seed |
//! | `POST clock {"mode": "event"}` | another clock: `event`, `manual`, `x120` |
//! | `POST advance {"by": "2h"}` | lets simulated time pass |
//! | `POST sleep {"until": TIME}` | answers when simulated time has reached the instant |
//! | `GET requests[?since=N]`, `GET requests/count`, `DELETE requests` | the request log, secrets masked |
//! | `GET world` | the world in the form of a seed, without vaults; `GET world/objects` only the list of objects, as a snapshot has it |
//! | `GET faults`, `POST faults RULE` or `[RULE, …]`, `DELETE faults` | faults |
//! | `GET options`, `POST options {…}` | settings; what is left out stays as it is |
//! | `POST reset`, `POST shutdown` | back to the seed; end |

use serde_json::{Value, json};

use super::fault::FaultRule;
use super::message::{Method, Request, Response};
use super::refusal::Refusal;
use super::world::World;

/// Where the control API begins.
pub(crate) const PREFIX: &str = "/_simulator/";

impl World {
    /// Answers a control request, unless it is about something else than the world.
    pub(crate) fn control(&mut self, request: &Request) -> Option<Response> {
        let rest = request.path.strip_prefix(PREFIX)?.trim_end_matches('/');
        let response = match (request.method, rest) {
            (Method::Get, "requests") => {
                let since = request
                    .parameter("since")
                    .and_then(|since| since.parse().ok())
                    .unwrap_or(0);
                Response::json(200, &json!(self.log.since(since).collect::<Vec<_>>()))
            }
            (Method::Get, "requests/count") => Response::json(200, &self.log.counts()),
            (Method::Delete, "requests") => {
                self.log.clear();
                Response::empty(204)
            }
            (Method::Get, "world") => Response::json(200, &self.export()),
            (Method::Get, "world/objects") => Response::json(200, &Value::Array(self.objects())),
            (Method::Get, "faults") => Response::json(200, &json!(self.faults.armed())),
            (Method::Post, "faults") => self.add_faults(request),
            (Method::Delete, "faults") => {
                self.faults.clear();
                self.revision += 1;
                Response::empty(204)
            }
            (Method::Get, "options") => Response::json(200, &json!(self.options)),
            (Method::Post, "options") => self.set_options(request),
            _ => return None,
        };
        Some(response)
    }

    /// One rule, or a list of them.
    fn add_faults(&mut self, request: &Request) -> Response {
        let parsed: Result<Value, _> = serde_json::from_slice(&request.body);
        let rules: Result<Vec<FaultRule>, _> = parsed.and_then(|value| match value {
            Value::Array(_) => serde_json::from_value(value),
            one => serde_json::from_value(one).map(|rule| vec![rule]),
        });
        match rules {
            Ok(rules) => {
                for rule in rules {
                    self.add_fault(rule);
                }
                Response::json(200, &json!(self.faults.armed()))
            }
            Err(error) => unreadable(&error),
        }
    }

    fn set_options(&mut self, request: &Request) -> Response {
        let changed = serde_json::from_slice(&request.body).and_then(|changes: Value| self.options.merged(&changes));
        match changed {
            Ok(options) => {
                self.options = options;
                self.revision += 1;
                Response::json(200, &json!(self.options))
            }
            Err(error) => unreadable(&error),
        }
    }
}

/// A control request whose body makes no sense; the text names the key.
pub(crate) fn unreadable(error: &dyn std::fmt::Display) -> Response {
    Refusal::bad_request("InvalidControlRequest", error.to_string()).into_response()
}
