//! `pgferry verify` as it is called: what it prints, how it ends, and what it leaves behind.

use std::fs;

use serde_json::Value as Json;

use crate::command::{flowing, given, pgferry, project_of};
use crate::verify::Ends;

const ORDERS: &str = "create table public.orders (id int primary key, customer text, total numeric(10, 2)); insert into public.orders \
                      select i, 'secret ' || i, i from generate_series(1, 3000) i";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_end_with_seven_and_name_keys_and_never_values() {
    let ends = Ends::of(15, 15).await;
    ends.both(ORDERS).await;
    ends.both("create table public.audit (at int, what text)").await;
    let folder = project_of(
        &ends.source.endpoint().unwrap(),
        &ends.target.endpoint().unwrap(),
        "offline",
        "",
    );
    let same = pgferry(folder.path(), &["verify"], &given());
    assert_eq!(same.code, Some(0), "{}{}", same.out, same.err);
    assert!(
        same.out.contains("Verify: no difference in 1 database."),
        "{}",
        same.out
    );

    ends.source("create index orders_customer on public.orders (customer)")
        .await;
    ends.target(
        "delete from public.orders where id = 7; update public.orders set customer = 'other secret' where id in (9, 10); insert into \
         public.orders values (5000, 'new secret', 1); insert into public.audit values (1, 'secret')",
    )
    .await;
    let told = pgferry(folder.path(), &["verify"], &given());
    assert_eq!(told.code, Some(7), "{}{}", told.out, told.err);
    assert!(!format!("{}{}", told.out, told.err).contains("secret"), "{}", told.out);
    let shown: Vec<&str> = told.out.lines().skip(3).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    error[V010]: the target lacks an object
      database_batch.wave1, database moving:
        index public.orders_customer is not on the target
      because  The source has an object that the target lacks: it was made after the
               copy, its creation failed on the target, or somebody dropped it.
      to do    Make it on the target. `--repair=FILE` writes the statement where the
               source's catalog has one; where it is a table, its rows are missing,
               too. Before the cutover of an online migration, foreign keys,
               triggers and indexes may not be there yet.

    error[V031]: rows of a table are not the same
      database_batch.wave1, database moving:
        table public.orders: 3 000 rows on both ends; 1 missing, 1 extra, 2 changed
            missing  id = 7
            extra    id = 5000
            changed  id = 9
            changed  id = 10
      because  Rows are missing on the target, are there without being on the
               source, or hold other values. They are told by their key; values
               never leave the servers.
      to do    Compare the named rows by hand, and look for what wrote to the target
               before the cutover, or bypassed replication on the source.
               `--repair=FILE` deletes and copies the named rows; where there are
               many, copy the table anew.

    error[V032]: rows of a table without a key are not the same
      database_batch.wave1, database moving:
        table public.audit: 0 rows on the source, 1 on the target; 1 extra
            extra    a row with digest 88d7f668d7288e80
      because  The table has no key, so its rows are compared as a multiset: which
               digests come how often. Updates and deletions of such a table are not
               replayed unless its replica identity is FULL.
      to do    Empty the table on the target and copy it anew, or give it a key.

    Verify: 3 differences in 1 database.
    hint: `pgferry explain V010` says more of a code
    "#);

    let json = pgferry(
        folder.path(),
        &["verify", "--json", "--repair=repair.sql", "--hide-keys"],
        &given(),
    );
    assert_eq!(json.code, Some(7), "{}", json.err);
    let report: Json = serde_json::from_str(&json.out).unwrap();
    assert_eq!(report["differences"], 3, "{report:#}");
    let codes: Vec<&str> = report["databases"][0]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|difference| difference["counts"] == true)
        .map(|difference| difference["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["V010", "V031", "V032"]);
    assert!(!json.out.contains("\"5000\""), "{}", json.out);
    let repair = fs::read_to_string(folder.path().join("repair.sql")).unwrap();
    insta::assert_snapshot!(repair, @r#"
    -- What would make the targets what their sources are. Read it before you run it; pgferry does not.

    -- database_batch.wave1, database moving
    \connect "moving"

    -- V010: index public.orders_customer
    CREATE INDEX orders_customer ON public.orders USING btree (customer);

    -- V031: table public.orders
    delete from "public"."orders" where ("id" = '5000') or ("id" = '9') or ("id" = '10');
    -- then, from the source to the target:
    --   copy (select * from "public"."orders" where ("id" = '7') or ("id" = '9') or ("id" = '10')) to stdout
    --   copy "public"."orders" from stdin

    -- V032: table public.audit
    -- nothing identifies a row: empty the table and copy it anew
    "#);

    let counts = pgferry(
        folder.path(),
        &["verify", "--level", "counts", "--tables", "orders"],
        &given(),
    );
    assert_eq!(counts.code, Some(7), "{}", counts.out);
    assert!(
        !counts.out.contains("V030"),
        "a row less and a row more are not told by counting: {}",
        counts.out
    );
    let schema = pgferry(
        folder.path(),
        &["verify", "database_batch.wave1", "--level", "schema"],
        &given(),
    );
    assert_eq!(schema.code, Some(7), "{}", schema.out);
    assert!(
        schema.out.contains("V010") && !schema.out.contains("V03"),
        "{}",
        schema.out
    );
    let junit = pgferry(folder.path(), &["verify", "--junit", "--sarif=out.sarif"], &given());
    assert!(junit.out.contains("<failure type=\"V031\""), "{}", junit.out);
    let sarif: Json = serde_json::from_slice(&fs::read(folder.path().join("out.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 3, "{sarif:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_not_called_the_same() {
    let ends = Ends::of(15, 15).await;
    ends.both(ORDERS).await;
    ends.both("create table public.open (id int primary key)").await;
    ends.both("create role reader login password 'quack, ''quoted'' and \\ slashed'; grant usage on schema public to reader; grant select on public.open to reader").await;
    let folder = project_of(
        &ends.source.endpoint().unwrap(),
        &ends.target.endpoint().unwrap(),
        "offline",
        "",
    );
    let text = fs::read_to_string(folder.path().join("main.hcl")).unwrap();
    fs::write(
        folder.path().join("main.hcl"),
        text.replace("\"postgres\"", "\"reader\""),
    )
    .unwrap();
    let told = pgferry(folder.path(), &["verify"], &given());
    assert_eq!(told.code, Some(7), "{}{}", told.out, told.err);
    assert!(
        flowing(&told.out)
            .contains("table public.orders: the server refused: ERROR: permission denied for table orders"),
        "{}",
        told.out
    );
    assert!(
        !told.out.contains("public.open"),
        "the table after it is read nevertheless: {}",
        told.out
    );
    assert!(folder.path().join(".pgferry/verify.jsonl").exists());

    ends.both("grant select on public.orders to reader").await;
    let resumed = pgferry(folder.path(), &["verify", "--resume"], &given());
    assert_eq!(resumed.code, Some(0), "{}{}", resumed.out, resumed.err);
    assert!(
        flowing(&resumed.out).contains("1 table found the same by an earlier run"),
        "{}",
        resumed.out
    );
    assert!(!folder.path().join(".pgferry/verify.jsonl").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_or_a_wrong_password_proves_nothing() {
    let ends = Ends::of(15, 15).await;
    let folder = project_of(
        &ends.source.endpoint().unwrap(),
        &ends.target.endpoint().unwrap(),
        "offline",
        "",
    );
    let wrong = pgferry(folder.path(), &["verify"], &[("PGFERRY_VAR_password", "wrong")]);
    assert_eq!(wrong.code, Some(7), "{}", wrong.out);
    assert!(
        flowing(&wrong.out).contains("password authentication failed"),
        "{}",
        wrong.out
    );
    let text = fs::read_to_string(folder.path().join("main.hcl")).unwrap();
    fs::write(
        folder.path().join("main.hcl"),
        text.replace("[\"moving\"]", "[\"gone\"]"),
    )
    .unwrap();
    let gone = pgferry(folder.path(), &["verify"], &given());
    assert_eq!(gone.code, Some(7), "{}", gone.out);
    assert!(
        flowing(&gone.out).contains("database \"gone\" does not exist"),
        "{}",
        gone.out
    );
    let unknown = pgferry(folder.path(), &["verify", "database_batch.wave2"], &given());
    assert_eq!(unknown.code, Some(1), "{}", unknown.out);
}
