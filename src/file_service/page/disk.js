/**
 * The browser's private disk space (the origin private file system). Downloads are kept there until
 * they are complete and verified.
 */

/** The folder of the downloads. Throws where the browser has no such space. */
export async function downloadsFolder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle("transfers", { create: true });
}

let answer = null;

/**
 * Whether the page can keep downloads on the disk. Browsers allow it over https and on the same
 * machine. Some have the interface but refuse to use it: Firefox in a private window, for example.
 */
export const hasDisk = () => (answer ??= tryDisk());

async function tryDisk() {
  if (!window.isSecureContext || !window.Worker || !navigator.locks) return false;
  try {
    await downloadsFolder();
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether the disk has room for `bytes`. An unknown size, or an unknown quota, counts as room.
 * Chromium reports the same quota on every machine, so a download may still find the disk full.
 */
export async function hasRoomFor(bytes) {
  const { quota, usage } = await navigator.storage.estimate();
  return !(bytes > quota - usage);
}
