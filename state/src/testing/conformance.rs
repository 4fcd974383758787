//! What every store does, as one function per promise. Never mentions a backend: a [`Lab`] makes the stores.

use std::collections::BTreeSet;
use std::future::Future;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::snapshot::{
    Account, Actor, Approval, Binding, RecordKey, Revision, RunId, RunOutcome, Serial, Snapshot, StepId, StepJournal,
    StepPhase, UnitFailure,
};
use crate::store::{Committed, Edit, Held, HeldLock, Holder, Intent, Life, Store, StoreError};
use crate::upgrade::FormatVersion;

/// A place of one state, in which nothing is stored at first.
pub trait Lab: Send + Sync {
    /// The store of that place. Each call makes a value that shares nothing with the others but the place.
    fn store(&self) -> Box<dyn Store>;

    /// Makes what a store expects to find, such as a container or a database.
    fn prepare(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Makes what is stored look as if a later pgferry had written it.
    fn pretend_newer(&self) -> impl Future<Output = ()> + Send;
}

/// Makes one test of every promise, for the lab that the expression makes.
#[macro_export]
macro_rules! store_conformance {
    ($lab:expr) => {
        $crate::store_conformance! { $lab =>
            nothing_is_remembered_at_first,
            the_lock_lets_one_in_and_names_its_holder,
            a_dropped_lock_is_free,
            a_commit_is_seen_by_whoever_comes_next,
            a_commit_is_made_whole_or_not_at_all,
            an_empty_commit_changes_nothing,
            revisions_only_grow,
            a_stale_revision_is_refused,
            records_move_only_to_free_keys,
            readers_read_beside_a_writer,
            many_readers_do_not_disturb_each_other,
            a_journal_comes_back,
            one_run_is_open_at_a_time,
            an_ended_run_is_history,
            who_leaves_a_run_is_told_beside_how_it_ends,
            long_histories_are_kept,
            a_binding_holds,
            concurrent_commits_all_count,
            documents_of_every_size_come_back,
            values_come_back_to_the_last_bit,
            what_could_not_be_read_again_is_refused,
            the_fingerprint_key_stays,
            a_state_is_taken_over_without_loss,
            what_is_there_is_not_overwritten_by_another_state,
            a_state_is_replaced_and_its_history_is_not,
            what_was_no_run_is_history_too,
            the_holder_can_be_asked_for,
            only_the_named_holder_loses_the_lock,
            a_newer_format_is_refused
        }
    };
    ($lab:expr => $($case:ident),+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let lab = $lab;
                $crate::testing::conformance::Lab::prepare(&lab).await;
                $crate::testing::conformance::$case(&lab).await;
            }
        )+
    };
}

/// A state that was never locked is none.
pub async fn nothing_is_remembered_at_first(lab: &impl Lab) {
    assert_eq!(load(lab).await, None);
    assert!(lab.store().history().await.expect("an empty history").is_empty());
    let held = lock(lab, "a").await;
    let Snapshot {
        serial,
        binding,
        records,
        run,
        history,
        ..
    } = held.snapshot().await.expect("a snapshot");
    assert_eq!(
        (serial, binding, records.len(), run, history.len()),
        (Serial::ZERO, None, 0, None, 0)
    );
}

/// While one writes, others are told who it is; afterwards the next one gets in.
pub async fn the_lock_lets_one_in_and_names_its_holder(lab: &impl Lab) {
    let held = lock(lab, "first").await;
    for _ in 0..3 {
        match lab.store().lock(intent("second")).await {
            Err(StoreError::Locked(other)) => assert_eq!(other, holder("first")),
            other => panic!("the second writer got {:?}", other.map(|_| "in")),
        }
    }
    held.release().await.expect("a release");
    let held = lock(lab, "second").await;
    match lab.store().lock(intent("third")).await {
        Err(StoreError::Locked(other)) => assert_eq!(other, holder("second")),
        other => panic!("the third writer got {:?}", other.map(|_| "in")),
    }
    held.release().await.expect("a release");
}

/// A lock that is dropped without a word is released soon, and what was committed stays.
pub async fn a_dropped_lock_is_free(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    commit(&*held, vec![put("a", json!(1))]).await;
    drop(held);
    let held = loop {
        match lab.store().lock(intent("b")).await {
            Ok(held) => break held,
            Err(StoreError::Locked(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(
        documents(&held.snapshot().await.expect("a snapshot")),
        [("a", json!(1))]
    );
}

/// What was committed is there for the writer, for the next writer and for readers.
pub async fn a_commit_is_seen_by_whoever_comes_next(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let first = commit(
        &*held,
        vec![put("a", json!({"x": [1, 2.5, null, "ü"]})), put("b", json!(2))],
    )
    .await;
    let second = commit(&*held, vec![remove("b"), put("c", json!(3))]).await;
    assert_eq!((first.serial, second.serial), (Serial::new(1), Serial::new(2)));
    let expected = [("a", json!({"x": [1, 2.5, null, "ü"]})), ("c", json!(3))];
    let seen = held.snapshot().await.expect("a snapshot");
    assert_eq!(documents(&seen), expected);
    held.release().await.expect("a release");
    assert_eq!(load(lab).await, Some(seen.clone()));
    let held = lock(lab, "b").await;
    assert_eq!(held.snapshot().await.expect("a snapshot"), seen);
    held.release().await.expect("a release");
}

/// An edit that is refused takes its whole commit with it, and no other.
pub async fn a_commit_is_made_whole_or_not_at_all(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    commit(&*held, vec![put("a", json!(1))]).await;
    let before = held.snapshot().await.expect("a snapshot");
    let doomed = held.commit(vec![
        put("a", json!(2)),
        remove("a"),
        put("b", json!(2)),
        rename("gone", "c"),
    ]);
    let (doomed, fine) = tokio::join!(doomed, held.commit(vec![put("d", json!(4))]));
    assert!(matches!(doomed, Err(StoreError::UnknownRecord { key: gone }) if gone == key("gone")));
    assert_eq!(fine.expect("a commit").serial, before.serial.next());
    held.release().await.expect("a release");
    let after = load(lab).await.expect("a state");
    assert_eq!(documents(&after), [("a", json!(1)), ("d", json!(4))]);
    assert_eq!(after.records.get(&key("a")), before.records.get(&key("a")));
}

/// A commit without effect has no serial of its own.
pub async fn an_empty_commit_changes_nothing(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let first = commit(&*held, vec![put("a", json!(1))]).await;
    for without_effect in [vec![], vec![remove("b")]] {
        let committed = commit(&*held, without_effect).await;
        assert_eq!(
            committed,
            Committed {
                serial: first.serial,
                revisions: [].into()
            }
        );
    }
    held.release().await.expect("a release");
    assert_eq!(load(lab).await.map(|snapshot| snapshot.serial), Some(first.serial));
}

/// A record's revision is that of the commit that wrote it last; one made anew never repeats an old one.
pub async fn revisions_only_grow(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let first = commit(&*held, vec![put("a", json!(1)), put("b", json!(1))]).await;
    let second = commit(&*held, vec![put("a", json!(1)), put("c", json!(1)), remove("c")]).await;
    let keys = |committed: &Committed| committed.revisions.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (keys(&first), keys(&second)),
        (vec![key("a"), key("b")], vec![key("a")])
    );
    assert!(second.revisions.get(&key("a")) > first.revisions.get(&key("a")));
    let seen = held.snapshot().await.expect("a snapshot");
    assert_eq!(
        seen.records.get(&key("b")).map(|record| record.revision),
        first.revisions.get(&key("b")).copied()
    );
    commit(&*held, vec![remove("a")]).await;
    let anew = commit(&*held, vec![put("a", json!(1))]).await;
    assert!(anew.revisions.get(&key("a")) > second.revisions.get(&key("a")));
    held.release().await.expect("a release");
}

/// `PutIf` writes only what nobody wrote since.
pub async fn a_stale_revision_is_refused(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let made = commit(&*held, vec![put_if("a", json!(1), None)]).await;
    let revision = made.revisions.get(&key("a")).copied();
    assert!(revision.is_some());
    for (what, expected, found) in [
        ("a", None, revision),
        ("a", Some(Revision::new(99)), revision),
        ("b", revision, None),
    ] {
        match held.commit(vec![put_if(what, json!(2), expected)]).await {
            Err(StoreError::StaleRevision {
                key: of,
                expected: told,
                found: is,
            }) => {
                assert_eq!((of, told, is), (key(what), expected, found));
            }
            other => panic!("{what} with {expected:?} gave {other:?}"),
        }
    }
    commit(&*held, vec![put_if("a", json!(3), revision)]).await;
    assert_eq!(
        documents(&held.snapshot().await.expect("a snapshot")),
        [("a", json!(3))]
    );
    held.release().await.expect("a release");
}

/// A rename takes the document along, counts as a write, and overwrites nothing.
pub async fn records_move_only_to_free_keys(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    commit(&*held, vec![put("a", json!("A")), put("b", json!("B"))]).await;
    assert!(
        matches!(held.commit(vec![rename("a", "b")]).await, Err(StoreError::RecordExists { key: k }) if k == key("b"))
    );
    let moved = commit(&*held, vec![rename("a", "c"), rename("b", "a")]).await;
    assert_eq!(
        moved.revisions.keys().cloned().collect::<Vec<_>>(),
        [key("a"), key("c")]
    );
    let seen = held.snapshot().await.expect("a snapshot");
    assert_eq!(documents(&seen), [("a", json!("B")), ("c", json!("A"))]);
    assert_eq!(
        seen.records.get(&key("c")).map(|record| record.revision),
        Some(moved.serial.into())
    );
    held.release().await.expect("a release");
}

/// A reader beside a writer is not refused and sees one serial, whole.
pub async fn readers_read_beside_a_writer(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let mut last = Serial::ZERO;
    for round in 0..30 {
        commit(&*held, vec![put("a", json!(round)), put("b", json!(round))]).await;
        let seen = load(lab).await.expect("a state beside its writer");
        assert!(last <= seen.serial, "a reader went back from {last} to {}", seen.serial);
        last = seen.serial;
        assert_eq!(
            seen.records.get(&key("a")).map(|r| &r.document),
            seen.records.get(&key("b")).map(|r| &r.document)
        );
    }
    held.release().await.expect("a release");
    assert_eq!(load(lab).await.map(|seen| seen.serial), Some(Serial::new(30)));
}

/// Readers at the same moment all get an answer, and a writer gets in past them.
pub async fn many_readers_do_not_disturb_each_other(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    commit(&*held, vec![put("a", json!(1))]).await;
    held.release().await.expect("a release");
    let mut readers = JoinSet::new();
    for _ in 0..16 {
        let store = lab.store();
        readers.spawn(async move {
            let history = store.history().await.expect("a history beside other readers");
            (store.load().await.expect("a load beside other readers"), history)
        });
    }
    let held = lock(lab, "b").await;
    while let Some(read) = readers.join_next().await {
        let (seen, history) = read.expect("a reader that did not panic");
        assert_eq!(documents(&seen.expect("a state")), [("a", json!(1))]);
        assert!(history.is_empty());
    }
    held.release().await.expect("a release");
}

/// The plan and the journal of an open run are there after the writer left, step by step.
pub async fn a_journal_comes_back(lab: &impl Lab) {
    let run = RunId::random();
    let held = lock(lab, "a").await;
    let plan = json!({"steps": [{"put": "x"}, {"put": "y"}]});
    commit(&*held, vec![begin(run, plan.clone())]).await;
    let step = StepId::new;
    commit(
        &*held,
        vec![
            intend(run, 1, 1),
            intend(run, 2, 1),
            intend(run, 3, 1),
            intend(run, 4, 1),
        ],
    )
    .await;
    let operation = json!({"path": "/subscriptions/s/operations/1?api-version=2025-08-01"});
    commit(
        &*held,
        vec![Edit::Accepted {
            run,
            step: step(2),
            operation: operation.clone(),
        }],
    )
    .await;
    commit(
        &*held,
        vec![Edit::Done { run, step: step(3) }, Edit::Done { run, step: step(9) }],
    )
    .await;
    commit(
        &*held,
        vec![Edit::Failed {
            run,
            step: step(4),
            message: "no".to_owned(),
        }],
    )
    .await;
    commit(&*held, vec![intend(run, 4, 2)]).await;
    held.release().await.expect("a release");

    let open = load(lab).await.expect("a state").run.expect("an open run");
    assert_eq!((open.id, open.started, open.by.as_str()), (run, moment(), "a@test"));
    assert_eq!((open.plan, open.plan_fingerprint.as_str()), (plan, "f00d"));
    let intended = || StepPhase::Intended {
        unit: "u".to_owned(),
        method: "PUT".to_owned(),
        body_hash: "h".to_owned(),
    };
    let accepted = StepPhase::Accepted {
        unit: "u".to_owned(),
        operation,
    };
    let expected = [
        (1, 1, intended()),
        (2, 1, accepted),
        (3, 1, StepPhase::Done),
        (4, 2, intended()),
        (9, 0, StepPhase::Done),
    ];
    let expected = expected.map(|(id, attempts, phase)| (step(id), StepJournal { attempts, phase }));
    assert_eq!(open.steps, expected.into());
}

/// A second run waits for the first to end; the first may be begun again to no effect, and not with another plan; a journal
/// needs its run.
pub async fn one_run_is_open_at_a_time(lab: &impl Lab) {
    let (first, second) = (RunId::random(), RunId::random());
    let held = lock(lab, "a").await;
    commit(&*held, vec![begin(first, json!("first")), intend(first, 1, 1)]).await;
    let refused = held.commit(vec![begin(second, json!("second"))]).await;
    assert!(matches!(refused, Err(StoreError::RunOpen { open }) if open == first));
    commit(&*held, vec![begin(first, json!("other"))]).await;
    let mut another = begin(first, json!("other"));
    if let Edit::BeginRun { plan_fingerprint, .. } = &mut another {
        "cafe".clone_into(plan_fingerprint);
    }
    let refused = held.commit(vec![another]).await;
    assert!(matches!(refused, Err(StoreError::OtherPlan { run }) if run == first));
    let open = held.snapshot().await.expect("a snapshot").run.expect("an open run");
    assert_eq!((open.plan, open.steps.len()), (json!("first"), 1));

    let strangers = [
        intend(second, 1, 1),
        Edit::Done {
            run: second,
            step: StepId::new(1),
        },
        end(second, "x"),
    ];
    for stranger in strangers {
        let refused = held.commit(vec![stranger]).await;
        assert!(matches!(refused, Err(StoreError::RunNotOpen { run }) if run == second));
    }
    let early = held
        .commit(vec![Edit::Accepted {
            run: first,
            step: StepId::new(7),
            operation: json!({}),
        }])
        .await;
    assert!(matches!(
        early,
        Err(StoreError::StepOutOfOrder {
            standing: "untouched",
            ..
        })
    ));
    commit(&*held, vec![end(first, "x"), begin(second, json!("second"))]).await;
    let open = held.snapshot().await.expect("a snapshot").run.expect("an open run");
    assert_eq!((open.id, open.plan, open.steps.len()), (second, json!("second"), 0));
    held.release().await.expect("a release");
}

/// Ending a run drops its plan and journal and leaves a line.
pub async fn an_ended_run_is_history(lab: &impl Lab) {
    let run = RunId::random();
    let held = lock(lab, "a").await;
    commit(&*held, vec![begin(run, json!({"steps": []})), intend(run, 1, 1)]).await;
    commit(&*held, vec![end(run, "3 created")]).await;
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(seen.run, None);
    let [entry] = seen.history.as_slice() else {
        panic!("{:?}", seen.history)
    };
    assert_eq!((entry.run, entry.started, entry.by.as_str()), (run, moment(), "a@test"));
    assert_eq!(
        (entry.outcome, entry.summary.as_str()),
        (RunOutcome::Succeeded, "3 created")
    );
    assert_eq!(entry.plan_fingerprint, "f00d");
    assert_eq!(
        (entry.approval, &entry.account),
        (Some(Approval::Fingerprint), &account())
    );
    assert_eq!(lab.store().history().await.expect("a history"), seen.history);
}

/// Whoever leaves a run has a line of its own, which the run's end does not replace, and which a push does not lose.
pub async fn who_leaves_a_run_is_told_beside_how_it_ends(lab: &impl Lab) {
    let run = RunId::random();
    let held = lock(lab, "a").await;
    commit(&*held, vec![begin(run, json!({"steps": []}))]).await;
    let left = crate::HistoryEntry {
        run,
        outcome: RunOutcome::Left,
        account: account(),
        ..line("left")
    };
    let earlier = crate::HistoryEntry {
        summary: "left for the first time".to_owned(),
        ..left.clone()
    };
    // Whoever waits on a schedule leaves the last line only, and crowds out nobody's run.
    commit(&*held, vec![Edit::Log(earlier.clone())]).await;
    commit(&*held, vec![Edit::Log(earlier), Edit::Log(left.clone())]).await;
    assert_eq!(
        held.snapshot().await.expect("a snapshot").history,
        std::slice::from_ref(&left)
    );
    assert!(held.snapshot().await.expect("a snapshot").run.is_some());
    let offered = held.snapshot().await.expect("a snapshot");
    let later = crate::HistoryEntry {
        finished: moment()
            .checked_add(jiff::SignedDuration::from_secs(1))
            .expect("an instant"),
        outcome: RunOutcome::Succeeded,
        ..left.clone()
    };
    let offered = Snapshot {
        history: vec![left.clone(), later.clone()],
        ..offered
    };
    commit(&*held, vec![replace(&offered)]).await;
    assert_eq!(held.snapshot().await.expect("a snapshot").history, [left, later]);
    held.release().await.expect("a release");
}

/// A snapshot carries the last 200 runs, the store all of them.
pub async fn long_histories_are_kept(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    for round in 0..210 {
        let run = RunId::random();
        commit(&*held, vec![begin(run, json!(round)), end(run, &round.to_string())]).await;
    }
    let summaries = |entries: &[crate::HistoryEntry]| {
        (
            entries.len(),
            entries.first().map(|e| e.summary.clone()),
            entries.last().map(|e| e.summary.clone()),
        )
    };
    let recent = (200, Some("10".to_owned()), Some("209".to_owned()));
    assert_eq!(summaries(&held.snapshot().await.expect("a snapshot").history), recent);
    held.release().await.expect("a release");
    assert_eq!(summaries(&load(lab).await.expect("a state").history), recent);
    let all = lab.store().history().await.expect("a history");
    assert_eq!(summaries(&all), (210, Some("0".to_owned()), Some("209".to_owned())));
}

/// A lineage that is bound stays bound.
pub async fn a_binding_holds(lab: &impl Lab) {
    let binding = |cloud: &str| Binding {
        cloud: cloud.to_owned(),
        tenant: "t".to_owned(),
        subscription: "s".to_owned(),
    };
    let held = lock(lab, "a").await;
    commit(&*held, vec![Edit::Bind(binding("public"))]).await;
    commit(&*held, vec![Edit::Bind(binding("public"))]).await;
    match held
        .commit(vec![put("a", json!(1)), Edit::Bind(binding("simulator"))])
        .await
    {
        Err(StoreError::BoundElsewhere(conflict)) => {
            assert_eq!(
                (conflict.bound, conflict.wanted),
                (binding("public"), binding("simulator"))
            );
        }
        other => panic!("{other:?}"),
    }
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!((seen.binding, seen.records.len()), (Some(binding("public")), 0));
}

/// Commits from many tasks each count once, each with a serial of its own.
pub async fn concurrent_commits_all_count(lab: &impl Lab) {
    const WRITERS: usize = 200;
    let held: std::sync::Arc<dyn Held> = lock(lab, "a").await.into();
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let held = std::sync::Arc::clone(&held);
        tasks.spawn(async move {
            commit(&*held, vec![put(&format!("k{writer}"), json!(writer))])
                .await
                .serial
        });
    }
    let serials: BTreeSet<Serial> = tasks.join_all().await.into_iter().collect();
    assert_eq!(serials.len(), WRITERS);
    let seen = held.snapshot().await.expect("a snapshot");
    assert_eq!(
        (seen.records.len(), seen.serial),
        (WRITERS, Serial::new(WRITERS as u64))
    );
}

/// Documents, plans and journal entries come back whatever their size.
pub async fn documents_of_every_size_come_back(lab: &impl Lab) {
    let run = RunId::random();
    let sized = |bytes: usize| json!({"text": "é".repeat(bytes / 2)});
    let sizes = [0, 100, 4_000, 4_200, 40_000, 200_000, 1_500_000];
    let held = lock(lab, "a").await;
    for size in sizes {
        commit(&*held, vec![put(&format!("size{size:07}"), sized(size))]).await;
    }
    let message = "long".repeat(10_000);
    commit(&*held, vec![begin(run, sized(2_000_000)), intend(run, 1, 1)]).await;
    commit(
        &*held,
        vec![Edit::Accepted {
            run,
            step: StepId::new(1),
            operation: sized(9_000),
        }],
    )
    .await;
    commit(
        &*held,
        vec![Edit::Accepted {
            run,
            step: StepId::new(1),
            operation: sized(9_001),
        }],
    )
    .await;
    commit(
        &*held,
        vec![Edit::Failed {
            run,
            step: StepId::new(2),
            message: message.clone(),
        }],
    )
    .await;
    commit(&*held, vec![rename("size1500000", "size9999999")]).await;
    let written = held.snapshot().await.expect("a snapshot");
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(seen, written);
    let found: Vec<Value> = documents(&seen).into_iter().map(|(_, document)| document).collect();
    assert_eq!(found, sizes.map(sized));
    let open = seen.run.expect("an open run");
    assert_eq!(open.plan, sized(2_000_000));
    assert_eq!(
        open.steps.get(&StepId::new(2)).map(|step| &step.phase),
        Some(&StepPhase::Failed { message })
    );

    let held = lock(lab, "a").await;
    commit(&*held, vec![end(run, &"s".repeat(9_000)), remove("size9999999")]).await;
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(
        (seen.records.len(), seen.history.last().map(|entry| entry.summary.len())),
        (sizes.len() - 1, Some(9_000))
    );
}

/// Numbers and texts come back as they were, and `null` is not the same as nothing.
pub async fn values_come_back_to_the_last_bit(lab: &impl Lab) {
    let numbers = json!([
        0.1,
        -0.0,
        5e-324,
        31.245270191439438,
        121.48791951161945,
        1.7976931348623157e308,
        u64::MAX,
        i64::MIN,
        9_007_199_254_740_993_u64
    ]);
    let texts = json!({"": "\u{0}\u{1f}\u{7f}\"\\/", "\u{2028}": "\u{10ffff}é\r\n", "null": null, "empty": [{}, []]});
    let held = lock(lab, "a").await;
    commit(
        &*held,
        vec![
            put("numbers", numbers.clone()),
            put("texts", texts.clone()),
            put("null", json!(null)),
        ],
    )
    .await;
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(
        documents(&seen),
        [("null", json!(null)), ("numbers", numbers), ("texts", texts)]
    );
}

/// A document that JSON readers would refuse is refused while it can still be told who brought it.
pub async fn what_could_not_be_read_again_is_refused(lab: &impl Lab) {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    let run = RunId::random();
    let accepted = |levels| Edit::Accepted {
        run,
        step: StepId::new(1),
        operation: nested(levels),
    };
    let held = lock(lab, "a").await;
    let refuse = async |deep: Edit| {
        let refused = held.commit(vec![deep]).await;
        assert!(
            matches!(refused, Err(StoreError::TooDeep { limit: 100, .. })),
            "{refused:?}"
        );
    };
    refuse(begin(run, nested(101))).await;
    commit(
        &*held,
        vec![begin(run, nested(100)), intend(run, 1, 1), put("a", nested(100))],
    )
    .await;
    commit(&*held, vec![accepted(100)]).await;
    refuse(accepted(101)).await;
    refuse(put("b", nested(101))).await;
    refuse(put_if("b", nested(200), None)).await;
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(documents(&seen), [("a", nested(100))]);
    assert_eq!(Snapshot::import(seen.export()).ok(), Some(seen));
}

/// The key of fingerprints is made with the lineage and lives as long.
pub async fn the_fingerprint_key_stays(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let Snapshot {
        lineage,
        fingerprint_key,
        ..
    } = held.snapshot().await.expect("a snapshot");
    commit(&*held, vec![put("a", json!(1))]).await;
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(
        (seen.lineage, seen.fingerprint_key()),
        (lineage, fingerprint_key.0.as_slice())
    );
    assert_eq!(seen.fingerprint_key().len(), 32);
}

/// Everything of another store comes along: lineage, serial, key, revisions, the open run, and all of a long history.
pub async fn a_state_is_taken_over_without_loss(lab: &impl Lab) {
    let (source, history) = somewhere_else().await;
    let held = lock(lab, "a").await;
    let adopted = commit(&*held, vec![adopt(&source, &history)]).await;
    assert_eq!(adopted.serial, source.serial);
    assert_eq!(held.snapshot().await.expect("a snapshot"), source);
    held.release().await.expect("a release");
    assert_eq!(load(lab).await, Some(source.clone()));
    assert_eq!(lab.store().history().await.expect("a history"), history);

    let held = lock(lab, "b").await;
    let next = commit(&*held, vec![put("later", json!(1))]).await;
    assert_eq!(next.serial, source.serial.next());
    held.release().await.expect("a release");
    let seen = load(lab).await.expect("a state");
    assert_eq!(
        (seen.lineage, seen.records.len()),
        (source.lineage, source.records.len() + 1)
    );
}

/// Another lineage is refused, and so is the same one where it is not later.
pub async fn what_is_there_is_not_overwritten_by_another_state(lab: &impl Lab) {
    let (mut source, history) = somewhere_else().await;
    let held = lock(lab, "a").await;
    commit(&*held, vec![put("a", json!(1))]).await;
    let here = held.snapshot().await.expect("a snapshot");
    match held.commit(vec![adopt(&source, &history)]).await {
        Err(StoreError::LineageMismatch { expected, found }) => {
            assert_eq!((expected, found), (here.lineage, source.lineage));
        }
        other => panic!("{other:?}"),
    }
    source.lineage = here.lineage;
    source.serial = here.serial;
    let refused = held.commit(vec![adopt(&source, &history)]).await;
    assert!(matches!(refused, Err(StoreError::NotLater { .. })), "{refused:?}");
    assert_eq!(held.snapshot().await.expect("a snapshot"), here);
    source.serial = here.serial.next();
    commit(&*held, vec![adopt(&source, &history)]).await;
    held.release().await.expect("a release");
    assert_eq!(load(lab).await, Some(source));
}

/// Another state in the place of this one is later than both; what is the same in both keeps its revision.
pub async fn a_state_is_replaced_and_its_history_is_not(lab: &impl Lab) {
    let (mut source, _) = somewhere_else().await;
    let held = lock(lab, "a").await;
    let run = RunId::random();
    commit(
        &*held,
        vec![begin(run, json!(0)), end(run, "here"), put("b", json!(null))],
    )
    .await;
    commit(&*held, vec![put("a", json!(1)), begin(RunId::random(), json!(1))]).await;
    let here = held.snapshot().await.expect("a snapshot");
    let replaced = commit(&*held, vec![replace(&source), Edit::Log(line("pushed"))]).await;
    assert_eq!(replaced.serial, source.serial.max(here.serial).next());
    assert_eq!(
        replaced.revisions.keys().cloned().collect::<Vec<_>>(),
        [key("new"), key("old")]
    );
    held.release().await.expect("a release");

    let seen = load(lab).await.expect("a state");
    assert_eq!(
        (seen.lineage, seen.fingerprint_key(), &seen.run),
        (source.lineage, source.fingerprint_key(), &source.run)
    );
    assert_eq!(documents(&seen), documents(&source));
    let revision = |of: &Snapshot, name| of.records.get(&key(name)).map(|record| record.revision);
    assert_eq!(revision(&seen, "b"), revision(&here, "b"));
    assert_eq!(revision(&seen, "new"), Some(replaced.serial.into()));
    let summaries =
        |history: Vec<crate::HistoryEntry>| -> Vec<String> { history.into_iter().map(|entry| entry.summary).collect() };
    let mut expected = vec!["here".to_owned()];
    expected.extend(summaries(source.history.clone()));
    expected.push("pushed".to_owned());
    assert_eq!(summaries(lab.store().history().await.expect("a history")), expected);

    // An earlier one is put in place as well: what it lacks is gone, and the serial grows all the same.
    source.serial = Serial::new(1);
    source.records.remove(&key("new"));
    source.run = None;
    let held = lock(lab, "b").await;
    let again = commit(&*held, vec![replace(&source)]).await;
    assert_eq!(again.serial, seen.serial.next());
    let seen = held.snapshot().await.expect("a snapshot");
    assert_eq!((documents(&seen), &seen.run), (documents(&source), &None));
    held.release().await.expect("a release");
}

/// A line in the history leaves the open run open.
pub async fn what_was_no_run_is_history_too(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    let run = RunId::random();
    commit(&*held, vec![begin(run, json!(0)), Edit::Log(line("moved"))]).await;
    commit(&*held, vec![Edit::Log(line("removed")), end(run, "applied")]).await;
    held.release().await.expect("a release");
    let history = lab.store().history().await.expect("a history");
    let told: Vec<&str> = history.iter().map(|entry| entry.summary.as_str()).collect();
    assert_eq!(told, ["moved", "removed", "applied"]);
    assert_eq!(
        load(lab).await.map(|seen| (seen.history, seen.run)),
        Some((history, None))
    );
}

/// Whoever asks is told who holds the lock, without taking it.
pub async fn the_holder_can_be_asked_for(lab: &impl Lab) {
    assert_eq!(lab.store().holder().await.expect("nobody"), None);
    let held = lock(lab, "a").await;
    let seen = lab.store().holder().await.expect("a holder");
    let (holder, life) = (holder("a"), Life::Alive);
    assert_eq!(seen, Some(HeldLock { holder, life }));
    commit(&*held, vec![put("a", json!(1))]).await;
    held.release().await.expect("a release");
    assert_eq!(lab.store().holder().await.expect("nobody"), None);
}

/// Breaking a lock keeps its holder from writing, or is refused; it never meets anybody who was not named.
pub async fn only_the_named_holder_loses_the_lock(lab: &impl Lab) {
    assert_eq!(lab.store().break_lock(&Actor::new("a")).await.expect("nobody"), None);
    let held = lock(lab, "a").await;
    match lab.store().break_lock(&Actor::new("b")).await {
        Err(StoreError::HeldByAnother { named, holder: other }) => {
            assert_eq!((named, *other), (Actor::new("b"), holder("a")));
        }
        other => panic!("{other:?}"),
    }
    commit(&*held, vec![put("a", json!(1))]).await;
    match lab.store().break_lock(&Actor::new("a")).await {
        Ok(broken) => {
            assert_eq!(broken, Some(holder("a")));
            let next = lock(lab, "next").await;
            let refused = held.commit(vec![put("a", json!(2))]).await;
            assert!(matches!(refused, Err(StoreError::LockLost { .. })), "{refused:?}");
            drop(held);
            commit(&*next, vec![put("b", json!(3))]).await;
            next.release().await.expect("a release");
        }
        Err(StoreError::HolderLives(other)) => {
            assert_eq!(*other, holder("a"));
            commit(&*held, vec![put("b", json!(3))]).await;
            held.release().await.expect("a release");
        }
        Err(error) => panic!("{error}"),
    }
    let seen = load(lab).await.expect("a state");
    assert_eq!(documents(&seen), [("a", json!(1)), ("b", json!(3))]);
}

/// What a store elsewhere remembers, with its whole history.
async fn somewhere_else() -> (Snapshot, Vec<crate::HistoryEntry>) {
    let store = super::MemoryStore::new();
    let held = store.lock(intent("elsewhere")).await.expect("a free lock");
    for round in 0..205 {
        let run = RunId::random();
        commit(&*held, vec![begin(run, json!(round)), end(run, &round.to_string())]).await;
    }
    commit(
        &*held,
        vec![put("old", json!({"x": "x".repeat(6_000)})), put("b", json!(null))],
    )
    .await;
    commit(&*held, vec![put("new", json!([1, 2.5]))]).await;
    let run = RunId::random();
    commit(&*held, vec![begin(run, json!({"steps": [1]})), intend(run, 1, 1)]).await;
    held.release().await.expect("a release");
    let snapshot = store.load().await.expect("a load").expect("a state");
    (snapshot, store.history().await.expect("a history"))
}

/// What a later pgferry wrote is neither read nor written.
pub async fn a_newer_format_is_refused(lab: &impl Lab) {
    let held = lock(lab, "a").await;
    commit(&*held, vec![put("a", json!(1))]).await;
    held.release().await.expect("a release");
    lab.pretend_newer().await;
    let load = lab.store().load().await.map(|_| ());
    let lock = lab.store().lock(intent("a")).await.map(|_| ());
    let history = lab.store().history().await.map(|_| ());
    for refused in [load, lock, history] {
        match refused {
            Err(StoreError::NewerFormat { found, known }) => {
                assert!(found > known);
                assert_eq!(known, FormatVersion::CURRENT);
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn load(lab: &impl Lab) -> Option<Snapshot> {
    lab.store().load().await.expect("a load")
}

async fn lock(lab: &impl Lab, who: &str) -> Box<dyn Held> {
    lab.store().lock(intent(who)).await.expect("a free lock")
}

async fn commit(held: &dyn Held, edits: Vec<Edit>) -> Committed {
    held.commit(edits).await.expect("a commit")
}

fn holder(who: &str) -> Holder {
    let run = Some("0d6f8a54-6b1c-4a0e-9d1a-2f1f3f6b7c11".parse().expect("a run"));
    Holder {
        who: Actor::new(who),
        process: 4711,
        command: "pgferry apply".to_owned(),
        run,
        since: moment(),
    }
}

fn intent(who: &str) -> Intent {
    Intent { holder: holder(who) }
}

fn moment() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn key(name: &str) -> RecordKey {
    name.parse().expect("a key")
}

fn documents(snapshot: &Snapshot) -> Vec<(&str, Value)> {
    snapshot
        .records
        .iter()
        .map(|(key, record)| (key.as_str(), record.document.clone()))
        .collect()
}

fn put(name: &str, document: Value) -> Edit {
    Edit::Put {
        key: key(name),
        document,
    }
}

fn put_if(name: &str, document: Value, expected: Option<Revision>) -> Edit {
    Edit::PutIf {
        key: key(name),
        document,
        expected,
    }
}

fn remove(name: &str) -> Edit {
    Edit::Remove { key: key(name) }
}

fn rename(from: &str, to: &str) -> Edit {
    Edit::Rename {
        from: key(from),
        to: key(to),
    }
}

fn adopt(state: &Snapshot, history: &[crate::HistoryEntry]) -> Edit {
    Edit::Adopt {
        state: Box::new(state.clone()),
        history: history.to_vec(),
    }
}

fn replace(state: &Snapshot) -> Edit {
    Edit::Replace {
        state: Box::new(state.clone()),
    }
}

/// A line of history for what was no run.
fn line(summary: &str) -> crate::HistoryEntry {
    crate::HistoryEntry {
        approval: None,
        account: crate::Account::default(),
        run: RunId::random(),
        started: moment(),
        finished: moment(),
        by: Actor::new("a"),
        plan_fingerprint: String::new(),
        outcome: RunOutcome::Succeeded,
        summary: summary.to_owned(),
    }
}

fn begin(run: RunId, plan: Value) -> Edit {
    Edit::BeginRun {
        approval: Some(Approval::Fingerprint),
        run,
        started: moment(),
        by: Actor::new("a@test"),
        plan,
        plan_fingerprint: "f00d".to_owned(),
    }
}

/// All that can be known of an end.
fn account() -> Account {
    let failure = |code: &str| UnitFailure {
        unit: "u#1".to_owned(),
        code: code.to_owned(),
        message: "it said \"no\"".to_owned(),
    };
    Account {
        ended_by: Some(Actor::new("b@test")),
        exit: Some(3),
        failures: vec![failure("Conflict"), failure("gate_closed")],
    }
}

fn end(run: RunId, summary: &str) -> Edit {
    Edit::EndRun {
        account: account(),
        run,
        finished: moment(),
        outcome: RunOutcome::Succeeded,
        summary: summary.to_owned(),
    }
}

fn intend(run: RunId, step: u32, attempt: u32) -> Edit {
    let [unit, method, body_hash] = ["u", "PUT", "h"].map(str::to_owned);
    Edit::Intent {
        run,
        step: StepId::new(step),
        attempt,
        unit,
        method,
        body_hash,
    }
}
