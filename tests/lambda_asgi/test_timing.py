"""When things happen: deadline margins, fair shares, first bytes, retries, the shutdown."""

import asyncio
import logging
import time
from typing import Any

import pytest

from lambda_asgi import LambdaASGI, _cycle, _poller
from lambda_asgi._application import Application, access
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._environment import Settings
from lambda_asgi._event_sources import EventOptions
from lambda_asgi._internal_extension import ShutdownNotice
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi.testing import ExecutionEnvironment, function_url_event
from tests.lambda_asgi.support import body, hello, pass_time, play, runtime, start, until

EVENT = function_url_event("/")


@pytest.mark.parametrize(
    ("seconds", "margin", "told", "cancelled", "given_up"),
    [(30.0, 1.0, 29.0, 29.5, 29.75), (30.0, 8.0, 22.0, 26.0, 28.0), (2.0, 100.0, 1.0, 1.5, 1.75)],
)
def test_the_margin_is_half_for_the_app_and_a_quarter_for_its_clean_up(
    seconds: float, margin: float, told: float, cancelled: float, given_up: float
) -> None:
    """At most half of the time that is left, however large the margin."""
    heard: dict[str, float] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await receive()
        await receive()
        heard["told"] = loop.time() - began
        try:
            await asyncio.Event().wait()
        finally:
            heard["cancelled"] = loop.time() - began
            while not over:  # noqa: ASYNC110  # it ignores its cancellation
                await asyncio.sleep(0)

    over: list[bool] = []

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        async with ExecutionEnvironment(
            LambdaASGI(app, "off"), Settings(deadline_margin=margin)
        ) as environment:
            began = loop.time()
            invoking = asyncio.create_task(environment.invoke(EVENT, timeout_seconds=seconds))
            while not invoking.done():
                await asyncio.sleep(0)
                pass_time(0.01)
            over.append(True)
            assert (await invoking).status == 504
            return loop.time() - began

    took = play(scenario())
    assert heard["told"] == pytest.approx(told, abs=0.3)
    assert heard["cancelled"] == pytest.approx(cancelled, abs=0.3)
    assert took == pytest.approx(given_up, abs=0.3)


def test_an_app_that_sends_without_waiting_lets_others_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_cycle, "FAIR_SHARE", -1.0)
    others = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(50):
            await send(body(b"x", more=True))
        await send(body())

    async def works() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    async def scenario() -> None:
        async with ExecutionEnvironment(app) as environment:
            other = asyncio.create_task(works())
            await environment.invoke(EVENT)
            other.cancel()

    play(scenario())
    assert others >= 50


@pytest.mark.parametrize(
    "messages", [[b"a", b"", b"bc", b""], [b"", b"", b"", b"x"], [b"", b"", b"", b""]]
)
def test_messages_without_a_part_of_the_body_are_not_counted(messages: list[bytes]) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for message in messages[:-1]:
            await send(body(message, more=True))
        await send(body(messages[-1]))

    async def scenario() -> Any:
        application = Application(app, Settings(), EventOptions(), lifespan="off")
        exchange = application.exchange(EVENT, None, None)
        await exchange.answer()
        return access(exchange, "complete", 0.0, 1.0)

    line = play(scenario())
    assert (line.chunks, line.body_bytes) == (
        len([part for part in messages if part]),
        len(b"".join(messages)),
    )


def test_the_durations_of_an_invocation(caplog: pytest.LogCaptureFixture) -> None:
    """The first byte counts once, when it leaves. The total includes background work."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.05)
        await send(start())
        await send(body(b"first", more=True))
        await asyncio.sleep(0.05)
        await send(body(b"last"))
        await asyncio.sleep(0.05)

    async def scenario() -> float:
        async with runtime(app, settings=Settings()) as running:
            began = time.perf_counter()
            running.api.invoke(EVENT)
            await running.api.answer()
            await until(lambda: running.api.polls == 2)
            return (time.perf_counter() - began) * 1000

    caplog.set_level(logging.INFO)
    whole = play(scenario())
    (record,) = [record for record in caplog.records if record.name == "lambda_asgi.access"]
    first, total = vars(record)["firstByteMs"], vars(record)["durationMs"]
    assert 45 <= first <= total - 90
    assert 145 <= total <= whole


@pytest.mark.parametrize(
    ("failures", "survives"), [(_poller.TRIES, True), (_poller.TRIES + 1, False)]
)
def test_as_many_tries_as_lambdas_own_runtime(
    failures: int, survives: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_poller, "FIRST_PAUSE", 0.0001)

    async def scenario() -> None:
        async with runtime(hello) as running:
            for _ in range(2):  # what has gone well starts the count anew
                running.api.late_replies["/invocation/next"] = [403] * failures
                if not survives:
                    assert await running.ended() == 1
                    return
                running.api.invoke(EVENT)
                assert (await running.api.answer()).content == b"hello"

    play(scenario())


def test_the_wait_for_a_shutdown_ends_with_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[ShutdownNotice] = []
    close = ShutdownNotice.close

    def counted(self: ShutdownNotice) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(ShutdownNotice, "close", counted)

    async def scenario() -> None:
        async with runtime(hello) as running:
            running.api.late_replies["/invocation/next"] = [500]
            assert await running.ended() == 1

    play(scenario())
    assert len(closed) == 1


def test_a_restored_environment_asks_for_the_shutdown_anew() -> None:
    """The connection from before the snapshot is dead."""

    async def scenario() -> None:
        async with runtime(hello) as running:
            api = running.api
            notice = ShutdownNotice(api.address)
            await notice.register()
            before = api.connections
            await until(lambda: len(api._writers) >= 1)
            for _ in range(100):
                await asyncio.sleep(0)
            notice.reconnect()
            await until(lambda: api.connections > before)
            notice.close()

    play(scenario())


@pytest.mark.parametrize("address", ["127.0.0.1", ":9001", "127.0.0.1:", "127.0.0.1:x", ""])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(Exception, match="is not host:port"):
        RuntimeAPIClient(address)
