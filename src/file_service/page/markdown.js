/**
 * Renders Markdown: headings, paragraphs, lists, quotes, code, tables and rules, as in CommonMark
 * and on GitHub. Raw HTML stays text. Elements are made from text, so no text can become markup.
 */

import { make } from "./dom.js";
import { encoded, parentOf } from "./names.js";
import { linkTo } from "./route.js";

/** The document as an element. Relative links and pictures start from `path`. */
export function renderedMarkdown(text, path) {
  const lines = text
    .replace(/\r\n?/g, "\n")
    .replace(/\t/g, "    ")
    .replace(/^---\n[\s\S]*?\n---\n/, "")
    .split("\n");
  return make("main", {}, blocks(lines, parentOf(path), 0));
}

const DEEPEST = 12; // levels of quotes and lists

// Every pattern takes linear time: each repetition is of one kind of character, or has a bound.
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})(\s.*)?$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])( {1,4}|$)/;
const INDENTED = /^ {4}/;
const isTableRule = line =>
  line.includes("-") && cellsOf(line).every(cell => /^:?-+:?$/.test(cell));
const UNDERLINE = /^ {0,3}(=+|-+)\s*$/;
const STARTS_BLOCK = [FENCE, HEADING, RULE, QUOTE, ITEM];

const startsBlock = line => STARTS_BLOCK.some(pattern => pattern.test(line));

/** The lines of a text, taken one after the other. */
class Lines {
  at = 0;

  constructor(lines, folder, depth) {
    Object.assign(this, { lines, folder, depth });
  }

  get line() {
    return this.lines[this.at] ?? "";
  }
  get next() {
    return this.lines[this.at + 1] ?? "";
  }
  get done() {
    return this.at >= this.lines.length;
  }

  /** The lines from here that pass the test, which gets each line and its number from here. */
  take(test) {
    const from = this.at;
    while (!this.done && test(this.line, this.at - from)) this.at++;
    return this.lines.slice(from, this.at);
  }

  inlines(text) {
    return inlines(text, this.folder);
  }
  blocks(lines) {
    return blocks(lines, this.folder, this.depth + 1);
  }
}

// The kinds of blocks. The first one that fits the line takes its lines and returns an element, or
// nothing.
const BLOCKS = [
  [
    ({ line }) => !line.trim(),
    lines => {
      lines.at++;
    },
  ],
  [({ line }) => FENCE.test(line), fenced],
  [({ line }) => HEADING.test(line), heading],
  [
    ({ line }) => RULE.test(line),
    lines => {
      lines.at++;
      return make("hr");
    },
  ],
  [({ line, depth }) => QUOTE.test(line) && depth < DEEPEST, quote],
  [({ line, depth }) => ITEM.test(line) && depth < DEEPEST, list],
  [({ line }) => INDENTED.test(line), indented],
  [({ line, next }) => line.includes("|") && isTableRule(next), table],
  [() => true, paragraph],
];

function blocks(texts, folder, depth) {
  const lines = new Lines(texts, folder, depth);
  const made = [];
  while (!lines.done) made.push(BLOCKS.find(([fits]) => fits(lines))[1](lines));
  return made.filter(Boolean);
}

const code = lines => make("pre", {}, make("code", { textContent: lines.join("\n") }));

function fenced(lines) {
  const [, mark] = FENCE.exec(lines.line);
  lines.at++;
  const body = lines.take(
    line => !(line.trim().startsWith(mark) && !line.trim().replaceAll(mark[0], "")),
  );
  lines.at++;
  return code(body);
}

function indented(lines) {
  const body = lines.take(line => INDENTED.test(line) || !line.trim()).map(line => line.slice(4));
  while (!body.at(-1).trim()) body.pop();
  return code(body);
}

function heading(lines) {
  const [, marks, text = ""] = HEADING.exec(lines.line);
  lines.at++;
  return make(`h${marks.length}`, {}, lines.inlines(text.trim().replace(/(^|\s)#+$/, "")));
}

function quote(lines) {
  const quoted = lines.take(
    (line, index) => QUOTE.test(line) || (index && line.trim() && !startsBlock(line)),
  );
  return make("blockquote", {}, lines.blocks(quoted.map(line => line.replace(QUOTE, ""))));
}

/** A paragraph, or a heading: then its last line consists of `=` or `-`. */
function paragraph(lines) {
  const taken = lines.take(
    (line, index) => !index || (line.trim() && (!startsBlock(line) || UNDERLINE.test(line))),
  );
  const under = taken.length > 1 ? UNDERLINE.exec(taken.at(-1)) : null;
  const text = (under ? taken.slice(0, -1) : taken).map(line => line.replace(/^ +/, "")).join("\n");
  return make(under ? (under[1][0] === "=" ? "h1" : "h2") : "p", {}, lines.inlines(text.trimEnd()));
}

const isOrdered = item => /\d/.test(item[2]);

function list(lines) {
  const first = ITEM.exec(lines.line);
  const ordered = isOrdered(first);
  const made = make(ordered ? "ol" : "ul", ordered ? { start: parseInt(first[2], 10) } : {});
  let found = first;
  while (found && isOrdered(found) === ordered && !RULE.test(lines.line)) {
    made.append(item(itemLines(lines, found[0].length || 2), lines));
    if (!lines.line.trim() && ITEM.test(lines.next)) lines.at++;
    found = ITEM.exec(lines.line);
  }
  return made;
}

/** The lines of the item that starts here, without its mark and its indent. */
function itemLines(lines, indent) {
  const body = [lines.line.slice(indent)];
  lines.at++;
  const belongs = line => {
    if (!line.trim()) return /^ {2,}\S/.test(lines.next);
    return !line.slice(0, indent).trim() || (!startsBlock(line) && Boolean(body.at(-1).trim()));
  };
  while (!lines.done && belongs(lines.line)) {
    const { line } = lines;
    body.push(line.slice(0, indent).trim() ? line.trimStart() : line.slice(indent));
    lines.at++;
  }
  return body;
}

function item(body, lines) {
  const task = /^\[([ xX])\] /.exec(body[0]);
  if (task) body[0] = body[0].slice(4);
  const [first, ...others] = lines.blocks(body);
  const box = task ? (task[1] === " " ? "\u2610 " : "\u2611 ") : "";
  // An item of one paragraph has no element for it.
  return make(
    "li",
    {},
    box,
    first?.localName === "p" ? [...first.childNodes] : (first ?? ""),
    others,
  );
}

function table(lines) {
  const [head, rule, ...rows] = lines.take(
    (line, index) => line.trim() && (line.includes("|") || index === 1),
  );
  const alignments = cellsOf(rule).map(cell =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "",
  );
  const row = (line, tag) => {
    const cells = cellsOf(line);
    return make(
      "tr",
      {},
      alignments.map((className, index) =>
        make(tag, { className }, lines.inlines(cells[index] ?? "")),
      ),
    );
  };
  return make(
    "table",
    {},
    make("thead", {}, row(head, "th")),
    make(
      "tbody",
      {},
      rows.map(line => row(line, "td")),
    ),
  );
}

const COLUMNS = 100;

function cellsOf(line) {
  const cells = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "")
    .split(/(?<!\\)\|/);
  return cells.slice(0, COLUMNS).map(cell => cell.trim().replaceAll("\\|", "|"));
}

// The kinds of inlines. Each pattern is tried at the present position of the text.
const INLINES = [
  [/\\([!-/:-@[-`{-~])/y, ([, character]) => character],
  [/(?: {2,}|\\)\n/y, () => make("br")],
  [/(`+)(?!`)([\s\S]{1,2000}?)(?<!`)\1(?!`)/y, ([, , text]) => codeSpan(text)],
  [
    /!\[([^\]]{0,300})\]\(\s{0,9}<?([^\s)>]{1,2000})>?(?:\s{1,9}["'][^"']{0,300}["'])?\s{0,9}\)/y,
    ([, alt, target], folder) => picture(alt, target, folder),
  ],
  [
    new RegExp(
      String.raw`\[((?:[^[\]\\]|\\.|!?\[[^\]]{0,200}\]){1,300})\]` + // the text
        String.raw`\(\s{0,9}<?([^\s)>]{0,2000})>?(?:\s{1,9}["'][^"']{0,300}["'])?\s{0,9}\)`,
      "y",
    ),
    ([, text, target], folder) => link(text, target, folder),
  ],
  [/<(https?:\/\/[^\s<>]{1,2000})>/y, ([, target], folder) => link(target, target, folder)],
  [
    /https?:\/\/[^\s<>)\]]{1,2000}[^\s<>)\].,;:!?'"]/y,
    ([target], folder) => link(target, target, folder),
  ],
  [
    /(\*\*|__)(?=\S)([\s\S]{0,400}?\S)\1/y,
    ([, , text], folder) => make("strong", {}, inlines(text, folder)),
  ],
  [
    /(\*|_)(?=[^\s*_])([^\n]{0,400}?[^\s*_])\1(?![\w*])/y,
    ([, , text], folder) => make("em", {}, inlines(text, folder)),
  ],
  [/~~(?=\S)([\s\S]{0,400}?\S)~~/y, ([, text], folder) => make("del", {}, inlines(text, folder))],
  [/&(amp|lt|gt|quot|nbsp|copy|mdash|ndash|hellip);/y, ([, name]) => ENTITIES[name]],
];
const ENTITIES = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  nbsp: "\u00a0",
  copy: "\u00a9",
  mdash: "\u2014",
  ndash: "\u2013",
  hellip: "\u2026",
};
const SPECIAL = /[\\`![<*_~&h]|(?<! ) {2,}\n/g;

const codeSpan = text =>
  make("code", { textContent: text.replace(/\n/g, " ").replace(/^ (.+) $/, "$1") });

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
    const found =
      /[_h]/.test(text[at]) && /\w/.test(text[at - 1] ?? "") ? null : inlineAt(text, at, folder);
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
      const end = pattern.lastIndex; // before `build`, which may use the pattern for what is inside
      return { made: build(match, folder), end };
    }
  }
  return null;
}

/** A link to the web, or to a file of the source. Any other one (`javascript:`) stays text. */
function link(text, target, folder) {
  const label = text === target ? [text] : inlines(text, folder);
  if (/^(https?|mailto):/i.test(target))
    return make("a", { href: target, rel: "noopener noreferrer" }, label);
  const path = pathOf(target, folder);
  if (path === null) return make("span", {}, label);
  return make("a", { href: new URL(linkTo(path), document.baseURI).href }, label);
}

/**
 * A picture of the source. A picture of another site becomes a link: to fetch it would tell that
 * site who reads the document.
 */
function picture(alt, target, folder) {
  const path = pathOf(target, folder);
  if (path === null) return link(alt || target, target, folder);
  return make("img", { alt, "data-path": path });
}

/** The path of a relative address in the source; null for any other address. */
function pathOf(target, folder) {
  if (/^[a-z][a-z0-9+.-]*:|^\/\/|^#/i.test(target)) return null;
  try {
    const { origin, pathname } = new URL(
      target.startsWith("/") ? `.${target}` : encoded(folder) + target,
      "http://source/",
    );
    return origin === "http://source" ? decodeURIComponent(pathname.slice(1)) : null;
  } catch {
    return null;
  }
}
