//! PF100: postgres_fdw does not move.

use super::pf091::{in_use, installed};
use super::{Over, Rule, When};
use crate::diagnostic::code::POSTGRES_FDW;
use crate::preflight::finding::Severity;
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: POSTGRES_FDW,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&super::pf091::ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = installed(look, "postgres_fdw")?;
    Ok(row
        .map(|row| in_use(Severity::Error, "postgres_fdw", row))
        .unwrap_or_default())
}
