"""Who runs where: the measuring server on one processor, the peers on the others.

So a peer is not moved about in the middle of a round, and its threads do not take turns with the server that times it.
With one processor, and on systems that cannot say (macOS, Windows), everything stays where the system puts it.
"""

import os
import sys

Processors = frozenset[int]


def shared_out(available: Processors) -> tuple[Processors, Processors]:
    """For the server, and for the peers: one and the rest, or all for both where there is only one."""
    if len(available) < 2:
        return available, available
    first = min(available)
    return frozenset({first}), available - {first}


def _available() -> Processors:
    return frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()


FOR_SERVER, FOR_PEERS = shared_out(_available())


def keep_to(processors: Processors, pid: int = 0) -> None:
    """Bind a process (0: this one), and whatever it starts from now on."""
    if sys.platform == "linux" and processors:
        os.sched_setaffinity(pid, processors)
