//! PF142: the user of the target lacks rights.

use super::{Over, Rule, When};
use crate::database::quote_identifier;
use crate::diagnostic::code::TARGET_RIGHTS;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Finding, Severity};
use crate::preflight::look::{Judged, Look};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "the rights of the user",
    sql: include_str!("../sql/pf142.sql"),
    since: 0,
    before: ALWAYS,
};

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: TARGET_RIGHTS,
    over: Over::Target,
    when: When::Always,
    service: &[603_115, 603_116],
    asks: &[&ASK],
    of_server: &[],
    of_target: &[],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let row = look.row(&ASK)?;
    let user = quote_identifier(look.endpoint.user.as_str());
    let lacks = [
        (
            "CREATEROLE",
            !row.is("creates_roles"),
            format!("ALTER ROLE {user} CREATEROLE;"),
        ),
        (
            "CREATEDB",
            !row.is("creates_databases"),
            format!("ALTER ROLE {user} CREATEDB;"),
        ),
        (
            "membership in azure_pg_admin",
            row.is("azure") && !row.is("administers"),
            format!("GRANT azure_pg_admin TO {user};"),
        ),
    ];
    let (objects, script): (Vec<String>, Vec<String>) = lacks
        .into_iter()
        .filter(|(_, lacks, _)| *lacks && !row.is("super"))
        .map(|(what, _, fix)| (what.to_owned(), fix))
        .unzip();
    let finding = |objects: Vec<String>| {
        Finding::new(Severity::Error, "the user lacks rights on the target")
            .about(objects)
            .mended_on_target(script.join("\n"))
    };
    Ok((!objects.is_empty()).then(|| finding(objects)).into_iter().collect())
}
