//! A writer that is killed at any instant, or whose disk is full, loses nothing that it was told was committed, and
//! leaves no half commit.
//!
//! This program is its own victim: with `--write DIR` it commits from several tasks without end and says on standard
//! output what was acknowledged, with `--fill DIR` it does so until a write fails; without either it starts such
//! writers and looks at what they leave.
#![expect(
    clippy::unwrap_used,
    reason = "whatever goes wrong here fails the test that this program is"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pgferry_state::{
    Actor, Edit, Held, Holder, Intent, LocalStore, RunId, RunOutcome, Snapshot, StepId, Store, StoreError,
};
use serde_json::{Value, json};

const ROUNDS: usize = 20;
const TASKS: u64 = 6;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match (arguments.next(), arguments.next()) {
        (Some(flag), Some(dir)) if flag == "--write" => runtime.block_on(write_forever(dir.into())),
        (Some(flag), Some(dir)) if flag == "--fill" => runtime.block_on(write_until_it_fails(dir.into())),
        // Whatever a test runner passes to all tests.
        _ => runtime.block_on(async {
            kill_writers().await;
            fill_disk().await;
        }),
    }
}

async fn kill_writers() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("state");
    let mut acknowledged = BTreeMap::new();
    for round in 0..ROUNDS {
        // Different counts let the kill fall into different moments: the first commits, rewrites of the view, full pages.
        let patience = 1 + (round * 37) % 230;
        kill_after(&dir, patience, &mut acknowledged).await;
        let store = LocalStore::new(dir.clone());
        let (one, other) = tokio::join!(store.load(), store.load());
        let seen = one.unwrap().expect("a state that was locked exists");
        assert_eq!(
            Some(&seen),
            other.unwrap().as_ref(),
            "two readers after one kill see the same"
        );
        nothing_is_lost(&seen, &acknowledged);
        let held = store.lock(intent()).await.expect("the lock of a killed writer is free");
        assert_eq!(held.snapshot().await.unwrap(), seen);
        held.release().await.unwrap();
    }
}

/// A limit on the size of files stands in for a full disk: writes fail in the same way.
async fn fill_disk() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("state");
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" --fill \"$1\"";
    let said = command
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(&dir)
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let acknowledged: u64 = String::from_utf8_lossy(&said.stdout)
        .lines()
        .last()
        .unwrap()
        .parse()
        .unwrap();
    let seen = LocalStore::new(dir).load().await.unwrap().unwrap();
    let kept = seen
        .records
        .get(&"a".parse().unwrap())
        .and_then(|record| record.document.get("number")?.as_u64());
    assert!(
        kept >= Some(acknowledged),
        "{acknowledged} was acknowledged, and {kept:?} is there"
    );
}

/// Writes until it cannot, and then must be told so at once, again and again.
async fn write_until_it_fails(dir: PathBuf) {
    let held = LocalStore::new(dir).lock(intent()).await.unwrap();
    for number in 0_u64.. {
        let put = |key: String| Edit::Put {
            key: key.parse().unwrap(),
            document: json!({ "number": number, "padding": "x".repeat(3_000) }),
        };
        match held.commit(vec![put("a".to_owned()), put(format!("b{number}"))]).await {
            Ok(_) => std::io::stdout().write_all(format!("{number}\n").as_bytes()).unwrap(),
            Err(error) => {
                assert!(matches!(error, StoreError::Io { doing: "write", .. }), "{error:?}");
                break;
            }
        }
    }
    assert!(matches!(held.commit(Vec::new()).await, Err(StoreError::Unusable)));
    assert!(matches!(held.snapshot().await, Err(StoreError::Unusable)));
    assert!(matches!(held.release().await, Err(StoreError::Unusable)));
}

/// Starts a writer, waits until it said so often that something was committed, kills it, and adds what it said until
/// the end to what is known.
async fn kill_after(dir: &Path, patience: usize, acknowledged: &mut BTreeMap<u64, u64>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut writer = command.arg("--write").arg(dir).stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(writer.stdout.take().unwrap());
    let mut heard = 0;
    for (count, line) in said.lines().enumerate() {
        if count == 0 {
            match LocalStore::new(dir.to_owned()).lock(intent()).await.map(|_| ()) {
                Err(StoreError::Locked(holder)) => assert_eq!(holder.process, writer.id()),
                other => panic!("beside a writer in another process: {other:?}"),
            }
        }
        if count == patience {
            writer.kill().unwrap();
        }
        let line = line.unwrap();
        // The last line may have been cut by the kill.
        let Some((task, number)) = line.strip_suffix('.').and_then(|line| line.split_once(' ')) else {
            continue;
        };
        acknowledged.insert(task.parse().unwrap(), number.parse().unwrap());
        heard += 1;
    }
    assert!(heard >= patience, "the writer gave up after {heard} commits");
    assert!(!writer.wait().unwrap().success(), "the writer ended by itself");
}

fn nothing_is_lost(seen: &Snapshot, acknowledged: &BTreeMap<u64, u64>) {
    let number = |name: &str, task: u64| {
        let record = seen.records.get(&format!("{name}{task}").parse().unwrap());
        record.map_or(0, |record| {
            record.document.get("number").and_then(Value::as_u64).unwrap()
        })
    };
    for task in 0..TASKS {
        let committed = number("small", task);
        let told = acknowledged.get(&task).copied().unwrap_or(0);
        assert!(
            committed >= told,
            "task {task} was told of {told}, and {committed} is there"
        );
        assert_eq!(number("large", task), committed, "half a commit of task {task}");
        let moved = ["even", "odd"].map(|name| number(name, task));
        assert_eq!(moved.iter().max(), Some(&committed), "half a commit of task {task}");
        assert_eq!(moved.iter().min(), Some(&0), "half a commit of task {task}");
    }
    if let Some(run) = &seen.run {
        let step = run
            .steps
            .get(&StepId::new(1))
            .expect("a run began with its first intent");
        assert_eq!(run.plan.get("attempts"), Some(&json!(step.attempts)), "half a run");
    }
}

/// Each task counts in records of its own, whose parts would show half a commit: two that must be equal, one of them too
/// large for a row, and one that moves. One more task begins and ends runs.
async fn write_forever(dir: PathBuf) {
    let held: &'static dyn Held = Box::leak(LocalStore::new(dir).lock(intent()).await.unwrap());
    let before = held.snapshot().await.unwrap();
    tokio::spawn(run_forever(held, before.run.as_ref().map(|run| run.id)));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let start = before.records.get(&format!("small{task}").parse().unwrap());
        let start = start.map_or(0, |record| {
            record.document.get("number").and_then(Value::as_u64).unwrap()
        });
        tasks.spawn(count_forever(held, task, start));
    }
    tasks.join_all().await;
}

async fn count_forever(held: &dyn Held, task: u64, start: u64) {
    for number in start + 1.. {
        let put = |name: &str, document| Edit::Put {
            key: format!("{name}{task}").parse().unwrap(),
            document,
        };
        let padding = "x".repeat(usize::try_from(number * 997 % 9_000).unwrap());
        let (here, there) = if number % 2 == 0 {
            ("even", "odd")
        } else {
            ("odd", "even")
        };
        let edits = vec![
            put("small", json!({ "number": number })),
            put("large", json!({ "number": number, "padding": padding })),
            Edit::Remove {
                key: format!("{there}{task}").parse().unwrap(),
            },
            put(here, json!({ "number": number })),
        ];
        held.commit(edits).await.unwrap();
        let mut out = std::io::stdout().lock();
        out.write_all(format!("{task} {number}.\n").as_bytes())
            .and_then(|()| out.flush())
            .unwrap();
    }
}

async fn run_forever(held: &dyn Held, mut open: Option<RunId>) {
    let moment = jiff::Timestamp::UNIX_EPOCH;
    for attempt in 1.. {
        if let Some(run) = open {
            let summary = "ended".to_owned();
            held.commit(vec![Edit::EndRun {
                account: pgferry_state::Account::default(),
                run,
                finished: moment,
                outcome: RunOutcome::Succeeded,
                summary,
            }])
            .await
            .unwrap();
        }
        let run = RunId::random();
        let plan = json!({ "attempts": attempt, "padding": "x".repeat(20_000) });
        let [unit, method, body_hash, plan_fingerprint] = ["u", "PUT", "h", "f"].map(str::to_owned);
        let by = Actor::new("writer");
        let edits = vec![
            Edit::BeginRun {
                approval: None,
                run,
                started: moment,
                by,
                plan,
                plan_fingerprint,
            },
            Edit::Intent {
                run,
                step: StepId::new(1),
                attempt,
                unit,
                method,
                body_hash,
            },
        ];
        held.commit(edits).await.unwrap();
        open = Some(run);
    }
}

fn intent() -> Intent {
    let (who, process) = (Actor::new("writer"), std::process::id());
    let since = jiff::Timestamp::UNIX_EPOCH;
    Intent {
        holder: Holder {
            who,
            process,
            command: "test".to_owned(),
            run: None,
            since,
        },
    }
}
