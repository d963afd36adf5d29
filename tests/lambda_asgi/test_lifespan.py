"""The lifespan: apps that support it, that do not, that fail, and that end unexpectedly."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import pytest

from lambda_asgi import LambdaASGI
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._lifespan import Lifespan
from lambda_asgi.errors import StartupFailed
from lambda_asgi.testing import ExecutionEnvironment
from tests.patience import PATIENCE


class App:
    """An app that answers startup and shutdown with a message type, or raises an exception."""

    def __init__(
        self,
        startup: Any = "lifespan.startup.complete",
        shutdown: Any = "lifespan.shutdown.complete",
    ) -> None:
        self.answers = {"lifespan.startup": startup, "lifespan.shutdown": shutdown}
        self.received: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        scope["state"]["pool"] = "open"
        for _ in range(2):
            message = await receive()
            self.received.append(message["type"])
            answer = self.answers[message["type"]]
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                return
            await send({"type": answer, "message": "because"})


async def live(app: Any) -> Lifespan:
    lifespan = Lifespan(app)
    async with asyncio.timeout(PATIENCE):
        await lifespan.startup()
        await lifespan.shutdown()
    return lifespan


def test_an_app_that_knows_it(caplog: pytest.LogCaptureFixture) -> None:
    app = App()
    lifespan = asyncio.run(live(app))
    assert app.received == ["lifespan.startup", "lifespan.shutdown"]
    assert lifespan.state == {"pool": "open"}
    assert not lifespan.is_running
    assert caplog.records == []


@pytest.mark.parametrize("startup", [RuntimeError("what is a lifespan"), None])
def test_an_app_that_does_not_know_it(startup: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lambda_asgi")
    app = App(startup=startup)
    lifespan = asyncio.run(live(app))
    assert app.received == ["lifespan.startup"]
    assert not lifespan.is_running
    said = [
        record.levelname
        for record in caplog.records
        if "served without a lifespan" in record.getMessage()
    ]
    assert said == (["WARNING"] if startup is not None else [])


def test_an_app_for_http_only() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"

    asyncio.run(live(app))


def test_startup_that_fails() -> None:
    with pytest.raises(StartupFailed, match=r"^because$"):
        asyncio.run(live(App(startup="lifespan.startup.failed")))


def test_an_app_that_exits_at_startup() -> None:
    with pytest.raises(StartupFailed, match=r"SystemExit\(3\)"):
        asyncio.run(live(App(startup=SystemExit(3))))


def test_an_app_that_cancels_itself_at_startup_holds_nothing_up() -> None:
    asyncio.run(live(App(startup=asyncio.CancelledError())))


def test_an_answer_that_is_none_is_an_error_of_the_apps() -> None:
    caught: list[Exception] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message_type in ("http.response.start", "lifespan.shutdown.complete"):
            try:
                await send({"type": message_type})
            except Exception as error:
                caught.append(error)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    asyncio.run(live(app))
    assert [type(error).__name__ for error in caught] == ["UnexpectedMessage"] * 2


@pytest.mark.parametrize(
    ("shutdown", "logged"),
    [
        ("lifespan.shutdown.failed", ["the app failed to shut down: because"]),
        (RuntimeError("no"), ["the app's lifespan raised RuntimeError('no')"]),
        (asyncio.CancelledError(), []),
        (None, []),
    ],
)
def test_shutdown_that_fails_is_logged(
    shutdown: Any, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(live(App(shutdown=shutdown)))
    assert [record.message for record in caplog.records] == logged


def test_a_lifespan_that_breaks_off_in_mid_life(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise RuntimeError("the pool broke")

    async def scenario() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not lifespan.is_running
        await lifespan.shutdown()

    asyncio.run(scenario())
    assert [record.message for record in caplog.records] == [
        "the app's lifespan raised RuntimeError('the pool broke')"
    ]


def test_an_app_that_raises_behind_its_answer_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As Starlette does it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "Traceback"})
        raise RuntimeError

    asyncio.run(live(app))
    assert [record.message for record in caplog.records] == [
        "the app failed to shut down: Traceback"
    ]


def test_shutdown_before_startup_is_nothing() -> None:
    async def scenario() -> None:
        await Lifespan(App()).shutdown()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("startup", "message"),
    [
        (RuntimeError("no pool"), r"raised RuntimeError\('no pool'\)"),
        (None, "ended without an answer"),
    ],
)
def test_a_lifespan_that_is_required_must_start(startup: Any, message: str) -> None:
    """With "on", an app whose startup raises is not served."""

    async def scenario() -> None:
        with pytest.raises(StartupFailed, match=message) as caught:
            await Lifespan(App(startup=startup), required=True).startup()
        assert caught.value.__cause__ is startup

    asyncio.run(scenario())


@pytest.mark.parametrize("adapter_lifespan", ["on", "auto"])
def test_the_adapter_says_whether_it_is_required(adapter_lifespan: Any) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError(scope["type"])

    async def scenario() -> bool:
        try:
            async with ExecutionEnvironment(LambdaASGI(app, lifespan=adapter_lifespan)):
                return True
        except StartupFailed:
            return False

    assert asyncio.run(scenario()) is (adapter_lifespan == "auto")


def test_an_app_that_goes_on_asking_after_its_shutdown_holds_nothing_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Such a shutdown must neither hang nor be logged as a failure."""
    ended: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
        finally:
            ended.append(scope["type"])

    async def scenario() -> None:
        async with asyncio.timeout(PATIENCE), ExecutionEnvironment(app):
            pass

    asyncio.run(scenario())
    assert ended == ["lifespan"]
    assert not [record for record in caplog.records if record.levelname != "INFO"]


def test_an_app_that_ignores_its_cancellation_at_shutdown_holds_nothing_up() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.sleep(0.2)

    async def scenario() -> None:
        async with asyncio.timeout(PATIENCE), ExecutionEnvironment(app):
            pass

    asyncio.run(scenario())
