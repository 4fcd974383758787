//! Hands the arguments to the shell and answers with its exit code.

use std::process::ExitCode;

/// Planning makes and drops millions of small values; the allocators of glibc and above all of musl take a quarter of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pgferry::cli::main(std::env::args_os().collect())
}
