"""One route is whole and another one streamed: the app of docs/streams.md, in both modes."""

from pathlib import Path
from typing import Any

import pytest

from lambda_asgi._asgi import ASGIApp
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import play, runtime

PAGE = Path(__file__).parents[2] / "docs" / "streams.md"

pytestmark = pytest.mark.usefixtures("mode")


def app() -> ASGIApp:
    """The app of docs/streams.md."""
    names: dict[str, Any] = {"__name__": "page"}
    blocks = (part.partition("```")[0] for part in PAGE.read_text().split("```python"))
    (code,) = (block for block in blocks if "async def whole" in block)
    exec(compile(code, str(PAGE), "exec", dont_inherit=True), names)
    made: ASGIApp = names["app"]
    return made


def answer(path: str) -> Posted:
    async def scenario() -> Posted:
        async with runtime(app()) as running:
            running.api.invoke(function_url_event(path))
            return await running.api.answer()

    return play(scenario())


def test_a_route_that_collects_its_body() -> None:
    posted = answer("/whole/3")
    assert posted.prelude["headers"]["content-length"] == "6"
    assert posted.content == b"2\n3\n6\n"
    failed = answer("/whole/4")
    assert failed.prelude["statusCode"] == 500
    assert not failed.trailers


def test_a_route_that_streams_beside_it() -> None:
    posted = answer("/streamed/3")
    assert "content-length" not in posted.prelude["headers"]
    assert posted.content == b"2\n3\n6\n"
    failed = answer("/streamed/4")
    assert (failed.prelude["statusCode"], failed.content) == (200, b"2\n3\n6\n")
    assert failed.error["errorType"] == "ZeroDivisionError"
