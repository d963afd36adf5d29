"""200 clients stream at once: nothing lost, nothing mixed up, memory flat.

A short round in the suite; LOAD_SECONDS=30 for a long one, which prints its figures.
"""

import asyncio
import hashlib
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lambda_emulator.support import RUNTIMES, RunningEmulator, write_template

CLIENTS = 200
ROUNDS = 5
SECONDS = float(os.environ.get("LOAD_SECONDS", "1"))
CHUNKS, SIZE = 20, 4096

UNDER_WAY = CLIENTS * CHUNKS * SIZE
"""What the emulator may hold at once, if it gets ahead of every client: 16 MB.

The machine decides whether it does.
"""


@dataclass
class Totals:
    streams: int = 0
    bytes: int = 0


async def client(number: int, port: int, until: float, totals: Totals) -> None:
    """More than ROUNDS streams on one connection. Each body must have its own path and digest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    rounds = 0
    while rounds < ROUNDS or time.monotonic() < until:
        path = f"/client/{number}/round/{rounds}"
        writer.write(
            f"GET {path}?chunks={CHUNKS}&size={SIZE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        chunks = []
        while size := int(await reader.readline(), 16):
            chunks.append(await reader.readexactly(size))
            assert await reader.readexactly(2) == b"\r\n"
        assert await reader.readline() == b"\r\n"
        assert chunks[0] == path.encode()
        body = b"".join(chunks)
        assert len(body) == len(path) + (CHUNKS - 1) * SIZE + 32
        assert body[-32:] == hashlib.sha256(body[:-32]).digest()
        totals.streams += 1
        totals.bytes += len(body)
        rounds += 1
    writer.close()


async def all_clients(port: int, totals: Totals) -> None:
    until = time.monotonic() + SECONDS
    async with asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(client(number, port, until, totals))


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.timeout(240 + 2 * SECONDS)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.slow
def test_200_streaming_clients(tmp_path: Path) -> None:
    inner = {"CapacityProviderArn": "arn:x", "PerExecutionEnvironmentMaxConcurrency": CLIENTS}
    template = write_template(
        tmp_path,
        Timeout=60,
        Environment={"Variables": {"LIFE": "load"}},
        CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": inner},
    )
    command = (sys.executable, str(RUNTIMES / "lifecycle.py"))
    totals = Totals()
    with RunningEmulator("--template", str(template), command=command) as emulator:
        asyncio.run(all_clients(emulator.port, Totals()))  # every buffer has been used once
        before = resident(emulator.process.pid)
        started = time.monotonic()
        asyncio.run(all_clients(emulator.port, totals))
        seconds = time.monotonic() - started
        growth = resident(emulator.process.pid) - before
        assert emulator.get("/last?chunks=1").body.startswith(b"/last")
    print(
        f"{CLIENTS} clients, {seconds:.1f} s: "
        f"{totals.streams} streams, {totals.bytes / 1e6:.0f} MB, "
        f"{totals.streams / seconds:.0f} streams/s, "
        f"memory {before / 1e6:.1f} MB {growth / 1e6:+.1f} MB"
    )
    assert totals.bytes > ROUNDS * (UNDER_WAY - CLIENTS * SIZE)
    assert growth < UNDER_WAY + 8 * 1024 * 1024
