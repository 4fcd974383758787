//! A picture of a plan as SVG: columns from left to right, so that everything stands right of what it waits for.

use std::collections::HashMap;
use std::fmt::Write;

use super::picture::{Edge, Link, Picture, Tone};
use super::xml;
use crate::cli::view::layout::shorten;

/// The size of a node, and the room between nodes.
const WIDTH: usize = 270;
const HEIGHT: usize = 46;
const GAP_X: usize = 90;
const GAP_Y: usize = 14;
const MARGIN: usize = 16;

/// How many characters of a line fit into a node.
const CHARACTERS: usize = 38;

/// How often the order within the columns is improved.
const SWEEPS: usize = 4;

/// A drawing with its width and height in pixels.
pub(crate) fn render(picture: &Picture) -> String {
    let columns = columns(picture);
    let tallest = columns.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let height = 2 * MARGIN + tallest * (HEIGHT + GAP_Y) - GAP_Y;
    let width = 2 * MARGIN + columns.len().max(1) * (WIDTH + GAP_X) - GAP_X;
    let mut corners = vec![(MARGIN, MARGIN); picture.nodes.len()];
    for (column, nodes) in columns.iter().enumerate() {
        let free = (tallest - nodes.len()) * (HEIGHT + GAP_Y) / 2;
        for (row, node) in nodes.iter().enumerate() {
            if let Some(corner) = corners.get_mut(*node) {
                *corner = (
                    MARGIN + column * (WIDTH + GAP_X),
                    MARGIN + free + row * (HEIGHT + GAP_Y),
                );
            }
        }
    }
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>The steps of the plan, each with what it waits for</title>\n{}",
        style()
    );
    for edge in &picture.edges {
        if let (Some(from), Some(to)) = (corners.get(edge.from), corners.get(edge.to)) {
            arrow(&mut text, edge, *from, *to);
        }
    }
    for (node, (x, y)) in picture.nodes.iter().zip(&corners) {
        let _ = writeln!(
            text,
            "<g class=\"node {}\" transform=\"translate({x} {y})\"><title>{}: {}</title><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"5\"/>\
             <text x=\"10\" y=\"19\" class=\"title\">{}</text><text x=\"10\" y=\"36\">{}</text></g>",
            node.tone.name(),
            xml::text(&node.title),
            xml::text(&node.does),
            xml::text(&shorten(&node.title, CHARACTERS)),
            xml::text(&shorten(&node.does, CHARACTERS)),
        );
    }
    text.push_str("</svg>\n");
    text
}

fn style() -> String {
    let mut text = String::from(
        "<style>\n.node text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }\n.node .title { font-weight: bold }\n\
         .edge path { fill: none; stroke: #8c959f; stroke-width: 1.4 }\n.edge.queues path { stroke-dasharray: 5 4 }\n\
         .edge:hover path { stroke: #0b5cad; stroke-width: 3 }\n",
    );
    for tone in Tone::ALL {
        let (fill, stroke) = tone.colors();
        let _ = writeln!(text, ".node.{} rect {{ fill: {fill}; stroke: {stroke} }}", tone.name());
    }
    text.push_str(
        "</style>\n<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\" fill=\"#8c959f\"/></marker></defs>\n",
    );
    text
}

/// A curve from the right side of what comes first to the left side of what waits, with the reason to be read over it.
fn arrow(text: &mut String, edge: &Edge, from: (usize, usize), to: (usize, usize)) {
    let (x1, y1) = (from.0 + WIDTH, from.1 + HEIGHT / 2);
    let (x2, y2) = (to.0, to.1 + HEIGHT / 2);
    let bend = GAP_X / 2;
    let class = match edge.link {
        Link::Needs => "needs",
        Link::Queues => "queues",
    };
    let _ = writeln!(
        text,
        "<g class=\"edge {class}\"><title>{}</title><path d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\" marker-end=\"url(#tip)\"/></g>",
        xml::text(&edge.because),
        x1 + bend,
        x2.saturating_sub(bend),
    );
}

/// The nodes by column: each stands right of all that it waits for, and as near to their height as there is room.
fn columns(picture: &Picture) -> Vec<Vec<usize>> {
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for (node, column) in depths(picture).into_iter().enumerate() {
        if columns.len() <= column {
            columns.resize(column + 1, Vec::new());
        }
        if let Some(nodes) = columns.get_mut(column) {
            nodes.push(node);
        }
    }
    let mut before: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut behind: HashMap<usize, Vec<usize>> = HashMap::new();
    for edge in &picture.edges {
        before.entry(edge.to).or_default().push(edge.from);
        behind.entry(edge.from).or_default().push(edge.to);
    }
    let mut heights = vec![0.0; picture.nodes.len()];
    settle(&columns, &mut heights);
    for sweep in 0..SWEEPS {
        let neighbours = if sweep % 2 == 0 { &before } else { &behind };
        let order: Vec<usize> = match sweep % 2 {
            0 => (0..columns.len()).collect(),
            _ => (0..columns.len()).rev().collect(),
        };
        for column in order {
            let Some(nodes) = columns.get_mut(column) else { continue };
            let mut wanted: Vec<(f64, usize)> = nodes
                .iter()
                .map(|node| (wish(neighbours.get(node), &heights, *node), *node))
                .collect();
            wanted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            *nodes = wanted.into_iter().map(|(_, node)| node).collect();
            settle(std::slice::from_ref(nodes), &mut heights);
        }
    }
    columns
}

/// The mean height of its neighbours; its own where there are none.
fn wish(neighbours: Option<&Vec<usize>>, heights: &[f64], node: usize) -> f64 {
    let height = |node: usize| heights.get(node).copied().unwrap_or_default();
    let (mut sum, mut number) = (0.0, 0.0);
    for neighbour in neighbours.into_iter().flatten() {
        sum += height(*neighbour);
        number += 1.0;
    }
    if number > 0.0 { sum / number } else { height(node) }
}

/// Heights around the middle, by the order within each column.
fn settle(columns: &[Vec<usize>], heights: &mut [f64]) {
    for nodes in columns {
        let number = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        let mut height = -f64::from(number) / 2.0;
        for node in nodes {
            if let Some(place) = heights.get_mut(*node) {
                *place = height;
            }
            height += 1.0;
        }
    }
}

/// For each node the length of the longest way to it. What waits for itself, which no plan of ours has, stays in the first column.
fn depths(picture: &Picture) -> Vec<usize> {
    let mut depths = vec![0_usize; picture.nodes.len()];
    let mut waits = vec![0_usize; picture.nodes.len()];
    let mut next: HashMap<usize, Vec<usize>> = HashMap::new();
    for edge in &picture.edges {
        if let Some(waits) = waits.get_mut(edge.to) {
            *waits += 1;
        }
        next.entry(edge.from).or_default().push(edge.to);
    }
    let is_free = |(node, waits): (usize, &usize)| (*waits == 0).then_some(node);
    let mut free: Vec<usize> = waits.iter().enumerate().filter_map(is_free).collect();
    while let Some(node) = free.pop() {
        let depth = depths.get(node).copied().unwrap_or_default();
        for later in next.get(&node).into_iter().flatten() {
            if let (Some(its), Some(waits)) = (depths.get_mut(*later), waits.get_mut(*later)) {
                *its = depth.saturating_add(1).max(*its);
                *waits -= 1;
                if *waits == 0 {
                    free.push(*later);
                }
            }
        }
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::view::plan::picture::Node;
    use crate::cli::view::samples::first_apply;

    fn picture(nodes: usize, edges: &[(usize, usize)]) -> Picture {
        let node = |at| Node {
            title: format!("a.n{at}"),
            does: "create".to_owned(),
            tone: Tone::Add,
        };
        let edge = |(from, to): &(usize, usize)| Edge {
            from: *from,
            to: *to,
            link: Link::Needs,
            because: "it needs it".to_owned(),
        };
        Picture {
            nodes: (0..nodes).map(node).collect(),
            edges: edges.iter().map(edge).collect(),
        }
    }

    #[test]
    fn everything_stands_right_of_what_it_waits_for() {
        let picture = picture(6, &[(0, 1), (1, 2), (0, 2), (3, 2), (2, 4)]);
        let depths = depths(&picture);
        assert_eq!(depths, [0, 1, 2, 0, 3, 0]);
        assert!(picture.edges.iter().all(|edge| depths[edge.from] < depths[edge.to]));
    }

    #[test]
    fn arrows_that_would_cross_are_uncrossed() {
        let picture = picture(4, &[(0, 3), (1, 2)]);
        assert_eq!(columns(&picture), [vec![0, 1], vec![3, 2]]);
    }

    #[test]
    fn a_circle_does_no_harm() {
        let picture = picture(3, &[(0, 1), (1, 2), (2, 1)]);
        assert_eq!(render(&picture).matches("class=\"node").count(), 3);
    }

    #[test]
    fn the_drawing_has_every_node_and_every_reason() {
        let picture = Picture::of_steps(&first_apply());
        let text = render(&picture);
        assert_eq!(text.matches("class=\"node").count(), picture.nodes.len());
        assert_eq!(text.matches("class=\"edge").count(), picture.edges.len());
        assert!(text.contains("it connects vnet-hub and vnet-runtime"), "{text}");
    }

    #[test]
    fn an_empty_plan_is_an_empty_drawing() {
        assert!(render(&Picture::default()).starts_with("<svg "));
    }
}
