//! PF058: dead connections are noticed late.

use super::{Over, Rule, When};
use crate::diagnostic::code::KEEPALIVES;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the keep-alive settings",
    sql: include_str!("../sql/pf058.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: KEEPALIVES,
    over: Over::Both,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let idle = look
        .rows(&ASK)?
        .iter()
        .find(|row| row.text("name") == "tcp_keepalives_idle");
    let seconds = idle.map_or(0, |row| row.number("setting"));
    let late = seconds == 0 || seconds > 300;
    let told = match seconds {
        0 => "the system's default of hours".to_owned(),
        seconds => format!("{seconds} s"),
    };
    let finding = || Finding::new(Severity::Note, format!("`tcp_keepalives_idle` is {told}"));
    Ok(late.then(finding).into_iter().collect())
}
