//! PF023: a target is older than the source.

use super::{Over, Rule, When};
use crate::diagnostic::code::OLDER_TARGET;
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: OLDER_TARGET,
    over: Over::Source,
    when: When::Always,
    service: &[],
    asks: &[],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let source = look.facts()?.version.major();
    let target = look.target_facts()?.version.major();
    let found = |severity, text| Ok(vec![Finding::new(severity, text)]);
    if target < source {
        found(
            Severity::Error,
            format!("the target runs PostgreSQL {target}, the source {source}"),
        )
    } else if target >= source + 3 && source >= 10 {
        found(
            Severity::Warning,
            format!("the migration goes from PostgreSQL {source} to {target} at once"),
        )
    } else {
        Ok(Vec::new())
    }
}
