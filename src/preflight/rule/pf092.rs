//! PF092: an extension is not on the list of the target.

use super::{Over, Rule, When};
use crate::diagnostic::code::EXTENSION_NOT_ALLOWED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Counts, Finding, Severity};
use crate::preflight::look::{Judged, Look, Skip};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "azure.extensions",
    sql: include_str!("../sql/pf092.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: EXTENSION_NOT_ALLOWED,
    over: Over::Database,
    when: When::Always,
    service: &[603_108],
    asks: &[&super::pf091::ASK],
    of_server: &[],
    of_target: &[&ASK],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let Some(list) = look.of_target(&ASK)?.first() else {
        return Err(Skip(
            "the target has no `azure.extensions`: it is no flexible server".to_owned(),
        ));
    };
    let allowed: Vec<String> = list
        .text("setting")
        .split(',')
        .map(|name| name.trim().to_lowercase())
        .collect();
    let names = look.rows(&super::pf091::ASK)?.iter().map(|row| row.text("name"));
    let missing: Vec<String> = names
        .filter(|name| !allowed.iter().any(|known| known == &name.to_lowercase()))
        .map(str::to_owned)
        .collect();
    let finding = |missing: Vec<String>| {
        let all: Vec<String> = allowed
            .iter()
            .filter(|name| !name.is_empty())
            .chain(&missing)
            .cloned()
            .collect();
        Finding::new(
            Severity::Error,
            "extensions are not in `azure.extensions` of the target",
        )
        .about(missing)
        .mended_by("azure.extensions", all.join(","), Counts::AtOnce)
    };
    Ok((!missing.is_empty()).then(|| finding(missing)).into_iter().collect())
}
