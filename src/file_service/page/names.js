/** Paths, names and kinds of entries, and how the page shows them. Pure. */

/** The last segment of a path, without the slash of a folder. */
export const nameOf = path => path.replace(/\/$/, "").split("/").pop();

/** The folder that a path lies in; the root is "". */
export const parentOf = path => path.replace(/[^/]+\/?$/, "");

export const isFolder = path => path === "" || path.endsWith("/");

/** A path as a part of a URL, its slashes kept. */
export const encoded = path => path.split("/").map(encodeURIComponent).join("/");

// Characters that make a name read as another one: control characters, those that change the
// direction of the text, and those that cannot be seen (Unicode TR 36, section 2.5). The two
// joiners are not among them: emoji and some scripts need them.
const DECEPTIVE = new RegExp(
  "[\\p{Cc}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e" +
    "\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]",
  "gu",
);

const OUTER_SPACES = /^\s+|\s+$/gu;

/** A name as the page shows it: characters that cannot be seen, or deceive, are written out. */
export function shown(name) {
  return name
    .replace(DECEPTIVE, character => {
      const code = character.codePointAt(0);
      if (character === "\n") return "\u2424"; // the symbol for a line break
      if (code < 32) return String.fromCodePoint(0x2400 + code); // symbols of control characters
      return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
    })
    .replace(OUTER_SPACES, spaces => "\u2423".repeat(spaces.length)); // an open box
}

// Bytes. A file system allows 255 of them, and browsers add an ending while they write a file.
const LONGEST_NAME = 200;

const bytesIn = text => new TextEncoder().encode(text).length;

/** The name under which a file is saved. A long name is cut in front of its extension. */
export function savedName(name) {
  const [extension = ""] = /\.[^.]{1,15}$/.exec(name) ?? [];
  const characters = [...name.slice(0, name.length - extension.length)];
  let size = bytesIn(name);
  while (size > LONGEST_NAME) size -= bytesIn(characters.pop());
  return characters.join("") + extension;
}

/** The name of an entry as the page shows it. */
export const shownName = entry => shown(nameOf(entry.path));

const KINDS = [
  ["image", /^image\//],
  ["video", /^video\//],
  ["audio", /^audio\//],
  ["pdf", /^application\/pdf$/],
  ["table", /^text\/(csv|tab-separated-values)$|spreadsheet|ms-excel|parquet/],
  ["document", /^text\/markdown$|word|opendocument\.text|presentation|powerpoint|epub/],
  ["archive", /zip|x-tar|gzip|x-bzip|x-xz|x-7z|zstd|x-rar/],
  [
    "code",
    /^text\/(html|css|javascript|x-|xml)|[/+](json|xml|yaml|toml|x-ndjson|javascript|sql|x-sh)$/,
  ],
  ["text", /^text\//],
];

/** The kind of an entry, in one word that is also the name of its icon. */
export function kindOf(entry) {
  if (entry.type === "folder") return "folder";
  const type = typeOf(entry);
  return KINDS.find(([, pattern]) => pattern.test(type))?.[0] ?? "file";
}

/** A file's media type without parameters. */
export const typeOf = entry => (entry.media_type ?? "").split(";")[0].trim().toLowerCase();

const NOUNS = {
  image: "image",
  video: "video",
  audio: "audio",
  pdf: "document",
  table: "table",
  document: "document",
  archive: "archive",
};

/** The kind of a file in words: "JPG image", "DOCX document", "file". */
export function typeName(entry) {
  const [, extension = ""] = /\.([a-z0-9]{1,5})$/i.exec(nameOf(entry.path)) ?? [];
  return `${extension.toUpperCase()} ${NOUNS[kindOf(entry)] ?? "file"}`.trim();
}
