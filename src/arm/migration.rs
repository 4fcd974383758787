//! A migration as Azure tells of it: a lenient, lossless reading of `flexibleServers/migrations` (contract 5).
//!
//! Unknown states and substates are kept and shown, never refused; the outcome is read from the state, never from a substate.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::id::ArmId;

/// Databases that the service never moves (contract 5.3).
pub const NEVER_MOVED: [&str; 4] = ["template0", "template1", "azure_sys", "azure_maintenance"];

macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $wire:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A value that this version does not know.
            Other(String),
        }
        impl $name {
            /// The value as the service spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Other(text) => text,
                }
            }
            /// Reads any letter case.
            pub fn read(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($wire) { return Self::$variant; })*
                Self::Other(text.to_owned())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

wire_enum! {
    /// The state of a migration; the only place its outcome is read from.
    State {
        /// Running.
        InProgress = "InProgress",
        /// Waiting for an answer or for the cutover.
        WaitingForUserAction = "WaitingForUserAction",
        /// Cancelled.
        Canceled = "Canceled",
        /// Failed.
        Failed = "Failed",
        /// Everything arrived, or a validation ended well.
        Succeeded = "Succeeded",
        /// The validation failed; no data moved.
        ValidationFailed = "ValidationFailed",
        /// Being torn down.
        CleaningUp = "CleaningUp",
    }
}

wire_enum! {
    /// What a migration is doing.
    Substate {
        /// Setting up.
        PerformingPreRequisiteSteps = "PerformingPreRequisiteSteps",
        /// Asks for logical replication on the source.
        WaitingForLogicalReplicationSetup = "WaitingForLogicalReplicationSetupRequestOnSourceDB",
        /// Asks which databases.
        WaitingForDatabases = "WaitingForDBsToMigrateSpecification",
        /// Asks whether databases on the target may be overwritten.
        WaitingForOverwrite = "WaitingForTargetDBOverwriteConfirmation",
        /// Asks when to start.
        WaitingForScheduling = "WaitingForDataMigrationScheduling",
        /// Waits for its window.
        WaitingForWindow = "WaitingForDataMigrationWindow",
        /// Copies.
        MigratingData = "MigratingData",
        /// Online: copied and replaying; waits for the cutover.
        WaitingForCutover = "WaitingForCutoverTrigger",
        /// Finishes.
        CompletingMigration = "CompletingMigration",
        /// Finished, whatever the outcome.
        Completed = "Completed",
        /// Cancelling.
        Canceling = "CancelingRequestedDBMigrations",
        /// Validating.
        ValidationInProgress = "ValidationInProgress",
    }
}

wire_enum! {
    /// The state of one database in a migration.
    DatabaseState {
        /// Running.
        InProgress = "InProgress",
        /// Copied and replaying.
        WaitingForCutover = "WaitingForCutoverTrigger",
        /// Failed.
        Failed = "Failed",
        /// Cancelled.
        Canceled = "Canceled",
        /// Arrived.
        Succeeded = "Succeeded",
        /// Being cancelled.
        Canceling = "Canceling",
    }
}

wire_enum! {
    /// What a migration is asked to do.
    MigrationOption {
        /// Only look.
        Validate = "Validate",
        /// Only move.
        Migrate = "Migrate",
        /// Look, then move.
        ValidateAndMigrate = "ValidateAndMigrate",
    }
}

wire_enum! {
    /// With or without downtime during the copy.
    MigrationMode {
        /// Writes stop before the copy.
        Offline = "Offline",
        /// Writes go on until the cutover.
        Online = "Online",
    }
}

wire_enum! {
    /// The outcome of a validation.
    Verdict {
        /// Nothing found.
        Succeeded = "Succeeded",
        /// Found something that does not block.
        Warning = "Warning",
        /// Blocks.
        Failed = "Failed",
    }
}

/// A migration, as last read.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// Its id; the parent is the target.
    pub id: ArmId,
    /// The service's own run id, for a support request.
    pub run_id: Option<String>,
    /// Its state; `None` where the service has not said one.
    pub state: State,
    /// What it is doing.
    pub substate: Option<Substate>,
    /// The service's error text, empty as absent.
    pub error: Option<String>,
    /// Option.
    pub option: MigrationOption,
    /// Mode.
    pub mode: MigrationMode,
    /// The kind of source, as the service spells it.
    pub source_type: String,
    /// Where the data comes from: `host:port@user`, or a single server's id.
    pub source: String,
    /// The runtime server.
    pub runtime: Option<ArmId>,
    /// The databases it was asked to move.
    pub databases: Vec<String>,
    /// Progress per database.
    pub progress: BTreeMap<String, DatabaseProgress>,
    /// The validation, once it ran.
    pub validation: Option<Validation>,
    /// When it was created or its window opened.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Tags; how a migration says whose it is.
    pub tags: BTreeMap<String, String>,
}

/// Progress of one database. A counter the service did not send is unknown, not zero.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseProgress {
    /// Its state.
    pub state: DatabaseState,
    /// Tables by what happens to them.
    pub tables: Tables,
    /// Changes read from the source and not yet applied, or applied so far.
    pub changes: Changes,
    /// Replication lag in seconds.
    pub latency: Option<u64>,
    /// What the service says.
    pub message: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Tables of a database in the base copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Waiting.
    pub queued: Option<u64>,
    /// Being copied.
    pub loading: Option<u64>,
    /// Copied.
    pub completed: Option<u64>,
    /// Failed.
    pub errored: Option<u64>,
}

/// Changes replayed online.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Inserts.
    pub inserts: Option<u64>,
    /// Updates.
    pub updates: Option<u64>,
    /// Deletes.
    pub deletes: Option<u64>,
    /// Read from the source.
    pub incoming: Option<u64>,
    /// Applied on the target.
    pub applied: Option<u64>,
}

/// What the validation found.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation {
    /// The overall verdict, if any yet.
    pub verdict: Option<Verdict>,
    /// Every check that said something.
    pub checks: Vec<ValidationCheck>,
}

/// One check of the validation.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationCheck {
    /// The database; `None` for the server.
    pub database: Option<String>,
    /// The check's name, an open set.
    pub name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its messages.
    pub messages: Vec<String>,
}

impl fmt::Display for ValidationCheck {
    /// ``ExtensionsValidation of `billing`: Warning: hstore is not allowed``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(database) = &self.database {
            write!(f, " of `{database}`")?;
        }
        write!(f, ": {}", self.verdict)?;
        match self.messages.is_empty() {
            true => Ok(()),
            false => write!(f, ": {}", self.messages.join(" ")),
        }
    }
}

/// What a migration wants from us now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes on by itself.
    Running,
    /// It asks for an answer.
    Asking(Substate),
    /// Online: ready for the cutover.
    ReadyForCutover,
    /// It is over.
    Ended(Ending),
}

/// How a migration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Well.
    Succeeded,
    /// Badly.
    Failed,
    /// Badly, before any data moved.
    ValidationFailed,
    /// By a cancel.
    Canceled,
}

impl State {
    /// Whether the run is over, and how.
    pub fn ending(&self) -> Option<Ending> {
        match self {
            Self::Succeeded => Some(Ending::Succeeded),
            Self::Failed => Some(Ending::Failed),
            Self::ValidationFailed => Some(Ending::ValidationFailed),
            Self::Canceled => Some(Ending::Canceled),
            Self::Other(text) if text.eq_ignore_ascii_case("Cancelled") => Some(Ending::Canceled),
            Self::InProgress | Self::WaitingForUserAction | Self::CleaningUp | Self::Other(_) => None,
        }
    }
}

/// Azure gives a migration up so long after its start (contract 5.3).
pub const LIFETIME: Duration = Duration::from_secs(168 * 60 * 60);

/// Azure gives a migration up so long after it became ready for its cutover, and gives no moment from which that counts
/// (contract 5.3).
pub const CUTOVER_WAIT: Duration = Duration::from_secs(72 * 60 * 60);

/// When the life of a migration is over that began then. Without the end of time there is none to tell.
pub fn end_of_life(started: Timestamp) -> Option<Timestamp> {
    started.checked_add(LIFETIME).ok()
}

/// The latest moment until which a migration can wait for its cutover that is ready for it now, and whose life ends then: it may
/// have been ready for long, and has become so by now.
pub fn cutover_until(now: Timestamp, end_of_life: Option<Timestamp>) -> Option<Timestamp> {
    let waited = now.checked_add(CUTOVER_WAIT).ok();
    waited.into_iter().chain(end_of_life).min()
}

impl Migration {
    /// Reads what ARM answered when it was asked for this migration. What the answer itself calls its id is not looked at:
    /// answers have named other parents (contract 11).
    pub fn read(id: ArmId, json: &Json) -> Self {
        let properties = json.get("properties").unwrap_or(&Json::Null);
        let status = properties.get("currentStatus").unwrap_or(&Json::Null);
        let details = status.get("currentSubStateDetails").unwrap_or(&Json::Null);
        let progress = details.get("dbDetails").and_then(Json::as_object);
        Self {
            id,
            run_id: text(properties, "migrationId"),
            state: State::read(&text(status, "state").unwrap_or_default()),
            substate: text(details, "currentSubState").map(|text| Substate::read(&text)),
            error: text(status, "error"),
            option: MigrationOption::read(&text(properties, "migrationOption").unwrap_or_default()),
            mode: MigrationMode::read(&text(properties, "migrationMode").unwrap_or_else(|| "Offline".into())),
            source_type: text(properties, "sourceType").unwrap_or_default(),
            source: text(properties, "sourceDbServerResourceId").unwrap_or_default(),
            runtime: text(properties, "migrationInstanceResourceId").and_then(|id| ArmId::from_str(&id).ok()),
            databases: texts(properties.get("dbsToMigrate")),
            progress: progress
                .into_iter()
                .flatten()
                .map(|(name, json)| (name.clone(), DatabaseProgress::read(json)))
                .collect(),
            validation: details
                .get("validationDetails")
                .filter(|json| json.is_object())
                .map(Validation::read),
            started: instant(properties, "migrationWindowStartTimeInUtc"),
            ended: instant(properties, "migrationWindowEndTimeInUtc"),
            tags: json
                .get("tags")
                .and_then(Json::as_object)
                .into_iter()
                .flatten()
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect(),
        }
    }

    /// Reads one member of the list of a target's migrations. `None` where it has no name.
    pub fn listed(target: &ArmId, json: &Json) -> Option<Self> {
        let name = json.get("name")?.as_str()?;
        Some(Self::read(target.child("migrations", name), json))
    }

    /// The target it belongs to.
    pub fn target(&self) -> Option<ArmId> {
        self.id.parent()
    }

    /// What it wants from us now.
    pub fn standing(&self) -> Standing {
        if let Some(ending) = self.state.ending() {
            return Standing::Ended(ending);
        }
        match &self.substate {
            Some(Substate::WaitingForCutover) => Standing::ReadyForCutover,
            Some(
                asking @ (Substate::WaitingForLogicalReplicationSetup
                | Substate::WaitingForDatabases
                | Substate::WaitingForOverwrite
                | Substate::WaitingForScheduling),
            ) => Standing::Asking(asking.clone()),
            Some(Substate::Other(name)) if self.state == State::WaitingForUserAction => {
                Standing::Asking(Substate::Other(name.clone()))
            }
            Some(
                Substate::PerformingPreRequisiteSteps
                | Substate::WaitingForWindow
                | Substate::MigratingData
                | Substate::CompletingMigration
                | Substate::Completed
                | Substate::Canceling
                | Substate::ValidationInProgress
                | Substate::Other(_),
            )
            | None => Standing::Running,
        }
    }

    /// Whether its cutover was triggered and is not over yet.
    pub fn is_cutting_over(&self) -> bool {
        let past = [Some(Substate::CompletingMigration), Some(Substate::Completed)];
        self.state.ending().is_none() && past.contains(&self.substate)
    }

    /// Whether a database may have been written on the target. Before it moves data, and while it waits or asks before that, the
    /// service has touched nothing there; it counts tables once it begins.
    pub fn may_have_written(&self, database: &str) -> bool {
        let is_before = match &self.substate {
            Some(
                Substate::ValidationInProgress
                | Substate::WaitingForLogicalReplicationSetup
                | Substate::WaitingForDatabases
                | Substate::WaitingForOverwrite
                | Substate::WaitingForScheduling
                | Substate::WaitingForWindow,
            ) => true,
            Some(
                Substate::PerformingPreRequisiteSteps
                | Substate::MigratingData
                | Substate::WaitingForCutover
                | Substate::CompletingMigration
                | Substate::Completed
                | Substate::Canceling
                | Substate::Other(_),
            )
            | None => false,
        };
        !is_before
            || self
                .progress
                .get(database)
                .is_some_and(|progress| progress.tables.any())
    }

    /// Checks of its validation that did not simply succeed.
    pub fn remarks(&self) -> impl Iterator<Item = &ValidationCheck> {
        let checks = self.validation.iter().flat_map(|validation| &validation.checks);
        checks.filter(|check| check.verdict != Verdict::Succeeded)
    }

    /// Whether this database has arrived: its own state says so, or, where the service gives no details, the run's.
    /// A run that only validates moves nothing.
    pub fn has_arrived(&self, database: &str) -> bool {
        if self.option == MigrationOption::Validate {
            return false;
        }
        match self.progress.get(database) {
            Some(progress) => progress.state == DatabaseState::Succeeded,
            None => self.state == State::Succeeded && self.databases.iter().any(|name| name == database),
        }
    }

    /// How many of its databases have arrived.
    pub fn arrived(&self) -> usize {
        self.databases.iter().filter(|name| self.has_arrived(name)).count()
    }

    /// Tables that are copied, over the databases that tell; `None` where none does.
    pub fn tables_copied(&self) -> Option<u64> {
        sum(self.progress.values().map(|database| database.tables.completed))
    }

    /// All tables, over the databases that tell; `None` where none does.
    pub fn tables(&self) -> Option<u64> {
        sum(self.progress.values().map(|database| database.tables.total()))
    }

    /// How far the slowest database is behind its source, once every one tells; `None` where nothing is replicated.
    pub fn largest_lag(&self) -> Option<Duration> {
        let replicates = self.mode == MigrationMode::Online;
        let lag = |name: &String| self.progress.get(name)?.latency;
        let lags: Option<Vec<u64>> = self.databases.iter().filter(|_| replicates).map(lag).collect();
        lags?.into_iter().max().map(Duration::from_secs)
    }

    /// When its life is over, whatever it does until then.
    pub fn deadline(&self) -> Option<Timestamp> {
        end_of_life(self.started?)
    }

    /// When Azure gives it up at the latest, as it stands now; nothing where it is over, or Azure does not tell since when it runs.
    pub fn given_up_by(&self, now: Timestamp) -> Option<Timestamp> {
        match self.standing() {
            Standing::Ended(_) => None,
            Standing::ReadyForCutover => cutover_until(now, self.deadline()),
            Standing::Running | Standing::Asking(_) => self.deadline(),
        }
    }
}

fn sum(counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts
        .flatten()
        .fold(None, |sum, count| Some(sum.unwrap_or(0).saturating_add(count)))
}

impl Tables {
    /// Whether the service counts any: it does once it begins to move data.
    pub fn any(&self) -> bool {
        let Self {
            queued,
            loading,
            completed,
            errored,
        } = self;
        let counters = [queued, loading, completed, errored];
        counters.into_iter().flatten().any(|tables| *tables > 0)
    }
}

impl DatabaseState {
    /// Whether the database does not arrive by this migration any more, whatever becomes of the others.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Failed | Self::Canceled | Self::Canceling => true,
            Self::InProgress | Self::WaitingForCutover | Self::Succeeded | Self::Other(_) => false,
        }
    }
}

impl DatabaseProgress {
    /// Reads one entry of `dbDetails`.
    pub fn read(json: &Json) -> Self {
        let count = |key: &str| number(json, key);
        Self {
            state: DatabaseState::read(&text(json, "migrationState").unwrap_or_default()),
            tables: Tables {
                queued: count("fullLoadQueuedTables"),
                loading: count("fullLoadLoadingTables"),
                completed: count("fullLoadCompletedTables"),
                errored: count("fullLoadErroredTables"),
            },
            changes: Changes {
                inserts: count("cdcInsertCounter"),
                updates: count("cdcUpdateCounter"),
                deletes: count("cdcDeleteCounter"),
                incoming: count("incomingChanges"),
                applied: count("appliedChanges"),
            },
            latency: count("latency"),
            message: text(json, "message"),
            started: instant(json, "startedOn"),
            ended: instant(json, "endedOn"),
        }
    }
}

impl Tables {
    /// All tables, when every counter is known.
    pub fn total(&self) -> Option<u64> {
        let counters = [self.queued?, self.loading?, self.completed?, self.errored?];
        Some(counters.into_iter().fold(0, u64::saturating_add))
    }
}

impl Validation {
    fn read(json: &Json) -> Self {
        let mut checks = Vec::new();
        let mut add = |database: Option<String>, list: Option<&Json>| {
            for item in list.and_then(Json::as_array).into_iter().flatten() {
                let messages = item.get("messages").and_then(Json::as_array).into_iter().flatten();
                checks.push(ValidationCheck {
                    database: database.clone(),
                    name: text(item, "type").unwrap_or_default(),
                    verdict: Verdict::read(&text(item, "state").unwrap_or_default()),
                    messages: messages.filter_map(|message| text(message, "message")).collect(),
                });
            }
        };
        add(None, json.get("serverLevelValidationDetails"));
        for database in json
            .get("dbLevelValidationDetails")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            add(text(database, "databaseName"), database.get("summary"));
        }
        Self {
            verdict: text(json, "status").map(|text| Verdict::read(&text)),
            checks,
        }
    }
}

/// A text member; empty counts as absent.
fn text(json: &Json, key: &str) -> Option<String> {
    json.get(key)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn texts(json: Option<&Json>) -> Vec<String> {
    json.and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// A counter; one that no count can be is unknown.
fn number(json: &Json, key: &str) -> Option<u64> {
    json.get(key)?.as_u64()
}

fn instant(json: &Json, key: &str) -> Option<Timestamp> {
    json.get(key)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn azure_gives_up_what_is_ready_after_72_h_from_now_or_168_h_from_its_start() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let migration = |substate: &str| {
            let id = "/subscriptions/s/resourceGroups/g/providers/P/flexibleServers/pg/migrations/m1";
            let answer = json!({ "properties": {
                "migrationMode": "Online",
                "migrationWindowStartTimeInUtc": "2026-11-01T00:00:00Z",
                "currentStatus": { "state": "InProgress", "currentSubStateDetails": { "currentSubState": substate } },
            }});
            Migration::read(id.parse().unwrap(), &answer)
        };
        let (ready, copying) = (migration("WaitingForCutoverTrigger"), migration("MigratingData"));
        let early = at("2026-11-01T01:00:00Z");
        assert_eq!(ready.given_up_by(early), Some(at("2026-11-04T01:00:00Z")));
        assert_eq!(copying.given_up_by(early), Some(at("2026-11-08T00:00:00Z")));
        let late = at("2026-11-07T06:00:00Z");
        assert_eq!(ready.given_up_by(late), Some(at("2026-11-08T00:00:00Z")));
    }
}
