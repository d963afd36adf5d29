/**
 * The downloads of this page. They continue while the reader opens other folders. When the page is
 * closed they stay on the disk, and the next page shows them as paused.
 */

import { addressOf, entryOf } from "./api.js";
import { downloadsFolder, hasDisk, hasRoomFor } from "./disk.js";
import { make } from "./dom.js";
import { savedName } from "./names.js";
import { remember, remembered } from "./settings.js";

const AT_ONCE = 3;
const RECORDS = "transfers";
const UNAUTHORIZED = 401;
const CHANGED = 409;
const RETRY_AFTER = 10_000; // milliseconds after a connection was lost
const BETWEEN_SAVES = 150; // milliseconds
const SPEED_OVER = 5000; // milliseconds
const ACTIVE = new Set(["running", "reading", "checking", "preparing"]);

/**
 * One download. `state`: waiting, preparing, running, reading, checking, saving, done, paused,
 * failed, or lost: the connection broke, and the download resumes by itself.
 */
class Transfer {
  state = "waiting";
  done = 0;
  total = 0;
  message = "";
  #marks = [];

  constructor(record) {
    this.record = record;
    this.total = record.size ?? 0;
  }

  get id() {
    return this.record.id;
  }
  get resumable() {
    return this.record.kind === "file";
  }
  /** Whether the file changed before the first byte arrived. It happens once: see `resume`. */
  get isOutdated() {
    return this.status === CHANGED && !this.done && !this.renewed;
  }
  get active() {
    return ACTIVE.has(this.state);
  }

  /** Takes over a message of the worker. */
  hear({ id: _, ...message }) {
    if (message.state !== this.state) this.#marks = [];
    Object.assign(this, { status: undefined, full: false }, message);
    if (message.lost && this.resumable) this.state = "lost";
    if (this.active) {
      const at = performance.now();
      const recent = this.#marks.filter(mark => at - mark.at < SPEED_OVER);
      this.#marks = [...recent, { at, done: this.done }];
    }
  }

  /** Bytes a second over the last seconds; 0 when it is not known. */
  get speed() {
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    return last && last.at > first.at
      ? ((last.done - first.done) / (last.at - first.at)) * 1000
      : 0;
  }
}

export class Transfers {
  list = [];
  #worker = null;
  #saving = Promise.resolve();

  /** `changed(transfer)` is called when a download changes, and without one when the list does. */
  constructor(changed) {
    this.changed = changed;
    addEventListener("online", () => this.#resumeAll(({ state }) => state === "lost"));
    addEventListener("beforeunload", event => {
      if (this.list.some(each => each.active && !each.resumable)) event.preventDefault();
    });
  }

  /** Lists the downloads of an earlier page, except those that are open in another tab. */
  async restore() {
    if (!(await hasDisk())) return;
    const records = remembered(RECORDS, []);
    const folder = await downloadsFolder();
    for (const record of records) {
      if (!(await claim(record.id))) continue;
      const transfer = new Transfer(record);
      transfer.state = "paused";
      transfer.done = await sizeOf(folder, record.id);
      this.list.push(transfer);
    }
    for await (const id of folder.keys()) {
      const known = records.some(record => record.id === id);
      if (!known && (await claim(id))) await folder.removeEntry(id).catch(() => {});
    }
    if (this.list.length) this.changed();
  }

  addFile(entry, name) {
    const { path, size, etag } = entry;
    this.#add({
      kind: "file",
      path,
      name,
      size,
      etag,
      url: addressOf("files", path),
      digestUrl: addressOf("digests", path),
    });
  }

  /**
   * Downloads a folder as one zip. `body`: the fields of the form that selects some of its entries.
   * `measure()` resolves to the size of the zip.
   */
  addZip(folder, name, measure, body) {
    const url = addressOf("archives", folder);
    this.#add({ kind: "zip", path: folder, name, body, url }, measure);
  }

  /** Adds a download, or resumes the same one where it is in the list already. */
  async #add(record, measure) {
    if (!(await hasDisk())) return downloadByBrowser(record);
    const same = this.list.find(each => each.state !== "done" && isSame(each.record, record));
    if (same) return this.#resumeAll(each => each === same);
    record.id = crypto.randomUUID();
    const transfer = new Transfer(record);
    transfer.state = "preparing";
    this.list.unshift(transfer);
    await claim(record.id);
    this.#remember();
    this.changed();
    if (measure) await this.#measure(transfer, measure);
    const hasRoom = await hasRoomFor(record.size);
    if (!this.list.includes(transfer)) return; // removed meanwhile
    if (!hasRoom) return this.handOver(transfer);
    if (transfer.state === "preparing") transfer.state = "waiting";
    this.changed(transfer);
    this.#next();
  }

  async #measure(transfer, measure) {
    try {
      transfer.total = transfer.record.size = await measure();
    } catch (error) {
      this.#hear({
        id: transfer.id,
        state: "failed",
        message: error.message,
        status: error.status,
      });
    }
  }

  /** Leaves a download to the browser. It needs the space only once, but nothing verifies it. */
  handOver(transfer) {
    this.remove(transfer);
    downloadByBrowser(transfer.record);
  }

  /** Continues a download, or starts it over if the file has changed. */
  async resume(transfer) {
    transfer.state = "preparing"; // a second click does nothing
    this.changed(transfer);
    if (transfer.status === CHANGED) {
      transfer.renewed = true;
      try {
        const { size, etag } = await entryOf(transfer.record.path);
        Object.assign(transfer, { done: 0, total: size });
        Object.assign(transfer.record, { size, etag, fresh: true });
      } catch (error) {
        this.#hear({ id: transfer.id, state: "failed", message: error.message });
        return;
      }
    }
    Object.assign(transfer, { state: "waiting", message: "", status: undefined });
    this.#remember();
    this.changed(transfer);
    this.#next();
  }

  /** Continues the downloads that failed because the reader was not logged in. */
  resumeRefused() {
    this.#resumeAll(({ state, status }) => state === "failed" && status === UNAUTHORIZED);
  }

  #resumeAll(isMeant) {
    const stopped = ["paused", "failed", "lost"];
    for (const transfer of this.list) {
      if (stopped.includes(transfer.state) && isMeant(transfer)) this.resume(transfer);
    }
  }

  pause(transfer) {
    const idle = ["waiting", "lost"].includes(transfer.state);
    if (idle) this.#hear({ id: transfer.id, state: "paused" });
    else this.#tell("stop", transfer);
  }

  /** Stops a download, and deletes the bytes that have arrived. */
  remove(transfer) {
    this.list = this.list.filter(each => each !== transfer);
    if (this.#worker) this.#tell("discard", transfer);
    this.#remember();
    this.changed();
    this.#next();
  }

  removeDone() {
    for (const transfer of this.list.filter(({ state }) => state === "done")) this.remove(transfer);
  }

  /**
   * Copies a complete download from the private disk space to the reader's downloads. One follows
   * the other slowly, because Chromium drops all but the first ten of a second without a word.
   */
  #save(transfer) {
    const saved = this.#saving.then(() => saveNow(transfer));
    this.#saving = saved.catch(() => {}).then(() => sleep(BETWEEN_SAVES));
    return saved;
  }

  /** Starts downloads that are waiting, the oldest first, as long as there are few. */
  #next() {
    const free = AT_ONCE - this.list.filter(each => each.active).length;
    const waiting = this.list.filter(({ state }) => state === "waiting").reverse();
    for (const transfer of waiting.slice(0, Math.max(0, free))) {
      transfer.hear({ state: "preparing" });
      this.changed(transfer);
      this.#tell("start", transfer);
      delete transfer.record.fresh;
    }
  }

  #tell(op, { record }) {
    if (!this.#worker) {
      this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      this.#worker.onmessage = ({ data }) => this.#hear(data);
    }
    this.#worker.postMessage({ op, transfer: record });
  }

  #hear(message) {
    const transfer = this.list.find(({ id }) => id === message.id);
    if (!transfer) return; // removed meanwhile
    transfer.hear(message);
    if (transfer.state === "done") this.finish(transfer);
    if (transfer.state === "lost") this.#retryLater(transfer);
    if (transfer.isOutdated) return this.resume(transfer);
    if (transfer.status === UNAUTHORIZED) dispatchEvent(new Event("unauthorized"));
    this.changed(transfer);
    if (!transfer.active) this.#next();
  }

  /** Saves a complete download. When that fails, it can be downloaded again. */
  async finish(transfer) {
    transfer.state = "saving";
    this.changed(transfer);
    try {
      await this.#save(transfer);
      transfer.state = "done";
    } catch {
      transfer.hear({ state: "failed", message: "The file could not be saved. Try again." });
    }
    this.#remember();
    this.changed(transfer);
  }

  #retryLater(transfer) {
    setTimeout(
      () => this.#resumeAll(each => each === transfer && each.state === "lost"),
      RETRY_AFTER,
    );
  }

  /** Writes down the downloads that the next page can continue. */
  #remember() {
    const here = new Set([...claimed, ...this.list.map(({ id }) => id)]);
    const others = remembered(RECORDS, []).filter(({ id }) => !here.has(id));
    const unfinished = this.list.filter(each => each.resumable && each.state !== "done");
    remember(RECORDS, [...others, ...unfinished.map(({ record }) => record)]);
  }
}

const isSame = (one, other) =>
  one.kind === other.kind &&
  one.path === other.path &&
  JSON.stringify(one.body) === JSON.stringify(other.body);

const sleep = milliseconds => new Promise(wake => setTimeout(wake, milliseconds));

async function saveNow({ id, record }) {
  const folder = await downloadsFolder();
  const file = await (await folder.getFileHandle(id)).getFile();
  const link = make("a", { href: URL.createObjectURL(file), download: savedName(record.name) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function sizeOf(folder, id) {
  try {
    return (await (await folder.getFileHandle(id)).getFile()).size;
  } catch {
    return 0; // nothing arrived
  }
}

const claimed = new Set(); // the ids of this tab

/** Takes a download for this tab, as long as it is open. Resolves to false where another has it. */
function claim(id) {
  return new Promise(resolve => {
    navigator.locks.request(`transfer ${id}`, { ifAvailable: true }, lock => {
      if (lock) claimed.add(id);
      resolve(Boolean(lock));
      return lock && new Promise(() => {});
    });
  });
}

/** The browser downloads a file or a zip, and writes it to its final place. */
function downloadByBrowser({ kind, url, name, body }) {
  if (!body) {
    const href = kind === "file" ? `${url}?download` : url;
    const link = make("a", { href, download: savedName(name) });
    link.click();
    return;
  }
  const form = make("form", { method: "POST", action: url, hidden: true });
  for (const [field, value] of body) form.append(make("input", { name: field, value }));
  document.body.append(form);
  form.submit();
  form.remove();
}
