//! What tests of stores, and tests that need a store, stand on. Never part of a shipped program.

pub mod azurite;
pub mod conformance;
mod memory;
#[cfg(test)]
mod model;
mod sealed;

pub use memory::MemoryStore;
pub use sealed::Sealed;
