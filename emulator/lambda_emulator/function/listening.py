"""Which TCP ports processes listen on (Linux: from /proc; on other systems none are found)."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["listening_ports"]

_LISTEN = "0A"


def listening_ports(pids: Iterable[int]) -> list[int]:
    """Return the ports, sorted."""
    inodes = {inode for pid in pids for inode in _sockets(pid)}
    ports: set[int] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            _, *lines = Path(table).read_text("ascii").splitlines()
            for line in lines:
                fields = line.split()
                address, state, inode = fields[1], fields[3], fields[9]
                if state == _LISTEN and inode in inodes:
                    _, _, port = address.rpartition(":")
                    ports.add(int(port, 16))
    return sorted(ports)


def _sockets(pid: int) -> Iterable[str]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(entry.path)
                if target.startswith("socket:["):
                    yield target[8:-1]
