// The built book, `_build/html`, as a reader's browser shows it from file://. `make test-site`.

import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DESKTOP, PHONE, background, faint, launched, light, sticking } from "./browser.mjs";

const SITE = new URL("../../_build/html/", import.meta.url);
const tested = { formulas: 0, figures: 0, sliders: 0, films: 0, folds: 0 };
const known = new Map(); // of `places`

assert(existsSync(new URL("index.html", SITE)), "there is no _build/html: run make book");
const browser = await launched().catch((error) => {
  console.error("No Chromium or Chrome (Debian: apt-get install chromium); CHROMIUM may name one.");
  throw error;
});
after(() => browser.close());

/** Opens a page of the site, all of it drawn; what went wrong on the way is in `troubles`. */
async function open(name, viewport) {
  const context = await browser.newContext({ viewport, colorScheme: "light" });
  const page = await context.newPage();
  const troubles = [];
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(SITE.href) && !/^(data|blob):/.test(url)) troubles.push(`asks for ${url}`);
  });
  page.on("requestfailed", (request) => troubles.push(`does not get ${request.url()}`));
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (line) => line.type() === "error" && troubles.push(line.text()));
  await page.goto(new URL(name, SITE).href);
  await page.evaluate(() => window.MathJax?.startup.promise);
  await page.waitForFunction(() =>
    [...document.querySelectorAll("script[type$='widget-view+json']")].every(
      (script) => script.parentElement.querySelector(".jupyter-widgets, .widget-subarea > *"),
    ),
  );
  return { page, troubles };
}

// The welcome page and those of the table of contents, as the sidebar has them.
const { page: any } = await open("search.html", DESKTOP);
const pages = await any.$$eval("a.navbar-brand, .bd-docs-nav a.internal", (links) =>
  links.map((link) => new URL(link.href).pathname.split("/").pop()),
);
await any.context().close();

test("the sidebar lists the pages", () => assert(pages.length > 1));

for (const name of pages) {
  describe(name, () => {
    let page, troubles;
    before(async () => ({ page, troubles } = await open(name, DESKTOP)));
    after(() => page.context().close());

    /** All elements of a kind, which are counted: see the last test. */
    async function all(kind, selector) {
      const found = await page.locator(selector).all();
      tested[kind] += found.length;
      return found;
    }

    test("asks nothing of the network and logs no error", () => assert.deepEqual(troubles, []));

    test("has its formulas drawn", async () => {
      for (const formula of await all("formulas", "article .math"))
        assert(await formula.locator("mjx-container").count(), await formula.textContent());
      assert.equal(await page.locator("[data-mml-node=merror]").count(), 0);
    });

    test("has its figures, each with a text in its place", async () => {
      for (const figure of await all("figures", "article img")) {
        const [width, text, source] = await figure.evaluate((one) => [
          one.naturalWidth,
          one.alt,
          one.getAttribute("src"),
        ]);
        assert(width && text && text !== source, `${source.slice(0, 80)}, ${width} wide: ${text}`);
      }
    });

    test("shows tables as tables", async () => {
      const texts = await page.$$eval("article :is(p, div.text_markdown)", (all) =>
        all.map((one) => one.textContent),
      );
      // The row below a table's head; dashes may have become longer ones.
      assert.deepEqual(texts.filter((text) => /\|[:\-–—]+\|/.test(text)), []);
    });

    test("has links that lead somewhere within the book", async () => {
      const links = await page.$$eval("a[href]", (all) => all.map((one) => one.href));
      const inner = [...new Set(links)].filter((link) => link.startsWith("file:"));
      assert.deepEqual(inner.filter((link) => !leads(link)), []);
    });

    test("changes a picture with each slider, by keyboard", async () => {
      for (const slider of await all("sliders", "article :is([role=slider], [type=range])")) {
        assert((await slider.evaluate((one) => one.tabIndex)) >= 0);
        await slider.press("Home");
        const first = await picture(slider);
        await slider.press("End");
        assert.notDeepEqual(await picture(slider), first);
      }
    });

    test("plays its films", async () => {
      for (const play of await all("films", "article .widget-play")) {
        await play.locator("..").getByRole("slider").press("Home");
        const first = await picture(play);
        const button = play.locator("button").first();
        await button.press("Enter");
        await until(async () => !(await picture(play)).equals(first));
        await button.press("Enter");
      }
    });

    test("opens what is folded by keyboard", async () => {
      for (const summary of await all("folds", "article summary")) {
        const unfolded = () => summary.evaluate((one) => one.parentElement.open);
        if (!(await unfolded())) await summary.press("Enter");
        assert(await unfolded());
      }
    });

    test("can be read in the light and in the dark", async () => {
      assert(light(await page.evaluate(background)));
      assert.deepEqual(await page.evaluate(faint, "article"), []);
      const toggle = page.locator(".theme-switch-button:visible").first();
      const dark = page.locator("html[data-theme=dark]");
      for (let i = 0; i < 3 && !(await dark.count()); i++) await toggle.click();
      assert(!light(await page.evaluate(background)));
      assert.deepEqual(await page.evaluate(faint, "article"), []);
    });

    test("keeps its figures as they are in the dark", async () => {
      await page.evaluate(() => (document.documentElement.dataset.theme = "dark"));
      const looks = await page.$$eval("article img", (all) =>
        all.map((one) => `${getComputedStyle(one).backgroundColor} ${getComputedStyle(one).filter}`),
      );
      for (const look of looks) assert.equal(look, "rgb(255, 255, 255) none");
    });

    test("has nothing that sticks out on a phone", async () => {
      const phone = await open(name, PHONE);
      const width = await phone.page.evaluate(() => document.documentElement.scrollWidth);
      const wide = await phone.page.$$eval("article *", sticking);
      await phone.page.context().close();
      assert.deepEqual(wide, []);
      assert.equal(width, PHONE.width);
      assert.deepEqual(phone.troubles, []);
    });
  });
}

test("the search finds a word", async () => {
  const { page, troubles } = await open("search.html?q=derivative", DESKTOP);
  await page.locator("#search-results li a").first().waitFor();
  assert.deepEqual(troubles, []);
  await page.context().close();
});

test("there was something of each kind to test", () => {
  for (const [kind, count] of Object.entries(tested)) assert(count, `no page has ${kind}`);
});

/** Whether an address is that of a file of the site, and of a place in it. */
function leads(link) {
  const [, file, place] = link.match(/^([^?#]*)[^#]*#?(.*)$/);
  const ids = file.startsWith(SITE.href) && places(file);
  return ids && (!place || ids.has(decodeURIComponent(place)));
}

/** The places that a link may lead to in a file; false if there is none. */
function places(file) {
  if (!known.has(file)) {
    const path = fileURLToPath(file);
    const text = existsSync(path) && statSync(path).isFile() && readFileSync(path, "utf8");
    known.set(file, text && new Set([...text.matchAll(/ id="([^"]*)"/g)].map((id) => id[1])));
  }
  return known.get(file);
}

/** What is shown by the output that a control is in. */
function picture(control) {
  const output = control.locator("xpath=ancestor::*[contains(@class, 'cell_output')][1]");
  return output.locator("img:visible").first().screenshot();
}

async function until(holds, seconds = 5) {
  for (let ends = Date.now() + 1000 * seconds; !(await holds()); )
    assert(Date.now() < ends, `not within ${seconds} seconds`);
}
