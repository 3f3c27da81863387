// Starts a deck, when its formulas are drawn.

for (const strip of document.querySelectorAll(".strip")) {
  const [control, ...pictures] = strip.children;
  const show = (chosen) => pictures.forEach((one, place) => (one.hidden = place !== chosen));
  control.addEventListener("input", () => show(control.valueAsNumber));
  [...control.children].forEach((button, place) =>
    button.addEventListener("click", () => show(place)),
  );
}

/** Makes the text of a slide smaller, down to two thirds, until all of it fits. */
function fit() {
  const slide = Reveal.getCurrentSlide();
  for (let size = 26; slide.scrollHeight > slide.clientHeight && size >= 18; size--)
    slide.style.fontSize = `${size}px`;
}

MathJax.startup.promise.then(() => {
  document.querySelector(".reveal").classList.add("ready");
  Reveal.on("ready", fit);
  Reveal.on("slidechanged", fit);
  Reveal.initialize({
    width: 1280,
    height: 720,
    margin: 0,
    center: false,
    display: "flex",
    hash: true,
    slideNumber: true,
    transition: "none",
    plugins: [RevealNotes],
  });
});
