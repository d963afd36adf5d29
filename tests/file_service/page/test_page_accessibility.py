"""The page by ear and by keyboard: axe-core in every state, and the accessibility tree."""

import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver

from tests.file_service.page.browser import Keys, Page, needs_chromium
from tests.file_service.servers import ROOT, service

pytestmark = needs_chromium

VERSION = "4.14.1"


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, from npm into a cache that git ignores."""
    cache = ROOT / ".cache"
    package = cache / f"axe-core-{VERSION}.tgz"
    if not package.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("needs npm, to get axe-core")
        cache.mkdir(exist_ok=True)
        command = [npm, "pack", "--silent", f"axe-core@{VERSION}"]
        ran = subprocess.run(
            command, cwd=cache, capture_output=True, text=True, check=False, timeout=120
        )
        if ran.returncode:
            pytest.skip(f"npm cannot get axe-core: {ran.stderr[-300:]}")
    with tarfile.open(package) as files:
        script = files.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def complaints_of_axe(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds, best practices included, each with its elements."""
    # It runs in a world of its own, as an extension would: the page's policy forbids other scripts.
    frame = page.command("Page.getFrameTree", {})["frameTree"]["frame"]["id"]
    world = page.command("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})[
        "executionContextId"
    ]
    page.command("Runtime.evaluate", {"expression": axe, "contextId": world})
    # Frames are documents of their own: the browser's PDF viewer, and a sandbox without scripts.
    run = (
        "axe.run(document, { iframes: false })"
        ".then(found => JSON.stringify([found.passes, found.violations]))"
    )
    answer = page.command(
        "Runtime.evaluate", {"expression": run, "contextId": world, "awaitPromise": True}
    )
    passes, violations = json.loads(answer["result"]["value"])
    # It ran. In a modal dialog, the rule of the page's heading does not apply.
    assert {"color-contrast", "button-name"} <= {rule["id"] for rule in passes}
    return [
        f"{violation['id']} ({violation['impact']}): "
        f"{[node['target'] for node in violation['nodes']][:5]}"
        for violation in violations
    ]


def list_of_many(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    page.run("scrollTo(0, 50000)")


def selected(page: Page) -> None:
    page.open("#/sorted/")
    page.until(page.names)
    page.all("#pick-all")[0].click()
    page.until(lambda: "6 items selected" in page.text() and "Counting" not in page.text())


def gallery(page: Page) -> None:
    page.open("#/")
    page.until(page.names)
    page.click("Gallery")
    page.until(lambda: page.all("#tiles canvas"))


def viewed(path: str, until: str) -> Callable[[Page], None]:
    def state(page: Page) -> None:
        page.open(f"#/{path}")
        page.until(lambda: page.all(f"#viewer {until}"))

    return state


def downloading(page: Page) -> None:
    page.open("#/hello.txt")
    page.until(lambda: page.viewed())
    page.click("Download")
    page.until(lambda: "SHA-256 verified" in page.text())


def searched(page: Page) -> None:
    page.open("#/deep/?search=needle")
    page.until(lambda: "3 items found" in page.text())


def empty_filter(page: Page) -> None:
    page.open("#/sorted/")
    page.until(page.names)
    page.press("/", "zzz")
    page.until(lambda: "Nothing in this folder matches \u201czzz\u201d." in page.text())


def failed_download(page: Page) -> None:
    page.open("#/hello.txt")
    page.until(lambda: page.viewed())
    page.command("Storage.overrideQuotaForOrigin", {"origin": page.url, "quotaSize": 1})
    try:
        page.click("Download")
        page.until(lambda: "The disk is full." in page.text())
    finally:
        page.command("Storage.overrideQuotaForOrigin", {"origin": page.url})


def filtered(page: Page) -> None:
    page.open("#/many/")
    page.until(page.names)
    page.press("/", "77")
    page.until(lambda: "of 3,000 items" in page.text())


def by_size(page: Page) -> None:
    page.open("#/sorted/")
    page.until(page.names)
    page.click("Size")
    page.until(lambda: page.names()[:2] == ["Z folder/", "a2.txt"])


def empty_folder(page: Page) -> None:
    page.open("#/sorted/Z folder/")
    page.until(lambda: "This folder is empty." in page.text())


def missing(page: Page) -> None:
    page.open("#/missing/")
    page.until(lambda: "Try again" in page.text())
    page.complaints()


def missing_file(page: Page) -> None:
    page.open("#/missing.txt")
    page.until(lambda: "There is nothing at this address." in page.text())
    page.complaints()


STATES = {
    "list": list_of_many,
    "selection": selected,
    "gallery": gallery,
    "text": viewed("hello.txt", "pre"),
    "image": viewed("waves.png", "img"),
    "video": viewed("counting.mp4", "video"),
    "markdown": viewed("documents/page.md", "iframe"),
    "table": viewed("documents/table.csv", "td"),
    "empty": viewed("documents/empty.txt", ".note"),
    "downloads": downloading,
    "failed download": failed_download,
    "search": searched,
    "filter": filtered,
    "sorted": by_size,
    "empty folder": empty_folder,
    "no preview": viewed("large.bin", ".note"),
    "nothing": empty_filter,
    "missing folder": missing,
    "missing file": missing_file,
}


PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


@pytest.fixture(params=["light", "dark", "phone"])
def look(page: Page, request: pytest.FixtureRequest) -> Iterator[str]:
    look: str = request.param
    scheme = {"name": "prefers-color-scheme", "value": "light" if look == "light" else "dark"}
    page.command("Emulation.setEmulatedMedia", {"features": [scheme]})
    if look == "phone":
        page.command("Emulation.setDeviceMetricsOverride", PHONE)
    yield look
    page.command("Emulation.clearDeviceMetricsOverride", {})
    page.command("Emulation.setEmulatedMedia", {"features": []})
    page.run("localStorage.clear()")


@pytest.mark.usefixtures("look")
@pytest.mark.parametrize("state", STATES)
def test_axe_has_nothing_to_say(page: Page, axe: str, state: str) -> None:
    STATES[state](page)
    assert complaints_of_axe(page, axe) == []
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")


def test_axe_has_nothing_to_say_about_login_and_sharing(
    chromium: tuple[webdriver.Chrome, Path], files: Path, axe: str
) -> None:
    keys = '{"2026-11": "0123456789abcdef0123456789abcdef"}'
    with service(
        "uvicorn", {"FILE_SOURCE": str(files), "FILE_TOKEN": "t", "FILE_SIGNING_KEYS": keys}
    ) as server:
        page = Page(chromium[0], server.url, chromium[1])
        page.open()
        page.until(lambda: page.run("return document.activeElement.type") == "password")
        page.press("wrong", Keys.ENTER)
        page.until(lambda: "is not right" in page.text())
        assert complaints_of_axe(page, axe) == []
        page.press("t", Keys.ENTER)
        page.click("Share")
        page.until(lambda: "Make the link" in page.text())
        assert complaints_of_axe(page, axe) == []
        page.click("Make the link")
        page.until(lambda: "The link is ready" in page.text())
        assert complaints_of_axe(page, axe) == []
        page.browser.delete_all_cookies()
        page.complaints()


def tree(page: Page) -> list[tuple[str, str]]:
    """Return (role, name) of each node that the browser tells a screen reader about."""
    nodes: list[dict[str, Any]] = page.command("Accessibility.getFullAXTree", {})["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored")
    ]


def test_a_screen_reader_gets_names_and_roles(page: Page) -> None:
    page.open("#/sorted/")
    page.until(lambda: "6 items" in page.text())
    told = tree(page)
    for expected in [
        ("heading", "sorted"),
        ("navigation", "Path"),
        ("link", "Files"),
        ("searchbox", "Filter by name"),
        ("grid", "sorted"),
        ("columnheader", "Name"),
        ("checkbox", "Select a2.txt"),
        ("button", "Download a2.txt"),
        ("rowheader", "a2.txt"),
        ("button", "Gallery"),
        ("button", "Download zip"),
    ]:
        assert expected in told, told
    page.click_link("a2.txt")
    page.until(lambda: page.viewed())
    told = tree(page)
    for expected in [
        ("dialog", "a2.txt"),
        ("heading", "a2.txt"),
        ("button", "Download"),
        ("button", "Close"),
        ("button", "Previous file"),
    ]:
        assert expected in told, told
    assert ("grid", "sorted") not in told  # what lies behind is out of reach


# Of what has the focus, and of the row that it lies in: a row's link is shown by the whole row.
OUTLINES = (
    "const row = document.activeElement.closest('.row') ?? document.activeElement;"
    "return [row, document.activeElement].map(each => getComputedStyle(each).outlineStyle)"
)


def test_the_keyboard_alone_does_everything(page: Page) -> None:
    """Tab moves through the controls and the active row. The focus is always visible."""
    page.open("#/sorted/")
    page.until(lambda: "6 items" in page.text())
    reached: list[str] = []
    for _ in range(16):
        page.run("window.before = document.activeElement")
        page.press(Keys.TAB)
        page.until(lambda: page.run("return document.activeElement !== before"))
        assert page.run("return document.activeElement !== document.body"), (
            f"the focus was lost after {reached}"
        )
        reached.append(
            page.run(
                "const e = document.activeElement;"
                " return e.getAttribute('aria-label') || e.textContent.trim() || e.id"
            )
        )
        page.until(lambda: {"solid", "auto"} & set(page.run(OUTLINES)))
        if reached[-1].startswith("Download Z"):
            break
    assert reached == [
        "Files",
        "Download zip",
        "Filter by name",
        "List",
        "Gallery",
        "Select all",
        "Name",
        "Size",
        "Modified",
        "Select Z folder",
        "Z folder/",
        "Download Z folder",
    ]
    page.press_with(Keys.SHIFT, Keys.TAB)
    page.press(Keys.ARROW_DOWN, Keys.SPACE, Keys.ARROW_DOWN, Keys.SPACE)
    page.until(lambda: "2 items selected" in page.text())
    page.press_with(Keys.CONTROL, "a")
    page.until(lambda: "6 items selected" in page.text())
    page.press(Keys.ESCAPE)
    page.until(lambda: "selected" not in page.text())
    page.press(Keys.TAB, Keys.ENTER)  # its download
    page.until(lambda: "SHA-256 verified" in page.text())
    page.until(lambda: reach(page, "Remove"))
    page.press(Keys.ENTER)
    page.until(lambda: not page.all("#tray li"))


def reach(page: Page, name: str) -> bool:
    page.press(Keys.TAB)
    return bool(
        page.run("return document.activeElement.getAttribute('aria-label') === arguments[0]", name)
    )
