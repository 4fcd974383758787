//! Opens connections for a state that is kept in PostgreSQL. It asks nothing over them: that is the state's own business.

use std::error::Error as _;

use async_trait::async_trait;
use pgferry_state::{Dial, SignInRefused};
use tokio_postgres::Client;

use super::connect::{Errand, Limits, sign_in_plainly};
use crate::database::{DatabaseName, Endpoint};

/// The way to the database that keeps a state.
#[derive(Clone, Debug)]
pub struct StateDial {
    /// The server and who signs in.
    pub endpoint: Endpoint,
    /// The database.
    pub database: DatabaseName,
}

#[async_trait]
impl Dial for StateDial {
    async fn dial(&self) -> Result<Client, SignInRefused> {
        let signed_in = sign_in_plainly(&self.endpoint, &self.database, Errand::State, Limits::BRIEF).await;
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
