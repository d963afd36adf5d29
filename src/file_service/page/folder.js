/** Loads the entries of a folder or a search. They are shown as they arrive. */

import { Refused, listing, search } from "./api.js";
import { comparison, keyed, merged } from "./order.js";

const EVERY = 150; // milliseconds between two changes of what is shown, while entries arrive
const KEPT = 200_000; // entries of earlier folders: Back shows them at once

/** One folder or search. `entries` are sorted; `state` is "loading", "whole" or "failed". */
export class Contents {
  entries = [];
  state = "loading";
  skipped = 0; // entries whose names cannot be part of an address
  more = false; // whether the search found more than it lists
  searched = 0; // entries that a search has looked at
  error = null;

  constructor(path, text) {
    Object.assign(this, { path, text });
  }

  get key() {
    return keyOf(this.path, this.text);
  }
}

export const keyOf = (path, text) => `${path}?${text}`;

/** Loads one `Contents` at a time: a new one stops the previous one. */
export class Loader {
  #stop = new AbortController();
  #kept = new Map(); // key -> Contents, the latest last

  /**
   * `order()` gives the present order of the entries. `changed(contents)` is called while they
   * arrive, and at the end.
   */
  constructor(order, changed) {
    this.order = order;
    this.changed = changed;
  }

  /** Loads a folder or a search. The entries of an earlier load are shown meanwhile. */
  load(path, text) {
    this.stop();
    const { signal } = (this.#stop = new AbortController());
    const known = this.#kept.get(keyOf(path, text));
    const contents = new Contents(path, text);
    known?.entries.sort(comparison(this.order()));
    this.changed(known ?? contents);
    return this.#read(contents, known, signal);
  }

  stop() {
    this.#stop.abort();
  }

  forget() {
    this.stop();
    this.#kept.clear();
  }

  async #read(contents, known, signal) {
    const { path, text } = contents;
    const arrived = new Arrived(contents, this.order);
    let shownAt = performance.now() - EVERY; // the first entries are shown at once
    try {
      for await (const objects of text ? search(path, text, signal) : listing(path, signal)) {
        if (signal.aborted) return;
        arrived.add(objects);
        if (known || performance.now() - shownAt < EVERY) continue;
        arrived.merge();
        this.changed(contents);
        shownAt = performance.now();
      }
      contents.state = "whole";
    } catch (error) {
      if (signal.aborted) return;
      contents.state = "failed";
      contents.error = error;
    }
    if (signal.aborted) return;
    arrived.merge();
    if (contents.state === "whole") this.#keep(contents);
    else if (contents.error instanceof Refused) this.#kept.delete(contents.key);
    else if (known) contents.entries = known.entries; // without a connection they stay in sight
    this.changed(contents);
  }

  #keep(contents) {
    this.#kept.delete(contents.key);
    this.#kept.set(contents.key, contents);
    let total = 0;
    for (const [key, { entries }] of [...this.#kept].reverse()) {
      total += entries.length;
      if (total > KEPT && key !== contents.key) this.#kept.delete(key);
    }
  }
}

/** Collects the objects of a listing, and merges them into `contents`. */
class Arrived {
  #entries = [];

  constructor(contents, order) {
    Object.assign(this, { contents, order });
  }

  add(objects) {
    for (const object of objects) {
      if (object.type === "file" || object.type === "folder") this.#entries.push(object);
      else if (object.type === "progress") this.contents.searched = object.searched;
      else if (object.type === "end")
        Object.assign(this.contents, { skipped: object.skipped ?? 0, more: object.more ?? false });
    }
  }

  merge() {
    const compare = comparison(this.order());
    const entries = keyed(this.#entries).sort(compare);
    this.contents.entries = merged(this.contents.entries, entries, compare);
    this.#entries = [];
  }
}
