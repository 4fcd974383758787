//! Format 1, the first: one JSON object. Also the form of a store's readers' view, which may keep large documents
//! elsewhere and adds what only its reader needs. Never decides what a view is worth; that is for its store.
//!
//! The binding, step and history types still have the form they have in format 1. When one of them changes, its old
//! form moves here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::FormatVersion;
use crate::rows::LargeRef;
use crate::snapshot::{
    Actor, Approval, Binding, FingerprintKey, HistoryEntry, Lineage, OpenRun, Record, RecordKey, Revision, RunId,
    Serial, Snapshot, StepId, StepJournal,
};

/// A whole state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) format: FormatVersion,
    pub(crate) lineage: Lineage,
    pub(crate) serial: Serial,
    pub(crate) binding: Option<Binding>,
    pub(crate) fingerprint_key: FingerprintKey,
    /// In a view: how many runs ended, shown or not.
    pub(crate) finished_runs: Option<u64>,
    pub(crate) run: Option<Run>,
    pub(crate) history: Vec<HistoryEntry>,
    pub(crate) records: BTreeMap<RecordKey, Stored>,
    /// In a view: the names of what it keeps elsewhere, for whoever clears up without reading the rest.
    #[serde(default, rename = "large")]
    _large: IgnoredAny,
    /// In a view: over the text before it, checked before the text is parsed.
    #[serde(default, rename = "checksum")]
    _checksum: IgnoredAny,
}

/// The open run.
#[derive(Deserialize)]
#[serde(try_from = "RunFields")]
pub(crate) struct Run {
    id: RunId,
    started: Timestamp,
    by: Actor,
    plan_fingerprint: String,
    approval: Option<Approval>,
    plan: Text,
    steps: BTreeMap<StepId, StepJournal>,
}

/// A remembered document.
#[derive(Deserialize)]
#[serde(try_from = "StoredFields")]
pub(crate) struct Stored {
    revision: Revision,
    document: Text,
}

/// A JSON value, or the name of its text.
enum Text {
    Here(Value),
    Elsewhere(LargeRef),
}

impl Document {
    /// The state, with what is kept elsewhere fetched by `fetch`; the text beside the name says what it is, for errors.
    pub(crate) fn into_snapshot<E>(
        self,
        fetch: &mut dyn FnMut(LargeRef, &str) -> Result<Value, E>,
    ) -> Result<Snapshot, E> {
        let Self {
            lineage,
            serial,
            binding,
            fingerprint_key,
            run,
            history,
            records,
            ..
        } = self;
        let mut value = |text: Text, part: &str| match text {
            Text::Here(value) => Ok(value),
            Text::Elsewhere(name) => fetch(name, part),
        };
        let run = match run {
            Some(Run {
                id,
                started,
                by,
                plan_fingerprint,
                approval,
                plan,
                steps,
            }) => {
                let plan = value(plan, "run.plan")?;
                Some(OpenRun {
                    id,
                    started,
                    by,
                    plan,
                    plan_fingerprint,
                    approval,
                    steps,
                })
            }
            None => None,
        };
        let mut known = BTreeMap::new();
        for (key, Stored { revision, document }) in records {
            let document = value(document, key.as_str())?;
            known.insert(key, Record { revision, document });
        }
        Ok(Snapshot {
            lineage,
            serial,
            binding,
            records: known,
            run,
            history,
            fingerprint_key,
        })
    }
}

/// A state as one value, everything in it.
pub(crate) fn export(snapshot: &Snapshot) -> Value {
    let Snapshot {
        lineage,
        serial,
        binding,
        records,
        run,
        history,
        fingerprint_key,
    } = snapshot;
    let run = run.as_ref().map(|OpenRun { id, started, by, plan, plan_fingerprint, approval, steps }| {
        let mut run = json!({
            "id": id, "started": started, "by": by, "plan_fingerprint": plan_fingerprint, "plan": plan, "steps": steps,
        });
        if let (Some(approval), Some(members)) = (approval, run.as_object_mut()) {
            members.insert("approval".to_owned(), json!(approval));
        }
        run
    });
    let records: Map<String, Value> = records
        .iter()
        .map(|(key, Record { revision, document })| {
            (key.to_string(), json!({ "revision": revision, "document": document }))
        })
        .collect();
    json!({
        "format": FormatVersion::new(1),
        "lineage": lineage,
        "serial": serial,
        "binding": binding,
        "fingerprint_key": fingerprint_key,
        "run": run,
        "history": history,
        "records": records,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFields {
    id: RunId,
    started: Timestamp,
    by: Actor,
    plan_fingerprint: String,
    approval: Option<Approval>,
    #[serde(default, deserialize_with = "present")]
    plan: Option<Value>,
    plan_large: Option<LargeRef>,
    steps: BTreeMap<StepId, StepJournal>,
}

impl TryFrom<RunFields> for Run {
    type Error = &'static str;

    fn try_from(fields: RunFields) -> Result<Self, Self::Error> {
        let RunFields {
            id,
            started,
            by,
            plan_fingerprint,
            approval,
            plan,
            plan_large,
            steps,
        } = fields;
        let plan = Text::of(plan, plan_large).ok_or("a run has either `plan` or `plan_large`")?;
        Ok(Self {
            id,
            started,
            by,
            plan_fingerprint,
            approval,
            plan,
            steps,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredFields {
    revision: Revision,
    #[serde(default, deserialize_with = "present")]
    document: Option<Value>,
    large: Option<LargeRef>,
}

impl TryFrom<StoredFields> for Stored {
    type Error = &'static str;

    fn try_from(fields: StoredFields) -> Result<Self, Self::Error> {
        let StoredFields {
            revision,
            document,
            large,
        } = fields;
        let document = Text::of(document, large).ok_or("a record has either `document` or `large`")?;
        Ok(Self { revision, document })
    }
}

impl Text {
    fn of(here: Option<Value>, elsewhere: Option<LargeRef>) -> Option<Self> {
        match (here, elsewhere) {
            (Some(value), None) => Some(Self::Here(value)),
            (None, Some(name)) => Some(Self::Elsewhere(name)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }
}

/// Tells a value that is `null` from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
