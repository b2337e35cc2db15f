"use strict";
// Chooses the failover on the time line: by its selects, by a click on a dot, or by the address, as in
// #10,idle,stop,xvrrp,3,gap (interval, load, event, node, number, view).
(() => {
  const data = JSON.parse(document.getElementById("traces").textContent);
  const box = document.getElementById("chooser");
  if (!data.traces.length) {
    box.textContent = "This run kept no traces.";
    return;
  }
  const titles = new Map(data.events);
  const colours = new Map(data.colours);
  const KEYS = ["interval", "load", "event", "node"];
  const VIEWS = [["gap", "around the gap"], ["near", "± 50 ms"], ["all", "the whole watch"]];

  // The failovers of each cell, in the order of the runs.
  const cells = new Map();
  for (const trace of data.traces) {
    const key = KEYS.map((name) => trace[name]).join();
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(trace);
  }
  for (const cell of cells.values()) cell.sort((a, b) => a.number - b.number);

  const selects = {};
  const ranks = {};
  const buttons = [];
  let trace, cell, view = "gap";

  build();
  markDots();
  window.addEventListener("hashchange", () => fromAddress());
  // The address stays as it is until somebody chooses.
  if (!fromAddress()) choose(first(), false);

  function build() {
    const row = add(box, "div", { className: "row" });
    for (const [key, text] of [["node", "node"], ["event", "event"], ["load", "load"], ["interval", "adverts"]]) {
      const label = add(row, "label", { textContent: text });
      selects[key] = add(label, "select", { onchange: () => chosen(key) });
      const order = key === "event" ? data.events.map(([name]) => name)
        : key === "node" ? data.colours.map(([name]) => name) : [];
      const values = [...new Set(data.traces.map((one) => one[key]))];
      values.sort((a, b) => order.indexOf(a) - order.indexOf(b) || a - b);
      for (const value of values) {
        const text = key === "event" ? titles.get(value) ?? value : key === "interval" ? `${value} ms` : value;
        add(selects[key], "option", { value, textContent: text });
      }
    }
    const steps = add(row, "span", {});
    button(steps, "‹", "the one before", () => step(-1));
    ranks.number = add(steps, "span", { className: "rank" });
    button(steps, "›", "the next", () => step(1));
    button(steps, "median", "the failover with the median gap", () => choose(ranked(0.5)));
    button(steps, "worst", "the failover with the longest gap", () => choose(ranked(1)));
    const zooms = add(box, "div", { className: "row" });
    for (const [name, text] of VIEWS) {
      buttons.push([name, button(zooms, text, "", () => { view = name; choose(trace); })]);
    }
    button(zooms, "+", "zoom in", () => timeline.zoom(0.6));
    button(zooms, "−", "zoom out", () => timeline.zoom(1 / 0.6));
  }

  // Keeps what was just chosen, and of the rest whatever exists with it.
  function chosen(key) {
    const wanted = Object.fromEntries(KEYS.map((name) => [name, selects[name].value]));
    const fits = (one) => KEYS.filter((name) => String(one[name]) === wanted[name]).length;
    const candidates = data.traces.filter((one) => String(one[key]) === wanted[key]);
    const best = candidates.reduce((a, b) => (fits(b) > fits(a) ? b : a));
    cell = cells.get(keyOf(best));
    choose(ranked(0.5));
  }

  function choose(wanted, link = true) {
    trace = wanted;
    cell = cells.get(keyOf(trace));
    for (const key of KEYS) selects[key].value = trace[key];
    ranks.number.textContent = `${cell.indexOf(trace) + 1} of ${cell.length}`;
    ranks.number.title = `number ${trace.number + 1} of its kind in the run`;
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", name === view);
    document.querySelectorAll("circle.shown").forEach((dot) => dot.classList.remove("shown"));
    const row = rows().find((one) => keyOf(one.key) === keyOf(trace));
    row?.element.querySelector(`circle[data-i="${trace.number}"]`)?.classList.add("shown");
    timeline.show(trace, colours.get(trace.node) ?? "#0072b2", titles.get(trace.event) ?? trace.event, view);
    if (!link) return;
    const address = [...KEYS.map((key) => trace[key]), trace.number + 1, view].map(encodeURIComponent).join();
    history.replaceState(null, "", `#${address}`);
  }

  function step(by) {
    choose(cell[(cell.indexOf(trace) + by + cell.length) % cell.length]);
  }

  // The failover of the chosen cell whose gap is the median (nearest rank) or the longest.
  function ranked(part) {
    const sorted = [...cell].sort((a, b) => gap(a) - gap(b));
    return sorted[Math.max(Math.ceil(sorted.length * part) - 1, 0)];
  }

  function first() {
    cell = cells.get(keyOf(data.traces.find((one) => one.node === "xvrrp" && one.event === "stop") ?? data.traces[0]));
    return ranked(0.5);
  }

  function fromAddress() {
    const parts = location.hash.slice(1).split(",").map(decodeURIComponent);
    const found = cells.get(parts.slice(0, 4).join())?.find((one) => one.number + 1 === +parts[4]);
    if (!found) return false;
    if (VIEWS.some(([name]) => name === parts[5])) view = parts[5];
    tabs.of(found.interval, found.load);
    choose(found);
    document.getElementById("timeline").scrollIntoView();
    return true;
  }

  // A click on a dot shows its failover.
  function markDots() {
    for (const { element, key } of rows()) {
      const drawn = cells.get(keyOf(key));
      if (!drawn) continue;
      element.classList.add("drawable");
      element.addEventListener("click", (event) => {
        const found = drawn.find((one) => one.number === Number(event.target.dataset.i));
        if (!found) return;
        choose(found);
        document.getElementById("timeline").scrollIntoView();
      });
    }
  }

  // The panels' rows with the cells that they show.
  function rows() {
    return [...document.querySelectorAll("g.row")].map((element) => ({
      element,
      key: {
        interval: element.closest(".timing").dataset.interval,
        load: element.closest(".timing").dataset.load,
        event: element.closest("figure").dataset.event,
        node: element.dataset.node,
      },
    }));
  }

  function keyOf(one) { return KEYS.map((name) => one[name]).join(); }
  function gap(one) { return one.gap[1] - one.gap[0]; }
  function button(to, text, title, onclick) { return add(to, "button", { textContent: text, title, onclick }); }
  function add(to, name, properties) {
    const made = Object.assign(document.createElement(name), properties);
    to.append(made);
    return made;
  }
})();
