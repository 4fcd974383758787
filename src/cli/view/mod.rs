//! How results look: one view per result, from a value to a text with styles in it. Nothing here prints or decides.

pub(crate) mod batch;
pub(crate) mod change;
pub(crate) mod diagnostic;
pub(crate) mod diagnostic_json;
pub(crate) mod event;
pub(crate) mod explanation;
pub(crate) mod history;
pub(crate) mod kinds;
pub(crate) mod layout;
pub(crate) mod object;
pub(crate) mod plan;
pub(crate) mod preflight;
pub(crate) mod progress;
pub(crate) mod rbac;
pub(crate) mod report;
pub(crate) mod status;
pub(crate) mod summary;
pub(crate) mod time;
pub(crate) mod value;
pub(crate) mod verify;

#[cfg(test)]
mod samples;
