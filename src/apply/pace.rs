//! How often migrations are looked at (contract 12), by those who work on them and by those who only look.

use std::time::Duration;

use jiff::Timestamp;

use super::elapsed;
use crate::arm::migration::{Migration, Standing};

/// Between looks at first, and later on.
const AT_FIRST: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(60);
/// How long "at first" is.
const FIRST: Duration = Duration::from_secs(5 * 60);
/// Between looks near the cutover, where every second counts.
pub const NEAR_CUTOVER: Duration = Duration::from_secs(10);
/// What is so close to the end that Azure sets is looked at as often as what is near its cutover.
const NEAR_DEADLINE: Duration = Duration::from_secs(60 * 60);

/// Between looks at what goes on by itself, and has done so for that long.
pub fn usual(since: Duration) -> Duration {
    if since < FIRST { AT_FIRST } else { LATER }
}

/// Between looks at a migration by somebody who waits for nothing of it in particular; nothing where it is over.
pub fn of(migration: &Migration, now: Timestamp) -> Option<Duration> {
    match migration.standing() {
        Standing::Ended(_) => None,
        Standing::ReadyForCutover => Some(NEAR_CUTOVER),
        Standing::Running | Standing::Asking(_) => {
            let by = migration.given_up_by(now);
            let is_near = migration.is_cutting_over() || by.is_some_and(|by| elapsed(now, by) < NEAR_DEADLINE);
            let since = migration
                .started
                .map_or(Duration::ZERO, |started| elapsed(started, now));
            Some(if is_near { NEAR_CUTOVER } else { usual(since) })
        }
    }
}
