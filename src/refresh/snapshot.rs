//! Snapshots: what a look at Azure found, in a file, so that a plan can be made where there is neither login nor network. What a
//! snapshot does not hold is unknown, and never taken to be absent by itself. It touches no disk.

mod record;
mod strip;

pub use record::{Recording, Taken};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use super::Wanted;
use crate::arm::id::ArmIdError;
use crate::arm::migration::Migration;
use crate::arm::{ArmId, ArmType, Cloud, Collection, SubscriptionId};
use crate::observed::{Hidden, Observed, Presence};
use crate::prior::{Prior, PriorError};

/// What a look found, and what was remembered then.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What is known of it; `None` of a plain list of objects, which says nothing of itself.
    pub head: Option<Head>,
    objects: BTreeMap<ArmId, Arc<Json>>,
    absent: BTreeSet<ArmId>,
    refused: BTreeMap<String, String>,
    whole: BTreeMap<Collection, Vec<ArmId>>,
    coverage: Coverage,
}

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// When it was taken, by the wall's clock.
    pub taken: Timestamp,
    /// Of which cloud.
    pub cloud: Cloud,
    /// For which subscription.
    pub subscription: SubscriptionId,
    /// What was remembered then; `None` where nothing was.
    pub state: Option<State>,
}

/// What was remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The state's lineage.
    pub lineage: String,
    /// By key.
    pub records: BTreeMap<String, Record>,
}

/// One record of the state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its revision.
    pub revision: u64,
    /// What it holds.
    pub document: Json,
}

/// What it means that a snapshot does not hold an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Nobody knows whether it exists, unless the snapshot says so.
    Partial,
    /// It does not exist.
    Complete,
}

/// Why a file is no snapshot that can be used.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// It is something else, or a part of one.
    #[error("it is neither a snapshot of pgferry nor a list of ARM objects: {0}")]
    NotASnapshot(String),
    /// It was made by a newer program.
    #[error("it has form {found}, and this program reads form {}", Snapshot::FORMAT)]
    Newer {
        /// The form it has.
        found: u64,
    },
    /// One of its objects is not as ARM tells of objects.
    #[error("object {number} of it {problem}")]
    Object {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// The file, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    kind: String,
    format: u32,
    program: String,
    taken: Timestamp,
    cloud: Cloud,
    subscription: SubscriptionId,
    objects: Vec<Json>,
    absent: Vec<ArmId>,
    whole: Vec<Whole>,
    refused: BTreeMap<String, String>,
    state: Option<State>,
}

/// A collection that was read whole: what is not among the objects does not exist.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    parent: ArmId,
    members: String,
}

impl From<Collection> for Whole {
    fn from(collection: Collection) -> Self {
        Self {
            parent: collection.parent,
            members: collection.members.as_str().to_owned(),
        }
    }
}

impl Snapshot {
    /// What every such file calls itself.
    pub const KIND: &str = "pgferry-snapshot";
    /// The version written by this program.
    pub const FORMAT: u32 = 1;

    /// Whether what it does not hold is unknown or absent.
    #[must_use]
    pub fn covering(mut self, coverage: Coverage) -> Self {
        self.coverage = coverage;
        self
    }

    /// What it means that it does not hold an object.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }

    /// What was remembered when it was taken; `None` where it does not tell.
    ///
    /// # Errors
    /// When a record in it is not one of ours.
    pub fn prior(&self) -> Result<Option<Prior>, PriorError> {
        let Some(head) = &self.head else { return Ok(None) };
        let lineage = head.state.as_ref().map(|state| state.lineage.clone());
        let records = head.state.iter().flat_map(|state| &state.records);
        let records = records.map(|(key, record)| (key.as_str(), record.revision, &record.document));
        Prior::parse(lineage, records).map(Some)
    }

    /// Reads a file: of [`Recording::into_file`], or what `az resource show`, a list call of ARM or Resource Graph print, one
    /// object or a list of them.
    ///
    /// # Errors
    /// When it is neither, incomplete, or of a newer form.
    pub fn read(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let foreign = |error: serde_json::Error| SnapshotError::NotASnapshot(error.to_string());
        match serde_json::from_slice(bytes).map_err(foreign)? {
            Json::Array(objects) => Self::of_list(objects),
            Json::Object(members) if members.get("kind").and_then(Json::as_str) == Some(Self::KIND) => {
                let found = members.get("format").and_then(Json::as_u64).unwrap_or_default();
                if found > u64::from(Self::FORMAT) {
                    return Err(SnapshotError::Newer { found });
                }
                Self::of_file(serde_json::from_value(Json::Object(members)).map_err(foreign)?)
            }
            Json::Object(mut members) => {
                // ARM's lists and Resource Graph's answers.
                for list in ["value", "data"] {
                    if let Some(Json::Array(objects)) = members.get_mut(list) {
                        return Self::of_list(std::mem::take(objects));
                    }
                }
                match members.contains_key("id") {
                    true => Self::of_list(vec![Json::Object(members)]),
                    false => Err(SnapshotError::NotASnapshot(format!(
                        "it has no `id`, and its `kind` is not `{}`",
                        Self::KIND
                    ))),
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Err(SnapshotError::NotASnapshot(
                "it is neither an object nor a list".to_owned(),
            )),
        }
    }

    fn of_file(file: File) -> Result<Self, SnapshotError> {
        let mut snapshot = Self::of(file.objects)?;
        snapshot.head = Some(Head {
            taken: file.taken,
            cloud: file.cloud,
            subscription: file.subscription,
            state: file.state,
        });
        snapshot.absent = file.absent.into_iter().collect();
        snapshot.refused = file
            .refused
            .into_iter()
            .map(|(path, reason)| (path.to_lowercase(), reason))
            .collect();
        for Whole { parent, members } in file.whole {
            let members = ArmType::new(&members);
            snapshot.whole.entry(Collection { parent, members }).or_default();
        }
        snapshot.fill();
        Ok(snapshot)
    }

    /// Objects that others have exported: those whose properties were left out would look empty.
    fn of_list(objects: Vec<Json>) -> Result<Self, SnapshotError> {
        let is_bare = |object: &&Json| !object.get("properties").is_some_and(Json::is_object);
        let bare = objects.iter().filter(is_bare).find_map(|object| identity(object).ok());
        match bare {
            None => Self::of(objects),
            Some(id) => Err(SnapshotError::NotASnapshot(format!(
                "`{id}` has no `properties`; `az resource show --ids`, ARM itself and Resource Graph print them, \
                 `az resource list` and the commands of single services do not"
            ))),
        }
    }

    fn of(objects: Vec<Json>) -> Result<Self, SnapshotError> {
        let mut snapshot = Self {
            head: None,
            objects: BTreeMap::new(),
            absent: BTreeSet::new(),
            refused: BTreeMap::new(),
            whole: BTreeMap::new(),
            coverage: Coverage::Partial,
        };
        for (number, object) in (1..).zip(objects) {
            let id = identity(&object).map_err(|problem| SnapshotError::Object { number, problem })?;
            let is_another = snapshot.objects.get(&id).is_some_and(|other| **other != object);
            if is_another {
                let problem = format!("is another `{id}` than one before it");
                return Err(SnapshotError::Object { number, problem });
            }
            snapshot.objects.insert(id, Arc::new(object));
        }
        snapshot.take_inline();
        snapshot.fill();
        Ok(snapshot)
    }

    /// Takes children out of the parents that hold all of them.
    fn take_inline(&mut self) {
        let mut children = Vec::new();
        for (parent, object) in &mut self.objects {
            for (members, member) in parent.arm_type().inline_children() {
                let collection = Collection {
                    parent: parent.clone(),
                    members,
                };
                let held = object.get("properties").and_then(|properties| properties.get(member));
                if !held.is_some_and(Json::is_array) {
                    continue;
                }
                let held = Arc::make_mut(object).pointer_mut(&format!("/properties/{member}"));
                if let Some(Json::Array(held)) = held.map(Json::take) {
                    children.extend(held.into_iter().filter_map(|child| {
                        let name = child.get("name").and_then(Json::as_str)?;
                        Some((parent.child(collection.members.last(), name), Arc::new(child)))
                    }));
                    self.whole.insert(collection, Vec::new());
                }
            }
        }
        self.objects.extend(children);
    }

    /// Notes which objects the collections have that are held whole.
    fn fill(&mut self) {
        for members in self.whole.values_mut() {
            members.clear();
        }
        for id in self.objects.keys() {
            let collection = id.collection();
            if let Some(members) = collection.and_then(|collection| self.whole.get_mut(&collection)) {
                members.push(id.clone());
            }
        }
    }

    /// What it holds of what is wanted, beside what was observed before.
    pub(super) fn observe(&self, observed: &mut Observed, wanted: &Wanted) {
        for id in &wanted.ids {
            let collection = id.collection().filter(|_| id.parent().is_some());
            if let Some((collection, members)) = collection.and_then(|collection| self.whole.get_key_value(&collection))
            {
                for (id, object) in members.iter().filter_map(|id| self.objects.get_key_value(id)) {
                    observed.insert(id.clone(), Presence::Present(Arc::clone(object)));
                }
                observed.insert_collection(collection.clone(), members.clone());
            }
            observed.insert(id.clone(), self.presence(id));
        }
        for target in &wanted.targets {
            match self.migrations(target) {
                Ok(migrations) => observed.insert_migrations(target.clone(), migrations),
                Err(hidden) => observed.insert_unreadable_migrations(target.clone(), hidden),
            }
        }
    }

    fn presence(&self, id: &ArmId) -> Presence {
        if let Some(object) = self.objects.get(id) {
            return Presence::Present(Arc::clone(object));
        }
        let collection = id.collection();
        if let Some(hidden) = self.refusal(id, collection.as_ref()) {
            return Presence::Unreadable(hidden);
        }
        let is_listed = collection.is_some_and(|collection| self.whole.contains_key(&collection));
        match (is_listed || self.is_absent(id), self.coverage) {
            (true, _) | (false, Coverage::Complete) => Presence::Absent,
            (false, Coverage::Partial) => Presence::Unreadable(Hidden::NotInSnapshot),
        }
    }

    fn migrations(&self, target: &ArmId) -> Result<Vec<Migration>, Hidden> {
        let Some(collection) = target.child("migrations", "any").collection() else {
            return Err(Hidden::NotInSnapshot);
        };
        if let Some(hidden) = self.refusal(target, Some(&collection)) {
            return Err(hidden);
        }
        let is_known = self.whole.contains_key(&collection) || self.is_absent(target);
        if !is_known && self.coverage == Coverage::Partial {
            return Err(Hidden::NotInSnapshot);
        }
        let held = self
            .objects
            .iter()
            .filter(|(id, _)| id.parent().as_ref() == Some(target));
        let held = held.filter(|(id, _)| id.arm_type() == collection.members);
        Ok(held.map(|(id, object)| Migration::read(id.clone(), object)).collect())
    }

    /// Whether it was proven not to exist, or stands below what does not.
    fn is_absent(&self, id: &ArmId) -> bool {
        self.absent.contains(id) || id.parent().is_some_and(|parent| self.is_absent(&parent))
    }

    /// Why it could not be read: it, its collection, or what is above it.
    fn refusal(&self, id: &ArmId, collection: Option<&Collection>) -> Option<Hidden> {
        let by_path = |path: &str| self.refused.get(&path.to_lowercase()).cloned().map(Hidden::Refused);
        let listed = collection.and_then(|collection| by_path(&collection.path()));
        by_path(id.as_str())
            .or(listed)
            .or_else(|| self.refusal(&id.parent()?, None))
    }
}

/// The id of an object of a file.
fn identity(object: &Json) -> Result<ArmId, String> {
    let Some(id) = object.get("id").and_then(Json::as_str) else {
        return Err("has no `id`".to_owned());
    };
    id.parse()
        .map_err(|error: ArmIdError| format!("has an `id` that is none: {error}"))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::arm::{ArmError, ArmRead, Call, CorrelationId, Failure, Found, ServiceError, Verb};
    use crate::graph::Graph;
    use crate::refresh::observe;
    use crate::secret::Secrets;

    const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

    fn id(tail: &str) -> ArmId {
        format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/{tail}")
            .parse()
            .unwrap()
    }

    fn object(id: &ArmId, properties: Json) -> Json {
        json!({ "id": id.as_str(), "name": id.name(), "properties": properties })
    }

    /// Networks a and b of three, one with a peering; a zone without links; two servers, one with a migration and one that
    /// nobody may read.
    struct World;

    impl World {
        fn objects() -> Vec<Json> {
            let network = |name: &str, peerings: Json| {
                let id = id(&format!("Microsoft.Network/virtualNetworks/{name}"));
                object(&id, json!({ "virtualNetworkPeerings": peerings }))
            };
            let migration = id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t/migrations/m1");
            vec![
                network(
                    "a",
                    json!([{ "name": "ab", "properties": { "peeringState": "Connected" } }]),
                ),
                network("b", json!([])),
                network("nobody-asked", json!([])),
                object(&id("Microsoft.Network/privateDnsZones/z"), json!({})),
                object(
                    &migration,
                    json!({ "currentStatus": { "state": "Succeeded" }, "secretParameters": "s" }),
                ),
            ]
        }

        fn refused(path: ArmId) -> ArmError {
            let refusal = ServiceError {
                status: 403,
                code: "AuthorizationFailed".into(),
                message: "may not".into(),
                target: None,
                details: Vec::new(),
                request_id: None,
                retry_after: None,
            };
            ArmError {
                call: Call::new(Verb::Get, path),
                correlation: CorrelationId(Uuid::nil()),
                failure: Failure::Refused(Box::new(refusal)),
            }
        }
    }

    #[async_trait]
    impl ArmRead for World {
        async fn get(&self, wanted: &ArmId) -> Result<Found, ArmError> {
            if wanted.name() == "hidden" {
                return Err(Self::refused(wanted.clone()));
            }
            let mut objects = Self::objects().into_iter();
            let found = objects.find(|object| identity(object).as_ref() == Ok(wanted));
            Ok(found.map_or(Found::Absent, Found::Present))
        }

        async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError> {
            if collection.parent.name() == "hidden" {
                return Err(Self::refused(collection.parent.clone()));
            }
            let is_member = |object: &Json| identity(object).unwrap().collection().as_ref() == Some(collection);
            Ok(Some(Self::objects().into_iter().filter(is_member).collect()))
        }

        async fn ask(&self, _: &ArmId, _: &str, _: &Json) -> Result<Json, ArmError> {
            Ok(Json::Null)
        }
    }

    fn wanted() -> Wanted {
        let ids = [
            "Microsoft.Network/virtualNetworks/a",
            "Microsoft.Network/virtualNetworks/b",
            "Microsoft.Network/virtualNetworks/gone",
            "Microsoft.Network/virtualNetworks/a/virtualNetworkPeerings/ab",
            "Microsoft.Network/virtualNetworks/a/virtualNetworkPeerings/missing",
            "Microsoft.Network/virtualNetworks/b/virtualNetworkPeerings/missing",
            "Microsoft.Network/virtualNetworks/gone/virtualNetworkPeerings/x",
            "Microsoft.Network/privateDnsZones/z",
            "Microsoft.Network/privateDnsZones/z/virtualNetworkLinks/missing",
            "Microsoft.DBforPostgreSQL/flexibleServers/hidden",
        ];
        let targets = ["pg-t", "hidden"].map(|name| id(&format!("Microsoft.DBforPostgreSQL/flexibleServers/{name}")));
        Wanted {
            ids: ids.map(id).into(),
            targets: targets.into(),
        }
    }

    async fn taken() -> (Observed, String) {
        let recording = Recording::of(&World);
        let mut observed = Observed::default();
        observe(&mut observed, &wanted(), &recording).await.unwrap();
        let head = Head {
            taken: "2026-11-29T10:00:00Z".parse().unwrap(),
            cloud: Cloud::Public,
            subscription: SUBSCRIPTION.parse().unwrap(),
            state: None,
        };
        let taken = recording.into_file(&Graph::default(), &observed, head, &Secrets::default());
        (observed, taken.text)
    }

    fn sorted(observed: &Observed) -> Vec<(String, Presence)> {
        let mut all: Vec<_> = observed
            .iter()
            .map(|(id, presence)| (id.to_string(), presence.clone()))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    #[tokio::test]
    async fn a_look_at_a_snapshot_finds_what_the_look_found_that_it_was_taken_at() {
        let (live, text) = taken().await;
        assert!(
            !text.contains("nobody-asked") && !text.contains("secretParameters"),
            "{text}"
        );
        let snapshot = Snapshot::read(text.as_bytes()).unwrap();
        let mut observed = Observed::default();
        snapshot.observe(&mut observed, &wanted());
        let without_ids = |observed: &Observed| {
            let mut all = sorted(observed);
            for (_, presence) in &mut all {
                if let Presence::Present(object) = presence {
                    Arc::make_mut(object).as_object_mut().unwrap().remove("id");
                }
            }
            all
        };
        assert_eq!(without_ids(&observed), without_ids(&live));
        for target in wanted().targets {
            assert_eq!(observed.migrations(&target), live.migrations(&target));
            let hidden = observed.why_migrations_unreadable(&target);
            assert_eq!(hidden, live.why_migrations_unreadable(&target));
        }
        let peerings = id("Microsoft.Network/virtualNetworks/a/virtualNetworkPeerings/ab").collection();
        assert_eq!(observed.members(&peerings.unwrap()).count(), 1, "siblings are known");
    }

    #[tokio::test]
    async fn what_a_snapshot_does_not_hold_is_unknown_unless_it_is_said_to_be_complete() {
        let (_, text) = taken().await;
        let snapshot = Snapshot::read(text.as_bytes()).unwrap();
        let elsewhere = id("Microsoft.Network/virtualNetworks/c");
        let link = id("Microsoft.Network/privateDnsZones/other/virtualNetworkLinks/l");
        let server = id("Microsoft.DBforPostgreSQL/flexibleServers/other");
        for unknown in [&elsewhere, &link] {
            assert_eq!(snapshot.presence(unknown), Presence::Unreadable(Hidden::NotInSnapshot));
        }
        assert_eq!(snapshot.migrations(&server), Err(Hidden::NotInSnapshot));
        let snapshot = snapshot.covering(Coverage::Complete);
        for absent in [&elsewhere, &link] {
            assert_eq!(snapshot.presence(absent), Presence::Absent);
        }
        assert_eq!(snapshot.migrations(&server), Ok(Vec::new()));
        let hidden = id("Microsoft.DBforPostgreSQL/flexibleServers/hidden");
        assert!(matches!(
            snapshot.presence(&hidden),
            Presence::Unreadable(Hidden::Refused(_))
        ));
    }

    #[test]
    fn objects_that_others_export_are_taken_in_each_usual_form() {
        let network = id("Microsoft.Network/virtualNetworks/a");
        let peering = network.child("virtualNetworkPeerings", "ab");
        let one = object(&network, json!({ "virtualNetworkPeerings": [{ "name": "ab" }] }));
        for form in [
            one.clone(),
            json!([one]),
            json!({ "value": [one] }),
            json!({ "count": 1, "data": [one], "skip_token": null }),
        ] {
            let snapshot = Snapshot::read(form.to_string().as_bytes()).unwrap();
            assert!(snapshot.head.is_none());
            assert!(matches!(snapshot.presence(&network), Presence::Present(_)), "{form}");
            assert!(matches!(snapshot.presence(&peering), Presence::Present(_)), "{form}");
            let other = network.child("virtualNetworkPeerings", "ac");
            assert_eq!(
                snapshot.presence(&other),
                Presence::Absent,
                "the network holds all of its peerings"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_is_none_is_told_as_one_error() {
        let (_, text) = taken().await;
        let file: Json = serde_json::from_str(&text).unwrap();
        let with = |name: &str, value: Json| {
            let mut file = file.clone();
            file[name] = value;
            file.to_string()
        };
        let network = id("Microsoft.Network/virtualNetworks/a");
        let told = |text: &str| Snapshot::read(text.as_bytes()).unwrap_err().to_string();
        let lists = [
            json!([]),
            json!(["x"]),
            json!([{ "name": "a" }]),
            json!([{ "id": "a" }]),
        ];
        assert!(
            Snapshot::read(lists[0].to_string().as_bytes()).is_ok(),
            "nothing was exported"
        );
        for (text, expected) in [
            (text[..text.len() / 2].to_owned(), "EOF"),
            ("PK\u{3}\u{4}".to_owned(), "expected value"),
            ("{}".to_owned(), "its `kind` is not `pgferry-snapshot`"),
            ("3".to_owned(), "neither an object nor a list"),
            (with("format", json!(2)), "it has form 2, and this program reads form 1"),
            (with("surprise", json!(2)), "unknown field `surprise`"),
            (with("objects", json!([{}])), "object 1 of it has no `id`"),
            (lists[1].to_string(), "object 1 of it has no `id`"),
            (lists[2].to_string(), "object 1 of it has no `id`"),
            (lists[3].to_string(), "has an `id` that is none"),
            (json!([{ "id": network.as_str() }]).to_string(), "has no `properties`"),
            (
                json!([object(&network, json!({})), object(&network, json!({ "a": 1 }))]).to_string(),
                "object 2 of it is another",
            ),
        ] {
            assert!(told(&text).contains(expected), "{}", told(&text));
        }
    }
}
