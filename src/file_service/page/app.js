/** The page: shows what its address names, and connects its parts. */

import { archiveSize, entryOf } from "./api.js";
import { showBreadcrumbs } from "./breadcrumbs.js";
import { Browser } from "./browser.js";
import { $, labelledButton } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { askForLogin, logOut, session } from "./login.js";
import { nameOf, shown } from "./names.js";
import { goInstead, linkTo, routeOf } from "./route.js";
import { openShare } from "./share.js";
import { transfers } from "./tray.js";
import { Viewer } from "./viewer.js";

const ROOT = "Files";

const browser = new Browser({ download, downloadZip, measure, changed });
const viewer = new Viewer({ close: closeFile, step, download, share: shareOf });
let route = null;
let reader = null; // what the reader may do, once `greeted` has resolved
let greeted = null;
let root = ROOT; // the name of the root: behind a share link, that of the shared folder
let closing = false;
let behindIsList = false; // whether Back leads from the file to its list

/** Shows the file, the folder or the search that the address names. */
async function follow() {
  const before = route;
  route = routeOf(location.hash);
  closing = false;
  const { folder, file, search } = route;
  if (file !== null) {
    if (before?.file == null) behindIsList = before !== null && browser.positionOf(file).index >= 0;
    if (browser.positionOf(file).index < 0 && !browser.isAt(folder, ""))
      showFolder(folder, "", null);
    await openFile(file);
    return;
  }
  viewer.hide();
  if (before?.file != null && browser.isAt(folder, search)) browser.refocus(before.file);
  else
    showFolder(
      folder,
      search,
      before && (childTowards(before.file ?? before.folder, folder) ?? ""),
    );
}

function showFolder(folder, search, focus) {
  showBreadcrumbs(folder, root);
  browser.show(folder, search, focus);
}

/** The entry of `folder` that leads to `path`; null where `path` lies elsewhere. */
function childTowards(path, folder) {
  if (!path.startsWith(folder) || path === folder) return null;
  const [name, ...below] = path.slice(folder.length).split("/");
  return folder + name + (below.length ? "/" : "");
}

async function openFile(path) {
  let entry = browser.entry(path);
  try {
    entry ??= await entryOf(path);
    await greeted; // the buttons of the file depend on the reader
  } catch (error) {
    if (isAwaited(path)) viewer.fail(shown(nameOf(path)), error.message);
    return;
  }
  if (!isAwaited(path)) return;
  if (entry.type === "folder") goInstead(linkTo(entry.path));
  else viewer.show(entry, browser.positionOf(path));
}

/** Whether the address still names this file, and the login form does not lie over it. */
const isAwaited = path => route.file === path && !document.body.classList.contains("refused");

/** Acts once for each file: going back takes a moment, and a second time would leave the list. */
function closeFile() {
  if (closing) return;
  closing = true;
  if (behindIsList) history.back();
  else goInstead(linkTo(browser.contents?.path ?? route.folder, browser.contents?.text));
}

/** Opens the file beside the present one. Back still leads to the list. */
function step(by) {
  const entry = browser.neighbour(route.file, by);
  if (entry) goInstead(linkTo(entry.path));
}

async function download(entry) {
  if (entry.type === "folder") await downloadZip(entry.path, null);
  else transfers.addFile(entry, nameOf(entry.path));
}

const below = (folder, entries) => entries.map(({ path }) => path.slice(folder.length));

function measure(folder, entries, signal) {
  return archiveSize(folder, below(folder, entries), signal);
}

/** Downloads a folder, or some `entries` below it, as one zip. */
async function downloadZip(folder, entries) {
  const names = entries && below(folder, entries);
  const name = `${nameOf(names?.length === 1 ? names[0] : folder) || "files"}.zip`;
  transfers.addZip(
    folder,
    name,
    () => archiveSize(folder, names),
    names?.map(each => ["name", each]),
  );
}

/** The list has changed: the place of the open file among the others may be another one. */
function changed() {
  if (viewer.entry) viewer.place(browser.positionOf(viewer.entry.path));
}

/** Shows the login form in place of the files, and continues after the login. */
function logIn() {
  viewer.hide();
  $("share").close();
  document.body.classList.add("refused");
  askForLogin(() => {
    document.body.classList.remove("refused");
    browser.forget();
    route = null;
    greeted = greet();
    transfers.resumeRefused();
    follow();
  });
}

/** Adds the buttons that depend on the reader. */
async function greet() {
  reader = await session();
  const shared = reader.share?.path;
  if (shared?.endsWith("/")) {
    root = shown(nameOf(shared));
    showBreadcrumbs(route.folder, root);
  } else if (shared && !route.path) {
    goInstead(linkTo(nameOf(shared)));
  }
  const actions = $("folder-actions");
  for (const other of actions.querySelectorAll(":scope > :not(#zip)")) other.remove();
  if (reader.may_share)
    actions.prepend(labelledButton("share", "Share", () => shareOf()(route.folder)));
  if (reader.login && reader.user) {
    actions.append(
      labelledButton("leave", "Log out", async () => {
        await logOut();
        location.reload();
      }),
    );
  }
}

/** The function that shares a path; null where the reader may not. */
function shareOf() {
  return reader?.may_share ? path => openShare(path, reader.share_max_seconds) : null;
}

function start() {
  history.scrollRestoration = "manual";
  listenToKeys(browser, () => viewer.isOpen);
  addEventListener("keydown", event => {
    if (event.key === "Escape" && viewer.isOpen && !document.querySelector("dialog:modal"))
      closeFile();
  });
  addEventListener("hashchange", follow);
  addEventListener("unauthorized", logIn);
  $("folder-actions").append(
    labelledButton("download", "Download zip", () => downloadZip(route.folder, null), {
      id: "zip",
    }),
  );
  transfers.restore();
  greeted = greet();
  follow();
}

start();
