//! One request to the blob service and its answer: address, login, version, and trying again what got no answer. What is
//! sent here may be sent twice, so every request carries the conditions under which a second one changes nothing.
//! Never shows an address with its signature.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};
use tokio::time::Instant;

use super::address::BlobAddress;
use super::{Authorization, BlobLogin, BlobManners, BlobSas};
use crate::shared::RemoteFault;
use crate::store::StoreError;

/// The service's version whose words are spoken here.
const VERSION: &str = "2022-11-02";

/// How long an answer may take: a small one, and one for each further 64 KiB.
const ANSWER: Duration = Duration::from_secs(20);
const ANSWER_PART: Duration = Duration::from_millis(500);
const PART_BYTES: usize = 64 << 10;

/// How long a whole blob may take to come.
const DOWNLOAD: Duration = Duration::from_secs(600);

/// The first pause before trying again; the next ones are twice as long each, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(4);

/// The way to one state.
#[derive(Debug)]
pub(super) struct Wire {
    address: BlobAddress,
    login: BlobLogin,
    http: Client,
    manners: BlobManners,
}

/// One request.
pub(super) struct Call {
    pub(super) doing: &'static str,
    pub(super) method: Method,
    /// What follows the key in the blob's name.
    pub(super) ending: String,
    /// The part of the blob that is meant, as the service's `comp`.
    pub(super) component: Option<&'static str>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

/// What a request that was done brought back.
pub(super) struct Reply {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A request that was answered with a refusal, which may be an answer too.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: String,
    request: String,
}

/// Why a request was not done.
pub(super) enum Undone {
    Refused(Refusal),
    Failed(StoreError),
}

impl Wire {
    pub(super) fn new(address: BlobAddress, login: BlobLogin, http: Client, manners: BlobManners) -> Self {
        Self {
            address,
            login,
            http,
            manners,
        }
    }

    /// The state's address, for people.
    pub(super) fn place(&self) -> String {
        self.address.to_string()
    }

    /// The address of one of its blobs, for people.
    pub(super) fn place_of(&self, ending: &str) -> String {
        self.address.blob(ending).to_string()
    }

    pub(super) fn lease(&self) -> Duration {
        self.manners.lease
    }

    /// The error for a refusal that is no answer.
    pub(super) fn refused(&self, doing: &'static str, refusal: Refusal) -> StoreError {
        let Refusal { status, code, request } = refusal;
        self.failed(
            doing,
            RemoteFault::Refused {
                status: status.as_u16(),
                code,
                request,
            },
        )
    }

    pub(super) fn failed(&self, doing: &'static str, fault: RemoteFault) -> StoreError {
        StoreError::Remote {
            doing,
            place: self.place(),
            source: fault.into(),
        }
    }

    /// Sends a request until it is answered, or patience ends.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, Undone> {
        let until = Instant::now() + self.manners.patience;
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = match self.once(call).await {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(refusal)) if !worth_another_try(refusal.status) => return Err(Undone::Refused(refusal)),
                Ok(Err(Refusal { status, code, request })) => RemoteFault::Refused {
                    status: status.as_u16(),
                    code,
                    request,
                },
                Err(fault @ RemoteFault::NoAnswer(_)) => fault,
                Err(fault) => return Err(Undone::Failed(self.failed(call.doing, fault))),
            };
            if Instant::now() + pause >= until {
                return Err(Undone::Failed(self.failed(call.doing, fault)));
            }
            tracing::debug!(doing = call.doing, %fault, "the blob service is asked again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn once(&self, call: &Call) -> Result<Result<Reply, Refusal>, RemoteFault> {
        let malformed = || RemoteFault::Malformed("a header that can be written");
        let mut headers = HeaderMap::new();
        headers.insert("x-ms-version", HeaderValue::from_static(VERSION));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        for (name, value) in &call.headers {
            let value = HeaderValue::from_str(value).map_err(|_| malformed())?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut url = self.address.blob(&call.ending);
        match &self.login {
            BlobLogin::Sas(sas) => url.set_query(Some(&with_component(sas, call.component))),
            BlobLogin::Tokens(tokens) => {
                let Authorization(header) = tokens.authorization().await.map_err(RemoteFault::SignIn)?;
                let mut header = HeaderValue::from_str(&header).map_err(|_| malformed())?;
                header.set_sensitive(true);
                headers.insert(AUTHORIZATION, header);
                url.set_query(call.component.map(|part| format!("comp={part}")).as_deref());
            }
        }
        if call.method == Method::GET || call.method == Method::HEAD || call.method == Method::DELETE {
            headers.remove(CONTENT_LENGTH);
        }
        self.exchange(call, url, headers)
            .await
            .map_err(|error| RemoteFault::NoAnswer(error.without_url()))
    }

    async fn exchange(
        &self,
        call: &Call,
        url: Url,
        headers: HeaderMap,
    ) -> Result<Result<Reply, Refusal>, reqwest::Error> {
        let parts = u32::try_from(call.body.len() / PART_BYTES).unwrap_or(u32::MAX);
        let patience = if call.method == Method::GET {
            DOWNLOAD
        } else {
            ANSWER + ANSWER_PART.saturating_mul(parts)
        };
        let request = self.http.request(call.method.clone(), url).headers(headers);
        let answer = request.body(call.body.clone()).timeout(patience).send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        if !status.is_success() {
            return Ok(Err(Refusal {
                status,
                code: text("x-ms-error-code").to_owned(),
                request: text("x-ms-request-id").to_owned(),
            }));
        }
        let body = answer.bytes().await?.to_vec();
        Ok(Ok(Reply { headers, body }))
    }

    /// The one header without which an answer is none.
    pub(super) fn etag(&self, doing: &'static str, reply: &Reply) -> Result<String, StoreError> {
        reply
            .header("etag")
            .map(str::to_owned)
            .ok_or_else(|| self.failed(doing, RemoteFault::Malformed("an ETag")))
    }

    /// What became of a request whose refusals are no answers.
    pub(super) async fn must(&self, call: &Call) -> Result<Reply, StoreError> {
        self.send(call).await.map_err(|undone| self.explain(call.doing, undone))
    }

    pub(super) fn explain(&self, doing: &'static str, undone: Undone) -> StoreError {
        match undone {
            Undone::Refused(refusal) => self.refused(doing, refusal),
            Undone::Failed(error) => error,
        }
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn worth_another_try(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

fn with_component(sas: &BlobSas, component: Option<&'static str>) -> String {
    let BlobSas(query) = sas;
    match component {
        Some(part) => format!("comp={part}&{query}"),
        None => query.clone(),
    }
}
