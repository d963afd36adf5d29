/** Shows one file over the page, with its actions and the way to the files beside it. */

import { addressOf, entryOf } from "./api.js";
import { $, button, iconButton, make } from "./dom.js";
import { inBytes, inDate } from "./format.js";
import { kindOf, shownName, typeName } from "./names.js";
import { showPreview } from "./previews.js";

const SWIPE = 60; // pixels

export class Viewer {
  #stop = new AbortController();
  entry = null;

  /**
   * `close()` and `step(by)` change the address. `download(entry)` downloads a file. `share()`
   * returns the function that shares a path; null where the reader may not.
   */
  constructor({ close, step, download, share }) {
    this.actions = { close, step, download, share };
    $("viewer").addEventListener("keydown", event => this.#key(event));
    this.#swipe();
  }

  get isOpen() {
    return $("viewer").open;
  }

  /** Shows a file; `position` is its place among the files of the list: { index, count }. */
  show(entry, position) {
    this.#clear();
    this.entry = entry;
    const { signal } = this.#stop;
    const { step, download, share } = this.actions;
    const name = shownName(entry);
    const digest = make("p", { className: "digest", role: "status" });
    const stage = make("div", { className: `stage ${kindOf(entry)}` });
    const header = make(
      "header",
      {},
      make(
        "div",
        { className: "what" },
        make(
          "h1",
          { id: "file-name", tabIndex: -1, title: name },
          make("bdi", { textContent: name }),
        ),
        make("p", {
          className: "facts",
          textContent: [inBytes(entry.size), typeName(entry), inDate(entry.modified)].join(
            " \u00b7 ",
          ),
        }),
      ),
      make(
        "div",
        { className: "actions" },
        button("Download", () => download(entry), { className: "main" }),
        make("a", {
          className: "button",
          href: addressOf("files", entry.path),
          target: "_blank",
          rel: "noopener",
          textContent: "Open",
        }),
        share() ? button("Share", () => share()(entry.path)) : "",
        button("SHA-256", () => showDigest(entry, digest, signal)),
        iconButton("close", "Close", () => this.actions.close()),
      ),
    );
    const neighbours = make(
      "nav",
      { "aria-label": "Files" },
      iconButton("previous", "Previous file", () => step(-1)),
      make("span"),
      iconButton("next", "Next file", () => step(1)),
    );
    const focused = document.activeElement?.getAttribute("aria-label");
    $("viewer").replaceChildren(header, digest, stage, neighbours);
    this.place(position);
    this.#open();
    showPreview(entry, stage, signal);
    // After a step the same button keeps the focus; otherwise a screen reader starts with the name.
    const again = [...neighbours.querySelectorAll("button")].find(
      each => each.getAttribute("aria-label") === focused,
    );
    (again && !again.disabled ? again : $("file-name")).focus({ preventScroll: true });
  }

  /** Shows the position of the file among the others, as far as they are known. */
  place({ index, count }) {
    const neighbours = $("viewer").querySelector("nav");
    if (!neighbours) return;
    neighbours.hidden = index < 0 || count < 2;
    const [previous, where, next] = neighbours.children;
    previous.disabled = index === 0;
    next.disabled = index === count - 1;
    where.textContent = `${index + 1} of ${count}`;
  }

  /** Shows why the file cannot be opened. */
  fail(name, message) {
    this.#clear();
    $("viewer").replaceChildren(
      make(
        "header",
        {},
        make(
          "div",
          { className: "what" },
          make("h1", { id: "file-name", tabIndex: -1, textContent: name }),
        ),
        make(
          "div",
          { className: "actions" },
          iconButton("close", "Close", () => this.actions.close()),
        ),
      ),
      make(
        "div",
        { className: "stage" },
        make("p", { className: "note bad", role: "alert", textContent: message }),
      ),
    );
    this.#open();
    $("file-name").focus();
  }

  hide() {
    if (!this.isOpen) return;
    this.#clear();
    this.entry = null;
    $("viewer").close();
    $("viewer").replaceChildren(); // stops a video, too
    setInert(false);
  }

  #open() {
    if (this.isOpen) return;
    $("viewer").show(); // not modal: the downloads below stay in reach
    setInert(true);
  }

  #clear() {
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    // A video, and a table that scrolls, use these keys themselves.
    const own = event.target.closest("video, audio, pre, .cells");
    if (event.key === "ArrowLeft" && !own) this.actions.step(-1);
    else if (event.key === "ArrowRight" && !own) this.actions.step(1);
    else return;
    event.preventDefault();
  }

  #swipe() {
    const dialog = $("viewer");
    let start = null;
    dialog.addEventListener(
      "touchstart",
      event => {
        const scrolls = event.target.closest("video, audio, pre, .cells, iframe");
        start = event.touches.length === 1 && !scrolls ? event.touches[0] : null;
      },
      { passive: true },
    );
    dialog.addEventListener(
      "touchend",
      event => {
        if (!start) return;
        const { clientX, clientY } = event.changedTouches[0];
        const [x, y] = [clientX - start.clientX, clientY - start.clientY];
        start = null;
        if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) this.actions.step(x < 0 ? 1 : -1);
      },
      { passive: true },
    );
  }
}

/** Puts the page behind the viewer out of reach, or back. */
function setInert(inert) {
  for (const element of document.querySelectorAll(".top, #main, #selection")) element.inert = inert;
  document.body.classList.toggle("viewing", inert);
}

function showDigest(entry, place, signal) {
  const events = new EventSource(addressOf("digests", entry.path));
  const bar = make("progress", { max: 1, "aria-label": "Progress of the SHA-256" });
  place.replaceChildren("SHA-256 ", bar);
  const end = (text, className = "") => {
    events.close();
    place.replaceChildren(make("span", { className, textContent: text }));
  };
  signal.addEventListener("abort", () => events.close());
  events.addEventListener("progress", ({ data }) => {
    const { hashed, size } = JSON.parse(data);
    bar.value = hashed / size;
  });
  events.addEventListener("digest", ({ data }) => end(`SHA-256 ${JSON.parse(data).sha256}`));
  events.addEventListener("failed", ({ data }) => end(JSON.parse(data).detail, "bad"));
  events.onerror = async () => {
    events.close(); // it would connect again by itself
    try {
      await entryOf(entry.path, signal); // the event does not say why it failed; the server does
      end("The SHA-256 could not be made. Try again.", "bad");
    } catch (error) {
      if (!signal.aborted) end(error.message, "bad");
    }
  };
}
