//! Logins to Microsoft Entra through `azure_identity`. Each token is asked for with a fresh credential object, because the
//! library keeps tokens by the wall clock and cannot pass on claims; keeping them is done by `Tokens`.

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{
    AsyncRawResponse, Body, ClientMethodOptions, ClientOptions, ExponentialRetryOptions, HttpClient, Method, Request,
    RetryOptions, Transport, Url,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions, Executor,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
};
use jiff::Timestamp;

use super::certificate::CertificateAssertion;
use super::pipeline::{Pipeline, PipelineToken};
use super::settings::HostedIdentity;
use super::{Claims, CredentialChoice, CredentialKind, CredentialSettings, Token, TokenError, TokenSource, form};
use crate::arm::Scope;
use crate::clock::Clock;
use crate::secret::Secret;

/// Where a virtual machine asks for its identity. Without its header it answers 400: that tells it from other clouds'.
const METADATA: &str = "http://169.254.169.254/metadata/instance?api-version=2021-02-01";

/// A metadata service is on the same host and answers at once, or there is none.
const METADATA_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// A run that begins should not be silent for longer than this; one that goes on has a token left, and asks again itself.
const REPEATED_FOR: i64 = 10;

/// What logins need beside their settings.
#[derive(Clone)]
pub struct EntraOptions {
    /// Who signs tokens.
    pub authority: String,
    /// The tenant that the configuration names.
    pub tenant: Option<String>,
    /// Whose tenant that is.
    pub tenancy: Tenancy,
    /// Reaches the authority.
    pub http: Arc<dyn HttpClient>,
    /// Reaches the machine's metadata service, where no proxy may be in between.
    pub direct: Arc<dyn HttpClient>,
    /// Runs `az`; `None` for real.
    pub executor: Option<Arc<dyn Executor>>,
    /// For the times in assertions.
    pub clock: Arc<dyn Clock>,
}

/// Whose tenant a login is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// The run's own.
    Own,
    /// A further one, beside the run's own.
    Further,
}

/// One login.
struct Login {
    how: How,
    options: EntraOptions,
}

enum How {
    Secret {
        tenant: String,
        client_id: String,
        secret: Secret,
    },
    Certificate {
        tenant: String,
        client_id: String,
        path: PathBuf,
    },
    Federated {
        tenant: String,
        client_id: String,
        path: PathBuf,
    },
    Vouched {
        tenant: String,
        client_id: String,
        pipeline: Pipeline,
    },
    Managed {
        client_id: Option<String>,
        hosted: HostedIdentity,
    },
    Cli {
        tenant: Option<String>,
    },
    /// Set up by half: going on with another login would act as somebody that nobody named.
    Incomplete {
        kind: CredentialKind,
        reason: String,
    },
    /// Not set up: it says why.
    Missing {
        kind: CredentialKind,
        reason: String,
    },
}

/// The logins that these settings allow, in the documented order.
pub(super) fn sources(settings: &CredentialSettings, options: &EntraOptions) -> Vec<Arc<dyn TokenSource>> {
    [
        CredentialKind::ClientSecret,
        CredentialKind::ClientCertificate,
        CredentialKind::WorkloadIdentity,
        CredentialKind::ManagedIdentity,
        CredentialKind::AzureCli,
    ]
    .into_iter()
    .filter(|kind| match settings.choice {
        CredentialChoice::First => true,
        CredentialChoice::Only(wanted) => wanted == *kind,
    })
    .map(|kind| -> Arc<dyn TokenSource> {
        Arc::new(Login {
            how: how(
                kind,
                settings,
                options.tenant.clone().or_else(|| settings.tenant.clone()),
            ),
            options: options.clone(),
        })
    })
    .collect()
}

fn how(kind: CredentialKind, settings: &CredentialSettings, tenant: Option<String>) -> How {
    let missing = |what: &str| How::Missing {
        kind,
        reason: format!("{what} is not set"),
    };
    let incomplete = |what: &str| How::Incomplete {
        kind,
        reason: format!("{what} is not set"),
    };
    let with_application = |make: &dyn Fn(String, String) -> How| match (tenant.clone(), settings.client_id.clone()) {
        (Some(tenant), Some(client_id)) => make(tenant, client_id),
        (None, _) => incomplete("AZURE_TENANT_ID"),
        (Some(_), None) => incomplete("AZURE_CLIENT_ID"),
    };
    match kind {
        CredentialKind::ClientSecret => match settings.client_secret.clone() {
            None => missing("AZURE_CLIENT_SECRET"),
            Some(secret) => with_application(&|tenant, client_id| How::Secret {
                tenant,
                client_id,
                secret: secret.clone(),
            }),
        },
        CredentialKind::ClientCertificate => match settings.certificate.clone() {
            None => missing("AZURE_CLIENT_CERTIFICATE_PATH"),
            Some(path) => with_application(&|tenant, client_id| How::Certificate {
                tenant,
                client_id,
                path: path.clone(),
            }),
        },
        CredentialKind::WorkloadIdentity => match settings.federated_token.clone() {
            None => match (&settings.pipeline, &tenant, &settings.client_id) {
                (None, _, _) => missing("AZURE_FEDERATED_TOKEN_FILE"),
                // Any job may be given the means to ask for tokens: that alone chooses no login.
                (Some(_), None, _) => missing("AZURE_TENANT_ID"),
                (Some(_), Some(_), None) => missing("AZURE_CLIENT_ID"),
                (Some(pipeline), Some(tenant), Some(client_id)) => How::Vouched {
                    tenant: tenant.clone(),
                    client_id: client_id.clone(),
                    pipeline: pipeline.clone(),
                },
            },
            Some(path) => with_application(&|tenant, client_id| How::Federated {
                tenant,
                client_id,
                path: path.clone(),
            }),
        },
        CredentialKind::ManagedIdentity => How::Managed {
            client_id: settings.client_id.clone(),
            hosted: settings.hosted_identity,
        },
        CredentialKind::AzureCli => How::Cli { tenant },
        CredentialKind::Simulator => How::Missing {
            kind,
            reason: "it is for the simulator only".into(),
        },
    }
}

#[async_trait]
impl TokenSource for Login {
    fn kind(&self) -> CredentialKind {
        match &self.how {
            How::Secret { .. } => CredentialKind::ClientSecret,
            How::Certificate { .. } => CredentialKind::ClientCertificate,
            How::Federated { .. } | How::Vouched { .. } => CredentialKind::WorkloadIdentity,
            How::Managed { .. } => CredentialKind::ManagedIdentity,
            How::Cli { .. } => CredentialKind::AzureCli,
            How::Incomplete { kind, .. } | How::Missing { kind, .. } => *kind,
        }
    }

    async fn fetch(&self, scope: &Scope, claims: Option<&Claims>) -> Result<Token, TokenError> {
        match &self.how {
            How::Missing { reason, .. } => return Err(TokenError::NotHere(reason.clone())),
            How::Incomplete { kind, reason } => {
                return Err(TokenError::Refused {
                    kind: *kind,
                    reason: reason.clone(),
                });
            }
            How::Managed { hosted, .. } => {
                if *hosted == HostedIdentity::Missing {
                    self.probe().await?;
                }
                if self.options.tenancy == Tenancy::Further {
                    return Err(TokenError::Refused {
                        kind: CredentialKind::ManagedIdentity,
                        reason: "it has tokens of its own tenant only".into(),
                    });
                }
            }
            How::Secret { .. } | How::Certificate { .. } | How::Federated { .. } | How::Vouched { .. } => {}
            How::Cli { .. } => {}
        }
        let credential = self.credential(claims).map_err(|error| self.refused(&error))?;
        let token = credential
            .get_token(&[scope.0], None)
            .await
            .map_err(|error| self.refused(&error))?;
        let expires = Timestamp::from_second(token.expires_on.unix_timestamp()).unwrap_or(Timestamp::MAX);
        Ok(Token {
            secret: Secret::new(token.token.secret()),
            expires,
        })
    }
}

impl Login {
    fn credential(&self, claims: Option<&Claims>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let client_options = self.client_options(claims);
        match &self.how {
            How::Secret {
                tenant,
                client_id,
                secret,
            } => {
                let secret = azure_core::credentials::Secret::new(secret.expose().to_owned());
                let options = ClientSecretCredentialOptions { client_options };
                let made = ClientSecretCredential::new(tenant, client_id.clone(), secret, Some(options))?;
                Ok(made)
            }
            How::Certificate {
                tenant,
                client_id,
                path,
            } => {
                let authority = self.options.authority.trim_end_matches('/');
                let assertion = CertificateAssertion {
                    path: path.clone(),
                    client_id: client_id.clone(),
                    audience: format!("{authority}/{tenant}/oauth2/v2.0/token"),
                    clock: Arc::clone(&self.options.clock),
                };
                asserted(tenant, client_id, assertion, client_options)
            }
            How::Federated {
                tenant,
                client_id,
                path,
            } => asserted(tenant, client_id, FederatedToken(path.clone()), client_options),
            How::Vouched {
                tenant,
                client_id,
                pipeline,
            } => {
                let assertion = PipelineToken {
                    pipeline: pipeline.clone(),
                    http: Arc::clone(&self.options.http),
                };
                asserted(tenant, client_id, assertion, client_options)
            }
            How::Managed { client_id, .. } => {
                let options = ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                };
                let made = ManagedIdentityCredential::new(Some(options))?;
                Ok(made)
            }
            How::Cli { tenant } => {
                let options = AzureCliCredentialOptions {
                    tenant_id: tenant.clone(),
                    executor: self.options.executor.clone(),
                    ..AzureCliCredentialOptions::default()
                };
                let made = AzureCliCredential::new(Some(options))?;
                Ok(made)
            }
            How::Incomplete { reason, .. } | How::Missing { reason, .. } => {
                Err(Error::with_message(ErrorKind::Credential, reason.clone()))
            }
        }
    }

    fn client_options(&self, claims: Option<&Claims>) -> ClientOptions {
        let inner = match &self.how {
            How::Managed { .. } => &self.options.direct,
            How::Secret { .. } | How::Certificate { .. } | How::Federated { .. } => &self.options.http,
            How::Vouched { .. } | How::Cli { .. } | How::Incomplete { .. } | How::Missing { .. } => &self.options.http,
        };
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.options.authority);
        ClientOptions {
            transport: Some(Transport::new(Arc::new(WithClaims {
                inner: Arc::clone(inner),
                claims: claims.cloned(),
            }))),
            cloud: Some(Arc::new(CloudConfiguration::Custom(cloud))),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_total_elapsed: azure_core::time::Duration::seconds(REPEATED_FOR),
                ..ExponentialRetryOptions::default()
            }),
            ..ClientOptions::default()
        }
    }

    /// Whether this machine has Azure's metadata service.
    async fn probe(&self) -> Result<(), TokenError> {
        let not_here = || TokenError::NotHere("this machine has no Azure metadata service".into());
        let url = Url::parse(METADATA).map_err(|_| not_here())?;
        let request = Request::new(url, Method::Get);
        let asked = self.options.direct.execute_request(&request);
        match tokio::time::timeout(METADATA_PATIENCE, asked).await {
            Ok(Ok(answer)) if u16::from(answer.status()) == 400 => Ok(()),
            Ok(Ok(_) | Err(_)) | Err(_) => Err(not_here()),
        }
    }

    /// What an error means for the choice of a login: a machine without an identity and an `az` without a login are as good
    /// as not there, but an application whose secret is wrong is a mistake that has to be said.
    fn refused(&self, error: &Error) -> TokenError {
        let mut reason = one_line(error);
        if let How::Secret { secret, .. } = &self.how {
            reason = reason.replace(secret.expose(), "(secret)");
        }
        match &self.how {
            How::Managed {
                hosted: HostedIdentity::Missing,
                ..
            }
            | How::Cli { .. }
            | How::Missing { .. } => TokenError::NotHere(reason),
            How::Managed {
                hosted: HostedIdentity::Present,
                ..
            } => self.refusal(reason),
            How::Secret { .. } | How::Certificate { .. } | How::Federated { .. } => self.refusal(reason),
            How::Vouched { .. } | How::Incomplete { .. } => self.refusal(reason),
        }
    }

    fn refusal(&self, reason: String) -> TokenError {
        TokenError::Refused {
            kind: self.kind(),
            reason,
        }
    }
}

fn asserted<A: ClientAssertion + 'static>(
    tenant: &str,
    client_id: &str,
    assertion: A,
    client_options: ClientOptions,
) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let options = ClientAssertionCredentialOptions { client_options };
    let made = ClientAssertionCredential::new(tenant.to_owned(), client_id.to_owned(), assertion, Some(options))?;
    Ok(made)
}

/// Another issuer's token, read from its file each time: whoever wrote it writes a new one before the old one ends.
#[derive(Debug)]
struct FederatedToken(PathBuf);

#[async_trait]
impl ClientAssertion for FederatedToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let read = tokio::fs::read_to_string(&self.0).await;
        let text = read.map_err(|error| {
            let path = self.0.display();
            Error::with_message(ErrorKind::Credential, format!("{path} cannot be read: {error}"))
        })?;
        Ok(text.trim().to_owned())
    }
}

/// Adds the claims of a challenge to the form that asks for a token.
struct WithClaims {
    inner: Arc<dyn HttpClient>,
    claims: Option<Claims>,
}

impl fmt::Debug for WithClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithClaims")
    }
}

#[async_trait]
impl HttpClient for WithClaims {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (Some(claims), Method::Post, Body::Bytes(asked)) = (&self.claims, request.method(), request.body()) else {
            return self.inner.execute_request(request).await;
        };
        let mut text = String::from_utf8_lossy(asked).into_owned();
        text.push('&');
        text.push_str(&form(&[("claims", claims.as_str())]));
        let mut request = request.clone();
        request.set_body(text);
        self.inner.execute_request(&request).await
    }
}

/// An error with its causes in one line, without the library's own frame: who failed is said by the kind of credential.
fn one_line(error: &Error) -> String {
    let mut line = bare(&error.to_string());
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = bare(&inner.to_string());
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = inner.source();
    }
    line
}

fn bare(text: &str) -> String {
    let text = text.split("To troubleshoot, visit").next().unwrap_or_default();
    let text = text.split_once("authentication failed.").map_or(text, |(_, rest)| rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
