//! PF042: TLS is missing or too old.

use super::{Over, Rule, When};
use crate::diagnostic::code::TLS;
use crate::preflight::contact::Trouble;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "how the connection is encrypted",
    sql: include_str!("../sql/pf042.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TLS,
    over: Over::Contact,
    when: When::Always,
    service: &[603_001],
    asks: &[&ASK],
    of_server: &[&ASK],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    if let Some(said) = look.refused_at(&[Trouble::Tls])? {
        return Ok(vec![Finding::new(
            Severity::Error,
            format!("no encrypted connection comes about: {said}"),
        )]);
    }
    // How a connection to the server is encrypted is told once, with the server.
    if look.database.is_some() {
        return Ok(Vec::new());
    }
    let row = look.row(&ASK)?;
    let here = ["127.0.0.1", "::1", "localhost"].contains(&look.endpoint.host.as_str());
    Ok(if row.is("encrypted") {
        let old = matches!(row.text("version"), "TLSv1" | "TLSv1.1" | "SSLv3");
        let finding = Finding::new(Severity::Error, format!("the connection uses {}", row.text("version")));
        old.then_some(finding).into_iter().collect()
    } else if here {
        Vec::new()
    } else {
        vec![Finding::new(
            Severity::Warning,
            format!("the connection to {} is not encrypted", look.endpoint.host),
        )]
    })
}
