// Opens a running portal in headless Chromium and holds its pages to what is promised. Usage: portal.mjs ADDRESS FOLDER NODE_MODULES.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const address = process.argv[2];
const [folder, modules] = process.argv.slice(3).map((each) => resolve(each));
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
});

async function check(context, name, path, width) {
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(message.text()); });
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("dialog", (dialog) => { said.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!request.url().startsWith(address)) said.push(`a request: ${request.url()}`); });
  await page.goto(address + path.slice(1));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `${name}: the page is ${wide} px wide, in a window of ${width}`);
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  await page.evaluate(axe); // by the debugger's protocol, to which the page's policy doesn't apply
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`), [], name);
  assert.deepEqual(said.filter((each) => !(each.includes("favicon") || (name.startsWith("missing") && each.includes("404")))), [], name);
  await page.close();
}

// A person's way, by keyboard alone: search, open the first record, come back.
async function walk(context) {
  const page = await context.newPage();
  await page.goto(address);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.getByLabel("Ticket, commit, person, change or word").focus();
  await page.keyboard.type("person:alice pears");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/search\?q=person/);
  const titles = await page.locator("tbody th a").allTextContents();
  assert.ok(titles.length > 0);
  await page.locator("tbody th a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/record\//);
  assert.match(await page.locator("main").textContent(), /Verified just now/);
  await page.getByRole("link", { name: "Verify", exact: true }).click();
  await page.getByRole("link", { name: "Verify the store now" }).click();
  assert.match(await page.locator("pre").textContent(), /WHOLE/);
  await page.close();
}

for (const [width, height] of [[1280, 900], [400, 800]]) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    await page.goto(`${address}search?ending=failure`);
    const record = await page.locator("tbody th a").first().getAttribute("href");
    await page.close();
    for (const [name, path] of [["overview", "/"], ["search", "/search?q=prices"], ["record", record], ["packs", "/packs"], ["verify", "/verify"], ["missing", "/record/" + "0".repeat(64)]]) {
      await check(context, `${name}-${width}-${colorScheme}`, path, width);
    }
    await walk(context);
    await context.close();
  }
}
await browser.close();
console.log("the portal: 6 pages, wide and narrow, light and dark, and a walk by keyboard");
