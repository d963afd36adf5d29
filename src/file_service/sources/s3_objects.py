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
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

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


@dataclass(frozen=True, slots=True)
class Body:
    """The beginning of a GET's body: bytes from `start` up to `stop` of `file`."""

    file: File
    start: int
    stop: int
    chunks: Iterator[bytes]  # Blocking


class S3Objects:
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
        check_key(path)
        return _file(await self.run("HeadObject", path, partial(obstore.head, self._store, path)))

    async def get(
        self, path: str, start: int = 0, stop: int | None = None, etag: str | None = None
    ) -> Body:
        """Start a GET.

        Raises:
            RangeOutside: No byte is in the range.
            FileChanged: The object has another ETag.
        """
        check_key(path)
        options: GetOptions = {"if_match": etag} if etag else {}
        if start < 0:
            options["range"] = {"suffix": -start}
        elif stop is not None:
            options["range"] = (start, stop)
        elif start:
            options["range"] = {"offset": start}
        return await self.run("GetObject", path, partial(self._get, path, options))

    async def whole(self, file: File) -> bytes:
        """Return all bytes of exactly this version with one request."""
        options: GetOptions = {"if_match": file.etag}
        work = partial(obstore.get, self._store, file.path, options=options)
        return await self.run("GetObject", file.path, lambda: bytes(work().bytes()))

    async def next_chunk(self, body: Body) -> bytes:
        """Return the next chunk. It is empty at the end."""
        return await self.run("GetObject", body.file.path, partial(next, body.chunks, b""))

    async def sign(self, path: str, seconds: int) -> str:
        lifetime = timedelta(seconds=seconds)
        return await self.run(
            "GetObject", path, partial(obstore.sign, self._store, "GET", path, lifetime)
        )

    async def run(self, call: str, path: str, work: Callable[[], _Result]) -> _Result:
        """Run `work` in a thread. Its errors about `path` become `SourceError`s."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (BaseError, OSError, ValueError) as error:
            where = f"s3://{self._bucket}/{self._prefix}{path}"
            raise _translated(error, path, f"{call} of {where}") from error

    async def aclose(self) -> None:
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    def _get(self, path: str, options: "GetOptions") -> Body:
        result = obstore.get(self._store, path, options=options)
        start, stop = result.range
        return Body(_file(result.meta), start, stop, iter(result.stream(CHUNK_BYTES)))


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
    return File(meta["path"], meta["size"], modified, strong_tag(meta["e_tag"]))


def strong_tag(etag: str | None) -> str:
    if etag is None:
        raise SourceRefused(
            "The store sends no ETag: without it two versions of a file could be mixed up"
        )
    return etag


def _translated(error: Exception, path: str, call: str) -> SourceError | RangeOutside:
    """Return the `SourceError` for an error. `call` names the request; the log has it and S3's own
    code.
    """
    text = str(error)
    status, code = (found and found[1] for found in (_STATUS.search(text), _CODE.search(text)))
    if status == "416":
        return RangeOutside(path)
    if isinstance(error, PreconditionError):
        return FileChanged(f"{path} changed while it was read")
    if isinstance(error, FileNotFoundError) and code != "NoSuchBucket":
        return NotFound(path)
    said = " ".join(filter(None, (status, code))) or text.partition("\n")[0]
    kind = SourceRefused if isinstance(error, _REFUSED) else SourceUnavailable
    return kind(f"{call}: {said}")
