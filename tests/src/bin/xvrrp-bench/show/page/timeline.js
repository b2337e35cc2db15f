"use strict";
// Draws one failover: two lanes, one per router, over a linear axis in milliseconds. Times come as whole
// tenths of a microsecond.
const timeline = (() => {
  const WIDTH = 1100, LEFT = 150, RIGHT = 1080, TOP = 44;
  // Within a router's lane: adverts, sights, answers, address; heights in pixels.
  const ROWS = [
    { name: "adverts", y: 36 }, { name: "frames from the VIP", y: 60 },
    { name: "answers the client", y: 80 }, { name: "kernel has the VIP", y: 100 },
  ];
  const LANE = 116, GAP_BETWEEN = 14, ROUTED = 34;
  const LANES = [TOP, TOP + LANE + GAP_BETWEEN];
  const ROUTED_TOP = LANES[1] + LANE + GAP_BETWEEN;
  const INK = "#1c2430", SOFT = "#5c6673", GARP = "#cc79a7", GOODBYE = "#d55e00", TOLD = "#7a4fb0", TWO = "#c0143c";

  let svg, trace, colour, title, view;
  const box = document.getElementById("drawing");

  // Shows a trace in a view: "all", "near", "gap", or [from, to] in milliseconds.
  function show(newTrace, newColour, newTitle, newView) {
    trace = newTrace;
    colour = newColour;
    title = newTitle;
    setView(newView);
  }

  function setView(wanted) {
    const [from, to] = trace.watch.map(ms);
    const [lost, found] = trace.gap.map(ms);
    // The promotion and the event belong to the picture of the gap.
    const first = Math.min(lost, 0), last = Math.max(found, 0.1);
    const room = Math.max(0.25 * (last - first), 0.3);
    view = wanted === "all" ? [from, to]
      : wanted === "near" ? [-50, 50]
      : wanted === "gap" ? [first - room, last + room]
      : wanted;
    draw();
  }

  function zoom(factor, at) {
    const middle = at ?? (view[0] + view[1]) / 2;
    const wide = (view[1] - view[0]) * factor;
    if (wide < 0.01 || wide > 10 * ms(trace.watch[1] - trace.watch[0])) return;
    view = view.map((edge) => middle + (edge - middle) * factor);
    draw();
  }

  function draw() {
    const height = trace.routed ? ROUTED_TOP + ROUTED : ROUTED_TOP - GAP_BETWEEN;
    svg = element("svg", { viewBox: `0 0 ${WIDTH} ${height + 52}` });
    svg.append(element("clipPath", { id: "lanes" },
      element("rect", { x: LEFT, y: 0, width: RIGHT - LEFT, height: height + 30 })));
    const inside = element("g", { "clip-path": "url(#lanes)" });
    backdrop(inside, height);
    owners(inside);
    [1, 2].forEach((router) => lane(inside, router));
    if (trace.promotion) promotion(inside);
    if (trace.routed) {
      const [from, to] = trace.routed;
      label("routed traffic", ROUTED_TOP + 20, 600);
      bar(inside, from, to, ROUTED_TOP + 9, 14, { fill: "#fff", "fill-opacity": 0.6, stroke: SOFT, "stroke-dasharray": "4 3" },
        `routed traffic: no answer for ${length(to - from)}, ${spell(from)} to ${spell(to)}`);
    }
    svg.append(inside);
    axis(height);
    const hair = element("line", { y1: TOP - 8, y2: height, stroke: SOFT, "stroke-dasharray": "2 3", visibility: "hidden" });
    const time = element("text", { y: 12, "text-anchor": "middle", visibility: "hidden" });
    svg.append(hair, time);
    control(hair, time);
    box.replaceChildren(told(), svg);
  }

  // The gap across both lanes, and the event.
  function backdrop(to, height) {
    const [lost, found] = trace.gap;
    LANES.forEach((y) => to.append(element("rect", { x: LEFT, y, width: RIGHT - LEFT, height: LANE, fill: "#f6f7f9" })));
    const shade = bar(to, lost, found, TOP, height - TOP, { fill: "#f0b429", "fill-opacity": 0.28 },
      `gap ${length(found - lost)}, ${spell(lost)} to ${spell(found)}`);
    shade.setAttribute("stroke", "#c98a00");
    shade.setAttribute("stroke-opacity", 0.5);
    const middle = clamp((x(lost) + x(found)) / 2, LEFT + 60, RIGHT - 60);
    if (ms(found) > view[0] && ms(lost) < view[1]) {
      to.append(element("text", { x: middle, y: TOP - 18, "text-anchor": "middle", "font-weight": 600, fill: "#8a5d00" },
        `gap ${length(found - lost)}`));
    }
    to.append(
      element("line", { x1: x(0), x2: x(0), y1: TOP - 12, y2: height, stroke: INK, "stroke-width": 1.5 }),
      element("text", { x: x(0) - 6, y: TOP - 4, "text-anchor": "end", "font-weight": 600 }, title),
    );
  }

  // Where frames from the VIP came from both routers.
  function owners(to) {
    const [one, other] = [1, 2].map((router) => trace.sights.filter((sight) => sight[0] === router));
    for (const [, from, end] of one) {
      for (const [, otherFrom, otherEnd] of other) {
        const first = Math.max(from, otherFrom), last = Math.min(end, otherEnd);
        if (last <= first) continue;
        bar(to, first, last, LANES[0], LANES[1] + LANE - LANES[0], { fill: TWO, "fill-opacity": 0.16 },
          span("two owners", first, last));
      }
    }
  }

  function lane(to, router) {
    const top = LANES[router - 1];
    label(`router ${router}`, top + 13, 600);
    ROWS.forEach((row) => label(row.name, top + row.y + 4, 400));
    const own = (items) => items.filter((item) => item[0] === router);

    for (const [, from, end] of own(trace.sights)) {
      bar(to, from, end, top + ROWS[1].y - 5, 10, { fill: colour, "fill-opacity": 0.35 }, span("frames from the VIP", from, end));
    }
    for (const [, from, end] of own(trace.answers)) {
      bar(to, from, end, top + ROWS[2].y - 7, 14, { fill: colour, "fill-opacity": 0.85 }, span("answers the client", from, end));
    }
    for (const [, from, end] of own(trace.addresses)) {
      bar(to, from, end, top + ROWS[3].y - 5, 10, { fill: "#fff", stroke: colour }, span("kernel has the VIP", from, end));
    }
    for (const [, priority, distances] of own(trace.adverts)) {
      let at = 0;
      for (const distance of distances) {
        at += distance;
        if (visible(at)) advert(to, at, priority, top + ROWS[0].y);
      }
    }
    for (const [, at] of own(trace.garps)) {
      if (!visible(at)) continue;
      const y = top + ROWS[0].y;
      const mark = element("path", { d: `M${x(at)} ${y - 7}l5 7l-5 7l-5 -7z`, fill: GARP, stroke: "#fff" });
      hint(mark, `gratuitous ARP, ${spell(at)}`);
      to.append(mark);
    }
  }

  function advert(to, at, priority, y) {
    const mark = element("g", {});
    if (priority === 0) {
      mark.append(element("path", { d: `M${x(at)} ${y - 8}v16M${x(at) - 4} ${y - 12}l8 8m0 -8l-8 8`, stroke: GOODBYE, "stroke-width": 2, fill: "none" }));
    } else {
      mark.append(element("path", { d: `M${x(at)} ${y - 8}v16`, stroke: INK, "stroke-width": 1.5 }));
    }
    // Wide enough for a pointer.
    mark.append(element("rect", { x: x(at) - 4, y: y - 12, width: 8, height: 24, fill: "transparent" }));
    hint(mark, `advert, priority ${priority}, ${spell(at)}`);
    to.append(mark);
  }

  // What the new Active tells of itself: three marks in the first row of its lane.
  function promotion(to) {
    const top = LANES[promoted() - 1];
    const [deadline, owned, ready] = trace.promotion;
    const mark = (name, at, anchor) => {
      const group = element("g", {});
      group.append(
        element("path", { d: `M${x(at)} ${top + 12}v${LANE - 12}`, stroke: TOLD, "stroke-width": 1.2, "stroke-dasharray": "3 2" }),
        element("circle", { cx: x(at), cy: top + 12, r: 3.5, fill: TOLD }),
      );
      const aside = anchor === "end" ? -7 : 7;
      if (anchor) group.append(element("text", { x: x(at) + aside, y: top + 16, "text-anchor": anchor, fill: TOLD, class: "halo" }, name));
      hint(group, `${name}, ${spell(at)}`);
      to.append(group);
    };
    mark("deadline", deadline, "end");
    // Between the two others a name needs room; otherwise the hint tells it.
    mark("owned", owned, x(ready) - x(owned) > 54 ? "start" : null);
    mark("ready", ready, "start");
  }

  // The router that answers after the gap.
  function promoted() {
    const after = trace.answers.filter(([, , to]) => to > trace.gap[1]).sort((a, b) => b[1] - a[1])[0];
    return after ? after[0] : 2;
  }

  function axis(height) {
    svg.append(element("line", { x1: LEFT, x2: RIGHT, y1: height + 6, y2: height + 6, stroke: SOFT }));
    const step = nice((view[1] - view[0]) / 9);
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    for (let tick = Math.ceil(view[0] / step) * step; tick <= view[1]; tick += step) {
      const at = x(tick * 1e4);
      svg.append(
        element("line", { x1: at, x2: at, y1: height + 6, y2: height + 11, stroke: SOFT }),
        element("text", { x: at, y: height + 25, "text-anchor": "middle", fill: SOFT }, number(tick, digits)),
      );
    }
    svg.append(element("text", { x: RIGHT, y: height + 43, "text-anchor": "end", fill: SOFT }, "ms from the event"));
  }

  // The failover in one line.
  function told() {
    const [lost, found] = trace.gap;
    const parts = [`<b>gap ${length(found - lost)}</b> from ${number(ms(lost), 3)} to ${number(ms(found), 3)} ms`];
    if (trace.promotion) {
      const [deadline, owned, ready] = trace.promotion;
      parts.push(`deadline ${number(ms(deadline), 3)} ms, owned ${length(owned - deadline)} later, address ready after another ${length(ready - owned)}`);
    }
    if (trace.routed) parts.push(`routed silent for ${length(trace.routed[1] - trace.routed[0])}`);
    const line = document.createElement("p");
    line.className = "told";
    line.innerHTML = parts.join(" · ");
    return line;
  }

  function control(hair, time) {
    const at = (event) => {
      const area = svg.getBoundingClientRect();
      const part = ((event.clientX - area.left) / area.width * WIDTH - LEFT) / (RIGHT - LEFT);
      return view[0] + part * (view[1] - view[0]);
    };
    svg.addEventListener("wheel", (event) => {
      // The bare wheel scrolls the page.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event));
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => {
      // Redrawing replaces the picture; the page keeps the drag.
      const old = view;
      const scale = (old[1] - old[0]) / (RIGHT - LEFT) * WIDTH / svg.getBoundingClientRect().width;
      const start = event.clientX;
      const move = (moved) => {
        const by = (moved.clientX - start) * scale;
        view = old.map((edge) => edge - by);
        draw();
      };
      const stop = () => window.removeEventListener("pointermove", move);
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", stop, { once: true });
    });
    svg.addEventListener("pointermove", (event) => {
      const now = at(event);
      const shown = now >= view[0] && now <= view[1] ? "visible" : "hidden";
      const place = x(now * 1e4);
      hair.setAttribute("x1", place);
      hair.setAttribute("x2", place);
      time.setAttribute("x", clamp(place, LEFT + 40, RIGHT - 40));
      time.textContent = spell(now * 1e4);
      [hair, time].forEach((mark) => mark.setAttribute("visibility", shown));
    });
  }

  function bar(to, from, end, y, height, style, text) {
    // Far ends outside are cut off: browsers draw no rectangles that are millions of pixels wide.
    const left = clamp(x(from), LEFT - 20, RIGHT + 20), right = clamp(x(end), LEFT - 20, RIGHT + 20);
    const rect = element("rect", { x: left, y, width: Math.max(right - left, 1), height, ...style });
    if (right <= LEFT - 20 || left >= RIGHT + 20) rect.setAttribute("visibility", "hidden");
    hint(rect, text);
    to.append(rect);
    return rect;
  }

  function label(text, y, weight) {
    svg.append(element("text", { x: LEFT - 10, y, "text-anchor": "end", "font-weight": weight, fill: weight > 400 ? INK : SOFT }, text));
  }

  function element(name, attributes, content) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (content !== undefined) made.append(content);
    return made;
  }

  function hint(mark, text) { mark.append(element("title", {}, text)); }
  function span(text, from, to) { return `${text}, ${spell(from)} to ${spell(to)} (${length(to - from)})`; }
  function visible(at) { return ms(at) >= view[0] && ms(at) <= view[1]; }
  function x(at) { return LEFT + (RIGHT - LEFT) * (ms(at) - view[0]) / (view[1] - view[0]); }
  function ms(tenths) { return tenths / 1e4; }
  function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }
  function number(value, digits) { return value.toFixed(digits).replace(/^-(0(\.0*)?)$/, "$1").replace("-", "−"); }
  function spell(tenths) { return `${number(ms(tenths), 4)} ms`; }
  function length(tenths) { return `${number(ms(tenths), Math.abs(tenths) < 1e6 ? 3 : 1)} ms`; }
  function nice(step) {
    const power = 10 ** Math.floor(Math.log10(step));
    return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= step);
  }

  const tick = `<path d="M17 1v12" stroke="${INK}" stroke-width="1.5"/>`;
  const legend = [
    [tick, "advert"],
    [`<path d="M17 1v12M13 0l8 8m0 -8l-8 8" stroke="${GOODBYE}" stroke-width="2"/>`, "advert with priority 0"],
    [`<path d="M17 0l5 7l-5 7l-5 -7z" fill="${GARP}"/>`, "gratuitous ARP"],
    [`<rect y="2" width="34" height="10" fill="#0072b2" fill-opacity=".35"/>`, "frames from the VIP or its MAC cross the switch"],
    [`<rect y="0" width="34" height="14" fill="#0072b2" fill-opacity=".85"/>`, "answers the client"],
    [`<rect x=".5" y="2" width="33" height="10" fill="#fff" stroke="#0072b2"/>`, "its kernel has the address"],
    [`<path d="M17 3v11" stroke="${TOLD}" stroke-dasharray="3 2"/><circle cx="17" cy="4" r="3.5" fill="${TOLD}"/>`, "promotion as the node tells it: deadline, owned, ready"],
    [`<rect width="34" height="14" fill="#f0b429" fill-opacity=".28"/>`, "gap at the client"],
    [`<rect width="34" height="14" fill="${TWO}" fill-opacity=".16"/>`, "two owners: frames from the VIP from both"],
    [`<rect x=".5" y="1" width="33" height="12" fill="#fff" stroke="${SOFT}" stroke-dasharray="4 3"/>`, "routed traffic gets no answer"],
  ];
  document.getElementById("legend").innerHTML =
    legend.map(([mark, text]) => `<li><svg viewBox="0 0 34 14">${mark}</svg>${text}</li>`).join("");

  return { show, setView, zoom };
})();
