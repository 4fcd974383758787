//! Ways out of failures of Azure, of the login and of the state. It reads errors; it never changes what happens.

use std::io::ErrorKind;

use jiff::Timestamp;
use pgferry_state::{Holder, Keeper, LastGood, StoreError};

use super::error::Report;
use super::view::layout::{clean, typed};
use super::view::object::{in_words, noun};
use super::view::progress::gate;
use super::view::time::{between, instant, length};
use crate::address::UnitAddress;
use crate::apply::{ApplyError, EndedBadly, StepError};
use crate::arm::error::Delivery;
use crate::arm::migration::Ending;
use crate::arm::{ArmError, ArmId, Failure, MissingOutput, Retry, ServiceError, VaultError, Verb};
use crate::azure::ConnectError;
use crate::azure::clock::WallClock;
use crate::clock::Clock as _;
use crate::plan::Plan;
use crate::plan::step::Why;
use crate::simulator::serve::ServeError;

/// Where a command ends before it did anything.
const UNTOUCHED: &str = "nothing was changed, here or in Azure";

/// For whatever a later version wrote.
pub(crate) const NEWER_PROGRAM: &str =
    "a later pgferry wrote it: use that version, or a later one; nothing was changed";

/// Ways out by the service's code, in the words of the person who has to act.
const BY_CODE: &[(&[&str], &str)] = &[
    (
        &["InvalidAuthenticationToken", "AuthenticationFailed"],
        "the token was refused: check that the login belongs to the tenant of the subscription (`tenant_id` in the `azure` \
         block), or log in again",
    ),
    (
        &["InvalidAuthenticationTokenTenant"],
        "the subscription belongs to another tenant than the login: where that is meant, name the tenant in \
         `auxiliary_tenant_ids` of the `azure` block; else check `subscription_id` and `tenant_id`",
    ),
    (
        &["ExpiredAuthenticationToken"],
        "the token had ended: log in again; check that this machine's clock is right",
    ),
    (
        &["SubscriptionNotFound", "InvalidSubscriptionId"],
        "check `subscription_id`, and that the login may see this subscription: `az account list` shows those it may",
    ),
    (
        &["ResourceGroupNotFound"],
        "pgferry makes no resource groups: create it, or correct `resource_group`",
    ),
    (
        &["ParentResourceNotFound", "ResourceNotFound", "NotFound"],
        "check the name, `resource_group` and `subscription_id` of the block that stands for it",
    ),
    (
        &["MissingSubscriptionRegistration", "SubscriptionNotRegistered"],
        "register the provider once: `az provider register --namespace NAMESPACE --wait`",
    ),
    (
        &["RequestDisallowedByPolicy"],
        "a policy of your organisation forbids it; the message names the policy. Its owner can exempt the resource group",
    ),
    (
        &["ScopeLocked"],
        "a lock forbids it: whoever set it can take it away (`az lock list --resource-group GROUP`)",
    ),
    (
        &["QuotaExceeded", "SkuNotAvailable", "ResourceQuotaExceeded"],
        "ask for more quota, or choose another size or region",
    ),
    (
        &[
            "AnotherOperationInProgress",
            "ServerIsBusy",
            "ServerBusy",
            "OperationNotAllowed",
        ],
        "something else is being done to it: wait until that is over, then run the same command again",
    ),
    (
        &["RemotePeeringIsDisconnected"],
        "the other network still has its half of an earlier peering: delete that half (`az network vnet peering list \
         --resource-group GROUP --vnet-name NETWORK` shows it as `Disconnected`), then apply again",
    ),
    (
        &["PreconditionFailed"],
        "somebody changed it since it was read: run the same command again, it plans anew",
    ),
];

/// A call to Azure failed.
pub(crate) fn on_arm(error: &ArmError) -> Report {
    let ArmError {
        call,
        correlation,
        failure,
    } = error;
    let object = in_words(&call.id);
    let doing = match &call.verb {
        // The id of a list names no object.
        Verb::Get if call.id.name() == "*" => format!("cannot list the {}", listed(&call.id)),
        Verb::Get => format!("cannot read {object}"),
        Verb::Put => format!("cannot create or replace {object}"),
        Verb::Patch => format!("cannot change {object}"),
        Verb::Delete => format!("cannot delete {object}"),
        Verb::Post(action) => format!("cannot {action} {object}"),
    };
    let mut report = Report::new(doing).fact("object", call.id.as_str());
    match failure {
        Failure::Refused(service) | Failure::Failed(service) => {
            report = refused(report, service).fact("repeating it", repeating(failure.retry()));
            if let Some(request) = &service.request_id {
                report = report.fact("request id", request);
            }
            for advice in advice_for(service) {
                report = report.hint(advice);
            }
        }
        Failure::Unauthenticated { audience: _, reason } => {
            report = report.because(format!("no token: {reason}")).hint(login_advice(reason));
        }
        Failure::Unreachable(transport) => {
            report = report.because(&transport.message);
            report = match (transport.delivered, &call.verb) {
                (Delivery::NotSent, _) => report
                    .hint("nothing was sent: check the network, HTTPS_PROXY and the certificates, then run it again"),
                (Delivery::Unknown, Verb::Get) => report.hint(
                    "nothing was asked but to read: run the same command again; if it stays so, check the network",
                ),
                (Delivery::Unknown, Verb::Put | Verb::Patch | Verb::Delete | Verb::Post(_)) => report
                    .hint("Azure may have done it all the same: run the same command again, it looks before it acts"),
            };
        }
        Failure::Throttled { .. } => {
            report = report
                .because(failure.to_string())
                .hint("others use this subscription's quota, too: run the same command again later");
        }
        Failure::TimedOut { .. } => {
            report = report.because(failure.to_string()).hint(
                "it goes on in Azure: run the same command again to follow it; `timeouts` in its block allows more",
            );
        }
        Failure::Garbled(_) | Failure::Unaddressable { .. } => {
            report = report
                .because(failure.to_string())
                .hint("that is a defect of pgferry or of a proxy in between: please report it with the ids below");
        }
    }
    report.fact("correlation id", correlation.to_string())
}

/// A secret could not be read in its vault.
pub(crate) fn on_vault(error: &VaultError) -> Report {
    let VaultError { id, failure } = error;
    let (name, vault) = (id.name(), id.vault());
    let report =
        Report::new(format!("cannot read the secret `{name}` of the vault `{vault}`")).fact("secret", id.to_string());
    match failure {
        Failure::Refused(service) | Failure::Failed(service) => {
            let mut report = refused(report, service);
            if let Some(request) = &service.request_id {
                report = report.fact("request id", request);
            }
            match service.status {
                _ if service.any_code(&["SecretDisabled"]) => report.hint(format!(
                    "it is disabled: `az keyvault secret set-attributes --id {id} --enabled true` enables it"
                )),
                _ if service.any_code(&["ForbiddenByFirewall", "ForbiddenByConnection"]) => report.hint(
                    "the vault answers to chosen networks only: run this in one of them, or let this machine's address in",
                ),
                401 => report.hint("the vault takes no token of this login: log in again, in the tenant of the vault"),
                403 => report
                    .hint(
                        "the login needs the role `Key Vault Secrets User` on the secret or its vault; where the vault has access \
                         policies, it needs the permission `get` on secrets",
                    )
                    .hint("a new role assignment counts after some minutes"),
                404 => report.hint(format!(
                    "check the id; `az keyvault secret list --vault-name {vault}` lists what there is, `az keyvault secret \
                     list-deleted` what can be recovered"
                )),
                500.. => report.hint("the trouble is on the vault's side: run the same command again later"),
                _ => report,
            }
        }
        Failure::Unauthenticated { audience: _, reason } => {
            report.because(format!("no token: {reason}")).hint(login_advice(reason))
        }
        Failure::Unreachable(transport) => report.because(&transport.message).hint(format!(
            "check the name of the vault, the network, HTTPS_PROXY and the certificates: {} must be reached from here",
            id.host()
        )),
        Failure::Throttled { .. } => report
            .because(failure.to_string())
            .hint("others read in this vault, too: run the same command again later"),
        Failure::Garbled(_) | Failure::Unaddressable { .. } | Failure::TimedOut { .. } => {
            report.because(failure.to_string())
        }
    }
}

/// The way out where there is no token, by what each source of tokens said.
fn login_advice(reason: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["no login was found"]) {
        "log in with `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or a certificate, \
         or a federated token); PGFERRY_CREDENTIAL chooses one of them"
    } else if says(&["AADSTS7000222"]) {
        "the application's secret has ended: give it a new one, and set AZURE_CLIENT_SECRET to that"
    } else if says(&["AADSTS"]) {
        "Entra ID knows this login, or its tenant, otherwise: check AZURE_TENANT_ID, AZURE_CLIENT_ID and the secret, \
         certificate or federated token, and renew what has ended"
    } else if says(&NO_ANSWER) {
        "who gives tokens was not reached: check the network, HTTPS_PROXY and the certificates, then run the same command \
         again"
    } else {
        "put right what it names, or choose another login: PGFERRY_CREDENTIAL names it"
    }
}

/// How the HTTP client begins what it says where there was no answer.
const NO_ANSWER: [&str; 4] = [
    "error sending request",
    "failed to execute `reqwest` request",
    "dns error",
    "operation timed out",
];

/// What a list is of: ``servers of `rg-data` ``.
fn listed(id: &ArmId) -> String {
    let home = match (id.parent(), id.group()) {
        (Some(parent), _) => format!(" of {}", in_words(&parent)),
        (None, Some(group)) => format!(" of `{group}`"),
        (None, None) => String::new(),
    };
    format!("{}s{home}", noun(id))
}

fn refused(mut report: Report, service: &ServiceError) -> Report {
    report = report.because(format!("{} ({})", clean(&service.message).trim(), service.code));
    let mut inner = Vec::new();
    collect_details(service, &mut inner);
    for detail in inner {
        report = report.fact("detail", detail);
    }
    if service.status != 200 {
        report = report.fact("HTTP status", service.status.to_string());
    }
    if let Some(target) = &service.target {
        report = report.fact("target", target);
    }
    report
}

/// Whether the same call can succeed later.
fn repeating(retry: Retry) -> &'static str {
    match retry {
        Retry::Never => "does not help before its cause is gone",
        Retry::Same | Retry::After(_) => "helps, later",
        Retry::AfterConflict => "helps once the other operation is over",
    }
}

fn collect_details(service: &ServiceError, lines: &mut Vec<String>) {
    for detail in &service.details {
        lines.push(format!("{} ({})", clean(&detail.message).trim(), detail.code));
        collect_details(detail, lines);
    }
}

/// Ways out of an answer, most special first.
pub(crate) fn advice_for(service: &ServiceError) -> Vec<String> {
    let mut found = Vec::new();
    if service.any_code(&[
        "AuthorizationFailed",
        "LinkedAuthorizationFailed",
        "AuthorizationPermissionMismatch",
    ]) {
        if service
            .message
            .contains("is not authorized to access linked subscription")
        {
            found.push(
                "it links to a subscription of another tenant: name that tenant in `auxiliary_tenant_ids` of the `azure` block"
                    .to_owned(),
            );
            return found;
        }
        found.push(match missing_action(service) {
            Some((action, Some(scope))) => format!("the login needs a role with the action `{action}` on `{scope}`"),
            Some((action, None)) => format!("the login needs a role with the action `{action}`"),
            None => {
                "the login needs a role that allows this; `pgferry rbac` prints the roles that this configuration needs"
                    .to_owned()
            }
        });
        found.push("a new role assignment counts after some minutes, and after a new login".to_owned());
    }
    let by_code = BY_CODE.iter().filter(|(codes, _)| service.any_code(codes));
    found.extend(by_code.map(|(_, advice)| (*advice).to_owned()));
    if found.is_empty() && service.status == 401 {
        found.push("the token was refused: log in again, with an account of the subscription's tenant".to_owned());
    }
    if found.is_empty() && service.status >= 500 {
        found.push(match &service.request_id {
            Some(_) => {
                "the trouble is on Azure's side: run the same command again later; its support asks for the request id"
                    .to_owned()
            }
            None => "the trouble is on Azure's side: run the same command again later".to_owned(),
        });
    }
    found
}

/// The action and the scope that a 403 names.
fn missing_action(service: &ServiceError) -> Option<(String, Option<String>)> {
    let quoted = |text: &str, before: &str| -> Option<String> {
        let (_, rest) = text.split_once(before)?;
        let (quoted, _) = rest.split_once('\'')?;
        Some(quoted.to_owned())
    };
    let own =
        quoted(&service.message, "perform action '").map(|action| (action, quoted(&service.message, "over scope '")));
    own.or_else(|| service.details.iter().find_map(missing_action))
}

/// The connection could not be set up.
pub(crate) fn on_connect(error: &ConnectError) -> Report {
    let report = Report::of(error);
    match error {
        ConnectError::NoSimulator => {
            report.hint("`pgferry simulator serve` starts it in the foreground and shows what stops it")
        }
        ConnectError::Http(_) => report.hint("check HTTPS_PROXY and the certificates of this machine"),
        ConnectError::Endpoint(_) | ConnectError::Settings(_) => report,
    }
}

/// A step of a run failed.
pub(crate) fn on_step(unit: &UnitAddress, error: &StepError) -> Report {
    let named = |report: Report| match report.headline.clone() {
        Some(headline) => Report {
            headline: Some(format!("{unit}: {headline}")),
            ..report
        },
        None => report,
    };
    match error {
        StepError::Arm(source) if error.is_open_ended() => {
            named(on_arm(source)).hint("whether it happened is not known; the next apply looks before it does anything")
        }
        StepError::Arm(source) => named(on_arm(source)),
        StepError::Vault(source) => {
            named(on_vault(source)).hint("its call was not made: apply again once the secret can be read")
        }
        StepError::OutOfSight(source) => {
            named(on_arm(source)).hint("Azure goes on with it; the next apply looks what became of it")
        }
        StepError::Store(error) => named(on_store(error)),
        StepError::Ended(ended) => on_ended(unit, ended),
        StepError::DatabasesThere { databases, .. } => {
            let consent = databases
                .iter()
                .map(|name| format!("{name} = \"overwrite\""))
                .collect::<Vec<_>>();
            named(Report::of(error))
                .hint(format!(
                    "`accept_loss = {{ {} }}` in the batch lets them be replaced, whoever brought them: what they hold is lost",
                    consent.join(", ")
                ))
                .hint("or move or drop them first; nothing was changed")
        }
        StepError::WindowClosed { window, opens, .. } => {
            let report = named(Report::of(error));
            match opens {
                Some(opens) => report
                    .fact("opens", window.local(*opens))
                    .hint("nothing was done: run it again then, or `pgferry wait` where an apply is open"),
                None => report
                    .hint("nothing was done, and it does not open any more: change the window in the batch, then apply again"),
            }
        }
        StepError::Grown { .. } => named(Report::of(error)).hint(format!(
            "`pgferry cancel {}` shows where it stands and what it would lose now, and asks anew",
            typed(unit)
        )),
        StepError::GateClosed { reading, .. } if reading.is_hopeless() => named(Report::of(error))
            .fact("last reading", gate(reading))
            .hint(format!(
                "nothing was triggered, and waiting does not help: `pgferry cutover {}` leaves out what will not arrive",
                typed(unit)
            )),
        StepError::GateClosed { reading, .. } => named(Report::of(error))
            .fact("last reading", gate(reading))
            .hint("nothing was triggered: it goes on copying changes, and can be cut over later")
            .hint("`--patience` waits longer, and `max_lag` in the batch allows more lag"),
        StepError::NotReady { .. } => named(Report::of(error)).hint("`pgferry status` shows where it stands"),
        StepError::Missing(MissingOutput::Secret(_)) => {
            named(Report::of(error)).hint("give the variable that holds it a value, for example PGFERRY_VAR_name")
        }
        StepError::Moved(_) | StepError::NameTaken { .. } | StepError::NoTarget { .. } | StepError::Vanished { .. } => {
            named(Report::of(error)).hint("it is no longer as planned: run the same command again, it plans anew")
        }
        StepError::Missing(MissingOutput::Output { .. })
        | StepError::NoId(_)
        | StepError::Earlier(_) => named(Report::of(error)),
    }
}

/// A migration that did not succeed, with all that the service says.
fn on_ended(unit: &UnitAddress, ended: &EndedBadly) -> Report {
    let how = match ended.ending {
        Ending::Succeeded => "succeeded",
        Ending::Failed => "failed",
        Ending::ValidationFailed => "failed its validation; no data was moved",
        Ending::Canceled => "was cancelled",
    };
    let mut report = Report::new(format!("{unit}: the migration `{}` {how}", ended.migration.name()));
    if let Some(said) = &ended.error {
        report = report.because(said);
    }
    for (name, state, message) in &ended.databases {
        let message = message
            .as_ref()
            .map_or_else(String::new, |message| format!(": {message}"));
        report = report.fact("database", format!("{name} {state}{message}"));
    }
    for check in &ended.checks {
        let of = check
            .database
            .as_ref()
            .map_or_else(String::new, |database| format!(" of {database}"));
        report = report.fact(
            "check",
            format!("{}{of} failed: {}", check.name, check.messages.join(" ")),
        );
    }
    report = report.fact("migration", ended.migration.as_str());
    if let Some(run) = &ended.run_id {
        report = report.fact("run id", run);
    }
    report.hint(format!(
        "once its cause is gone: `pgferry apply --retry {}` (a failed migration is never reused)",
        typed(&unit.resource)
    ))
}

/// A plan could not be carried out at all, or not any further.
pub(crate) fn on_apply(error: &ApplyError) -> Report {
    match error {
        ApplyError::Moved(_) => Report::of(error).hint("run the same command again: it plans anew"),
        ApplyError::Locked(holder) => on_lock(holder, WallClock.now()),
        ApplyError::RunOpen(_) => Report::of(error).hint("`pgferry apply` settles it first, then goes on"),
        ApplyError::Store(error) => on_store(error),
        ApplyError::Arm(error) => on_arm(error),
        ApplyError::Step { unit, source } => on_step(unit, source),
        ApplyError::StoredForm { found, .. } if *found > u64::from(Plan::FORMAT) => Report::of(error).hint(NEWER_PROGRAM),
        ApplyError::StoredForm { .. } => Report::of(error)
            .hint("an older pgferry began it: finish it with that version (`pgferry wait`, or `pgferry apply`), then use this one")
            .hint(UNTOUCHED),
        ApplyError::Stored { .. } => Report::of(error)
            .hint("what stands there is damaged, or was written by hand: `pgferry state push FILE --force` puts a good copy back")
            .hint(UNTOUCHED),
        ApplyError::Tangled(_) | ApplyError::Key { .. } | ApplyError::OutputKey { .. } => Report::of(error),
    }
}

/// Somebody else holds the lock.
fn on_lock(holder: &Holder, now: Timestamp) -> Report {
    let mut report = Report::new("somebody else is writing to the state").fact("who", holder.who.to_string());
    if holder.is_known() {
        report = report
            .fact("process", holder.process.to_string())
            .fact("command", &holder.command);
        if let Some(run) = &holder.run {
            report = report.fact("run", run.to_string());
        }
        let since = format!("{}, {} ago", instant(holder.since), length(between(holder.since, now)));
        report = report.fact("since", since);
    }
    report
        .hint("wait until it is done, or give --lock-timeout; `pgferry status` and `pgferry plan` work meanwhile")
        .hint("a lock outlives its process by a minute at most: if that one hangs, end it and run this command again")
        .hint("`pgferry lock show` tells whether it still counts")
}

/// The service asks something that the configuration does not answer: how to go on.
pub(crate) fn on_question(unit: &UnitAddress, why: Why) -> String {
    match why {
        Why::Replication => {
            "the source lacks logical replication; set `setup_logical_replication = true` (restarts the source) \
                             and apply, or switch it on there and do the same"
                .to_owned()
        }
        Why::Overwrite => format!(
            "databases of these names are on the target; `accept_loss = {{ DATABASE = \"overwrite\" }}` lets them be replaced, \
             or end it with `pgferry cancel {}`",
            typed(unit)
        ),
        Why::NotShown => "the configuration has the answer; `pgferry apply` shows what it costs, and asks".to_owned(),
    }
}

/// The simulator ended otherwise than asked.
pub(crate) fn on_serve(error: &ServeError) -> Report {
    let report = Report::of(error);
    match error {
        ServeError::AlreadyServed { .. } => report.hint("use that one, or end it first: it serves the same world"),
        ServeError::Restore { .. } => report.hint("`pgferry simulator reset` begins anew from the seed"),
        ServeError::Seed { .. } | ServeError::File { action: "read", .. } => {
            report.hint("the world is the file that `world` in the `azure` block names")
        }
        ServeError::Listen { .. } => report.hint("choose another `--port`, or none: then a free one is taken"),
        ServeError::File { .. } | ServeError::Certificate(_) | ServeError::Server(_) | ServeError::ToldToDie => report,
    }
}

/// The state refused or cannot be read.
pub(crate) fn on_store(error: &StoreError) -> Report {
    let report = Report::of(error);
    match error {
        StoreError::Locked(holder) => on_lock(holder, WallClock.now()),
        StoreError::NewerFormat { .. } => report.hint(NEWER_PROGRAM),
        StoreError::Corrupt { keeper, last_good, .. } => on_damage(report, *keeper, last_good.as_ref()),
        StoreError::LineageMismatch { .. } => report
            .hint("nothing was changed: two states were mixed up, as when a part of one was copied over another")
            .hint(
                "put back what belongs together, from a copy; `pgferry init --from DIR` moves a whole state, and `pgferry state \
                 push --force` replaces one",
            ),
        StoreError::NotLater { .. } => report
            .hint("nothing was changed: what is there is as late or later, and stays")
            .hint("`pgferry state pull` in either place shows what it remembers; `pgferry state push --force` puts one of them back"),
        StoreError::BoundElsewhere(conflict) => Report::new("this state belongs elsewhere")
            .fact("it belongs to", conflict.bound.to_string())
            .fact("this run is for", conflict.wanted.to_string())
            .hint("check `cloud`, `tenant_id` and `subscription_id` in the `azure` block, and PGFERRY_CLOUD")
            .hint("another subscription needs a directory, and so a state, of its own"),
        StoreError::RunOpen { open } => report.hint(format!(
            "`pgferry apply` finishes run {open} first: it goes on where that stopped"
        )),
        StoreError::OtherPlan { .. } => report
            .hint("`pgferry wait` goes on with the plan that it was begun with; `pgferry plan --out FILE` makes another"),
        StoreError::StaleRevision { .. } => report.hint("somebody else wrote meanwhile: plan again"),
        StoreError::Io { source, .. } => report
            .hint("what was committed stands; what is under way in Azure goes on, and the next apply looks before it acts")
            .hint(match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    "make room on that disk, then run the same command again"
                }
                ErrorKind::ReadOnlyFilesystem => {
                    "the state can be written again once the disk is mounted for writing; to read it there, copy its directory \
                     to a disk that can be written"
                }
                ErrorKind::PermissionDenied => {
                    "the state belongs to whoever first applied here: run as that user, or give this one its directory \
                     (`chown -R`); nobody else can read it, since it is private"
                }
                _ => "check the disk (space, permissions), then run the same command again",
            }),
        StoreError::Unusable => report
            .hint("what was committed stands; what is under way in Azure goes on, and the next apply looks before it acts")
            .hint("check the disk (space, permissions), then run the same command again"),
        StoreError::HeldByAnother { .. } => {
            report.hint("`pgferry lock show` names the holder; whoever broke the wrong lock would stop somebody's work")
        }
        StoreError::HolderLives(holder) => report
            .hint(format!("end process {} on this machine: its lock ends with it", holder.process))
            .hint("only a lock that other machines reach can be taken from a living holder"),
        StoreError::LockLost { .. } => report
            .hint("what was committed before stands; what this run began in Azure goes on and is in the journal")
            .hint("run `pgferry apply` again when the other one is done: it goes on where this one stopped"),
        StoreError::Encrypted => report
            .hint("give the `pgferry` block the `encryption` that the state was written with; nothing was changed"),
        StoreError::NotEncrypted => report
            .hint("`pgferry init` encrypts it where it is; until then nothing reads or writes it")
            .hint("if nobody should have taken the encryption away, find out who wrote the state last: `pgferry history`"),
        StoreError::WrongKey { .. } => report
            .hint("nothing was changed: set the variable to what the state was written with")
            .hint(
                "where it was changed on purpose, name the old one beside it, as `previous_passphrase` or `previous_key`, and \
                 run `pgferry init` once",
            ),
        StoreError::Remote { .. } => report.hint(
            "check the network, the login and the `state` block, then run the same command again: what was committed stands",
        ),
        StoreError::TooDeep { .. }
        | StoreError::UnknownRecord { .. }
        | StoreError::RecordExists { .. }
        | StoreError::RunNotOpen { .. }
        | StoreError::StepOutOfOrder { .. } => report,
    }
}

/// The state refused or could not be read any more, in the middle of a run.
pub(crate) fn on_store_midway(error: &StoreError) -> Report {
    let mut report = on_store(error);
    for hint in &mut report.hints {
        if hint == UNTOUCHED {
            "what this run began in Azure goes on; none of it is made twice, since whoever comes next looks first"
                .clone_into(hint);
        }
    }
    report
}

/// What is stored is not what was written: what is whole, and how to go back to it.
fn on_damage(report: Report, keeper: Keeper, last_good: Option<&LastGood>) -> Report {
    let report = report.hint(UNTOUCHED);
    let rebuild = "`pgferry state rebuild` makes it anew from what is declared and what Azure has";
    match (keeper, last_good) {
        (Keeper::Directory, Some(copy)) => {
            let path = copy.path.display();
            report
                .hint(format!("keep `{path}`: it is whole, and tells what was remembered"))
                .hint("put a copy of the state's directory from before the damage in its place, if there is one")
                .hint(format!(
                    "without one, move the directory away, and `pgferry state push FILE` puts that file back from where it is then; \
                     what was done since shows in the next plan, and if that is too much, {rebuild}"
                ))
        }
        (Keeper::Directory, None) => report.hint(format!(
            "put a copy of the state's directory from before the damage in its place; without one, move the directory away, and \
             {rebuild}"
        )),
        (Keeper::Service, last_good) => {
            let report = match last_good {
                Some(copy) => report.hint(format!(
                    "keep `{}`: it is whole, and tells what was remembered",
                    copy.path.display()
                )),
                None => report,
            };
            report
                .hint(
                    "bring back what was there before: a blob that was deleted or overwritten from soft delete or its versions, \
                     rows of a database from its backup",
                )
                .hint(format!(
                    "where nothing was kept, leave what is there as it is, give the `state` block another `key` or `name`, and \
                     {rebuild}"
                ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::{Call, CorrelationId, TransportError};
    use crate::cli::calling::Calling;
    use pgferry_state::Actor;
    use std::path::Path;
    use uuid::Uuid;

    fn shown(report: &Report) -> String {
        anstream::adapter::strip_str(&report.render(&Calling::of(Path::new("."), &[]), 80)).to_string()
    }

    fn failed(verb: Verb, failure: Failure) -> ArmError {
        let id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-net/providers/\
                  Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/to-b";
        ArmError {
            call: Call::new(verb, id.parse().unwrap()),
            correlation: CorrelationId(Uuid::nil()),
            failure,
        }
    }

    fn service(status: u16, code: &str, message: &str) -> ServiceError {
        ServiceError {
            status,
            code: code.into(),
            message: message.into(),
            target: None,
            details: Vec::new(),
            request_id: Some("req-1".into()),
            retry_after: None,
        }
    }

    #[test]
    fn a_403_names_the_missing_action() {
        let message = "The client 'x' with object id 'y' does not have authorization to perform action \
                       'Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write' over scope '/subscriptions/s' or the \
                       scope is invalid.";
        let error = failed(
            Verb::Put,
            Failure::Refused(Box::new(service(403, "AuthorizationFailed", message))),
        );
        insta::assert_snapshot!(shown(&on_arm(&error)), @"
        error: cannot create or replace peering `to-b` of network `vnet-a` in `rg-net`
          because: The client 'x' with object id 'y' does not have authorization to
                   perform action
                   'Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write' over
                   scope '/subscriptions/s' or the scope is invalid.
                   (AuthorizationFailed)
          object          /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/to-b
          HTTP status     403
          repeating it    does not help before its cause is gone
          request id      req-1
          correlation id  00000000-0000-0000-0000-000000000000
        hint: the login needs a role with the action
              `Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write` on
              `/subscriptions/s`
        hint: a new role assignment counts after some minutes, and after a new login
        ");
    }

    #[test]
    fn a_list_is_called_one() {
        let said = |id: &str| {
            let error = ArmError {
                call: Call::new(Verb::Get, id.parse().unwrap()),
                correlation: CorrelationId(Uuid::nil()),
                failure: Failure::Refused(Box::new(service(403, "AuthorizationFailed", "no"))),
            };
            on_arm(&error).headline.unwrap()
        };
        let group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-data/providers";
        assert_eq!(
            said(&format!("{group}/Microsoft.DBforPostgreSQL/flexibleServers/*")),
            "cannot list the servers of `rg-data`"
        );
        assert_eq!(
            said(&format!(
                "{group}/Microsoft.DBforPostgreSQL/flexibleServers/pg/migrations/*"
            )),
            "cannot list the migrations of server `pg` in `rg-data`"
        );
    }

    #[test]
    fn a_lost_answer_says_that_it_may_have_happened() {
        let error = failed(
            Verb::Put,
            Failure::Unreachable(TransportError {
                message: "connection reset by peer".into(),
                delivered: Delivery::Unknown,
            }),
        );
        insta::assert_snapshot!(shown(&on_arm(&error)), @"
        error: cannot create or replace peering `to-b` of network `vnet-a` in `rg-net`
          because: connection reset by peer
          object          /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-net/providers/Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/to-b
          correlation id  00000000-0000-0000-0000-000000000000
        hint: Azure may have done it all the same: run the same command again, it looks
              before it acts
        ");
    }

    #[test]
    fn what_was_only_to_be_read_has_changed_nothing() {
        let error = failed(
            Verb::Get,
            Failure::Unreachable(TransportError {
                message: "connection reset by peer".into(),
                delivered: Delivery::Unknown,
            }),
        );
        let hints = on_arm(&error).hints;
        insta::assert_snapshot!(hints.join("\n"), @"nothing was asked but to read: run the same command again; if it stays so, check the network");
    }

    #[test]
    fn answers_that_no_new_login_mends_have_ways_out_of_their_own() {
        let said = |status, code| advice_for(&service(status, code, "no")).join("\n");
        assert!(said(400, "RemotePeeringIsDisconnected").contains("delete that half"));
        assert!(said(412, "PreconditionFailed").contains("plans anew"));
        for status in [500, 503] {
            let said = said(status, "InternalServerError");
            assert!(said.contains("later") && said.contains("request id"), "{said}");
        }
        // Where something better is known, nobody is sent away to wait.
        assert!(!said(503, "ServerBusy").contains("support"));
        assert_eq!(said(400, "BadRequest"), "");
    }

    #[test]
    fn without_a_token_the_advice_hangs_on_what_was_said() {
        let said = |reason: &str| login_advice(reason);
        let refused = said("client_secret: AADSTS7000215: Invalid client secret provided.");
        assert!(refused.contains("AZURE_CLIENT_ID"), "{refused}");
        let ended = said("client_secret: AADSTS7000222: The provided client secret keys for app 'x' are expired.");
        assert!(ended.contains("has ended"), "{ended}");
        let silent =
            said("client_secret: error sending request for url (https://login.microsoftonline.com/t): dns error");
        assert!(silent.contains("HTTPS_PROXY"), "{silent}");
        let nothing = said("no login was found (client_secret: AZURE_CLIENT_SECRET is not set; azure_cli: no `az`)");
        assert!(nothing.contains("az login"), "{nothing}");
        let half = said("client_secret: AZURE_TENANT_ID is not set");
        assert!(half.contains("what it names"), "{half}");
    }

    #[test]
    fn a_held_lock_names_its_holder() {
        let holder = Holder {
            who: Actor::new("ada@db-admin-1"),
            process: 4711,
            command: "pgferry apply".into(),
            run: None,
            since: "2026-11-01T01:58:00Z".parse().unwrap(),
        };
        let now = "2026-11-01T02:10:00Z".parse().unwrap();
        insta::assert_snapshot!(shown(&on_lock(&holder, now)), @"
        error: somebody else is writing to the state
          who      ada@db-admin-1
          process  4711
          command  pgferry apply
          since    2026-11-01 01:58 UTC, 12 min ago
        hint: wait until it is done, or give --lock-timeout; `pgferry status` and
              `pgferry plan` work meanwhile
        hint: a lock outlives its process by a minute at most: if that one hangs, end it
              and run this command again
        hint: `pgferry lock show` tells whether it still counts
        ");
    }
}
