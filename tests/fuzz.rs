//! Whatever stands in a file: parsing, evaluating and laying out end, and without a panic. Inputs are made of the golden cases,
//! the examples and the expressions that Terraform answered, by cutting, repeating and mixing their tokens.
//!
//! An input follows from its number alone. `PGFERRY_FUZZ_SECONDS` sets how long to go on, from a number that differs each time;
//! `PGFERRY_FUZZ_NUMBER` runs a single one. The input at work lies in `fuzz-input` below the target directory, for what kills the
//! whole process.

#![expect(clippy::unwrap_used, reason = "a test may stop where its ground gives way")]
#![expect(
    clippy::disallowed_methods,
    reason = "how long and where to begin is for the environment to say"
)]
#![expect(
    clippy::disallowed_macros,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "what was done and what fails is told"
)]

use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pgferry::arm::{Cloud, Outputs};
use pgferry::config::parse::check_syntax;
use pgferry::config::source::{Role, SourceFile};
use pgferry::config::{Inputs, Program, Sources, Supplied, UnsetSensitive, layout, parsed, settings};
use pgferry::diagnostic::{Code, Diagnostics, FileId, code};
use pgferry::kind::Defaults;

/// So many inputs where no time is given.
const INPUTS: u64 = 800;

/// No input is longer. The cost of some expressions grows with the power of their length, as in Terraform.
const LONGEST: usize = 4_000;

/// An input that takes more ticks of processor time than this, hundredths of a second, counts as endless. Other load on the
/// machine does not change it.
const MOST_TICKS: u64 = 3_000;

/// What is said about texts that are never evaluated.
const GRAMMAR: [Code; 4] = [code::SYNTAX, code::UNCLOSED, code::TOO_LARGE, code::STRAY_CLOSER];

/// What is worth trying anywhere.
const DICTIONARY: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "${",
    "%{",
    "~}",
    "$${",
    "%%{",
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "=",
    "==",
    "=>",
    "!",
    "!=",
    "<=",
    "&&",
    "||",
    "?",
    ":",
    "::",
    "...",
    ".",
    ",",
    ".*",
    "[*]",
    ".0",
    "[0]",
    "-",
    "+",
    "*",
    "/",
    "%",
    "#",
    "//",
    "/*",
    "*/",
    "<<E\n",
    "<<-E\n",
    "\nE\n",
    "%{ if true }",
    "%{ else }",
    "%{ endif }",
    "%{ for x in [1] }",
    "%{ endfor }",
    "\\",
    "\\u12",
    "\\U0010FFFF",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "1e-400",
    "9223372036854775808",
    "0.1",
    "\u{feff}",
    "\0",
    "é",
    "e\u{301}",
    "👩‍👩‍👧",
    "\u{a0}",
    "var.v",
    "local.a",
    "module.m",
    "each.key",
    "each.value",
    "self",
    "path.module",
    "for",
    "in",
    "if",
    "[for x in [1, 2] : x]",
    "{ for k, v in { a = 1 } : k => v... }",
    "for_each",
    "dynamic \"b\" {",
    "content {",
    "lifecycle {",
    "sensitive(1)",
    "try(",
    "can(",
    "toset([",
    "optional(",
    "object({",
    "templatefile(",
    "jsondecode(",
    "regex(",
    "format(",
    "setproduct(",
];

/// Numbers that look random and follow from a seed (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// A text, and whether it is JSON.
#[derive(Clone)]
struct Text {
    text: String,
    json: bool,
}

impl Text {
    fn name(&self) -> &'static str {
        if self.json { "main.hcl.json" } else { "main.hcl" }
    }
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "hcl" || extension == "json")
        {
            found.push(path);
        }
    }
}

fn corpus() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    files_below(&root.join("tests/cases"), &mut files);
    files_below(&root.join("examples"), &mut files);
    files.sort();
    let mut corpus: Vec<Text> = files
        .into_iter()
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let json = path.extension().is_some_and(|extension| extension == "json");
            (text.len() <= LONGEST).then_some(Text { text, json })
        })
        .collect();
    let answers = fs::read_to_string(root.join("src/lang/tests/terraform.txt")).unwrap();
    let expressions = answers.lines().filter_map(|line| line.strip_prefix("> "));
    corpus.extend(expressions.map(|expression| Text {
        text: format!("locals {{\n  a = {expression}\n}}\n\noutput \"o\" {{\n  value = local.a\n}}\n"),
        json: false,
    }));
    assert!(corpus.len() > 700, "{}", corpus.len());
    corpus
}

/// Words, runs of blanks, and every other character on its own.
fn tokens(text: &str) -> Vec<&str> {
    let class = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        ' ' => 1,
        _ => 2,
    };
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        if before.is_some_and(|before| before != class(c) || class(c) == 2) {
            tokens.push(&text[start..at]);
            start = at;
        }
        before = Some(class(c));
    }
    tokens.push(&text[start..]);
    tokens
}

/// The input of a number.
fn input(corpus: &[Text], number: u64) -> Text {
    let mut numbers = Numbers(number);
    let origin = &corpus[numbers.below(corpus.len())];
    let other = &corpus[numbers.below(corpus.len())];
    let others = tokens(&other.text);
    let mut parts = tokens(&origin.text);
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(parts.len());
        let end = (at + 1 + numbers.below(8)).min(parts.len());
        match numbers.below(14) {
            0 => drop(parts.drain(at..end)),
            1 => {
                let again = parts[at..end].to_vec();
                parts.splice(at..at, again);
            }
            2 => {
                let again = parts[at..end].to_vec();
                let times = numbers.below(200);
                parts.splice(at..at, again.iter().copied().cycle().take(again.len() * times));
            }
            3 => {
                let to = numbers.below(parts.len());
                parts.swap(at, to);
            }
            4 | 5 => parts.insert(at, numbers.one(DICTIONARY)),
            6 => parts[at] = numbers.one(DICTIONARY),
            7 => parts.truncate(at.max(1)),
            // A word for a word leaves most of a text what it is.
            8..=12 => {
                let is_word = |token: &&&str| token.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                let words: Vec<&str> = others.iter().filter(is_word).copied().collect();
                let ours = parts.iter_mut().skip(at).find(|token| is_word(&&**token));
                if let (Some(ours), false) = (ours, words.is_empty()) {
                    *ours = numbers.one(&words);
                }
            }
            _ => {
                let from = numbers.below(others.len());
                let to = (from + 1 + numbers.below(12)).min(others.len());
                parts.splice(at..end, others[from..to].iter().copied());
            }
        }
        if parts.is_empty() {
            parts.push("\n");
        }
    }
    let mut text = parts.concat();
    text.truncate(text.floor_char_boundary(LONGEST));
    Text { text, ..origin.clone() }
}

/// Everything that `validate` does, and what is to be said about the text.
fn evaluated(input: &Text) -> Diagnostics {
    let mut sources = Sources::from_texts([(input.name(), input.text.as_str())]);
    let supplied = Supplied {
        assignments: Vec::new(),
        environment: [("v".to_owned(), "1".to_owned())].into(),
        meant_for_terraform: [].into(),
        unset_sensitive: UnsetSensitive::Unknown,
        cwd: ".".to_owned(),
    };
    let (inputs, mut wrong) = Inputs::gathered(&mut sources, &supplied);
    let (configuration, problems) = parsed(&mut sources);
    wrong.extend(problems);
    let declared = settings(&configuration, &inputs).and_then(|_| {
        if wrong.has_errors() {
            wrong.extend(Program::other_problems(configuration, inputs, None));
            return Err(wrong);
        }
        let program = Program {
            configuration,
            inputs,
            defaults: Defaults {
                cloud: Cloud::Simulator,
                subscription: "00000000-0000-4000-8000-000000000001".parse().ok(),
                tenant: None,
                resource_group: Some("rg".to_owned()),
                location: Some("westeurope".to_owned()),
                tags: [].into(),
            },
        };
        program.declare(&Outputs::default())
    });
    let found = match declared {
        Ok(declared) => declared.warnings,
        Err(found) => {
            assert!(found.has_errors(), "refused, but nothing is said");
            found
        }
    };
    for mark in found.iter().flat_map(|found| found.primary.iter().chain(&found.others)) {
        assert!(
            sources.locate(mark.span).is_some(),
            "a place outside of every file: {mark:?}"
        );
    }
    found
}

/// A text that follows the grammar does so after layout, and a second time changes nothing.
fn laid_out(input: &Text) {
    let accepts = |text: &str| {
        let file = SourceFile {
            name: input.name().to_owned(),
            text: text.into(),
            role: Role::Configuration,
        };
        check_syntax(FileId(0), &file).is_ok()
    };
    if input.json {
        return;
    }
    let once = layout::formatted(&input.text);
    if accepts(&input.text) {
        assert!(accepts(&once), "broken by its layout:\n{once}");
        let twice = layout::formatted(&once);
        assert_eq!(once, twice, "a second layout changes it");
    }
}

/// Processor time of this process so far, in ticks; nothing where the system does not tell.
fn ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Ends the process, and says why, when one input takes too much.
fn watch(at_work: Arc<AtomicU64>, over: Arc<AtomicBool>) {
    let mut since = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let number = at_work.load(Ordering::Relaxed);
        let Some(now) = ticks() else { return };
        if since.0 != number {
            since = (number, now);
        } else if now - since.1 > MOST_TICKS {
            eprintln!("input {number} does not end; it lies in {}", place().display());
            std::process::abort();
        }
        thread::park_timeout(Duration::from_millis(500));
    }
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz-input")
}

#[test]
fn no_input_panics_or_runs_forever() {
    let corpus = corpus();
    // What expressions read lies in an empty directory, not among a million files of a build.
    let empty = tempfile::tempdir().unwrap();
    std::env::set_current_dir(empty.path()).unwrap();
    // The parser runs in threads of its own, which answer for its panics; ours must not be among them.
    let ours: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&ours);
    set_hook(Box::new(move |panic| {
        let by_us = panic
            .location()
            .is_none_or(|location| !location.file().contains("/registry/"));
        if by_us {
            noted.lock().unwrap().push(panic.to_string());
        }
    }));
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seconds = number("PGFERRY_FUZZ_SECONDS").map(Duration::from_secs);
    let single = number("PGFERRY_FUZZ_NUMBER");
    let first = single.unwrap_or_else(|| seconds.map_or(1, |_| RandomState::new().build_hasher().finish() >> 8));
    let at_work = Arc::new(AtomicU64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let watch = {
        let (at_work, over) = (Arc::clone(&at_work), Arc::clone(&over));
        thread::spawn(move || watch(at_work, over))
    };
    let started = Instant::now();
    let (mut done, mut parsed) = (0_u64, 0_u64);
    let mut findings = String::new();
    for number in first.. {
        let enough = match (single, seconds) {
            (Some(single), _) => number > single,
            (None, Some(seconds)) => started.elapsed() >= seconds,
            (None, None) => done >= INPUTS,
        };
        if enough {
            break;
        }
        let input = input(&corpus, number);
        fs::write(place(), &input.text).unwrap();
        at_work.store(number, Ordering::Relaxed);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            laid_out(&input);
            evaluated(&input)
        }));
        let follows_the_grammar = |found: Diagnostics| !found.iter().any(|found| GRAMMAR.contains(&found.code));
        parsed += u64::from(outcome.is_ok_and(follows_the_grammar));
        done += 1;
        for panic in ours.lock().unwrap().drain(..) {
            findings.push_str(&format!(
                "##### PGFERRY_FUZZ_NUMBER={number}: {panic}\n{}\n",
                input.text
            ));
        }
        if findings.len() > 20_000 {
            break;
        }
    }
    over.store(true, Ordering::Relaxed);
    watch.thread().unpark();
    watch.join().unwrap();
    drop(std::panic::take_hook());
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    println!("{done} inputs, {parsed} of them evaluated");
    assert!(findings.is_empty(), "{findings}");
    assert!(
        single.is_some() || parsed > done / 5,
        "only {parsed} of {done} inputs are evaluated"
    );
}
