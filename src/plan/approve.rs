//! From proposal to order: the only door to something that `apply` accepts. It refuses fatal findings and losses without
//! consent.

use thiserror::Error;
use uuid::Uuid;

use super::action::Loss;
use super::canonical::Fingerprint;
use super::{Finding, Plan};
use crate::address::UnitAddress;

/// A plan that somebody agreed to.
#[derive(Clone, Debug, PartialEq)]
pub struct Approved {
    plan: Plan,
    fingerprint: Fingerprint,
    /// The name of the one run that may carry it out, where it lay in a file.
    run: Option<Uuid>,
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
    pub fn approve(self) -> Result<Approved, NotApprovable> {
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
            run: None,
        })
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
        self.fingerprint.as_str()
    }

    /// The same, to be carried out by the run of this name alone.
    pub fn under(self, run: Uuid) -> Self {
        Self { run: Some(run), ..self }
    }

    /// The name of the one run that may carry it out, where that is settled.
    pub fn run(&self) -> Option<Uuid> {
        self.run
    }
}
