"""A peer: its processes, the server that feeds them, and what they have used."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from benchmarks.http_client import HTTPClient
from benchmarks.places import ROOT
from benchmarks.runtime_api import Answer, PeerFailed, RuntimeAPI

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Command:
    argv: Sequence[str]
    environment: Environment = field(default_factory=dict)
    folder: Path = ROOT


@dataclass(frozen=True)
class Peer:
    """The commands that start a peer's processes.

    They get the address of a Runtime API. For an HTTP server it is the address to listen on.
    """

    name: str
    commands: Callable[[str], Sequence[Command]]
    missing: Callable[[], str | None] = lambda: None
    """How to get what it needs, or None when all is there."""
    version: Callable[[], str] = lambda: ""
    http: bool = False


OF_EVERY_FUNCTION = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]bench",
}


class Running:
    """A peer's processes, and the server that feeds them.

    Use as a context manager; `ready` before anything else.
    """

    def __init__(
        self,
        peer: Peer,
        environment: Environment = {},  # noqa: B006  # only read
        *,
        delayed: bool = False,
        patience: float = 60,
    ) -> None:
        """`delayed`: the server delays its acknowledgements.

        `patience`: seconds that a peer may take to answer.
        """
        self.peer = peer
        self._patience = patience
        self._server = HTTPClient() if peer.http else RuntimeAPI(delayed=delayed)
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
            return self.server.wait_until_polled(self._patience, polls) - self.started
        except PeerFailed as failure:
            hint = "set BENCHMARK_LOGS=1 to see what it prints"
            raise PeerFailed(f"{self.peer.name}: {failure} ({hint})") from None

    def _alive(self) -> bool:
        return all(process.poll() is None for process in self._processes)

    def run(self, path: str, count: int = 1, *, at_once: int = 1) -> list[Answer]:
        return self.server.run(events(path, count), at_once=at_once, seconds=self._patience)

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
        """Seconds of user and system time so far, all processes.

        NaN where there is no Linux to tell.
        """
        if sys.platform != "linux":
            return float("nan")
        # clock_getcpuclockid(3): a process's clock, in nanoseconds and with its threads,
        # dead ones too.
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
    """A Function URL's event, as recorded, for `path` and what may follow it behind a "?"."""
    path, _, query = path.partition("?")
    document = json.loads(_TEMPLATE)
    document["rawPath"] = document["requestContext"]["http"]["path"] = path
    if query:
        document["rawQueryString"] = query
        document["queryStringParameters"] = dict(parse_qsl(query))
    return json.dumps(document).encode()
