//! What this client has just created: for a short time replicas of ARM may not know it yet (contract 2.9). It waits for
//! nothing itself.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::arm::ArmId;

/// How long an object may be missing after its creation.
const SETTLING: SignedDuration = SignedDuration::from_secs(30);

/// So many are remembered before those that have settled are looked for.
const ENOUGH: usize = 1024;

/// The objects created lately.
#[derive(Debug, Default)]
pub(super) struct Settling {
    created: HashMap<ArmId, Timestamp>,
    prune_at: usize,
}

impl Settling {
    /// It was created now.
    pub(super) fn insert(&mut self, id: &ArmId, now: Timestamp) {
        // Looking through all of them at each doubling only, the cost of one does not grow with their number.
        if self.created.len() >= self.prune_at.max(ENOUGH) {
            self.created.retain(|_, since| is_recent(*since, now));
            self.prune_at = self.created.len() * 2;
        }
        self.created.insert(id.clone(), now);
    }

    /// It was deleted.
    pub(super) fn remove(&mut self, id: &ArmId) {
        self.created.remove(id);
    }

    /// Whether its absence may be an old replica's view.
    pub(super) fn contains(&self, id: &ArmId, now: Timestamp) -> bool {
        self.created.get(id).is_some_and(|since| is_recent(*since, now))
    }
}

fn is_recent(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since) < SETTLING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_settled_is_forgotten() {
        let mut settling = Settling::default();
        let group = ArmId::resource_group("s", "rg");
        let mut now = Timestamp::UNIX_EPOCH;
        for number in 0..10_000 {
            let id = group.provider("Microsoft.Network/virtualNetworks", &format!("v{number}"));
            settling.insert(&id, now);
            assert!(settling.contains(&id, now));
            now += SignedDuration::from_millis(100);
        }
        assert!(settling.created.len() <= ENOUGH, "{}", settling.created.len());
        let last = group.provider("Microsoft.Network/virtualNetworks", "v9999");
        settling.remove(&last);
        assert!(!settling.contains(&last, now));
    }
}
