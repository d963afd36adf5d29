/** The keyboard in the list: arrow keys move, Enter opens, Space selects, Backspace goes up, / filters. */

import { $ } from "./dom.js";

/** Where a key leads from the active entry; undefined where it is none of ours. */
function target(key, { active, columns, items, lineHeight }) {
  const page = Math.max(1, Math.floor(innerHeight / lineHeight) - 2) * columns;
  const gallery = columns > 1;
  return {
    ArrowDown: active + columns,
    ArrowUp: active - columns,
    ArrowLeft: gallery ? active - 1 : undefined,
    ArrowRight: gallery ? active + 1 : undefined,
    PageDown: active + page,
    PageUp: active - page,
    Home: 0,
    End: items.length - 1,
  }[key];
}

export function listenToKeys(browser, isViewing) {
  addEventListener("keydown", event => {
    if (isViewing() || event.defaultPrevented || document.querySelector("dialog:modal")) return;
    const { key, target: at } = event;
    const typing = at.matches("input:not([type=checkbox]), textarea, select");
    if (typing) {
      if (key === "ArrowDown" && at.id === "filter") move(event, browser.list.active);
      return;
    }
    if ((event.ctrlKey || event.metaKey) && key === "a" && inList(at)) {
      browser.selection.pickAll(browser.items, true);
      event.preventDefault();
    }
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (key === "/") {
      $("filter").focus();
      event.preventDefault();
    } else if (key === "Backspace") {
      browser.goUp();
    } else if (key === "Escape") {
      browser.widen();
    } else if (key === " " && at.matches("#rows a, #tiles a")) {
      browser.toggleActive();
      event.preventDefault();
    } else if (inList(at) || at === document.body || key === "ArrowDown") {
      const to = target(key, browser.list);
      if (to !== undefined) move(event, !inList(at) && key.startsWith("Arrow") ? browser.list.active : to);
    }
  });

  function move(event, to) {
    if (to < 0 && event.key.startsWith("Arrow")) return;
    browser.list.focus(to);
    event.preventDefault();
  }
}

const inList = element => Boolean(element.closest("#rows, #tiles"));
