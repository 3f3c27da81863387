// The pages that `--html` writes, as a reader's browser shows them from file://. `make test-site`.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, describe, test } from "node:test";
import { DESKTOP, PHONE, background, faint, launched, light, sticking } from "./browser.mjs";

const PAGES = new URL("../../_build/pages/", import.meta.url);
const browser = await launched().catch(() => undefined);
after(() => browser?.close());
const names = ["track.html", "stopped.html", "report.html"];
const made = names.every((name) => existsSync(new URL(name, PAGES)));
const skip = !browser
  ? "no Chromium or Chrome (Debian: apt-get install chromium); CHROMIUM may name one"
  : !made && "no pages in _build/pages: python tests/site/pages.py _build/pages makes them";

/** Opens a page; what went wrong, and all that it asked for but itself, is in `troubles`. */
async function open(name, { viewport = DESKTOP, colorScheme = "light", ...more } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, ...more });
  const page = await context.newPage();
  const address = new URL(name, PAGES).href;
  const troubles = [];
  page.on("request", (request) => {
    if (request.url() !== address && !request.url().startsWith("data:"))
      troubles.push(`asks for ${request.url()}`);
  });
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (line) => troubles.push(line.text()));
  await page.goto(address);
  return { page, troubles, close: () => context.close() };
}

const unfold = (all) => all.forEach((one) => (one.open = true));

for (const name of names) {
  describe(name, { skip }, () => {
    test("asks for nothing and logs nothing", async () => {
      const { troubles, close } = await open(name);
      assert.deepEqual(troubles, []);
      await close();
    });

    test("is not moved by what it does not contain", async () => {
      const { page, troubles, close } = await open(name);
      await page.evaluate(() => {
        const image = document.createElement("img");
        image.src = "https://example.invalid/a.png";
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        document.body.append(image, script);
      });
      assert.notEqual(await page.title(), "taken");
      assert(troubles.some((line) => /Content Security Policy/.test(line)));
      await close();
    });

    test("has its pictures", async () => {
      const { page, close } = await open(name);
      const widths = await page.$$eval("img", (all) => all.map((one) => one.naturalWidth));
      assert(widths.every((width) => width > 0));
      assert.equal(widths.length > 0, name !== "report.html");
      await close();
    });

    for (const viewport of [DESKTOP, PHONE])
      test(`is not wider than ${viewport.width} pixels`, async () => {
        const { page, close } = await open(name, { viewport });
        await page.$$eval("details", unfold);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.deepEqual(await page.$$eval("main *", sticking), []);
        assert.equal(width, viewport.width);
        await close();
      });

    for (const colorScheme of ["light", "dark"])
      test(`can be read in the ${colorScheme}`, async () => {
        const { page, close } = await open(name, { colorScheme });
        await page.$$eval("details", unfold);
        assert.equal(light(await page.evaluate(background)), colorScheme === "light");
        assert.deepEqual(await page.evaluate(faint, "main"), []);
        assert.deepEqual(await page.evaluate(faintLines), []);
        await close();
      });

    test("has charts whose words do not lie on each other on a phone", async () => {
      const { page, close } = await open(name, { viewport: PHONE });
      assert.deepEqual(await page.$$eval(".chart svg[role=img]", overlapping), []);
      await close();
    });

    test("has every control within reach of the keyboard, and shows where it is", async () => {
      const { page, close } = await open(name);
      const all = page.locator("button, input, summary, [tabindex]");
      const count = await all.count();
      assert(count);
      const seen = new Set();
      for (let i = 0; i < count; i++) {
        await page.keyboard.press("Tab");
        const [index, outline] = await page.evaluate(() => {
          const controls = [...document.querySelectorAll("button, input, summary, [tabindex]")];
          const one = document.activeElement;
          return [controls.indexOf(one), getComputedStyle(one).outlineStyle];
        });
        seen.add(index);
        assert.equal(outline, "solid");
      }
      assert.equal(seen.size, count);
      assert(!seen.has(-1));
      await close();
    });

    test("can be read without scripts", async () => {
      const { page, close } = await open(name, { javaScriptEnabled: false });
      for (const image of await page.locator("img").all()) assert(await image.isVisible());
      assert.equal(await page.locator("button:visible, input:visible").count(), 0);
      await close();
    });
  });
}

for (const name of ["track.html", "stopped.html"])
  describe(`${name}, stepped through`, { skip }, () => {
    test("shows each key frame, by slider and by button", async () => {
      const { page, close } = await open(name);
      const slider = page.getByRole("slider", { name: "key frame" });
      const words = page.locator(".stage .words");
      const frames = await page.$$eval(".keyframes > li", (all) =>
        all.map((one) => one.querySelector(".words").textContent),
      );
      assert(frames.length > 3);
      await slider.press("Home");
      for (const [number, told] of frames.entries()) {
        assert.equal(await words.textContent(), told);
        assert.equal(await slider.getAttribute("aria-valuetext"), told);
        if (number < frames.length - 1) await slider.press("ArrowRight");
      }
      await page.getByRole("button", { name: "key frame before" }).press("Enter");
      assert.equal(await words.textContent(), frames.at(-2));
      await page.getByRole("button", { name: "next key frame" }).press("Space");
      await page.getByRole("button", { name: "next key frame" }).press("Space");
      assert.equal(await words.textContent(), frames.at(-1));
      await close();
    });

    test("marks the frame in the charts and on the trajectory", async () => {
      const { page, close } = await open(name);
      const slider = page.getByRole("slider", { name: "key frame" });
      const places = () =>
        page.$$eval(".cursor, .here", (all) =>
          all.map((one) => (({ left, top }) => [left, top])(one.getBoundingClientRect())),
        );
      await slider.press("Home");
      const first = await places();
      await slider.press("End");
      const last = await places();
      const charts = await page.$$eval(".cursor", (all) =>
        all.map((one) => one.ownerSVGElement.getBoundingClientRect().width),
      );
      charts.forEach((width, k) => assert(Math.abs(last[k][0] - first[k][0] - width) < 2));
      assert.notDeepEqual(last.slice(charts.length), first.slice(charts.length));
      await close();
    });

    test("draws a box where the picture has it", async () => {
      const { page, close } = await open(name, { viewport: PHONE });
      const [image, box, frame] = await page.evaluate(() => {
        const picture = document.querySelector(".stage .picture");
        const rect = picture.querySelector("rect.box");
        const sides = ["x", "y", "width", "height"].map((side) => +rect.getAttribute(side));
        const { left, top, width } = picture.querySelector("img").getBoundingClientRect();
        const on = rect.getBoundingClientRect();
        const scale = width / picture.querySelector("img").getAttribute("width");
        return [
          sides.map((side) => side * scale),
          [on.left - left, on.top - top, on.width, on.height],
          scale,
        ];
      });
      assert(frame > 0);
      image.forEach((side, k) => assert(Math.abs(side - box[k]) < 4, `${image} ${box}`));
      await close();
    });
  });

test("a wide table scrolls by the keyboard on a phone", { skip }, async () => {
  const { page, close } = await open("report.html", { viewport: PHONE });
  const table = page.locator(".scrolls").last();
  await table.focus();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((one) => one.scrollLeft > 0, await table.elementHandle());
  await close();
});

// These run in the page.

/** Lines of charts with less contrast than AA asks of graphics. */
function faintLines() {
  const rgba = (css) => css.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const card = getComputedStyle(document.documentElement);
  const probe = document.body.appendChild(document.createElement("i"));
  const colourOf = (variable) => {
    probe.style.color = card.getPropertyValue(variable);
    return luminance(rgba(getComputedStyle(probe).color));
  };
  const found = [];
  for (const ground of ["--card", "--band"])
    for (const ink of ["--s0", "--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--level", "--dot"]) {
      const ends = [colourOf(ground), colourOf(ink)];
      const ratio = (Math.max(...ends) + 0.05) / (Math.min(...ends) + 0.05);
      if (ratio < 3) found.push(`${ink} on ${ground}: ${ratio.toFixed(1)}`);
    }
  probe.remove();
  return found;
}

/** Pairs of labels of one chart that lie on each other. */
function overlapping(charts) {
  const found = [];
  for (const chart of charts) {
    const labels = [...chart.querySelectorAll("text")];
    const boxes = labels.map((label) => label.getBoundingClientRect());
    boxes.forEach((a, i) =>
      boxes.slice(i + 1).forEach((b, j) => {
        const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 2 || b.bottom <= a.top + 2;
        if (!apart) found.push(`${labels[i].textContent} and ${labels[i + 1 + j].textContent}`);
      }),
    );
  }
  return found;
}
