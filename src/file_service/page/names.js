/** What paths and names mean, and how they are shown. Pure. */

/** The last segment of a path, without the slash of a folder. */
export const nameOf = path => path.replace(/\/$/, "").split("/").pop();

/** The folder that a path lies in; the root is "". */
export const parentOf = path => path.replace(/[^/]+\/?$/, "");

export const isFolder = path => path === "" || path.endsWith("/");

/** A path as a part of a URL, its slashes kept. */
export const encoded = path => path.split("/").map(encodeURIComponent).join("/");

// Control characters, and those that change the direction or the width of what follows (Unicode TR 36, section 2.5):
// a name with one of them would read as another name. The two joiners stay: emoji and some scripts need them.
const DECEPTIVE =
  /[\p{Cc}\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** A name for the eye: what cannot be seen, or would change how the rest reads, is written out. */
export function shown(name) {
  return name.replace(DECEPTIVE, character => {
    if (character === "\n") return "\u2424";
    const code = character.codePointAt(0);
    return code < 32
      ? String.fromCodePoint(0x2400 + code)
      : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** An entry's name for the eye. */
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

/** What a file is, in one word that is also the name of its icon. */
export function kindOf(entry) {
  if (entry.type === "folder") return "folder";
  const type = typeOf(entry);
  return KINDS.find(([, pattern]) => pattern.test(type))?.[0] ?? "file";
}

/** A file's media type without parameters. */
export const typeOf = entry => (entry.media_type ?? "").split(";")[0].trim().toLowerCase();
