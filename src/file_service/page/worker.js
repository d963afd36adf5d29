/**
 * The transfers at work, off the page's own thread: what arrives is hashed and written to the browser's private disk
 * space, so that a large download takes no memory. The page says `start`, `stop` and `discard`; the worker says how far
 * a transfer is and how it ended.
 */

import { Refused, ask, post, sizeIn } from "./api.js";
import { Sha256 } from "./sha256.js";

const PIECE = 32 * 2 ** 20; // bytes asked for at once: far below what a Function URL streams
const TRIES = 5; // in a row that bring no byte
const EVERY = 200; // milliseconds between two messages about progress

const running = new Map(); // id -> AbortController

const places = async () =>
  (await navigator.storage.getDirectory()).getDirectoryHandle("transfers", { create: true });

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

const discard = async id => (await places()).removeEntry(id).catch(() => {}); // it may not be there yet

/** How a transfer ended, as a message. */
async function run(transfer, signal) {
  const file = await (await places()).getFileHandle(transfer.id, { create: true });
  let disk;
  try {
    disk = await file.createSyncAccessHandle();
    const work =
      transfer.kind === "file"
        ? new FileTransfer(transfer, disk, signal)
        : new ZipTransfer(transfer, disk, signal);
    return await work.run();
  } catch (error) {
    if (signal.aborted) return { state: "paused" };
    const full = error.name === "QuotaExceededError";
    return {
      state: "failed",
      message: full ? "There is not enough space on this device." : error.message,
      status: error.status,
    };
  } finally {
    disk?.close();
    if (signal.reason === "discard") await discard(transfer.id);
  }
}

class Transfer {
  received = 0;
  #saidAt = 0;

  constructor(transfer, disk, signal) {
    Object.assign(this, transfer, { disk, signal });
  }

  say(message) {
    postMessage({ id: this.id, ...message });
  }

  progress(state, done, total) {
    const now = performance.now();
    if (now - this.#saidAt < EVERY && done < total) return;
    this.#saidAt = now;
    this.say({ state, done, total });
  }

  /** Writes the chunks of a body behind what is there. */
  async take(response, each) {
    const reader = response.body.getReader();
    try {
      for (let read; !(read = await reader.read()).done;) {
        this.signal.throwIfAborted();
        this.disk.write(read.value, { at: this.received });
        this.received += read.value.length;
        each(read.value);
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}

/** One file, asked for in ranges of one version: it can stop anywhere, and goes on there. */
class FileTransfer extends Transfer {
  #pieceSize = PIECE;
  #hash = new Sha256();

  async run() {
    if (this.fresh) this.disk.truncate(0);
    await this.#rehash();
    let barren = 0;
    while (this.received < this.size) {
      const before = this.received;
      try {
        await this.#piece();
      } catch (error) {
        this.#raiseIfFinal(error);
        if (this.received === before && ++barren >= TRIES) throw error;
        await new Promise(wake => setTimeout(wake, 200 * 2 ** barren));
        this.signal.throwIfAborted();
      }
      if (this.received > before) barren = 0;
    }
    this.disk.flush();
    return this.#check();
  }

  /** Raises what another try would not change. A 413 says how large a piece may be there. */
  #raiseIfFinal(error) {
    const smaller = error.status === 413 && error.problem.range_bytes;
    if (smaller && smaller < this.#pieceSize) this.#pieceSize = smaller;
    else if (this.signal.aborted || (error instanceof Refused && error.status < 500)) throw error;
  }

  /** What is on the disk from before goes through the hash again. */
  async #rehash() {
    const there = Math.min(this.disk.getSize(), this.size);
    const buffer = new Uint8Array(2 ** 20);
    while (this.received < there) {
      this.signal.throwIfAborted();
      const count = this.disk.read(
        buffer.subarray(0, Math.min(buffer.length, there - this.received)),
        { at: this.received },
      );
      this.#hash.update(buffer.subarray(0, count));
      this.received += count;
      this.progress("reading", this.received, this.size);
    }
  }

  async #piece() {
    const last = Math.min(this.received + this.#pieceSize, this.size) - 1;
    const headers = { Range: `bytes=${this.received}-${last}`, "If-Range": this.etag };
    const response = await ask(this.url, { headers, signal: this.signal, cache: "no-store" });
    if (response.status !== 206)
      throw new Refused(409, { detail: "The file has changed. Start the download again." });
    // Where a stream breaks, a Function URL ends it like a whole one: what counts is what has arrived.
    await this.take(response, chunk => {
      this.#hash.update(chunk);
      this.progress("running", this.received, this.size);
    });
  }

  /** Compares what arrived with the digest that the server makes. */
  async #check() {
    const ours = this.#hash.hex();
    this.say({ state: "checking", done: 0, total: this.size });
    let theirs;
    try {
      theirs = await this.#serversDigest();
    } catch (error) {
      this.signal.throwIfAborted();
      return { state: "done", checked: false, reason: error.message };
    }
    if (theirs === ours) return { state: "done", checked: true, sha256: ours };
    this.disk.truncate(0);
    return {
      state: "failed",
      message: "What arrived is not what the server has (SHA-256). Nothing was saved.",
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
      events.addEventListener("digest", ({ data }) => settle(resolve, JSON.parse(data).sha256));
      events.addEventListener("failed", ({ data }) =>
        settle(reject, new Error(JSON.parse(data).detail)),
      );
      events.onerror = () => settle(reject, new Error("The server could not make the digest."));
    });
  }
}

/** An archive, made while it is sent: it starts over where it breaks. */
class ZipTransfer extends Transfer {
  async run() {
    this.disk.truncate(0);
    const { signal } = this;
    const response = await (this.body
      ? post(this.url, this.body, { signal })
      : ask(this.url, { signal }));
    const size = sizeIn(response.headers);
    await this.take(response, () => this.progress("running", this.received, size));
    if (this.received !== size) throw new Error("The connection broke before the end. Try again.");
    this.disk.flush();
    return { state: "done", checked: false };
  }
}
