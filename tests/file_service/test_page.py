"""The page in a real browser, with a keyboard, on a phone, over the service on the Lambda path."""

import contextlib
import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.file_service.servers import ROOT, Server, service

selenium = pytest.importorskip("selenium")
from selenium import webdriver  # noqa: E402 - after the check that it is there
from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver"),
]

LARGE = bytes(range(256)) * 4096 * 40  # 40 MiB: more than one piece of the page's downloads


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    shutil.copytree(ROOT / "src" / "samples", folder, dirs_exist_ok=True)
    (folder / "large.bin").write_bytes(LARGE)
    (folder / "photos" / "na\u00efve & co #1").mkdir(parents=True)
    (folder / "photos" / "na\u00efve & co #1" / "100% <b>.txt").write_text("odd name")
    (folder / "many").mkdir()
    for number in range(600):
        (folder / "many" / f"{number:03}.txt").write_text(f"{number}")
    (folder / "active.html").write_text("<script>document.title = 'owned'</script>")
    return folder


@pytest.fixture(scope="module")
def server(files: Path) -> Iterator[Server]:
    with service("lambda", {"FILE_SOURCE": str(files)}) as server:
        yield server


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the console has got since it was looked at last: refused by Content-Security-Policy, failed, thrown."""
    entries: list[dict[str, str]] = browser.get_log("browser")  # type: ignore[no-untyped-call] # has no annotations
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


class Page:
    """What a person does with the page."""

    def __init__(self, browser: webdriver.Chrome, url: str, saved: Path) -> None:
        self.browser, self.url, self.saved = browser, url, saved

    def open(self, hash_: str = "") -> None:
        self.browser.get("about:blank")
        self.browser.get(f"{self.url}/{hash_}")

    def until(self, holds: Callable[[], Any]) -> Any:
        """What `holds` gives, once it is true. An element that the page has just replaced is looked for anew."""
        wait = WebDriverWait(self.browser, 20, 0.02, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(lambda _: holds())

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def names(self) -> list[str]:
        found: list[str] = self.run("return [...document.querySelectorAll('#entries .name')].map(e => e.textContent)")
        return found

    def button(self, label: str) -> WebElement:
        found: WebElement = self.until(
            lambda: next(
                (each for each in self.all("button, a.button") if each.text == label and each.is_displayed()), None
            )
        )
        return found

    def said(self) -> str:
        return " ".join(element.text for element in self.all("output"))

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    def run(self, script: str) -> Any:
        return self.browser.execute_script(script)

    def saved_file(self, name: str) -> Path:
        path = self.saved / name
        self.until(path.exists)
        return path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[webdriver.Chrome, Path]]:
    saved = tmp_path_factory.mktemp("saved")
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1100,800"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(saved)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with contextlib.closing(_Quitting(webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER))))) as browser:
        yield browser.driver, saved


class _Quitting:
    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def close(self) -> None:
        self.driver.quit()


@pytest.fixture
def page(chromium: tuple[webdriver.Chrome, Path], server: Server) -> Iterator[Page]:
    browser, saved = chromium
    complaints(browser)  # of another test
    yield Page(browser, server.url, saved)
    assert complaints(browser) == []


def test_folders_are_browsed_by_keyboard(page: Page) -> None:
    page.open()
    page.until(
        lambda: (
            page.names()
            == [
                "active.html",
                "counting.mp4",
                "hello.txt",
                "large.bin",
                "many/",
                "measurements/",
                "photos/",
                "waves.png",
            ]
        )
    )
    page.press(*[Keys.ARROW_DOWN] * 7, Keys.ENTER)
    page.until(lambda: page.names() == ["na\u00efve & co #1/"])
    page.press(Keys.ENTER)
    page.until(lambda: page.names() == ["100% <b>.txt"])
    assert page.all("#crumbs")[0].text == "Files/photos/na\u00efve & co #1"
    page.press(Keys.ENTER)
    page.until(lambda: [element.text for element in page.all("pre")] == ["odd name"])
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.run("return document.getElementById('file').open"))
    page.press(Keys.BACKSPACE)
    page.until(lambda: page.names() == ["na\u00efve & co #1/"])
    page.browser.back()
    page.until(lambda: page.names() == ["100% <b>.txt"])


def test_a_download_is_saved_and_checked_against_the_digest(page: Page) -> None:
    page.open("#/large.bin")
    page.button("Download").click()
    page.until(lambda: "SHA-256 agrees" in page.said())
    assert hashlib.sha256(LARGE).hexdigest() in page.said()
    assert page.saved_file("large.bin").read_bytes() == LARGE


def test_a_download_pauses_and_resumes_where_it_was(page: Page) -> None:
    page.open("#/large.bin")
    page.button("Close")
    # Bytes are counted as they arrive, and the first ones are followed by a pause.
    page.run(
        """
        window.asked = [];
        const real = window.fetch;
        window.fetch = (url, options = {}) => {
            if (options.headers?.Range) asked.push(options.headers);
            return real(url, options);
        };
        new MutationObserver(() => {
            const button = [...document.querySelectorAll("dialog button")].find(each => each.textContent === "Pause");
            if (button && !window.paused && /MiB of/.test(document.querySelector("dialog output").value)) {
                window.paused = true; button.click();
            }
        }).observe(document.getElementById("file"), { subtree: true, childList: true, attributes: true });
        """
    )
    page.button("Download").click()
    page.until(lambda: page.said().startswith("Paused at"))
    page.button("Resume").click()
    page.until(lambda: "SHA-256 agrees" in page.said())
    first, *others = page.run("return asked")
    assert first["Range"] == f"bytes=0-{32 * 2**20 - 1}"
    assert all(each["If-Range"] == first["If-Range"] for each in others)
    resumed_at = int(others[0]["Range"].removeprefix("bytes=").split("-")[0])
    assert 0 < resumed_at < 32 * 2**20


def test_a_connection_that_breaks_is_taken_up_again(page: Page) -> None:
    """The bodies of the first two answers end early, as those of a Function URL do when the function fails."""
    page.open("#/large.bin")
    page.button("Close")
    page.run(
        """
        let broken = 0;
        const real = window.fetch;
        window.fetch = async (url, options = {}) => {
            const response = await real(url, options);
            if (!options.headers?.Range || ++broken > 2) return response;
            const part = (await response.arrayBuffer()).slice(0, 1e6);
            return new Response(part, { status: response.status, headers: response.headers });
        };
        """
    )
    page.button("Download").click()
    page.until(lambda: "SHA-256 agrees" in page.said())


def test_pieces_become_as_small_as_the_server_asks(chromium: tuple[webdriver.Chrome, Path], files: Path) -> None:
    """As behind a Function URL whose InvokeMode is BUFFERED."""
    browser, saved = chromium
    with service("lambda", {"FILE_SOURCE": str(files), "FILE_STREAM_MAX_BYTES": "4500000"}) as server:
        page = Page(browser, server.url, saved)
        page.open("#/large.bin")
        page.button("Download").click()
        page.until(lambda: "SHA-256 agrees" in page.said())
        page.open("#/")
        page.until(page.names)
        page.button("Folder as zip").click()
        page.until(lambda: "more than the 4500000 that can be streamed here" in page.said())
        complaints(browser)  # of the two 413


def test_a_file_that_changes_meanwhile_is_not_mixed(page: Page, files: Path) -> None:
    (files / "changing.bin").write_bytes(b"a" * 1000)
    page.open("#/changing.bin")
    page.button("Close")
    (files / "changing.bin").write_bytes(b"b" * 2000)
    page.button("Download").click()
    page.until(lambda: "The file has changed. Reload the folder." in page.said())
    (files / "changing.bin").unlink()


def test_a_digest_runs_with_progress(page: Page) -> None:
    page.open("#/large.bin")
    page.button("SHA-256").click()
    page.until(lambda: page.said() == f"SHA-256: {hashlib.sha256(LARGE).hexdigest()}")
    assert page.run("return document.querySelector('dialog progress').value") == 1


def test_a_folder_is_saved_as_a_zip(page: Page) -> None:
    page.open("#/photos/")
    page.button("Folder as zip").click()
    page.until(lambda: page.said().startswith("Saved"))
    with zipfile.ZipFile(page.saved_file("photos.zip")) as zipped:
        assert zipped.read("na\u00efve & co #1/100% <b>.txt") == b"odd name"


def test_a_link_to_a_file_works_also_where_the_folder_has_not_been_listed_so_far(page: Page) -> None:
    names = [f"{number:03}.txt" for number in range(600)]
    page.open("#/many/599.txt")
    page.until(lambda: [each.text for each in page.all("pre")] == ["599"])
    page.button("Close").click()
    page.until(lambda: page.names() == names[:500])
    page.button("Show more").click()
    page.until(lambda: page.names() == names)


def test_images_and_videos_are_shown(page: Page) -> None:
    page.open("#/waves.png")
    page.until(lambda: page.run("return document.querySelector('dialog img')?.naturalWidth") == 640)
    page.open("#/counting.mp4")
    page.until(lambda: page.run("return document.querySelector('dialog video')?.videoWidth") == 320)


def test_a_video_can_be_sought(page: Page) -> None:
    """Chromium seeks by Range; what it then shows is the frame of that moment."""
    page.open("#/counting.mp4")
    page.until(lambda: page.run("return document.querySelector('dialog video')?.readyState >= 1"))
    page.run("const video = document.querySelector('dialog video'); video.currentTime = 9; ")
    page.until(
        lambda: page.run("const v = document.querySelector('dialog video'); return !v.seeking && v.readyState >= 2")
    )
    assert page.run("return document.querySelector('dialog video').currentTime") == 9
    assert page.run("return document.querySelector('dialog video').error") is None
    assert page.run("return document.querySelector('dialog video').seekable.end(0)") == pytest.approx(12, abs=0.2)


def test_html_is_shown_as_text_and_opened_without_its_scripts(page: Page) -> None:
    page.open("#/active.html")
    page.until(lambda: [each.text for each in page.all("pre")] == ["<script>document.title = 'owned'</script>"])
    page.browser.get(f"{page.url}/files/active.html")
    assert page.browser.title != "owned"
    assert len(complaints(page.browser)) == 1  # that it was refused


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, scheme: str) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        for hash_ in ("", "#/hello.txt", "#/waves.png", "#/photos/"):
            page.open(hash_)
            page.until(lambda: page.all("#entries li"))
            assert page.run("return document.documentElement.scrollWidth") <= 360
        background = page.run("return getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(251, 251, 249)", "dark": "rgb(18, 22, 28)"}[scheme]
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_token_is_asked_for_once(chromium: tuple[webdriver.Chrome, Path], files: Path) -> None:
    browser, saved = chromium
    with service("uvicorn", {"FILE_SOURCE": str(files), "FILE_TOKEN": "s3cret %;"}) as server:
        page = Page(browser, server.url, saved)
        page.open()
        page.until(lambda: page.all("#token")[0].is_displayed())
        assert page.names() == []
        page.press("s3cret %;", Keys.ENTER)
        page.until(lambda: "hello.txt" in page.names())
        page.open("#/waves.png")
        page.until(lambda: page.run("return document.querySelector('dialog img')?.naturalWidth") == 640)
        browser.delete_all_cookies()
        complaints(browser)  # of the 401
