//! Plans about a part of a configuration, plans that were kept, and fingerprints.

use std::collections::BTreeMap;

use serde_json::json;

use super::{BATCH, PEERING, World, forward, id, lines};
use crate::address::Address;
use crate::plan::saved::{Cause, Departure, Saved, SavedError, cut_to, departures};
use crate::plan::step::Remember;
use crate::plan::{Action, Aim, Change, Mode, Plan};
use crate::prior::Origin;
use uuid::Uuid;

const ZONE: &str =
    "dns_zone \"z\" { name = \"one.example\" }\ndns_link \"l\" {\n  zone = dns_zone.z\n  networks = [network.a]\n}\n";

fn aim(targets: &[&str], excludes: &[&str]) -> Aim {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Aim {
        targets: parse(targets),
        excludes: parse(excludes),
        ..Aim::default()
    }
}

fn units(world: &World, text: &str) -> (Vec<String>, Vec<String>) {
    let plan = world.plan(text);
    let shown = plan.changes.iter().map(|change| change.unit.to_string());
    let left = plan.left_out.iter().map(ToString::to_string);
    (shown.collect(), left.collect())
}

#[test]
fn a_target_brings_what_it_needs_and_names_what_is_left_out() {
    let text = format!("{PEERING}{ZONE}");
    let world = World {
        aim: aim(&["dns_link.l"], &[]),
        ..World::new()
    };
    let (shown, left) = units(&world, &text);
    assert_eq!(shown, ["dns_link.l#a", "dns_zone.z"]);
    assert_eq!(left, ["vnet_peering.p#forward", "vnet_peering.p#reverse"]);
}

#[test]
fn what_is_excluded_takes_along_what_needs_it() {
    let text = format!("{PEERING}{ZONE}");
    let world = World {
        aim: aim(&[], &["dns_zone.z"]),
        ..World::new()
    };
    let (shown, left) = units(&world, &text);
    assert_eq!(shown, ["vnet_peering.p#forward", "vnet_peering.p#reverse"]);
    assert_eq!(left, ["dns_link.l#a", "dns_zone.z"]);
}

#[test]
fn what_leaves_is_chosen_with_what_needs_it() {
    let text = format!("{PEERING}{ZONE}");
    let mut world = World::after(&text);
    world.aim = aim(&["dns_zone.z"], &[]);
    let (shown, left) = units(&world, PEERING);
    assert_eq!(
        shown,
        ["dns_link.l#a", "dns_zone.z"],
        "a zone cannot leave before its link"
    );
    assert!(left.is_empty());
}

/// Without anything declared, a plan about one thing leaves alone what only once needed it, or what it needed.
#[test]
fn what_is_destroyed_takes_along_what_needs_it_and_nothing_else() {
    let text = format!("{PEERING}{ZONE}");
    let of = |mode, targets: &[&str], excludes: &[&str]| {
        let mut world = World::after(&text);
        world.aim = Aim {
            mode,
            ..aim(targets, excludes)
        };
        units(&world, &text)
    };
    let (shown, left) = of(Mode::Destroy, &["dns_link.l"], &[]);
    assert_eq!(shown, ["dns_link.l#a"]);
    assert_eq!(left, ["dns_zone.z", "vnet_peering.p#forward", "vnet_peering.p#reverse"]);
    let (shown, left) = of(Mode::Destroy, &["dns_zone.z"], &[]);
    assert_eq!(shown, ["dns_link.l#a", "dns_zone.z"]);
    assert_eq!(left, ["vnet_peering.p#forward", "vnet_peering.p#reverse"]);
    let (shown, left) = of(Mode::Destroy, &[], &["dns_link.l"]);
    assert_eq!(shown, ["vnet_peering.p#forward", "vnet_peering.p#reverse"]);
    assert_eq!(
        left,
        ["dns_link.l#a", "dns_zone.z"],
        "a zone cannot leave before its link"
    );
    let (shown, _) = of(Mode::Destroy, &[], &["dns_zone.z"]);
    assert_eq!(
        shown,
        ["dns_link.l#a", "vnet_peering.p#forward", "vnet_peering.p#reverse"]
    );
}

#[test]
fn what_leaves_is_not_chosen_by_what_stays() {
    let two = ZONE.replace("[network.a]", "[network.a, network.b]");
    let mut world = World::after(&format!("{PEERING}{two}"));
    world.aim = aim(&["dns_zone.z"], &[]);
    let (shown, left) = units(&world, &format!("{PEERING}{ZONE}"));
    assert!(shown.is_empty(), "{shown:?}");
    assert_eq!(left, ["dns_link.l#b"]);
}

#[test]
fn what_is_ours_is_made_anew_when_asked_for() {
    let mut world = World::after(PEERING);
    world.aim.replace.insert("vnet_peering.p".parse().unwrap());
    let plan = world.plan(PEERING);
    assert_eq!(
        lines(&plan),
        [
            "Replace vnet_peering.p#forward Because(\"`--replace` asks for it\") []",
            "Replace vnet_peering.p#reverse Because(\"`--replace` asks for it\") []"
        ]
    );
}

#[test]
fn a_fingerprint_is_of_what_is_done_and_of_nothing_else() {
    let world = World::new();
    let of = |text: &str| world.plan(text).fingerprint();
    let text = format!("{PEERING}{ZONE}");
    let turned = format!("{ZONE}{PEERING}");
    assert_eq!(of(&text), of(&turned), "order of blocks");
    assert_ne!(of(&text), of(PEERING), "less is something else");
    let flagged = text.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    assert_ne!(of(&text), of(&flagged));
    let mut written = World::new();
    written.aim = aim(&["vnet_peering.p"], &[]);
    assert_eq!(
        written.plan(&text).fingerprint(),
        of(PEERING),
        "what is left out does not count"
    );
    // A record that was written again, and members that nobody declares, change nothing of what is done.
    let changed = PEERING.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    let mut other = World::after(PEERING);
    let before = other.plan(&changed).fingerprint();
    let unit = "vnet_peering.p#forward".parse().unwrap();
    let mut remembered = other.prior.get(&unit).unwrap().clone();
    remembered.revision = 7;
    other.prior.insert(unit, remembered);
    other.object(&forward())["properties"]["peeringState"] = json!("Connected");
    assert_eq!(other.plan(&changed).fingerprint(), before);
}

/// What is only remembered is approved, too: of which object, as whose, and what it is remembered as.
#[test]
fn a_fingerprint_is_of_what_is_remembered() {
    let mut world = World::new();
    for name in ["one.example.org", "other.example.org"] {
        let zone = id(&format!("Microsoft.Network/privateDnsZones/{name}"));
        world
            .objects
            .insert(zone, json!({ "location": "global", "properties": {} }));
    }
    let zone = |name: &str| format!("dns_zone \"z\" {{\n  name = \"{name}\"\n}}\n");
    let (one, other) = (
        world.plan(&zone("one.example.org")),
        world.plan(&zone("other.example.org")),
    );
    assert_eq!(
        [&one, &other].map(|plan| plan.changes[0].action.clone()),
        [Action::Adopt, Action::Adopt]
    );
    assert_ne!(one.fingerprint(), other.fingerprint());
    assert_eq!(parted(&one, &other), ["dns_zone.z Configuration"]);
    let mut imported = one.clone();
    for step in &mut imported.steps {
        if let Remember::Record(record) = &mut step.then {
            record.origin = Origin::Imported;
        }
    }
    assert_ne!(
        imported.fingerprint(),
        one.fingerprint(),
        "what is imported may be deleted later"
    );

    let mut world = World::after(PEERING);
    world.aim = Aim::of(Mode::Refresh);
    let mut remembered_as = |value: bool| {
        world.object(&forward())["properties"]["useRemoteGateways"] = json!(value);
        world.object(&forward())["properties"]["allowForwardedTraffic"] = json!(!value);
        world.plan(PEERING)
    };
    let (then, now) = (remembered_as(true), remembered_as(false));
    assert_eq!(then.changes[0].action, Action::Remember);
    assert_ne!(then.fingerprint(), now.fingerprint());
    assert_eq!(parted(&then, &now), ["vnet_peering.p#forward Azure"]);
}

/// Whoever approves an update or a deletion approves that of what was seen.
#[test]
fn a_fingerprint_is_of_what_is_written_over() {
    let changed = PEERING.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    let of = |change: &dyn Fn(&mut World), text: &str| {
        let mut world = World::after(PEERING);
        change(&mut world);
        world.plan(text).fingerprint()
    };
    let same = |_: &mut World| ();
    let elsewhere = |world: &mut World| world.object(&forward())["properties"]["allowForwardedTraffic"] = json!(true);
    let absent = |world: &mut World| drop(world.objects.remove(&forward()));
    let told = |world: &mut World| {
        let properties = &mut world.object(&forward())["properties"];
        properties["peeringState"] = json!("Connected");
        properties["remoteAddressSpace"] = json!({});
    };
    assert_ne!(of(&same, &changed), of(&elsewhere, &changed), "somebody changed it");
    assert_ne!(
        of(&same, &changed),
        of(&absent, &changed),
        "it is created, and not changed"
    );
    assert_eq!(
        of(&same, &changed),
        of(&told, &changed),
        "what nobody declares does not count"
    );
    assert_ne!(of(&same, ""), of(&elsewhere, ""), "it is another one that goes");
    assert_eq!(of(&same, ""), of(&told, ""));
}

/// A file that somebody wrote in shows less than what would be done.
#[test]
fn what_a_file_does_not_show_is_not_done() {
    let mut world = World::new();
    world.databases.insert(
        id("Microsoft.DBforPostgreSQL/flexibleServers/pg-t"),
        ["x".to_owned()].into(),
    );
    let text = format!(
        "{PEERING}{BATCH}database_batch \"v\" {{\n  source = source.s\n  target = target.t\n  databases = [\"y\"]\n  \
         accept_loss = {{ y = \"overwrite\" }}\n}}\n"
    )
    .replace(
        "databases = [\"x\"]",
        "databases = [\"x\"]\n  accept_loss = { x = \"overwrite\" }",
    );
    let now = world.plan(&text);
    let told: Vec<(&str, bool)> = now
        .losses
        .iter()
        .map(|loss| (loss.what.as_str(), loss.is_only_possible()))
        .collect();
    assert_eq!(told, [("y", true), ("x", false)]);
    assert_eq!(parted(&now, &now), [""; 0]);
    let mut then = now.clone();
    then.losses.retain(|loss| loss.what != "x");
    assert_eq!(parted(&then, &now), [" Shown"]);
    let is_of_v = |address: &Address| address.to_string() == "database_batch.v";
    then.steps.retain(|step| is_of_v(&step.unit.resource));
    then.changes.retain(|change| is_of_v(&change.unit.resource));
    assert_eq!(
        cut_to(&then, now.clone()).losses,
        then.losses,
        "what others lose is another plan's"
    );
    for forged in [
        |change: &mut Change| change.action = Action::Adopt,
        |change: &mut Change| change.id = None,
        |change: &mut Change| change.fields.clear(),
    ] {
        let mut then = now.clone();
        then.changes
            .iter_mut()
            .filter(|change| is_of_v(&change.unit.resource))
            .for_each(forged);
        assert_eq!(parted(&then, &now), ["database_batch.v#1 Shown"]);
    }
}

fn saved(world: &World, text: &str) -> Saved {
    Saved::new(
        world.plan(text),
        Aim::default(),
        BTreeMap::new(),
        Uuid::nil(),
        jiff::Timestamp::UNIX_EPOCH,
    )
}

#[test]
fn a_plan_survives_its_file_and_a_changed_file_is_refused() {
    let kept = saved(&World::new(), &format!("{PEERING}{BATCH}"));
    let text = kept.to_text();
    assert_eq!(Saved::read(text.as_bytes()).unwrap(), kept);
    let changed = text
        .replace("\"vnet-a-to-vnet-b\"", "\"vnet-a-to-vnet-c\"")
        .replace("pg-t/", "pg-u/");
    assert_ne!(changed, text);
    assert!(matches!(Saved::read(changed.as_bytes()), Err(SavedError::Changed)));
    let newer = text.replacen("\"format\":3", "\"format\":4", 1);
    assert!(matches!(
        Saved::read(newer.as_bytes()),
        Err(SavedError::Newer { found: 4 })
    ));
    let older = text.replacen("\"format\":3", "\"format\":1", 1);
    assert!(matches!(
        Saved::read(older.as_bytes()),
        Err(SavedError::Older { found: 1 })
    ));
    // What is only shown is of the plan as well.
    for (before, after) in [
        ("\"forces_replacement\":false", "\"forces_replacement\":true"),
        ("\"before\":null", "\"before\":7"),
        ("\"reason\":\"absent\"", "\"reason\":\"drifted\""),
        ("\"action\":\"create\"", "\"action\":\"adopt\""),
    ] {
        let changed = text.replacen(before, after, 1);
        assert_ne!(changed, text, "{before}");
        assert!(
            matches!(Saved::read(changed.as_bytes()), Err(SavedError::Changed)),
            "{after}"
        );
    }
    for other in [
        "",
        "{}",
        "[1]",
        "{\"kind\": \"pgferry-plan\", \"format\": 3}",
        "\u{feff}{}",
    ] {
        assert!(
            matches!(Saved::read(other.as_bytes()), Err(SavedError::NotAPlan(_))),
            "{other}"
        );
    }
}

#[test]
fn what_moved_since_is_named_with_its_cause() {
    let changed = PEERING.replace(
        "to = network.b\n",
        "to = network.b\n  forward { use_remote_gateways = true }\n",
    );
    let world = World::after(PEERING);
    let then = world.plan(&changed);
    let unit = Some("vnet_peering.p#forward".parse().unwrap());
    let cause = |world: &World, text: &str| departures(&then, &world.plan(text));
    let because = |cause| {
        vec![Departure {
            unit: unit.clone(),
            cause,
            needed_by: None,
        }]
    };
    assert_eq!(cause(&world, &changed), [], "nothing moved");
    assert_eq!(
        cause(&world, &format!("{changed}{ZONE}")),
        [],
        "what else there is to do is another plan's"
    );
    let other = changed.replace("use_remote_gateways", "allow_gateway_transit");
    assert_eq!(cause(&world, &other), because(Cause::Configuration));
    let mut azure = World::after(PEERING);
    azure.object(&forward())["properties"]["useRemoteGateways"] = json!(true);
    assert_eq!(cause(&azure, &changed), because(Cause::Azure));
    let mut gone = World::after(PEERING);
    gone.objects.remove(&forward());
    assert_eq!(cause(&gone, &changed), because(Cause::Azure));
}

/// The units that a plan parts in, each with what it has become and what needs it.
fn parted(then: &Plan, now: &Plan) -> Vec<String> {
    let told = departures(then, now).into_iter().map(|departure| {
        let unit = departure.unit.map(|unit| unit.to_string()).unwrap_or_default();
        let needed_by = departure
            .needed_by
            .map(|unit| format!(" for {unit}"))
            .unwrap_or_default();
        format!("{unit} {:?}{needed_by}", departure.cause)
    });
    told.collect()
}

#[test]
fn a_way_that_vanished_since_is_told_with_the_migration_that_would_start_over_it() {
    let text = format!("{PEERING}{BATCH}");
    let whole = World::after(PEERING);
    let then = whole.plan(&text);
    assert_eq!(
        lines(&then),
        [
            "Create database_batch.w#1 Absent [name databases mode option source source_type ssl_mode target target_username]"
        ]
    );
    assert_eq!(parted(&then, &whole.plan(&text)), [""; 0]);

    let mut gone = World::after(PEERING);
    gone.objects.remove(&forward());
    assert_eq!(
        parted(&then, &gone.plan(&text)),
        ["vnet_peering.p#forward Gone for database_batch.w#1"]
    );
    let mut cut = World::after(PEERING);
    cut.object(&forward())["properties"]["peeringState"] = json!("Disconnected");
    let told = parted(&then, &cut.plan(&text));
    assert!(told[0].starts_with("vnet_peering.p#forward Because("), "{told:?}");
    let mut drifted = World::after(PEERING);
    drifted.object(&forward())["properties"]["allowForwardedTraffic"] = json!(true);
    assert_eq!(
        parted(&then, &drifted.plan(&text)),
        ["vnet_peering.p#forward Azure for database_batch.w#1"]
    );
    // The link is to the network that the batch comes from, so it is on its way.
    assert_eq!(
        parted(&then, &whole.plan(&format!("{text}{ZONE}"))),
        [
            "dns_link.l#a Configuration for database_batch.w#1",
            "dns_zone.z Configuration for database_batch.w#1"
        ]
    );
    let beside = "dns_zone \"y\" { name = \"two.example\" }\n";
    assert_eq!(
        parted(&then, &whole.plan(&format!("{text}{beside}"))),
        [""; 0],
        "what the migration does not hang on is another plan's"
    );
}

#[test]
fn what_a_plan_only_remembered_is_not_changed_in_its_name() {
    let whole = World::after(PEERING);
    let mut stale = World::after(PEERING);
    let unit = "vnet_peering.p#forward".parse().unwrap();
    let mut remembered = stale.prior.get(&unit).unwrap().clone();
    remembered.record.touches.clear();
    stale.prior.insert(unit, remembered);
    let then = stale.plan(PEERING);
    assert_eq!((then.steps.len(), then.changes.len()), (1, 0));
    assert_eq!(parted(&then, &stale.plan(PEERING)), [""; 0]);
    assert_eq!(
        parted(&then, &whole.plan(PEERING)),
        [""; 0],
        "somebody else has remembered it"
    );
    stale.objects.remove(&forward());
    assert_eq!(parted(&then, &stale.plan(PEERING)), ["vnet_peering.p#forward Gone"]);
}
