/** Numbers and dates for people. Pure. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function inBytes(n) {
  const unit = n < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(n) / 10));
  return `${(n / 1024 ** unit).toFixed(unit ? 1 : 0)} ${UNITS[unit]}`;
}

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** The page's one date format, in the reader's language and time zone. */
export const inDate = iso => (iso ? DATE.format(new Date(iso)) : "");

const NUMBER = new Intl.NumberFormat();

export const inDigits = n => NUMBER.format(n);

/** "1 item", "20,000 items" */
export const inCount = (n, one, many = `${one}s`) => `${inDigits(n)} ${n === 1 ? one : many}`;

/** "8 s", "3 min", "2 h" */
export function inTime(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
