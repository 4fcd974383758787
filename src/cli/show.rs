//! `pgferry show`: what the state remembers, or a plan in a file, for people. It reads nothing else: a plan needs neither its
//! configuration nor a login to be read.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::Args;

use super::Call;
use super::error::CommandError;
use super::exit::Exit;
use super::help;
use super::lookout::covers;
use super::plan_file;
use super::project::Purpose;
use super::renderings::{ForPeople, Renderings};
use super::session;
use super::ui::Verbosity;
use super::view::layout::{count, hang, pad};
use super::view::plan::problem::Places;
use super::view::plan::{Detail, PlanView};
use super::view::time::instant;
use super::view::value::{Ids, Spelling};
use crate::address::UnitAddress;
use crate::cli::color::{DIM, STRONG};
use crate::plan::saved::Saved;
use crate::prior::{Origin, Prior, UnitRecord};

/// Show what the state remembers, or a plan in a file
#[derive(Args)]
#[command(after_help = help::examples(&[
    ("pgferry show", "everything"),
    ("pgferry show vnet_peering.hub_runtime", "one resource"),
    ("pgferry show -v", "with whole ids"),
    ("pgferry show tonight.plan", "a plan of `pgferry plan --out`"),
    ("pgferry show tonight.plan --json", "the same for a policy, as of `pgferry plan --json`"),
]))]
pub(crate) struct ShowArgs {
    /// Only this resource, or this unit of it; or a file with a plan
    #[arg(value_name = "ADDRESS[#PART]|FILE")]
    what: Option<String>,
    #[command(flatten)]
    renderings: Renderings,
}

/// Shows a plan as it was made.
fn show_plan(saved: &Saved, places: &Places, call: &Call<'_>) {
    let columns = call.ui.width();
    let about = format!(
        "A plan made {} by {}, for {} in subscription {}.",
        instant(saved.made),
        saved.program,
        saved.plan.base.cloud,
        saved.plan.base.subscription
    );
    call.ui.show(&format!("{}\n", hang("", "", &about, columns)));
    let view = PlanView {
        plan: &saved.plan,
        calling: &call.calling,
        places,
        reads: None,
        now: Some(saved.made),
        detail: match call.ui.verbosity() {
            Verbosity::Quiet | Verbosity::Normal => Detail::Review,
            Verbosity::Detailed => Detail::Everything,
        },
        columns,
    };
    call.ui.show(&view.render());
    call.ui.show(&format!("Fingerprint: {}\n", saved.fingerprint));
}

pub(crate) async fn run(args: &ShowArgs, call: &Call<'_>) -> Result<Exit, CommandError> {
    let for_people = args.renderings.for_people()?;
    let file = args.what.as_ref().map(|what| call.directory.join(what));
    if let Some(file) = file.filter(|file| file.is_file()) {
        let saved = plan_file::read(&file)?;
        let places = Places::of_file(&saved.places, &call.directory);
        args.renderings.write(&saved.plan, &saved.aim, &places, call)?;
        if for_people == ForPeople::Wanted {
            show_plan(&saved, &places, call);
        }
        return Ok(Exit::Done);
    }
    args.renderings.refuse_without_plan()?;
    let address = args.what.as_ref().map(|what| what.parse::<UnitAddress>());
    let address = address.transpose().map_err(CommandError::Address)?;
    let project = call.project(Purpose::Look)?;
    let store = session::store(&project, call.env).await?;
    let home = project.subscription(call.ui.width())?;
    let Some(snapshot) = session::remembered(&project, &home, store.as_ref()).await? else {
        call.ui.show("Nothing is remembered yet: nothing was applied here.\n");
        return Ok(Exit::Done);
    };
    let prior = session::prior(Some(&snapshot))?;
    if let Some(address) = &address
        && !prior.iter().any(|(unit, _)| covers(address, unit))
    {
        let known: BTreeSet<String> = prior
            .iter()
            .map(|(unit, _)| match address.part {
                Some(_) => unit.to_string(),
                None => unit.resource.to_string(),
            })
            .collect();
        return Err(CommandError::NothingThere {
            what: "remembered resource",
            address: address.to_string(),
            known: known.into_iter().collect(),
        });
    }
    let columns = call.ui.width();
    let heading = format!("State {}, serial {}", snapshot.lineage, snapshot.serial);
    let mut text = hang("", "", &heading, columns);
    if let Some(binding) = &snapshot.binding {
        text.push_str(&hang("of ", "   ", &binding.to_string(), columns));
    }
    text.push('\n');
    let spelling = Spelling {
        home: &home,
        ids: match call.ui.verbosity() {
            Verbosity::Quiet | Verbosity::Normal => Ids::Short,
            Verbosity::Detailed => Ids::Whole,
        },
    };
    let is_meant = |unit: &UnitAddress| address.as_ref().is_none_or(|address| covers(address, unit));
    render(&mut text, &prior, is_meant, &spelling, columns);
    call.ui.show(&text);
    Ok(Exit::Done)
}

/// What is remembered of some units, for people.
pub(crate) fn render(
    text: &mut String,
    prior: &Prior,
    is_meant: impl Fn(&UnitAddress) -> bool,
    spelling: &Spelling<'_>,
    columns: usize,
) {
    let mut shown = 0;
    for (unit, remembered) in prior.iter() {
        if !is_meant(unit) {
            continue;
        }
        shown += 1;
        let record = &remembered.record;
        let _ = writeln!(
            text,
            "{STRONG}{unit}{STRONG:#}  {DIM}{}, revision {}{DIM:#}",
            origin(record.origin),
            remembered.revision
        );
        fields(text, record, spelling, columns);
        text.push('\n');
    }
    let _ = writeln!(text, "{} remembered.", count(shown, "unit"));
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Created => "created",
        Origin::Adopted => "adopted",
        Origin::Imported => "imported",
    }
}

fn fields(text: &mut String, record: &UnitRecord, spelling: &Spelling<'_>, columns: usize) {
    let mut lines: Vec<(String, String)> = Vec::new();
    if let Some(id) = &record.id {
        lines.push(("id".into(), spelling.inline(&id.as_str().into())));
    }
    lines.extend(
        record
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), spelling.inline(value))),
    );
    for attempt in &record.attempts {
        let created = attempt
            .created
            .map_or_else(String::new, |at| format!(", created {}", instant(at)));
        let databases = count(attempt.databases.len(), "database");
        let what = format!(
            "{}, {databases}, generation {}{created}",
            attempt.id.name(),
            attempt.generation
        );
        lines.push(("attempt".into(), what));
    }
    let names = lines
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    for (name, value) in lines {
        text.push_str(&hang(
            &format!("  {} = ", pad(&name, names)),
            &pad("", names + 5),
            &value,
            columns,
        ));
    }
}
