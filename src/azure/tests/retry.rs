//! What is sent again, when, and what never is (2.7).

use std::time::Duration;

use super::rig::{Rig, SERVER, Step, VNET, answer, body, call, code, id, no_answer, refusal};
use crate::arm::error::Delivery;
use crate::arm::{ArmRead, ArmWrite, Conflict, Failure, Found, Retry, Verb};
use crate::azure::policy::govern::Caps;

const MIGRATION: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DBforPostgreSQL/flexibleServers/pg/migrations/m1";

fn fine() -> Step {
    answer(200, &[], "{}")
}

/// Begins a call whose first answer is this; says how often it was sent and whether it went through.
async fn sent(verb: Verb, on: &str, first: Step) -> (usize, bool) {
    let rig = Rig::new(vec![first, fine()]);
    let body = match &verb {
        Verb::Put | Verb::Patch => Some(body()),
        Verb::Get | Verb::Delete | Verb::Post(_) => None,
    };
    let outcome = rig.client.begin(&call(verb, on), body.as_ref()).await;
    (rig.seen().len(), outcome.is_ok())
}

#[tokio::test]
async fn passing_statuses_are_repeated_with_growing_pauses() {
    for status in [408, 500, 502, 503, 504] {
        let rig = Rig::new(vec![answer(status, &[], ""), answer(status, &[], ""), fine()]);
        rig.client.get(&id(VNET)).await.unwrap();
        assert_eq!(rig.clock.slept(), [0.8, 1.6], "{status}");
        assert_eq!(rig.client.requests().retries, 2);
        assert_eq!(rig.client.requests().reads, 1);
    }
}

#[tokio::test]
async fn the_answer_to_another_call_is_taken_for_none() {
    let foreign = || {
        answer(
            200,
            &[("x-ms-client-request-id", "of another call")],
            r#"{"name":"another"}"#,
        )
    };
    let rig = Rig::new(vec![foreign(), answer(200, &[], r#"{"name":"v"}"#)]);
    let found = rig.client.get(&id(VNET)).await.unwrap();
    assert!(matches!(found, Found::Present(object) if object["name"] == "v"));
    assert_eq!(rig.seen().len(), 2);
    // What it did is open, so that only its caller can say whether it may be made again.
    assert_eq!(sent(Verb::Put, MIGRATION, foreign()).await, (1, false));
    assert_eq!(sent(Verb::Patch, MIGRATION, foreign()).await, (1, false));
    assert_eq!(sent(Verb::Put, VNET, foreign()).await, (2, true));
}

#[tokio::test]
async fn the_number_of_attempts_is_bounded() {
    let rig = Rig::always(answer(500, &[], ""));
    let error = rig.client.get(&id(VNET)).await.unwrap_err();
    assert_eq!(code(&error.failure), "HTTP 500");
    assert_eq!(rig.seen().len(), 10);
    assert_eq!(rig.clock.slept(), [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 120.0]);
}

#[tokio::test]
async fn refusals_are_final() {
    for status in [400, 401, 403, 409, 412, 422] {
        let rig = Rig::new(vec![refusal(status, &[], "X")]);
        assert!(rig.client.get(&id(VNET)).await.is_err());
        assert_eq!(rig.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_each_of_its_forms() {
    for (headers, pause) in [
        (("retry-after", "17"), 17.0),
        (("Retry-After", "Sun, 01 Nov 2026 12:00:42 GMT"), 42.0),
        (("x-ms-retry-after-ms", "1500"), 1.5),
    ] {
        for status in [409, 429, 503] {
            let rig = Rig::new(vec![refusal(status, &[headers], "X"), fine()]);
            rig.client.get(&id(VNET)).await.unwrap();
            let slept: f64 = rig.clock.slept().iter().sum();
            assert!((slept - pause).abs() < 1e-9, "{status} {headers:?} slept {slept}");
        }
    }
}

#[tokio::test]
async fn short_throttling_is_waited_out_without_using_up_attempts() {
    let mut steps: Vec<Step> = (0..25)
        .map(|_| refusal(429, &[("retry-after", "5")], "TooManyRequests"))
        .collect();
    steps.push(fine());
    let rig = Rig::new(steps);
    rig.client.get(&id(VNET)).await.unwrap();
    assert_eq!(rig.seen().len(), 26);
}

#[tokio::test]
async fn throttling_without_end_is_reported_as_such() {
    let rig = Rig::always(refusal(429, &[("retry-after", "50")], "SubscriptionRequestsThrottled"));
    let error = rig.client.get(&id(VNET)).await.unwrap_err();
    insta::assert_snapshot!(error.failure, @"throttled; Azure asks to wait 50 s");
    assert_eq!(rig.seen().len(), 19, "fifteen minutes of waiting");

    let rig = Rig::new(vec![refusal(429, &[("retry-after", "3600")], "TooManyRequests")]);
    let error = rig.client.get(&id(VNET)).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Throttled { retry_after } if retry_after.as_secs() == 3600));
}

#[tokio::test]
async fn only_an_action_waits_out_a_conflict_since_of_everything_else_the_caller_has_to_look_first() {
    let statuses = [
        (429, "AnotherOperationInProgress"),
        (409, "AnotherOperationInProgress"),
        (400, "ReferencedResourceNotProvisioned"),
        (429, "RetryableError"),
        (409, "ServerIsBusy"),
        (409, "ServerBusy"),
        (500, "ServerIsBusy"),
        (400, "PrincipalNotFound"),
    ];
    for (status, code) in statuses {
        assert_eq!(
            sent(Verb::Post("restart".into()), SERVER, refusal(status, &[], code)).await,
            (2, true),
            "{status} {code}"
        );
        for (verb, id) in [
            (Verb::Put, SERVER),
            (Verb::Put, VNET),
            (Verb::Delete, SERVER),
            (Verb::Put, MIGRATION),
            (Verb::Patch, MIGRATION),
            (Verb::Delete, MIGRATION),
        ] {
            assert_eq!(
                sent(verb, id, refusal(status, &[], code)).await,
                (1, false),
                "{status} {code}: what was looked at before the call would be out of date"
            );
        }
    }
}

#[tokio::test]
async fn a_conflict_named_only_in_the_details_counts() {
    let wrapped = include_str!("../../../schemas/arm/examples/errors/RetryableError-429.json");
    let rig = Rig::new(vec![answer(429, &[], wrapped), fine()]);
    let restart = call(Verb::Post("restart".into()), SERVER);
    rig.client.begin(&restart, None).await.unwrap();
    assert_eq!(rig.clock.slept(), [1.0], "the pause of a conflict, not of a throttle");
}

#[tokio::test]
async fn a_conflict_that_does_not_pass_is_reported_in_the_end() {
    let rig = Rig::always(refusal(409, &[], "ServerIsBusy"));
    let restart = call(Verb::Post("restart".into()), SERVER);
    let error = rig.client.begin(&restart, None).await.unwrap_err();
    assert_eq!(code(&error.failure), "ServerIsBusy");
    assert_eq!(rig.clock.slept()[..7], [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
}

#[tokio::test]
async fn whoever_has_to_wait_out_a_conflict_hears_what_for_and_how_long() {
    for (status, headers, asked) in [
        (409, &[("retry-after", "90")][..], Some(90.0)),
        (429, &[("Retry-After", "Sun, 01 Nov 2026 12:00:42 GMT")], Some(42.0)),
        (409, &[("x-ms-retry-after-ms", "1500")], Some(1.5)),
        (409, &[], None),
    ] {
        let rig = Rig::new(vec![refusal(status, headers, "AnotherOperationInProgress")]);
        let (put, body) = (call(Verb::Put, VNET), body());
        let failure = rig.client.begin(&put, Some(&body)).await.unwrap_err().failure;
        assert!(rig.clock.slept().is_empty(), "the caller waits");
        assert_eq!(failure.retry(), Retry::AfterConflict);
        assert_eq!(failure.asked().map(|asked| asked.as_secs_f64()), asked, "{headers:?}");
        let Failure::Refused(error) = failure else {
            panic!("not refused but {failure:?}");
        };
        assert_eq!(error.conflict(), Some(Conflict::Neighbour));
        assert!(error.changed_nothing());
    }
}

#[tokio::test]
async fn a_lost_reply_is_repeated_only_where_twice_is_the_same_as_once() {
    let lost = || no_answer(Delivery::Unknown);
    assert_eq!(sent(Verb::Put, VNET, lost()).await, (2, true));
    assert_eq!(sent(Verb::Delete, VNET, lost()).await, (2, true));
    assert_eq!(sent(Verb::Delete, MIGRATION, lost()).await, (2, true));
    assert_eq!(sent(Verb::Patch, SERVER, lost()).await, (1, false));
    assert_eq!(sent(Verb::Post("restart".into()), SERVER, lost()).await, (1, false));
    assert_eq!(
        sent(Verb::Put, MIGRATION, lost()).await,
        (1, false),
        "a migration starts once"
    );

    let rig = Rig::new(vec![lost()]);
    let error = rig
        .client
        .begin(&call(Verb::Put, MIGRATION), Some(&body()))
        .await
        .unwrap_err();
    assert_eq!(error.failure.retry(), Retry::AfterConflict, "look again first");
}

#[tokio::test]
async fn what_never_left_is_always_repeated() {
    let unsent = || no_answer(Delivery::NotSent);
    assert_eq!(sent(Verb::Put, MIGRATION, unsent()).await, (2, true));
    assert_eq!(sent(Verb::Patch, SERVER, unsent()).await, (2, true));
    assert_eq!(sent(Verb::Post("restart".into()), SERVER, unsent()).await, (2, true));
}

#[tokio::test]
async fn a_server_error_leaves_open_whether_a_migration_was_created() {
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(
            sent(Verb::Put, MIGRATION, answer(status, &[], "")).await,
            (1, false),
            "{status}"
        );
        assert_eq!(
            sent(Verb::Patch, SERVER, answer(status, &[], "")).await,
            (1, false),
            "{status}"
        );
        assert_eq!(
            sent(Verb::Put, VNET, answer(status, &[], "")).await,
            (2, true),
            "{status}"
        );
    }
    for status in [429, 503] {
        let told = || answer(status, &[("retry-after", "1")], "");
        for (verb, id) in [(Verb::Put, MIGRATION), (Verb::Post("restart".into()), SERVER)] {
            assert_eq!(sent(verb, id, told()).await, (2, true), "{status}");
        }
    }
    for status in [500, 502, 504] {
        let told = answer(status, &[("retry-after", "1")], "");
        assert_eq!(
            sent(Verb::Put, MIGRATION, told).await,
            (1, false),
            "{status}: a gateway may have passed it on"
        );
    }
}

/// What comes of a call before which its caller looks, on a service that gives this answer for ever: how often it was sent, the
/// pauses in between, and the failure.
async fn promptly(step: Step) -> (usize, Vec<f64>, Failure) {
    let rig = Rig::always(step);
    let (cutover, body) = (call(Verb::Patch, MIGRATION), body());
    let error = rig.client.begin(&cutover, Some(&body)).await.unwrap_err();
    (rig.seen().len(), rig.clock.slept(), error.failure)
}

#[tokio::test]
async fn what_was_looked_at_before_a_call_does_not_get_old_while_it_waits() {
    let (sent, slept, failure) = promptly(answer(503, &[("retry-after", "600")], "")).await;
    assert_eq!((sent, slept), (1, vec![]));
    assert_eq!(code(&failure), "HTTP 503");
    assert_eq!(failure.retry(), Retry::After(Duration::from_secs(600)));

    let (sent, slept, failure) = promptly(answer(503, &[("retry-after", "1")], "")).await;
    assert_eq!((sent, slept), (3, vec![1.0, 1.0]), "two seconds in all");
    assert_eq!(failure.retry(), Retry::After(Duration::from_secs(1)));

    let (sent, slept, failure) = promptly(no_answer(Delivery::NotSent)).await;
    assert_eq!((sent, slept), (2, vec![0.8]));
    assert_eq!(failure.retry(), Retry::Same);

    for (headers, asked) in [(&[("retry-after", "30")][..], 30), (&[], 120)] {
        let (_, slept, failure) = promptly(refusal(429, headers, "TooManyRequests")).await;
        assert!(slept.iter().sum::<f64>() < 2.0, "{slept:?}");
        assert!(matches!(failure, Failure::Throttled { .. }), "{failure:?}");
        assert_eq!(failure.retry(), Retry::After(Duration::from_secs(asked)));
    }
}

#[tokio::test]
async fn a_service_that_was_never_reached_is_given_up_soon() {
    let rig = Rig::always(no_answer(Delivery::NotSent));
    assert!(rig.client.get(&id(VNET)).await.is_err());
    assert_eq!(rig.clock.slept(), [0.8, 1.6, 3.2]);

    let rig = Rig::built(vec![fine()], Some(no_answer(Delivery::NotSent)), Caps::Always, 3600);
    rig.client.get(&id(VNET)).await.unwrap();
    assert!(rig.client.get(&id(VNET)).await.is_err());
    assert_eq!(rig.seen().len(), 11, "one that was is given five minutes to come back");
}

#[tokio::test]
async fn an_answer_cut_short_is_asked_for_again() {
    let rig = Rig::new(vec![
        answer(200, &[], r#"{"value":[{"name":"#),
        answer(200, &[], r#"{"value":[]}"#),
    ]);
    let collection = id(VNET).collection().unwrap();
    assert_eq!(rig.client.list(&collection).await.unwrap(), Some(Vec::new()));
    let half = answer(201, &[], r#"{"properties":"#);
    assert_eq!(
        sent(Verb::Put, MIGRATION, half).await,
        (1, false),
        "the migration was created"
    );
}

#[tokio::test]
async fn each_conflict_has_its_own_patience() {
    for (code, minutes) in [
        ("PrincipalNotFound", 5.0),
        ("RetryableError", 15.0),
        ("ServerBusy", 30.0),
    ] {
        let rig = Rig::always(refusal(400, &[], code));
        let restart = call(Verb::Post("restart".into()), SERVER);
        assert!(rig.client.begin(&restart, None).await.is_err());
        let slept = rig.clock.slept().iter().sum::<f64>() / 60.0;
        assert!((minutes - 0.5..=minutes).contains(&slept), "{code}: {slept} minutes");
    }
}

#[tokio::test]
async fn a_body_is_sent_again_whole() {
    let rig = Rig::new(vec![answer(503, &[], ""), fine()]);
    rig.client.begin(&call(Verb::Put, VNET), Some(&body())).await.unwrap();
    for seen in rig.seen() {
        assert_eq!(seen.body.as_deref(), Some(r#"{"location":"westeurope"}"#));
    }
}
