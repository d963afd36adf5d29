/**
 * The keyboard in the list: arrow keys move, Enter opens, Space selects, Backspace goes up and "/"
 * filters.
 */

import { $ } from "./dom.js";

const TYPING = "input:not([type=checkbox]), textarea, select";
const LISTS = "#rows, #tiles";

/** The actions of keys, wherever the focus is; null where a key has none. */
const COMMANDS = {
  "/": () => () => $("filter").focus(),
  Backspace: browser => () => browser.goUp(),
  Escape: browser => () => browser.widen(),
  " ": (browser, at) => (at.matches("#rows a, #tiles a") ? () => browser.toggleActive() : null),
};

/** How many items a key moves the focus. */
function distance(key, { columns, lineHeight }) {
  const page = Math.max(1, Math.floor(innerHeight / lineHeight) - 2) * columns;
  const distances = {
    ArrowDown: columns,
    ArrowUp: -columns,
    PageDown: page,
    PageUp: -page,
    Home: -Infinity,
    End: Infinity,
  };
  if (columns > 1) Object.assign(distances, { ArrowLeft: -1, ArrowRight: 1 });
  return distances[key];
}

/**
 * The action that moves the focus within the list. From outside, an arrow key leads to the item
 * that had the focus before.
 */
function movement(key, at, list) {
  const by = distance(key, list);
  const within = Boolean(at.closest(LISTS));
  if (by === undefined || !(within || at === document.body || key === "ArrowDown")) return null;
  if (!within && key.startsWith("Arrow")) return () => list.focus(list.active);
  const to = list.active + by;
  if (to < 0 && key === "ArrowUp") return null;
  return () => list.focus(Math.min(Math.max(to, 0), list.items.length - 1));
}

function actionOf(event, browser) {
  const { key, target: at } = event;
  if (at.matches(TYPING)) {
    return key === "ArrowDown" && at.id === "filter"
      ? () => browser.list.focus(browser.list.active)
      : null;
  }
  if (event.ctrlKey || event.metaKey) {
    return key === "a" && at.closest(LISTS)
      ? () => browser.selection.pickAll(browser.items, true)
      : null;
  }
  if (event.altKey) return null;
  return key in COMMANDS ? COMMANDS[key](browser, at) : movement(key, at, browser.list);
}

export function listenToKeys(browser, isViewing) {
  addEventListener("keydown", event => {
    if (isViewing() || event.defaultPrevented || document.querySelector("dialog:modal")) return;
    const act = actionOf(event, browser);
    if (!act) return;
    event.preventDefault();
    act();
  });
}
