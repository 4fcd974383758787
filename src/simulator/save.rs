//! The live world as text and back. Reads and writes no file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::arm_type::ArmType;
use super::clock::ClockMode;
use super::fault::Faults;
use super::operation::{Operation, Outcome};
use super::options::Options;
use super::path::{Key, Route};
use super::provider::migration::{self, Run};
use super::random::Chance;
use super::seed::SourceServer;
use super::store::Object;
use super::world::{Event, Registration, World};

/// The version of the format of a saved world.
const FORMAT: u32 = 1;

/// Everything but the objects.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    format: u32,
    seed_digest: String,
    clock: ClockMode,
    time: Timestamp,
    options: Options,
    tenant: String,
    subscriptions: BTreeSet<String>,
    #[serde(default)]
    tenants: BTreeMap<String, String>,
    sources: Vec<SourceServer>,
    registrations: Vec<(String, String, Registration)>,
    faults: Faults,
    chance: Chance,
    operations: Vec<Operation>,
    events: Vec<(Timestamp, Event)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedObject {
    body: Map<String, Value>,
    #[serde(default)]
    etag: Option<Uuid>,
    #[serde(default)]
    run: Option<Box<Run>>,
    #[serde(default)]
    hidden_until: Option<Timestamp>,
}

/// A world that was saved, with what belongs to serving it.
#[derive(Debug)]
pub struct Restored {
    /// The world.
    pub world: World,
    /// How its time passed.
    pub clock: ClockMode,
    /// The digest of the seed it grew from.
    pub seed_digest: String,
}

/// Why a saved world cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The text is not a saved world.
    #[error("the saved world cannot be read")]
    Json(#[from] serde_json::Error),
    /// It was saved by another version.
    #[error("the saved world has format {found}, this version reads format {FORMAT}")]
    Format {
        /// What stands in it.
        found: u64,
    },
}

impl World {
    /// The world as text. Holds no secret: none is kept.
    #[must_use]
    pub fn save(&self, clock: ClockMode, seed_digest: &str) -> Vec<u8> {
        let frame = Frame {
            format: FORMAT,
            seed_digest: seed_digest.to_owned(),
            clock,
            time: self.now,
            options: self.options.clone(),
            tenant: self.tenant.clone(),
            subscriptions: self.subscriptions.clone(),
            tenants: self.tenants.clone(),
            sources: self.sources.clone(),
            registrations: self
                .registrations
                .iter()
                .map(|((a, b), state)| (a.clone(), b.clone(), *state))
                .collect(),
            faults: self.faults.clone(),
            chance: self.chance.clone(),
            operations: self.operations.values().cloned().collect(),
            events: self
                .events
                .iter()
                .map(|((at, _), event)| (*at, event.clone()))
                .collect(),
        };
        let mut out = serde_json::to_vec(&frame).unwrap_or_default();
        out.pop();
        out.extend_from_slice(b",\"objects\":[");
        let mut keys: Vec<&Key> = self.store.keys().collect();
        keys.sort();
        for (index, object) in keys.into_iter().filter_map(|key| self.store.get(key)).enumerate() {
            out.extend_from_slice(if index == 0 { b"\n{\"body\":" } else { b",\n{\"body\":" });
            out.extend_from_slice(&object.body.text("", ""));
            if let Some(etag) = object.etag {
                out.extend_from_slice(format!(",\"etag\":\"{etag}\"").as_bytes());
            }
            if let Some(run) = &object.run {
                out.extend_from_slice(
                    format!(",\"run\":{}", serde_json::to_string(run).unwrap_or_default()).as_bytes(),
                );
            }
            if let Some(until) = object.hidden_until {
                out.extend_from_slice(format!(",\"hidden_until\":\"{until}\"").as_bytes());
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"\n]}\n");
        out
    }

    /// The world that was saved.
    ///
    /// # Errors
    /// When the text is not one that this version saved.
    pub fn restore(text: &[u8]) -> Result<Restored, RestoreError> {
        let mut rest: Map<String, Value> = serde_json::from_slice(text)?;
        let found = rest.get("format").and_then(Value::as_u64).unwrap_or_default();
        if found != u64::from(FORMAT) {
            return Err(RestoreError::Format { found });
        }
        let objects: Vec<SavedObject> = serde_json::from_value(rest.remove("objects").unwrap_or_default())?;
        let frame: Frame = serde_json::from_value(Value::Object(rest))?;
        let mut world = Self::new(frame.time, frame.options);
        world.tenant = frame.tenant;
        world.subscriptions = frame.subscriptions;
        world.tenants = frame.tenants;
        world.sources = frame.sources;
        world.registrations = frame
            .registrations
            .into_iter()
            .map(|(a, b, state)| ((a, b), state))
            .collect();
        world.faults = frame.faults;
        world.chance = frame.chance;
        for operation in frame.operations {
            match (&operation.outcome, &operation.lock) {
                (Outcome::Running, Some(lock)) => {
                    world.busy.insert(lock.clone(), operation.id);
                }
                (Outcome::Running, None) => {}
                (Outcome::Succeeded | Outcome::Failed(_), _) => world.finished.push_back(operation.id),
            }
            world.operations.insert(operation.id, operation);
        }
        for (at, event) in frame.events {
            world.schedule(at, event);
        }
        for saved in objects {
            world.put_saved(saved);
        }
        Ok(Restored {
            world,
            clock: frame.clock,
            seed_digest: frame.seed_digest,
        })
    }

    fn put_saved(&mut self, saved: SavedObject) {
        let id = saved
            .body
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let Some(arm_type) = Route::object_type(&id) else {
            return;
        };
        let mut object = Object::new(&id, arm_type, saved.body);
        object.etag = saved.etag;
        object.hidden_until = saved.hidden_until;
        let running = saved.run.is_some();
        object.run = saved.run;
        let key = self.store.put(object);
        if running {
            self.active.insert(key);
        }
    }

    /// Every object as GET shows it, in the order of ids: what `--snapshot` reads.
    #[must_use]
    pub fn objects(&mut self) -> Vec<Value> {
        let mut keys: Vec<Key> = self.store.keys().cloned().collect();
        keys.sort();
        keys.iter()
            .map(|key| match self.store.get(key).map(|object| object.arm_type) {
                Some(ArmType::Migration) => migration::view(self, key),
                Some(_) | None => serde_json::from_slice(&self.store.view(key)).unwrap_or_default(),
            })
            .collect()
    }

    /// The world in the form of a seed.
    #[must_use]
    pub fn export(&mut self) -> Value {
        let objects = self.objects();
        json!({
            "time": super::world::time_text(self.now), "tenant": self.tenant, "subscriptions": self.subscriptions,
            "tenants": self.tenants, "objects": objects, "sources": self.sources, "options": self.options
        })
    }
}
