//! Tags: those of the `azure` block and of a block of its own, merged in one place. It never looks at what is there.

use std::collections::BTreeMap;

use super::{BodyField, Compare, Context};
use crate::arm::{Body, Draft};

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
