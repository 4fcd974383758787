//! Opens connections for a state that is kept in PostgreSQL. It asks nothing over them: that is the state's own business.

use std::error::Error as _;
use std::sync::Arc;

use async_trait::async_trait;
use pgferry_state::{Dial, SignInRefused};
use tokio_postgres::Client;

use super::connect::{Errand, Limits, sign_in_plainly};
use crate::database::{DatabaseName, Endpoint};
use crate::secret::Secret;

/// The way to the database that keeps a state.
#[derive(Clone)]
pub struct StateDial {
    /// The server and who signs in; its password counts where `login` has none of its own.
    pub endpoint: Endpoint,
    /// The database.
    pub database: DatabaseName,
    /// With what.
    pub login: StateLogin,
}

/// With what a state's database is signed in to.
#[derive(Clone)]
pub enum StateLogin {
    /// The password of the endpoint, or none.
    Endpoint,
    /// A token in a password's place, another for each connection: none is ever too old.
    Tokens(Arc<dyn StateTokens>),
}

/// Gives tokens that sign in to a database.
#[async_trait]
pub trait StateTokens: Send + Sync {
    /// A token that was not given before.
    ///
    /// # Errors
    /// When there is no login, or it gives no token.
    async fn token(&self) -> Result<Secret, SignInRefused>;
}

#[async_trait]
impl Dial for StateDial {
    async fn dial(&self) -> Result<Client, SignInRefused> {
        let endpoint = match &self.login {
            StateLogin::Endpoint => self.endpoint.clone(),
            StateLogin::Tokens(tokens) => Endpoint {
                password: Some(tokens.token().await?),
                ..self.endpoint.clone()
            },
        };
        let signed_in = sign_in_plainly(&endpoint, &self.database, Errand::State, Limits::BRIEF).await;
        signed_in.map_err(|error| {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(inner) = cause {
                text.push_str(": ");
                text.push_str(&inner.to_string());
                cause = inner.source();
            }
            SignInRefused(text)
        })
    }

    fn place(&self) -> String {
        format!("database `{}` on {}", self.database, self.endpoint)
    }
}
