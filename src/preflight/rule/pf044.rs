//! PF044: the source is a standby.

use super::{Over, Rule, When};
use crate::diagnostic::code::STANDBY;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look, Mode};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "whether the server is a standby",
    sql: include_str!("../sql/pf044.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: STANDBY,
    over: Over::Source,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let standby = look.row(&ASK)?.is("standby");
    let severity = match look.mode {
        Mode::Online => Severity::Error,
        Mode::Offline => Severity::Warning,
    };
    Ok(standby
        .then(|| Finding::new(severity, "the source is a standby"))
        .into_iter()
        .collect())
}
