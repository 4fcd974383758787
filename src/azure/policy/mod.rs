//! The policies, one file each, and `wait`, the bounds that they share; `azure::pipeline::Pipeline` says in which order they stand.

pub mod auth;
pub mod correlation;
pub mod govern;
pub mod log;
pub mod retry;
mod wait;
