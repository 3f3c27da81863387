"use strict";
// A large view of one key frame at a time. Without it, all that it shows is on the page as well.
for (const stage of document.querySelectorAll(".stage")) {
  const items = [...document.querySelectorAll(".keyframes > li")];
  const place = stage.querySelector(".view");
  const slider = stage.querySelector("input");
  const [back, on] = stage.querySelectorAll("button");

  function show(wanted) {
    const number = Math.min(Math.max(wanted, 0), items.length - 1);
    const item = items[number];
    place.replaceChildren(item.firstElementChild.cloneNode(true));
    for (const each of items) each.classList.toggle("shown", each === item);
    slider.value = number;
    slider.setAttribute("aria-valuetext", item.querySelector(".words").textContent);
    for (const line of document.querySelectorAll(".cursor")) {
      const across = 1000 * (item.dataset.frame / Math.max(1, line.dataset.last));
      line.setAttribute("transform", `translate(${across})`);
      line.style.visibility = "visible";
    }
    const centres = JSON.parse(item.dataset.centres);
    document.querySelectorAll(".here").forEach((dot, target) => {
      dot.setAttribute("cx", centres[target][0]);
      dot.setAttribute("cy", centres[target][1]);
      dot.style.visibility = "visible";
    });
  }

  slider.max = items.length - 1;
  slider.addEventListener("input", () => show(+slider.value));
  back.addEventListener("click", () => show(+slider.value - 1));
  on.addEventListener("click", () => show(+slider.value + 1));
  stage.hidden = false;
  items[0].closest("details").open = false;
  show(0);
}
