//! Preflight against real servers: every rule has a database that breaks it and one that does not.

use std::fs;

use pgferry::database::{DatabaseName, End, Endpoint, SslMode, quote_identifier};
use pgferry::postgres::Limits;
use pgferry::preflight::contact::Contact;
use pgferry::preflight::{self, Choice, Chosen, Finding, Fix, Mode, Report, Severity, Verdict, Wanted};
use pgferry::secret::Secret;
use serde_json::Value as Json;

use crate::command::{pgferry, project_of};
use crate::servers::{maintenance, open, own, run, shared};

fn wanted(endpoint: &Endpoint, end: End, databases: &[&str], mode: Mode) -> Wanted {
    let address = match end {
        End::Source => "source.erp",
        End::Target => "target.erp",
    };
    let target = match end {
        End::Source => Some("target.erp".parse().unwrap()),
        End::Target => None,
    };
    let chosen = |name: &&str| Chosen {
        name: name.parse().unwrap(),
        mode,
        target: target.clone(),
    };
    Wanted {
        address: address.parse().unwrap(),
        end,
        endpoint: endpoint.clone(),
        limits: Limits::BRIEF,
        databases: Choice::These(databases.iter().map(chosen).collect()),
    }
}

/// What the rules say of one source.
async fn source(endpoint: &Endpoint, databases: &[&str], mode: Mode) -> Report {
    Report::of(&preflight::look(vec![wanted(endpoint, End::Source, databases, mode)], 8).await)
}

/// What the rules say of a source and a target.
async fn both(from: &Endpoint, to: &Endpoint, databases: &[&str]) -> Report {
    let servers = vec![
        wanted(from, End::Source, databases, Mode::Online),
        wanted(to, End::Target, databases, Mode::Online),
    ];
    Report::of(&preflight::look(servers, 8).await)
}

/// Runs statements each by itself: not all of them may stand in one transaction.
async fn one_by_one(endpoint: &Endpoint, database: &str, statements: &str) {
    let session = open(endpoint, &database.parse().unwrap()).await;
    run(&session, "set search_path = public").await;
    for statement in statements.split("; ") {
        run(&session, statement).await;
    }
}

/// Runs statements in the schema `public` of a database, all in one transaction.
async fn together(endpoint: &Endpoint, database: &str, statements: &str) {
    let session = open(endpoint, &database.parse().unwrap()).await;
    run(&session, "set search_path = public").await;
    run(&session, statements).await;
}

/// What a rule says in a place: nothing where it passed.
fn said<'a>(report: &'a Report, code: &str, end: End, database: Option<&str>) -> Vec<&'a Finding> {
    let here = report.outcomes.iter().filter(|outcome| {
        outcome.rule.code.as_str() == code
            && outcome.place.end == end
            && outcome.place.database.as_ref().map(DatabaseName::as_str) == database
    });
    let mut looked = false;
    let mut found = Vec::new();
    for outcome in here {
        match &outcome.verdict {
            Verdict::Passed => looked = true,
            Verdict::Found { finding, .. } => {
                looked = true;
                found.push(finding);
            }
            Verdict::Skipped(why) => panic!("{code} did not look at {database:?}: {why}"),
        }
    }
    assert!(looked, "{code} was not judged at {database:?}");
    found
}

/// Databases by the rule that each breaks, and how.
const BROKEN: &[(&str, Severity, &str)] = &[
    ("PF075", Severity::Warning, "create table t (id int primary key)"),
    (
        "PF080",
        Severity::Error,
        "create table t (a int); insert into t values (1); update t set a = 2; select pg_stat_force_next_flush()",
    ),
    ("PF080", Severity::Warning, "create table quiet (a int)"),
    (
        "PF080",
        Severity::Warning,
        "create table t (a int primary key deferrable initially deferred)",
    ),
    (
        "PF082",
        Severity::Warning,
        "create table t (a int primary key); alter table t replica identity full",
    ),
    (
        "PF083",
        Severity::Warning,
        "create unlogged table t (a int primary key)",
    ),
    ("PF084", Severity::Error, "select lo_create(0)"),
    (
        "PF085",
        Severity::Warning,
        "create sequence s maxvalue 100; select setval('s', 95)",
    ),
    (
        "PF086",
        Severity::Warning,
        "create table t (a int primary key, b int generated always as (a + 1) stored)",
    ),
    (
        "PF087",
        Severity::Warning,
        "create table t (a int primary key generated always as identity)",
    ),
    (
        "PF089",
        Severity::Warning,
        "create extension postgres_fdw; create server elsewhere foreign data wrapper postgres_fdw",
    ),
    ("PF100", Severity::Error, "create extension postgres_fdw"),
    (
        "PF090",
        Severity::Warning,
        "create function f() returns event_trigger language plpgsql as $$ begin end $$; \
         create event trigger e on ddl_command_end execute function f()",
    ),
    ("PF094", Severity::Error, "create extension adminpack"),
    (
        "PF099",
        Severity::Warning,
        "create schema cron; create table cron.job (jobid int primary key)",
    ),
    (
        "PF103",
        Severity::Error,
        "create collation german (provider = icu, locale = 'de')",
    ),
    (
        "PF107",
        Severity::Error,
        "create type pair as (a int, b int); create function f(pair) returns text language sql as 'select $1.a::text'; \
         create cast (pair as text) with function f(pair)",
    ),
    (
        "PF108",
        Severity::Error,
        "create function f() returns int language internal as 'pg_backend_pid'",
    ),
    (
        "PF109",
        Severity::Error,
        "create trusted language odd handler plpgsql_call_handler",
    ),
    ("PF110", Severity::Error, "grant select on pg_authid to public"),
    ("PF112", Severity::Warning, "grant create on schema public to public"),
    (
        "PF113",
        Severity::Warning,
        "create table orders (a int primary key); create table \"Orders\" (a int primary key)",
    ),
    (
        "PF114",
        Severity::Warning,
        "create table \"a\"\"; drop table b; --\" (\"line\nbreak\" int primary key)",
    ),
    (
        "PF115",
        Severity::Warning,
        "create table t (a text primary key); create index on t (md5(a))",
    ),
    (
        "PF117",
        Severity::Warning,
        "create table t (a oid primary key, b regclass)",
    ),
    ("PF119", Severity::Warning, "create table t (a int unique deferrable)"),
    (
        "PF120",
        Severity::Warning,
        "create table t (a int primary key); create function f() returns trigger language plpgsql as $$ begin return new; end $$; \
         create trigger g before insert on t for each row execute function f(); alter table t enable always trigger g",
    ),
    (
        "PF121",
        Severity::Warning,
        "create table t (a int primary key) partition by range (a); create table t1 partition of t for values from (0) to (9)",
    ),
    (
        "PF122",
        Severity::Note,
        "create table p (a int primary key); create table c () inherits (p)",
    ),
    (
        "PF123",
        Severity::Warning,
        "create materialized view v as select 1 as a",
    ),
    (
        "PF124",
        Severity::Warning,
        "create table t (a int primary key); alter table t add constraint c check (a > 0) not valid",
    ),
    (
        "PF125",
        Severity::Note,
        "create table t (a int4range, exclude using gist (a with &&))",
    ),
    (
        "PF129",
        Severity::Warning,
        "create function f() returns text language plpgsql as $$ begin return pg_read_file('/etc/hosts'); end $$",
    ),
    (
        "PF130",
        Severity::Warning,
        "create view v as select datname from pg_stat_database",
    ),
    (
        "PF067",
        Severity::Warning,
        "create table t (a int primary key); create publication p for table t",
    ),
    ("PF131", Severity::Error, "create publication p for all tables"),
    (
        "PF132",
        Severity::Warning,
        "create text search dictionary d (template = simple, stopwords = english)",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rule_tells_a_database_that_breaks_it_from_one_that_does_not() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    run(&session, "create role clean_owner").await;
    let clean = "pf clean";
    let names: Vec<String> = (0..BROKEN.len()).map(|at| format!("pf broken {at}")).collect();
    for name in names.iter().map(String::as_str).chain([clean]) {
        run(&session, &format!("create database {}", quote_identifier(name))).await;
    }
    let sound = "create schema app; revoke create on schema public from public; \
                 create table app.t (id bigint primary key, name text); insert into app.t values (1, 'a'); \
                 create view app.v as select id from app.t; create sequence app.s; \
                 alter schema app owner to clean_owner; alter table app.t owner to clean_owner; \
                 alter view app.v owner to clean_owner; alter sequence app.s owner to clean_owner";
    together(&endpoint, clean, sound).await;
    for ((code, _, sql), name) in BROKEN.iter().zip(&names) {
        if *code == "PF080" {
            // Nothing counts as an update within the transaction that made the table.
            one_by_one(&endpoint, name, sql).await;
        } else {
            together(&endpoint, name, sql).await;
        }
    }
    let mut databases: Vec<&str> = names.iter().map(String::as_str).collect();
    databases.push(clean);
    let report = source(&endpoint, &databases, Mode::Online).await;
    let mut wrong = Vec::new();
    for ((code, severity, sql), name) in BROKEN.iter().zip(&names) {
        match said(&report, code, End::Source, Some(name)).as_slice() {
            [found] if found.severity == *severity => {}
            other => wrong.push(format!("{code} after `{sql}`: {other:?}")),
        }
    }
    let told = report
        .findings()
        .filter(|(outcome, ..)| outcome.place.database.as_ref().map(DatabaseName::as_str) == Some(clean));
    for (outcome, finding, _) in told {
        wrong.push(format!("{} at the sound database: {finding:?}", outcome.rule.code));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_mend_a_source_work_whatever_a_name_contains() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    let name = "😀".repeat(15);
    run(&session, &format!("create database {}", quote_identifier(&name))).await;
    let inside = open(&endpoint, &name.parse().unwrap()).await;
    let hostile = [
        "a\"; drop table x; --",
        "line\nbreak",
        "it's",
        "back\\slash",
        "Both",
        "😀😀",
    ];
    for (at, table) in hostile.iter().enumerate() {
        let (schema, table) = (quote_identifier(&format!("s {at}\"")), quote_identifier(table));
        run(
            &inside,
            &format!("create schema {schema}; create unlogged table {schema}.{table} (a int primary key)"),
        )
        .await;
    }
    let report = source(&endpoint, &[&name], Mode::Online).await;
    let found = said(&report, "PF083", End::Source, Some(&name));
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(finding.objects.len(), hostile.len());
    let Some(Fix::Sql {
        on: End::Source,
        script,
    }) = finding.fixes.first()
    else {
        panic!("{finding:?}")
    };
    run(&inside, script).await;
    let report = source(&endpoint, &[&name], Mode::Online).await;
    assert_eq!(said(&report, "PF083", End::Source, Some(&name)), Vec::<&Finding>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_the_source_are_told_and_those_of_a_ready_one_are_not() {
    let poor = own(
        15,
        &[
            ("wal_level", "replica"),
            ("max_replication_slots", "1"),
            ("max_wal_senders", "1"),
            ("max_slot_wal_keep_size", "64MB"),
            ("default_transaction_read_only", "on"),
        ],
    )
    .await;
    let rich = own(
        15,
        &[
            ("wal_level", "logical"),
            ("max_replication_slots", "20"),
            ("max_wal_senders", "25"),
            ("max_worker_processes", "16"),
            ("wal_sender_timeout", "0"),
            ("tcp_keepalives_idle", "10"),
            ("max_prepared_transactions", "2"),
        ],
    )
    .await;
    let rules = [
        "PF051", "PF052", "PF053", "PF054", "PF055", "PF056", "PF058", "PF059", "PF064", "PF066", "PF068", "PF073",
    ];
    let report = source(&rich.endpoint().unwrap(), &["postgres"], Mode::Online).await;
    for code in rules {
        assert_eq!(said(&report, code, End::Source, None), Vec::<&Finding>::new(), "{code}");
    }
    let troubles = "alter role postgres set statement_timeout = '1h'";
    let mut endpoint = poor.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    run(&session, troubles).await;
    let report = source(&endpoint, &["postgres"], Mode::Online).await;
    for code in [
        "PF051", "PF052", "PF053", "PF054", "PF055", "PF056", "PF058", "PF059", "PF068", "PF073",
    ] {
        assert_eq!(said(&report, code, End::Source, None).len(), 1, "{code}");
    }
    let offline = source(&endpoint, &["postgres"], Mode::Offline).await;
    assert!(
        offline
            .outcomes
            .iter()
            .all(|outcome| outcome.rule.code.as_str() != "PF051")
    );
    endpoint = rich.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    run(
        &session,
        "select pg_create_logical_replication_slot('left', 'pgoutput')",
    )
    .await;
    let holder = open(&endpoint, &maintenance()).await;
    for statement in ["begin", "create table public.held ()", "prepare transaction 'held'"] {
        run(&holder, statement).await;
    }
    let report = source(&endpoint, &["postgres"], Mode::Online).await;
    for code in ["PF064", "PF066"] {
        assert_eq!(said(&report, code, End::Source, None).len(), 1, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_servers_and_odd_roles_are_told() {
    let settings = [
        ("max_connections", "14"),
        ("max_locks_per_transaction", "10"),
        ("max_replication_slots", "1"),
        ("password_encryption", "md5"),
    ];
    let server = own(15, &settings).await;
    let endpoint = server.endpoint().unwrap();
    let odd = "create role admin; create role weak password 'w'; \
               create table c (a text collate \"de-x-icu\" primary key); \
               update pg_collation set collversion = '1' where collname = 'de-x-icu'; \
               do $$ begin for at in 1..200 loop execute format('create table t%s (a int primary key)', at); end loop; end $$";
    together(&endpoint, "postgres", odd).await;
    server
        .place(
            "pg_hba.conf",
            "host all all 127.0.0.1/32 scram-sha-256\nhost all all nowhere\n",
        )
        .unwrap();
    let report = both(&endpoint, &endpoint, &["postgres"]).await;
    for (code, end, database) in [
        ("PF043", End::Source, None),
        ("PF057", End::Source, Some("postgres")),
        ("PF069", End::Source, None),
        ("PF072", End::Source, None),
        ("PF076", End::Source, None),
        ("PF105", End::Source, Some("postgres")),
        ("PF145", End::Target, None),
    ] {
        assert_eq!(said(&report, code, end, database).len(), 1, "{code}");
    }
    let healthy = shared(15).await.endpoint().unwrap();
    let report = source(&healthy, &["postgres"], Mode::Online).await;
    for (code, database) in [
        ("PF043", None),
        ("PF057", Some("postgres")),
        ("PF069", None),
        ("PF072", None),
        ("PF076", None),
        ("PF105", Some("postgres")),
    ] {
        assert_eq!(
            said(&report, code, End::Source, database),
            Vec::<&Finding>::new(),
            "{code}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collations_and_memberships_of_the_target_are_compared() {
    let from = shared(15).await.endpoint().unwrap();
    let target = own(15, &[]).await;
    let to = target.endpoint().unwrap();
    one_by_one(&from, "postgres", "create database pf_collated").await;
    together(
        &from,
        "pf_collated",
        "create table c (a text collate \"de-x-icu\" primary key)",
    )
    .await;
    let there = "delete from pg_collation where collname = 'de-x-icu'; create role club; \
                 create role member login createrole createdb password 'm' in role club";
    together(&to, "postgres", there).await;
    let member = Endpoint {
        user: "member".parse().unwrap(),
        password: Some(Secret::new("m")),
        ..to.clone()
    };
    let report = both(&from, &member, &["pf_collated"]).await;
    let found = said(&report, "PF102", End::Source, Some("pf_collated"));
    assert_eq!(
        found.first().map(|found| found.objects.clone()),
        Some(vec!["pg_catalog.\"de-x-icu\"".to_owned()])
    );
    assert_eq!(said(&report, "PF143", End::Target, None).len(), 1);
    assert_eq!(said(&report, "PF142", End::Target, None), Vec::<&Finding>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_target_lacks_is_told() {
    let from = shared(15).await.endpoint().unwrap();
    let target = own(15, &[("timezone", "Asia/Tokyo")]).await;
    let to = target.endpoint().unwrap();
    one_by_one(&from, "postgres", "create role only_here; create database pf_both").await;
    let inside =
        "create table t (a int primary key); alter table t owner to only_here; create extension pg_stat_statements";
    together(&from, "pf_both", inside).await;
    let session = open(&to, &maintenance()).await;
    run(&session, "create database pf_both encoding 'LATIN1' template template0").await;
    together(&to, "pf_both", "create table in_the_way ()").await;
    run(&session, "create role migrator login password 'm'").await;
    let report = both(&from, &to, &["pf_both"]).await;
    for (code, end, database) in [
        ("PF078", End::Source, None),
        ("PF093", End::Source, Some("pf_both")),
        ("PF104", End::Source, Some("pf_both")),
        ("PF111", End::Source, Some("pf_both")),
        ("PF140", End::Target, Some("pf_both")),
    ] {
        assert_eq!(said(&report, code, end, database).len(), 1, "{code}");
    }
    for (code, end, database) in [
        ("PF023", End::Source, None),
        ("PF091", End::Source, Some("pf_both")),
        ("PF095", End::Source, Some("pf_both")),
        ("PF102", End::Source, Some("pf_both")),
        ("PF142", End::Target, None),
        ("PF149", End::Target, None),
    ] {
        assert_eq!(said(&report, code, end, database), Vec::<&Finding>::new(), "{code}");
    }
    let plain = Endpoint {
        user: "migrator".parse().unwrap(),
        password: Some(Secret::new("m")),
        ..to.clone()
    };
    let busy = open(&to, &"pf_both".parse().unwrap()).await;
    let report = both(&from, &plain, &["pf_both"]).await;
    for code in ["PF141", "PF142", "PF144"] {
        assert_eq!(said(&report, code, End::Target, None).len(), 1, "{code}");
    }
    drop(busy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_rights_is_told_what_it_lacks_and_what_it_cannot_see() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let prepared = "create role poor login password 'p'; create database pf_rights; create database pf_closed; \
                    revoke connect on database pf_closed from public";
    one_by_one(&endpoint, "postgres", prepared).await;
    let inside = "create table seen (a int primary key); grant select on seen to poor; create table unseen (a int primary key); \
                  alter table seen enable row level security";
    together(&endpoint, "pf_rights", inside).await;
    let poor = Endpoint {
        user: "poor".parse().unwrap(),
        password: Some(Secret::new("p")),
        ..endpoint.clone()
    };
    let report = source(&poor, &["pf_rights", "pf_closed", "pf_nowhere"], Mode::Online).await;
    let found = said(&report, "PF061", End::Source, Some("pf_rights"));
    assert_eq!(
        found.first().map(|found| found.objects.clone()),
        Some(vec!["public.unseen".to_owned()])
    );
    assert_eq!(said(&report, "PF060", End::Source, None).len(), 1);
    assert_eq!(said(&report, "PF118", End::Source, Some("pf_rights")).len(), 1);
    for database in ["pf_closed", "pf_nowhere"] {
        assert_eq!(
            said(&report, "PF047", End::Source, Some(database)).len(),
            1,
            "{database}"
        );
    }
    let skipped = report
        .outcomes
        .iter()
        .find(|outcome| outcome.rule.code.as_str() == "PF072");
    let Some(Verdict::Skipped(why)) = skipped.map(|outcome| &outcome.verdict) else {
        panic!("{skipped:?}")
    };
    assert!(why.contains("permission denied"), "{why}");
    // What `pgferry rbac` prints is what was missing.
    for statement in granted(&endpoint, "poor", &["pf_rights", "pf_closed"]) {
        let database = statement["database"].as_str().unwrap_or("postgres");
        let session = open(&endpoint, &database.parse().unwrap()).await;
        run(&session, statement["sql"].as_str().unwrap()).await;
    }
    let report = source(&poor, &["pf_rights", "pf_closed"], Mode::Online).await;
    for (code, database) in [
        ("PF060", None),
        ("PF061", Some("pf_rights")),
        // Which is asked only where the user may enter.
        ("PF061", Some("pf_closed")),
    ] {
        let found = said(&report, code, End::Source, database);
        assert_eq!(found, Vec::<&Finding>::new(), "{code}");
    }
    // What is left is the membership that the remark speaks of.
    let publish = said(&report, "PF062", End::Source, Some("pf_rights"));
    let summaries: Vec<&str> = publish.iter().map(|found| found.summary.as_str()).collect();
    assert!(
        matches!(summaries[..], [one] if one.contains("not a member")),
        "{summaries:?}"
    );
}

/// What `pgferry rbac` would have run on the source of an online batch.
fn granted(endpoint: &Endpoint, user: &str, databases: &[&str]) -> Vec<Json> {
    let folder = project_of(endpoint, endpoint, "online", "");
    let file = folder.path().join("main.hcl");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("\"postgres\"", &format!("\"{user}\""));
    fs::write(&file, text.replace("[\"moving\"]", &format!("{databases:?}"))).unwrap();
    let answer = pgferry(folder.path(), &["rbac", "--json"], &[]);
    assert_eq!(answer.code, Some(0), "{}", answer.err);
    let told: Json = serde_json::from_str(&answer.out).unwrap();
    let grants = told["grants"].as_array().unwrap();
    let of_source = grants.iter().find(|grants| grants["resource"] == "source.erp");
    of_source.unwrap()["statements"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_reached_gives_one_finding_and_skipped_rules() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let wrong = Endpoint {
        password: Some(Secret::new("wrong")),
        ..endpoint.clone()
    };
    let nowhere = Endpoint {
        host: "no-such-host.invalid".parse().unwrap(),
        ..endpoint.clone()
    };
    let without_tls = Endpoint {
        ssl_mode: SslMode::Require,
        ..endpoint.clone()
    };
    for (endpoint, code) in [(wrong, "PF041"), (nowhere, "PF040"), (without_tls, "PF042")] {
        let report = source(&endpoint, &["postgres"], Mode::Online).await;
        let codes: Vec<&str> = report
            .findings()
            .map(|(outcome, ..)| outcome.rule.code.as_str())
            .collect();
        assert_eq!(codes, [code]);
        let skipped = |verdict: &Verdict| matches!(verdict, Verdict::Skipped(why) if why == "no connection");
        assert!(report.outcomes.iter().any(|outcome| skipped(&outcome.verdict)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_databases_are_looked_at_together() {
    let server = own(15, &[]).await;
    let endpoint = server.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    for at in 0..40 {
        run(&session, &format!("create database many_{at} strategy file_copy")).await;
    }
    let mut wanted = wanted(&endpoint, End::Source, &[], Mode::Online);
    wanted.databases = Choice::All;
    let seen = preflight::look(vec![wanted], 8).await;
    assert_eq!(seen.first().map(|seen| seen.databases.len()), Some(40));
    let is_met = |(_, contact): &(Chosen, Contact)| contact.facts().is_some();
    assert!(seen.iter().flat_map(|seen| &seen.databases).all(is_met));
}
