//! PF040: the server is not reached.

use super::{Over, Rule, When};
use crate::diagnostic::code::NO_WAY;
use crate::preflight::contact::{Contact, Trouble};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: NO_WAY,
    over: Over::Contact,
    when: When::Always,
    service: &[603_000],
    asks: &[],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let said = match look.contact {
        Contact::Met(facts) => facts.lost.as_deref(),
        Contact::Refused(refused) if refused.trouble == Trouble::Way => Some(refused.said.as_str()),
        Contact::Refused(_) => None,
    };
    let finding = |said: &str| {
        let text = match look.contact {
            Contact::Met(_) => "the connection was lost while it was looked at",
            Contact::Refused(_) => "no connection comes about",
        };
        Finding::new(Severity::Error, format!("{text}: {said}"))
    };
    Ok(said.map(finding).into_iter().collect())
}
