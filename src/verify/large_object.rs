//! The large objects of a database as one table: their numbers as the key, digests of their pages as the content.

use super::canonical::{Column, Form, Shape};
use super::side::{SideError, ask};
use super::table::{Holder, Table};
use crate::database::TableName;
use crate::postgres::Session;

/// What is read at once of a large object, in bytes.
const PAGE: u32 = 4 * 1024 * 1024;

/// The table that stands for them.
pub fn table(form: Form, objects: u64) -> Table {
    let digest = form.digest_of_bytes("bytes");
    let content = format!(
        "with recursive page (at, bytes) as (select 0::bigint, lo_get(m.oid, 0, {PAGE}) union all select at + {PAGE}, lo_get(m.oid, at + \
         {PAGE}, {PAGE}) from page where octet_length(bytes) = {PAGE}) select string_agg({digest}, ' ' order by at) from page"
    );
    let key = Column {
        name: "loid".to_owned(),
        shape: Shape::Large,
    };
    let content_column = Column {
        name: "content".to_owned(),
        shape: Shape::Text { floats: false },
    };
    Table {
        name: TableName {
            schema: "pg_catalog".into(),
            name: "pg_largeobject".into(),
        },
        holder: Holder::LargeObjects,
        from: format!("(select m.oid::int8 as loid, ({content}) as content from pg_largeobject_metadata m) o"),
        rows: objects,
        ordered: false,
        columns: vec![key.clone(), content_column],
        key: vec![key],
        left_out: Vec::new(),
    }
}

/// How many there are.
///
/// # Errors
/// When the server refuses or the connection breaks.
pub async fn count(session: &Session) -> Result<u64, SideError> {
    let sql = "select count(*) as n from pg_largeobject_metadata";
    let rows = ask(session, "large objects", sql, |row| row.number::<u64>("n")).await?;
    Ok(rows.into_iter().sum())
}
