"""Which names a search finds, and that the route reports them early and within its limits."""

import asyncio
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_service.errors import SourceUnavailable
from file_service.name_search import NameSearch
from file_service.routes import searches
from file_service.sources import File, Page
from tests.file_service.asgi import app_over, call
from tests.file_service.memory_source import MemorySource
from tests.file_service.servers import Answer

WRITTEN = datetime(2026, 11, 23, tzinfo=UTC)

FILES = {
    "notes.txt": b"",
    "trip/Sea and sky.jpg": b"",
    "trip/sea/one.jpg": b"",
    "trip/sea/two.jpg": b"",
    "trip/seaside/map.pdf": b"",
    "trip/na\u00efve.txt": b"",
}


def lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def found(target: str) -> list[str]:
    *entries, end = lines(call(app_over(MemorySource(FILES)), target))
    assert end == {
        "type": "end",
        "entries": len(entries),
        "searched": end["searched"],
        "more": False,
    }
    return [entry["path"] for entry in entries]


@pytest.mark.parametrize(
    ("target", "paths"),
    [
        ("/searches/?q=sea", ["trip/Sea and sky.jpg", "trip/sea/", "trip/seaside/"]),
        ("/searches/?q=SKY%20sea", ["trip/Sea and sky.jpg"]),
        ("/searches/trip/sea?q=sea", []),  # the folder itself lies not below it
        ("/searches/trip/sea/?q=one", ["trip/sea/one.jpg"]),
        ("/searches/?q=nai%CC%88ve", ["trip/na\u00efve.txt"]),  # typed as i and a diaeresis
        ("/searches/?q=.txt", ["notes.txt", "trip/na\u00efve.txt"]),
    ],
)
def test_a_name_is_found_that_contains_every_word(target: str, paths: list[str]) -> None:
    assert found(target) == paths


@given(st.lists(st.text("ab/", min_size=1, max_size=8), max_size=30), st.integers(1, 5))
def test_every_folder_on_the_way_is_found_once(names: list[str], page: int) -> None:
    paths = sorted(
        {f"in/{name.strip('/')}" for name in names if name.strip("/") and "//" not in name}
    )
    files = [File(path, 0, WRITTEN, '"1"') for path in paths]
    search = NameSearch("in/", "")
    entries = [
        entry.path
        for at in range(0, len(files), page)
        for entry in search.found_in(files[at : at + page])
    ]
    folders = {path[: at + 1] for path in paths for at in range(3, len(path)) if path[at] == "/"}
    assert sorted(entries) == sorted([*paths, *folders])
    assert search.searched == len(files)


def test_a_search_ends_at_its_most_entries_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MOST_ENTRIES", 3)
    source = MemorySource({f"{number}.txt": b"" for number in range(10)}, page_entries=2)
    *entries, end = lines(call(app_over(source), "/searches/?q=txt"))
    assert [entry["path"] for entry in entries] == ["0.txt", "1.txt", "2.txt"]
    assert end == {"type": "end", "entries": 3, "searched": 4, "more": True}


def test_a_search_ends_before_the_function_does() -> None:
    source = MemorySource({f"{number}.txt": b"" for number in range(10)}, page_entries=2)
    *_, end = lines(call(app_over(source), "/searches/?q=nothing", seconds_left=1))
    assert end["more"] is True
    assert end["searched"] < 10


def test_a_search_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "_PROGRESS_SECONDS", -1)
    source = MemorySource({f"{number}.txt": b"" for number in range(4)}, page_entries=2)
    answer = lines(call(app_over(source), "/searches/?q=3"))
    assert [line["searched"] for line in answer if line["type"] == "progress"] == [2, 4]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/searches/nowhere?q=x", 404),
        ("/searches/?q=", 422),
        ("/searches/?q=%20", 422),
        ("/searches/.git?q=x", 404),
    ],
)
def test_what_cannot_be_searched(target: str, status: int) -> None:
    assert call(app_over(MemorySource(FILES)), target).status == status


class Failing(MemorySource):
    async def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        async for page in super().walk(folder):
            yield page
        raise SourceUnavailable("the store is gone")


def test_a_search_that_fails_half_way_says_so_in_its_last_line() -> None:
    *entries, last = lines(call(app_over(Failing(FILES)), "/searches/?q=notes"))
    assert [entry["path"] for entry in entries] == ["notes.txt"]
    assert last["type"] == "error"


class Endless(MemorySource):
    """A folder without an end. `closed` is set when nobody lists it any more."""

    async def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        try:
            number = 0
            while True:
                await asyncio.sleep(0)
                yield Page([await self.stat("notes.txt")])
                number += 1
        finally:
            self.closed = True


def test_a_search_ends_when_its_client_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "_PROGRESS_SECONDS", -1)
    source = Endless(FILES)
    app = app_over(source)

    async def searched_for_a_while() -> None:
        gone = asyncio.Event()
        lines_sent = 0

        async def send(message: Any) -> None:
            nonlocal lines_sent
            lines_sent += 1
            if lines_sent > 5:
                gone.set()
                raise OSError("the client has gone")

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        scope = {
            "type": "http",
            "asgi": {"spec_version": "2.4"},
            "method": "GET",
            "path": "/searches/",
            "raw_path": b"/searches/",
            "query_string": b"q=nothing",
            "headers": [],
            "state": {},
            "root_path": "",
        }
        with pytest.raises(Exception):  # noqa: B017, PT011  # the framework's own
            await app(scope, receive, send)

    asyncio.run(searched_for_a_while())
    assert source.closed
