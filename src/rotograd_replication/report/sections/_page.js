"use strict";
// Click a heading to sort the rows below it; again, the other way. Empty cells stay at the end.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = table.tHead.rows[table.tHead.rows.length - 1].cells;
  [...heads].forEach((head, column) => {
    if (head.tagName !== "TH") return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === (head.matches(".num") ? "descending" : null);
      const down = head.getAttribute("aria-sort") === "ascending";
      const ascending = head.matches(".num") ? up : !down;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const key = row => {
        const cell = row.cells[column];
        const text = (cell.dataset.value ?? cell.textContent).trim().replace("−", "-");
        return head.matches(".num") ? (text === "" ? NaN : parseFloat(text)) : text;
      };
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (typeof x === "number" && (isNaN(x) || isNaN(y))) return isNaN(x) - isNaN(y);
        const order = typeof x === "number" ? x - y : x.localeCompare(y);
        return ascending ? order : -order;
      };
      for (const body of table.tBodies) body.append(...[...body.rows].sort(compare));
    });
  });
}
// A number's interval is next to it, inside the window, whatever scrolls around it.
for (const tip of document.querySelectorAll(".tip")) {
  const place = () => {
    const bubble = tip.querySelector(".bubble"), at = tip.getBoundingClientRect();
    const { width, height } = bubble.getBoundingClientRect();
    bubble.style.left = Math.max(8, Math.min(at.left, innerWidth - width - 8)) + "px";
    bubble.style.top = (at.bottom + height + 8 < innerHeight ? at.bottom + 6 : at.top - height - 6) + "px";
  };
  tip.addEventListener("mouseenter", place);
  tip.addEventListener("focus", place);
}
// A run's provenance in a dialog; without scripts, the link leads to its file.
const runs = JSON.parse(document.getElementById("runs").textContent);
const dialog = document.getElementById("provenance");
for (const anchor of document.querySelectorAll("a[data-run]")) {
  anchor.addEventListener("click", event => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const list = dialog.querySelector("dl");
    list.replaceChildren();
    for (const [name, text] of Object.entries(runs[anchor.dataset.run])) {
      const term = document.createElement("dt"), says = document.createElement("dd");
      term.textContent = name;
      if (name === "file") {
        const to = document.createElement("a");
        to.href = anchor.getAttribute("href");
        to.textContent = text;
        says.append(to);
      } else says.textContent = text;
      list.append(term, says);
    }
    dialog.showModal();
  });
}
// A claim of the strip opens its evidence; printing opens everything.
const unfold = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
};
addEventListener("hashchange", unfold);
unfold();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
