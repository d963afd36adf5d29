/** The order of entries, and which of them a filter keeps. Pure, and quick for 100,000 of them. */

import { nameOf } from "./names.js";

/**
 * A text that sorts by its characters as people sort names: without regard to case and accents, numbers by their value.
 * One comparison of such texts takes a tenth of an `Intl.Collator`'s.
 */
export function sortKey(name) {
  const plain = /^[\x20-\x7e]*$/.test(name) ? name : name.normalize("NFKD").replace(/\p{M}/gu, "");
  return plain.toLowerCase().replace(/\d+/g, digits => {
    const value = digits.replace(/^0+(?=\d)/, "");
    return `0${String.fromCharCode(48 + value.length)}${value}`; // a longer number is a larger one
  });
}

/** Adds to each entry what it is sorted by. */
export function keyed(entries) {
  for (const entry of entries) entry.key = sortKey(nameOf(entry.path));
  return entries;
}

const compareText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const BY = {
  name: () => 0,
  size: (a, b) => (a.size ?? 0) - (b.size ?? 0),
  modified: (a, b) => compareText(a.modified ?? "", b.modified ?? ""),
};

/** Compares two entries: folders come first, whichever the order; what is equal is ordered by name, then by path. */
export function comparison({ by, descending }) {
  const sign = descending ? -1 : 1;
  return (a, b) => {
    if (a.type !== b.type) return a.type === "folder" ? -1 : 1;
    return sign * (BY[by](a, b) || compareText(a.key, b.key)) || compareText(a.path, b.path);
  };
}

/** Two sorted lists as one. */
export function merged(some, others, compare) {
  if (!some.length) return others;
  const all = [];
  let at = 0;
  for (const other of others) {
    while (at < some.length && compare(some[at], other) <= 0) all.push(some[at++]);
    all.push(other);
  }
  while (at < some.length) all.push(some[at++]);
  return all;
}

const folded = text => text.normalize("NFC").toLowerCase();

/** The entries whose names contain every word of `text`. */
export function filtered(entries, text) {
  const words = folded(text).split(/\s+/).filter(Boolean);
  if (!words.length) return entries;
  return entries.filter(entry => {
    const name = folded(nameOf(entry.path));
    return words.every(word => name.includes(word));
  });
}
