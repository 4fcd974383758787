//! Tokens of a pipeline's own issuer, asked for anew each time: they end after minutes, and runs last for days. Never kept, and
//! sent nowhere but where the pipeline said.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderName};
use azure_core::http::{ClientMethodOptions, HttpClient, Method, Request, Url};
use azure_identity::ClientAssertion;
use serde::Deserialize;

use crate::secret::Secret;

/// Who Entra takes such tokens from only if they are made out to it.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// The version of Azure DevOps's interface.
const DEVOPS_VERSION: &str = "7.1";

/// Without it Azure DevOps answers a wrong token with a page to sign in on.
const NO_PAGE: HeaderName = HeaderName::from_static("x-tfs-fedauthredirect");

/// A pipeline that vouches for its jobs.
#[derive(Clone, Debug)]
pub struct Pipeline {
    kind: PipelineKind,
    url: String,
    token: Secret,
}

#[derive(Clone, Debug)]
enum PipelineKind {
    GitHub,
    AzureDevOps {
        /// The id of the service connection that the identity belongs to.
        connection: String,
    },
}

impl Pipeline {
    /// The names that tell of one.
    pub(super) const NAMES: [&'static str; 5] = [
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "SYSTEM_OIDCREQUESTURI",
        "SYSTEM_ACCESSTOKEN",
        "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    ];

    /// The pipeline that set these, if one did. Azure DevOps hands its token only to steps that ask for it.
    pub(super) fn of(map: &BTreeMap<String, String>) -> Option<Self> {
        let get = |name: &str| map.get(name).filter(|value| !value.is_empty()).cloned();
        let [github_url, github_token, devops_url, devops_token, connection] = Self::NAMES.map(get);
        let github = || {
            Some(Self {
                kind: PipelineKind::GitHub,
                url: github_url?,
                token: Secret::new(github_token?),
            })
        };
        let devops = || {
            Some(Self {
                kind: PipelineKind::AzureDevOps {
                    connection: connection?,
                },
                url: devops_url?,
                token: Secret::new(devops_token?),
            })
        };
        github().or_else(devops)
    }
}

/// Asks a pipeline for its token.
pub(super) struct PipelineToken {
    pub(super) pipeline: Pipeline,
    pub(super) http: Arc<dyn HttpClient>,
}

impl fmt::Debug for PipelineToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pipeline.fmt(f)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "oidcToken")]
    value: String,
}

#[async_trait]
impl ClientAssertion for PipelineToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let failed = |reason: String| {
            let whose = match self.pipeline.kind {
                PipelineKind::GitHub => "GitHub Actions",
                PipelineKind::AzureDevOps { .. } => "Azure DevOps",
            };
            Error::with_message(ErrorKind::Credential, format!("{whose} gave no token: {reason}"))
        };
        let url = Url::parse(&self.pipeline.url).map_err(|error| failed(error.to_string()))?;
        if url.scheme() != "https" {
            return Err(failed("its address is not https".to_owned()));
        }
        let answer = self.http.execute_request(&self.pipeline.request(url)).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        let status = u16::from(answer.status());
        let answer = answer.try_into_raw_response().await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        if status != 200 {
            return Err(failed(format!("status {status}")));
        }
        // What it answered may hold the token: it is no part of an error.
        let answer: Answer =
            serde_json::from_slice(answer.body()).map_err(|_| failed("its answer holds none".to_owned()))?;
        Ok(answer.value)
    }
}

impl Pipeline {
    fn request(&self, mut url: Url) -> Request {
        let method = match &self.kind {
            PipelineKind::GitHub => {
                url.query_pairs_mut().append_pair("audience", AUDIENCE);
                Method::Get
            }
            PipelineKind::AzureDevOps { connection } => {
                url.query_pairs_mut()
                    .append_pair("api-version", DEVOPS_VERSION)
                    .append_pair("serviceConnectionId", connection);
                Method::Post
            }
        };
        let mut request = Request::new(url, method);
        request.insert_header(AUTHORIZATION, format!("Bearer {}", self.token.expose()));
        request.insert_header(ACCEPT, "application/json");
        if method == Method::Post {
            request.insert_header(CONTENT_LENGTH, "0");
            request.insert_header(NO_PAGE, "Suppress");
        }
        request
    }
}
