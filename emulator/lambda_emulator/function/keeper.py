"""End the processes of functions. As a program, do so when the emulator is gone, however it ended.

A function's processes are its process group, and every process that inherited the address of its
Runtime API (Linux: /proc shows it; on other systems only the group can be found).

It uses only the standard library: as a script, it must not depend on how the emulator is installed.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable

__all__ = ["end_all", "marked"]


def end_all(address: str, groups: Iterable[int]) -> None:
    """Send SIGKILL to all processes of an execution environment."""
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for _ in range(10):  # Processes that were started meanwhile are found in the next round.
        found = marked(address)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def marked(address: str) -> list[int]:
    """Return the processes with this Runtime API in their environment. Dead processes have none."""
    mark = f"AWS_LAMBDA_RUNTIME_API={address}".encode()
    found = []
    with contextlib.suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as environment:
                if mark in environment.read().split(b"\0"):
                    found.append(int(name))
    return [pid for pid in found if pid != os.getpid()]


def main() -> None:
    """Read "hold ADDRESS GROUP" and "drop ADDRESS" from the emulator, and end what is held."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    held: dict[str, list[int]] = {}
    for line in sys.stdin:
        word, address, *groups = line.split()
        if word == "hold":
            held.setdefault(address, []).extend(map(int, groups))
        else:
            held.pop(address, None)
    for address, leaders in held.items():
        end_all(address, leaders)


if __name__ == "__main__":
    main()
