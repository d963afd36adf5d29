"""Which processor each process uses.

For single responses, the measuring server and the measured peer share one processor.

Whether the system has put the two together decides how long each wake-up takes,
and it does so in one round and not in the next.
Nothing is lost by sharing, because one waits for the other anyway;
and a function of less than 1769 MB has no whole processor of its own either
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
For streams the system decides, as it does for everybody:
sharing, a stream would take as long as both need for it.
What AWS would run elsewhere (S3) runs on the others.
Where there is one processor only, and on systems that do not tell (macOS, Windows),
the system decides everything.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

Processors = frozenset[int]


def shared_out(available: Processors) -> tuple[Processors, Processors]:
    """For the server and its peer, and for everything else."""
    if len(available) < 2:
        return available, available
    one = frozenset({max(available)})  # not the first, which has most of a machine's interrupts
    return one, available - one


ALL = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()
ONE, OTHERS = shared_out(ALL)


@contextmanager
def on(processors: Processors) -> Iterator[None]:
    """Bind this process, and for good whatever it starts meanwhile."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
