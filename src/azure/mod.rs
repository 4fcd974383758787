//! Azure over HTTP: the ARM client with its pipeline, logins and clocks. It knows the words of [`crate::arm`] and nothing of
//! kinds, plans or the simulator, with which it shares only the HTTP contract.

pub mod client;
pub mod clock;
pub mod credential;
pub mod decode;
pub mod endpoint;
pub mod mask;
pub mod meter;
pub mod pipeline;
pub mod policy;
mod poll;
mod settling;
#[cfg(test)]
mod tests;
pub mod transport;
pub mod vault;
pub mod versions;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tracing::debug;

pub use client::Client;
pub use meter::Requests;

use crate::arm::http::Transport;
use crate::arm::{Cloud, CorrelationId, TenantId};
use crate::clock::Clock;
use clock::{SimulatedClock, SimulatedTime, WallClock};
use credential::{Credentials, EntraOptions, SettingsError, SimulatorLogin, Tenancy, Tenants, Tokens};
use endpoint::{Endpoint, EndpointError};
use meter::Meter;
use pipeline::Pipeline;
use policy::auth::Auth;
use policy::correlation::Correlation;
use policy::govern::{Caps, Governor};
use policy::log::Log;
use policy::own::Own;
use policy::retry::{Jitter, Retries};
use policy::trace::Trace;
use transport::{HttpTransport, Route};
use vault::{Door, Vaults};

pub use credential::{CredentialChoice, CredentialKind, CredentialSettings, WhichCredential};

/// What a connection to a cloud is made from.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The cloud.
    pub cloud: Cloud,
    /// Where ARM answers, where that is not the cloud's own address. The simulator's is always given: its port is found at
    /// run time.
    pub base_url: Option<String>,
    /// The tenant that the configuration names.
    pub tenant: Option<TenantId>,
    /// Further tenants that its subscriptions belong to; at most three (contract 2.2).
    pub further_tenants: Vec<TenantId>,
    /// What is known of logins.
    pub credentials: CredentialSettings,
    /// One id for all calls of this run.
    pub correlation: CorrelationId,
}

/// A connection.
pub struct Connected {
    /// The client.
    pub client: Arc<Client>,
    /// The cloud's clock.
    pub clock: Arc<dyn Clock>,
    /// The login: which one is used is known after the first call.
    pub credentials: Arc<Credentials>,
    /// Its tokens, for other services of the cloud.
    pub tokens: Arc<Tokens>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The address is no place for tokens.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// TLS cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
    /// The simulator has no address.
    #[error("the simulator's address is not known: it is not running")]
    NoSimulator,
}

/// Connects: sets up the pipeline, the login and the clock. Nothing is sent to Azure yet; the simulator is asked what time it
/// is.
///
/// # Errors
/// When the address or the settings are wrong, or TLS cannot be set up.
pub async fn connect(connection: Connection) -> Result<Connected, ConnectError> {
    match connection.cloud {
        Cloud::Public | Cloud::UsGovernment | Cloud::China => connect_to_azure(connection),
        Cloud::Simulator => connect_to_simulator(connection).await,
    }
}

fn connect_to_azure(connection: Connection) -> Result<Connected, ConnectError> {
    let base = connection.base_url.as_deref().unwrap_or(connection.cloud.arm_base());
    let endpoint = Endpoint::new(base)?;
    let route = if endpoint.is_loopback() {
        Route::Direct
    } else {
        Route::Proxied
    };
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let settings = &connection.credentials;
    let authority = settings
        .authority
        .clone()
        .unwrap_or_else(|| connection.cloud.authority().to_owned());
    let silent = Some(Duration::from_secs(60));
    let options = EntraOptions {
        authority,
        tenant: connection.tenant.as_ref().map(|tenant| tenant.as_str().to_owned()),
        tenancy: Tenancy::Own,
        http: Arc::new(transport::client(Route::Proxied, silent)?),
        direct: Arc::new(transport::client(Route::Direct, silent)?),
        executor: None,
        clock: Arc::clone(&clock),
    };
    let further = connection.further_tenants.iter().map(|tenant| {
        let there = EntraOptions {
            tenant: Some(tenant.as_str().to_owned()),
            tenancy: Tenancy::Further,
            ..options.clone()
        };
        (tenant.clone(), Credentials::discover(settings, there))
    });
    let logins = Logins {
        further: further.collect(),
        own: Credentials::discover(settings, options),
    };
    let transport = Arc::new(HttpTransport::new(route)?);
    Ok(assemble(connection, endpoint, transport, clock, logins))
}

async fn connect_to_simulator(connection: Connection) -> Result<Connected, ConnectError> {
    let base = connection.base_url.as_deref().ok_or(ConnectError::NoSimulator)?;
    let endpoint = Endpoint::new(base)?;
    let time = Arc::new(SimulatedTime::default());
    let transport = Arc::new(HttpTransport::new(Route::Direct)?.telling(Arc::clone(&time)));
    // Sleeping is a request that is answered when it is time, however long that takes.
    let sleeper = HttpTransport::sleeping()?.telling(Arc::clone(&time));
    let clock = SimulatedClock::new(time, Arc::new(sleeper), &endpoint);
    clock.hear().await;
    let clock: Arc<dyn Clock> = Arc::new(clock);
    let login = |tenant: Option<&TenantId>| {
        let tenant = tenant.map(TenantId::as_str);
        let login = SimulatorLogin::new(transport.clone(), &endpoint, tenant, Arc::clone(&clock));
        Credentials::of(vec![Arc::new(login)])
    };
    let further = connection.further_tenants.iter();
    let logins = Logins {
        own: login(connection.tenant.as_ref()),
        further: further.map(|tenant| (tenant.clone(), login(Some(tenant)))).collect(),
    };
    Ok(assemble(connection, endpoint, transport, clock, logins))
}

/// The logins of a run.
struct Logins {
    own: Credentials,
    further: Vec<(TenantId, Credentials)>,
}

fn assemble(
    connection: Connection,
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    logins: Logins,
) -> Connected {
    let caps = match connection.cloud {
        Cloud::Public | Cloud::UsGovernment | Cloud::China => Caps::Always,
        Cloud::Simulator => Caps::WhereCounted,
    };
    debug!(cloud = %connection.cloud, endpoint = endpoint.at(""), correlation = %connection.correlation, "connected");
    let credentials = Arc::new(logins.own);
    let tokens = Arc::new(Tokens::new(Arc::clone(&credentials), Arc::clone(&clock)));
    let further = logins.further.into_iter().map(|(tenant, credentials)| {
        let tokens = Tokens::new(Arc::new(credentials), Arc::clone(&clock));
        (tenant, Arc::new(tokens))
    });
    let tenants = Tenants::new(Arc::clone(&tokens), further.collect());
    let governor = Arc::new(Governor::new(caps, Arc::clone(&clock)));
    let meter = Arc::new(Meter::default());
    let pipeline = |tenants, scope| {
        let retries = Retries::new(Jitter::Random, Arc::clone(&clock), Arc::clone(&meter));
        Pipeline::new(
            vec![
                Arc::new(Correlation::new(connection.correlation)),
                Arc::new(Trace),
                Arc::new(retries),
                governor.clone(),
                Arc::new(Auth::new(tenants, scope)),
                Arc::new(Own),
                Arc::new(Log),
            ],
            Arc::clone(&transport),
        )
    };
    let vaults = Vaults {
        door: match connection.cloud {
            Cloud::Public | Cloud::UsGovernment | Cloud::China => Door::Own,
            Cloud::Simulator => Door::Shared(endpoint.clone()),
        },
        // A vault is asked with the run's own token only: it has no business with those of other tenants.
        pipeline: pipeline(
            Tenants::new(Arc::clone(&tokens), Vec::new()),
            connection.cloud.vault_scope(),
        ),
        clock: Arc::clone(&clock),
    };
    let client = Client::new(client::Parts {
        endpoint,
        pipeline: pipeline(tenants, connection.cloud.scope()),
        vaults,
        clock: Arc::clone(&clock),
        correlation: connection.correlation,
        meter: Arc::clone(&meter),
        governor: Arc::clone(&governor),
    });
    Connected {
        client: Arc::new(client),
        clock,
        credentials,
        tokens,
    }
}
