"use strict";
(() => {
  const viewer = document.querySelector(".viewer");
  const all = (root, selector) => (root ? [...root.querySelectorAll(selector)] : []);

  if (viewer) {
    const stage = viewer.querySelector(".stage");
    const range = viewer.querySelector(".wipe input");
    const wipe = (percent) => {
      const value = Math.min(100, Math.max(0, percent));
      if (range) range.value = value;
      stage.style.setProperty("--wipe", value + "%");
    };
    const show = (frame) => {
      for (const figure of all(stage, "figure")) figure.hidden = figure.dataset.frame !== frame;
      for (const radio of all(viewer, "input[type=radio]")) radio.checked = radio.value === frame;
    };
    const layers = () => {
      const on = new Set(all(viewer, "input[type=checkbox]:checked").map((box) => box.value));
      stage.classList.toggle("alone", on.has("alone"));
      // One matte alone is shown as compositors know it: white on black.
      stage.classList.toggle("white", on.has("alone") && on.size === 2);
      stage.classList.toggle("apart", on.has("difference"));
      for (const image of all(stage, ".difference")) image.hidden = !on.has("difference");
      for (const image of all(stage, ".overlay")) image.hidden = !on.has(image.dataset.layer);
    };
    if (range) {
      range.addEventListener("input", () => wipe(Number(range.value)));
      const drag = (event) => {
        const box = stage.getBoundingClientRect();
        wipe((100 * (event.clientX - box.left)) / box.width);
      };
      stage.addEventListener("pointerdown", (event) => {
        stage.setPointerCapture(event.pointerId);
        range.focus({ preventScroll: true });
        drag(event);
        event.preventDefault();
      });
      stage.addEventListener("pointermove", (event) => {
        if (stage.hasPointerCapture(event.pointerId)) drag(event);
      });
      wipe(Number(range.value));
    }
    viewer.addEventListener("change", (event) => {
      if (event.target.type === "radio") show(event.target.value);
      if (event.target.type === "checkbox") {
        // Mattes alone and the difference are two ways to do without the picture.
        const other = { alone: "difference", difference: "alone" }[event.target.value];
        for (const box of all(viewer, `input[value="${other}"]`)) if (event.target.checked) box.checked = false;
        layers();
      }
    });
    for (const link of all(document, "a.open")) link.addEventListener("click", () => show(link.dataset.frame));
    const chosen = viewer.querySelector("input[type=radio]:checked");
    if (chosen) show(chosen.value);
    layers();
  }

  for (const plot of all(document, ".plot")) {
    const svg = plot.querySelector("svg");
    const output = plot.querySelector("output");
    const cursor = plot.querySelector(".cursor");
    const dot = plot.querySelector(".dot");
    const points = JSON.parse(svg.dataset.points);
    const beside = JSON.parse(svg.dataset.beside);
    const say = (value) => String(Number(value.toPrecision(3)));
    let at = -1;
    const read = (index) => {
      at = Math.min(points.length - 1, Math.max(0, index));
      const [first, last, low, high, mean, x, y] = points[at];
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
      const other = beside.find((point) => point[0] <= last && point[1] >= first);
      const also = other ? `; ${svg.dataset.name} ${say(other[2])}` : "";
      output.textContent =
        (first === last ? `${first}: ${say(mean)}` : `${first}-${last}: ${say(low)} to ${say(high)}, mean ${say(mean)}`) +
        also;
      plot.classList.add("reading");
    };
    const rest = () => {
      at = -1;
      output.textContent = output.dataset.rest;
      plot.classList.remove("reading");
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      let best = 0;
      points.forEach((point, index) => {
        if (Math.abs(point[5] - x) < Math.abs(points[best][5] - x)) best = index;
      });
      read(best);
    });
    svg.addEventListener("pointerleave", rest);
    svg.addEventListener("blur", rest);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === "Home") read(0);
      else if (event.key === "End") read(points.length - 1);
      else if (step) read(at < 0 ? 0 : at + step);
      else return;
      event.preventDefault();
    });
  }
})();
