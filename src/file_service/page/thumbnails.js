/**
 * Thumbnails. The browser makes them from the files, a few at a time; the latest request comes
 * first.
 */

import { addressOf, ask } from "./api.js";
import { typeOf } from "./names.js";

const EDGE = 400; // pixels of the longer side: sharp on a dense screen, 0.5 MB decoded
const AT_ONCE = 3;
const LARGEST = 30 * 2 ** 20; // a file this large costs more to fetch than its picture is worth
const KEPT = 300;

const made = new Map(); // address and version -> ImageBitmap, the latest last
const waiting = [];
let working = 0;

/** Puts the thumbnail of `entry` into `place`. The icon stays when there can be no thumbnail. */
export function showThumbnail(entry, place) {
  if (!entry.size || entry.size > LARGEST) return;
  const key = `${entry.path} ${entry.etag}`;
  if (made.has(key)) {
    draw(made.get(key), place);
    return;
  }
  waiting.push({ entry, key, place });
  work();
}

async function work() {
  if (working >= AT_ONCE) return;
  const next = waiting.pop();
  if (!next) return;
  working++;
  // A frame later, a tile that was scrolled past has left the document.
  await new Promise(requestAnimationFrame);
  try {
    if (next.place.isConnected) draw(await picture(next), next.place);
  } catch {
    next.place.classList.add("failed");
  }
  working--;
  work();
}

async function picture({ entry, key }) {
  const blob = await (await ask(addressOf("files", entry.path))).blob();
  const bitmap =
    typeOf(entry) === "image/svg+xml" ? await rasterised(blob) : await createImageBitmap(blob);
  const scale = Math.min(1, EDGE / Math.max(bitmap.width, bitmap.height));
  const small = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(bitmap.width * scale)),
    resizeHeight: Math.max(1, Math.round(bitmap.height * scale)),
    resizeQuality: "medium",
  });
  bitmap.close?.();
  made.set(key, small);
  if (made.size > KEPT) {
    const [oldest, bitmapOfOldest] = made.entries().next().value;
    made.delete(oldest);
    bitmapOfOldest.close();
  }
  return small;
}

/**
 * A drawing as an image element: browsers make no bitmap of a drawing itself. Scripts in an image
 * do not run.
 */
async function rasterised(blob) {
  const image = new Image(EDGE, EDGE);
  image.src = URL.createObjectURL(blob);
  try {
    await image.decode();
  } finally {
    URL.revokeObjectURL(image.src);
  }
  return image;
}

function draw(bitmap, place) {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  place.replaceChildren(canvas);
}
