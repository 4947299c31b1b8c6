// Opens the reports in headless Chromium, from disk, and holds them to what is promised. Usage: report.mjs FOLDER NODE_MODULES.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, modules] = process.argv.slice(2).map((each) => resolve(each));
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"],
});

async function open(name, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(message.text()); });
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("dialog", (dialog) => { said.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!/^file:.*report\.html/.test(request.url())) said.push(`a request: ${request.url()}`); });
  const started = performance.now();
  await page.goto(pathToFileURL(`${folder}/${name}/report.html`).href);
  return { page, said, took: Math.round(performance.now() - started), close: () => context.close() };
}

const visibleRows = (page) => page.locator("#population-table tbody tr:visible").count();

async function checkAccessible(page, what) {
  await page.evaluate(axe); // by the debugger's protocol, to which the page's policy doesn't apply
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map((each) => `${each.id}: ${each.help}: ${each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, [], what);
}

async function checkKeyboard(page, what) {
  const wanted = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter((each) => each.checkVisibility());
    all.forEach((each, at) => { each.dataset.stop = String(at); });
    return all.length;
  });
  await page.evaluate(() => { document.activeElement.blur(); window.scrollTo(0, 0); });
  const reached = new Set();
  for (let step = 0; step < wanted + 5; step += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement?.dataset?.stop);
    if (at !== undefined) reached.add(at);
  }
  assert.equal(reached.size, wanted, `${what}: the keyboard reaches everything`);
}

// Each plot is seen once, whole, and its words don't run into each other.
async function checkPlots(page, what) {
  const plots = await page.evaluate(() => [...document.querySelectorAll("figure")].map((figure) => {
    const shown = [...figure.querySelectorAll("svg")].filter((each) => each.checkVisibility());
    const frame = shown[0].getBoundingClientRect();
    const words = [...shown[0].querySelectorAll("text")].map((each) => each.getBoundingClientRect());
    const meet = words.some((one, at) => words.some((two, other) => at < other
      && one.left < two.right && two.left < one.right && one.top < two.bottom - 2 && two.top < one.bottom - 2));
    const smallest = Math.min(...words.map((each) => each.height));
    return { shown: shown.length, inside: frame.right <= innerWidth && words.every((each) => each.left >= frame.left - 1 && each.right <= frame.right + 1), meet, smallest };
  }));
  assert.ok(plots.length > 0);
  for (const each of plots) {
    assert.deepEqual([each.shown, each.inside, each.meet], [1, true, false], `${what}: a plot is cut, or its labels crowd`);
    assert.ok(each.smallest >= 10, `${what}: a plot's words are ${each.smallest} px high`);
  }
}

async function checkTable(page, all) {
  const shown = Math.min(100, all);
  assert.equal(await visibleRows(page), shown);
  const first = () => page.locator("#population-table tbody tr:visible td").first().textContent();
  const decided = page.getByRole("button", { name: "Decided (UTC)" });
  await decided.focus();
  await page.keyboard.press("Enter");
  const oldest = await first();
  const started = performance.now();
  await page.keyboard.press("Enter");
  const sorted = Math.round(performance.now() - started);
  assert.ok(await first() > oldest, "sorted, newest first");
  assert.equal(await page.locator("th[aria-sort=descending]").count(), 1);
  await page.fill("#words", "no such words at all");
  await page.waitForFunction(() => document.getElementById("shown").textContent.startsWith("0 of"));
  assert.equal(await visibleRows(page), 0);
  await page.fill("#words", "");
  await page.waitForFunction((text) => document.getElementById("shown").textContent === text, `${all} of ${all} fit`);
  await page.check("#only-followed");
  const followed = await page.locator("#sample article").count();
  assert.equal(await visibleRows(page), followed);
  await page.uncheck("#only-followed");
  await page.selectOption("#only-environment", "production");
  assert.ok(await visibleRows(page) > 0);
  await page.selectOption("#only-environment", "");
  if (all > 100) {
    await page.click("#page-after");
    assert.match(await page.locator("#page-place").textContent(), /^Page 2 of/);
  }
  return sorted;
}

for (const name of ["3", "5000"]) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 400]) {
      if (name !== "3" && (colorScheme === "light") !== (width === 1280)) continue; // of the large one, two of the four are enough
      const { page, said, took, close } = await open(name, { colorScheme, viewport: { width, height: 900 } });
      const all = await page.locator("#population-table tbody tr").count();
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${name} ${width}: nothing runs out`);
      await checkPlots(page, `${name} ${width}`);
      if (width === 1280) await checkAccessible(page, `${name} ${colorScheme}`);
      if (width === 1280 && colorScheme === "light") {
        await checkKeyboard(page, name);
        const sorted = await checkTable(page, all);
        console.log(`${name}: ${all} rows, ${Math.round(statSync(`${folder}/${name}/report.html`).size / 1024)} KiB, opened in ${took} ms, sorted in ${sorted} ms`);
        await page.reload();
        await page.emulateMedia({ media: "print" });
        assert.equal(await visibleRows(page), all, "printed whole");
        assert.equal(await page.locator("#filters:visible, #pages:visible").count(), 0);
        await page.emulateMedia({ media: "screen" });
      }
      await page.setViewportSize({ width, height: 2600 });
      await page.screenshot({ path: `${folder}/${name}/${colorScheme}-${width}.png` });
      await page.locator("#sample article").first().screenshot({ path: `${folder}/${name}/${colorScheme}-${width}-change.png` });
      assert.deepEqual(said, [], `${name} ${colorScheme} ${width}`);
      await close();
    }
  }
  const { page, said, close } = await open(name, { javaScriptEnabled: false });
  assert.equal(await page.locator("#filters:visible").count(), 0);
  assert.equal(await visibleRows(page), await page.locator("#population-table tbody tr").count(), "all is readable without the script");
  assert.deepEqual(said, []);
  await close();
}
await browser.close();
