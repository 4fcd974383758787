//! A store in memory, written without the rules that the real ones share, and stricter: it refuses every journal entry
//! that a correct run never makes. What passes here passes everywhere. Never touches a disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use serde_json::Value;

use crate::ledger::may_adopt;
use crate::snapshot::{
    Actor, Binding, DEEPEST, HistoryEntry, OpenRun, RECENT_RUNS, Record, RecordKey, Revision, RunId, Snapshot, StepId,
    StepJournal, StepPhase, nests_within,
};
use crate::store::{BindingConflict, Committed, Edit, Held, HeldLock, Holder, Intent, Life, Store, StoreError};
use crate::upgrade::FormatVersion;

/// A state that lives as long as the last clone of this.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    kept: Option<Kept>,
    holder: Option<Holder>,
    /// How often the lock was taken or broken.
    fence: u64,
    newer: Option<FormatVersion>,
}

#[derive(Clone, Debug)]
struct Kept {
    /// Its history is whole here, and cut when it is shown.
    snapshot: Snapshot,
}

/// What an edit did.
enum Effect {
    /// It found everything as it wants it.
    Nothing,
    /// It wrote something other than a record.
    Noted,
    /// It wrote, moved or removed these records.
    Touched(Vec<RecordKey>),
}

impl MemoryStore {
    /// A store in which nothing was ever stored.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store that already remembers this.
    pub fn holding(snapshot: Snapshot) -> Self {
        let store = Self::default();
        store.shared().kept = Some(Kept { snapshot });
        store
    }

    /// Makes it look as if a later pgferry had written it.
    pub fn pretend_newer(&self) {
        self.shared().newer = Some(FormatVersion::new(u32::MAX));
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("no code panics while it holds this")
    }
}

impl Shared {
    fn kept(&self) -> Result<Option<&Kept>, StoreError> {
        match self.newer {
            Some(found) => Err(StoreError::NewerFormat {
                found,
                known: FormatVersion::CURRENT,
            }),
            None => Ok(self.kept.as_ref()),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.shared().kept()?.map(Kept::shown))
    }

    async fn lock(&self, intent: Intent) -> Result<Box<dyn Held>, StoreError> {
        let mut shared = self.shared();
        shared.kept()?;
        if let Some(holder) = &shared.holder {
            return Err(StoreError::Locked(holder.clone()));
        }
        shared.holder = Some(intent.holder);
        shared.fence += 1;
        let fence = shared.fence;
        shared.kept.get_or_insert_with(|| Kept {
            snapshot: Snapshot::fresh(),
        });
        let store = self.clone();
        Ok(Box::new(MemoryHeld { store, fence }))
    }

    async fn history(&self) -> Result<Vec<HistoryEntry>, StoreError> {
        Ok(self
            .shared()
            .kept()?
            .map(|kept| kept.snapshot.history.clone())
            .unwrap_or_default())
    }

    async fn holder(&self) -> Result<Option<HeldLock>, StoreError> {
        let life = Life::Alive;
        Ok(self.shared().holder.clone().map(|holder| HeldLock { holder, life }))
    }

    async fn break_lock(&self, whose: &Actor) -> Result<Option<Holder>, StoreError> {
        let mut shared = self.shared();
        match shared.holder.clone() {
            Some(holder) if holder.who != *whose => Err(StoreError::HeldByAnother {
                named: whose.clone(),
                holder: Box::new(holder),
            }),
            Some(_) => {
                shared.fence += 1;
                Ok(shared.holder.take())
            }
            None => Ok(None),
        }
    }
}

struct MemoryHeld {
    store: MemoryStore,
    fence: u64,
}

#[async_trait]
impl Held for MemoryHeld {
    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(self.store.shared().kept()?.ok_or(StoreError::Unusable)?.shown())
    }

    async fn commit(&self, edits: Vec<Edit>) -> Result<Committed, StoreError> {
        let mut shared = self.store.shared();
        if shared.fence != self.fence {
            let now = shared.holder.clone().map(Box::new);
            return Err(StoreError::LockLost { now });
        }
        let mut draft = shared.kept()?.cloned().ok_or(StoreError::Unusable)?;
        let committed = draft.commit(edits)?;
        shared.kept = Some(draft);
        Ok(committed)
    }

    async fn release(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for MemoryHeld {
    fn drop(&mut self) {
        let mut shared = self.store.shared();
        if shared.fence == self.fence {
            shared.holder = None;
        }
    }
}

impl Kept {
    fn shown(&self) -> Snapshot {
        let mut shown = self.snapshot.clone();
        shown.history.drain(..shown.history.len().saturating_sub(RECENT_RUNS));
        shown
    }

    fn commit(&mut self, edits: Vec<Edit>) -> Result<Committed, StoreError> {
        let serial = self.snapshot.serial.next();
        let mut touched = Vec::new();
        for edit in edits {
            must_be_shallow(&edit)?;
            match self.apply(edit, serial.into())? {
                Effect::Nothing => {}
                // What was taken over brought a serial along that is later still, or this very one.
                Effect::Noted => self.snapshot.serial = serial.max(self.snapshot.serial),
                Effect::Touched(keys) => {
                    self.snapshot.serial = serial.max(self.snapshot.serial);
                    touched.extend(keys);
                }
            }
        }
        let left = |key: RecordKey| self.snapshot.records.get(&key).map(|record| (key, record.revision));
        Ok(Committed {
            serial: self.snapshot.serial,
            revisions: touched.into_iter().filter_map(left).collect(),
        })
    }

    fn apply(&mut self, edit: Edit, revision: Revision) -> Result<Effect, StoreError> {
        match edit {
            Edit::Bind(wanted) => self.bind(wanted),
            Edit::BeginRun {
                run,
                started,
                by,
                plan,
                plan_fingerprint,
                approval,
            } => self.begin(OpenRun {
                id: run,
                started,
                by,
                plan,
                plan_fingerprint,
                approval,
                steps: BTreeMap::new(),
            }),
            Edit::Intent {
                run,
                step,
                attempt,
                unit,
                method,
                body_hash,
            } => {
                let phase = StepPhase::Intended {
                    unit,
                    method,
                    body_hash,
                };
                self.intend(
                    run,
                    step,
                    StepJournal {
                        attempts: attempt,
                        phase,
                    },
                )
            }
            Edit::Accepted { run, step, operation } => self.accept(run, step, operation),
            Edit::Done { run, step } => self.settle(run, step, "done", StepPhase::Done),
            Edit::Failed { run, step, message } => self.settle(run, step, "failed", StepPhase::Failed { message }),
            Edit::Put { key, document } => Ok(self.put(key, Record { revision, document })),
            Edit::PutIf {
                key,
                document,
                expected,
            } => {
                let found = self.snapshot.records.get(&key).map(|record| record.revision);
                if found != expected {
                    return Err(StoreError::StaleRevision { key, expected, found });
                }
                Ok(self.put(key, Record { revision, document }))
            }
            Edit::Remove { key } => Ok(match self.snapshot.records.remove(&key) {
                Some(_) => Effect::Touched(vec![key]),
                None => Effect::Nothing,
            }),
            Edit::Rename { from, to } => self.rename(from, to, revision),
            Edit::Adopt { state, history } => {
                let offered = (state.lineage, state.serial);
                may_adopt((self.snapshot.lineage, self.snapshot.serial), offered)?;
                self.snapshot = Snapshot { history, ..*state };
                Ok(Effect::Touched(self.snapshot.records.keys().cloned().collect()))
            }
            Edit::Replace { state } => Ok(self.replace(*state)),
            Edit::Log(entry) => {
                let history = &mut self.snapshot.history;
                history.pop_if(|before| entry.replaces(before));
                history.push(entry);
                Ok(Effect::Noted)
            }
            Edit::EndRun {
                run,
                finished,
                outcome,
                summary,
                account,
            } => {
                self.open(run)?;
                let OpenRun {
                    id,
                    started,
                    by,
                    plan: _,
                    plan_fingerprint,
                    approval,
                    steps: _,
                } = self.snapshot.run.take().ok_or(StoreError::RunNotOpen { run })?;
                let entry = HistoryEntry {
                    run: id,
                    started,
                    finished,
                    by,
                    plan_fingerprint,
                    approval,
                    outcome,
                    summary,
                    account,
                };
                self.snapshot.history.push(entry);
                Ok(Effect::Noted)
            }
        }
    }

    fn replace(&mut self, state: Snapshot) -> Effect {
        let serial = self.snapshot.serial.max(state.serial).next();
        let before = std::mem::replace(&mut self.snapshot, state);
        let added = std::mem::replace(&mut self.snapshot.history, before.history);
        for entry in added {
            if self
                .snapshot
                .history
                .iter()
                .all(|known| (known.run, known.finished) != (entry.run, entry.finished))
            {
                self.snapshot.history.push(entry);
            }
        }
        self.snapshot.serial = serial;
        let mut touched = Vec::new();
        for (key, record) in &mut self.snapshot.records {
            match before
                .records
                .get(key)
                .filter(|known| known.document == record.document)
            {
                Some(known) => record.revision = known.revision,
                None => {
                    record.revision = serial.into();
                    touched.push(key.clone());
                }
            }
        }
        Effect::Touched(touched)
    }

    fn bind(&mut self, wanted: Binding) -> Result<Effect, StoreError> {
        match &self.snapshot.binding {
            Some(bound) if *bound != wanted => {
                let bound = bound.clone();
                Err(StoreError::BoundElsewhere(Box::new(BindingConflict { bound, wanted })))
            }
            Some(_) => Ok(Effect::Nothing),
            None => {
                self.snapshot.binding = Some(wanted);
                Ok(Effect::Noted)
            }
        }
    }

    fn begin(&mut self, run: OpenRun) -> Result<Effect, StoreError> {
        match &self.snapshot.run {
            Some(open) if open.id != run.id => Err(StoreError::RunOpen { open: open.id }),
            Some(open) if open.plan_fingerprint != run.plan_fingerprint => Err(StoreError::OtherPlan { run: open.id }),
            Some(_) => Ok(Effect::Nothing),
            None => {
                self.snapshot.run = Some(run);
                Ok(Effect::Noted)
            }
        }
    }

    fn intend(&mut self, run: RunId, step: StepId, next: StepJournal) -> Result<Effect, StoreError> {
        let before = self.open(run)?.steps.get(&step);
        let attempts = before.map_or(0, |journal| journal.attempts);
        let standing = match before.map(|journal| &journal.phase) {
            Some(StepPhase::Done) => Some("done"),
            _ if next.attempts <= attempts => Some("at that attempt or a later one"),
            Some(StepPhase::Intended { .. } | StepPhase::Accepted { .. } | StepPhase::Failed { .. }) | None => None,
        };
        match standing {
            Some(standing) => Err(StoreError::StepOutOfOrder {
                run,
                step,
                told: "intended",
                standing,
            }),
            None => self.note(run, step, next),
        }
    }

    fn accept(&mut self, run: RunId, step: StepId, operation: Value) -> Result<Effect, StoreError> {
        let refuse = |standing| {
            Err(StoreError::StepOutOfOrder {
                run,
                step,
                told: "accepted",
                standing,
            })
        };
        let Some(StepJournal { attempts, phase }) = self.open(run)?.steps.get(&step).cloned() else {
            return refuse("untouched");
        };
        match phase {
            StepPhase::Intended {
                unit,
                method: _,
                body_hash: _,
            }
            | StepPhase::Accepted { unit, operation: _ } => self.note(
                run,
                step,
                StepJournal {
                    attempts,
                    phase: StepPhase::Accepted { unit, operation },
                },
            ),
            StepPhase::Done => refuse("done"),
            StepPhase::Failed { message: _ } => refuse("failed"),
        }
    }

    fn settle(&mut self, run: RunId, step: StepId, told: &'static str, phase: StepPhase) -> Result<Effect, StoreError> {
        let before = self.open(run)?.steps.get(&step);
        let attempts = before.map_or(0, |journal| journal.attempts);
        match before.map(|journal| &journal.phase) {
            Some(StepPhase::Done) => Err(StoreError::StepOutOfOrder {
                run,
                step,
                told,
                standing: "done",
            }),
            Some(StepPhase::Failed { .. }) => Err(StoreError::StepOutOfOrder {
                run,
                step,
                told,
                standing: "failed",
            }),
            Some(StepPhase::Intended { .. } | StepPhase::Accepted { .. }) | None => {
                self.note(run, step, StepJournal { attempts, phase })
            }
        }
    }

    fn note(&mut self, run: RunId, step: StepId, journal: StepJournal) -> Result<Effect, StoreError> {
        let open = self
            .snapshot
            .run
            .as_mut()
            .filter(|open| open.id == run)
            .ok_or(StoreError::RunNotOpen { run })?;
        open.steps.insert(step, journal);
        Ok(Effect::Noted)
    }

    fn open(&self, run: RunId) -> Result<&OpenRun, StoreError> {
        self.snapshot
            .run
            .as_ref()
            .filter(|open| open.id == run)
            .ok_or(StoreError::RunNotOpen { run })
    }

    fn put(&mut self, key: RecordKey, record: Record) -> Effect {
        self.snapshot.records.insert(key.clone(), record);
        Effect::Touched(vec![key])
    }

    fn rename(&mut self, from: RecordKey, to: RecordKey, revision: Revision) -> Result<Effect, StoreError> {
        let Some(Record { document, revision: _ }) = self.snapshot.records.get(&from).cloned() else {
            return Err(StoreError::UnknownRecord { key: from });
        };
        if self.snapshot.records.contains_key(&to) {
            return Err(StoreError::RecordExists { key: to });
        }
        self.snapshot.records.remove(&from);
        self.put(to.clone(), Record { revision, document });
        Ok(Effect::Touched(vec![from, to]))
    }
}

fn must_be_shallow(edit: &Edit) -> Result<(), StoreError> {
    let (what, value) = match edit {
        Edit::BeginRun { plan, .. } => ("the open run's plan".to_owned(), plan),
        Edit::Accepted { step, operation, .. } => (format!("the journal of step {step}"), operation),
        Edit::Put { key, document } | Edit::PutIf { key, document, .. } => (format!("the record `{key}`"), document),
        Edit::Bind(_)
        | Edit::Intent { .. }
        | Edit::Done { .. }
        | Edit::Failed { .. }
        | Edit::Remove { .. }
        | Edit::Rename { .. }
        | Edit::Adopt { .. }
        | Edit::Replace { .. }
        | Edit::Log(_)
        | Edit::EndRun { .. } => return Ok(()),
    };
    if nests_within(value, DEEPEST) {
        Ok(())
    } else {
        Err(StoreError::TooDeep { what, limit: DEEPEST })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::conformance::Lab;

    impl Lab for MemoryStore {
        fn store(&self) -> Box<dyn Store> {
            Box::new(self.clone())
        }

        async fn pretend_newer(&self) {
            MemoryStore::pretend_newer(self);
        }
    }

    crate::store_conformance!(MemoryStore::new());

    /// The last of the edits, made one commit each.
    async fn last_of(edits: Vec<Edit>) -> Result<Committed, StoreError> {
        let since = jiff::Timestamp::UNIX_EPOCH;
        let holder = Holder {
            who: Actor::new("a"),
            process: 1,
            command: String::new(),
            run: None,
            since,
        };
        let held = MemoryStore::new().lock(Intent { holder }).await.unwrap();
        let mut last = held.commit(Vec::new()).await;
        for edit in edits {
            last.unwrap();
            last = held.commit(vec![edit]).await;
        }
        last
    }

    #[tokio::test]
    async fn a_journal_that_no_correct_run_writes_is_refused() {
        let (run, step) = (RunId::random(), StepId::new(1));
        let started = jiff::Timestamp::UNIX_EPOCH;
        let begin = Edit::BeginRun {
            approval: None,
            run,
            started,
            by: Actor::new("a"),
            plan: json!({}),
            plan_fingerprint: String::new(),
        };
        let intend = |attempt| {
            let [unit, method, body_hash] = ["u", "PUT", "h"].map(str::to_owned);
            Edit::Intent {
                run,
                step,
                attempt,
                unit,
                method,
                body_hash,
            }
        };
        let done = || Edit::Done { run, step };
        let failed = || Edit::Failed {
            run,
            step,
            message: String::new(),
        };
        let accepted = || Edit::Accepted {
            run,
            step,
            operation: json!({}),
        };
        for refused in [
            vec![intend(0)],
            vec![intend(1), intend(1)],
            vec![intend(2), intend(1)],
            vec![accepted()],
            vec![intend(1), done(), intend(2)],
            vec![intend(1), done(), done()],
            vec![intend(1), done(), accepted()],
            vec![intend(1), failed(), done()],
            vec![intend(1), failed(), accepted()],
        ] {
            let journal: Vec<Edit> = [begin.clone()].into_iter().chain(refused).collect();
            let outcome = last_of(journal.clone()).await;
            assert!(
                matches!(outcome, Err(StoreError::StepOutOfOrder { .. })),
                "{journal:?} gave {outcome:?}"
            );
        }
        let retried = vec![
            begin.clone(),
            intend(1),
            accepted(),
            accepted(),
            failed(),
            intend(2),
            accepted(),
            done(),
        ];
        last_of(retried).await.unwrap();
    }
}
