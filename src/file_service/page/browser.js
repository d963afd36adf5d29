/** The list of a folder or a search: its entries, order, filter and selection. */

import { $, iconButton } from "./dom.js";
import { Loader, keyOf } from "./folder.js";
import { parentOf } from "./names.js";
import { comparison, filtered } from "./order.js";
import { go, linkTo } from "./route.js";
import { makeRow, makeTile, update } from "./rows.js";
import { Selection } from "./selection.js";
import { remembered, remember } from "./settings.js";
import { countOf, emptyText, showTrouble } from "./status.js";
import { VirtualList } from "./virtual.js";

// Pixels, as in list.css.
const TILE = 176; // the least width
const TILE_LINE = 196;
const ROW = 44;
const ROW_OF_TWO_LINES = 60; // on a phone
const ROW_OF_THREE_LINES = 80; // on a phone, for a search: with the folder of each entry
const NARROW = matchMedia("(max-width: 40rem)");

export class Browser {
  contents = null;
  items = []; // the entries that the filter keeps
  #order = remembered("order", { by: "name", descending: false });
  #gallery = remembered("gallery", false);
  #searched = false; // whether the list is that of a search
  #positions = new Map(); // of folders that were left
  #arriving = null; // the position and the focus for the folder that is loading
  #loader = new Loader(
    () => this.#order,
    contents => this.#changed(contents),
  );

  /**
   * Takes the actions of the page: `download(entry)`, `downloadZip(folder, entries)` and
   * `measure(folder, entries, signal)`, which resolves to the size of that zip. `changed()` is
   * called when the list changes.
   */
  constructor({ download, downloadZip, measure, changed }) {
    Object.assign(this, { download, changed });
    this.selection = new Selection({
      changed: () => this.render(),
      download: entries => downloadZip(this.contents.path, entries),
      measure: (entries, signal) => measure(this.contents.path, entries, signal),
    });
    const list = (body, create) =>
      new VirtualList($(body), { create, update: (...each) => this.#update(...each) });
    this.rows = list("rows", entry =>
      makeRow(entry, this.contents.text ? this.contents.path : null),
    );
    this.tiles = list("tiles", makeTile);
    this.#buildTools();
    this.#listen();
    this.#layOut();
  }

  get list() {
    return this.#gallery ? this.tiles : this.rows;
  }

  isAt(path, text) {
    return this.contents !== null && this.contents.key === keyOf(path, text);
  }

  /**
   * Loads and shows a folder, or a search below it. `focus`: the path of the entry that gets the
   * focus; "" for the first entry, null for none.
   */
  show(path, text, focus) {
    if (this.contents) this.#positions.set(this.contents.key, this.#position());
    this.contents = null;
    this.#searched = Boolean(text);
    this.#layOut();
    this.selection.clear();
    $("filter").value = text;
    $("search-below").hidden = true;
    const position = this.#positions.get(keyOf(path, text)) ?? rememberedPosition(path, text);
    for (const list of [this.rows, this.tiles]) {
      list.reset();
      list.show([]);
    }
    scrollTo({ top: 0, behavior: "instant" });
    this.#arriving = { position, focus };
    return this.#loader.load(path, text);
  }

  #position() {
    return { top: scrollY, path: this.list.items[this.list.active]?.path };
  }

  reload() {
    return this.#loader.load(this.contents.path, this.contents.text);
  }

  /** Forgets all entries: another reader may follow. */
  forget() {
    this.#loader.forget();
    this.contents = null;
  }

  entry(path) {
    return this.contents?.entries.find(entry => entry.path === path);
  }

  /** The place of a file among the files of the list; index -1 where it is not in it. */
  positionOf(path) {
    const files = this.items.filter(({ type }) => type === "file");
    return { index: files.findIndex(file => file.path === path), count: files.length };
  }

  /** The file before (-1) or after (1) another one, in the order of the list. */
  neighbour(path, by) {
    const files = this.items.filter(({ type }) => type === "file");
    return files[files.findIndex(file => file.path === path) + by];
  }

  /** Gives an entry the focus, if it is in the list. */
  refocus(path) {
    const index = this.list.indexOf(path);
    this.list.focus(index >= 0 ? index : this.list.active);
  }

  #rememberPosition() {
    if (!this.contents) return;
    try {
      sessionStorage.setItem(`position ${this.contents.key}`, JSON.stringify(this.#position()));
    } catch {
      /* the browser does not allow it, or its store is full */
    }
  }

  #changed(contents) {
    this.contents = contents;
    this.#filter();
    if (contents.entries.length || contents.state !== "loading") this.#arrive();
  }

  /** Restores the position and the focus, as soon as the entry that they need is in the list. */
  #arrive() {
    const arriving = this.#arriving;
    if (!arriving) return;
    const { position, focus } = arriving;
    const path = focus || position?.path;
    const index = path ? this.list.indexOf(path) : 0;
    if (index < 0 && this.contents.state === "loading") return; // not there yet
    this.#arriving = null;
    this.list.active = Math.max(0, index);
    if (position) scrollTo({ top: position.top, behavior: "instant" });
    if (focus !== null && focus !== undefined) this.list.focus(this.list.active);
    else this.list.render();
  }

  #filter() {
    const text = this.contents.text ? "" : $("filter").value;
    this.items = filtered(this.contents.entries, text);
    this.list.show(this.items);
    this.render();
    this.changed();
  }

  /** Shows the list, and everything around it. */
  render() {
    const { contents, items } = this;
    if (!contents) return;
    this.list.render();
    $("grid").setAttribute("aria-rowcount", items.length + 1);
    $("grid").setAttribute("aria-busy", contents.state === "loading");
    const covers = this.selection.covers(items);
    $("pick-all").checked = covers === true;
    $("pick-all").indeterminate = covers === null;
    for (const head of $("grid").querySelectorAll("[data-by]")) {
      const sorted = head.dataset.by === this.#order.by;
      head.parentElement.setAttribute(
        "aria-sort",
        sorted ? (this.#order.descending ? "descending" : "ascending") : "none",
      );
    }
    $("count").textContent = countOf(contents, items, $("filter").value);
    $("search-below").hidden =
      !$("filter").value.trim() || contents.text === $("filter").value.trim();
    $("leave-search").hidden = !contents.text;
    $("zip").hidden = contents.state === "failed" && !contents.entries.length;
    showTrouble(contents, () => this.reload());
    const empty = !items.length && contents.state !== "loading";
    $("empty").hidden = !empty || contents.state === "failed";
    $("empty").textContent = empty ? emptyText(contents, $("filter").value) : "";
    $("grid").hidden = this.#gallery || empty;
    $("tiles").hidden = !this.#gallery || empty;
  }

  #update(element, entry, index) {
    const { items, active } = this.list;
    update(element, {
      index,
      count: items.length,
      active: index === active,
      selected: this.selection.has(entry),
    });
  }

  #sortBy(by) {
    // A first click on a date or a size is for the newest or the largest.
    const descending = by === this.#order.by ? !this.#order.descending : by !== "name";
    this.#order = remember("order", { by, descending });
    this.contents.entries.sort(comparison(this.#order));
    this.#filter();
  }

  #setGallery(gallery) {
    this.#gallery = remember("gallery", gallery);
    const { active } = gallery ? this.rows : this.tiles;
    for (const list of [this.rows, this.tiles]) {
      list.reset();
      list.show([]);
    }
    this.#layOut();
    this.render();
    this.list.show(this.items, { anchored: false });
    this.list.active = Math.min(active, Math.max(0, this.items.length - 1));
    this.list.reveal(this.list.active);
    this.list.render();
  }

  /** Sets the sizes that depend on the window, and on the kind of list. */
  #layOut() {
    for (const [choice, pressed] of [
      ["list", !this.#gallery],
      ["gallery", this.#gallery],
    ]) {
      $(`view-${choice}`).setAttribute("aria-pressed", pressed);
    }
    const lines = this.#searched ? ROW_OF_THREE_LINES : ROW_OF_TWO_LINES;
    this.rows.lineHeight = NARROW.matches ? lines : ROW;
    $("grid").classList.toggle("searched", this.#searched);
    this.tiles.lineHeight = TILE_LINE;
    const width = $("contents").clientWidth;
    this.tiles.columns = Math.max(2, Math.floor(width / TILE));
    $("tiles").style.setProperty("--columns", this.tiles.columns);
    $("grid").hidden = this.#gallery;
    $("tiles").hidden = !this.#gallery;
  }

  #buildTools() {
    $("view-choice").append(
      iconButton("list", "List", () => this.#setGallery(false), { id: "view-list" }),
      iconButton("gallery", "Gallery", () => this.#setGallery(true), { id: "view-gallery" }),
    );
  }

  #listen() {
    for (const head of $("grid").querySelectorAll("[data-by]"))
      head.onclick = () => this.#sortBy(head.dataset.by);
    $("pick-all").onchange = ({ target }) => this.selection.pickAll(this.items, target.checked);
    $("filter").oninput = () => {
      if (this.contents?.text)
        go(linkTo(this.contents.path)); // another search starts from the folder
      else if (this.contents) this.#filter();
    };
    $("find").onsubmit = event => {
      event.preventDefault();
      const text = $("filter").value.trim();
      if (text) go(linkTo(this.contents.path, text));
    };
    for (const body of ["rows", "tiles"]) {
      $(body).addEventListener("click", event => this.#click(event));
      $(body).addEventListener("focusin", event => this.#activate(event));
    }
    addEventListener("resize", () => {
      this.#layOut();
      if (this.contents) this.list.show(this.items);
    });
    $("leave-search").onclick = () => go(linkTo(this.contents.path));
    addEventListener("pagehide", () => this.#rememberPosition());
    addEventListener("online", () => {
      if (this.contents?.state === "failed") this.reload();
    });
  }

  #indexAt(element) {
    return this.list.indexOf(element.closest("[data-path]")?.dataset.path);
  }

  #activate({ target }) {
    const index = this.#indexAt(target);
    if (index < 0 || index === this.list.active) return;
    this.list.active = index;
    this.list.changed();
  }

  #click(event) {
    const index = this.#indexAt(event.target);
    if (index < 0) return;
    if (event.target.matches("input")) {
      this.selection.pick(this.items, index, event.target.checked, event.shiftKey);
    } else if (event.target.closest("button")) {
      this.download(this.items[index]);
    }
  }

  /** Selects the active entry, or removes it from the selection. */
  toggleActive() {
    const { active } = this.list;
    if (this.items[active])
      this.selection.pick(this.items, active, !this.selection.has(this.items[active]));
  }

  /**
   * Ends what narrows the view: the selection, then the search or the filter. Returns whether there
   * was any of them.
   */
  widen() {
    if (this.selection.entries.length) this.selection.clear();
    else if (this.contents?.text) go(linkTo(this.contents.path));
    else if ($("filter").value) {
      $("filter").value = "";
      this.#filter();
    } else return false;
    return true;
  }

  goUp() {
    const { path, text } = this.contents ?? {};
    if (text) go(linkTo(path));
    else if (path) go(linkTo(parentOf(path)));
  }
}

function rememberedPosition(path, text) {
  try {
    return JSON.parse(sessionStorage.getItem(`position ${keyOf(path, text)}`));
  } catch {
    return null;
  }
}
