//! How long a call may wait on its way, and what is said of it. It does not wait itself.

use std::time::Duration;

use tracing::{debug, info};

use crate::azure::pipeline::Exchange;

/// How long a throttled call may wait in all, for what it was told itself or for what others of its bucket were; longer, and
/// the caller hears how long it would take.
pub(super) const THROTTLED: Duration = Duration::from_secs(15 * 60);

/// Waits from this length on are worth a line in the log.
pub(super) const NOTICEABLE: Duration = Duration::from_secs(10);

/// Says that a call waits, and why.
pub(super) fn announce(exchange: &Exchange, why: &str, pause: Duration) {
    let (method, service, seconds) = (
        exchange.request.verb.method(),
        exchange.bucket.service.as_str(),
        pause.as_secs_f64(),
    );
    if pause >= NOTICEABLE {
        info!(method, service, why, seconds, "waits before it is sent");
    } else {
        debug!(method, service, why, seconds, "waits before it is sent");
    }
}
