"use strict";
// Draws the charts from the run that this page carries. Needs no library and no network.
(() => {
  const LEFT = 52, RIGHT = 0, MARGIN = 8;
  const element = (id) => document.getElementById(id);
  const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const make = (parent, tag, name, text) => {
    const child = document.createElement(tag);
    child.className = name;
    if (text !== undefined) child.textContent = text;
    return parent.appendChild(child);
  };

  // ── The run ────────────────────────────────────────────────────────────────────────────────────
  async function unpacked() {
    const packed = Uint8Array.from(atob(element("run").textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  async function check(bytes) {
    element("download").href = URL.createObjectURL(new Blob([bytes], { type: "application/json" }));
    if (!window.crypto?.subtle) return;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const same = found === element("sha256").textContent;
    element("checked").textContent = same ? "✓ checked by this browser" : `✗ the data inside has ${found}`;
  }

  function valuesOf(seconds, series) {
    const raw = seconds.map((second) => {
      const value = series.path.reduce((at, key) => at?.[key], second);
      return value ?? (series.path[0] === "nodes" ? 0 : null);
    });
    if (series.mean_over === 1) return raw;
    return raw.map((_, end) => {
      const some = raw.slice(Math.max(0, end + 1 - series.mean_over), end + 1).filter((v) => v !== null);
      return some.length ? some.reduce((a, b) => a + b, 0) / some.length : null;
    });
  }

  // ── Scales ─────────────────────────────────────────────────────────────────────────────────────
  function niceStep(span, most, whole) {
    const rough = span / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
    return whole ? Math.max(1, Math.ceil(step)) : step;
  }

  function linear(top, height, most, whole) {
    const step = niceStep(top, most, whole), end = Math.ceil(top / step - 1e-9) * step;
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    return { ticks, y: (v) => height * (1 - v / end), text: (v) => v.toLocaleString("en", { minimumFractionDigits: digits }) };
  }

  function logarithmic(low, high, height) {
    const steps = [];
    for (let power = -4; power < 6; power++) for (const m of [1, 2, 5]) steps.push(m * 10 ** power);
    const from = steps.findLast((s) => s <= low * 1.001) ?? steps[0];
    const to = steps.find((s) => s >= high * 0.999 && s > from);
    const inside = steps.filter((s) => s >= from && s <= to);
    const ticks = inside.length > 8 ? inside.filter((s) => Math.abs(Math.log10(s) % 1) < 1e-9) : inside;
    const ratio = Math.log(to / from);
    return { ticks, y: (v) => height * (1 - Math.log(Math.max(v, from) / from) / ratio), text: (v) => String(Number(v.toPrecision(2))) };
  }

  function scaleOf(panel, layers, lines) {
    const total = layers.length ? layers[0].map((_, i) => layers.reduce((sum, layer) => sum + (layer[i] ?? 0), 0)) : [];
    const all = [...total, ...lines.flat()].filter((v) => v !== null);
    if (panel.limit) all.push(panel.limit[0]);
    const high = all.reduce((a, b) => Math.max(a, b), 0) || 1;
    if (panel.log) {
      const low = all.reduce((a, b) => (b > 0 ? Math.min(a, b) : a), high);
      return logarithmic(low, high, panel.height);
    }
    return linear(high, panel.height, panel.height < 90 ? 3 : panel.height < 150 ? 4 : 5, panel.decimals === 0);
  }

  // ── Paths ──────────────────────────────────────────────────────────────────────────────────────
  const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;

  function line(points, stepped) {
    let path = "", pen = false;
    for (const [x, y] of points) {
      if (y === null) { pen = false; continue; }
      path += pen ? (stepped ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `L${at(x, y)}`) : `M${at(x, y)}`;
      pen = true;
    }
    return path;
  }

  function layer(xs, lower, upper) {
    const forth = line(xs.map((x, i) => [x, upper[i]]), true);
    let back = `V${lower.at(-1).toFixed(1)}`;
    for (let i = xs.length - 2; i >= 0; i--) back += `H${xs[i + 1].toFixed(1)}V${lower[i].toFixed(1)}`;
    return `${forth}${back}H${xs[0].toFixed(1)}Z`;
  }

  // ── A panel ────────────────────────────────────────────────────────────────────────────────────
  function headOf(parent, panel) {
    const head = make(parent, "div", "head");
    make(head, "h3", "", panel.title).insertAdjacentHTML("beforeend", `<span>${escaped(panel.unit)}</span>`);
    return panel.series.map((series) => {
      const key = make(head, "span", "key");
      make(key, "i", series.shape).style.background = `var(--${series.colour})`;
      key.append(`${series.label} `);
      return make(key, "b", "");
    });
  }

  function drawn(panel, values, times, width, last) {
    const x = (t) => LEFT + (t / last.end) * (width - LEFT - RIGHT);
    const isLayer = (_, i) => panel.series[i].shape === "layer";
    const scale = scaleOf(panel, values.filter(isLayer), values.filter((_, i) => !isLayer(_, i)));
    const xs = times.map(x), parts = [];
    for (const tick of scale.ticks) {
      const y = scale.y(tick);
      parts.push(`<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${y}" y2="${y}"/>`);
      parts.push(`<text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${scale.text(tick)}</text>`);
    }
    let below = times.map(() => 0);
    panel.series.forEach((series, i) => {
      const paint = `class="series ${series.shape}" style="${series.shape === "layer" ? "fill" : "stroke"}:var(--${series.colour})"`;
      if (series.shape === "layer") {
        const above = below.map((sum, j) => sum + (values[i][j] ?? 0));
        parts.push(`<path ${paint} d="${layer(xs, below.map(scale.y), above.map(scale.y))}"/>`);
        below = above;
      } else {
        const points = xs.map((px, j) => [px, values[i][j] === null ? null : scale.y(values[i][j])]);
        parts.push(`<path ${paint} d="${line(points, series.shape === "step")}"/>`);
      }
    });
    parts.push(`<line class="axis" x1="${LEFT}" x2="${width - RIGHT}" y1="${panel.height}" y2="${panel.height}"/>`);
    if (panel.limit) {
      const y = scale.y(panel.limit[0]);
      parts.push(`<line class="limit" x1="${LEFT}" x2="${width - RIGHT}" y1="${y}" y2="${y}"/>`);
      parts.push(`<text class="limit-name" x="${width - RIGHT - 4}" y="${y + (y < 16 ? 14 : -5)}" text-anchor="end">${escaped(panel.limit[1])}</text>`);
    }
    return svg(width, panel.height + MARGIN, MARGIN / 2, parts);
  }

  const svg = (width, height, top, parts) =>
    `<svg width="${width}" height="${height}" viewBox="0 ${-top} ${width} ${height}" role="presentation">${parts.join("")}</svg>`;

  function timeAxis(width, end) {
    const step = [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200].find((s) => end / s <= width / 80) ?? 14400;
    const parts = [];
    for (let t = 0; t <= end; t += step) {
      const x = LEFT + (t / end) * (width - LEFT - RIGHT);
      parts.push(`<line class="axis" x1="${x}" x2="${x}" y1="-4" y2="3"/><text x="${x}" y="18" text-anchor="middle">${t}</text>`);
    }
    parts.push(`<text x="${(width + LEFT - RIGHT) / 2}" y="38" text-anchor="middle">seconds since the traffic began</text>`);
    return svg(width, 46, 4, parts);
  }

  // ── The whole ──────────────────────────────────────────────────────────────────────────────────
  function draw(run, charts) {
    const root = element("charts"), width = root.clientWidth, seconds = run.seconds;
    const times = seconds.map((second) => second.t), last = { end: Math.max(run.durationSeconds, times.at(-1)) };
    const x = (t) => LEFT + (t / last.end) * (width - LEFT - RIGHT);
    root.replaceChildren();
    charts.phases.forEach((phase, i) => {
      const ends = charts.phases[i + 1]?.begins ?? last.end;
      for (const name of [`band ${i % 2 ? "odd" : ""}`, "band-name"]) {
        const box = make(root, "div", name, name === "band-name" ? phase.name : "");
        box.style.left = `${x(phase.begins)}px`;
        box.style.width = `${x(ends) - x(phase.begins)}px`;
      }
    });
    let badge = null, badgeAt = -Infinity;
    run.happenings.filter((each) => each.kind === "fault").forEach((fault, i) => {
      const mark = make(root, "div", "fault");
      mark.style.left = `${x(fault.t)}px`;
      if (x(fault.t) - badgeAt < 24) {
        badge.textContent += ` ${i + 1}`;
      } else {
        badge = make(mark, "b", "", String(i + 1));
        badgeAt = x(fault.t);
        mark.style.zIndex = 2;
      }
    });
    make(root, "div", "strip");
    const shown = charts.panels.map((panel) => {
      const box = make(root, "div", "panel"), values = panel.series.map((series) => valuesOf(seconds, series));
      const keys = headOf(box, panel);
      box.insertAdjacentHTML("beforeend", drawn(panel, values, times, width, last));
      return { panel, values, keys };
    });
    root.insertAdjacentHTML("beforeend", timeAxis(width, last.end));
    readOut(root, seconds, shown, x, width);
  }

  function readOut(root, seconds, shown, x, width) {
    const cursor = make(root, "div", "cursor"), label = make(cursor, "span", "");
    let index = 0;
    const show = (i) => {
      index = Math.min(Math.max(i, 0), seconds.length - 1);
      const { t, phase } = seconds[index];
      cursor.style.display = "block";
      root.classList.add("reading");
      cursor.style.left = `${x(t)}px`;
      cursor.classList.toggle("flipped", x(t) > width * 0.8);
      label.textContent = `${t} s · ${phase}`;
      for (const { panel, values, keys } of shown) {
        keys.forEach((key, k) => { key.textContent = values[k][index]?.toFixed(panel.decimals) ?? "–"; });
      }
    };
    const hide = () => {
      cursor.style.display = "none";
      root.classList.remove("reading");
      for (const { keys } of shown) keys.forEach((key) => { key.textContent = ""; });
    };
    root.onpointermove = (event) => {
      const from = root.getBoundingClientRect().left, wanted = event.clientX - from;
      let nearest = 0;
      seconds.forEach((second, i) => {
        if (Math.abs(x(second.t) - wanted) < Math.abs(x(seconds[nearest].t) - wanted)) nearest = i;
      });
      show(nearest);
    };
    root.onpointerleave = hide;
    root.onblur = hide;
    root.onkeydown = (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity }[event.key];
      if (event.key === "Escape") hide();
      if (move === undefined) return;
      event.preventDefault();
      show(index + move);
    };
  }

  element("theme").onclick = () => {
    const root = document.documentElement;
    const dark = root.style.colorScheme ? root.style.colorScheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.style.colorScheme = dark ? "light" : "dark";
  };

  unpacked().then((bytes) => {
    const run = JSON.parse(new TextDecoder().decode(bytes)), charts = JSON.parse(element("chart-data").textContent);
    check(bytes);
    if (!run.seconds.length) return;
    let width = 0;
    new ResizeObserver(() => {
      if (width === element("charts").clientWidth) return;
      width = element("charts").clientWidth;
      draw(run, charts);
    }).observe(element("charts"));
  });
})();
