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

/**
 * Texts and formulas in an element with less contrast than the Web Content Accessibility Guidelines'
 * AA asks. Backgrounds that one sees through are mixed with what is behind them, and so is faded ink.
 */
export function faint(within) {
  const rgba = (css) => {
    const [r, g, b, alpha = 1] = css.match(/[\d.]+/g).map(Number);
    return [r, g, b, alpha];
  };
  const over = ([r, g, b, alpha], ground) =>
    [r, g, b].map((c, k) => alpha * c + (1 - alpha) * ground[k]);
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c <= 10 ? c / 3294 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const known = new Map(); // of each element, the colour behind its text, and how faded it is
  const ground = (element) => {
    if (!element) return [[255, 255, 255], 1];
    if (!known.has(element)) {
      const [behind, faded] = ground(element.parentElement);
      const style = getComputedStyle(element);
      known.set(element, [over(rgba(style.backgroundColor), behind), faded * style.opacity]);
    }
    return known.get(element);
  };
  const texts = document.createTreeWalker(
    document.querySelector(within),
    NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT,
    (node) => {
      if (node.nodeType === Node.TEXT_NODE)
        return node.textContent.trim() ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
      // A tooltip of the theme fades in and out.
      if (node.matches(".headerlink, .tooltip, script, style, noscript, mjx-container *"))
        return NodeFilter.FILTER_REJECT; // with all that is in it
      return node.matches("mjx-container") ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP;
    },
  );
  const found = new Set();
  const seen = new Set();
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (seen.has(element)) continue;
    seen.add(element);
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const [behind, faded] = ground(element);
    const [r, g, b, alpha] = rgba(element instanceof SVGElement ? style.fill : style.color);
    const ends = [over([r, g, b, alpha * faded], behind), behind].map(luminance);
    const ratio = (Math.max(...ends) + 0.05) / (Math.min(...ends) + 0.05);
    if (ratio < 4.5)
      found.add(`${node.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)} in ${element.classList}`);
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

/** Paths of the machine that wrote a text, as far as a name tells them. */
export function machinePaths(text, own) {
  const home = /(?<![\w.~-])\/(?:root|home|work|tmp|Users)\/[^\s<>"'&]*/g;
  const found = [...text.matchAll(home)].map((path) => path[0]);
  return text.includes(own) ? [...found, own] : found;
}
