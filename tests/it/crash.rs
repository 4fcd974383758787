//! kill -9 of pgferry wherever its state is kept: around every mutating call, at every journal step and at any moment. The
//! next apply converges, every migration was created once, nothing recorded is missing, and no secret is left anywhere.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use pgferry_state::testing::azurite::Azurite;
use pgferry_state::{Actor, Holder, Intent, LocalStore, StepPhase, Store as _};
use serde_json::{Value as Json, json};

use crate::disk::{Disk, Survives};
use crate::support::backend::{Backend, DATABASE_PASSWORD};
use crate::support::gate::Fate;
use crate::support::{Ferry, PASSWORD, Running, may_trace, rounds, side_by_side, until};

fn settle(ferry: &Ferry) {
    ferry.control(reqwest::Method::DELETE, "faults", None);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let created = ferry.created();
    let names: BTreeSet<&String> = created.iter().collect();
    assert_eq!((names.len(), created.len()), (3, 3), "{created:#?}");
}

/// The mutating calls of an undisturbed apply of the quickstart, as `METHOD path`.
fn calls() -> &'static [String] {
    static ONCE: OnceLock<Vec<String>> = OnceLock::new();
    ONCE.get_or_init(|| {
        let ferry = Ferry::example("quickstart");
        let _ = ferry.apply();
        let calls = ferry.writes();
        let distinct: BTreeSet<&String> = calls.iter().collect();
        assert_eq!((distinct.len(), calls.len()), (15, 15), "{calls:#?}");
        calls
    })
}

/// Lets a fault meet this call, and no other.
fn strike(ferry: &Ferry, call: &str, fault: Json) {
    let (method, path) = call.split_once(' ').unwrap();
    let path = path.split('?').next();
    let rule = json!({ "method": method, "path": path, "fault": fault });
    ferry.control(reqwest::Method::POST, "faults", Some(rule));
}

/// Whether the fault that was asked for has met its call.
fn has_struck(ferry: &Ferry) -> bool {
    let armed = ferry.control(reqwest::Method::GET, "faults", None);
    armed.pointer("/0/fired") == Some(&json!(1))
}

/// Holds the answer to a call back for longer than it takes to notice: it took effect, nobody was told.
fn hold_back(ferry: &Ferry, call: &str) {
    strike(ferry, call, json!({ "kind": "slow_wall", "milliseconds": 30_000 }));
}

/// Kills pgferry while the answer to this call is on its way.
fn kill_at(call: &str) {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    hold_back(&ferry, call);
    let mut running = ferry.start(&["apply", "--auto-approve"]);
    until("the call arrives", || has_struck(&ferry) || running.has_ended());
    assert!(kill(running), "the apply ended before {call}");
    assert!(has_struck(&ferry) && ferry.writes().iter().any(|write| write == call));
    settle(&ferry);
}

fn kill(mut running: Running) -> bool {
    let in_time = !running.has_ended();
    if in_time {
        running.signal("KILL");
        let _ = running.finish(Duration::from_secs(10));
    }
    in_time
}

#[test]
fn a_kill_at_any_mutating_call_costs_nothing_but_time() {
    side_by_side((0..rounds()).flat_map(|_| calls()), |call| kill_at(call));
}

#[test]
fn a_lost_reply_of_any_mutating_call_costs_nothing_but_time() {
    side_by_side(calls().iter(), |call| {
        let ferry = Ferry::example("quickstart");
        ferry.wake_simulator();
        strike(&ferry, call, json!({ "kind": "reset_after" }));
        let _ = ferry.run(&["apply", "--auto-approve"]);
        assert!(has_struck(&ferry), "nothing met {call}");
        settle(&ferry);
    });
}

/// Where a call stood when pgferry was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stood {
    /// It was intended, and not made yet.
    Before,
    /// Azure took it on, and how to ask for its outcome is recorded.
    TakenOn,
    /// Its outcome is recorded.
    Recorded,
}

/// What the journal of a killed apply holds of its calls.
fn stood(ferry: &Ferry) -> BTreeSet<Stood> {
    let store = LocalStore::new(ferry.path(".pgferry/simulator/state"));
    let holder = Holder::new(
        Actor::new("a test"),
        std::process::id(),
        "look",
        None,
        jiff::Timestamp::UNIX_EPOCH,
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let snapshot = runtime.unwrap().block_on(async {
        let held = store.lock(Intent { holder }).await.unwrap();
        let snapshot = held.snapshot().await.unwrap();
        held.release().await.unwrap();
        snapshot
    });
    let steps = snapshot.run.into_iter().flat_map(|run| run.steps.into_values());
    let steps: Vec<StepPhase> = steps.map(|entry| entry.phase).collect();
    let mut found = BTreeSet::new();
    for phase in &steps {
        match phase {
            StepPhase::Intended { .. } => {}
            StepPhase::Accepted { .. } => drop(found.insert(Stood::TakenOn)),
            StepPhase::Done => drop(found.insert(Stood::Recorded)),
            StepPhase::Failed { message } => panic!("{message}"),
        }
    }
    if steps.len() > ferry.writes().len() {
        found.insert(Stood::Before);
    }
    found
}

/// Kills pgferry once its `nth` commit is on the disk and before it learns so; nothing, where it made fewer.
fn kill_after_commit(nth: usize) -> Option<BTreeSet<Stood>> {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let trace = ferry.path("trace");
    let commits = || {
        let text = std::fs::read_to_string(&trace).unwrap_or_default();
        text.lines().filter(|line| line.contains("fsync(")).count()
    };
    let journal = ferry.path(".pgferry/simulator/state/sled/db");
    let mut running = ferry.start_traced(&journal, &trace, &["apply", "--auto-approve"]);
    until("the commit is made or the run ends", || {
        commits() >= nth || running.has_ended()
    });
    let stood = kill(running).then(|| {
        assert_eq!(commits(), nth, "the kill came late");
        stood(&ferry)
    });
    settle(&ferry);
    stood
}

#[test]
fn a_kill_after_any_commit_of_the_journal_costs_nothing_but_time() {
    if !may_trace() {
        return writeln!(
            std::io::stdout(),
            "nothing was tested: no process may trace another here"
        )
        .unwrap();
    }
    if rounds() == 1 {
        // The first intents, and some of what lies between them and the last cutover.
        side_by_side([2, 5, 11, 17, 24, 31].into_iter(), |nth| {
            assert!(kill_after_commit(nth).is_some(), "there was no commit {nth}");
        });
        return;
    }
    let (last, met) = (AtomicUsize::new(usize::MAX), Mutex::new(BTreeSet::new()));
    side_by_side(
        (1..).take_while(|nth| *nth < last.load(Ordering::Relaxed)),
        |nth| match kill_after_commit(nth) {
            Some(stood) => met.lock().unwrap_or_else(PoisonError::into_inner).extend(stood),
            None => drop(last.fetch_min(nth, Ordering::Relaxed)),
        },
    );
    let (last, met) = (last.into_inner(), met.into_inner().unwrap());
    assert!(last > calls().len(), "only {last} commits for more calls");
    assert_eq!(met, BTreeSet::from([Stood::Before, Stood::TakenOn, Stood::Recorded]));
    // For whoever wants to say how many.
    writeln!(std::io::stdout(), "killed after each of {} commits", last - 1).unwrap();
}

/// Cuts the power at the `nth` sync of anything in the state's directory: pgferry is gone, and of what it wrote there stays what
/// was synced, or some of the rest as well. Nothing, where it made fewer syncs.
fn cut_at_sync(nth: usize, survives: Survives) -> Option<()> {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let (trace, state) = (ferry.path("trace"), ferry.path(".pgferry/simulator/state"));
    let syncs = || {
        let text = std::fs::read_to_string(&trace).unwrap_or_default();
        text.lines().filter(|line| line.contains("fsync(")).count()
    };
    let mut running = ferry.start_recorded(&trace, &["apply", "--auto-approve"]);
    until("the sync is made or the run ends", || {
        syncs() >= nth || running.has_ended()
    });
    let cut = kill(running).then(|| {
        let mut disk = Disk::new(&state);
        let mut said = String::new();
        for line in std::fs::read_to_string(&trace).unwrap().lines() {
            said.push_str(&disk.happen(line).said);
        }
        assert!(!said.contains(PASSWORD), "{said}");
        std::fs::remove_dir_all(&state).unwrap();
        disk.restore(&state, survives);
    });
    settle(&ferry);
    cut
}

#[test]
fn a_power_loss_at_any_sync_costs_nothing_but_time() {
    if !may_trace() {
        return writeln!(
            std::io::stdout(),
            "nothing was tested: no process may trace another here"
        )
        .unwrap();
    }
    let survives = |nth: usize| [Survives::WhatWasSynced, Survives::MoreOrLess(nth as u64)];
    if rounds() == 1 {
        // Where the state begins, and some of what follows.
        side_by_side([1, 4, 7, 12, 19, 28].into_iter(), |nth| {
            assert!(
                cut_at_sync(nth, survives(nth)[nth % 2]).is_some(),
                "there was no sync {nth}"
            );
        });
        return;
    }
    let last = AtomicUsize::new(usize::MAX);
    let all = (1..).take_while(|nth| *nth < last.load(Ordering::Relaxed));
    side_by_side(
        all.flat_map(|nth| survives(nth).map(|survives| (nth, survives))),
        |(nth, survives)| {
            if cut_at_sync(nth, survives).is_none() {
                last.fetch_min(nth, Ordering::Relaxed);
            }
        },
    );
    let last = last.into_inner();
    assert!(last > calls().len(), "only {last} syncs for more calls");
    // For whoever wants to say how many.
    writeln!(std::io::stdout(), "the power was cut at each of {} syncs", last - 1).unwrap();
}

/// What more there is to do than in the quickstart, so that fifty units and more are under way.
const MORE: &str = r#"
locals {
  more = toset([for number in range(18) : "part${number}.example.net"])
}

dns_zone "more" {
  for_each = local.more
  name     = each.key
}

dns_link "more" {
  for_each = local.more
  zone     = dns_zone.more[each.key]
  networks = [network.runtime, network.target]
}
"#;

/// What is switched on while kills happen: each kind of fault meets some requests.
fn faults() -> Json {
    let rule = |probability: f64, fault: Json| json!({ "count": 0, "probability": probability, "fault": fault });
    let slow = json!({ "kind": "slow", "by": "20s" });
    let busy = json!({ "kind": "status", "status": 429, "code": "TooManyRequests", "retry_after": 3 });
    let down = json!({ "kind": "status", "status": 503, "code": "ServiceUnavailable", "retry_after": 3 });
    let unseen = json!({ "kind": "not_found_after_create", "lasting": "20s" });
    let mut unseen = rule(0.05, unseen);
    unseen["method"] = "PUT".into();
    json!([
        rule(0.02, busy),
        rule(0.02, down),
        rule(0.02, json!({ "kind": "reset_before" })),
        rule(0.02, json!({ "kind": "reset_after" })),
        rule(0.02, json!({ "kind": "truncate", "bytes": 20 })),
        rule(0.02, slow),
        unseen,
    ])
}

/// A project of many units whose state is kept somewhere, with faults about to strike.
struct Voyage {
    ferry: Ferry,
    backend: Backend,
    /// What its state is called where others are.
    name: String,
}

/// What an undisturbed apply comes to.
struct Undisturbed {
    /// The units that are recorded.
    units: String,
    /// The migrations that were made.
    migrations: BTreeSet<String>,
    /// Its mutating calls, as `METHOD path`.
    calls: Vec<String>,
    /// How long it takes here.
    took: Duration,
}

impl Voyage {
    fn new(backend: Backend) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kill-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut ferry = Ferry::example("quickstart");
        ferry.append(MORE);
        ferry.edit(
            "databases      = local.databases",
            "databases      = local.databases\n  max_per_migration = 5",
        );
        backend.keep(&mut ferry, &name);
        ferry.wake_simulator();
        Self { ferry, backend, name }
    }

    fn start(&self) -> Running {
        self.ferry.start(&["apply", "--auto-approve"])
    }

    /// Lets a kill happen at the `nth` step of the journal, or so: the state's last write before it is done or not.
    fn kill_at_step(&self, nth: u64) -> bool {
        match self.ferry.gate() {
            None if nth.is_multiple_of(2) && may_trace() => {
                let trace = self.ferry.path("trace");
                let commits = || {
                    let text = std::fs::read_to_string(&trace).unwrap_or_default();
                    text.lines().filter(|line| line.contains("fsync(")).count() as u64
                };
                let journal = self.ferry.path(".pgferry/simulator/state/sled/db");
                let mut running = self.ferry.start_traced(&journal, &trace, &["apply", "--auto-approve"]);
                until("the commit is made or the run ends", || {
                    commits() > nth / 2 || running.has_ended()
                });
                kill(running)
            }
            // Every mutating call has its intent before it and its outcome after it.
            None => {
                let calls = &undisturbed().calls;
                let call = &calls[nth as usize % calls.len()];
                hold_back(&self.ferry, call);
                let mut running = self.start();
                until("the call arrives or the run ends", || {
                    self.ferry.writes().contains(call) || running.has_ended()
                });
                kill(running)
            }
            Some(gate) => {
                let fate = if nth.is_multiple_of(2) {
                    Fate::Lost
                } else {
                    Fate::Arrives
                };
                let strike = gate.strike_at(1 + nth / 2, fate);
                let mut running = self.start();
                until("the message is sent or the run ends", || {
                    strike.is_due() || running.has_ended()
                });
                let in_time = kill(running);
                strike.done();
                in_time
            }
        }
    }

    /// Lets a kill happen so far into an apply.
    fn kill_after(&self, elapsed: Duration) -> bool {
        let begun = Instant::now();
        let mut running = self.start();
        until("the moment comes or the run ends", || {
            begun.elapsed() >= elapsed || running.has_ended()
        });
        kill(running)
    }

    /// Applies until it is done, for as often as faults may reasonably stand in the way.
    fn arrive(&self) {
        let mut said = Vec::new();
        for _ in 0..6 {
            self.backend.let_lapse(&self.name);
            let answer = self.ferry.run(&["apply", "--auto-approve"]);
            if answer.code == 0 {
                return;
            }
            said.push(answer.all());
        }
        panic!("{:?}: no apply went through:\n{}", self.backend, said.join("\n---\n"));
    }

    fn units(&self) -> String {
        self.ferry.run(&["state", "list"]).expect(0).out
    }

    fn migrations(&self) -> BTreeSet<String> {
        let created = self.ferry.created();
        let names: BTreeSet<String> = created.iter().cloned().collect();
        assert_eq!(names.len(), created.len(), "made twice: {created:#?}");
        names
    }

    /// Azure is as declared, and everything that was done is remembered, once.
    fn expect_whole(&self) {
        self.ferry.control(reqwest::Method::DELETE, "faults", None);
        self.ferry.expect_no_changes();
        assert_eq!(self.units(), undisturbed().units, "{:?}", self.backend);
        assert_eq!(self.migrations(), undisturbed().migrations, "{:?}", self.backend);
        let signature = Azurite::sas();
        let signature = signature.rsplit("sig=").next().unwrap();
        let mut all = self.ferry.files();
        all.push((self.name.clone().into(), self.backend.stored(&self.name)));
        for (path, bytes) in all {
            let text = String::from_utf8_lossy(&bytes);
            for secret in [PASSWORD, signature, DATABASE_PASSWORD] {
                assert!(!text.contains(secret), "a secret is in {}", path.display());
            }
        }
    }
}

fn undisturbed() -> &'static Undisturbed {
    static ONCE: OnceLock<Undisturbed> = OnceLock::new();
    ONCE.get_or_init(|| {
        let voyage = Voyage::new(Backend::Local);
        let begun = Instant::now();
        let _ = voyage.ferry.apply();
        let took = begun.elapsed();
        let units = voyage.units();
        assert!(units.lines().count() >= 50, "{units}");
        Undisturbed {
            units,
            migrations: voyage.migrations(),
            calls: voyage.ferry.writes(),
            took,
        }
    })
}

/// More than twice the messages that an undisturbed apply sends to a service that keeps its state: each is lost, and each
/// arrives. Also more than twice its commits, and its calls.
const STEPS: u64 = 230;

/// A number that looks like any other, and is the same in every run of the tests.
fn drawn(of: impl std::hash::Hash, below: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish() % below
}

#[test]
fn kills_at_steps_of_the_journal_and_at_any_moment_cost_nothing_but_time_on_any_backend() {
    // Many rounds are for every step on every backend.
    let voyages = if rounds() == 1 { 5 } else { STEPS.max(rounds() * 5) };
    let took = undisturbed().took;
    let all = (0..voyages).flat_map(|voyage| Backend::ALL.map(|backend| (voyage, backend)));
    let (kills, past_the_end) = (AtomicU32::new(0), Mutex::new(HashSet::new()));
    side_by_side(all, |(number, backend)| {
        let voyage = Voyage::new(backend);
        for rule in faults().as_array().unwrap() {
            voyage
                .ferry
                .control(reqwest::Method::POST, "faults", Some(rule.clone()));
        }
        // All steps have their turn in many rounds, and a few that lie apart in one.
        let step = (number * 37 + 5) % STEPS;
        let share = drawn((number, backend as u8), 1000);
        let moment = took.mul_f64(share as f64 / 1000.0);
        let in_time = voyage.kill_at_step(step);
        if !in_time {
            past_the_end
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(backend);
        }
        let struck = [in_time, {
            voyage.backend.let_lapse(&voyage.name);
            voyage.kill_after(moment)
        }];
        kills.fetch_add(struck.into_iter().map(u32::from).sum(), Ordering::Relaxed);
        voyage.arrive();
        voyage.expect_whole();
    });
    let kills = kills.into_inner();
    // Of all steps the last lie behind the end of what there is to do.
    let least = u32::try_from(if rounds() == 1 { voyages * 9 / 2 } else { voyages * 3 }).unwrap();
    assert!(kills >= least, "only {kills} kills came in time");
    if rounds() > 1 {
        // Otherwise there are steps behind the last that had its turn.
        let past_the_end = past_the_end.into_inner().unwrap();
        assert_eq!(past_the_end.len(), Backend::ALL.len(), "{past_the_end:?}");
    }
    // For whoever runs many rounds, and wants to say how many.
    writeln!(std::io::stdout(), "{kills} kills came in time").unwrap();
}
