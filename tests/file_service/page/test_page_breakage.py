"""What people and networks do to the page: lost connections, full disks, ended logins, storms."""

import random
import shutil
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest
from selenium import webdriver

from tests.file_service.page.browser import HOLD_REQUESTS, Keys, Page, needs_chromium
from tests.file_service.page.conftest import LARGE, start_slow_download
from tests.file_service.page.door import Asked, Door
from tests.file_service.servers import service

pytestmark = needs_chromium


ODD_NAMES = [
    'it\'s "quoted".txt',
    "100% sure?.txt",
    "a#b&c=d+e.txt",
    "%2e%2e%2fnot a path.txt",
    "semi;colon, comma.txt",
    "emoji \U0001f98a\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1f3\U0001f1f1.txt",
    "\u05e2\u05d1\u05e8\u05d9\u05ea.txt",
    "<b>bold.txt",
    "two  spaces.txt",
    " outer space.txt",
    "[brackets]*.txt",
    "a|b.txt",
    "\u3164.txt",  # a letter that cannot be seen
    "x" * 251 + ".txt",
    "\u00e9" * 125 + ".txt",
]


@pytest.fixture
def odd(brief: Path) -> None:
    for name in ODD_NAMES:
        (brief / name).write_text(f"the content of {name!r}")
    (brief / ("y" * 255)).mkdir()
    (brief / ("y" * 255) / "in it.txt").write_text("deep")


@pytest.mark.usefixtures("odd")
def test_any_name_is_listed_opened_and_downloaded(page: Page) -> None:
    page.open("#/brief/")
    page.until(lambda: "16 items" in page.text())
    for name in ODD_NAMES:
        script = "return [...document.querySelectorAll('#rows .row')].map(row => row.dataset.path)"
        assert f"brief/{name}" in page.run(script)
    assert page.shows("two  spaces.txt")
    assert page.shows("\u2423outer space.txt")  # what cannot be seen is written out
    assert page.shows("[U+3164].txt")
    link = "return [...document.querySelectorAll('#rows .row')]"
    for name in ODD_NAMES:
        page.run(
            f"{link}.find(row => row.dataset.path === arguments[0]).querySelector('a').click()",
            f"brief/{name}",
        )
        page.until(partial(_shows_text, page, f"the content of {name!r}"))
        page.press(Keys.ESCAPE)
        page.until(lambda: page.viewed() is None)
    before = set(page.saved.iterdir())
    page.run(f"{link}.forEach(row => row.querySelector('.do button').click())")
    page.until(lambda: len(page.all("#tray li.done")) == 16)
    failed = "return document.querySelectorAll('#tray li.failed').length"
    assert page.run(failed) == 0
    verified = "return document.querySelector('#tray').textContent.split('verified').length - 1"
    page.until(lambda: page.run(verified) >= len(ODD_NAMES))
    contents = {f"the content of {name!r}".encode() for name in ODD_NAMES}
    page.until(lambda: contents <= _contents_of(set(page.saved.iterdir()) - before))
    page.click("Clear")
    page.until(lambda: page.files_on_its_disk() == 0)


def _contents_of(paths: Iterable[Path]) -> set[bytes]:
    return {path.read_bytes() for path in paths if path.is_file()}


def _shows_text(page: Page, text: str) -> bool:
    return page.viewed() == text


def _has_focus(page: Page, name: str) -> bool:
    return page.focused() == name


def test_a_download_waits_for_a_lost_connection_and_resumes(behind: Page, door: Door) -> None:
    """It does not fail, and nobody must start it again."""
    page = behind
    start_slow_download(page, door)
    door.bytes_per_second = None
    door.closed = True
    page.until(lambda: "The connection is lost. The download resumes by itself." in page.text())
    share = page.progress()
    assert 0 < share < 1
    door.closed = False
    page.run("dispatchEvent(new Event('online'))")  # as the browser does
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("large.bin").read_bytes() == LARGE
    page.click("Remove")
    page.complaints()  # of the requests that failed


def test_without_a_connection_the_folders_that_were_seen_stay(behind: Page, door: Door) -> None:
    """They are not replaced by the error. The list loads again when the connection is back."""
    page = behind
    page.open("#/deep/")
    page.until(lambda: "one/" in page.names())
    page.click_link("one/")
    page.until(lambda: "needle.txt" in page.names())
    door.closed = True
    page.browser.back()
    page.until(lambda: "The server cannot be reached." in page.text())
    assert page.shows("one/")
    door.closed = False
    page.run("dispatchEvent(new Event('online'))")
    page.until(lambda: "The server cannot be reached." not in page.text())
    assert page.shows("one/")
    page.complaints()


def test_empty_answers_end_a_download_in_time(behind: Page, door: Door) -> None:
    """Bodies without a byte must not make it ask for ever, nor without a pause."""
    page = behind
    door.change = lambda asked, piece: b"" if "range" in asked.headers else piece
    page.open("#/large.bin")
    page.click("Download")
    page.until(lambda: "The connection is lost." in page.text())
    asked = [each for each in door.asked_for("/files/large.bin") if "range" in each.headers]
    assert len(asked) <= 10  # two rounds
    page.click("Cancel")
    page.until(lambda: not page.all("#tray li"))


def test_too_many_requests_are_asked_again(behind: Page, door: Door) -> None:
    """Lambda answers 429 if all of a function's concurrency is in use."""
    page = behind
    refused: list[Asked] = []

    def status(asked: Asked) -> int | None:
        if asked.path != "/files/hello.txt" or "range" not in asked.headers or len(refused) == 2:
            return None
        refused.append(asked)
        return 429

    page.open("#/hello.txt")
    page.until(page.viewed)
    door.refuse = status
    page.click("Download")
    page.until(lambda: "SHA-256 verified" in page.text())
    assert len(refused) == 2
    page.click("Remove")
    page.complaints()


def test_a_file_that_grows_while_it_is_downloaded(behind: Page, door: Door, files: Path) -> None:
    growing = files / "documents" / "growing.log"
    growing.write_bytes(LARGE)
    page = behind
    start_slow_download(page, door, "documents/growing.log")
    with growing.open("ab") as file:
        file.write(b"one more line")
    door.bytes_per_second = None
    page.until(lambda: "The file has changed. Start the download again." in page.text())
    page.click("Try again")
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("growing.log").read_bytes() == LARGE + b"one more line"
    page.click("Remove")
    growing.unlink()


def test_a_folder_that_is_deleted_while_it_is_open(page: Page, files: Path) -> None:
    """For a missing picture, the page must not say that the browser cannot show such files."""
    folder = files / "short-lived"
    (folder / "below").mkdir(parents=True)
    shutil.copy(files / "waves.png", folder / "gone.png")
    shutil.copy(files / "counting.mp4", folder / "gone.mp4")
    (folder / "gone.pdf").write_bytes(b"%PDF-1.1\n")
    (folder / "gone.txt").write_text("soon gone")
    page.open("#/short-lived/")
    page.until(lambda: len(page.names()) == 5)
    shutil.rmtree(folder)
    for name in ("gone.png", "gone.mp4", "gone.pdf", "gone.txt"):
        page.click_link(name)
        page.until(
            lambda: "There is nothing at this address." in page.text() or "not found" in page.text()
        )
        page.press(Keys.ESCAPE)
        page.until(partial(_has_focus, page, name))
    page.click("Download gone.txt")
    page.until(lambda: page.all("#tray li.failed"))
    page.click("Remove")
    page.click_link("below/")
    page.until(lambda: "Folder not found." in page.text())
    assert not page.all("#zip")[0].is_displayed()  # there is nothing to download
    page.complaints()


def limit_disk(page: Page, size: int | None) -> None:
    """Sets how many bytes the page may keep on the disk; None: as many as usual."""
    quota = {} if size is None else {"quotaSize": size}
    page.command("Storage.overrideQuotaForOrigin", {"origin": page.url, **quota})


def test_a_file_that_is_too_large_for_the_disk_space_goes_to_the_browser(page: Page) -> None:
    """Firefox gives a page a tenth of the disk, and says so. Chromium hides what it gives."""
    (page.saved / "large.bin").unlink(missing_ok=True)
    estimate = "StorageManager.prototype.estimate = async () => ({ quota: 10_000_000, usage: 0 })"
    page.open("#/large.bin", before=estimate)
    page.click("Download")
    _has_whole_file(page)
    assert page.run("return document.querySelector('#tray').hidden")


def _has_whole_file(page: Page) -> None:
    path = page.saved_file("large.bin")
    page.until(lambda: path.stat().st_size == len(LARGE))
    assert path.read_bytes() == LARGE


def test_a_disk_that_gets_full_keeps_what_has_arrived(behind: Page, door: Door) -> None:
    page = behind
    start_slow_download(page, door)
    limit_disk(page, 4 * 2**20)
    door.bytes_per_second = None
    try:
        page.until(lambda: "The disk is full." in page.text())
    finally:
        limit_disk(page, None)
    page.click("Try again")
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("large.bin").read_bytes() == LARGE
    page.click("Remove")


def test_a_full_disk_leaves_the_download_to_the_browser(page: Page) -> None:
    (page.saved / "large.bin").unlink(missing_ok=True)
    page.open("#/large.bin")
    limit_disk(page, 4 * 2**20)
    try:
        page.click("Download")
        page.until(lambda: "The disk is full." in page.text())
        page.click("Download without a check")
        _has_whole_file(page)
    finally:
        limit_disk(page, None)
    assert not page.all("#tray li")


def test_a_disk_that_refuses_is_as_no_disk(page: Page) -> None:
    """A private window of Firefox has the interface, and each of its calls fails."""
    (page.saved / "hello.txt").unlink(missing_ok=True)
    refuse = (
        "StorageManager.prototype.getDirectory = "
        "() => Promise.reject(new DOMException('Not here.', 'SecurityError'))"
    )
    page.open(before=refuse)
    page.until(page.names)
    page.click("Download hello.txt")
    assert page.saved_file("hello.txt").read_bytes().startswith(b"Hello")


def test_a_store_that_refuses_loses_no_download(page: Page) -> None:
    (page.saved / "hello.txt").unlink(missing_ok=True)
    refuse = (
        "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError') }"
    )
    page.open(before=refuse)
    page.until(page.names)
    page.click("Download hello.txt")
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("hello.txt").read_bytes().startswith(b"Hello")
    page.click("Remove")


TOKEN = {"FILE_TOKEN": "s3cret"}


def test_a_login_that_ends_is_asked_for_again_wherever_the_reader_is(
    chromium: tuple[webdriver.Chrome, Path], files: Path
) -> None:
    """Also while a picture is shown, a digest is computed or a download runs."""
    with service("uvicorn", {"FILE_SOURCE": str(files), **TOKEN}) as server:
        page = Page(chromium[0], server.url, chromium[1])
        page.open()
        _log_in(page)
        page.until(lambda: "hello.txt" in page.names())

        page.browser.delete_all_cookies()
        page.click_link("waves.png")
        _log_in(page)
        page.until(
            lambda: page.run("return document.querySelector('#viewer img')?.naturalWidth") == 640
        )

        page.browser.delete_all_cookies()
        page.click("SHA-256")
        _log_in(page)
        page.until(lambda: page.all("#viewer img"))

        page.browser.delete_all_cookies()
        page.click("Download")
        _log_in(page)
        page.until(lambda: "SHA-256 verified" in page.text())  # it has resumed by itself
        page.click("Remove")
        page.press(Keys.ESCAPE)

        page.click("Gallery")
        page.click("List")
        page.browser.delete_all_cookies()
        page.click_link("deep/")
        _log_in(page)
        page.until(lambda: "one/" in page.names())
        page.browser.delete_all_cookies()
        page.run("localStorage.clear()")
        page.complaints()  # of each 401


def _log_in(page: Page) -> None:
    page.until(lambda: page.run("return document.activeElement.type") == "password")
    page.press("s3cret", Keys.ENTER)
    page.until(lambda: not page.all("#login")[0].is_displayed())


def test_the_share_dialog_gives_way_to_the_login(
    chromium: tuple[webdriver.Chrome, Path], files: Path
) -> None:
    keys = {"FILE_SIGNING_KEYS": '{"2026-11": "0123456789abcdef0123456789abcdef"}'}
    with service("uvicorn", {"FILE_SOURCE": str(files), **TOKEN, **keys}) as server:
        page = Page(chromium[0], server.url, chromium[1])
        page.open("#/deep/")
        _log_in(page)
        page.click("Share")
        page.until(lambda: "Make the link" in page.text())
        page.browser.delete_all_cookies()
        page.click("Make the link")
        _log_in(page)
        page.until(lambda: "one/" in page.names())
        page.browser.delete_all_cookies()
        page.complaints()


def test_a_storm_of_back_and_forward_ends_where_the_address_says(page: Page) -> None:
    page.open("#/deep/")
    page.until(lambda: "one/" in page.names())
    places = ["#/sorted/", "#/hello.txt", "#/many/", "#/deep/?search=needle", "#/waves.png", "#/"]
    for place in places:
        page.run(f"location.hash = '{place}'")
    choice = random.Random(1)
    steps = [choice.randrange(1 + len(places)) for _ in range(40)]
    page.browser.execute_async_script(
        """
        const [steps, done] = arguments;
        const places = navigation.entries().filter(entry => entry.sameDocument);
        const next = () => {
          if (!steps.length) return setTimeout(done, 500);
          const { key } = places[steps.shift() % places.length];
          // The next one interrupts it: that is the storm.
          const { committed, finished } = navigation.traverseTo(key);
          for (const each of [committed, finished]) each.catch(() => {});
          setTimeout(next, Math.random() * 30);
        };
        next();
        """,
        steps,
    )
    address = page.run("return location.hash")
    assert address in ["#/deep/", *places]
    is_file = address.endswith((".txt", ".png"))
    page.until(lambda: page.all("#viewer")[0].is_displayed() == is_file)
    page.run("location.hash = '#/photos/'")
    page.until(lambda: page.names() and not page.all("#viewer")[0].is_displayed())
    page.browser.back()
    page.until(lambda: page.run("return location.hash") == address)
    page.until(lambda: page.all("#viewer")[0].is_displayed() == is_file)


def test_a_storm_of_clicks_downloads_once(page: Page) -> None:
    """Two clicks on Download make one download."""
    page.open(before=f"const HELD = 'archives'; {HOLD_REQUESTS}")
    page.until(page.names)
    many = "for (let n = 0; n < 10; n++) document.querySelector(arguments[0]).click()"
    page.run(many, "[aria-label='Download hello.txt']")
    page.run(many, "#zip")
    page.until(lambda: len(page.all("#tray li")) == 2)
    page.run("release()")
    page.until(lambda: len(page.all("#tray li.done")) == 2)
    page.click("Clear")


def test_fifty_downloads_at_once(page: Page) -> None:
    for path in page.saved.glob("00??.txt"):
        path.unlink()
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    page.run(
        """
        window.most = 0;
        const active = "#tray li:is(.running, .reading, .checking)";
        const tray = document.querySelector("#tray");
        const count = () => { most = Math.max(most, document.querySelectorAll(active).length); };
        new MutationObserver(count).observe(tray, { subtree: true, attributes: true });
        """
    )
    page.run(
        "const buttons = [...document.querySelectorAll('#rows .do button')];"
        "for (const each of buttons.slice(0, 10)) each.click()"
    )
    for number in range(10, 50, 10):
        page.run(f"scrollTo(0, {number * 44 + 100})")
        page.until(partial(page.shows, f"{number + 9:04}.txt"))
        for each in range(number, number + 10):
            page.run(f"document.querySelector('[aria-label=\"Download {each:04}.txt\"]').click()")
    page.until(lambda: len(page.all("#tray li.done")) == 50)
    assert 1 <= page.run("return most") <= 3
    for number in range(50):
        page.until((page.saved / f"{number:04}.txt").exists)
    page.click("Clear")
    page.until(lambda: page.files_on_its_disk() == 0)


@pytest.mark.usefixtures("odd")
def test_a_zip_of_a_folder_with_a_long_name(page: Page) -> None:
    page.open(f"#/brief/{'y' * 255}/")
    page.until(lambda: page.shows("in it.txt"))
    before = set(page.saved.iterdir())
    page.click("Download zip")
    page.until(lambda: "Saved," in page.text())
    new = page.until(
        lambda: [each for each in set(page.saved.iterdir()) - before if each.suffix == ".zip"]
    )
    with zipfile.ZipFile(new[0]) as zipped:
        assert zipped.read("in it.txt") == b"deep"
    page.click("Remove")
