//! Traces: the command, its steps and its calls reach whoever is named, with the ids of Azure and without a secret; nobody
//! unless one is named; and one who does not take them holds nothing up.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::{Value as Json, json};

use crate::support::{Ferry, PASSWORD, until};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const TOKEN: &str = "t0ken-of-the-collector";

/// What becomes of what is sent.
#[derive(Clone, Copy)]
enum Manner {
    Taken,
    NeverAnswered,
}

/// Whoever takes traces.
struct Collector {
    address: String,
    connections: Arc<AtomicUsize>,
    posts: Arc<Mutex<Vec<Post>>>,
}

/// One request as it came.
struct Post {
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Collector {
    fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (connections, posts) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Post>>>::default());
        let collector = Self {
            address,
            connections: Arc::clone(&connections),
            posts: Arc::clone(&posts),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let posts = Arc::clone(&posts);
                std::thread::spawn(move || serve(&stream.unwrap(), manner, &posts));
            }
        });
        collector
    }

    fn spans(&self) -> Vec<Span> {
        let posts = self.posts.lock().unwrap();
        let requests = posts
            .iter()
            .map(|post| ExportTraceServiceRequest::decode(&*post.body).unwrap());
        let scopes = requests.flat_map(|request| request.resource_spans.into_iter().flat_map(|it| it.scope_spans));
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Everything that came, as text.
    fn text(&self) -> String {
        let posts = self.posts.lock().unwrap();
        posts.iter().map(|post| String::from_utf8_lossy(&post.body)).collect()
    }
}

/// Reads requests until the other side goes away.
fn serve(stream: &TcpStream, manner: Manner, posts: &Mutex<Vec<Post>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let length = lines.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            (name.eq_ignore_ascii_case("content-length")).then(|| value.parse().unwrap())
        });
        let mut body = vec![0; length.unwrap()];
        reader.read_exact(&mut body).unwrap();
        let line = lines.remove(0);
        posts.lock().unwrap().push(Post {
            line,
            headers: lines,
            body,
        });
        match manner {
            Manner::Taken => {}
            Manner::NeverAnswered => continue,
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        let mut writer = stream;
        if writer.write_all(answer).is_err() {
            return;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        Value::BoolValue(truth) => Some(truth.to_string()),
        Value::ArrayValue(_) | Value::KvlistValue(_) | Value::BytesValue(_) | Value::StringValueStrindex(_) => None,
    };
    pairs
        .iter()
        .filter_map(|pair| Some((pair.key.clone(), text(pair)?)))
        .collect()
}

/// An attribute; empty where there is none.
fn told(span: &Span, key: &str) -> String {
    attributes(&span.attributes).remove(key).unwrap_or_default()
}

fn is_call(span: &Span) -> bool {
    !told(span, "http.request.method").is_empty()
}

/// The ids of calls that the simulator was given in this run, apart from those that say nothing of a run.
fn asked(ferry: &Ferry, correlation: &str) -> BTreeSet<String> {
    let entries = ferry.entries().into_iter();
    let of_run = entries.filter(|entry| entry["correlation_id"] == correlation);
    of_run
        .map(|entry| entry["client_request_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_apply_is_a_tree_of_command_steps_and_calls_with_the_ids_that_azure_was_given() {
    let mut ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let collector = Collector::new(Manner::Taken);
    ferry.give("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    ferry.give("OTEL_EXPORTER_OTLP_HEADERS", &format!("api-key={TOKEN}"));
    ferry.give("TRACEPARENT", &format!("00-{TRACE}-{PARENT}-01"));
    let fault = json!({ "kind": "status", "status": 429, "code": "TooManyRequests", "retry_after": 3 });
    let throttled = json!({ "method": "PUT", "path": "*/privateDnsZones/privatelink*", "fault": fault });
    ferry.control(reqwest::Method::POST, "faults", Some(throttled));
    let applied = ferry.apply();
    assert!(!applied.err.contains("WARN"), "{}", applied.err);

    for post in collector.posts.lock().unwrap().iter() {
        assert_eq!(post.line, "POST /v1/traces HTTP/1.1");
        let key = post.headers.iter().any(|line| *line == format!("api-key: {TOKEN}"));
        assert!(key, "{:?}", post.headers);
    }
    let spans = collector.spans();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TRACE));
    let command: Vec<&Span> = spans
        .iter()
        .filter(|span| hex(&span.parent_span_id) == PARENT)
        .collect();
    let [command] = command[..] else { panic!("{command:?}") };
    assert_eq!(command.name, "pgferry apply");
    assert_eq!(told(command, "process.exit.code"), "0");
    assert_eq!(told(command, "pgferry.outcome"), "done");
    assert_eq!(told(command, "pgferry.version"), env!("CARGO_PKG_VERSION"));

    let (calls, others): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| is_call(span));
    let steps: Vec<&Span> = others
        .into_iter()
        .filter(|span| span.span_id != command.span_id)
        .collect();
    assert!(
        steps
            .iter()
            .all(|step| step.parent_span_id == command.span_id && told(step, "pgferry.outcome") == "done"),
        "{steps:#?}"
    );
    let done: BTreeSet<(String, String)> = steps
        .iter()
        .map(|step| (told(step, "pgferry.operation"), told(step, "pgferry.unit")))
        .collect();
    for (operation, unit) in [
        ("put", "vnet_peering.hub_runtime#forward"),
        ("put", "dns_zone.endpoint"),
        ("start", "database_batch.wave1#1"),
        ("await", "database_batch.wave1#2"),
        ("cutover", "database_batch.wave1#3"),
    ] {
        assert!(done.contains(&(operation.to_owned(), unit.to_owned())), "{done:#?}");
    }

    let of_steps: BTreeSet<&[u8]> = steps.iter().map(|step| &*step.span_id).collect();
    for call in &calls {
        let is_of_step = of_steps.contains(&*call.parent_span_id);
        assert!(is_of_step || call.parent_span_id == command.span_id, "{call:#?}");
        let writes = told(call, "http.request.method") != "GET";
        assert!(
            is_of_step || !writes,
            "what changes something belongs to a step: {call:#?}"
        );
    }
    let correlations: BTreeSet<String> = calls
        .iter()
        .map(|call| told(call, "azure.correlation.request.id"))
        .collect();
    assert_eq!(correlations.len(), 1, "{correlations:?}");
    let named: BTreeSet<String> = calls.iter().map(|call| told(call, "azure.client.request.id")).collect();
    assert_eq!(named, asked(&ferry, correlations.first().unwrap()));

    let again: Vec<&&Span> = calls
        .iter()
        .filter(|call| told(call, "http.request.resend_count") == "1")
        .collect();
    let [again] = again[..] else { panic!("{again:?}") };
    assert_eq!(again.name, "PUT Microsoft.Network/privateDnsZones");
    assert!(again.events.iter().any(|event| {
        let told = attributes(&event.attributes);
        told.get("why").map(String::as_str) == Some("throttled")
    }));
    assert!(told(again, "pgferry.waited_seconds").parse::<f64>().unwrap() >= 3.0);
    assert!(told(again, "http.response.status_code").starts_with('2'));

    assert!(!collector.text().contains(PASSWORD), "a trace holds no password");
    assert!(!collector.text().contains(TOKEN), "nor what its receiver asks for");
}

#[test]
fn what_azure_repeats_in_an_error_is_in_no_trace() {
    let mut ferry = Ferry::example("quickstart");
    ferry.wake_simulator();
    let collector = Collector::new(Manner::Taken);
    ferry.give(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        &format!("{}/in", collector.address),
    );
    ferry.give("OTEL_SERVICE_NAME", "erp-migration");
    let fault = json!({ "kind": "status", "status": 400, "code": "Nonsense", "message": PASSWORD });
    let refused = json!({ "method": "PUT", "path": "*/migrations/*", "fault": fault });
    ferry.control(reqwest::Method::POST, "faults", Some(refused));
    let _ = ferry.run(&["apply", "--auto-approve"]).expect(1);
    let spans = collector.spans();
    let failed: Vec<&Span> = spans
        .iter()
        .filter(|span| told(span, "pgferry.outcome") == "failed")
        .collect();
    let [failed] = failed[..] else { panic!("{failed:?}") };
    assert_eq!(told(failed, "error.type"), "Nonsense");
    let call = spans
        .iter()
        .find(|span| is_call(span) && told(span, "error.type") == "400");
    assert_eq!(call.unwrap().parent_span_id, failed.span_id);
    let command = spans.iter().find(|span| span.parent_span_id.is_empty()).unwrap();
    assert_eq!(told(command, "process.exit.code"), "1");
    assert_eq!(told(command, "pgferry.outcome"), "error");
    let posts = collector.posts.lock().unwrap();
    assert!(posts.iter().all(|post| post.line == "POST /in HTTP/1.1"));
    let request = ExportTraceServiceRequest::decode(&*posts[0].body).unwrap();
    let resource = attributes(&request.resource_spans[0].resource.as_ref().unwrap().attributes);
    assert_eq!(resource["service.name"], "erp-migration");
    drop(posts);
    assert!(!collector.text().contains(PASSWORD));
}

#[test]
fn nothing_is_sent_where_nobody_asks_for_it() {
    let ferry = Ferry::example("quickstart");
    let collector = Collector::new(Manner::Taken);
    let plain = ferry.run(&["plan"]).expect(0);
    let said = ferry.run_with("OTEL_SERVICE_NAME", "erp", &["plan"]).expect(0);
    assert_eq!(said.all(), plain.all());
    let mut ferry = ferry;
    ferry.give("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.address);
    let _ = ferry.run_with("OTEL_SDK_DISABLED", "true", &["plan"]).expect(0);
    let _ = ferry.run_with("OTEL_TRACES_EXPORTER", "none", &["plan"]).expect(0);
    let refused = ferry
        .run_with("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", &["plan"])
        .expect(0);
    assert!(refused.err.contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{}", refused.err);
    assert_eq!(collector.connections.load(Ordering::SeqCst), 0);
    let _ = ferry.run(&["plan"]).expect(0);
    assert_eq!(collector.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn one_who_does_not_take_traces_changes_nothing_but_one_line() {
    let refusing = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let silent = Collector::new(Manner::NeverAnswered);
    for address in [&refusing, &silent.address] {
        let mut ferry = Ferry::example("quickstart");
        let plain = ferry.run(&["plan"]).expect(0);
        ferry.give("OTEL_EXPORTER_OTLP_ENDPOINT", address);
        let before = ferry.requests().len();
        let plan = ferry.run(&["plan"]).expect(0);
        assert_eq!(plan.out, plain.out);
        assert_eq!(plan.err.matches("the trace gets lost").count(), 1, "{}", plan.err);
        assert_eq!(ferry.requests().len(), before * 2, "as many requests as without");
        let applied = ferry.apply();
        assert_eq!(applied.err.matches("WARN").count(), 1, "{}", applied.err);
        ferry.expect_no_changes();
    }
}

#[test]
fn an_interrupt_leaves_in_time_though_nobody_takes_the_trace() {
    let mut ferry = Ferry::example("quickstart");
    ferry.world(|world| world["clock"] = "x60".into());
    ferry.wake_simulator();
    let silent = Collector::new(Manner::NeverAnswered);
    ferry.give("OTEL_EXPORTER_OTLP_ENDPOINT", &silent.address);
    let running = ferry.start(&["apply", "--auto-approve"]);
    until("a migration is created", || {
        ferry.writes().iter().any(|write| write.contains("wave1m1"))
    });
    let begun = Instant::now();
    running.signal("INT");
    let answer = running.finish(Duration::from_secs(10));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(answer.code, 3, "{}", answer.all());
}

#[test]
fn log_lines_are_json_where_asked_for() {
    let ferry = Ferry::example("quickstart");
    let lines = |answer: &str| -> Vec<Json> {
        answer
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    };
    let told = ferry.run(&["plan", "--log-format", "json", "-vv"]).expect(0);
    let told = lines(&told.err);
    assert!(!told.is_empty());
    for line in &told {
        assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        assert!(line["target"].as_str().unwrap().starts_with("pgferry"), "{line}");
        assert!(line.get("spans").is_none(), "{line}");
    }
    let asks = told.iter().any(|line| line["fields"]["method"] == "GET");
    assert!(asks, "{told:?}");
    let filtered = "pgferry::azure::policy::log=debug";
    let some = ferry.run_with("PGFERRY_LOG", filtered, &["plan", "--log-format=json"]);
    let some = lines(&some.expect(0).err);
    assert!(!some.is_empty() && some.len() < told.len());
    assert!(some.iter().all(|line| line["target"] == "pgferry::azure::policy::log"));
    let none = ferry.run_with("PGFERRY_LOG", "off", &["plan", "-vv"]).expect(0);
    assert!(!none.err.contains("method="), "{}", none.err);
    let refused = ferry.run_with("PGFERRY_LOG", "pgferry=loud", &["plan"]).expect(1);
    assert!(
        refused.err.contains("`pgferry=loud` in PGFERRY_LOG is no filter"),
        "{}",
        refused.err
    );
}
