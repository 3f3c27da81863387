// What the tests of pages in a browser share: the browser, and what is looked for in a page.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 390, height: 844 };

const QUIET = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Debian's Chromium, else the Chrome that the system has; CHROMIUM may name another. */
export function launched() {
  const debian = existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : undefined;
  const executablePath = process.env.CHROMIUM ?? debian;
  const which = executablePath ? { executablePath } : { channel: "chrome" };
  return chromium.launch({ ...which, args: QUIET });
}

export const light = (colour) => Math.min(...colour.match(/\d+/g).slice(0, 3)) > 127;

// These run in the page.

export const background = () => getComputedStyle(document.body).backgroundColor;

/** Texts in an element with less contrast than the Web Content Accessibility Guidelines' AA asks. */
export function faint(within) {
  const rgba = (css) => css.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = rgba(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 && element.parentElement ? behind(element.parentElement) : colour;
  };
  const texts = document.createTreeWalker(document.querySelector(within), NodeFilter.SHOW_TEXT);
  const found = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.textContent.trim();
    if (!text || element.closest("mjx-container, .headerlink, button, script, style")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const ends = [rgba(ink), behind(element)].map(luminance);
    const ratio = (Math.max(...ends) + 0.05) / (Math.min(...ends) + 0.05);
    if (ratio < 4.5) found.add(`${text.slice(0, 40)}: ${ratio.toFixed(1)} in ${element.classList}`);
  }
  return [...found];
}

/** Of elements, those that are wider than the page and in no box that scrolls. */
export function sticking(elements) {
  const scrolls = (one) => /auto|scroll/.test(getComputedStyle(one).overflowX);
  const inBox = (one) =>
    one && one.tagName !== "ARTICLE" && (scrolls(one) || inBox(one.parentElement));
  return elements
    .filter((one) => one.checkVisibility({ visibilityProperty: true }))
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
    .filter((one) => !inBox(one) && !one.closest("svg, mjx-assistive-mml"))
    .map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`);
}
