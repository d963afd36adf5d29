/** The texts around the list: how many entries there are, what is missing, and why it is empty. */

import { $, button, make } from "./dom.js";
import { inCount, inDigits } from "./format.js";

/** The number of entries, while they arrive and after. `items`: those that the filter keeps. */
export function countOf({ state, entries, text, searched }, items, filter) {
  const loading = state === "loading";
  if (text) {
    const found = `${inCount(entries.length, "item")} found`;
    if (!loading) return found;
    return `Searching\u2026 ${found}${searched ? ` among ${inCount(searched, "file")}` : ""}`;
  }
  if (loading && !entries.length) return "Loading\u2026";
  if (state === "failed" && !entries.length) return "";
  const all = inCount(entries.length, "item") + (loading ? "\u2026" : "");
  const isWhole = !filter.trim() || items.length === entries.length;
  return isWhole ? all : `${inDigits(items.length)} of ${all}`;
}

/** Why the list is empty. */
export function emptyText({ entries, text }, filter) {
  if (text) return `Nothing in this folder or below it matches \u201c${text}\u201d.`;
  if (entries.length) return `Nothing in this folder matches \u201c${filter.trim()}\u201d.`;
  return "This folder is empty.";
}

/** Shows what went wrong with the list, and what it leaves out. `reload()` loads it again. */
export function showTrouble({ state, error, skipped, more }, reload) {
  const lines = [];
  if (state === "failed") {
    const again = button("Try again", reload);
    lines.push(
      make("p", {}, make("span", { className: "bad", textContent: error.message }), again),
    );
  }
  if (skipped) {
    const items = `${inCount(skipped, "item")} ${skipped === 1 ? "is" : "are"} not shown`;
    const text = `${items}, because a web address cannot contain the name.`;
    lines.push(make("p", { textContent: text }));
  }
  if (more) {
    const text = "There are more matches. Search for a longer part of the name.";
    lines.push(make("p", { textContent: text }));
  }
  const text = lines.map(line => line.textContent).join("");
  if ($("trouble").textContent !== text) $("trouble").replaceChildren(...lines);
}
