//! Waivers: somebody takes a finding upon himself until a day. It reads no clock; the day comes from outside.

use jiff::civil::Date;

use super::report::{Place, Report, Verdict};
use crate::block::Waiver;

/// A waiver as it stands with a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// Who answers for it.
    pub owner: String,
    /// Why it is fine.
    pub reason: String,
    /// The last day on which it counts.
    pub until: Date,
}

/// A waiver that did nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idle<'a> {
    /// Its day is over, and what it was for is still found.
    Expired(&'a Waiver),
    /// Nothing of the kind is found.
    Unneeded(&'a Waiver),
}

/// Marks the findings that somebody waives on this day, and tells which waivers did nothing.
pub fn apply<'a>(report: &mut Report, waivers: &'a [Waiver], today: Date) -> Vec<Idle<'a>> {
    let mut idle = Vec::new();
    for waiver in waivers {
        let mut fits = 0;
        for outcome in &mut report.outcomes {
            let code = outcome.rule.code;
            let Verdict::Found { waived, .. } = &mut outcome.verdict else {
                continue;
            };
            if code != waiver.code || !covers(waiver, &outcome.place) {
                continue;
            }
            fits += 1;
            if waiver.until >= today {
                *waived = Some(Waived {
                    owner: waiver.owner.clone(),
                    reason: waiver.reason.clone(),
                    until: waiver.until,
                });
            }
        }
        if fits == 0 {
            idle.push(Idle::Unneeded(waiver));
        } else if waiver.until < today {
            idle.push(Idle::Expired(waiver));
        }
    }
    idle
}

fn covers(waiver: &Waiver, place: &Place) -> bool {
    let named = |name: &str| waiver.databases.iter().any(|database| database == name);
    waiver.databases.is_empty() || place.database.as_ref().is_some_and(|database| named(database.as_str()))
}
