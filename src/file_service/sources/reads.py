"""Read a file on disk: at once if the page cache has the bytes, otherwise in a thread."""

import asyncio
import io
import os

# Smaller chunks cost more switches between threads. Larger chunks cost memory and delay the first
# byte. docs/file_service.md has measurements.
CHUNK_BYTES = 1024 * 1024

# preadv2(2) of Linux returns what is in the page cache, and never waits for a disk.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class Reads:
    """The chunks of one range of an open file, in order.

    Copying from the page cache costs less than asking a thread, and keeps the bytes in the cache of
    the processor that sends them.

    Attributes:
        cache_tells: Whether the file system is known to report what is in the page cache. If it
            cannot, a thread reads one chunk ahead.
    """

    def __init__(self, descriptor: int, start: int, stop: int) -> None:
        self._descriptor = descriptor
        self._at = start
        self._stop = stop
        self._ahead: asyncio.Future[bytes] | None = None
        self.cache_tells = _NO_WAIT is not None
        self.working: asyncio.Future[bytes] | None = None  # The thread that was asked last

    @property
    def left(self) -> int:
        """Return the number of bytes of the range that are not read yet."""
        return self._stop - self._at

    async def take(self) -> bytes:
        """Return the next chunk. It is empty if the file ends before the range does."""
        chunk = self._cached() if self.cache_tells else None
        if chunk is None:
            # Shielded: the thread continues when the caller is cancelled.
            chunk = await asyncio.shield(self._ahead or self._begin())
        self._ahead = None
        self._at += len(chunk)
        if chunk and self.left and not self.cache_tells:
            self._ahead = self._begin()
        return chunk

    def _cached(self) -> bytes | None:
        size = min(CHUNK_BYTES, self.left)
        try:
            return cached(self._descriptor, self._at, size)
        except BlockingIOError:
            return None
        except OSError:
            # The file system cannot tell. If there is another error, the thread gets it too.
            self.cache_tells = False
            return None

    def _begin(self) -> asyncio.Future[bytes]:
        size = min(CHUNK_BYTES, self.left)
        work = asyncio.to_thread(os.pread, self._descriptor, size, self._at)
        self.working = asyncio.ensure_future(work)
        return self.working


def cached(descriptor: int, start: int, size: int) -> bytes:
    """Return cached bytes of the range of `size` bytes from `start`.

    The result is empty only at the end of the file.

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
        read = os.preadv(descriptor, [view], start, _NO_WAIT or 0)
    buffer.truncate(read)
    return buffer.getvalue()
