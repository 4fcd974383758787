//! A picture of a plan in the language of Graphviz.

use std::fmt::Write;

use super::picture::{Link, Picture};

/// A directed graph, from left to right.
pub(crate) fn render(picture: &Picture) -> String {
    let mut text = String::from(
        "digraph plan {\n  rankdir = LR;\n  node [shape = box, style = \"rounded,filled\", fontname = \"Helvetica\"];\n  \
         edge [fontname = \"Helvetica\", fontsize = 10];\n",
    );
    for (at, node) in picture.nodes.iter().enumerate() {
        let (fill, stroke) = node.tone.colors();
        let label = format!("{}\\n{}", escaped(&node.title), escaped(&node.does));
        let _ = writeln!(
            text,
            "  n{at} [label = \"{label}\", fillcolor = \"{fill}\", color = \"{stroke}\"];"
        );
    }
    for edge in &picture.edges {
        let style = match edge.link {
            Link::Needs => "",
            Link::Queues => ", style = dashed",
        };
        let because = escaped(&edge.because);
        let _ = writeln!(
            text,
            "  n{} -> n{} [label = \"{because}\", tooltip = \"{because}\"{style}];",
            edge.from, edge.to
        );
    }
    text.push_str("}\n");
    text
}

/// Within quotes.
fn escaped(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::samples::first_apply;

    #[test]
    fn it_is_a_directed_graph() {
        let mut picture = Picture::of_units(&first_apply());
        picture.nodes[0].title = "a[\"x\\\"]".to_owned();
        insta::assert_snapshot!(render(&picture), @r##"
        digraph plan {
          rankdir = LR;
          node [shape = box, style = "rounded,filled", fontname = "Helvetica"];
          edge [fontname = "Helvetica", fontsize = 10];
          n0 [label = "a[\"x\\\"]\nstart, watch", fillcolor = "#e3effd", color = "#0b5cad"];
          n1 [label = "database_batch.wave1#2\nstart, watch", fillcolor = "#e3effd", color = "#0b5cad"];
          n2 [label = "vnet_peering.hub_runtime#forward\ncreate", fillcolor = "#e6f4ea", color = "#1a7f37"];
          n3 [label = "vnet_peering.hub_runtime#reverse\ncreate", fillcolor = "#e6f4ea", color = "#1a7f37"];
          n0 -> n1 [label = "pg-erp-prod takes one migration at a time", tooltip = "pg-erp-prod takes one migration at a time", style = dashed];
          n2 -> n0 [label = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server", tooltip = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server"];
          n2 -> n1 [label = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server", tooltip = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server"];
          n3 -> n0 [label = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server", tooltip = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server"];
          n3 -> n1 [label = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server", tooltip = "it connects vnet-hub and vnet-runtime, on the way from the source to the runtime server"];
        }
        "##);
    }
}
