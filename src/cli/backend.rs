//! Where state is kept: what the `state` block says, and the store behind it. It reads no configuration but that block, and
//! sends nothing before the store is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pgferry_state::{
    Authorization, Between, BlobAddress, BlobLogin, BlobManners, BlobSas, BlobStore, BlobTokens, LocalStore,
    PostgresManners, PostgresStore, SignInRefused, StateName, Store,
};
use uuid::Uuid;

use super::env::Env;
use super::error::CommandError;
use crate::arm::{Cloud, CorrelationId, Scope, TenantId};
use crate::azure::credential::Tokens;
use crate::azure::transport::{Route, client};
use crate::azure::{self, Connection, CredentialSettings};
use crate::block::{Attribute, Body, Literal};
use crate::config::StateBlock;
use crate::database::{ChannelBinding, DatabaseName, Endpoint, Host, Port, Roots, SslMode, UserName};
use crate::diagnostic::code::{
    BACKEND, CONFLICT, CONVERSION, LITERAL_SECRET, MISSING_ARGUMENT, NOT_ALLOWED, NOT_KNOWN, UNKNOWN_ARGUMENT,
    VAULT_SECRET,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::lang::convert::convert;
use crate::lang::value::{Shape, Type};
use crate::lang::vault;
use crate::postgres::{StateDial, StateLogin, StateTokens};
use crate::secret::Secret;

/// Where a project keeps its state.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// In a directory beside the configuration.
    Local,
    /// In a container of a storage account.
    AzureBlob {
        /// Where.
        address: BlobAddress,
        /// A shared access signature; without one the login of the project is used.
        sas: Given,
    },
    /// In a PostgreSQL database.
    Postgres {
        /// The server and who signs in, without the password.
        endpoint: Box<Endpoint>,
        /// The database.
        database: DatabaseName,
        /// Which of its states.
        name: StateName,
        /// With what.
        login: DatabaseLogin,
        /// Whether a pooler stands between.
        between: Between,
    },
}

/// With what a state's database is signed in to.
#[derive(Clone, Debug)]
pub(crate) enum DatabaseLogin {
    /// A password, where there is one.
    Password(Given),
    /// Tokens of the project's login.
    Entra,
}

/// A secret of the `state` block.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    /// The block does not have it.
    Absent,
    /// It is at hand.
    Known(Secret),
    /// The block has it, and its variable has no value.
    Unset {
        /// The argument.
        argument: &'static str,
    },
}

/// The backends by their names in the configuration.
const BACKENDS: [&str; 3] = ["local", "azure_blob", "postgres"];

/// The port of the pooler that a flexible server brings along.
const POOLER: u16 = 6432;

/// The audience of tokens for storage, the same in every cloud.
const STORAGE: Scope = Scope("https://storage.azure.com/.default");

/// The blob service answers small requests in moments; a connection that is silent for this long is dead.
const SILENT: Duration = Duration::from_secs(60);

impl Backend {
    /// What the `state` block says; without one the state is local. What is simulated is kept apart from what is real.
    ///
    /// # Errors
    /// All that is wrong with the block.
    pub(crate) fn of(block: Option<&StateBlock>, cloud: Cloud) -> Result<Self, Diagnostics> {
        let Some(block) = block else {
            return Ok(Self::Local);
        };
        let mut reading = Reading::of(&block.body, block.span);
        let backend = match block.backend.value.as_str() {
            "local" => {
                reading.refuse_others("local", &[]);
                Some(Self::Local)
            }
            "azure_blob" => reading.azure_blob(cloud),
            "postgres" => reading.postgres(cloud),
            other => {
                let text = format!("the backends are `local`, `azure_blob` and `postgres`, not `{other}`");
                reading.found.push(
                    Diagnostic::error(BACKEND, "unknown state backend")
                        .at(block.backend.span, text)
                        .suggest(other, BACKENDS),
                );
                None
            }
        };
        let (backend, _) = reading.found.or(backend)?;
        backend.ok_or_else(|| Diagnostic::error(BACKEND, "no state backend").into())
    }

    /// Whether the state is lost with the machine.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Self::Local)
    }

    /// Where the state is, for people.
    pub(crate) fn place(&self, local: &std::path::Path) -> String {
        match self {
            Self::Local => local.display().to_string(),
            Self::AzureBlob { address, .. } => address.to_string(),
            Self::Postgres {
                endpoint,
                database,
                name,
                ..
            } => format!("database `{database}` on {endpoint}, state {name}"),
        }
    }

    /// The store. `local` is the directory of state that is kept locally.
    ///
    /// # Errors
    /// When a secret has no value, or the HTTP client or the login cannot be set up.
    pub(crate) async fn open(
        &self,
        local: PathBuf,
        cloud: Cloud,
        tenant: Option<&TenantId>,
        env: &Env,
    ) -> Result<Arc<dyn Store>, CommandError> {
        match self {
            Self::Local => Ok(Arc::new(LocalStore::new(local))),
            Self::AzureBlob { address, sas } => {
                let login = match sas {
                    Given::Known(sas) => BlobLogin::Sas(BlobSas::new(sas.expose())),
                    Given::Absent => BlobLogin::Tokens(Arc::new(Login(tokens(cloud, tenant, env).await?))),
                    Given::Unset { argument } => return Err(unset(argument)),
                };
                let route = if address.is_on_this_machine() {
                    Route::Direct
                } else {
                    Route::Proxied
                };
                let http = client(route, Some(SILENT)).map_err(|error| CommandError::Connect(error.into()))?;
                Ok(Arc::new(BlobStore::new(
                    address.clone(),
                    login,
                    http,
                    BlobManners::default(),
                )))
            }
            Self::Postgres {
                endpoint,
                database,
                name,
                login,
                between,
            } => {
                let (password, login) = match login {
                    DatabaseLogin::Password(Given::Known(password)) => (Some(password.clone()), StateLogin::Endpoint),
                    DatabaseLogin::Password(Given::Absent) => (None, StateLogin::Endpoint),
                    DatabaseLogin::Password(Given::Unset { argument }) => return Err(unset(argument)),
                    DatabaseLogin::Entra => {
                        let tokens = tokens(cloud, tenant, env).await?;
                        let scope = cloud.database_scope();
                        (None, StateLogin::Tokens(Arc::new(DatabaseTokens { tokens, scope })))
                    }
                };
                let dial = StateDial {
                    endpoint: Endpoint {
                        password,
                        ..(**endpoint).clone()
                    },
                    database: database.clone(),
                    login,
                };
                let manners = PostgresManners {
                    between: *between,
                    ..PostgresManners::default()
                };
                Ok(Arc::new(PostgresStore::new(Arc::new(dial), name, manners)))
            }
        }
    }
}

/// The project's login, for what keeps its state. The simulator's login opens nothing real, so with it the login is that of the
/// public cloud.
async fn tokens(cloud: Cloud, tenant: Option<&TenantId>, env: &Env) -> Result<Arc<Tokens>, CommandError> {
    let cloud = match cloud {
        Cloud::Simulator => Cloud::Public,
        Cloud::Public | Cloud::UsGovernment | Cloud::China => cloud,
    };
    let credentials = CredentialSettings::from_map(&env.credentials);
    let connection = Connection {
        cloud,
        base_url: None,
        tenant: tenant.cloned(),
        further_tenants: Vec::new(),
        credentials: credentials.map_err(|error| CommandError::Connect(error.into()))?,
        correlation: CorrelationId(Uuid::new_v4()),
    };
    let connected = azure::connect(connection).await.map_err(CommandError::Connect)?;
    Ok(connected.tokens)
}

/// Hands on tokens, which [`Tokens`] keeps fresh.
struct Login(Arc<Tokens>);

#[async_trait]
impl BlobTokens for Login {
    async fn authorization(&self) -> Result<Authorization, SignInRefused> {
        let held = self.0.get(&STORAGE).await;
        held.map(|held| Authorization::new(held.header.expose()))
            .map_err(|error| SignInRefused(error.to_string()))
    }
}

/// Asks for tokens that sign in to a database, and keeps none: each connection has one of its own.
struct DatabaseTokens {
    tokens: Arc<Tokens>,
    scope: Scope,
}

#[async_trait]
impl StateTokens for DatabaseTokens {
    async fn token(&self) -> Result<Secret, SignInRefused> {
        let token = self.tokens.credentials().fetch(&self.scope, None).await;
        token
            .map(|token| token.secret)
            .map_err(|error| SignInRefused(format!("no token to sign in with: {error}")))
    }
}

/// A block that says how the state is kept, being read.
pub(super) struct Reading<'a> {
    body: &'a Body,
    block: Span,
    pub(super) found: Diagnostics,
}

impl<'a> Reading<'a> {
    pub(super) fn of(body: &'a Body, block: Span) -> Self {
        Self {
            body,
            block,
            found: Diagnostics::new(),
        }
    }
}

impl Reading<'_> {
    fn azure_blob(&mut self, cloud: Cloud) -> Option<Backend> {
        self.refuse_others(
            "azure_blob",
            &["storage_account", "container", "key", "endpoint", "sas"],
        );
        let account = self.text("storage_account");
        let endpoint = self.text("endpoint");
        let (endpoint, span) = match (account, endpoint) {
            (Some((account, span)), None) => match is_account(&account) {
                true => (format!("https://{account}.blob.{}", storage_suffix(cloud)), span),
                false => {
                    let text = "a storage account is named by 3 to 24 lowercase letters and digits";
                    self.refuse(span, text);
                    return None;
                }
            },
            (None, Some((endpoint, span))) => (endpoint, span),
            (Some(_), Some((_, span))) => {
                let text = "`endpoint` names the account already, so `storage_account` has no place beside it";
                let conflict = Diagnostic::error(CONFLICT, "arguments that do not go together");
                self.found.push(conflict.at(span, text));
                return None;
            }
            (None, None) => {
                self.missing("storage_account");
                return None;
            }
        };
        let container = self.required("container");
        let key = self.required("key");
        let sas = self.secret("sas");
        let ((container, container_span), (key, key_span)) = (container?, key?);
        let address = BlobAddress::new(&endpoint, &container, &apart(&key, cloud));
        match address {
            Ok(address) => Some(Backend::AzureBlob { address, sas }),
            Err(error) => {
                use pgferry_state::BlobAddressError as Wrong;
                let span = match &error {
                    Wrong::Endpoint(_) => span,
                    Wrong::Container(_) => container_span,
                    Wrong::Key(_) => key_span,
                };
                self.refuse(span, &error.to_string());
                None
            }
        }
    }

    fn postgres(&mut self, cloud: Cloud) -> Option<Backend> {
        const ARGUMENTS: [&str; 11] = [
            "host",
            "port",
            "database",
            "user",
            "password",
            "entra_auth",
            "ssl_mode",
            "root_certificates",
            "schema",
            "name",
            "pooler",
        ];
        self.refuse_others("postgres", &ARGUMENTS);
        let host = self.parsed::<Host>("host");
        let port = self.optional::<Port>("port");
        let database = self.parsed::<DatabaseName>("database");
        let user = self.parsed::<UserName>("user");
        let ssl_mode = self.optional::<SslMode>("ssl_mode");
        let roots = self.text("root_certificates");
        let roots = roots.map_or(Roots::System, |(text, _)| Roots::Pem(text.as_bytes().into()));
        let pooler = self.flag("pooler").map(|(pooler, _)| pooler);
        let schema = self.text("schema");
        let name = self.required("name");
        let password = self.secret("password");
        let entra = self.flag("entra_auth").filter(|(entra, _)| *entra);
        let port = port.unwrap_or(Port::POSTGRES);
        let between = if pooler.unwrap_or(port.number() == POOLER) {
            Between::Pooler
        } else {
            Between::Nothing
        };
        let ((host, database), (user, (name, span))) = ((host?, database?), (user?, name?));
        let ssl_mode = ssl_mode.unwrap_or(SslMode::VerifyFull);
        let login = match entra {
            None => DatabaseLogin::Password(password),
            Some((_, span)) => {
                self.check_entra(&host, ssl_mode, span);
                DatabaseLogin::Entra
            }
        };
        let schema_text = schema.as_ref().map_or("pgferry", |(text, _)| text);
        match StateName::new(schema_text, &apart(&name, cloud)) {
            Ok(name) => Some(Backend::Postgres {
                endpoint: Box::new(Endpoint {
                    host,
                    port,
                    via: None,
                    user,
                    password: None,
                    ssl_mode,
                    roots,
                    channel_binding: ChannelBinding::Prefer,
                }),
                database,
                name,
                login,
                between,
            }),
            Err(error) => {
                let schema = schema.map(|(_, span)| span);
                let span = match &error {
                    pgferry_state::StateNameError::Schema(_) => schema.unwrap_or(span),
                    pgferry_state::StateNameError::Name(_) => span,
                };
                self.refuse(span, &error.to_string());
                None
            }
        }
    }

    /// A token is sent as it stands, and opens more than this database: only to who has proved to be the server.
    fn check_entra(&mut self, host: &Host, ssl_mode: SslMode, span: Span) {
        if self.attribute("password").is_some() {
            let text = "`entra_auth` signs in with a token of the login, so `password` has no place beside it";
            let conflict = Diagnostic::error(CONFLICT, "arguments that do not go together");
            self.found.push(conflict.at(span, text));
        }
        let is_checked = match ssl_mode {
            SslMode::VerifyFull => true,
            // Public authorities certify everybody: without the name, only one of one's own proves anything.
            SslMode::VerifyCa => self.attribute("root_certificates").is_some() || host.is_loopback(),
            SslMode::Disable | SslMode::Prefer | SslMode::Require => host.is_loopback(),
        };
        if !is_checked {
            let text = "a token is only sent to a server whose certificate is checked: leave `ssl_mode` out, or write `verify_ca` \
                        beside `root_certificates`";
            self.refuse(span, text);
        }
    }

    fn refuse_others(&mut self, backend: &str, known: &[&str]) {
        for (name, attribute) in &self.body.attributes {
            if !known.contains(&&**name) {
                let text = format!("`state \"{backend}\"` has no argument of this name");
                let unknown = Diagnostic::error(UNKNOWN_ARGUMENT, "unknown argument").at(attribute.name, text);
                self.found.push(match known {
                    [] => unknown.hint(format!("`{backend}` takes none: leave it out")),
                    known => unknown.offer(name, known.iter().copied()),
                });
            }
        }
        for nested in &self.body.blocks {
            let text = format!("`state \"{backend}\"` has no block of this name");
            self.found
                .push(Diagnostic::error(UNKNOWN_ARGUMENT, "unknown argument").at(nested.span, text));
        }
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.body
            .attributes
            .get(name)
            .filter(|attribute| !attribute.value.is_null())
    }

    /// A text that is known, with its place.
    fn text(&mut self, name: &str) -> Option<(String, Span)> {
        let attribute = self.attribute(name)?;
        let span = attribute.span;
        if attribute.value.is_unknown() {
            let text = format!("`{name}` must be known before anything else is");
            self.found
                .push(Diagnostic::error(NOT_KNOWN, "value not known").at(span, text));
            return None;
        }
        let text = convert(&attribute.value, &Type::String).ok();
        let text = text.as_ref().and_then(|value| value.as_text()).map(str::to_owned);
        if text.is_none() {
            self.found
                .push(Diagnostic::error(CONVERSION, "wrong type").at(span, "a string is required"));
        }
        text.map(|text| (text, span))
    }

    /// `true` or `false`, with its place.
    fn flag(&mut self, name: &str) -> Option<(bool, Span)> {
        let (text, span) = self.text(name)?;
        match text.as_str() {
            "true" => Some((true, span)),
            "false" => Some((false, span)),
            _ => {
                self.refuse(span, &format!("`{name}` is `true` or `false`"));
                None
            }
        }
    }

    fn required(&mut self, name: &str) -> Option<(String, Span)> {
        if self.attribute(name).is_none() {
            self.missing(name);
            return None;
        }
        self.text(name)
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let (text, span) = self.required(name)?;
        self.parse(&text, span)
    }

    fn optional<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let (text, span) = self.text(name)?;
        self.parse(&text, span)
    }

    fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self, text: &str, span: Span) -> Option<T> {
        let parsed = text.parse::<T>();
        parsed.map_err(|error| self.refuse(span, &error.to_string())).ok()
    }

    pub(super) fn secret(&mut self, argument: &'static str) -> Given {
        let Some(attribute) = self.attribute(argument) else {
            return Given::Absent;
        };
        let span = attribute.span;
        if vault::hangs_on_vault(&attribute.value) {
            self.found.push(
                Diagnostic::error(VAULT_SECRET, "secret of a vault for the state itself")
                    .at(span, format!("`{argument}` opens the state for every plan, and vaults are read only by what sends to Azure"))
                    .hint("take it from a sensitive variable, which a pipeline can fill from the vault"),
            );
            return Given::Absent;
        }
        if attribute.literal == Literal::Written {
            self.found.push(
                Diagnostic::error(LITERAL_SECRET, "secret in the configuration")
                    .at_secret(span, format!("`{argument}` may not stand in a file that is shared"))
                    .hint(format!(
                        "declare `variable \"state_{argument}\" {{ sensitive = true }}`, write `{argument} = \
                         var.state_{argument}`, and set PGFERRY_VAR_state_{argument}"
                    )),
            );
            return Given::Absent;
        }
        match &attribute.value.shape {
            Shape::Unknown(_) => Given::Unset { argument },
            Shape::Text(text) if !text.is_empty() => Given::Known(Secret::new(text.to_string())),
            _ => {
                // Whatever it is instead may hold the secret.
                self.found
                    .push(Diagnostic::error(CONVERSION, "wrong type").at(span, "expected a text that is not empty"));
                Given::Absent
            }
        }
    }

    fn missing(&mut self, name: &str) {
        let text = format!("`{name}` must be given here");
        self.found
            .push(Diagnostic::error(MISSING_ARGUMENT, "missing argument").at(self.block, text));
    }

    pub(super) fn refuse(&mut self, span: Span, text: &str) {
        self.found
            .push(Diagnostic::error(NOT_ALLOWED, "value not allowed").at(span, text));
    }
}

fn unset(argument: &'static str) -> CommandError {
    CommandError::StateSecretUnset {
        block: "state",
        argument,
    }
}

/// The name under which a state is kept: what is simulated never touches what is real.
fn apart(name: &str, cloud: Cloud) -> String {
    match cloud {
        Cloud::Simulator => format!("{name}.simulator"),
        Cloud::Public | Cloud::UsGovernment | Cloud::China => name.to_owned(),
    }
}

fn is_account(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn storage_suffix(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Public | Cloud::Simulator => "core.windows.net",
        Cloud::UsGovernment => "core.usgovcloudapi.net",
        Cloud::China => "core.chinacloudapi.cn",
    }
}
