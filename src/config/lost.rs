//! What a text that could not be read may have declared: nobody is told that it is not there. It reads headers by their looks and
//! parses nothing.

use std::collections::{BTreeMap, BTreeSet};

/// Names that may be declared in what could not be read of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Whether not even headers could be told.
    anything: bool,
    /// Labels by the first word of their blocks.
    labels: BTreeMap<String, Labels>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Labels {
    Any,
    These(BTreeSet<String>),
}

impl Lost {
    /// Whatever there may be.
    pub(super) fn anything() -> Self {
        Self {
            anything: true,
            labels: BTreeMap::new(),
        }
    }

    /// What the lines of a text look like that could not be read.
    pub(super) fn in_text(text: &str) -> Self {
        let mut lost = Self::default();
        for (at, line) in text.trim_start().lines().enumerate() {
            let line = line.trim();
            match (header(line), at) {
                (Some((kind, label)), _) => lost.add(kind, label),
                // The rest of something, which declares nothing by itself.
                (None, 0) if line.is_empty() || line.starts_with(['{', '}', ']', ')', '#', '/']) => {}
                (None, 0) => match first_word(line) {
                    Some((kind, _)) => lost.add(kind, None),
                    None => lost.anything = true,
                },
                (None, _) => {}
            }
        }
        lost
    }

    /// Takes up a block, or every block of a kind.
    pub(super) fn add(&mut self, kind: &str, label: Option<&str>) {
        let known = self.labels.entry(kind.to_owned());
        let known = known.or_insert_with(|| Labels::These(BTreeSet::new()));
        match (known, label) {
            (Labels::Any, _) => {}
            (known, None) => *known = Labels::Any,
            (Labels::These(labels), Some(label)) => {
                labels.insert(label.to_owned());
            }
        }
    }

    /// Takes up all of another.
    pub(super) fn extend(&mut self, other: Self) {
        self.anything |= other.anything;
        for (kind, labels) in other.labels {
            match labels {
                Labels::Any => self.add(&kind, None),
                Labels::These(labels) => labels.iter().for_each(|label| self.add(&kind, Some(label))),
            }
        }
    }

    /// Whether a block of this kind and label may have been there.
    pub(super) fn may_declare(&self, kind: &str, label: &str) -> bool {
        self.anything
            || self.labels.get(kind).is_some_and(|labels| match labels {
                Labels::Any => true,
                Labels::These(labels) => labels.contains(label),
            })
    }

    /// Whether any block of this kind may have been there.
    pub(super) fn may_have(&self, kind: &str) -> bool {
        self.anything || self.labels.contains_key(kind)
    }
}

/// The first word and the label of a line that looks like the header of a block. A header that opens nothing looks like one where
/// its label stands in quotes.
fn header(line: &str) -> Option<(&str, Option<&str>)> {
    let (kind, rest) = first_word(line)?;
    let rest = rest.trim_start();
    if rest.starts_with('{') {
        return Some((kind, None));
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let label = quoted.split_once('"').map(|(label, _)| label);
        return Some((
            kind,
            label.filter(|label| first_word(label).is_some_and(|(_, rest)| rest.is_empty())),
        ));
    }
    let (label, rest) = first_word(rest)?;
    rest.trim_start().starts_with('{').then_some((kind, Some(label)))
}

fn first_word(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
        .unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let is_name = word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_name.then_some((word, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_by_their_looks() {
        let lost = Lost::in_text("source \"erp\" {\n  host =\n  connect {\n}\n  variable \"inner\" {\n");
        assert!(lost.may_declare("source", "erp"));
        assert!(lost.may_declare("variable", "inner"));
        assert!(!lost.may_declare("source", "crm"));
        assert!(!lost.may_declare("host", "erp"));
        assert!(!lost.may_have("locals"));
    }

    #[test]
    fn without_a_label_every_one_may_be_meant() {
        for text in [
            "variable \"a {\n",
            "variable a\" {\n}",
            "variable = {\n",
            "variable \"a b\" {}",
        ] {
            let lost = Lost::in_text(text);
            assert!(lost.may_declare("variable", "any"), "{text}");
            assert!(!lost.may_declare("source", "any"), "{text}");
        }
        assert!(Lost::in_text("?! x\n").may_declare("source", "any"));
        assert!(!Lost::in_text("}\n").may_have("source"));
    }
}
