//! PF078: settings that change results differ.

use super::{Over, Rule, When};
use crate::diagnostic::code::FORMATS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "settings that change results",
    sql: include_str!("../sql/pf078.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: FORMATS,
    over: Over::Source,
    when: When::Always,
    service: &[],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[&ASK],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let there = look.of_target(&ASK)?;
    let differs = look.rows(&ASK)?.iter().filter_map(|row| {
        let other = there.iter().find(|other| other.text("name") == row.text("name"))?;
        (other.text("value") != row.text("value")).then(|| {
            format!(
                "{}: `{}`, on the target `{}`",
                row.text("name"),
                row.text("value"),
                other.text("value")
            )
        })
    });
    let differs: Vec<String> = differs.collect();
    let finding = |objects: Vec<String>| {
        Finding::new(Severity::Warning, "settings that change results differ on the target").about(objects)
    };
    Ok((!differs.is_empty()).then(|| finding(differs)).into_iter().collect())
}
