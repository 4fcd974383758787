//! Holds what clippy cannot see: who may import whom, that layer 1 is pure, that registries are complete and examples whole.

#![expect(clippy::expect_used, reason = "a test may stop at a file it cannot read")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of ARCHITECTURE.md, roughly from the ground up. A module imports its own layer only as `ALLOWED` says.
const LAYERS: &[(&str, &[&str])] = &[
    ("address", &[]),
    ("diagnostic", &["address"]),
    ("secret", &["address"]),
    ("clock", &[]),
    ("database", &["secret"]),
    ("lang", &["address", "diagnostic", "secret", "block"]),
    ("block", &["address", "diagnostic", "lang"]),
    ("arm", &["address", "lang", "secret", "clock"]),
    ("kind", WORDS),
    (
        "config",
        &[
            "address",
            "block",
            "diagnostic",
            "secret",
            "lang",
            "arm",
            "length",
            "kind",
            "graph",
        ],
    ),
    ("length", &[]),
    ("window", &[]),
    ("editor", &["lang", "kind", "config"]),
    ("graph", &["address", "block", "diagnostic", "arm", "kind"]),
    ("observed", WORDS),
    ("prior", WORDS),
    (
        "plan",
        &[
            "address",
            "block",
            "diagnostic",
            "secret",
            "lang",
            "arm",
            "kind",
            "graph",
            "observed",
            "prior",
            "length",
            "window",
        ],
    ),
    (
        "rights",
        &["address", "arm", "database", "diagnostic", "graph", "kind", "secret"],
    ),
    ("azure", &["address", "secret", "clock", "arm"]),
    ("postgres", &["secret", "database"]),
    ("simulator", &[]),
    (
        "preflight",
        &["address", "block", "diagnostic", "secret", "database", "postgres"],
    ),
    ("verify", &["address", "clock", "diagnostic", "database", "postgres"]),
    (
        "refresh",
        &[
            "address",
            "diagnostic",
            "secret",
            "lang",
            "arm",
            "kind",
            "config",
            "graph",
            "observed",
            "prior",
            "plan",
        ],
    ),
    (
        "apply",
        &["address", "secret", "clock", "lang", "arm", "prior", "plan", "window"],
    ),
];

const WORDS: &[&str] = &[
    "address",
    "block",
    "diagnostic",
    "secret",
    "lang",
    "arm",
    "clock",
    "database",
    "length",
    "window",
];

/// Who may use the crate that owns stored state, beside the shell. `postgres` lends it connections.
const KNOWS_THE_STORE: &[&str] = &["apply", "postgres"];

/// Modules that must stay pure: no async, no I/O, no clock, no environment.
const PURE: &[&str] = &[
    "address",
    "diagnostic",
    "secret",
    "database",
    "block",
    "length",
    "window",
    "lang",
    "kind",
    "graph",
    "observed",
    "prior",
    "plan",
    "rights",
    "config",
    "editor",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a source folder can be read") {
            let path = entry.expect("a source folder can be read").path();
            if path.is_dir() {
                // Test modules of their own are no part of the architecture.
                if !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn module_of(path: &Path) -> String {
    let inner = path
        .strip_prefix(root().join("src"))
        .expect("a source stands below src");
    let first = inner
        .components()
        .next()
        .expect("a source has a name")
        .as_os_str()
        .to_string_lossy()
        .into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Whether `super` of a file's top level is the crate itself.
fn is_top_of_a_module(path: &Path) -> bool {
    let inner = path
        .strip_prefix(root().join("src"))
        .expect("a source stands below src");
    let depth = inner.components().count();
    depth == 1 || depth == 2 && inner.ends_with("mod.rs")
}

/// The code of a file without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source can be read");
    let mut code = String::new();
    let mut rest = text.as_str();
    while let Some((before, test)) = rest.split_once("#[cfg(test)]\nmod ") {
        code.push_str(before);
        // Tests in files of their own leave what follows; those in this file end it.
        rest = match test.split_once([';', '{']) {
            Some((name, after)) if test[name.len()..].starts_with(';') => after,
            _ => "",
        };
    }
    code.push_str(rest);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    assert!(
        !code.contains("crate::{"),
        "imports of one module stand on one line, so that they can be told"
    );
    for (at, _) in code.match_indices("crate::") {
        let word: String = code
            .get(at + 7..)
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        found.insert(word);
    }
    found
}

#[test]
fn modules_import_only_what_their_layer_allows() {
    let mut broken = Vec::new();
    for path in sources(&root().join("src")) {
        let module = module_of(&path);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        for import in imports(&code(&path)) {
            let known = LAYERS.iter().any(|(name, _)| *name == import) || import == "cli";
            if known && import != module && !allowed.contains(&import.as_str()) {
                broken.push(format!("{} imports {import}", path.display()));
            }
        }
        if is_top_of_a_module(&path) && code(&path).contains("super::") {
            broken.push(format!("{} names another module through `super`", path.display()));
        }
        if code(&path).contains("pgferry_state") && !KNOWS_THE_STORE.contains(&module.as_str()) {
            broken.push(format!("{} knows the store", path.display()));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// A number is no explanation: whoever meets one finds what it stands for.
#[test]
fn every_part_of_the_contract_that_a_comment_cites_is_told() {
    let told = fs::read_to_string(root().join("schemas/arm/README.md")).expect("the contract can be read");
    let rows: String = told.lines().filter(|line| line.starts_with("| ")).collect();
    let mut missing = BTreeSet::new();
    for path in sources(&root().join("src")) {
        let text = fs::read_to_string(&path).expect("a source can be read");
        for (at, word) in text.match_indices("contract ") {
            let rest = &text[at + word.len()..];
            let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            let number = number.trim_end_matches('.');
            let is_told = [' ', ','].iter().any(|end| rows.contains(&format!("{number}{end}")));
            if !number.is_empty() && !is_told {
                missing.insert(format!("{number} in {}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_module_has_its_place_in_a_layer() {
    let shell = ["cli", "main", "lib"];
    for path in sources(&root().join("src")) {
        let module = module_of(&path);
        let placed = shell.contains(&module.as_str()) || LAYERS.iter().any(|(name, _)| *name == module);
        assert!(placed, "{module} stands in no layer");
    }
    for (module, _) in LAYERS {
        let source = root().join("src").join(module);
        let there = source.is_dir() || source.with_extension("rs").is_file();
        assert!(there, "{module} has a layer and no source");
    }
}

#[test]
fn the_pure_core_reaches_neither_network_nor_clock_nor_disk() {
    let banned = [
        "async fn",
        ".await",
        "tokio::",
        "std::env",
        "SystemTime",
        "Timestamp::now",
        "Instant::now",
        "reqwest",
        "std::net::Tcp",
    ];
    let mut broken = Vec::new();
    for path in sources(&root().join("src")) {
        let module = module_of(&path);
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        let text = code(&path);
        let door = path.ends_with("config/source.rs");
        for word in banned.iter().copied().chain((!door).then_some("std::fs")) {
            if text.contains(word) {
                broken.push(format!("{} has `{word}`", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_state_crate_knows_nothing_of_ours() {
    let manifest = fs::read_to_string(root().join("state/Cargo.toml")).expect("the manifest can be read");
    assert!(!manifest.contains("pgferry ="), "{manifest}");
}

#[test]
fn every_kind_is_registered() {
    let registry = fs::read_to_string(root().join("src/kind/mod.rs")).expect("the registry can be read");
    let mut kinds = 0;
    for path in sources(&root().join("src/kind")) {
        let text = code(&path);
        for (at, _) in text.match_indices("impl Kind for ") {
            kinds += 1;
            let name: String = text
                .get(at + 14..)
                .unwrap_or_default()
                .chars()
                .take_while(|c| c.is_alphanumeric())
                .collect();
            assert!(registry.contains(&format!("::{name},")), "{name} is not in ALL");
        }
    }
    assert!(kinds > 0, "no kind was found: the text that tells one has changed");
}

#[test]
fn every_example_says_what_it_is() {
    for entry in fs::read_dir(root().join("examples")).expect("examples can be read") {
        let folder = entry.expect("examples can be read").path();
        for file in ["main.hcl", "README.md"] {
            assert!(folder.join(file).is_file(), "{} lacks {file}", folder.display());
        }
    }
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    for folder in ["src", "state/src"] {
        for path in sources(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("a source can be read");
            assert!(text.starts_with("//!"), "{} does not say what it is", path.display());
        }
    }
}

#[test]
fn only_the_shell_speaks() {
    let mut broken = Vec::new();
    for path in sources(&root().join("src")) {
        let module = module_of(&path);
        let text = code(&path);
        for word in ["println!", "eprintln!", "io::stdout", "io::stderr"] {
            if module != "cli" && module != "main" && text.contains(word) {
                broken.push(format!("{} has `{word}`", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_code_is_given_by_something() {
    let registry = root().join("src/diagnostic/code.rs");
    let text = fs::read_to_string(&registry).expect("the registry can be read");
    let names = text.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(" = \"")?;
        let constant = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        (constant && rest.contains("\": \"")).then(|| name.to_owned())
    });
    let mut names: BTreeSet<String> = names.collect();
    assert!(names.len() > 50, "{names:?}");
    for path in sources(&root().join("src"))
        .into_iter()
        .filter(|path| *path != registry)
    {
        let uses = code(&path);
        let uses: Vec<&str> = uses.lines().filter(|line| !line.starts_with("use ")).collect();
        let words: BTreeSet<&str> = uses
            .iter()
            .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
            .collect();
        names.retain(|name| !words.contains(name.as_str()));
    }
    assert!(names.is_empty(), "nothing gives {names:?}");
}
