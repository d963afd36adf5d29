"""An emulator that runs beside `compare`, until its block ends."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from lambda_emulator.credentials import Credentials

__all__ = ["LOCAL", "running_emulator"]

LOCAL: Final = Credentials("local", "local", "local")
"""The emulator's keys, and the callers'. On AWS each function has a session token, too."""

_ADDRESS: Final = re.compile(r"(http://\S+)(?: \((\w+).*\))?")


@contextlib.asynccontextmanager
async def running_emulator(template: Path, *, fronts: int = 1) -> AsyncIterator[dict[str, str]]:
    """Serve a template on free ports, in a process of its own.

    Args:
        template: The template's file.
        fronts: How many addresses to wait for.

    Yields:
        The addresses, by the functions' names ("" if there is one).

    Raises:
        RuntimeError: The emulator ended before it listened on all ports.
    """
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    keys = dict.fromkeys(names, "local")
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lambda_emulator",
        "--template",
        str(template),
        "--port",
        "0",
        "--json",
        env=shell | keys,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        found = {}
        for _ in range(fronts):
            match = _ADDRESS.search((await process.stdout.readline()).decode())
            if match is None:
                raise RuntimeError(
                    f"the emulator did not start; see why: lambda-emulator --template {template}"
                )
            found[match[2] or ""] = match[1]
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
