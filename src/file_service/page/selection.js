/** The selected entries, and the bar with their size and their actions. */

import { $, button, iconButton, make } from "./dom.js";
import { inBytes, inCount } from "./format.js";

const PAUSE = 300; // milliseconds without a change, before the server is asked for a size

export class Selection {
  #entries = new Map(); // path -> entry
  #last = 0; // index that was picked last, for a range
  #measuring = new AbortController();
  #facts = make("span", { role: "status" });
  #count = make("strong");

  /**
   * `changed()` is called after every change, and `download(entries)` by the bar.
   * `measure(entries, signal)` resolves to the size of their zip.
   */
  constructor({ changed, download, measure }) {
    Object.assign(this, { changed, measure });
    $("selection").append(
      make("p", {}, this.#count, " ", this.#facts),
      button("Download as zip", () => download(this.entries), { className: "main" }),
      iconButton("close", "Clear the selection", () => this.clear()),
    );
  }

  get entries() {
    return [...this.#entries.values()];
  }
  has(entry) {
    return this.#entries.has(entry.path);
  }

  clear() {
    this.#entries.clear();
    this.#show();
  }

  /** Selects or deselects `items[index]`; with `range`, all items from the previous one to it. */
  pick(items, index, selected, range = false) {
    const [from, to] = range
      ? [Math.min(index, this.#last), Math.max(index, this.#last)]
      : [index, index];
    for (const item of items.slice(from, to + 1)) this.#set(item, selected);
    this.#last = index;
    this.#show();
  }

  pickAll(items, selected) {
    for (const item of items) this.#set(item, selected);
    this.#show();
  }

  /** The state of the checkbox for all rows: true, false, or null when some are selected. */
  covers(items) {
    if (!this.#entries.size || !items.length) return false;
    const count = items.reduce((sum, item) => sum + this.has(item), 0);
    return count === items.length ? true : count ? null : false;
  }

  #set(entry, selected) {
    if (selected) this.#entries.set(entry.path, entry);
    else this.#entries.delete(entry.path);
  }

  #show() {
    const { entries } = this;
    $("selection").hidden = !entries.length;
    document.body.classList.toggle("selecting", entries.length > 0);
    this.#count.textContent = `${inCount(entries.length, "item")} selected`;
    this.#measure(entries);
    this.changed();
  }

  /** Shows the size. That of files is known; that of folders is asked for. */
  async #measure(entries) {
    this.#measuring.abort();
    const { signal } = (this.#measuring = new AbortController());
    if (entries.every(({ type }) => type === "file")) {
      this.#facts.textContent = inBytes(entries.reduce((sum, { size }) => sum + size, 0));
      return;
    }
    this.#facts.textContent = "Counting\u2026";
    await new Promise(wake => setTimeout(wake, PAUSE));
    if (signal.aborted) return;
    try {
      const size = await this.measure(entries, signal);
      if (!signal.aborted) this.#facts.textContent = inBytes(size);
    } catch (error) {
      if (!signal.aborted) this.#facts.textContent = error.message;
    }
  }
}
