//! The JSON Schema of a configuration in JSON syntax (`*.hcl.json`), from the pages of the reference.
//!
//! In that syntax a block is an object under its first word and its labels, several alike are an array, and an expression is
//! a text with `${ … }` in it. The schema refuses what no evaluation could make right; whether expressions are right is for
//! `pgferry validate` to say.

use serde_json::{Map, Value as Json, json};

use crate::config::forms::{Holds, OtherArguments, Repeats};
use crate::config::reference::{Body, Entry, Nested, Sort, meta, pages};
use crate::kind::schema::{ArgumentType, Need};

/// The schema.
pub fn configuration() -> Json {
    let meta = meta().body;
    let mut definitions = words();
    for block in meta.blocks.iter().filter(|block| block.name != DYNAMIC) {
        definitions.insert(block.name.to_owned(), nested(block));
    }
    let mut properties = Map::new();
    for page in pages().iter().filter(|page| page.sort != Sort::Meta) {
        let meta = (page.sort == Sort::Resource).then_some(&meta);
        let description = format!("{} {}", page.summary, page.doc);
        let schema = described(body(&page.body, meta), description.trim());
        let definition = format!("block_{}", page.name);
        let inner = one_or_many(refer(&definition));
        properties.insert(page.name.to_owned(), labelled(page.labels.len(), inner));
        definitions.insert(definition, schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pgferry configuration in JSON syntax",
        "description": "A file `*.hcl.json`: the same blocks as in HCL, with expressions as texts that hold `${ … }`.",
        "type": "object",
        "properties": properties,
        "patternProperties": comments(),
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// The block that repeats others. Its label is the name of one of them, so it stands in each body on its own.
const DYNAMIC: &str = "dynamic";

/// What arguments hold, for many places to refer to.
fn words() -> Map<String, Json> {
    let text_with = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let or_expression = |schema: Json| json!({ "anyOf": [schema, refer("expression")] });
    let expression = described(text_with(r"\$\{|%\{"), "A text with an expression in it.");
    let words = [
        ("text", json!({ "type": ["string", "number", "boolean"] })),
        (
            "truth",
            or_expression(json!({ "enum": [true, false, "true", "false"] })),
        ),
        ("duration", or_expression(text_with("^([0-9]+[dhms])+$"))),
        (
            "texts",
            or_expression(json!({ "type": "array", "items": refer("text") })),
        ),
        (
            "map",
            or_expression(json!({ "type": "object", "additionalProperties": refer("text") })),
        ),
        (
            "names",
            described(
                json!({ "type": "array", "items": { "type": "string" } }),
                "Names, such as `vnet_peering.hub`; they are not evaluated.",
            ),
        ),
        ("instances", or_expression(json!({ "type": "object" }))),
        ("expression", expression),
    ];
    words
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

fn refer(definition: &str) -> Json {
    json!({ "$ref": format!("#/$defs/{definition}") })
}

/// Members of the name `//` are comments.
fn comments() -> Json {
    json!({ "^//$": true })
}

fn described(mut schema: Json, description: &str) -> Json {
    if let Json::Object(members) = &mut schema {
        members.insert("description".to_owned(), description.into());
    }
    schema
}

fn one_or_many(one: Json) -> Json {
    json!({ "anyOf": [one, { "type": "array", "items": one }] })
}

/// A block under its labels: each is a level of objects by label, and there may be several of these.
fn labelled(labels: usize, inner: Json) -> Json {
    (0..labels).fold(inner, |inner, _| {
        one_or_many(json!({
            "type": "object",
            "patternProperties": comments(),
            "additionalProperties": inner,
        }))
    })
}

/// What stands between two braces, with what every resource takes where it is one.
fn body(body: &Body, meta: Option<&Body>) -> Json {
    let mut properties = Map::new();
    for entry in body
        .arguments
        .iter()
        .chain(meta.iter().flat_map(|meta| &meta.arguments))
    {
        properties.insert(entry.name.to_owned(), argument(entry));
    }
    for block in &body.blocks {
        properties.insert(block.name.to_owned(), nested(block));
    }
    for block in meta.iter().flat_map(|meta| &meta.blocks) {
        let schema = if block.name == DYNAMIC {
            dynamic(block, &body.blocks)
        } else {
            refer(block.name)
        };
        properties.insert(block.name.to_owned(), schema);
    }
    let required: Vec<&str> = body
        .arguments
        .iter()
        .filter(|entry| entry.need == Need::Required)
        .map(|entry| entry.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "patternProperties": comments(),
        "additionalProperties": body.other_arguments == OtherArguments::Taken,
    })
}

fn nested(block: &Nested) -> Json {
    let inner = described(body(&block.body, None), block.doc);
    let inner = match block.repeats {
        Repeats::Once => json!({ "anyOf": [inner, { "type": "array", "items": inner, "maxItems": 1 }] }),
        Repeats::Any => one_or_many(inner),
    };
    labelled(block.labels.len(), inner)
}

/// Blocks made of a collection: by the name of each block that stands in the same body.
fn dynamic(dynamic: &Nested, blocks: &[Nested]) -> Json {
    let by_name = blocks.iter().map(|block| {
        let mut inner = body(&dynamic.body, None);
        if let Some(properties) = inner.get_mut("properties").and_then(Json::as_object_mut) {
            properties.insert("content".to_owned(), body(&block.body, None));
        }
        (block.name.to_owned(), one_or_many(inner))
    });
    let by_name: Map<String, Json> = by_name.collect();
    let schema = json!({ "type": "object", "properties": by_name, "additionalProperties": false });
    described(schema, dynamic.doc)
}

fn argument(entry: &Entry) -> Json {
    let schema = holds(entry.holds);
    // Null means the same as leaving it out.
    let schema = match entry.need {
        Need::Required => json!({ "allOf": [schema] }),
        Need::Optional | Need::Default(_) => json!({ "anyOf": [schema, { "type": "null" }] }),
    };
    let default = match entry.need {
        Need::Default(default) => format!(" Default: {default}."),
        Need::Required | Need::Optional => String::new(),
    };
    described(schema, &format!("{}{default}", entry.doc))
}

fn holds(holds: Holds) -> Json {
    match holds {
        Holds::Of(ty) => of_type(ty),
        Holds::Anything => Json::Bool(true),
        Holds::Constraint | Holds::Name | Holds::Address => json!({ "type": "string" }),
        Holds::Instances => refer("instances"),
        Holds::Resources | Holds::Attributes => refer("names"),
    }
}

fn of_type(ty: ArgumentType) -> Json {
    let or_expression = |schema: Json| json!({ "anyOf": [schema, refer("expression")] });
    let wholes = json!({ "type": "array", "items": { "type": ["integer", "string"] } });
    match ty {
        ArgumentType::Text | ArgumentType::OpenText => refer("text"),
        ArgumentType::Bool => refer("truth"),
        ArgumentType::Whole(min, max) => or_expression(json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": "^-?[0-9]+$" },
        ] })),
        ArgumentType::Texts => refer("texts"),
        ArgumentType::WholesOrTrue => or_expression(json!({ "anyOf": [{ "enum": [true, false] }, wholes] })),
        ArgumentType::Map => refer("map"),
        ArgumentType::Choice(words) => {
            let words: Vec<&str> = words.iter().map(|word| word.word).collect();
            or_expression(json!({ "enum": words }))
        }
        // A resource and a secret are never literals.
        ArgumentType::Reference(_) | ArgumentType::Secret => refer("expression"),
        ArgumentType::References(_) => or_expression(json!({ "type": "array", "items": refer("expression") })),
        ArgumentType::Duration => refer("duration"),
        ArgumentType::Id(_) => or_expression(json!({ "type": "string", "pattern": "^/" })),
        ArgumentType::Object(..) => or_expression(json!({ "type": "string", "pattern": "^/" })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(configuration: Json) -> Vec<String> {
        let validator = jsonschema::draft202012::new(&super::configuration()).unwrap();
        validator
            .iter_errors(&configuration)
            .map(|error| error.instance_path().to_string())
            .collect()
    }

    /// The committed file is what the program prints: `pgferry schema configuration > schemas/pgferry/configuration.json`.
    #[test]
    fn the_committed_schema_is_the_one_that_the_tables_give() {
        let committed = include_str!("../../schemas/pgferry/configuration.json");
        assert_eq!(committed, format!("{:#}\n", super::configuration()));
    }

    #[test]
    fn the_schema_is_one() {
        assert!(jsonschema::draft202012::meta::is_valid(&super::configuration()));
    }

    #[test]
    fn a_configuration_in_json_passes() {
        let configuration = json!({
            "//": "a comment",
            "pgferry": { "required_version": ">= 0.1", "state": { "local": {} } },
            "azure": { "subscription_id": "${var.subscription}", "tags": { "team": "data", "size": 3 } },
            "variable": {
                "subscription": { "type": "string" },
                "password": [{ "sensitive": true, "validation": { "condition": "${true}", "error_message": "no" } }],
            },
            "locals": [{ "zones": ["a", "b"] }, { "n": 1 }],
            "network": { "hub": { "name": "vnet-hub" }, "all": { "for_each": "${toset(local.zones)}", "name": "${each.key}" } },
            "source": { "erp": {
                "type": "on_premises", "host": "10.1.0.4", "port": "5432", "username": "migrator",
                "password": "${var.password}", "network": "${network.hub}", "connect": { "port": 5433 },
            } },
            "vnet_peering": { "a": {
                "from": "${network.hub}", "to": "${network.all[\"a\"]}",
                "forward": [{ "allow_gateway_transit": true }],
                "dynamic": { "reverse": { "for_each": [1], "content": { "use_remote_gateways": "${true}" } } },
                "depends_on": ["network.hub"],
                "lifecycle": { "prevent_destroy": true, "ignore_changes": ["tags"] },
                "timeouts": { "create": "1h30m" },
            } },
            "output": { "hub": { "value": { "id": "${network.hub.id}" } } },
        });
        assert_eq!(problems(configuration), Vec::<String>::new());
    }

    #[test]
    fn what_no_evaluation_could_make_right_is_refused_at_its_place() {
        let cases = [
            (json!({ "netwrok": {} }), ""),
            (json!({ "network": { "hub": { "nmae": "x" } } }), "/network"),
            (json!({ "network": { "hub": { "name": ["x"] } } }), "/network"),
            (json!({ "dns_zone": { "z": {} } }), "/dns_zone"),
            (json!({ "azure": { "cloud": "moon" } }), "/azure"),
            (json!({ "azure": [] , "output": { "x": {} } }), "/output"),
            (
                json!({ "source": { "s": { "type": "on_premises", "username": "u", "password": "literal" } } }),
                "/source",
            ),
            (
                json!({ "source": { "s": { "type": "attic", "username": "u", "password": "${var.p}" } } }),
                "/source",
            ),
            (
                json!({ "source": { "s": { "type": "aws", "port": 99999, "username": "u", "password": "${var.p}" } } }),
                "/source",
            ),
            (
                json!({ "vnet_peering": { "p": { "from": "network.a", "to": "${network.b}" } } }),
                "/vnet_peering",
            ),
            (
                json!({ "network": { "n": { "name": "a", "timeouts": { "create": "soon" } } } }),
                "/network",
            ),
            (json!({ "network": { "n": { "name": "a", "count": 2 } } }), "/network"),
        ];
        for (configuration, place) in cases {
            assert_eq!(problems(configuration.clone()), [place], "{configuration}");
        }
    }
}
