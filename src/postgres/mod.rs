//! PostgreSQL servers over the wire: connections, sessions, questions. It never decides what an answer means.

pub mod connect;
pub mod error;
pub mod local;
pub mod session;
mod state;
mod tls;

pub use connect::{Access, Errand, Limits, connect};
pub use error::{
    CertificateFault, ConnectError, ConnectFailure, QueryError, QueryFailure, ServerError, Stage, in_full,
};
pub use session::{Answer, Answers, Question, ServerVersion, Session};
pub use state::{StateDial, StateLogin, StateTokens};
