//! Tables of both ends, paired by name, with the columns and the key that both have. It reads catalogs and no rows.

use std::collections::{BTreeMap, BTreeSet};

use super::canonical::{Column, Form, Shape};
use super::side::{Side, SideError, ask};
use crate::database::{TableName, quote_identifier};
use crate::postgres::QueryFailure;

/// What kind of thing holds rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A table or a partition.
    Table,
    /// A materialised view.
    MaterialisedView,
    /// The large objects of a database, which stand for one table.
    LargeObjects,
}

/// A table as one end has it.
#[derive(Clone, Debug)]
pub struct Held {
    /// What it is.
    pub holder: Holder,
    /// About how many rows it has, for proportions only.
    pub rows: u64,
    /// Whether rows lie in the order of their primary key, which has one column.
    pub ordered: bool,
    /// The columns that identify a row; empty where nothing does.
    pub key: Vec<String>,
    /// Its columns, in order, without those that are computed from others.
    pub columns: Vec<(String, Shape)>,
}

/// A table that both ends have.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// What it is.
    pub holder: Holder,
    /// What is read, as SQL writes it.
    pub from: String,
    /// About how many rows it has.
    pub rows: u64,
    /// Whether both ends can read it range by range of its key.
    pub ordered: bool,
    /// What identifies a row on both ends; empty where nothing does.
    pub key: Vec<Column>,
    /// The columns that both ends have.
    pub columns: Vec<Column>,
    /// Columns whose values cannot be written alike on both ends, and so are left out.
    pub left_out: Vec<String>,
}

/// Reads what holds rows on one end.
///
/// # Errors
/// When the server refuses or the connection breaks.
pub async fn held(side: &Side) -> Result<BTreeMap<TableName, Held>, SideError> {
    let mut tables = BTreeMap::new();
    let rows = ask(side.first(), "the tables", include_str!("sql/data/tables.sql"), |row| {
        let name = TableName {
            schema: row.text("schema")?.into(),
            name: row.text("name")?.into(),
        };
        let key = match row.maybe("key")? {
            None => Vec::new(),
            Some(json) => serde_json::from_str(json)
                .map_err(|error| QueryFailure::Misshapen(format!("`key` is no list of names: {error}")))?,
        };
        let held = Held {
            holder: match row.text("kind")? {
                "m" => Holder::MaterialisedView,
                _ => Holder::Table,
            },
            rows: row.number("rows")?,
            ordered: row.flag("ordered")?,
            key,
            columns: Vec::new(),
        };
        Ok((name, held))
    });
    tables.extend(rows.await?);
    let columns = ask(
        side.first(),
        "the columns of tables",
        include_str!("sql/data/columns.sql"),
        |row| {
            let name = TableName {
                schema: row.text("schema")?.into(),
                name: row.text("name")?.into(),
            };
            let shape = Shape::of(
                row.text("type")?,
                row.flag("builtin")?,
                row.flag("enum")?,
                row.flag("limited")?,
                row.flag("floats")?,
            );
            Ok((name, row.text("column")?.to_owned(), shape, row.flag("generated")?))
        },
    );
    for (name, column, shape, generated) in columns.await? {
        if let (Some(held), false) = (tables.get_mut(&name), generated) {
            held.columns.push((column, shape));
        }
    }
    Ok(tables)
}

/// What both ends have in common of a table.
pub fn paired(name: &TableName, source: &Held, target: &Held, form: Form) -> Table {
    let theirs: BTreeMap<&str, Shape> = target
        .columns
        .iter()
        .map(|(name, shape)| (name.as_str(), *shape))
        .collect();
    let mut columns = Vec::new();
    let mut left_out = Vec::new();
    for (column, shape) in &source.columns {
        let Some(other) = theirs.get(column.as_str()) else {
            continue;
        };
        let common = Column {
            name: column.clone(),
            shape: shape.common(*other),
        };
        if common.comparable(form) {
            columns.push(common);
        } else {
            left_out.push(column.clone());
        }
    }
    let known: BTreeSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let usable = |key: &[String]| !key.is_empty() && key.iter().all(|column| known.contains(column.as_str()));
    let key = if usable(&source.key) { &source.key } else { &target.key };
    let key = match usable(key) {
        false => Vec::new(),
        true => key
            .iter()
            .filter_map(|wanted| columns.iter().find(|column| column.name == *wanted).cloned())
            .collect(),
    };
    Table {
        name: name.clone(),
        holder: source.holder,
        from: format!(
            "only {}.{}",
            quote_identifier(&name.schema),
            quote_identifier(&name.name)
        ),
        rows: source.rows,
        ordered: source.ordered && target.ordered && source.key == target.key,
        key,
        columns,
        left_out,
    }
}
