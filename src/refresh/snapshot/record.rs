//! Remembers all that Azure answers while somebody looks. It asks nothing by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value as Json;

use super::strip::Sieve;
use super::{File, Head, Snapshot, Whole};
use crate::arm::{ArmError, ArmId, ArmRead, Collection, Found};
use crate::graph::Graph;
use crate::observed::{Hidden, Observed};
use crate::refresh::{member_id, refusal};
use crate::secret::Secrets;

/// Azure, with an ear on it.
pub struct Recording<'a> {
    arm: &'a dyn ArmRead,
    heard: Mutex<Heard>,
}

/// A snapshot that was taken.
pub struct Taken {
    /// The file.
    pub text: String,
    /// How many objects it holds.
    pub objects: usize,
}

#[derive(Default)]
struct Heard {
    objects: BTreeMap<ArmId, Json>,
    absent: BTreeSet<ArmId>,
    refused: BTreeMap<String, String>,
    whole: BTreeSet<Collection>,
}

impl<'a> Recording<'a> {
    /// Listens from now on.
    pub fn of(arm: &'a dyn ArmRead) -> Self {
        Self {
            arm,
            heard: Mutex::default(),
        }
    }

    /// The snapshot of what was looked for, without secrets: those that were supplied and what looks like one.
    pub fn into_file(self, graph: &Graph, observed: &Observed, head: Head, supplied: &Secrets) -> Taken {
        let sieve = Sieve::of(graph, supplied);
        let heard = self.heard.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The list of a resource group brings neighbours that nobody asked for.
        let is_wanted = |id: &ArmId| id.parent().is_some() || observed.object(id).is_some();
        let objects = heard.objects.into_iter().filter(|(id, _)| is_wanted(id));
        let objects = objects.map(|(_, mut object)| {
            sieve.clean(&mut object);
            object
        });
        let refused = heard.refused.into_iter();
        let file = File {
            kind: Snapshot::KIND.to_owned(),
            format: Snapshot::FORMAT,
            program: concat!("pgferry ", env!("CARGO_PKG_VERSION")).to_owned(),
            taken: head.taken,
            cloud: head.cloud,
            subscription: head.subscription,
            objects: objects.collect(),
            absent: heard.absent.into_iter().collect(),
            whole: heard.whole.into_iter().map(Whole::from).collect(),
            refused: refused.map(|(path, reason)| (path, sieve.text(&reason))).collect(),
            state: head.state,
        };
        let mut text = serde_json::to_string_pretty(&file).expect("it has text keys only, so it is always JSON");
        text.push('\n');
        Taken {
            text,
            objects: file.objects.len(),
        }
    }

    fn note(&self, what: impl FnOnce(&mut Heard)) {
        what(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Heard {
    /// Keeps an object under the id by which it was asked for, which its own may not be.
    fn keep(&mut self, id: ArmId, mut object: Json) {
        let own = object.get("id").and_then(Json::as_str);
        let is_own = own.and_then(|own| own.parse::<ArmId>().ok()).as_ref() == Some(&id);
        if let (false, Json::Object(members)) = (is_own, &mut object) {
            members.insert("id".to_owned(), id.as_str().into());
        }
        self.objects.insert(id, object);
    }

    fn refuse(&mut self, path: &str, error: &ArmError) {
        if let Some(Hidden::Refused(reason)) = refusal(error) {
            self.refused.insert(path.to_lowercase(), reason);
        }
    }
}

#[async_trait]
impl ArmRead for Recording<'_> {
    async fn get(&self, id: &ArmId) -> Result<Found, ArmError> {
        let answer = self.arm.get(id).await;
        self.note(|heard| match &answer {
            Ok(Found::Present(object)) => heard.keep(id.clone(), object.clone()),
            Ok(Found::Absent) => {
                heard.absent.insert(id.clone());
            }
            Err(error) => heard.refuse(id.as_str(), error),
        });
        answer
    }

    async fn list(&self, collection: &Collection) -> Result<Option<Vec<Json>>, ArmError> {
        let answer = self.arm.list(collection).await;
        self.note(|heard| match &answer {
            Ok(found) => {
                for object in found.iter().flatten() {
                    if let Some(id) = member_id(collection, object) {
                        heard.keep(id, object.clone());
                    }
                }
                // Of a resource group only what was looked for is kept, so nothing follows from what is not.
                if collection.parent.as_str().contains("/providers/") {
                    heard.whole.insert(collection.clone());
                }
            }
            Err(error) => heard.refuse(&collection.path(), error),
        });
        answer
    }

    async fn ask(&self, id: &ArmId, action: &str, body: &Json) -> Result<Json, ArmError> {
        self.arm.ask(id, action, body).await
    }
}
