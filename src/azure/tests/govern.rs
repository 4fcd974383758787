//! The throttle governor: full speed while there is plenty, slower when little is left (2.6).

use jiff::SignedDuration;

use super::log::capture;
use super::rig::{BASE, Rig, SERVER, Seen, VNET, answer, body, call, id, refusal};
use crate::arm::{ArmRead, ArmWrite, Failure, Verb};
use crate::azure::policy::govern::Caps;

const LINK: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones/z.example/virtualNetworkLinks/l";

fn left(number: u64) -> super::rig::Step {
    let number = number.to_string();
    answer(
        200,
        &[("x-ms-ratelimit-remaining-subscription-reads", number.as_str())],
        "{}",
    )
}

fn seconds(from: &Seen, to: &Seen) -> f64 {
    to.at.duration_since(from.at).as_secs_f64()
}

#[tokio::test]
async fn plenty_left_means_full_speed() {
    let rig = Rig::new((0..200).map(|spent| left(799 - spent)).collect());
    for _ in 0..200 {
        rig.client.get(&id(VNET)).await.unwrap();
    }
    assert!(rig.clock.slept().is_empty());
    let remaining = rig.client.remaining();
    assert_eq!(remaining.len(), 1);
    assert_eq!(remaining[0].left, 600);
    assert_eq!(remaining[0].bucket.service, "microsoft.network");
}

#[tokio::test]
async fn the_less_is_left_the_wider_calls_are_spread() {
    let rig = Rig::new(vec![left(250), left(49), left(25), left(0), left(0), left(0)]);
    for _ in 0..6 {
        rig.client.get(&id(VNET)).await.unwrap();
    }
    let slept = rig.clock.slept();
    // The first call in the low range goes at once and sets the pace for the next.
    let expected = [0.0212, 0.05, 0.08];
    assert_eq!(slept.len(), 3, "{slept:?}");
    for (slept, expected) in slept.iter().zip(expected) {
        assert!((slept - expected).abs() < 1e-6, "{slept} is not {expected}");
    }
}

#[tokio::test]
async fn an_old_reading_slows_nobody_down() {
    let rig = Rig::built(
        vec![left(250), left(0)],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    for _ in 0..4 {
        rig.client.get(&id(VNET)).await.unwrap();
    }
    assert_eq!(rig.clock.slept().len(), 1);
    rig.clock.advance(61);
    for _ in 0..50 {
        rig.client.get(&id(VNET)).await.unwrap();
    }
    assert_eq!(rig.clock.slept().len(), 1);
}

#[tokio::test]
async fn thirty_two_calls_of_a_bucket_are_on_their_way_at_once() {
    let rig = Rig::always(answer(200, &[], "{}"));
    let (vnet, other) = (id(VNET), id(&VNET.replace("/s/", "/other/")));
    futures_util::future::join_all((0..100).map(|_| rig.client.get(&vnet))).await;
    assert_eq!(rig.most_in_flight(), 32);
    let both = (0..200).map(|number| rig.client.get(if number % 2 == 0 { &vnet } else { &other }));
    futures_util::future::join_all(both).await;
    assert_eq!(rig.most_in_flight(), 64);
}

#[tokio::test]
async fn services_subscriptions_and_classes_have_their_own_buckets() {
    let empty = answer(200, &[("x-ms-ratelimit-remaining-subscription-reads", "0")], "{}");
    let rig = Rig::built(
        vec![left(250), empty.clone(), empty],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    for _ in 0..3 {
        rig.client.get(&id(VNET)).await.unwrap();
    }
    let before = rig.clock.slept().len();
    rig.client.get(&id(&VNET.replace("/s/", "/other/"))).await.unwrap();
    rig.client.get(&id(LINK)).await.unwrap();
    rig.client.begin(&call(Verb::Put, VNET), Some(&body())).await.unwrap();
    rig.client.begin(&call(Verb::Delete, VNET), None).await.unwrap();
    assert_eq!(rig.clock.slept().len(), before);
}

#[tokio::test]
async fn one_throttled_answer_holds_back_the_others() {
    let rig = Rig::built(
        vec![refusal(429, &[("retry-after", "20")], "TooManyRequests")],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    let vnet = id(VNET);
    rig.client.get(&vnet).await.unwrap();
    rig.client.get(&vnet).await.unwrap();
    let seen = rig.seen();
    assert_eq!(seen.len(), 3);
    assert!((seconds(&seen[0], &seen[1]) - 20.0).abs() < 1e-6);
}

#[tokio::test]
async fn one_answer_that_asks_for_an_hour_is_told_to_all_whom_it_concerns_and_freezes_nobody() {
    let rig = Rig::built(
        vec![refusal(429, &[("retry-after", "3600")], "TooManyRequests")],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    let (vnet, other) = (id(VNET), id(&format!("{VNET}2")));
    let asked = |failure: &Failure| failure.asked().map(|asked| asked.as_secs());
    let error = rig.client.get(&vnet).await.unwrap_err();
    assert_eq!(asked(&error.failure), Some(3600));
    rig.clock.advance(600);
    let error = rig.client.get(&other).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Throttled { .. }), "{error:?}");
    assert_eq!(asked(&error.failure), Some(3000), "what is left of it");
    assert_eq!(rig.seen().len(), 1, "nothing is sent that would be refused");
    assert!(rig.clock.slept().is_empty());
    rig.client
        .begin(&call(Verb::Put, VNET), Some(&body()))
        .await
        .expect("writes have a quota of their own");

    rig.clock.advance(2400);
    rig.client.get(&other).await.expect("ten minutes are waited out");
    assert_eq!(rig.clock.slept(), [600.0]);
}

#[tokio::test]
async fn what_was_looked_at_before_a_call_does_not_get_old_in_the_line() {
    let migration = format!("{SERVER}/migrations/m1");
    let cutover = call(Verb::Patch, &migration);
    let rig = Rig::built(
        vec![refusal(429, &[("retry-after", "60")], "TooManyRequests")],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    for left in [60, 40] {
        let error = rig.client.begin(&cutover, Some(&body())).await.unwrap_err();
        assert!(matches!(error.failure, Failure::Throttled { .. }), "{error:?}");
        assert_eq!(error.failure.asked().map(|asked| asked.as_secs()), Some(left));
        rig.clock.advance(20);
    }
    assert_eq!(rig.seen().len(), 1, "told before it was sent");
    assert!(rig.clock.slept().is_empty());
    rig.clock.advance(19);
    rig.client.begin(&cutover, Some(&body())).await.unwrap();
    assert_eq!(rig.clock.slept(), [1.0], "a moment is waited");
}

#[tokio::test]
async fn a_long_line_behind_a_throttled_answer_is_announced_once() {
    let (captured, _guard) = capture();
    let rig = Rig::built(
        vec![refusal(429, &[("retry-after", "1000")], "TooManyRequests")],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    let vnet = id(VNET);
    assert!(rig.client.get(&vnet).await.is_err());
    rig.clock.advance(200);
    for found in futures_util::future::join_all((0..20).map(|_| rig.client.get(&vnet))).await {
        found.unwrap();
    }
    let log = captured.text();
    let lines: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("INFO") && line.contains("waits before it is sent"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    for part in ["the quota of its kind is used up", "seconds=800", "microsoft.network"] {
        assert!(lines[0].contains(part), "{}", lines[0]);
    }
}

#[tokio::test]
async fn a_conflict_disguised_as_429_holds_nobody_back() {
    let rig = Rig::built(
        vec![refusal(429, &[("retry-after", "20")], "AnotherOperationInProgress")],
        Some(answer(200, &[], "{}")),
        Caps::Always,
        3600,
    );
    let put = call(Verb::Put, VNET);
    assert!(rig.client.begin(&put, Some(&body())).await.is_err());
    rig.client.begin(&put, Some(&body())).await.unwrap();
    assert!(rig.clock.slept().is_empty());
}

#[tokio::test]
async fn private_dns_is_read_five_hundred_times_in_five_minutes_and_no_more() {
    let rig = Rig::always(answer(200, &[], "{}"));
    for _ in 0..1200 {
        rig.client.get(&id(LINK)).await.unwrap();
    }
    let window = SignedDuration::from_mins(5);
    let at: Vec<_> = rig.seen().iter().map(|seen| seen.at).collect();
    for (first, sent) in at.iter().enumerate() {
        let within = at[first..]
            .iter()
            .filter(|other| other.duration_since(*sent) < window)
            .count();
        assert!(within <= 500, "{within} reads within five minutes");
    }
    let took = at[1199].duration_since(at[0]);
    assert_eq!(took, SignedDuration::from_mins(10), "and no slower than that");
}

#[tokio::test]
async fn a_simulator_that_does_not_count_is_not_slowed_down() {
    let rig = Rig::built(Vec::new(), Some(left(250)), Caps::WhereCounted, 3600);
    for _ in 0..600 {
        rig.client.get(&id(LINK)).await.unwrap();
    }
    assert!(rig.clock.slept().is_empty());

    let mut steps = vec![left(250), left(249)];
    steps.extend((0..600).map(|_| left(250)));
    let rig = Rig::built(steps, None, Caps::WhereCounted, 3600);
    for _ in 0..600 {
        rig.client.get(&id(LINK)).await.unwrap();
    }
    assert!(!rig.clock.slept().is_empty(), "one that counts is");
}

#[tokio::test]
async fn polls_draw_on_the_quota_of_what_they_are_about() {
    let poll =
        format!("{BASE}/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsOperationStatuses/1");
    let rig = Rig::new(vec![
        answer(202, &[("azure-asyncoperation", &poll), ("retry-after", "0")], ""),
        answer(
            200,
            &[("x-ms-ratelimit-remaining-subscription-reads", "7")],
            r#"{"status":"Succeeded"}"#,
        ),
    ]);
    let operation = rig.client.begin(&call(Verb::Delete, LINK), None).await.unwrap();
    rig.client
        .finish(operation, std::time::Duration::from_secs(60))
        .await
        .unwrap();
    assert_eq!(
        rig.client.remaining()[0].bucket.service,
        "microsoft.network/privatednszones"
    );
}
