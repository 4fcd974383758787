//! SIGINT, SIGTERM and SIGHUP: the first asks to stop in good order, the second ends the process at once.

use std::sync::OnceLock;
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::CommandError;

/// The signals by which people, pipelines and closing terminals end a program.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses to tell of signals.
    pub(crate) fn listen() -> Result<Self, CommandError> {
        let listen = |kind| {
            signal(kind).map_err(|source| CommandError::System {
                doing: "cannot listen for signals",
                source,
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Returns when one arrives.
    pub(crate) async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
        FIRST.get_or_init(Instant::now);
    }
}

/// When the first one arrived. What ends a process comes once in its life.
static FIRST: OnceLock<Instant> = OnceLock::new();

/// When this process was asked to stop, if it was.
pub(crate) fn asked_to_stop() -> Option<Instant> {
    FIRST.get().copied()
}
