//! Chance that can be replayed: the same seed gives the same ids, jitters and faults. Never asks the operating system.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A small generator (splitmix64); its state is part of the world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Chance {
    state: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between 0 (included) and 1 (excluded).
    pub(crate) fn fraction(&mut self) -> f64 {
        // 53 bits are what a double holds exactly.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let bits = (self.next() >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    pub(crate) fn guid(&mut self) -> Uuid {
        let (high, low) = (self.next(), self.next());
        let bits = (u128::from(high) << 64) | u128::from(low);
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }

    /// A duration between the two, both included.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        if to <= from {
            return from;
        }
        from + (to - from).mul_f64(self.fraction())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_guids() {
        let (mut one, mut two) = (Chance::new(7), Chance::new(7));
        assert_eq!(one.guid(), two.guid());
        assert_ne!(one.guid(), one.guid());
    }
}
