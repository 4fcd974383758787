//! The state in PostgreSQL against a real server: what every store does, and beyond that what writers do to one another,
//! what a broken connection costs, what TLS refuses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pgferry::database::{DatabaseName, Endpoint, Port, SslMode, Via, quote_identifier};
use pgferry::postgres::{Question, Session, StateDial, StateLogin};
use pgferry::secret::Secret;
use pgferry_state::testing::conformance::Lab;
use pgferry_state::{
    Actor, Between, Damage, Edit, Held, Holder, Intent, Life, PostgresManners, PostgresStore, Serial, Snapshot,
    StateName, Store, StoreError,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::connect::{secured, tls};
use crate::servers::{maintenance, open, own, run, script, shared};

pgferry_state::store_conformance!(Place::new(Between::Nothing));

/// The same promises where a pooler is said to stand between.
mod pooled {
    use super::{Between, Place};

    pgferry_state::store_conformance!(Place::new(Between::Pooler));
}

/// The same promises with everything encrypted.
mod encrypted {
    use pgferry_state::testing::Sealed;

    use super::{Between, Place};

    pgferry_state::store_conformance!(Sealed(Place::new(Between::Nothing)));
}

/// A schema of its own for one state.
struct Place {
    schema: String,
    between: Between,
}

impl Place {
    fn new(between: Between) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let schema = format!("states_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { schema, between }
    }

    async fn open(&self) -> PostgresStore {
        self.through(server().await)
    }

    fn through(&self, endpoint: Endpoint) -> PostgresStore {
        self.with(endpoint, PostgresManners::default())
    }

    fn with(&self, endpoint: Endpoint, manners: PostgresManners) -> PostgresStore {
        let dial = StateDial {
            endpoint,
            database: database(),
            login: StateLogin::Endpoint,
        };
        let name = StateName::new(&self.schema, "team/prod").unwrap();
        let manners = PostgresManners {
            between: self.between,
            ..manners
        };
        PostgresStore::new(Arc::new(dial), &name, manners)
    }

    async fn script(&self, sql: &str) {
        let sql = sql.replace("{schema}", &self.schema);
        script(&server().await, &database(), &sql).await;
    }
}

impl Lab for Place {
    async fn prepare(&self) {
        server().await;
    }

    fn store(&self) -> Box<dyn Store> {
        // The server is up since `prepare`, and its address does not change.
        let endpoint = ENDPOINT.get().expect("the server was started").clone();
        Box::new(self.through(endpoint))
    }

    async fn pretend_newer(&self) {
        self.script("UPDATE {schema}.state SET format = 2").await;
    }
}

static ENDPOINT: tokio::sync::OnceCell<Endpoint> = tokio::sync::OnceCell::const_new();

async fn server() -> Endpoint {
    let started = ENDPOINT.get_or_init(|| async {
        let endpoint = shared(15).await.endpoint().unwrap();
        // Others look at this server's databases too.
        script(&endpoint, &maintenance(), "CREATE DATABASE states").await;
        endpoint
    });
    started.await.clone()
}

fn database() -> DatabaseName {
    "states".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_that_start_together_one_gets_in_and_seven_are_told_who() {
    for between in [Between::Nothing, Between::Pooler] {
        let place = Place::new(between);
        for _ in ["a new state", "an old one"] {
            let mut starting = JoinSet::new();
            for number in 0..8 {
                let store = place.open().await;
                starting.spawn(async move {
                    let begun = Instant::now();
                    (store.lock(intent(&format!("runner{number}"))).await, begun.elapsed())
                });
            }
            let mut inside = Vec::new();
            let mut told = 0;
            for (locked, took) in starting.join_all().await {
                match locked {
                    Ok(held) => inside.push(held),
                    Err(StoreError::Locked(holder)) => {
                        assert!(holder.who.as_str().starts_with("runner"), "{holder}");
                        // Far from the lease: nobody waits for it, however busy the machine is.
                        assert!(took < Duration::from_secs(30), "{took:?}");
                        told += 1;
                    }
                    Err(error) => panic!("{error:?}"),
                }
            }
            assert_eq!((inside.len(), told), (1, 7));
            inside.remove(0).release().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_whose_connection_ended_is_followed_at_once() {
    let place = Place::new(Between::Nothing);
    let gate = Gate::before(server().await).await;
    let held = place.through(gate.endpoint()).lock(intent("dead")).await.unwrap();
    held.commit(vec![put("a", json!("kept"))]).await.unwrap();
    gate.shut();
    let begun = Instant::now();
    let followed = followed(&place.open().await, "dead").await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    gate.open();
    match held.commit(vec![put("a", json!("lost"))]).await {
        Err(StoreError::LockLost { now: Some(holder) }) => assert_eq!(holder.who.as_str(), "next"),
        other => panic!("{other:?}"),
    }
    followed.release().await.unwrap();
    let seen = place.open().await.load().await.unwrap().unwrap();
    assert_eq!(documents(&seen), [("a", json!("kept"))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_pooler_a_silent_holder_is_followed_after_its_lease_and_not_before() {
    let place = Place::new(Between::Pooler);
    let hasty = PostgresManners {
        lease: Duration::from_secs(4),
        ..PostgresManners::default()
    };
    let gate = Gate::before(server().await).await;
    let held = place.with(gate.endpoint(), hasty).lock(intent("silent")).await.unwrap();
    let begun = Instant::now();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    gate.shut();
    let followed = followed(&place.with(server().await, hasty), "silent").await;
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    gate.open();
    let refused = held.commit(vec![put("a", json!(2))]).await;
    assert!(
        matches!(refused, Err(StoreError::LockLost { now: Some(_) })),
        "{refused:?}"
    );
    followed.release().await.unwrap();
}

/// What the server's clock does shows in when a lease ends, seen from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_is_set_back_keeps_the_lock_of_a_dead_holder_for_one_lease_and_no_longer() {
    let place = Place::new(Between::Pooler);
    let gate = Gate::before(server().await).await;
    let held = place.through(gate.endpoint()).lock(intent("dead")).await.unwrap();
    gate.shut();
    place
        .script("UPDATE {schema}.state SET lease_until = lease_until + interval '5 hours'")
        .await;
    let refused = place.open().await.lock(intent("next")).await.map(|_| ());
    assert!(matches!(refused, Err(StoreError::Locked(_))), "{refused:?}");
    let session = open(&server().await, &database()).await;
    let sql = format!(
        "SELECT lease_until > clock_timestamp() AND lease_until <= clock_timestamp() + interval '60 seconds' AS soon FROM {}.state",
        place.schema
    );
    let question = Question {
        wanted: "when the lease ends",
        sql: &sql,
    };
    let soon = session.all(&question, |row| row.flag("soon")).await.unwrap();
    assert_eq!(soon, [true]);
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_clock_is_set_forward_may_let_another_in_and_then_the_holder_writes_no_more() {
    let place = Place::new(Between::Pooler);
    let held = place.open().await.lock(intent("slow")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    place
        .script("UPDATE {schema}.state SET lease_until = lease_until - interval '5 hours'")
        .await;
    let next = place.open().await.lock(intent("next")).await.unwrap();
    let refused = held.commit(vec![put("a", json!(2))]).await;
    assert!(
        matches!(refused, Err(StoreError::LockLost { now: Some(_) })),
        "{refused:?}"
    );
    next.commit(vec![put("b", json!(3))]).await.unwrap();
    next.release().await.unwrap();
    let seen = place.open().await.load().await.unwrap().unwrap();
    assert_eq!(documents(&seen), [("a", json!(1)), ("b", json!(3))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_is_idle_keeps_its_lock_over_many_leases() {
    let place = Place::new(Between::Pooler);
    let hasty = PostgresManners {
        lease: Duration::from_secs(1),
        ..PostgresManners::default()
    };
    let held = place.with(server().await, hasty).lock(intent("idle")).await.unwrap();
    let until = Instant::now() + Duration::from_secs(4);
    while Instant::now() < until {
        let refused = place.open().await.lock(intent("eager")).await.map(|_| ());
        assert!(matches!(refused, Err(StoreError::Locked(_))), "{refused:?}");
    }
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    held.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_was_broken_is_not_taken_again_by_its_holder() {
    let place = Place::new(Between::Nothing);
    let store = place.open().await;
    assert_eq!(store.break_lock(&Actor::new("stuck")).await.unwrap(), None);
    let held = store.lock(intent("stuck")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    assert_eq!(
        store.break_lock(&Actor::new("stuck")).await.unwrap(),
        Some(intent("stuck").holder)
    );
    let refused = held.commit(vec![put("a", json!(2))]).await;
    assert!(
        matches!(refused, Err(StoreError::LockLost { now: None })),
        "{refused:?}"
    );
    let next = store.lock(intent("next")).await.unwrap();
    next.release().await.unwrap();
    assert_eq!(documents(&store.load().await.unwrap().unwrap()), [("a", json!(1))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_whose_lease_or_connection_ended_is_seen_as_lapsed() {
    let place = Place::new(Between::Nothing);
    let gate = Gate::before(server().await).await;
    let held = place.through(gate.endpoint()).lock(intent("gone")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    let life = async || place.open().await.holder().await.unwrap().map(|seen| seen.life);
    assert_eq!(life().await, Some(Life::Alive));
    gate.shut();
    // The server notices that the connection is gone, and drops its advisory lock.
    let until = Instant::now() + Duration::from_secs(20);
    while life().await != Some(Life::Lapsed) {
        assert!(Instant::now() < until, "the holder is still taken for alive");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_before_or_after_a_write_costs_nothing() {
    let place = Place::new(Between::Nothing);
    let gate = Gate::before(server().await).await;
    let held = place.through(gate.endpoint()).lock(intent("a")).await.unwrap();
    for number in 0..12_u64 {
        // Broken as soon as so many bytes of the next answer came through: none, some, all.
        gate.break_after_answers(number % 4 * 8);
        let committed = held.commit(vec![put("a", json!(number))]).await.unwrap();
        assert_eq!(committed.serial, Serial::new(number + 1));
    }
    held.release().await.unwrap();
    let seen = place.open().await.load().await.unwrap().unwrap();
    assert_eq!(
        (seen.serial, documents(&seen)),
        (Serial::new(12), vec![("a", json!(11))])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_made_together_share_their_writes() {
    const COMMITS: u64 = 400;
    let place = Place::new(Between::Nothing);
    let gate = Gate::before(server().await).await;
    let held: Arc<dyn Held> = place.through(gate.endpoint()).lock(intent("a")).await.unwrap().into();
    let before = gate.sent();
    let mut commits = JoinSet::new();
    for number in 0..COMMITS {
        let held = Arc::clone(&held);
        commits.spawn(async move {
            held.commit(vec![put(&format!("c{number}"), json!(number))])
                .await
                .unwrap()
        });
    }
    commits.join_all().await;
    let each = (gate.sent() - before) / COMMITS;
    assert!(each < 300, "{each} bytes for each of {COMMITS} commits made together");
}

/// What commits cost on their way and in the server.
#[derive(Debug)]
struct Cost {
    /// Bytes that were sent.
    sent: u64,
    /// Statements that the server carried out.
    statements: i64,
    /// Pages of tables and indexes that it looked at.
    pages: i64,
    /// Bytes of its write-ahead log.
    logged: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_costs_as_much_among_a_hundred_thousand_records_as_among_a_thousand() {
    const COMMITS: usize = 40;
    let server = own(15, &[("shared_preload_libraries", "pg_stat_statements")]).await;
    let endpoint = server.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    run(&session, "CREATE EXTENSION pg_stat_statements SCHEMA public").await;
    let gate = Gate::before(endpoint).await;
    let mut costs = Vec::new();
    for records in [1_000, 100_000] {
        let dial = StateDial {
            endpoint: gate.endpoint(),
            database: maintenance(),
            login: StateLogin::Endpoint,
        };
        let name = StateName::new("states", &format!("of {records}")).unwrap();
        let store = PostgresStore::new(Arc::new(dial), &name, PostgresManners::default());
        let held = store.lock(intent("a")).await.unwrap();
        let key = |number: usize| format!("vnet_peering.server[\"{number:05}\"]#forward");
        for first in (0..records).step_by(10_000) {
            let last = records.min(first + 10_000);
            let fill = (first..last).map(|number| put(&key(number), json!("x".repeat(400))));
            held.commit(fill.collect()).await.unwrap();
        }
        run(&session, "SELECT public.pg_stat_statements_reset()").await;
        let before = gate.sent();
        for round in 0..COMMITS {
            let edit = put(&key(round * 7919 % records), json!("y".repeat(400)));
            held.commit(vec![edit]).await.unwrap();
        }
        let sent = gate.sent() - before;
        let [statements, pages, logged] = carried_out(&session).await;
        costs.push(Cost {
            sent,
            statements,
            pages,
            logged,
        });
        held.release().await.unwrap();
    }
    let [small, large] = &costs[..] else {
        unreachable!("two sizes were measured")
    };
    let expected = i64::try_from(COMMITS).unwrap();
    assert_eq!([small.statements, large.statements], [expected; 2]);
    assert!(large.sent < 2 * small.sent, "{costs:?}");
    assert!(large.pages < 2 * small.pages, "{costs:?}");
    assert!(large.logged < 2 * small.logged, "{costs:?}");
}

/// Statements, pages and bytes of the log, of everything that reads or writes rows of states since they were counted anew.
async fn carried_out(session: &Session) -> [i64; 3] {
    let sql = "SELECT coalesce(sum(calls), 0)::bigint AS statements, \
                      coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint AS pages, \
                      coalesce(sum(wal_bytes), 0)::bigint AS logged \
               FROM public.pg_stat_statements WHERE query LIKE '%state_row%'";
    let wanted = "what the server did";
    let question = Question { wanted, sql };
    let counts = session.one(&question, |row| {
        Ok([row.number("statements")?, row.number("pages")?, row.number("logged")?])
    });
    counts.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_changed_or_lost_are_reported() {
    for harm in [
        "UPDATE {schema}.state_row SET content = '2' WHERE key = 'record/a'",
        "DELETE FROM {schema}.state_row WHERE key = 'record/a'",
        "UPDATE {schema}.state_row SET key = 'what/a' WHERE key = 'record/a'",
    ] {
        let place = Place::new(Between::Nothing);
        let store = place.open().await;
        let held = store.lock(intent("a")).await.unwrap();
        held.commit(vec![put("a", json!(1))]).await.unwrap();
        held.release().await.unwrap();
        place.script(harm).await;
        for refused in [
            store.load().await.map(|_| ()),
            store.lock(intent("b")).await.map(|_| ()),
        ] {
            match refused {
                Err(StoreError::Corrupt { damage, .. }) => {
                    assert!(matches!(damage, Damage::Checksum | Damage::Database(_)), "{damage:?}");
                }
                other => panic!("{harm}: {other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_may_only_use_what_is_there_is_enough() {
    let place = Place::new(Between::Nothing);
    place
        .open()
        .await
        .lock(intent("owner"))
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
    place
        .script(
            "CREATE ROLE {schema} LOGIN PASSWORD 'enough'; GRANT USAGE ON SCHEMA {schema} TO {schema}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {schema}",
        )
        .await;
    let endpoint = Endpoint {
        user: place.schema.parse().unwrap(),
        password: Some(pgferry::secret::Secret::new("enough")),
        ..server().await
    };
    let store = place.through(endpoint);
    let held = store.lock(intent("user")).await.unwrap();
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    held.release().await.unwrap();
    assert_eq!(documents(&store.load().await.unwrap().unwrap()), [("a", json!(1))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_the_tls_that_was_asked_for_is_refused_and_no_password_is_told() {
    let place = Place::new(Between::Nothing);
    for ssl_mode in [SslMode::Require, SslMode::VerifyFull] {
        let endpoint = Endpoint {
            ssl_mode,
            ..server().await
        };
        let error = place.through(endpoint).load().await.unwrap_err();
        let told = crate::servers::chain(&error);
        assert!(told.contains("TLS"), "{told}");
        assert!(!format!("{told} {error:?}").contains("quack"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_is_kept_over_tls_that_checks_who_answers() {
    let secured = secured(15, |_| {}).await;
    let plain = secured.cluster.endpoint().unwrap();
    script(&plain, &maintenance(), "CREATE DATABASE states").await;
    let place = Place::new(Between::Nothing);
    for ssl_mode in [
        SslMode::Prefer,
        SslMode::Require,
        SslMode::VerifyCa,
        SslMode::VerifyFull,
    ] {
        let store = place.through(tls(&plain, ssl_mode, &secured.authority));
        let held = store.lock(intent("a")).await.unwrap();
        held.commit(vec![put("a", json!(ssl_mode.as_str()))]).await.unwrap();
        held.release().await.unwrap();
        let seen = store.load().await.unwrap().unwrap();
        assert_eq!(documents(&seen), [("a", json!(ssl_mode.as_str()))]);
    }
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let refused = place
        .through(tls(&plain, SslMode::VerifyFull, &stranger.cert.pem()))
        .load()
        .await;
    let told = crate::servers::chain(&refused.unwrap_err());
    assert!(told.contains("certificate"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_durable_where_the_server_would_forget() {
    let place = Place::new(Between::Nothing);
    // Every test of this file is as well off without it.
    place
        .script("ALTER DATABASE states SET synchronous_commit = 'off'")
        .await;
    let store = place.open().await;
    let held = store.lock(intent("a")).await.unwrap();
    place
        .script(
            "CREATE FUNCTION {schema}.witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO {schema}.seen VALUES (current_setting('synchronous_commit')); \
             RETURN NULL; END $$; CREATE TABLE {schema}.seen (mode text); \
             CREATE CONSTRAINT TRIGGER witness AFTER INSERT OR UPDATE ON {schema}.state_row \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {schema}.witness();",
        )
        .await;
    held.commit(vec![put("a", json!(1))]).await.unwrap();
    held.release().await.unwrap();
    let session = open(&server().await, &database()).await;
    let sql = format!("SELECT mode FROM {}.seen", place.schema);
    let question = Question {
        wanted: "what was seen",
        sql: &sql,
    };
    let modes = session
        .all(&question, |row| row.text("mode").map(str::to_owned))
        .await
        .unwrap();
    assert!(!modes.is_empty() && modes.iter().all(|mode| mode == "on"), "{modes:?}");
}

/// How long a lock may stay held that nobody can renew: many times the lease of any test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until the lock is free; meanwhile it must be this holder's.
async fn followed(store: &PostgresStore, before: &str) -> Box<dyn Held> {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < PATIENCE, "`{before}` still holds the lock");
        match store.lock(intent("next")).await {
            Ok(followed) => return followed,
            Err(StoreError::Locked(holder)) => assert_eq!(holder.who.as_str(), before),
            Err(error) => panic!("{}", crate::servers::chain(&error)),
        }
    }
}

/// A gate between a store and its server that can be shut, and counts what passes.
struct Gate {
    endpoint: Endpoint,
    port: u16,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    /// Wakes whoever carries bytes when the gate is shut.
    shutting: Notify,
    shut: std::sync::atomic::AtomicBool,
    /// Bytes from clients.
    sent: AtomicU64,
    /// How many bytes of answers still pass before the connection breaks once; above `ALWAYS` none breaks.
    allowed: AtomicU64,
}

const ALWAYS: u64 = u64::MAX / 2;

impl Gate {
    async fn before(endpoint: Endpoint) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inside = Arc::new(Inside::default());
        inside.allowed.store(u64::MAX, Ordering::SeqCst);
        let target: SocketAddr = format!("127.0.0.1:{}", endpoint.port).parse().unwrap();
        let shared = Arc::clone(&inside);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inside = Arc::clone(&shared);
                tokio::spawn(async move {
                    if !inside.shut.load(Ordering::SeqCst) {
                        carry(client, target, &inside).await;
                    }
                });
            }
        });
        Self { endpoint, port, inside }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            via: Some(Via {
                host: "127.0.0.1".parse().unwrap(),
                port: Port::new(self.port).unwrap(),
            }),
            ..self.endpoint.clone()
        }
    }

    fn shut(&self) {
        self.inside.shut.store(true, Ordering::SeqCst);
        self.inside.shutting.notify_waiters();
    }

    fn open(&self) {
        self.inside.shut.store(false, Ordering::SeqCst);
    }

    fn sent(&self) -> u64 {
        self.inside.sent.load(Ordering::SeqCst)
    }

    /// Breaks the connection once, when so many bytes of answers came through.
    fn break_after_answers(&self, bytes: u64) {
        self.inside.allowed.store(bytes, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, inside: &Inside) {
    let mut server = TcpStream::connect(target).await.unwrap();
    let (mut upward, mut downward) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        // It hears of the gate from here on; what was shut before, it sees.
        let shutting = inside.shutting.notified();
        if inside.shut.load(Ordering::SeqCst) {
            return;
        }
        tokio::select! {
            () = shutting => return,
            read = client.read(&mut upward) => match read {
                Ok(count) if count > 0 => {
                    inside.sent.fetch_add(count as u64, Ordering::SeqCst);
                    if server.write_all(&upward[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut downward) => match read {
                Ok(count) if count > 0 => {
                    let allowed = inside.allowed.load(Ordering::SeqCst);
                    if allowed < ALWAYS {
                        // Once is enough: the next connection is whole.
                        inside.allowed.store(u64::MAX, Ordering::SeqCst);
                        let passing = count.min(usize::try_from(allowed).unwrap());
                        let _ = client.write_all(&downward[..passing]).await;
                        return;
                    }
                    if client.write_all(&downward[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_plans_reads_a_state_and_writes_nothing_of_it() {
    let place = Place::new(Between::Nothing);
    let administrator = server().await;
    let grants = pgferry::rights::sql::state("states", &place.schema, "who applies", "who \"plans\"");
    let [applies, plans] = [&grants.apply, &grants.plan].map(|role| Endpoint {
        user: role.parse().unwrap(),
        password: Some(Secret::new("a word")),
        ..administrator.clone()
    });
    for role in [&grants.apply, &grants.plan] {
        let sql = format!("CREATE ROLE {} LOGIN PASSWORD 'a word'", quote_identifier(role));
        script(&administrator, &maintenance(), &sql).await;
    }
    script(&administrator, &database(), &grants.by_administrator.concat()).await;
    script(&applies, &database(), &grants.by_apply.concat()).await;

    let (reader, writer) = (place.through(plans.clone()), place.through(applies));
    assert_eq!(reader.load().await.unwrap(), None);
    let refused = |error: &StoreError| format!("{error:?}").contains("permission denied");
    let Err(early) = reader.lock(intent("plans")).await else {
        panic!("the state was made by who plans")
    };
    assert!(refused(&early), "{early:?}");
    let held = writer.lock(intent("applies")).await.unwrap();
    assert!(reader.load().await.unwrap().is_some());
    assert!(reader.holder().await.unwrap().is_some());
    assert!(reader.history().await.unwrap().is_empty());
    let Err(broken) = reader.break_lock(&Actor::new("applies")).await else {
        panic!("the lock was broken by who plans")
    };
    assert!(refused(&broken), "{broken:?}");
    held.release().await.unwrap();
    let Err(late) = reader.lock(intent("plans")).await else {
        panic!("the state was locked by who plans")
    };
    assert!(refused(&late), "{late:?}");

    let session = open(&plans, &database()).await;
    for sql in [
        "INSERT INTO {schema}.state (name, format, serial, checksum) VALUES ('x', 1, 0, '')",
        "UPDATE {schema}.state SET serial = 9",
        "DELETE FROM {schema}.state_row",
        "TRUNCATE {schema}.state_row",
        "DROP TABLE {schema}.state_row",
        "CREATE TABLE {schema}.more ()",
    ] {
        let sql = sql.replace("{schema}", &place.schema);
        let wanted = "what is not allowed";
        assert!(session.run(&Question { wanted, sql: &sql }).await.is_err(), "{sql}");
    }
}

fn intent(who: &str) -> Intent {
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who: Actor::new(who),
            process: 1,
            command: "pgferry apply".to_owned(),
            run: None,
            since,
        },
    }
}

fn put(name: &str, document: Value) -> Edit {
    Edit::Put {
        key: name.parse().unwrap(),
        document,
    }
}

fn documents(snapshot: &Snapshot) -> Vec<(&str, Value)> {
    let records = snapshot.records.iter();
    records
        .map(|(key, record)| (key.as_str(), record.document.clone()))
        .collect()
}
