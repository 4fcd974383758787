//! PF096: PostGIS changes between its versions.

use super::pf091::{by_major, in_use, installed};
use super::{Over, Rule, When};
use crate::diagnostic::code::POSTGIS;
use crate::preflight::look::{Judged, Look};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: POSTGIS,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&super::pf091::ASK],
    of_server: &[],
    of_target: &[&super::pf095::AVAILABLE],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = installed(look, "postgis")?;
    Ok(row
        .map(|row| in_use(by_major(look, row), "PostGIS", row))
        .unwrap_or_default())
}
