"""The ending in each invocation's access line is what happened."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import body, hello, pass_time, play, runtime, start, until

EVENT = function_url_event("/")
SETTINGS = Settings(deadline_margin=0.2)


def ending(
    app: Any,
    caplog: pytest.LogCaptureFixture,
    *,
    event: Any = EVENT,
    seconds: float = 900,
    waits: float = 0,
) -> tuple[str, Posted]:
    async def scenario() -> Posted:
        async with runtime(app, settings=SETTINGS) as running:
            running.api.invoke(event, seconds=seconds)
            posted = await running.api.posts.get()
            if waits:
                await posted.chunk()
                pass_time(waits)
            await posted.end()
            await until(lambda: running.api.polls == 2)
            return posted

    caplog.set_level("INFO")
    posted = play(scenario())
    (line,) = [
        record.getMessage() for record in caplog.records if record.name == "lambda_asgi.access"
    ]
    found = re.match(r"\S+ \S+ \S+ (.+?):", line)
    assert found is not None
    return found[1], posted


async def raises(scope: Scope, receive: Receive, send: Send) -> None:
    raise KeyError


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(b"first", more=True))
    raise KeyError


async def fails_in_background(scope: Scope, receive: Receive, send: Send) -> None:
    await hello(scope, receive, send)
    raise KeyError


framework = FastAPI()


@framework.get("/")
async def endpoint() -> None:
    raise KeyError("in the endpoint")


@pytest.mark.parametrize(
    ("app", "word"),
    [
        (hello, "complete"),
        (raises, "error"),
        (framework, "error"),  # which has sent its own 500, and raises the error again
        (breaks, "broken"),
        (fails_in_background, "background-error"),
    ],
)
def test_endings(app: Any, word: str, caplog: pytest.LogCaptureFixture) -> None:
    """An ordinary error in FastAPI is not a `background-error`."""
    assert ending(app, caplog)[0] == word


def test_an_event_that_is_not_handled_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    assert ending(raises, caplog, event={"not": "a request"})[0] == "failed"


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    await send(body(b"first", more=True))
    await asyncio.Event().wait()


def test_a_deadline(caplog: pytest.LogCaptureFixture) -> None:
    word, posted = ending(waits, caplog, seconds=30, waits=30)
    assert (word, posted.error["trailer"]) == ("deadline", "Runtime.DeadlineExceeded")


@pytest.mark.parametrize("complete", [True, False])
def test_a_blocked_event_loop_is_called_so(
    complete: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not incomplete background work."""

    async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"first", more=not complete))
        await asyncio.sleep(0)
        time.sleep(1.5)  # noqa: ASYNC251  # what this is about
        await asyncio.sleep(60)

    word, posted = ending(blocks, caplog, seconds=0.5)
    assert word == "blocked"
    assert re.search(
        r"EventLoopBlocked: the app blocked the event loop for \d\.\d s or more", caplog.text
    )
    assert posted.content == b"first"
    if not complete:
        assert posted.error["trailer"] == "Runtime.DeadlineExceeded"


def test_a_blocked_event_loop_that_ends_in_time_for_its_answer_is_complete(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def blocks(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)
        time.sleep(0.7)  # noqa: ASYNC251  # what this is about
        await hello(scope, receive, send)

    assert ending(blocks, caplog, seconds=0.5)[0] == "complete"


def test_each_ending_is_documented() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "logging.md").read_text()
    source = "".join(
        (root / "src" / "lambda_asgi" / name).read_text()
        for name in ("_cycle.py", "_ending.py", "_poller.py")
    )
    words = set(re.findall(r'(?:ending = |return )"([a-z -]+)"', source)) | set(
        re.findall(r'else "([a-z-]+)"$', source)
    )
    assert {"complete", "disconnected", "blocked", "lost"} <= words
    for word in words:
        assert f"| `{word}` |" in page, word


def test_a_next_that_is_cut_is_asked_again_and_said(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with runtime(hello, settings=SETTINGS) as running:
            running.api.invoke(EVENT)
            await running.api.answer()
            await until(lambda: running.api.polls == 2)
            running.api.raw_replies["/invocation/next"] = [b"HTTP/1.1 200 OK\r\nContent-Le"]
            running.api.invoke(EVENT)
            await running.api.answer()
            running.api.invoke(EVENT)
            await running.api.answer()

    play(scenario())
    assert "a reply that was cut or garbled" in caplog.text
