//! What is wrong, where, and the way out, as plain values. Rendering belongs to `cli`; nothing here prints.

pub mod code;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::Address;

/// One file among the sources of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A range of bytes in a source file; `start..end`, always on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Something and the place it was written at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The thing.
    pub value: T,
    /// The place.
    pub span: Span,
}

/// A stable code that `pgferry explain` knows, such as `C010`. All of them stand in [`code`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static str);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The run cannot go on.
    Error,
    /// The run goes on, but somebody should look.
    Warning,
}

/// A text beside a place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The place.
    pub span: Span,
    /// What is said about it; short, lower case, no full stop.
    pub text: String,
}

/// One problem: a constant summary, the place, a detail in sentences, and ways out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its stable code.
    pub code: Code,
    /// What kind of problem, the same words each time.
    pub summary: String,
    /// The expression at fault, with what is wrong with it.
    pub primary: Option<Mark>,
    /// Other places that took part.
    pub others: Vec<Mark>,
    /// What, why and what to do, in sentences.
    pub detail: Option<String>,
    /// Ways out that can be followed or pasted.
    pub hints: Vec<String>,
    /// The resource concerned, if one is.
    pub address: Option<Address>,
    /// How many more resources have the same problem at the same place.
    pub alike: usize,
    /// The values that took part in the expression at fault; `None` until the innermost expression around it has been asked.
    pub values: Option<Vec<Participant>>,
    /// Whether what stands at its places is a secret: they are named, and never quoted.
    pub at_a_secret: bool,
}

/// A value that took part: `var.port` and `is 70000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Participant {
    /// The reference that has the value.
    pub traversal: String,
    /// What is said of the value; nothing sensitive.
    pub statement: String,
}

/// More names than this are found sooner in the documentation.
const MOST_OFFERED: usize = 20;

/// All that was found; never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Code {
    /// As written.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl Span {
    /// The range `start..end` of `file`. Files are at most 16 MB, so 32 bits hold every offset.
    pub fn new(file: FileId, range: std::ops::Range<usize>) -> Self {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            file,
            start: narrow(range.start),
            end: narrow(range.end),
        }
    }

    /// The bytes of the file that the span covers.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Diagnostic {
    /// An error with this code and summary.
    pub fn error(code: Code, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            summary: summary.into(),
            primary: None,
            others: Vec::new(),
            detail: None,
            hints: Vec::new(),
            address: None,
            alike: 0,
            values: None,
            at_a_secret: false,
        }
    }

    /// A warning with this code and summary.
    pub fn warning(code: Code, summary: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, summary)
        }
    }

    /// Points at the expression at fault.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Mark {
            span,
            text: text.into(),
        });
        self
    }

    /// Points at a secret, which no output may repeat.
    #[must_use]
    pub fn at_secret(self, span: Span, text: impl Into<String>) -> Self {
        self.at(span, text).of_a_secret()
    }

    /// Says that a secret stands at its places, which no output may repeat.
    #[must_use]
    pub fn of_a_secret(self) -> Self {
        Self {
            at_a_secret: true,
            ..self
        }
    }

    /// Points at another place that took part.
    #[must_use]
    pub fn and_at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.others.push(Mark {
            span,
            text: text.into(),
        });
        self
    }

    /// Says it in sentences.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Offers a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Offers the nearest of the known names, if one is near.
    #[must_use]
    pub fn suggest<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(written, known) {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// Offers the nearest of the names that may stand at a place, or all of them where none is near and they are few.
    #[must_use]
    pub fn offer<'a>(self, written: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(written, known.iter().copied()) {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => match known.as_slice() {
                [] => self,
                [only] => self.hint(format!("there is `{only}`")),
                [first @ .., last] if known.len() <= MOST_OFFERED => {
                    self.hint(format!("there are `{}` and `{last}`", first.join("`, `")))
                }
                _ => self,
            },
        }
    }

    /// Shows the values that took part.
    #[must_use]
    pub fn with_values(mut self, values: Vec<Participant>) -> Self {
        self.values = Some(values);
        self
    }

    /// Names the resource concerned.
    #[must_use]
    pub fn about(mut self, address: &Address) -> Self {
        self.address = Some(address.clone());
        self
    }
}

impl Diagnostics {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds all of another collection.
    pub fn extend(&mut self, others: Diagnostics) {
        self.0.extend(others.0);
    }

    /// Keeps the value of a part that went well, and the problems of one that did not.
    pub fn absorb<T>(&mut self, result: Result<T, Diagnostics>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(found) => {
                self.extend(found);
                None
            }
        }
    }

    /// Whether anything found is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|found| found.severity == Severity::Error)
    }

    /// How many were found.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Those from the `first` on, to be completed.
    pub fn from_mut(&mut self, first: usize) -> &mut [Diagnostic] {
        self.0.get_mut(first..).unwrap_or_default()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of files and places; what has no place comes last. What every instance of a block or of a module says alike is
    /// said once, of the first of them.
    pub fn sorted(self) -> Vec<Diagnostic> {
        let mut said: HashMap<Diagnostic, usize> = HashMap::with_capacity(self.0.len());
        let mut sorted: Vec<Diagnostic> = Vec::new();
        for found in self.0 {
            // One expression that fails alike for many keys is one problem, whatever values took part each time. What has no
            // place is told apart by its resource alone.
            let alike = Diagnostic {
                values: None,
                address: found.address.clone().filter(|_| found.primary.is_none()),
                ..found.clone()
            };
            match said.entry(alike) {
                Entry::Vacant(place) => {
                    place.insert(sorted.len());
                    sorted.push(found);
                }
                Entry::Occupied(first) => {
                    if let Some(first) = sorted.get_mut(*first.get()) {
                        first.alike += usize::from(found.address.is_some() && found.address != first.address);
                    }
                }
            }
        }
        sorted.sort_by_key(|found| found.primary.as_ref().map_or((1, None), |mark| (0, Some(mark.span))));
        sorted
    }

    /// As found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// The value when no error was found; warnings are handed back beside it.
    ///
    /// # Errors
    /// All that was found, when one of it is an error.
    pub fn or<T>(self, value: T) -> Result<(T, Diagnostics), Diagnostics> {
        if self.has_errors() {
            Err(self)
        } else {
            Ok((value, self))
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(found: I) -> Self {
        Self(found.into_iter().collect())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let known = code::find(&text).ok_or_else(|| D::Error::custom(format!("no code `{text}` is known")))?;
        Ok(known.code)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The known name that `written` most likely meant: at most a third of its letters differ, or it is the beginning of this one only.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (written.chars().count() / 3).max(1);
    let mut near: Option<(usize, &str)> = None;
    let mut longer: Vec<&str> = Vec::new();
    for name in known {
        let candidate = (distance(written, name), name);
        if candidate.0 <= limit && near.is_none_or(|near| candidate < near) {
            near = Some(candidate);
        }
        if begins(written, name) {
            longer.push(name);
        }
    }
    match (near, longer.as_slice()) {
        (Some((_, name)), _) => Some(name),
        (None, [only]) => Some(*only),
        (None, _) => None,
    }
}

/// Whether a name starts with what was written, whatever stands between its words; a letter or two say nothing.
fn begins(written: &str, name: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|letter| !matches!(letter, '_' | '-'))
    }
    let mut of_name = letters(name);
    letters(written).count() > 2 && letters(written).all(|letter| of_name.next() == Some(letter))
}

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let get = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut best = (get(&last, j) + usize::from(ca != cb))
                .min(get(&last, j + 1) + 1)
                .min(get(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(get(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_is_near_what_there_is_is_named() {
        let hints = |known: &[&str]| {
            let unknown = Diagnostic::error(code::UNKNOWN_ARGUMENT, "unknown argument");
            unknown.offer("banana", known.iter().copied()).hints
        };
        assert_eq!(hints(&["host", "bananas"]), ["did you mean `bananas`?"]);
        assert_eq!(
            hints(&["host", "port", "user"]),
            ["there are `host`, `port` and `user`"]
        );
        assert_eq!(hints(&["host"]), ["there is `host`"]);
        assert_eq!(hints(&[]), Vec::<String>::new());
        assert_eq!(hints(&["x"; MOST_OFFERED + 1]), Vec::<String>::new());
    }

    #[test]
    fn the_nearest_name_is_found() {
        assert_eq!(nearest("pasword", ["username", "password", "port"]), Some("password"));
        assert_eq!(nearest("hsot", ["host", "port"]), Some("host"));
        assert_eq!(nearest("banana", ["host", "port"]), None);
        assert_eq!(nearest("vnet", ["network", "vnet_peering"]), Some("vnet_peering"));
        assert_eq!(nearest("onprem", ["on_premises", "aws"]), Some("on_premises"));
        assert_eq!(nearest("azure", ["azure_vm_one", "azure_sql_two"]), None);
    }
}
