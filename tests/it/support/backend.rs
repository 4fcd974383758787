//! The places where a state can be kept, each real: a directory, the emulator of blob storage, a PostgreSQL server.

use std::sync::OnceLock;

use pgferry::database::{DatabaseName, Endpoint};
use pgferry::postgres::local::{Afterwards, Cluster, Programs};
use pgferry::postgres::{Access, Errand, Limits, Question, connect};
use pgferry::secret::Secret;
use pgferry_state::testing::azurite::Azurite;

use super::Ferry;
use super::gate::Gate;

/// Where a state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Backend {
    /// Beside the configuration.
    Local,
    /// In a container.
    AzureBlob,
    /// In a database.
    Postgres,
}

/// Password of the database that states are kept in.
pub(crate) const DATABASE_PASSWORD: &str = "st4te, 'quoted' too";

impl Backend {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Local, Self::AzureBlob, Self::Postgres];

    /// Lets a project keep its state here, through a gate where a service keeps it. The name is a state's own, in lowercase
    /// letters, digits and hyphens.
    pub(crate) fn keep(self, ferry: &mut Ferry, name: &str) {
        let (block, port) = match self {
            Self::Local => return,
            Self::AzureBlob => (container(name, ferry), azurite().port()),
            Self::Postgres => (
                database_block(name, ferry),
                postgres().endpoint().unwrap().port.number(),
            ),
        };
        let gate = Gate::before(port);
        ferry.write("state.hcl", &block.replace(&port.to_string(), &gate.port.to_string()));
        ferry.gate = Some(gate);
    }

    /// Makes it so that a dead holder's lease is over, where the lock is a lease that outlives its holder: what waiting for
    /// a minute does, too.
    pub(crate) fn let_lapse(self, name: &str) {
        if self == Self::AzureBlob {
            let status = blob(
                name,
                "comp=lease&",
                &[("x-ms-lease-action", "break"), ("x-ms-lease-break-period", "0")],
            );
            // There is no log, or no lease to end.
            assert!(matches!(status, 202 | 404 | 409), "{status}");
        }
    }

    /// Everything that is stored under this name outside the project's directory, as bytes.
    pub(crate) fn stored(self, name: &str) -> Vec<u8> {
        match self {
            Self::Local => Vec::new(),
            Self::AzureBlob => blobs(name),
            Self::Postgres => rows(name),
        }
    }
}

/// The emulator of blob storage that all tests share.
pub(crate) fn azurite() -> &'static Azurite {
    static SHARED: OnceLock<Azurite> = OnceLock::new();
    SHARED.get_or_init(|| Azurite::start().unwrap())
}

/// The server for state in PostgreSQL that all tests share.
fn postgres() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| {
        let programs = Programs::in_folder("/usr/lib/postgresql/15/bin".as_ref());
        let folder = tempfile::Builder::new()
            .prefix("pgferry-test-")
            .tempdir()
            .unwrap()
            .keep();
        let password = Secret::new(DATABASE_PASSWORD);
        let programs = programs.expect("PostgreSQL 15 is there; tests/run installs it");
        let start = Cluster::create(&programs, &folder, password, &[], Afterwards::Remove);
        run(start).unwrap()
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}

/// Makes a container and gives the project what opens it.
pub(crate) fn container(name: &str, ferry: &mut Ferry) -> String {
    let url = format!("{}/{name}?restype=container&{}", azurite().endpoint(), Azurite::sas());
    run(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.put(url).header("content-length", 0).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 201);
    });
    ferry.give("PGFERRY_VAR_state_sas", &Azurite::sas());
    blob_block(name, "prod")
}

/// The configuration of a state in a container.
pub(crate) fn blob_block(container: &str, key: &str) -> String {
    format!(
        "variable \"state_sas\" {{\n  type      = string\n  sensitive = true\n}}\n\n\
         pgferry {{\n  state \"azure_blob\" {{\n    endpoint  = \"{}\"\n    container = \"{container}\"\n    \
         key       = \"{key}\"\n    sas       = var.state_sas\n  }}\n}}\n",
        azurite().endpoint()
    )
}

/// The configuration of a state in the database, with what opens it given to the project.
pub(crate) fn database_block(name: &str, ferry: &mut Ferry) -> String {
    let endpoint = postgres().endpoint().unwrap();
    ferry.give("PGFERRY_VAR_state_password", DATABASE_PASSWORD);
    format!(
        "variable \"state_password\" {{\n  type      = string\n  sensitive = true\n}}\n\n\
         pgferry {{\n  state \"postgres\" {{\n    host     = \"127.0.0.1\"\n    port     = {}\n    \
         database = \"postgres\"\n    user     = \"postgres\"\n    password = var.state_password\n    \
         ssl_mode = \"disable\"\n    name     = \"{name}\"\n  }}\n}}\n",
        endpoint.port
    )
}

/// Runs SQL in the database that states are kept in, as its administrator or as another role.
pub(crate) fn script(role: Option<(&str, &str)>, sql: &str) {
    let mut endpoint: Endpoint = postgres().endpoint().unwrap();
    if let Some((user, password)) = role {
        endpoint.user = user.parse().unwrap();
        endpoint.password = Some(Secret::new(password));
    }
    let database: DatabaseName = "postgres".parse().unwrap();
    run(async {
        let (errand, access) = (Errand::Simulate, Access::ReadWrite);
        let session = connect(&endpoint, &database, errand, access, Limits::LONG)
            .await
            .unwrap();
        let wanted = "what a test prepares";
        session.run(&Question { wanted, sql }).await.unwrap();
    });
}

/// Deletes the blob of a state, whoever has its lease.
pub(crate) fn remove_blob(container: &str) {
    let url = format!("{}/{container}/prod.simulator?{}", azurite().endpoint(), Azurite::sas());
    let delete = || {
        Backend::AzureBlob.let_lapse(container);
        run(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            client.delete(&url).send().await.unwrap().status().as_u16()
        })
    };
    let mut status = delete();
    // A holder that writes at this moment takes its lease again.
    while status == 412 {
        status = delete();
    }
    assert_eq!(status, 202);
}

/// Ends the lease of a state and takes one without end, as no pgferry does.
pub(crate) fn steal_lease(container: &str) {
    let endless = [("x-ms-lease-action", "acquire"), ("x-ms-lease-duration", "-1")];
    let steal = || {
        Backend::AzureBlob.let_lapse(container);
        blob(container, "comp=lease&", &endless)
    };
    let mut status = steal();
    while status == 409 {
        status = steal();
    }
    assert_eq!(status, 201);
}

/// Asks the emulator about the blob of a state, and answers with the status.
fn blob(container: &str, query: &str, headers: &[(&'static str, &'static str)]) -> u16 {
    let url = format!(
        "{}/{container}/prod.simulator?{query}{}",
        azurite().endpoint(),
        Azurite::sas()
    );
    run(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.put(url).header("x-ms-version", "2021-12-02");
        let request = request.header("content-length", 0);
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap().status().as_u16()
    })
}

fn blobs(container: &str) -> Vec<u8> {
    let (account, signature) = (azurite().endpoint(), Azurite::sas());
    run(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |url: String| client.get(url).send().await.unwrap();
        let listed = get(format!("{account}/{container}?restype=container&comp=list&{signature}")).await;
        let listed = listed.text().await.unwrap();
        let names = listed.split("<Name>").skip(1).filter_map(|rest| rest.split('<').next());
        let mut bytes = Vec::new();
        for name in names {
            let answer = get(format!("{account}/{container}/{name}?{signature}")).await;
            for value in answer.headers().values() {
                bytes.extend_from_slice(value.as_bytes());
            }
            bytes.extend_from_slice(&answer.bytes().await.unwrap());
        }
        bytes
    })
}

fn rows(name: &str) -> Vec<u8> {
    let endpoint: Endpoint = postgres().endpoint().unwrap();
    let database: DatabaseName = "postgres".parse().unwrap();
    run(async {
        let (errand, access) = (Errand::Simulate, Access::ReadWrite);
        let session = connect(&endpoint, &database, errand, access, Limits::LONG)
            .await
            .unwrap();
        let mut bytes = Vec::new();
        for table in ["state", "state_row"] {
            let column = if table == "state" { "name" } else { "state" };
            let sql = format!("SELECT t::text AS line FROM pgferry.{table} t WHERE t.{column} = '{name}.simulator'");
            let wanted = "what is stored";
            let question = Question { wanted, sql: &sql };
            let lines = session.all(&question, |row| row.text("line").map(str::to_owned));
            bytes.extend(lines.await.unwrap().concat().into_bytes());
        }
        bytes
    })
}
