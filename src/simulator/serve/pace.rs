//! Where simulated time stands, given how real time went by. Only arithmetic: instants are passed in.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::simulator::clock::{ClockMode, elapsed};
use crate::simulator::world::World;

/// A clock and the real instant up to which the world has followed it.
#[derive(Debug)]
pub(super) struct Pace {
    mode: ClockMode,
    followed: Instant,
}

impl Pace {
    pub(super) fn new(mode: ClockMode, now: Instant) -> Self {
        Self { mode, followed: now }
    }

    pub(super) fn mode(&self) -> ClockMode {
        self.mode
    }

    /// Moves the world to where it stands now.
    pub(super) fn follow(&mut self, world: &mut World, now: Instant) {
        let passed = now.saturating_duration_since(self.followed);
        match self.mode {
            ClockMode::Factor(factor) => {
                world.advance(Duration::try_from_secs_f64(passed.as_secs_f64() * factor).unwrap_or_default());
            }
            ClockMode::Event | ClockMode::Manual => {}
        }
        self.followed = now;
    }

    pub(super) fn set_mode(&mut self, mode: ClockMode) {
        self.mode = mode;
    }

    /// How long in real time until a simulated instant; nothing when only an event or a command brings it about.
    pub(super) fn until(&self, world: &World, instant: Timestamp) -> Option<Duration> {
        match self.mode {
            ClockMode::Factor(factor) => Some(
                Duration::try_from_secs_f64(elapsed(world.now(), instant).as_secs_f64() / factor)
                    .unwrap_or(Duration::MAX),
            ),
            ClockMode::Event | ClockMode::Manual => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::options::Options;

    #[test]
    fn a_factor_runs_and_the_others_stand() {
        let mut world = World::new(Timestamp::UNIX_EPOCH, Options::default());
        let start = Instant::now();
        let mut pace = Pace::new(ClockMode::Factor(120.0), start);
        pace.follow(&mut world, start + Duration::from_secs(1));
        assert_eq!(world.now().as_second(), 120);
        assert_eq!(
            pace.until(&world, Timestamp::from_second(240).unwrap()),
            Some(Duration::from_secs(1))
        );
        pace.set_mode(ClockMode::Event);
        pace.follow(&mut world, start + Duration::from_secs(10));
        assert_eq!(world.now().as_second(), 120);
        assert_eq!(pace.until(&world, Timestamp::MAX), None);
    }
}
