//! Between HTTP and the world: takes requests in, keeps time, lets clients sleep, sends replies (or loses them).
//! Answers nothing itself but the control calls that are about time and the process.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, StatusCode, header};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::connection::Breakers;
use super::pace::Pace;
use super::{grown, read_seed};
use crate::simulator::clock::{ClockMode, Span, later};
use crate::simulator::control::{PREFIX, unreadable};
use crate::simulator::message::{Delay, Delivery, Method, Request, Response};
use crate::simulator::refusal::Refusal;
use crate::simulator::seed::digest;
use crate::simulator::world::{TIME_HEADER, World, time_text};

/// All that serving shares.
pub(super) struct Door {
    live: Mutex<Live>,
    /// Told whenever simulated time or its mode changed by more than the passing of real time.
    moved: watch::Sender<u64>,
    /// Told whenever a request ended or a sleeper came.
    stirred: Notify,
    breakers: Breakers,
    stop: Notify,
    closed: AtomicBool,
    died: AtomicBool,
    /// The file that a reset returns to, as it is then.
    seed: Option<PathBuf>,
    /// The identity of the directory that is served: whoever asks in a copy of it asks the wrong one.
    directory: Option<String>,
}

/// The world and who waits for it.
struct Live {
    world: World,
    pace: Pace,
    sleepers: BTreeSet<(Timestamp, u64)>,
    next_sleeper: u64,
    in_flight: usize,
    last_request: Instant,
    seed_digest: String,
}

impl Live {
    fn follow(&mut self) {
        self.pace.follow(&mut self.world, Instant::now());
    }
}

/// With the event clock time jumps when everybody has slept for that long in real time.
const STILL: Duration = Duration::from_millis(3);

/// A larger request body is no ARM request.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

impl Door {
    pub(super) fn new(
        world: World,
        pace: Pace,
        seed: Option<PathBuf>,
        seed_digest: String,
        directory: Option<String>,
    ) -> Arc<Self> {
        let live = Live {
            world,
            pace,
            sleepers: BTreeSet::new(),
            next_sleeper: 0,
            in_flight: 0,
            last_request: Instant::now(),
            seed_digest,
        };
        Arc::new(Self {
            live: Mutex::new(live),
            moved: watch::Sender::new(0),
            stirred: Notify::new(),
            breakers: Breakers::default(),
            stop: Notify::new(),
            closed: AtomicBool::new(false),
            died: AtomicBool::new(false),
            seed,
            directory,
        })
    }

    pub(super) fn breakers(&self) -> Breakers {
        self.breakers.clone()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // A request that panicked left the world as it was at that moment; refusing all others would not mend it.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn seed_digest(&self) -> String {
        self.live().seed_digest.clone()
    }

    pub(super) fn revision(&self) -> u64 {
        self.live().world.revision()
    }

    /// The world as text.
    pub(super) fn saved(&self) -> Vec<u8> {
        let mut live = self.live();
        live.follow();
        live.world.save(live.pace.mode(), &live.seed_digest)
    }

    /// Ready when a client asked for shutdown.
    pub(super) async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// Ready when nobody has asked anything for that long; never without a limit.
    pub(super) async fn idle_for(&self, limit: Option<Duration>) {
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        loop {
            let idle = {
                let live = self.live();
                if live.in_flight > 0 || !live.sleepers.is_empty() {
                    Duration::ZERO
                } else {
                    live.last_request.elapsed()
                }
            };
            if idle >= limit {
                return;
            }
            tokio::time::sleep((limit - idle).max(Duration::from_millis(5))).await;
        }
    }

    /// Wakes everybody; nobody sleeps again.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.tell_moved();
    }

    pub(super) fn died(&self) -> bool {
        self.died.load(Ordering::SeqCst)
    }

    fn tell_moved(&self) {
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The event clock: jumps whenever every client sleeps. Never ready.
    pub(super) async fn drive(&self) {
        loop {
            self.stirred.notified().await;
            while let Some(wait) = self.jump_or_wait() {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Jumps if it is time; tells how long to wait before looking again, if looking again makes sense.
    fn jump_or_wait(&self) -> Option<Duration> {
        let mut live = self.live();
        if live.pace.mode() != ClockMode::Event || live.in_flight > 0 {
            return None;
        }
        let (next, _) = *live.sleepers.first()?;
        let still = live.last_request.elapsed();
        if still < STILL {
            return Some(STILL - still);
        }
        if next <= live.world.now() {
            // Somebody was woken and has not yet taken the reply.
            return Some(STILL);
        }
        live.world.advance_to(next);
        live.last_request = Instant::now();
        drop(live);
        self.tell_moved();
        Some(STILL)
    }

    /// Sleeps in simulated time; cut short only when the service closes.
    async fn sleep_until(&self, until: Timestamp) {
        let mut moved = self.moved.subscribe();
        let _sleeper = Sleeper::new(self, until);
        loop {
            let wait = {
                let mut live = self.live();
                live.follow();
                if live.world.now() >= until || self.closed.load(Ordering::SeqCst) {
                    return;
                }
                live.pace.until(&live.world, until)
            };
            tokio::select! {
                changed = moved.changed() => if changed.is_err() { return },
                () = pause(wait) => {}
            }
        }
    }
}

async fn pause(wait: Option<Duration>) {
    match wait {
        // A little longer than needed rather than a little shorter, which would only mean another round.
        Some(wait) => tokio::time::sleep(wait.saturating_add(Duration::from_micros(100))).await,
        None => std::future::pending().await,
    }
}

/// A client that waits for simulated time; not counted as in flight while it does.
struct Sleeper<'d> {
    door: &'d Door,
    entry: (Timestamp, u64),
}

impl<'d> Sleeper<'d> {
    fn new(door: &'d Door, until: Timestamp) -> Self {
        let mut live = door.live();
        live.next_sleeper += 1;
        let entry = (until, live.next_sleeper);
        live.sleepers.insert(entry);
        live.in_flight = live.in_flight.saturating_sub(1);
        drop(live);
        door.stirred.notify_one();
        Self { door, entry }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut live = self.door.live();
        live.sleepers.remove(&self.entry);
        live.in_flight += 1;
        live.last_request = Instant::now();
        drop(live);
        self.door.stirred.notify_one();
    }
}

/// A request from its arrival to its reply.
struct InFlight<'d>(&'d Door);

impl<'d> InFlight<'d> {
    fn new(door: &'d Door) -> Self {
        let mut live = door.live();
        live.in_flight += 1;
        live.last_request = Instant::now();
        drop(live);
        Self(door)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let mut live = self.0.live();
        live.in_flight = live.in_flight.saturating_sub(1);
        live.last_request = Instant::now();
        drop(live);
        self.0.stirred.notify_one();
    }
}

/// Everything through one entrance, whose scheme stands in links; every path goes to one handler.
pub(super) fn service(door: &Arc<Door>, scheme: &'static str) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let door = Arc::clone(door);
    let router = Router::new().fallback(answer).with_state((door, scheme));
    router.into_make_service_with_connect_info()
}

async fn answer(
    State((door, scheme)): State<(Arc<Door>, &'static str)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let _in_flight = InFlight::new(&door);
    let request = match taken_in(request, scheme).await {
        Ok(request) => request,
        Err(status) => return sent(&door, peer, Response::empty(status)).await,
    };
    let response = if request.path.starts_with(PREFIX) {
        controlled(&door, &request).await
    } else {
        let mut live = door.live();
        live.follow();
        live.world.handle(&request)
    };
    sent(&door, peer, response).await
}

async fn taken_in(request: axum::extract::Request, scheme: &str) -> Result<Request, u16> {
    let (parts, body) = request.into_parts();
    let method = Method::parse(parts.method.as_str()).ok_or(405_u16)?;
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let host = headers
        .iter()
        .find(|(name, _)| name == "host")
        .map_or("127.0.0.1", |(_, host)| host.as_str());
    let base = format!("{scheme}://{host}");
    let body = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|_| 413_u16)?
        .to_vec();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Request {
        method,
        path: parts.uri.path().to_owned(),
        query,
        base,
        headers,
        body,
    })
}

async fn sent(door: &Door, peer: SocketAddr, response: Response) -> axum::response::Response {
    match response.delay {
        Some(Delay::Wall(by)) => tokio::time::sleep(by).await,
        Some(Delay::Simulated(by)) => {
            let until = later(door.live().world.now(), by);
            door.sleep_until(until).await;
        }
        None => {}
    }
    match response.delivery {
        Delivery::Whole | Delivery::Truncated(_) | Delivery::Dripping(_) => {}
        Delivery::Twice => door.breakers.repeat(peer),
        Delivery::Lost => door.breakers.break_off(peer),
        Delivery::ServiceDies => {
            door.breakers.break_off(peer);
            door.died.store(true, Ordering::SeqCst);
            door.stop.notify_one();
        }
    }
    let now = {
        let mut live = door.live();
        live.follow();
        time_text(live.world.now())
    };
    in_http(response, &now)
}

fn in_http(response: Response, now: &str) -> axum::response::Response {
    let mut out = axum::response::Response::new(Body::empty());
    *out.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &response.headers {
        let name = header::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            out.headers_mut().append(name, value);
        }
    }
    if let Ok(now) = HeaderValue::from_str(now) {
        out.headers_mut().insert(TIME_HEADER, now);
    }
    if !response.body.is_empty() {
        out.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
    }
    *out.body_mut() = match response.delivery {
        Delivery::Truncated(bytes) if bytes < response.body.len() => {
            out.headers_mut()
                .insert(header::CONTENT_LENGTH, HeaderValue::from(response.body.len()));
            truncated(response.body, bytes)
        }
        Delivery::Dripping(pause) => dripping(response.body, pause),
        Delivery::Whole | Delivery::Twice | Delivery::Truncated(_) | Delivery::Lost | Delivery::ServiceDies => {
            Body::from(response.body)
        }
    };
    out
}

/// The first bytes of a body, then an error, which makes the server drop the connection.
fn truncated(mut body: Vec<u8>, bytes: usize) -> Body {
    body.truncate(bytes);
    let first = stream::once(async move { Ok(Bytes::from(body)) });
    let broken = stream::once(async {
        // What was written before has to leave first.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(first.chain(broken))
}

/// The first half of a body, and after a pause the rest.
fn dripping(mut body: Vec<u8>, pause: Duration) -> Body {
    let rest = body.split_off(body.len() / 2);
    let first = stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(body)) });
    let late = stream::once(async move {
        tokio::time::sleep(pause).await;
        Ok(Bytes::from(rest))
    });
    Body::from_stream(first.chain(late))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SleepRequest {
    until: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvanceRequest {
    by: Span,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockRequest {
    mode: ClockMode,
}

/// The control API.
async fn controlled(door: &Arc<Door>, request: &Request) -> Response {
    let rest = request
        .path
        .strip_prefix(PREFIX)
        .unwrap_or_default()
        .trim_end_matches('/');
    match (request.method, rest) {
        (Method::Post, "sleep") => match serde_json::from_slice::<SleepRequest>(&request.body) {
            Ok(SleepRequest { until }) => {
                door.sleep_until(until).await;
                told_time(door)
            }
            Err(error) => unreadable(&error),
        },
        (Method::Get, "clock") => told_time(door),
        (Method::Post, "clock") => match serde_json::from_slice::<ClockRequest>(&request.body) {
            Ok(ClockRequest { mode }) => {
                let mut live = door.live();
                live.follow();
                live.pace.set_mode(mode);
                drop(live);
                door.tell_moved();
                told_time(door)
            }
            Err(error) => unreadable(&error),
        },
        (Method::Post, "advance") => match serde_json::from_slice::<AdvanceRequest>(&request.body) {
            Ok(AdvanceRequest { by }) => {
                let mut live = door.live();
                live.follow();
                live.world.advance(by.0);
                drop(live);
                door.tell_moved();
                told_time(door)
            }
            Err(error) => unreadable(&error),
        },
        (Method::Post, "reset") => reset(door),
        (Method::Post, "shutdown") => {
            door.stop.notify_one();
            Response::empty(202)
        }
        _ => {
            let mut live = door.live();
            live.follow();
            live.world.control(request).unwrap_or_else(|| {
                Refusal::new(
                    404,
                    "NotFound",
                    format!("The control API has nothing at {} {}.", request.method, request.path),
                )
                .into_response()
            })
        }
    }
}

fn told_time(door: &Door) -> Response {
    let mut live = door.live();
    live.follow();
    let next = live.world.next_event().map(time_text);
    Response::json(
        200,
        &json!({
            "mode": live.pace.mode(), "now": time_text(live.world.now()), "next_event": next,
            "sleepers": live.sleepers.len(), "seed_digest": live.seed_digest,
            "directory": door.directory
        }),
    )
}

/// Back to the seed, as its file is now. Time goes back too where the seed names one; else it goes on.
fn reset(door: &Door) -> Response {
    let seed = match read_seed(door.seed.as_deref()) {
        Ok(seed) => seed,
        Err(error) => return unreadable(&error),
    };
    let mut live = door.live();
    let now = live.world.now();
    match grown(seed.as_deref(), now) {
        Ok((mut world, clock)) => {
            world.continue_revision(&live.world);
            live.world = world;
            live.pace = Pace::new(clock, Instant::now());
            live.seed_digest = seed.as_deref().map(digest).unwrap_or_default();
            drop(live);
            door.tell_moved();
            told_time(door)
        }
        Err(error) => unreadable(&error),
    }
}
