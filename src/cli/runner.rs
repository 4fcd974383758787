//! What the runner of a pipeline takes for a command where it stands in a log. Names, tags and messages come from servers, and
//! whoever may write those must not steer a job: outside our own annotations such a text is said so that no runner listens. What is
//! neither for people nor JSON, as a value of `output --raw`, is told as it is: it is meant for a file or a variable, not for a log.
//!
//! GitHub's takes `::` at the beginning of a line and `##[` anywhere, the agent of Azure DevOps `##vso[` and `##[` anywhere. They
//! may compare by the rules of a language, which pass over what cannot be seen and over letter case.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

static ANYWHERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)#(\p{Cf}*#\p{Cf}*(?:v\p{Cf}*s\p{Cf}*o\p{Cf}*)?)\[").expect("the pattern is a constant")
});

static AT_THE_BEGINNING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^([\s\p{Cf}]*):(\p{Cf}*:)").expect("the pattern is a constant"));

/// A text for people: a space is in the way.
pub(crate) fn disarmed(text: &str) -> String {
    let text = ANYWHERE.replace_all(text, "# $1[");
    AT_THE_BEGINNING.replace_all(&text, "$1: $2").into_owned()
}

/// JSON: a bracket in a string is escaped, which means the same.
pub(crate) fn disarmed_json(text: &str) -> Cow<'_, str> {
    ANYWHERE.replace_all(text, r"#$1\u005b")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_left() {
        for (text, said) in [
            (
                "##vso[task.setvariable variable=a]b",
                "# #vso[task.setvariable variable=a]b",
            ),
            ("a ##VSO[x] ##[error]b", "a # #VSO[x] # #[error]b"),
            ("##\u{200d}vso[x]", "# #\u{200d}vso[x]"),
            ("###[x]", "## #[x]"),
            (
                "  ::set-output name=a::b\n\t::stop-commands::x",
                "  : :set-output name=a::b\n\t: :stop-commands::x",
            ),
            (
                "fe80::1 and a::b, ## Title, [link]",
                "fe80::1 and a::b, ## Title, [link]",
            ),
        ] {
            assert_eq!(disarmed(text), said);
        }
    }

    #[test]
    fn data_means_the_same() {
        let text = serde_json::json!({ "owner": "##vso[task.complete]", "##[a": ["##"] }).to_string();
        let said = disarmed_json(&text);
        assert!(!said.contains("##vso[") && !said.contains("##["), "{said}");
        let (before, after): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&text).unwrap(),
            serde_json::from_str(&said).unwrap(),
        );
        assert_eq!(before, after);
    }
}
