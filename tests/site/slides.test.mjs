// The decks of slides, `_build/slides`, as a lecturer's browser shows them from file://.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { launched } from "./browser.mjs";

const DECKS = new URL("../../_build/slides/", import.meta.url);
const SCREEN = { width: 1280, height: 720 };
const browser = await launched().catch(() => undefined);
after(() => browser?.close());
const names = existsSync(DECKS) ? readdirSync(DECKS).filter((name) => /^\d.*html$/.test(name)) : [];
const skip = !browser
  ? "no Chromium or Chrome (Debian: apt-get install chromium); CHROMIUM may name one"
  : !names.length && "no slides in _build/slides: make slides makes them";

/** Opens a deck; what went wrong on the way is in `troubles`. */
async function open(name) {
  const page = await browser.newPage({ viewport: SCREEN });
  const troubles = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(DECKS.href) && !/^(data|blob):/.test(request.url()))
      troubles.push(`asks for ${request.url()}`);
  });
  page.on("requestfailed", (request) => troubles.push(`does not get ${request.url()}`));
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (line) => line.type() === "error" && troubles.push(line.text()));
  await page.goto(new URL(name, DECKS).href);
  await page.waitForFunction(() => window.Reveal?.isReady());
  return { page, troubles };
}

/** Runs in the page: what of the slide that is shown does not fit, or cannot be seen. */
function misfits() {
  const slide = Reveal.getCurrentSlide();
  const { bottom, right } = slide.getBoundingClientRect();
  const wrong = [];
  if (!slide.querySelector(":scope img, :scope :is(h1, h2, p, pre, mjx-container):not(.notes *)"))
    wrong.push("it is empty: are the notebook's outputs stored?");
  for (const one of slide.querySelectorAll("*")) {
    if (one.closest(".notes, mjx-container, option") || !one.checkVisibility()) continue;
    const box = one.getBoundingClientRect();
    const what = `${one.tagName} ${one.textContent.trim().slice(0, 40)}`;
    if (box.bottom > bottom + 1) wrong.push(`${what}: ${Math.round(box.bottom - bottom)} too low`);
    if (box.right > right + 1) wrong.push(`${what}: ${Math.round(box.right - right)} too wide`);
    if (one.tagName === "IMG" && !(one.naturalWidth && box.height >= 150 && one.alt))
      wrong.push(`a picture ${Math.round(box.height)} high, with the text ${one.alt}`);
  }
  for (const formula of slide.querySelectorAll("mjx-container"))
    if (!formula.closest(".notes") && formula.getBoundingClientRect().height < 5)
      wrong.push(`a formula ${formula.getBoundingClientRect().height} high`);
  return wrong;
}

test("there are slides", { skip }, () => assert(names.length));

for (const name of skip ? [] : names) {
  describe(name, () => {
    let page, troubles;
    before(async () => ({ page, troubles } = await open(name)));
    after(() => page.close());

    test("asks nothing of the network and logs no error", () => assert.deepEqual(troubles, []));

    test("has its formulas drawn", async () => {
      assert.equal(await page.locator("[data-mml-node=merror]").count(), 0);
      const text = await page.locator(".slides").evaluate((one) => one.textContent);
      assert.doesNotMatch(text, /\\[([]|\$\$|\{[\w:]+\}`|^:::|```/m);
    });

    test("fits: no slide is taller or wider than the screen", async () => {
      const count = await page.evaluate(() => Reveal.getTotalSlides());
      const wrong = [];
      for (let place = 0; place < count; place++) {
        const { h, v, found } = await page.evaluate(async (find) => {
          const { h, v } = Reveal.getIndices(Reveal.getSlides()[window.shown ?? 0]);
          window.shown = (window.shown ?? 0) + 1;
          Reveal.slide(h, v, Infinity);
          await Promise.all([...document.images].map((one) => one.decode().catch(() => 0)));
          await new Promise(requestAnimationFrame);
          return { h, v, found: new Function(`${find}; return misfits();`)() };
        }, misfits.toString());
        for (const one of found) wrong.push(`slide ${h + 1}.${v + 1}: ${one}`);
      }
      assert.deepEqual(wrong, []);
    });

    test("shows the last of several pictures, by slider or button", async () => {
      for (const control of await page.locator(".strip > :first-child").all()) {
        const shown = await control.evaluate((one) => {
          if (one.tagName === "INPUT") {
            one.value = one.max;
            one.dispatchEvent(new Event("input"));
          } else one.lastElementChild.click();
          return [...one.parentElement.querySelectorAll(":scope > div")].map((each) => !each.hidden);
        });
        assert.deepEqual(shown, shown.map((_, place) => place === shown.length - 1));
      }
    });
  });
}
