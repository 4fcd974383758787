//! Tags: those of the `azure` block and of a block of its own, merged in one place. It never looks at what is there.

use std::collections::BTreeMap;

use super::schema::Fields;
use super::{BodyField, Compare, Context};
use crate::arm::{Body, Draft};
use crate::diagnostic::code::NOT_ALLOWED;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// The field of every kind whose objects carry tags.
pub const FIELD: BodyField = BodyField::in_place("tags", PATH, Compare::Tags);

/// Where tags sit; those of others stay there.
pub const PATH: &[&str] = &["tags"];

/// Sets the tags of the `azure` block and, over them, those of the block.
pub fn set(body: &mut Body<Draft>, cx: &Context<'_>, own: Option<&BTreeMap<String, String>>) {
    let tags = merged(&cx.defaults.tags, own.into_iter().flatten());
    if !tags.is_empty() {
        body.set(PATH, to_body(&tags));
    }
}

/// The tags of a block, which Azure must take together with those of the `azure` block.
///
/// # Errors
/// What Azure would refuse; what is wrong with those of the `azure` block alone is told there.
pub fn own<'a>(fields: &'a Fields<'_>, cx: &Context<'_>) -> Result<Option<&'a BTreeMap<String, String>>, Diagnostics> {
    let own = fields.top().map("tags");
    let Some(given) = own else { return Ok(None) };
    let elsewhere = problems(&cx.defaults.tags);
    let refuse = |problem: String| {
        Diagnostic::error(NOT_ALLOWED, "value not allowed")
            .at(fields.top().span("tags"), problem)
            .about(fields.owner())
    };
    let all = problems(&merged(&cx.defaults.tags, given));
    let found: Diagnostics = all
        .into_iter()
        .filter(|problem| !elsewhere.contains(problem))
        .map(refuse)
        .collect();
    found.or(own).map(|(own, _)| own)
}

/// Tags with others over them. Keys are compared without letter case, as ARM does.
pub fn merged<'a>(
    tags: &BTreeMap<String, String>,
    over: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> BTreeMap<String, String> {
    let mut merged = tags.clone();
    for (key, value) in over {
        merged.retain(|known, _| !known.eq_ignore_ascii_case(key));
        merged.insert(key.clone(), value.clone());
    }
    merged
}

/// How many tags an object may have, without those that tell whose it is.
const MOST: usize = 50 - OWN;

/// Tags that pgferry adds to what it makes: unit, generation, lineage.
const OWN: usize = 3;

/// Characters of a tag's name.
const LONGEST_NAME: usize = 512;

/// Characters of a tag's value.
pub const LONGEST_VALUE: usize = 256;

/// Characters that no tag's name may hold.
const NOT_IN_NAMES: &str = "<>%&\\?/";

/// What Azure would refuse of tags, each in a sentence without its end.
pub fn problems(tags: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    if tags.len() > MOST {
        found.push(format!(
            "these are {} tags: an object may have {MOST} beside the {OWN} that pgferry adds",
            tags.len()
        ));
    }
    for (name, value) in tags {
        let (of_name, of_value) = (name.chars().count(), value.chars().count());
        if name.is_empty() {
            found.push("a tag has no name".to_owned());
        } else if of_name > LONGEST_NAME {
            let beginning: String = name.chars().take(20).collect();
            found.push(format!(
                "the name of the tag `{beginning}…` has {of_name} characters: Azure takes {LONGEST_NAME}"
            ));
        } else if let Some(refused) = name.chars().find(|c| NOT_IN_NAMES.contains(*c)) {
            found.push(format!(
                "the name of the tag `{name}` holds `{refused}`, which Azure refuses"
            ));
        }
        if of_value > LONGEST_VALUE {
            found.push(format!(
                "the value of the tag `{name}` has {of_value} characters: Azure takes {LONGEST_VALUE}"
            ));
        }
    }
    found
}

/// Tags as a part of a request.
pub fn to_body(tags: &BTreeMap<String, String>) -> Body<Draft> {
    Body::object(
        tags.iter()
            .map(|(key, value)| (key.as_str(), Body::text(value.as_str()))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_azure_would_refuse_is_told() {
        let tags = |pairs: &[(&str, usize)]| {
            let pairs = pairs
                .iter()
                .map(|(key, length)| ((*key).to_owned(), "ä".repeat(*length)));
            pairs.collect::<BTreeMap<_, _>>()
        };
        assert_eq!(
            problems(&tags(&[("team", 256), (&"n".repeat(512), 0)])),
            Vec::<String>::new()
        );
        assert_eq!(
            problems(&tags(&[("", 0), ("a/b", 0), (&"n".repeat(513), 0), ("team", 257)])),
            [
                "a tag has no name",
                "the name of the tag `a/b` holds `/`, which Azure refuses",
                "the name of the tag `nnnnnnnnnnnnnnnnnnnn…` has 513 characters: Azure takes 512",
                "the value of the tag `team` has 257 characters: Azure takes 256",
            ]
        );
        let many: BTreeMap<_, _> = (0..48).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(
            problems(&many),
            ["these are 48 tags: an object may have 47 beside the 3 that pgferry adds"]
        );
    }

    #[test]
    fn a_later_tag_wins_whatever_its_letter_case() {
        let tags = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            pairs.collect::<BTreeMap<_, _>>()
        };
        let merged = merged(&tags(&[("Team", "a"), ("cost", "1")]), &tags(&[("team", "b")]));
        assert_eq!(merged, tags(&[("team", "b"), ("cost", "1")]));
    }
}
