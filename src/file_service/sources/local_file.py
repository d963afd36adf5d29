"""An open file of a folder on disk."""

import asyncio
import os
import time
from datetime import UTC, datetime

from file_service.errors import FileChanged
from file_service.sources.base import Chunks, File
from file_service.sources.local_errors import source_error
from file_service.sources.reads import Reads

# A page cache and a fast socket never wait. Other tasks get a turn after this many seconds.
FAIR_SHARE = 0.002


class LocalFile:
    """A descriptor, and the version of the file when it was opened."""

    def __init__(self, file: File, descriptor: int, status: os.stat_result) -> None:
        self.file = file
        self._descriptor = descriptor
        self._closing: asyncio.Future[None] | None = None
        self._status = status
        self._reads: Reads | None = None

    async def read(self, start: int, stop: int) -> Chunks:
        """Yield the range. The last chunk is sent after a check that the file has not changed.

        So a file that is rewritten in place never looks complete.

        Raises:
            FileChanged: The file has changed.
            SourceError: It cannot be read.
        """
        self._reads = reads = Reads(self._descriptor, start, stop)
        began = time.monotonic()
        try:
            while reads.left:
                chunk = await reads.take()
                if not chunk or not reads.left:
                    await self._check_unchanged(reads)
                if not chunk:
                    raise FileChanged(f"{self.file.path} ended {reads.left} bytes early")
                yield chunk
                if time.monotonic() - began > FAIR_SHARE:
                    await asyncio.sleep(0)
                    began = time.monotonic()
        except OSError as error:
            raise source_error(error, self.file.path) from error

    async def aclose(self) -> None:
        # In a task of its own: a cancelled scope of anyio cancels every later `await` of this task.
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        """Close the file when no thread uses it any more."""
        if self._reads and self._reads.working:
            await asyncio.wait([self._reads.working])
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Close the descriptor. No thread may be reading it."""
        os.close(self._descriptor)

    async def _check_unchanged(self, reads: Reads) -> None:
        if reads.cache_tells:
            status = os.fstat(self._descriptor)
        else:  # On NFS this is a request to its server.
            status = await asyncio.to_thread(os.fstat, self._descriptor)
        if not same_version(self._status, status):
            raise FileChanged(f"{self.file.path} changed while it was read")


def same_version(before: os.stat_result, now: os.stat_result) -> bool:
    """Return whether an open file has the same contents as before.

    The change time reveals a rewrite that resets the modification time. The change time also
    changes when the file gets or loses a name: a file that another one replaced is read to its end.
    """
    if now.st_size != before.st_size or now.st_mtime_ns != before.st_mtime_ns:
        return False
    names_changed = now.st_nlink != before.st_nlink
    return names_changed or now.st_ctime_ns == before.st_ctime_ns


def file_of(path: str, status: os.stat_result, *, frozen: bool) -> File:
    """Return the version of a file.

    Args:
        path: The path of the file in its source.
        status: The status of the file.
        frozen: The file system is read-only, as for a function's code. There the modification time
            and the size identify a version: change times and inodes differ between the execution
            environments that serve one zip, and a download must be resumable in another
            environment. Elsewhere the change time reveals a replaced file with an old date.
    """
    seconds = status.st_mtime_ns // 1_000_000_000
    tag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    if not frozen:
        tag += f"-{status.st_ctime_ns:x}"
    return File(
        path=path,
        size=status.st_size,
        modified=datetime.fromtimestamp(seconds, UTC),
        etag=f'"{tag}"',
    )
