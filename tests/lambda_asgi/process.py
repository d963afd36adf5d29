"""The runtime as a process of its own, as Lambda starts it. The test has the Runtime API."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.lambda_asgi.runtime_api_server import RuntimeAPIServer

APPS = Path(__file__).with_name("apps")
COMMAND = (sys.executable, "-m", "lambda_asgi")


class RuntimeProcess:
    """`output` has its lines, standard output and error together, as far as they were awaited."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output: list[str] = []

    async def line_with(self, text: str) -> str:
        """The next line that has `text` in it. Fails at the end of the output."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.output.append(line)
            if text in line:
                return line
        raise AssertionError(f"no line with {text!r} in:\n{''.join(self.output)}")

    async def ended(self) -> int:
        """The exit code, once it has ended; the rest of its output is in `output` then."""
        assert self.process.stdout is not None
        while line := (await self.process.stdout.readline()).decode():
            self.output.append(line)
        return await self.process.wait()


@asynccontextmanager
async def runtime_process(
    api: RuntimeAPIServer, handler: str, *, command: Sequence[str] = COMMAND, **variables: str
) -> AsyncIterator[RuntimeProcess]:
    """A runtime for `handler`, in a module of apps/; killed at the end if it still runs."""
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "_HANDLER": handler,
        "LAMBDA_TASK_ROOT": str(APPS),
        "LAMBDA_ASGI_RESPONSE_MODE": "streaming",
        **variables,
    }
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        cwd=APPS,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield RuntimeProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
