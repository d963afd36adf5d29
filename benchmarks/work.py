"""The works: what is done how often, by whom. And the goals, each a ratio of two peers' figures."""

from dataclasses import dataclass

FILE_SIZE = 192 * 1024 * 1024  # not 256: Lambda passes 200 MiB on


@dataclass(frozen=True)
class Work:
    """`path` is asked `count` times a round (a quarter of that with --quick), after `warm` times outside the clock.

    `expected` is the content's length in bytes, checked once for each peer. `fresh`: a new process for each round.
    """

    name: str
    title: str
    path: str
    peers: tuple[str, ...]
    count: int = 1
    warm: int = 1
    expected: int | None = None
    fresh: bool = False
    at_once: int = 1
    paths: tuple[tuple[str, str], ...] = ()
    """Where a peer has another path: (peer, path)."""

    def path_of(self, peer: str) -> str:
        return dict(self.paths).get(peer, self.path)


OURS = "lambda_asgi"
OURS_FASTAPI = "lambda_asgi + FastAPI"
MANGUM = "awslambdaric + Mangum + FastAPI"
FRAMEWORKS = (
    OURS_FASTAPI,
    MANGUM,
    "Node + Hono",
    "Lambda Web Adapter + uvicorn + FastAPI",
    "uvicorn + FastAPI",
)
BARE = (OURS, "Node", "blocking socket")

WORKS = (
    Work("json", "Small JSON by a framework, 4000 in a row", "/small", FRAMEWORKS, count=4000, warm=500),
    Work("small", "Small answer by a bare app, 4000 in a row", "/small", (*BARE, "C, small"), count=4000, warm=500),
    Work("first-20", "The first 20 invocations of a fresh process", "/small", (OURS, "Node"), count=20, fresh=True),
    Work(
        "first-20-json",
        "The first 20 of a fresh process, by a framework",
        "/small",
        (OURS_FASTAPI, MANGUM, "Node + Hono"),
        count=20,
        fresh=True,
    ),
    Work("message", "1 message of 30 bytes", "/messages/1", BARE, count=400, warm=100, expected=30),
    Work("messages-10", "10 messages of 30 bytes in a row", "/messages/10", BARE, count=400, warm=100, expected=300),
    Work("messages", "1000 messages of 30 bytes in a row", "/messages/1000", BARE, count=40, warm=40, expected=30000),
    Work("paced", "100 messages of 30 bytes, 1 ms apart", "/paced/100", BARE, count=2, expected=3000),
    Work(
        "chunks",
        "64 KiB x 3200 (210 MB)",
        "/chunks/3199",  # and a little less, for the prelude: 200 MiB is the limit
        (*BARE, "C, 64 KiB"),
        expected=3199 * 65536,
        paths=(("C, 64 KiB", ""),),
    ),
    Work(
        "file",
        "A file of 192 MiB",
        "/pathsend",
        (OURS_FASTAPI, "lambda_asgi + file_service", "uvicorn + FastAPI", "blocking socket"),
        expected=FILE_SIZE,
        paths=(("lambda_asgi + file_service", "/files/benchmark.bin"), ("blocking socket", "/file")),
    ),
    *(
        Work(f"file-{name}", f"A file of 192 MiB: {title}", path, (OURS_FASTAPI,), expected=FILE_SIZE)
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
        "buffered",
        "4 MiB of binary, buffered (5.6 MB of JSON)",
        "/binary/4194304",
        ("lambda_asgi, buffered", MANGUM),
        count=10,
        warm=3,
        expected=4194304,
    ),
)


@dataclass(frozen=True)
class Goal:
    """`ours` divided by `theirs`, in `figure`, is at most `limit` (or at least, where `at_least`)."""

    work: str
    figure: str
    ours: str
    theirs: str
    limit: float
    at_least: bool = False
    difference: bool = False
    """Microseconds of `ours` above `theirs` rather than a ratio."""


GOALS = (
    Goal("json", "wall_us", OURS_FASTAPI, MANGUM, 0.70),
    Goal("json", "cpu_us", OURS_FASTAPI, MANGUM, 0.70),
    Goal("json", "wall_us", OURS_FASTAPI, "Node + Hono", 0.95),
    Goal("json", "cpu_us", OURS_FASTAPI, "Node + Hono", 0.95),
    Goal("small", "wall_us", OURS, "Node", 0.60),
    Goal("small", "cpu_us", OURS, "Node", 0.40),
    Goal("small", "cpu_us", OURS, "blocking socket", 60, difference=True),
    Goal("first-20", "wall_us", OURS, "Node", 0.50),
    Goal("messages", "wall_us", OURS, "Node", 1.0),
    Goal("chunks", "mb_per_s", OURS, "blocking socket", 0.95, at_least=True),
    Goal("file", "mb_per_s", OURS_FASTAPI, "blocking socket", 0.80, at_least=True),
    Goal("file", "mb_per_s", "lambda_asgi + file_service", "blocking socket", 0.80, at_least=True),
    Goal("file", "mb_per_s", OURS_FASTAPI, "uvicorn + FastAPI", 4.0, at_least=True),
    Goal("file", "mb_per_s", "lambda_asgi + file_service", "uvicorn + FastAPI", 4.0, at_least=True),
    Goal("memory", "mib", "streamed", "", 8),
    Goal("memory", "mib", "peer that does not read", "", 8),
    Goal("start", "next_us", "the built zip", "sam build, awslambdaric + Mangum", 0.60),
    Goal("at-once", "wall_us", "64 at once", "1 at once", 1 / 0.9),
    Goal("at-once", "step_us", "64 at once", "", 5000),
)
