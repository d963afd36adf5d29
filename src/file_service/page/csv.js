/** CSV (RFC 4180) as a table. */

import { make } from "./dom.js";
import { inCount } from "./format.js";

const ROWS = 500;
const COLUMNS = 100;
const NUMBER = /^([-+]?[\d.,\u00a0 ]*\d%?)?$/;

const isNumber = (cell = "") => cell.length < 40 && NUMBER.test(cell.trim());

/**
 * The rows of a text, each a list of cells. Reads until `limit` rows.
 * A quoted cell may contain the separator, line breaks and quotes (doubled).
 */
export function rowsOf(text, separator, limit = Infinity) {
  const rows = [];
  let row = [];
  let at = 0;
  while ((at < text.length || row.length) && rows.length < limit) {
    const [cell, end] = cellAt(text, at, separator);
    row.push(cell);
    if (text[end] === separator) {
      at = end + 1;
      continue;
    }
    at = text.startsWith("\r\n", end) ? end + 2 : end + 1;
    rows.push(row);
    row = [];
  }
  return rows;
}

const QUOTED = /"((?:[^"]+|"")*)(?:"|$)/y; // one that the text cuts off has no end

/** The cell that starts at `at`, and where it ends. */
function cellAt(text, at, separator) {
  QUOTED.lastIndex = at;
  const quoted = QUOTED.exec(text);
  const start = quoted ? QUOTED.lastIndex : at;
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r")
    end++;
  return [(quoted ? quoted[1].replaceAll('""', '"') : "") + text.slice(start, end), end];
}

/** The separator of a CSV: of those in use the one that the first line has most of. */
export function separatorOf(text, type) {
  if (type.includes("tab")) return "\t";
  const first = text.split(/\r?\n/, 1)[0];
  return [",", ";", "\t", "|"].reduce((best, each) =>
    first.split(each).length > first.split(best).length ? each : best,
  );
}

/**
 * The text as a table, and a sentence that says what the table leaves out. `isPart`: the text is
 * only the first part of the file.
 */
export function tableOf(text, type, isPart) {
  const rows = rowsOf(text.replace(/^\ufeff/, ""), separatorOf(text, type), ROWS + 2);
  if (isPart) rows.pop(); // it may lack its end
  const [names = [], ...others] = rows;
  const shownRows = others.slice(0, ROWS);
  const columns = Math.min(COLUMNS, Math.max(names.length, ...shownRows.map(row => row.length)));
  const numeric = Array.from({ length: columns }, (_, column) =>
    shownRows.every(row => isNumber(row[column])),
  );
  const line = (row, tag, properties) =>
    make(
      "tr",
      {},
      numeric.map((right, column) =>
        make(tag, {
          textContent: row[column] ?? "",
          className: right ? "number" : "",
          ...properties,
        }),
      ),
    );
  const table = make(
    "table",
    {},
    make("thead", {}, line(names, "th", { scope: "col" })),
    make(
      "tbody",
      {},
      shownRows.map(row => line(row, "td")),
    ),
  );
  const cut =
    isPart || others.length > ROWS
      ? `The first ${inCount(shownRows.length, "row")}. Download the file for the rest.`
      : "";
  return { table, cut };
}
