"""Whatever is asked, the answer is no 500 and holds no byte from outside of the source."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from file_service.sources.local import LocalSource
from tests.file_service.asgi import app_over

SECRET = b"must not be seen"

segments = st.sampled_from(
    [
        "..",
        ".",
        "%2e%2e",
        "a.txt",
        "sub",
        "out",
        "loop",
        ".hidden",
        "%2f",
        "%5c",
        "\\",
        "%00",
        "%0a",
        "%ff",
        "%252e",
        "",
        "~",
        "*",
    ]
) | st.binary(max_size=6).map(quote_from_bytes)
targets = st.tuples(
    st.sampled_from(
        ["/files/", "/archives/", "/digests/", "/files/?prefix=", "/files/?cursor=", "/"]
    ),
    st.lists(segments, max_size=5).map("/".join),
).map("".join)
values = st.text(
    st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40
) | st.sampled_from(
    [
        "bytes=0-",
        "bytes=-0",
        "bytes=5-1",
        "bytes=0-0,2-",
        "*",
        '"x"',
        "W/",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "text/html;q=;",
    ]
)
names = (
    "range if-range if-match if-none-match if-modified-since if-unmodified-since"
    " accept accept-encoding cookie "
    "authorization last-event-id host"
)
fields = st.dictionaries(st.sampled_from(names.split()), values, max_size=4)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    above = tmp_path_factory.mktemp("above")
    (above / "secret.txt").write_bytes(SECRET)
    root = above / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.txt").write_bytes(b"alpha")
    (root / "sub" / "b.txt").write_bytes(b"beta")
    (root / ".hidden").write_bytes(SECRET)
    (root / "out").symlink_to(above)
    (root / "loop").symlink_to(root / "loop")
    return app_over(LocalSource(Path(root)), token=None)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "BREW"]), targets, fields)
@example("GET", "/files/out/secret.txt", {})
@example("GET", "/files/../secret.txt", {})
@example("GET", "/archives/out", {})
@example("GET", "/files/out/", {"accept": "text/html"})
def test_no_request_does_harm(
    app: FastAPI, method: str, target: str, headers: dict[str, str]
) -> None:
    status, body = asyncio.run(ask(app, method, target, headers))
    assert status < 500
    assert SECRET not in body


async def ask(app: FastAPI, method: str, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send the request as uvicorn would pass it on, without a client library that corrects it."""
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
    }
    scope |= {
        "query_string": query.encode(),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    scope |= {
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    }
    scope |= {
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "client": None,
        "server": ("test", 80),
    }
    status, body = 0, b""

    requests = [{"type": "http.request"}]

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await app(scope, receive, send)
    return status, body
