"""Downloads: verified, in pieces, paused and resumed, in the background, never in memory."""

import hashlib
import zipfile
from pathlib import Path

import pytest
from selenium import webdriver

from tests.file_service.page.browser import HOLD_REQUESTS, Keys, Page, needs_chromium
from tests.file_service.page.conftest import LARGE, start_slow_download
from tests.file_service.page.door import Asked, Door
from tests.file_service.servers import service

pytestmark = needs_chromium

DIGEST = hashlib.sha256(LARGE).hexdigest()


def test_a_download_is_saved_and_checked_against_the_digest(page: Page) -> None:
    page.open("#/large.bin")
    page.click("Download")
    page.until(lambda: "Saved, 40.0 MiB \u00b7 SHA-256 verified" in page.text())
    assert page.run("return document.querySelector('#tray .facts').title") == f"SHA-256 {DIGEST}"
    assert page.saved_file("large.bin").read_bytes() == LARGE


def test_an_empty_file_is_downloaded(page: Page, files: Path) -> None:
    page.open("#/documents/empty.txt")
    page.click("Download")
    page.until(lambda: "Saved, 0 B" in page.text())
    assert page.saved_file("empty.txt").read_bytes() == b""


def test_a_download_pauses_and_resumes_where_it_was(behind: Page, door: Door) -> None:
    """It does not ask again for bytes that it has."""
    page = behind
    start_slow_download(page, door)
    page.click("Pause")
    page.until(lambda: "Paused at" in page.text())
    share = page.progress()
    assert 0 < share < 1
    door.bytes_per_second = None
    before = [each for each in door.asked_for("/files/large.bin") if "range" in each.headers]
    page.click("Resume")
    page.until(lambda: "SHA-256 verified" in page.text())
    resumed = [each for each in door.asked_for("/files/large.bin") if "range" in each.headers][
        len(before)
    ]
    start = int(resumed.headers["range"].removeprefix("bytes=").split("-")[0])
    assert 0 < start < len(LARGE)
    assert start / len(LARGE) == pytest.approx(share, abs=0.05)
    assert resumed.headers["if-range"] == before[0].headers["if-range"]
    assert page.saved_file("large.bin").read_bytes() == LARGE


def test_a_download_survives_navigation_and_the_end_of_the_page(behind: Page, door: Door) -> None:
    page = behind
    start_slow_download(page, door)
    page.press(Keys.ESCAPE)
    page.click_link("photos/")
    page.until(lambda: "co #1" in page.text())
    at = page.progress()
    page.until(lambda: page.progress() > at)  # it goes on
    page.open("#/sorted/")  # another page: the worker is gone
    page.until(lambda: "Paused at" in page.text())
    share = page.progress()
    assert share > 0
    door.bytes_per_second = None
    page.click("Resume")
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("large.bin").read_bytes() == LARGE
    page.open()
    page.until(page.names)
    assert not page.all("#tray li")  # done with


def test_a_download_that_is_cancelled_leaves_nothing_behind(behind: Page, door: Door) -> None:
    page = behind
    start_slow_download(page, door)
    assert page.files_on_its_disk() == 1
    page.click("Cancel")
    page.until(lambda: not page.all("#tray li") or not page.all("#tray li")[0].is_displayed())
    page.until(lambda: page.files_on_its_disk() == 0)


def test_three_downloads_run_and_the_next_one_waits(behind: Page, door: Door, brief: Path) -> None:
    for number in range(4):
        (brief / f"{number}.bin").write_bytes(LARGE[: 2**20])
    page = behind
    door.bytes_per_second = 20_000
    page.open("#/brief/")
    page.until(lambda: len(page.names()) == 4)
    # By script: the downloads soon lie over the buttons.
    page.run("document.querySelectorAll('#rows .do button').forEach(each => each.click())")
    page.until(lambda: page.text().count("Waiting") == 1)
    assert "4 downloads" in page.text()
    door.bytes_per_second = None
    page.until(lambda: len(page.all("#tray li.done")) == 4)
    page.click("Clear")
    page.until(lambda: page.files_on_its_disk() == 0)


def test_a_connection_that_breaks_is_taken_up_again(behind: Page, door: Door) -> None:
    """Bodies end early but normally, as behind a Function URL if the function fails."""
    page = behind
    passed: list[Asked] = []  # what a first piece was sent for; the second one ends the body

    def change(asked: Asked, piece: bytes) -> bytes:
        if asked.path != "/files/large.bin" or len(passed) == 3:
            return piece
        if any(each is asked for each in passed):
            return b""
        passed.append(asked)
        return piece

    door.change = change
    page.open("#/large.bin")
    page.click("Download")
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("large.bin").read_bytes() == LARGE
    assert len(passed) == 3


def test_what_is_not_what_the_server_has_is_not_saved(behind: Page, door: Door) -> None:
    page = behind
    (page.saved / "hello.txt").unlink(missing_ok=True)
    door.change = lambda asked, piece: (
        piece.replace(b"Hello", b"Hallo") if "range" in asked.headers else piece
    )
    page.open("#/hello.txt")
    page.click("Download")
    page.until(lambda: "Nothing was saved" in page.text())
    assert not (page.saved / "hello.txt").exists()
    page.click("Remove")


def test_pieces_become_as_small_as_the_server_asks(
    chromium: tuple[webdriver.Chrome, Path], files: Path
) -> None:
    """As behind a Function URL whose InvokeMode is BUFFERED."""
    with service(
        "lambda", {"FILE_SOURCE": str(files), "FILE_STREAM_MAX_BYTES": "4500000"}
    ) as server:
        page = Page(chromium[0], server.url, chromium[1])
        page.complaints()
        page.open("#/large.bin")
        page.click("Download")
        page.until(lambda: "SHA-256 verified" in page.text())
        page.press(Keys.ESCAPE)
        page.click("Download zip")
        page.until(lambda: "more than the 4500000 that can be streamed here" in page.text())
        page.click("Remove")
        page.complaints()  # of the 413


def test_a_file_that_changes_meanwhile_is_not_mixed(page: Page, files: Path) -> None:
    changing = files / "documents" / "changing.bin"
    changing.write_bytes(b"a" * 1000)
    page.open("#/documents/changing.bin")
    page.until(lambda: "1000 B \u00b7" in page.text())  # shown, not only listed
    changing.write_bytes(b"b" * 2000)
    page.click("Download")  # of the present version: nothing of the other one has arrived
    page.until(lambda: "SHA-256 verified" in page.text())
    assert page.saved_file("changing.bin").read_bytes() == b"b" * 2000
    changing.unlink()


def test_a_folder_is_saved_as_a_zip(page: Page) -> None:
    page.open("#/photos/", before=f"const HELD = 'archives'; {HOLD_REQUESTS}")
    page.until(page.names)
    page.click("Download zip")
    page.until(lambda: "Preparing the zip" in page.text())
    page.run("release()")
    page.until(lambda: "Saved," in page.text())
    with zipfile.ZipFile(page.saved_file("photos.zip")) as zipped:
        assert zipped.read("na\u00efve & co #1/100% <b>.txt") == b"odd name"


def test_several_items_are_selected_and_saved_as_one_zip_of_a_known_size(page: Page) -> None:
    page.open("#/deep/one/")
    page.until(lambda: page.names() == ["two/", "needle.txt"])
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.SPACE)
    page.until(lambda: "1 item selected 9 B" in " ".join(page.text().split()))
    page.press(Keys.ARROW_UP, Keys.SPACE)
    page.until(lambda: "2 items selected" in page.text() and "Counting" not in page.text())
    said = page.run("return document.querySelector('#selection [role=status]').textContent")
    page.click("Download as zip")
    page.until(lambda: "Saved," in page.text())
    path = page.saved_file("one.zip")
    assert said == f"{path.stat().st_size} B"
    with zipfile.ZipFile(path) as zipped:
        assert sorted(zipped.namelist()) == [
            "needle.txt",
            "two/a needle.txt",
            "two/needles/pin.txt",
        ]
    page.press(Keys.ESCAPE)
    page.until(lambda: "selected" not in page.text())


def test_a_range_of_thousands_is_selected_at_once(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "3,000 items" in page.text())
    page.all("#pick-all")[0].click()
    page.until(lambda: "3,000 items selected" in page.text())
    page.click("Download as zip")
    page.until(lambda: "Saved," in page.text())
    with zipfile.ZipFile(page.saved_file("many.zip")) as zipped:
        assert len(zipped.namelist()) == 3000
    page.click("Clear the selection")
    page.run("scrollTo(0, 0)")  # the list remembers where an earlier test has left it
    page.until(lambda: page.names()[:1] == ["0000.txt"])
    boxes = page.all("#rows input")
    boxes[2].click()
    webdriver.ActionChains(page.browser).key_down(Keys.SHIFT).click(boxes[6]).key_up(
        Keys.SHIFT
    ).perform()
    page.until(lambda: "5 items selected" in page.text())


def test_a_digest_runs_with_progress(page: Page) -> None:
    page.open("#/large.bin")
    page.click("SHA-256")
    page.until(lambda: f"SHA-256 {DIGEST}" in page.text())


def test_without_a_disk_of_its_own_the_browser_downloads(
    chromium: tuple[webdriver.Chrome, Path], files: Path
) -> None:
    """As on a plain http address in a local network."""
    with service("uvicorn", {"FILE_SOURCE": str(files)}) as server:
        downloads_by_itself(Page(chromium[0], server.url, chromium[1]))


def downloads_by_itself(page: Page) -> None:
    (page.saved / "hello.txt").unlink(missing_ok=True)
    page.open(before="delete StorageManager.prototype.getDirectory")
    page.until(page.names)
    page.click("Download hello.txt")
    assert page.saved_file("hello.txt").read_bytes().startswith(b"Hello")
    page.click_link("deep/")
    page.until(lambda: "one/" in page.names())
    page.all("#rows input")[-1].click()
    (page.saved / "deep.zip").unlink(missing_ok=True)
    page.click("Download as zip")
    page.saved_file("deep.zip")


@pytest.mark.timeout(600)
def test_a_large_download_takes_no_memory(page: Page, brief: Path) -> None:
    """Download 300 MB through the page, and measure the heaps of the page and of its worker."""
    big = brief / "big.bin"
    with big.open("wb") as file:
        for _ in range(300):
            file.write(LARGE[: 2**20])
    # A small one first: a browser that has just started grows with anything it does.
    page.open("#/large.bin")
    page.click("Download")
    page.until(lambda: "SHA-256 verified" in page.text())
    page.saved_file("large.bin").unlink()
    page.click("Clear")
    before = page.memory()
    most = 0
    page.open("#/brief/big.bin")
    page.click("Download")

    def done() -> bool:
        nonlocal most
        most = max(most, page.memory())
        return "SHA-256 verified" in page.text()

    page.until(done, 500)
    big.unlink()
    path = page.saved_file("big.bin")
    page.until(lambda: path.stat().st_size == 300 * 2**20)
    path.unlink()
    print(f"\nall of the browser: {(most - before) / 2**20:.0f} MiB more")
    # 78 MiB on a quiet machine; a browser that writes slowly holds more, but never the whole file
    assert most - before < 250 * 2**20
