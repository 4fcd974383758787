//! The simulator as a process: whom it serves, and what time it tells.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::support::{Ferry, until};

/// Two networks and the peering between them, on the world of the quickstart.
const PEERING: &str = r#"
azure {
  cloud           = "simulator"
  world           = "world.json"
  subscription_id = "00000000-0000-4000-8000-000000000001"
  resource_group  = "rg-data"
}
network "a" {
  name = "vnet-hub"
}
network "b" {
  name = "vnet-target"
}
vnet_peering "both" {
  from = network.a
  to   = network.b
}
"#;

fn in_directory(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgferry"));
    command.current_dir("/").arg("-C").arg(directory).args(arguments);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", directory);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned();
    assert!(
        status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&stderr)
    );
    text
}

/// What a copy knows of a running simulator is whose announcement it copied.
#[test]
fn a_copied_directory_has_a_simulator_of_its_own_and_a_moved_one_keeps_its_own() {
    let ferry = Ferry::of(PEERING);
    let original = ferry.path("original");
    let copy = ferry.path("copy");
    fs::create_dir(&original).unwrap();
    for file in ["main.hcl", "world.json"] {
        fs::copy(ferry.path(file), original.join(file)).unwrap();
    }
    let mode = |directory: &Path| {
        let told = in_directory(directory, &["simulator", "clock"]);
        let (_, mode) = told.split_once("clock ").unwrap();
        mode.split(';').next().unwrap().to_owned()
    };
    let process = |directory: &Path| {
        let announced = fs::read(directory.join(".pgferry/simulator.json")).unwrap();
        serde_json::from_slice::<Json>(&announced).unwrap()["process_id"].clone()
    };
    in_directory(&original, &["simulator", "clock", "manual"]);
    let first = process(&original);
    let copied = Command::new("cp").arg("-r").args([&original, &copy]).status().unwrap();
    assert!(copied.success());

    in_directory(&copy, &["simulator", "clock", "x7"]);
    assert_eq!((mode(&original), mode(&copy)), ("manual".to_owned(), "x7".to_owned()));
    assert_ne!(process(&copy), first);
    in_directory(&copy, &["simulator", "reset"]);
    assert_eq!(
        (mode(&original), process(&original)),
        ("manual".to_owned(), first.clone())
    );

    let moved = ferry.path("moved");
    fs::rename(&original, &moved).unwrap();
    in_directory(&moved, &["simulator", "advance", "1h"]);
    assert_eq!((mode(&moved), process(&moved)), ("manual".to_owned(), first.clone()));
    // What it saves when it ends is saved where the directory is now.
    let told = in_directory(&moved, &["simulator", "clock"]);
    let ended = Command::new("kill").arg(first.to_string()).status().unwrap();
    assert!(ended.success());
    let began = Instant::now();
    while moved.join(".pgferry/simulator.json").exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not end");
        std::thread::yield_now();
    }
    let again = in_directory(&moved, &["simulator", "clock"]);
    assert!(again.ends_with(&told), "{again}{told}");
    assert_ne!(process(&moved), first);
    assert!(!original.exists());
}

/// A plan may be read for longer than a simulator waits for somebody to ask.
#[test]
fn a_simulator_stays_while_somebody_is_asked() {
    let ferry = Ferry::of(PEERING);
    let mut serving = ferry.start(&["simulator", "serve", "--idle-exit", "3s"]);
    until("the simulator serves", || {
        ferry.path(".pgferry/simulator.json").exists()
    });
    let meanwhile = || std::thread::sleep(Duration::from_secs(5));
    let applied = ferry.asked_on_a_terminal("apply", "Enter a value: ", meanwhile, b"yes\n");
    assert_eq!(applied.code, 0, "{}", applied.out);
    until("the simulator ends once nobody is there", || serving.has_ended());
}

/// Who thinks for half an hour of simulated time has not been at work for it.
#[test]
fn time_at_a_prompt_is_not_counted_as_work() {
    let ferry = Ferry::of(PEERING);
    let meanwhile = || {
        let advanced = ferry.run(&["simulator", "advance", "32m"]);
        assert_eq!(advanced.code, 0, "{advanced:?}");
    };
    let shown = ferry
        .asked_on_a_terminal("apply", "Enter a value: ", meanwhile, b"yes\n")
        .out;
    assert!(shown.contains("created"), "{shown}");
    assert!(!shown.contains("32 min") && !shown.contains("33 min"), "{shown}");
}
