//! What a rule finds: how bad, what, which objects, and what mends it. Why it matters stands in the explanation of its code.

use super::End;
use super::facts::Row;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The migration would fail, or lose something.
    Error,
    /// It may go wrong, or needs somebody's decision.
    Warning,
    /// Good to know.
    Note,
}

/// Something that would mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Statements to run by hand, after reading them.
    Sql {
        /// On which end.
        on: End,
        /// The statements.
        script: String,
    },
    /// A server parameter of the target.
    Parameter {
        /// Its name.
        name: &'static str,
        /// What it should be.
        value: String,
        /// When it counts.
        counts: Counts,
    },
}

/// When a changed server parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// At once.
    AtOnce,
    /// After a restart.
    AfterRestart,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one sentence without full stop.
    pub summary: String,
    /// The objects concerned, as SQL writes them.
    pub objects: Vec<String>,
    /// What mends it.
    pub fixes: Vec<Fix>,
}

impl Finding {
    /// A finding about no particular object.
    pub fn new(severity: Severity, summary: impl Into<String>) -> Self {
        Self {
            severity,
            summary: summary.into(),
            objects: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// One finding about all rows, and none where there are no rows. A row has its `object`, may have a statement that would mend
    /// it as `fix`, and may be `light`: then the severity is at most a warning.
    pub fn of(severity: Severity, rows: &[Row], one: &str, many: &str) -> Vec<Self> {
        if rows.is_empty() {
            return Vec::new();
        }
        let light = rows.iter().all(|row| row.is("light"));
        let severity = if light {
            severity.max(Severity::Warning)
        } else {
            severity
        };
        let summary = match rows.len() {
            1 => one.to_owned(),
            number => many.replace("{}", &number.to_string()),
        };
        let mut finding = Self::new(severity, summary);
        finding.objects = rows
            .iter()
            .filter_map(|row| row.maybe("object").map(str::to_owned))
            .collect();
        let script: Vec<&str> = rows.iter().filter_map(|row| row.maybe("fix")).collect();
        if !script.is_empty() {
            finding = finding.mended_on_source(script.join("\n"));
        }
        vec![finding]
    }

    /// The same, about these objects.
    #[must_use]
    pub fn about(mut self, objects: impl IntoIterator<Item = String>) -> Self {
        self.objects.extend(objects);
        self
    }

    /// The same, mended by statements on the source.
    #[must_use]
    pub fn mended_on_source(mut self, script: impl Into<String>) -> Self {
        self.fixes.push(Fix::Sql {
            on: End::Source,
            script: script.into(),
        });
        self
    }

    /// The same, mended by statements on the target.
    #[must_use]
    pub fn mended_on_target(mut self, script: impl Into<String>) -> Self {
        self.fixes.push(Fix::Sql {
            on: End::Target,
            script: script.into(),
        });
        self
    }

    /// The same, mended by a server parameter of the target.
    #[must_use]
    pub fn mended_by(mut self, name: &'static str, value: impl Into<String>, counts: Counts) -> Self {
        self.fixes.push(Fix::Parameter {
            name,
            value: value.into(),
            counts,
        });
        self
    }
}
