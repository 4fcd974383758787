//! Starts, watches, questions, gates, cutovers.
