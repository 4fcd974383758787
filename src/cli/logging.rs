//! What is logged, where and how. Logs are for whoever looks for a fault; they go to standard error, and never hold a secret.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::LogFormat;
use super::env::Env;
use super::error::CommandError;
use super::ui::Ui;

/// Starts logging: `PGFERRY_LOG` says what, else the number of `-v` (one: the login in use; two: calls to Azure; three: everything).
///
/// # Errors
/// When `PGFERRY_LOG` is no filter.
pub(crate) fn start(env: &Env, ui: &Ui, format: LogFormat, verbose: u8) -> Result<(), CommandError> {
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
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(ui.clone()))
        .with_ansi(false);
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
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
