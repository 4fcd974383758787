//! Names of things in a configuration: resources, their units, modules. It never resolves them to anything.
//!
//! `module.eu.database_batch.wave["a"]#2` is the unit `2` of the resource `database_batch.wave["a"]` in module `eu`.

pub mod pattern;

use std::fmt::{self, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The first word of a resource block, such as `vnet_peering`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindName(Arc<str>);

/// The label of a block: an HCL identifier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Arc<str>);

/// The key of an instance made by `for_each`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceKey(Arc<str>);

/// One call of a module on the way from the root: `module.eu` or `module.eu["west"]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ModuleStep {
    /// The label of the `module` block.
    pub label: Label,
    /// The key, when the call has `for_each`.
    pub key: Option<InstanceKey>,
}

/// Where a module instance stands below the root; empty for the root itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ModulePath(Arc<Vec<ModuleStep>>);

/// A resource: one instance of a block after `for_each`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<Parts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Parts {
    module: ModulePath,
    kind: KindName,
    label: Label,
    key: Option<InstanceKey>,
}

/// Which of the ARM objects behind a resource: `forward`, `reverse`, `2`, a network's label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part(Arc<str>);

/// A unit: one ARM object that a resource stands for. Without a part where the resource stands for just one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitAddress {
    /// The resource the unit belongs to.
    pub resource: Address,
    /// Which of its units.
    pub part: Option<Part>,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// A label or kind is not an HCL identifier.
    #[error("`{0}` is not an identifier: letters, digits, `_` and `-`, not starting with a digit or `-`")]
    NotAnIdentifier(String),
    /// The text has not the shape `[module.LABEL.]KIND.LABEL["KEY"]`.
    #[error("`{0}` is not the address of a resource, which looks like `database_batch.wave1`")]
    Malformed(String),
    /// The text has not the shape `[module.LABEL.]KIND.LABEL["KEY"][#PART]`.
    #[error("`{0}` is not an address; an address looks like `database_batch.wave1` or `database_batch.wave1#2`")]
    MalformedUnit(String),
    /// A part of a resource where the whole is meant.
    #[error("the whole resource is meant here, without its part: `{0}`")]
    OnlyAPart(Address),
}

impl KindName {
    /// The name as written in a configuration.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Label {
    /// The label as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl InstanceKey {
    /// A key may be any text.
    pub fn new(key: &str) -> Self {
        Self(key.into())
    }

    /// The key, unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Part {
    /// A part is chosen by a kind; it may be any text without `#`.
    pub fn new(part: impl fmt::Display) -> Self {
        Self(part.to_string().replace('#', "-").into())
    }

    /// The part without its `#`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ModulePath {
    /// The root module.
    pub fn root() -> Self {
        Self::default()
    }

    /// The module called by `step` from here.
    pub fn child(&self, step: ModuleStep) -> Self {
        let mut steps = self.0.as_ref().clone();
        steps.push(step);
        Self(Arc::new(steps))
    }

    /// The calls from the root to this module.
    pub fn steps(&self) -> &[ModuleStep] {
        &self.0
    }

    /// Whether this is the root module.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl Address {
    /// The resource of that kind, label and key in that module.
    pub fn new(module: ModulePath, kind: KindName, label: Label, key: Option<InstanceKey>) -> Self {
        Self(Arc::new(Parts {
            module,
            kind,
            label,
            key,
        }))
    }

    /// The module instance that holds the resource.
    pub fn module(&self) -> &ModulePath {
        &self.0.module
    }

    /// The block kind.
    pub fn kind(&self) -> &KindName {
        &self.0.kind
    }

    /// The block label.
    pub fn label(&self) -> &Label {
        &self.0.label
    }

    /// The `for_each` key, if any.
    pub fn key(&self) -> Option<&InstanceKey> {
        self.0.key.as_ref()
    }

    /// The only unit of the resource.
    pub fn unit(&self) -> UnitAddress {
        UnitAddress {
            resource: self.clone(),
            part: None,
        }
    }

    /// One of several units of the resource.
    pub fn part(&self, part: impl fmt::Display) -> UnitAddress {
        UnitAddress {
            resource: self.clone(),
            part: Some(Part::new(part)),
        }
    }
}

/// As an argument in a shell: quoted where a shell would read it otherwise.
pub fn typed(argument: impl fmt::Display) -> String {
    let text = argument.to_string();
    // Some shells read `#` as a pattern.
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:=@".contains(c));
    if is_plain {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn identifier(text: &str) -> Result<Arc<str>, AddressError> {
    let mut chars = text.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if starts_well && chars.all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        Ok(text.into())
    } else {
        Err(AddressError::NotAnIdentifier(text.into()))
    }
}

impl FromStr for KindName {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        identifier(text).map(Self)
    }
}

impl FromStr for Label {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        identifier(text).map(Self)
    }
}

/// The character of hexadecimal digits.
fn numbered(digits: impl Iterator<Item = (usize, char)>) -> Option<char> {
    let mut number = 0_u32;
    for (_, digit) in digits {
        number = number.checked_mul(16)?.checked_add(digit.to_digit(16)?)?;
    }
    char::from_u32(number)
}

/// Splits `label` or `label["key"]` off the front; answers the step and what follows it.
fn labelled(text: &str) -> Option<(&str, Option<InstanceKey>, &str)> {
    let end = text.find(['.', '[', '#']).unwrap_or(text.len());
    let (label, rest) = text.split_at(end);
    let Some(quoted) = rest.strip_prefix("[\"") else {
        return Some((label, None, rest));
    };
    let mut key = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => key.push(match chars.next()?.1 {
                'u' => numbered(chars.by_ref().take(4))?,
                'U' => numbered(chars.by_ref().take(8))?,
                c => c,
            }),
            '"' => {
                let rest = quoted.get(at + 1..)?.strip_prefix(']')?;
                return Some((label, Some(InstanceKey::new(&key)), rest));
            }
            c => key.push(c),
        }
    }
    None
}

/// Splits a path of modules off the front; answers with what follows it, which is empty where a module is meant.
fn parse_path(text: &str) -> Option<Result<(ModulePath, &str), AddressError>> {
    let mut module = ModulePath::root();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix("module.") {
        let (label, key, tail) = labelled(after)?;
        let label = match label.parse() {
            Ok(label) => label,
            Err(error) => return Some(Err(error)),
        };
        module = module.child(ModuleStep { label, key });
        rest = match tail {
            "" => "",
            tail => tail.strip_prefix('.').filter(|rest| !rest.is_empty())?,
        };
    }
    Some(Ok((module, rest)))
}

fn parse_resource(text: &str) -> Option<Result<(Address, &str), AddressError>> {
    let (module, rest) = match parse_path(text)? {
        Ok(parsed) => parsed,
        Err(error) => return Some(Err(error)),
    };
    let (kind, after) = rest.split_once('.')?;
    let (label, key, tail) = labelled(after)?;
    let address = kind
        .parse()
        .and_then(|kind| Ok(Address::new(module, kind, label.parse()?, key)));
    Some(address.map(|address| (address, tail)))
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.into());
        let (address, rest) = parse_resource(text).ok_or_else(malformed)??;
        match rest.strip_prefix('#') {
            None if rest.is_empty() => Ok(address),
            Some(_) => Err(AddressError::OnlyAPart(address)),
            None => Err(malformed()),
        }
    }
}

impl FromStr for UnitAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::MalformedUnit(text.into());
        let (resource, rest) = parse_resource(text).ok_or_else(malformed)??;
        match rest.strip_prefix('#') {
            None if rest.is_empty() => Ok(resource.unit()),
            Some(part) if !part.is_empty() && !part.contains('#') => Ok(resource.part(part)),
            _ => Err(malformed()),
        }
    }
}

/// Whether Go prints the character as it is: letters, marks, numbers, punctuation, symbols and the ASCII space. What it does not
/// print steers a terminal, turns the direction of a line, or cannot be seen.
pub fn is_printable(c: char) -> bool {
    let format = matches!(u32::from(c),
        0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe000..=0xf8ff | 0xe0001 | 0xe0020..=0xe007f
        | 0xf0000..=0x10ffff);
    c == ' ' || (!c.is_control() && !c.is_whitespace() && !format)
}

/// A key in quotes. What cannot be seen, or would steer a terminal, is escaped as in HCL: an address shows which object is meant.
fn write_key(f: &mut fmt::Formatter<'_>, key: Option<&InstanceKey>) -> fmt::Result {
    match key {
        Some(key) => {
            f.write_str("[\"")?;
            for c in key.0.chars() {
                match c {
                    '\\' | '"' => write!(f, "\\{c}")?,
                    c if is_printable(c) => f.write_char(c)?,
                    c if u32::from(c) < 0x1_0000 => write!(f, "\\u{:04x}", u32::from(c))?,
                    c => write!(f, "\\U{:08x}", u32::from(c))?,
                }
            }
            f.write_str("\"]")
        }
        None => Ok(()),
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            write!(f, "{}module.{}", if at == 0 { "" } else { "." }, step.label)?;
            write_key(f, step.key.as_ref())?;
        }
        Ok(())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.module().is_root() {
            write!(f, "{}.", self.module())?;
        }
        write!(f, "{}.{}", self.kind(), self.label())?;
        write_key(f, self.key())
    }
}

impl fmt::Display for UnitAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Some(part) => write!(f, "{}#{}", self.resource, part.0),
            None => self.resource.fmt(f),
        }
    }
}

macro_rules! shown_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
shown_as_text!(KindName, Label, InstanceKey, Part);

macro_rules! stored_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
stored_as_text!(KindName, Label, Address, UnitAddress);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for UnitAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_text() {
        for text in [
            "network.hub",
            "vnet_peering.a#forward",
            "database_batch.wave[\"a b\"]#2",
            "module.eu.module.west[\"x\\\"y\"].database_batch.wave[\"k\"]",
        ] {
            assert_eq!(text.parse::<UnitAddress>().unwrap().to_string(), text);
        }
    }

    /// A key may be any text, and an address is read by people on terminals.
    #[test]
    fn what_cannot_be_seen_in_a_key_is_escaped() {
        let key = "\u{1b}[2K\u{202e}a\u{200b}\u{e0041}\\u0041é";
        let address = Address::new(
            ModulePath::root(),
            "network".parse().unwrap(),
            "hub".parse().unwrap(),
            Some(InstanceKey::new(key)),
        );
        let text = address.to_string();
        assert_eq!(text, r#"network.hub["\u001b[2K\u202ea\u200b\U000e0041\\u0041é"]"#);
        assert_eq!(text.parse::<Address>().unwrap(), address);
        for text in [
            r#"network.hub["\u12"]"#,
            r#"network.hub["\ud800"]"#,
            r#"network.hub["\u00zz"]"#,
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "network",
            "network.",
            "network.a.b",
            "network.a[0]",
            "network.a[\"x\"",
            "network.a#",
            ".a",
            "9.a",
        ] {
            assert!(text.parse::<UnitAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn arguments_are_quoted_where_a_shell_needs_it() {
        assert_eq!(typed("database_batch.wave1"), "database_batch.wave1");
        assert_eq!(typed("database_batch.wave1#1"), "'database_batch.wave1#1'");
        assert_eq!(typed("database_batch.wave[\"a\"]#1"), "'database_batch.wave[\"a\"]#1'");
    }

    #[test]
    fn a_resource_is_not_a_unit() {
        let said = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert_eq!(
            said("vnet_peering.a#forward"),
            "the whole resource is meant here, without its part: `vnet_peering.a`"
        );
        assert_eq!(
            said("vnet_peering"),
            "`vnet_peering` is not the address of a resource, which looks like `database_batch.wave1`"
        );
    }
}
