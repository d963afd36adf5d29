/**
 * The downloads of this page. They go on while the reader looks at other folders, and wait on the disk when the page is
 * closed: the next one finds them paused.
 */

import { addressOf, entryOf } from "./api.js";
import { make } from "./dom.js";

const AT_ONCE = 3;
const REMEMBERED = "transfers";
const CHANGED = 409;
const SPEED_OVER = 5000; // milliseconds
const ACTIVE = new Set(["running", "reading", "checking", "preparing"]);

/** Whether this browser keeps downloads on the disk here: it does so over https and on the same machine. */
const hasDisk = () =>
  Boolean(window.isSecureContext && navigator.storage?.getDirectory && window.Worker);

/** One download. `state`: waiting, preparing, running, reading, checking, paused, failed, done. */
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
  get active() {
    return ACTIVE.has(this.state);
  }

  /** Takes over what the worker says. */
  hear({ id: _, ...news }) {
    if (news.state !== this.state) this.#marks = [];
    Object.assign(this, news);
    if (this.active) {
      const at = performance.now();
      this.#marks = [
        ...this.#marks.filter(mark => at - mark.at < SPEED_OVER),
        { at, done: this.done },
      ];
    }
  }

  /** Bytes a second of late, or 0 when that is not known. */
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

  /** `changed(transfer)` is called after every change, of the list with none. */
  constructor(changed) {
    this.changed = changed;
    addEventListener("beforeunload", event => {
      if (this.list.some(each => each.active && !each.resumable)) event.preventDefault();
    });
  }

  /** Finds what an earlier page left behind, except what another tab is at. */
  async restore() {
    if (!hasDisk()) return;
    const records = remembered();
    const places = await (
      await navigator.storage.getDirectory()
    ).getDirectoryHandle("transfers", { create: true });
    for (const record of records) {
      if (!(await claimed(record.id))) continue;
      const transfer = new Transfer(record);
      transfer.state = "paused";
      try {
        transfer.done = (await (await places.getFileHandle(record.id)).getFile()).size;
      } catch {
        /* nothing arrived */
      }
      this.list.push(transfer);
    }
    for await (const id of places.keys()) {
      if (!records.some(record => record.id === id) && (await claimed(id)))
        await places.removeEntry(id).catch(() => {});
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

  /** `body`: the fields of the form that asks for several items. `measure()` gives the size of the zip, in time. */
  addZip(folder, name, measure, body) {
    this.#add(
      { kind: "zip", path: folder, name, body, url: addressOf("archives", folder) },
      measure,
    );
  }

  async #add(record, measure) {
    if (!hasDisk()) return handOver(record);
    record.id = crypto.randomUUID();
    await claimed(record.id);
    const transfer = new Transfer(record);
    if (measure) transfer.state = "preparing";
    this.list.unshift(transfer);
    this.#remember();
    this.changed();
    if (measure) {
      try {
        transfer.total = record.size = await measure();
        transfer.state = "waiting";
      } catch (error) {
        this.#hear({ id: record.id, state: "failed", message: error.message });
      }
    }
    this.#next();
  }

  /** Goes on, or from the start where the file is another version by now. */
  async resume(transfer) {
    if (transfer.status === CHANGED) {
      try {
        const { size, etag } = await entryOf(transfer.record.path);
        Object.assign(transfer, { status: undefined, done: 0, total: size });
        Object.assign(transfer.record, { size, etag, fresh: true });
      } catch (error) {
        this.#hear({ id: transfer.id, state: "failed", message: error.message });
        return;
      }
    }
    Object.assign(transfer, { state: "waiting", message: "" });
    this.#remember();
    this.changed(transfer);
    this.#next();
  }

  pause(transfer) {
    if (transfer.state === "waiting") this.#hear({ id: transfer.id, state: "paused" });
    else this.#say("stop", transfer);
  }

  /** Stops a transfer and forgets it, with what has arrived. */
  remove(transfer) {
    this.list = this.list.filter(each => each !== transfer);
    this.#say("discard", transfer);
    this.#remember();
    this.changed();
    this.#next();
  }

  removeDone() {
    for (const transfer of this.list.filter(({ state }) => state === "done")) this.remove(transfer);
  }

  /** Hands what has arrived to the browser, to put it where the reader keeps downloads: from disk to disk. */
  async save(transfer) {
    const places = await (await navigator.storage.getDirectory()).getDirectoryHandle("transfers");
    const file = await (await places.getFileHandle(transfer.id)).getFile();
    const link = make("a", { href: URL.createObjectURL(file), download: transfer.record.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  #next() {
    const free = AT_ONCE - this.list.filter(each => each.active).length;
    const waiting = this.list.filter(({ state }) => state === "waiting").reverse(); // the oldest first
    for (const transfer of waiting.slice(0, Math.max(0, free))) {
      transfer.hear({ state: "preparing" });
      this.changed(transfer);
      this.#say("start", transfer);
      delete transfer.record.fresh;
    }
  }

  #say(op, { record }) {
    if (!this.#worker) {
      this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      this.#worker.onmessage = ({ data }) => this.#hear(data);
    }
    this.#worker.postMessage({ op, transfer: record });
  }

  async #hear(message) {
    const transfer = this.list.find(({ id }) => id === message.id);
    if (!transfer) return; // removed meanwhile
    transfer.hear(message);
    if (transfer.state === "done") {
      await this.save(transfer);
      this.#remember();
    }
    this.changed(transfer);
    if (!transfer.active) this.#next();
  }

  /** What is worth going on with when the page is opened again. */
  #remember() {
    const others = remembered().filter(
      ({ id }) => !this.list.some(each => each.id === id) && !ours.has(id),
    );
    const records = this.list
      .filter(each => each.resumable && each.state !== "done")
      .map(({ record }) => record);
    localStorage.setItem(REMEMBERED, JSON.stringify([...others, ...records]));
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? [];
  } catch {
    return [];
  }
}

const ours = new Set(); // the ids that this tab is at

/** Takes a transfer for this tab, for as long as it is open. False where another one has it. */
function claimed(id) {
  return new Promise(resolve => {
    navigator.locks.request(`transfer ${id}`, { ifAvailable: true }, lock => {
      if (lock) ours.add(id);
      resolve(Boolean(lock));
      return lock && new Promise(() => {});
    });
  });
}

/** Without a disk of its own the page leaves the download to the browser, which writes it where it shall be. */
function handOver({ kind, url, name, body }) {
  if (!body) {
    make("a", { href: kind === "file" ? `${url}?download` : url, download: name }).click();
    return;
  }
  const form = make("form", { method: "POST", action: url, hidden: true });
  for (const [field, value] of body) form.append(make("input", { name: field, value }));
  document.body.append(form);
  form.submit();
  form.remove();
}
