"""`handler(event, context)`: what Lambda's own runtime calls where there is no wrapper script."""

import asyncio
import time
from typing import Any

import pytest

from lambda_asgi import LambdaASGI
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi.errors import ConfigurationError, EventNotHandled, StartupFailed
from lambda_asgi.testing import function_url_event


class Context:
    """The parts of Lambda's context object that a handler needs."""

    def __init__(self, seconds: float = 30.0) -> None:
        self.ends_at = time.time() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self.ends_at - time.time()) * 1000)


class Counting:
    """Counts its lifespans and requests; the first `failing` startups fail."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.startups = 0
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.startups += 1
            if self.startups <= self.failing:
                await send({"type": "lifespan.startup.failed", "message": "no database"})
                return
            scope["state"]["pool"] = "open"
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.requests += 1
        if scope["path"] == "/hang":
            await asyncio.Event().wait()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/plain")],
            }
        )
        await send(
            {"type": "http.response.body", "body": str(scope.get("state", {}).get("pool")).encode()}
        )


@pytest.fixture
def handler_of(request: pytest.FixtureRequest) -> Any:
    def made(app: Any, **settings: Any) -> LambdaASGI:
        handler = LambdaASGI(app, **settings)

        def close() -> None:
            if handler._handler is not None:
                handler._handler.close()

        request.addfinalizer(close)
        return handler

    return made


def test_one_lifespan_for_many_calls(handler_of: Any) -> None:
    app = Counting()
    handler = handler_of(app)
    for _ in range(3):
        answer = handler(function_url_event("/"), Context())
        assert (answer["statusCode"], answer["body"]) == (200, "open")
    assert (app.startups, app.requests) == (1, 3)


def test_lifespan_off(handler_of: Any) -> None:
    app = Counting()
    assert handler_of(app, lifespan="off")(function_url_event("/"), Context())["body"] == "None"
    assert app.startups == 0


def test_a_context_without_a_deadline(handler_of: Any) -> None:
    assert handler_of(Counting())(function_url_event("/"), object())["statusCode"] == 200


def test_an_app_that_could_not_start_is_started_again_before_it_answers(handler_of: Any) -> None:
    app = Counting(failing=2)
    handler = handler_of(app)
    for _ in range(2):
        with pytest.raises(StartupFailed, match="no database"):
            handler(function_url_event("/"), Context())
    assert app.requests == 0
    assert handler(function_url_event("/"), Context())["body"] == "open"


def test_the_deadline(handler_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_ASGI_DEADLINE_MARGIN_MS", "100")
    handler = handler_of(Counting())
    assert handler(function_url_event("/hang"), Context(0.2))["statusCode"] == 504
    assert handler(function_url_event("/"), Context())["statusCode"] == 200


def test_an_event_that_the_app_does_not_handle_fails_the_invocation(handler_of: Any) -> None:
    async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404})
        await send({"type": "http.response.body"})

    with pytest.raises(EventNotHandled):
        handler_of(nothing_here, lifespan="off")({"Records": []}, Context())


def test_a_setting_that_is_wrong(handler_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_ASGI_RESPONSE_MODE", "fast")
    with pytest.raises(ConfigurationError, match="LAMBDA_ASGI_RESPONSE_MODE"):
        handler_of(Counting())(function_url_event("/"), Context())


@pytest.mark.parametrize(
    ("app", "settings"), [("text", {}), (Counting(), {"lifespan": "sometimes"})]
)
def test_what_is_no_adapter(app: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        LambdaASGI(app, **settings)
