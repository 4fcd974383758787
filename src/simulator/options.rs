//! What can be set about a simulated world: latencies, quotas, rates, page sizes. Never facts about its objects.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::clock::Span;

/// Something that can be switched off, or on with its figures: `false`, `true`, or an object.
#[derive(Debug, Clone, PartialEq)]
pub enum Switch<T> {
    /// As if it did not exist.
    Off,
    /// With these figures.
    On(T),
}

impl<T: Default> Default for Switch<T> {
    fn default() -> Self {
        Self::On(T::default())
    }
}

impl<T: Serialize> Serialize for Switch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::On(figures) => figures.serialize(serializer),
        }
    }
}

impl<'de, T: Default + DeserializeOwned> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(false) => Ok(Self::Off),
            Value::Bool(true) => Ok(Self::On(T::default())),
            other => T::deserialize(other).map(Self::On).map_err(D::Error::custom),
        }
    }
}

/// The shortest and the longest an operation takes; drawn anew each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range(pub Span, pub Span);

impl Range {
    const fn exactly(seconds: u64) -> Self {
        Self(Span::seconds(seconds), Span::seconds(seconds))
    }
}

/// How long operations take, in simulated time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latencies {
    /// Virtual networks, subnets and peerings.
    pub network: Range,
    /// Private DNS zones and links.
    pub dns: Range,
    /// Creating a flexible server.
    pub server_create: Range,
    /// Changing one.
    pub server_update: Range,
    /// Restarting, starting or stopping one.
    pub server_restart: Range,
    /// Deleting one.
    pub server_delete: Range,
    /// Firewall rules, parameters and databases of one.
    pub server_child: Range,
    /// Registering a resource provider.
    pub registration: Range,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            network: Range(Span::seconds(5), Span::seconds(20)),
            dns: Range::exactly(30),
            server_create: Range::exactly(300),
            server_update: Range::exactly(120),
            server_restart: Range::exactly(90),
            server_delete: Range::exactly(66),
            server_child: Range(Span::seconds(10), Span::seconds(20)),
            registration: Range::exactly(60),
        }
    }
}

/// A token bucket: how many it holds and how fast it fills.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How many calls fit.
    pub size: f64,
    /// How many come back per simulated second.
    pub per_second: f64,
}

/// The buckets of contract 2.6; the global ones are fifteen times the subscription's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Reads per subscription.
    pub reads: Quota,
    /// Writes and actions per subscription.
    pub writes: Quota,
    /// Deletes per subscription.
    pub deletes: Quota,
    /// Microsoft.Network reads (10 000 in five minutes).
    pub network_reads: Quota,
    /// Microsoft.Network writes (1 000 in five minutes).
    pub network_writes: Quota,
    /// Private DNS reads (500 in five minutes).
    pub dns_reads: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        let in_five_minutes = |calls: f64| Quota {
            size: calls,
            per_second: calls / 300.0,
        };
        Self {
            reads: Quota {
                size: 250.0,
                per_second: 25.0,
            },
            writes: Quota {
                size: 200.0,
                per_second: 10.0,
            },
            deletes: Quota {
                size: 200.0,
                per_second: 10.0,
            },
            network_reads: in_five_minutes(10_000.0),
            network_writes: in_five_minutes(1000.0),
            dns_reads: in_five_minutes(500.0),
        }
    }
}

/// How long the phases of a migration last, in simulated time, beside the copying itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Phases {
    /// Setting up the container and its connections.
    pub prerequisites: Span,
    /// The server-level checks.
    pub validation: Span,
    /// The checks of one database.
    pub validation_per_database: Span,
    /// Setting up logical replication on the source, restart included.
    pub logical_replication: Span,
    /// The least a database takes to copy, whatever its size.
    pub copy_per_database: Span,
    /// Final replay, sequences, constraints.
    pub completion: Span,
    /// Carrying out a cancel.
    pub cancellation: Span,
    /// The longest wait for a cutover.
    pub cutover_wait: Span,
    /// The longest life of a migration.
    pub lifetime: Span,
}

impl Default for Phases {
    fn default() -> Self {
        Self {
            prerequisites: Span::seconds(150),
            validation: Span::seconds(60),
            validation_per_database: Span::seconds(10),
            logical_replication: Span::seconds(150),
            copy_per_database: Span::seconds(20),
            completion: Span::seconds(60),
            cancellation: Span::seconds(60),
            cutover_wait: Span::seconds(72 * 3600),
            lifetime: Span::seconds(168 * 3600),
        }
    }
}

/// What becomes of the target's databases when a migration is cancelled or fails; the published texts disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leftovers {
    /// Half-filled databases stay.
    Stay,
    /// They are rolled back.
    Removed,
}

/// Whether a migration looks at peerings, links and endpoints on its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathChecks {
    /// A broken path fails validation, as it would in Azure.
    Enforced,
    /// Every address is reachable.
    Off,
}

/// How an overlapping network write is turned down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkConflicts {
    /// 429 on the PUT.
    Refused,
    /// The PUT is accepted and its operation fails.
    FailLater,
}

/// How lists begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pages {
    /// With the first items.
    Plain,
    /// With an empty page that has a link, as ARM sometimes does.
    EmptyFirst,
}

/// How ids are spelled in replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Casing {
    /// As they are stored.
    Stored,
    /// With group and provider in another casing, as some services return them.
    Shuffled,
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How long operations take; `false` makes every write complete at once and every migration at its next poll.
    pub latencies: Switch<Latencies>,
    /// Throttling; `false` never refuses.
    pub quotas: Switch<Quotas>,
    /// Entries of a list page.
    pub page_size: usize,
    /// How lists begin.
    pub pages: Pages,
    /// How ids are spelled in replies.
    pub casing: Casing,
    /// How long a token lives.
    pub token_life: Span,
    /// Base copy, all databases of a migration together.
    pub copy_mb_per_s: f64,
    /// Replay of changes, per database.
    pub apply_changes_per_s: f64,
    /// Durations within a migration.
    pub phases: Phases,
    /// More databases than that in one migration are refused.
    pub max_databases_per_migration: usize,
    /// What a cancelled or failed migration leaves on the target.
    pub leftovers: Leftovers,
    /// Whether a migration needs its network path.
    pub path_checks: PathChecks,
    /// How overlapping network writes are turned down.
    pub network_conflicts: NetworkConflicts,
    /// Resource providers that are not registered at first.
    pub unregistered_providers: BTreeSet<String>,
    /// Actions the caller has, as Azure role patterns; everything by default. What is missing is answered with 403.
    pub allowed_actions: Vec<String>,
    /// How many requests the log keeps.
    pub request_log: usize,
    /// Where all chance starts.
    pub random_seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            latencies: Switch::default(),
            quotas: Switch::default(),
            page_size: 1000,
            pages: Pages::Plain,
            casing: Casing::Stored,
            token_life: Span::seconds(3600),
            copy_mb_per_s: 30.0,
            apply_changes_per_s: 2000.0,
            phases: Phases::default(),
            max_databases_per_migration: 8,
            leftovers: Leftovers::Stay,
            path_checks: PathChecks::Enforced,
            network_conflicts: NetworkConflicts::Refused,
            unregistered_providers: BTreeSet::new(),
            allowed_actions: vec!["*".to_owned()],
            request_log: 200_000,
            random_seed: 1,
        }
    }
}

impl Options {
    /// These options with some of them replaced.
    ///
    /// # Errors
    /// When a key is unknown or a value has the wrong type; the text names it.
    pub(crate) fn merged(&self, changes: &Value) -> Result<Self, serde_json::Error> {
        let mut whole = serde_json::to_value(self)?;
        merge(&mut whole, changes);
        serde_json::from_value(whole)
    }

    /// A duration within a migration, zero while latencies are off.
    pub(crate) fn phase(&self, pick: impl FnOnce(&Phases) -> Span) -> Duration {
        match self.latencies {
            Switch::Off => Duration::ZERO,
            Switch::On(_) => pick(&self.phases).0,
        }
    }
}

fn merge(whole: &mut Value, changes: &Value) {
    match (whole, changes) {
        (Value::Object(whole), Value::Object(changes)) => {
            for (key, change) in changes {
                match whole.get_mut(key) {
                    Some(old) => merge(old, change),
                    None => {
                        whole.insert(key.clone(), change.clone());
                    }
                }
            }
        }
        (whole, change) => *whole = change.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_keeps_the_rest() {
        let options = Options::default()
            .merged(&json!({ "latencies": { "dns": [1, "2s"] }, "page_size": 2 }))
            .unwrap();
        assert_eq!(options.page_size, 2);
        let Switch::On(latencies) = &options.latencies else {
            panic!("latencies were switched off")
        };
        assert_eq!(latencies.dns, Range(Span::seconds(1), Span::seconds(2)));
        assert_eq!(latencies.network, Latencies::default().network);
        let off = options.merged(&json!({ "latencies": false, "quotas": false })).unwrap();
        assert_eq!(off.latencies, Switch::Off);
        assert_eq!(
            off.merged(&json!({ "latencies": true })).unwrap().latencies,
            Switch::default()
        );
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = Options::default()
            .merged(&json!({ "latencies": { "dsn": [1, 2] } }))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`dsn`"), "{error}");
    }
}
