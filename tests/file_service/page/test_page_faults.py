"""Faults that the page once had."""

from pathlib import Path

from selenium import webdriver

from tests.file_service.page.browser import HOLD_REQUESTS, Keys, Page, needs_chromium
from tests.file_service.page.door import Door
from tests.file_service.servers import service

pytestmark = needs_chromium


def test_a_folder_that_is_left_while_it_loads_adds_nothing_to_the_next_one(page: Page) -> None:
    page.open("#/photos/", before=f"const HELD = 'many'; {HOLD_REQUESTS}")
    page.until(lambda: "co #1" in page.text())
    page.run("location.hash = '#/many/'")
    page.until(lambda: page.run("return held.length"))
    page.run("location.hash = '#/measurements/'")
    page.until(lambda: ".csv" in page.text())
    page.run("release()")
    # The late answer is whole once another request has been answered and drawn.
    page.browser.execute_async_script(
        "fetch('files/many/').then(r => r.text()).then(() => setTimeout(arguments[0], 300))"
    )
    assert "0000.txt" not in page.text()


def test_every_entry_of_a_large_folder_is_shown_once(page: Page) -> None:
    page.open("#/many/")
    page.until(lambda: "0000.txt" in page.text())
    page.until(
        lambda: page.run(
            "scrollTo(0, document.documentElement.scrollHeight);"
            " return document.body.innerText.includes('2999.txt')"
        )
    )
    assert page.text().count("2999.txt") == 1
    assert page.text().count("2998.txt") == 1
    page.run("scrollTo(0, 0)")
    page.until(lambda: "0001.txt" in page.text())
    assert page.text().count("0001.txt") == 1
    assert page.text().count("1000.txt") <= 1


def test_a_download_goes_on_in_sight_when_the_file_is_closed_and_can_be_cancelled(
    behind: Page, door: Door
) -> None:
    page = behind
    door.bytes_per_second = 4e6
    page.open("#/large.bin")
    page.click("Download")
    page.until(lambda: page.progress() > 0)
    page.press(Keys.ESCAPE)
    page.until(lambda: page.focused() == "large.bin")
    at = page.progress()
    page.until(lambda: page.progress() > at)
    page.click("Cancel")
    page.until(lambda: not page.all("#tray li"))


def test_a_wrong_token_is_said_to_be_wrong(
    chromium: tuple[webdriver.Chrome, Path], files: Path
) -> None:
    with service("uvicorn", {"FILE_SOURCE": str(files), "FILE_TOKEN": "s3cret %;"}) as server:
        page = Page(chromium[0], server.url, chromium[1])
        page.open()
        page.until(lambda: any(each.is_displayed() for each in page.all("input[type=password]")))
        page.until(lambda: page.run("return document.activeElement.type") == "password")
        page.press("wrong", Keys.ENTER)
        page.until(lambda: "not" in page.text().lower() and "token" in page.text().lower(), 20)
        chromium[0].delete_all_cookies()
        page.complaints()  # of the 401


def test_names_that_no_address_can_say_are_counted(page: Page) -> None:
    """The page says how many there are: names with a line break, or that are not UTF-8."""
    page.open("#/odd/")
    page.until(lambda: "2 items are not shown, because a web address" in page.text())
    assert page.names() == ["invoice[U+202E]fdp.exe"]


def test_a_name_reads_in_the_order_of_its_characters(page: Page) -> None:
    page.open("#/odd/")
    page.until(lambda: "invoice" in page.text())
    assert "\u202e" not in page.text()
    assert "invoice[U+202E]fdp.exe" in page.text()
