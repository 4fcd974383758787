//! The path from a directory to a plan, the same for every command that needs one: load, connect, remember, look, propose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use pgferry_state::{Lineage, LocalStore, OpenRun, RunId, SealedStore, Serial, Snapshot, Store};
use serde_json::Value;
use uuid::Uuid;

use super::Call;
use super::env::Env;
use super::error::CommandError;
use super::project::{Project, Purpose, Wishes};
use super::simulated;
use super::snapshot_file::SnapshotFile;
use super::ui::Ui;
use super::view::layout::listed;
use super::view::plan::problem::Places;
use crate::address::{Address, UnitAddress};
use crate::apply;
use crate::arm::{ArmId, ArmRead, Cloud, CorrelationId, Found, Outputs, SubscriptionId, TenantId};
use crate::azure::clock::WallClock;
use crate::azure::{self, Client, Connected, Connection, CredentialSettings};
use crate::block::Check;
use crate::clock::Clock;
use crate::config::decode::to_json;
use crate::config::{Declared, OutputValue, sensitive};
use crate::diagnostic::{Diagnostics, Span};
use crate::graph::{Extent, Graph};
use crate::plan::rebuild;
use crate::plan::{self, Aim, Checked, Inputs, Output, Plan, Statements, StepId};
use crate::prior::{Prior, UnitRecord};
use crate::refresh::snapshot::{Head, Record, Recording, State, Taken};
use crate::refresh::{self, Declare, RefreshError, Seen, Source};
use crate::secret::Secrets;

/// A project with a connection and a memory.
pub(crate) struct Session {
    /// The configuration.
    pub(crate) project: Project,
    /// Azure, or the simulator.
    pub(crate) client: Arc<Client>,
    /// The cloud's time.
    pub(crate) clock: Arc<dyn Clock>,
    /// What is remembered.
    pub(crate) store: Arc<dyn Store>,
    /// The subscription that state is bound to.
    pub(crate) subscription: SubscriptionId,
    ui: Ui,
}

/// A plan with what it was made from.
pub(crate) struct Planned {
    /// The plan.
    pub(crate) plan: Plan,
    /// What Azure told, for bodies that hang on it.
    pub(crate) outputs: Outputs,
    /// The secrets that variables supplied.
    pub(crate) secrets: Secrets,
    /// The name of the one run that may carry it out, where it lay in a file.
    pub(crate) run: Option<Uuid>,
    /// The open run that it does something else than, and takes nothing back of.
    pub(crate) beside: Option<RunId>,
    /// Where the resources that it says something about are declared.
    pub(crate) places: Places,
    /// The headers of the resources that others changed.
    pub(crate) drifted: BTreeMap<Address, Span>,
}

/// What should be remembered, by what Azure alone tells.
pub(crate) struct Rebuilt {
    /// The state that started the migrations; `None` where none is tagged.
    pub(crate) lineage: Option<Lineage>,
    /// By unit.
    pub(crate) records: BTreeMap<UnitAddress, UnitRecord>,
}

/// What holds after an apply.
pub(crate) struct Afterwards {
    /// Output values.
    pub(crate) outputs: BTreeMap<String, Output>,
    /// What `check` blocks say.
    pub(crate) checks: Vec<Checked>,
}

/// Simulated time passes while a person thinks, and is only known as far as it was told: what begins after the answer begins then.
fn hear_after_answers(clock: &Arc<dyn Clock>, ui: &Ui) {
    let (clock, runtime) = (Arc::clone(clock), tokio::runtime::Handle::current());
    ui.after_answers(move || {
        let (told, heard) = mpsc::channel();
        let clock = Arc::clone(&clock);
        runtime.spawn(async move {
            clock.hear().await;
            // Whoever waited too long is gone.
            let _ = told.send(());
        });
        // What time it is can be learned later, too.
        let _ = heard.recv_timeout(LONGEST_HEARING);
    });
}

/// A simulator on this machine answers in moments.
const LONGEST_HEARING: Duration = Duration::from_secs(1);

impl Session {
    /// Loads a project and connects to its cloud, starting the simulator where that is the cloud.
    ///
    /// # Errors
    /// What is wrong with the configuration or the login.
    pub(crate) async fn open(
        directory: &std::path::Path,
        wishes: &Wishes,
        env: &Env,
        ui: &Ui,
        purpose: Purpose,
    ) -> Result<Self, CommandError> {
        let project = Project::load(directory, wishes, env, purpose, ui.width())?;
        let subscription = project.subscription(ui.width())?;
        let connected = connect(&project, env, ui).await?;
        connected
            .client
            .hide(&sensitive(&project.program.configuration, &project.program.inputs));
        if let Ok(declared) = project.program.declare(&Outputs::default()) {
            hide(&declared.secrets, &connected.client);
        }
        if project.cloud() == Cloud::Simulator {
            hear_after_answers(&connected.clock, ui);
        }
        let store = store(&project, env).await?;
        Ok(Self {
            project,
            client: connected.client,
            clock: connected.clock,
            store,
            subscription,
            ui: ui.clone(),
        })
    }

    /// What is remembered, once it is known to belong here.
    ///
    /// # Errors
    /// When the state cannot be read, or belongs to another cloud or subscription.
    pub(crate) async fn remembered(&self) -> Result<(Option<Snapshot>, Prior), CommandError> {
        let snapshot = remembered(&self.project, &self.subscription, self.store.as_ref()).await?;
        let prior = prior(snapshot.as_ref())?;
        Ok((snapshot, prior))
    }

    /// What is remembered, under the names that `moved` blocks give it, as the next plan will have it.
    ///
    /// # Errors
    /// As [`Self::remembered`].
    pub(crate) async fn remembered_as_declared(&self) -> Result<(Option<Snapshot>, Prior), CommandError> {
        let (snapshot, prior) = self.remembered().await?;
        Ok(match self.project.program.declare(&Outputs::default()) {
            Ok(declared) => (snapshot, prior.renamed(&declared.moves).prior),
            Err(_) => (snapshot, prior),
        })
    }

    /// Looks at Azure and proposes what to do.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why Azure could not be read.
    pub(crate) async fn plan(&self, aim: &Aim) -> Result<Planned, CommandError> {
        let (snapshot, prior) = self.remembered().await?;
        let open = snapshot.and_then(|snapshot| snapshot.run);
        let seen = self.look(&prior).await?;
        let beside = open.filter(|open| stands_beside(aim, open, &seen.declared.graph));
        let place = (self.subscription.clone(), self.clock.now());
        let planned = propose(&self.project, place, &self.ui, seen, prior, aim)?;
        Ok(Planned {
            beside: beside.map(|open| open.id),
            ..planned
        })
    }

    /// Looks at Azure and keeps what it finds, with what is remembered.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why Azure could not be read.
    pub(crate) async fn snapshot(&self) -> Result<Taken, CommandError> {
        let (remembered, prior) = self.remembered().await?;
        let recording = Recording::of(self.client.as_ref());
        let seen = look(&self.project, &prior, Source::Azure(&recording)).await;
        let seen = seen.map_err(|error| failed(&self.project, &self.ui, error))?;
        hide(&seen.declared.secrets, &self.client);
        let head = Head {
            taken: WallClock.now(),
            cloud: self.project.cloud(),
            subscription: self.subscription.clone(),
            state: remembered.map(exported),
        };
        Ok(recording.into_file(&seen.declared.graph, &seen.observed, head, &seen.declared.secrets))
    }

    /// What is declared, the secrets that it supplies and what Azure tells of it, without a plan.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why Azure could not be read.
    pub(crate) async fn supplied(&self) -> Result<(Graph, Secrets, Outputs), CommandError> {
        let (_, prior) = self.remembered().await?;
        let seen = self.look(&prior).await?;
        Ok((seen.declared.graph, seen.declared.secrets, seen.outputs))
    }

    /// What should be remembered, by what Azure alone tells, under this lineage or the one that migrations are tagged with.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why Azure could not be read; also where migrations are of several states.
    pub(crate) async fn rebuilt(&self, lineage: Option<Lineage>) -> Result<Rebuilt, CommandError> {
        let seen = self.look(&Prior::default()).await?;
        let Declared { graph, imports, .. } = seen.declared;
        let told = rebuild::lineages(&graph, &seen.observed);
        let lineage = match (lineage, told.iter().next()) {
            (Some(lineage), _) => Some(lineage),
            (None, Some(_)) if told.len() > 1 => {
                let told: Vec<String> = told.into_iter().collect();
                return Err(CommandError::Usage(format!(
                    "what is declared was made by different states: {}; say with --lineage which one this shall be",
                    listed(&told)
                )));
            }
            (None, Some(only)) => only.parse().ok(),
            (None, None) => None,
        };
        let prior = Prior::parse(lineage.map(|lineage| lineage.to_string()), []).map_err(CommandError::Prior)?;
        let statements = Statements {
            imports,
            ..Statements::default()
        };
        let records = rebuild::rebuild(&Inputs {
            aim: &Aim::default(),
            graph: &graph,
            prior: &prior,
            observed: &seen.observed,
            cloud: self.project.cloud(),
            subscription: self.subscription.clone(),
            now: self.clock.now(),
            outputs: BTreeMap::new(),
            statements: &statements,
        });
        Ok(Rebuilt {
            lineage,
            records: records.map_err(|found| self.refuse(found))?,
        })
    }

    async fn look(&self, prior: &Prior) -> Result<Seen<Declared>, CommandError> {
        let seen = look(&self.project, prior, Source::Azure(self.client.as_ref())).await;
        let seen = seen.map_err(|error| failed(&self.project, &self.ui, error))?;
        // A password may hang on what was read.
        hide(&seen.declared.secrets, &self.client);
        Ok(seen)
    }

    /// Output values and checks, now that Azure has told so much.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(crate) fn afterwards(&self, told: &Outputs) -> Result<Afterwards, CommandError> {
        let declared = self.project.program.declare(told).map_err(|found| self.refuse(found))?;
        Ok(Afterwards {
            outputs: shown(&declared.outputs),
            checks: judged(&self.project, &declared.checks),
        })
    }

    /// Says something on the side.
    pub(crate) fn say(&self, text: &str) {
        self.ui.say(text);
    }

    /// The tenant of the subscription: the configured one, or what Azure says.
    ///
    /// # Errors
    /// When Azure cannot be asked, or does not tell.
    pub(crate) async fn tenant(&self) -> Result<TenantId, CommandError> {
        if let Some(tenant) = &self.project.program.defaults.tenant {
            return Ok(tenant.clone());
        }
        let subscription = ArmId::subscription_itself(self.subscription.as_str());
        let found = self.client.get(&subscription).await?;
        let told = match &found {
            Found::Present(object) => object.get("tenantId").and_then(Value::as_str),
            Found::Absent => None,
        };
        told.and_then(|tenant| tenant.parse().ok())
            .ok_or_else(|| CommandError::NoTenant(self.subscription.clone()))
    }

    fn refuse(&self, found: Diagnostics) -> CommandError {
        self.project.refuse(found, self.ui.width())
    }
}

/// Whether a plan of this aim leaves an open run to whoever watches it.
fn stands_beside(aim: &Aim, open: &OpenRun, graph: &Graph) -> bool {
    let over = open.over().map(|id| StepId(id.get())).collect();
    // One whose plan cannot be read is nobody's to finish.
    apply::open_plan(open).is_ok_and(|plan| plan::withdrawn::stands_beside(aim, &plan, &over, graph))
}

/// What is declared to go to Azure alone is not told by it either, whichever run has sent it.
/// Connects to the cloud of a project. Nothing is sent to Azure yet; a simulator is started where none runs.
///
/// # Errors
/// When the settings of the login make no sense, or the simulator does not start.
pub(crate) async fn connect(project: &Project, env: &Env, ui: &Ui) -> Result<Connected, CommandError> {
    let base_url = match project.cloud() {
        Cloud::Simulator => Some(simulated::address(project, ui).await?),
        Cloud::Public | Cloud::UsGovernment | Cloud::China => None,
    };
    azure::connect(Connection {
        cloud: project.cloud(),
        base_url,
        tenant: project.program.defaults.tenant.clone(),
        further_tenants: project.further_tenants.clone(),
        credentials: CredentialSettings::from_map(&env.credentials)
            .map_err(|error| CommandError::Connect(error.into()))?,
        correlation: CorrelationId(Uuid::new_v4()),
    })
    .await
    .map_err(CommandError::Connect)
}

fn hide(secrets: &Secrets, client: &Client) {
    client.hide(secrets.iter().map(|(_, secret)| secret));
}

/// Looks, as often as more becomes known.
async fn look(project: &Project, prior: &Prior, source: Source<'_>) -> Result<Seen<Declared>, RefreshError> {
    refresh::look(&Declaring(project), prior, source).await
}

/// Looks at a snapshot in place of Azure and proposes what to do: that takes neither a login nor a network.
///
/// # Errors
/// What is wrong with the configuration.
pub(crate) async fn plan_from(
    snapshot: &SnapshotFile,
    project: &Project,
    call: &Call<'_>,
    aim: &Aim,
) -> Result<Planned, CommandError> {
    let ui = call.ui;
    let subscription = project.subscription(ui.width())?;
    let (prior, memory) = snapshot.remembered(project, &subscription, call.env).await?;
    let seen = look(project, &prior, Source::Snapshot(&snapshot.snapshot)).await;
    let seen = seen.map_err(|error| failed(project, ui, error))?;
    let now = WallClock.now();
    let mut planned = propose(project, (subscription, now), ui, seen, prior, aim)?;
    planned.plan.base.snapshot = Some(snapshot.origin(memory));
    Ok(planned)
}

/// Proposes what to do about what was seen.
fn propose(
    project: &Project,
    (subscription, now): (SubscriptionId, Timestamp),
    ui: &Ui,
    seen: Seen<Declared>,
    prior: Prior,
    aim: &Aim,
) -> Result<Planned, CommandError> {
    let Seen {
        declared,
        observed,
        outputs,
    } = seen;
    let Declared {
        graph,
        outputs: values,
        secrets,
        warnings,
        unused: _,
        moves,
        removals,
        imports,
        checks,
    } = declared;
    if !warnings.is_empty() {
        ui.say(&project.rendered(warnings, ui.width()));
    }
    let renamed = prior.renamed(&moves);
    refuse_unknown(aim, &graph, &renamed.prior)?;
    let statements = Statements {
        moves: renamed.moves,
        blocked: renamed.blocked,
        removals,
        imports,
        checks: judged(project, &checks),
    };
    let plan = plan::propose(Inputs {
        aim,
        graph: &graph,
        prior: &renamed.prior,
        observed: &observed,
        cloud: project.cloud(),
        subscription,
        now,
        outputs: shown(&values),
        statements: &statements,
    })
    .map_err(|found| project.refuse(found, ui.width()))?;
    let drifted = plan.drift.iter().filter_map(|drift| {
        let declaration = graph.get(&drift.unit.resource)?;
        Some((declaration.address.clone(), declaration.span))
    });
    let drifted = drifted.collect();
    let places = Places::of(&plan, &graph, &project.sources, &project.directory);
    Ok(Planned {
        plan,
        outputs,
        secrets,
        run: None,
        beside: None,
        places,
        drifted,
    })
}

/// What a store remembers, as a snapshot keeps it.
fn exported(remembered: Snapshot) -> State {
    let records = remembered.records.into_iter().map(|(key, record)| {
        let kept = Record {
            revision: record.revision.get(),
            document: record.document,
        };
        (key.to_string(), kept)
    });
    State {
        lineage: remembered.lineage.to_string(),
        records: records.collect(),
    }
}

/// Checks with their places.
fn judged(project: &Project, checks: &[Check]) -> Vec<Checked> {
    let judged = |check: &Check| Checked {
        name: check.name.clone(),
        verdict: check.verdict,
        message: check.message.clone(),
        place: project.sources.locate(check.span).map(|place| place.to_string()),
    };
    checks.iter().map(judged).collect()
}

fn failed(project: &Project, ui: &Ui, error: RefreshError) -> CommandError {
    match error {
        RefreshError::Configuration(found) => project.refuse(found, ui.width()),
        RefreshError::Arm(error) => CommandError::Arm(Box::new(error)),
    }
}

/// Whoever asks for another attempt means a batch that is declared, and whoever asks for something made anew means an object
/// that is.
fn refuse_unknown(aim: &Aim, graph: &Graph, prior: &Prior) -> Result<(), CommandError> {
    refuse_unknown_batches(&aim.retry, graph)?;
    let things = || graph.iter().filter(|declaration| declaration.things().next().is_some());
    let is_thing = |wanted: &Address| things().any(|declaration| declaration.address == *wanted);
    if let Some(wanted) = aim.replace.iter().find(|wanted| !is_thing(wanted)) {
        return Err(CommandError::NothingThere {
            what: "declared object that can be made anew",
            address: wanted.to_string(),
            known: things().map(|declaration| declaration.address.to_string()).collect(),
        });
    }
    let known = || {
        let declared = graph.iter().map(|declaration| &declaration.address);
        declared.chain(prior.iter().map(|(unit, _)| &unit.resource))
    };
    let mut patterns = aim.targets.iter().chain(&aim.excludes);
    match patterns.find(|pattern| !known().any(|address| pattern.covers(address))) {
        None => Ok(()),
        Some(pattern) => Err(CommandError::NothingThere {
            what: "resource or module",
            address: pattern.to_string(),
            known: known()
                .map(Address::to_string)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
        }),
    }
}

fn refuse_unknown_batches(retry: &BTreeSet<Address>, graph: &Graph) -> Result<(), CommandError> {
    let batches = || graph.batches().map(|(_, batch)| &batch.address);
    match retry.iter().find(|wanted| !batches().any(|address| address == *wanted)) {
        None => Ok(()),
        Some(wanted) => Err(CommandError::NothingThere {
            what: "declared batch",
            address: wanted.to_string(),
            known: batches().map(Address::to_string).collect(),
        }),
    }
}

/// Where a project's state lies; the simulator's apart, so that nothing simulated meets anything real.
pub(crate) fn state_directory(project: &Project) -> PathBuf {
    match project.cloud() {
        Cloud::Simulator => project.hidden().join("simulator").join("state"),
        Cloud::Public | Cloud::UsGovernment | Cloud::China => project.hidden().join("state"),
    }
}

/// The store that the configuration names, encrypted as it says.
///
/// # Errors
/// When a secret of it has no value, or the way to it cannot be set up.
pub(crate) async fn store(project: &Project, env: &Env) -> Result<Arc<dyn Store>, CommandError> {
    let keys = project.encryption.keys()?;
    Ok(Arc::new(SealedStore::new(stored(project, env).await?, keys)))
}

/// What the store of the configuration is given to keep.
///
/// # Errors
/// As [`store`].
pub(crate) async fn stored(project: &Project, env: &Env) -> Result<Arc<dyn Store>, CommandError> {
    let tenant = project.program.defaults.tenant.as_ref();
    let (local, cloud) = (state_directory(project), project.cloud());
    project.backend.open(local, cloud, tenant, env).await
}

/// What is remembered where the configuration says. Nothing is not taken for an answer while something is remembered where
/// the state was kept before.
///
/// # Errors
/// When the state cannot be read, belongs elsewhere, or is still in its former place.
pub(crate) async fn remembered(
    project: &Project,
    subscription: &SubscriptionId,
    store: &dyn Store,
) -> Result<Option<Snapshot>, CommandError> {
    let snapshot = store.load().await?;
    if let Some(snapshot) = &snapshot {
        must_belong(snapshot, project.cloud(), subscription)?;
    }
    if snapshot.is_none() && !project.backend.is_local() {
        let local = state_directory(project);
        let before = LocalStore::new(local.clone()).load().await?;
        if before.is_some_and(|before| before.serial != Serial::ZERO) {
            return Err(CommandError::StateElsewhere {
                there: local.display().to_string(),
                here: project.backend.place(&local),
            });
        }
    }
    Ok(snapshot)
}

/// A state of another cloud or subscription is not this project's.
///
/// # Errors
/// When it is one.
pub(crate) fn must_belong(
    snapshot: &Snapshot,
    cloud: Cloud,
    subscription: &SubscriptionId,
) -> Result<(), CommandError> {
    let Some(binding) = &snapshot.binding else {
        return Ok(());
    };
    let here = (cloud.as_str(), subscription.as_str());
    if (binding.cloud.as_str(), binding.subscription.as_str()) == here {
        return Ok(());
    }
    Err(CommandError::ForeignState {
        cloud: binding.cloud.clone(),
        subscription: binding.subscription.clone(),
        here: format!("{} in subscription {}", here.0, here.1),
    })
}

/// Memory, from what a store holds.
///
/// # Errors
/// When a record is not one of ours.
pub(crate) fn prior(snapshot: Option<&Snapshot>) -> Result<Prior, CommandError> {
    let lineage = snapshot.map(|snapshot| snapshot.lineage.to_string());
    let records = snapshot.into_iter().flat_map(|snapshot| &snapshot.records);
    let records = records.map(|(key, record)| (key.as_str(), record.revision.get(), &record.document));
    Prior::parse(lineage, records).map_err(CommandError::Prior)
}

fn shown(values: &[OutputValue]) -> BTreeMap<String, Output> {
    let show = |output: &OutputValue| match (output.sensitive, to_json(&output.value)) {
        (true, _) => Output::Sensitive,
        (false, Some(json)) => Output::Value(json),
        (false, None) => Output::Unknown,
    };
    values
        .iter()
        .map(|output| (output.name.to_string(), show(output)))
        .collect()
}

/// A project as the look wants it.
struct Declaring<'a>(&'a Project);

impl Declare for Declaring<'_> {
    type Declared = Declared;

    fn readable(&self, outputs: &Outputs) -> Result<(Graph, Extent), Diagnostics> {
        self.0.program.declare_readable(outputs)
    }

    fn complete(&self, outputs: &Outputs) -> Result<Declared, Diagnostics> {
        self.0.program.declare(outputs)
    }
}
