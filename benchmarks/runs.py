"""How a work is run: every peer in turn, again and again, each answer checked before the clock starts."""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Figures, measured
from benchmarks.peers import PEERS, PREPARED, Running
from benchmarks.runtime_api import PeerFailed
from benchmarks.work import FILE_SIZE, Work

Results = Mapping[str, list[Figures]]
"""By peer: a round's figures, in the order of the rounds, which were taken in turn."""

SMALL = {"message": "hello from lambda", "items": [1, 2, 3]}


@dataclass(frozen=True)
class Plan:
    """How much of everything: `pairs` rounds of each peer, counts divided by `divisor`."""

    pairs: int = 7
    divisor: int = 1
    say: Callable[[str], None] = print


def run(work: Work, plan: Plan) -> Results:
    """Raises PeerFailed."""
    peers = []
    for name in work.peers:
        if hint := PEERS[name].missing():
            plan.say(f"  skipped: {name}. To have it: {hint}")
        else:
            peers.append(name)
    results: dict[str, list[Figures]] = {name: [] for name in peers}
    count = max(1, work.count // plan.divisor)
    if work.fresh:
        for _ in range(plan.pairs):
            for name in peers:
                with started(name) as running:
                    results[name].append(measured(running, work.path_of(name), work.count))
        return results
    with ExitStack() as stack:
        running = {name: stack.enter_context(started(name)) for name in peers}
        for name in peers:
            check(work, name, running[name])
            running[name].run(work.path_of(name), max(1, work.warm // plan.divisor))
        for _ in range(plan.pairs):
            for name in peers:
                results[name].append(measured(running[name], work.path_of(name), count, at_once=work.at_once))
    return results


def started(name: str, environment: Mapping[str, str] | None = None) -> Running:
    """A peer that asks for work. Raises PeerFailed."""
    folder = big_file().parent
    variables = {"BENCHMARK_FILE": str(big_file()), "FILE_SOURCE": str(folder), **(environment or {})}
    running = Running(PEERS[name], variables)
    try:
        running.ready()
    except PeerFailed:
        running.stop()
        raise
    return running


def check(work: Work, name: str, running: Running) -> None:
    """Raises PeerFailed unless the answer is the one that the work is about."""
    [answer] = running.run(work.path_of(name))
    if work.expected is None:
        content = answer.content()
        if not name.startswith("C,") and json.loads(content) != SMALL:
            raise PeerFailed(f"{name}: {work.path} gave {content[:200]!r}")
    elif work.expected > 8 * 1024 * 1024:  # not kept whole: framing takes less than 1 %
        if not work.expected <= answer.received <= work.expected * 1.01:
            raise PeerFailed(f"{name}: {work.path} gave {answer.received} bytes, not {work.expected}")
    elif len(answer.content()) != work.expected:
        raise PeerFailed(f"{name}: {work.path} gave {len(answer.content())} bytes, not {work.expected}")


def big_file() -> Path:
    """The file that is sent: FILE_SIZE bytes that no compression and no sparse file helps with, read once."""
    path = PREPARED / "files" / "benchmark.bin"
    if not path.exists() or path.stat().st_size != FILE_SIZE:
        path.parent.mkdir(parents=True, exist_ok=True)
        block = os.urandom(1024 * 1024).replace(b"\r", b"n").replace(b"\0", b"0")
        with path.open("wb") as file:
            for _ in range(FILE_SIZE // len(block)):
                file.write(block)
    return path
