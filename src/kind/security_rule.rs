//! `security_rule`: a rule of an existing network security group. It never touches rules that it did not make, nor the group.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::Value as Json;

use super::schema::{Argument, ArgumentType, Effect, Export, ExportFrom, Fields, Schema, Term, Word};
use super::{
    Body, BodyField, Compare, Conduct, Context, Draft, Expansion, Kind, Thing, Touch, Unit, name, security_group,
};
use crate::address::Address;
use crate::arm::ArmId;
use crate::diagnostic::code::{CONFLICT, MISSING_ARGUMENT, NOT_ALLOWED, NOT_KNOWN};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The type of its object.
pub const ARM_TYPE: &str = "Microsoft.Network/networkSecurityGroups/securityRules";

/// The kind's name.
pub const NAME: &str = "security_rule";

/// Where the priority sits.
pub const PRIORITY: &[&str] = &["properties", "priority"];

/// Where the direction sits.
pub const DIRECTION: &[&str] = &["properties", "direction"];

/// A rule takes seconds, and waits for whatever else is written to its group (contract 12).
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// The longest description.
const LONGEST_DESCRIPTION: usize = 140;

/// The kind.
pub struct SecurityRule;

const fn word(word: &'static str, wire: &'static str) -> Word {
    Word { word, wire }
}

const DIRECTIONS: &[Word] = &[word("inbound", "Inbound"), word("outbound", "Outbound")];

const ACCESSES: &[Word] = &[word("allow", "Allow"), word("deny", "Deny")];

const PROTOCOLS: &[Word] = &[
    word("tcp", "Tcp"),
    word("udp", "Udp"),
    word("icmp", "Icmp"),
    word("esp", "Esp"),
    word("ah", "Ah"),
    word("*", "*"),
];

/// A place of a rule that is told by one text or by a list; Azure takes one of the two.
struct Ends {
    /// The argument for one text, and its place.
    one: BodyField,
    /// The argument for a list, and its place.
    several: BodyField,
    /// What one text may be.
    holds: fn(&str) -> bool,
    /// What an element of a list may be.
    holds_among_others: fn(&str) -> bool,
    wanted: &'static str,
    wanted_among_others: &'static str,
    /// What is meant where neither is said.
    default: Option<&'static str>,
}

const PORTS: &str = "expected a port such as `5432`, a range such as `5432-5439`, or `*` for all";
const PORTS_OF_A_LIST: &str =
    "expected ports such as `5432` and ranges such as `5432-5439`; `*` stands alone, without a list";
const ADDRESSES: &str =
    "expected an address, a prefix such as `10.1.0.0/16`, a service tag such as `VirtualNetwork`, or `*` for all";
const ADDRESSES_OF_A_LIST: &str = "expected addresses and prefixes such as `10.1.0.0/16`; a service tag or `*` stands alone, \
                                   without a list";

const fn field(attribute: &'static str, path: &'static [&'static str]) -> BodyField {
    BodyField::in_place(attribute, path, Compare::Ranges)
}

const SOURCE_PORTS: Ends = Ends {
    one: field("source_port_range", &["properties", "sourcePortRange"]),
    several: field("source_port_ranges", &["properties", "sourcePortRanges"]),
    holds: |text| text == "*" || is_port_range(text),
    holds_among_others: is_port_range,
    wanted: PORTS,
    wanted_among_others: PORTS_OF_A_LIST,
    default: Some("*"),
};

const DESTINATION_PORTS: Ends = Ends {
    one: field("destination_port_range", &["properties", "destinationPortRange"]),
    several: field("destination_port_ranges", &["properties", "destinationPortRanges"]),
    default: None,
    ..SOURCE_PORTS
};

const SOURCES: Ends = Ends {
    one: field("source_address_prefix", &["properties", "sourceAddressPrefix"]),
    several: field("source_address_prefixes", &["properties", "sourceAddressPrefixes"]),
    holds: |text| text == "*" || is_tag(text) || is_prefix(text),
    holds_among_others: is_prefix,
    wanted: ADDRESSES,
    wanted_among_others: ADDRESSES_OF_A_LIST,
    default: None,
};

const DESTINATIONS: Ends = Ends {
    one: field(
        "destination_address_prefix",
        &["properties", "destinationAddressPrefix"],
    ),
    several: field(
        "destination_address_prefixes",
        &["properties", "destinationAddressPrefixes"],
    ),
    ..SOURCES
};

const ENDS: [&Ends; 4] = [&SOURCE_PORTS, &DESTINATION_PORTS, &SOURCES, &DESTINATIONS];

static SCHEMA: Schema = Schema {
    kind: NAME,
    summary: "A rule of an existing network security group.",
    doc: "The rule with the lowest `priority` that fits decides; below all of them stand rules of Azure's own, which let \
          networks that are peered talk. A group has one rule of a priority for each direction, so a rule whose priority or \
          direction changes is made anew: meanwhile the next rule that fits decides. Batches whose way leads through a network \
          that the group guards wait for its rules.",
    example: "security_group \"target\" {\n  name = \"nsg-target\"\n}\n\nsecurity_rule \"postgresql\" {\n  security_group             = \
              security_group.target\n  priority                   = 200\n  direction                  = \"inbound\"\n  \
              access                     = \"allow\"\n  protocol                   = \"tcp\"\n  source_address_prefix      = \
              \"10.20.1.0/28\"\n  destination_address_prefix = \"VirtualNetwork\"\n  destination_port_range     = \"5432\"\n}\n",
    arguments: &[
        Argument::required(
            "security_group",
            ArgumentType::Reference(&["security_group"]),
            "The group that gets the rule.",
        )
        .on_change(Effect::Replaces),
        Argument::default(
            "name",
            ArgumentType::Text,
            "the block's label, with `-KEY` where `for_each` gives one",
            "Name of the rule.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "priority",
            ArgumentType::Whole(100, 4096),
            "The rule with the lowest number that fits decides.",
        )
        .on_change(Effect::Replaces),
        Argument::required(
            "direction",
            ArgumentType::Choice(DIRECTIONS),
            "Whether the rule is for what enters or for what leaves.",
        )
        .on_change(Effect::Replaces),
        Argument::required("access", ArgumentType::Choice(ACCESSES), "Whether what fits may pass.")
            .on_change(Effect::InPlace),
        Argument::required(
            "protocol",
            ArgumentType::Choice(PROTOCOLS),
            "The protocol; PostgreSQL speaks `tcp`, and `*` is every one.",
        )
        .on_change(Effect::InPlace),
        Argument::default(
            "source_port_range",
            ArgumentType::Text,
            "*",
            "The port, or a range of them, that it comes from.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "source_port_ranges",
            ArgumentType::Texts,
            "Several of them, instead of `source_port_range`.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "destination_port_range",
            ArgumentType::Text,
            "The port, or a range of them, that it goes to; `*` is every one.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "destination_port_ranges",
            ArgumentType::Texts,
            "Several of them, instead of `destination_port_range`.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "source_address_prefix",
            ArgumentType::Text,
            "The address, prefix or service tag that it comes from; `*` is every one.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "source_address_prefixes",
            ArgumentType::Texts,
            "Several addresses and prefixes, instead of `source_address_prefix`.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "destination_address_prefix",
            ArgumentType::Text,
            "The address, prefix or service tag that it goes to; `*` is every one.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "destination_address_prefixes",
            ArgumentType::Texts,
            "Several addresses and prefixes, instead of `destination_address_prefix`.",
        )
        .on_change(Effect::InPlace),
        Argument::optional(
            "description",
            ArgumentType::Text,
            "What the rule is for, in up to 140 characters.",
        )
        .on_change(Effect::InPlace),
    ],
    common: &[],
    sections: &[],
    exports: &[Export {
        name: "id",
        doc: "ARM id.",
        from: ExportFrom::Id,
    }],
};

static THING: Thing = Thing {
    fields: &[
        BodyField::replaces("priority", PRIORITY, Compare::Exact),
        BodyField::replaces("direction", DIRECTION, Compare::Folded),
        BodyField::in_place("access", &["properties", "access"], Compare::Folded),
        BodyField::in_place("protocol", &["properties", "protocol"], Compare::Folded),
        SOURCE_PORTS.one,
        SOURCE_PORTS.several,
        DESTINATION_PORTS.one,
        DESTINATION_PORTS.several,
        SOURCES.one,
        SOURCES.several,
        DESTINATIONS.one,
        DESTINATIONS.several,
        BodyField::in_place("description", &["properties", "description"], Compare::Exact),
    ],
    identity: None,
    preserve: &[],
    dead: None,
    behind: None,
    patience: PATIENCE,
};

impl Kind for SecurityRule {
    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn conduct(&self) -> Conduct {
        Conduct::Thing(&THING)
    }

    fn arm_type(&self) -> Option<&'static str> {
        Some(ARM_TYPE)
    }

    fn expand(&self, fields: &Fields<'_>, cx: &Context<'_>) -> Result<Expansion, Diagnostics> {
        let top = fields.top();
        let Some(address) = top.reference("security_group") else {
            return Ok(Expansion::Units(Vec::new()));
        };
        let Term::Known(group) = cx.id_of(address)? else {
            return Err(Diagnostic::error(NOT_KNOWN, "value not known while planning")
                .at(
                    top.span("security_group"),
                    "the id of this group must be known while planning",
                )
                .about(fields.owner())
                .into());
        };
        let default = name::of_block(fields.owner());
        let name = top.text("name").unwrap_or(&default);
        name::check(ARM_TYPE, name, fields, "name")?;
        let mut found = Diagnostics::new();
        let wire = |argument: &str| Body::text(top.choice(argument).map_or("", |word| word.wire));
        let mut body = Body::<Draft>::object([(
            "properties",
            Body::object([
                (
                    "priority",
                    Body::Number(top.whole("priority").unwrap_or_default().into()),
                ),
                ("direction", wire("direction")),
                ("access", wire("access")),
                ("protocol", wire("protocol")),
                ("description", Body::text(description(fields, &mut found))),
            ]),
        )]);
        for ends in ENDS {
            if let Some((place, value)) = found.absorb(ends.read(fields)) {
                body.set(place, value);
            }
        }
        let unit = Unit {
            address: fields.owner().unit(),
            id: Term::Known(group.child("securityRules", name)),
            body,
            touches: touches(cx, address, &group),
            // A group takes one write at a time, those of its rules among them (contract 12).
            scopes: vec![group],
        };
        found.or(Expansion::Units(vec![unit])).map(|(units, _)| units)
    }
}

/// What the rule is for; nothing is the same as an empty text.
fn description<'a>(fields: &'a Fields<'_>, found: &mut Diagnostics) -> &'a str {
    let text = fields.top().text("description").unwrap_or_default();
    if text.chars().count() > LONGEST_DESCRIPTION {
        let refused = Diagnostic::error(NOT_ALLOWED, "value not allowed");
        found.push(
            refused
                .at(
                    fields.top().span("description"),
                    format!("a description has at most {LONGEST_DESCRIPTION} characters"),
                )
                .about(fields.owner()),
        );
    }
    text
}

/// The group, and the networks with subnets that it guards, once Azure has told which.
fn touches(cx: &Context<'_>, address: &Address, group: &ArmId) -> Vec<Touch> {
    let subnets = cx.outputs.get(address, security_group::SUBNETS);
    let subnets = subnets.and_then(Json::as_array).into_iter().flatten();
    let networks = subnets.filter_map(|subnet| subnet.get("id")?.as_str()?.parse::<ArmId>().ok()?.parent());
    let networks: BTreeSet<ArmId> = networks.collect();
    let guarded = networks.into_iter().map(|network| Touch {
        because: format!("it decides what passes in {}", network.name()),
        id: network,
    });
    let itself = Touch {
        id: group.clone(),
        because: format!("it is a rule of {}", group.name()),
    };
    std::iter::once(itself).chain(guarded).collect()
}

impl Ends {
    /// Where the value goes and what it is.
    fn read(&self, fields: &Fields<'_>) -> Result<(&'static [&'static str], Body<Draft>), Diagnostics> {
        let top = fields.top();
        let (one, several) = (self.one.attribute, self.several.attribute);
        let refuse = |argument: &str, text: &str| {
            Diagnostics::from(
                Diagnostic::error(NOT_ALLOWED, "value not allowed")
                    .at(top.span(argument), text)
                    .about(fields.owner()),
            )
        };
        match (
            top.text(one).or(self.default.filter(|_| !top.has(several))),
            top.texts(several),
        ) {
            (Some(_), Some(_)) => Err(Diagnostic::error(CONFLICT, "arguments that do not go together")
                .at(
                    top.span(several),
                    format!("`{one}` says already what `{several}` would"),
                )
                .hint(format!(
                    "keep one of them: `{one}` for one text, `{several}` for a list"
                ))
                .about(fields.owner())
                .into()),
            (Some(text), None) => match (self.holds)(text) {
                true => Ok((self.one.path, Body::text(text))),
                false => Err(refuse(one, self.wanted)),
            },
            (None, Some([])) => Err(refuse(
                several,
                "a list must hold something: a rule for nothing is none",
            )),
            (None, Some(texts)) => match texts.iter().all(|text| (self.holds_among_others)(text)) {
                true => {
                    let texts = texts.iter().map(|text| Body::text(text.as_str()));
                    Ok((self.several.path, Body::List(texts.collect())))
                }
                false => Err(refuse(several, self.wanted_among_others)),
            },
            (None, None) => Err(Diagnostic::error(MISSING_ARGUMENT, "missing argument")
                .at(fields.header(), format!("`{NAME}` needs `{one}` or `{several}`"))
                .about(fields.owner())
                .into()),
        }
    }
}

/// `5432` or `5432-5439`.
fn is_port_range(text: &str) -> bool {
    let port = |text: &str| {
        let digits = text.chars().all(|c| c.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| digits)
    };
    match text.split_once('-') {
        None => port(text).is_some(),
        Some((first, last)) => matches!((port(first), port(last)), (Some(first), Some(last)) if first <= last),
    }
}

/// An address, or a prefix whose length fits it.
fn is_prefix(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return text.parse::<IpAddr>().is_ok();
    };
    let digits = length.chars().all(|c| c.is_ascii_digit());
    let longest = match (address.parse::<Ipv4Addr>(), address.parse::<Ipv6Addr>()) {
        (Ok(_), _) => 32,
        (_, Ok(_)) => 128,
        (Err(_), Err(_)) => return false,
    };
    digits && length.parse::<u8>().is_ok_and(|length| length <= longest)
}

/// A name that Azure keeps addresses under: `VirtualNetwork`, `Storage.WestEurope`.
fn is_tag(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_that_exist_and_ranges_go_upwards() {
        for good in ["5432", "0", "65535", "5432-5432", "1-65535"] {
            assert!(is_port_range(good), "{good}");
        }
        for bad in [
            "",
            "-",
            "65536",
            "5433-5432",
            "+5432",
            "5432-",
            "-5432",
            "5432,5433",
            "postgresql",
            "5 432",
        ] {
            assert!(!is_port_range(bad), "{bad}");
        }
    }

    #[test]
    fn a_prefix_is_as_long_as_its_address_allows() {
        for good in [
            "10.0.0.4",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "10.0.0.4/32",
            "fd00::/8",
            "::1/128",
        ] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "fd00::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.1-10.0.0.9",
            "*",
        ] {
            assert!(!is_prefix(bad), "{bad}");
        }
        assert!(is_tag("VirtualNetwork") && is_tag("Storage.WestEurope") && !is_tag("10.0.0.0") && !is_tag("a b"));
    }
}
