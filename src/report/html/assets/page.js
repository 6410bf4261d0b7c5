"use strict";
// Sorts, filters and copies tables, and draws charts over time. Without it a page lacks nothing but these.
window.chatproof = (() => {
  let plots = [];

  // Exact values sort as numbers, texts as people sort them; what is empty comes last.
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell ? cell.dataset.sort ?? cell.textContent.trim() : "";
  };
  const compare = (a, b) => {
    const numbers = a !== "" && b !== "" && !isNaN(a) && !isNaN(b);
    return numbers ? a - b : a.localeCompare(b, "en", { numeric: true });
  };

  const sortable = (table) => {
    table.querySelectorAll("thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        // Of numbers the large ones are asked for first.
        const first = head.classList.contains("n") ? "descending" : "ascending";
        const other = first === "descending" ? "ascending" : "descending";
        const order = head.getAttribute("aria-sort") === first ? other : first;
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [key(row, column), row]);
        rows.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
        body.append(...rows.map(([, row]) => row));
      });
    });
  };

  // A field filters by words anywhere in a row, a choice by the whole text of one column.
  const filters = (root) => {
    const fields = new Map();
    root.querySelectorAll("[data-filter]").forEach((field) => {
      const id = field.dataset.filter;
      fields.set(id, [...(fields.get(id) ?? []), field]);
    });
    fields.forEach((fields, id) => {
      const table = root.querySelector("#" + CSS.escape(id));
      if (!table) return;
      const count = root.querySelector(`[data-count="${CSS.escape(id)}"]`);
      const passes = (row) => fields.every((field) => {
        const wanted = field.value.trim().toLowerCase();
        if (wanted === "") return true;
        if (field.dataset.column !== undefined) return key(row, Number(field.dataset.column)).toLowerCase() === wanted;
        const text = row.textContent.toLowerCase();
        return wanted.split(/\s+/).every((word) => text.includes(word));
      });
      const apply = () => {
        const rows = [...table.tBodies[0].rows];
        rows.forEach((row) => { row.hidden = !passes(row); });
        const shown = rows.filter((row) => !row.hidden).length;
        if (count) count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
      };
      fields.forEach((field) => field.addEventListener("input", apply));
    });
  };

  const copy = async (text, element) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Pages from disk may not use the clipboard by themselves; what is selected can be copied by everybody.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    element.classList.add("copied");
    setTimeout(() => element.classList.remove("copied"), 600);
  };

  // Tab-separated, as spreadsheets take it; numbers exactly.
  const tabbed = (table) => {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
    const fields = (row) => [...row.cells].map((cell) =>
      (cell.hasAttribute("data-copy") ? cell.dataset.copy || cell.dataset.sort : cell.textContent).trim().replace(/\s+/g, " "));
    return [heads, ...rows.map(fields)].map((line) => line.join("\t")).join("\n") + "\n";
  };

  const clicked = (event) => {
    const button = event.target.closest("[data-copy-table]");
    if (button) {
      copy(tabbed(document.getElementById(button.dataset.copyTable)), button);
      return;
    }
    const value = event.target.closest("[data-copy]");
    // Who selects a part wants that part.
    if (value && String(getSelection()) === "") {
      copy(value.dataset.copy || value.dataset.sort || value.textContent.trim(), value);
    }
  };

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  // Seconds since the run's start, in steps that are round on a clock.
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
  const two = (number) => String(number).padStart(2, "0");
  const clock = (seconds) => {
    if (seconds <= 120) return seconds + " s";
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return (hours ? hours + ":" + two(minutes) : String(minutes)) + ":" + two(seconds % 60);
  };

  const plot = (place, x, panel, synced) => {
    const soft = color("soft"), line = color("line");
    const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui" };
    const value = (plot, value) => value == null ? "–" : value.toLocaleString("en", { maximumSignificantDigits: 3 }) + panel.unit;
    const holder = document.createElement("div");
    holder.className = "plot";
    const title = document.createElement("h3");
    title.textContent = panel.title;
    holder.append(title);
    place.append(holder);
    const series = panel.lines.map(({ name, color: tone, steps }) => ({
      label: name,
      stroke: color(tone),
      width: 1.6,
      value,
      spanGaps: false,
      points: { size: 4 },
      paths: steps ? uPlot.paths.stepped({ align: 1 }) : undefined,
    }));
    const options = {
      width: Math.max(280, holder.clientWidth),
      height: 170,
      scales: { x: { time: false }, y: { range: (plot, min, max) => [0, max > 0 ? max * 1.08 : 1] } },
      cursor: { sync: { key: synced } },
      axes: [
        { ...axis, incrs: steps, values: (plot, values) => values.map(clock) },
        { ...axis, size: 64, values: (plot, values) => values.map((value) => value.toLocaleString("en") + panel.unit) },
      ],
      series: [{ label: "from", value: (plot, value) => value == null ? "–" : clock(value) }, ...series],
    };
    const made = new uPlot(options, [x, ...panel.lines.map(({ values }) => values)], holder);
    const picture = made.root.querySelector("canvas");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", panel.title + "; the table below has its numbers");
    return made;
  };

  const draw = (root) => {
    plots.forEach((plot) => plot.destroy());
    root.querySelectorAll(".plot").forEach((old) => old.remove());
    plots = [...root.querySelectorAll("script[data-chart]")].flatMap((script, number) => {
      const { x, panels } = JSON.parse(script.textContent);
      const place = script.parentElement;
      return panels.map((panel) => plot(place, x, panel, "chart" + number));
    });
  };

  // A link into something folded unfolds it; not all browsers do so by themselves.
  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let place = target; place; place = place.parentElement) {
      if (place.localName === "details") place.open = true;
    }
    if (target) target.scrollIntoView();
  };

  // Paper cannot be unfolded.
  const folded = new Set();
  const unfoldAll = () => document.querySelectorAll("details:not([open])").forEach((details) => {
    folded.add(details);
    details.open = true;
  });
  const foldAgain = () => {
    folded.forEach((details) => { details.open = false; });
    folded.clear();
  };

  /** Makes a newly arrived report work. */
  const start = (root) => {
    document.documentElement.classList.add("live-script");
    root.querySelectorAll("table[data-sortable]").forEach(sortable);
    filters(root);
    draw(root);
  };

  const redraw = () => draw(document.getElementById("main"));
  let pending;
  addEventListener("resize", () => { clearTimeout(pending); pending = setTimeout(redraw, 150); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("click", clicked);
  addEventListener("hashchange", unfold);
  addEventListener("beforeprint", unfoldAll);
  addEventListener("afterprint", foldAgain);
  unfold();
  return { start };
})();
window.chatproof.start(document.getElementById("main"));
