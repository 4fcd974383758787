//! Lists: the members of a collection, cut into pages with a link to the rest (contract 2.10). Never a single object.

use serde_json::Value;

use crate::simulator::arm_type::ArmType;
use crate::simulator::message::{Response, decode};
use crate::simulator::options::Pages;
use crate::simulator::path::Key;
use crate::simulator::world::{Answer, Call, World};

/// The visible members of the collection that a call names.
pub(super) fn members(world: &World, call: &Call<'_>) -> Vec<Key> {
    let seen = |key: &&Key| {
        world
            .store
            .get(key)
            .is_some_and(|object| object.hidden_until.is_none_or(|until| until <= world.now))
    };
    // `ALL` stands for every type of record set.
    if call
        .target
        .types
        .last()
        .is_some_and(|last| last.eq_ignore_ascii_case("ALL"))
        && let Some(zone) = call
            .target
            .parent()
            .filter(|parent| parent.arm_type() == ArmType::PrivateDnsZone)
    {
        return world
            .store
            .children(&zone.key(), ArmType::RecordSetA.segment())
            .filter(seen)
            .cloned()
            .collect();
    }
    let across = Key::of(&call.target.scope).group().is_none() && call.target.types.len() == 1;
    if across {
        world
            .store
            .across_subscription(&call.key)
            .filter(seen)
            .cloned()
            .collect()
    } else {
        world.store.members(&call.key).filter(seen).cloned().collect()
    }
}

/// One page of stored objects.
pub(super) fn page(world: &mut World, call: &Call<'_>, keys: Vec<Key>) -> Answer {
    let (keys, next) = cut(world, call, keys, |key| key.as_str());
    let mut body = Vec::with_capacity(keys.len() * 1024 + 32);
    body.extend_from_slice(b"{\"value\":[");
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&world.store.view(key));
    }
    Ok(Response::bytes(200, closed(body, next)))
}

/// One page of values made for this reply; they are in the order of their names.
pub(super) fn page_of(world: &World, call: &Call<'_>, values: Vec<(String, Value)>) -> Answer {
    let (values, next) = cut(world, call, values, |(name, _)| name.as_str());
    let items: Vec<Value> = values.into_iter().map(|(_, value)| value).collect();
    let mut body = b"{\"value\":".to_vec();
    body.extend_from_slice(Value::Array(items).to_string().as_bytes());
    body.pop();
    Ok(Response::bytes(200, closed(body, next)))
}

fn closed(mut body: Vec<u8>, next: Option<String>) -> Vec<u8> {
    body.push(b']');
    if let Some(next) = next {
        body.extend_from_slice(format!(",\"nextLink\":{}", Value::String(next)).as_bytes());
    }
    body.push(b'}');
    body
}

/// The items after the skip token, at most a page of them, and the link to the rest.
fn cut<T>(world: &World, call: &Call<'_>, items: Vec<T>, name: impl Fn(&T) -> &str) -> (Vec<T>, Option<String>) {
    let after = call.request.parameter("$skiptoken");
    let size = call
        .request
        .parameter("$top")
        .and_then(|top| top.parse::<usize>().ok())
        .unwrap_or(world.options.page_size);
    if world.options.pages == Pages::EmptyFirst && after.is_none() && !items.is_empty() {
        return (Vec::new(), Some(link(call, BEFORE_ALL)));
    }
    let mut rest = items
        .into_iter()
        .skip_while(|item| after.as_deref().is_some_and(|after| name(item) <= after));
    let page: Vec<T> = rest.by_ref().take(size.max(1)).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| link(call, name(last)));
    (page, next)
}

/// A skip token that sorts before every name.
const BEFORE_ALL: &str = "!";

/// The link to what comes after a name.
fn link(call: &Call<'_>, after: &str) -> String {
    // The PostgreSQL provider's own links have a doubled slash (contract 2.10).
    let path = match call.target.namespace.eq_ignore_ascii_case("Microsoft.DBforPostgreSQL") {
        true => call.request.path.replacen("/resourceGroups/", "//resourceGroups/", 1),
        false => call.request.path.clone(),
    };
    let kept: Vec<&str> = call
        .request
        .query
        .split('&')
        .filter(|pair| !is_skip_token(pair))
        .collect();
    format!(
        "{}{path}?{}&$skiptoken={}",
        call.request.base,
        kept.join("&"),
        encoded(after)
    )
}

fn is_skip_token(pair: &str) -> bool {
    pair.split('=')
        .next()
        .is_some_and(|name| decode(name).eq_ignore_ascii_case("$skiptoken"))
}

fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_tokens_survive_a_link() {
        let text = "/subscriptions/s/a b/ü";
        assert_eq!(decode(&encoded(text)), text);
    }
}
