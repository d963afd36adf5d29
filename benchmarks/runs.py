"""How a work is run: every peer in turn, repeatedly.

Each response is checked before the clock starts.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from benchmarks import processors
from benchmarks.content import SMALL, fingerprint
from benchmarks.measure import Figures, measured
from benchmarks.peer import Running
from benchmarks.peers import PEERS
from benchmarks.runtime_api import KEEP, PeerFailed
from benchmarks.work import Work

Results = Mapping[str, list[Figures]]
"""By peer: a round's figures, in the order of the rounds, which were taken in turn."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """How much of everything: `pairs` rounds of each peer, counts divided by `divisor`."""

    pairs: int = 7
    divisor: int = 1
    say: Callable[[str], None] = print


def turns(items: Sequence[Item], pairs: int) -> Iterator[Item]:
    """A B, B A, A B, ...: the order, and changes in the machine's speed, affect all alike."""
    for turn in range(pairs):
        yield from items if turn % 2 == 0 else reversed(items)


def present(names: Sequence[str], say: Callable[[str], None]) -> list[str]:
    """The peers that can be run; of the others it is said how to get them."""
    found = []
    for name in names:
        if hint := PEERS[name].missing():
            say(f"  skipped: {name}. To have it: {hint}")
        else:
            found.append(name)
    return found


def run(work: Work, plan: Plan) -> Results:
    """Nothing where no peer is here. Raises PeerFailed."""
    peers = present(work.peers, plan.say)
    if not peers:
        return {}
    results: dict[str, list[Figures]] = {name: [] for name in peers}
    count = max(1, work.count // plan.divisor)
    with ExitStack() as stack:
        stack.enter_context(processors.on(processors.ALL if work.free else processors.ONE))
        environment = stack.enter_context(work.source())
        if work.fresh:
            for name in turns(peers, plan.pairs):
                with started(name, environment) as running:
                    results[name].append(measured(running, work.path_of(name), work.count))
            return results
        all_running = {
            name: stack.enter_context(started(name, environment, delayed=work.delayed))
            for name in peers
        }
        for name, running in all_running.items():
            check(work, name, running)
            running.run(work.path_of(name), max(1, work.warm // plan.divisor))
        for name in turns(peers, plan.pairs):
            results[name].append(measured(all_running[name], work.path_of(name), count))
    return results


def started(name: str, environment: Mapping[str, str], *, delayed: bool = False) -> Running:
    """A peer that asks for work. Raises PeerFailed."""
    running = Running(PEERS[name], environment, delayed=delayed)
    try:
        running.ready()
    except PeerFailed:
        running.stop()
        raise
    return running


def check(work: Work, name: str, running: Running) -> None:
    """Raises PeerFailed unless the answer is the one that the work is about, byte for byte."""
    running.server.keep = sys.maxsize
    [answer] = running.run(work.path_of(name))
    running.server.keep = KEEP
    try:
        size, digest = fingerprint(answer.in_pieces())
        if work.content is not None:
            expected = fingerprint(work.content())
            good = (size, digest) == expected
        elif work.length is not None:
            good = size == work.length
        else:
            good = json.loads(answer.content()) == SMALL
    except ValueError as error:
        raise PeerFailed(f"{name}: {work.path} gave no answer: {error}") from None
    if not good:
        raise PeerFailed(
            f"{name}: {work.path} gave {size} bytes that are not what was asked for (SHA-256 "
            f"{digest})"
        )
