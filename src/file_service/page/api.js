/** What the page asks the server. Every address is relative, so that the service may lie below any path. */

import { encoded } from "./names.js";
import { Sha256 } from "./sha256.js";

/** The address of a file, an archive, a digest. */
export const addressOf = (kind, path) => new URL(`${kind}/${encoded(path)}`, document.baseURI).href;

// Where an answer has no words of its own: that of a HEAD, or of a proxy.
const SAID = {
  401: "This service asks who you are.",
  403: "You may not see this.",
  404: "There is nothing at this address.",
  413: "This is more than can be sent at once.",
  429: "Too many requests. Try again in a moment.",
};

/** The server's "no", in its own words. */
export class Refused extends Error {
  constructor(status, problem = {}) {
    super(problem.detail ?? SAID[status] ?? `The server failed (${status}). Try again.`);
    this.name = "Refused";
    this.status = status;
    this.problem = problem;
  }
}

/** The answer to a request. Raises `Refused`, or an Error that says what a person can do. */
export async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server cannot be reached. Check the connection and try again.");
  }
  if (response.ok) return response;
  throw new Refused(response.status, await response.json().catch(() => ({})));
}

/**
 * The answer to a POST of `body`: an object, sent as JSON, or the fields of a form. The digest is what CloudFront needs
 * to sign a body for a Function URL.
 */
export function post(url, body, { headers, signal } = {}) {
  const form = Array.isArray(body);
  const text = form ? new URLSearchParams(body).toString() : JSON.stringify(body);
  return ask(url, {
    method: "POST",
    body: text,
    signal,
    headers: {
      ...headers,
      "Content-Type": form ? "application/x-www-form-urlencoded" : "application/json",
      "x-amz-content-sha256": new Sha256().update(new TextEncoder().encode(text)).hex(),
    },
  });
}

/** The size of a file or a body. Behind a Function URL a stream has no Content-Length, and that of a HEAD is 0. */
export const sizeIn = headers =>
  Number(
    ["x-file-size", "x-amzn-remapped-content-length", "content-length"]
      .map(name => headers.get(name))
      .find(Boolean) ?? NaN,
  );

/** The lines of a body as they arrive, in lists. */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (let read; !(read = await reader.read()).done;) {
      const lines = (rest + read.value).split("\n");
      rest = lines.pop();
      if (lines.length) yield lines;
    }
    if (rest) yield [rest];
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The objects of an NDJSON body as they arrive, in lists. The last one has to be an `end`: a body may be cut. */
async function* objectsOf(response) {
  let ended = false;
  for await (const lines of linesOf(response)) {
    const objects = [];
    for (const line of lines) {
      let object;
      try {
        object = JSON.parse(line);
      } catch {
        continue;
      } // the half of a line, of a body that was cut
      if (object.type === "error") throw new Error(object.detail);
      ended ||= object.type === "end";
      objects.push(object);
    }
    yield objects;
  }
  if (!ended) throw new Cut();
}

class Cut extends Error {
  constructor() {
    super("The connection broke before the end of the list.");
  }
}

const NDJSON = { Accept: "application/x-ndjson" };

/**
 * What lies in a folder: lists of entries as they are found, and one `end` with the number of names that cannot be
 * shown (`skipped`).
 */
export async function* listing(folder, signal) {
  let response;
  try {
    response = await ask(addressOf("files", folder), { headers: NDJSON, signal });
  } catch (error) {
    if (error.status !== 413) throw error;
    yield* listingByPages(folder, signal);
    return;
  }
  yield* objectsOf(response);
}

/** The same where it is too long for one answer: behind a Function URL that buffers. */
async function* listingByPages(folder, signal) {
  let skipped = 0;
  let cursor = "";
  while (cursor !== null) {
    const url = `${addressOf("files", folder)}?${new URLSearchParams({ cursor, limit: 1000 })}`;
    const page = await (await ask(url, { headers: { Accept: "application/json" }, signal })).json();
    yield page.entries;
    skipped += page.skipped;
    cursor = page.cursor;
  }
  yield [{ type: "end", skipped }];
}

/** What a search below a folder finds: lists of entries, `progress` and one `end`. */
export async function* search(folder, text, signal) {
  const url = `${addressOf("searches", folder)}?${new URLSearchParams({ q: text })}`;
  yield* objectsOf(await ask(url, { headers: NDJSON, signal }));
}

/** What lies at a path, as a listing would have it. Raises `Refused`. */
export async function entryOf(path, signal) {
  const { headers, url } = await ask(addressOf("files", path), { method: "HEAD", signal });
  if (new URL(url).pathname.endsWith("/")) return { type: "folder", path: `${path}/` }; // the server has added it
  return {
    type: "file",
    path,
    size: sizeIn(headers),
    modified: new Date(headers.get("last-modified")).toISOString(),
    etag: headers.get("etag"),
    media_type: headers.get("content-type"),
  };
}

/** The first `bytes` of a file, as text. */
export async function textOf(entry, bytes, signal) {
  if (!entry.size) return "";
  const headers = { Range: `bytes=0-${Math.min(bytes, entry.size) - 1}` };
  return (await ask(addressOf("files", entry.path), { headers, signal })).text();
}

/** The size of the zip of a folder, or of some `names` in it. */
export async function archiveSize(folder, names, signal) {
  const url = addressOf("archives", folder);
  if (!names) return sizeIn((await ask(url, { method: "HEAD", signal })).headers);
  const response = await post(
    url,
    names.map(name => ["name", name]),
    { headers: { Accept: "application/json" }, signal },
  );
  return (await response.json()).size;
}
