//! N001: the networks on a batch's way must not overlap: a peering between overlapping address spaces is refused, and a route
//! to both cannot exist.

use std::net::Ipv4Addr;

use serde_json::Value as Json;

use crate::arm::ArmId;
use crate::diagnostic::Severity;
use crate::diagnostic::code::OVERLAP;
use crate::kind::member;
use crate::plan::{Finding, Inputs};

/// An IPv4 range in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    first: u32,
    last: u32,
}

/// Runs the rule.
pub(super) fn run(inputs: &Inputs<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (_, batch) in inputs.graph.batches() {
        let stations = [&batch.networks.source, &batch.networks.runtime, &batch.networks.target];
        let networks: Vec<&ArmId> = stations.into_iter().flatten().collect();
        for (at, a) in networks.iter().enumerate() {
            for b in networks.iter().skip(at + 1).filter(|b| **b != *a) {
                if let Some((one, other)) = clash(inputs, a, b) {
                    found.push(Finding {
                        code: OVERLAP,
                        severity: Severity::Error,
                        summary: format!("{} and {} overlap: {one} and {other}", a.name(), b.name()),
                        detail: Some(
                            "Networks on a migration's way are peered, and peered networks must not share addresses. One of \
                             them needs another address space."
                                .into(),
                        ),
                        remedy: None,
                        address: Some(batch.address.clone()),
                    });
                }
            }
        }
    }
    found.dedup();
    found
}

fn clash(inputs: &Inputs<'_>, a: &ArmId, b: &ArmId) -> Option<(String, String)> {
    let theirs = prefixes(inputs, b);
    prefixes(inputs, a).into_iter().find_map(|(text, prefix)| {
        let (other, _) = theirs
            .iter()
            .find(|(_, other)| prefix.first <= other.last && other.first <= prefix.last)?;
        Some((text, other.clone()))
    })
}

fn prefixes(inputs: &Inputs<'_>, network: &ArmId) -> Vec<(String, Prefix)> {
    let object = inputs.observed.object(network);
    let list = object.and_then(|object| member(object, &["properties", "addressSpace", "addressPrefixes"]));
    let texts = list
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str);
    texts
        .filter_map(|text| Some((text.to_owned(), Prefix::parse(text)?)))
        .collect()
}

impl Prefix {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: u32 = address.parse::<Ipv4Addr>().ok()?.into();
        let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        Some(Self {
            first: address & mask,
            last: address | !mask,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_cover_their_hosts() {
        assert_eq!(
            Prefix::parse("10.1.0.4/16"),
            Some(Prefix {
                first: 0x0a01_0000,
                last: 0x0a01_ffff
            })
        );
        assert_eq!(
            Prefix::parse("0.0.0.0/0"),
            Some(Prefix {
                first: 0,
                last: u32::MAX
            })
        );
        assert_eq!(Prefix::parse("10.0.0.0/33"), None);
        assert_eq!(Prefix::parse("::/0"), None);
    }
}
