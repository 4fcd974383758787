//! Values in a form that servers of all versions, locales and builds agree on, and the digest of a row made of them. Pure text: it
//! writes SQL and never sends it.
//!
//! `hash_record_extended` alone will not do: it adds up what it makes of its fields, so that values which two rows have exchanged
//! cancel out in a sum over rows. As the seed of a last hash its result is mixed.

use crate::database::quote_identifier;
use crate::postgres::ServerVersion;

/// How a row becomes a number of 64 bits, by the lower of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    hash: Hash,
    /// Whether the ends write floating point differently: before 12 with 17 digits, since then with as many as it takes.
    floats_differ: bool,
    /// Whether the ends store text in different encodings.
    encodings_differ: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    /// From 14 on: typed fields.
    Record,
    /// From 11 on: the text of a row, 64 bits at once.
    Text,
    /// Before: the text of a row, twice 32 bits.
    Halves,
}

/// What is to be known of a type to write its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `int2`, `int4`.
    Small,
    /// `int8`, `oid`.
    Large,
    /// `bool`.
    Truth,
    /// `numeric`, with its scale fixed by the column or not.
    Number {
        /// Whether it is.
        fixed: bool,
    },
    /// `float4`, `float8`.
    Float,
    /// Times and addresses whose own hash tells all values apart.
    Exact,
    /// `bytea`.
    Bytes,
    /// Geometry made of floating point, with the function that writes it as bytes.
    Geometry(Geometry),
    /// Arrays of `float4` and `float8`.
    Floats,
    /// Anything else, by its text.
    Text {
        /// Whether floating point is inside.
        floats: bool,
    },
}

/// A geometric type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry(&'static str);

/// A column that both ends have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// How its values are written.
    pub shape: Shape,
}

/// How many fields one record may have; the server's own limit is 1 664.
const FIELDS: usize = 1_000;

/// Any number but 0, which would leave a hash unmixed.
const SEED: &str = "1";

impl Form {
    /// The form that both versions can compute.
    pub fn of(source: ServerVersion, target: ServerVersion, encodings_differ: bool) -> Self {
        let lower = source.min(target).major();
        Self {
            hash: match lower {
                14.. if !encodings_differ => Hash::Record,
                11.. => Hash::Text,
                _ => Hash::Halves,
            },
            floats_differ: (source.major() < 12) != (target.major() < 12),
            encodings_differ,
        }
    }

    /// The digest of these columns, a `bigint`.
    pub fn digest(self, columns: &[Column]) -> String {
        match self.hash {
            Hash::Record => {
                let fields: Vec<String> = columns.iter().flat_map(Column::fields).collect();
                if fields.is_empty() {
                    return "0::bigint".to_owned();
                }
                format!("hashint8extended(1, hash_record_extended({}, {SEED}))", record(&fields))
            }
            Hash::Text => format!("hashtextextended({} collate \"C\", {SEED})", self.text(columns)),
            Hash::Halves => {
                let text = self.text(columns);
                format!(
                    "((hashtext(({text}) collate \"C\")::bigint << 32) | (hashtext(('#' || {text}) collate \"C\")::bigint & 4294967295))"
                )
            }
        }
    }

    /// A text that stands for bytes, written as SQL.
    pub fn digest_of_bytes(self, bytes: &str) -> String {
        match self.hash {
            Hash::Record | Hash::Text => format!("encode(sha256({bytes}), 'hex')"),
            Hash::Halves => {
                format!("concat_ws('.', hashtext(encode({bytes}, 'hex')), hashtext('#' || encode({bytes}, 'hex')))")
            }
        }
    }

    fn text(self, columns: &[Column]) -> String {
        let texts: Vec<String> = columns.iter().map(|column| column.text(self)).collect();
        if texts.is_empty() {
            return "''".to_owned();
        }
        let row = format!("{}::text", record(&texts));
        if self.encodings_differ {
            format!("encode(convert_to({row}, 'UTF8'), 'hex')")
        } else {
            format!("({row})")
        }
    }
}

/// Fields as one record, or as a record of records where they are too many.
fn record(fields: &[String]) -> String {
    if fields.len() <= FIELDS {
        return format!("row({})", fields.join(", "));
    }
    let parts: Vec<String> = fields.chunks(FIELDS).map(record).collect();
    format!("row({})", parts.join(", "))
}

impl Shape {
    /// The shape of a type by its name; `limited` where the column itself has a type modifier.
    pub fn of(name: &str, builtin: bool, is_enum: bool, limited: bool, floats: bool) -> Self {
        if !builtin || is_enum {
            return Self::Text { floats };
        }
        match name {
            "int2" | "int4" => Self::Small,
            "int8" | "oid" => Self::Large,
            "bool" => Self::Truth,
            "numeric" => Self::Number { fixed: limited },
            "float4" | "float8" => Self::Float,
            "date" | "time" | "timestamp" | "timestamptz" | "uuid" | "inet" | "cidr" | "macaddr" | "macaddr8" => {
                Self::Exact
            }
            "bytea" => Self::Bytes,
            "_float4" | "_float8" => Self::Floats,
            "point" => Self::Geometry(Geometry("point_send")),
            "line" => Self::Geometry(Geometry("line_send")),
            "lseg" => Self::Geometry(Geometry("lseg_send")),
            "box" => Self::Geometry(Geometry("box_send")),
            "path" => Self::Geometry(Geometry("path_send")),
            "polygon" => Self::Geometry(Geometry("poly_send")),
            "circle" => Self::Geometry(Geometry("circle_send")),
            _ => Self::Text { floats },
        }
    }

    /// The shape that values of both ends can be written in.
    pub fn common(self, other: Self) -> Self {
        match (self, other) {
            (one, another) if one == another => one,
            (Self::Small | Self::Large, Self::Small | Self::Large) => Self::Large,
            (Self::Number { .. }, Self::Number { .. }) => Self::Number { fixed: false },
            (one, another) => Self::Text {
                floats: one.has_floats() || another.has_floats(),
            },
        }
    }

    fn has_floats(self) -> bool {
        match self {
            Self::Float | Self::Floats | Self::Geometry(_) => true,
            Self::Text { floats } => floats,
            Self::Small | Self::Large | Self::Truth | Self::Number { .. } | Self::Exact | Self::Bytes => false,
        }
    }
}

impl Column {
    /// Whether both ends can write its values alike.
    pub fn comparable(&self, form: Form) -> bool {
        match self.shape {
            Shape::Text { floats } => !(floats && form.floats_differ),
            Shape::Small
            | Shape::Large
            | Shape::Truth
            | Shape::Number { .. }
            | Shape::Float
            | Shape::Exact
            | Shape::Bytes
            | Shape::Geometry(_)
            | Shape::Floats => true,
        }
    }

    /// Its value as typed fields whose hashes tell apart what is not the same.
    fn fields(&self) -> Vec<String> {
        let c = quote_identifier(&self.name);
        match self.shape {
            Shape::Small | Shape::Exact => vec![c],
            // Its hash folds both halves into one, so that 1 and 4 294 967 296 would be the same.
            Shape::Large => vec![format!("{c}::int8"), format!("({c}::int8 >> 32)::int4")],
            Shape::Truth => vec![format!("{c}::int4")],
            // Its hash takes 1.5 for 1.50.
            Shape::Number { fixed: true } => vec![c],
            Shape::Number { fixed: false } => vec![format!("scale({c})"), c],
            // Its hash takes 0 for -0, and there are many bit patterns of NaN.
            Shape::Float => vec![
                format!("case when {c} = 'NaN' then 'NaN' else {c} end"),
                format!("case when {c} = 0 then {c}::text collate \"C\" end"),
            ],
            Shape::Bytes => vec![format!("encode(sha256({c}), 'hex') collate \"C\"")],
            Shape::Geometry(_) | Shape::Floats | Shape::Text { .. } => vec![format!("{c}::text collate \"C\"")],
        }
    }

    /// Its value as one text.
    pub fn text(&self, form: Form) -> String {
        let c = quote_identifier(&self.name);
        match (self.shape, form.hash, form.floats_differ) {
            (Shape::Float, _, true) => {
                format!("case when {c} = 'NaN' then 'NaN' else encode(float8send({c}), 'hex') end")
            }
            (Shape::Floats, _, true) => format!("encode(array_send({c}), 'hex')"),
            (Shape::Geometry(Geometry(send)), _, true) => format!("encode({send}({c}), 'hex')"),
            (Shape::Bytes, Hash::Record | Hash::Text, _) => format!("encode(sha256({c}), 'hex')"),
            (
                Shape::Small
                | Shape::Large
                | Shape::Truth
                | Shape::Number { .. }
                | Shape::Float
                | Shape::Exact
                | Shape::Bytes
                | Shape::Geometry(_)
                | Shape::Floats
                | Shape::Text { .. },
                Hash::Record | Hash::Text | Hash::Halves,
                _,
            ) => format!("{c}::text"),
        }
    }
}

impl Column {
    /// Its value as people and a `where` read it, for columns of a key.
    pub fn shown(&self, form: Form) -> String {
        match (self.shape, form.floats_differ) {
            (Shape::Float, true) => self.text(form),
            (
                Shape::Small
                | Shape::Large
                | Shape::Truth
                | Shape::Number { .. }
                | Shape::Float
                | Shape::Exact
                | Shape::Bytes
                | Shape::Geometry(_)
                | Shape::Floats
                | Shape::Text { .. },
                _,
            ) => format!("{}::text", quote_identifier(&self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, shape: Shape) -> Column {
        Column {
            name: name.to_owned(),
            shape,
        }
    }

    fn form(source: u32, target: u32) -> Form {
        Form::of(
            ServerVersion::new(source * 10_000),
            ServerVersion::new(target * 10_000),
            false,
        )
    }

    #[test]
    fn the_lower_version_decides_how_a_row_becomes_a_number() {
        let columns = [column("a", Shape::Small), column("b\"", Shape::Float)];
        insta::assert_snapshot!(form(18, 14).digest(&columns), @r#"hashint8extended(1, hash_record_extended(row("a", case when "b""" = 'NaN' then 'NaN' else "b""" end, case when "b""" = 0 then "b"""::text collate "C" end), 1))"#);
        insta::assert_snapshot!(form(13, 16).digest(&columns), @r#"hashtextextended((row("a"::text, "b"""::text)::text) collate "C", 1)"#);
        insta::assert_snapshot!(form(11, 16).digest(&columns), @r#"hashtextextended((row("a"::text, case when "b""" = 'NaN' then 'NaN' else encode(float8send("b"""), 'hex') end)::text) collate "C", 1)"#);
        assert!(form(10, 10).digest(&columns).starts_with("((hashtext("));
    }

    #[test]
    fn a_record_never_has_more_fields_than_a_server_takes() {
        let columns: Vec<Column> = (0..1_600).map(|n| column(&format!("c{n}"), Shape::Small)).collect();
        let digest = form(15, 15).digest(&columns);
        assert_eq!(digest.matches("row(").count(), 3);
    }

    #[test]
    fn floating_point_inside_a_composite_cannot_be_written_alike_across_version_12() {
        let composite = column("c", Shape::Text { floats: true });
        assert!(!composite.comparable(form(11, 12)));
        assert!(composite.comparable(form(10, 11)));
        assert!(composite.comparable(form(12, 18)));
    }
}
