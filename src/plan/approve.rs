//! From proposal to order: the only door to something that `apply` accepts. It refuses fatal findings and losses without
//! consent.

use serde_json::json;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::action::Loss;
use super::{Finding, Plan};
use crate::address::UnitAddress;

/// A plan that somebody agreed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Approved {
    plan: Plan,
    fingerprint: Fingerprint,
}

/// 128 bits over what a plan does, and over nothing else: no times, counters, order or serials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

/// How somebody agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// A person typed `yes` after having seen the plan.
    Typed,
    /// `--auto-approve`.
    Automatic,
}

/// Why a plan may not be applied.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum NotApprovable {
    /// Checks failed.
    #[error("{} of the plan's checks failed", .0.len())]
    Findings(Vec<Finding>),
    /// Data would be lost that nobody consents to lose.
    #[error("{} databases or servers would be lost without consent", .0.len())]
    Losses(Vec<Loss>),
}

impl Plan {
    /// Makes an order of a proposal.
    ///
    /// # Errors
    /// When a check failed, or a loss lacks the configuration's consent. Neither can be overridden by saying yes.
    pub fn approve(self, _: Consent) -> Result<Approved, NotApprovable> {
        let blocking: Vec<Finding> = self.blocking().cloned().collect();
        if !blocking.is_empty() {
            return Err(NotApprovable::Findings(blocking));
        }
        let unconsented: Vec<Loss> = self
            .losses
            .iter()
            .filter(|loss| loss.consent.is_none())
            .cloned()
            .collect();
        if !unconsented.is_empty() {
            return Err(NotApprovable::Losses(unconsented));
        }
        let fingerprint = self.fingerprint();
        Ok(Approved {
            plan: self,
            fingerprint,
        })
    }

    /// The fingerprint of what it does.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut actions: Vec<String> = self
            .steps
            .iter()
            .map(|step| json!({ "unit": step.unit, "op": step.op }).to_string())
            .chain(self.losses.iter().map(|loss| json!(loss).to_string()))
            .chain(self.moves.iter().map(|moved| json!(moved).to_string()))
            .collect();
        actions.sort();
        let mut hash = Sha256::new();
        hash.update(format!(
            "{}\n{}\n{}\n",
            Self::FORMAT,
            self.base.cloud,
            self.base.subscription
        ));
        for action in actions {
            hash.update(action.as_bytes());
            hash.update(b"\n");
        }
        Fingerprint(
            hash.finalize()
                .iter()
                .take(16)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

impl Approved {
    /// What to do.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes note of the revisions of records that were written under new names since the plan was made.
    pub fn renamed(&mut self, records: impl IntoIterator<Item = (UnitAddress, u64)>) {
        self.plan.base.records.extend(records);
    }

    /// What was agreed to.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
