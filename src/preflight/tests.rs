//! Rules over facts that no server at hand would give: other versions, other extensions, lost connections.

use super::contact::{Contact, Refused, Trouble};
use super::facts::{Facts, Row};
use super::look::Judged;
use super::rule::{self, Rule};
use super::{Choice, Chosen, End, Finding, Mode, Report, Seen, Severity, Wanted, waiver};
use crate::block::Waiver;
use crate::database::{ChannelBinding, Endpoint, Port, Roots, SslMode};
use crate::postgres::{Limits, ServerVersion};

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        host: "db.example".parse().unwrap(),
        port: Port::new(port).unwrap(),
        via: None,
        user: "migrator".parse().unwrap(),
        password: None,
        ssl_mode: SslMode::Require,
        roots: Roots::System,
        channel_binding: ChannelBinding::Prefer,
    }
}

fn facts(version: u32) -> Facts {
    Facts::new(ServerVersion::new(version), 7)
}

fn row(columns: &[(&str, &str)]) -> Row {
    Row::new(columns.iter().map(|(name, value)| (*name, Some(*value))))
}

/// What a rule says of a database on a server, and of the target beside it.
fn judged(rule: &Rule, server: Facts, database: Facts, target: Option<Facts>) -> Judged {
    let (server, database) = (Contact::Met(server), Contact::Met(database));
    let target = target.map(Contact::Met);
    let name = "shop".parse().unwrap();
    let look = super::look::Look {
        end: End::Source,
        mode: Mode::Online,
        endpoint: &endpoint(5432),
        database: Some(&name),
        databases: std::slice::from_ref(&name),
        contact: &database,
        server: &server,
        target: target.as_ref(),
    };
    (rule.judge)(&look)
}

fn summaries(judged: &Judged) -> Vec<(Severity, &str)> {
    let found: &[Finding] = judged.as_ref().map(Vec::as_slice).unwrap_or_default();
    found
        .iter()
        .map(|finding| (finding.severity, finding.summary.as_str()))
        .collect()
}

#[test]
fn versions_go_forward_only() {
    let between = |from, to| judged(&rule::pf023::RULE, facts(from), facts(from), Some(facts(to)));
    assert_eq!(
        summaries(&between(150_000, 140_000)),
        [(Severity::Error, "the target runs PostgreSQL 14, the source 15")]
    );
    assert_eq!(
        summaries(&between(110_000, 160_000)),
        [(Severity::Warning, "the migration goes from PostgreSQL 11 to 16 at once")]
    );
    assert_eq!(between(150_000, 160_000), Ok(Vec::new()));
    let alone = judged(&rule::pf023::RULE, facts(150_000), facts(150_000), None);
    assert_eq!(alone.unwrap_err().0, "no target was looked at");
}

#[test]
fn the_oldest_version_is_9_5() {
    let at = |version| judged(&rule::pf050::RULE, facts(version), facts(version), None);
    assert_eq!(
        summaries(&at(90_424)),
        [(Severity::Error, "the source runs PostgreSQL 9.4.24")]
    );
    assert_eq!(at(90_500), Ok(Vec::new()));
}

#[test]
fn extensions_are_compared_with_what_the_target_has() {
    let mut source = facts(150_000);
    let installed = [
        ("postgis", "3.4.0"),
        ("rdkit", "4.0"),
        ("pg_trgm", "1.6"),
        ("pg_cron", "1.6"),
    ];
    let rows = installed
        .iter()
        .map(|(name, version)| row(&[("name", name), ("version", version)]));
    source.insert(&rule::pf091::ASK, Ok(rows.collect()));
    let mut target = facts(160_000);
    let available = [("postgis", "3.3.1"), ("pg_trgm", "1.6"), ("pg_cron", "1.6")];
    let rows = available
        .iter()
        .map(|(name, version)| row(&[("name", name), ("version", version)]));
    target.insert(&rule::pf095::AVAILABLE, Ok(rows.collect()));
    target.insert(&rule::pf092::ASK, Ok(vec![row(&[("setting", "POSTGIS,pg_cron")])]));
    target.insert(&rule::pf093::ASK, Ok(vec![row(&[("setting", "pg_stat_statements")])]));
    let objects = |rule| {
        let judged = judged(rule, facts(150_000), source.clone(), Some(target.clone())).unwrap();
        judged
            .into_iter()
            .flat_map(|finding| finding.objects)
            .collect::<Vec<_>>()
    };
    assert_eq!(objects(&rule::pf091::RULE), ["rdkit"]);
    assert_eq!(objects(&rule::pf092::RULE), ["rdkit", "pg_trgm"]);
    assert_eq!(objects(&rule::pf093::RULE), ["pg_cron"]);
    assert_eq!(objects(&rule::pf095::RULE), ["postgis 3.4.0, on the target 3.3.1"]);
}

#[test]
fn an_extension_of_another_major_version_is_an_error_where_the_target_is_known() {
    let of = |version| {
        let mut facts = facts(150_000);
        let rows = vec![row(&[("name", "pg_partman"), ("version", version)])];
        facts.insert(&rule::pf091::ASK, Ok(rows));
        facts
    };
    let on = |version| {
        let mut facts = facts(160_000);
        let rows = vec![row(&[("name", "pg_partman"), ("version", version)])];
        facts.insert(&rule::pf095::AVAILABLE, Ok(rows));
        facts
    };
    let between = |target| {
        let judged = judged(&rule::pf097::RULE, facts(150_000), of("4.7.4"), target).unwrap();
        judged.iter().map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(between(Some(on("5.0.1"))), [Severity::Error]);
    assert_eq!(between(Some(on("4.6.1"))), [Severity::Warning]);
    assert_eq!(between(None), [Severity::Warning]);
}

#[test]
fn large_databases_are_told_before_their_time_runs_out() {
    let with = |bytes: &str| {
        let mut server = facts(150_000);
        server.insert(&rule::pf047::ASK, Ok(vec![row(&[("name", "shop"), ("bytes", bytes)])]));
        judged(&rule::pf071::RULE, server.clone(), server, None)
    };
    assert_eq!(summaries(&with("30000000000000")).len(), 1);
    assert_eq!(with("300000000000"), Ok(Vec::new()));
}

fn seen(contact: Contact, databases: Vec<(Chosen, Contact)>) -> Seen {
    Seen {
        wanted: Wanted {
            address: "source.erp".parse().unwrap(),
            end: End::Source,
            endpoint: endpoint(5432),
            limits: Limits::BRIEF,
            databases: Choice::All,
        },
        contact,
        databases,
    }
}

#[test]
fn a_connection_that_breaks_midway_is_an_error_and_not_a_pass() {
    let mut broken = facts(150_000);
    broken.lost = Some("the connection was reset".to_owned());
    let chosen = Chosen {
        name: "shop".parse().unwrap(),
        mode: Mode::Offline,
        target: None,
    };
    let report = Report::of(&[seen(Contact::Met(facts(150_000)), vec![(chosen, Contact::Met(broken))])]);
    let found: Vec<String> = report
        .findings()
        .map(|(outcome, finding, _)| format!("{} {}", outcome.rule.code, finding.summary))
        .collect();
    assert_eq!(
        found,
        ["PF040 the connection was lost while it was looked at: the connection was reset"]
    );
}

#[test]
fn a_rule_whose_stage_was_not_reached_does_not_pass() {
    let of = |trouble| {
        let refused = Contact::Refused(Refused {
            trouble,
            said: "no".to_owned(),
        });
        let endpoint = endpoint(5432);
        let look = super::look::Look {
            end: End::Source,
            mode: Mode::Online,
            endpoint: &endpoint,
            database: None,
            databases: &[],
            contact: &refused,
            server: &refused,
            target: None,
        };
        let rules = [
            &rule::pf040::RULE,
            &rule::pf042::RULE,
            &rule::pf041::RULE,
            &rule::pf047::RULE,
        ];
        rules.map(|rule| match (rule.judge)(&look) {
            Ok(found) if found.is_empty() => "passes",
            Ok(_) => "error",
            Err(skip) => {
                assert_eq!(skip.0, "no connection");
                "skipped"
            }
        })
    };
    let (passes, error, skipped) = ("passes", "error", "skipped");
    assert_eq!(of(Trouble::Way), [error, skipped, skipped, skipped]);
    assert_eq!(of(Trouble::Tls), [passes, error, skipped, skipped]);
    // Whether TLS is new enough is asked in a session.
    assert_eq!(of(Trouble::SignIn), [passes, skipped, error, skipped]);
    assert_eq!(of(Trouble::Full), [passes, skipped, error, skipped]);
    assert_eq!(of(Trouble::Database), [passes, skipped, passes, error]);
}

#[test]
fn a_waiver_counts_up_to_its_day_and_for_its_databases() {
    let mut old = facts(90_400);
    old.lost = None;
    let mut report = Report::of(&[seen(Contact::Met(old), Vec::new())]);
    let waiver = |until: &str, databases: &[&str]| Waiver {
        code: rule::pf050::RULE.code,
        owner: "ada".to_owned(),
        reason: "rehearsed".to_owned(),
        until: until.parse().unwrap(),
        databases: databases.iter().map(|name| (*name).to_owned()).collect(),
        span: crate::diagnostic::Span::new(crate::diagnostic::FileId(0), 0..0),
    };
    let today = "2027-01-31".parse().unwrap();
    let elsewhere = [waiver("2027-01-31", &["shop"])];
    assert_eq!(
        waiver::apply(&mut report, &elsewhere, today),
        [waiver::Idle::Unneeded(&elsewhere[0])]
    );
    let over = [waiver("2027-01-30", &[])];
    assert_eq!(
        waiver::apply(&mut report, &over, today),
        [waiver::Idle::Expired(&over[0])]
    );
    assert_eq!(report.count(Severity::Error), 1);
    assert_eq!(waiver::apply(&mut report, &[waiver("2027-01-31", &[])], today), []);
    assert_eq!(report.count(Severity::Error), 0);
}
