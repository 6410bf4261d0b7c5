"use strict";
// Shows a run while it goes on: the server says when to ask for what is inside of main, and a reader's place in it is kept.
(() => {
  const main = document.getElementById("main");
  const status = document.getElementById("live");

  const name = (field) => field.dataset.filter + " " + (field.dataset.column ?? "");

  const place = () => ({
    open: [...main.querySelectorAll("details[open][id]")].map((details) => details.id),
    closed: [...main.querySelectorAll("details:not([open])[id]")].map((details) => details.id),
    fields: new Map([...main.querySelectorAll("[data-filter]")].map((field) => [name(field), field.value])),
    sorted: [...main.querySelectorAll("table[id]")].flatMap((table) => {
      const heads = [...table.querySelectorAll("thead th")];
      const column = heads.findIndex((head) => head.hasAttribute("aria-sort"));
      return column < 0 ? [] : [[table.id, column, heads[column].getAttribute("aria-sort")]];
    }),
    boxes: [...main.querySelectorAll(".box")].map((box) => box.scrollLeft),
    focus: document.activeElement && document.activeElement.id,
  });

  const restore = ({ open, closed, fields, sorted, boxes, focus }) => {
    open.forEach((id) => { const details = document.getElementById(id); if (details) details.open = true; });
    closed.forEach((id) => { const details = document.getElementById(id); if (details) details.open = false; });
    sorted.forEach(([id, column, order]) => {
      const head = document.getElementById(id)?.querySelectorAll("thead th")[column];
      for (let tries = 0; head && tries < 2 && head.getAttribute("aria-sort") !== order; tries += 1) {
        head.querySelector("button")?.click();
      }
    });
    main.querySelectorAll("[data-filter]").forEach((field) => {
      const value = fields.get(name(field));
      if (!value) return;
      field.value = value;
      field.dispatchEvent(new Event("input"));
    });
    main.querySelectorAll(".box").forEach((box, number) => { box.scrollLeft = boxes[number] ?? 0; });
    if (focus) document.getElementById(focus)?.focus({ preventScroll: true });
  };

  // Who types or selects something wants it to stay.
  const busy = () => {
    const active = document.activeElement;
    return String(getSelection()) !== "" || (main.contains(active) && active.matches("input, select"));
  };

  const show = (content) => {
    const before = place();
    const [x, y] = [scrollX, scrollY];
    main.innerHTML = content;
    window.chatproof.start(main);
    restore(before);
    scrollTo(x, y);
  };

  // A browser that is slower than the news leaves some out: what it shows is never old.
  let asking = false;
  const ask = async () => {
    if (asking || busy() || document.hidden) return;
    asking = true;
    try {
      const answer = await fetch("content");
      if (answer.ok) show(await answer.text());
    } catch {
      // The next news, or their end, tell more.
    } finally {
      asking = false;
    }
  };

  const news = new EventSource("events");
  news.addEventListener("open", () => { status.textContent = "The run goes on; this page is updated each second."; });
  news.addEventListener("report", ask);
  news.addEventListener("over", (event) => {
    news.close();
    show(JSON.parse(event.data));
    status.textContent = "The run is over.";
  });
  news.addEventListener("error", () => { status.textContent = "The run cannot be reached; it may be over."; });
})();
