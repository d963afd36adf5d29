"""Read files for `http.response.pathsend`.

Spec: https://asgi.readthedocs.io/en/latest/extensions.html#path-send
"""

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

# Large, because each read has a cost, and a read in a thread costs most. See docs/performance.md.
READ_SIZE = 1024 * 1024

# preadv2(2) of Linux returns what is in the page cache, and never waits for a disk.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)


async def read_ahead(path: str, size: int | None = None) -> AsyncGenerator[bytes, None]:
    """Yield the first `size` bytes of a file in large pieces, and read the next one ahead.

    At most two pieces are in memory. Use contextlib.aclosing: a thread may be reading when the
    caller stops.

    Raises:
        OSError: As `open` and `read` do.
    """
    left = sys.maxsize if size is None else size
    opening = asyncio.get_running_loop().run_in_executor(None, io.FileIO, path)
    work: asyncio.Future[Any] = opening
    try:
        # shielded: the thread continues when the caller is cancelled
        reads = _Reads(await asyncio.shield(opening))
        ahead: asyncio.Future[bytes] | None = None
        while piece := await asyncio.shield(work := ahead or reads.begin(left)):
            left -= len(piece)
            # then the kernel reads ahead, and copying is fast
            if not reads.cache_tells:
                work = ahead = reads.begin(left)
            yield piece
    finally:
        # In a task of its own: a cancelled scope of anyio cancels every later `await` of this task.
        await asyncio.shield(_close(opening, work))


class _Reads:
    """The reads of one file, in order.

    A read happens at once if the page cache has the bytes, otherwise in a thread. Copying from the
    page cache costs less than asking a thread, and keeps the bytes in the cache of the processor
    that sends them. `cache_tells` is false once the file system cannot report what is cached.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self.cache_tells = _NO_WAIT is not None

    def begin(self, left: int) -> asyncio.Future[bytes]:
        """Return the next bytes: at most READ_SIZE and at most `left`; none at the file's end."""
        size = min(READ_SIZE, left)
        if self.cache_tells or not size:
            try:
                piece = cached(self._file.fileno(), size) if size else b""
            except BlockingIOError:
                pass
            except OSError:
                # The file system cannot tell. If there is another error, the thread gets it too.
                self.cache_tells = False
            else:
                done: asyncio.Future[bytes] = self._loop.create_future()
                done.set_result(piece)
                return done
        return self._loop.run_in_executor(None, self._file.read, size)


def cached(descriptor: int, size: int) -> bytes:
    """Return cached bytes of the next `size` bytes, and move the position past them.

    The result is empty at the file's end.

    Raises:
        BlockingIOError: The read would wait for the disk.
        OSError: The file system cannot tell. ext4, XFS and btrfs can; tmpfs, overlayfs and NFS
            cannot.
    """
    # A BytesIO can be read into, and then gives its bytes without a copy.
    buffer = io.BytesIO()
    buffer.seek(size - 1)
    buffer.write(b"\0")
    with buffer.getbuffer() as view:
        read = os.preadv(descriptor, [view], -1, _NO_WAIT or 0)
    buffer.truncate(read)
    return buffer.getvalue()


async def _close(opening: asyncio.Future[io.FileIO], work: asyncio.Future[Any]) -> None:
    """Close the file when no thread uses it any more."""
    file, _ = await asyncio.gather(opening, work, return_exceptions=True)
    if isinstance(file, io.FileIO):
        await asyncio.get_running_loop().run_in_executor(None, file.close)
