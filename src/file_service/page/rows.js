/** Entries as rows of a table, and as tiles of a gallery. */

import { $ } from "./dom.js";
import { inBytes, inDate } from "./format.js";
import { kindOf, parentOf, shown, shownName } from "./names.js";
import { linkTo } from "./route.js";
import { showThumbnail } from "./thumbnails.js";

const copyOf = id => $(id).content.firstElementChild.cloneNode(true);

function setIcon(element, entry) {
  const kind = kindOf(entry);
  const svg = element.querySelector("a .icon");
  svg.classList.add(kind);
  svg.firstElementChild.setAttribute("href", `#icon-${kind}`);
}

/** Fills the parts that a row and a tile have in common. */
function setCommon(element, entry) {
  const name = shownName(entry);
  element.dataset.path = entry.path;
  setIcon(element, entry);
  const link = element.querySelector("a");
  link.href = linkTo(entry.path);
  link.title = name;
  element.querySelector(".label").textContent = entry.type === "folder" ? `${name}/` : name;
  element.querySelector("input").setAttribute("aria-label", `Select ${name}`);
}

/** A row of the table. `searched`: the folder of a search, whose rows also name their folder. */
export function makeRow(entry, searched) {
  const row = copyOf("row");
  setCommon(row, entry);
  const name = shownName(entry);
  const save = row.querySelector("button");
  save.title = entry.type === "folder" ? "Download as zip" : "Download";
  save.setAttribute("aria-label", `Download ${name}`);
  row.querySelector(".size").textContent = entry.type === "file" ? inBytes(entry.size) : "";
  row.querySelector(".time").textContent = inDate(entry.modified);
  if (searched !== null) {
    const where = parentOf(entry.path).slice(searched.length);
    row.querySelector(".where").textContent = where && shown(where);
  }
  return row;
}

export function makeTile(entry) {
  const tile = copyOf("tile");
  setCommon(tile, entry);
  if (kindOf(entry) === "image") showThumbnail(entry, tile.querySelector(".picture"));
  return tile;
}

/** Updates a row or tile that is shown. `index` counts from 0; the header of the table is row 1. */
export function update(element, { index, count, active, selected }) {
  const row = element.getAttribute("role") === "row";
  if (row) {
    element.setAttribute("aria-rowindex", index + 2);
    element.setAttribute("aria-selected", selected);
  } else {
    element.setAttribute("aria-posinset", index + 1);
    element.setAttribute("aria-setsize", count);
  }
  element.classList.toggle("selected", selected);
  const pick = element.querySelector("input");
  pick.checked = selected;
  // Tab moves within the active row, arrow keys move to the other rows.
  for (const each of [pick, element.querySelector("a"), element.querySelector("button")]) {
    if (each) each.tabIndex = active ? 0 : -1;
  }
}
