//! What is encrypted of an edit on its way into a store, and of a snapshot on its way out. Decides nothing else.

use serde_json::Value;

use super::cipher::{Cipher, unreadable};
use super::key::{Header, header_key};
use crate::rows::RowKey;
use crate::snapshot::{
    Account, Actor, DEEPEST, HistoryEntry, OpenRun, Record, Snapshot, StepJournal, StepPhase, UnitFailure, nests_within,
};
use crate::store::{Edit, StoreError};

/// A snapshot as it was before it was encrypted, without the header.
pub(in crate::sealed) fn opened(cipher: Option<&Cipher>, mut stored: Snapshot) -> Result<Snapshot, StoreError> {
    let sealed = stored.records.remove(&header_key()).is_some();
    match cipher {
        Some(cipher) if sealed => cipher.open_snapshot(stored),
        Some(_) | None => Ok(stored),
    }
}

impl Cipher {
    pub(super) fn seal_edit(&self, edit: Edit, header: &Header) -> Result<Edit, StoreError> {
        Ok(match edit {
            Edit::BeginRun {
                run,
                started,
                by,
                plan,
                plan_fingerprint,
                approval,
            } => Edit::BeginRun {
                approval,
                run,
                started,
                by: self.seal_actor(&by),
                plan: self.seal_value(&RowKey::Plan, "plan", &plan)?,
                plan_fingerprint,
            },
            Edit::Intent {
                run,
                step,
                attempt,
                unit,
                method,
                body_hash,
            } => Edit::Intent {
                run,
                step,
                attempt,
                unit: self.seal("unit", &unit),
                method: self.seal("method", &method),
                body_hash: self.seal("body", &body_hash),
            },
            Edit::Accepted { run, step, operation } => Edit::Accepted {
                run,
                step,
                operation: self.seal_value(&RowKey::Step(step), "operation", &operation)?,
            },
            Edit::Failed { run, step, message } => Edit::Failed {
                run,
                step,
                message: self.seal("message", &message),
            },
            Edit::Put { key, document } => Edit::Put {
                document: self.seal_value(&RowKey::Record(key.clone()), "record", &document)?,
                key,
            },
            Edit::PutIf {
                key,
                document,
                expected,
            } => Edit::PutIf {
                document: self.seal_value(&RowKey::Record(key.clone()), "record", &document)?,
                key,
                expected,
            },
            Edit::Adopt { state, history } => Edit::Adopt {
                state: Box::new(self.seal_snapshot(*state, header)?),
                history: history.into_iter().map(|entry| self.seal_entry(entry)).collect(),
            },
            Edit::Replace { state } => Edit::Replace {
                state: Box::new(self.seal_snapshot(*state, header)?),
            },
            Edit::Log(entry) => Edit::Log(self.seal_entry(entry)),
            Edit::EndRun {
                run,
                finished,
                outcome,
                summary,
                account,
            } => Edit::EndRun {
                run,
                finished,
                outcome,
                summary: self.seal("summary", &summary),
                account: self.seal_account(account),
            },
            plain @ (Edit::Bind(_) | Edit::Done { .. } | Edit::Remove { .. } | Edit::Rename { .. }) => plain,
        })
    }

    /// A value as one text. How deep it nests is for the ledger to judge, which does not see it any more.
    fn seal_value(&self, of: &RowKey, what: &'static str, value: &Value) -> Result<Value, StoreError> {
        if !nests_within(value, DEEPEST) {
            return Err(StoreError::TooDeep {
                what: of.to_string(),
                limit: DEEPEST,
            });
        }
        Ok(Value::String(self.seal(what, &value.to_string())))
    }

    fn open_value(&self, what: &'static str, sealed: &Value) -> Result<Value, StoreError> {
        let text = self.open(what, sealed.as_str().ok_or_else(|| unreadable(what))?)?;
        serde_json::from_str(&text).map_err(|_| unreadable(what))
    }

    fn seal_actor(&self, by: &Actor) -> Actor {
        Actor::new(self.seal("who", by.as_str()))
    }

    fn open_actor(&self, by: &Actor) -> Result<Actor, StoreError> {
        self.open("who", by.as_str()).map(Actor::new)
    }

    fn seal_entry(&self, entry: HistoryEntry) -> HistoryEntry {
        HistoryEntry {
            by: self.seal_actor(&entry.by),
            summary: self.seal("summary", &entry.summary),
            account: self.seal_account(entry.account),
            ..entry
        }
    }

    fn seal_account(&self, account: Account) -> Account {
        let failures = account.failures.into_iter().map(|failure| UnitFailure {
            unit: self.seal("unit", &failure.unit),
            code: self.seal("code", &failure.code),
            message: self.seal("message", &failure.message),
        });
        Account {
            ended_by: account.ended_by.map(|by| self.seal_actor(&by)),
            exit: account.exit,
            failures: failures.collect(),
        }
    }

    fn open_account(&self, account: Account) -> Result<Account, StoreError> {
        let failures = account.failures.into_iter().map(|failure| {
            Ok(UnitFailure {
                unit: self.open("unit", &failure.unit)?,
                code: self.open("code", &failure.code)?,
                message: self.open("message", &failure.message)?,
            })
        });
        Ok(Account {
            ended_by: account.ended_by.map(|by| self.open_actor(&by)).transpose()?,
            exit: account.exit,
            failures: failures.collect::<Result<_, StoreError>>()?,
        })
    }

    pub(super) fn open_entry(&self, entry: HistoryEntry) -> Result<HistoryEntry, StoreError> {
        Ok(HistoryEntry {
            by: self.open_actor(&entry.by)?,
            summary: self.open("summary", &entry.summary)?,
            account: self.open_account(entry.account)?,
            ..entry
        })
    }

    fn seal_snapshot(&self, state: Snapshot, header: &Header) -> Result<Snapshot, StoreError> {
        let serial = state.serial;
        let mut records = state
            .records
            .into_iter()
            .map(|(key, Record { revision, document })| {
                let document = self.seal_value(&RowKey::Record(key.clone()), "record", &document)?;
                Ok((key, Record { revision, document }))
            })
            .collect::<Result<std::collections::BTreeMap<_, _>, StoreError>>()?;
        records.insert(header_key(), header.record(serial));
        let run = state.run.map(|run| self.seal_run(run)).transpose()?;
        Ok(Snapshot {
            records,
            run,
            history: state.history.into_iter().map(|entry| self.seal_entry(entry)).collect(),
            ..state
        })
    }

    fn open_snapshot(&self, stored: Snapshot) -> Result<Snapshot, StoreError> {
        let records = stored.records.into_iter().map(|(key, Record { revision, document })| {
            let document = self.open_value("record", &document)?;
            Ok((key, Record { revision, document }))
        });
        let history = stored.history.into_iter().map(|entry| self.open_entry(entry));
        Ok(Snapshot {
            records: records.collect::<Result<_, StoreError>>()?,
            run: stored.run.map(|run| self.open_run(run)).transpose()?,
            history: history.collect::<Result<_, _>>()?,
            ..stored
        })
    }

    fn seal_run(&self, run: OpenRun) -> Result<OpenRun, StoreError> {
        let steps = run.steps.into_iter().map(|(step, StepJournal { attempts, phase })| {
            let phase = match phase {
                StepPhase::Intended {
                    unit,
                    method,
                    body_hash,
                } => StepPhase::Intended {
                    unit: self.seal("unit", &unit),
                    method: self.seal("method", &method),
                    body_hash: self.seal("body", &body_hash),
                },
                StepPhase::Accepted { unit, operation } => StepPhase::Accepted {
                    unit: self.seal("unit", &unit),
                    operation: self.seal_value(&RowKey::Step(step), "operation", &operation)?,
                },
                StepPhase::Failed { message } => StepPhase::Failed {
                    message: self.seal("message", &message),
                },
                StepPhase::Done => StepPhase::Done,
            };
            Ok((step, StepJournal { attempts, phase }))
        });
        Ok(OpenRun {
            by: self.seal_actor(&run.by),
            plan: self.seal_value(&RowKey::Plan, "plan", &run.plan)?,
            steps: steps.collect::<Result<_, StoreError>>()?,
            ..run
        })
    }

    fn open_run(&self, run: OpenRun) -> Result<OpenRun, StoreError> {
        let steps = run.steps.into_iter().map(|(step, StepJournal { attempts, phase })| {
            let phase = match phase {
                StepPhase::Intended {
                    unit,
                    method,
                    body_hash,
                } => StepPhase::Intended {
                    unit: self.open("unit", &unit)?,
                    method: self.open("method", &method)?,
                    body_hash: self.open("body", &body_hash)?,
                },
                StepPhase::Accepted { unit, operation } => StepPhase::Accepted {
                    unit: self.open("unit", &unit)?,
                    operation: self.open_value("operation", &operation)?,
                },
                StepPhase::Failed { message } => StepPhase::Failed {
                    message: self.open("message", &message)?,
                },
                StepPhase::Done => StepPhase::Done,
            };
            Ok((step, StepJournal { attempts, phase }))
        });
        Ok(OpenRun {
            by: self.open_actor(&run.by)?,
            plan: self.open_value("plan", &run.plan)?,
            steps: steps.collect::<Result<_, StoreError>>()?,
            ..run
        })
    }
}
