"""The reads of a file on disk: at once where the page cache has the bytes, else in a thread."""

import asyncio
import io
import os

# Smaller chunks cost more in turns and trips to threads, larger ones more memory and a later first
# byte: measured in docs/file_service.md.
CHUNK_BYTES = 1024 * 1024

# preadv2(2), of Linux: a read that gives what is there already, and never waits for a disk.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class Reads:
    """The chunks of one range of an open file, one after the other.

    To copy what the page cache has takes less than to ask a thread for it, and leaves it in the
    cache of the processor that sends it. `cache_tells`: as far as is known, the file system can
    say what it has there. Where it cannot, a thread reads one chunk ahead.
    """

    def __init__(self, descriptor: int, start: int, stop: int) -> None:
        self._descriptor = descriptor
        self._at = start
        self._stop = stop
        self._ahead: asyncio.Future[bytes] | None = None
        self.cache_tells = _NO_WAIT is not None
        self.working: asyncio.Future[bytes] | None = None  # the thread that was asked last

    @property
    def left(self) -> int:
        return self._stop - self._at

    async def take(self) -> bytes:
        """The next chunk. Empty when the file ends before the range does."""
        chunk = self._cached() if self.cache_tells else None
        if chunk is None:
            # Shielded: a thread goes on when the wait for it is cancelled.
            chunk = await asyncio.shield(self._ahead or self._begin())
        self._ahead = None
        self._at += len(chunk)
        if chunk and self.left and not self.cache_tells:
            self._ahead = self._begin()
        return chunk

    def _cached(self) -> bytes | None:
        try:
            return cached(self._descriptor, self._at, min(CHUNK_BYTES, self.left))
        except BlockingIOError:
            return None
        except OSError:  # it cannot tell; if there is another error, the thread meets it again
            self.cache_tells = False
            return None

    def _begin(self) -> asyncio.Future[bytes]:
        size = min(CHUNK_BYTES, self.left)
        work = asyncio.to_thread(os.pread, self._descriptor, size, self._at)
        self.working = asyncio.ensure_future(work)
        return self.working


def cached(descriptor: int, start: int, size: int) -> bytes:
    """What the page cache has of the `size` bytes from `start` on.

    Nothing at the end of the file only. Raises BlockingIOError where the read would wait, and
    another OSError where the file system cannot tell: ext4, XFS and btrfs can; tmpfs, overlayfs
    and NFS cannot.
    """
    # What a BytesIO collects is a `bytes`: the one that can be read into, and then taken without
    # a copy.
    buffer = io.BytesIO()
    buffer.seek(size - 1)
    buffer.write(b"\0")
    with buffer.getbuffer() as view:
        read = os.preadv(descriptor, [view], start, _NO_WAIT or 0)
    buffer.truncate(read)
    return buffer.getvalue()
