"""Login and share links on the page, and what the server sends for the page itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import Select

from tests.file_service.page.browser import Keys, Page, needs_chromium
from tests.file_service.servers import Server, service

browser = needs_chromium


@pytest.fixture(scope="module")
def private(files: Path) -> Iterator[Server]:
    settings = {
        "FILE_SOURCE": str(files),
        "FILE_TOKEN": "s3cret %;",
        "FILE_SIGNING_KEYS": '{"2026-11": "0123456789abcdef0123456789abcdef"}',
    }
    with service("uvicorn", settings) as server:
        yield server


@pytest.fixture
def locked(chromium: tuple[webdriver.Chrome, Path], private: Server) -> Iterator[Page]:
    """The page of a service with users."""
    page = Page(chromium[0], private.url, chromium[1])
    page.complaints()
    yield page
    page.browser.delete_all_cookies()
    assert all("401" in complaint or "403" in complaint for complaint in page.complaints())


def log_in(page: Page) -> None:
    page.until(lambda: page.run("return document.activeElement.type") == "password")
    page.press("s3cret %;", Keys.ENTER)


@pytest.mark.usefixtures("locked")
class TestAccess:
    pytestmark = browser

    def test_a_token_is_asked_for_once(self, locked: Page) -> None:
        page = locked
        page.open("#/waves.png")
        page.until(lambda: page.run("return document.activeElement.type") == "password")
        assert page.names() == []
        page.press("wrong", Keys.ENTER)
        page.until(lambda: "is not right" in page.text())
        page.press("s3cret %;", Keys.ENTER)
        page.until(
            lambda: page.run("return document.querySelector('#viewer img')?.naturalWidth") == 640
        )
        page.open()
        page.until(lambda: "hello.txt" in page.names())
        assert page.run("return document.cookie") == ""  # no script can read it
        assert page.run("return JSON.stringify({ ...localStorage })").count("s3cret") == 0
        page.click("Log out")
        page.until(lambda: page.run("return document.activeElement.type") == "password")
        assert page.names() == []

    def test_a_share_link_opens_the_page_limited_to_its_folder(self, locked: Page) -> None:
        page = locked
        page.open("#/deep/one/")
        log_in(page)
        page.until(lambda: "two/" in page.names())
        page.click("Share")
        page.until(lambda: "Share \u201cone\u201d" in page.text())
        Select(page.all("#share select")[0]).select_by_visible_text("1 hour")
        page.click("Make the link")
        page.until(lambda: "The link is ready" in page.text())
        link = page.run("return document.querySelector('#share input').value")
        page.press(Keys.ESCAPE)
        page.browser.delete_all_cookies()

        page.browser.get(link)
        page.until(lambda: page.names() == ["two/", "needle.txt"])
        page.until(lambda: page.all("h1")[0].text == "one")
        assert "Share" not in page.text()
        assert "Log out" not in page.text()
        page.click_link("needle.txt")
        page.until(lambda: page.viewed() == "found too")
        page.click("Download")
        page.until(lambda: "SHA-256 verified" in page.text())
        page.click("Remove")
        page.browser.get(f"{link}#/../")
        page.until(lambda: "one" in page.text())
        page.browser.get(f"{link[:-3]}x/")
        page.until(lambda: "This link is not valid." in page.text())

    def test_a_single_file_is_shared(self, locked: Page) -> None:
        page = locked
        page.open("#/hello.txt")
        log_in(page)
        page.until(lambda: page.viewed())
        page.click("Share")
        page.click("Make the link")
        page.until(lambda: "The link is ready" in page.text())
        link = page.run("return document.querySelector('#share input').value")
        page.browser.delete_all_cookies()
        page.browser.get("about:blank")
        page.browser.get(link)
        page.until(lambda: (page.viewed() or "").startswith("Hello"))


def test_the_page_names_its_parts_by_their_version(private: Server) -> None:
    """The page itself is revalidated each time. Its parts are cached for ever, and never mixed."""
    page = private.get("/")
    assert page.headers["cache-control"] == "no-cache"
    again = private.get("/", {"if-none-match": page.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    html = page.body.decode()
    assert "{assets}" not in html
    assets = html.partition('src="page/')[2].partition("/")[0]
    script = private.get(f"/page/{assets}/app.js")
    assert script.status == 200
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    old = private.get("/page/0123456789abcdef/app.js")
    assert (old.status, old.headers["cache-control"]) == (404, "no-store")
    assert private.get(f"/page/{assets}/index.html").status == 404
    assert private.get(f"/page/{assets}/..%2Fapp.py").status in (400, 404)
    head = private.ask("HEAD", f"/page/{assets}/app.js")
    assert (head.length, head.body) == (str(len(script.body)), b"")


def test_the_policy_lets_only_the_pages_own_scripts_run(private: Server) -> None:
    policy = dict(
        part.strip().partition(" ")[::2]
        for part in private.get("/").headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["style-src"].startswith(
        "'self' 'sha256-"
    )  # of one style, and no other inline one
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in str(policy)


def test_no_file_of_the_page_is_long() -> None:
    import file_service

    parts = [
        path for path in (Path(file_service.__file__).parent / "page").iterdir() if path.is_file()
    ]
    assert parts
    assert {
        path.name: lines for path in parts if (lines := len(path.read_text().splitlines())) > 400
    } == {}
