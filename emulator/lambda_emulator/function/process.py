"""One process of an execution environment: start, output, signals, memory, end."""

import array
import asyncio
import contextlib
import fcntl
import os
import signal
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from lambda_emulator.function.keeper import end_all

__all__ = ["Process"]

_STDERR: Final = 2
_READ: Final = 2048
"""Bytes of output that are read at once, so that a process that writes without end does not
block the rest."""


class Process:
    """A process that leads its own group, so that Ctrl-C reaches the emulator only.

    `on_output` gets bytes as they come.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        output: int = -1,
        on_output: Callable[[bytes], object] = bytes,
    ) -> None:
        self._process = process
        self._output = output
        self._on_output = on_output
        self._frozen = False
        self._peak = 0
        if output >= 0:
            asyncio.get_running_loop().add_reader(output, self._readable)

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        folder: Path,
        variables: Mapping[str, str],
        on_output: Callable[[bytes], None] | None,
    ) -> "Process":
        """Start a process.

        Args:
            command: The program and its arguments.
            folder: The working directory.
            variables: All environment variables.
            on_output: Called with its output. Without it the process uses the emulator's
                stdin and stderr, so that a debugger works in the terminal.

        Raises:
            OSError: The command cannot be run.
        """
        if on_output is None:
            return cls(
                await asyncio.create_subprocess_exec(
                    *command, cwd=folder, env=variables, stdout=_STDERR, start_new_session=True
                )
            )
        output, write_end = os.pipe()
        os.set_blocking(output, False)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                start_new_session=True,
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(write_end)
        return cls(process, output, on_output)

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        return self._process.pid

    async def wait(self) -> str:
        """Wait for its end, and return how it ended."""
        code = await self._process.wait()
        return f"exit status {code}" if code >= 0 else f"signal: {signal.Signals(-code).name}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen:
            self._frozen = False
            self.signal(signal.SIGCONT)

    async def end(self, address: str) -> None:
        """Kill the process and all that it has started. `address` is that of their Runtime API."""
        end_all(address, [self.pid])
        await self._process.wait()

    # ---- output

    def read_output(self) -> None:
        """Read everything that was written before this call."""
        if self._output < 0:
            return
        waiting = array.array("i", [0])
        fcntl.ioctl(self._output, termios.FIONREAD, waiting)
        left = waiting[0]
        while left > 0 and (data := self._read(left)):
            left -= len(data)
            self._on_output(data)

    def close_output(self) -> None:
        if self._output >= 0:
            self.read_output()
            asyncio.get_running_loop().remove_reader(self._output)
            os.close(self._output)
            self._output = -1

    def _readable(self) -> None:
        data = self._read(_READ)
        if data:
            self._on_output(data)
        elif data is not None:
            asyncio.get_running_loop().remove_reader(self._output)

    def _read(self, size: int) -> bytes | None:
        """Return output, None if there is none now, or b"" if every writer is gone."""
        try:
            return os.read(self._output, size)
        except BlockingIOError:
            return None

    # ---- memory

    def memory_used(self) -> int:
        """Return the peak resident set in MiB, as last seen. 0 where there is no /proc."""
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{self.pid}/status", encoding="ascii", errors="replace") as file,
        ):
            peak = next((line for line in file if line.startswith("VmHWM")), "VmHWM: 0 kB")
            self._peak = max(self._peak, -(-int(peak.split()[1]) // 1024))
        return self._peak
