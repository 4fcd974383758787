//! Parses, runs, and answers with an exit code.

fn main() {}
