//! Everything that may stand in a configuration, as one set of pages: resources from the kinds' schemas, other blocks from
//! [`forms`]. The reference, the JSON Schema and the language server read it; it holds no knowledge of its own.

use crate::config::forms::{self, Form, Holds, OtherArguments, Repeats};
use crate::kind::schema::{Argument, Effect, Export, Need};
use crate::kind::{self, Conduct, Kind};

/// One top-level block, or what every resource takes.
pub struct Page {
    /// Its first word.
    pub name: &'static str,
    /// What it stands for.
    pub sort: Sort,
    /// What its labels stand for.
    pub labels: Vec<&'static str>,
    /// What it is, in one line.
    pub summary: &'static str,
    /// What a reader must know beyond the tables.
    pub doc: &'static str,
    /// A block that can be pasted.
    pub example: &'static str,
    /// What stands between its braces.
    pub body: Body,
    /// Attributes that can be referred to beside the arguments.
    pub exports: &'static [Export],
}

/// What a page stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A resource.
    Resource,
    /// Another block.
    Block,
    /// What every resource takes; no block of its own.
    Meta,
}

/// What may stand between two braces.
pub struct Body {
    /// The arguments.
    pub arguments: Vec<Entry>,
    /// Whether it takes others, too.
    pub other_arguments: OtherArguments,
    /// The nested blocks.
    pub blocks: Vec<Nested>,
}

/// An argument.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// Whether it must be given.
    pub need: Need,
    /// Meaning.
    pub doc: &'static str,
    /// What a change does; nothing where that is no question.
    pub effect: Option<Effect>,
}

/// A nested block.
pub struct Nested {
    /// Its name.
    pub name: &'static str,
    /// What its labels stand for.
    pub labels: Vec<&'static str>,
    /// Meaning.
    pub doc: &'static str,
    /// How often it may stand.
    pub repeats: Repeats,
    /// What stands between its braces.
    pub body: Body,
}

/// Every page: resources, then other blocks, then what every resource takes.
pub fn pages() -> Vec<Page> {
    let resources = kind::ALL.iter().map(|kind| resource(*kind));
    let blocks = forms::ALL.iter().map(|form| page_of(form, Sort::Block));
    resources.chain(blocks).chain([meta()]).collect()
}

/// The page of that name.
pub fn page(name: &str) -> Option<Page> {
    pages().into_iter().find(|page| page.name == name)
}

/// What every resource takes beside the arguments of its kind.
pub fn meta() -> Page {
    let mut page = page_of(&forms::META, Sort::Meta);
    page.body.blocks = forms::META_BLOCKS.iter().map(|form| nested(form)).collect();
    page
}

fn resource(kind: &'static dyn Kind) -> Page {
    let schema = kind.schema();
    Page {
        name: schema.kind,
        sort: Sort::Resource,
        labels: vec!["LABEL"],
        summary: schema.summary,
        doc: schema.doc,
        example: schema.example,
        body: Body {
            arguments: schema.all_arguments().map(|argument| entry(kind, argument)).collect(),
            other_arguments: OtherArguments::Refused,
            blocks: schema
                .sections
                .iter()
                .map(|section| Nested {
                    name: section.name,
                    labels: Vec::new(),
                    doc: section.doc,
                    repeats: Repeats::Once,
                    body: Body {
                        arguments: section.arguments.iter().map(|argument| entry(kind, argument)).collect(),
                        other_arguments: OtherArguments::Refused,
                        blocks: Vec::new(),
                    },
                })
                .collect(),
        },
        exports: schema.exports,
    }
}

fn entry(kind: &dyn Kind, argument: &'static Argument) -> Entry {
    Entry {
        name: argument.name,
        holds: Holds::Of(argument.ty),
        need: argument.need,
        doc: argument.doc,
        // What is only read has nothing that a change could change.
        effect: (kind.conduct() != Conduct::ReadOnly).then_some(argument.effect),
    }
}

fn page_of(form: &'static Form, sort: Sort) -> Page {
    Page {
        name: form.name,
        sort,
        labels: form.labels.to_vec(),
        summary: form.summary,
        doc: form.doc,
        example: form.example,
        body: body_of(form),
        exports: &[],
    }
}

fn nested(form: &'static Form) -> Nested {
    Nested {
        name: form.name,
        labels: form.labels.to_vec(),
        doc: form.summary,
        repeats: form.repeats,
        body: body_of(form),
    }
}

fn body_of(form: &'static Form) -> Body {
    Body {
        arguments: form
            .slots
            .iter()
            .map(|slot| Entry {
                name: slot.name,
                holds: slot.holds,
                need: slot.need,
                doc: slot.doc,
                effect: None,
            })
            .collect(),
        other_arguments: form.other_arguments,
        blocks: form.blocks.iter().map(nested).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::arm::{Cloud, Outputs};
    use crate::config::{Inputs, Program, Sources, parse, settings};
    use crate::diagnostic::{Diagnostics, code};
    use crate::graph::Declaration;
    use crate::kind::{Defaults, OnChange};

    /// What examples refer to, so that each of them can stand alone on its page.
    const SURROUNDINGS: &str = r#"
        variable "erp_password" { sensitive = true }
        variable "target_password" { sensitive = true }
        network "onprem_hub" { name = "vnet-onprem" }
        network "runtime" { name = "vnet-runtime" }
        network "target" { name = "vnet-target" }
    "#;

    /// What the example of `module` calls.
    const MODULE: &str = "variable \"host\" {}\noutput \"host\" { value = var.host }\n";

    const SERVERS: &str = r#"
        source "erp" {
          type     = "on_premises"
          host     = "10.1.0.4"
          username = "migrator"
          password = var.erp_password
        }
        target "erp" {
          name           = "pg-erp-prod"
          admin_username = "pgadmin"
          admin_password = var.target_password
        }
        runtime_server "shared" {
          name    = "pg-runtime"
          network = network.runtime
        }
    "#;

    fn program(text: &str) -> Result<Program, Diagnostics> {
        let mut sources = Sources::from_texts([("main.hcl", text), ("modules/server/main.hcl", MODULE)]);
        let configuration = parse(&mut sources)?;
        let inputs = Inputs::none(&sources);
        settings(&configuration, &inputs)?;
        Ok(Program {
            configuration,
            inputs,
            defaults: Defaults {
                cloud: Cloud::Simulator,
                subscription: "00000000-0000-4000-8000-000000000001".parse().ok(),
                tenant: None,
                resource_group: Some("rg-data".into()),
                location: Some("westeurope".into()),
                tags: BTreeMap::new(),
            },
        })
    }

    fn found(text: &str) -> Diagnostics {
        match program(text).and_then(|program| program.declare(&Outputs::default()).map(|_| ())) {
            Ok(()) => Diagnostics::new(),
            Err(found) => found,
        }
    }

    /// The example in surroundings that declare what it refers to and does not declare itself.
    fn surrounded(page: &Page) -> String {
        let mut text = page.example.to_owned();
        let hub = "network \"hub\" { name = \"vnet-hub\" }\n";
        if page.name != "network" {
            text.push_str(hub);
        }
        text.push_str(SURROUNDINGS);
        for block in SERVERS.split_inclusive("        }\n") {
            let header = block.trim_start().split(" {").next().unwrap_or_default();
            if !header.is_empty() && !page.example.contains(header) {
                text.push_str(block);
            }
        }
        if !page.example.contains("dns_zone \"endpoint\"") {
            text.push_str("dns_zone \"endpoint\" { name = \"privatelink.postgres.database.azure.com\" }\n");
        }
        text
    }

    #[test]
    fn every_example_can_be_pasted() {
        for page in pages() {
            let found = found(&surrounded(&page));
            assert!(!found.has_errors(), "{}: {found:#?}", page.name);
        }
    }

    #[test]
    fn what_the_pages_list_is_taken_and_nothing_else() {
        for page in pages().iter().filter(|page| page.sort != Sort::Meta) {
            let labels: String = page.labels.iter().map(|_| " \"x\"").collect();
            // The validations of a variable are only looked at once it has a value.
            let default = if page.name == "variable" { "default = 1\n" } else { "" };
            let unknown = |inner: &str| {
                found(&format!("{}{labels} {{\n{default}{inner}\n}}\n", page.name))
                    .iter()
                    .any(|found| found.code == code::UNKNOWN_ARGUMENT)
            };
            for entry in &page.body.arguments {
                assert!(
                    !unknown(&format!("{} = null", entry.name)),
                    "{}.{}",
                    page.name,
                    entry.name
                );
            }
            for block in &page.body.blocks {
                let labels: String = block.labels.iter().map(|_| " \"x\"").collect();
                for entry in &block.body.arguments {
                    let text = format!("{}{labels} {{\n{} = null\n}}", block.name, entry.name);
                    assert!(!unknown(&text), "{}.{}.{}", page.name, block.name, entry.name);
                }
                // What a backend of the state refuses is said by whoever opens it.
                if block.body.other_arguments == OtherArguments::Refused && block.name != "state" {
                    assert!(
                        unknown(&format!("{}{labels} {{\nzzz = null\n}}", block.name)),
                        "{}",
                        block.name
                    );
                }
            }
            let open = page.body.other_arguments == OtherArguments::Taken;
            assert_eq!(unknown("zzz = null"), !open, "{}", page.name);
            // What a module takes is known once its directory is.
            let source = if page.name == "module" {
                "source = \"./modules/server\"\nhost = \"h\"\n"
            } else {
                ""
            };
            assert!(unknown(&format!("{source}zzz {{}}")), "{}", page.name);
        }
    }

    #[test]
    fn meta_arguments_are_taken_by_a_resource() {
        let meta = meta();
        let taken = |inner: &str| {
            let found = found(&format!("network \"x\" {{\n  name = \"a\"\n{inner}\n}}\n"));
            !found.iter().any(|found| found.code == code::UNKNOWN_ARGUMENT)
        };
        for entry in &meta.body.arguments {
            assert!(taken(&format!("{} = null", entry.name)), "{}", entry.name);
        }
        for block in meta.body.blocks.iter().filter(|block| block.name != "dynamic") {
            for entry in &block.body.arguments {
                assert!(
                    taken(&format!("{} {{\n{} = null\n}}", block.name, entry.name)),
                    "{}",
                    entry.name
                );
            }
            assert!(!taken(&format!("{} {{\nzzz = null\n}}", block.name)), "{}", block.name);
        }
    }

    /// What the pages say of a change against what the plan makes of one.
    #[test]
    fn what_a_change_does_is_what_the_plan_does() {
        let mut compared = 0;
        for page in pages().iter().filter(|page| page.sort == Sort::Resource) {
            let declared = program(&surrounded(page)).and_then(|program| program.declare(&Outputs::default()));
            let declared = declared.unwrap_or_else(|found| panic!("{}: {found:#?}", page.name));
            let sections = page.body.blocks.iter().flat_map(|block| &block.body.arguments);
            let entries: Vec<&Entry> = page.body.arguments.iter().chain(sections).collect();
            let own = declared
                .graph
                .iter()
                .filter(|declared| declared.kind.schema().kind == page.name);
            for field in own.flat_map(Declaration::things).flat_map(|(_, thing)| thing.fields) {
                for entry in entries.iter().filter(|entry| entry.name == field.attribute) {
                    let expected = match field.change {
                        OnChange::InPlace => Effect::InPlace,
                        OnChange::Replaces => Effect::Replaces,
                        OnChange::CreateOnly => Effect::Read,
                    };
                    assert_eq!(entry.effect, Some(expected), "{}.{}", page.name, entry.name);
                    compared += 1;
                }
            }
        }
        assert!(compared > 4, "{compared}");
    }

    #[test]
    fn the_clouds_of_the_reference_are_the_clouds() {
        for word in forms::CLOUDS {
            assert!(word.word.parse::<Cloud>().is_ok(), "{}", word.word);
        }
    }
}
