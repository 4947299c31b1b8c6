"use strict";
// Filters, sorts and pages the population's table. Without it the page shows all rows, in the log's order.
(() => {
  const table = document.getElementById("population-table");
  if (!table) return;
  const PAGE = 100;
  const get = (id) => document.getElementById(id);
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map((row) => ({ row, cells: [...row.cells].map((cell) => cell.textContent), text: row.textContent.toLowerCase() }));
  const words = get("words");
  const followed = get("only-followed");
  const choices = [...document.querySelectorAll("#filters select")].map((select) => ({
    select, at: heads.findIndex((head) => head.dataset.column === select.dataset.column),
  }));
  let fitting = rows;
  let page = 0;

  const show = () => {
    const pages = Math.max(1, Math.ceil(fitting.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const shown = new Set(fitting.slice(page * PAGE, (page + 1) * PAGE));
    for (const each of rows) each.row.hidden = !shown.has(each);
    get("shown").textContent = `${fitting.length} of ${rows.length} fit`;
    get("page-place").textContent = `Page ${page + 1} of ${pages}`;
    get("page-before").setAttribute("aria-disabled", String(page === 0));
    get("page-after").setAttribute("aria-disabled", String(page === pages - 1));
    get("pages").hidden = pages === 1;
  };

  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    fitting = rows.filter((each) => wanted.every((word) => each.text.includes(word))
      && choices.every(({ select, at }) => !select.value || each.cells[at] === select.value)
      && (!followed.checked || each.row.dataset.followed === "yes"));
    page = 0;
    show();
  };

  const sort = (head) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const { compare } = new Intl.Collator("en", { numeric: true });
    rows.sort((one, other) => compare(one.cells[head.cellIndex], other.cells[head.cellIndex]) * (up ? 1 : -1));
    body.append(...rows.map((each) => each.row));
    filter();
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(head));
    const printed = document.createElement("span"); // on all pages but the first, a repeated head has no buttons
    printed.className = "printed";
    printed.textContent = head.textContent;
    head.replaceChildren(button, printed);
  }
  for (const { select, at } of choices) {
    for (const name of [...new Set(rows.map((each) => each.cells[at]))].sort()) {
      const option = document.createElement("option");
      option.value = name;
      option.textContent = name;
      select.append(option);
    }
    select.addEventListener("change", filter);
  }
  let waiting = 0;
  words.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
  followed.addEventListener("change", filter);
  get("page-before").addEventListener("click", () => { page -= 1; show(); });
  get("page-after").addEventListener("click", () => { page += 1; show(); });
  get("filters").hidden = false;
  show();
})();
