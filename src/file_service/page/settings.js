/** What this browser remembers of the reader's choices. Nothing where it may not. */

export function remembered(name, otherwise) {
  try {
    const value = JSON.parse(localStorage.getItem(`files ${name}`));
    return typeof value === typeof otherwise && value !== null ? value : otherwise;
  } catch {
    return otherwise;
  }
}

/** Remembers a value, and gives it back. */
export function remember(name, value) {
  try {
    localStorage.setItem(`files ${name}`, JSON.stringify(value));
  } catch {
    /* a private window, or a full disk */
  }
  return value;
}
