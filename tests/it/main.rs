//! End-to-end tests: the built program against the simulator in its own process, over real HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop where its ground gives way"
)]

mod adopted;
mod bad_input;
mod bad_state;
mod bug_report;
mod chaos;
mod console;
mod crash;
mod cutover;
/// What a power loss leaves, as the state's own tests have it.
#[path = "../../state/tests/disk/mod.rs"]
mod disk;
mod drift;
mod encryption;
mod entra;
mod events;
mod faults;
mod fleet;
mod fmt;
mod history;
mod interrupt;
mod kinds;
mod language;
mod law;
mod lsp;
mod mistakes;
mod model;
mod newer;
mod payloads;
mod pipelines;
mod quickstart;
mod rbac;
mod remembered;
mod renamed;
mod renderings;
mod report;
mod saved;
mod secrets;
mod simulator;
mod snapshot;
mod state;
mod structure;
mod support;
mod tenants;
mod together;
mod tokens;
mod traces;
mod tutorial;
mod vault;
mod wait;
mod windows;
