/**
 * The address of a folder, a file or a search: `#/photos/`, `#/photos/sea.jpg`,
 * `#/photos/?search=sea`. It lies after the `#`, so it works below any path and behind any front
 * door, and the server is not asked.
 */

import { encoded, isFolder, parentOf } from "./names.js";

/** The route of an address. An address that cannot be decoded is used as it is. */
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

/** Goes to an address, in place of the present one in the history. */
export const goInstead = hash => location.replace(hash);
