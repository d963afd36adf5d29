/** Values that the browser keeps for the next visit, where the reader allows it. */

export function remembered(name, otherwise) {
  try {
    const value = JSON.parse(localStorage.getItem(`files ${name}`));
    return typeof value === typeof otherwise && value !== null ? value : otherwise;
  } catch {
    return otherwise;
  }
}

/** Stores a value, and returns it. */
export function remember(name, value) {
  try {
    localStorage.setItem(`files ${name}`, JSON.stringify(value));
  } catch {
    /* the browser does not allow it, or its store is full */
  }
  return value;
}
