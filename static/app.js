// Comfort only: every page works without it.
"use strict";

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Copy buttons: the text of an input or of an element.
for (const button of all("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    let copied = true;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      // Browsers offer no clipboard to pages over plain HTTP on other machines; a selection is the next best thing.
      if (source.select) source.select(); else getSelection().selectAllChildren(source);
      copied = document.execCommand("copy");
    }
    const label = button.querySelector("span");
    const [before, hidden] = [label.textContent, label.className];
    [label.textContent, label.className] = [copied ? "Copied" : "Press Ctrl+C", ""];
    button.setAttribute("aria-live", "polite");
    setTimeout(() => { [label.textContent, label.className] = [before, hidden]; }, 2000);
  });
}
for (const input of all(".copyable input")) input.addEventListener("focus", () => input.select());

// Times: the exact moment as this browser's reader would write it.
for (const time of all("time[datetime]")) {
  time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" });
}

// What folds out over the page folds in again.
document.addEventListener("click", (event) => {
  for (const drop of all(".drop[open]")) if (!drop.contains(event.target)) drop.open = false;
});
document.addEventListener("keydown", (event) => {
  const drop = event.key === "Escape" && document.querySelector(".drop[open]");
  if (drop) {
    drop.open = false;
    drop.querySelector("summary").focus();
  }
});

// "/" goes to the search.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const search = document.querySelector("[data-search]");
  if (event.key === "/" && !typing && search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});

// Search as you type: half a breath after the last key.
const search = document.querySelector("[data-search]");
if (search) {
  let waiting;
  const shown = search.value;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (search.value.trim() !== shown.trim()) go(); }, 450);
  });
  // After such a search the field is where it was.
  const remember = () => sessionStorage.setItem("searching", location.pathname);
  search.form.addEventListener("submit", remember);
  // Back leads to before the search, not through it letter by letter.
  const go = () => {
    if (!shown) { search.form.requestSubmit(); return; }
    const url = new URL(search.form.action);
    url.search = new URLSearchParams(new FormData(search.form));
    remember();
    location.replace(url);
  };
  if (sessionStorage.getItem("searching") === location.pathname) {
    search.focus();
    search.setSelectionRange(search.value.length, search.value.length);
  }
  sessionStorage.removeItem("searching");
}

// The grid of preferences: columns, counts and the filter without going to the server.
const grid = document.querySelector("[data-grid]");
if (grid) {
  const boxes = (root) => all("input[type=checkbox]", root);
  const groups = all("[data-group]", grid);
  const total = document.querySelector("[data-total]");
  const rows = all("tbody tr", grid);
  const chosen = (root) => all("tbody tr", root).filter((row) => row.querySelector(":checked")).length;
  const count = () => {
    let sum = 0;
    for (const group of groups) {
      const n = chosen(group);
      sum += n;
      group.querySelector("[data-count]").textContent = n ? `${n} of ${group.querySelectorAll("tbody tr").length}` : "";
    }
    total.textContent = sum ? `${sum} of ${rows.length} events` : "None chosen";
  };
  grid.addEventListener("change", count);
  grid.addEventListener("click", (event) => {
    const button = event.target.closest("[data-column]");
    if (!button) return;
    event.preventDefault();
    const column = all("tbody tr", button.closest("table")).map((row) => boxes(row)[button.dataset.column]);
    const tick = column.some((box) => !box.checked);
    for (const box of column) box.checked = tick;
    count();
  });

  const filter = grid.querySelector("[data-filter]");
  const nothing = grid.querySelector("[data-nothing]");
  filter.removeAttribute("name");
  grid.querySelector("[name=shown]").remove();
  grid.querySelector("[data-filter-button]").hidden = true;
  const wasOpen = new Map();
  filter.addEventListener("input", () => {
    const words = filter.value.trim().toLowerCase();
    let found = 0;
    for (const group of groups) {
      const title = group.querySelector("h3").textContent.toLowerCase().includes(words);
      let here = 0;
      for (const row of all("tbody tr", group)) {
        row.hidden = !title && !row.cells[0].textContent.toLowerCase().includes(words);
        if (!row.hidden) here += 1;
      }
      if (words && !wasOpen.has(group)) wasOpen.set(group, group.open);
      group.hidden = here === 0;
      group.open = words ? here > 0 : wasOpen.get(group) ?? group.open;
      found += here;
    }
    if (!words) wasOpen.clear();
    nothing.hidden = found > 0;
  });
  filter.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
}

// A form that was typed into is not left by accident.
for (const form of all("form[data-guard]")) {
  let touched = false;
  form.addEventListener("input", () => { touched = true; });
  form.addEventListener("submit", () => { touched = false; });
  addEventListener("beforeunload", (event) => { if (touched) event.preventDefault(); });
}

// What was wrong is read out first.
document.querySelector(".summary")?.focus();
