// The pages of plans in a real browser: the plan beside the picture, every step to be seen with its name, zoom and the way from a step
// to its line work, and nobody is asked for anything.
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { check, withPage } from "./browser.mjs";

const [folder] = process.argv.slice(2);

await withPage(async (page) => {
  let asked = [];
  let complaints = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => complaints.push(dialog.message()));
  let read = 0;
  for (const name of readdirSync(folder)) {
    for (const file of ["plan.html", "graph-step.html"]) {
      const path = resolve(folder, name, file);
      if (!existsSync(path)) continue;
      read += 1;
      const wrong = (said) => `${name}/${file}: ${said}`;
      [asked, complaints] = [[], []];
      const address = pathToFileURL(path).href;
      await page.goto(address);
      check(asked.length === 1 && asked[0] === address, wrong(`it asks for ${asked}`));
      const plan = JSON.parse(readFileSync(join(folder, name, "plan.json"), "utf8"));
      const titles = await page.$$eval("svg .node > title", (all) => all.map((title) => title.textContent));
      for (const { address: unit } of plan.resource_changes.filter((one) => one.change.actions[0] !== "no-op")) {
        check(titles.some((title) => title.startsWith(`${unit}: `)), wrong(`no step is named ${unit}`));
      }
      const text = await page.locator("#plan").innerText();
      const header = await page.locator("header").innerText();
      check(header.includes(plan.pgferry.fingerprint), wrong("the page does not say of which plan it is"));
      for (const { address: unit } of plan.resource_changes) {
        check(text.includes(unit.split("#")[0]), wrong(`the plan beside the picture does not name ${unit}`));
      }
      const frames = await page.evaluate(() => {
        const frame = (id) => document.getElementById(id).getBoundingClientRect().toJSON();
        return [frame("plan"), frame("picture")];
      });
      check(frames.every((frame) => frame.width > 200 && frame.height > 200), wrong("the plan or the picture has no room"));
      check(frames[0].right <= frames[1].left + 1, wrong("the picture is not beside the plan"));
      if (titles.length === 0) continue;
      const inside = await page.$$eval("svg .node", (nodes) => {
        const frame = document.getElementById("picture").getBoundingClientRect();
        return nodes.every((node) => {
          const box = node.getBoundingClientRect();
          return box.width > 0 && box.left >= frame.left - 1 && box.right <= frame.right + 1 && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
        });
      });
      check(inside, wrong("a step cannot be seen"));
      const width = () => page.$eval("svg .node", (node) => node.getBoundingClientRect().width);
      const start = await width();
      await page.click("#in");
      const larger = await width();
      await page.click("#out");
      await page.click("#out");
      const smaller = await width();
      await page.click("#all");
      const back = await width();
      await page.mouse.move(frames[1].x + frames[1].width / 2, frames[1].y + frames[1].height / 2);
      await page.mouse.wheel(0, -300);
      await page.waitForFunction((before) => document.querySelector("svg .node").getBoundingClientRect().width > before * 1.05, back);
      check(larger > start * 1.2 && smaller < start && Math.abs(back - start) < 1, wrong(`zoom goes ${start}, ${larger}, ${smaller}, ${back}`));
      await page.click("#all");
      await page.locator("svg .node").first().dispatchEvent("click");
      const marked = await page.locator("#plan mark").allInnerTexts();
      check(marked.length === 1 && titles[0].startsWith(marked[0]), wrong(`a click on ${titles[0]} marks ${marked}`));
      check(complaints.length === 0, wrong(`the browser complains: ${complaints}`));
    }
  }
  check(read > 8, "there is nothing to read");
  console.log(`chromium: ${read} pages show their plan and ask nobody`);
});
