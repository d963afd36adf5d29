"""A person's actions on the page, in a real Chromium, and what the browser reports."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

selenium = pytest.importorskip("selenium")
from selenium import webdriver  # noqa: E402 - after the check that it is there
from selenium.common.exceptions import (  # noqa: E402
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_chromium = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver"
    ),
    pytest.mark.timeout(300),  # one processor, shared with other tests
]

# A page that a rendering interrupts replaces its elements: the action is tried again.
_PASSING = [
    StaleElementReferenceException,
    ElementClickInterceptedException,
    ElementNotInteractableException,
]

# Runs before the page's own scripts. Requests whose URL contains a held text wait until it is
# released.
HOLD_REQUESTS = """
window.held = [];
held.signals = [];
window.release = () => { const waiting = held; held = null; for (const go of waiting ?? []) go(); };
const realFetch = window.fetch;
window.fetch = async (url, options) => {
  if (held && String(url?.url ?? url).includes(HELD)) {
    held.signals.push(options?.signal);
    await new Promise(go => held.push(go));
  }
  return realFetch(url, options);
};
"""


class Page:
    def __init__(self, browser: webdriver.Chrome, url: str, saved: Path) -> None:
        self.browser, self.url, self.saved = browser, url, saved

    def open(self, hash_: str = "", before: str = "") -> None:
        """Opens the page anew. `before`: a script to run ahead of the page's own."""
        self.browser.get("about:blank")
        # The page gets the keyboard, whatever window of its own the browser has opened before.
        self.command("Emulation.setFocusEmulationEnabled", {"enabled": True})
        script = None
        if before:
            script = self.command("Page.addScriptToEvaluateOnNewDocument", {"source": before})[
                "identifier"
            ]
        try:
            self.browser.get(f"{self.url}/{hash_}")
        finally:
            if script:
                self.command("Page.removeScriptToEvaluateOnNewDocument", {"identifier": script})

    def until(self, holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Wait until `holds` returns something true, and return that.

        An element that the page has just replaced is looked up again.
        """
        wait = WebDriverWait(self.browser, seconds, 0.05, ignored_exceptions=_PASSING)
        try:
            return wait.until(lambda _: holds())
        except TimeoutException:
            address = self.run("return location.href")
            raise AssertionError(
                f"Waited {seconds} s at {address}, which shows:\n{self.text()[:3000]}"
            ) from None

    def all(self, selector: str) -> list[WebElement]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def click(self, label: str) -> None:
        """Clicks the visible button or link of this name."""

        def clicked() -> bool:
            for each in self.all(":is(button, a.button):not([inert] *)"):
                if each.is_displayed() and (
                    each.text == label or each.get_attribute("aria-label") == label
                ):
                    each.click()
                    return True
            return False

        self.until(clicked)

    def click_link(self, name: str) -> None:
        """Opens an entry of the list that is in the window."""
        script = (
            "return [...document.querySelectorAll('#rows a, #tiles a')]"
            ".find(link => link.querySelector('.label').textContent === arguments[0])"
        )
        self.until(lambda: self.run(script, name)).click()

    def names(self) -> list[str]:
        """The entries of the list that are in the document."""
        found: list[str] = self.run(
            "return [...document.querySelectorAll('#contents .label')].map(e => e.textContent)"
        )
        return found

    def shows(self, name: str) -> bool:
        return name in self.names()

    def focused(self) -> str | None:
        """The entry of the list that has the focus."""
        found: str | None = self.run(
            "return document.activeElement?.querySelector?.('.label')?.textContent ?? null"
        )
        return found

    def viewed(self) -> str | None:
        """The text of the file that is open."""
        found: str | None = self.run(
            "return document.querySelector('#viewer pre')?.textContent ?? null"
        )
        return found

    def text(self) -> str:
        """All text that can be seen."""
        return str(self.run("return document.body?.innerText ?? ''"))

    def press(self, *keys: str) -> None:
        webdriver.ActionChains(self.browser).send_keys(*keys).perform()

    def press_with(self, modifier: str, key: str) -> None:
        webdriver.ActionChains(self.browser).key_down(modifier).send_keys(key).key_up(
            modifier
        ).perform()

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def command(self, name: str, parameters: Mapping[str, Any]) -> Any:
        return self.browser.execute_cdp_cmd(name, dict(parameters))

    def saved_file(self, name: str) -> Path:
        path = self.saved / name
        self.until(path.exists)
        return path

    def progress(self) -> float:
        """How far the latest download is, from 0 to 1; -1 where that is not known."""
        script = (
            "const bar = document.querySelector('#tray progress');"
            " return bar && !bar.hidden ? bar.position : -1"
        )
        return float(self.run(script))

    def files_on_its_disk(self) -> int:
        """How many files the page keeps in the browser's private disk space."""
        script = """
        const done = arguments[0];
        (async () => {
          const root = await navigator.storage.getDirectory();
          const places = await root.getDirectoryHandle("transfers", { create: true });
          let count = 0;
          for await (const _ of places.keys()) count++;
          done(count);
        })();"""
        return int(self.browser.execute_async_script(script))

    def memory(self) -> int:
        """Bytes that all processes of the browser have for themselves (Linux)."""
        pids = {self.browser.service.process.pid}
        parents = {
            int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()
        }
        while more := {pid for pid, parent in parents.items() if parent in pids} - pids:
            pids |= more
        return sum(_private_bytes(pid) for pid in pids)

    def complaints(self) -> list[str]:
        """Return the console's new entries: policy violations, failed requests, errors."""
        log = self.browser.get_log("browser")  # type: ignore[no-untyped-call] # has no annotations
        entries: list[dict[str, str]] = log
        messages = [entry["message"] for entry in entries if entry["level"] == "SEVERE"]
        # A browser asks for it by itself, on an address of ours that is no page.
        return [message for message in messages if "/favicon.ico" not in message]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # it has ended


def _private_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private"))


def started_chromium(saved: Path) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--window-size=1100,800",
        "--lang=en-GB",
    ):
        options.add_argument(argument)
    preferences = {
        "download.default_directory": str(saved),
        # A person is asked once whether the page may save several files.
        "profile.default_content_setting_values.automatic_downloads": 1,
    }
    options.add_experimental_option("prefs", preferences)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(str(DRIVER)))


__all__ = ["HOLD_REQUESTS", "Keys", "Page", "needs_chromium", "started_chromium"]
