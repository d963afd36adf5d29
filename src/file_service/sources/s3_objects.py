"""The objects of one bucket, through obstore.

obstore is called in threads and never awaited. Its awaitables are resolved from Rust threads, and
one that is resolved while the interpreter ends aborts the process. 17 of 90 short processes aborted
with awaitables, and none of 90 with threads. 20 MiB in chunks of 1 MiB took the same time either
way (840 MiB/s).
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import obstore
from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from file_service.aws.credentials import CredentialProvider
from file_service.errors import (
    FileChanged,
    NotFound,
    SourceError,
    SourceRefused,
    SourceUnavailable,
)
from file_service.sources.base import File

if TYPE_CHECKING:
    # Only names in its stubs
    from obstore import GetOptions, ObjectMeta
    from obstore.store import S3Credential

CHUNK_BYTES = 1024 * 1024

# One invocation at a time needs one. An environment with many (Managed Instances) needs dozens.
_THREADS = 32

_KEY_BYTES = 1024  # S3 User Guide, "Naming Amazon S3 objects"

# Retrying does not help with these: the operator must act. "Not found" here means the bucket.
_REFUSED = (PermissionDeniedError, UnauthenticatedError, FileNotFoundError)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")

_Result = TypeVar("_Result")


class RangeOutside(Exception):
    """No byte of the object is in the requested range."""


class Body(NamedTuple):
    """The beginning of a GET's body: bytes from `start` up to `stop` of `file`."""

    file: File
    start: int
    stop: int
    chunks: Iterator[bytes]  # Blocking


class S3Objects:
    """Reads the objects of one bucket below `prefix`. Paths are keys without the prefix.

    `endpoint` is the URL of another store than AWS's, or None.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        region: str,
        endpoint: str | None,
        credentials: CredentialProvider,
    ) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            region=region,
            config={"endpoint": endpoint} if endpoint else {},
            # obstore's own provider does not know the token of Lambda's endpoint for SnapStart.
            credential_provider=partial(_held, credentials),
            client_options={
                "allow_http": bool(endpoint and endpoint.startswith("http://")),
                "connect_timeout": timedelta(seconds=5),
                "read_timeout": timedelta(seconds=15),  # For one wait for bytes
                # For a whole body, which takes as long as its reader needs
                "timeout": timedelta(hours=1),
            },
            retry_config={
                "max_retries": 4,
                "backoff": {
                    "init_backoff": timedelta(milliseconds=50),
                    "max_backoff": timedelta(seconds=1),
                    "base": 2,
                },
                "retry_timeout": timedelta(seconds=20),
            },
        )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="s3")

    async def head(self, path: str) -> File:
        """Return the present version of an object.

        Raises:
            NotFound: There is none.
            SourceError: Any other failure.
        """
        check_key(path)
        work = partial(obstore.head, self._store, path)
        meta = await self.run("HeadObject", path, work)
        return _file(meta)

    async def get(
        self, path: str, start: int = 0, stop: int | None = None, etag: str | None = None
    ) -> Body:
        """Start a GET.

        Args:
            path: The key, without the prefix of the source.
            start: The range, with `stop`, as in a slice. -500 is the last 500 bytes.
            stop: The end of the range, or None for the end of the object.
            etag: With one, only this version is read.

        Raises:
            RangeOutside: No byte is in the range.
            FileChanged: The object has another ETag.
            SourceError: Any other failure.
        """
        check_key(path)
        options: GetOptions = {"if_match": etag} if etag else {}
        if start < 0:
            options["range"] = {"suffix": -start}
        elif stop is not None:
            options["range"] = (start, stop)
        elif start:
            options["range"] = {"offset": start}
        work = partial(self._get, path, options)
        return await self.run("GetObject", path, work)

    async def whole(self, file: File) -> bytes:
        """Return all bytes of exactly this version with one request."""
        options: GetOptions = {"if_match": file.etag}

        def work() -> bytes:
            result = obstore.get(self._store, file.path, options=options)
            return bytes(result.bytes())

        return await self.run("GetObject", file.path, work)

    async def next_chunk(self, body: Body) -> bytes:
        """Return the next chunk. It is empty at the end."""
        work = partial(next, body.chunks, b"")
        return await self.run("GetObject", body.file.path, work)

    async def sign(self, path: str, seconds: int) -> str:
        """Return a URL that lets anyone GET the object for `seconds`."""
        lifetime = timedelta(seconds=seconds)
        work = partial(obstore.sign, self._store, "GET", path, lifetime)
        return await self.run("GetObject", path, work)

    async def run(self, call: str, path: str, work: Callable[[], _Result]) -> _Result:
        """Return the result of `work`, run in a thread.

        Args:
            call: The name of the request, for error messages.
            path: What the request is about.
            work: Makes the request. Blocking.

        Raises:
            SourceError: `work` failed.
            RangeOutside: The range of a GET is outside of the object.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (BaseError, OSError, ValueError) as error:
            where = f"s3://{self._bucket}/{self._prefix}{path}"
            raise _translated(error, path, f"{call} of {where}") from error

    async def aclose(self) -> None:
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    def _get(self, path: str, options: "GetOptions") -> Body:
        result = obstore.get(self._store, path, options=options)
        file = _file(result.meta)
        start, stop = result.range
        chunks = iter(result.stream(CHUNK_BYTES))
        return Body(file, start, stop, chunks)


def _held(provider: CredentialProvider) -> "S3Credential":
    held = provider.get()
    return {
        "access_key_id": held.access_key,
        "secret_access_key": held.secret_key,
        "token": held.token,
        "expires_at": held.expires,
    }


def check_key(path: str) -> None:
    """Raise `NotFound` for a path that is too long for a key."""
    if len(path.encode()) > _KEY_BYTES:
        raise NotFound(path)


def _file(meta: "ObjectMeta") -> File:
    modified = meta["last_modified"].replace(microsecond=0)
    etag = strong_tag(meta["e_tag"])
    return File(meta["path"], meta["size"], modified, etag)


def strong_tag(etag: str | None) -> str:
    """Return `etag`.

    Raises:
        SourceRefused: There is none.
    """
    if etag is None:
        raise SourceRefused(
            "The store sends no ETag: without it two versions of a file could be mixed up"
        )
    return etag


def _translated(error: Exception, path: str, call: str) -> SourceError | RangeOutside:
    """Return the `SourceError` for an error.

    `call` names the request. The message has it, and S3's own code.
    """
    text = str(error)
    status = _found(_STATUS, text)
    code = _found(_CODE, text)
    if status == "416":
        return RangeOutside(path)
    if isinstance(error, PreconditionError):
        return FileChanged(f"{path} changed while it was read")
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return NotFound(path)
    said = f"{status} {code}".strip() or text.partition("\n")[0]
    kind = SourceRefused if isinstance(error, _REFUSED) else SourceUnavailable
    return kind(f"{call}: {said}")


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
