/**
 * A list whose visible part alone is in the document, so 100,000 entries scroll as fast as ten. It
 * scrolls with the window. All items have the same size, and `columns` of them share a line. The
 * active item has the focus, or gets it next; it is always in the document.
 */

import { onceAFrame } from "./dom.js";

const OVERSCAN = 300; // pixels above and below the window

export class VirtualList {
  items = [];
  active = 0;
  columns = 1;
  lineHeight = 44;
  #shown = new Map(); // path -> element
  #body;
  #create;
  #update;

  /**
   * `body` is positioned and empty. `create(item)` makes the element of an item.
   * `update(element, item, index)` shows what may change; it is called for each visible item
   * whenever the list is rendered.
   */
  constructor(body, { create, update }) {
    this.#body = body;
    this.#create = create;
    this.#update = update;
    this.changed = onceAFrame(() => this.render());
    addEventListener("scroll", this.changed, { passive: true });
    addEventListener("resize", this.changed, { passive: true });
  }

  /** Shows other items, or another order. With `anchored`, the item at the top stays at the top. */
  show(items, { anchored = true } = {}) {
    const top = this.#indexAtTop();
    const anchor = anchored && top > 0 ? this.items[top] : null;
    const offset = anchor ? scrollY - this.#topOf(top) : 0;
    const activePath = this.items[this.active]?.path;
    this.items = items;
    this.active =
      activePath === undefined
        ? 0
        : Math.max(
            0,
            items.findIndex(item => item.path === activePath),
          );
    this.#body.style.height = `${this.#lines() * this.lineHeight}px`;
    const index = anchor ? items.findIndex(item => item.path === anchor.path) : -1;
    if (index >= 0) scrollTo({ top: this.#topOf(index) + offset, behavior: "instant" });
    this.render();
  }

  /** Removes all elements, before a change of `create`, `columns` or `lineHeight`. */
  reset() {
    this.#body.replaceChildren();
    this.#shown.clear();
  }

  render() {
    const height = this.lineHeight;
    const top = -this.#body.getBoundingClientRect().top - OVERSCAN;
    const first = Math.max(0, Math.floor(top / height)) * this.columns;
    const end = Math.min(
      this.items.length,
      Math.ceil((top + innerHeight + 2 * OVERSCAN) / height) * this.columns,
    );
    const indexes = [];
    if (this.active < first && this.items.length) indexes.push(this.active);
    for (let index = first; index < end; index++) indexes.push(index);
    if (this.active >= Math.max(first, end) && this.active < this.items.length)
      indexes.push(this.active);
    this.#place(indexes);
  }

  /** Puts the elements of these items into the document, in their order, and removes all others. */
  #place(indexes) {
    const focused = this.#body.contains(document.activeElement) ? document.activeElement : null;
    const wanted = new Map(indexes.map(index => [this.items[index].path, index]));
    for (const [path, element] of this.#shown) {
      if (wanted.has(path)) continue;
      element.remove();
      this.#shown.delete(path);
    }
    let next = this.#body.firstChild;
    for (const [path, index] of wanted) {
      let element = this.#shown.get(path);
      if (!element) this.#shown.set(path, (element = this.#create(this.items[index])));
      if (element === next) next = next.nextSibling;
      else this.#body.insertBefore(element, next);
      const left = (index % this.columns) * 100;
      const top = Math.floor(index / this.columns) * this.lineHeight;
      element.style.transform = `translate(${left}%, ${top}px)`;
      this.#update(element, this.items[index], index);
    }
    if (focused?.isConnected && focused !== document.activeElement)
      focused.focus({ preventScroll: true });
  }

  /** Makes an item the active one, scrolls it into view and focuses its link. */
  focus(index) {
    if (!this.items.length) return;
    this.active = Math.min(Math.max(index, 0), this.items.length - 1);
    this.reveal(this.active);
    this.render();
    this.elementOf(this.active)?.querySelector("a").focus({ preventScroll: true });
  }

  /** Scrolls just far enough to show an item. */
  reveal(index) {
    const top = this.#topOf(index);
    const above = this.lineHeight + 8; // the sticky header row
    const below = top + this.lineHeight + 16 - innerHeight;
    const to = top - above < scrollY ? top - above : below > scrollY ? below : scrollY;
    if (to !== scrollY) scrollTo({ top: to, behavior: "instant" });
  }

  elementOf(index) {
    return this.#shown.get(this.items[index]?.path);
  }

  indexOf(path) {
    return this.items.findIndex(item => item.path === path);
  }

  /** The top of an item in the page, in pixels. */
  #topOf(index) {
    return (
      this.#body.getBoundingClientRect().top +
      scrollY +
      Math.floor(index / this.columns) * this.lineHeight
    );
  }

  /** The first item that is completely below the top of the window. */
  #indexAtTop() {
    const above = -this.#body.getBoundingClientRect().top;
    return above <= 0
      ? 0
      : Math.min(Math.ceil(above / this.lineHeight) * this.columns, this.items.length - 1);
  }

  #lines() {
    return Math.ceil(this.items.length / this.columns);
  }
}
