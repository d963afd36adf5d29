/** The list of downloads at the bottom of the page, with their progress and their buttons. */

import { $, button, icon, iconButton, make } from "./dom.js";
import { inBytes, inCount, inTime } from "./format.js";
import { shown } from "./names.js";
import { Transfers } from "./transfers.js";

const items = new Map(); // id -> element
let folded = false;

export const transfers = new Transfers(show);

function show(transfer) {
  const tray = $("tray");
  const { list } = transfers;
  tray.hidden = !list.length;
  document.body.classList.toggle("transferring", list.length > 0);
  if (!list.length) {
    tray.replaceChildren();
    items.clear();
    return;
  }
  if (!tray.firstChild) build(tray);
  if (!transfer) arrange();
  for (const each of transfer ? [transfer] : list) showOne(each);
  summarise();
}

function build(tray) {
  tray.append(
    make(
      "header",
      {},
      make("h2", { id: "tray-title" }),
      button("Clear", () => transfers.removeDone(), { id: "tray-clear", className: "quiet" }),
      iconButton("fold", "Fold", fold, { id: "tray-fold" }),
    ),
    make("ul", { id: "tray-list" }),
    make("p", { id: "tray-said", className: "unseen", role: "status" }),
  );
  $("tray-fold").setAttribute("aria-expanded", !folded);
  tray.classList.toggle("folded", folded);
}

function fold() {
  folded = !folded;
  $("tray").classList.toggle("folded", folded);
  $("tray-fold").setAttribute("aria-expanded", !folded);
  $("tray-fold").setAttribute("aria-label", folded ? "Unfold" : "Fold");
}

// The page and an open file leave room for the tray.
new ResizeObserver(() =>
  document.documentElement.style.setProperty("--tray", `${$("tray").offsetHeight}px`),
).observe($("tray"));

function arrange() {
  const ids = new Set(transfers.list.map(({ id }) => id));
  for (const [id, element] of items) {
    if (ids.has(id)) continue;
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    items.delete(id);
    if (hadFocus) $("tray-fold").focus();
  }
  for (const transfer of [...transfers.list].reverse()) {
    if (items.has(transfer.id)) continue;
    const element = makeItem(transfer);
    items.set(transfer.id, element);
    $("tray-list").prepend(element);
  }
}

function makeItem(transfer) {
  const name = shown(transfer.record.name);
  return make(
    "li",
    {},
    icon(transfer.record.kind === "zip" ? "archive" : "file"),
    make("bdi", { className: "label", textContent: name, title: name }),
    make("span", { className: "actions" }),
    make("progress", { max: 1, "aria-label": `Progress of ${name}` }),
    make("p", { className: "facts" }),
  );
}

function showOne(transfer) {
  const element = items.get(transfer.id);
  if (!element) return;
  element.className = transfer.state;
  const bar = element.querySelector("progress");
  bar.hidden = ["done", "failed"].includes(transfer.state);
  if (transfer.state === "preparing" || !transfer.total) bar.removeAttribute("value");
  else bar.value = transfer.done / transfer.total;
  element.querySelector(".facts").textContent = factsOf(transfer);
  element.querySelector(".facts").title = transfer.sha256 ? `SHA-256 ${transfer.sha256}` : "";
  showActions(element.querySelector(".actions"), transfer);
}

function factsOf(transfer) {
  const { state, done, total, speed, message, record } = transfer;
  const part = total ? `${inBytes(done)} of ${inBytes(total)}` : inBytes(done);
  switch (state) {
    case "waiting":
      return "Waiting";
    case "preparing":
      return record.kind === "zip" ? "Preparing the zip" : "Starting";
    case "reading":
      return `Resuming: ${part}`;
    case "running": {
      const left = speed && total ? ` \u00b7 ${inTime((total - done) / speed)} left` : "";
      return `${part}${speed ? ` \u00b7 ${inBytes(speed)}/s` : ""}${left}`;
    }
    case "checking":
      return `Checking the SHA-256: ${Math.floor((done / (total || 1)) * 100)} %`;
    case "saving":
      return "Saving";
    case "lost":
      return `The connection is lost. The download resumes by itself. ${part}`;
    case "paused":
      return `Paused at ${part}`;
    case "failed":
      return message;
    default:
      return doneFacts(transfer);
  }
}

function doneFacts({ total, checked, reason, record }) {
  const size = inBytes(total || record.size || 0);
  if (checked) return `Saved, ${size} \u00b7 SHA-256 verified`;
  return reason ? `Saved, ${size} \u00b7 not verified: ${reason}` : `Saved, ${size}`;
}

/** The icon, the label and the action of each button that a download has now. */
function actionsOf(transfer) {
  const { state, resumable, active } = transfer;
  const stoppable = resumable && (active || state === "waiting" || state === "lost");
  const ended = state === "done" || state === "failed";
  return [
    stoppable && ["pause", "Pause", () => transfers.pause(transfer)],
    state === "paused" && ["resume", "Resume", () => transfers.resume(transfer)],
    state === "lost" && ["resume", "Try now", () => transfers.resume(transfer)],
    state === "failed" && ["resume", "Try again", () => transfers.resume(transfer)],
    transfer.full && ["download", "Download without a check", () => transfers.handOver(transfer)],
    state === "done" && ["download", "Save again", () => transfers.finish(transfer)],
    ["close", ended ? "Remove" : "Cancel", () => transfers.remove(transfer)],
  ].filter(Boolean);
}

/** Replaces the buttons only when they change, so that the focus stays where it is. */
function showActions(place, transfer) {
  const wanted = actionsOf(transfer);
  const labels = wanted.map(([, label]) => label).join();
  if (place.dataset.labels === labels) return;
  const at = [...place.children].indexOf(document.activeElement);
  place.dataset.labels = labels;
  place.replaceChildren(...wanted.map(each => iconButton(...each)));
  if (at >= 0) place.children[Math.min(at, place.children.length - 1)].focus();
}

let said = "";

function summarise() {
  const { list } = transfers;
  const open = list.filter(({ state }) => state !== "done").length;
  $("tray-title").textContent = open ? inCount(open, "download") : "Downloads";
  $("tray-clear").hidden = open === list.length;
  // A screen reader is interrupted only for downloads that have ended.
  const news = list
    .filter(({ state }) => state === "done" || state === "failed")
    .map(transfer => `${shown(transfer.record.name)}: ${factsOf(transfer)}`)
    .join(". ");
  if (news !== said) $("tray-said").textContent = said = news;
}
