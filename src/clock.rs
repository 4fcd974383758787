//! The port through which everything learns the time and waits. The simulator's clock and the wall clock stand behind it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// Time as the cloud in use has it: wall time for Azure, simulated time for the simulator.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Returns when `duration` of this clock's time has passed.
    async fn sleep(&self, duration: Duration);

    /// Learns what time it has become, where that is only known as far as it was told.
    async fn hear(&self) {}
}
