//! IP address prefixes, for overlap checks. Never resolves a name.

use std::net::{IpAddr, Ipv4Addr};

/// A CIDR prefix; bits beyond its length are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    family: Family,
    first: u128,
    last: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Prefix {
    /// `10.0.0.0/16`; a bare address is a prefix of full length.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (family, bits, width) = match address.trim().parse().ok()? {
            IpAddr::V4(v4) => (Family::V4, u128::from(u32::from(v4)), 32),
            IpAddr::V6(v6) => (Family::V6, u128::from(v6), 128),
        };
        let length = length.unwrap_or(width);
        if length > width {
            return None;
        }
        let span = if width == length {
            0
        } else {
            u128::MAX >> (128 - (width - length))
        };
        Some(Self {
            family,
            first: bits & !span,
            last: bits | span,
        })
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.family == other.family && self.first <= other.last && other.first <= self.last
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.family == other.family && self.first <= other.first && other.last <= self.last
    }

    /// The first address of an IPv4 prefix.
    pub(crate) fn first_v4(&self) -> Option<Ipv4Addr> {
        match self.family {
            Family::V4 => u32::try_from(self.first).ok().map(Ipv4Addr::from),
            Family::V6 => None,
        }
    }

    /// How many addresses it spans, capped at `u128::MAX`.
    pub(crate) fn size(&self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap()
    }

    #[test]
    fn overlap_and_containment() {
        assert!(prefix("10.0.0.0/8").overlaps(&prefix("10.1.0.0/16")));
        assert!(!prefix("10.0.0.0/16").overlaps(&prefix("10.1.0.0/16")));
        assert!(prefix("10.0.0.0/8").contains(&prefix("10.1.0.0/16")));
        assert!(!prefix("::/0").overlaps(&prefix("10.0.0.0/8")));
        assert!(prefix("0.0.0.0/0").overlaps(&prefix("255.255.255.255")));
        assert_eq!(prefix("10.0.0.0/28").size(), 16);
        assert_eq!(Prefix::parse("10.0.0.0/33"), None);
        assert_eq!(Prefix::parse("ten"), None);
    }
}
