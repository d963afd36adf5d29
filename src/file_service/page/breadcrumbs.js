/**
 * The path of the folder, as links to the folders above it. When it is too long for one line, its
 * middle is folded.
 */

import { $, button, make, onceAFrame } from "./dom.js";
import { shown } from "./names.js";
import { linkTo } from "./route.js";

let unfolded = false;

/** Shows the path from the root, whose name is `root`, to `folder`. */
export function showBreadcrumbs(folder, root) {
  unfolded = false;
  const segments = folder.split("/").filter(Boolean);
  const links = [root, ...segments].map((segment, index, { length }) => {
    const name = make("bdi", { textContent: shown(segment) });
    if (index === length - 1)
      return make("li", {}, make("h1", { id: "title", title: shown(segment) }, name));
    const path = segments
      .slice(0, index)
      .map(each => `${each}/`)
      .join("");
    return make("li", {}, make("a", { href: linkTo(path) }, name));
  });
  $("crumbs").replaceChildren(...links);
  document.title = segments.length ? `${shown(segments.at(-1))} \u2013 ${root}` : root;
  fold();
}

/** Hides as many of the middle folders as needed, beginning with those nearest to the root. */
function fold() {
  const list = $("crumbs");
  list.querySelector(".folded")?.remove();
  const items = [...list.children];
  for (const item of items) item.hidden = false;
  list.classList.toggle("unfolded", unfolded);
  const middle = items.slice(1, -1);
  if (unfolded || !middle.length || !tooLong(list)) return;
  const more = button("\u2026", () => {
    unfolded = true;
    fold();
    list.querySelectorAll("a")[1]?.focus();
  });
  more.setAttribute("aria-label", "Show the whole path");
  items[0].after(make("li", { className: "folded" }, more));
  for (const item of middle) {
    item.hidden = true;
    if (!tooLong(list)) break;
  }
}

/** Whether the folders need more than one line when the last one has its full length. */
function tooLong(list) {
  list.classList.add("measured");
  const long = list.scrollWidth > list.clientWidth;
  list.classList.remove("measured");
  return long;
}

addEventListener("resize", onceAFrame(fold));
