// The Markdown of plans, rendered by a CommonMark library with GitHub's tables and raw HTML: tables are tables that name every unit
// exactly, details are closed and balanced, and no name makes a link, a picture, a heading or an element of its own.
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import { check, need, withPage } from "./browser.mjs";

const [folder] = process.argv.slice(2);
const MarkdownIt = need("markdown-it");
const markdown = new MarkdownIt({ html: true, linkify: false });

// In the page: what became of the text.
function seen() {
  const text = (cell) => cell.textContent.trim();
  const unfolded = document.body.cloneNode(true);
  for (const folded of unfolded.querySelectorAll("details, pre, code")) folded.remove();
  return {
    tables: [...document.querySelectorAll("table")].map((table) => ({
      heads: [...table.querySelectorAll("th")].map(text),
      rows: [...table.querySelectorAll("tbody tr")].map((row) => [...row.children].map(text)),
    })),
    open: document.querySelectorAll("details[open]").length,
    nested: document.querySelectorAll("details details").length,
    details: document.querySelectorAll("body > details").length,
    blank: [...document.querySelectorAll("details > summary:first-child")].length,
    elements: [...new Set([...document.body.querySelectorAll("*")].map((element) => element.localName))],
    headings: [...document.querySelectorAll("h1, h2, h3, h4")].map(text),
    outside: unfolded.textContent,
    blocks: [...document.querySelectorAll("pre > code")].map((block) => block.className),
  };
}

const ELEMENTS = new Set(["h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "details", "summary", "ul", "li", "strong"]);
const HEADINGS = [
  /^pgferry plan: /, /^Will be lost: \d+$/, /^Cuts over by itself: \d+ migrations?, \d+ databases?$/, /^Checks: \d+ failed, /, /^Details$/, /^Outputs$/,
];

await withPage(async (page) => {
  let read = 0;
  for (const name of readdirSync(folder)) {
    for (const file of ["plan.md", "short.md"]) {
      const path = join(folder, name, file);
      if (!existsSync(path)) continue;
      read += 1;
      const wrong = (said) => `${name}/${file}: ${said}`;
      const text = readFileSync(path, "utf8");
      await page.setContent(markdown.render(text));
      const told = await page.evaluate(seen);
      const strange = told.elements.filter((element) => !ELEMENTS.has(element));
      check(strange.length === 0, wrong(`these elements have come of names: ${strange}`));
      for (const heading of told.headings) {
        check(HEADINGS.some((known) => known.test(heading)), wrong(`a heading that is none: ${heading}`));
      }
      check(told.open === 0 && told.nested === 0, wrong("details are open or within others"));
      check(told.details === text.split("<details>").length - 1 && told.details === told.blank, wrong("details are not closed"));
      // What users wrote is text, whatever it looks like.
      const odd = existsSync(join(folder, name, "odd.json")) ? JSON.parse(readFileSync(join(folder, name, "odd.json"), "utf8")) : [];
      const rest = odd.reduce((rest, word) => rest.replaceAll(word, ""), told.outside);
      check(!/\|\s*---|```|<\/?details|<\/?summary/.test(rest), wrong(`source is left in the text: ${rest}`));
      for (const table of told.tables) {
        check(table.rows.every((row) => row.length === table.heads.length), wrong("a row has more or fewer cells than the head"));
      }
      if (file === "plan.md") {
        const plan = JSON.parse(readFileSync(join(folder, name, "plan.json"), "utf8"));
        // Units that only move are listed elsewhere.
        const changes = plan.resource_changes.filter((one) => one.previous_address === undefined || one.change.actions[0] !== "no-op");
        const units = told.tables.filter((table) => table.heads[1] === "Unit").flatMap((table) => table.rows.map((row) => row[1]));
        // The gravest come first there.
        check(JSON.stringify(units.toSorted()) === JSON.stringify(changes.map((one) => one.address).toSorted()),
          wrong(`the table names ${JSON.stringify(units)}\ninstead of ${JSON.stringify(changes.map((one) => one.address))}`));
        check(changes.length === 0 || told.blocks.includes("language-diff"), wrong("there are no details"));
      }
    }
  }
  check(read > 10, "there is nothing to read");
  console.log(`markdown-it: ${read} comments are as they were meant`);
});
