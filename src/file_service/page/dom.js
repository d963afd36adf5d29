/** Elements, made in one line. Text is always text: nothing here parses HTML. */

export const $ = id => document.getElementById(id);

/**
 * A new element with `properties` (`data-*`, `aria-*` and `role` as attributes) and `children`, single ones or lists:
 * as arguments, many would not fit on the stack.
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

/** A drawing of index.html, by its name. It says nothing to a screen reader. */
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

/** A button with a drawing and a text, of which a narrow window shows the drawing only. */
export const labelledButton = (name, label, onclick, properties = {}) =>
  make(
    "button",
    { type: "button", title: label, onclick, ...properties },
    icon(name),
    make("span", { textContent: label }),
  );

/** A button that shows a drawing only; `label` is its name and its tooltip. */
export function iconButton(name, label, onclick, properties = {}) {
  const element = make(
    "button",
    { type: "button", className: "quiet", title: label, onclick, ...properties },
    icon(name),
  );
  element.setAttribute("aria-label", label);
  return element;
}

/** `work`, called once for many calls in a row: before the next frame is drawn. */
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
