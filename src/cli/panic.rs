//! What is said when the program itself is at fault. Never a backtrace: it would tell its reader nothing.

use std::io::Write;
use std::panic;

/// From now on a panic says in a few words that it is a defect of ours, where, and what to do.
pub(crate) fn install_hook() {
    panic::set_hook(Box::new(|defect| {
        let payload = defect.payload();
        let what = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no further words");
        let place = defect.location().map_or_else(
            || "an unknown place".to_owned(),
            |at| format!("{}:{}", at.file(), at.line()),
        );
        // Standard error may be gone; then there is nobody to tell.
        drop(writeln!(
            std::io::stderr(),
            "error: pgferry {} stopped at a defect of its own\n  at {place}: {what}\n\
             hint: what was sent to Azure goes on there, and the state holds every step: run the same command again\n\
             hint: please report this with the command, the two lines above and the version",
            env!("CARGO_PKG_VERSION"),
        ));
    }));
}
