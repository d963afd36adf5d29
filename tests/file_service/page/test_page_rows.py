"""100,000 rows: the processor time and memory that they take. With -s the figures are printed."""

from tests.file_service.page.browser import Keys, Page, needs_chromium

pytestmark = needs_chromium

ROWS = 100_000
FRAMES = 200
STEP = 600  # pixels: most of a window, so most rows are other ones in each frame

# A script makes the listing, so that only the page is measured. It comes in pieces of 1000 lines,
# as from the server.
LISTING = """
const real = window.fetch;
window.fetch = async (url, options) => {
  if (!String(url).includes('files/enormous')) return real(url, options);
  let at = 0;
  const pull = controller => {
    if (at === ROWS) {
      const end = JSON.stringify({ type: 'end', entries: ROWS, skipped: 0 });
      controller.enqueue(new TextEncoder().encode(end));
      return controller.close();
    }
    const lines = [];
    for (const end = at + 1000; at < end; at++) lines.push(JSON.stringify({
      type: 'file',
      path: `enormous/IMG_${(at * 7919) % ROWS}_holiday by the sea.jpg`,
      size: at * 37,
      modified: new Date(1.7e12 + at * 1e5).toISOString(),
      etag: `"${at.toString(16)}-1f"`,
      media_type: 'image/jpeg',
    }));
    controller.enqueue(new TextEncoder().encode(lines.join('\\n') + '\\n'));
  };
  return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
};
const look = () => {
  if (document.querySelector('#rows .row')) window.firstRow ??= performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""

SCROLL = """
const done = arguments[0];
const start = (document.documentElement.scrollHeight - FRAMES * STEP) / 2;
let frame = 0, most = 0;
const step = () => {
  most = Math.max(most, document.querySelectorAll('#rows .row').length);
  if (frame++ === FRAMES) return done(most);
  scrollTo(0, start + frame * STEP);
  requestAnimationFrame(step);
};
step();
"""


def processor_seconds(page: Page) -> float:
    """Return the processor seconds of the page's main thread."""
    metrics = {
        each["name"]: each["value"]
        for each in page.command("Performance.getMetrics", {})["metrics"]
    }
    return float(metrics["TaskDuration"])


def heap(page: Page) -> int:
    page.command("HeapProfiler.collectGarbage", {})
    return int(page.command("Runtime.getHeapUsage", {})["usedSize"])


def test_a_hundred_thousand_rows_stay_quick_and_small(page: Page) -> None:
    page.browser.set_script_timeout(280)
    page.command("Performance.enable", {"timeDomain": "threadTicks"})
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    few, _ = scrolled(page)
    page.open("#/sorted/")
    page.until(page.names)
    small, before = heap(page), page.memory()
    page.open("#/enormous/", before=f"const ROWS = {ROWS}; {LISTING}")
    page.until(lambda: "100,000 items" in page.text() and "\u2026" not in page.text())
    loaded = processor_seconds(page)
    large, all_of_it = heap(page) - small, page.memory() - before

    page.press(Keys.ARROW_DOWN)
    used = processor_seconds(page)
    page.press(Keys.END)
    page.until(lambda: page.focused() == "IMG_99999_holiday by the sea.jpg")
    to_the_end = processor_seconds(page) - used

    frame, rows = scrolled(page)

    used = processor_seconds(page)
    page.press("/", "99 sea")
    page.until(lambda: "3,691 of 100,000 items" in page.text())
    filtering = processor_seconds(page) - used
    page.press(Keys.ESCAPE)
    page.until(lambda: "of 100,000" not in page.text())
    used = processor_seconds(page)
    page.click("Size")
    page.until(
        lambda: (
            page.names()[:1] == ["IMG_92081_holiday by the sea.jpg"] or page.run("return scrollY")
        )
    )
    sorting = processor_seconds(page) - used
    print(
        f"\nfirst row after {page.run('return firstRow'):.0f} ms (wall); in ms of a processor: "
        f"{loaded * 1e3:.0f} to load, {to_the_end * 1e3:.0f} to the end, {frame * 1e3:.1f} a frame "
        f"of scrolling (3,000 rows: {few * 1e3:.1f}), "
        f"{filtering * 1e3:.0f} to filter (6 keys), {sorting * 1e3:.0f} to sort; "
        f"heap {large / 2**20:.0f} MiB more, "
        f"all of the browser {all_of_it / 2**20:.0f} MiB more; {rows} rows"
    )
    page.run("localStorage.clear()")
    assert rows < 80
    assert frame < 2 * few
    assert to_the_end < 20 * few
    assert large < 80 * 2**20


def scrolled(page: Page) -> tuple[float, int]:
    """Scroll. Return the processor seconds for each frame, and the most rows in the document."""
    used = processor_seconds(page)
    rows = page.browser.execute_async_script(f"const FRAMES = {FRAMES}, STEP = {STEP}; {SCROLL}")
    return (processor_seconds(page) - used) / FRAMES, rows
