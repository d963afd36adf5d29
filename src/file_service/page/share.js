/** Makes links that let others read one file or folder for a limited time. */

import { post } from "./api.js";
import { $, button, make } from "./dom.js";
import { inDate } from "./format.js";
import { nameOf, shown } from "./names.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const TIMES = [
  ["1 hour", HOUR],
  ["1 day", DAY],
  ["1 week", 7 * DAY],
  ["30 days", 30 * DAY],
];

/** Opens the dialog for the file or folder at `path`. A link lasts at most `longest` seconds. */
export function openShare(path, longest) {
  const dialog = $("share");
  const times = TIMES.filter(([, seconds]) => seconds <= longest);
  if (!times.length) times.push([`${longest} seconds`, longest]);
  const choice = make(
    "select",
    {},
    ...times.map(([label, value]) => make("option", { value, textContent: label })),
  );
  choice.value = times.find(([, seconds]) => seconds === DAY)?.[1] ?? times[0][1];
  const trouble = make("p", { className: "bad", role: "alert" });
  const cancel = button("Cancel", () => dialog.close());
  const form = make(
    "form",
    {},
    make("h2", {
      id: "share-title",
      textContent: `Share \u201c${shown(nameOf(path)) || "all files"}\u201d`,
    }),
    make("p", {
      className: "facts",
      textContent: "Anyone with the link can read this, and nothing else, until the link expires.",
    }),
    make("label", {}, "The link works for", choice),
    trouble,
    make(
      "div",
      { className: "actions" },
      cancel,
      button("Make the link", null, { type: "submit", className: "main" }),
    ),
  );
  form.onsubmit = async event => {
    event.preventDefault();
    trouble.textContent = "";
    try {
      showLink(
        dialog,
        await (await post("shares", { path, seconds: Number(choice.value) })).json(),
      );
    } catch (error) {
      trouble.textContent = error.message;
    }
  };
  dialog.replaceChildren(form);
  dialog.showModal();
}

function showLink(dialog, { url, expires }) {
  const link = make("input", {
    value: new URL(url, document.baseURI).href,
    readOnly: true,
    onfocus: () => link.select(),
  });
  const said = make("p", {
    className: "facts",
    role: "status",
    textContent: `It expires on ${inDate(expires)}.`,
  });
  const copy = button(
    "Copy",
    async () => {
      link.select();
      try {
        await navigator.clipboard.writeText(link.value);
        said.textContent = `Copied. The link expires on ${inDate(expires)}.`;
      } catch {
        said.textContent = "The link is selected. Copy it with the keyboard."; // only over https
      }
    },
    { className: "main" },
  );
  dialog.replaceChildren(
    make(
      "div",
      { className: "made" },
      make("h2", { id: "share-title", textContent: "The link is ready" }),
      make("label", {}, "Link", link),
      said,
      make(
        "div",
        { className: "actions" },
        button("Close", () => dialog.close()),
        copy,
      ),
    ),
  );
  link.focus();
}
