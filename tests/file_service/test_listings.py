"""A folder as JSON pages, as NDJSON and as an index page."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urljoin

import pytest
from fastapi import FastAPI

from file_service.errors import SourceUnavailable
from file_service.listing_formats import after_cursor, cursor_after
from file_service.sources import Folder, Page
from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource

NDJSON = {"accept": "application/x-ndjson"}
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"accept": "application/json"}
FILES = {
    "a.txt": b"alpha",
    "photos/one.jpg": b"1",
    "photos/two & <three>.jpg": b"2",
    "photos/2026/c:d?e#f%.png": b"3",
    **{f"many/{number:03}": b"" for number in range(250)},
}


@pytest.fixture
def app() -> FastAPI:
    return app_over(MemorySource(FILES, page_entries=100))


def names(page: dict[str, Any]) -> list[str]:
    return [entry["path"] for entry in page["entries"]]


def test_the_root(app: FastAPI) -> None:
    answer = call(app, "/files/", JSON)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "accept"
    page = answer.json()
    assert names(page) == ["a.txt", "many/", "photos/"]
    assert page["cursor"] is None
    assert page["folder"] == ""
    file, folder, _ = page["entries"]
    assert folder == {"type": "folder", "path": "many/"}
    assert file["type"] == "file"
    assert file["size"] == 5
    assert file["modified"] == "2026-11-23T05:00:00Z"
    assert file["media_type"] == "text/plain; charset=utf-8"
    assert file["etag"] == call(app, "/files/a.txt").headers["etag"]


@pytest.mark.parametrize(
    "target", ["/files/?prefix=photos/", "/files/?prefix=photos", "/files/photos/"]
)
def test_a_folder_by_prefix_or_by_path(app: FastAPI, target: str) -> None:
    assert names(call(app, target, JSON).json()) == [
        "photos/2026/",
        "photos/one.jpg",
        "photos/two & <three>.jpg",
    ]


@pytest.mark.parametrize("limit", [1, 7, 99, 100, 101, 249, 250, 251, 1000])
def test_pages_by_cursor_are_together_the_folder(app: FastAPI, limit: int) -> None:
    found: list[str] = []
    cursor = ""
    for _ in range(300):
        page = call(app, f"/files/many/?limit={limit}&cursor={cursor}").json()
        assert len(page["entries"]) <= limit
        found += names(page)
        if page["cursor"] is None:
            break
        assert len(page["entries"]) == limit
        cursor = page["cursor"]
    assert found == [path for path in FILES if path.startswith("many/")]


def test_ndjson_is_the_same_entries_and_says_that_it_is_complete(app: FastAPI) -> None:
    answer = call(app, "/files/many/", NDJSON)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *entries, end = map(json.loads, answer.body.splitlines())
    assert entries == call(app, "/files/many/?limit=1000").json()["entries"]
    assert end == {"type": "end", "entries": 250, "skipped": 0}


def test_ndjson_goes_on_after_a_cursor(app: FastAPI) -> None:
    cursor = call(app, "/files/many/?limit=200").json()["cursor"]
    assert (
        json.loads(call(app, f"/files/many/?cursor={cursor}", NDJSON).body.splitlines()[0])["path"]
        == "many/200"
    )


def test_ndjson_leaves_as_the_source_lists() -> None:
    """The first page is sent before the source is asked for the second one."""
    asked: list[str] = []

    class Slow(MemorySource):
        async def list_pages(
            self, folder: str, *, after: str = "", limit: int = 1000
        ) -> AsyncGenerator[Page, None]:
            async for page in super().list_pages(folder, after=after, limit=limit):
                asked.append("page")
                yield page

    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message.get("body"):
            sent.append(f"{len(asked)} asked")

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/files/many/",
        "raw_path": b"/files/many/",
        "query_string": b"",
    }
    scope |= {
        "headers": [(b"accept", b"application/x-ndjson")],
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }
    asyncio.run(app_over(Slow(FILES, page_entries=100))(scope, receive, send))
    assert sent == ["1 asked", "2 asked", "3 asked", "3 asked"]


def test_a_listing_that_fails_says_so_in_its_last_line() -> None:
    class Failing(MemorySource):
        async def list_pages(
            self, folder: str, *, after: str = "", limit: int = 1000
        ) -> AsyncGenerator[Page, None]:
            if folder == "broken/":
                raise SourceUnavailable("at once")
            async for page in super().list_pages(folder, after=after, limit=limit):
                yield page
                raise SourceUnavailable("after a page")

    app = app_over(Failing(FILES, page_entries=100))
    *entries, last = map(json.loads, call(app, "/files/many/", NDJSON).body.splitlines())
    assert len(entries) == 100
    assert last == {"type": "error", "detail": "The file source does not answer. Try again."}
    for accept in (NDJSON, HTML, JSON, {}):
        answer = call(app, "/files/broken/", accept)
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name == "href"]


def test_the_index_page_links_what_it_lists(app: FastAPI) -> None:
    links = _Links()
    links.feed(call(app, "/files/photos/", HTML).body.decode())
    targets = [urljoin("/files/photos/", link) for link in links.found]
    assert targets == [
        "/files/",
        *(f"/files/{quote(path)}" for path in names(call(app, "/files/photos/", JSON).json())),
    ]
    for target in targets:
        assert call(app, target).status == 200


def test_the_index_page_has_the_format_of_nginx() -> None:
    files = {"photos/one.jpg": b"1", f"photos/{'a' * 50}": b"22", f"photos/{'b' * 60}": b""}
    page = call(app_over(MemorySource(files)), "/files/photos/", HTML).body.decode()
    when = "23-Nov-2026 05:00"
    assert page == (
        "<!doctype html>\n<html>\n<head><meta charset=utf-8><title>Index of /photos/</title>"
        "</head>\n<body>\n<h1>Index of /photos/</h1><hr><pre>"
        '<a href="../">../</a>\n'
        f'<a href="{"a" * 50}">{"a" * 50}</a> {when} {"2":>19}\n'
        f'<a href="{"b" * 60}">{"b" * 60}</a> {when} {"0":>19}\n'
        f'<a href="one.jpg">one.jpg</a>{" " * 44}{when} {"1":>19}\n'
        "</pre><hr></body>\n</html>\n"
    )


def test_the_media_type_in_a_listing_is_that_of_the_file() -> None:
    app = app_over(MemorySource({"a.ts": bytes(18_800), "b.ts": b"let x"}))
    for entry in call(app, "/files/", JSON).json()["entries"]:
        assert entry["media_type"] == call(app, f"/files/{entry['path']}").headers["content-type"]


@pytest.mark.parametrize("name", ["a", "ab", "abc", "\u00ff\u00fe?>~", "???>>>"])
def test_a_cursor_is_url_safe_and_leads_back(name: str) -> None:
    cursor = cursor_after(Folder(name))
    assert re.fullmatch("[A-Za-z0-9_-]*", cursor)
    assert after_cursor(cursor) == name


def test_a_name_can_neither_break_the_index_page_nor_read_as_a_url(app: FastAPI) -> None:
    assert b"two &amp; &lt;three&gt;.jpg" in call(app, "/files/photos/", HTML).body
    assert b'href="c%3Ad%3Fe%23f%25.png"' in call(app, "/files/photos/2026/", HTML).body


@pytest.mark.parametrize("accept", [NDJSON, HTML, {}])
def test_head_has_the_headers_of_get(app: FastAPI, accept: dict[str, str]) -> None:
    get, head = (
        call(app, "/files/photos/", accept),
        call(app, "/files/photos/", accept, method="HEAD"),
    )
    assert head.status == 200
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/files/nope/", 404),
        ("/files/?prefix=nope", 404),
        ("/files/?prefix=..", 404),
        ("/files/?prefix=/etc", 404),
        ("/files/?prefix=photos//2026", 404),
        ("/files/?prefix=.git", 404),
        ("/files/?prefix=a%00b", 400),
        ("/files/?prefix=a%5Cb", 400),
        ("/files/?limit=0", 422),
        ("/files/?limit=1001", 422),
        ("/files/?limit=many", 422),
        ("/files/?cursor=!", 422),
        ("/files/?cursor=_w", 422),
    ],
)
def test_what_cannot_be_listed(app: FastAPI, target: str, status: int) -> None:
    answer = call(app, target)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    detail = answer.json()["detail"]
    assert detail
    if target == "/files/?cursor=!":
        assert "'!' is no cursor of this service." in str(detail)


def test_an_empty_source_has_an_empty_root() -> None:
    app = app_over(MemorySource({}))
    assert call(app, "/files/", JSON).json() == {
        "folder": "",
        "entries": [],
        "cursor": None,
        "skipped": 0,
    }
    assert call(app, "/files/", NDJSON).body == b'{"type":"end","entries":0,"skipped":0}\n'
    assert b"<pre></pre>" in call(app, "/files/", HTML).body


@pytest.mark.parametrize(
    ("accept", "target", "kind"),
    [
        ("*/*", "/files/photos/", "text/html"),  # wget, rclone, curl
        ("", "/files/photos/", "text/html"),
        ("application/json", "/files/photos/", "application/json"),
        ("application/json, */*", "/files/photos/", "application/json"),
        ("application/x-ndjson", "/files/photos/", "application/x-ndjson"),
        ("*/*", "/files/photos/?limit=1", "application/json"),  # a page: HTML has none
        ("*/*", "/files/?prefix=photos/", "application/json"),
        ("text/html", "/files/photos/?limit=1", "text/html"),
    ],
)
def test_who_does_not_ask_for_json_gets_html(
    app: FastAPI, accept: str, target: str, kind: str
) -> None:
    answer = call(app, target, {"accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == kind


def test_the_index_page_is_of_the_form_that_programs_read(app: FastAPI) -> None:
    """nginx's autoindex: name, time, size; a folder has neither."""
    lines = call(app, "/files/photos/", HTML).body.decode().splitlines()
    rows = [line for line in lines if line.startswith("<a ")]
    form = r'<a href="[^"]+">[^<]+</a> +(\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d|-) +(\d+|-)'
    found = [match.groups() for row in rows if (match := re.fullmatch(form, row))]
    assert found == [("-", "-"), ("23-Nov-2026 05:00", "1"), ("23-Nov-2026 05:00", "1")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "target", ["/files", "/archives", "/files/photos", "/files/photos/2026", "/files/many"]
)
def test_a_folder_without_its_slash_is_redirected(app: FastAPI, method: str, target: str) -> None:
    answer = call(app, target, method=method)
    assert answer.status == 308
    assert "://" not in answer.headers["location"]
    assert urljoin(target, answer.headers["location"]) == f"{target}/"


@pytest.mark.parametrize(
    "target", ["/files/%0a", "/files/photos%0a", "/files/photos/%0a", "/files/%0a/"]
)
def test_a_control_character_is_no_path(app: FastAPI, target: str) -> None:
    """Starlette's routes match a path with a newline at its end as if it were not there."""
    assert call(app, target).status in (400, 404)
