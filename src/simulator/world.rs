//! The simulated Azure: objects, operations and time, moved only by [`World::handle`] and [`World::advance`].
//! No sockets, no sleeping, no reading of a clock.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::arm_type::ArmType;
use super::clock;
use super::entra;
use super::fault::{Fault, FaultRule, Faults, MigrationFault};
use super::message::{Delay, Delivery, Method, Request, Response};
use super::operation::Operation;
use super::options::{Casing, Latencies, Options, Range, Switch};
use super::path::{Key, Route, Target};
use super::provider;
use super::random::Chance;
use super::refusal::Refusal;
use super::request_log::RequestLog;
use super::seed::SourceServer;
use super::store::Store;
use super::throttle::{Class, Remaining, Service, Throttle};
use super::vault::{self, Vaults};

/// The header that tells simulated time, on every reply.
pub const TIME_HEADER: &str = "x-pgferry-simulator-time";

/// Something that happens by itself at its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    Operation(Uuid),
    /// The run of a migration is due.
    Migration(Key),
}

/// Whether a provider may be used in a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Registration {
    NotRegistered,
    Registering,
    Registered,
}

/// A whole simulated Azure.
#[derive(Debug)]
pub struct World {
    pub(crate) now: Timestamp,
    pub(crate) options: Options,
    pub(crate) store: Store,
    pub(crate) operations: HashMap<Uuid, Operation>,
    pub(crate) finished: VecDeque<Uuid>,
    pub(crate) events: BTreeMap<(Timestamp, u64), Event>,
    pub(crate) next_event: u64,
    /// What is being written, by the object that locks it.
    pub(crate) busy: HashMap<Key, Uuid>,
    /// Migrations that have not ended.
    pub(crate) active: BTreeSet<Key>,
    pub(crate) faults: Faults,
    /// The last answer, while there are faults; not saved.
    pub(crate) answered: Option<Response>,
    pub(crate) throttle: Throttle,
    pub(crate) log: RequestLog,
    pub(crate) chance: Chance,
    pub(crate) sources: Vec<SourceServer>,
    pub(crate) vaults: Vaults,
    pub(crate) tenant: String,
    pub(crate) subscriptions: BTreeSet<String>,
    /// The tenants of subscriptions that are not of `tenant`; both in lower case.
    pub(crate) tenants: BTreeMap<String, String>,
    pub(crate) registrations: BTreeMap<(String, String), Registration>,
    /// Counts changes, so that saving knows whether there is anything to save.
    pub(crate) revision: u64,
}

/// What faults do inside a provider, rather than to the reply.
#[derive(Debug, Default)]
pub(crate) struct Mishaps {
    /// The operation that the request begins will fail.
    pub(crate) operation: Option<Refusal>,
    /// Reads do not find what it creates for so long.
    pub(crate) hidden: Option<Duration>,
    /// The migration it creates goes wrong.
    pub(crate) migration: Vec<MigrationFault>,
}

/// A request for a resource, taken apart.
pub(crate) struct Call<'r> {
    pub(crate) request: &'r Request,
    pub(crate) version: String,
    pub(crate) target: Target,
    pub(crate) arm_type: ArmType,
    pub(crate) key: Key,
    pub(crate) mishaps: Mishaps,
}

/// What a provider answers.
pub(crate) type Answer = Result<Response, Refusal>;

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(now: Timestamp, options: Options) -> Self {
        Self {
            now,
            chance: Chance::new(options.random_seed),
            options,
            store: Store::default(),
            operations: HashMap::new(),
            finished: VecDeque::new(),
            events: BTreeMap::new(),
            next_event: 0,
            busy: HashMap::new(),
            active: BTreeSet::new(),
            faults: Faults::default(),
            answered: None,
            throttle: Throttle::default(),
            log: RequestLog::default(),
            sources: Vec::new(),
            vaults: Vaults::default(),
            tenant: NIL.to_owned(),
            subscriptions: BTreeSet::new(),
            tenants: BTreeMap::new(),
            registrations: BTreeMap::new(),
            revision: 0,
        }
    }

    /// Simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something will happen by itself, if anything will.
    #[must_use]
    pub fn next_event(&self) -> Option<Timestamp> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    /// A number that changes whenever the world does.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Counts on from another world, whose place this one takes.
    pub(crate) fn continue_revision(&mut self, before: &Self) {
        self.revision = before.revision + 1;
    }

    /// Lets time pass; what is due in between happens at its own instant.
    pub fn advance(&mut self, by: Duration) {
        self.advance_to(clock::later(self.now, by));
    }

    /// Lets time pass until an instant; nothing happens when it is not in the future.
    pub fn advance_to(&mut self, until: Timestamp) {
        while let Some(((at, sequence), _)) = self.events.first_key_value().map(|(key, event)| (*key, event.clone())) {
            if at > until {
                break;
            }
            let Some(event) = self.events.remove(&(at, sequence)) else {
                break;
            };
            self.now = self.now.max(at);
            self.revision += 1;
            match event {
                Event::Operation(id) => self.end_operation(id),
                Event::Migration(key) => provider::migration::due(self, &key),
            }
        }
        self.now = self.now.max(until);
    }

    /// Adds a fault.
    pub fn add_fault(&mut self, rule: FaultRule) {
        self.faults.add(rule);
        self.revision += 1;
    }

    pub(crate) fn schedule(&mut self, at: Timestamp, event: Event) {
        self.next_event += 1;
        self.events.insert((at, self.next_event), event);
    }

    /// How long something takes this time; nothing while latencies are off.
    pub(crate) fn takes(&mut self, pick: impl FnOnce(&Latencies) -> Range) -> Duration {
        match &self.options.latencies {
            Switch::Off => Duration::ZERO,
            Switch::On(latencies) => {
                let Range(from, to) = pick(latencies);
                self.chance.between(from.0, to.0)
            }
        }
    }

    /// Answers one request.
    pub fn handle(&mut self, request: &Request) -> Response {
        let route = Route::parse(request.method, &request.path);
        let faults = if self.faults.is_empty() {
            Vec::new()
        } else {
            self.faults.meet(request.method, &request.path, &mut self.chance)
        };
        let mut response = self.answer(request, &route, &faults);
        for fault in &faults {
            spoil(&mut response, fault);
        }
        if request.method != Method::Get && request.method != Method::Head {
            self.revision += 1;
        }
        // Whatever takes no time has happened before anybody can ask again.
        self.advance_to(self.now);
        self.sign(request, &mut response);
        let limit = self.options.request_log;
        let type_name = match vault::asked(request) {
            Some(_) => "Microsoft.KeyVault/vaults/secrets",
            None => route.type_name(),
        };
        self.log.record(limit, self.now, request, type_name, response.status);
        if self.faults.is_empty() {
            return response;
        }
        // Only ARM is behind one connection with itself, and only an answer that names its call can be told from another.
        if response.header("x-ms-client-request-id").is_none() {
            return response;
        }
        match self.answered.replace(response.clone()) {
            Some(another) if faults.contains(&Fault::AnotherAnswer {}) => Response {
                delay: None,
                delivery: Delivery::Whole,
                ..another
            },
            Some(_) | None => response,
        }
    }

    fn answer(&mut self, request: &Request, route: &Route, faults: &[Fault]) -> Response {
        for fault in faults {
            match fault {
                Fault::Status {
                    status,
                    code,
                    message,
                    retry_after,
                } => {
                    let message = message
                        .clone()
                        .unwrap_or_else(|| "The simulator was told to refuse this.".to_owned());
                    let mut refusal = Refusal::new((*status).clamp(400, 599), code.clone(), message);
                    refusal.retry_after_seconds = *retry_after;
                    return refusal.into_response();
                }
                Fault::Conflict { code } => return code.refusal(&request.path).into_response(),
                Fault::ResetBefore {} => return Response::empty(503),
                Fault::ResetAfter {}
                | Fault::Slow { .. }
                | Fault::SlowWall { .. }
                | Fault::SlowBody { .. }
                | Fault::Duplicate {}
                | Fault::AnotherAnswer {}
                | Fault::Truncate { .. }
                | Fault::NotFoundAfterCreate { .. }
                | Fault::OperationFails { .. }
                | Fault::ServiceDies {}
                | Fault::Migration { .. } => {}
            }
        }
        if let Some(vault) = vault::asked(request) {
            return vault::answer(self, &vault, request);
        }
        if let Route::Entra(words) = route {
            return entra::answer(self, request, words).unwrap_or_else(Refusal::into_response);
        }
        let remaining = match self.admit(request, route) {
            Ok(remaining) => remaining,
            Err(refusal) => return refusal.into_response(),
        };
        let mut response =
            provider::dispatch(self, request, route.clone(), mishaps(faults)).unwrap_or_else(Refusal::into_response);
        response.headers.extend(remaining);
        if self.options.casing == Casing::Shuffled {
            shuffle(&mut response);
        }
        response
    }

    /// Who asks, and how often: before anything else.
    fn admit(&mut self, request: &Request, route: &Route) -> Result<Remaining, Refusal> {
        entra::authenticate(self, request, route.subscription())?;
        entra::may_link(self, request)?;
        let service = match route.target() {
            Some(target) if target.is_in_private_dns() => Service::PrivateDns,
            Some(target) if target.namespace.eq_ignore_ascii_case("Microsoft.Network") => Service::Network,
            Some(_) | None => Service::Other,
        };
        let class = Class::of(request.method);
        self.throttle
            .count(&self.options, self.now, route.subscription(), class, service)
    }

    /// The headers every reply has.
    fn sign(&mut self, request: &Request, response: &mut Response) {
        let id = self.chance.guid().to_string();
        let correlation = request
            .header("x-ms-correlation-request-id")
            .map_or_else(|| id.clone(), str::to_owned);
        let mut add = |name: &'static str, value: String| response.headers.push((Cow::Borrowed(name), value));
        add("x-ms-request-id", id.clone());
        add("x-ms-correlation-request-id", correlation);
        add(
            "x-ms-routing-request-id",
            format!("SIMULATOR:{}:{id}", self.now.strftime("%Y%m%dT%H%M%SZ")),
        );
        let echo = request
            .header("x-ms-return-client-request-id")
            .is_some_and(|yes| yes.eq_ignore_ascii_case("true"));
        if let Some(id) = request.header("x-ms-client-request-id").filter(|_| echo) {
            add("x-ms-client-request-id", id.to_owned());
        }
        add("Cache-Control", "no-cache".to_owned());
        add(TIME_HEADER, time_text(self.now));
    }

    /// The tenant that a subscription belongs to; ids compare without case.
    pub(crate) fn tenant_of(&self, subscription: &str) -> &str {
        self.tenants
            .get(&subscription.to_ascii_lowercase())
            .unwrap_or(&self.tenant)
    }

    /// Whether a subscription exists; ids compare without case.
    pub(crate) fn knows_subscription(&self, id: &str) -> bool {
        self.subscriptions.contains(&id.to_ascii_lowercase())
    }

    pub(crate) fn registration(&self, subscription: &str, namespace: &str) -> Registration {
        let key = (subscription.to_ascii_lowercase(), namespace.to_ascii_lowercase());
        self.registrations.get(&key).copied().unwrap_or_else(|| {
            let unregistered = &self.options.unregistered_providers;
            match unregistered.iter().any(|name| name.eq_ignore_ascii_case(namespace)) {
                true => Registration::NotRegistered,
                false => Registration::Registered,
            }
        })
    }

    /// `properties` of an object, empty when there is none.
    pub(crate) fn properties(&self, key: &Key) -> Value {
        self.store
            .get(key)
            .map(|object| Value::Object(object.body.properties()))
            .unwrap_or_default()
    }
}

/// The guid of all zeros, which stands for the only tenant or subscription where a seed names none.
pub(crate) const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// RFC 3339 with nanoseconds, as in [`TIME_HEADER`].
#[must_use]
pub fn time_text(at: Timestamp) -> String {
    format!("{at:.9}")
}

fn mishaps(faults: &[Fault]) -> Mishaps {
    let mut mishaps = Mishaps::default();
    for fault in faults {
        match fault {
            Fault::OperationFails { code, message } => {
                let message = message
                    .clone()
                    .unwrap_or_else(|| "The simulator was told to fail this.".to_owned());
                mishaps.operation = Some(Refusal::new(409, code.clone(), message));
            }
            Fault::NotFoundAfterCreate { lasting } => mishaps.hidden = Some(lasting.0),
            Fault::Migration { how } => mishaps.migration.push(how.clone()),
            Fault::Status { .. }
            | Fault::Conflict { .. }
            | Fault::ResetBefore {}
            | Fault::ResetAfter {}
            | Fault::Slow { .. }
            | Fault::SlowWall { .. }
            | Fault::SlowBody { .. }
            | Fault::Duplicate {}
            | Fault::AnotherAnswer {}
            | Fault::Truncate { .. }
            | Fault::ServiceDies {} => {}
        }
    }
    mishaps
}

/// Another spelling of ids, which clients have to take for the same.
fn shuffle(response: &mut Response) {
    let text = String::from_utf8_lossy(&response.body);
    let text = text.replace("/resourceGroups/", "/resourcegroups/");
    let text = text.replace(
        "/providers/Microsoft.DBforPostgreSQL/",
        "/providers/Microsoft.DBForPostgreSql/",
    );
    let text = text.replace(
        "/providers/Microsoft.Network/privateDnsZones/",
        "/providers/microsoft.network/privatednszones/",
    );
    response.body = text.into_bytes();
}

/// What a fault does to the reply.
fn spoil(response: &mut Response, fault: &Fault) {
    match fault {
        Fault::ResetBefore {} | Fault::ResetAfter {} => response.delivery = Delivery::Lost,
        Fault::Slow { by } => response.delay = Some(Delay::Simulated(by.0)),
        Fault::SlowWall { milliseconds } => response.delay = Some(Delay::Wall(Duration::from_millis(*milliseconds))),
        Fault::SlowBody { milliseconds } => {
            response.delivery = Delivery::Dripping(Duration::from_millis(*milliseconds));
        }
        Fault::Duplicate {} => response.delivery = Delivery::Twice,
        Fault::Truncate { bytes } => response.delivery = Delivery::Truncated(*bytes),
        Fault::ServiceDies {} => response.delivery = Delivery::ServiceDies,
        // Which answer it is then is the world's matter.
        Fault::AnotherAnswer {}
        | Fault::Status { .. }
        | Fault::Conflict { .. }
        | Fault::NotFoundAfterCreate { .. }
        | Fault::OperationFails { .. }
        | Fault::Migration { .. } => {}
    }
}
