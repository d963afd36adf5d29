"""The works: what is done how often, by whom."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from benchmarks import content, s3
from benchmarks.peers import (
    ADAPTER,
    GO_URL,
    HONO,
    MANGUM,
    NODE,
    OURS,
    OURS_FASTAPI,
    OURS_IN_LOOP,
    OURS_S3,
    OURS_SERVICE,
    RUST_AXUM,
    RUST_ONE_THREAD,
    SOCKET,
    UVICORN,
)


@contextmanager
def files() -> Iterator[Mapping[str, str]]:
    """The file is on the disk, and in the page cache once it was read."""
    path = content.big_file()
    yield {"BENCHMARK_FILE": str(path), "FILE_SOURCE": str(path.parent)}


@dataclass(frozen=True)
class Work:
    """One thing that every peer does.

    `path` is requested `count` times a round (a quarter of that with --quick),
    after `warm` times outside the clock.

    `content` is what has to come, checked once for each peer:
    without, it is the small JSON, and where it differs each time, only its `length` is known.
    `fresh`: a new process for each round.
    """

    name: str
    title: str
    path: str
    peers: tuple[str, ...]
    count: int = 1
    warm: int = 1
    content: Callable[[], Iterable[bytes]] | None = None
    length: int | None = None
    fresh: bool = False
    free: bool = False
    """The system decides which processors server and peer have: for streams.

    One for both otherwise (processors.py).
    """
    source: Callable[[], AbstractContextManager[Mapping[str, str]]] = files
    """Where files come from: runs beside the peers, and yields the environment that names it."""
    delayed: bool = False
    """The measuring server delays its acknowledgements (runtime_api.py)."""
    paths: tuple[tuple[str, str], ...] = ()
    """Where a peer has another path: (peer, path)."""

    def path_of(self, peer: str) -> str:
        return dict(self.paths).get(peer, self.path)


def messages(count: int) -> Callable[[], Iterable[bytes]]:
    return lambda: content.messages(count)


def chunks() -> Iterable[bytes]:
    return (
        b"x" * 65536 for _ in range(3199)
    )  # and a little less than 3200, for the prelude: 200 MiB is the limit


FRAMEWORKS = (OURS_FASTAPI, OURS_IN_LOOP, MANGUM, ADAPTER, HONO, UVICORN)
BARE = (OURS, RUST_AXUM, RUST_ONE_THREAD, GO_URL, NODE, SOCKET)
STREAMS = (*BARE, OURS_FASTAPI, OURS_IN_LOOP, ADAPTER)
"""Bare apps, then one FastAPI app by each way that can stream it."""
WEB_BOUND = (OURS_FASTAPI, OURS_IN_LOOP, UVICORN)
"""Nobody outside of AWS can run a Web Function.

Its server is not known, and AWS's own endpoint stands before it: so the same app under uvicorn,
on a kept-alive connection over loopback, is the least that it can take.
It is a bound, not a measurement of AWS.
"""
S3_CLIENTS = {
    OURS_S3: "obstore",
    "lambda_asgi + FastAPI + boto3": "boto3",
    "lambda_asgi + FastAPI + aiobotocore": "aiobotocore",
}

WORKS = (
    Work(
        "ceiling",
        "The server's own limit: small answers by a sender in C, 2000 in a row",
        "/small",
        ("C, small",),
        count=2000,
        warm=500,
    ),
    Work(
        "ceiling-chunks",
        "The server's own limit: 64 KiB x 3200 by a sender in C",
        "/chunks/3199",
        ("C, 64 KiB",),
        content=chunks,
        free=True,
    ),
    Work(
        "json",
        "Small JSON by a framework, 2000 in a row",
        "/small",
        FRAMEWORKS,
        count=2000,
        warm=500,
    ),
    Work(
        "small", "Small answer by a bare app, 4000 in a row", "/small", BARE, count=4000, warm=500
    ),
    Work(
        "first-20",
        "The first 20 invocations of a fresh process",
        "/small",
        (OURS, RUST_AXUM, GO_URL, NODE),
        count=20,
        fresh=True,
    ),
    Work(
        "first-20-json",
        "The first 20 of a fresh process, by a framework",
        "/small",
        (OURS_FASTAPI, OURS_IN_LOOP, MANGUM, ADAPTER, HONO),
        count=20,
        fresh=True,
    ),
    Work(
        "message",
        "1 message of 30 bytes",
        "/messages/1",
        STREAMS,
        count=400,
        warm=100,
        content=messages(1),
    ),
    Work(
        "messages",
        "1000 messages of 30 bytes in a row",
        "/messages/1000",
        STREAMS,
        count=40,
        warm=40,
        content=messages(1000),
    ),
    Work(
        "message-delayed",
        "The same from a server that delays its acknowledgements",
        "/messages/1",
        (OURS, RUST_AXUM, GO_URL, NODE, OURS_FASTAPI, OURS_IN_LOOP, ADAPTER),
        count=20,
        content=messages(1),
        delayed=True,
    ),
    Work(
        "paced",
        "100 messages of 30 bytes, 1 ms apart",
        "/paced/100",
        STREAMS,
        count=2,
        length=3000,
    ),
    Work(
        "chunks",
        "64 KiB x 3200 (210 MB)",
        "/chunks/3199",
        STREAMS,
        count=3,
        content=chunks,
        free=True,
    ),
    Work(
        "file",
        "A file of 192 MiB",
        "/pathsend",
        (OURS_FASTAPI, OURS_SERVICE, ADAPTER, UVICORN, SOCKET),
        count=2,
        content=content.of_big_file,
        free=True,
        paths=(
            (OURS_SERVICE, "/files/benchmark.bin"),
            (SOCKET, "/file"),
        ),
    ),
    *(
        Work(
            f"file-{name}",
            f"A file of 192 MiB: {title}",
            path,
            (OURS_FASTAPI,),
            content=content.of_big_file,
            free=True,
        )
        for name, title, path in (
            ("sync-64k", "sync generator, 64 KiB", "/sync/65536"),
            ("sync-1m", "sync generator, 1 MiB", "/sync/1048576"),
            ("blocking-64k", "async generator that blocks, 64 KiB", "/blocking/65536"),
            ("blocking-1m", "async generator that blocks, 1 MiB", "/blocking/1048576"),
            ("aiofiles-64k", "aiofiles, 64 KiB", "/aiofiles/65536"),
            ("aiofiles-256k", "aiofiles, 256 KiB", "/aiofiles/262144"),
            ("aiofiles-1m", "aiofiles, 1 MiB", "/aiofiles/1048576"),
            ("aiofiles-4m", "aiofiles, 4 MiB", "/aiofiles/4194304"),
            ("read-ahead-1m", "read-ahead in a thread, 1 MiB", "/read-ahead/1048576"),
            ("whole", "the whole file in one yield", "/whole"),
            ("pathsend", "pathsend (FileResponse)", "/pathsend"),
        )
    ),
    Work(
        "web-json",
        "Small JSON, and the bound of a Web Function",
        "/small",
        WEB_BOUND,
        count=2000,
        warm=500,
    ),
    Work(
        "web-messages",
        "1000 messages of 30 bytes by FastAPI, and the bound of a Web Function",
        "/messages/1000",
        WEB_BOUND,
        count=40,
        warm=40,
        content=messages(1000),
    ),
    Work(
        "buffered",
        "4 MiB of binary, buffered (5.6 MB of JSON)",
        "/binary/4194304",
        ("lambda_asgi, buffered", MANGUM),
        count=10,
        warm=3,
        content=lambda: (b"\xff" * 4194304,),
    ),
    Work(
        "s3",
        "An object of 192 MiB from S3",
        "/files/benchmark.bin",
        tuple(S3_CLIENTS),
        content=content.of_big_file,
        source=s3.server,
    ),
    Work(
        "s3-small",
        "Objects of 16 KiB from S3, 200 in a row",
        "/files/small/{}.bin",
        tuple(S3_CLIENTS),
        count=content.SMALL_OBJECTS,
        warm=40,
        content=lambda: (content.small_object(),),
        source=s3.server,
    ),
)
