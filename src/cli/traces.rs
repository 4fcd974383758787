//! Traces of what a command does: the command, its steps, its calls to ARM. They are sent as the standard variables of
//! OpenTelemetry say, and only where those name an endpoint. Whoever receives them never holds a command up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber, info_span, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::error::CommandError;
use super::exit::Exit;
use crate::azure::policy::WAITS;

/// The variables that are read here. Headers, limits, compression, sampling and further attributes are read by the library.
pub(crate) const VARIABLES: [&str; 9] = [
    ENDPOINT,
    TRACES_ENDPOINT,
    PROTOCOL,
    TRACES_PROTOCOL,
    DISABLED,
    EXPORTER,
    SERVICE,
    "TRACEPARENT",
    "TRACESTATE",
];

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const TRACES_PROTOCOL: &str = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL";
const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// The protocol that is spoken.
const SPOKEN: &str = "http/protobuf";

/// How long the end of a command may wait for its last spans to be taken.
const FLUSH: Duration = Duration::from_secs(1);

/// The same where an interrupt may have come before it, which leaves two seconds for everything.
const SHORT_FLUSH: Duration = Duration::from_millis(300);

/// The traces of one command.
pub(crate) struct Traces(Option<Sending>);

struct Sending {
    provider: SdkTracerProvider,
    parent: opentelemetry::Context,
    told: Arc<AtomicBool>,
}

/// Why there are no traces though an endpoint is named.
pub(crate) struct Unusable(String);

/// Sends spans, and says once that this does not work.
#[derive(Debug)]
struct Exporter {
    inner: SpanExporter,
    told: Arc<AtomicBool>,
}

impl Traces {
    /// None.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// As the environment says.
    ///
    /// # Errors
    /// When it names an endpoint that cannot be used. Nothing of the values is told: an address may hold a password.
    pub(crate) fn configured(env: &BTreeMap<String, String>) -> Result<Self, Unusable> {
        let get = |name: &str| env.get(name).map(String::as_str);
        let is_wanted = get(EXPORTER).is_none_or(|all| all.split(',').any(|one| one.trim() == "otlp"));
        let is_disabled = get(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpoint = get(TRACES_ENDPOINT).or(get(ENDPOINT));
        if endpoint.is_none() || is_disabled || !is_wanted {
            return Ok(Self::none());
        }
        let protocol = [TRACES_PROTOCOL, PROTOCOL].into_iter().find(|name| get(name).is_some());
        if let Some(name) = protocol.filter(|name| get(name) != Some(SPOKEN)) {
            return Err(Unusable(format!("{name} asks for another protocol than {SPOKEN}")));
        }
        // A second try at the end of a command would keep it from ending.
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|_| Unusable("an OTEL_EXPORTER_OTLP_ variable holds what cannot be used".to_owned()))?;
        let told = Arc::new(AtomicBool::new(false));
        let exporter = Exporter {
            inner: exporter,
            told: Arc::clone(&told),
        };
        let carrier: std::collections::HashMap<String, String> = env
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect();
        Ok(Self(Some(Sending {
            provider: SdkTracerProvider::builder()
                .with_batch_exporter(exporter)
                .with_resource(resource(get(SERVICE)))
                .build(),
            parent: TraceContextPropagator::new().extract(&carrier),
            told,
        })))
    }

    /// What makes spans of ours into spans of the trace, and waits into their events.
    pub(crate) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let sending = self.0.as_ref()?;
        let ours = filter_fn(|metadata| {
            let is_ours = metadata.target().starts_with(env!("CARGO_CRATE_NAME"));
            metadata.is_span() && is_ours || metadata.target() == WAITS
        });
        let layer = tracing_opentelemetry::layer()
            .with_tracer(sending.provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(ours.with_max_level_hint(LevelFilter::DEBUG)))
    }

    /// The span of a command, by its name.
    pub(crate) fn command(&self, name: &str) -> Span {
        let Some(sending) = &self.0 else {
            return Span::none();
        };
        let span = info_span!(
            "command",
            otel.name = format!("pgferry {name}"),
            otel.status_code = Empty,
            pgferry.command = name,
            pgferry.version = env!("CARGO_PKG_VERSION"),
            pgferry.outcome = Empty,
            process.exit.code = Empty,
        );
        // Only a span that nobody records takes no parent.
        let _ = span.set_parent(sending.parent.clone());
        span
    }

    /// The command has ended like this: what is left of its trace is sent, if that takes no time to speak of.
    pub(crate) fn end(self, command: Span, ended: &Result<Exit, CommandError>) {
        let Some(sending) = self.0 else {
            return;
        };
        let exit = match ended {
            Ok(exit) => *exit,
            Err(error) => error.report().exit,
        };
        command.record("process.exit.code", i64::from(exit.code()));
        command.record("pgferry.outcome", exit.word());
        if exit == Exit::Error {
            command.record("otel.status_code", "ERROR");
        }
        drop(command);
        let longest = match exit {
            Exit::InFlight => SHORT_FLUSH,
            Exit::Done
            | Exit::Error
            | Exit::Changes
            | Exit::NotLaidOut
            | Exit::WaitingForPerson
            | Exit::Drift
            | Exit::CheckFailed => FLUSH,
        };
        if sending.provider.shutdown_with_timeout(longest).is_err() {
            tell(&sending.told, "the end of the trace was not taken in time");
        }
    }
}

impl Unusable {
    /// Says so.
    pub(crate) fn tell(&self) {
        warn!(because = self.0, "no trace is sent");
    }
}

impl opentelemetry_sdk::trace::SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let result = self.inner.export(batch).await;
        if let Err(error) = &result {
            tell(&self.told, &error.to_string());
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Says once that traces get lost.
fn tell(told: &AtomicBool, because: &str) {
    if !told.swap(true, Ordering::Relaxed) {
        warn!(because, "the trace gets lost; nothing else is the worse for it");
    }
}

/// Whose the spans are. What the environment says wins.
fn resource(service: Option<&str>) -> Resource {
    let builder = Resource::builder_empty()
        .with_service_name(env!("CARGO_PKG_NAME"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match service {
        Some(name) => builder.with_service_name(name.to_owned()).build(),
        None => builder.build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(pairs: &[(&str, &str)]) -> Result<bool, String> {
        let env = pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        match Traces::configured(&env) {
            Ok(traces) => Ok(traces.0.is_some()),
            Err(Unusable(why)) => Err(why),
        }
    }

    #[test]
    fn nothing_is_sent_unless_an_endpoint_is_named_and_nobody_forbids_it() {
        const AT: (&str, &str) = (ENDPOINT, "http://127.0.0.1:1");
        assert_eq!(configured(&[]), Ok(false));
        assert_eq!(configured(&[(SERVICE, "erp"), ("TRACEPARENT", "00-1-1-01")]), Ok(false));
        assert_eq!(configured(&[AT]), Ok(true));
        assert_eq!(configured(&[AT, (DISABLED, "True")]), Ok(false));
        assert_eq!(configured(&[AT, (EXPORTER, "none")]), Ok(false));
        assert_eq!(configured(&[AT, (EXPORTER, "console, otlp")]), Ok(true));
    }

    #[test]
    fn another_protocol_is_refused_and_the_one_for_traces_wins() {
        const AT: (&str, &str) = (TRACES_ENDPOINT, "http://127.0.0.1:1/v1/traces");
        let why = configured(&[AT, (PROTOCOL, "grpc")]).unwrap_err();
        assert_eq!(
            why,
            "OTEL_EXPORTER_OTLP_PROTOCOL asks for another protocol than http/protobuf"
        );
        assert_eq!(
            configured(&[AT, (PROTOCOL, "grpc"), (TRACES_PROTOCOL, SPOKEN)]),
            Ok(true)
        );
    }
}
