//! The rules that edits obey, over rows in memory. A backend drafts a commit here, makes its rows durable and then lets
//! it count. Never touches a disk; large texts are fetched through [`LargeTexts`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::rows::{Cell, Checksum, Content, LargeRef, RowKey, Rows};
use crate::snapshot::{
    Actor, Approval, Binding, DEEPEST, FingerprintKey, HistoryEntry, Lineage, OpenRun, RECENT_RUNS, Record, RecordKey,
    Revision, RunId, Serial, Snapshot, StepId, StepJournal, StepPhase, nests_within,
};
use crate::store::{BindingConflict, Committed, Edit, StoreError};

/// Where a backend keeps texts that are too large for a row.
pub(crate) trait LargeTexts {
    /// The text under this name, verified.
    fn read(&self, name: LargeRef) -> Result<Arc<str>, StoreError>;

    /// The error for a row that is whole but means nothing.
    fn meaningless(&self, what: &RowKey, why: serde_json::Error) -> StoreError;
}

/// What there is one of in a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) lineage: Lineage,
    pub(crate) fingerprint_key: FingerprintKey,
    pub(crate) binding: Option<Binding>,
    pub(crate) run: Option<RunHead>,
    /// How many runs ended, which is also the number of the next one to end.
    pub(crate) finished_runs: u64,
}

/// The open run without its plan and steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunHead {
    pub(crate) id: RunId,
    pub(crate) started: jiff::Timestamp,
    pub(crate) by: Actor,
    pub(crate) plan_fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) approval: Option<Approval>,
}

/// A state in memory. A clone is cheap and stays as it is.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    head: Head,
    serial: Serial,
    rows: Rows,
}

impl Ledger {
    /// A new state with nothing in it but its head.
    pub(crate) fn fresh() -> Self {
        let Snapshot {
            lineage,
            serial,
            fingerprint_key,
            binding: _,
            records: _,
            run: _,
            history: _,
        } = Snapshot::fresh();
        let head = Head {
            lineage,
            fingerprint_key,
            binding: None,
            run: None,
            finished_runs: 0,
        };
        let mut rows = Rows::new();
        rows.set(
            RowKey::Head,
            Cell {
                revision: serial.into(),
                content: Content::Inline(text_of(&head)),
            },
        );
        Self { head, serial, rows }
    }

    /// The state that these rows are, where they hold a head.
    pub(crate) fn of(serial: Serial, rows: Rows, large: &dyn LargeTexts) -> Result<Option<Self>, StoreError> {
        let Some(cell) = rows.get(&RowKey::Head) else {
            return Ok(None);
        };
        let head = understand(&RowKey::Head, &cell.content, large)?;
        Ok(Some(Self { head, serial, rows }))
    }

    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) fn serial(&self) -> Serial {
        self.serial
    }

    pub(crate) fn checksum(&self) -> Checksum {
        self.rows.checksum()
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The number of the oldest run that snapshots carry.
    pub(crate) fn first_recent_run(&self) -> u64 {
        self.head.finished_runs.saturating_sub(RECENT_RUNS as u64)
    }

    /// What the edits come to, or the first thing that speaks against them.
    pub(crate) fn draft(&self, edits: Vec<Edit>, large: &dyn LargeTexts) -> Result<Draft, StoreError> {
        let mut drafting = Drafting {
            ledger: self,
            large,
            head: self.head.clone(),
            writes: BTreeMap::new(),
            adopted: None,
        };
        for edit in edits {
            drafting.apply(edit)?;
        }
        let Drafting {
            head,
            mut writes,
            adopted,
            ledger: _,
            large: _,
        } = drafting;
        if head != self.head {
            writes.insert(RowKey::Head, Some(Content::Inline(text_of(&head))));
        }
        let next = if writes.is_empty() {
            self.serial
        } else {
            self.serial.next()
        };
        let (serial, revisions) = adopted.unwrap_or((next, BTreeMap::new()));
        Ok(Draft {
            head,
            serial,
            revisions,
            writes,
        })
    }

    /// Lets a draft of this ledger count.
    pub(crate) fn absorb(&mut self, draft: Draft) -> Committed {
        let Draft {
            head,
            serial,
            revisions: kept,
            writes,
        } = draft;
        let mut revisions = BTreeMap::new();
        for (key, content) in writes {
            match content {
                Some(content) => {
                    let mut revision = Revision::from(serial);
                    if let RowKey::Record(key) = &key {
                        revision = kept.get(key).copied().unwrap_or(revision);
                        revisions.insert(key.clone(), revision);
                    }
                    self.rows.set(key, Cell { revision, content });
                }
                None => self.rows.remove(&key),
            }
        }
        self.head = head;
        self.serial = serial;
        Committed { serial, revisions }
    }

    pub(crate) fn snapshot(&self, large: &dyn LargeTexts) -> Result<Snapshot, StoreError> {
        let mut records = BTreeMap::new();
        let mut steps = BTreeMap::new();
        let mut plan = Value::Null;
        for (key, Cell { revision, content }) in self.rows.iter() {
            match key {
                RowKey::Head | RowKey::Past(_) => {}
                RowKey::Plan => plan = understand(key, content, large)?,
                RowKey::Step(step) => {
                    steps.insert(*step, understand(key, content, large)?);
                }
                RowKey::Record(name) => {
                    let document = understand(key, content, large)?;
                    records.insert(
                        name.clone(),
                        Record {
                            revision: *revision,
                            document,
                        },
                    );
                }
            }
        }
        let Head {
            lineage,
            fingerprint_key,
            binding,
            run,
            finished_runs: _,
        } = self.head.clone();
        let run = run.map(
            |RunHead {
                 id,
                 started,
                 by,
                 plan_fingerprint,
                 approval,
             }| OpenRun {
                id,
                started,
                by,
                plan,
                plan_fingerprint,
                approval,
                steps,
            },
        );
        let history = self.history_from(self.first_recent_run(), large)?;
        Ok(Snapshot {
            lineage,
            serial: self.serial,
            binding,
            records,
            run,
            history,
            fingerprint_key,
        })
    }

    /// The finished runs from this number on, oldest first.
    pub(crate) fn history_from(&self, first: u64, large: &dyn LargeTexts) -> Result<Vec<HistoryEntry>, StoreError> {
        self.finished(first)
            .map(|(key, content)| understand(&key, content, large))
            .collect()
    }

    /// The rows of the finished runs from this number on, oldest first.
    pub(crate) fn finished(&self, first: u64) -> impl Iterator<Item = (RowKey, &Content)> {
        let runs = (first..self.head.finished_runs).map(RowKey::Past);
        runs.filter_map(|key| self.rows.get(&key).map(|cell| (key, &cell.content)))
    }
}

/// A commit that may be: which rows it would write (`None`: remove) under which serial.
#[derive(Debug)]
pub(crate) struct Draft {
    head: Head,
    serial: Serial,
    /// The revisions of records that were taken over with theirs.
    revisions: BTreeMap<RecordKey, Revision>,
    pub(crate) writes: BTreeMap<RowKey, Option<Content>>,
}

struct Drafting<'a> {
    ledger: &'a Ledger,
    large: &'a dyn LargeTexts,
    head: Head,
    writes: BTreeMap<RowKey, Option<Content>>,
    /// The serial and the revisions of what was taken over.
    adopted: Option<(Serial, BTreeMap<RecordKey, Revision>)>,
}

impl Drafting<'_> {
    fn apply(&mut self, edit: Edit) -> Result<(), StoreError> {
        match edit {
            Edit::Bind(wanted) => self.bind(wanted),
            Edit::BeginRun {
                run,
                started,
                by,
                plan,
                plan_fingerprint,
                approval,
            } => self.begin(
                RunHead {
                    id: run,
                    started,
                    by,
                    plan_fingerprint,
                    approval,
                },
                &plan,
            ),
            Edit::Intent {
                run,
                step,
                attempt,
                unit,
                method,
                body_hash,
            } => {
                self.must_be_open(run)?;
                self.note(
                    step,
                    attempt,
                    StepPhase::Intended {
                        unit,
                        method,
                        body_hash,
                    },
                );
                Ok(())
            }
            Edit::Accepted { run, step, operation } => self.accept(run, step, operation),
            Edit::Done { run, step } => self.settle(run, step, StepPhase::Done),
            Edit::Failed { run, step, message } => self.settle(run, step, StepPhase::Failed { message }),
            Edit::Put { key, document } => self.keep(RowKey::Record(key), &document),
            Edit::PutIf {
                key,
                document,
                expected,
            } => self.put_if(key, &document, expected),
            Edit::Remove { key } => {
                let row = RowKey::Record(key);
                if self.content(&row).is_some() {
                    self.writes.insert(row, None);
                }
                Ok(())
            }
            Edit::Rename { from, to } => self.rename(from, to),
            Edit::Adopt { state, history } => self.adopt(*state, &history),
            Edit::Replace { state } => self.replace(*state),
            Edit::Log(entry) => self.note_down(&entry),
            Edit::EndRun {
                run,
                finished,
                outcome,
                summary,
                account,
            } => {
                let RunHead {
                    id,
                    started,
                    by,
                    plan_fingerprint,
                    approval,
                } = self.must_be_open(run)?;
                self.end(&HistoryEntry {
                    run: id,
                    started,
                    finished,
                    by,
                    plan_fingerprint,
                    approval,
                    outcome,
                    summary,
                    account,
                });
                Ok(())
            }
        }
    }

    fn bind(&mut self, wanted: Binding) -> Result<(), StoreError> {
        match &self.head.binding {
            Some(bound) if *bound != wanted => {
                let bound = bound.clone();
                Err(StoreError::BoundElsewhere(Box::new(BindingConflict { bound, wanted })))
            }
            Some(_) => Ok(()),
            None => {
                self.head.binding = Some(wanted);
                Ok(())
            }
        }
    }

    fn begin(&mut self, run: RunHead, plan: &Value) -> Result<(), StoreError> {
        must_be_shallow(&RowKey::Plan, plan)?;
        match &self.head.run {
            Some(open) if open.id != run.id => Err(StoreError::RunOpen { open: open.id }),
            Some(open) if open.plan_fingerprint != run.plan_fingerprint => Err(StoreError::OtherPlan { run: open.id }),
            Some(_) => Ok(()),
            None => {
                self.head.run = Some(run);
                self.put(RowKey::Plan, plan);
                Ok(())
            }
        }
    }

    fn accept(&mut self, run: RunId, step: StepId, operation: Value) -> Result<(), StoreError> {
        must_be_shallow(&RowKey::Step(step), &operation)?;
        self.must_be_open(run)?;
        let refuse = |standing| StoreError::StepOutOfOrder {
            run,
            step,
            told: "accepted",
            standing,
        };
        let StepJournal { attempts, phase } = self.step(step)?.ok_or_else(|| refuse("untouched"))?;
        match phase {
            StepPhase::Intended {
                unit,
                method: _,
                body_hash: _,
            }
            | StepPhase::Accepted { unit, operation: _ } => {
                self.note(step, attempts, StepPhase::Accepted { unit, operation });
                Ok(())
            }
            StepPhase::Done => Err(refuse("done")),
            StepPhase::Failed { message: _ } => Err(refuse("failed")),
        }
    }

    fn settle(&mut self, run: RunId, step: StepId, phase: StepPhase) -> Result<(), StoreError> {
        self.must_be_open(run)?;
        let attempts = self.step(step)?.map_or(0, |journal| journal.attempts);
        self.note(step, attempts, phase);
        Ok(())
    }

    fn put_if(&mut self, key: RecordKey, document: &Value, expected: Option<Revision>) -> Result<(), StoreError> {
        let row = RowKey::Record(key.clone());
        let found = match self.writes.get(&row) {
            Some(Some(_)) => Some(self.ledger.serial.next().into()),
            Some(None) => None,
            None => self.ledger.rows.get(&row).map(|cell| cell.revision),
        };
        if found != expected {
            return Err(StoreError::StaleRevision { key, expected, found });
        }
        self.keep(row, document)
    }

    fn rename(&mut self, from: RecordKey, to: RecordKey) -> Result<(), StoreError> {
        let (source, goal) = (RowKey::Record(from.clone()), RowKey::Record(to.clone()));
        let Some(content) = self.content(&source).cloned() else {
            return Err(StoreError::UnknownRecord { key: from });
        };
        if self.content(&goal).is_some() {
            return Err(StoreError::RecordExists { key: to });
        }
        self.writes.insert(source, None);
        self.writes.insert(goal, Some(content));
        Ok(())
    }

    fn replace(&mut self, state: Snapshot) -> Result<(), StoreError> {
        let Snapshot {
            lineage,
            serial,
            binding,
            records,
            run,
            history,
            fingerprint_key,
        } = state;
        let gone: Vec<RowKey> = self
            .known_rows()
            .filter(|key| match key {
                RowKey::Plan | RowKey::Step(_) => true,
                RowKey::Record(name) => !records.contains_key(name),
                RowKey::Head | RowKey::Past(_) => false,
            })
            .cloned()
            .collect();
        self.writes.extend(gone.into_iter().map(|key| (key, None)));
        self.head = Head {
            lineage,
            fingerprint_key,
            binding,
            run: None,
            finished_runs: self.head.finished_runs,
        };
        self.open_as(run);
        let mut known = BTreeSet::new();
        for number in 0..self.head.finished_runs {
            let key = RowKey::Past(number);
            if let Some(content) = self.content(&key) {
                let entry: HistoryEntry = understand(&key, content, self.large)?;
                known.insert((entry.run.to_string(), entry.finished));
            }
        }
        // A run has a line for each time that somebody left it.
        let is_known = |entry: &&HistoryEntry| known.contains(&(entry.run.to_string(), entry.finished));
        for entry in history.iter().filter(|entry| !is_known(entry)) {
            self.log(entry);
        }
        for (name, Record { revision: _, document }) in records {
            let key = RowKey::Record(name);
            let is_here = match self.content(&key) {
                Some(content) => understand::<Value>(&key, content, self.large)? == document,
                None => false,
            };
            if !is_here {
                self.keep(key, &document)?;
            }
        }
        // The head is written in any case, so that a state which is replaced by itself has a serial of its own, too.
        let head = self.head.clone();
        self.put(RowKey::Head, &head);
        self.adopted = Some((self.ledger.serial.max(serial).next(), BTreeMap::new()));
        Ok(())
    }

    fn adopt(&mut self, state: Snapshot, history: &[HistoryEntry]) -> Result<(), StoreError> {
        let Snapshot {
            lineage,
            serial,
            binding,
            records,
            run,
            history: _,
            fingerprint_key,
        } = state;
        may_adopt((self.head.lineage, self.ledger.serial), (lineage, serial))?;
        let here: Vec<RowKey> = self.ledger.rows.iter().map(|(key, _)| key.clone()).collect();
        self.writes = here.into_iter().map(|key| (key, None)).collect();
        self.head = Head {
            lineage,
            fingerprint_key,
            binding,
            run: None,
            finished_runs: history.len() as u64,
        };
        self.open_as(run);
        for (number, entry) in (0..).zip(history) {
            self.put(RowKey::Past(number), entry);
        }
        let mut revisions = BTreeMap::new();
        for (key, Record { revision, document }) in records {
            self.keep(RowKey::Record(key.clone()), &document)?;
            revisions.insert(key, revision);
        }
        // The head is written in any case: it may be the same one, and its row was to go with the others.
        let head = self.head.clone();
        self.put(RowKey::Head, &head);
        self.adopted = Some((serial, revisions));
        Ok(())
    }

    /// Takes over an open run with its journal.
    fn open_as(&mut self, run: Option<OpenRun>) {
        let Some(OpenRun {
            id,
            started,
            by,
            plan,
            plan_fingerprint,
            approval,
            steps,
        }) = run
        else {
            return;
        };
        self.put(RowKey::Plan, &plan);
        for (step, journal) in &steps {
            self.put(RowKey::Step(*step), journal);
        }
        self.head.run = Some(RunHead {
            id,
            started,
            by,
            plan_fingerprint,
            approval,
        });
    }

    /// A line for something that was no run. Who leaves a run again and again has one line, the last.
    fn note_down(&mut self, entry: &HistoryEntry) -> Result<(), StoreError> {
        let last = self.head.finished_runs.checked_sub(1).map(RowKey::Past);
        if let Some((key, content)) = last.and_then(|key| Some((key.clone(), self.content(&key)?))) {
            let before: HistoryEntry = understand(&key, content, self.large)?;
            if entry.replaces(&before) {
                self.put(key, entry);
                return Ok(());
            }
        }
        self.log(entry);
        Ok(())
    }

    fn log(&mut self, entry: &HistoryEntry) {
        self.put(RowKey::Past(self.head.finished_runs), entry);
        self.head.finished_runs += 1;
    }

    /// The keys of all rows there are or were drafted, some twice.
    fn known_rows(&self) -> impl Iterator<Item = &RowKey> {
        self.ledger.rows.iter().map(|(key, _)| key).chain(self.writes.keys())
    }

    fn end(&mut self, entry: &HistoryEntry) {
        self.log(entry);
        self.head.run = None;
        let journal: Vec<RowKey> = self
            .known_rows()
            .filter(|key| matches!(key, RowKey::Plan | RowKey::Step(_)))
            .cloned()
            .collect();
        self.writes.extend(journal.into_iter().map(|key| (key, None)));
    }

    fn must_be_open(&self, run: RunId) -> Result<RunHead, StoreError> {
        self.head
            .run
            .as_ref()
            .filter(|open| open.id == run)
            .cloned()
            .ok_or(StoreError::RunNotOpen { run })
    }

    fn step(&self, step: StepId) -> Result<Option<StepJournal>, StoreError> {
        let key = RowKey::Step(step);
        self.content(&key)
            .map(|content| understand(&key, content, self.large))
            .transpose()
    }

    fn note(&mut self, step: StepId, attempts: u32, phase: StepPhase) {
        self.put(RowKey::Step(step), &StepJournal { attempts, phase });
    }

    fn content(&self, key: &RowKey) -> Option<&Content> {
        match self.writes.get(key) {
            Some(written) => written.as_ref(),
            None => self.ledger.rows.get(key).map(|cell| &cell.content),
        }
    }

    fn keep(&mut self, key: RowKey, document: &Value) -> Result<(), StoreError> {
        must_be_shallow(&key, document)?;
        self.put(key, document);
        Ok(())
    }

    fn put(&mut self, key: RowKey, value: &impl Serialize) {
        self.writes.insert(key, Some(Content::Inline(text_of(value))));
    }
}

/// Whether a store with the first lineage and serial may take over a state with the second.
pub(crate) fn may_adopt(here: (Lineage, Serial), offered: (Lineage, Serial)) -> Result<(), StoreError> {
    if here.1 != Serial::ZERO && here.0 != offered.0 {
        return Err(StoreError::LineageMismatch {
            expected: here.0,
            found: offered.0,
        });
    }
    if offered.1 <= here.1 {
        return Err(StoreError::NotLater {
            here: here.1,
            offered: offered.1,
        });
    }
    Ok(())
}

fn must_be_shallow(what: &RowKey, value: &Value) -> Result<(), StoreError> {
    if nests_within(value, DEEPEST) {
        Ok(())
    } else {
        Err(StoreError::TooDeep {
            what: what.to_string(),
            limit: DEEPEST,
        })
    }
}

fn text_of(value: &impl Serialize) -> Arc<str> {
    serde_json::to_string(value)
        .expect("values with string keys always have a JSON text")
        .into()
}

fn understand<T: DeserializeOwned>(key: &RowKey, content: &Content, large: &dyn LargeTexts) -> Result<T, StoreError> {
    serde_json::from_str(&content.text(large)?).map_err(|why| large.meaningless(key, why))
}

impl Content {
    /// The text, wherever it is.
    pub(crate) fn text(&self, large: &dyn LargeTexts) -> Result<Arc<str>, StoreError> {
        match self {
            Self::Inline(text) => Ok(Arc::clone(text)),
            Self::Large(name) => large.read(*name),
        }
    }
}
