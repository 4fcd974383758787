//! PF093: an extension needs a library that is not loaded.

use super::{Over, Rule, When};
use crate::diagnostic::code::LIBRARY_NOT_LOADED;
use crate::preflight::facts::{ALWAYS, Ask};
use crate::preflight::finding::{Counts, Finding, Severity};
use crate::preflight::look::{Judged, Look, Skip};

/// What is asked.
pub(crate) static ASK: Ask = Ask {
    wanted: "shared_preload_libraries",
    sql: include_str!("../sql/pf093.sql"),
    since: 0,
    before: ALWAYS,
};

/// Extensions that cannot be made unless their library was loaded at the start.
const PRELOADED: [&str; 16] = [
    "age",
    "anon",
    "azure_storage",
    "credcheck",
    "pg_cron",
    "pg_duckdb",
    "pg_failover_slots",
    "pg_hint_plan",
    "pglogical",
    "pg_partman",
    "pg_prewarm",
    "pg_squeeze",
    "pg_stat_statements",
    "pgaudit",
    "timescaledb",
    "wal2json",
];

/// The rule.
pub(crate) static RULE: Rule = Rule {
    code: LIBRARY_NOT_LOADED,
    over: Over::Database,
    when: When::Always,
    service: &[603_109],
    asks: &[&super::pf091::ASK],
    of_server: &[],
    of_target: &[&ASK],
    judge,
};

fn judge(look: &Look<'_>) -> Judged {
    let Some(list) = look.of_target(&ASK)?.first() else {
        return Err(Skip("the target does not tell its libraries".to_owned()));
    };
    let loaded: Vec<&str> = list.text("setting").split(',').map(str::trim).collect();
    let names = look.rows(&super::pf091::ASK)?.iter().map(|row| row.text("name"));
    let missing: Vec<String> = names
        .filter(|name| PRELOADED.contains(name) && !loaded.contains(name))
        .map(str::to_owned)
        .collect();
    let finding = |missing: Vec<String>| {
        let all: Vec<String> = loaded
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| (*name).to_owned())
            .chain(missing.iter().cloned())
            .collect();
        Finding::new(Severity::Error, "libraries of extensions are not loaded on the target")
            .about(missing)
            .mended_by("shared_preload_libraries", all.join(","), Counts::AfterRestart)
    };
    Ok((!missing.is_empty()).then(|| finding(missing)).into_iter().collect())
}
