"use strict";
// Everything can be read without this: it copies commands, sorts tables and opens what is linked to.

function addCopyButtons() {
  for (const block of document.querySelectorAll("pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      button.textContent = (await copy(block.querySelector("code"))) ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    const frame = document.createElement("div");
    frame.className = "command";
    block.replaceWith(frame);
    frame.append(block, button);
  }
}

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent.trim());
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}

function addSortButtons() {
  for (const table of document.querySelectorAll("table.wide")) {
    if (table.tBodies[0].rows.length < 3) continue;
    for (const heading of table.tHead.rows[0].cells) {
      if (!heading.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading));
    }
  }
}

function sort(table, heading) {
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [row, row.cells[heading.cellIndex].textContent.trim()]);
  rows.sort(([, one], [, other]) => {
    if (!one || !other) return (one ? 0 : 1) - (other ? 0 : 1);
    return (ascending ? 1 : -1) * compare(one, other);
  });
  body.append(...rows.map(([row]) => row));
}

function compare(one, other) {
  const [a, b] = [one, other].map((text) => parseFloat(text.replaceAll(",", "")));
  return isNaN(a) || isNaN(b) ? one.localeCompare(other) : a - b;
}

function unfold(target) {
  target?.closest("details")?.setAttribute("open", "");
}

function followLink() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  unfold(target);
  target?.scrollIntoView();
}

addCopyButtons();
addSortButtons();
addEventListener("hashchange", followLink);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach(unfold));
for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", followLink);
if (location.hash) followLink();
