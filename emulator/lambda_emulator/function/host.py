"""What all functions of one emulator share: the console, and the keeper of their processes."""

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lambda_emulator import limits
from lambda_emulator.console import Console

__all__ = ["Host", "Keeper"]

_PROGRAM: Final = Path(__file__).with_name("keeper.py")


class Keeper:
    """Runs keeper.py, which ends processes if the emulator is killed. It starts when first used."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()

    async def hold(self, address: str, group: int) -> None:
        async with self._starting:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-I",
                    "-S",
                    _PROGRAM,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
        self._tell(f"hold {address} {group}\n")

    def drop(self, address: str) -> None:
        self._tell(f"drop {address}\n")

    def _tell(self, line: str) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(line.encode())

    async def close(self) -> None:
        """Close its input. Nothing is held any more, so it ends by itself."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()


@dataclass(frozen=True, slots=True)
class Host:
    """What all processes share.

    `freeze`: stop the processes between invocations. `debug`: no time limits, and the processes
    read from and write to the emulator's own terminal.
    """

    console: Console
    freeze: bool = False
    debug: bool = False
    keeper: Keeper = field(default_factory=Keeper)

    def limit(self, seconds: float) -> float:
        """Return a time limit: the given one, or one that nobody reaches while debugging."""
        return limits.DEBUG_SECONDS if self.debug else seconds
