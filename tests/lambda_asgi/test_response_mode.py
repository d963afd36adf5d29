"""Which responses are streamed: valid settings, which one wins, and the line in the log."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from lambda_asgi import LambdaASGI, _buffering_notice
from lambda_asgi._asgi import ASGIApp, Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi._response_mode import BUFFERED, CAN_STREAM, ResponseMode
from lambda_asgi.errors import ConfigurationError
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.runtime_api_server import Posted
from tests.lambda_asgi.support import body, hello, play, runtime, sends, start

URL, REST = frozenset({"function-url"}), frozenset({"rest-api"})
EVENTS = Path(__file__).parents[2] / "events"
EVENT_STREAM = start(200, (b"content-type", b"text/event-stream; charset=utf-8"))


@pytest.mark.parametrize(
    ("text", "streaming"),
    [
        ("streaming", URL | REST),
        (" streaming ", URL | REST),
        ("buffered", frozenset()),
        ("function-url=streaming", URL),
        ("function-url=streaming,rest-api=buffered", URL),
        (" rest-api = streaming , function-url = buffered ", REST),
        ("rest-api=streaming,function-url=streaming", URL | REST),
    ],
)
def test_what_may_be_said(text: str, streaming: frozenset[str]) -> None:
    assert ResponseMode.parse(text).streaming == streaming


@pytest.mark.parametrize(
    "text",
    [
        "",
        "auto",
        "Streaming",
        "alb=streaming",
        "http-api=buffered",
        "function-url",
        "function-url=",
        "=streaming",
        "function-url=streaming,",
        "function-url=streaming,function-url=buffered",
        "streaming,rest-api=buffered",
    ],
)
def test_what_may_not(text: str) -> None:
    with pytest.raises(
        ConfigurationError,
        match=r"response_mode=.*set it to streaming, buffered, or a mode for each",
    ):
        LambdaASGI(hello, response_mode=text)


def golden_event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_bytes())


def answered(app: Any, event: Any, mode: str | None = None) -> Posted:
    """What a runtime of this setting posts for `event`."""

    async def scenario() -> Posted:
        settings = Settings(
            access_log=False, response_mode=None if mode is None else ResponseMode.parse(mode)
        )
        async with runtime(app, settings=settings) as running:
            running.api.invoke(event)
            return await running.api.answer()

    return play(scenario())


def is_streamed(posted: Posted) -> bool:
    return "lambda-runtime-function-response-mode" in posted.headers


@pytest.mark.parametrize(
    ("argument", "variable", "streams"),
    [
        (None, None, False),
        ("streaming", None, True),
        ("streaming", "buffered", False),
        ("buffered", "streaming", True),
        ("function-url=streaming", None, True),
        ("rest-api=streaming", None, False),
        ("rest-api=streaming", "function-url=streaming", True),
    ],
)
def test_the_variable_wins_over_the_argument(
    argument: str | None, variable: str | None, streams: bool
) -> None:
    handler = (
        LambdaASGI(hello, "off")
        if argument is None
        else LambdaASGI(hello, "off", response_mode=argument)
    )
    assert is_streamed(answered(handler, function_url_event("/"), variable)) is streams


@pytest.mark.parametrize(
    ("event", "streams"),
    [
        ("function_url_get_file", True),
        ("rest_api_get", True),
        ("http_api_get", False),
        ("alb_get", False),
    ],
)
def test_streaming_still_buffers_for_front_doors_that_cannot(event: str, streams: bool) -> None:
    posted = answered(LambdaASGI(hello, "off"), golden_event(event), "streaming")
    assert is_streamed(posted) is streams
    if not streams:
        assert json.loads(posted.body)["statusCode"] == 200
    assert {"function-url", "rest-api"} == set(CAN_STREAM)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("buffered", "response mode buffered (InvokeMode BUFFERED, the default)"),
        (
            "function-url=streaming",
            "response mode streaming for function-url (InvokeMode RESPONSE_STREAM)",
        ),
        (
            "streaming",
            "response mode streaming for function-url (InvokeMode RESPONSE_STREAM) and "
            "rest-api (ResponseTransferMode RESPONSE_STREAM)",
        ),
    ],
)
def test_the_mode_is_logged_at_the_start(
    mode: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    answered(LambdaASGI(hello, "off", response_mode=mode), function_url_event("/"))
    (line,) = [
        record.getMessage() for record in caplog.records if record.name == "lambda_asgi.init"
    ]
    assert line == said


# The warning.


async def bit_by_bit(scope: Scope, receive: Receive, send: Send) -> None:
    await send(start())
    for _ in range(3):
        await send(body(b"x", more=True))
        await asyncio.sleep(0.01)
    await send(body(b"x"))


def warnings_of(
    app: ASGIApp, caplog: pytest.LogCaptureFixture, mode: ResponseMode, event: Any, times: int
) -> list[str]:
    async def scenario() -> None:
        async with runtime(
            LambdaASGI(app, "off"), settings=Settings(response_mode=mode)
        ) as running:
            for _ in range(times):
                running.api.invoke(event)
                await running.api.answer()

    play(scenario())
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("app", "said"),
    [(sends(EVENT_STREAM, body(b"data: 1\n\n")), "text/event-stream"), (bit_by_bit, "bit by bit")],
)
def test_an_app_that_streams_is_told_once_that_it_is_buffered(
    app: ASGIApp, said: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_buffering_notice, "DELAY", 0.0)
    (warning,) = warnings_of(app, caplog, BUFFERED, function_url_event("/"), 3)
    assert said in warning
    assert 'response_mode="streaming"' in warning
    assert "InvokeMode: RESPONSE_STREAM" in warning


@pytest.mark.parametrize(
    ("app", "mode", "event"),
    [
        (sends(EVENT_STREAM, body(b"x")), ResponseMode.parse("streaming"), "function_url_get_file"),
        (sends(EVENT_STREAM, body(b"x")), BUFFERED, "alb_get"),
        (
            sends(start(200, (b"content-type", b"text/plain")), body(b"x", more=True), body(b"y")),
            BUFFERED,
            "function_url_get_file",
        ),
        (
            sends({"type": "http.response.start", "status": 200, "headers": 5}),
            BUFFERED,
            "function_url_get_file",
        ),
    ],
)
def test_nobody_else_is_told(
    app: ASGIApp, mode: ResponseMode, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings_of(app, caplog, mode, golden_event(event), 1) == []
