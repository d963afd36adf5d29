"""The reads of a file on disk: at once where the page cache has the bytes, else in a thread, by aiofiles."""

import asyncio
import io
import os

from aiofiles.threadpool.binary import AsyncFileIO

# preadv2(2), of Linux: a read that gives what is there already, and never waits for a disk.
_NO_WAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class Reads:
    """The reads of one file, one after the other.

    To copy what the page cache has takes less than to ask a thread for it, and leaves it in the cache of the processor
    that sends it. `cache_tells`: as far as is known, the file system can say what it has there.
    """

    def __init__(self, file: AsyncFileIO) -> None:
        self._file = file
        self.cache_tells = _NO_WAIT is not None

    def begin(self, size: int) -> asyncio.Future[bytes]:
        """The next bytes, at least one and at most `size`, unless the file ends here."""
        if self.cache_tells:
            try:
                piece = cached(self._file.fileno(), size)
            except BlockingIOError:
                pass
            except OSError:  # it cannot tell; if there is another error, the thread meets it again
                self.cache_tells = False
            else:
                done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
                done.set_result(piece)
                return done
        return asyncio.ensure_future(self._file.read(size))


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
