//! Hands the arguments to the shell and answers with its exit code.

use std::process::ExitCode;

/// Planning makes and drops millions of small values: with the allocator of glibc a large plan took half as long again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pgferry::cli::main(std::env::args_os().collect())
}
