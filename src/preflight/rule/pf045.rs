//! PF045: a pooler stands between.

use super::{Over, Rule, When};
use crate::diagnostic::code::POOLER;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look, Mode};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the server process",
    sql: include_str!("../sql/pf045.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: POOLER,
    over: Over::Source,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let facts = look.facts()?;
    let moved = look.row(&ASK)?.number("process") != facts.process;
    let severity = match look.mode {
        Mode::Online => Severity::Error,
        Mode::Offline => Severity::Warning,
    };
    Ok(if moved {
        vec![Finding::new(
            severity,
            "two statements were answered by two server processes",
        )]
    } else if look.endpoint.port.number() == 6432 {
        vec![Finding::new(
            Severity::Warning,
            "port 6432 is usually that of PgBouncer",
        )]
    } else {
        Vec::new()
    })
}
