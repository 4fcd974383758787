//! Secrets in Key Vaults: one GET each, at the vault's own host, with a token that vaults take. It keeps nothing.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::decode;
use super::endpoint::Endpoint;
use super::meter::Purpose;
use super::pipeline::{Exchange, Pipeline, Repeat};
use super::policy::govern::{Bucket, Class};
use crate::arm::Failure;
use crate::arm::http::{HeaderValue, Request, Response};
use crate::arm::operation::Verb;
use crate::clock::Clock;
use crate::secret::{Secret, VaultSecret};

/// The version of the data plane of vaults that is asked for; its operation `secrets/get` has been the same since 7.0.
const VERSION: &str = "7.4";

/// Where vaults answer.
#[derive(Clone, Debug)]
pub enum Door {
    /// Each at its own host.
    Own,
    /// All at this address: the `Host` header says which one is meant, as for a vault that is asked by its bare address.
    Shared(Endpoint),
}

/// The vaults of a cloud.
pub struct Vaults {
    /// Where they answer.
    pub door: Door,
    /// The way to them.
    pub pipeline: Pipeline,
    /// Their time.
    pub clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl Vaults {
    /// Reads a secret as it is at this moment.
    ///
    /// # Errors
    /// When the vault refuses or cannot be reached, or the secret is empty.
    pub(super) async fn read(&self, id: &VaultSecret) -> Result<Secret, Failure> {
        let path = format!("{}?api-version={VERSION}", id.path());
        let mut headers = vec![("accept", HeaderValue::Plain("application/json".into()))];
        let url = match &self.door {
            Door::Own => format!("https://{}{path}", id.host()),
            Door::Shared(endpoint) => {
                headers.push(("host", HeaderValue::Plain(id.host().to_owned())));
                endpoint.at(&path)
            }
        };
        let exchange = Exchange {
            request: Request {
                verb: Verb::Get,
                url,
                headers,
                body: None,
            },
            purpose: Purpose::Read,
            bucket: Bucket {
                service: id.host().to_owned(),
                subscription: String::new(),
                class: Class::Read,
            },
            repeat: Repeat::Freely,
            waited: Duration::ZERO,
        };
        let response = self.pipeline.send(exchange).await?;
        match response.status {
            200 => text_of(response),
            400.. => {
                let mut error = decode::refusal(&response, self.clock.now());
                // Vaults end the lines of their refusals as Windows does.
                error.message = error.message.replace("\r\n", "\n");
                Err(Failure::Refused(Box::new(error)))
            }
            other => Err(Failure::Garbled(format!("status {other} is no answer of a vault"))),
        }
    }
}

/// The secret in an answer, which is wiped.
fn text_of(response: Response) -> Result<Secret, Failure> {
    let answer: Result<Answer, Failure> = decode::json(&response);
    drop(Zeroizing::new(response.body));
    match answer?.value {
        empty if empty.is_empty() => Err(Failure::Garbled("the secret is empty".into())),
        text => Ok(Secret::new(text)),
    }
}
