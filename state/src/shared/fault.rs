//! What can go wrong between a store and the service that keeps it. Never holds a token, a signature or a password.

/// Why a shared store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteFault {
    /// No whole answer came.
    #[error("no answer came")]
    NoAnswer(#[source] reqwest::Error),
    /// The blob service refused.
    #[error("the service answered {status} {code}{}", Request(request))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The service's own word for it; empty where it gave none.
        code: String,
        /// The service's name for the request, for its support; empty where it gave none.
        request: String,
    },
    /// What the service answered is not as its protocol says.
    #[error("the answer lacks {0}")]
    Malformed(&'static str),
    /// There is no login, or no connection.
    #[error(transparent)]
    SignIn(SignInRefused),
    /// The database refused, or the connection to it broke.
    #[error("the database did not do it")]
    Database(#[source] tokio_postgres::Error),
    /// The database did not answer in time.
    #[error("the database did not answer within {0} s")]
    Silent(u64),
}

/// Why whoever signs in for a store could not, in words without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SignInRefused(pub String);

struct Request<'a>(&'a str);

impl std::fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " (request {})", self.0)
        }
    }
}
