//! The store in a container against the real emulator of Azure Blob Storage: what every store does, and beyond that what
//! writers do to one another, what a broken connection costs, and what a write costs.
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here fails a test")]

mod broken;
mod cost;
mod damage;
mod gate;
mod lock;
mod logins;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pgferry_state::testing::azurite::Azurite;
use pgferry_state::testing::conformance::Lab;
use pgferry_state::{
    Actor, BlobAddress, BlobLogin, BlobManners, BlobSas, BlobStore, Edit, Holder, Intent, Snapshot, Store,
};
use reqwest::Client;
use serde_json::Value;

pgferry_state::store_conformance!(Place::new());

/// The same promises with everything encrypted.
mod encrypted {
    use pgferry_state::testing::Sealed;

    use super::Place;

    pgferry_state::store_conformance!(Sealed(Place::new()));
}

/// The emulator that all tests share.
fn azurite() -> &'static Azurite {
    static SHARED: OnceLock<Azurite> = OnceLock::new();
    SHARED.get_or_init(|| Azurite::start().unwrap())
}

/// A container of its own for one state.
struct Place {
    container: String,
}

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self {
            container: format!("states-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Makes the container, which no store does.
    async fn made() -> Self {
        let place = Self::new();
        place.make().await;
        place
    }

    async fn make(&self) {
        let url = format!(
            "{}/{}?restype=container&{}",
            azurite().endpoint(),
            self.container,
            Azurite::sas()
        );
        let answer = http().put(url).header("content-length", 0).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 201 | 409), "{answer:?}");
    }

    fn open(&self) -> BlobStore {
        self.through(&azurite().endpoint())
    }

    /// The store as it is reached at this address.
    fn through(&self, endpoint: &str) -> BlobStore {
        self.with(endpoint, BlobManners::default())
    }

    fn with(&self, endpoint: &str, manners: BlobManners) -> BlobStore {
        let address = BlobAddress::new(endpoint, &self.container, "team/prod").unwrap();
        BlobStore::new(address, BlobLogin::Sas(BlobSas::new(&Azurite::sas())), http(), manners)
    }

    /// Sends a request of the tests' own for one of the state's blobs.
    async fn raw(&self, method: &str, ending: &str, query: &str, headers: &[(&'static str, &str)], body: &str) -> u16 {
        let url = format!(
            "{}/{}/team/prod{ending}?{query}{}",
            azurite().endpoint(),
            self.container,
            Azurite::sas()
        );
        let mut request = http()
            .request(method.parse().unwrap(), url)
            .header("x-ms-version", "2021-12-02")
            .header("content-length", body.len());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body.to_owned()).send().await.unwrap();
        answer.status().as_u16()
    }

    /// The names of the state's blobs, without what they have in common.
    async fn blobs(&self) -> Vec<String> {
        let url = format!(
            "{}/{}?restype=container&comp=list&{}",
            azurite().endpoint(),
            self.container,
            Azurite::sas()
        );
        let text = http().get(url).send().await.unwrap().text().await.unwrap();
        let names = text.split("<Name>team/prod").skip(1);
        names.map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
    }
}

impl Lab for Place {
    fn store(&self) -> Box<dyn Store> {
        Box::new(self.open())
    }

    async fn prepare(&self) {
        self.make().await;
    }

    async fn pretend_newer(&self) {
        let said = self
            .raw("PUT", "", "comp=metadata&", &[("x-ms-meta-pgferry", "2")], "")
            .await;
        assert_eq!(said, 200);
    }
}

/// Loopback is reached without the proxy that a developer's machine may have.
fn http() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// The shortest lease that the service gives, and little patience with a connection that is cut on purpose.
fn hasty() -> BlobManners {
    BlobManners {
        lease: Duration::from_secs(15),
        patience: Duration::from_millis(150),
    }
}

fn intent(who: &str) -> Intent {
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who: Actor::new(who),
            process: 1,
            command: "pgferry apply".to_owned(),
            run: Some("0d6f8a54-6b1c-4a0e-9d1a-2f1f3f6b7c11".parse().unwrap()),
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
