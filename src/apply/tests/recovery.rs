//! Runs that were killed at every instant.
