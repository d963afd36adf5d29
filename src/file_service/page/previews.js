/** What a file looks like. None of it may run as a script of this page: text is text, documents are in a sandbox. */

import { addressOf, ask, textOf } from "./api.js";
import { button, icon, make } from "./dom.js";
import { inBytes } from "./format.js";
import { kindOf, shownName, typeOf } from "./names.js";

const TEXT = 256 * 2 ** 10; // bytes of a text that are shown
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

  image: (entry, stage) =>
    new Promise(resolve => {
      const name = shownName(entry);
      const image = make("img", {
        src: addressOf("files", entry.path),
        alt: name,
        decoding: "async",
      });
      image.onload = resolve;
      image.onerror = () => {
        const type = typeOf(entry)
          .replace(/^image\/(x-)?/, "")
          .toUpperCase();
        stage.replaceChildren(
          note(entry, `This browser cannot show this ${type} image. Download it to see it.`),
        );
        resolve();
      };
      stage.append(image);
    }),

  video: (entry, stage) => showMedia("video", entry, stage),
  audio: (entry, stage) => showMedia("audio", entry, stage),

  pdf: (entry, stage) => {
    if (!navigator.pdfViewerEnabled) {
      stage.append(
        note(entry, "This browser does not show PDF inside a page. Open it to read it."),
      );
      return;
    }
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

function showMedia(tag, entry, stage) {
  const media = make(tag, {
    src: addressOf("files", entry.path),
    controls: true,
    preload: "metadata",
    playsInline: true,
    "aria-label": shownName(entry),
  });
  stage.append(media);
  return new Promise(resolve => {
    media.onloadedmetadata = resolve;
    media.onerror = () => {
      stage.replaceChildren(
        note(entry, `This browser cannot play this ${tag}. Download it to play it.`),
      );
      resolve();
    };
  });
}

function sayIfCut(entry, limit, stage) {
  if (entry.size <= limit) return;
  stage.append(
    make("p", {
      className: "cut",
      textContent: `The first ${inBytes(limit)} of ${inBytes(entry.size)}. Download the file for the rest.`,
    }),
  );
}

const note = (entry, text, className = "") =>
  make(
    "div",
    { className: "note" },
    icon(kindOf(entry)),
    make("p", { className, textContent: text }),
  );

/**
 * A document in a frame of its own: no scripts, no forms, no origin. Its style and its pictures travel inside it: what it
 * asked for would come from another site, without the reader's cookie.
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
