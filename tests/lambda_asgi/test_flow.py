"""Bytes in time: each chunk as it is sent, few socket writes, a peer that does not read, limits."""

import asyncio
import json
import random
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lambda_asgi import _prelude as prelude
from lambda_asgi import _response as response
from lambda_asgi._asgi import Receive, Scope, Send
from lambda_asgi._cycle import FAIR_SHARE
from lambda_asgi._environment import Environment, Settings
from lambda_asgi._error_report import ErrorReport
from lambda_asgi._invocation import Invocation
from lambda_asgi._runtime import Runtime
from lambda_asgi._runtime_api.client import RuntimeAPIClient
from lambda_asgi._runtime_api.connection import HIGH_WATER, JOIN_UP_TO, Connection
from lambda_asgi._runtime_api.pending import PromptFuture
from lambda_asgi._runtime_api.protocol import LAST_CHUNK, Reply
from lambda_asgi._runtime_api.writer import HOLD_UP_TO, RuntimeAPIWriter
from lambda_asgi.errors import ClientDisconnected, ConnectionToRuntimeAPILost
from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.support import (
    Signal,
    body,
    hello,
    pass_time,
    play,
    runtime,
    stalled,
    start,
    streaming,
)
from tests.patience import PATIENCE

pytestmark = pytest.mark.usefixtures("mode")

EVENT = function_url_event("/")
QUICK = Settings(access_log=False, deadline_margin=0.2)

ENDLESS = response.LARGEST_STREAM * 9 // 10
"""More than a kernel holds for a reader with a small buffer, and less than the byte budget."""


# Each chunk as it is sent.


def test_chunks_arrive_one_by_one() -> None:
    """The app sends a chunk only after the test has received the one before."""

    async def scenario() -> None:
        received = [Signal() for _ in range(5)]

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start())
            for number in range(5):
                await send(body(b"chunk %d" % number, more=True))
                await received[number].wait()
            await send(body())

        async with runtime(app) as running:
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            assert (await posted.chunk()).endswith(prelude.DELIMITER + b"chunk 0")
            for number in range(1, 5):
                received[number - 1].set()
                assert await posted.chunk() == b"chunk %d" % number
            received[4].set()
            assert (await posted.end()).complete

    play(scenario())


def test_the_prelude_arrives_before_an_app_that_waits_sends_a_body() -> None:
    async def scenario() -> None:
        received = Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start(201))
            await received.wait()
            await send(body(b"later"))

        async with runtime(app) as running:
            running.api.invoke(EVENT)
            posted = await running.api.posts.get()
            assert b'"statusCode":201' in await posted.chunk()
            received.set()
            assert (await posted.end()).content == b"later"

    play(scenario())


class BlockingPeer:
    """A Runtime API in a thread. It sees bytes arrive while the runtime's event loop is blocked."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self.listening.getsockname())
        self.received = b""
        self.arrived = threading.Condition()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self) -> None:
        connection, _ = self.listening.accept()
        with connection, self.listening:
            connection.recv(65536)
            event = json.dumps(EVENT).encode()
            head = (
                b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r\r\nContent-Length: %d\r\n\r\n"
                % len(event)
            )
            connection.sendall(head + event)
            while data := connection.recv(65536):
                with self.arrived:
                    self.received += data
                    self.arrived.notify_all()

    def wait_for(self, text: bytes) -> bool:
        with self.arrived:
            return self.arrived.wait_for(lambda: text in self.received, timeout=PATIENCE)


def test_an_app_that_blocks_the_event_loop_between_sends_is_not_held_back() -> None:
    """The first byte and each lone chunk are on the wire before `send` returns."""

    async def scenario() -> None:
        peer = BlockingPeer()
        done = Signal()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(start())
            for text in (b"one", b"two", b"three"):
                await send(body(text, more=True))
                assert peer.wait_for(text), peer.received  # no turn of the event loop in here
                threading.Event().wait(2 * FAIR_SHARE)  # so that the next one is late
            done.set()
            await receive()
            await receive()

        environment = Environment(runtime_api=peer.address, handler="", settings=QUICK)
        task = asyncio.create_task(Runtime(environment, streaming(app)).run())
        await asyncio.wait(
            [task, asyncio.ensure_future(done.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(peer.thread.join)
        assert done.is_set()

    asyncio.run(scenario())


class Wire(socket.socket):
    """A socket that takes everything, and records what each system call was given."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.lists = 0
        """How many of the writes were lists of pieces."""
        self.replies = b""
        """What is read: nothing means the end."""

    def send(self, data: Any, flags: int = 0, /) -> int:
        self.writes.append(bytes(data))
        return len(data)

    def sendmsg(self, parts: Any, *_: Any) -> int:
        self.writes.append(b"".join(parts))
        self.lists += 1
        return len(self.writes[-1])

    def recv_into(self, buffer: Any, *_: Any) -> int:
        buffer[: len(self.replies)] = self.replies
        return len(self.replies)


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[Connection, Wire]]:
    wire = Wire()
    made = Connection(asyncio.get_running_loop(), wire)
    yield made, wire
    made.close()


@asynccontextmanager
async def writer() -> AsyncIterator[tuple[RuntimeAPIWriter, Connection, Wire]]:
    """A writer that has sent b"first", and the wire with what is sent after that."""
    async with connection() as (made, wire):
        client = RuntimeAPIClient("127.0.0.1:1")
        begun = RuntimeAPIWriter(client, made, Invocation("r", None, "", b""))
        begun.stream([b"first"], False)
        (first,) = wire.writes
        assert first.startswith(b"POST ")
        assert first.endswith(b"\r\n\r\n" + framed(b"first"))
        wire.writes.clear()
        yield begun, made, wire


def framed(*parts: bytes) -> bytes:
    """Return `parts` as one chunk."""
    content = b"".join(parts)
    return b"%x\r\n%b\r\n" % (len(content), content)


def test_small_parts_of_one_iteration_leave_together() -> None:
    """They are one chunk and one buffer, not a list. The first part of an iteration never waits."""

    async def scenario() -> None:
        async with writer() as (made, _, wire):
            parts = [b"%01024d" % number for number in range(3 * HOLD_UP_TO // 1024 - 1)]
            for part in parts:
                assert made.stream([part], False) is None
            await asyncio.sleep(0)
            full = HOLD_UP_TO // 1024
            assert wire.writes == [
                framed(*parts[:full]),
                framed(*parts[full : 2 * full]),
                framed(*parts[2 * full :]),
            ]
            assert wire.lists == 0
            made.stream([b"lone"], False)
            assert wire.writes[-1] == framed(b"lone")

    asyncio.run(scenario())


def test_much_does_not_wait() -> None:
    async def scenario() -> None:
        async with writer() as (made, _, wire):
            big = bytes(HOLD_UP_TO)
            made.stream([b"small"], False)
            assert wire.writes == []
            made.stream([big], False)
            assert wire.writes == [framed(b"small", big)]
            assert wire.lists == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["stream", "stream_now", "fail"])
def test_the_end_takes_along_what_is_held(how: str) -> None:
    async def scenario() -> None:
        async with writer() as (made, _, wire):
            for part in (b"a", b"b", b"c"):
                made.stream([part], False)
            assert wire.writes == []
            if how == "fail":
                made.fail(ErrorReport.of(ValueError("x")))
            else:
                getattr(made, how)([b"end"], last=True)
            (sent,) = wire.writes
            if how == "fail":
                assert sent.startswith(framed(b"a", b"b", b"c") + b"0\r\nLambda-Runtime-")
            else:
                assert sent == framed(b"a", b"b", b"c", b"end") + LAST_CHUNK
            await asyncio.sleep(0)
            assert wire.writes == [sent]

    asyncio.run(scenario())


@pytest.mark.parametrize("reply", [b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", b""])
def test_nothing_is_held_for_a_peer_that_has_replied_or_left(reply: bytes) -> None:
    """Whatever is sent after that raises, also within the same iteration of the event loop."""

    async def scenario() -> None:
        async with writer() as (made, peer, wire):
            gone: list[str] = []
            made.when_gone(lambda: gone.append("gone"))
            made.stream([b"held"], False)
            wire.replies = reply
            peer._readable()
            assert gone == ["gone"]
            for _ in range(3):
                with pytest.raises(ClientDisconnected):
                    made.stream([b"late"], False)
            made.fail(ErrorReport.of(ValueError("x")))
            await asyncio.sleep(0)
            assert wire.writes == []

    asyncio.run(scenario())


def test_a_closed_connection_writes_nothing_and_answers_at_once() -> None:
    async def scenario() -> None:
        async with connection() as (made, wire):
            made.close()
            reply = made.begin()
            made.send([b"x"])
            assert wire.writes == []
            with pytest.raises(Exception, match="closed before the request"):
                await reply

    asyncio.run(scenario())


@pytest.mark.parametrize("reads", ["at once", "late"])
def test_pieces_of_any_size_arrive_in_order(reads: str) -> None:
    """The socket takes all of a write, a part of it, or nothing."""
    choice = random.Random(reads)
    sizes = [1, 30, HOLD_UP_TO, JOIN_UP_TO + 1, 300_000, 3_000_000]
    writes = [
        [choice.randbytes(choice.choice(sizes)) for _ in range(choice.choice([1, 1, 3]))]
        + [b"x"] * choice.choice([0, 0, 3000])
        for _ in range(60)
    ]

    expected = b"".join(b"".join(parts) for parts in writes)

    async def scenario() -> None:
        begin = Signal()
        received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await begin.wait()
            received.set_result(await reader.readexactly(len(expected)))
            writer.close()

        async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
            made = await Connection.open(*server.sockets[0].getsockname())
            if reads == "at once":
                begin.set()
            for number, parts in enumerate(writes):
                made.send(parts)
                if number % 3 == 0:
                    await asyncio.sleep(0)
            begin.set()
            assert await received == expected
            made.close()

    play(scenario())


# Replies.


REPLY = Reply(202, {}, b"", True)


async def waiting_for(reply: PromptFuture[Reply]) -> tuple[asyncio.Task[Reply], list[str]]:
    """A task that waits for the reply, and a list that gets a word from a callback."""
    said: list[str] = []
    reply.add_done_callback(lambda _: said.append("called"))

    async def wait() -> Reply:
        return await reply

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert not task.done()
    return task, said


def test_who_waits_for_a_reply_goes_on_when_it_arrives() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        reply: PromptFuture[Reply] = PromptFuture(loop=loop)
        task, said = await waiting_for(reply)
        seen: list[object] = []

        def arrive() -> None:
            reply.arrive(REPLY)
            seen.extend((task.done(), list(said)))

        loop.call_soon(arrive)
        assert await task is REPLY
        assert seen == [True, ["called"]]
        late: list[str] = []
        reply.add_done_callback(lambda _: late.append("called"))
        assert late == []
        await asyncio.sleep(0)
        assert late == ["called"]

    asyncio.run(scenario())


@pytest.mark.parametrize("ending", ["exception", "cancelled", "task cancelled"])
def test_a_reply_that_never_comes_ends_the_waiting_a_turn_later(ending: str) -> None:
    async def scenario() -> None:
        reply: PromptFuture[Reply] = PromptFuture(loop=asyncio.get_running_loop())
        task, said = await waiting_for(reply)
        if ending == "exception":
            reply.set_exception(ConnectionToRuntimeAPILost("gone"))
        elif ending == "cancelled":
            reply.cancel()
        else:
            task.cancel()
        assert not task.done()
        assert said == []
        with pytest.raises(
            ConnectionToRuntimeAPILost if ending == "exception" else asyncio.CancelledError
        ):
            await task
        assert said == ["called"]

    asyncio.run(scenario())


def test_a_callback_for_a_reply_can_be_taken_back() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        reply: PromptFuture[Reply] = PromptFuture(loop=loop)
        said: list[object] = []
        reply.add_done_callback(said.append)
        assert reply.remove_done_callback(said.append) == 1
        loop.call_soon(reply.arrive, REPLY)
        assert await asyncio.wait_for(reply, PATIENCE) is REPLY
        assert said == []

    asyncio.run(scenario())


# A peer that does not read.


@pytest.mark.parametrize("size", [1000, 64 * 1024, 4 * 1024 * 1024])
def test_send_waits_while_the_peer_does_not_read(size: int) -> None:
    """`send` resumes when the peer reads again: nothing is lost.

    How much the kernel takes before `send` waits does not matter. It may be less than one message,
    or many of them.
    """

    async def scenario() -> None:
        working = Signal()
        enough = False
        begun = sent = 0

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal begun, sent
            working.set()
            await send(start())
            while not enough and begun < ENDLESS // size:
                begun += 1
                await send(body(bytes(size), more=True))
                sent += 1
            await send(body())

        async with runtime(app) as running:
            running.api.keeps_bodies = False
            running.api.invoke(EVENT)
            await working.wait()
            running.api.reading.clear()
            tracemalloc.start()
            try:
                await stalled(lambda: begun)
                assert begun == sent + 1 < ENDLESS // size
                # what is held is joined before it is sent
                held = HIGH_WATER + 2 * HOLD_UP_TO
                assert tracemalloc.get_traced_memory()[1] < held + 1024 * 1024 + 2 * size
            finally:
                tracemalloc.stop()
            enough = True
            running.api.reading.set()
            posted = await running.api.answer()
            assert begun == sent
            assert posted.complete
            assert posted.size > sent * size

    play(scenario())


def test_other_events_are_heard_while_send_waits() -> None:
    """A stalled peer at the deadline: the app is cancelled. The end is sent once the peer reads."""

    async def scenario() -> None:
        working, cleaned_up = Signal(), Signal()
        sent = 0

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal sent
            if scope["path"] == "/next":
                await hello(scope, receive, send)
                return
            working.set()
            await send(start())
            try:
                while True:
                    await send(body(bytes(1_000_000), more=True))
                    sent += 1
            finally:
                cleaned_up.set()

        async with runtime(app, settings=QUICK) as running:
            running.api.keeps_bodies = False
            running.api.invoke(EVENT, seconds=1000)
            await working.wait()
            running.api.reading.clear()
            await stalled(lambda: sent)
            pass_time(1000)
            await cleaned_up.wait()
            running.api.reading.set()
            posted = await running.api.answer()
            assert posted.error["trailer"] == "Runtime.DeadlineExceeded"
            running.api.keeps_bodies = True
            running.api.invoke(function_url_event("/next"))
            assert (await running.api.answer()).content == b"hello"

    play(scenario())


# The byte budget.


def test_a_body_of_unknown_size_is_cut_before_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambda_asgi._application.LARGEST_STREAM", 1000)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        for _ in range(20):
            await send(body(b"x" * 100, more=True))
        await send(body())

    async def scenario() -> None:
        async with runtime(app) as running:
            running.api.invoke(EVENT)
            posted = await running.api.answer()
            assert len(posted.content) == 900
            assert posted.size <= 1000
            assert posted.error["trailer"] == "Runtime.ResponseTooLarge"
            assert "the 1000 bytes that Lambda passes on" in posted.error["errorMessage"]

    play(scenario())


@pytest.mark.parametrize("waits", [False, True])
def test_a_body_of_a_known_size_over_the_limit_is_a_413(waits: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, (b"content-length", b"%d" % response.LARGEST_STREAM)))
        if waits:
            for _ in range(5):
                await asyncio.sleep(0)
        await send(body(b"x", more=True))

    async def scenario() -> None:
        async with runtime(app) as running:
            running.api.invoke(EVENT)
            posted = await running.api.answer()
            assert posted.prelude["statusCode"] == 413
            assert b"the response announces 209715200 bytes" in posted.content
            assert posted.trailers == {}

    play(scenario())


@pytest.mark.timeout(10 * PATIENCE)
def test_200_mib_for_real_and_one_byte_more() -> None:
    """All that Lambda passes on is sent, in flat memory, and not the byte that it would drop."""
    room = response.LARGEST_STREAM - len(prelude.encode(200, []))
    chunk = bytes(1024 * 1024)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        left = room + (scope["path"] == "/one-more")
        await send(start())
        while left:
            piece = chunk[: min(left, len(chunk))]
            left -= len(piece)
            await send(body(piece, more=True))
        await send(body())

    async def scenario() -> None:
        async with runtime(app, settings=QUICK) as running:
            running.api.keeps_bodies = False
            tracemalloc.start()
            try:
                running.api.invoke(function_url_event("/"))
                posted = await running.api.answer()
                assert (posted.size, posted.trailers) == (response.LARGEST_STREAM, {})
                assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
            finally:
                tracemalloc.stop()
            running.api.invoke(function_url_event("/one-more"))
            posted = await running.api.answer()
            assert posted.size <= response.LARGEST_STREAM
            assert posted.error["trailer"] == "Runtime.ResponseTooLarge"

    play(scenario(), 8 * PATIENCE)  # 400 MB, and a kernel's buffers may be a page
