//! The Azure CLI as a client of the simulator, and as the measure of what pgferry sends. `tests/run --long` installs it; no other
//! run has these tests, and none of them passes without it.
//!
//! Version 2.91 of the CLI cannot cut over: `migration update --cutover` ends in an error of its own before it sends anything. So
//! the cutover goes through `az rest`, with the body that its code means to send.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where its ground gives way"
)]

mod bodies;
mod cli;
mod commands;

#[path = "../it/support/mod.rs"]
#[expect(dead_code, reason = "end-to-end tests use the rest")]
mod support;
