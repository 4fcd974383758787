// Pictures and schedules, parsed and drawn by the real mermaid package: every node shows its address, every migration its name.
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join } from "node:path";
import { check, need, withPage } from "./browser.mjs";

const [folder] = process.argv.slice(2);

// In the page: the drawing as text, or why there is none.
async function drawn(text) {
  try {
    await globalThis.mermaid.parse(text);
    const { svg } = await globalThis.mermaid.render("picture", text);
    document.body.innerHTML = svg;
    const labels = (selector) => [...document.querySelectorAll(selector)].map((label) => label.textContent);
    return {
      nodes: [...document.querySelectorAll("g.node")].map((node) => node.textContent.trim()),
      edges: document.querySelectorAll("path.flowchart-link").length,
      tasks: labels("text.taskText, text.taskTextOutsideRight, text.taskTextOutsideLeft"),
      bars: [...document.querySelectorAll("rect.task")].map((bar) => [bar.x.baseVal.value, bar.width.baseVal.value]),
      ticks: labels("g.grid text"),
      critical: document.querySelectorAll("rect.crit0, rect.crit1, rect.crit2, rect.crit3, rect[class*=crit]").length,
    };
  } catch (error) {
    return { error: String(error) };
  }
}

function blocks(markdown) {
  return [...markdown.matchAll(/^(`{3,})mermaid\n([\s\S]*?)\n\1$/gm)].map((found) => found[2]);
}

// As HTML shows a text: runs of spaces are one.
const shown = (text) => text.replace(/\s+/g, " ").trim();

/** Whether a node is a unit's: by its address, or as one of several units of a resource, `zone (#a, #b)` or `zone (7 from #a to #g)`. */
const isOf = (node, address) => {
  const [title, unit] = [shown(node), shown(address)];
  const at = unit.lastIndexOf("#");
  const part = unit.slice(at);
  const several = at >= 0 && title.startsWith(`${unit.slice(0, at)} (`);
  return title.startsWith(unit) || (several && [`${part}, `, `${part})`, " from #"].some((told) => title.includes(told)));
};

await withPage(async (page) => {
  await page.setContent("<body></body>");
  await page.addScriptTag({ path: need.resolve("mermaid").replace(/mermaid\.core\.mjs$/, "mermaid.min.js") });
  await page.evaluate(() => globalThis.mermaid.initialize({ startOnLoad: false, securityLevel: "strict" }));
  let flowcharts = 0;
  let schedules = 0;
  for (const name of readdirSync(folder)) {
    const texts = [];
    for (const by of ["step", "unit", "resource"]) {
      const path = join(folder, name, `graph-${by}.mermaid`);
      if (existsSync(path)) texts.push([`graph-${by}.mermaid`, readFileSync(path, "utf8")]);
    }
    const comment = join(folder, name, "plan.md");
    if (existsSync(comment)) texts.push(...blocks(readFileSync(comment, "utf8")).map((text, at) => [`plan.md, picture ${at + 1}`, text]));
    if (texts.length === 0) continue;
    const plan = JSON.parse(readFileSync(join(folder, name, "plan.json"), "utf8"));
    const migrations = (plan.pgferry.schedule?.migrations ?? []).map((one) => one.migration.split("/").at(-1));
    for (const [source, text] of texts) {
      const wrong = (said) => `${name}, ${source}: ${said}\n${text}`;
      const told = await page.evaluate(drawn, text);
      check(told.error === undefined, wrong(`mermaid does not take it: ${told.error}`));
      if (text.startsWith("flowchart")) {
        flowcharts += 1;
        const declared = text.split("\n").filter((line) => /^ {2}n\d+\[/.test(line)).length;
        const arrows = text.split("\n").filter((line) => /^ {2}n\d+ (-->|-\.->)/.test(line)).length;
        check(told.nodes.length === declared && told.edges === arrows, wrong(`${told.nodes.length} nodes and ${told.edges} arrows are drawn`));
        const known = new Set(plan.resource_changes.map((one) => one.address));
        for (const address of source.includes("resource") ? [] : known) {
          check(told.nodes.some((node) => isOf(node, address)), wrong(`no node shows ${address}, but ${told.nodes.join("\n")}`));
        }
      } else {
        schedules += 1;
        for (const migration of migrations) {
          check(told.tasks.some((task) => task.startsWith(migration)), wrong(`no bar is named ${migration}, but ${told.tasks}`));
        }
        // All of them have one target, where one runs at a time.
        const isBehind = ([x], at) => at === 0 || Math.abs(x - told.bars[at - 1][0] - told.bars[at - 1][1]) < 1;
        check(told.bars.length === migrations.length && told.bars.every(isBehind), wrong(`bars stand at ${JSON.stringify(told.bars)}`));
        check(told.critical > 0, wrong("nothing is critical"));
        check(told.ticks.length > 0 && told.ticks.every((tick) => !/NaN|undefined|%/.test(tick)), wrong(`its axis says ${told.ticks}`));
      }
    }
  }
  check(flowcharts > 5 && schedules > 2, "there is nothing to draw");
  console.log(`mermaid: ${flowcharts} flowcharts and ${schedules} schedules are drawn`);
});
