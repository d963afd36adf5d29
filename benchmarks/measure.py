"""Rounds of work, and what is made of their figures."""

import gc
import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import framing
from benchmarks.peer import Running, events
from benchmarks.runtime_api import Answer

Figures = dict[str, float]
"""Of one round of one peer.

`wall_us`, `cpu_us` (user and system): microseconds per invocation.
`first_byte_p50_us` and `_p99_us`: from the event to the first byte of content.
`mb_per_s`: 10^6 bytes.
`grown_mib`: the peak of resident memory above what it was before.
`delay_p50_us`, `_p99_us`: of one message, from `send` to its arrival.
`server_us`: processor time per invocation of this process, the measuring server:
where it comes near `wall_us`, it is the limit itself.
`invocation_k`, `chunk_k`, `message_k`: thousands of instructions in user space.
`next_us`, `first_us`: from the start of the process to its first request for work,
and then the first invocation.
`mib`: memory of all processes.
"""

MICRO = 1e6
LARGE = 1024 * 1024


def known(figures: Figures) -> Figures:
    """Without those that this system cannot tell, which are NaN."""
    return {name: value for name, value in figures.items() if value == value}


def measured(running: Running, path: str, count: int, *, at_once: int = 1) -> Figures:
    """Have `path` answered `count` times."""
    asked = events(path, count)
    before = running.resident()
    running.forget_peak()
    gc.collect()
    gc.disable()  # this process's: a collection here would be time there
    cpu, server = running.cpu(), time.process_time()
    begun = time.perf_counter()
    answers = running.server.run(asked, at_once=at_once)
    wall = time.perf_counter() - begun
    cpu, server = running.cpu() - cpu, time.process_time() - server
    gc.enable()
    first = sorted(answer.first_byte() for answer in answers)
    figures = {
        "wall_us": wall / count * MICRO,
        "cpu_us": cpu / count * MICRO,
        "first_byte_p50_us": quantile(first, 0.5) * MICRO,
        "first_byte_p99_us": quantile(first, 0.99) * MICRO,
        "server_us": server / count * MICRO,
    }
    received = sum(answer.received for answer in answers)
    if at_once == 1 and received > LARGE * count:
        figures["mb_per_s"] = received / sum(answer.ended - answer.sent for answer in answers) / 1e6
        figures["grown_mib"] = running.peak() - before
    if path.startswith("/paced/"):
        late = sorted(delay for answer in answers for delay in delays(answer))
        figures["delay_p50_us"] = quantile(late, 0.5) * MICRO
        figures["delay_p99_us"] = quantile(late, 0.99) * MICRO
    return figures


def delays(answer: Answer) -> list[float]:
    """Seconds from the sending of each 30-byte message, which it contains, to its arrival."""
    content = answer.content()
    result = []
    position = 0
    for total, when in framing.arrivals(answer.pieces):
        while position + 30 <= total:
            result.append(when - int(content[position + 5 : position + 25]) / 1e9)
            position += 30
    return result


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of values in ascending order: the one that `share` of them do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Spread(NamedTuple):
    """Of one figure, or of one ratio, over all rounds."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(min(values), statistics.median(values), max(values))


def ratio(ours: Sequence[Figures], theirs: Sequence[Figures], figure: str) -> Spread | None:
    """Ours divided by theirs, round by round: they were taken in pairs.

    None if either was not measured.
    """
    pairs = [
        (a[figure], b[figure])
        for a, b in zip(ours, theirs, strict=False)
        if a.get(figure) and b.get(figure)
    ]
    return Spread.of([a / b for a, b in pairs]) if pairs else None


def difference(ours: Sequence[Figures], theirs: Sequence[Figures], figure: str) -> Spread | None:
    pairs = [
        (a[figure], b[figure])
        for a, b in zip(ours, theirs, strict=False)
        if figure in a and figure in b
    ]
    return Spread.of([a - b for a, b in pairs]) if pairs else None
