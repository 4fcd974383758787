//! Everything that ends a command early: what is said about it, what to do, and the exit code. Facts come from the errors;
//! advice stands only here and in [`super::advice`].

use std::error::Error;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use pgferry_state::{ImportError, Lineage, StoreError};

use super::advice;
use super::calling::Calling;
use super::color::{ERROR, HINT, paint};
use super::dial::DialError;
use super::exit::Exit;
use super::plan_file::PlanFileError;
use super::project::Refused;
use super::snapshot_file::SnapshotFileError;
use super::view::layout::{clean, hang, listed, pad, typed};
use super::view::plan::to_accept;
use super::view::time::instant;
use crate::address::{AddressError, UnitAddress};
use crate::apply::ApplyError;
use crate::arm::{ArmError, CloudError, SubscriptionId, VaultError};
use crate::azure::ConnectError;
use crate::config::ReadError;
use crate::diagnostic::nearest;
use crate::plan::approve::NotApprovable;
use crate::plan::canonical::Fingerprint;
use crate::plan::saved::{Cause, Departure};
use crate::prior::PriorError;
use crate::simulator::serve::ServeError;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// What was found in the configuration.
    Configuration {
        /// What, and where.
        refused: Box<Refused>,
        /// How wide it is shown.
        width: usize,
    },
    /// Something in the flags or arguments that clap cannot know.
    Usage(String),
    /// An argument that names no resource or unit.
    Address(AddressError),
    /// A setting that names no cloud or subscription.
    Cloud(CloudError),
    /// The directory to work in.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection could not be set up.
    Connect(ConnectError),
    /// A PostgreSQL server cannot be dialled as it is described.
    Dial(DialError),
    /// A secret could not be read in its vault.
    Vault(VaultError),
    /// A call to Azure failed.
    Arm(Box<ArmError>),
    /// The state refused or cannot be read.
    Store(Box<StoreError>),
    /// A record in the state cannot be read.
    Prior(PriorError),
    /// The files of the directory cannot be read.
    Sources(ReadError),
    /// The simulator cannot be served.
    Serve(ServeError),
    /// The simulator does not answer, or refuses.
    Loopback(reqwest::Error),
    /// The simulator did not start.
    Simulator {
        /// What it said.
        said: String,
    },
    /// The state belongs to another cloud or subscription.
    ForeignState {
        /// The cloud it belongs to.
        cloud: String,
        /// The subscription it belongs to.
        subscription: String,
        /// What this run is for.
        here: String,
    },
    /// A file that holds no plan, or one that cannot be used.
    PlanFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PlanFileError,
    },
    /// A state in a file that a later pgferry wrote.
    NewerExport {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: ImportError,
    },
    /// A plan that nobody looked at Azure for.
    PlanOfSnapshot {
        /// The file.
        path: PathBuf,
        /// The command that does what it does, if that still is what is to be done.
        instead: String,
    },
    /// A file that holds no snapshot, or one that cannot be used.
    SnapshotFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnapshotFileError,
    },
    /// A snapshot of another cloud or subscription.
    ForeignSnapshot {
        /// The file.
        path: PathBuf,
        /// What it was taken of.
        of: String,
        /// What this run is for.
        here: String,
    },
    /// A plan that was made for another cloud or subscription.
    ForeignPlan {
        /// What it was made for.
        made_for: String,
        /// What this run is for.
        here: String,
    },
    /// A plan that was carried out already.
    PlanUsed {
        /// By whom.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// A plan that is being carried out.
    PlanBegun {
        /// By whom.
        by: String,
        /// Since when.
        at: Timestamp,
    },
    /// What a plan was made from has moved.
    PlanMoved(Vec<Departure>),
    /// What would be done is not what was approved.
    NotApproved {
        /// What was approved.
        approved: Fingerprint,
        /// What would be done.
        found: Fingerprint,
        /// Where the two part, if the approved plan is at hand.
        differing: Option<Vec<Departure>>,
        /// What somebody else changed in Azure, before or after the approval.
        drifted: Vec<UnitAddress>,
    },
    /// The plan that is said to have been approved has another fingerprint.
    OtherThanWas {
        /// What was approved.
        approved: Fingerprint,
        /// That of the plan.
        was: Fingerprint,
    },
    /// Checks failed, or data would be lost without consent.
    NotApprovable(NotApprovable),
    /// A run could not begin, or a single command failed.
    Apply(Box<ApplyError>),
    /// Consent is needed, and there is nobody to ask.
    NobodyToAsk,
    /// A loss that nobody accepted.
    LossNotAccepted {
        /// The migration.
        unit: UnitAddress,
    },
    /// A secret that opens the state has no value.
    StateSecretUnset {
        /// The block of the configuration.
        block: &'static str,
        /// Its argument.
        argument: &'static str,
    },
    /// State that is still where it was kept before the configuration named another place.
    StateElsewhere {
        /// Where it is.
        there: String,
        /// Where it should be.
        here: String,
    },
    /// Two states that are not copies of each other.
    OtherState {
        /// Where the one is that was to be copied.
        from: String,
        /// Its lineage.
        offered: Lineage,
        /// Where the other is.
        to: String,
        /// Its lineage.
        here: Lineage,
    },
    /// A copy of a state that is not as the original.
    StateNotCopied {
        /// Where the original is.
        from: String,
        /// Where the copy is.
        to: String,
    },
    /// A state that somebody changed whenever it was to be copied.
    StateKeepsChanging {
        /// Where it is.
        place: String,
    },
    /// Local state on a runner that is thrown away.
    EphemeralState,
    /// An address that names nothing here.
    NothingThere {
        /// What was to be named.
        what: &'static str,
        /// The address.
        address: String,
        /// What could have been named.
        known: Vec<String>,
    },
    /// A migration whose turn has not come.
    NotStarted {
        /// Its address.
        unit: UnitAddress,
        /// What goes before it.
        behind: Option<String>,
    },
    /// A migration that cannot be cut over yet.
    NotReady {
        /// Its address.
        unit: UnitAddress,
        /// What the service is at.
        doing: String,
    },
    /// A migration that may not be cut over at this time.
    OutsideWindow {
        /// Its address.
        unit: UnitAddress,
        /// When its window opens, as clocks of its time zone show it; `None` where it never does any more.
        opens: Option<String>,
    },
    /// A destroy that was left, and that only a destroy goes on with.
    OpenDestroy,
    /// A migration that has ended.
    Over {
        /// Its address.
        unit: UnitAddress,
        /// How, as a verb.
        how: &'static str,
    },
    /// A migration that nobody knows.
    UnknownMigration {
        /// Its address.
        unit: UnitAddress,
        /// Those that are known.
        known: Vec<UnitAddress>,
    },
    /// Azure does not say whose subscription it is.
    NoTenant(SubscriptionId),
    /// A name that stands in no list of ours.
    UnknownName {
        /// What it should name.
        what: &'static str,
        /// What was written.
        name: String,
        /// The nearest that exists.
        near: Option<String>,
        /// The command that lists them.
        list: &'static str,
    },
    /// An output value that the state does not have.
    UnknownOutput {
        /// Its name.
        name: String,
        /// A way out.
        hint: String,
    },
    /// A file of the operator could not be replaced.
    Unwritable {
        /// The file.
        name: String,
        /// What the system said.
        cause: io::Error,
    },
    /// A file that was asked for could not be written.
    NotWritten {
        /// The file.
        name: String,
        /// What the system said.
        cause: io::Error,
    },
    /// Output could not be written.
    Output(io::Error),
    /// The system refused something that every run needs.
    System {
        /// What was attempted.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

/// An error as it is told.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    /// What was attempted on what; nothing where `shown` says it all.
    pub(crate) headline: Option<String>,
    /// Why it failed, outermost first.
    pub(crate) causes: Vec<String>,
    /// What else is known, as label and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Ways out.
    pub(crate) hints: Vec<String>,
    /// Text that was rendered elsewhere.
    pub(crate) shown: Option<String>,
    /// How the command ends.
    pub(crate) exit: Exit,
}

impl Report {
    /// An error without further words.
    pub(crate) fn new(headline: impl Into<String>) -> Self {
        Self {
            headline: Some(headline.into()),
            causes: Vec::new(),
            facts: Vec::new(),
            hints: Vec::new(),
            shown: None,
            exit: Exit::Error,
        }
    }

    /// An error with its chain of causes.
    pub(crate) fn of(error: &dyn Error) -> Self {
        let mut report = Self::new(error.to_string());
        let mut cause = error.source();
        while let Some(next) = cause {
            report.causes.push(next.to_string());
            cause = next.source();
        }
        report
    }

    /// Adds a way out, once.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }

    /// Adds a cause.
    #[must_use]
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub(crate) fn fact(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((label, value.into()));
        self
    }

    /// As text: `error:`, the causes, the facts in a column, the hints with commands as they are called here.
    pub(crate) fn render(&self, calling: &Calling, width: usize) -> String {
        let mut text = self.shown.clone().unwrap_or_default();
        if let Some(headline) = &self.headline {
            text.push_str(&hang(
                &format!("{}: ", paint(ERROR, "error")),
                "       ",
                &clean(headline),
                width,
            ));
        }
        for cause in &self.causes {
            text.push_str(&hang("  because: ", "           ", &clean(cause), width));
        }
        let column = self
            .facts
            .iter()
            .map(|(label, _)| label.len())
            .max()
            .unwrap_or_default()
            + 2;
        for (label, value) in &self.facts {
            let first = format!("  {}", pad(label, column));
            text.push_str(&hang(&first, &pad("", column + 2), &clean(value), width));
        }
        for hint in &self.hints {
            text.push_str(&hang(
                &format!("{}: ", paint(HINT, "hint")),
                "      ",
                &clean(&calling.in_text(hint)),
                width,
            ));
        }
        text
    }
}

impl CommandError {
    /// What was found in a configuration, as the error that ends the command.
    pub(crate) fn refused(refused: Refused, width: usize) -> Self {
        Self::Configuration {
            refused: Box::new(refused),
            width,
        }
    }

    /// What is told about it.
    pub(crate) fn report(&self) -> Report {
        match self {
            Self::Configuration { refused, width } => Report {
                headline: None,
                causes: Vec::new(),
                facts: Vec::new(),
                hints: Vec::new(),
                shown: Some(refused.rendered(*width)),
                exit: Exit::Error,
            },
            Self::Usage(text) => Report::new(text),
            Self::NewerExport { path, source } => {
                Report::new(format!("cannot take a state from `{}`: {source}", path.display())).hint(advice::NEWER_PROGRAM)
            }
            Self::Address(error) => Report::of(error)
                .hint("`pgferry show` lists the addresses that the state knows, quoted as a shell needs them"),
            Self::Cloud(error) => Report::of(error),
            Self::Directory { path, source } => {
                Report::new(format!("cannot work in `{}`", path.display())).because(source.to_string())
            }
            Self::Connect(error) => advice::on_connect(error),
            Self::Dial(error) => on_dial(error),
            Self::Vault(error) => advice::on_vault(error),
            Self::Arm(error) => advice::on_arm(error),
            Self::Store(error) => advice::on_store(error),
            Self::Prior(error) => on_prior(error),
            Self::Sources(error) => on_sources(error),
            Self::Loopback(error) => Report::new("the simulator does not answer as it should")
                .because(error.to_string())
                .hint("run the command again: the simulator is started when none answers"),
            Self::Simulator { said } => told_by_child(said)
                .into_iter()
                .fold(Report::new("the simulator did not start"), Report::because)
                .hint("`pgferry simulator serve` starts it in the foreground"),
            Self::ForeignState {
                cloud,
                subscription,
                here,
            } => Report::new("this state belongs elsewhere")
                .fact("it belongs to", format!("{cloud} in subscription {subscription}"))
                .fact("this run is for", here)
                .hint("check `cloud` and `subscription_id` in the `azure` block, and PGFERRY_CLOUD")
                .hint("another subscription needs a directory, and so a state, of its own"),
            Self::Serve(error) => advice::on_serve(error),
            Self::NotApprovable(error) => on_not_approvable(error),
            Self::Apply(error) => advice::on_apply(error),
            Self::NobodyToAsk => Report::new("there is nobody to ask: this is no terminal, or --input=false was given")
                .hint("--auto-approve goes ahead without asking")
                .hint("nothing was changed"),
            Self::LossNotAccepted { unit } => {
                let unit = typed(unit);
                Report::new("nobody accepted the loss").hint(format!("accept it with `pgferry cancel {unit} --accept-loss {unit}`"))
            }
            Self::StateSecretUnset { block, argument } => Report::new(format!("`{argument}` of the `{block}` block has no value"))
                .hint("set the variable that it names, as PGFERRY_VAR_name, where this command runs"),
            Self::StateElsewhere { there, here } => Report::new("the state is not where the configuration says")
                .fact("it is in", there)
                .fact("it should be in", here)
                .hint("`pgferry init` brings it there")
                .hint("if nothing that it remembers is needed any more, move that directory away"),
            Self::OtherState {
                from,
                offered,
                to,
                here,
            } => Report::new("another state is there already")
                .fact("to be copied", format!("{from}, lineage {offered}"))
                .fact("in its way", format!("{to}, lineage {here}"))
                .hint("give this project a key or name of its own in the `state` block; nothing was changed"),
            Self::StateNotCopied { from, to } => Report::new("the copy of the state is not as the original")
                .fact("the original, unchanged", from)
                .fact("the copy", to)
                .hint("keep using the original: take the `state` block back, and report this as a defect"),
            Self::StateKeepsChanging { place } => Report::new("the state was changed whenever it was to be copied")
                .fact("it is in", place)
                .hint("wait for whoever writes to it, then run `pgferry init` again; nothing was changed"),
            Self::EphemeralState => Report::new("this runner is thrown away, and the state with it")
                .because("CI is set, and the state is kept in a local directory")
                .hint("keep the state where other runners find it: `state \"azure_blob\"` or `state \"postgres\"` in the `pgferry` block")
                .hint("or run it where `.pgferry` stays, or give --ephemeral-state if losing the memory of what is ours is fine"),
            Self::UnknownMigration { unit, known } => on_unknown_migration(unit, known),
            Self::PlanFile { path, source } => Report::new(format!("cannot use the plan {}", path.display()))
                .because(source.to_string())
                .hint("make it again with `pgferry plan --out FILE`"),
            Self::PlanOfSnapshot { path, instead } => {
                Report::new(format!("the plan {} was made from a snapshot, to be read", path.display()))
                    .because("nobody looked at Azure for it, so nobody knows whether it still holds; nothing was changed")
                    .hint(format!("`pgferry {instead}` looks at Azure before it does anything"))
            }
            Self::SnapshotFile { path, source } => Report::new(format!("cannot use the snapshot {}", path.display()))
                .because(source.to_string())
                .hint("make it again with `pgferry snapshot --out FILE`"),
            Self::ForeignSnapshot { path, of, here } => {
                Report::new(format!("the snapshot {} was taken of something else", path.display()))
                    .fact("taken of", of)
                    .fact("here is", here)
                    .hint("make one here with `pgferry snapshot --out FILE`")
            }
            Self::ForeignPlan { made_for, here } => Report::new("this plan was made for something else")
                .fact("made for", made_for)
                .fact("here is", here)
                .hint("carry it out where it was made, or make one here"),
            Self::PlanUsed { by, at } => Report::new("this plan was carried out already")
                .because(format!("by {by}, begun {}", instant(*at)))
                .hint("a plan is for one run; `pgferry plan --out FILE` makes the next one"),
            Self::PlanBegun { by, at } => {
                Report::new("this plan is being carried out already: nothing more was changed")
                    .because(format!("by {by}, begun {}, and left or still at it", instant(*at)))
                    .hint("`pgferry wait` goes on with it as it was approved; `pgferry status` shows how far it is")
                    .hint("a plan is for one run: `pgferry plan --out FILE` makes one of what is left")
            }
            Self::PlanMoved(moved) => on_moved_plan(moved),
            Self::NotApproved {
                approved,
                found,
                differing,
                drifted,
            } => on_other_plan(approved, found, differing.as_deref(), drifted),
            Self::OtherThanWas { approved, was } => {
                Report::new("the plan that `--was` names is not the one that was approved: nothing was changed")
                    .fact("approved", approved.to_string())
                    .fact("the file's", was.to_string())
                    .hint("name the file that was kept when this fingerprint was printed, or leave `--was` out")
            }
            Self::NothingThere { what, address, known } => on_nothing_there(what, address, known),
            Self::NotStarted { unit, behind } => {
                let report = Report::new(format!("{unit} is not started yet"));
                match behind {
                    Some(behind) => report.because(format!("it waits for {behind}")),
                    None => report,
                }
                .hint("`pgferry apply` starts it when its turn has come")
            }
            Self::NotReady { unit, doing } => Report::new(format!("{unit} is not ready for its cutover: {doing}"))
                .hint("`pgferry status` shows how far it is")
                .hint("`pgferry wait --until ready` stays until it can be cut over"),
            Self::OutsideWindow { unit, opens } => {
                let report = Report::new(format!("the window of the cutover of {unit} is closed"));
                let report = match opens {
                    Some(opens) => report.fact("opens", opens),
                    None => report.because("it does not open any more"),
                };
                report
                    .hint("nothing was triggered; `--outside-window` cuts it over all the same, and the history tells so")
            }
            Self::OpenDestroy => Report::new("a destroy was left open, and waiting does not go on with it")
                .hint("`pgferry destroy` takes down the rest; `pgferry apply` makes everything as declared again")
                .hint("`pgferry wait --watch` only looks"),
            Self::Over { unit, how } => Report::new(format!("{unit} {how}: there is nothing to cut over")).hint(format!(
                "once its cause is gone, `pgferry apply --retry {}` starts another attempt",
                typed(&unit.resource)
            )),
            Self::NoTenant(subscription) => {
                Report::new(format!("Azure does not say to which tenant the subscription {subscription} belongs"))
                    .hint("write `tenant_id` into the `azure` block")
            }
            Self::UnknownName { what, name, near, list } => {
                let report = Report::new(format!("there is no {what} `{name}`"));
                let report = match near {
                    Some(near) => report.hint(format!("did you mean `{near}`?")),
                    None => report,
                };
                report.hint(format!("`{list}` lists them all"))
            }
            Self::UnknownOutput { name, hint } => Report::new(format!("there is no output `{name}`")).hint(hint),
            Self::Unwritable { name, cause } => Report::new(format!("`{name}` could not be written"))
                .because(cause.to_string())
                .hint("it is as it was"),
            Self::NotWritten { name, cause } => Report::new(format!("`{name}` could not be written"))
                .because(cause.to_string())
                .hint("nothing was changed in Azure; give a file in a directory that is there and may be written to"),
            Self::Output(source) => Report::new("the output could not be written").because(source.to_string()),
            Self::System { doing, source } => Report::new(*doing).because(source.to_string()),
        }
    }
}

/// The report of another process as sentences: its lines joined where it had broken them, without its labels and hints.
fn told_by_child(said: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    let mut is_hint = false;
    for line in said.lines().filter(|line| !line.trim().is_empty()) {
        let text = line.trim();
        let labelled = ["error: ", "because: "]
            .iter()
            .find_map(|label| text.strip_prefix(label));
        is_hint = text.starts_with("hint: ") || is_hint && labelled.is_none();
        match (labelled, sentences.last_mut()) {
            _ if is_hint => {}
            (Some(text), _) => sentences.push(text.to_owned()),
            (None, Some(sentence)) if line.starts_with("    ") => {
                sentence.push(' ');
                sentence.push_str(text);
            }
            (None, _) => sentences.push(text.to_owned()),
        }
    }
    sentences
}

fn on_dial(error: &DialError) -> Report {
    let report = Report::of(error);
    match error {
        DialError::Nameless { .. } => report.hint("give a `connect { host = \"…\" }` in its block"),
        DialError::Simulated { .. } => report
            .hint("with a simulated cloud, only what a `connect { host = \"…\" }` in the block names is dialled, such as a server for tests")
            .hint("or give the `azure` block the real cloud: take `cloud` and `world` out of it"),
        DialError::NoService { looked, .. } => looked
            .iter()
            .fold(report, |report, path| {
                report.fact("looked in", path.display().to_string())
            })
            .hint("PGSERVICEFILE names the file; by default it is `~/.pg_service.conf`"),
        DialError::File { .. } | DialError::ServiceLine { .. } | DialError::Word { .. } | DialError::Value { .. } => {
            report
        }
    }
}

fn on_sources(error: &ReadError) -> Report {
    let report = Report::of(error);
    match error {
        ReadError::Empty(_) | ReadError::NoDirectory(_) | ReadError::NotADirectory(_) => {
            report.hint("give the directory of the configuration with -C DIR")
        }
        ReadError::ForTerraform { .. } => report
            .hint("resources are other ones here: write them anew in `*.hcl` files; `pgferry kinds` lists them")
            .hint("give the directory of the configuration with -C DIR"),
        ReadError::NotText { .. } => report.hint("save the file as UTF-8"),
        ReadError::NotRegular(_) | ReadError::TooLarge { .. } | ReadError::NoFile(_) | ReadError::Refused { .. } => {
            report
        }
    }
}

fn on_not_approvable(error: &NotApprovable) -> Report {
    let report = match error {
        NotApprovable::Findings(_) => {
            Report::of(error).hint("each is shown above with its way out; nothing was changed")
        }
        NotApprovable::Losses(losses) => {
            let what: Vec<String> = losses.iter().map(|loss| format!("`{}`", loss.what)).collect();
            Report::new(format!(
                "{} would be lost, and the configuration does not consent",
                listed(&what)
            ))
            .hint(format!(
                "to accept it, the batch says `{}`; nothing was changed",
                to_accept(losses.iter())
            ))
        }
    };
    Report {
        exit: Exit::CheckFailed,
        ..report
    }
}

/// What a plan was made from has moved: each unit with what did.
fn on_moved_plan(moved: &[Departure]) -> Report {
    with_departures(
        Report::new("this plan is no longer what it was: nothing was changed"),
        "moved",
        moved,
    )
    .hint("make a new plan with `pgferry plan --out FILE`, and have that one reviewed")
}

/// Each unit with what became of it.
fn with_departures(mut report: Report, title: &'static str, departures: &[Departure]) -> Report {
    for departure in departures {
        let what = match &departure.unit {
            Some(unit) => unit.to_string(),
            None => "losses or names".to_owned(),
        };
        let why = match &departure.cause {
            Cause::Record => "its record in the state was written since",
            Cause::Azure => "it was changed in Azure since",
            Cause::Gone => "it is gone from Azure",
            Cause::Because(what) => what,
            Cause::Configuration => "the configuration or a variable says something else",
            Cause::LeftOut => "the flags leave it out",
            Cause::Idle => "nothing is left to do for it: it is as declared by now, or no longer declared",
            Cause::New => "there was nothing to do for it",
            Cause::Shown if departure.unit.is_none() => "something would be lost that the file does not tell",
            Cause::Shown => "the file shows something else than what would be done",
        };
        let needed = match &departure.needed_by {
            Some(unit) => format!(", and {unit} needs it"),
            None => String::new(),
        };
        report = report.fact(title, format!("{what}: {why}{needed}"));
    }
    report
}

/// What would be done is not what was approved.
fn on_other_plan(
    approved: &Fingerprint,
    found: &Fingerprint,
    differing: Option<&[Departure]>,
    drifted: &[UnitAddress],
) -> Report {
    let mut report = Report::new("this is not the plan that was approved: nothing was changed")
        .fact("approved", approved.to_string())
        .fact("found", found.to_string());
    let Some(differing) = differing else {
        report = report
            .because("the configuration, a variable, the state or Azure says something else than when it was approved");
        if !drifted.is_empty() {
            let units: Vec<String> = drifted.iter().map(ToString::to_string).collect();
            report = report.because(format!(
                "changed in Azure since the last apply, before or after the approval: {}",
                listed(&units)
            ));
        }
        return report
            .hint("`pgferry plan` shows what would be done now, with its fingerprint")
            .hint("a fingerprint alone does not tell what differs: `--was FILE`, with the plan that `plan --out FILE` kept, does");
    };
    with_departures(report, "differs", differing)
        .hint("`pgferry plan` shows what would be done now, with its fingerprint: have that one reviewed")
}

fn on_nothing_there(what: &str, address: &str, known: &[String]) -> Report {
    let report = Report::new(format!("there is no {what} `{address}`"));
    match (nearest(address, known.iter().map(String::as_str)), known) {
        (Some(name), _) => report.hint(format!("did you mean {}?", typed(name))),
        (None, []) => report.hint("there is none at all"),
        (None, known) => {
            let named: Vec<String> = known.iter().take(NAMED).map(typed).collect();
            let more = match known.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            report.hint(format!("there is {}{more}", named.join(", ")))
        }
    }
}

/// Another number of the same batch is never offered: what is done to a migration by mistake cannot be undone.
fn on_unknown_migration(unit: &UnitAddress, known: &[UnitAddress]) -> Report {
    let report = Report::new(format!("no migration `{unit}` was started here"));
    let (siblings, others): (Vec<&UnitAddress>, Vec<&UnitAddress>) =
        known.iter().partition(|known| known.resource == unit.resource);
    let names: Vec<String> = others.iter().map(|other| other.to_string()).collect();
    let wanted = unit.to_string();
    let report = match (&unit.part, siblings.as_slice()) {
        (None, [_, ..]) => report.hint(format!(
            "name one migration by its number, as in {}",
            typed(unit.resource.part("N"))
        )),
        (_, [_, ..]) => report,
        (_, []) => match nearest(&wanted, names.iter().map(String::as_str)) {
            Some(name) => report.hint(format!("did you mean {}?", typed(name))),
            None => report,
        },
    };
    report.hint("`pgferry status` lists the migrations")
}

fn on_prior(error: &PriorError) -> Report {
    let report = Report::of(error);
    match error {
        PriorError::Newer { .. } => report.hint(advice::NEWER_PROGRAM),
        PriorError::Key { .. } | PriorError::Document { .. } => {
            report.hint("nothing was changed; restore `.pgferry/state` from a copy, or ask for help with this message")
        }
    }
}

/// So many names are given where none is near.
const NAMED: usize = 5;

impl From<ArmError> for CommandError {
    fn from(error: ArmError) -> Self {
        Self::Arm(Box::new(error))
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

impl From<ApplyError> for CommandError {
    fn from(error: ApplyError) -> Self {
        Self::Apply(Box::new(error))
    }
}

impl From<PriorError> for CommandError {
    fn from(error: PriorError) -> Self {
        Self::Prior(error)
    }
}

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl From<CloudError> for CommandError {
    fn from(error: CloudError) -> Self {
        Self::Cloud(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn plain(report: &Report) -> String {
        anstream::adapter::strip_str(&report.render(&Calling::of(Path::new("."), &[]), 80)).to_string()
    }

    #[test]
    fn no_other_migration_of_a_batch_is_offered() {
        let known: Vec<UnitAddress> = ["database_batch.wave1#1", "database_batch.wave2#1"]
            .map(|unit| unit.parse().unwrap())
            .into();
        let said = |unit: &str| {
            let unit = unit.parse().unwrap();
            let known = known.clone();
            plain(&CommandError::UnknownMigration { unit, known }.report())
        };
        insta::assert_snapshot!(said("database_batch.wave1#2"), @"
        error: no migration `database_batch.wave1#2` was started here
        hint: `pgferry status` lists the migrations
        ");
        insta::assert_snapshot!(said("database_batch.wave1"), @"
        error: no migration `database_batch.wave1` was started here
        hint: name one migration by its number, as in 'database_batch.wave1#N'
        hint: `pgferry status` lists the migrations
        ");
        insta::assert_snapshot!(said("database_batch.wave3#1"), @"
        error: no migration `database_batch.wave3#1` was started here
        hint: did you mean 'database_batch.wave1#1'?
        hint: `pgferry status` lists the migrations
        ");
    }

    #[test]
    fn what_the_simulator_said_is_told_in_sentences() {
        let said = "error: cannot use the world\n  because: unknown field `nope`, expected\n           one of `clock`\n\nhint: the world\n      is a file\n";
        assert_eq!(
            told_by_child(said),
            ["cannot use the world", "unknown field `nope`, expected one of `clock`"]
        );
    }

    #[test]
    fn advice_is_given_once_and_escapes_do_not_reach_the_terminal() {
        let report = Report::new("it broke\u{1b}[31m")
            .because("a long story that goes on and on until it no longer fits into one line of eighty columns")
            .hint("mend it")
            .hint("mend it");
        insta::assert_snapshot!(plain(&report), @"
        error: it broke�[31m
          because: a long story that goes on and on until it no longer fits into one
                   line of eighty columns
        hint: mend it
        ");
    }
}
