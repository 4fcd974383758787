//! What only real PostgreSQL servers can show: signing in, checking, comparing. `tests/run` installs the servers.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may stop where its servers do"
)]

mod command;
mod connect;
mod preflight;
mod servers;
mod state;
mod verify;
mod verify_command;
