//! What a power loss leaves of a local state. A writer runs under `strace`, and what it wrote is replayed up to each of its
//! syncs: only what was synced is there for sure, and of everything else any part. Whatever was acknowledged by then must be
//! found again, in a state that opens and can be written.
//!
//! This program is its own writer: with `--write DIR` it commits and says on standard output what was acknowledged.
#![expect(
    clippy::unwrap_used,
    reason = "whatever goes wrong here fails the test that this program is"
)]

mod disk;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgferry_state::{Actor, Edit, Held, Holder, Intent, LocalStore, RunId, RunOutcome, Snapshot, StepId, Store};
use serde_json::{Value, json};

use self::disk::{Disk, Survives};

const COMMITS: u64 = 24;
const TASKS: u64 = 3;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match (arguments.next(), arguments.next()) {
        (Some(flag), Some(dir)) if flag == "--write" => runtime.block_on(write(dir.into())),
        // Whatever a test runner passes to all tests.
        _ if may_trace() => runtime.block_on(cut_everywhere()),
        _ => std::io::stderr()
            .write_all(b"nothing was tested: this machine lets no process trace another\n")
            .unwrap(),
    }
}

async fn cut_everywhere() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("state");
    let trace = place.path().join("trace");
    record(&dir, &trace);
    let text = std::fs::read_to_string(&trace).unwrap();
    let mut disk = Disk::new(place.path());
    let mut acknowledged = BTreeMap::new();
    let mut cuts = 0_u64;
    for line in text.lines() {
        let happened = disk.happen(line);
        for said in happened.said.lines() {
            let (task, number) = said.split_once(' ').unwrap();
            acknowledged.insert(task.parse::<u64>().unwrap(), number.parse::<u64>().unwrap());
        }
        if happened.synced {
            for survives in [Survives::WhatWasSynced, Survives::MoreOrLess(cuts)] {
                cuts += 1;
                look(&disk, survives, &acknowledged).await;
            }
        }
    }
    assert_eq!(acknowledged.len() as u64, TASKS, "the trace tells everything");
    assert!(acknowledged.values().all(|number| *number == COMMITS));
    assert!(cuts > COMMITS, "only {cuts} cuts");
}

/// Containers may forbid it.
fn may_trace() -> bool {
    let mut nothing = Command::new("strace");
    nothing.args(["-o", "/dev/null", "true"]);
    let said = nothing.output().expect("strace is there; tests/run installs it");
    said.status.success()
}

/// Lets the writer run, and every call of it that touches files be noted.
fn record(dir: &Path, trace: &Path) {
    let mut command = Command::new("strace");
    let calls = "trace=openat,write,pwrite64,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,\
                 unlinkat,mkdir,mkdirat,rmdir,close,dup,dup2,dup3,fcntl,lseek,writev,pwritev,pwritev2,copy_file_range,\
                 sendfile,creat,open,truncate";
    command
        .args([
            "-f",
            "-qq",
            "-xx",
            "-s",
            "1000000",
            "-e",
            calls,
            "-e",
            "signal=none",
            "-o",
        ])
        .arg(trace)
        .arg(std::env::current_exe().unwrap())
        .arg("--write")
        .arg(dir);
    let said = command.output().expect("strace is there; tests/run installs it");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// What a power loss at this moment leaves must hold what was acknowledged, and take more.
async fn look(disk: &Disk, survives: Survives, acknowledged: &BTreeMap<u64, u64>) {
    let place = tempfile::tempdir().unwrap();
    disk.restore(place.path(), survives);
    let store = LocalStore::new(place.path().join("state"));
    let seen = store.load().await;
    let seen = seen.unwrap_or_else(|error| panic!("{survives:?}, {acknowledged:?} acknowledged: {error}"));
    let numbers = |seen: &Option<Snapshot>, task: u64| {
        let number = |name: &str| {
            let record = seen.as_ref()?.records.get(&format!("{name}{task}").parse().unwrap())?;
            record.document.get("number").and_then(Value::as_u64)
        };
        (number("small"), number("large"))
    };
    for (task, told) in acknowledged {
        let (small, large) = numbers(&seen, *task);
        assert!(
            small >= Some(*told),
            "{survives:?}: task {task} was told of {told}, and {small:?} is there"
        );
        assert_eq!(small, large, "{survives:?}: half a commit of task {task}");
    }
    let held = store.lock(intent()).await.unwrap();
    held.commit(vec![put("after", json!(1))]).await.unwrap();
    held.release().await.unwrap();
    assert!(store.load().await.unwrap().is_some());
}

/// Several tasks commit, runs begin and end, documents are larger than a row; and the lock is let go in between.
async fn write(dir: PathBuf) {
    for half in 0..2 {
        let held: Box<dyn Held> = LocalStore::new(dir.clone()).lock(intent()).await.unwrap();
        let run = RunId::random();
        held.commit(begin(run)).await.unwrap();
        {
            let held = held.as_ref();
            let counted = (0..TASKS).map(|task| count(held, task, half * COMMITS / 2 + 1..=(half + 1) * COMMITS / 2));
            all_of(counted.collect()).await;
        }
        held.commit(vec![end(run)]).await.unwrap();
        held.release().await.unwrap();
    }
}

/// Awaits all of these side by side.
async fn all_of<F: Future<Output = ()>>(all: Vec<F>) {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).map(Some).collect();
    std::future::poll_fn(|context| {
        for slot in &mut all {
            if let Some(one) = slot
                && one.as_mut().poll(context).is_ready()
            {
                *slot = None;
            }
        }
        if all.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}

async fn count(held: &dyn Held, task: u64, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let padding = "x".repeat(usize::try_from(number * 997 % 9_000).unwrap());
        let edits = vec![
            put(&format!("small{task}"), json!({ "number": number })),
            put(&format!("large{task}"), json!({ "number": number, "padding": padding })),
        ];
        held.commit(edits).await.unwrap();
        let mut out = std::io::stdout().lock();
        out.write_all(format!("{task} {number}\n").as_bytes())
            .and_then(|()| out.flush())
            .unwrap();
    }
}

fn begin(run: RunId) -> Vec<Edit> {
    let [unit, method, body_hash, plan_fingerprint] = ["u", "PUT", "h", "f"].map(str::to_owned);
    vec![
        Edit::BeginRun {
            approval: None,
            run,
            started: jiff::Timestamp::UNIX_EPOCH,
            by: Actor::new("writer"),
            plan: json!({ "padding": "x".repeat(20_000) }),
            plan_fingerprint,
        },
        Edit::Intent {
            run,
            step: StepId::new(1),
            attempt: 1,
            unit,
            method,
            body_hash,
        },
    ]
}

fn end(run: RunId) -> Edit {
    Edit::EndRun {
        account: pgferry_state::Account::default(),
        run,
        finished: jiff::Timestamp::UNIX_EPOCH,
        outcome: RunOutcome::Succeeded,
        summary: "ended".to_owned(),
    }
}

fn put(name: &str, document: Value) -> Edit {
    Edit::Put {
        key: name.parse().unwrap(),
        document,
    }
}

fn intent() -> Intent {
    Intent {
        holder: Holder {
            who: Actor::new("writer"),
            process: std::process::id(),
            command: "test".to_owned(),
            run: None,
            since: jiff::Timestamp::UNIX_EPOCH,
        },
    }
}
