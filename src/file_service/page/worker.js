/**
 * Runs the downloads outside the page's own thread. It hashes the bytes as they arrive and writes
 * them to the browser's private disk space, so a large download takes no memory.
 *
 * The page sends `start`, `stop` and `discard`. The worker reports the progress of a download, and
 * how it ended.
 */

import { Refused, Unreachable, ask, post, sizeIn } from "./api.js";
import { downloadsFolder } from "./disk.js";
import { Sha256 } from "./sha256.js";

const PIECE = 32 * 2 ** 20; // bytes of one request: far less than a Function URL can stream
const TRIES = 5; // requests in a row that bring no byte
const EVERY = 200; // milliseconds between two reports of progress
const TOO_MANY = 429;

const running = new Map(); // id -> AbortController

onmessage = async ({ data: { op, transfer } }) => {
  const { id } = transfer;
  if (op === "start") {
    const stop = new AbortController();
    running.set(id, stop);
    postMessage({ id, ...(await run(transfer, stop.signal)) });
    running.delete(id);
  } else {
    running.get(id)?.abort(op);
    if (op === "discard" && !running.has(id)) await discard(id);
  }
};

async function discard(id) {
  const folder = await downloadsFolder();
  await folder.removeEntry(id).catch(() => {}); // a download that has not started has no file
}

/** Runs a download. Returns the message that says how it ended. */
async function run(transfer, signal) {
  let disk;
  try {
    const folder = await downloadsFolder();
    const file = await folder.getFileHandle(transfer.id, { create: true });
    disk = await file.createSyncAccessHandle();
    const Work = transfer.kind === "file" ? FileTransfer : ZipTransfer;
    return await new Work(transfer, disk, signal).run();
  } catch (error) {
    return signal.aborted ? { state: "paused" } : failure(error);
  } finally {
    disk?.close();
    if (signal.reason === "discard") await discard(transfer.id);
  }
}

function failure(error) {
  const { status, message } = error;
  if (error.name === "QuotaExceededError") {
    const message = "The disk is full. Remove finished downloads or free some space.";
    return { state: "failed", message, full: true };
  }
  return { state: "failed", status, message, lost: isLost(error) };
}

/** Whether the connection broke. Browsers throw a TypeError when a body breaks off. */
const isLost = error => error instanceof Unreachable || error instanceof TypeError;

/** Whether another try may go better. */
function isTemporary(error) {
  if (error instanceof Refused) return error.status >= 500 || error.status === TOO_MANY;
  return isLost(error);
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    setTimeout(resolve, milliseconds);
  });
}

class Transfer {
  received = 0;
  #reportedAt = 0;

  constructor(transfer, disk, signal) {
    Object.assign(this, transfer, { disk, signal });
  }

  report(message) {
    postMessage({ id: this.id, ...message });
  }

  progress(state, done, total) {
    const now = performance.now();
    if (now - this.#reportedAt < EVERY && done < total) return;
    this.#reportedAt = now;
    this.report({ state, done, total });
  }

  /** Appends the chunks of a body to the file, and calls `each(chunk)` after each of them. */
  async take(response, each) {
    const reader = response.body.getReader();
    try {
      for (let read; !(read = await reader.read()).done;) {
        this.signal.throwIfAborted();
        this.#write(read.value);
        each(read.value);
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  #write(chunk) {
    const written = this.disk.write(chunk, { at: this.received });
    if (written < chunk.length) throw new DOMException("The disk is full.", "QuotaExceededError");
    this.received += written;
  }
}

/** One file, requested in ranges of one version: it can stop anywhere and continue there. */
class FileTransfer extends Transfer {
  #pieceSize = PIECE;
  #hash = new Sha256();

  async run() {
    if (this.fresh) this.disk.truncate(0);
    await this.#rehash();
    let barren = 0;
    while (this.received < this.size) {
      const before = this.received;
      const error = await this.#tryPiece();
      barren = this.received > before ? 0 : barren + 1;
      if (barren === TRIES) throw error ?? new Unreachable();
      if (error || barren) await sleep(200 * 2 ** barren, this.signal);
    }
    this.disk.flush();
    return this.#check();
  }

  /** Requests the next piece. Returns the error of a try that can be repeated, throws others. */
  async #tryPiece() {
    try {
      await this.#piece();
      return null;
    } catch (error) {
      if (this.signal.aborted) throw error;
      // The answer 413 says how large a piece may be.
      const smaller = error.status === 413 && error.problem.range_bytes;
      if (smaller && smaller < this.#pieceSize) this.#pieceSize = smaller;
      else if (!isTemporary(error)) throw error;
      return error;
    }
  }

  /** Hashes the bytes that are on the disk from an earlier run. */
  async #rehash() {
    const there = Math.min(this.disk.getSize(), this.size);
    const buffer = new Uint8Array(2 ** 20);
    while (this.received < there) {
      this.signal.throwIfAborted();
      const part = buffer.subarray(0, Math.min(buffer.length, there - this.received));
      const count = this.disk.read(part, { at: this.received });
      this.#hash.update(part.subarray(0, count));
      this.received += count;
      this.progress("reading", this.received, this.size);
    }
  }

  async #piece() {
    const last = Math.min(this.received + this.#pieceSize, this.size) - 1;
    const headers = { Range: `bytes=${this.received}-${last}`, "If-Range": this.etag };
    const response = await ask(this.url, { headers, signal: this.signal, cache: "no-store" });
    if (response.status !== 206) {
      response.body?.cancel();
      throw new Refused(409, { detail: "The file has changed. Start the download again." });
    }
    // When a stream breaks, a Function URL ends it as if it were complete: only the bytes that
    // arrived count.
    await this.take(response, chunk => {
      this.#hash.update(chunk);
      this.progress("running", this.received, this.size);
    });
  }

  /** Compares the bytes that arrived with the digest of the server. */
  async #check() {
    const sha256 = this.#hash.hex();
    this.report({ state: "checking", done: 0, total: this.size });
    let digest;
    try {
      digest = await this.#serversDigest();
    } catch (error) {
      this.signal.throwIfAborted();
      return { state: "done", checked: false, reason: error.message };
    }
    if (digest.etag !== this.etag) {
      return { state: "done", checked: false, reason: "The file has changed since." };
    }
    if (digest.sha256 === sha256) return { state: "done", checked: true, sha256 };
    this.disk.truncate(0);
    return {
      state: "failed",
      message: "The bytes that arrived differ from the file (SHA-256). Nothing was saved.",
    };
  }

  #serversDigest() {
    return new Promise((resolve, reject) => {
      const events = new EventSource(this.digestUrl);
      const settle = (settled, value) => {
        events.close();
        settled(value);
      };
      this.signal.addEventListener("abort", () => settle(reject, this.signal.reason));
      events.addEventListener("progress", ({ data }) => {
        const { hashed, size } = JSON.parse(data);
        this.progress("checking", hashed, size);
      });
      events.addEventListener("digest", ({ data }) => settle(resolve, JSON.parse(data)));
      events.addEventListener("failed", ({ data }) =>
        settle(reject, new Error(JSON.parse(data).detail)),
      );
      events.onerror = () => settle(reject, new Error("The server could not make the digest."));
    });
  }
}

/** An archive. The server makes it while it is sent, so a broken download starts over. */
class ZipTransfer extends Transfer {
  async run() {
    this.disk.truncate(0);
    const { signal } = this;
    const response = await (this.body
      ? post(this.url, this.body, { signal })
      : ask(this.url, { signal }));
    const size = sizeIn(response.headers);
    await this.take(response, () => this.progress("running", this.received, size));
    if (this.received !== size) throw new Unreachable();
    this.disk.flush();
    return { state: "done", checked: false };
  }
}
