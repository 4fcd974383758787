//! The span of a step in a trace, from its beginning to its end. It holds no words of an error: they may repeat what was
//! supplied.

use tracing::field::Empty;
use tracing::{Span, info_span};

use super::error::StepError;
use super::report::Outcome;
use crate::plan::{Op, Step};

/// A step's span; none before it begins.
#[derive(Debug, Default)]
pub(super) struct StepSpan(Option<Span>);

impl StepSpan {
    /// The step begins.
    pub(super) fn begin(step: &Step) -> Self {
        let operation = word(&step.op);
        Self(Some(info_span!(
            "step",
            otel.name = format!("{operation} {}", step.unit.resource.kind()),
            otel.status_code = Empty,
            error.type = Empty,
            pgferry.unit = %step.unit,
            pgferry.operation = operation,
            pgferry.step = step.id.0,
            pgferry.attempts = Empty,
            pgferry.outcome = Empty,
        )))
    }

    /// For what is done in it.
    pub(super) fn span(&self) -> Span {
        self.0.clone().unwrap_or_else(Span::none)
    }

    /// The step has ended, or the run ends before it.
    pub(super) fn end(&mut self, outcome: &Outcome, attempts: u32) {
        let Some(span) = self.0.take() else { return };
        span.record("pgferry.attempts", attempts);
        span.record(
            "pgferry.outcome",
            match outcome {
                Outcome::Done => "done",
                Outcome::Failed(_) => "failed",
                Outcome::Skipped { .. } => "skipped",
                Outcome::Waiting(_) => "waiting",
                Outcome::InFlight { .. } => "in_flight",
                Outcome::Left { .. } => "left",
            },
        );
        if let Outcome::Failed(error) = outcome {
            span.record("error.type", kind(error));
            span.record("otel.status_code", "ERROR");
        }
    }
}

fn word(op: &Op) -> &'static str {
    match op {
        Op::Put { .. } => "put",
        Op::Start { .. } => "start",
        Op::Delete { .. } => "delete",
        Op::Await(_) => "await",
        Op::Gate(_) => "gate",
        Op::Cutover { .. } => "cutover",
        Op::Note => "note",
    }
}

/// The code of the service's error, or what kind of failure it was.
pub(super) fn kind(error: &StepError) -> &str {
    match error {
        StepError::Arm(error) | StepError::OutOfSight(error) => error.failure.kind(),
        StepError::Missing(_) => "missing",
        StepError::Vault(_) => "vault",
        StepError::NoId(_) => "no_id",
        StepError::Moved(_) => "moved",
        StepError::NameTaken { .. } => "name_taken",
        StepError::NoTarget { .. } => "no_target",
        StepError::DatabasesThere { .. } => "databases_there",
        StepError::Ended(_) => "ended",
        StepError::Vanished { .. } => "vanished",
        StepError::NotReady { .. } => "not_ready",
        StepError::GateClosed { .. } => "gate_closed",
        StepError::WindowClosed { .. } => "window_closed",
        StepError::Grown { .. } => "grown",
        StepError::Store(_) => "store",
        StepError::Earlier(_) => "earlier",
    }
}
