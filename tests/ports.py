"""Ports for servers that cannot be given port 0."""

import contextlib
import os
import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface on which nobody listens.

    They are below those that the kernel hands out itself. So until the server listens there, no
    connection and no other server gets one by chance. Each of several test processes looks in its
    own part.
    """
    ephemeral = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    candidates = list(range(_LOWEST + worker, ephemeral, workers))
    random.SystemRandom().shuffle(candidates)
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        for port in candidates or [0] * count:
            with contextlib.suppress(OSError):
                listening = stack.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(listening.getsockname()[1])
            if len(found) == count:
                return found
    raise AssertionError(f"there are no {count} free ports")
