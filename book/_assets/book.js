// What the libraries of the pages need to work together.

// Icons go into the buttons of widgets; put in their place, as is usual, they stop Play.
window.FontAwesomeConfig = { autoReplaceSvg: "nest" };

document.addEventListener("DOMContentLoaded", () => {
  // The search shows the text around what it found, for which it asks for pages; a browser keeps a
  // page that comes from a file from reading another.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // What is folded in a chapter is named by the words that are shown.
  for (const summary of document.querySelectorAll("details.hide > summary"))
    summary.removeAttribute("aria-label");

  // Widgets typeset their text with MathJax 2, in its words; there is MathJax 3. It has been loaded
  // by now, and widgets come later.
  if (!window.MathJax) return;
  const queue = ([, , element]) =>
    MathJax.startup.promise.then(() => MathJax.typesetPromise([element]));
  MathJax.Hub = { Queue: queue };

  // The Tab key stops at a formula only if it is wider than its box, so that it can be scrolled.
  const stops = () => {
    for (const formula of document.querySelectorAll("mjx-container[display=true]"))
      formula.tabIndex = formula.scrollWidth > formula.clientWidth ? 0 : -1;
  };
  MathJax.startup.promise.then(stops);
  addEventListener("resize", stops);
});
