//! Which target is looked at next by somebody who only looks, so that those who work keep nine tenths of the read quota. It asks
//! nobody; instants are the cloud's.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::view::time::between;
use crate::arm::ArmId;

/// The share of a quota that looking may take.
const SHARE: f64 = 0.1;

/// In so much time a bucket of reads that is empty is full again (contract 2.6: 250 reads, 25 more each second).
const REFILL: Duration = Duration::from_secs(10);

/// Between looks at a target where nothing goes on.
pub(crate) const IDLE: Duration = Duration::from_secs(5 * 60);

/// Looks that are due sooner than that are made together.
const TOGETHER: Duration = Duration::from_secs(2);

/// Whose turn it is.
#[derive(Default)]
pub(crate) struct Polling {
    turns: BTreeMap<ArmId, Turn>,
    /// By subscription, in lower case.
    allowances: BTreeMap<String, Allowance>,
}

struct Turn {
    looked: Timestamp,
    pause: Duration,
}

/// What may be read of one subscription. It grows by the share of what its service last said is left, and never beyond that.
struct Allowance {
    reads: f64,
    at: Timestamp,
    left: f64,
}

impl Allowance {
    fn per_second(&self) -> f64 {
        self.left * SHARE / REFILL.as_secs_f64()
    }

    /// Time has gone on, and so many reads are said to be left. Where none is said to be, one every 100 s finds out.
    fn grow(&mut self, now: Timestamp, left: u64) {
        self.left = f64::from(u32::try_from(left).unwrap_or(u32::MAX)).max(1.0);
        let gained = between(self.at, now).as_secs_f64() * self.per_second();
        self.reads = (self.reads + gained).min((self.left * SHARE).max(1.0));
        self.at = self.at.max(now);
    }

    fn until_one(&self) -> Duration {
        let seconds = (1.0 - self.reads).max(0.0) / self.per_second();
        Duration::try_from_secs_f64(seconds).unwrap_or(IDLE)
    }
}

fn subscription(target: &ArmId) -> String {
    target.subscription().unwrap_or_default().to_lowercase()
}

impl Polling {
    /// A target was looked at, and wants to be looked at again after that pause.
    pub(crate) fn looked(&mut self, target: &ArmId, now: Timestamp, pause: Duration) {
        self.turns.insert(target.clone(), Turn { looked: now, pause });
        self.allowances.entry(subscription(target)).or_insert(Allowance {
            reads: 0.0,
            at: now,
            left: 1.0,
        });
    }

    /// More was read than one request for each target, as where lists have pages. Whose quota took it is not known.
    pub(crate) fn spent(&mut self, more: u64) {
        let more = f64::from(u32::try_from(more).unwrap_or(u32::MAX));
        for allowance in self.allowances.values_mut() {
            allowance.reads -= more;
        }
    }

    /// So many reads a service says are left of a subscription now.
    pub(crate) fn grow<'a>(&mut self, now: Timestamp, left: impl Iterator<Item = (&'a str, u64)>) {
        for (subscription, left) in left {
            if let Some(allowance) = self.allowances.get_mut(subscription) {
                allowance.grow(now, left);
            }
        }
    }

    /// Whether this target is known.
    pub(crate) fn knows(&self, target: &ArmId) -> bool {
        self.turns.contains_key(target)
    }

    /// How long until the next turn.
    pub(crate) fn wait(&self, now: Timestamp) -> Duration {
        let turns = self.turns.iter().map(|(target, turn)| {
            let due = turn.pause.saturating_sub(between(turn.looked, now));
            let allowance = self.allowances.get(&subscription(target));
            due.max(allowance.map_or(Duration::ZERO, Allowance::until_one))
        });
        turns.min().unwrap_or(IDLE).max(TOGETHER)
    }

    /// Takes the targets whose turn it is, as many as may be read. What waited longest by its own measure comes first, so that
    /// what is near a cutover or a deadline goes before the others and holds none of them off for ever.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<ArmId> {
        let lateness = |turn: &Turn| between(turn.looked, now).as_secs_f64() / turn.pause.as_secs_f64().max(1.0);
        let late = self.turns.iter().map(|(target, turn)| (lateness(turn), target));
        let mut late: Vec<(f64, &ArmId)> = late.filter(|(late, _)| *late >= 1.0).collect();
        late.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let mut taken = Vec::new();
        for (_, target) in late {
            if let Some(allowance) = self.allowances.get_mut(&subscription(target))
                && allowance.reads >= 1.0
            {
                allowance.reads -= 1.0;
                taken.push(target.clone());
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    fn target(number: usize) -> ArmId {
        format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg-{number:04}")
            .parse()
            .unwrap()
    }

    /// Looks from one second to another; the looks at each target, while so many reads are left.
    fn watched(
        polling: &mut Polling,
        (from, to): (f64, f64),
        pause: impl Fn(&ArmId) -> Duration,
        left: u64,
    ) -> BTreeMap<ArmId, u32> {
        let (mut now, mut looks) = (from, BTreeMap::new());
        loop {
            polling.grow(at(now), [("s", left)].into_iter());
            now += polling.wait(at(now)).as_secs_f64();
            if now > to {
                return looks;
            }
            polling.grow(at(now), [("s", left)].into_iter());
            for target in polling.due(at(now)) {
                *looks.entry(target.clone()).or_default() += 1;
                polling.looked(&target, at(now), pause(&target));
            }
        }
    }

    #[test]
    fn a_thousand_targets_take_no_more_than_their_share_and_none_is_forgotten() {
        let near = |id: &ArmId| id.name().ends_with("00");
        let pause = |id: &ArmId| Duration::from_secs(if near(id) { 10 } else { 60 });
        let mut polling = Polling::default();
        for number in 0..1000 {
            polling.looked(&target(number), at(0.0), pause(&target(number)));
        }
        // A tenth of 250 reads that come back within 10 s: 2.5 each second.
        let looks = watched(&mut polling, (0.0, 3600.0), pause, 250);
        let all: u32 = looks.values().sum();
        assert!((8_500..=9_025).contains(&all), "{all} reads in an hour, of 9000");
        let of = |is_near: bool| {
            looks
                .iter()
                .filter(move |(id, _)| near(id) == is_near)
                .map(|(_, looks)| *looks)
        };
        assert_eq!(looks.len(), 1000);
        let (nearest, others) = (of(true).min().unwrap(), of(false).max().unwrap());
        assert!(
            nearest >= 4 * others,
            "{nearest} looks near a cutover, {others} elsewhere"
        );
        // Others draw on the quota, too: the less is left, the longer the pauses.
        let looks: u32 = watched(&mut polling, (3600.0, 7200.0), pause, 50).values().sum();
        assert!((1_700..=1_830).contains(&looks), "{looks}");
    }

    #[test]
    fn a_few_targets_are_looked_at_as_often_as_they_want() {
        let mut polling = Polling::default();
        let pause = |_: &ArmId| Duration::from_secs(30);
        polling.looked(&target(1), at(0.0), pause(&target(1)));
        let looks: u32 = watched(&mut polling, (0.0, 300.0), pause, 250).values().sum();
        assert_eq!(looks, 10);
    }

    #[test]
    fn where_nothing_is_left_a_look_now_and_then_finds_out() {
        let mut polling = Polling::default();
        let pause = |_: &ArmId| Duration::from_secs(10);
        polling.looked(&target(1), at(0.0), pause(&target(1)));
        let looks: u32 = watched(&mut polling, (0.0, 1000.0), pause, 0).values().sum();
        assert!((9..=10).contains(&looks), "{looks}");
    }
}
