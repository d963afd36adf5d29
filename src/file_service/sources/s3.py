"""A bucket on S3 or on a store that speaks its protocol.

obstore is called in threads, never awaited: its awaitables are resolved from Rust threads, and one that is resolved
while the interpreter ends aborts the process. 17 of 90 short processes did with awaitables, none of 90 with threads,
and 20 MiB in chunks of 1 MiB took as long either way (840 MiB/s).
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import S3Store

from file_service.errors import FileChanged, NotFound, SourceError, SourceRefused, SourceUnavailable
from file_service.paths import is_served
from file_service.sources.base import PAGE_ENTRIES, Entry, File, Folder

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta  # names of its stubs only

CHUNK_BYTES = 1024 * 1024

# One invocation at a time needs one; an environment that takes many (Managed Instances) some dozens.
_THREADS = 32

# Tries in a row that bring no byte, each of them itself repeated by obstore (`_RETRY`), before a read is given up.
_BARREN_TRIES = 5
_RETRY_SECONDS = 0.05  # doubled each time

_KEY_BYTES = 1024  # S3 User Guide, "Naming Amazon S3 objects"

# Sorts after every key of a folder: the last code point of Unicode.
_LAST = "\U0010ffff"

_log = logging.getLogger("file_service.s3")
_Result = TypeVar("_Result")


class S3Source:
    """The objects of `s3://bucket/prefix`. Credentials, region and endpoint come from the usual `AWS_` variables."""

    def __init__(self, url: str, *, show_hidden: bool = False) -> None:
        address = urlsplit(url)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        self._store = S3Store(
            address.netloc,
            prefix=address.path.strip("/") or None,
            config={"endpoint": endpoint} if endpoint else {},
            client_options={
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
                "connect_timeout": timedelta(seconds=5),
                "read_timeout": timedelta(seconds=15),  # of one wait for bytes
                "timeout": timedelta(hours=1),  # of a whole body, which takes as long as its reader
            },
            retry_config={
                "max_retries": 4,
                "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=1), "base": 2},
                "retry_timeout": timedelta(seconds=20),
            },
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")
        self._show_hidden = show_hidden

    async def stat(self, path: str) -> File:
        if len(path.encode()) > _KEY_BYTES:
            raise NotFound(path)
        return _file(await self._call(path, partial(obstore.head, self._store, path)))

    async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        at = start
        barren = 0
        while at < stop:
            try:
                chunks = await self._call(file.path, partial(self._open, file, at, stop))
                while chunk := await self._call(file.path, partial(next, chunks, b"")):
                    at += len(chunk)
                    barren = 0
                    yield chunk
                if at == stop:
                    return
                raise SourceUnavailable(f"{file.path} ended at byte {at} of {stop}")
            except SourceUnavailable as error:
                barren += 1
                if barren > _BARREN_TRIES:
                    raise
                _log.warning("Reading %s goes on at byte %d after: %s", file.path, at, error)
                await asyncio.sleep(_RETRY_SECONDS * 2 ** (barren - 1))

    async def list_pages(
        self, folder: str, *, after: str = "", recursive: bool = False
    ) -> AsyncGenerator[Sequence[Entry], None]:
        pages = self._pages(folder, after, recursive)
        while (page := await self._call(folder, partial(next, pages, None))) is not None:
            yield page

    async def sign(self, file: File, seconds: int) -> str | None:
        sign = partial(obstore.sign, self._store, "GET", file.path, timedelta(seconds=seconds))
        return await self._call(file.path, sign)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _call(self, path: str, work: Callable[[], _Result]) -> _Result:
        """Runs `work` in a thread; what obstore raises about `path` becomes ours."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (BaseError, OSError, ValueError) as error:
            raise _source_error(error, path) from error

    def _open(self, file: File, start: int, stop: int) -> Iterator[bytes]:
        options: GetOptions = {"range": (start, stop), "if_match": file.etag}
        return iter(obstore.get(self._store, file.path, options=options).stream(CHUNK_BYTES))

    def _pages(self, folder: str, after: str, recursive: bool) -> Iterator[Sequence[Entry]]:
        """Pages of what lies in `folder`. obstore lists a bucket by folders only as a whole, so they are found in the
        flat listing; a page that ends inside one is followed by a new listing that starts behind it."""
        offset: str | None = f"{after}{_LAST}" if after.endswith("/") else after
        exists = not folder or bool(after)
        while offset is not None:
            listing = obstore.list(self._store, folder or None, offset=offset or None, chunk_size=PAGE_ENTRIES)
            offset = None
            found = ""
            for objects in listing:
                exists = True
                page: list[Entry] = []
                for entry in map(_file, objects):
                    name, below, _ = entry.path.removeprefix(folder).partition("/")
                    if recursive or not below:
                        page.append(entry)
                    elif found != (found := f"{folder}{name}/"):
                        page.append(Folder(found))
                yield self._shown(page)
                if len(objects) == PAGE_ENTRIES and found and entry.path.startswith(found):
                    offset = f"{found}{_LAST}"
                    break
        if not exists:
            raise NotFound(folder)

    def _shown(self, page: Sequence[Entry]) -> Sequence[Entry]:
        """The entries to show. Consoles mark an empty folder by an empty object `name/`, which obstore lists as `name`:
        so whether an empty file is one is asked, several at a time."""
        served = [entry for entry in page if is_served(entry.path, show_hidden=self._show_hidden)]
        empty = [entry.path for entry in served if isinstance(entry, File) and not entry.size]
        if not empty:
            return served
        with ThreadPoolExecutor(min(16, len(empty))) as threads:
            markers = {path for path, exists in zip(empty, threads.map(self._exists, empty), strict=True) if not exists}
        return [entry for entry in served if entry.path not in markers]

    def _exists(self, path: str) -> bool:
        try:
            obstore.head(self._store, path)
        except FileNotFoundError:
            return False
        return True


def _file(meta: "ObjectMeta") -> File:
    etag = meta["e_tag"]
    if etag is None:
        raise SourceRefused("The store sends no ETag: without it two versions of a file could be mixed up")
    return File(path=meta["path"], size=meta["size"], modified=meta["last_modified"].replace(microsecond=0), etag=etag)


def _source_error(error: Exception, path: str) -> SourceError:
    match error:
        case FileNotFoundError():
            return NotFound(path)
        case PreconditionError():
            return FileChanged(f"{path} changed while it was read")
        case PermissionDeniedError() | UnauthenticatedError():
            return SourceRefused(f"S3 denies access to {path!r}: {_first_line(error)}")
        case _:
            return SourceUnavailable(f"S3 failed for {path!r}: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
