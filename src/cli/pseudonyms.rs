//! Names told by others that stay the same through a text, so that somebody else may read it. A name that is known is found
//! wherever it stands; what only looks like one (ids, paths, hosts, anything in quotes) is taken for one.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value as Json;

use crate::azure::mask::Masks;
use crate::config::json_schema;
use crate::config::layout::{Piece, retold};
use crate::secret::Secret;

/// Whether names are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// As they are.
    Plain,
    /// By pseudonyms.
    Pseudonyms,
}

/// Pseudonyms, and secrets, which are told by nothing at all.
pub(crate) struct Pseudonyms {
    telling: Telling,
    masks: Masks,
    names: BTreeSet<String>,
    given: HashMap<String, String>,
    counts: HashMap<&'static str, usize>,
}

/// What stands where a text may be a secret.
const HIDDEN: &str = "(hidden)";

/// Arguments whose texts may be secrets, whatever is known of them: by a part of their name, or as what a variable has
/// without a value.
const SECRETIVE: [&str; 9] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "sas",
    "credential",
    "key",
    "default",
    "value",
];

static UNSAFE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?P<text>`[^`]*`|'[^']*'|",
        "\"[^\"]*\"",
        r"|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?:[A-Za-z]+:/)?/[^\s'`,;()]*[^\s'`,;():.])",
        r"|(?P<word>[\p{L}\p{N}_](?:[\p{L}\p{N}_.@-]*[\p{L}\p{N}_])?)",
    ))
    .expect("the pattern is right")
});

/// Words that the language itself has: no name that is one of them says anything.
static LANGUAGE: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut words = BTreeSet::new();
    collect(&json_schema::configuration(), &mut words);
    words
});

fn collect(schema: &Json, words: &mut BTreeSet<String>) {
    match schema {
        Json::Object(members) => {
            for (name, member) in members {
                words.insert(name.to_lowercase());
                match (name.as_str(), member) {
                    ("enum", Json::Array(allowed)) => {
                        words.extend(allowed.iter().filter_map(Json::as_str).map(str::to_lowercase));
                    }
                    ("const", Json::String(allowed)) => drop(words.insert(allowed.to_lowercase())),
                    _ => collect(member, words),
                }
            }
        }
        Json::Array(elements) => elements.iter().for_each(|element| collect(element, words)),
        Json::String(_) | Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// Whether the language itself has this word.
pub(crate) fn is_language(text: &str) -> bool {
    LANGUAGE.contains(&text.to_lowercase())
}

impl Pseudonyms {
    /// None given yet.
    pub(crate) fn new(telling: Telling) -> Self {
        Self {
            telling,
            masks: Masks::default(),
            names: BTreeSet::new(),
            given: HashMap::new(),
            counts: HashMap::new(),
        }
    }

    /// Secrets that are at hand.
    pub(crate) fn hide<'s>(&self, secrets: impl IntoIterator<Item = &'s Secret>) {
        self.masks.remember(secrets);
    }

    /// A text that is a name, or is made of some. Short words of a sentence are no names.
    pub(crate) fn learn(&mut self, text: &str) {
        let is_sentence = text.trim().contains(char::is_whitespace);
        let shortest = if is_sentence { 4 } else { 2 };
        let parts = text.split(|c: char| !(c.is_alphanumeric() || "_-.@".contains(c)));
        for name in parts.chain([text]) {
            let name = name.trim();
            if name.chars().count() >= shortest && !is_language(name) {
                self.names.insert(name.to_lowercase());
            }
        }
    }

    /// The names in every literal of a configuration's text, whether it holds or not.
    pub(crate) fn learn_configuration(&mut self, text: &str) {
        retold(text, |piece| {
            if let Piece::Literal { text, .. } = piece {
                self.learn(text);
            }
            String::new()
        });
    }

    /// The names in every text of a document.
    pub(crate) fn learn_document(&mut self, document: &Json) {
        match document {
            Json::String(text) => self.learn(text),
            Json::Array(elements) => elements.iter().for_each(|element| self.learn_document(element)),
            Json::Object(members) => members.values().for_each(|member| self.learn_document(member)),
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
    }

    /// A name of this sort.
    pub(crate) fn name(&mut self, sort: &'static str, name: &str) -> String {
        match self.telling {
            Telling::Plain => self.masks.hide_in_text(name),
            Telling::Pseudonyms => self.pseudonym(sort, name),
        }
    }

    fn pseudonym(&mut self, sort: &'static str, name: &str) -> String {
        let key = name.to_lowercase();
        if let Some(given) = self.given.get(&key) {
            return given.clone();
        }
        let count = self.counts.entry(sort).or_default();
        *count += 1;
        let given = format!("{sort}-{count}");
        self.given.insert(key, given.clone());
        given
    }

    /// A text for people.
    pub(crate) fn tell(&mut self, text: &str) -> String {
        let text = self.masks.hide_in_text(text);
        match self.telling {
            Telling::Plain => text,
            Telling::Pseudonyms => UNSAFE
                .replace_all(&text, |found: &Captures<'_>| match found.name("word") {
                    Some(word) => self.word(word.as_str()),
                    None => self.pseudonym("name", found[0].trim_matches(['`', '\'', '"'])),
                })
                .into_owned(),
        }
    }

    fn word(&mut self, word: &str) -> String {
        let is_host = word.contains('@') || word.split('.').count() > 2 && word.contains(char::is_alphabetic);
        let is_address = word.parse::<std::net::IpAddr>().is_ok();
        if is_host || is_address || self.names.contains(&word.to_lowercase()) {
            return self.pseudonym("name", word);
        }
        let parts: Vec<String> = word
            .split('.')
            .map(|part| match self.names.contains(&part.to_lowercase()) {
                true => self.pseudonym("name", part),
                false => part.to_owned(),
            })
            .collect();
        parts.join(".")
    }

    /// The text of a configuration, without comments. What may be a secret by where it stands is hidden even where nothing of
    /// the configuration could be evaluated, which would tell what is one.
    pub(crate) fn configuration(&mut self, text: &str) -> String {
        let told = retold(text, |piece| match piece {
            Piece::Word(word) => match self.telling {
                Telling::Pseudonyms if self.names.contains(&word.to_lowercase()) => self.pseudonym("name", word),
                Telling::Plain | Telling::Pseudonyms => word.to_owned(),
            },
            Piece::Literal { text, argument } => {
                let is_blank = text.trim().is_empty();
                let may_be_secret = argument.is_some_and(|name| {
                    let name = name.to_lowercase();
                    SECRETIVE.iter().any(|part| name.contains(part))
                });
                match (may_be_secret, self.telling) {
                    (_, Telling::Plain | Telling::Pseudonyms) if is_blank || is_language(text) => text.to_owned(),
                    (true, _) => HIDDEN.to_owned(),
                    (false, Telling::Plain) => text.to_owned(),
                    (false, Telling::Pseudonyms) => self.pseudonym("name", text),
                }
            }
        });
        self.masks.hide_in_text(&told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knowing() -> Pseudonyms {
        let mut pseudonyms = Pseudonyms::new(Telling::Pseudonyms);
        pseudonyms.hide([&Secret::new("hunter22")]);
        pseudonyms.learn("wave1");
        pseudonyms.learn("pg-erp-prod");
        pseudonyms
    }

    #[test]
    fn a_name_has_one_pseudonym_and_nothing_that_looks_like_one_is_told() {
        let mut pseudonyms = knowing();
        insta::assert_snapshot!(
            pseudonyms.tell(
                "cutover database_batch.wave1#2: PUT /subscriptions/s/x: `erp` of Pg-Erp-Prod at db.contoso.local \
                 (10.1.0.4) refused hunter22; 3 steps done in 0.1.0, by ada@host, id 11111111-2222-4333-8444-555555555555"
            ),
            @"cutover database_batch.name-1#2: PUT name-2: name-3 of name-4 at name-5 (name-6) refused (secret); 3 steps done in 0.1.0, by name-7, id name-8"
        );
        assert_eq!(pseudonyms.tell("pg-erp-prod"), "name-4");
    }

    #[test]
    fn a_configuration_keeps_its_form_and_none_of_its_texts() {
        let text = "# of Ada\ntarget \"erp\" {\n  password = \"s3cret\" # hm\n  mode     = \"Online\"\n  tags     = { owner = \"ada\", of = target.erp.id }\n}\n";
        let mut pseudonyms = knowing();
        pseudonyms.learn_configuration(text);
        insta::assert_snapshot!(pseudonyms.configuration(text), @r#"

        target "name-1" {
          password = "(hidden)" 
          mode     = "Online"
          tags     = { owner = "name-2", of = target.name-1.id }
        }
        "#);
        let plain = Pseudonyms::new(Telling::Plain).configuration(text);
        assert!(plain.contains("\"ada\"") && !plain.contains("s3cret"), "{plain}");
    }
}
