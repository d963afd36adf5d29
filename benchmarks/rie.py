"""A small stream under AWS's own Runtime Interface Emulator.

Users see this with `sam local` or in a container.

It passes no stream on, so only the whole time of an invocation can be taken, from its client.
It delays its acknowledgements, as any server does that asks for nothing else.
What AWS's own Runtime API does is not known.
"""

import contextlib
import http.client
import os
import platform
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.http_client import free_port
from benchmarks.measure import MICRO, Figures, quantile
from benchmarks.peer import OF_EVERY_FUNCTION, Command, Peer, event
from benchmarks.peers import (
    ADAPTER,
    GO_URL,
    NODE,
    OURS,
    OURS_FASTAPI,
    OURS_IN_LOOP,
    PEERS,
    RUST_AXUM,
)
from benchmarks.places import ROOT
from benchmarks.runs import Plan, Results, present, turns
from benchmarks.runtime_api import PeerFailed

NAMES = (OURS, RUST_AXUM, GO_URL, NODE, OURS_FASTAPI, OURS_IN_LOOP, ADAPTER)
INVOKE = "/2015-03-31/functions/function/invocations"
_PATIENCE = 60


def binary() -> Path | None:
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    found = ROOT.glob(
        f".venv/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"
    )
    return next(found, None)


def run(plan: Plan) -> Results:
    """Nothing where there is no such emulator. Raises PeerFailed."""
    emulator = binary()
    if emulator is None:
        plan.say("  skipped: `make install` brings AWS's emulator, for Linux")
        return {}
    names = present(NAMES, plan.say)
    results: dict[str, list[Figures]] = {name: [] for name in names}
    for name in turns(names, min(3, plan.pairs)):  # each round starts an emulator and a peer
        results[name].append(measured(emulator, PEERS[name], 20 // plan.divisor))
    return results


def measured(emulator: Path, peer: Peer, count: int) -> Figures:
    """`wall_us`: the median of `count` invocations, after the first."""
    port, api = free_port(), f"127.0.0.1:{free_port()}"
    options = ("--runtime-interface-emulator-address", f"127.0.0.1:{port}")
    argv = (*map(str, (emulator, *options, "--runtime-api-address", api)), "/bin/sh")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "bootstrap")
        script.write_text(started_by_shell(peer.commands(api)))
        process = subprocess.Popen(
            (*argv, str(script)),
            env={"PATH": os.environ["PATH"], **OF_EVERY_FUNCTION},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            invoke(port, peer.name)
            times = sorted(invoke(port, peer.name) for _ in range(count))
        finally:
            end_session(process.pid)
            process.wait()
    return {"wall_us": quantile(times, 0.5) * MICRO}


def end_session(leader: int) -> None:
    """Kill all processes of a session. The emulator gives its child a process group of its own."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            _, _, fields = stat.read_text().rpartition(")")
            if int(fields.split()[3]) == leader:  # proc_pid_stat(5): session
                os.kill(int(stat.parent.name), signal.SIGKILL)


def started_by_shell(commands: Sequence[Command]) -> str:
    """A script that starts the processes and becomes the last of them."""
    lines = []
    for command in commands:
        variables = (f"{name}={value}" for name, value in command.environment.items())
        told = shlex.join(["env", *variables, *map(str, command.argv)])
        lines.append(f"cd {shlex.quote(str(command.folder))}; {told} &")
    lines[-1] = lines[-1].removesuffix(" &").replace("; env", "; exec env", 1)
    return "\n".join(lines) + "\n"


def invoke(port: int, name: str) -> float:
    """Seconds of one invocation.

    Waits for an emulator that does not listen yet.
    Raises PeerFailed.
    """
    limit = time.perf_counter() + _PATIENCE
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        begun = time.perf_counter()
        try:
            connection.request("POST", INVOKE, event("/messages/1"))
            body = connection.getresponse().read()
        except ConnectionRefusedError:
            if begun > limit:
                raise PeerFailed(f"{name}: AWS's emulator does not listen") from None
            time.sleep(0.02)
            continue
        finally:
            connection.close()
        taken = time.perf_counter() - begun
        if not body.endswith(b"data: message number 0000000\n\n"):
            raise PeerFailed(f"{name} under AWS's emulator gave {body[:200]!r}")
        return taken
