/** CSV (RFC 4180) as a table. */

import { make } from "./dom.js";
import { inCount } from "./format.js";

const ROWS = 500;
const COLUMNS = 100;
const NUMBER = /^\s*([-+]?[\d.,\u00a0 ]*\d\s*%?)?\s*$/;

/**
 * The rows of a text, each a list of cells. Reads until `limit` rows.
 * A quoted cell may contain the separator, line breaks and quotes (doubled).
 */
export function rowsOf(text, separator, limit = Infinity) {
  const rows = [];
  let row = [];
  let at = 0;
  while (at < text.length && rows.length < limit) {
    let cell;
    if (text[at] === '"') {
      let end = at + 1;
      while (end < text.length && (text[end] !== '"' || text[end + 1] === '"')) end += text[end] === '"' ? 2 : 1;
      cell = text.slice(at + 1, end).replaceAll('""', '"');
      at = Math.min(end + 1, text.length);
    } else {
      cell = "";
    }
    const start = at;
    while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at++;
    row.push(cell + text.slice(start, at));
    if (text[at] === separator) {
      at++;
      if (at === text.length) row.push("");
      else continue;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    rows.push(row);
    row = [];
  }
  if (row.length) rows.push(row);
  return rows;
}

/** The separator of a CSV: of those in use the one that the first line has most of. */
export function separatorOf(text, type) {
  if (type.includes("tab")) return "\t";
  const first = text.split(/\r?\n/, 1)[0];
  return [",", ";", "\t", "|"].reduce((best, each) => (first.split(each).length > first.split(best).length ? each : best));
}

/** A text as a table, and what to say where it is not all of it. `isPart`: the text ends somewhere inside the file. */
export function tableOf(text, type, isPart) {
  const rows = rowsOf(text.replace(/^\ufeff/, ""), separatorOf(text, type), ROWS + 2);
  if (isPart) rows.pop();  // it may lack its end
  const [names = [], ...others] = rows;
  const shownRows = others.slice(0, ROWS);
  const columns = Math.min(COLUMNS, Math.max(names.length, ...shownRows.map(row => row.length)));
  const numeric = Array.from({ length: columns }, (_, column) => shownRows.every(row => NUMBER.test(row[column] ?? "")));
  const line = (row, tag, properties) => make("tr", {}, ...numeric.map((isNumber, column) =>
    make(tag, { textContent: row[column] ?? "", className: isNumber ? "number" : "", ...properties })));
  const table = make("table", {},
    make("thead", {}, line(names, "th", { scope: "col" })),
    make("tbody", {}, ...shownRows.map(row => line(row, "td"))));
  const cut = isPart || others.length > ROWS
    ? `The first ${inCount(shownRows.length, "row")}. Download the file for the rest.` : "";
  return { table, cut };
}
