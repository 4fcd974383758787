// Packages of the folder that `run` installed them in, and a browser that reaches nobody.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export const need = createRequire(fileURLToPath(new URL("../../target/consumers/package.json", import.meta.url)));

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export async function withPage(work) {
  const browser = await need("playwright-core").chromium.launch({ executablePath: "/usr/bin/chromium", args: QUIET });
  try {
    await work(await browser.newPage());
  } finally {
    await browser.close();
  }
}

export function check(holds, said) {
  if (!holds) {
    console.error(said);
    process.exit(1);
  }
}
