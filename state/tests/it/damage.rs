//! A damaged state is recognised and reported with what is left of it; it is never taken for a whole one, and never
//! ends in a panic.

use std::fs;
use std::path::Path;

use pgferry_state::{
    Actor, Damage, Edit, Held, LastGood, LocalStore, RunId, Serial, Snapshot, StepId, Store, StoreError,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{copy_dir, intent};

const RECORDS: usize = 200;

/// A state with records, a large document, an open run and a past, left in good order.
struct Whole {
    dir: TempDir,
    snapshot: Snapshot,
}

impl Whole {
    async fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let held = LocalStore::new(dir.path().join("state"))
            .lock(intent("a"))
            .await
            .unwrap();
        for number in 0..RECORDS {
            let document = json!({ "number": number, "padding": "x".repeat(number * 7) });
            held.commit(vec![Edit::Put {
                key: format!("record{number:03}").parse().unwrap(),
                document,
            }])
            .await
            .unwrap();
        }
        let large = json!("x".repeat(100_000));
        held.commit(vec![Edit::Put {
            key: "large".parse().unwrap(),
            document: large,
        }])
        .await
        .unwrap();
        begin_run(&*held).await;
        let snapshot = held.snapshot().await.unwrap();
        held.release().await.unwrap();
        Self { dir, snapshot }
    }

    /// A copy to be damaged.
    fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(&self.dir.path().join("state"), &copy.path().join("state"));
        copy
    }

    fn is_remains(&self, last_good: Option<&LastGood>) -> bool {
        let Self {
            snapshot: Snapshot { serial, records, .. },
            ..
        } = self;
        last_good.is_some_and(|good| good.serial == *serial && good.records == records.len() && good.path.is_file())
    }
}

#[tokio::test]
async fn a_damaged_database_is_recognised_and_readers_still_read() {
    let whole = Whole::make().await;
    let mut recognised = 0;
    let harms: Vec<Harm> = harms(&whole.dir.path().join("state/sled/db"));
    for harm in &harms {
        let copy = whole.copy();
        harm.inflict(&copy.path().join("state/sled/db"));
        let store = LocalStore::new(copy.path().join("state"));
        assert_eq!(store.load().await.unwrap().as_ref(), Some(&whole.snapshot), "{harm:?}");
        match store.lock(intent("a")).await {
            // sled keeps dead pages, and damage to those is none.
            Ok(held) => assert_eq!(held.snapshot().await.unwrap(), whole.snapshot, "{harm:?}"),
            Err(StoreError::Corrupt { last_good, .. }) => {
                assert!(whole.is_remains(last_good.as_ref()), "{harm:?}: {last_good:?}");
                recognised += 1;
            }
            Err(error) => panic!("{harm:?}: {error:?}"),
        }
        assert_eq!(
            store.load().await.unwrap_or(None).as_ref(),
            Some(&whole.snapshot),
            "{harm:?}"
        );
    }
    assert!(
        recognised > harms.len() / 4,
        "only {recognised} of {} were recognised",
        harms.len()
    );
}

#[tokio::test]
async fn a_damaged_view_is_made_anew_from_the_database() {
    let whole = Whole::make().await;
    for harm in harms(&whole.dir.path().join("state/view.json")) {
        let copy = whole.copy();
        let view = copy.path().join("state/view.json");
        harm.inflict(&view);
        let store = LocalStore::new(copy.path().join("state"));
        assert_eq!(store.load().await.unwrap().as_ref(), Some(&whole.snapshot), "{harm:?}");
        assert_eq!(
            fs::read(view).unwrap(),
            fs::read(whole.dir.path().join("state/view.json")).unwrap(),
            "{harm:?}"
        );
    }
}

#[tokio::test]
async fn what_was_committed_and_is_gone_is_not_forgotten_silently() {
    let whole = Whole::make().await;
    let copy = whole.copy();
    let sled = copy.path().join("state/sled");
    let store = LocalStore::new(copy.path().join("state"));
    fs::remove_dir_all(&sled).unwrap();
    let Err(StoreError::Corrupt {
        path,
        damage,
        last_good,
        keeper: _,
    }) = store.lock(intent("a")).await.map(|_| ())
    else {
        panic!("a state without its database was locked");
    };
    assert_eq!(
        (path, damage),
        (sled.clone(), Damage::Database("it is empty".to_owned()))
    );
    assert!(whole.is_remains(last_good.as_ref()));

    let earlier = Whole::make().await;
    fs::remove_dir_all(&sled).unwrap();
    copy_dir(&earlier.dir.path().join("state/sled"), &sled);
    let another = store.lock(intent("a")).await.map(|_| ());
    assert!(
        matches!(another, Err(StoreError::LineageMismatch { .. })),
        "{another:?}"
    );
}

#[tokio::test]
async fn a_database_from_before_the_last_commits_is_refused() {
    let whole = Whole::make().await;
    let later = whole.copy();
    let store = LocalStore::new(later.path().join("state"));
    let held = store.lock(intent("a")).await.unwrap();
    let committed = held
        .commit(vec![Edit::Remove {
            key: "record000".parse().unwrap(),
        }])
        .await
        .unwrap();
    held.release().await.unwrap();
    let sled = later.path().join("state/sled");
    fs::remove_dir_all(&sled).unwrap();
    copy_dir(&whole.dir.path().join("state/sled"), &sled);
    match store.lock(intent("a")).await.map(|_| ()) {
        Err(StoreError::Corrupt { damage, last_good, .. }) => {
            assert_eq!(
                damage,
                Damage::Behind {
                    database: whole.snapshot.serial,
                    seen: committed.serial
                }
            );
            assert_eq!(last_good.map(|good| good.serial), Some(committed.serial));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn with_view_and_database_damaged_an_earlier_view_is_named() {
    let whole = Whole::make().await;
    let store = LocalStore::new(whole.dir.path().join("state"));
    let held = store.lock(intent("a")).await.unwrap();
    held.commit(vec![Edit::Put {
        key: "late".parse().unwrap(),
        document: json!(1),
    }])
    .await
    .unwrap();
    held.release().await.unwrap();
    for file in ["state/view.json", "state/sled/db"] {
        let path = whole.dir.path().join(file);
        let half = fs::metadata(&path).unwrap().len() / 2;
        Harm::Cut(half).inflict(&path);
    }
    for refused in [
        store.load().await.map(|_| ()),
        store.lock(intent("a")).await.map(|_| ()),
    ] {
        let Err(StoreError::Corrupt {
            last_good: Some(good), ..
        }) = refused
        else {
            panic!("{refused:?}")
        };
        assert!(whole.is_remains(Some(&good)), "{good:?}");
        assert!(good.path.starts_with(whole.dir.path().join("state/earlier")));
    }
}

#[tokio::test]
async fn a_large_document_that_is_gone_or_changed_is_reported() {
    let whole = Whole::make().await;
    let copy = whole.copy();
    let store = LocalStore::new(copy.path().join("state"));
    let large = fs::read_dir(copy.path().join("state/large"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    Harm::Flip(50_000).inflict(&large);
    for _ in ["changed", "gone"] {
        match store.load().await {
            Err(StoreError::Corrupt { path, damage, .. }) => {
                assert_eq!((path, damage), (large.clone(), Damage::LargeDocument))
            }
            other => panic!("{other:?}"),
        }
        let _ = fs::remove_file(&large);
    }
}

#[tokio::test]
async fn a_marker_that_says_nothing_known_is_refused() {
    let whole = Whole::make().await;
    for marker in [Some("pgferry-state 0\n"), Some(""), Some("\u{0}\u{0}"), None] {
        let copy = whole.copy();
        let path = copy.path().join("state/format");
        match marker {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let store = LocalStore::new(copy.path().join("state"));
        for refused in [
            store.load().await.map(|_| ()),
            store.lock(intent("a")).await.map(|_| ()),
        ] {
            match refused {
                Err(StoreError::Corrupt {
                    path: at,
                    damage,
                    last_good,
                    keeper: _,
                }) => {
                    assert_eq!((at, damage), (path.clone(), Damage::FormatMarker));
                    assert!(whole.is_remains(last_good.as_ref()));
                }
                other => panic!("{marker:?}: {other:?}"),
            }
        }
    }
}

/// One way to damage a file.
#[derive(Debug)]
enum Harm {
    Cut(u64),
    Flip(u64),
    Zero(u64),
}

/// Cuts at, and changes in, places all over the file.
fn harms(file: &Path) -> Vec<Harm> {
    let len = fs::metadata(file).unwrap().len();
    let places = |count: u64| (0..count).map(move |place| len * place / count + place % 7);
    let cuts = places(12).map(Harm::Cut);
    let flips = places(40).map(Harm::Flip);
    let zeros = places(12).map(Harm::Zero);
    cuts.chain(flips).chain(zeros).collect()
}

impl Harm {
    fn inflict(&self, path: &Path) {
        let mut bytes = fs::read(path).unwrap();
        match *self {
            Self::Cut(at) => bytes.truncate(at as usize),
            Self::Flip(at) => bytes[at as usize] ^= 0x10,
            Self::Zero(at) => bytes.iter_mut().skip(at as usize).take(4096).for_each(|byte| *byte = 0),
        }
        fs::write(path, bytes).unwrap();
    }
}

async fn begin_run(held: &dyn Held) {
    let (run, started) = (RunId::random(), jiff::Timestamp::UNIX_EPOCH);
    let [unit, method, body_hash, plan_fingerprint] = ["u", "PUT", "h", "f"].map(str::to_owned);
    let plan = json!({ "steps": [1] });
    let by = Actor::new("a");
    let edits = vec![
        Edit::BeginRun {
            run,
            started,
            by,
            plan,
            plan_fingerprint,
            approval: None,
        },
        Edit::Intent {
            run,
            step: StepId::new(1),
            attempt: 1,
            unit,
            method,
            body_hash,
        },
    ];
    assert!(held.commit(edits).await.unwrap().serial > Serial::ZERO);
}
