//! A picture of a plan as a Mermaid flowchart.

use std::fmt::Write;

use super::picture::{Link, Picture, Tone};
use crate::cli::view::layout::shorten;

/// How long a reason may be beside an arrow.
const REASON: usize = 60;

/// Whether arrows have their reasons beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reasons {
    /// They have.
    Shown,
    /// They would cover the picture.
    LeftOut,
}

/// The text between the fences.
pub(crate) fn render(picture: &Picture, reasons: Reasons) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, node) in picture.nodes.iter().enumerate() {
        let (title, does) = (escaped(&node.title), escaped(&node.does));
        let _ = writeln!(text, "  n{at}[\"{title}<br/>{does}\"]:::{}", node.tone.name());
    }
    for edge in &picture.edges {
        let arrow = match edge.link {
            Link::Needs => "-->",
            Link::Queues => "-.->",
        };
        let reason = match reasons {
            Reasons::Shown => format!("|\"{}\"|", escaped(&shorten(&edge.because, REASON))),
            Reasons::LeftOut => String::new(),
        };
        let _ = writeln!(text, "  n{} {arrow}{reason} n{}", edge.from, edge.to);
    }
    for tone in Tone::ALL {
        if picture.nodes.iter().any(|node| node.tone == tone) {
            let (fill, stroke) = tone.colors();
            let _ = writeln!(
                text,
                "  classDef {} fill:{fill},stroke:{stroke},color:#1f2328",
                tone.name()
            );
        }
    }
    text
}

/// As Mermaid writes characters that mean something to it, or to the HTML and Markdown that it makes of a label.
pub(super) fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '#' | '"' | '<' | '>' | '&' | '`' | '*' | '_' | '~' | '\\' | ';' | '|' => {
                let _ = write!(result, "#{};", u32::from(c));
            }
            c if c.is_control() => result.push(' '),
            c => result.push(c),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::samples::first_apply;

    #[test]
    fn nodes_have_addresses_and_arrows_have_reasons() {
        let picture = Picture::of_units(&first_apply());
        insta::assert_snapshot!(render(&picture, Reasons::Shown), @r#"
        flowchart LR
          n0["database#95;batch.wave1#35;1<br/>start, watch"]:::advance
          n1["database#95;batch.wave1#35;2<br/>start, watch"]:::advance
          n2["vnet#95;peering.hub#95;runtime#35;forward<br/>create"]:::add
          n3["vnet#95;peering.hub#95;runtime#35;reverse<br/>create"]:::add
          n0 -.->|"pg-erp-prod takes one migration at a time"| n1
          n2 -->|"it connects vnet-hub and vnet-runtime, on the way from the …"| n0
          n2 -->|"it connects vnet-hub and vnet-runtime, on the way from the …"| n1
          n3 -->|"it connects vnet-hub and vnet-runtime, on the way from the …"| n0
          n3 -->|"it connects vnet-hub and vnet-runtime, on the way from the …"| n1
          classDef add fill:#e6f4ea,stroke:#1a7f37,color:#1f2328
          classDef advance fill:#e3effd,stroke:#0b5cad,color:#1f2328
        "#);
    }

    #[test]
    fn labels_end_no_label() {
        assert_eq!(escaped("a[\"x\"]#1\n`b`"), "a[#34;x#34;]#35;1 #96;b#96;");
    }
}
