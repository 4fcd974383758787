//! Functions on IP networks in CIDR notation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bigdecimal::ToPrimitive as _;
use bigdecimal::num_bigint::BigInt;

use crate::lang::function::string::texts;
use crate::lang::function::{Arguments, Failure, Function, Outcome, Parameter, Returns, Wants};
use crate::lang::value::Value;

const PREFIX: Parameter = Parameter::new("prefix", Wants::String);
const NEW_BITS: Parameter = Parameter::new("newbits", Wants::Number);
const STRING: Returns = Returns::Always(Wants::String);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "cidrhost",
        "An address in a network by its number; a negative number counts from the end.",
        &[PREFIX, Parameter::new("hostnum", Wants::Number)],
        STRING,
        host,
    ),
    Function::new(
        "cidrnetmask",
        "The mask of an IPv4 network.",
        &[PREFIX],
        STRING,
        netmask,
    ),
    Function::new(
        "cidrsubnet",
        "A part of a network: by how many bits it is longer, and its number.",
        &[PREFIX, NEW_BITS, Parameter::new("netnum", Wants::Number)],
        STRING,
        subnet,
    ),
    Function::new(
        "cidrsubnets",
        "Parts of a network one after the other, each by how many bits it is longer.",
        &[PREFIX],
        Returns::Always(Wants::List(&Wants::String)),
        subnets,
    )
    .and_rest(NEW_BITS),
];

/// A network: its first address as a number, the length of its prefix, and how many bits addresses have.
#[derive(Clone, Copy)]
struct Network {
    first: u128,
    length: u32,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Result<Self, Failure> {
        let refused = || Failure::Argument(0, "a network such as \"10.0.0.0/16\" is required".to_owned());
        let (address, length) = text.split_once('/').ok_or_else(refused)?;
        let plain = !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit());
        let length: u32 = if plain {
            length.parse().map_err(|_| refused())?
        } else {
            return Err(refused());
        };
        let (address, bits) = match unpadded(address).parse().map_err(|_| refused())? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        if length > bits {
            return Err(refused());
        }
        let network = Self {
            first: address,
            length,
            bits,
        };
        Ok(Self {
            first: address & !network.host_mask(),
            ..network
        })
    }

    /// The bits that number the addresses of the network.
    fn host_mask(self) -> u128 {
        low_bits(self.bits - self.length)
    }

    /// Whether it is a part of IPv4, written as IPv6 (`::ffff:10.0.0.0/104`). Terraform tells such networks as IPv4.
    fn is_mapped(self) -> bool {
        self.bits == 128 && Ipv6Addr::from(self.first).to_ipv4_mapped().is_some()
    }

    fn address(self, number: u128) -> IpAddr {
        let value = self.first | number;
        match u32::try_from(value) {
            Ok(value) if self.bits == 32 => Ipv4Addr::from(value).into(),
            Ok(_) | Err(_) => IpAddr::V6(value.into()).to_canonical(),
        }
    }

    fn written(self) -> String {
        let length = if self.is_mapped() {
            self.length - 96
        } else {
            self.length
        };
        format!("{}/{length}", self.address(0))
    }

    fn longer(self, argument: usize, by: i64) -> Result<Self, Failure> {
        let length = u32::try_from(by).ok().and_then(|by| self.length.checked_add(by));
        match length.filter(|length| *length <= self.bits) {
            Some(length) => Ok(Self { length, ..self }),
            None => Err(Failure::Argument(
                argument,
                format!("a prefix of {} bits cannot be made {by} bits longer", self.length),
            )),
        }
    }
}

/// The address without zeros in front of its parts, which Terraform reads as decimal and hexadecimal digits like any other.
fn unpadded(address: &str) -> String {
    let part = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        digits => digits.to_owned(),
    };
    let groups = address.split(':').map(|group| {
        let parts: Vec<String> = group.split('.').map(part).collect();
        parts.join(".")
    });
    groups.collect::<Vec<String>>().join(":")
}

fn low_bits(count: u32) -> u128 {
    1_u128.checked_shl(count).map_or(u128::MAX, |bit| bit - 1)
}

fn whole(arguments: &Arguments<'_>, at: usize) -> Result<BigInt, Failure> {
    let number = arguments.number(at).whole();
    number.ok_or_else(|| Failure::Argument(at, "a whole number is required".to_owned()))
}

fn host(arguments: &Arguments<'_>) -> Outcome {
    let network = Network::parse(arguments.text(0))?;
    let number = whole(arguments, 1)?;
    let mask = network.host_mask();
    let refused = || {
        let text = format!(
            "a network with a prefix of {} bits has no host {number}",
            network.length
        );
        Failure::Argument(1, text)
    };
    let host = if number < BigInt::from(0) {
        let back = (-number.clone() - 1_i64).to_u128().ok_or_else(refused)?;
        mask.checked_sub(back).ok_or_else(refused)?
    } else {
        number.to_u128().filter(|host| *host <= mask).ok_or_else(refused)?
    };
    // Terraform numbers the hosts of such a network from there, and so they are no hosts of it.
    let shift = if network.is_mapped() { 96 } else { 0 };
    let host = host.checked_shl(shift).unwrap_or(0);
    Ok(Value::text(network.address(host).to_string()))
}

fn netmask(arguments: &Arguments<'_>) -> Outcome {
    let network = Network::parse(arguments.text(0))?;
    if network.bits != 32 && !network.is_mapped() {
        return Err(Failure::Argument(0, "only IPv4 networks have a mask".to_owned()));
    }
    let mask = low_bits(network.bits) & !network.host_mask();
    let whole = Network { first: 0, ..network };
    Ok(Value::text(whole.address(mask).to_string()))
}

fn subnet(arguments: &Arguments<'_>) -> Outcome {
    let network = Network::parse(arguments.text(0))?;
    let by = arguments.integer(1)?;
    let longer = network.longer(1, by)?;
    let number = whole(arguments, 2)?;
    let most = low_bits(longer.length - network.length);
    let number = number
        .to_u128()
        .filter(|number| *number <= most)
        .ok_or_else(|| Failure::Argument(2, format!("{by} more bits have no room for a subnet numbered {number}")))?;
    let first = network.first | number.checked_shl(network.bits - longer.length).unwrap_or(0);
    Ok(Value::text(Network { first, ..longer }.written()))
}

fn subnets(arguments: &Arguments<'_>) -> Outcome {
    let network = Network::parse(arguments.text(0))?;
    if network.is_mapped() {
        return Err(Failure::Argument(
            0,
            "a network such as \"10.0.0.0/16\" is required".to_owned(),
        ));
    }
    let last = network.first | network.host_mask();
    // The first address that is still free; nothing when the whole network is taken.
    let mut free = Some(network.first);
    let mut written = Vec::new();
    for at in 1..arguments.count() {
        let longer = network.longer(at, arguments.integer(at)?)?;
        if longer.length == network.length {
            return Err(Failure::Argument(at, "a part is at least one bit longer".to_owned()));
        }
        let mask = longer.host_mask();
        // Rounded up to where a network of this size may start.
        let start = free.and_then(|free| free.checked_add(mask)).map(|free| free & !mask);
        let end = start.map(|start| start | mask).filter(|end| *end <= last);
        let (Some(start), Some(end)) = (start, end) else {
            let text = format!("no room is left for a network with a prefix of {} bits", longer.length);
            return Err(Failure::Argument(at, text));
        };
        written.push(Network { first: start, ..longer }.written());
        free = end.checked_add(1);
    }
    Ok(texts(written.iter().map(String::as_str)))
}
