//! The policies, one file each; `azure::pipeline::Pipeline` says in which order they stand.

pub mod auth;
pub mod correlation;
pub mod govern;
pub mod log;
pub mod retry;
