//! Catalogs of both ends, read kind by kind and set against each other. It knows no kind by name but views.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join;

use super::repair;
use super::report::{Attribute, Detail, Difference, Gravity};
use super::schema::{Extra, PARTS, SchemaKind, VIEWS, WHOLES};
use super::side::{Side, SideError, ours};
use crate::postgres::{Answer, QueryFailure, Question, ServerVersion};

/// Things of one kind on one end, by identity.
pub type Things = BTreeMap<String, Thing>;

/// One thing as one end has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thing {
    /// What must be the same, by name.
    pub attributes: BTreeMap<String, Option<String>>,
    /// The thing whose absence explains its own.
    pub parent: Option<String>,
    /// Why a difference would be no fault.
    pub expected: Option<String>,
    /// What would bring it about.
    pub make: Option<String>,
    /// What would take it away.
    pub undo: Option<String>,
}

/// What catalogs say.
pub struct Catalogs {
    /// Things of the source, counted by kind.
    pub objects: Vec<(&'static str, usize)>,
    /// What is not the same, without views.
    pub differences: Vec<Difference>,
    /// Differences of views, which may be one of spelling alone.
    pub views: Vec<Difference>,
}

/// Reads and compares all kinds.
///
/// # Errors
/// When an end cannot be read.
pub async fn compare(source: &Side, target: &Side) -> Result<Catalogs, SideError> {
    let lower = source.first().version().min(target.first().version());
    let both = |kind: &'static SchemaKind| try_join(read(source, kind, lower), read(target, kind, lower));
    let mut catalogs = Catalogs {
        objects: Vec::new(),
        differences: Vec::new(),
        views: Vec::new(),
    };
    let mut absent = Absent::default();
    for kind in WHOLES {
        let (ours, theirs) = both(kind).await?;
        catalogs.objects.push((kind.plural, ours.len()));
        catalogs.differences.extend(apart(kind, &ours, &theirs, &absent));
        absent
            .on_target
            .extend(ours.keys().filter(|name| !theirs.contains_key(*name)).cloned());
        absent
            .on_source
            .extend(theirs.keys().filter(|name| !ours.contains_key(*name)).cloned());
    }
    let (ours, theirs) = both(&VIEWS).await?;
    catalogs.objects.push((VIEWS.plural, ours.len()));
    catalogs.views = apart(&VIEWS, &ours, &theirs, &absent);
    for kind in PARTS {
        let (ours, theirs) = both(kind).await?;
        catalogs.objects.push((kind.plural, ours.len()));
        catalogs.differences.extend(apart(kind, &ours, &theirs, &absent));
    }
    Ok(catalogs)
}

/// Wholes that only one end has.
#[derive(Default)]
struct Absent {
    on_target: BTreeSet<String>,
    on_source: BTreeSet<String>,
}

async fn read(side: &Side, kind: &SchemaKind, lower: ServerVersion) -> Result<Things, SideError> {
    let sql = ours(kind.sql).replace("{lower}", &lower.number().to_string());
    let wanted = kind.plural.replace('_', " ");
    let question = Question {
        wanted: &wanted,
        sql: &sql,
    };
    let rows = side.first().all(&question, thing).await?;
    Ok(rows.into_iter().collect())
}

fn thing(row: &Answer) -> Result<(String, Thing), QueryFailure> {
    let mut thing = Thing::default();
    for (name, value) in row.values() {
        let value = value.map(str::to_owned);
        match name {
            "identity" => {}
            "parent" => thing.parent = value,
            "expected" => thing.expected = value,
            "make" => thing.make = value,
            "undo" => thing.undo = value,
            attribute => {
                thing.attributes.insert(attribute.to_owned(), value);
            }
        }
    }
    Ok((row.text("identity")?.to_owned(), thing))
}

/// What is not the same in one kind.
fn apart(kind: &SchemaKind, source: &Things, target: &Things, absent: &Absent) -> Vec<Difference> {
    let mut found = Vec::new();
    let difference = |code, gravity, subject: &str, detail, repair: Option<String>| Difference {
        code,
        gravity,
        kind: kind.word,
        subject: subject.to_owned(),
        detail,
        repair: repair.map(repair::from_server),
    };
    let told = |parent: &Option<String>, absent: &BTreeSet<String>| {
        parent.as_ref().is_some_and(|parent| absent.contains(parent))
    };
    for (identity, ours) in source {
        match target.get(identity) {
            None if told(&ours.parent, &absent.on_target) => {}
            None => {
                let gravity = gravity(&[&ours.expected]);
                found.push(difference(
                    kind.codes.missing(),
                    gravity,
                    identity,
                    Detail::Missing,
                    ours.make.clone(),
                ));
            }
            Some(theirs) => {
                for (counts, attributes) in differing(ours, theirs) {
                    let (gravity, repair) = if counts {
                        (gravity(&[&ours.expected, &theirs.expected]), exchange(ours, theirs))
                    } else {
                        (Gravity::Expected("it is told and not judged".to_owned()), None)
                    };
                    found.push(difference(
                        kind.codes.differs(),
                        gravity,
                        identity,
                        Detail::Differs(attributes),
                        repair,
                    ));
                }
            }
        }
    }
    for (identity, theirs) in target {
        if source.contains_key(identity) || told(&theirs.parent, &absent.on_source) {
            continue;
        }
        let gravity = match kind.extra {
            Extra::Counts => gravity(&[&theirs.expected]),
            Extra::Expected(why) => Gravity::Expected(theirs.expected.clone().unwrap_or_else(|| why.to_owned())),
        };
        found.push(difference(
            kind.codes.extra(),
            gravity,
            identity,
            Detail::Extra,
            theirs.undo.clone(),
        ));
    }
    found
}

fn gravity(expected: &[&Option<String>]) -> Gravity {
    let reason = expected.iter().find_map(|reason| reason.as_ref());
    reason.map_or(Gravity::Counts, |reason| Gravity::Expected(reason.clone()))
}

/// The attributes that are not the same: those that count, then those that do not.
fn differing(source: &Thing, target: &Thing) -> Vec<(bool, Vec<Attribute>)> {
    let names: BTreeSet<&String> = source.attributes.keys().chain(target.attributes.keys()).collect();
    let value = |thing: &Thing, name: &String| thing.attributes.get(name).cloned().flatten();
    let (mut judged, mut told) = (Vec::new(), Vec::new());
    for name in names {
        let (ours, theirs) = (value(source, name), value(target, name));
        if ours == theirs {
            continue;
        }
        let attribute = Attribute {
            name: name.trim_start_matches('~').to_owned(),
            source: ours,
            target: theirs,
        };
        match name.starts_with('~') {
            false => judged.push(attribute),
            true => told.push(attribute),
        }
    }
    [(true, judged), (false, told)]
        .into_iter()
        .filter(|(_, attributes)| !attributes.is_empty())
        .collect()
}

/// What would put the source's in the place of the target's.
fn exchange(source: &Thing, target: &Thing) -> Option<String> {
    let make = source.make.as_ref()?;
    Some(match &target.undo {
        Some(undo) => format!("{undo}\n{make}"),
        None => make.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(attributes: &[(&str, &str)]) -> Thing {
        Thing {
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
                .collect(),
            ..Thing::default()
        }
    }

    fn things(all: &[(&str, Thing)]) -> Things {
        all.iter()
            .map(|(name, thing)| ((*name).to_owned(), thing.clone()))
            .collect()
    }

    #[test]
    fn what_belongs_to_a_missing_whole_is_not_told_again() {
        let index = Thing {
            parent: Some("public.t".to_owned()),
            ..thing(&[])
        };
        let source = things(&[("public.t_i", index)]);
        let absent = Absent {
            on_target: BTreeSet::from(["public.t".to_owned()]),
            ..Absent::default()
        };
        let kind = &PARTS[2];
        assert_eq!(kind.word, "index");
        assert!(apart(kind, &source, &Things::new(), &absent).is_empty());
        assert_eq!(apart(kind, &source, &Things::new(), &Absent::default()).len(), 1);
    }

    #[test]
    fn an_attribute_with_a_tilde_is_told_and_does_not_count() {
        let source = things(&[("e", thing(&[("schema", "a"), ("~version", "1")]))]);
        let target = things(&[("e", thing(&[("schema", "b"), ("~version", "2")]))]);
        let found = apart(&PARTS[0], &source, &target, &Absent::default());
        let counted: Vec<bool> = found.iter().map(|found| found.gravity == Gravity::Counts).collect();
        assert_eq!(counted, [true, false]);
    }
}
