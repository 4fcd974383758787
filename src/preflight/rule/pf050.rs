//! PF050: the source is older than the service takes.

use super::{Over, Rule, When};
use crate::diagnostic::code::TOO_OLD;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TOO_OLD,
    over: Over::Source,
    when: When::Always,
    service: &[603_400],
    asks: &[],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let version = look.facts()?.version;
    let old = version.number() < 90_500;
    let finding = || Finding::new(Severity::Error, format!("the source runs PostgreSQL {version}"));
    Ok(old.then(finding).into_iter().collect())
}
