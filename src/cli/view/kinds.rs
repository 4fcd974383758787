//! The pages of the reference as text for a terminal.

use super::layout::{hang, wrap};
use crate::cli::color::{STRONG, paint};
use crate::config::forms::{OtherArguments, Repeats};
use crate::config::reference::{Body, Entry, Page, Sort};
use crate::kind::schema::Need;

/// One line per page, by sort.
pub(crate) fn list(pages: &[Page], width: usize) -> String {
    let mut text = String::new();
    let column = pages.iter().map(|page| page.name.len()).max().unwrap_or_default() + 2;
    let sorts = [
        (Sort::Resource, "Resources"),
        (Sort::Block, "Other blocks"),
        (Sort::Meta, "Every resource"),
    ];
    for (sort, heading) in sorts {
        text.push_str(&format!("{}\n", paint(STRONG, heading)));
        for page in pages.iter().filter(|page| page.sort == sort) {
            let first = format!("  {:column$}", page.name);
            text.push_str(&hang(&first, &" ".repeat(column + 2), page.summary, width));
        }
        text.push('\n');
    }
    text.push_str("`pgferry kinds NAME` shows what one of them may hold.\n");
    text
}

/// Everything about one.
pub(crate) fn page(page: &Page, width: usize) -> String {
    let mut text = String::new();
    if page.sort != Sort::Meta {
        text.push_str(&format!("{}\n\n", paint(STRONG, header(page.name, &page.labels))));
    }
    paragraph(page.summary, width, &mut text);
    paragraph(page.doc, width, &mut text);
    body(&page.body, "", width, &mut text);
    if !page.exports.is_empty() {
        text.push_str(&format!("{}\n\n", paint(STRONG, "Attributes that can be referred to")));
        for export in page.exports {
            text.push_str(&hang(&format!("  {}: ", export.name), "      ", export.doc, width));
        }
        text.push('\n');
    }
    text.push_str(&format!("{}\n\n", paint(STRONG, "Example")));
    for line in page.example.lines() {
        text.push_str(format!("    {line}").trim_end());
        text.push('\n');
    }
    text
}

fn header(name: &str, labels: &[&str]) -> String {
    let labels: String = labels.iter().map(|label| format!(" \"{label}\"")).collect();
    format!("{name}{labels} {{ … }}")
}

fn paragraph(paragraph: &str, width: usize, text: &mut String) {
    if paragraph.is_empty() {
        return;
    }
    for line in wrap(paragraph, width) {
        text.push_str(&line);
        text.push('\n');
    }
    text.push('\n');
}

/// The arguments of a body, then its nested blocks, each named by the way to it.
fn body(body: &Body, way: &str, width: usize, text: &mut String) {
    if !body.arguments.is_empty() {
        if way.is_empty() {
            text.push_str(&format!("{}\n\n", paint(STRONG, "Arguments")));
        }
        for entry in &body.arguments {
            argument(entry, width, text);
        }
        text.push('\n');
    }
    if body.other_arguments == OtherArguments::Taken && way.is_empty() {
        paragraph("It takes any arguments.", width, text);
    }
    for block in &body.blocks {
        let inner = format!("{way}{}", header(block.name, &block.labels));
        let how_often = match block.repeats {
            Repeats::Once => "at most once",
            Repeats::Any => "any number",
        };
        text.push_str(&format!(
            "{} ({how_often})\n\n",
            paint(STRONG, format!("Block {inner}"))
        ));
        for line in wrap(block.doc, width.saturating_sub(2)) {
            text.push_str(&format!("  {line}\n"));
        }
        text.push('\n');
        let way = format!("{way}{} → ", block.name);
        self::body(&block.body, &way, width, text);
    }
}

fn argument(entry: &Entry, width: usize, text: &mut String) {
    let need = match entry.need {
        Need::Required => " (required)",
        Need::Optional | Need::Default(_) => "",
    };
    let first = format!("  {}{need}: ", paint(STRONG, entry.name));
    let words: Vec<String> = entry
        .holds
        .words()
        .iter()
        .map(|word| format!("`{}`", word.word))
        .collect();
    let holds = if words.is_empty() {
        entry.holds.described()
    } else {
        format!("one of {}", words.join(", "))
    };
    text.push_str(&hang(&first, "      ", &holds, width));
    let mut sentences = vec![entry.doc.to_owned()];
    if let Need::Default(default) = entry.need {
        sentences.push(format!("Default: {default}."));
    }
    sentences.extend(entry.effect.map(|effect| effect.described().to_owned()));
    text.push_str(&hang("      ", "      ", &sentences.join(" "), width));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reference;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn every_page_fits_eighty_columns() {
        let pages = reference::pages();
        let texts = pages.iter().map(|one| page(one, 80)).chain([list(&pages, 80)]);
        for text in texts {
            let text = plain(&text);
            let wide = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None);
        }
    }

    #[test]
    fn a_page_tells_arguments_blocks_attributes_and_an_example() {
        let one = reference::page("dns_zone").unwrap();
        insta::assert_snapshot!(plain(&page(&one, 80)), @r#"
        dns_zone "LABEL" { … }

        A private DNS zone.

        Private endpoints of PostgreSQL servers are found through
        `privatelink.postgres.database.azure.com`. A network can be linked to only one
        zone of a name.

        Arguments

          name (required): a text
              Name of the zone. A change deletes the object and makes it anew.
          tags: a map of texts
              Tags, on top of the `azure` block's. A change is made in place.
          subscription_id: a text
              Subscription of the object. Default: the `azure` block's. A change deletes
              the object and makes it anew.
          resource_group: a text
              Resource group of the object. Default: the `azure` block's. A change
              deletes the object and makes it anew.

        Attributes that can be referred to

          id: ARM id.

        Example

            dns_zone "endpoint" {
              name = "privatelink.postgres.database.azure.com"
            }
        "#);
    }
}
