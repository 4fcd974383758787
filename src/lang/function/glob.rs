//! Patterns of paths, as `fileset` takes them: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of directories.

/// More alternatives than anybody writes; each pair of braces multiplies them.
const MOST_ALTERNATIVES: usize = 1_000;

/// A pattern that was understood.
pub(super) struct Pattern {
    /// Each is a path of patterns, one for a directory or file.
    alternatives: Vec<Vec<Vec<Part>>>,
}

enum Part {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `**` alone: any number of directories.
    Deep,
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When brackets or braces do not close, or stand for too much.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let alternatives = alternatives(pattern)?;
        let alternatives = alternatives.iter().map(|pattern| {
            let names = pattern.split('/').filter(|name| !name.is_empty() && *name != ".");
            names.map(parts).collect()
        });
        Ok(Self {
            alternatives: alternatives.collect::<Result<_, String>>()?,
        })
    }

    /// Whether a path with single slashes fits.
    pub(super) fn fits(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|pattern| path_fits(pattern, &names))
    }
}

/// The patterns that a pattern with braces stands for.
fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(pattern) = open.pop() {
        let Some((before, choices, after)) = braces(&pattern)? else {
            done.push(pattern);
            continue;
        };
        if done.len() + open.len() + choices.len() > MOST_ALTERNATIVES {
            return Err(format!("the pattern stands for more than {MOST_ALTERNATIVES} patterns"));
        }
        open.extend(choices.iter().map(|choice| format!("{before}{choice}{after}")));
    }
    Ok(done)
}

type Braces<'p> = Option<(&'p str, Vec<&'p str>, &'p str)>;

/// The first pair of braces: what stands before, in and after it.
fn braces(pattern: &str) -> Result<Braces<'_>, String> {
    let (mut depth, mut start, mut choice, mut choices, mut escaped) = (0, 0, 0, Vec::new(), false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    (start, choice) = (at, at + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                choices.push(pattern.get(choice..at).unwrap_or_default());
                choice = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(pattern.get(choice..at).unwrap_or_default());
                let before = pattern.get(..start).unwrap_or_default();
                return Ok(Some((before, choices, pattern.get(at + 1..).unwrap_or_default())));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a `{` in the pattern is never closed".to_owned());
    }
    Ok(None)
}

fn parts(name: &str) -> Result<Vec<Part>, String> {
    if name == "**" {
        return Ok(vec![Part::Deep]);
    }
    let mut parts = Vec::new();
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        parts.push(match c {
            '?' => Part::One,
            '*' => Part::Any,
            '[' => class(&mut rest).ok_or("a `[` in the pattern is never closed")?,
            '\\' => Part::Literal(rest.next().ok_or("the pattern ends with a backslash")?),
            c => Part::Literal(c),
        });
    }
    Ok(parts)
}

fn class(rest: &mut std::str::Chars<'_>) -> Option<Part> {
    let mut ahead = rest.clone();
    let negated = ahead.next() == Some('^');
    if negated {
        rest.next();
    }
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next()? {
            ']' if !ranges.is_empty() => return Some(Part::Class { ranges, negated }),
            '\\' => rest.next()?,
            c => c,
        };
        let mut ahead = rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                rest.nth(1);
                to
            }
            _ => from,
        };
        ranges.push((from, to));
    }
}

fn path_fits(pattern: &[Vec<Part>], names: &[&str]) -> bool {
    // Which starts of `names` fit the patterns so far.
    let mut fitting = vec![false; names.len() + 1];
    if let Some(start) = fitting.first_mut() {
        *start = true;
    }
    for name in pattern {
        let is_deep = matches!(name.as_slice(), [Part::Deep]);
        let mut next = vec![false; names.len() + 1];
        let mut reached = false;
        for (at, place) in next.iter_mut().enumerate() {
            let before = |at: usize| fitting.get(at).copied().unwrap_or_default();
            if is_deep {
                reached |= before(at);
                *place = reached;
            } else if let Some(at) = at.checked_sub(1)
                && let Some(text) = names.get(at)
            {
                *place = before(at) && name_fits(name, text);
            }
        }
        fitting = next;
    }
    fitting.last().copied().unwrap_or_default()
}

fn name_fits(pattern: &[Part], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut part) = (0, 0);
    // Where to go on when what followed the last `*` did not fit.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let fits = match (pattern.get(part), name.get(at)) {
            (None, None) => return true,
            (Some(Part::Any), _) => {
                retry = Some((part, at));
                part += 1;
                continue;
            }
            (Some(Part::One), Some(_)) => true,
            (Some(Part::Literal(c)), Some(found)) => c == found,
            (Some(Part::Class { ranges, negated }), Some(found)) => {
                ranges.iter().any(|(from, to)| (from..=to).contains(&found)) != *negated
            }
            (Some(Part::Deep), _) | (Some(_), None) | (None, Some(_)) => false,
        };
        if fits {
            (at, part) = (at + 1, part + 1);
            continue;
        }
        match retry {
            Some((star, from)) if from < name.len() => {
                retry = Some((star, from + 1));
                (at, part) = (from + 1, star + 1);
            }
            Some(_) | None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).unwrap().fits(path)
    }

    #[test]
    fn patterns_fit_names_and_directories() {
        for (pattern, path) in [
            ("*", "a.txt"),
            ("a*c*", "abbcd"),
            ("**", "a/b/c"),
            ("**/c", "c"),
            ("a/**/c", "a/c"),
            ("a/**/c", "a/b/b/c"),
            ("{a,b{c,d}}.txt", "bd.txt"),
            ("[a-c]?", "bx"),
            ("[^a]", "b"),
            ("\\*", "*"),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*", "a/b"),
            ("a", "ab"),
            ("[a-c]", "d"),
            ("?", ""),
            ("a/**/c", "b/c"),
            ("\\*", "a"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn patterns_cost_no_more_than_their_length() {
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)));
        assert!(!fits(&("**/".repeat(40) + "x"), &"a/".repeat(2_000)));
        assert!(Pattern::parse(&"{a,b}".repeat(40)).is_err());
        assert!(Pattern::parse("[").is_err() && Pattern::parse("{").is_err());
    }
}
