"use strict";
// Sorts the tables of the report and filters that of its claims. Without this file all of it can be read.
(function () {
  const collator = new Intl.Collator("en", { numeric: true });

  function makeSortable(table) {
    const body = table.tBodies[0];
    const original = Array.from(body.rows);
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      if (!head.dataset.sort) return;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", function () {
        const next = { none: "ascending", ascending: "descending", descending: "none" };
        const order = next[head.getAttribute("aria-sort")];
        heads.forEach(function (each) {
          if (each.dataset.sort) each.setAttribute("aria-sort", "none");
        });
        head.setAttribute("aria-sort", order);
        body.append(...sorted(original, column, head.dataset.sort, order));
      });
    });
  }

  function sorted(rows, column, kind, order) {
    if (order === "none") return rows;
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map(function (row, place) {
      const value = row.cells[column].dataset.value || "";
      return { row: row, place: place, value: value, missing: value === "" };
    });
    keyed.sort(function (a, b) {
      // What has no value comes last both ways; equals keep the order of the page.
      if (a.missing !== b.missing) return a.missing ? 1 : -1;
      const way = kind === "number" ? Number(a.value) - Number(b.value) : collator.compare(a.value, b.value);
      return (a.missing ? 0 : sign * way) || a.place - b.place;
    });
    return keyed.map(function (each) { return each.row; });
  }

  function makeFilters(filters, table) {
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
    const toggles = Array.from(filters.querySelectorAll("[data-kind]"));
    const paper = document.getElementById("paper");
    const words = document.getElementById("words");
    const count = document.getElementById("count");

    function apply() {
      const shown = new Set();
      toggles.forEach(function (each) {
        if (each.getAttribute("aria-pressed") === "true") shown.add(each.dataset.kind);
      });
      const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let number = 0;
      rows.forEach(function (row, place) {
        const fits = shown.has(row.dataset.kind) && (!paper.value || row.dataset.paper === paper.value) &&
          wanted.every(function (word) { return texts[place].includes(word); });
        row.hidden = !fits;
        number += fits;
      });
      count.textContent = number + " of " + rows.length + " claims";
    }

    toggles.forEach(function (each) {
      each.addEventListener("click", function () {
        each.setAttribute("aria-pressed", String(each.getAttribute("aria-pressed") !== "true"));
        apply();
      });
    });
    paper.addEventListener("change", apply);
    words.addEventListener("input", apply);
    // A link to a claim that is filtered out shows all claims again.
    window.addEventListener("hashchange", function () {
      const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
      if (!row || !row.hidden) return;
      toggles.forEach(function (each) { each.setAttribute("aria-pressed", "true"); });
      paper.value = words.value = "";
      apply();
      row.scrollIntoView();
    });
    filters.hidden = false;
    apply();
  }

  ["claims-table", "saes-table", "rules-table"].forEach(function (id) {
    const table = document.getElementById(id);
    if (table) makeSortable(table);
  });
  const filters = document.getElementById("filters");
  if (filters) makeFilters(filters, document.getElementById("claims-table"));
})();
