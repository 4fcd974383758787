//! The server, over real HTTP on loopback.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{network, peering, peering_body, scenario, version};
use crate::simulator::serve::{
    Announcement, Options, ServeError, Tls, announce_path, forget, read_announcement, serve,
};
use crate::simulator::{TIME_HEADER, digest};

struct Served {
    options: Options,
    http: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), ServeError>>,
    base: String,
    /// Kept until the end of the test.
    _dir: Option<tempfile::TempDir>,
}

fn options(dir: &tempfile::TempDir, seed: &Value) -> Options {
    let file = dir.path().join("world.json");
    std::fs::write(&file, seed.to_string()).unwrap();
    Options {
        seed: Some(file),
        dir: dir.path().join(".pgferry/simulator"),
        port: 0,
        tls: Tls::Off,
        clock: Some("event".parse().unwrap()),
        idle_exit: None,
        announce: announce_path(dir.path()),
    }
}

async fn announced(path: &Path) -> Announcement {
    let began = Instant::now();
    loop {
        if let Some(announcement) = read_announcement(path) {
            return announcement;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "nobody announced {}",
            path.display()
        );
        tokio::task::yield_now().await;
    }
}

async fn start(options: Options) -> Served {
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(serve(options.clone(), stopped.map(|_| ())));
    let announcement = announced(&options.announce).await;
    assert_eq!(announcement.process_id, std::process::id());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Served {
        base: format!("http://127.0.0.1:{}", announcement.port),
        options,
        http,
        stop: Some(stop),
        task,
        _dir: None,
    }
}

async fn serving(seed: &Value) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let mut served = start(options(&dir, seed)).await;
    served._dir = Some(dir);
    served
}

impl Served {
    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}{path}{separator}api-version={}", self.base, version(path));
        self.http.request(method.parse().unwrap(), url).bearer_auth("x")
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        self.request("GET", path).send().await.unwrap()
    }

    async fn put(&self, path: &str, body: &Value) -> Result<reqwest::Response, reqwest::Error> {
        self.request("PUT", path).json(body).send().await
    }

    async fn control(&self, method: &str, rest: &str, body: &Value) -> reqwest::Response {
        let url = format!("{}/_simulator/{rest}", self.base);
        self.http
            .request(method.parse().unwrap(), url)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn now(&self) -> jiff::Timestamp {
        let clock: Value = self.control("GET", "clock", &Value::Null).await.json().await.unwrap();
        clock["now"].as_str().unwrap().parse().unwrap()
    }

    async fn sleep(&self, seconds: i64) -> jiff::Timestamp {
        let until = self.now().await + jiff::SignedDuration::from_secs(seconds);
        let reply = self.control("POST", "sleep", &json!({ "until": until })).await;
        reply.headers()[TIME_HEADER].to_str().unwrap().parse().unwrap()
    }

    async fn ended(mut self) -> Result<(), ServeError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.task.await.unwrap()
    }
}

#[tokio::test]
async fn with_the_event_clock_hours_pass_while_everybody_sleeps() {
    let served = serving(&scenario(&json!({}))).await;
    let before = served.now().await;
    let began = Instant::now();
    let woken = join_all([3600, 7200, 1800].map(|seconds| served.sleep(seconds))).await;
    let after: Vec<i64> = woken.iter().map(|at| at.duration_since(before).as_secs()).collect();
    assert!(
        after[0] >= 3600 && after[1] >= 7200 && after[2] >= 1800 && after[2] <= 3600,
        "{after:?}"
    );
    assert_eq!(served.now().await.duration_since(before).as_secs(), 7200);
    assert!(began.elapsed() < Duration::from_secs(5));
    served.ended().await.unwrap();
}

#[tokio::test]
async fn a_manual_clock_moves_only_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        clock: Some("manual".parse().unwrap()),
        ..options(&dir, &scenario(&json!({})))
    };
    let served = start(options).await;
    let before = served.now().await;
    let sleeping = served.sleep(3600);
    let advancing = async {
        loop {
            let clock: Value = served.control("GET", "clock", &Value::Null).await.json().await.unwrap();
            if clock["sleepers"] == 1 {
                break;
            }
        }
        assert_eq!(served.now().await, before);
        served.control("POST", "advance", &json!({ "by": "2h" })).await
    };
    let (woken, _) = tokio::join!(sleeping, advancing);
    assert_eq!(woken.duration_since(before).as_secs(), 7200);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn a_factor_clock_runs_with_real_time() {
    let served = serving(&scenario(&json!({}))).await;
    let reply = served.control("POST", "clock", &json!({ "mode": "x100000" })).await;
    assert_eq!(reply.json::<Value>().await.unwrap()["mode"], "x100000");
    let before = served.now().await;
    assert!(served.sleep(3600).await.duration_since(before).as_secs() >= 3600);
    let refused = served.control("POST", "clock", &json!({ "mode": "fast" })).await;
    assert_eq!(refused.status(), 400);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn two_starts_end_with_exactly_one_serving() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(&dir, &scenario(&json!({})));
    let served = start(options.clone()).await;
    let refused = serve(options.clone(), std::future::pending()).await.unwrap_err();
    assert!(
        matches!(refused, ServeError::AlreadyServed { process_id, .. } if process_id == std::process::id()),
        "{refused:?}"
    );
    assert!(matches!(forget(&options.dir), Err(ServeError::AlreadyServed { .. })));
    assert_eq!(served.get(&network("hub")).await.status(), 200);
    served.ended().await.unwrap();
    assert_eq!(read_announcement(&options.announce), None);
    forget(&options.dir).unwrap();
    assert!(!options.dir.join("world.json").exists());
}

#[tokio::test]
async fn the_world_survives_the_process_and_a_reset_returns_to_the_seed() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(&dir, &scenario(&json!({ "latencies": false })));
    let served = start(options.clone()).await;
    assert_eq!(
        served
            .put(&peering("hub", "runtime"), &peering_body("runtime"))
            .await
            .unwrap()
            .status(),
        201
    );
    served.ended().await.unwrap();
    let served = start(options).await;
    assert_eq!(served.get(&peering("hub", "runtime")).await.status(), 200);
    assert_eq!(served.control("POST", "reset", &Value::Null).await.status(), 200);
    assert_eq!(served.get(&peering("hub", "runtime")).await.status(), 404);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn a_reset_takes_up_what_was_written_into_the_seed_since() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(&dir, &scenario(&json!({ "latencies": false })));
    let path = options.seed.clone().unwrap();
    let served = start(options).await;
    let grown_from = |clock: Value| clock["seed_digest"].as_str().unwrap().to_owned();
    let before = grown_from(served.control("GET", "clock", &Value::Null).await.json().await.unwrap());
    let text = fs::read_to_string(&path).unwrap() + "\n";
    fs::write(&path, &text).unwrap();
    let reset = served.control("POST", "reset", &Value::Null).await;
    let after = grown_from(reset.json().await.unwrap());
    assert_ne!(after, before);
    assert_eq!(after, digest(&text));
    fs::remove_file(&path).unwrap();
    assert_eq!(served.control("POST", "reset", &Value::Null).await.status(), 400);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn replies_are_lost_cut_short_and_late() {
    let served = serving(&scenario(&json!({ "latencies": false }))).await;
    let fault = |fault: Value| json!({ "method": "PUT", "path": "*/virtualNetworkPeerings/*", "fault": fault });
    served
        .control("POST", "faults", &fault(json!({ "kind": "reset_after" })))
        .await;
    assert!(
        served
            .put(&peering("hub", "runtime"), &peering_body("runtime"))
            .await
            .is_err()
    );
    assert_eq!(
        served.get(&peering("hub", "runtime")).await.status(),
        200,
        "the effect is there, only the reply was lost"
    );
    served
        .control("POST", "faults", &fault(json!({ "kind": "reset_before" })))
        .await;
    assert!(
        served
            .put(&peering("runtime", "hub"), &peering_body("hub"))
            .await
            .is_err()
    );
    assert_eq!(served.get(&peering("runtime", "hub")).await.status(), 404);
    served
        .control("POST", "faults", &fault(json!({ "kind": "truncate", "bytes": 20 })))
        .await;
    let cut = served
        .put(&peering("runtime", "hub"), &peering_body("hub"))
        .await
        .unwrap();
    assert_eq!(cut.status(), 201);
    assert!(cut.bytes().await.is_err());
    served
        .control("POST", "faults", &json!({ "fault": { "kind": "slow", "by": "10m" } }))
        .await;
    let before = served.now().await;
    assert_eq!(served.get(&network("hub")).await.status(), 200);
    assert!(served.now().await.duration_since(before).as_secs() >= 600);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn an_answer_comes_twice_in_two_parts_or_is_that_of_another_call() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let served = serving(&scenario(&json!({ "latencies": false }))).await;
    let fault = |fault: Value| json!({ "method": "GET", "fault": fault });

    served
        .control(
            "POST",
            "faults",
            &fault(json!({ "kind": "slow_body", "milliseconds": 40 })),
        )
        .await;
    let began = Instant::now();
    let slow = served.get(&network("hub")).await;
    let body: Value = slow.json().await.unwrap();
    assert_eq!(body["name"], "hub");
    assert!(began.elapsed() >= Duration::from_millis(40));

    served
        .control("POST", "faults", &fault(json!({ "kind": "duplicate" })))
        .await;
    let mut raw = tokio::net::TcpStream::connect(served.base.trim_start_matches("http://"))
        .await
        .unwrap();
    let path = network("hub");
    let line = format!(
        "GET {path}?api-version={} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n\r\n",
        version(&path)
    );
    raw.write_all(line.as_bytes()).await.unwrap();
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while String::from_utf8_lossy(&all).matches("HTTP/1.1 200 OK").count() < 2 {
        let count = raw.read(&mut some).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&some[..count]);
    }
    drop(raw);

    served
        .control(
            "POST",
            "faults",
            &json!({ "method": "PUT", "fault": { "kind": "another_answer" } }),
        )
        .await;
    let named = |method: &str, path: &str, name: &str| {
        let request = served.request(method, path).header("x-ms-client-request-id", name);
        request.header("x-ms-return-client-request-id", "true")
    };
    named("GET", &network("runtime"), "first").send().await.unwrap();
    let put = named("PUT", &peering("hub", "runtime"), "second").json(&peering_body("runtime"));
    let answer = put.send().await.unwrap();
    assert_eq!(answer.headers()["x-ms-client-request-id"], "first");
    assert_eq!(answer.json::<Value>().await.unwrap()["name"], "runtime");
    assert_eq!(
        served.get(&peering("hub", "runtime")).await.status(),
        200,
        "it took effect"
    );
    served.ended().await.unwrap();
}

#[tokio::test]
async fn a_dying_service_saves_nothing_and_frees_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(&dir, &scenario(&json!({ "latencies": false })));
    let served = start(options.clone()).await;
    served
        .control(
            "POST",
            "faults",
            &json!({ "method": "PUT", "fault": { "kind": "service_dies" } }),
        )
        .await;
    assert!(
        served
            .put(&peering("hub", "runtime"), &peering_body("runtime"))
            .await
            .is_err()
    );
    assert!(matches!(served.ended().await, Err(ServeError::ToldToDie)));
    let served = start(options).await;
    assert_eq!(served.get(&network("hub")).await.status(), 200);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn it_ends_when_told_and_when_idle() {
    let served = serving(&scenario(&json!({}))).await;
    assert_eq!(served.control("POST", "shutdown", &Value::Null).await.status(), 202);
    served.task.await.unwrap().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        idle_exit: Some(Duration::from_millis(50)),
        ..options(&dir, &json!({}))
    };
    serve(options, std::future::pending()).await.unwrap();
}

#[tokio::test]
async fn with_tls_its_own_authority_vouches_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        tls: Tls::OwnAuthority,
        ..options(&dir, &scenario(&json!({})))
    };
    let served = start(options).await;
    let pem = std::fs::read(served.options.dir.join("ca.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    let http = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let announced = read_announcement(&served.options.announce).unwrap();
    let base = format!("https://localhost:{}", announced.tls_port.unwrap());
    let endpoints: Value = http
        .get(format!("{base}/metadata/endpoints?api-version=2022-09-01"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(endpoints["resourceManager"], format!("{base}/"));
    // It is the same world for whoever comes in without TLS.
    assert_eq!(served.get(&network("hub")).await.status(), 200);
    served.ended().await.unwrap();
}

#[tokio::test]
async fn secrets_are_in_no_file_and_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let served = start(options(&dir, &scenario(&json!({ "latencies": false })))).await;
    let body = super::migration_body(&["db0"], &json!({}));
    assert_eq!(
        served
            .put(&super::migration("pg-target", "m1"), &body)
            .await
            .unwrap()
            .status(),
        201
    );
    let log = served
        .control("GET", "requests", &Value::Null)
        .await
        .text()
        .await
        .unwrap();
    assert!(log.contains("/migrations/m1") && !log.contains("hunter2"), "{log}");
    let export = served.control("GET", "world", &Value::Null).await.text().await.unwrap();
    assert!(!export.contains("hunter2"));
    let kept = served.options.dir.clone();
    served.ended().await.unwrap();
    assert!(kept.join("world.json").exists());
    for file in std::fs::read_dir(kept).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("hunter2"));
    }
}

#[tokio::test]
async fn the_log_counts_and_tells_what_came_since() {
    let served = serving(&scenario(&json!({}))).await;
    served.get(&network("hub")).await;
    served.get(&network("target")).await;
    let count: Value = served
        .control("GET", "requests/count", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (
            &count["total"],
            &count["by_type"]["Microsoft.Network/virtualNetworks"]["GET"]
        ),
        (&json!(2), &json!(2))
    );
    let since: Value = served
        .control("GET", "requests?since=1", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        (since[0]["sequence"].as_u64(), since.as_array().unwrap().len()),
        (Some(2), 1)
    );
    served.control("DELETE", "requests", &Value::Null).await;
    let none: Value = served
        .control("GET", "requests", &Value::Null)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(none, json!([]));
    served.ended().await.unwrap();
}
