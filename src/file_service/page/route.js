/**
 * Where the reader is, as the address says it: `#/photos/`, `#/photos/sea.jpg`, `#/photos/?search=sea`. Behind the `#`,
 * so that it works below any path, behind any front door and without asking the server.
 */

import { encoded, isFolder, parentOf } from "./names.js";

/** The route of an address. One that is no valid encoding is taken as it is. */
export function routeOf(hash) {
  const [address, query = ""] = hash.replace(/^#\/?/, "").split("?");
  let path;
  try {
    path = decodeURIComponent(address);
  } catch {
    path = address;
  }
  return {
    path,
    folder: isFolder(path) ? path : parentOf(path),
    file: isFolder(path) ? null : path,
    search: new URLSearchParams(query).get("search")?.trim() ?? "",
  };
}

export const linkTo = (path, search = "") =>
  `#/${encoded(path)}${search ? `?${new URLSearchParams({ search })}` : ""}`;

export const go = hash => {
  location.hash = hash;
};

/** Goes there without a way back to here. */
export const goInstead = hash => location.replace(hash);
