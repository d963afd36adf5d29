"""Files for `http.response.pathsend` (https://asgi.readthedocs.io/en/latest/extensions.html#path-send)."""

import asyncio
from collections.abc import AsyncIterator

# The size of a read decides how fast a file is sent: each costs a hop to a thread and back. docs/performance.md
READ_SIZE = 1024 * 1024


async def read_ahead(path: str) -> AsyncIterator[bytes]:
    """The file's bytes in big pieces, read in a thread; the next piece is read while the caller sends this one.

    Raises OSError like `open`. At most two pieces are in memory.
    """
    loop = asyncio.get_running_loop()
    file = await loop.run_in_executor(None, open, path, "rb", 0)
    try:
        upcoming = loop.run_in_executor(None, file.read, READ_SIZE)
        try:
            while piece := await upcoming:
                upcoming = loop.run_in_executor(None, file.read, READ_SIZE)
                yield piece
        finally:
            await asyncio.wait([upcoming])  # a thread must not read from a closed descriptor
    finally:
        await loop.run_in_executor(None, file.close)
