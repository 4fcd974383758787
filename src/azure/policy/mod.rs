//! The policies, one file each, and `wait`, the bounds that they share; `azure::pipeline::Pipeline` says in which order they stand.

pub mod auth;
pub mod correlation;
pub mod govern;
pub mod log;
pub mod own;
pub mod retry;
pub mod trace;
mod wait;

/// What waits of calls are logged under, so that a trace can take them up.
pub use wait::WAITS;
