//! How long a call may wait on its way, and what is said of it. It does not wait itself.

use std::time::Duration;

use tracing::{debug, info};

use crate::azure::pipeline::{Exchange, Repeat};

/// What `announce` logs under.
pub const WAITS: &str = module_path!();

/// How long a throttled call may wait in all, for what it was told itself or for what others of its bucket were; longer, and
/// the caller hears how long it would take.
pub(super) const THROTTLED: Duration = Duration::from_secs(15 * 60);

/// How long a call may wait in all before which its caller has looked at what it acts on: a gate may close within seconds.
pub(super) const PROMPT: Duration = Duration::from_secs(2);

/// Waits from this length on are worth a line in the log.
pub(super) const NOTICEABLE: Duration = Duration::from_secs(10);

/// How long a call may still wait at one place.
pub(super) fn longest(exchange: &Exchange) -> Duration {
    match exchange.repeat {
        Repeat::Promptly => PROMPT.saturating_sub(exchange.waited),
        Repeat::Freely | Repeat::UnlessConflict | Repeat::IfNotApplied => THROTTLED,
    }
}

/// Says that a call waits, and why.
pub(super) fn announce(exchange: &Exchange, why: &str, pause: Duration) {
    let (method, service, seconds) = (
        exchange.request.verb.method(),
        exchange.bucket.service.as_str(),
        pause.as_secs_f64(),
    );
    if pause >= NOTICEABLE {
        info!(target: WAITS, method, service, why, seconds, "waits before it is sent");
    } else {
        debug!(target: WAITS, method, service, why, seconds, "waits before it is sent");
    }
}
