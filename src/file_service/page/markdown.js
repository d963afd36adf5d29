/**
 * Markdown as elements: headings, paragraphs, lists, quotes, code, tables and rules, as CommonMark and GitHub have them.
 * Raw HTML stays text. Elements are made one by one from text, so that no text can become markup by accident.
 */

import { make } from "./dom.js";
import { parentOf } from "./names.js";
import { linkTo } from "./route.js";

/** A document of the file at `path`, which relative links and pictures start from. */
export function renderedMarkdown(text, path) {
  const lines = text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").replace(/^---\n[\s\S]*?\n---\n/, "").split("\n");
  return make("main", {}, ...blocks(lines, parentOf(path), 0));
}

const DEEPEST = 12;  // of quotes and lists within each other

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})(?:\s+(.*?))?\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( {1,4}|$)/;
const INDENTED = /^ {4}/;
const TABLE_RULE = /^ {0,3}\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const STARTS_BLOCK = [FENCE, HEADING, RULE, QUOTE, ITEM];

function blocks(lines, folder, depth) {
  const made = [];
  let at = 0;
  const take = test => {
    const from = at;
    while (at < lines.length && test(lines[at], at - from)) at++;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    let found;
    if (!line.trim()) {
      at++;
    } else if ((found = FENCE.exec(line))) {
      at++;
      const body = take(each => !(each.trim().startsWith(found[1]) && !each.trim().replaceAll(found[1][0], "")));
      at++;
      made.push(make("pre", {}, make("code", { textContent: body.join("\n") })));
    } else if ((found = HEADING.exec(line))) {
      at++;
      made.push(make(`h${found[1].length}`, {}, ...inlines(found[2] ?? "", folder)));
    } else if (RULE.test(line)) {
      at++;
      made.push(make("hr"));
    } else if (QUOTE.test(line) && depth < DEEPEST) {
      const quoted = take((each, index) => QUOTE.test(each) || (index && each.trim() && !startsBlock(each)));
      made.push(make("blockquote", {}, ...blocks(quoted.map(each => each.replace(QUOTE, "")), folder, depth + 1)));
    } else if ((found = ITEM.exec(line)) && depth < DEEPEST) {
      const [list, next] = listFrom(lines, at, folder, depth);
      made.push(list);
      at = next;
    } else if (INDENTED.test(line)) {
      const body = take(each => INDENTED.test(each) || !each.trim());
      made.push(make("pre", {}, make("code", { textContent: body.map(each => each.slice(4)).join("\n").trimEnd() })));
    } else if (line.includes("|") && TABLE_RULE.test(lines[at + 1] ?? "") && lines[at + 1].includes("-")) {
      made.push(table(take(each => each.trim() && (each.includes("|") || TABLE_RULE.test(each))), folder));
    } else {
      made.push(paragraph(take((each, index) => !index || (each.trim() && !startsBlock(each))), folder));
    }
  }
  return made;
}

const startsBlock = line => STARTS_BLOCK.some(pattern => pattern.test(line));

/** A paragraph, or the heading that it is when its last line is of `=` or `-`. */
function paragraph(lines, folder) {
  const under = lines.length > 1 && /^ {0,3}(=+|-+)\s*$/.exec(lines.at(-1));
  const text = (under ? lines.slice(0, -1) : lines).map(line => line.replace(/^ +/, "")).join("\n");
  return make(under ? (under[1][0] === "=" ? "h1" : "h2") : "p", {}, ...inlines(text.trimEnd(), folder));
}

/** The list that starts at `lines[at]`, and the index of the line behind it. */
function listFrom(lines, at, folder, depth) {
  const [, , marker] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(marker);
  const list = make(ordered ? "ol" : "ul", ordered ? { start: parseInt(marker, 10) } : {});
  let found;
  while (at < lines.length && (found = ITEM.exec(lines[at])) && /\d/.test(found[2]) === ordered && !RULE.test(lines[at])) {
    const indent = found[0].length || 2;
    const body = [lines[at++].slice(found[0].length)];
    while (at < lines.length) {
      const line = lines[at];
      const within = line.slice(0, indent).trim() === "" && line.trim();
      if (!line.trim() && /^ {2,}\S/.test(lines[at + 1] ?? "")) body.push("");
      else if (within) body.push(line.slice(indent));
      else if (line.trim() && !startsBlock(line) && body.at(-1).trim()) body.push(line.trimStart());
      else break;
      at++;
    }
    if (!lines[at]?.trim() && ITEM.test(lines[at + 1] ?? "")) at++;
    list.append(item(body, folder, depth));
  }
  return [list, at];
}

function item(lines, folder, depth) {
  const task = /^\[([ xX])\] /.exec(lines[0]);
  if (task) lines[0] = lines[0].slice(4);
  const children = blocks(lines, folder, depth + 1);
  // A tight item is its text alone.
  if (children[0]?.localName === "p") children.splice(0, 1, ...children[0].childNodes);
  const box = task ? [task[1] === " " ? "\u2610 " : "\u2611 "] : [];
  return make("li", {}, ...box, ...children);
}

function table([head, rule, ...rows], folder) {
  const alignments = cellsOf(rule).map(cell => (cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : ""));
  const row = (line, tag) => {
    const cells = cellsOf(line);
    return make("tr", {}, ...alignments.map((className, index) => make(tag, { className }, ...inlines(cells[index] ?? "", folder))));
  };
  return make("table", {}, make("thead", {}, row(head, "th")), make("tbody", {}, ...rows.map(line => row(line, "td"))));
}

const cellsOf = line =>
  line.trim().replace(/^\|/, "").replace(/(?<!\\)\|$/, "").split(/(?<!\\)\|/).map(cell => cell.trim().replaceAll("\\|", "|"));

// What an inline is, by the character it starts with. Each pattern is tried where the text stands; none looks back.
const INLINES = [
  [/\\([!-/:-@[-`{-~])/y, ([, character]) => character],
  [/(?: {2,}|\\)\n/y, () => make("br")],
  [/(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/y, ([, , code]) => make("code", { textContent: code.replace(/\n/g, " ").replace(/^ (.+) $/, "$1") })],
  [/!\[([^\]]*)\]\(\s*<?([^\s)>]+)>?(?:\s+["'][^"']*["'])?\s*\)/y, ([, alt, target], folder) => picture(alt, target, folder)],
  [/\[((?:[^[\]\\]|\\.|!?\[[^\]]*\](?:\([^)]*\))?)+)\]\(\s*<?([^\s)>]*)>?(?:\s+["'][^"']*["'])?\s*\)/y,
    ([, text, target], folder) => link(text, target, folder)],
  [/<(https?:\/\/[^\s<>]+)>/y, ([, target], folder) => link(target, target, folder)],
  [/https?:\/\/[^\s<>)\]]+[^\s<>)\].,;:!?'"]/y, ([target], folder) => link(target, target, folder)],
  [/(\*\*|__)(?=\S)([\s\S]*?\S)\1/y, ([, , text], folder) => make("strong", {}, ...inlines(text, folder))],
  [/(\*|_)(?=[^\s*_])([^\n]*?[^\s*_])\1(?![\w*])/y, ([, , text], folder) => make("em", {}, ...inlines(text, folder))],
  [/~~(?=\S)([\s\S]*?\S)~~/y, ([, text], folder) => make("del", {}, ...inlines(text, folder))],
  [/&(amp|lt|gt|quot|nbsp|copy|mdash|ndash|hellip);/y, ([, name]) => ENTITIES[name]],
];
const ENTITIES = {
  amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", copy: "\u00a9", mdash: "\u2014", ndash: "\u2013", hellip: "\u2026",
};
const SPECIAL = /[\\`![<*_~&h]| {2,}\n/g;

function inlines(text, folder) {
  const made = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    SPECIAL.lastIndex = at;
    const next = SPECIAL.exec(text)?.index ?? text.length;
    plain += text.slice(at, next);
    at = next;
    if (at === text.length) break;
    const found = /[_h]/.test(text[at]) && /\w/.test(text[at - 1] ?? "") ? null : inlineAt(text, at, folder);
    if (found) {
      made.push(plain, found.made);
      plain = "";
      at = found.end;
    } else {
      plain += text[at++];
    }
  }
  return [...made, plain].filter(each => each !== "");
}

function inlineAt(text, at, folder) {
  for (const [pattern, build] of INLINES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) {
      const end = pattern.lastIndex;  // before `build`, which may use the pattern for what is inside
      return { made: build(match, folder), end };
    }
  }
  return null;
}

/** A link of the web, or of a file beside this one. What is neither (a script's address, say) stays text. */
function link(text, target, folder) {
  const label = text === target ? [text] : inlines(text, folder);
  if (/^(https?|mailto):/i.test(target)) return make("a", { href: target, rel: "noopener noreferrer" }, ...label);
  const path = pathOf(target, folder);
  if (path === null) return make("span", {}, ...label);
  return make("a", { href: new URL(linkTo(path), document.baseURI).href }, ...label);
}

/** A picture beside the document; one from elsewhere is named, not fetched: that would tell who reads what. */
function picture(alt, target, folder) {
  const path = pathOf(target, folder);
  if (path === null) return link(alt || target, target, folder);
  return make("img", { alt, "data-path": path });
}

/** The path in the source that a relative address means; null for any other address. */
function pathOf(target, folder) {
  if (/^[a-z][a-z0-9+.-]*:|^\/\/|^#/i.test(target)) return null;
  try {
    const { origin, pathname } = new URL(target.startsWith("/") ? `.${target}` : folder.split("/").map(encodeURIComponent).join("/") + target, "http://source/");
    return origin === "http://source" ? decodeURIComponent(pathname.slice(1)) : null;
  } catch {
    return null;
  }
}
