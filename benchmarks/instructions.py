"""Instructions in user space per invocation, chunk and message, counted by valgrind's callgrind.

Each peer runs whole under callgrind, all its processes, behind the same server as for the times.
Counting starts when it has answered a few invocations, and stops before it ends.
What the kernel does is not counted.
The count is the same on a busy machine, and differs by less than 1 % between runs,
so that a ratio can be repeated anywhere.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Figures
from benchmarks.peer import Command, Peer, Running
from benchmarks.peers import (
    ADAPTER,
    MANGUM,
    OURS,
    OURS_FASTAPI,
    OURS_IN_LOOP,
    PEERS,
    RUST_AXUM,
    SOCKET,
)
from benchmarks.runs import Plan, Results, present
from benchmarks.runtime_api import PeerFailed

STREAMING = (OURS, RUST_AXUM, SOCKET, OURS_FASTAPI, OURS_IN_LOOP, ADAPTER)
COUNTED = (*STREAMING, MANGUM)
_PATIENCE = 600  # seconds: everything takes 50 times as long
_TOOL = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet")


def run(plan: Plan) -> Results:
    """Thousands of instructions: the same in every round.

    Nothing without valgrind.
    Raises PeerFailed.
    """
    if shutil.which("valgrind") is None or shutil.which("vgdb") is None:
        plan.say("  skipped: install valgrind (Linux only)")
        return {}
    return {
        name: [count(PEERS[name], 200 // plan.divisor)] * plan.pairs
        for name in present(COUNTED, plan.say)
    }


def count(peer: Peer, invocations: int) -> Figures:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        counted = replace(peer, commands=under_callgrind(peer.commands, folder))
        with Running(counted, patience=_PATIENCE) as running:
            running.ready()
            running.run("/small", 30)
            counter = Counter(running, folder)
            figures = {"invocation_k": counter.of("/small", invocations) / invocations}
            if peer.name in STREAMING:
                running.run("/chunks/200")
                running.run("/messages/200")
                figures["chunk_k"] = counter.of_each("/chunks/{}", 20, 320)
                figures["message_k"] = counter.of_each("/messages/{}", 100, 1100)
    return {name: value / 1000 for name, value in figures.items()}


class Counter:
    """Of a peer under callgrind."""

    def __init__(self, running: Running, folder: Path) -> None:
        self._running = running
        self._folder = folder

    def of(self, path: str, invocations: int) -> int:
        """Instructions of all processes for so many invocations. Raises PeerFailed."""
        self._tell("instrumentation on")
        self._running.run(path, invocations)
        self._tell("instrumentation off")
        self._tell("dump")
        totals = 0
        for dump in self._folder.glob("out.*.*"):
            totals += int(re.findall(r"^(?:totals|summary): (\d+)", dump.read_text(), re.M)[-1])
            dump.unlink()
        return totals

    def of_each(self, path: str, few: int, many: int) -> float:
        """Instructions of each of those that the larger answer has more than the smaller one."""
        smaller, larger = (self.of(path.format(number), 1) for number in (few, many))
        return (larger - smaller) / (many - few)

    def _tell(self, command: str) -> None:
        for pid in self._running.pids():
            argv = ("vgdb", f"--pid={pid}", f"--vgdb-prefix={self._folder}/vgdb", *command.split())
            told = subprocess.run(argv, capture_output=True, text=True, check=False)
            if told.returncode:
                raise PeerFailed(
                    f"{self._running.peer.name}: vgdb {command}: {told.stderr.strip()}"
                )


def under_callgrind(
    commands: Callable[[str], Sequence[Command]], folder: Path
) -> Callable[[str], Sequence[Command]]:
    def wrapped(address: str) -> Sequence[Command]:
        return [
            replace(
                command,
                argv=(
                    *_TOOL,
                    f"--vgdb-prefix={folder}/vgdb",
                    f"--callgrind-out-file={folder}/out.%p",
                    *command.argv,
                ),
                # With another seed, the same dictionaries collide elsewhere.
                environment={
                    **command.environment,
                    "PYTHONHASHSEED": "0",
                    "BENCHMARK_COUNTED": "1",
                },
            )
            for command in commands(address)
        ]

    return wrapped
