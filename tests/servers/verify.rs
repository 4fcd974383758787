//! Comparing two real servers: every planted difference is found and named, and nothing is invented where there is none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use pgferry::clock::Clock;
use pgferry::database::{DatabaseName, Endpoint, Port, Via};
use pgferry::postgres::local::Cluster;
use pgferry::postgres::{Limits, Session};
use pgferry::verify::report::{Compared, RowsVerdict, TableOutcome};
use pgferry::verify::rows::RowDifference;
use pgferry::verify::{Detail, Difference, Gravity, Level, Observer, Options, Pair, Scans, Settling, verify};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::servers::{maintenance, open, own, run};

/// A clock whose sleeps are over at once.
struct Impatient;

#[async_trait]
impl Clock for Impatient {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {}
}

struct Silent;

impl Observer for Silent {
    fn began(&self, _: &Pair) {}
    fn table(&self, _: &Pair, _: &TableOutcome, _: usize) {}
}

fn options(level: Level) -> Options {
    Options {
        level,
        tables: Vec::new(),
        sample: None,
        at_once: 2,
        scans: Scans::USUAL,
        named: 9,
        proven: BTreeSet::new(),
    }
}

fn pair(source: &Endpoint, target: &Endpoint, database: &DatabaseName) -> Pair {
    Pair {
        batch: "database_batch.wave1".parse().unwrap(),
        database: database.clone(),
        source: source.clone(),
        target: target.clone(),
        limits: [Limits::BRIEF, Limits::BRIEF],
        settling: Settling::Settled,
    }
}

async fn compare(pair: &Pair, options: &Options) -> Compared {
    let mut report = verify(std::slice::from_ref(pair), options, &Impatient, &Silent).await;
    report.databases.pop().unwrap()
}

fn counting(compared: &Compared) -> Vec<&Difference> {
    let all = compared.differences.iter();
    all.filter(|difference| difference.gravity == Gravity::Counts).collect()
}

fn rows_of<'a>(compared: &'a Compared, table: &str) -> &'a RowDifference {
    let found = compared
        .differences
        .iter()
        .find_map(|difference| match &difference.detail {
            Detail::Rows { different, .. } if difference.subject == table => Some(different),
            _ => None,
        });
    found.unwrap_or_else(|| panic!("{table} does not differ: {:#?}", compared.differences))
}

/// Two servers with a database of the same name.
pub(crate) struct Ends {
    pub(crate) source: Cluster,
    pub(crate) target: Cluster,
    database: DatabaseName,
    /// A session that may write on each.
    writers: [Session; 2],
}

impl Ends {
    pub(crate) async fn of(source: u32, target: u32) -> Self {
        let settings = [
            ("autovacuum", "off"),
            ("shared_buffers", "64MB"),
            ("max_locks_per_transaction", "256"),
        ];
        let (source, target) = tokio::join!(own(source, &settings), own(target, &settings));
        let database: DatabaseName = "moving".parse().unwrap();
        let ends = [source.endpoint().unwrap(), target.endpoint().unwrap()];
        for end in &ends {
            let session = open(end, &maintenance()).await;
            run(&session, "create database moving template template0").await;
        }
        let writers = [open(&ends[0], &database).await, open(&ends[1], &database).await];
        Self {
            source,
            target,
            database,
            writers,
        }
    }

    pub(crate) async fn source(&self, sql: &str) {
        run(&self.writers[0], sql).await;
    }

    pub(crate) async fn target(&self, sql: &str) {
        run(&self.writers[1], sql).await;
    }

    pub(crate) async fn both(&self, sql: &str) {
        tokio::join!(self.source(sql), self.target(sql));
    }

    fn pair(&self) -> Pair {
        pair(
            &self.source.endpoint().unwrap(),
            &self.target.endpoint().unwrap(),
            &self.database,
        )
    }

    async fn compare(&self, level: Level) -> Compared {
        compare(&self.pair(), &options(level)).await
    }
}

/// A difference that is planted in a schema of its own.
struct Plant {
    /// What both ends get.
    both: &'static str,
    /// What only the source gets.
    source: &'static str,
    /// What only the target gets.
    target: &'static str,
    /// What must be told, as code and a part of the headline or of what stands below it. Nothing else may be.
    told: &'static [(&'static str, &'static str)],
}

const fn plant(
    both: &'static str,
    source: &'static str,
    target: &'static str,
    told: &'static [(&'static str, &'static str)],
) -> Plant {
    Plant {
        both,
        source,
        target,
        told,
    }
}

const T: &str = "create table t (id int primary key, a text, b int)";
const TEN: &str = "create table t (id int primary key, a text, b int); insert into t select i, 'x' || i, i from generate_series(1, 10) i";
const BARE: &str = "create table t (a text, b int); insert into t select 'x' || i, i from generate_series(1, 10) i";

/// Differences in catalogs.
const OBJECTS: &[Plant] = &[
    plant("select 1", T, "select 1", &[("V010", "relation")]),
    plant("select 1", "select 1", T, &[("V011", "relation")]),
    plant(
        "select 1",
        "create view v as select 1 as a",
        "select 1",
        &[("V010", "relation")],
    ),
    plant(
        "select 1",
        "create view v as select 1 as a",
        "create view v as select 2 as a",
        &[("V012", "definition")],
    ),
    plant(
        "create table t (a int, b int)",
        "create view v as select a, b from t where a > 1",
        "create view v as select a, b from t where a > 2",
        &[("V012", "definition")],
    ),
    plant(
        "create table t (a int)",
        "create materialized view m as select a from t",
        "create materialized view m as select a + 0 as a from t",
        &[("V012", "definition")],
    ),
    plant(
        "select 1",
        "create table t (a int, b int)",
        "create table t (a int)",
        &[("V010", "column")],
    ),
    plant(
        "select 1",
        "create table t (a int)",
        "create table t (a int, b int)",
        &[("V011", "column")],
    ),
    plant(
        "select 1",
        "create table t (a int)",
        "create table t (a bigint)",
        &[("V012", "bigint")],
    ),
    plant(
        "select 1",
        "create table t (a varchar(10))",
        "create table t (a varchar(20))",
        &[("V012", "varying(20)")],
    ),
    plant(
        "select 1",
        "create table t (a int not null)",
        "create table t (a int)",
        &[("V012", "not null")],
    ),
    plant(
        "select 1",
        "create table t (a int default 1)",
        "create table t (a int default 2)",
        &[("V012", "default")],
    ),
    plant(
        "select 1",
        "create table t (a text collate \"C\")",
        "create table t (a text)",
        &[("V012", "collation")],
    ),
    plant(
        "select 1",
        "create table t (a int generated always as identity)",
        "create table t (a int generated by default as identity)",
        &[("V012", "identity_column")],
    ),
    plant(
        "select 1",
        "create table t (a int)",
        "create unlogged table t (a int)",
        &[("V012", "persistence")],
    ),
    plant(
        "select 1",
        "create table t (a int) with (fillfactor = 50)",
        "create table t (a int)",
        &[("V012", "fillfactor")],
    ),
    plant(
        T,
        "alter table t enable row level security",
        "select 1",
        &[("V012", "row security")],
    ),
    plant(
        T,
        "create policy p on t using (b > 1)",
        "create policy p on t using (b > 2)",
        &[("V012", "using")],
    ),
    plant(
        T,
        "create policy p on t using (b > 1)",
        "select 1",
        &[("V010", "policy")],
    ),
    plant(T, "create index i on t (a)", "select 1", &[("V010", "index")]),
    plant(
        T,
        "create index i on t (a)",
        "create index i on t (b)",
        &[("V012", "definition")],
    ),
    plant(
        T,
        "create index i on t (a)",
        "create unique index i on t (a)",
        &[("V012", "UNIQUE")],
    ),
    plant(
        T,
        "create index i on t (a)",
        "create index i on t (a collate \"C\")",
        &[("V012", "COLLATE")],
    ),
    plant(
        T,
        "create index i on t (a) where b > 1",
        "create index i on t (a)",
        &[("V012", "WHERE")],
    ),
    plant(
        "create table t (id int)",
        "alter table t add constraint k unique (id)",
        "select 1",
        &[("V010", "constraint")],
    ),
    plant(
        T,
        "alter table t add constraint c check (b > 0)",
        "alter table t add constraint c check (b > 1)",
        &[("V012", "CHECK")],
    ),
    plant(
        "create table t (id int primary key); create table u (t int)",
        "alter table u add constraint f foreign key (t) references t",
        "select 1",
        &[("V010", "constraint")],
    ),
    plant(
        "create table t (id int primary key); create table u (t int)",
        "alter table u add constraint f foreign key (t) references t on delete cascade",
        "alter table u add constraint f foreign key (t) references t",
        &[("V012", "CASCADE")],
    ),
    plant(
        T,
        "alter table t add constraint c check (b > 0)",
        "alter table t add constraint c check (b > 0) not valid",
        &[("V012", "validated")],
    ),
    plant(
        "select 1",
        "create function f() returns int language sql as 'select 1'",
        "select 1",
        &[("V010", "routine")],
    ),
    plant(
        "select 1",
        "create function f() returns int language sql as 'select 1'",
        "create function f() returns int language sql as 'select 2'",
        &[("V012", "select 2")],
    ),
    plant(
        "select 1",
        "create function f() returns int language sql security definer as 'select 1'",
        "create function f() returns int language sql as 'select 1'",
        &[("V012", "SECURITY DEFINER")],
    ),
    plant(
        "select 1",
        "create aggregate g (int) (sfunc = int4pl, stype = int, initcond = '0')",
        "create aggregate g (int) (sfunc = int4pl, stype = int, initcond = '1')",
        &[("V012", "int4pl")],
    ),
    plant(
        "create table t (a int); create function f() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger g before insert on t for each row execute procedure f()",
        "select 1",
        &[("V010", "trigger")],
    ),
    plant(
        "create table t (a int); create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger g \
         before insert on t for each row execute procedure f()",
        "select 1",
        "alter table t disable trigger g",
        &[("V012", "fires")],
    ),
    plant(
        "create table t (a int)",
        "create rule r as on delete to t do instead nothing",
        "select 1",
        &[("V010", "rule")],
    ),
    plant(
        "select 1",
        "create type e as enum ('a', 'b')",
        "create type e as enum ('b', 'a')",
        &[("V012", "labels")],
    ),
    plant(
        "select 1",
        "create type e as enum ('a', 'b')",
        "create type e as enum ('a')",
        &[("V012", "labels")],
    ),
    plant(
        "select 1",
        "create domain d as int check (value > 0)",
        "create domain d as int check (value > 1)",
        &[("V012", "constraint")],
    ),
    plant(
        "select 1",
        "create domain d as int default 1",
        "create domain d as int",
        &[("V012", "default")],
    ),
    plant(
        "select 1",
        "create type c as (a int, b text)",
        "create type c as (a int, b int)",
        &[("V012", "column")],
    ),
    plant(
        "select 1",
        "create sequence s",
        "create sequence s increment 2",
        &[("V012", "increment")],
    ),
    plant(
        "select 1",
        "create sequence s maxvalue 100",
        "create sequence s",
        &[("V012", "maximum")],
    ),
    plant(
        "create table t (a int); create sequence s",
        "alter sequence s owned by t.a",
        "select 1",
        &[("V012", "owned by")],
    ),
    plant(
        "create table t (a int, b int)",
        "create statistics z (dependencies) on a, b from t",
        "select 1",
        &[("V010", "statistics")],
    ),
    plant(
        "select 1",
        "create table t (a int) partition by range (a)",
        "create table t (a int) partition by list (a)",
        &[("V012", "partition key")],
    ),
    plant(
        "create table t (a int) partition by range (a)",
        "create table u partition of t for values from (1) to (2)",
        "create table u partition of t for values from (1) to (3)",
        &[("V012", "partition bound")],
    ),
    plant(
        "create table t (a int); create table u (b int)",
        "alter table u add column a int; alter table u inherit t",
        "alter table u add column a int",
        &[("V012", "parents")],
    ),
    plant(
        T,
        "comment on table t is 'one'",
        "comment on table t is 'two'",
        &[("V014", "comment")],
    ),
    plant(T, "comment on column t.a is 'one'", "select 1", &[("V014", "comment")]),
    plant(
        T,
        "alter table t replica identity full",
        "select 1",
        &[("V015", "the whole row")],
    ),
    plant(
        "create table t (a int not null); create unique index i on t (a)",
        "alter table t replica identity using index i",
        "alter table t replica identity nothing",
        &[("V015", "the index i")],
    ),
    plant(
        T,
        "alter table t owner to planted",
        "alter table t owner to other",
        &[("V020", "owner")],
    ),
    plant(
        T,
        "grant select on t to planted",
        "select 1",
        &[("V021", "SELECT on table")],
    ),
    plant(
        T,
        "grant update (a) on t to planted",
        "select 1",
        &[("V021", "UPDATE on column")],
    ),
    plant(
        T,
        "grant select on t to planted with grant option",
        "grant select on t to planted",
        &[("V021", "may grant it on")],
    ),
    plant(
        T,
        "select 1",
        "grant delete on t to public",
        &[("V021", "DELETE on table")],
    ),
    plant(
        "create function f() returns int language sql as 'select 1'",
        "revoke execute on function f() from public",
        "select 1",
        &[("V021", "EXECUTE on function")],
    ),
    plant(
        "create sequence s",
        "grant usage on sequence s to planted",
        "select 1",
        &[("V021", "USAGE on sequence")],
    ),
];

/// Differences in rows and sequences.
const ROWS: &[Plant] = &[
    plant(
        TEN,
        "select 1",
        "delete from t where id = 4",
        &[("V031", "missing  id = 4")],
    ),
    plant(
        TEN,
        "delete from t where id = 4",
        "select 1",
        &[("V031", "extra    id = 4")],
    ),
    plant(
        TEN,
        "select 1",
        "update t set a = 'y' where id = 4",
        &[("V031", "changed  id = 4")],
    ),
    plant(
        TEN,
        "select 1",
        "update t set a = null where id = 4",
        &[("V031", "changed  id = 4")],
    ),
    plant(
        TEN,
        "update t set a = '' where id = 4",
        "update t set a = null where id = 4",
        &[("V031", "changed  id = 4")],
    ),
    plant(
        TEN,
        "select 1",
        "update t set a = case id when 4 then 'x5' else 'x4' end where id in (4, 5)",
        &[("V031", "2 changed")],
    ),
    plant(
        TEN,
        "select 1",
        "update t set a = b::text, b = 0 where id = 4; update t set b = 4 where id = 4",
        &[("V031", "changed  id = 4")],
    ),
    plant(
        TEN,
        "select 1",
        "update t set a = a || ' ' where id = 4",
        &[("V031", "changed  id = 4")],
    ),
    plant(BARE, "select 1", "delete from t where b = 4", &[("V032", "1 missing")]),
    plant(
        BARE,
        "select 1",
        "insert into t select * from t where b = 4",
        &[("V032", "1 extra")],
    ),
    plant(
        BARE,
        "insert into t select * from t where b = 4",
        "insert into t select * from t where b = 5",
        &[("V032", "1 missing, 1 extra")],
    ),
    plant(
        "create table t (id bigint primary key, b bigint); insert into t values (1, 1)",
        "select 1",
        "update t set b = 4294967296",
        &[("V031", "changed  id = 1")],
    ),
    plant(
        "create table t (id int primary key, b numeric); insert into t values (1, 1.5)",
        "select 1",
        "update t set b = 1.50",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b numeric); insert into t values (1, 'NaN')",
        "select 1",
        "update t set b = 0",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b float8); insert into t values (1, 0)",
        "select 1",
        "update t set b = '-0'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b float8); insert into t values (1, 0.1)",
        "select 1",
        "update t set b = 0.1::float4",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b float4); insert into t values (1, 0.1)",
        "select 1",
        "update t set b = 0.10000002",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b timestamptz); insert into t values (1, '2024-03-31 02:30:00.000001+02')",
        "select 1",
        "update t set b = '2024-03-31 02:30:00.000002+02'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b timestamp); insert into t values (1, 'infinity')",
        "select 1",
        "update t set b = '-infinity'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b interval); insert into t values (1, '1 month')",
        "select 1",
        "update t set b = '30 days'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b timetz); insert into t values (1, '12:00+00')",
        "select 1",
        "update t set b = '13:00+01'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b jsonb); insert into t values (1, '{\"a\": 1}')",
        "select 1",
        "update t set b = '{\"a\": 1.0}'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b json); insert into t values (1, '{\"a\":1}')",
        "select 1",
        "update t set b = '{\"a\": 1}'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b int[]); insert into t values (1, '{1,2}')",
        "select 1",
        "update t set b = '{{1,2}}'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b int[]); insert into t values (1, '{1,2}')",
        "select 1",
        "update t set b = '[0:1]={1,2}'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b float8[]); insert into t values (1, '{1,2}')",
        "select 1",
        "update t set b = '{1,-2}'",
        &[("V031", "changed")],
    ),
    plant(
        "create type c as (a int, b text); create table t (id int primary key, b c); insert into t values (1, '(1,)')",
        "select 1",
        "update t set b = '(1,\"\")'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b int4range); insert into t values (1, '[1,5)')",
        "select 1",
        "update t set b = '[1,6)'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b bytea); insert into t values (1, '\\x00')",
        "select 1",
        "update t set b = '\\x0000'",
        &[("V031", "changed")],
    ),
    plant(
        "create type e as enum ('a', 'b'); create table t (id int primary key, b e); insert into t values (1, 'a')",
        "select 1",
        "update t set b = 'b'",
        &[("V031", "changed")],
    ),
    plant(
        "create domain d as text; create table t (id int primary key, b d); insert into t values (1, 'a')",
        "select 1",
        "update t set b = 'A'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b uuid); insert into t values (1, '00000000-0000-0000-0000-000000000001')",
        "select 1",
        "update t set b = '00000000-0000-0000-0000-000000000002'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b inet); insert into t values (1, '10.0.0.1/8')",
        "select 1",
        "update t set b = '10.0.0.1/16'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b bool); insert into t values (1, true)",
        "select 1",
        "update t set b = false",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b bit(3)); insert into t values (1, '101')",
        "select 1",
        "update t set b = '100'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b point); insert into t values (1, '(1,2)')",
        "select 1",
        "update t set b = '(1,2.0000000000000004)'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b tsvector); insert into t values (1, 'a:1')",
        "select 1",
        "update t set b = 'a:2'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id int primary key, b money); insert into t values (1, '1.00')",
        "select 1",
        "update t set b = '1.01'",
        &[("V031", "changed")],
    ),
    plant(
        "create table t (id text primary key); insert into t values ('a'), ('ä'), ('z')",
        "select 1",
        "delete from t where id = 'ä'",
        &[("V031", "missing  id = ä")],
    ),
    plant(
        "create table t (a int, b text, primary key (a, b)); insert into t select i, 'k' || i from generate_series(1, 30) i",
        "select 1",
        "delete from t where a = 7",
        &[("V031", "missing  a = 7, b = k7")],
    ),
    plant(
        "create table t (id bigint primary key); insert into t values (-9223372036854775808), (0), (9223372036854775807)",
        "select 1",
        "delete from t where id = 0",
        &[("V031", "missing  id = 0")],
    ),
    plant(
        "create table t (a int) partition by range (a); create table u partition of t for values from (1) to (100); insert into t select generate_series(1, 50)",
        "select 1",
        "delete from t where a = 7",
        &[("V032", "1 missing")],
    ),
    plant(
        "create table t (a int); create table u () inherits (t); insert into u select generate_series(1, 50)",
        "select 1",
        "insert into t values (1)",
        &[("V032", "1 extra")],
    ),
    plant(
        "create table t (a int); insert into t values (1)",
        "create materialized view m as select * from t",
        "create materialized view m as select * from t; delete from t; refresh materialized view m; insert into t values (1)",
        &[("V032", "1 missing")],
    ),
    plant(
        "create sequence s; select setval('s', 100)",
        "select setval('s', 200)",
        "select 1",
        &[("V040", "stands at 100, the source at 200")],
    ),
    plant(
        "create sequence s",
        "select nextval('s')",
        "select 1",
        &[("V040", "has given no value yet")],
    ),
    plant(
        "create sequence s increment -1; select setval('s', -5)",
        "select setval('s', -9)",
        "select 1",
        &[("V040", "stands at -5")],
    ),
    plant(
        "create table t (id serial primary key, a int); insert into t (id, a) values (50, 1)",
        "select 1",
        "select 1",
        &[("V040", "t.id at 50")],
    ),
    plant(
        "create table t (id int generated by default as identity primary key); insert into t select generate_series(1, 9)",
        "select setval('t_id_seq', 9)",
        "select setval('t_id_seq', 3)",
        &[("V040", "stands at 3")],
    ),
];

/// What differences say, headline and all that stands below.
fn words(difference: &Difference) -> String {
    let mut text = format!("{} {}: ", difference.kind, difference.subject);
    match &difference.detail {
        Detail::Missing => text.push_str("missing"),
        Detail::Extra => text.push_str("extra"),
        Detail::Differs(attributes) => {
            for attribute in attributes {
                text.push_str(&format!(
                    "{}: {} against {}; ",
                    attribute.name,
                    attribute.source.as_deref().unwrap_or("nothing"),
                    attribute.target.as_deref().unwrap_or("nothing")
                ));
            }
        }
        Detail::Counts([source, target]) => text.push_str(&format!("{source} against {target}")),
        Detail::Rows { different, .. } => {
            let counted = [
                (different.missing, "missing"),
                (different.extra, "extra"),
                (different.changed, "changed"),
            ];
            let counted = counted.iter().filter(|(number, _)| *number > 0);
            let counted: Vec<String> = counted.map(|(number, word)| format!("{number} {word}")).collect();
            text.push_str(&counted.join(", "));
            for row in &different.named {
                let how = row.how.word();
                let key: Vec<String> = different
                    .key
                    .iter()
                    .zip(&row.key)
                    .map(|(column, value)| format!("{column} = {}", value.as_deref().unwrap_or("nothing")))
                    .collect();
                text.push_str(&format!("; {how:8} {}", key.join(", ")));
            }
        }
        Detail::Behind { target, of, at } => match target {
            Some(target) => text.push_str(&format!("stands at {target}, {of} at {at}")),
            None => text.push_str(&format!("has given no value yet, {of} at {at}")),
        },
        Detail::Unread(why) => text.push_str(why),
    }
    text
}

/// Plants differences in schemas of their own and expects each of them, and nothing else, to be told.
async fn every_plant_is_told(source: u32, target: u32, plants: &[Plant], level: Level) {
    let ends = Ends::of(source, target).await;
    ends.both("create role planted; create role other; grant planted to postgres; grant other to postgres")
        .await;
    for (at, plant) in plants.iter().enumerate() {
        let schema = format!("create schema if not exists p{at}; set search_path = p{at}; ");
        ends.both(&format!("{schema}{}", plant.both)).await;
        let (ours, theirs) = (format!("{schema}{}", plant.source), format!("{schema}{}", plant.target));
        tokio::join!(ends.source(&ours), ends.target(&theirs));
    }
    let compared = ends.compare(level).await;
    let mut wrong = Vec::new();
    let mut accounted = 0;
    for (at, plant) in plants.iter().enumerate() {
        let schema = format!("p{at}.");
        let found: Vec<&Difference> = counting(&compared)
            .into_iter()
            .filter(|difference| {
                difference
                    .subject
                    .replace('"', "")
                    .split([' ', '('])
                    .any(|word| word.starts_with(&schema))
            })
            .collect();
        accounted += found.len();
        let told: Vec<(&str, String)> = found
            .iter()
            .map(|difference| (difference.code.as_str(), words(difference)))
            .collect();
        let mut open = told.clone();
        for (code, part) in plant.told {
            match open
                .iter()
                .position(|(found, text)| found == code && text.contains(part))
            {
                Some(at) => drop(open.remove(at)),
                None => wrong.push(format!(
                    "{at}: {code} {part:?} is not told of {:?} and {:?}: {told:#?}",
                    plant.source, plant.target
                )),
            }
        }
        if !open.is_empty() {
            wrong.push(format!(
                "{at}: too much is told of {:?} and {:?}: {open:#?}",
                plant.source, plant.target
            ));
        }
    }
    let all = counting(&compared);
    if accounted != all.len() {
        let strange: Vec<String> = all.iter().map(|difference| words(difference)).collect();
        wrong.push(format!(
            "{} differences belong to no plant: {strange:#?}",
            all.len() - accounted
        ));
    }
    assert!(wrong.is_empty(), "{source} and {target}: {}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_of_objects_are_told_from_15_to_17() {
    every_plant_is_told(15, 17, OBJECTS, Level::Schema).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_of_objects_are_told_from_10_to_18() {
    every_plant_is_told(10, 18, OBJECTS, Level::Schema).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_of_objects_are_told_from_13_to_13() {
    every_plant_is_told(13, 13, OBJECTS, Level::Schema).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_of_rows_are_told_from_15_to_17() {
    every_plant_is_told(15, 17, ROWS, Level::Checksum).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_of_rows_are_told_from_10_to_18() {
    every_plant_is_told(10, 18, ROWS, Level::Checksum).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_differences_of_rows_are_told_from_13_to_15() {
    every_plant_is_told(13, 15, ROWS, Level::Checksum).await;
}

/// Things that are the same however they came about: what both ends get, then what each does to get there.
const SOUND: &[(&str, &str, &str)] = &[
    (
        "create table t (id int primary key, a text)",
        "insert into t select i, 'x' || i from generate_series(1, 5000) i",
        "insert into t select i, 'x' || i from generate_series(1, 5000) i order by -i",
    ),
    (
        "create table t (id bigint primary key, a text)",
        "insert into t select i, 'x' || i from generate_series(1, 5000) i",
        "insert into t select i, 'y' || i from generate_series(1, 5000) i; update t set a = 'x' || id; delete from t where id = 7; insert into t values (7, 'x7')",
    ),
    (
        "create table t (a text)",
        "insert into t select 'x' || i % 100 from generate_series(1, 5000) i",
        "insert into t select 'x' || i % 100 from generate_series(1, 5000) i order by md5(i::text)",
    ),
    (
        "create table t (id text primary key)",
        "insert into t values ('a'), ('A'), ('ä'), ('Z'), ('z'), ('_'), ('1'), (''), ('ß'), ('ss'), ('日本'), ('e\u{301}'), ('é')",
        "insert into t values ('é'), ('e\u{301}'), ('日本'), ('ss'), ('ß'), (''), ('1'), ('_'), ('z'), ('Z'), ('ä'), ('A'), ('a')",
    ),
    (
        "create table t (id int primary key, f4 float4, f8 float8)",
        "insert into t values (1, 0.1, 0.1), (2, 'NaN', 'NaN'), (3, 'Infinity', '-Infinity'), (4, '-0', '-0'), (5, 1e-30, 5e-324), (6, null, null)",
        "insert into t values (6, null, null), (5, 1e-30, 5e-324), (4, '-0', '-0'), (3, 'Infinity', '-Infinity'), (2, 'NaN', 'NaN'), (1, 0.1, 0.1)",
    ),
    (
        "create table t (id int primary key, a numeric, b numeric(10, 2))",
        "insert into t values (1, 1.50, 1.50), (2, 'NaN', 'NaN'), (3, 1e100, 0), (4, -0.0, -0.0), (5, null, null)",
        "insert into t values (5, null, null), (4, -0.0, -0.0), (3, 1e100, 0), (2, 'NaN', 'NaN'), (1, 1.50, 1.5)",
    ),
    (
        "create table t (id int primary key, a timestamptz, b timestamp, c date, d time, e timetz, f interval)",
        "set timezone = 'America/New_York'; insert into t values (1, '2024-11-03 05:30+00', '2024-01-01', '4713-01-01 BC', '24:00', '12:00+05:30', '1 year 2 months -3 days 04:05:06.789'), (2, 'infinity', '-infinity', 'infinity', null, null, null); set timezone = 'UTC'",
        "set timezone = 'Asia/Tokyo'; insert into t values (2, 'infinity', '-infinity', 'infinity', null, null, null), (1, '2024-11-03 00:30-05', '2024-01-01', '4713-01-01 BC', '24:00', '12:00+05:30', '14 months -3 days 04:05:06.789'); set timezone = 'UTC'",
    ),
    (
        "create table t (id int primary key, a jsonb)",
        "insert into t values (1, '{\"b\": 1, \"a\": [1, null, true, \"x\"], \"aa\": 1.50}'), (2, 'null'), (3, null)",
        "insert into t values (1, '{\"aa\":1.50,\"a\":[1,null,true,\"x\"],\"b\":1}'), (3, null), (2, ' null ')",
    ),
    (
        "create type e as enum ('b', 'a'); create type c as (x int, y text); create table t (id int primary key, a e, b e[], d c, f c[])",
        "create type unrelated as enum ('q'); drop type unrelated; insert into t values (1, 'a', '{b,a}', '(1,\"a b\")', array[row(1, 'x')::c, null])",
        "insert into t values (1, 'a', '{b,a}', '(1,\"a b\")', array[row(1, 'x')::c, null])",
    ),
    (
        "create table t (id int primary key, a int[], b text[], c int4range, d tstzrange, e numrange)",
        "insert into t values (1, '{1,null,3}', '{a,\"b,c\",NULL,\"NULL\"}', '[1,5]', '[2024-01-01 00:00+01,)', 'empty')",
        "insert into t values (1, '{1,null,3}', '{a,\"b,c\",NULL,\"NULL\"}', '[1,6)', '[2023-12-31 23:00+00,)', '(1,1)')",
    ),
    (
        "create table t (id int primary key, a bytea, b bit varying, c uuid, d inet, e cidr, f macaddr, g char(5), h \"char\", i name, j money, k xml, l tsvector, m tsquery, n oid, o regclass, p json)",
        "insert into t values (1, '\\x00ff', '101', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '::1', '10/8', '08:00:2b:01:02:03', 'a', 'x', 'n', 1.5, '<a/>', 'b a', 'a & b', 1, 'pg_class', '{\"a\" : 1}')",
        "insert into t values (1, E'\\\\000\\\\377', '101', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1', '10.0.0.0/8', '08002b:010203', 'a    ', 'x', 'n', '$1.50', '<a/>', 'a b', 'a & b', 1, 'pg_class', '{\"a\" : 1}')",
    ),
    (
        "create table t (id int primary key, a point, b line, c lseg, d box, e path, f polygon, g circle, h float8[])",
        "insert into t values (1, '(0.1,0.2)', '{1,2,3}', '[(0,0),(1,0.1)]', '(1,1),(0,0)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),0.1>', '{0.1,NaN}')",
        "insert into t values (1, '(0.1,0.2)', '{1,2,3}', '[(0,0),(1,0.1)]', '(0,0),(1,1)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),0.1>', '{0.1,NaN}')",
    ),
    (
        "create domain d as text check (value <> 'x'); create domain dd as d; create table t (id int primary key, a d, b dd)",
        "insert into t values (1, 'a', 'b'), (2, null, null)",
        "insert into t values (2, null, null), (1, 'a', 'b')",
    ),
    (
        "create table t (a int, b date) partition by range (a); create table t1 partition of t for values from (1) to (100); create table t2 partition of t for values from (100) to (200)",
        "insert into t select i, '2024-01-01' from generate_series(1, 199) i",
        "insert into t select i, '2024-01-01' from generate_series(1, 199) i order by -i",
    ),
    (
        "create table t (a int); create table u (b int) inherits (t)",
        "insert into t values (1); insert into u values (1, 2)",
        "insert into u values (1, 2); insert into t values (1)",
    ),
    (
        "create table t (id serial primary key, a int); create view v as select id, a from t where a > 1; create view w as select t.id, v.a from t join v using (id); create materialized view m as select a, count(*) from t group by a",
        "insert into t (a) select i % 3 from generate_series(1, 100) i; refresh materialized view m",
        "insert into t (a) select i % 3 from generate_series(1, 100) i; refresh materialized view m",
    ),
    (
        "create table t (id int primary key, a int); create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger g before insert or update on t for each row when (new.a > 1) execute procedure f(); create rule r as on delete to t where old.a > 5 do instead nothing",
        "comment on table t is 'it''s'; insert into t values (1, 1)",
        "insert into t values (1, 1); comment on table t is 'it''s'",
    ),
    (
        "create table t (id int primary key, a text, b int); alter table t enable row level security; create policy p on t for select to planted using (b > 1); grant select, insert on t to planted; grant update (a) on t to planted with grant option",
        "insert into t values (1, 'a', 1)",
        "grant delete on t to planted; revoke delete on t from planted; insert into t values (1, 'a', 1)",
    ),
    (
        "create sequence s; create sequence minus increment -1",
        "select setval('s', 5); select setval('minus', -5)",
        "select setval('s', 500); select setval('minus', -500)",
    ),
    (
        "create table nothing ()",
        "insert into nothing default values",
        "insert into nothing default values",
    ),
    (
        "create table \"Odd \"\"; drop table x; --\" (\"Key\n\" int primary key, \"%s {ours} $1\" text); create table \"odd\" (id int primary key); create table \"Odd\" (id int primary key)",
        "insert into \"Odd \"\"; drop table x; --\" values (1, 'a')",
        "insert into \"Odd \"\"; drop table x; --\" values (1, 'a')",
    ),
    (
        "create table t (id int primary key, dropped int, a int, b int generated by default as identity); alter table t drop column dropped; alter table t add constraint c check (a > 0) not valid",
        "insert into t select i, i from generate_series(1, 10) i",
        "insert into t select i, i from generate_series(1, 10) i order by -i; update t set b = id",
    ),
];

/// Both ends hold the same, laid down in another order, by servers of other versions, in a database that sorts otherwise.
async fn nothing_is_invented(source: u32, target: u32, sorts_otherwise: bool) {
    let mut ends = Ends::of(source, target).await;
    if sorts_otherwise {
        ends.database = "sorted".parse().unwrap();
        let endpoints = [ends.source.endpoint().unwrap(), ends.target.endpoint().unwrap()];
        let made = [
            "create database sorted template template0",
            "create database sorted template template0 locale_provider icu icu_locale 'de'",
        ];
        for (endpoint, sql) in endpoints.iter().zip(made) {
            run(&open(endpoint, &maintenance()).await, sql).await;
        }
        ends.writers = [
            open(&endpoints[0], &ends.database).await,
            open(&endpoints[1], &ends.database).await,
        ];
    }
    ends.both("create role planted; create role other; grant planted to postgres; grant other to postgres; alter role planted set work_mem = '8MB'; alter default privileges grant select on tables to other").await;
    for (at, (both, ours, theirs)) in SOUND.iter().enumerate() {
        let schema = format!("create schema if not exists p{at}; set search_path = p{at}; ");
        ends.both(&format!("{schema}{both}")).await;
        let (ours, theirs) = (format!("{schema}{ours}"), format!("{schema}{theirs}"));
        tokio::join!(ends.source(&ours), ends.target(&theirs));
    }
    ends.both("select lo_from_bytea(16385, '\\x00ff')").await;
    let compared = ends.compare(Level::Checksum).await;
    let invented: Vec<String> = counting(&compared).into_iter().map(words).collect();
    assert!(invented.is_empty(), "{source} and {target}: {invented:#?}");
    for outcome in &compared.tables {
        assert!(matches!(outcome.verdict, RowsVerdict::Same(_)), "{outcome:?}");
        assert!(outcome.left_out.is_empty(), "{outcome:?}");
    }
    let rows: u64 = compared
        .tables
        .iter()
        .map(|outcome| match outcome.verdict {
            RowsVerdict::Same(rows) => rows,
            _ => 0,
        })
        .sum();
    assert!(rows > 15_000, "{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_invented_from_15_to_17() {
    nothing_is_invented(15, 17, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_invented_from_10_to_18() {
    nothing_is_invented(10, 18, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_invented_from_13_to_15() {
    nothing_is_invented(13, 15, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_no_schema_is_compared_too() {
    let ends = Ends::of(13, 17).await;
    ends.both("create role clerk; create role group_a").await;
    ends.source(
        "create schema only_here; create role lonely; create role able createdb; grant group_a to clerk; create extension hstore schema public; alter \
         database moving set work_mem = '8MB'; alter role clerk in database moving set statement_timeout = '5s'; alter default privileges \
         for role clerk grant select on tables to group_a; grant create on database moving to clerk; select lo_from_bytea(16401, '\\x01'), \
         lo_from_bytea(16402, '\\x02'); comment on database moving is 'one'",
    )
    .await;
    ends.target("create role able; create schema only_there; create role provided; select lo_from_bytea(16401, '\\x01'), lo_from_bytea(16402, '\\x03')")
        .await;
    let compared = ends.compare(Level::Checksum).await;
    let told: Vec<String> = counting(&compared)
        .iter()
        .map(|difference| format!("{} {}", difference.code, words(difference).trim_end()))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    V010 schema only_here: missing
    V011 schema only_there: extra
    V013 extension hstore: missing
    V014 comment database: missing
    V021 privilege CREATE on database to clerk: missing
    V022 default privilege SELECT on tables of clerk to group_a: missing
    V023 role able: makes databases: t against f;
    V023 role lonely: missing
    V024 membership clerk in group_a: missing
    V025 setting statement_timeout of role clerk in the database: missing
    V025 setting work_mem of the database: missing
    V033 large objects of the database: 1 changed; changed  loid = 16402
    ");
    let expected = compared
        .differences
        .iter()
        .filter(|difference| difference.gravity != Gravity::Counts);
    assert!(expected.map(words).any(|words| words == "role provided: extra"));
}

/// Whoever rules the source decides what it says a view shows; none of that may run on the target.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_source_says_of_its_views_does_not_run_on_the_target() {
    let ends = Ends::of(15, 17).await;
    ends.both("create table public.t (a int)").await;
    ends.both("create view public.v as select a from public.t").await;
    ends.source(
        "alter function pg_catalog.pg_get_viewdef(oid) rename to pg_get_viewdef_in_truth; create function \
         pg_catalog.pg_get_viewdef(oid) returns text language sql stable strict as \
         $$ select 'select 1 as a; commit; create table public.planted (a int); select 2' $$",
    )
    .await;
    let compared = ends.compare(Level::Schema).await;
    let told: Vec<String> = counting(&compared).iter().map(|difference| words(difference)).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told.iter().all(|told| told.starts_with("view public.v")), "{told:?}");
    ends.target("create table public.planted (a int)").await;
}

/// Rows that are wide, fetched from both ends by digest: what a server sends must not depend on how wide they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_digests_travel() {
    let ends = Ends::of(15, 15).await;
    ends.both(
        "create table public.wide (id int primary key, a text); insert into public.wide select i, repeat('wide ', 4000) || i from \
         generate_series(1, 2000) i; create table public.narrow (id int primary key, a text); insert into public.narrow select i, '' || i \
         from generate_series(1, 2000) i",
    )
    .await;
    ends.target("update public.wide set a = a || '!' where id = 5; update public.narrow set a = a || '!' where id = 5")
        .await;
    let mut sent = Vec::new();
    for table in ["narrow", "wide"] {
        let (source, source_sent) = counted(&ends.source.endpoint().unwrap()).await;
        let (target, target_sent) = counted(&ends.target.endpoint().unwrap()).await;
        let options = Options {
            tables: vec![table.parse().unwrap()],
            ..options(Level::Checksum)
        };
        let compared = compare(&pair(&source, &target, &ends.database), &options).await;
        assert_eq!(rows_of(&compared, &format!("public.{table}")).changed, 1);
        sent.push(source_sent.load(Ordering::Relaxed) + target_sent.load(Ordering::Relaxed));
    }
    let [narrow, wide] = sent[..] else {
        panic!("two were counted")
    };
    // Twice two thousand rows of 20 kB are 80 MB.
    assert!(wide < 1_000_000, "{wide} bytes");
    assert!(wide.abs_diff(narrow) < 2_000, "{narrow} bytes against {wide}");
}

/// The way to a server through a door that counts what the server sends.
async fn counted(server: &Endpoint) -> (Endpoint, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap().port();
    let sent = Arc::new(AtomicU64::new(0));
    let (counter, port) = (Arc::clone(&sent), server.port.number());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let counter = Arc::clone(&counter);
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
                });
                let mut bytes = [0; 8192];
                while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
                    counter.fetch_add(count as u64, Ordering::Relaxed);
                    if to_client.write_all(&bytes[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    let via = Via {
        host: "127.0.0.1".parse().unwrap(),
        port: Port::new(door).unwrap(),
    };
    let endpoint = Endpoint {
        via: Some(via),
        ..server.clone()
    };
    (endpoint, sent)
}

/// A clock by which the target catches up while somebody waits.
struct Replay<'a> {
    target: &'a Session,
    source: &'a Session,
    waits: AtomicU64,
}

#[async_trait]
impl Clock for Replay<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {
        let wait = self.waits.fetch_add(1, Ordering::Relaxed);
        if wait == 0 {
            run(self.target, "update public.t set a = 'late' where id = 1").await;
        }
        // One row never rests.
        run(
            self.source,
            &format!("update public.t set a = 'hot {wait}' where id = 3"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_still_being_replayed_is_looked_at_again() {
    let ends = Ends::of(15, 15).await;
    ends.both("create table public.t (id int primary key, a text); insert into public.t select i, 'x' from generate_series(1, 100) i").await;
    ends.source("update public.t set a = 'late' where id = 1").await;
    ends.target("update public.t set a = 'wrong' where id = 2").await;
    let pair = Pair {
        settling: Settling::Replaying {
            times: 2,
            wait: Duration::from_secs(10),
        },
        ..ends.pair()
    };
    let clock = Replay {
        source: &ends.writers[0],
        target: &ends.writers[1],
        waits: AtomicU64::new(0),
    };
    let report = verify(&[pair], &options(Level::Checksum), &clock, &Silent).await;
    let different = rows_of(&report.databases[0], "public.t");
    let named: Vec<Option<&str>> = different.named.iter().map(|row| row.key[0].as_deref()).collect();
    assert_eq!(named, [Some("2")], "{different:#?}");
    assert_eq!((different.changed, different.moving), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_1600_columns_and_rows_of_100_mb_are_compared() {
    let ends = Ends::of(13, 15).await;
    let columns: Vec<String> = (0..1600).map(|n| format!("c{n} smallint")).collect();
    let wide = format!(
        "create table public.wide ({}); insert into public.wide (c0, c1599) values (1, 2)",
        columns.join(", ")
    );
    ends.both(&wide).await;
    ends.both("create table public.large (id int primary key, a text, b bytea); insert into public.large values (1, repeat('0123456789', 5000000), decode(repeat('00ff', 25000000), 'hex'))").await;
    assert_eq!(
        counting(&ends.compare(Level::Checksum).await),
        Vec::<&Difference>::new()
    );
    ends.target("update public.wide set c1599 = 3; update public.large set b = b || '\\x00'")
        .await;
    let compared = ends.compare(Level::Checksum).await;
    assert_eq!(rows_of(&compared, "public.wide").missing, 1);
    assert_eq!(rows_of(&compared, "public.large").changed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_takes_the_same_rows_on_both_ends() {
    let ends = Ends::of(15, 15).await;
    ends.both("create table public.t (id int primary key, a text); create table public.u (id text primary key); create table public.w (a int)").await;
    ends.source("insert into public.t select i, 'x' from generate_series(1, 20000) i; insert into public.u select i from generate_series(1, 20000) i; insert into public.w select i from generate_series(1, 20000) i").await;
    ends.target("insert into public.t select i, 'x' from generate_series(1, 20000) i order by -i; insert into public.u select i from generate_series(1, 20000) i order by -i; insert into public.w select i from generate_series(1, 20000) i order by -i").await;
    let options = Options {
        sample: Some("10%".parse().unwrap()),
        ..options(Level::Checksum)
    };
    let compared = compare(&ends.pair(), &options).await;
    assert_eq!(counting(&compared), Vec::<&Difference>::new());
    for outcome in &compared.tables {
        let RowsVerdict::Same(rows) = outcome.verdict else {
            panic!("{outcome:?}")
        };
        assert!((1_700..2_400).contains(&rows), "{outcome:?}");
    }
    ends.target("update public.t set a = 'y'; delete from public.u; delete from public.w")
        .await;
    let compared = compare(&ends.pair(), &options).await;
    assert_eq!(counting(&compared).len(), 3, "{:#?}", compared.differences);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_tables_are_read_in_ranges_and_differences_named_in_any_of_them() {
    let ends = Ends::of(15, 15).await;
    ends.both("create table public.t (id bigint primary key, a text); insert into public.t select i * 3, 'x' || i from generate_series(1, 20000) i")
        .await;
    ends.both("analyze public.t").await;
    let options = Options {
        scans: Scans {
            rows_of_one: 1_000,
            rows_of_a_range: 500,
        },
        ..options(Level::Checksum)
    };
    let compared = compare(&ends.pair(), &options).await;
    assert_eq!(counting(&compared), Vec::<&Difference>::new());
    assert!(
        matches!(compared.tables[0].verdict, RowsVerdict::Same(20_000)),
        "{:?}",
        compared.tables
    );
    ends.target(
        "delete from public.t where id in (3, 30000, 60000); insert into public.t values (-5, 'x'), (31, 'x'), (99999, 'x'); update public.t \
         set a = 'y' where id in (1500, 1503, 59997)",
    )
    .await;
    let compared = compare(&ends.pair(), &options).await;
    insta::assert_snapshot!(words(counting(&compared)[0]), @"table public.t: 3 missing, 3 extra, 3 changed; missing  id = 3; missing  id = 30000; missing  id = 60000; extra    id = -5; extra    id = 31; extra    id = 99999; changed  id = 1500; changed  id = 1503; changed  id = 59997");
}
