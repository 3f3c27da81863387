// The built book, `_build/html`, as a reader's browser shows it from file://. `make test-site`.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { DESKTOP, PHONE, background, faint, launched, light, machinePaths, sticking } from "./browser.mjs";

const ROOT = new URL("../../", import.meta.url);
const SITE = new URL("_build/html/", ROOT);
const tested = { formulas: 0, figures: 0, code: 0, controls: 0, sliders: 0, choices: 0, films: 0, folds: 0 };
const known = new Map(); // of `places`
const sliders = new Set(); // the pages that have some

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

    /** What a function that runs in the page gives for all elements of a kind. */
    async function ofAll(kind, selector, given) {
      tested[kind] += await page.locator(selector).count();
      return page.$$eval(selector, given);
    }

    test("asks nothing of the network and logs no error", () => assert.deepEqual(troubles, []));

    test("has its formulas drawn", async () => {
      const bare = await ofAll("formulas", "article .math", (formulas) =>
        formulas.filter((one) => !one.querySelector("mjx-container")).map((one) => one.textContent),
      );
      assert.deepEqual(bare, []);
      assert.equal(await page.locator("[data-mml-node=merror]").count(), 0);
      const stops = await page.$$eval("mjx-container", (formulas) =>
        formulas.filter((one) => one.tabIndex >= 0 && one.scrollWidth <= one.clientWidth),
      );
      assert.equal(stops.length, 0, "the Tab key stops at formulas without a need");
    });

    test("has its figures, each with a text in its place", async () => {
      const bare = await ofAll("figures", "article img", (figures) =>
        figures
          .filter((one) => !one.naturalWidth || !one.alt || one.alt === one.getAttribute("src"))
          .map((one) => `${one.src.slice(0, 80)}, ${one.naturalWidth} wide: ${one.alt}`),
      );
      assert.deepEqual(bare, []);
    });

    test("has one title, and no heading more than a level below the one before", async () => {
      const levels = await page.$$eval(":is(h1, h2, h3, h4, h5, h6)", (headings) =>
        headings
          .filter((one) => one.checkVisibility() && !one.closest("nav, dialog, .bd-sidebar-secondary"))
          .map((one) => +one.tagName[1]),
      );
      assert.equal(levels[0], 1);
      assert.equal(levels.filter((level) => level === 1).length, 1);
      levels.forEach((level, k) => assert(!k || level <= levels[k - 1] + 1, `${levels}`));
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
        sliders.add(name);
        assert((await slider.evaluate((one) => one.tabIndex)) >= 0);
        await slider.press("Home");
        const first = await pictureOf(slider).screenshot();
        await slider.press("End");
        assert.notDeepEqual(await pictureOf(slider).screenshot(), first);
      }
    });

    test("shows another picture for each choice, by keyboard", async () => {
      for (const choices of await all("choices", "article .widget-toggle-buttons")) {
        const shown = new Set();
        for (const button of await choices.locator("button").all()) {
          await button.press("Enter");
          const picture = pictureOf(choices);
          shown.add(await picture.getAttribute("src"));
        }
        assert.equal(shown.size, await choices.locator("button").count());
      }
    });

    test("plays its films", async () => {
      for (const play of await all("films", "article .widget-play")) {
        await play.locator("..").getByRole("slider").press("Home");
        // Not a screenshot: the picture may be gone before it is taken.
        const source = () => pictureOf(play).getAttribute("src");
        const first = await source();
        const button = play.locator("button").first();
        await button.press("Enter");
        await until(async () => (await source()) !== first);
        await button.press("Enter");
      }
    });

    test("opens what is folded by keyboard", async () => {
      for (const summary of await all("folds", "article summary")) {
        assert.equal(await summary.getAttribute("aria-label"), null); // its words say what it is
        const unfolded = () => summary.evaluate((one) => one.parentElement.open);
        if (!(await unfolded())) await summary.press("Enter");
        assert(await unfolded());
      }
    });

    test("has every control within reach of the keyboard, and shows where it is", async () => {
      await page.keyboard.press("Tab"); // so that the browser shows the focus
      const { count, unreached, unseen } = await page.evaluate(controls);
      tested.controls += count;
      assert.deepEqual(unreached, []);
      assert.deepEqual(unseen, []);
    });

    test("can be read in the light and in the dark, unfolded", async () => {
      await page.$$eval("article details", (folds) => folds.forEach((one) => (one.open = true)));
      await settled(page);
      assert(light(await page.evaluate(background)));
      assert.deepEqual(await page.evaluate(faint, "body"), []);
      const toggle = page.locator(".theme-switch-button:visible").first();
      const dark = page.locator("html[data-theme=dark]");
      for (let i = 0; i < 3 && !(await dark.count()); i++) await toggle.click();
      await settled(page);
      assert(!light(await page.evaluate(background)));
      assert.deepEqual(await page.evaluate(faint, "body"), []);
    });

    test("keeps its figures as they are in the dark", async () => {
      await page.evaluate(() => (document.documentElement.dataset.theme = "dark"));
      const looks = await page.$$eval("article img", (all) =>
        all.map((one) => `${getComputedStyle(one).backgroundColor} ${getComputedStyle(one).filter}`),
      );
      for (const look of looks) assert.equal(look, "rgb(255, 255, 255) none");
    });

    test("has nothing that sticks out on a phone", async () => {
      await page.setViewportSize(PHONE);
      await settled(page);
      assert.deepEqual(await page.$$eval("article *", sticking), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
    });

    test("has its code whole on a phone, each line within its box", async () => {
      const wide = await ofAll("code", "article pre", (boxes) =>
        boxes
          .filter((one) => one.scrollWidth > one.clientWidth)
          .map((one) => one.textContent.slice(0, 40)),
      );
      assert.deepEqual(wide, []);
    });

    // Text of 10 points in a figure of 4.6 inches is 11 pixels high then.
    test("fills a phone with its figures", async () => {
      const narrow = await page.$$eval(".cell_output img", (figures) => {
        const width = (one) => {
          const style = getComputedStyle(one);
          return one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        };
        return figures
          .filter((one) => one.checkVisibility() && width(one) < 370)
          .map((one) => `${width(one)}: ${one.alt.slice(0, 60)}`);
      });
      assert.deepEqual(narrow, []);
    });

    test("scrolls by keyboard what is wider than a phone, such as tables", async () => {
      const found = () => page.$$eval("article *", stuck);
      // The theme lets the keyboard into a box a while after it has become too narrow.
      await until(async () => !(await found()).length).catch(() => {});
      assert.deepEqual(await found(), []);
    });

    test("had no trouble in any of this", () => assert.deepEqual(troubles, []));
  });
}

test("no page tells a path of the machine that built it", () => {
  const files = readdirSync(SITE, { recursive: true }).filter(
    (name) => /\.(html|svg|ipynb|txt|md)$|^searchindex\.js$/.test(name) && !/vendor/.test(name),
  );
  assert(files.length > pages.length);
  const own = fileURLToPath(ROOT).replace(/\/$/, "");
  const found = files.flatMap((name) =>
    machinePaths(readFileSync(new URL(name, SITE), "utf8"), own).map((path) => `${name}: ${path}`),
  );
  assert.deepEqual(found, []);
});

test("the Tab key comes to every control of a page, and shows where it is", async () => {
  const { page } = await open(pages.find((name) => sliders.has(name)), DESKTOP);
  const reached = new Set();
  for (let ended = false; !ended; ) {
    await page.keyboard.press("Tab");
    const which = await page.evaluate(() => {
      const one = document.activeElement;
      if (one === document.body) return "0"; // after the last
      one.dataset.reached ??= document.querySelectorAll("[data-reached]").length;
      return one.matches(":focus-visible") ? one.dataset.reached : "unseen";
    });
    ended = reached.has(which);
    reached.add(which);
  }
  const missed = await page.$$eval("button, input, summary, [role=slider], a[href]", (all) =>
    all
      .filter((one) => one.checkVisibility({ visibilityProperty: true }) && one.tabIndex >= 0)
      .filter((one) => !one.dataset.reached)
      .map((one) => one.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(missed, []);
  assert(!reached.has("unseen"));
  await page.context().close();
});

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

/** The picture that the output of a control shows. */
function pictureOf(control) {
  const output = control.locator("xpath=ancestor::*[contains(@class, 'cell_output')][1]");
  return output.locator("img:visible").first();
}

/** Waits until the page has the size and the colours that it was told to have. */
function settled(page) {
  return page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    await frame();
    document.getAnimations().forEach((one) => one.effect.getTiming().iterations < 2 && one.finish());
    await frame();
  });
}

async function until(holds, seconds = 20) {
  for (let ends = Date.now() + 1000 * seconds; !(await holds()); )
    assert(Date.now() < ends, `not within ${seconds} seconds`);
}

// These run in the page.

/** Controls that the Tab key does not come to, or in another order, and those that do not show it. */
function controls() {
  const still = document.head.appendChild(document.createElement("style"));
  still.textContent = "*, ::before, ::after { transition: none !important; animation: none !important }";
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  const name = (one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 30)}`;
  const pressed = "a[href], button, input, select, textarea, summary, video, [onclick], [tabindex], " +
    "[role]:is([role=button], [role=slider], [role=tab], [role=checkbox], [role=switch])";
  const found = [...document.querySelectorAll(pressed)].filter(shown);
  // A button that is out of order stays so for a reason: it does what another one in reach does.
  const unreached = found.filter(
    (one) => one.tabIndex > 0 || (one.tabIndex < 0 && !one.hasAttribute("tabindex") && !one.disabled),
  );
  const look = (one) =>
    [one, one.parentElement, ...one.children].map((part) => {
      const { outline, boxShadow, backgroundColor, border, color, textDecoration, opacity } =
        getComputedStyle(part);
      return [outline, boxShadow, backgroundColor, border, color, textDecoration, opacity].join();
    }).join();
  const kinds = new Map(found.filter((one) => one.tabIndex >= 0).map((one) => [
    `${one.tagName} ${one.className} ${one.parentElement.className}`, one,
  ]));
  document.activeElement.blur();
  const unseen = [...kinds.values()].filter((one) => {
    const before = look(one);
    one.focus({ preventScroll: true });
    const same = document.activeElement !== one || look(one) === before;
    one.blur();
    return same;
  });
  still.remove();
  return { count: found.length, unreached: unreached.map(name), unseen: unseen.map(name) };
}

/** Boxes whose content is wider than they are and that the keyboard cannot scroll. */
function stuck(elements) {
  return elements
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.checkVisibility())
    .filter((one) => /auto|scroll/.test(getComputedStyle(one).overflowX))
    .filter((one) => one.tabIndex < 0 && !one.querySelector("[tabindex='0']"))
    .map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`);
}
