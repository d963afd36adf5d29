/**
 * A list of which only the visible part is in the document, so that 100,000 entries scroll as ten do. The window scrolls
 * it. All items have one size; `columns` of them share a line. One item is the active one: it has the focus, or gets it
 * next, and stays in the document wherever the window is.
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
   * `body` is positioned and empty. `create(item)` makes the element of an item, `update(element, item, index)` shows
   * what may change in it, and is called for each visible one whenever the list is rendered.
   */
  constructor(body, { create, update }) {
    this.#body = body;
    this.#create = create;
    this.#update = update;
    this.changed = onceAFrame(() => this.render());
    addEventListener("scroll", this.changed, { passive: true });
    addEventListener("resize", this.changed, { passive: true });
  }

  /** Other items, or the same in another order. What is at the top of the window stays there, if `anchored`. */
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

  /** Makes everything anew: for another `create`, `columns` or `lineHeight`. */
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

  /** Puts the elements of these items into the document, in their order, and takes all others out. */
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
      const line = Math.floor(index / this.columns);
      element.style.transform = `translate(${(index % this.columns) * 100}%, ${line * this.lineHeight}px)`;
      this.#update(element, this.items[index], index);
    }
    if (focused?.isConnected && focused !== document.activeElement)
      focused.focus({ preventScroll: true });
  }

  /** Makes an item the active one, scrolls it into view and gives its link the focus. */
  focus(index) {
    if (!this.items.length) return;
    this.active = Math.min(Math.max(index, 0), this.items.length - 1);
    this.reveal(this.active);
    this.render();
    this.elementOf(this.active)?.querySelector("a").focus({ preventScroll: true });
  }

  /** Scrolls no further than needed to see an item. */
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

  /** Where an item starts in the page. */
  #topOf(index) {
    return (
      this.#body.getBoundingClientRect().top +
      scrollY +
      Math.floor(index / this.columns) * this.lineHeight
    );
  }

  /** The first item that is wholly below the top of the window; 0 where the list starts below it. */
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
