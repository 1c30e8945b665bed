// The page works without this script: every figure is there as a picture. With it, figures are drawn in the reader's theme and
// width, answer to the pointer, and can be saved. Nothing is fetched.
"use strict";
(() => {
  const root = document.documentElement, specifications = JSON.parse(document.getElementById("figures").textContent);
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const is_dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const style = name => getComputedStyle(root).getPropertyValue(name).trim();

  // The colours of formats on dark paper: the same hues, lighter.
  const on_dark = {"#0072b2": "#56a7e0", "#e69f00": "#f0b53a", "#cc79a7": "#e391c3", "#009e73": "#38c79c", "#d55e00": "#f08a4b",
                   "#56b4e9": "#8fd0f5", "#8c6d31": "#c9a869", "#8a8a8a": "#9aa0a8"};
  const recolour = value => typeof value === "string" ? on_dark[value] || value : Array.isArray(value) ? value.map(recolour)
      : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "values" ? v : recolour(v)])) : value;

  const config = () => {
    const ink = style("--ink"), soft = style("--soft"), line = style("--line"), faint = style("--faint");
    return {
      font: getComputedStyle(document.body).fontFamily, background: "transparent", view: {stroke: null},
      title: {fontSize: 12, fontWeight: 600, anchor: "start", frame: "group", color: ink, offset: 8},
      axis: {labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", labelColor: soft, titleColor: soft, gridColor: line, domainColor: faint, tickColor: faint, tickCount: 5},
      legend: {orient: "top", direction: "horizontal", labelFontSize: 11.5, titleFontSize: 11, symbolStrokeWidth: 2, labelColor: ink, titleColor: soft, labelLimit: 200, columns: window.innerWidth < 640 ? 2 : 6},
    };
  };

  // Panels side by side as the width allows; a single view is as wide as there is room.
  const fitted = (specification, width) => {
    const spec = structuredClone(specification);
    if (spec.concat) {
      // Beside its plot a panel needs room for its axis: little for numbers, more for the names of a row.
      const names = spec.concat.some(p => JSON.stringify(p.layer).includes('"nominal","sort"') || JSON.stringify(p.layer).includes('"ordinal"')), axis = names ? (width < 560 ? 150 : 215) : 62;
      spec.columns = Math.max(1, Math.min(spec.columns || 3, Math.floor(width / (210 + axis))));
      const room = Math.floor(width / spec.columns) - axis;
      for (const p of spec.concat) { p.width = Math.max(140, Math.min(room, names ? 360 : 460)); if (p.title?.text) p.title.limit = p.width; }
    } else if (spec.width) {
      spec.width = Math.max(200, Math.min(width - 70, 760));
    }
    return spec;
  };

  const drawn = new Map();
  const draw = async box => {
    const id = box.dataset.figure, live = box.querySelector(".live"), width = box.clientWidth;
    if (!window.vegaEmbed || !specifications[id] || width === 0) return;
    let spec = fitted(specifications[id], width);
    if (is_dark()) spec = recolour(spec);
    spec.config = config();
    try {
      if (drawn.has(id)) drawn.get(id).finalize();
      live.style.display = "block";
      drawn.set(id, await vegaEmbed(live, spec, {mode: "vega-lite", renderer: "svg", tooltip: {theme: is_dark() ? "dark" : "light"},
        actions: {export: true, source: false, compiled: false, editor: false}, downloadFileName: id}));
      live.style.display = "";
      box.classList.add("is-live");
    } catch (error) {
      live.style.display = "none";  // the picture stays
      console.error(id, error);
    }
  };

  // One after the other, so that the page answers meanwhile; figures in a closed fold when it is opened.
  const boxes = [...document.querySelectorAll(".drawing")];
  let round = 0;
  const redraw = async () => {
    const mine = ++round;
    for (const box of boxes) {
      if (mine !== round) return;
      await draw(box);
      await new Promise(done => setTimeout(done, 0));
    }
  };
  document.querySelectorAll("details").forEach(fold => fold.addEventListener("toggle", () => { if (fold.open) fold.querySelectorAll(".drawing").forEach(draw); }));
  let width = window.innerWidth, timer = 0;
  window.addEventListener("resize", () => { if (window.innerWidth !== width) { width = window.innerWidth; clearTimeout(timer); timer = setTimeout(redraw, 200); } });
  system.addEventListener("change", redraw);

  const button = document.querySelector("button.theme"), themes = ["", "light", "dark"], names = {"": "theme: auto", light: "theme: light", dark: "theme: dark"};
  const set_theme = theme => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; button.textContent = names[theme]; redraw(); };
  let theme = "";
  try { theme = localStorage.getItem("ballot-theme") || ""; } catch (error) { /* a file opened from disk may have no storage */ }
  set_theme(themes.includes(theme) ? theme : "");
  button.hidden = false;
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem("ballot-theme", theme); } catch (error) { /* as above */ }
    set_theme(theme);
  });

  const links = new Map([...document.querySelectorAll("nav.contents a")].map(a => [a.hash.slice(1), a]));
  const here = new IntersectionObserver(entries => {
    for (const entry of entries) if (entry.isIntersecting) { links.forEach(a => a.classList.remove("here")); links.get(entry.target.id)?.classList.add("here"); }
  }, {rootMargin: "-10% 0px -80% 0px"});
  document.querySelectorAll("section[id]").forEach(section => here.observe(section));

  let opened = [];
  window.addEventListener("beforeprint", () => { opened = [...document.querySelectorAll("details:not([open])")]; opened.forEach(d => { d.open = true; }); });
  window.addEventListener("afterprint", () => opened.forEach(d => { d.open = false; }));
})();
