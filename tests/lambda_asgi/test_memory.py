"""A process's resident memory, in both modes, over many invocations and after large ones."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lambda_asgi.testing import function_url_event
from tests.lambda_asgi.process import COMMAND, runtime_process
from tests.lambda_asgi.runtime_api_server import Posted, RuntimeAPIServer, runtime_api_server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")

MIB = 1024 * 1024
COMMANDS = {
    "runtime mode": COMMAND,
    "handler mode": (sys.executable, "-m", "awslambdaric", "memory.handler"),
}
INVOCATIONS = int(os.environ.get("INVOCATIONS", "500"))
"""More of them show smaller leaks: `INVOCATIONS=100000 pytest tests/lambda_asgi/test_memory.py`."""


class Measured:
    """One process that serves apps/memory.py."""

    def __init__(self, api: RuntimeAPIServer, pid: int) -> None:
        self._api = api
        self._status = Path(f"/proc/{pid}/status")
        self._asked = 0

    async def answer(self, path: str) -> Posted:
        self._asked += 1
        trace_id = f"Root=1-{self._asked:08x}-0123456789abcdef01234567;Sampled=0"
        self._api.invoke(function_url_event(path), headers={"Lambda-Runtime-Trace-Id": trace_id})
        return await self._api.answer()

    def resident(self) -> int:
        return self._of("VmRSS")

    def peak(self) -> int:
        return self._of("VmHWM")

    def _of(self, name: str) -> int:
        """Bytes."""
        lines = self._status.read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


@asynccontextmanager
async def measured(mode: str) -> AsyncIterator[Measured]:
    async with (
        runtime_api_server() as api,
        runtime_process(api, "memory.handler", command=COMMANDS[mode]) as runtime,
    ):
        assert runtime.process.stdout is not None
        log = asyncio.create_task(runtime.process.stdout.read())
        try:
            process = Measured(api, runtime.process.pid)
            for _ in range(50):
                assert (await process.answer("/")).content == b"fine"
            yield process
        finally:
            log.cancel()
            await asyncio.gather(log, return_exceptions=True)


@pytest.mark.parametrize("mode", COMMANDS)
def test_many_invocations_take_no_more_than_a_few(mode: str) -> None:
    """Each has a trace id of its own, which once cost 160 bytes in C's environment."""

    async def scenario() -> int:
        async with measured(mode) as process:
            before = process.resident()
            for _ in range(INVOCATIONS):
                assert (await process.answer("/")).content == b"fine"
            print(f"{mode}: {before} bytes, {process.resident()} after {INVOCATIONS} invocations")
            return process.resident() - before

    # In handler mode, the trace id is set by Lambda's own loop, which does cost it.
    by_the_loop = 200 * INVOCATIONS if mode == "handler mode" else 0
    assert asyncio.run(scenario()) < 2 * MIB + by_the_loop


def available() -> int:
    """Bytes that can be used without swapping."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.M)
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("mode", COMMANDS)
@pytest.mark.parametrize(
    ("path", "status", "copies"),
    [
        ("/too-large/1024", 413, 1),
        ("/raises/100", 500, 4),  # Lambda's own log handler formats all of it
        ("/mistyped/200", 500, 1),
    ],
)
def test_a_large_failure_keeps_no_memory_and_makes_few_copies(
    mode: str, path: str, status: int, copies: int
) -> None:
    """Nothing of a body of 1 GiB stays resident after its 413.

    A text of 100 MB peaked at 975 MiB, and a mistyped message of 200 MB at 1.7 GB.
    """
    size = int(path.rpartition("/")[2]) * MIB
    if available() < 3 * size:
        pytest.skip("needs more memory, for what runs beside it too")

    async def scenario() -> None:
        async with measured(mode) as process:
            before = process.resident()
            posted = await process.answer(path)
            assert posted.prelude["statusCode"] == status
            assert (await process.answer("/")).content == b"fine"
            print(f"{mode} {path}: {before} {process.peak()} {process.resident()}")
            assert process.peak() - before < copies * size + 64 * MIB
            assert process.resident() - before < 16 * MIB

    asyncio.run(scenario())
