//! kill -9 of pgferry wherever its state is kept: around every mutating call, at every journal step and at any moment. The
//! next apply converges, every migration was created once, nothing recorded is missing, and no secret is left anywhere.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pgferry_state::testing::azurite::Azurite;
use serde_json::{Value as Json, json};

use crate::support::backend::{Backend, DATABASE_PASSWORD};
use crate::support::gate::Fate;
use crate::support::{Ferry, PASSWORD, Running, side_by_side, until};

fn settle(ferry: &Ferry) {
    ferry.control(reqwest::Method::DELETE, "faults", None);
    let _ = ferry.apply();
    ferry.expect_no_changes();
    let created = ferry.created();
    let names: BTreeSet<&String> = created.iter().collect();
    assert_eq!((names.len(), created.len()), (3, 3), "{created:#?}");
}

/// How many mutating calls an undisturbed apply makes.
fn calls() -> u64 {
    let ferry = Ferry::example("quickstart");
    let _ = ferry.apply();
    ferry.writes().len() as u64
}

/// Holds the answer to the `nth` mutating call back: the call took effect, nobody was told.
fn hold_back(ferry: &Ferry, nth: u64) {
    for method in ["PUT", "PATCH", "DELETE"] {
        let slow = json!({ "kind": "slow_wall", "milliseconds": 3000 });
        let rule = json!({ "method": method, "nth": nth, "fault": slow });
        ferry.control(reqwest::Method::POST, "faults", Some(rule));
    }
}

/// Kills pgferry while the answer to its `nth` mutating call is on its way.
fn kill_at(nth: u64) {
    let ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    hold_back(&ferry, nth);
    let before = ferry.writes().len() as u64;
    let mut running = ferry.start(&["apply", "--auto-approve"]);
    until("the call arrives or the run ends", || {
        ferry.writes().len() as u64 >= before + nth || running.has_ended()
    });
    kill(running);
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

/// How often the harness goes round; more in `tests/run --long`.
fn rounds() -> u64 {
    option_env!("PGFERRY_TEST_ROUNDS").map_or(1, |text| text.parse().expect("a number of rounds"))
}

#[test]
fn a_kill_at_any_mutating_call_costs_nothing_but_time() {
    let calls = calls();
    side_by_side((0..rounds()).flat_map(|_| 1..=calls), kill_at);
}

#[test]
fn a_lost_reply_of_any_mutating_call_costs_nothing_but_time() {
    side_by_side(1..=calls(), |nth| {
        let ferry = Ferry::example("quickstart");
        ferry.wake_simulator();
        for method in ["PUT", "PATCH", "DELETE"] {
            let fault = json!({ "method": method, "nth": nth, "fault": { "kind": "reset_after" } });
            ferry.control(reqwest::Method::POST, "faults", Some(fault));
        }
        let _ = ferry.run(&["apply", "--auto-approve"]);
        settle(&ferry);
    });
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
    /// How many mutating calls it makes.
    calls: u64,
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
            // Every mutating call has its intent before it and its outcome after it.
            None => {
                hold_back(&self.ferry, 1 + nth % undisturbed().calls);
                let before = self.ferry.writes().len() as u64;
                let mut running = self.start();
                until("the call arrives or the run ends", || {
                    self.ferry.writes().len() as u64 > before + nth % undisturbed().calls || running.has_ended()
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
            calls: voyage.ferry.writes().len() as u64,
            took,
        }
    })
}

/// A little more than twice the messages that an undisturbed apply sends to a service that keeps its state: each is lost, and
/// each arrives.
const STEPS: u64 = 230;

/// A number that looks like any other, and is the same in every run of the tests.
fn drawn(of: impl std::hash::Hash, below: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish() % below
}

#[test]
fn kills_at_steps_of_the_journal_and_at_any_moment_cost_nothing_but_time_on_any_backend() {
    const VOYAGES: u64 = 5;
    let took = undisturbed().took;
    let voyages = (0..rounds() * VOYAGES).flat_map(|voyage| Backend::ALL.map(|backend| (voyage, backend)));
    let kills = AtomicU32::new(0);
    side_by_side(voyages, |(number, backend)| {
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
        let struck = [voyage.kill_at_step(step), {
            voyage.backend.let_lapse(&voyage.name);
            voyage.kill_after(moment)
        }];
        kills.fetch_add(struck.into_iter().map(u32::from).sum(), Ordering::Relaxed);
        voyage.arrive();
        voyage.expect_whole();
    });
    let kills = kills.into_inner();
    let least = u32::try_from(rounds() * VOYAGES * 3 * 3 / 2).unwrap();
    assert!(kills >= least, "only {kills} kills came in time");
    // For whoever runs many rounds, and wants to say how many.
    writeln!(std::io::stdout(), "{kills} kills came in time").unwrap();
}
