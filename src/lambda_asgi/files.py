"""Files for `http.response.pathsend` (https://asgi.readthedocs.io/en/latest/extensions.html#path-send)."""

import asyncio
import io
import sys
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

# The size of a read decides how fast a file is sent: each costs a hop to a thread and back. docs/performance.md
READ_SIZE = 1024 * 1024


async def read_ahead(path: str, size: int | None = None) -> AsyncGenerator[bytes, None]:
    """The file's first `size` bytes, or all of them, in big pieces: while the caller sends one, the next is read.

    Raises OSError like `open` and `read`. At most two pieces are in memory. Use contextlib.aclosing: a thread may be at
    work in the file when no more of it is wanted.
    """
    left = sys.maxsize if size is None else size
    in_thread = partial(asyncio.get_running_loop().run_in_executor, None)
    work: asyncio.Future[Any] = in_thread(io.FileIO, path)
    opened: io.FileIO | None = None
    try:
        file: io.FileIO = await asyncio.shield(work)  # shielded: a thread goes on when the wait for it is cancelled
        opened = file
        work = in_thread(file.read, min(READ_SIZE, left))
        while piece := await asyncio.shield(work):
            left -= len(piece)
            work = in_thread(file.read, min(READ_SIZE, left))
            yield piece
    finally:
        await asyncio.wait([work])
        failure = work.exception()
        if opened is None and failure is None:
            opened = work.result()
        if opened is not None:
            await in_thread(opened.close)
