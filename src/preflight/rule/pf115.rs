//! PF115: md5() is used in definitions.

use super::{Over, Rule, When};
use crate::diagnostic::code::MD5_USED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "uses of md5",
    sql: include_str!("../sql/pf115.sql"),
    since: 0,
    before: ALWAYS,
};

/// What is asked of the target.
pub(crate) static PROBE: Ask = Ask {
    wanted: "whether md5 can be computed",
    sql: include_str!("../sql/pf115_probe.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: MD5_USED,
    over: Over::Database,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[&PROBE],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let rows = look.rows(&ASK)?;
    let severity = match look.of_target(&PROBE) {
        Ok(_) => return Ok(Vec::new()),
        Err(_) if look.target_facts().is_ok() => Severity::Error,
        Err(_) => Severity::Warning,
    };
    Ok(Finding::of(
        severity,
        rows,
        "1 definition uses md5()",
        "{} definitions use md5()",
    ))
}
