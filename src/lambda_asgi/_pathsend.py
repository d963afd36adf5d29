"""Files for `http.response.pathsend` (https://asgi.readthedocs.io/en/latest/extensions.html#path-send)."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

# Large, because each read has its price, and most of all one in a thread. docs/performance.md
READ_SIZE = 1024 * 1024

# preadv2(2), of Linux: a read that gives what is there already, and never waits for a disk.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)


async def read_ahead(path: str, size: int | None = None) -> AsyncGenerator[bytes, None]:
    """The file's first `size` bytes, or all of them, in big pieces, the next one ready when the caller has sent one.

    Raises OSError like `open` and `read`. At most two pieces are in memory. Use contextlib.aclosing: a thread may be at
    work in the file when no more of it is wanted.
    """
    left = sys.maxsize if size is None else size
    opening = asyncio.get_running_loop().run_in_executor(None, io.FileIO, path)
    work: asyncio.Future[Any] = opening
    try:
        # shielded: a thread goes on when the wait for it is cancelled
        reads = _Reads(await asyncio.shield(opening))
        ahead: asyncio.Future[bytes] | None = None
        while piece := await asyncio.shield(work := ahead or reads.begin(left)):
            left -= len(piece)
            # if it does, the kernel reads ahead, and to copy that takes no time
            if not reads.cache_tells:
                work = ahead = reads.begin(left)
            yield piece
    finally:
        # In a task of its own: a cancelled scope of anyio's cancels each wait of ours, however often.
        await asyncio.shield(_close(opening, work))


class _Reads:
    """The reads of one file, one after the other. At once where the page cache has the bytes, else in a thread.

    To copy them takes less than to ask a thread for them, and leaves them in the cache of the processor that sends.
    `cache_tells`: as far as is known, the file system can say what it has there.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self._loop = asyncio.get_running_loop()
        self.cache_tells = _NO_WAIT is not None

    def begin(self, left: int) -> asyncio.Future[bytes]:
        """The next READ_SIZE bytes, or `left` if those are fewer, or what there is of them: nothing at the end."""
        size = min(READ_SIZE, left)
        if self.cache_tells or not size:
            try:
                piece = cached(self._file.fileno(), size) if size else b""
            except BlockingIOError:
                pass
            except OSError:  # it cannot tell; if there is another error, the thread meets it again
                self.cache_tells = False
            else:
                done: asyncio.Future[bytes] = self._loop.create_future()
                done.set_result(piece)
                return done
        return self._loop.run_in_executor(None, self._file.read, size)


def cached(descriptor: int, size: int) -> bytes:
    """What the page cache has of the next `size` bytes; the descriptor's position moves on past it.

    Nothing at the end of the file only. Raises BlockingIOError where the read would wait, and another OSError where the
    file system cannot tell: ext4, XFS and btrfs can; tmpfs, overlayfs and NFS cannot.
    """
    # What a BytesIO collects is a `bytes`: the one that can be read into, and then taken without a copy.
    buffer = io.BytesIO()
    buffer.seek(size - 1)
    buffer.write(b"\0")
    with buffer.getbuffer() as view:
        read = os.preadv(descriptor, [view], -1, _NO_WAIT or 0)
    buffer.truncate(read)
    return buffer.getvalue()


async def _close(opening: asyncio.Future[io.FileIO], work: asyncio.Future[Any]) -> None:
    """Close the file, if it was opened, when no thread is at work in it any more."""
    file, _ = await asyncio.gather(opening, work, return_exceptions=True)
    if isinstance(file, io.FileIO):
        await asyncio.get_running_loop().run_in_executor(None, file.close)
