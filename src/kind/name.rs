//! Names of ARM objects: what a name of each type may be, so that none leaves its place in an id or is refused only by Azure.
//! It never asks whether a name is taken.

use sha2::{Digest, Sha256};

use super::schema::Fields;
use crate::address::Address;
use crate::diagnostic::code::NOT_ALLOWED;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What names of a type may be.
#[derive(Clone, Copy)]
struct Rule {
    /// The type.
    arm_type: &'static str,
    /// Whether a text is such a name.
    holds: fn(&str) -> bool,
    /// What it should have been.
    wanted: &'static str,
}

/// Contract 2.3, 3, 4, 7 and 8, and the `x-name` of the files in `schemas/arm`.
const RULES: &[Rule] = &[
    Rule {
        arm_type: "Microsoft.Network/privateDnsZones",
        holds: is_zone,
        wanted: "a zone is a DNS name of at least two labels: each of 1 to 63 letters, digits, `-` and `_`, together at most 253 \
                 characters",
    },
    Rule {
        arm_type: "Microsoft.DBforPostgreSQL/flexibleServers",
        holds: is_server,
        wanted: "a server's name has 3 to 63 letters, digits and `-`, with a letter or digit first and last",
    },
    Rule {
        arm_type: "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules",
        holds: is_firewall_rule,
        wanted: "a firewall rule's name has 1 to 80 letters, digits, `-` and `_`, with a letter or digit first and no `-` last",
    },
];

/// Networks and what is below them, and links of zones.
const NETWORK_RULE: Rule = Rule {
    arm_type: "Microsoft.Network",
    holds: is_network_name,
    wanted: "a name is 1 to 80 letters, digits, `_`, `.` and `-`, with a letter or digit first and no `.` or `-` last",
};

/// What a resource group's name should be.
pub const RESOURCE_GROUP: &str =
    "a resource group's name has 1 to 90 letters, digits, `-`, `_`, `.` and brackets, with no `.` last";

/// The longest name of an object in or below a network.
const LONGEST: usize = 80;

/// Insists that a text is a name of this type.
///
/// # Errors
/// What a name of this type may be, at the place of the argument.
pub fn check(arm_type: &str, name: &str, fields: &Fields<'_>, argument: &str) -> Result<(), Diagnostics> {
    let rule = RULES
        .iter()
        .find(|rule| rule.arm_type.eq_ignore_ascii_case(arm_type))
        .copied()
        .unwrap_or(NETWORK_RULE);
    if (rule.holds)(name) {
        return Ok(());
    }
    let refused = Diagnostic::error(NOT_ALLOWED, "value not allowed").about(fields.owner());
    let refused = if fields.top().has(argument) {
        refused.at(fields.top().span(argument), rule.wanted)
    } else {
        refused
            .at(fields.header(), format!("the name that follows is `{name}`"))
            .detail(format!("Where nothing else is said: {}.", rule.wanted))
            .hint(format!("give a name of your own with `{argument}`"))
    };
    Err(refused.into())
}

/// Whether a text is the name of a resource group.
pub fn is_resource_group(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')');
    (1..=90).contains(&name.chars().count()) && name.chars().all(allowed) && !name.ends_with('.')
}

/// The name of a network's link: `NETWORK-link`. A name that would be too long is cut, and characters of a hash of the whole
/// keep two of them apart.
pub fn link(network: &str) -> String {
    let name = format!("{network}-link");
    if name.chars().count() <= LONGEST {
        return name;
    }
    let tail = format!("-{}-link", short_hash(&network.to_lowercase()));
    let kept: String = network.chars().take(LONGEST - tail.len()).collect();
    format!("{kept}{tail}")
}

/// The name of an object whose block gives none: the block's label, with its key where it has one.
pub fn of_block(address: &Address) -> String {
    match address.key() {
        Some(key) => format!("{}-{}", address.label(), key.as_str()),
        None => address.label().to_string(),
    }
}

/// Five characters that differ where texts do: lower-case letters and digits.
pub fn short_hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let letter = |byte: &u8| char::from(b"abcdefghijklmnopqrstuvwxyz012345"[usize::from(byte % 32)]);
    digest.iter().take(5).map(letter).collect()
}

fn is_network_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(word)
        && name.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_server(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn is_firewall_rule(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn is_zone(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.starts_with(word)
            && label.ends_with(word)
            && label.chars().all(|c| word(c) || c == '-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_its_place() {
        for name in ["", "a/b", "..", "a?b", "a#b", "a b", "a%2fb", "-a", "a.", "ä", "a\\b"] {
            assert!(!is_network_name(name), "{name}");
            assert!(!is_server(name), "{name}");
            assert!(!is_zone(name), "{name}");
            assert!(!is_firewall_rule(name), "{name}");
        }
        for name in ["", "rg-data/providers/x", "..", "rg?", "rg.", "rg data"] {
            assert!(!is_resource_group(name), "{name}");
        }
    }

    #[test]
    fn each_type_has_its_own_length() {
        assert!(is_network_name(&"a".repeat(80)) && !is_network_name(&"a".repeat(81)));
        assert!(is_server(&"a".repeat(63)) && !is_server(&"a".repeat(64)) && !is_server("ab"));
        assert!(is_resource_group(&"a".repeat(90)) && !is_resource_group(&"a".repeat(91)));
        assert!(is_resource_group("rg_(data).1"));
        let zone = |length: usize| format!("{}.example.org", vec!["a"; (length - 12).div_ceil(2)].join("."));
        assert!(is_zone(&zone(121)) && is_zone(&zone(253)));
        assert!(!is_zone(&zone(255)) && !is_zone("org") && !is_zone(&format!("{}.org", "a".repeat(64))));
    }

    #[test]
    fn a_name_that_follows_tells_instances_apart() {
        let named = |text: &str| of_block(&text.parse().unwrap());
        assert_eq!(named("firewall_rule.office"), "office");
        assert_eq!(
            named("module.eu[\"x\"].firewall_rule.office[\"north\"]"),
            "office-north"
        );
    }

    #[test]
    fn a_link_of_a_long_network_is_cut_and_stays_its_own() {
        assert_eq!(link("vnet-hub"), "vnet-hub-link");
        let (one, other) = (
            link(&format!("{}1", "a".repeat(79))),
            link(&format!("{}2", "a".repeat(79))),
        );
        assert!(is_network_name(&one) && is_network_name(&other), "{one}");
        assert_ne!(one, other);
    }
}
