//! Addresses that come to stand for other objects than before.

use serde_json::json;

use super::{PEERING, World, forward, id, lines};
use crate::plan::step::StepTarget;
use crate::plan::{Moved, Op, Plan, Step};
use crate::prior::Origin;

const ZONE: &str = "network \"a\" { name = \"vnet-a\" }\ndns_zone \"z\" { name = \"one.example\" }\n\
                    dns_link \"l\" {\n  zone = dns_zone.z\n  networks = [network.a]\n}\n";

fn other_zone() -> String {
    ZONE.replace("one.example", "two.example")
}

/// What each step does, in the order of their numbers.
fn steps(plan: &Plan) -> Vec<String> {
    let name = |target: &StepTarget| match target {
        StepTarget::Known(id) => id.as_str().rsplit("providers/").next().unwrap_or_default().to_owned(),
        StepTarget::Open(_) => "open".to_owned(),
    };
    let line = |step: &Step| match &step.op {
        Op::Put { target, .. } => format!("put {}", name(target)),
        Op::Delete { target, .. } => format!("delete {}", name(target)),
        Op::Start { .. } | Op::Await(_) | Op::Gate(_) | Op::Cutover { .. } | Op::Note => "other".to_owned(),
    };
    plan.steps.iter().map(line).collect()
}

/// Whether one step comes after another, over however many others.
fn follows(plan: &Plan, late: &str, early: &str) -> bool {
    let all = steps(plan);
    let at = |what: &str| {
        all.iter()
            .position(|line| line == what)
            .unwrap_or_else(|| panic!("{what}: {all:#?}"))
    };
    let (from, to) = (at(late), at(early));
    let mut open = vec![plan.steps[from].id];
    while let Some(id) = open.pop() {
        if id == plan.steps[to].id {
            return true;
        }
        let step = plan.steps.iter().find(|step| step.id == id).unwrap();
        open.extend(step.after.keys().copied().chain(step.behind.iter().copied()));
    }
    false
}

#[test]
fn a_renamed_zone_is_made_anew_after_its_links_have_left_and_before_they_return() {
    let plan = World::after(ZONE).plan(&other_zone());
    assert_eq!(
        lines(&plan),
        [
            "Replace dns_link.l#a Declared [id location network_id registration_enabled]",
            "Replace dns_zone.z Declared [name location]"
        ]
    );
    let zone = |name: &str| format!("Microsoft.Network/privateDnsZones/{name}");
    let link = |name: &str| format!("{}/virtualNetworkLinks/vnet-a-link", zone(name));
    let [old_zone, new_zone] = ["one.example", "two.example"].map(|name| (zone(name), link(name)));
    for (late, early) in [
        (format!("delete {}", old_zone.0), format!("delete {}", old_zone.1)),
        (format!("put {}", new_zone.0), format!("delete {}", old_zone.0)),
        (format!("put {}", new_zone.1), format!("put {}", new_zone.0)),
    ] {
        assert!(follows(&plan, &late, &early), "{late} after {early}");
        assert!(!follows(&plan, &early, &late), "{early} not after {late}");
    }
}

#[test]
fn a_renamed_side_of_a_peering_takes_the_old_one_with_it() {
    let renamed = PEERING.replace("to = network.b\n", "to = network.b\n  forward_name = \"there\"\n");
    let plan = World::after(PEERING).plan(&renamed);
    assert_eq!(lines(&plan).len(), 1, "{:#?}", lines(&plan));
    let path = "Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings";
    assert_eq!(
        steps(&plan),
        [format!("delete {path}/vnet-a-to-vnet-b"), format!("put {path}/there")]
    );
    assert!(follows(
        &plan,
        &format!("put {path}/there"),
        &format!("delete {path}/vnet-a-to-vnet-b")
    ));
}

#[test]
fn what_was_there_before_us_stays_when_its_address_stands_for_something_else() {
    let mut world = World::after(ZONE);
    let zone = "dns_zone.z".parse().unwrap();
    let mut remembered = world.prior.get(&zone).unwrap().clone();
    remembered.record.origin = Origin::Adopted;
    world.prior.insert(zone, remembered);
    let plan = world.plan(&other_zone());
    assert_eq!(
        lines(&plan)[1],
        "Create dns_zone.z Absent [location] one.example stays: it was there before us"
    );
    assert!(!steps(&plan).contains(&"delete Microsoft.Network/privateDnsZones/one.example".to_owned()));
}

#[test]
fn what_is_gone_already_is_not_deleted_again() {
    let mut world = World::after(PEERING);
    world.objects.remove(&forward());
    let renamed = PEERING.replace("to = network.b\n", "to = network.b\n  forward_name = \"there\"\n");
    assert_eq!(steps(&world.plan(&renamed)).len(), 1, "a put alone");
}

#[test]
fn a_peering_whose_ends_are_swapped_stays_as_it_is() {
    let world = World::after(PEERING);
    let swapped = PEERING.replace(
        "from = network.a\n  to = network.b",
        "from = network.b\n  to = network.a",
    );
    let plan = world.plan(&swapped);
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert!(plan.drift.is_empty(), "{:#?}", plan.drift);
    assert_eq!(
        moved(&plan),
        [
            "vnet_peering.p#reverse to vnet_peering.p#forward",
            "vnet_peering.p#forward to vnet_peering.p#reverse"
        ]
    );
    assert_eq!(plan.kept, 2);
}

fn moved(plan: &Plan) -> Vec<String> {
    let line = |moved: &Moved| format!("{} to {}", moved.from, moved.to);
    plan.moves.iter().map(line).collect()
}

/// Three zones by their labels.
fn zones(pairs: &[(&str, &str)]) -> String {
    let zone = |(label, name): &(&str, &str)| format!("dns_zone \"{label}\" {{ name = \"{name}.example\" }}\n");
    pairs.iter().map(zone).collect()
}

#[test]
fn memory_follows_an_object_to_its_new_address_before_anything_is_done() {
    let world = World::after(&zones(&[("a", "one")]));
    let plan = world.plan(&zones(&[("b", "one")]));
    assert_eq!(moved(&plan), ["dns_zone.a to dns_zone.b"]);
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert!(plan.drift.is_empty());
}

#[test]
fn an_address_that_gives_its_object_away_makes_its_new_one_and_nothing_seems_lost() {
    let world = World::after(&zones(&[("a", "one")]));
    let plan = world.plan(&zones(&[("a", "two"), ("b", "one")]));
    assert_eq!(moved(&plan), ["dns_zone.a to dns_zone.b"]);
    assert_eq!(lines(&plan), ["Create dns_zone.a Absent [location]"]);
    assert!(plan.drift.is_empty(), "{:#?}", plan.drift);
}

#[test]
fn what_is_displaced_is_remembered_where_it_leaves_from() {
    let world = World::after(&zones(&[("a", "one"), ("b", "two")]));
    let plan = world.plan(&zones(&[("a", "three"), ("b", "one")]));
    assert_eq!(moved(&plan), ["dns_zone.b to dns_zone.a", "dns_zone.a to dns_zone.b"]);
    assert_eq!(lines(&plan), ["Replace dns_zone.a Declared [name location]"]);
    let zone = |name: &str| format!("Microsoft.Network/privateDnsZones/{name}.example");
    assert_eq!(
        steps(&plan)[..2],
        [format!("delete {}", zone("two")), format!("put {}", zone("three"))]
    );
}

#[test]
fn objects_that_swap_addresses_are_both_remembered() {
    let world = World::after(&zones(&[("a", "one"), ("b", "two")]));
    let plan = world.plan(&zones(&[("a", "two"), ("b", "one")]));
    assert_eq!(moved(&plan), ["dns_zone.b to dns_zone.a", "dns_zone.a to dns_zone.b"]);
    assert_eq!(lines(&plan), Vec::<String>::new());
}

#[test]
fn a_new_object_that_is_beyond_repair_leaves_with_the_old_one() {
    let three = PEERING.replace("vnet_peering", "network \"c\" { name = \"vnet-c\" }\nvnet_peering");
    let mut world = World::after(&three);
    world.objects.insert(
        id("Microsoft.Network/virtualNetworks/vnet-c"),
        json!({ "properties": {} }),
    );
    let other = "Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/vnet-a-to-vnet-c";
    world.objects.insert(
        id(other),
        json!({ "properties": { "peeringState": "Disconnected", "remoteVirtualNetwork": {
            "id": id("Microsoft.Network/virtualNetworks/vnet-c").as_str() } } }),
    );
    let plan = world.plan(&three.replace("to = network.b", "to = network.c"));
    let forward: Vec<String> = steps(&plan)
        .into_iter()
        .filter(|step| step.contains("vnet-a/"))
        .collect();
    let old = "Microsoft.Network/virtualNetworks/vnet-a/virtualNetworkPeerings/vnet-a-to-vnet-b";
    assert_eq!(
        forward,
        [
            format!("delete {old}"),
            format!("delete {other}"),
            format!("put {other}")
        ]
    );
    let Op::Delete { finds, .. } = &plan.steps[1].op else {
        panic!()
    };
    let found = serde_json::to_string(finds).unwrap();
    assert!(
        found.contains("peeringState"),
        "a side that was mended meanwhile is not deleted: {found}"
    );
}

#[test]
fn what_holds_something_that_stays_is_not_deleted() {
    let mut world = World::after(ZONE);
    let link = "dns_link.l#a".parse().unwrap();
    let mut remembered = world.prior.get(&link).unwrap().clone();
    remembered.record.origin = Origin::Adopted;
    world.prior.insert(link, remembered);
    let refused = world.propose(&other_zone()).unwrap_err();
    let said = format!("{refused:?}");
    assert!(said.contains("vnet-a-link") && said.contains("stays"), "{said}");
}

#[test]
fn what_an_update_and_a_deletion_must_find_is_what_was_seen() {
    let mut world = World::after(PEERING);
    world.object(&forward())["properties"]["allowForwardedTraffic"] = json!(true);
    world.object(&forward())["properties"]["peerCompleteVnets"] = json!(false);
    let plan = world.plan(PEERING);
    let Op::Put { finds, .. } = &plan.steps[0].op else {
        panic!()
    };
    let found = serde_json::to_string(finds).unwrap();
    assert!(found.contains("peerCompleteVnets"), "what is preserved counts: {found}");
    let crate::plan::step::Finds::Members(members) = finds else {
        panic!("{finds:?}")
    };
    let object = world.objects[&forward()].clone();
    assert!(members.iter().all(|member| member.still_holds(&object)));
    let mut other = object.clone();
    other["properties"]["peerCompleteVnets"] = json!(true);
    assert!(!members.iter().all(|member| member.still_holds(&other)));
    let mut respelled = object;
    let remote = id("Microsoft.Network/virtualNetworks/vnet-b").as_str().to_uppercase();
    respelled["properties"]["remoteVirtualNetwork"]["id"] = json!(remote);
    assert!(
        members.iter().all(|member| member.still_holds(&respelled)),
        "letter case does not count"
    );
}
