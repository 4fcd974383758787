//! pgferry: desired state in, ordered Azure calls out.   config → graph → plan → apply
//!
//! The modules stand in layers; each imports only from the layers above it in this list (held by `tests/tidy.rs`):
//!
//! 0. words: [`address`], [`block`], [`secret`], [`diagnostic`], [`clock`], [`length`], [`window`], [`database`], [`arm`], [`lang`]. No I/O.
//! 1. pure: [`kind`], [`config`], [`editor`], [`graph`], [`prior`], [`observed`], [`plan`], [`rights`]. Never async; cannot reach Azure, the clock or the disk
//!    (except `config::source`, the one door to configuration files).
//! 2. I/O: [`azure`], [`postgres`], [`simulator`]. They know the words and nothing of each other.
//! 3. stages: [`refresh`], [`preflight`], [`verify`], [`apply`]. Effects, only through the ports in [`arm`], [`clock`] and `pgferry_state`.
//! 4. shell: [`cli`]. May import everything; imported by nothing.

pub mod address;
pub mod arm;
pub mod block;
pub mod clock;
pub mod database;
pub mod diagnostic;
pub mod lang;
pub mod length;
pub mod secret;
pub mod window;

pub mod config;
pub mod editor;
pub mod graph;
pub mod kind;
pub mod observed;
pub mod plan;
pub mod prior;
pub mod rights;

pub mod azure;
pub mod postgres;
pub mod simulator;

pub mod apply;
pub mod preflight;
pub mod refresh;
pub mod verify;

pub mod cli;
