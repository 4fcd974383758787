//! `database_batch`: databases from one source to one target. A job, not a thing: its migrations are dealt while planning,
//! in `plan::batch`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::schema::{Argument, ArgumentType, Content, Effect, Fields, Schema, Section, Term, Word};
use super::{Body, Conduct, Context, Expansion, Kind, known_ids, server, source};
use crate::address::Address;
use crate::arm::migration::{MigrationMode, MigrationOption, NEVER_MOVED};
use crate::arm::{ArmId, Draft};
use crate::diagnostic::code::{CONFLICT, MISSING_ARGUMENT, NOT_ALLOWED, NOT_KNOWN, UNPROVEN};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use crate::secret::SecretRef;
use crate::window::{self, Closed, Hours, Window, Zone};

/// The kind's name.
pub const NAME: &str = "database_batch";

/// Databases per migration: the service's texts say eight, its schema fifty (contract 5.3).
pub const PROVEN_LIMIT: i64 = 8;

/// What the API's schema allows.
pub const SCHEMA_LIMIT: i64 = 50;

/// The database that every flexible server has from its beginning and that can be moved.
const ALWAYS_THERE: &str = "postgres";

const fn word(word: &'static str, wire: &'static str) -> Word {
    Word { word, wire }
}

const MODES: &[Word] = &[word("offline", "Offline"), word("online", "Online")];
const OPTIONS: &[Word] = &[
    word("validate", "Validate"),
    word("migrate", "Migrate"),
    word("validate_and_migrate", "ValidateAndMigrate"),
];
const POLICIES: &[Word] = &[
    word("manual", "manual"),
    word("approved", "approved"),
    word("automatic", "automatic"),
];

/// The type of the migrations that its databases are dealt into.
pub const MIGRATION: &str = "Microsoft.DBforPostgreSQL/flexibleServers/migrations";

/// The kind.
pub struct DatabaseBatch;

/// A batch, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The resource.
    pub address: Address,
    /// The block, for findings.
    pub span: Span,
    /// Where the data comes from.
    pub source: source::Endpoint,
    /// The source's resource, for the queue of a source.
    pub source_address: Address,
    /// The source's password.
    pub source_password: SecretRef,
    /// Where it goes.
    pub target: ArmId,
    /// The target's resource.
    pub target_address: Address,
    /// The target's region, which the request repeats.
    pub target_region: Term<String>,
    /// The login on the target.
    pub target_username: String,
    /// Its password.
    pub target_password: SecretRef,
    /// The server it runs from.
    pub runtime: Option<ArmId>,
    /// The databases, as declared, without repetition.
    pub databases: Vec<String>,
    /// How many a migration may hold.
    pub max_per_migration: usize,
    /// What is asked for.
    pub option: MigrationOption,
    /// With or without downtime during the copy.
    pub mode: MigrationMode,
    /// Raised to migrate everything anew.
    pub generation: u32,
    /// Consents to losses, by database.
    pub accept_loss: BTreeMap<String, LossConsent>,
    /// Whether logical replication may be set up on the source, which restarts it; `None` leaves the question open.
    pub setup_logical_replication: Option<bool>,
    /// Whether roles are migrated; only single servers honour it.
    pub migrate_roles: bool,
    /// How many failed attempts are followed by another one without being asked.
    pub retries: u32,
    /// The cutover.
    pub cutover: Cutover,
    /// No counter moved for so long: warn.
    pub stall_after: Duration,
    /// Migrations at a time per source.
    pub max_concurrent: usize,
    /// Higher goes first in a queue.
    pub priority: i64,
    /// When its migrations may start; at any time where there is none.
    pub window: Option<Window>,
    /// Overrides for names that the service cannot resolve.
    pub source_fqdn: Option<String>,
    /// The same for the target.
    pub target_fqdn: Option<String>,
    /// The beginning of its migrations' names.
    pub base_name: String,
    /// Networks, servers and zones on the way.
    pub path: BTreeSet<ArmId>,
    /// The networks at the three stations of the way, for checks.
    pub networks: PathNetworks,
    /// Tags of the `azure` block, for migrations that are yet to be made.
    pub tags: BTreeMap<String, String>,
}

/// The networks at the stations of a batch's way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathNetworks {
    /// The source's.
    pub source: Option<ArmId>,
    /// The runtime server's.
    pub runtime: Option<ArmId>,
    /// The target's.
    pub target: Option<ArmId>,
}

/// Which loss is accepted for a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossConsent {
    /// A database of this name on the target may be overwritten.
    Overwrite,
    /// What an earlier generation brought may be overwritten.
    Generation,
}

impl LossConsent {
    /// As the configuration writes it for a database.
    pub fn written(self) -> &'static str {
        match self {
            Self::Overwrite => "accept_loss = \"overwrite\"",
            Self::Generation => "accept_loss = \"generation\"",
        }
    }
}

/// How an online migration is cut over.
#[derive(Clone, Debug, PartialEq)]
pub struct Cutover {
    /// Who decides.
    pub policy: CutoverPolicy,
    /// Largest lag of every database.
    pub max_lag: Duration,
    /// In how many samples in a row.
    pub samples: u32,
    /// When it may be triggered; at any time where there is none.
    pub window: Option<Window>,
}

impl Cutover {
    /// The lag that is allowed where none is given.
    pub const MAX_LAG: Duration = Duration::ZERO;
    /// The readings that must hold where no number is given.
    pub const SAMPLES: u32 = 3;
}

/// Who decides on the cutover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CutoverPolicy {
    /// `pgferry cutover`.
    Manual,
    /// A reviewed change of the configuration.
    Approved(Approval),
    /// The gate.
    Automatic,
}

/// Which migrations of a batch are approved for their cutover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// `true`: the only one.
    Only,
    /// These.
    Numbers(BTreeSet<u32>),
}

static SCHEMA: Schema = Schema {
    kind: NAME,
    summary: "Databases from one source to one target.",
    doc: "A batch declares that every listed database has arrived. Its databases are dealt into migrations of at most \
          `max_per_migration`; once a migration was created its membership never changes. One migration per target is active \
          at a time; others queue. A failed or cancelled migration is never reused: a retry is a new attempt under a new \
          name. Leaving the configuration forgets finished migrations and leaves running ones running.",
    example: "database_batch \"wave1\" {\n  source         = source.erp\n  target         = target.erp\n  runtime_server = \
              runtime_server.shared\n  databases      = [\"ticketdb\", \"timedb\"]\n  mode           = \"online\"\n\n  cutover {\n    \
              policy = \"manual\"\n  }\n}\n",
    arguments: &[
        Argument::required(
            "source",
            ArgumentType::Reference(&["source"]),
            "Where the databases are.",
        ).on_change(Effect::Later),
        Argument::required("target", ArgumentType::Reference(&["target"]), "Where they go.").on_change(Effect::Later),
        Argument::optional(
            "runtime_server",
            ArgumentType::Reference(&["runtime_server"]),
            "The server Azure runs the migration from, when both ends are private.",
        ).on_change(Effect::Later),
        Argument::required("databases", ArgumentType::Texts, "Names of the databases, any number.").on_change(Effect::Later),
        Argument::default(
            "mode",
            ArgumentType::Choice(MODES),
            "offline",
            "`online` replays changes until the cutover.",
        ).on_change(Effect::Later),
        Argument::default(
            "option",
            ArgumentType::Choice(OPTIONS),
            "validate_and_migrate",
            "`validate` only looks; `migrate` skips the service's checks.",
        ).on_change(Effect::Later),
        Argument::default(
            "max_per_migration",
            ArgumentType::Whole(1, SCHEMA_LIMIT),
            "8",
            "Databases per migration. The service's texts allow 8, its schema 50: more than 8 needs `unproven_limit = true`.",
        ).on_change(Effect::Later),
        Argument::default(
            "unproven_limit",
            ArgumentType::Bool,
            "false",
            "Allow more than 8 databases per migration.",
        ),
        Argument::default(
            "generation",
            ArgumentType::Whole(1, 10_000),
            "1",
            "Raise it to migrate everything anew; needs `accept_loss`.",
        ).on_change(Effect::Later),
        Argument::optional(
            "accept_loss",
            ArgumentType::Map,
            "By database: `overwrite` lets the migration replace a database of this name on the target, `generation` lets a \
             new generation replace what the last one brought.",
        ),
        Argument::optional(
            "setup_logical_replication",
            ArgumentType::Bool,
            "Whether the service may switch on logical replication on the source when it asks. It restarts the source.",
        ).on_change(Effect::Later),
        Argument::default(
            "migrate_roles",
            ArgumentType::Bool,
            "false",
            "Migrate roles; effective for single servers only.",
        ).on_change(Effect::Later),
        Argument::default(
            "stall_after",
            ArgumentType::Duration,
            "15m",
            "Warn when no counter of a running migration moved for so long.",
        ),
        Argument::default(
            "max_concurrent",
            ArgumentType::Whole(1, 50),
            "1",
            "Migrations at a time from this source.",
        ),
        Argument::default(
            "priority",
            ArgumentType::Whole(-1000, 1000),
            "0",
            "Higher goes first where migrations queue.",
        ),
        Argument::default(
            "time_zone",
            ArgumentType::Text,
            "UTC",
            "Whose clocks the times of its windows mean, by the name in the IANA database, such as `Europe/Berlin`.",
        ),
        Argument::optional(
            "calendar",
            ArgumentType::Text,
            "Days on which none of its migrations is started or cut over, such as `file(\"freeze.txt\")`: on each line a day, \
             `2026-12-24`, or a first and a last one, `2026-12-24/2027-01-01`, then the reason; `#` begins a comment.",
        ),
        Argument::optional(
            "not_before",
            ArgumentType::Text,
            "No migration starts before it: `2026-12-05 22:00`.",
        ),
        Argument::optional(
            "not_after",
            ArgumentType::Text,
            "No migration starts then, or later. What runs already goes on.",
        ),
        Argument::optional(
            "start_window",
            ArgumentType::Texts,
            "Hours of the week at which migrations may start, such as `[\"Mon-Fri 20:00-06:00\", \"Sat,Sun\"]`.",
        ),
        Argument::optional(
            "source_fqdn",
            ArgumentType::Text,
            "Name or address that the service uses for the source.",
        ).on_change(Effect::Later),
        Argument::optional(
            "target_fqdn",
            ArgumentType::Text,
            "Name or address that the service uses for the target.",
        ).on_change(Effect::Later),
    ],
    common: &[],
    sections: &[
        Section {
            name: "cutover",
            doc: "How an online migration is cut over.",
            arguments: &[
                Argument::default(
                    "policy",
                    ArgumentType::Choice(POLICIES),
                    "manual",
                    "`manual` waits for `pgferry cutover`, `approved` for `approved`, `automatic` for the gate.",
                ),
                Argument::default(
                    "max_lag",
                    ArgumentType::Duration,
                    "0s",
                    "Largest lag of every database.",
                ),
                Argument::default(
                    "samples",
                    ArgumentType::Whole(1, 100),
                    "3",
                    "Readings in a row that must hold.",
                ),
                Argument::optional(
                    "approved",
                    ArgumentType::WholesOrTrue,
                    "Numbers of the migrations that may be cut over; `true` where there is only one.",
                ),
                Argument::optional(
                    "not_before",
                    ArgumentType::Text,
                    "No cutover is triggered before it: `2026-12-05 22:00`, by clocks of `time_zone`.",
                ),
                Argument::optional(
                    "not_after",
                    ArgumentType::Text,
                    "No cutover is triggered then, or later. One that has begun goes on.",
                ),
                Argument::optional(
                    "window",
                    ArgumentType::Texts,
                    "Hours of the week at which cutovers may be triggered, such as `[\"Sat 22:00-04:00\"]`.",
                ),
            ],
        },
        Section {
            name: "retry",
            doc: "What happens after a failed attempt.",
            arguments: &[Argument::default(
                "attempts",
                ArgumentType::Whole(0, 20),
                "0",
                "How many more attempts the next applies make by themselves.",
            )],
        },
    ],
    exports: &[],
};

impl Kind for DatabaseBatch {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::Job
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(MIGRATION)
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let mut found = Diagnostics::new();
        let batch = decode(fields, cx, &mut found)?;
        let (batch, _) = found.or(batch)?;
        Ok(Expansion::Job(Box::new(batch)))
    }
}

fn decode(fields: &Fields<'_>, cx: &Context<'_>, found: &mut Diagnostics) -> Result<Batch, Diagnostics> {
    let top = fields.top();
    let refuse = |argument: &str, code: Code, text: String| {
        Diagnostic::error(code, "unusable batch")
            .at(top.span(argument), text)
            .about(fields.owner())
    };
    let (Some(source_address), Some(target_address)) = (top.reference("source"), top.reference("target")) else {
        return Err(refuse("source", MISSING_ARGUMENT, "a batch needs a source and a target".into()).into());
    };
    let ends = ends(fields, cx, source_address, target_address)?;
    let databases = databases(fields, found);
    let accept_loss = accept_loss(fields, found);
    let limit = top.whole("max_per_migration").unwrap_or(PROVEN_LIMIT);
    if limit > PROVEN_LIMIT && top.bool("unproven_limit") != Some(true) {
        found.push(
            refuse("max_per_migration", UNPROVEN, format!("the service's texts allow {PROVEN_LIMIT} databases per migration"))
                .detail(
                    "The API's schema accepts up to 50, but whether the service moves more than eight at a time is not proven.",
                )
                .hint("remove it, or add `unproven_limit = true` to try"),
        );
    }
    let option = MigrationOption::read(top.choice("option").map_or("ValidateAndMigrate", |word| word.wire));
    let mode = MigrationMode::read(top.choice("mode").map_or("Offline", |word| word.wire));
    let overwrites = option != MigrationOption::Validate && databases.iter().any(|name| name == ALWAYS_THERE);
    if overwrites && !accept_loss.contains_key(ALWAYS_THERE) {
        found.push(
            refuse(
                "databases",
                CONFLICT,
                format!("`{ALWAYS_THERE}` is on every server, so the target's would be overwritten"),
            )
            .hint(format!(
                "take it out of the list, or add `accept_loss = {{ {ALWAYS_THERE} = \"overwrite\" }}` if nothing of the \
                 target's is needed"
            )),
        );
    }
    if fields.section("cutover").is_some() && mode == MigrationMode::Offline {
        found.push(
            refuse("mode", CONFLICT, "an offline migration has no cutover".into())
                .hint("add `mode = \"online\"`, or remove the `cutover` block"),
        );
    }
    let runtime = match ends.runtime {
        Some(id) if id == ends.target => {
            found.push(refuse(
                "runtime_server",
                CONFLICT,
                "the runtime server must not be the target".into(),
            ));
            None
        }
        other => other,
    };
    let times = Times::of(fields, found);
    let window = times.window(Some(top), "start_window", found);
    let path = known_ids(&ends.stations.iter().cloned().map(Term::Known).collect::<Vec<_>>());
    Ok(Batch {
        address: fields.owner().clone(),
        span: fields.header(),
        source: ends.source,
        source_address: source_address.clone(),
        source_password: ends.source_password,
        target: ends.target,
        target_address: target_address.clone(),
        target_region: cx.output(target_address, "region"),
        target_username: ends.target_username,
        target_password: ends.target_password,
        runtime,
        databases,
        max_per_migration: usize::try_from(limit).unwrap_or(1),
        option,
        mode,
        generation: top
            .whole("generation")
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(1),
        accept_loss,
        setup_logical_replication: top.bool("setup_logical_replication"),
        migrate_roles: top.bool("migrate_roles").unwrap_or(false),
        retries: fields
            .section("retry")
            .and_then(|section| section.whole("attempts"))
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(0),
        cutover: cutover(fields, &times, found),
        stall_after: top.duration("stall_after").unwrap_or(Duration::from_secs(15 * 60)),
        max_concurrent: top
            .whole("max_concurrent")
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(1),
        priority: top.whole("priority").unwrap_or(0),
        window,
        source_fqdn: top.text("source_fqdn").map(str::to_owned),
        target_fqdn: top.text("target_fqdn").map(str::to_owned),
        base_name: base_name(fields.owner()),
        path,
        networks: ends.networks,
        tags: cx.defaults.tags.clone(),
    })
}

/// What a batch takes from the blocks it refers to.
struct Ends {
    source: source::Endpoint,
    source_password: SecretRef,
    target: ArmId,
    target_username: String,
    target_password: SecretRef,
    runtime: Option<ArmId>,
    stations: Vec<ArmId>,
    networks: PathNetworks,
}

fn ends(fields: &Fields<'_>, cx: &Context<'_>, source: &Address, target: &Address) -> Result<Ends, Diagnostics> {
    let read = |address: &Address| {
        let block = cx.block(address)?;
        let kind = super::find(address.kind().as_str()).ok_or_else(Diagnostics::new)?;
        kind.schema().read(block)
    };
    let known = |argument: &str, term: Term<ArmId>| match term {
        Term::Known(id) => Ok(id),
        Term::Open(_) => Err(Diagnostics::from(
            Diagnostic::error(NOT_KNOWN, "value not known while planning")
                .at(
                    fields.top().span(argument),
                    "the id of this server must be known while planning",
                )
                .about(fields.owner()),
        )),
    };
    let network = |content: &Content<'_>| match content.reference("network") {
        Some(address) => cx.id_of(address).map(|term| match term {
            Term::Known(id) => Some(id),
            Term::Open(_) => None,
        }),
        None => Ok(None),
    };
    let source_fields = read(source)?;
    let target_fields = read(target)?;
    let target_id = known("target", server::id(&target_fields, cx)?)?;
    let mut networks = PathNetworks {
        source: network(source_fields.top())?,
        target: network(target_fields.top())?,
        runtime: None,
    };
    let mut runtime = None;
    if let Some(address) = fields.top().reference("runtime_server") {
        let runtime_fields = read(address)?;
        runtime = Some(known("runtime_server", server::id(&runtime_fields, cx)?)?);
        networks.runtime = network(runtime_fields.top())?;
    }
    let mut stations = vec![target_id.clone()];
    stations.extend(runtime.clone());
    stations.extend(
        [&networks.source, &networks.runtime, &networks.target]
            .into_iter()
            .flatten()
            .cloned(),
    );
    Ok(Ends {
        source: source::endpoint(&source_fields)?,
        source_password: source_fields.secret("password"),
        target_password: target_fields.secret("admin_password"),
        target: target_id,
        target_username: target_fields
            .top()
            .text("admin_username")
            .unwrap_or_default()
            .to_owned(),
        runtime,
        stations,
        networks,
    })
}

fn databases(fields: &Fields<'_>, found: &mut Diagnostics) -> Vec<String> {
    let declared = fields.top().texts("databases").unwrap_or_default();
    let mut refuse = |text: String, way_out: &str| {
        found.push(
            Diagnostic::error(NOT_ALLOWED, "unusable list of databases")
                .at(fields.top().span("databases"), text)
                .hint(way_out)
                .about(fields.owner()),
        );
    };
    if declared.is_empty() {
        let way_out = "name some, or take the batch out with `enabled = false`";
        refuse("a batch needs at least one database".into(), way_out);
    }
    let mut seen = BTreeSet::new();
    for name in declared {
        if !seen.insert(name.as_str()) {
            refuse(format!("`{name}` is listed twice"), "take one of them out");
        } else if name.is_empty() || name.len() > 63 || name.contains('\0') {
            refuse(
                format!("`{name}` is no database name: PostgreSQL's have 1 to 63 bytes"),
                "write it as `SELECT datname FROM pg_database` shows it on the source",
            );
        } else if NEVER_MOVED.contains(&name.as_str()) {
            refuse(
                format!("`{name}` belongs to the server and is never moved"),
                "take it out of the list",
            );
        }
    }
    declared.to_vec()
}

fn accept_loss(fields: &Fields<'_>, found: &mut Diagnostics) -> BTreeMap<String, LossConsent> {
    let mut consents = BTreeMap::new();
    let declared = fields.top().texts("databases").unwrap_or_default();
    for (database, word) in fields.top().map("accept_loss").into_iter().flatten() {
        let refuse = |text: String| {
            Diagnostic::error(NOT_ALLOWED, "value not allowed")
                .at(fields.top().span("accept_loss"), text)
                .about(fields.owner())
        };
        if !declared.contains(database) {
            found.push(
                refuse(format!("`{database}` is not in `databases`"))
                    .suggest(database, declared.iter().map(String::as_str)),
            );
        }
        match word.as_str() {
            "overwrite" => consents.insert(database.clone(), LossConsent::Overwrite),
            "generation" => consents.insert(database.clone(), LossConsent::Generation),
            other => {
                found.push(refuse(format!("`{other}` is neither `overwrite` nor `generation`")));
                None
            }
        };
    }
    consents
}

/// What all windows of a batch have in common.
struct Times<'a> {
    owner: &'a Address,
    zone: Zone,
    closed: Vec<Closed>,
}

impl<'a> Times<'a> {
    fn of(fields: &Fields<'a>, found: &mut Diagnostics) -> Self {
        let top = fields.top();
        let mut refuse = |argument: &str, text: String| {
            found.push(
                Diagnostic::error(NOT_ALLOWED, "value not allowed")
                    .at(top.span(argument), text)
                    .about(fields.owner()),
            );
        };
        let zone = top.text("time_zone").map(str::parse::<Zone>).transpose();
        let zone = zone.unwrap_or_else(|error| {
            refuse("time_zone", error.to_string());
            None
        });
        let closed = top.text("calendar").map(window::calendar).transpose();
        let closed = closed.unwrap_or_else(|error| {
            found.push(
                Diagnostic::error(NOT_ALLOWED, "value not allowed")
                    .at(top.span("calendar"), error.to_string())
                    .hint("a line is a day, `2026-12-24`, or a first and a last one, `2026-12-24/2027-01-01`, then the reason")
                    .about(fields.owner()),
            );
            None
        });
        Self {
            owner: fields.owner(),
            zone: zone.unwrap_or_default(),
            closed: closed.unwrap_or_default(),
        }
    }

    /// The window of these arguments; `None` where nothing limits it.
    fn window(&self, content: Option<&Content<'_>>, hours: &str, found: &mut Diagnostics) -> Option<Window> {
        let Some(content) = content else {
            return self.limited(None, None, Vec::new());
        };
        let mut refuse = |argument: &str, text: String| {
            found.push(
                Diagnostic::error(NOT_ALLOWED, "value not allowed")
                    .at(content.span(argument), text)
                    .about(self.owner),
            );
        };
        let [not_before, not_after] = ["not_before", "not_after"].map(|argument| {
            match content.text(argument).map(|text| self.zone.instant(text))? {
                Ok(instant) => Some(instant),
                Err(error) => {
                    refuse(argument, error.to_string());
                    None
                }
            }
        });
        if not_before.zip(not_after).is_some_and(|(first, after)| after <= first) {
            refuse(
                "not_after",
                "it has to be later than `not_before`: otherwise nothing ever begins".into(),
            );
        }
        let mut read = Vec::new();
        for text in content.texts(hours).unwrap_or_default() {
            match text.parse::<Hours>() {
                Ok(hours) => read.push(hours),
                Err(error) => refuse(hours, error.to_string()),
            }
        }
        if content.texts(hours).is_some_and(<[String]>::is_empty) {
            refuse(hours, "an empty list leaves no hour: name some, or leave it out".into());
        }
        self.limited(not_before, not_after, read)
    }

    fn limited(
        &self,
        not_before: Option<Timestamp>,
        not_after: Option<Timestamp>,
        hours: Vec<Hours>,
    ) -> Option<Window> {
        let window = Window {
            zone: self.zone.clone(),
            not_before,
            not_after,
            hours,
            closed: self.closed.clone(),
        };
        window.is_limited().then_some(window)
    }
}

fn cutover(fields: &Fields<'_>, times: &Times<'_>, found: &mut Diagnostics) -> Cutover {
    let section = fields.section("cutover");
    let policy = section
        .and_then(|section| section.choice("policy"))
        .map_or("manual", |word| word.word);
    let approved = section.and_then(|section| section.numbers("approved"));
    if let (Some(section), "manual" | "automatic", true) = (section, policy, approved.is_some()) {
        found.push(
            Diagnostic::error(CONFLICT, "arguments that do not go together")
                .at(
                    section.span("approved"),
                    format!("`policy = \"{policy}\"` asks for no approval"),
                )
                .hint("write `policy = \"approved\"`, or remove `approved`")
                .about(fields.owner()),
        );
    }
    let policy = match policy {
        "automatic" => CutoverPolicy::Automatic,
        "approved" => CutoverPolicy::Approved(match approved {
            Some(None) => Approval::Only,
            Some(Some(numbers)) => Approval::Numbers(
                numbers
                    .iter()
                    .filter_map(|number| u32::try_from(*number).ok())
                    .collect(),
            ),
            None => Approval::Numbers(BTreeSet::new()),
        }),
        _ => CutoverPolicy::Manual,
    };
    Cutover {
        policy,
        max_lag: section
            .and_then(|section| section.duration("max_lag"))
            .unwrap_or(Duration::ZERO),
        samples: section
            .and_then(|section| section.whole("samples"))
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(Cutover::SAMPLES),
        window: times.window(section, "window", found),
    }
}

/// The beginning of a batch's migration names: `^[a-z][a-z0-9]*$`, the strictest of the published patterns. Where letters
/// are lost, `x` and five characters of a hash of the whole address keep two batches apart.
pub fn base_name(address: &Address) -> String {
    let key = address.key().map_or("", |key| key.as_str());
    let written = format!("{}{key}", address.label());
    let kept: String = written
        .chars()
        .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        .take(40)
        .collect();
    let starts_well = kept.starts_with(|c: char| c.is_ascii_lowercase());
    let lossless = kept == written && starts_well && address.module().is_root() && address.key().is_none();
    if lossless {
        return kept;
    }
    let hash = super::name::short_hash(&address.to_string());
    let lead = if starts_well { "" } else { "b" };
    format!("{lead}{kept}x{hash}")
}

impl Batch {
    /// The create body of one of its migrations, tags apart.
    pub fn body(&self, databases: &[String], overwrite: bool) -> Body<Draft> {
        let flag = |value: bool| Body::text(if value { "True" } else { "False" });
        let mut properties = Body::object([
            ("sourceDbServerResourceId", Body::text(self.source.text.as_str())),
            ("sourceType", Body::text(self.source.source_type)),
            ("sslMode", Body::text(self.source.ssl_mode)),
            ("migrationMode", Body::text(self.mode.as_str())),
            ("migrationOption", Body::text(self.option.as_str())),
            (
                "dbsToMigrate",
                Body::List(databases.iter().map(|name| Body::text(name.as_str())).collect()),
            ),
            ("overwriteDbsInTarget", flag(overwrite)),
            ("migrateRoles", flag(self.migrate_roles)),
            (
                "setupLogicalReplicationOnSourceDbIfNeeded",
                flag(self.setup_logical_replication.unwrap_or(false)),
            ),
            (
                "secretParameters",
                Body::object([
                    (
                        "adminCredentials",
                        Body::object([
                            ("sourceServerPassword", Body::Secret(self.source_password.clone())),
                            ("targetServerPassword", Body::Secret(self.target_password.clone())),
                        ]),
                    ),
                    ("sourceServerUsername", Body::text(self.source.username.as_str())),
                    ("targetServerUsername", Body::text(self.target_username.as_str())),
                ]),
            ),
        ]);
        let optional = [
            (
                "migrationInstanceResourceId",
                self.runtime.as_ref().map(|id| id.to_string()),
            ),
            ("sourceDbServerFullyQualifiedDomainName", self.source_fqdn.clone()),
            ("targetDbServerFullyQualifiedDomainName", self.target_fqdn.clone()),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                properties.set(&[key], Body::text(value));
            }
        }
        Body::object([("location", self.target_region.to_body()), ("properties", properties)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(address: &str) -> String {
        base_name(&address.parse().unwrap())
    }

    #[test]
    fn names_satisfy_the_strictest_pattern() {
        assert_eq!(base("database_batch.wave1"), "wave1");
        for address in [
            "database_batch.Wave_1",
            "database_batch._1",
            "database_batch.a[\"x y\"]",
            "module.m.database_batch.wave1",
        ] {
            let name = base(address);
            assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
                "{name}"
            );
        }
        assert_ne!(base("database_batch.Wave_1"), base("database_batch.wave_1"));
    }
}
