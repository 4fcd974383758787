//! What tests of stores, and tests that need a store, stand on. Never part of a shipped program.

pub mod conformance;
mod memory;

pub use memory::MemoryStore;
