//! What is logged, where and how. Logs are for whoever looks for a fault; they go to standard error, and never hold a secret.

use std::io::{self, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use super::LogFormat;
use super::env::Env;
use super::error::CommandError;
use super::traces::Traces;
use super::ui::Ui;

/// Starts logging, and tracing where the environment asks for it: `PGFERRY_LOG` says what, else the number of `-v` (one: the login in use; two: calls to Azure; three: everything).
///
/// # Errors
/// When `PGFERRY_LOG` is no filter.
pub(crate) fn start(env: &Env, ui: &Ui, format: LogFormat, verbose: u8) -> Result<Traces, CommandError> {
    let filter = match (&env.log, verbose) {
        (Some(filter), _) => EnvFilter::try_new(filter).map_err(|error| {
            CommandError::Usage(format!(
                "`{filter}` in PGFERRY_LOG is no filter such as `pgferry::azure=debug`: {error}"
            ))
        })?,
        (None, 0) => EnvFilter::new("pgferry=warn"),
        (None, 1) => EnvFilter::new("pgferry=info"),
        (None, 2) => EnvFilter::new("pgferry=debug"),
        (None, _) => EnvFilter::new("pgferry=trace"),
    };
    // Spans are for traces; a line says by itself what it is about.
    let lines_only = filter_fn(|metadata| !metadata.is_span()).with_max_level_hint(LevelFilter::TRACE);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Lines(ui.clone()))
        .with_ansi(false);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let traces = Traces::configured(&env.traces);
    tracing_subscriber::registry()
        .with(lines.with_filter(filter.and(lines_only)))
        .with(traces.as_ref().ok().and_then(Traces::layer))
        .init();
    Ok(traces.unwrap_or_else(|unusable| {
        unusable.tell();
        Traces::none()
    }))
}

/// Hands finished lines to the owner of the streams, so that they do not tear what changes in place.
struct Lines(Ui);

struct Line {
    ui: Ui,
    bytes: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            ui: self.0.clone(),
            bytes: Vec::new(),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.ui.alert(&String::from_utf8_lossy(&self.bytes));
        }
    }
}
