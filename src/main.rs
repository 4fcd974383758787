//! Hands the arguments to the shell and answers with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    pgferry::cli::main(std::env::args_os().collect())
}
