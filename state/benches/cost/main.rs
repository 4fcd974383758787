//! What the stores cost at 1,000, 10,000 and 100,000 records, in a directory, in the emulator of blob storage and in a
//! PostgreSQL server of its own: `cargo bench -p pgferry-state`. Prints a table and judges nothing.
#![expect(clippy::unwrap_used, reason = "whatever goes wrong here ends the benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "a benchmark's output is its table"
)]

mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgferry_state::testing::azurite::Azurite;
use pgferry_state::{
    Actor, BlobAddress, BlobLogin, BlobManners, BlobSas, BlobStore, Edit, Holder, Intent, LocalStore, PostgresManners,
    PostgresStore, StateName, Store,
};
use serde_json::json;
use tokio::task::JoinSet;

use self::server::Server;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const ALONE: usize = 1_000;
const TOGETHER: usize = 20_000;
const TASKS: usize = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    println!(
        "{:10}  {:>7}  {:>7}  {:>7}  {:>8}  {:>21}  {:>10}  {:>7}",
        "store", "records", "lock", "load", "snapshot", "one commit mean, half", "together", "release"
    );
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(local(folder.path()));
    runtime.block_on(azure_blob());
    runtime.block_on(postgres());
    println!("peak memory of this process {}", peak_memory());
}

async fn local(folder: &Path) {
    let open = |records: usize| -> Box<dyn Store> { Box::new(LocalStore::new(folder.join(records.to_string()))) };
    compare("local", open).await;
}

async fn azure_blob() {
    let azurite = Azurite::start().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/states?restype=container&{}", azurite.endpoint(), Azurite::sas());
    let made = http.put(url).header("content-length", 0).send().await.unwrap();
    assert_eq!(made.status().as_u16(), 201);
    let open = |records: usize| -> Box<dyn Store> {
        let address = BlobAddress::new(&azurite.endpoint(), "states", &records.to_string()).unwrap();
        let login = BlobLogin::Sas(BlobSas::new(&Azurite::sas()));
        Box::new(BlobStore::new(address, login, http.clone(), BlobManners::default()))
    };
    compare("azure_blob", open).await;
}

async fn postgres() {
    let server = Server::start();
    let open = |records: usize| -> Box<dyn Store> {
        let name = StateName::new("states", &records.to_string()).unwrap();
        Box::new(PostgresStore::new(
            Arc::new(server.dial()),
            &name,
            PostgresManners::default(),
        ))
    };
    compare("postgres", open).await;
}

async fn compare(name: &str, open: impl Fn(usize) -> Box<dyn Store>) {
    let mut commits = Vec::new();
    for records in SIZES {
        commits.push(measure(name, open(records).as_ref(), records).await);
    }
    let [small, .., large] = commits[..] else {
        unreachable!("several sizes are measured")
    };
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    println!("{name:10}  a commit among 100,000 records takes {ratio:.2} times as long as among 1,000");
}

/// Measures a store with so many records, and answers how long a commit takes.
async fn measure(name: &str, store: &dyn Store, records: usize) -> Duration {
    let held = store.lock(intent()).await.unwrap();
    for first in (0..records).step_by(1_000) {
        held.commit((first..first + 1_000).map(|number| put(number, 0)).collect())
            .await
            .unwrap();
    }
    held.release().await.unwrap();

    let (load, seen) = timed(store.load()).await;
    assert_eq!(seen.unwrap().map(|seen| seen.records.len()), Some(records));
    let (lock, held) = timed(store.lock(intent())).await;
    let held = Arc::new(held.unwrap());
    let (snapshot, seen) = timed(held.snapshot()).await;
    drop(seen.unwrap());

    let mut alone = Vec::new();
    for round in 0..ALONE {
        let (took, committed) = timed(held.commit(vec![put(round * 7919 % records, round + 1)])).await;
        committed.unwrap();
        alone.push(took);
    }
    let mean = alone.iter().sum::<Duration>() / ALONE as u32;
    alone.sort_unstable();
    let half = alone[ALONE / 2];

    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let held = Arc::clone(&held);
        tasks.spawn(async move {
            for round in 0..TOGETHER / TASKS {
                held.commit(vec![put((task + round * TASKS) % records, ALONE + 1)])
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let rate = TOGETHER as f64 / begun.elapsed().as_secs_f64();

    let (release, released) = timed(Arc::into_inner(held).unwrap().release()).await;
    released.unwrap();
    println!(
        "{name:10}  {records:7}  {lock:>7.1?}  {load:>7.1?}  {snapshot:>8.1?}  {mean:>10.2?} {half:>10.2?}  {rate:>8.0}/s  {release:>7.1?}"
    );
    mean
}

async fn timed<T>(work: impl Future<Output = T>) -> (Duration, T) {
    let begun = Instant::now();
    let done = work.await;
    (begun.elapsed(), done)
}

/// A document of the size that a migration's record has.
fn put(number: usize, round: usize) -> Edit {
    let document = json!({
        "origin": "created",
        "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-{number:05}/virtualNetworkPeerings/to-runtime"),
        "body": { "properties": {
            "allowVirtualNetworkAccess": true, "allowForwardedTraffic": false, "allowGatewayTransit": false,
            "useRemoteGateways": true, "round": round,
            "remoteVirtualNetwork": { "id": format!("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-data/providers/Microsoft.Network/virtualNetworks/vnet-runtime-{number:05}") },
        } },
        "fingerprints": { "password": null },
        "generation": 1,
    });
    Edit::Put {
        key: format!("module.fleet.vnet_peering.server[\"{number:05}\"]#forward")
            .parse()
            .unwrap(),
        document,
    }
}

/// The most memory this process ever had in use, where the system tells.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

fn intent() -> Intent {
    let (who, process) = (Actor::new("bench"), std::process::id());
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who,
            process,
            command: "bench".to_owned(),
            run: None,
            since,
        },
    }
}
