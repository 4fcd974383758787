//! The written forms of a state, and the way from any of them to a [`Snapshot`]. Never writes anything but the newest.
//!
//! Each form has a file of its own with its own types, and knows one thing beside them: how to become the next form.
//! A new form adds its file, a step from its predecessor, and a row in [`read`]; nothing older is edited.

mod v1;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::snapshot::Snapshot;

pub(crate) use v1::Document;

/// The number of a written form; the number in every file that a store or an export begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FormatVersion(u32);

impl FormatVersion {
    /// The form that this program writes, and the newest that it reads.
    pub const CURRENT: Self = Self(1);

    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text or value is not taken for an exported state.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It was exported by a later pgferry.
    #[error("the export has format {found}, and this pgferry knows formats up to {known}")]
    NewerFormat {
        /// The format that it says it has.
        found: FormatVersion,
        /// The newest format that this program reads.
        known: FormatVersion,
    },
    /// It is no exported state.
    #[error("this is no exported state")]
    NotAnExport(#[source] serde_json::Error),
    /// It is a store's own view, and refers to documents that the store keeps elsewhere.
    #[error("`{part}` is kept in another file of the store")]
    Elsewhere {
        /// What is missing.
        part: String,
    },
}

impl Snapshot {
    /// The whole state as one JSON value, for people and for other stores. It holds the fingerprint key, which is as
    /// private as the state itself.
    pub fn export(&self) -> Value {
        v1::export(self)
    }

    /// The state that an export of this or any earlier version holds.
    ///
    /// # Errors
    ///
    /// When the value is of a later version or no export.
    pub fn import(exported: Value) -> Result<Self, ImportError> {
        known(Peek::deserialize(&exported))?;
        let document: Document = serde_json::from_value(exported).map_err(ImportError::NotAnExport)?;
        document.into_snapshot(&mut |_, part| Err(ImportError::Elsewhere { part: part.to_owned() }))
    }
}

/// Reads the text of a state in any known form.
pub(crate) fn read(text: &str) -> Result<Document, ImportError> {
    // The version is looked at alone only when the whole does not fit, so that the common case reads the text once.
    match serde_json::from_str::<Document>(text) {
        Ok(document) if document.format == FormatVersion::CURRENT => Ok(document),
        Ok(document) => Err(ImportError::NewerFormat {
            found: document.format,
            known: FormatVersion::CURRENT,
        }),
        Err(error) => {
            known(serde_json::from_str(text))?;
            Err(ImportError::NotAnExport(error))
        }
    }
}

/// The one thing that every form says in the same way.
#[derive(Deserialize)]
struct Peek {
    format: FormatVersion,
}

fn known(peek: Result<Peek, serde_json::Error>) -> Result<(), ImportError> {
    let Peek { format: found } = peek.map_err(ImportError::NotAnExport)?;
    if found > FormatVersion::CURRENT {
        return Err(ImportError::NewerFormat {
            found,
            known: FormatVersion::CURRENT,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Actor, HistoryEntry, OpenRun, Record, Revision, RunId, RunOutcome, Serial, StepJournal};
    use crate::snapshot::{Binding, StepId, StepPhase};

    fn busy() -> Snapshot {
        let moment = "2026-03-01T22:15:00Z".parse().unwrap();
        let mut snapshot = Snapshot::fresh();
        snapshot.serial = Serial::new(12);
        let [cloud, tenant, subscription] = ["public", "t", "s"].map(str::to_owned);
        snapshot.binding = Some(Binding {
            cloud,
            tenant,
            subscription,
        });
        let phase = StepPhase::Accepted {
            unit: "u#1".to_owned(),
            operation: json!({"url": "/x"}),
        };
        snapshot.run = Some(OpenRun {
            approval: None,
            id: RunId::random(),
            started: moment,
            by: Actor::new("dba@runner"),
            plan: json!(null),
            plan_fingerprint: "f00d".to_owned(),
            steps: [(StepId::new(3), StepJournal { attempts: 2, phase })].into(),
        });
        for (key, document) in [("a#1", json!({"n": 1.5, "t": "ü"})), ("b", json!(null))] {
            snapshot.records.insert(
                key.parse().unwrap(),
                Record {
                    revision: Revision::new(7),
                    document,
                },
            );
        }
        snapshot.history.push(HistoryEntry {
            approval: None,
            account: crate::Account::default(),
            run: RunId::random(),
            started: moment,
            finished: moment,
            by: Actor::new("dba@runner"),
            plan_fingerprint: "beef".to_owned(),
            outcome: RunOutcome::Failed,
            summary: "1 created".to_owned(),
        });
        snapshot
    }

    #[test]
    fn an_export_is_imported_without_loss() {
        let snapshot = busy();
        assert_eq!(Snapshot::import(snapshot.export()).unwrap(), snapshot);
        let text = snapshot.export().to_string();
        assert_eq!(
            Snapshot::import(serde_json::from_str(&text).unwrap()).unwrap(),
            snapshot
        );
    }

    #[test]
    fn a_later_version_is_named_and_other_things_are_refused() {
        let mut export = busy().export();
        export["format"] = json!(2);
        export["news"] = json!(true);
        for refused in [
            Snapshot::import(export.clone()).map(|_| ()),
            read(&export.to_string()).map(|_| ()),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(
                error.to_string(),
                "the export has format 2, and this pgferry knows formats up to 1"
            );
        }
        for other in [json!({}), json!([1]), json!({"format": 1}), json!({"format": "x"})] {
            assert!(
                matches!(Snapshot::import(other.clone()), Err(ImportError::NotAnExport(_))),
                "{other}"
            );
            assert!(
                matches!(read(&other.to_string()), Err(ImportError::NotAnExport(_))),
                "{other}"
            );
        }
    }
}
