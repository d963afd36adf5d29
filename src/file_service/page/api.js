/** The requests to the server. Every address is relative, so the service can lie below any path. */

import { encoded } from "./names.js";
import { Sha256 } from "./sha256.js";

/** The address of a file, an archive or a digest. */
export const addressOf = (kind, path) => new URL(`${kind}/${encoded(path)}`, document.baseURI).href;

// For an answer without a message: that of a HEAD request, or of a proxy.
const REASONS = {
  401: "You have to log in.",
  403: "You have no access to this.",
  404: "There is nothing at this address.",
  413: "This is more than the server can send at once.",
  429: "Too many requests. Try again in a moment.",
};

/** The server refused a request. The message is the server's own, where it sent one. */
export class Refused extends Error {
  constructor(status, problem = {}) {
    super(problem.detail ?? REASONS[status] ?? `The server failed (${status}). Try again.`);
    this.name = "Refused";
    this.status = status;
    this.problem = problem;
  }
}

/** No answer came, or only a part of it. */
export class Unreachable extends Error {
  constructor(message = "The server cannot be reached. Check the connection and try again.") {
    super(message);
    this.name = "Unreachable";
  }
}

/**
 * The answer to a request. Throws `Refused` and `Unreachable`. Where the reader has to log in, it
 * also sends the event `unauthorized` to the window, which shows the login form.
 */
export async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError" || options?.signal?.aborted) throw error;
    throw new Unreachable();
  }
  if (response.ok) return response;
  if (response.status === 401) dispatchEvent(new Event("unauthorized"));
  throw new Refused(response.status, await response.json().catch(() => ({})));
}

/**
 * The answer to a POST of `body`: an object, sent as JSON, or the fields of a form. CloudFront
 * needs the digest to sign a body for a Function URL.
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

/**
 * The size of a file or a body. A Function URL sends a stream without Content-Length, and answers a
 * HEAD request with Content-Length 0.
 */
export const sizeIn = headers =>
  Number(
    ["x-file-size", "x-amzn-remapped-content-length", "content-length"]
      .map(name => headers.get(name))
      .find(Boolean) ?? NaN,
  );

/** Yields the lines of a body as they arrive, in lists. */
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

/**
 * Yields the objects of an NDJSON body as they arrive, in lists. The last object of a complete body
 * is an `end`. Throws `Unreachable` without it.
 */
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
      } // a part of a line: the body was cut
      if (object.type === "error") throw new Error(object.detail);
      ended ||= object.type === "end";
      objects.push(object);
    }
    yield objects;
  }
  if (!ended) throw new Unreachable("The connection broke before the end of the list.");
}

const NDJSON = { Accept: "application/x-ndjson" };

/**
 * Yields the entries of a folder in lists, as they arrive, and one `end` with the number of names
 * that cannot be shown (`skipped`).
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

/** The same for a folder that is too long for one answer, as behind a Function URL that buffers. */
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

/** Yields what a search below a folder finds: lists of entries, `progress` and one `end`. */
export async function* search(folder, text, signal) {
  const url = `${addressOf("searches", folder)}?${new URLSearchParams({ q: text })}`;
  yield* objectsOf(await ask(url, { headers: NDJSON, signal }));
}

/** The entry at a path, as a listing has it. Throws `Refused` and `Unreachable`. */
export async function entryOf(path, signal) {
  const { headers, url } = await ask(addressOf("files", path), { method: "HEAD", signal });
  if (new URL(url).pathname.endsWith("/")) return { type: "folder", path: `${path}/` };
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
