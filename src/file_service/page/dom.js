/** Makes elements. Text is always text: nothing here parses HTML. */

export const $ = id => document.getElementById(id);

/**
 * A new element with `properties` (`data-*`, `aria-*` and `role` become attributes) and `children`.
 * A child may be a list: thousands of arguments would not fit on the stack.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (/^(aria-|data-)|^role$/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  for (const child of children.flat()) element.append(child);
  return element;
}

/** A drawing of index.html, by its name. Screen readers ignore it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", `icon ${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A button with a text. */
export const button = (label, onclick, properties = {}) =>
  make("button", { type: "button", textContent: label, onclick, ...properties });

/** A button with a drawing and a text. A narrow window shows only the drawing. */
export const labelledButton = (name, label, onclick, properties = {}) =>
  make(
    "button",
    { type: "button", title: label, onclick, ...properties },
    icon(name),
    make("span", { textContent: label }),
  );

/** A button with a drawing only; `label` is its name and its tooltip. */
export function iconButton(name, label, onclick, properties = {}) {
  const element = make(
    "button",
    { type: "button", className: "quiet", title: label, onclick, ...properties },
    icon(name),
  );
  element.setAttribute("aria-label", label);
  return element;
}

/** A function that calls `work` before the next frame, once for all of its calls until then. */
export function onceAFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
