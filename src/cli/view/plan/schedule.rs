//! When the migrations of a plan run, as text, as a Mermaid chart and for programs, with the path that everything hangs on. What
//! an estimate rests on stands beside it; where there is nothing, it says so.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::mermaid::escaped;
use crate::address::UnitAddress;
use crate::arm::migration::{CUTOVER_WAIT, LIFETIME, end_of_life};
use crate::cli::color::{DIM, STRONG};
use crate::cli::view::layout::{count, hang, pad, pad_left, shorten, width};
use crate::cli::view::time::{instant, roughly};
use crate::plan::schedule::{Bar, Lane, Scale, Schedule};
use crate::plan::step::Opens;
use crate::plan::{Experience, Plan};

/// Of every target so many migrations are drawn.
const BARS: usize = 12;

/// So many targets are drawn: those first that the end hangs on.
const LANES: usize = 6;

/// The names of migrations take at most so many columns.
const NAMES: usize = 24;

/// What is said behind a bar takes at most so many columns.
const TAILS: usize = 28;

/// So many units of the longest path are named at each of its ends.
const NAMED: usize = 6;

/// The section of a plan for people; empty where it has no migration.
pub(super) fn text(plan: &Plan, columns: usize) -> String {
    let Some(schedule) = Schedule::of(plan) else {
        return String::new();
    };
    let mut text = format!(
        "{STRONG}Schedule{STRONG:#}, in {}; `#` is what the end hangs on:\n\n",
        match schedule.scale {
            Scale::Seconds => "time",
            Scale::Turns => "turns",
        }
    );
    let bars = || schedule.lanes.iter().flat_map(|lane| &lane.bars);
    let targets = schedule.lanes.iter();
    // Targets stand two columns further to the left.
    let targets = targets.map(|lane| width(lane.target.name()).saturating_sub(2));
    let names = bars().map(|bar| width(bar.migration.name())).chain(targets);
    let names = names.max().unwrap_or_default().min(NAMES);
    let tails = bars().map(|bar| width(&tail(bar))).max().unwrap_or_default().min(TAILS);
    let room = columns.saturating_sub(names + tails + 11).clamp(10, 40);
    let mut lanes: Vec<&Lane<'_>> = schedule.lanes.iter().collect();
    if lanes.len() > LANES {
        lanes.sort_by_key(|lane| !lane.bars.iter().any(|bar| bar.is_critical));
    }
    for lane in lanes.into_iter().take(LANES) {
        drawn(&mut text, lane, &schedule, (names, room));
    }
    if let Some(more) = schedule.lanes.len().checked_sub(LANES).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {}", count(more, "further target"));
    }
    text.push('\n');
    for fact in facts(&schedule) {
        text.push_str(&hang("  ", "    ", &fact, columns));
    }
    text.push('\n');
    text
}

fn drawn(text: &mut String, lane: &Lane<'_>, schedule: &Schedule<'_>, (names, room): (usize, usize)) {
    let end = match schedule.scale {
        Scale::Seconds => roughly(Duration::from_secs(schedule.length)),
        Scale::Turns => count(usize::try_from(schedule.length).unwrap_or(usize::MAX), "turn"),
    };
    let title = pad(&shorten(lane.target.name(), names + 2), names + 3);
    let axis = pad_left(&end, room + 1);
    let _ = writeln!(text, "  {title}{DIM}0{axis}{DIM:#}");
    for bar in lane.bars.iter().take(BARS) {
        let line = format!(
            "    {} |{}| {}",
            pad(&shorten(bar.migration.name(), names), names),
            pad(&stroke(bar, schedule.length, room), room),
            shorten(&tail(bar), TAILS)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if let Some(more) = lane.bars.len().checked_sub(BARS).filter(|more| *more > 0) {
        let _ = writeln!(text, "    and {}", count(more, "further migration"));
    }
}

/// A bar at its place in so many columns.
fn stroke(bar: &Bar<'_>, length: u64, room: usize) -> String {
    let at = |place: u64| {
        let scaled = u128::from(place) * room as u128 / u128::from(length.max(1));
        usize::try_from(scaled).unwrap_or(room).min(room)
    };
    let (from, to) = (at(bar.begins).min(room - 1), at(bar.begins.saturating_add(bar.takes)));
    let sign = if bar.is_critical { "#" } else { "=" };
    format!("{}{}", " ".repeat(from), sign.repeat(to.saturating_sub(from).max(1)))
}

/// What is said behind a bar.
fn tail(bar: &Bar<'_>) -> String {
    let mut parts = Vec::new();
    if bar.databases > 0 {
        parts.push(count(bar.databases, "database"));
    }
    match (bar.started, bar.like) {
        (Some(_), _) => parts.push("running".to_owned()),
        (None, Some(like)) => parts.push(format!("about {}", roughly(like.middle))),
        (None, None) => {}
    }
    parts.join(", ")
}

/// What has to be known beside the bars, each in a sentence.
pub(super) fn facts(schedule: &Schedule<'_>) -> Vec<String> {
    let mut facts = vec![format!("Hangs on: {}.", path(&schedule.critical))];
    facts.push(estimate(schedule));
    if schedule.before > 0 {
        facts.push(format!(
            "Before that: {} of other objects, whose time is unknown.",
            count(schedule.before, "change")
        ));
    }
    let bars = || schedule.lanes.iter().flat_map(|lane| &lane.bars);
    let waiting = bars()
        .filter(|bar| matches!(bar.opens, Some(Opens::ByHand | Opens::ByApproval)))
        .count();
    if waiting > 0 {
        facts.push(format!(
            "{} for a person before the cutover, however long that takes.",
            match waiting {
                1 => "1 migration waits".to_owned(),
                waiting => format!("{waiting} migrations wait"),
            }
        ));
    }
    let online = match bars().any(|bar| bar.opens.is_some()) {
        true => format!(
            ", and {} h after it became ready for its cutover",
            CUTOVER_WAIT.as_secs() / 3600
        ),
        false => String::new(),
    };
    facts.push(format!(
        "Deadlines: Azure gives a migration up {} h after its start{online}.",
        LIFETIME.as_secs() / 3600
    ));
    for bar in bars().take(BARS) {
        let windows = [("starts", bar.starts_from), ("is cut over", bar.cutover_from)];
        for (what, opens) in windows {
            facts.extend(opens.map(|opens| {
                format!(
                    "{} {what} {} at the earliest, when its window opens.",
                    bar.migration.name(),
                    instant(opens)
                )
            }));
        }
    }
    for bar in bars().filter(|bar| bar.started.is_some()).take(BARS) {
        if let Some(started) = bar.started {
            let until = end_of_life(started).map(instant);
            // A plan is read later than it was made, and Azure tells nobody since when a migration is ready.
            let sooner = match bar.opens {
                Some(_) => format!(
                    ", or {} h after it became ready for its cutover, if that is sooner",
                    CUTOVER_WAIT.as_secs() / 3600
                ),
                None => String::new(),
            };
            facts.push(format!(
                "{} runs since {}; it ends by {} at the latest{sooner}.",
                bar.migration.name(),
                instant(started),
                until.unwrap_or_else(|| "an unknown moment".to_owned())
            ));
        }
    }
    facts
}

/// How long it takes, and what that rests on.
fn estimate(schedule: &Schedule<'_>) -> String {
    let bars = || schedule.lanes.iter().flat_map(|lane| &lane.bars);
    let unknown = bars().filter(|bar| bar.started.is_none() && bar.like.is_none()).count();
    let running = bars().filter(|bar| bar.started.is_some()).count();
    let alike: Vec<&Experience> = bars().filter_map(|bar| bar.like).collect();
    let basis = || {
        let shortest = alike.iter().map(|like| like.shortest).min().unwrap_or_default();
        let longest = alike.iter().map(|like| like.longest).max().unwrap_or_default();
        let most = alike.iter().map(|like| like.migrations).max().unwrap_or_default();
        let took = match shortest == longest {
            true => roughly(longest),
            false => format!("{} to {}", roughly(shortest), roughly(longest)),
        };
        let ended = match most {
            1 => format!("1 migration that ended before and took {took}"),
            most => format!("the middle one of {most} migrations that ended before and took {took}"),
        };
        let waits = match bars().any(|bar| bar.opens.is_some()) {
            true => ", waits for a cutover included",
            false => "",
        };
        format!(
            "{ended}, from the same source to the same target in the same mode{waits}; how large databases are is unknown"
        )
    };
    match schedule.scale {
        Scale::Seconds => format!(
            "Estimate: {} from the first start on. It rests on {}.",
            roughly(Duration::from_secs(schedule.length)),
            basis()
        ),
        Scale::Turns if !alike.is_empty() => format!(
            "Estimate: unknown as a whole; of what is known it rests on {}.",
            basis()
        ),
        Scale::Turns if unknown > 0 => {
            "Estimate: unknown. No migration from the same source to the same target in the \
                                        same mode has ended before, and how large databases are is unknown."
                .to_owned()
        }
        Scale::Turns if running > 0 => {
            "Estimate: unknown. Azure does not tell how far a running migration is from its end.".to_owned()
        }
        Scale::Turns => "Estimate: unknown.".to_owned(),
    }
}

/// The units of a path, of a long one those at its ends. Of a resource that was just named only the part is.
fn path(units: &[&UnitAddress]) -> String {
    let hidden = units.len().saturating_sub(2 * NAMED);
    let mut words: Vec<String> = Vec::new();
    let mut before: Option<&UnitAddress> = None;
    for (at, unit) in units.iter().enumerate() {
        if hidden > 0 && (NAMED..NAMED + hidden).contains(&at) {
            if at == NAMED {
                words.push(format!("({hidden} more)"));
            }
            before = None;
            continue;
        }
        let same = before.filter(|before| before.resource == unit.resource);
        words.push(match (same, &unit.part) {
            (Some(_), Some(part)) => format!("#{}", part.as_str()),
            (Some(_) | None, _) => unit.to_string(),
        });
        before = Some(unit);
    }
    words.join(" > ")
}

/// A Mermaid chart. Its days and hours count from the first start on, since nobody knows when that will be; where only turns are
/// known, each takes a day.
pub(super) fn gantt(schedule: &Schedule<'_>) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let (unit, axis) = match (schedule.scale, schedule.length) {
        (Scale::Turns, _) => (DAY, "turn %-j\n  tickInterval 1day"),
        (Scale::Seconds, 0..DAY) => (1, "%H:%M"),
        (Scale::Seconds, _) => (1, "day %-j %H:%M"),
    };
    let mut text = format!("gantt\n  dateFormat YYYY-MM-DD HH:mm:ss\n  axisFormat {axis}\n");
    for lane in &schedule.lanes {
        let _ = writeln!(text, "  section {}", named(lane.target.name()));
        for bar in &lane.bars {
            let critical = if bar.is_critical { "crit, " } else { "" };
            let running = if bar.started.is_some() { "active, " } else { "" };
            let seconds = bar.takes.saturating_mul(unit).max(1);
            let _ = writeln!(
                text,
                "  {} :{critical}{running}{}, {seconds}s",
                named(&label(bar)),
                date(bar.begins.saturating_mul(unit))
            );
        }
    }
    text
}

fn label(bar: &Bar<'_>) -> String {
    match tail(bar).as_str() {
        "" => bar.migration.name().to_owned(),
        tail => format!("{} ({tail})", bar.migration.name()),
    }
}

/// A name in a chart, where a colon ends it.
fn named(name: &str) -> String {
    escaped(&name.replace(':', " "))
}

/// So long after the first start, as a date of a year that begins then.
fn date(seconds: u64) -> String {
    let start = jiff::Timestamp::from_second(946_684_800).unwrap_or_default();
    let at = start.checked_add(Duration::from_secs(seconds)).unwrap_or(start);
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// For programs; null where a plan has no migration.
pub(super) fn document(plan: &Plan) -> Json {
    let Some(schedule) = Schedule::of(plan) else {
        return Json::Null;
    };
    let experience = |like: &Experience| {
        json!({
            "migrations": like.migrations,
            "shortest_seconds": like.shortest.as_secs(),
            "middle_seconds": like.middle.as_secs(),
            "longest_seconds": like.longest.as_secs(),
        })
    };
    let bars = schedule.lanes.iter().flat_map(|lane| {
        lane.bars.iter().map(|bar| {
            json!({
                "unit": bar.unit,
                "migration": bar.migration,
                "target": lane.target,
                "begins": bar.begins,
                "takes": bar.takes,
                "critical": bar.is_critical,
                "started": bar.started,
                "ends_by": bar.started.and_then(end_of_life),
                "like": bar.like.map(experience),
                "starts_from": bar.starts_from,
                "cutover_from": bar.cutover_from,
            })
        })
    });
    json!({
        "scale": match schedule.scale {
            Scale::Seconds => "seconds",
            Scale::Turns => "turns",
        },
        "length": schedule.length,
        "changes_before": schedule.before,
        "critical_path": schedule.critical,
        "migrations": bars.collect::<Vec<_>>(),
        "lifetime_seconds": LIFETIME.as_secs(),
        "cutover_wait_seconds": CUTOVER_WAIT.as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::samples::{first_apply, unit};
    use crate::plan::step::Gate;
    use crate::plan::{Op, Outlook};

    fn shown(plan: &Plan) -> String {
        anstream::adapter::strip_str(&text(plan, 80)).to_string()
    }

    /// The first migration of the sample took half an hour the last time, the second twice that.
    fn experienced() -> Plan {
        let mut plan = first_apply();
        for (number, minutes) in [(1, 30), (2, 60)] {
            let length = Duration::from_secs(minutes * 60);
            let like = Experience {
                migrations: 3,
                shortest: Duration::from_secs(20 * 60),
                middle: length,
                longest: Duration::from_secs(90 * 60),
            };
            let outlook = Outlook {
                like: Some(like),
                ..Outlook::default()
            };
            plan.outlooks
                .insert(unit(&format!("database_batch.wave1#{number}")), outlook);
        }
        plan
    }

    #[test]
    fn without_experience_there_are_turns_and_no_time() {
        insta::assert_snapshot!(shown(&first_apply()), @"
        Schedule, in turns; `#` is what the end hangs on:

          pg-erp-prod 0                                  2 turns
            wave1m1r1 |####################                    |
            wave1m2r1 |                    ####################|

          Hangs on: vnet_peering.hub_runtime#reverse > database_batch.wave1#1 > #2.
          Estimate: unknown. No migration from the same source to the same target in the
            same mode has ended before, and how large databases are is unknown.
          Before that: 2 changes of other objects, whose time is unknown.
          Deadlines: Azure gives a migration up 168 h after its start.
        ");
    }

    #[test]
    fn with_experience_there_is_a_time_and_what_it_rests_on() {
        insta::assert_snapshot!(shown(&experienced()), @"
        Schedule, in time; `#` is what the end hangs on:

          pg-erp-prod 0                               1 h 30 min
            wave1m1r1 |#############                           | about 30 min
            wave1m2r1 |             ###########################| about 1 h 00 min

          Hangs on: vnet_peering.hub_runtime#reverse > database_batch.wave1#1 > #2.
          Estimate: 1 h 30 min from the first start on. It rests on the middle one of 3
            migrations that ended before and took 20 min to 1 h 30 min, from the same
            source to the same target in the same mode; how large databases are is
            unknown.
          Before that: 2 changes of other objects, whose time is unknown.
          Deadlines: Azure gives a migration up 168 h after its start.
        ");
        insta::assert_snapshot!(gantt(&Schedule::of(&experienced()).unwrap()), @"
        gantt
          dateFormat YYYY-MM-DD HH:mm:ss
          axisFormat %H:%M
          section pg-erp-prod
          wave1m1r1 (about 30 min) :crit, 2000-01-01 00:00:00, 1800s
          wave1m2r1 (about 1 h 00 min) :crit, 2000-01-01 00:30:00, 3600s
        ");
    }

    #[test]
    fn what_waits_for_a_person_has_no_time() {
        let mut plan = experienced();
        plan.steps[1].op = Op::Gate(Gate {
            migration: crate::cli::view::samples::migration_id("wave1m1r1"),
            databases: vec!["erp".into()],
            max_lag: Duration::ZERO,
            samples: 3,
            opens: Opens::ByHand,
            window: None,
        });
        let told = shown(&plan);
        for said in [
            "in turns",
            "1 migration waits for a person",
            "72 h after",
            "unknown as a whole",
        ] {
            assert!(told.replace("\n    ", " ").contains(said), "{said}: {told}");
        }
    }

    #[test]
    fn what_runs_has_an_end_that_azure_sets() {
        let mut plan = first_apply();
        let outlook = Outlook {
            started: "2026-11-01T10:00:00Z".parse().ok(),
            ..Outlook::default()
        };
        plan.outlooks.insert(unit("database_batch.wave1#1"), outlook);
        let told = shown(&plan);
        let end = "wave1m1r1 runs since 2026-11-01 10:00 UTC; it ends by 2026-11-08 10:00 UTC";
        assert!(told.replace("\n    ", " ").contains(end), "{told}");
        assert_eq!(document(&plan)["migrations"][0]["ends_by"], "2026-11-08T10:00:00Z");
        assert!(!told.contains("if that is sooner"), "{told}");
        plan.steps[1].op = Op::Gate(Gate {
            migration: crate::cli::view::samples::migration_id("wave1m1r1"),
            databases: vec!["erp".into()],
            max_lag: Duration::ZERO,
            samples: 3,
            opens: Opens::ByHand,
            window: None,
        });
        let told = shown(&plan).replace("\n    ", " ");
        let sooner = "at the latest, or 72 h after it became ready for its cutover, if that is sooner.";
        assert!(told.contains(sooner), "{told}");
    }

    #[test]
    fn a_chart_of_more_than_a_day_counts_days_and_one_of_turns_counts_them() {
        let of = |plan: &Plan| gantt(&Schedule::of(plan).unwrap());
        assert!(of(&first_apply()).contains("turn %-j"), "{}", of(&first_apply()));
        let mut plan = experienced();
        for outlook in plan.outlooks.values_mut() {
            outlook.like.as_mut().unwrap().middle = Duration::from_secs(30 * 3600);
        }
        let chart = of(&plan);
        assert!(chart.contains("axisFormat day %-j %H:%M"), "{chart}");
        assert!(chart.contains("2000-01-02 06:00:00, 108000s"), "{chart}");
    }

    /// Ten thousand migrations of a hundred targets in less than a second, and readable.
    #[test]
    fn many_migrations_are_counted_and_not_all_drawn() {
        let mut plan = first_apply();
        let (start, watch) = (plan.steps[2].clone(), plan.steps[3].clone());
        plan.steps.truncate(0);
        for number in 0..10_000_u32 {
            let target = format!(
                "/subscriptions/s/resourceGroups/g/providers/P/flexibleServers/pg-{}",
                number % 100
            );
            let migration: crate::arm::ArmId = format!("{target}/migrations/m{number}").parse().unwrap();
            let named = |step: &crate::plan::Step, id: u32| {
                let mut step = step.clone();
                step.id = crate::plan::StepId(id);
                step.unit = unit(&format!("database_batch.wave#{number}"));
                match &mut step.op {
                    Op::Start { migration: its, .. } => *its = migration.clone(),
                    Op::Await(watched) => watched.migration = migration.clone(),
                    _ => panic!("a start and a watch"),
                }
                step.after.clear();
                step.behind.clear();
                step
            };
            let mut start = named(&start, 2 * number);
            if let Some(before) = number.checked_sub(100) {
                start.behind.insert(crate::plan::StepId(2 * before + 1));
            }
            let mut watch = named(&watch, 2 * number + 1);
            watch.after.insert(start.id, "it continues it".into());
            plan.steps.extend([start, watch]);
        }
        let schedule = Schedule::of(&plan).unwrap();
        assert_eq!((schedule.lanes.len(), schedule.length), (100, 100));
        let told = shown(&plan);
        for said in [
            "and 88 further migrations",
            "and 94 further targets",
            "m99   |#",
            "(88 more)",
        ] {
            assert!(told.replace("\n    more", " more").contains(said), "{said}: {told}");
        }
        assert!(told.lines().count() < 110, "{told}");
        assert!(told.lines().all(|line| width(line) <= 80), "{told}");
    }
}
