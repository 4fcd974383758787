//! Texts in other character sets: the ones that scripts for other machines are written in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The sets by their registered names, with the aliases that people write.
const SETS: &[(&str, Charset)] = &[
    ("UTF-8", Charset::Utf8),
    ("UTF-16LE", Charset::Utf16Le),
    ("UTF-16BE", Charset::Utf16Be),
    ("ISO-8859-1", Charset::Latin1),
    ("LATIN1", Charset::Latin1),
    ("US-ASCII", Charset::Ascii),
    ("ASCII", Charset::Ascii),
];

/// A character set.
#[derive(Clone, Copy)]
pub(super) enum Charset {
    Utf8,
    Utf16Le,
    Utf16Be,
    Latin1,
    Ascii,
}

impl Charset {
    /// The set of that name, in any case.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let known = SETS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, set)| *set).ok_or_else(|| {
            let names: Vec<&str> = SETS.iter().map(|(name, _)| *name).collect();
            format!("there is no character set `{name}` here, only {}", names.join(", "))
        })
    }

    /// The text in this set, in Base64.
    pub(super) fn encode(self, text: &str) -> Result<String, String> {
        let single = |c: char, most: char| match u8::try_from(c) {
            Ok(byte) if c <= most => Ok(byte),
            Ok(_) | Err(_) => Err(format!("the set does not have `{c}`")),
        };
        let bytes = match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Latin1 => text.chars().map(|c| single(c, '\u{ff}')).collect::<Result<_, _>>()?,
            Self::Ascii => text.chars().map(|c| single(c, '\u{7f}')).collect::<Result<_, _>>()?,
        };
        Ok(STANDARD.encode(bytes))
    }

    /// The text that Base64 of this set stands for.
    pub(super) fn decode(self, encoded: &str) -> Result<String, String> {
        let bytes = STANDARD
            .decode(encoded.replace(['\r', '\n'], ""))
            .map_err(|_| "this is not Base64".to_owned())?;
        let pairs = |of: fn([u8; 2]) -> u16| {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let decoded: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| of(*pair))).collect();
            decoded.ok().filter(|_| rest.is_empty())
        };
        let text = match self {
            Self::Utf8 => String::from_utf8(bytes).ok(),
            Self::Utf16Le => pairs(u16::from_le_bytes),
            Self::Utf16Be => pairs(u16::from_be_bytes),
            Self::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Ascii => bytes
                .is_ascii()
                .then(|| bytes.iter().map(|byte| char::from(*byte)).collect()),
        };
        text.ok_or_else(|| "what it stands for is no text of this set".to_owned())
    }
}
