/**
 * Previews of files. Nothing in them can run as a script of this page: text stays text, and
 * documents are in a sandbox.
 */

import { addressOf, ask, entryOf, textOf } from "./api.js";
import { button, icon, make } from "./dom.js";
import { inBytes } from "./format.js";
import { kindOf, shownName, typeName, typeOf } from "./names.js";

const TEXT = 256 * 2 ** 10; // bytes of a text, and of a table, that are shown
const TABLE = 1024 * 2 ** 10;

/** Fills `stage` with the preview of a file. */
export async function showPreview(entry, stage, signal) {
  if (!entry.size) {
    stage.append(note(entry, "This file is empty."));
    return;
  }
  const show = PREVIEWS[previewOf(entry)];
  stage.classList.add("loading");
  try {
    await show(entry, stage, signal);
  } catch (error) {
    if (!signal.aborted) stage.replaceChildren(note(entry, error.message, "bad"));
  }
  stage.classList.remove("loading");
}

/** Which of the previews a file has. */
function previewOf(entry) {
  const kind = kindOf(entry);
  const type = typeOf(entry);
  if (["image", "video", "audio", "pdf"].includes(kind)) return kind;
  if (type === "text/markdown") return "markdown";
  if (/^text\/(csv|tab-separated-values)$/.test(type)) return "table";
  return kind === "text" || kind === "code" ? "text" : "none";
}

const PREVIEWS = {
  none: (entry, stage) => stage.append(note(entry, "There is no preview for files of this kind.")),

  image: (entry, stage, signal) => {
    const name = shownName(entry);
    const image = make("img", { alt: name, decoding: "async" });
    const failure = `This browser cannot show this ${typeName(entry)}. Download it to see it.`;
    return load(image, "load", entry, stage, signal, failure);
  },

  video: (entry, stage, signal) => showMedia("video", entry, stage, signal),
  audio: (entry, stage, signal) => showMedia("audio", entry, stage, signal),

  pdf: async (entry, stage, signal) => {
    if (!navigator.pdfViewerEnabled) {
      stage.append(
        note(entry, "This browser does not show PDF inside a page. Open it to read it."),
      );
      return;
    }
    await entryOf(entry.path, signal); // the frame would show the server's error as text
    stage.append(make("iframe", { src: addressOf("files", entry.path), title: shownName(entry) }));
  },

  text: async (entry, stage, signal) => {
    const text = await textOf(entry, TEXT, signal);
    stage.append(
      make("pre", {
        tabIndex: 0,
        textContent: text,
        "aria-label": shownName(entry),
        role: "region",
      }),
    );
    sayIfCut(entry, TEXT, stage);
  },

  markdown: async (entry, stage, signal) => {
    const { renderedMarkdown } = await import("./markdown.js");
    const text = await textOf(entry, TEXT, signal);
    const frame = await sandboxed(renderedMarkdown(text, entry.path), shownName(entry), signal);
    const source = make("pre", {
      tabIndex: 0,
      textContent: text,
      hidden: true,
      "aria-label": shownName(entry),
      role: "region",
    });
    const toggle = button("Show the source", () => {
      source.hidden = !source.hidden;
      frame.hidden = !source.hidden;
      toggle.textContent = source.hidden ? "Show the source" : "Show the page";
    });
    stage.append(frame, source, toggle);
    sayIfCut(entry, TEXT, stage);
  },

  table: async (entry, stage, signal) => {
    const { tableOf } = await import("./csv.js");
    const text = await textOf(entry, TABLE, signal);
    const { table, cut } = tableOf(text, typeOf(entry), entry.size > TABLE);
    table.setAttribute("aria-label", shownName(entry));
    stage.append(
      make(
        "div",
        { className: "cells", tabIndex: 0, role: "region", "aria-label": shownName(entry) },
        table,
      ),
    );
    if (cut) stage.append(make("p", { className: "cut", textContent: cut }));
  },
};

function showMedia(tag, entry, stage, signal) {
  const media = make(tag, {
    controls: true,
    preload: "metadata",
    playsInline: true,
    "aria-label": shownName(entry),
  });
  const failure = `This browser cannot play this ${tag}. Download it to play it.`;
  return load(media, "loadedmetadata", entry, stage, signal, failure);
}

/**
 * Shows the file in `element`, and waits for its `event`. An element does not say why it fails, so
 * the server is asked: throws its error, or shows `failure` when the file is there.
 */
function load(element, event, entry, stage, signal, failure) {
  stage.append(element);
  return new Promise((resolve, reject) => {
    element.addEventListener(event, resolve, { once: true });
    element.onerror = () =>
      entryOf(entry.path, signal)
        .then(() => stage.replaceChildren(note(entry, failure)))
        .then(resolve, reject);
    element.src = addressOf("files", entry.path);
  });
}

function sayIfCut(entry, limit, stage) {
  if (entry.size <= limit) return;
  const part = `The first ${inBytes(limit)} of ${inBytes(entry.size)}.`;
  const textContent = `${part} Download the file for the rest.`;
  stage.append(make("p", { className: "cut", textContent }));
}

const note = (entry, text, className = "") =>
  make(
    "div",
    { className: "note" },
    icon(kindOf(entry)),
    make("p", { className, textContent: text }),
  );

/**
 * A document in a frame of its own, without scripts, forms and origin. Its style and its pictures
 * travel inside it: its own requests would come from another site, without the reader's cookie.
 */
async function sandboxed(body, title, signal) {
  await Promise.all(
    [...body.querySelectorAll("img[data-path]")].slice(0, 30).map(image => embed(image, signal)),
  );
  const page = document.implementation.createHTMLDocument(title);
  page.documentElement.lang = "en";
  const style = await (await ask(new URL("markdown.css", import.meta.url), { signal })).text();
  page.head.append(
    make("meta", { name: "color-scheme", content: "light dark" }),
    make("base", { target: "_blank" }),
    make("style", { textContent: style }),
  ); // as it is in the file: the page's policy has its digest
  page.body.append(body);
  const frame = make("iframe", {
    title,
    srcdoc: `<!doctype html>${page.documentElement.outerHTML}`,
  });
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  return frame;
}

const LARGEST_PICTURE = 4 * 2 ** 20;

async function embed(image, signal) {
  try {
    const response = await ask(addressOf("files", image.dataset.path), { signal });
    const blob = await response.blob();
    if (blob.size > LARGEST_PICTURE || !blob.type.startsWith("image/"))
      throw new Error("no picture");
    image.src = await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = reject;
      reader.readAsDataURL(blob);
    });
  } catch {
    signal.throwIfAborted();
    image.replaceWith(make("em", { textContent: `[${image.alt || image.dataset.path}]` }));
  }
}
