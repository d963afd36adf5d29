"""Folders and searches as lists: search, order, filter and move, by pointer and keyboard."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.file_service.page.browser import HOLD_REQUESTS, Keys, Page, needs_chromium

pytestmark = needs_chromium

ROOT_NAMES = [
    "deep/",
    "documents/",
    "many/",
    "measurements/",
    "odd/",
    "photos/",
    "sorted/",
    "active.html",
    "counting.mp4",
    "hello.txt",
    "large.bin",
    "waves.png",
]


def test_folders_are_browsed_by_keyboard(page: Page) -> None:
    page.open()
    page.until(lambda: page.names() == ROOT_NAMES)
    page.press(*[Keys.ARROW_DOWN] * 6)
    page.until(lambda: page.focused() == "photos/")
    page.press(Keys.ENTER)
    page.until(lambda: page.focused() == "na\u00efve & co #1/")
    page.press(Keys.ENTER)
    page.until(lambda: page.focused() == "100% <b>.txt")
    assert page.run("return document.querySelector('nav').innerText").split("\n") == [
        "Files",
        "photos",
        "na\u00efve & co #1",
    ]
    page.press(Keys.ENTER)
    page.until(lambda: page.viewed() == "odd name")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.focused() == "100% <b>.txt")
    page.press(Keys.BACKSPACE)
    page.until(lambda: page.focused() == "na\u00efve & co #1/")
    page.browser.back()
    page.until(lambda: page.names() == ["100% <b>.txt"])


def test_keys_move_by_lines_pages_and_to_the_ends(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    page.press(Keys.ARROW_DOWN, Keys.END)
    page.until(lambda: page.focused() == "2999.txt")
    page.press(Keys.HOME)
    page.until(lambda: page.focused() == "0000.txt")
    page.press(Keys.PAGE_DOWN)
    page.until(lambda: page.focused() not in ("0000.txt", None))
    page.press(Keys.PAGE_UP, Keys.ARROW_DOWN, Keys.ARROW_UP)
    page.until(lambda: page.focused() == "0000.txt")


def test_rows_are_sorted_by_each_column_with_folders_first(page: Page) -> None:
    """Names as people sort them: in either case, numbers by their value."""
    page.open("#/sorted/")
    page.until(
        lambda: page.names() == ["Z folder/", "a2.txt", "a10.txt", "B.txt", "\u00e7.txt", "d.txt"]
    )
    page.click("Name")
    page.until(
        lambda: page.names() == ["Z folder/", "d.txt", "\u00e7.txt", "B.txt", "a10.txt", "a2.txt"]
    )
    page.click("Size")  # the largest first
    page.until(
        lambda: page.names() == ["Z folder/", "a2.txt", "d.txt", "B.txt", "a10.txt", "\u00e7.txt"]
    )
    page.click("Modified")  # the newest first
    page.until(lambda: page.names()[:3] == ["Z folder/", "B.txt", "a10.txt"])
    page.click("Modified")
    page.until(lambda: page.names()[-1] == "B.txt")
    headers = page.run(
        "return [...document.querySelectorAll('[role=columnheader]')]"
        ".map(e => e.getAttribute('aria-sort'))"
    )
    assert headers == [None, "none", "none", "ascending", None]
    page.open("#/sorted/")  # the order is remembered
    page.until(lambda: page.names()[-1:] == ["B.txt"])
    page.click("Name")
    page.until(lambda: page.names()[1:2] == ["a2.txt"])


def test_the_list_is_filtered_while_one_types(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    page.press("/")
    page.press("77 1")
    names = [
        f"{number:04}.txt"
        for number in range(3000)
        if "77" in f"{number:04}" and "1" in f"{number:04}"
    ]
    page.until(lambda: f"{len(names)} of 3,000 items" in page.text())
    assert page.names() == names[: len(page.names())]
    page.press(Keys.ARROW_DOWN)
    page.until(lambda: page.focused() == names[0])
    page.press(Keys.ESCAPE)
    page.until(lambda: "3,000 items" in page.text() and "of 3,000" not in page.text())
    page.press("/")
    page.press("nothing like it")
    page.until(lambda: "Nothing in this folder matches" in page.text())


def test_a_search_finds_what_lies_below_and_leads_there(page: Page) -> None:
    page.open("#/deep/")
    page.until(page.names)
    page.press("/")
    page.press("NEEDLE", Keys.ENTER)
    page.until(lambda: page.names() == ["needles/", "a needle.txt", "needle.txt"])
    page.until(lambda: "3 items found" in page.text())
    assert "one/two/" in page.text()  # where it lies
    assert page.run("return location.hash") == "#/deep/?search=NEEDLE"
    page.click_link("a needle.txt")
    page.until(lambda: page.viewed() == "found")
    page.press(Keys.ARROW_RIGHT)  # the next one of the search
    page.until(lambda: page.viewed() == "found too")
    page.press(Keys.ESCAPE)
    page.until(lambda: page.focused() == "needle.txt")
    assert page.names() == ["needles/", "a needle.txt", "needle.txt"]
    page.browser.back()
    page.until(lambda: "one/" in page.names())


def test_a_search_is_closed_by_its_button(page: Page) -> None:
    """So no keyboard is needed to go back to the folder."""
    page.open("#/deep/?search=needle")
    page.until(lambda: "3 items found" in page.text())
    page.click("Close search")
    page.until(lambda: page.run("return location.hash") == "#/deep/")
    page.until(lambda: page.shows("one/"))
    assert not page.all("#leave-search")[0].is_displayed()


def test_a_search_that_is_left_is_cancelled(page: Page) -> None:
    page.open("#/deep/?search=needle", before=f"const HELD = 'searches'; {HOLD_REQUESTS}")
    page.until(lambda: page.run("return held.length"))
    signal = "return held.signals.map(signal => signal.aborted)"
    assert page.run(signal) == [False]
    page.run("location.hash = '#/sorted/'")
    page.until(lambda: "a2.txt" in page.names())
    assert page.run(signal) == [True]
    page.run("release()")


def test_a_folder_keeps_its_position(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    page.press(Keys.ARROW_DOWN, Keys.END)
    page.until(lambda: page.focused() == "2999.txt")
    page.press(*[Keys.ARROW_UP] * 3)
    page.until(lambda: page.focused() == "2996.txt")
    top = page.run("return scrollY")
    assert top > 100_000
    page.press(Keys.BACKSPACE)
    page.until(lambda: page.focused() == "many/")
    page.browser.back()
    page.until(lambda: page.focused() == "2996.txt")
    assert page.run("return scrollY") == top
    page.press(Keys.ENTER)
    page.until(lambda: page.viewed() == "2996")
    page.browser.back()
    page.until(lambda: page.focused() == "2996.txt")
    assert page.run("return scrollY") == top
    page.browser.refresh()
    page.until(lambda: "3,000 items" in page.text())
    page.until(lambda: page.run("return scrollY") == top)


def test_only_what_is_near_the_window_is_in_the_document(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    for number in ("0000.txt", "1500.txt", "2990.txt"):
        page.run("scrollTo(0, arguments[0])", int(number[:4]) * 44)
        page.until(partial(page.shows, number))
        assert len(page.names()) < 60
    grid = page.all("#grid")[0]
    assert grid.get_attribute("aria-rowcount") == "3001"


def test_links_lead_to_any_file_or_folder(page: Page) -> None:
    page.open("#/many/2999.txt")
    page.until(lambda: page.viewed() == "2999")
    page.until(lambda: "3000 of 3000" in page.text())
    page.click("Close")
    page.until(lambda: page.focused() == "2999.txt")
    page.open("#/photos")  # without its slash
    page.until(lambda: page.names() == ["na\u00efve & co #1/"])
    page.open("#/photos/na%C3%AFve%20%26%20co%20%231/100%25%20%3Cb%3E.txt")
    page.until(lambda: page.viewed() == "odd name")
    page.open("#/100%")  # no valid encoding
    page.until(lambda: "There is nothing at this address." in page.text())
    assert all("404" in complaint for complaint in page.complaints())


def test_back_goes_the_way_one_came(page: Page) -> None:
    page.open("#/photos/")
    page.until(page.names)
    page.click_link("na\u00efve & co #1/")
    page.until(lambda: page.names() == ["100% <b>.txt"])
    page.click_link("100% <b>.txt")
    page.until(lambda: page.viewed() == "odd name")
    page.browser.back()
    page.until(lambda: page.focused() == "100% <b>.txt")
    page.browser.back()
    page.until(lambda: page.names() == ["na\u00efve & co #1/"])
    page.browser.forward()
    page.browser.forward()
    page.until(lambda: page.viewed() == "odd name")


def test_an_error_disappears_when_it_is_resolved(page: Page, files: Path) -> None:
    page.open("#/later/")
    page.until(lambda: "Try again" in page.text())
    (files / "later").mkdir()
    try:
        page.click("Try again")
        page.until(lambda: "This folder is empty." in page.text())
        assert "Try again" not in page.text()
        assert "0 items" in page.text()
        assert all("404" in complaint for complaint in page.complaints())
    finally:
        (files / "later").rmdir()


def test_a_list_that_was_cut_says_so(page: Page) -> None:
    """A Function URL ends a broken body normally, but the last line is missing."""
    page.open(
        "#/sorted/",
        before="""
        const real = window.fetch;
        window.cut = true;
        window.fetch = async (url, options) => {
          const response = await real(url, options);
          if (!window.cut || !String(url).includes('files/sorted')) return response;
          const text = await response.text();
          return new Response(text.slice(0, text.length / 2), { headers: response.headers });
        };""",
    )
    page.until(lambda: "The connection broke before the end of the list." in page.text())
    assert page.names()
    page.run("window.cut = false")
    page.click("Try again")
    page.until(lambda: "6 items" in page.text())
    assert "broke" not in page.text()


def test_a_list_that_is_too_long_for_one_answer_comes_in_pages(page: Page) -> None:
    """Behind a Function URL that buffers, an answer of more than 6 MB is a 413."""
    script = """
        const real = window.fetch;
        window.pages = 0;
        window.fetch = async (url, options) => {
          if (options?.headers?.Accept === 'application/x-ndjson')
            return new Response('too long', { status: 413 });
          if (String(url).includes('cursor=')) window.pages++;
          return real(url, options);
        };"""
    page.open("#/many/", before=script)
    page.until(lambda: "3,000 items" in page.text() and "3,000 items\u2026" not in page.text())
    assert page.run("return window.pages") == 3
    page.open("#/odd/", before=script)
    page.until(lambda: "2 items are not shown" in page.text())


@pytest.fixture
def emulate(page: Page) -> Any:
    yield page.command
    page.command("Emulation.clearDeviceMetricsOverride", {})
    page.command("Emulation.setEmulatedMedia", {"features": []})


DEEP = (
    "#/deep/a%20folder%20with%20a%20rather%20long%20name"
    "/another%20one%20below%20it/and%20the%20last%20of%20them/"
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, emulate: Any, scheme: str) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    emulate("Emulation.setDeviceMetricsOverride", size)
    emulate(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    for hash_ in (
        "",
        "#/many/",
        DEEP,
        "#/hello.txt",
        "#/waves.png",
        "#/documents/page.md",
        "#/documents/table.csv",
    ):
        page.open(hash_)
        page.until(page.names)
        assert page.run("return document.documentElement.scrollWidth") <= 360
        wider = (
            "return [...document.querySelectorAll('#viewer *')].filter(element =>"
            " !element.closest('.cells, pre, svg')"
            " && element.getBoundingClientRect().right > 361).length"
        )
        assert page.run(wider) == 0
    background = page.run("return getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(247, 248, 249)", "dark": "rgb(17, 21, 26)"}[scheme]
    page.open("#/many/")
    page.until(page.names)
    assert (
        page.run("return document.querySelector('#rows .time').getBoundingClientRect().width") > 50
    )  # dates, too


def test_a_long_path_folds_in_its_middle(page: Page, emulate: Any) -> None:
    emulate(
        "Emulation.setDeviceMetricsOverride",
        {"width": 600, "height": 740, "deviceScaleFactor": 1, "mobile": False},
    )
    page.open(DEEP)
    page.until(page.names)
    crumbs = (
        "return [...document.querySelectorAll('#crumbs li')]"
        ".filter(e => e.offsetWidth).map(e => e.textContent)"
    )
    first, fold, *_, last = page.run(crumbs)
    assert (first, fold, last) == ("Files", "\u2026", "and the last of them")
    page.click("Show the whole path")
    page.until(lambda: page.run(crumbs)[1] == "deep")
    assert len(page.run(crumbs)) == 5
