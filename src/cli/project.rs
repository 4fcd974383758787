//! A project: the configuration of a directory, read and parsed, with its variables and what its `azure` and `pgferry` blocks
//! say. It calls nobody.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::backend::Backend;
use super::calling::Calling;
use super::env::Env;
use super::error::CommandError;
use super::sealing::Encryption;
use super::view::diagnostic::{self, Quotable, SourceText};
use crate::arm::{Cloud, CloudError, Outputs, SubscriptionId, TenantId};
use crate::config::source::Role;
use crate::config::version::{Constraint, Version};
use crate::config::{
    Assignment, AzureBlock, Inputs, Program, ReadError, Settings, Sources, Supplied, UnsetSensitive, parsed, settings,
};
use crate::diagnostic::code::{CONFLICT, NO_SUBSCRIPTION, NOT_A_NAME, NOT_ALLOWED, VERSION};
use crate::diagnostic::{Diagnostic, Diagnostics, FileId, Spanned};
use crate::kind::Defaults;
use crate::kind::name::{RESOURCE_GROUP, is_resource_group};

/// What a project is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To look: nobody needs a password for that.
    Look,
    /// To evaluate expressions: that needs not even a configuration.
    Ask,
    /// To change Azure: every password must be there.
    Change,
}

/// What the command line says about variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// `--var NAME=VALUE` and `--var-file FILE`, in order.
    pub(crate) assignments: Vec<Assignment>,
}

impl Wishes {
    /// Everything that gives values to variables besides files.
    pub(crate) fn supplied(&self, env: &Env, directory: &Path) -> Supplied {
        Supplied {
            assignments: self.assignments.clone(),
            environment: env.variables.clone(),
            meant_for_terraform: env.meant_for_terraform.clone(),
            unset_sensitive: UnsetSensitive::Unknown,
            cwd: directory.display().to_string(),
        }
    }
}

/// A configuration that was refused: what was found, and the texts that it points into.
pub(crate) struct Refused {
    /// All that was found.
    pub(crate) found: Diagnostics,
    /// The texts.
    pub(crate) sources: Sources,
}

/// A project.
pub(crate) struct Project {
    /// Where it is.
    pub(crate) directory: PathBuf,
    /// The files.
    pub(crate) sources: Sources,
    /// The `azure` and `pgferry` blocks.
    pub(crate) settings: Settings,
    /// Where its state is kept.
    pub(crate) backend: Backend,
    /// How its state is encrypted.
    pub(crate) encryption: Encryption,
    /// The configuration, ready to be evaluated.
    pub(crate) program: Program,
    /// Tenants beside the subscription's own.
    pub(crate) further_tenants: Vec<TenantId>,
    /// How pgferry is called for it.
    pub(crate) calling: Calling,
}

impl Project {
    /// Reads and parses a directory.
    ///
    /// # Errors
    /// All that is wrong, rendered with its places.
    pub(crate) fn load(
        directory: &Path,
        wishes: &Wishes,
        env: &Env,
        purpose: Purpose,
        width: usize,
    ) -> Result<Self, CommandError> {
        let sources = match Sources::read(directory) {
            Err(ReadError::Empty(_)) if purpose == Purpose::Ask => Sources::empty(directory),
            read => read.map_err(CommandError::Sources)?,
        };
        let calling = Calling::of(directory, &wishes.assignments);
        Self::of(directory, sources, wishes, env, purpose).map_err(|refused| {
            let Refused { found, sources } = *refused;
            let found = calling.in_hints(&found);
            CommandError::refused(Refused { found, sources }, width)
        })
    }

    /// Parses what was read of a directory.
    ///
    /// # Errors
    /// All that is wrong.
    pub(crate) fn of(
        directory: &Path,
        mut sources: Sources,
        wishes: &Wishes,
        env: &Env,
        purpose: Purpose,
    ) -> Result<Self, Box<Refused>> {
        let supplied = wishes.supplied(env, directory);
        let (inputs, mut found) = Inputs::gathered(&mut sources, &supplied);
        let (configuration, problems) = parsed(&mut sources);
        found.extend(problems);
        let configured = settings(&configuration, &inputs).and_then(|configured| {
            check_program(&configured)?;
            let defaults = defaults(&configured.azure, env)?;
            let further_tenants = further_tenants(&configured.azure)?;
            let backend = Backend::of(configured.pgferry.state.as_ref(), defaults.cloud)?;
            let encryption = Encryption::of(configured.pgferry.encryption.as_ref())?;
            Ok((configured, defaults, further_tenants, (backend, encryption)))
        });
        let configured = found.absorb(configured).filter(|_| !found.has_errors());
        let Some((configured, defaults, further_tenants, (backend, encryption))) = configured else {
            let defaults = settings(&configuration, &inputs).and_then(|configured| defaults(&configured.azure, env));
            found.extend(Program::other_problems(configuration, inputs, defaults.ok()));
            return Err(Box::new(Refused { found, sources }));
        };
        let unset = match (defaults.cloud, purpose) {
            (Cloud::Simulator, _) => UnsetSensitive::MadeUp,
            (_, Purpose::Look | Purpose::Ask) => UnsetSensitive::Unknown,
            (_, Purpose::Change) => UnsetSensitive::Refuse,
        };
        let program = Program {
            configuration,
            inputs: inputs.with_unset_sensitive(unset),
            defaults,
        };
        Ok(Self {
            directory: directory.to_owned(),
            sources,
            settings: configured,
            backend,
            encryption,
            program,
            further_tenants,
            calling: Calling::of(directory, &wishes.assignments),
        })
    }

    /// The cloud.
    pub(crate) fn cloud(&self) -> Cloud {
        self.program.defaults.cloud
    }

    /// The subscription that state is bound to.
    ///
    /// # Errors
    /// When none is given.
    pub(crate) fn subscription(&self, width: usize) -> Result<SubscriptionId, CommandError> {
        self.program.defaults.subscription.clone().ok_or_else(|| {
            let missing = Diagnostic::error(NO_SUBSCRIPTION, "no subscription");
            let missing = match self.settings.azure.span {
                Some(span) => missing.at(span, "`subscription_id` is not given here"),
                None => missing.detail("There is no `azure` block."),
            };
            let hint = "write `azure { subscription_id = \"…\" }`; state and plans are bound to it";
            // A block with another name may be what was meant.
            let mut found = match self.settings.azure.span {
                Some(_) => Diagnostics::new(),
                None => self.program.declare(&Outputs::default()).err().unwrap_or_default(),
            };
            found.push(missing.hint(hint));
            self.refuse(found, width)
        })
    }

    /// Where what pgferry keeps for this project lies.
    pub(crate) fn hidden(&self) -> PathBuf {
        self.directory.join(".pgferry")
    }

    /// What was found, as the error that ends the command.
    pub(crate) fn refuse(&self, found: Diagnostics, width: usize) -> CommandError {
        let found = self.calling.in_hints(&found);
        let sources = self.sources.clone();
        CommandError::refused(Refused { found, sources }, width)
    }

    /// What was found, with its places.
    pub(crate) fn rendered(&self, found: Diagnostics, width: usize) -> String {
        rendered(self.calling.in_hints(&found), &self.sources, width)
    }
}

impl Refused {
    /// As text, with the places.
    pub(crate) fn rendered(&self, width: usize) -> String {
        rendered(self.found.clone(), &self.sources, width)
    }
}

/// Without the texts: those of variables may be secret.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(f)
    }
}

/// Makes the directory where pgferry keeps what belongs to a project, with a note for git not to take it.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn keep_out_of_git(hidden: &Path) -> Result<(), CommandError> {
    let note = hidden.join(".gitignore");
    let refused = |source| CommandError::Directory {
        path: hidden.to_owned(),
        source,
    };
    fs::create_dir_all(hidden).map_err(refused)?;
    if note.exists() {
        return Ok(());
    }
    fs::write(&note, "# What pgferry keeps here is not for the repository.\n*\n").map_err(refused)
}

/// What was found in texts, with its places.
fn rendered(found: Diagnostics, sources: &Sources, width: usize) -> String {
    diagnostic::render(found, &|id| source_text(sources, id), width)
}

/// A file as diagnostics show it.
pub(crate) fn source_text(sources: &Sources, id: FileId) -> Option<SourceText<'_>> {
    let file = sources.file(id)?;
    let quotable = match file.role {
        Role::Configuration | Role::Module | Role::Question => Quotable::Yes,
        Role::AutomaticVariables | Role::NamedVariables | Role::Value => Quotable::No,
    };
    Some(SourceText {
        name: &file.name,
        text: &file.text,
        quotable,
    })
}

/// Whether this program may work on the configuration.
fn check_program(settings: &Settings) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    if let Some(required) = &settings.pgferry.required_version {
        let ours = env!("CARGO_PKG_VERSION");
        match (Constraint::parse(&required.value), Version::parse(ours)) {
            (Err(error), _) => {
                found.push(Diagnostic::error(VERSION, "value not allowed").at(required.span, error.to_string()));
            }
            (Ok(constraint), Some((version, _))) if !constraint.allows(version) => found.push(
                Diagnostic::error(VERSION, "another version of pgferry is required")
                    .at(required.span, format!("this is pgferry {ours}"))
                    .hint("install a version that the configuration allows"),
            ),
            (Ok(_), _) => {}
        }
    }
    found.or(()).map(|_| ())
}

fn defaults(azure: &AzureBlock, env: &Env) -> Result<Defaults, Diagnostics> {
    let mut found = Diagnostics::new();
    let cloud = match (&env.cloud, &azure.cloud) {
        (Some(text), _) => found.absorb(text.parse::<Cloud>().map_err(|error| {
            Diagnostics::from(Diagnostic::error(NOT_A_NAME, "unknown cloud").detail(format!("PGFERRY_CLOUD: {error}.")))
        })),
        (None, written) => named(written.as_ref(), &mut found),
    };
    let subscription = named::<SubscriptionId>(azure.subscription_id.as_ref(), &mut found);
    let tenant = named::<TenantId>(azure.tenant_id.as_ref(), &mut found);
    if let (Some(world), None, Some(real)) = (&azure.world, &env.cloud, cloud_of(azure, cloud)) {
        found.push(
            Diagnostic::error(CONFLICT, "world without the simulator")
                .at(
                    world.span,
                    format!("only the simulator has a world; the cloud here is {real}"),
                )
                .hint("write `cloud = \"simulator\"` beside it, or take it out to work on the real cloud"),
        );
    }
    if let Some(group) = azure
        .resource_group
        .as_ref()
        .filter(|group| !is_resource_group(&group.value))
    {
        found.push(Diagnostic::error(NOT_A_NAME, "value not allowed").at(group.span, RESOURCE_GROUP));
    }
    let text = |written: &Option<Spanned<String>>| written.as_ref().map(|written| written.value.clone());
    let defaults = Defaults {
        cloud: cloud.unwrap_or(Cloud::Public),
        subscription,
        tenant,
        resource_group: text(&azure.resource_group),
        location: text(&azure.location),
        tags: azure
            .tags
            .as_ref()
            .map(|written| written.value.clone())
            .unwrap_or_default(),
    };
    found.or(defaults).map(|(defaults, _)| defaults)
}

/// The most tenants whose tokens a call may carry beside its own (contract 2.2).
const MOST_TENANTS: usize = 3;

/// The tenants that `auxiliary_tenant_ids` names, once each and without the project's own.
fn further_tenants(azure: &AzureBlock) -> Result<Vec<TenantId>, Diagnostics> {
    let Some(written) = &azure.auxiliary_tenant_ids else {
        return Ok(Vec::new());
    };
    let mut found = Diagnostics::new();
    let mut tenants: Vec<TenantId> = Vec::new();
    for text in &written.value {
        match text.parse::<TenantId>() {
            Ok(tenant) if tenants.contains(&tenant) => {}
            Ok(tenant) => tenants.push(tenant),
            Err(error) => {
                found.push(Diagnostic::error(NOT_A_NAME, "value not allowed").at(written.span, error.to_string()));
            }
        }
    }
    let own = azure.tenant_id.as_ref().and_then(|own| own.value.parse().ok());
    tenants.retain(|tenant| Some(tenant) != own.as_ref());
    if tenants.len() > MOST_TENANTS {
        found.push(
            Diagnostic::error(NOT_ALLOWED, "value not allowed")
                .at(
                    written.span,
                    format!(
                        "these are {} tenants, and a call to Azure takes tokens of {MOST_TENANTS} at most",
                        tenants.len()
                    ),
                )
                .hint("move what lies in the others into a project of its own"),
        );
    }
    found.or(tenants).map(|(tenants, _)| tenants)
}

/// The real cloud that a configuration means, and whether it says so; nothing for the simulator and for what is no cloud.
fn cloud_of(azure: &AzureBlock, cloud: Option<Cloud>) -> Option<String> {
    match (cloud, &azure.cloud) {
        (Some(Cloud::Simulator), _) | (None, Some(_)) => None,
        (Some(Cloud::Public | Cloud::UsGovernment | Cloud::China), Some(written)) => {
            Some(format!("`{}`", written.value))
        }
        (_, None) => Some("`public`, since none is named".to_owned()),
    }
}

fn named<T: std::str::FromStr<Err = CloudError>>(
    written: Option<&Spanned<String>>,
    found: &mut Diagnostics,
) -> Option<T> {
    let written = written?;
    let parsed = written.value.parse().map_err(|error: CloudError| {
        Diagnostics::from(Diagnostic::error(NOT_A_NAME, "value not allowed").at(written.span, error.to_string()))
    });
    found.absorb(parsed)
}
