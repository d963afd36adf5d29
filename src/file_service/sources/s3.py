"""A bucket on S3, or on a store with the same protocol."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from urllib.parse import urlsplit

from file_service.aws.client import AwsClient
from file_service.aws.credentials import CredentialProvider
from file_service.errors import NotFound, SourceUnavailable
from file_service.paths import is_path, is_served
from file_service.sources.base import PAGE_ENTRIES, Entry, File, Folder, Page
from file_service.sources.log_skipped import log_skipped
from file_service.sources.s3_file import S3File
from file_service.sources.s3_listing import S3Listing, S3Page
from file_service.sources.s3_objects import RangeOutside, S3Objects, check_key, strong_tag

# Objects that are read at once for one archive. More would use up the threads.
_READ_AT_ONCE = 16

# The last code point of Unicode sorts after every key of a folder.
_LAST = "\U0010ffff"


class S3Source:
    """The objects of `s3://bucket/prefix`. Region and endpoint come from AWS's usual variables.

    A key that ends with `/` only marks a folder, as consoles create them. A key that is not a path
    (`a//b`, `../c`, `/d`, one with a control character) is left out, counted and logged. A file
    `name`
    and a folder `name/` may both exist.
    """

    # 16 at once in 50 ms each would be 320. Not all responses of S3 are that quick.
    files_per_second = 200

    def __init__(self, url: str, *, show_hidden: bool = False) -> None:
        address = urlsplit(url)
        bucket, prefix = address.netloc, address.path.strip("/")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        base = endpoint or f"https://s3.{region}.amazonaws.com"
        self._prefix = f"{prefix}/" if prefix else ""
        self._show_hidden = show_hidden
        credentials = CredentialProvider()
        self._client = AwsClient(base, region, "s3", credentials)
        self._listing = S3Listing(self._client, urlsplit(base).path, bucket)
        self._objects = S3Objects(bucket, prefix, region, endpoint, credentials)
        self._free = asyncio.Semaphore(_READ_AT_ONCE)

    async def check(self) -> None:
        pages = self._listing.pages(self._prefix, limit=1)
        await self._objects.run("ListObjectsV2", "", partial(next, pages))

    async def stat(self, path: str) -> File:
        return await self._objects.head(path)

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> S3File:
        """Open a file with one request: the response with its bytes also describes it."""
        try:
            body = await self._objects.get(path, start, stop)
        except RangeOutside:
            return S3File(self._objects, await self.stat(path))
        return S3File(self._objects, body.file, body)

    async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        async with aclosing(S3File(self._objects, file).read(start, stop)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        tasks = [asyncio.ensure_future(self._whole(file)) for file in files]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def list_pages(
        self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES
    ) -> AsyncGenerator[Page, None]:
        # A page after a folder also skips the folder's contents.
        behind = after and self._prefix + after + _LAST * after.endswith("/")
        pages = self._listing.pages(self._prefix + folder, after=behind, delimiter="/", limit=limit)
        async for page in self._pages(folder, pages, exists=not folder or bool(after)):
            yield page

    async def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        pages = self._listing.pages(self._prefix + folder)
        async for page in self._pages(folder, pages, exists=not folder):
            yield page

    async def _pages(
        self, folder: str, pages: Iterator[S3Page], *, exists: bool
    ) -> AsyncGenerator[Page, None]:
        """Yield pages. A folder `exists` if any key begins with it; otherwise raise `NotFound`."""
        check_key(folder)
        while page := await self._objects.run("ListObjectsV2", folder, partial(next, pages, None)):
            exists = exists or bool(page.objects or page.prefixes)
            if exists:
                yield self._page(folder, page)
        if not exists:
            raise NotFound(folder)

    async def sign(self, file: File, seconds: int) -> str | None:
        return await self._objects.sign(file.path, seconds)

    async def aclose(self) -> None:
        await self._objects.aclose()
        self._client.close()

    async def _whole(self, file: File) -> bytes:
        if not file.size:
            return b""
        async with self._free:
            try:
                return await self._objects.whole(file)
            except SourceUnavailable:  # A connection broke. The usual reader resumes where it did.
                return b"".join([chunk async for chunk in self.read(file, 0, file.size)])

    def _page(self, folder: str, page: S3Page) -> Page:
        """Return the entries of a page that are served.

        The marker of a folder is left out too. A marker that contains bytes is counted, because no
        path leads to these bytes.
        """
        entries: list[Entry] = []
        skipped: list[str] = []
        for each in page.objects:
            path = each.key.removeprefix(self._prefix)
            if not is_path(path) or (path.endswith("/") and each.size):
                skipped.append(each.key)
            elif not path.endswith("/") and is_served(path, show_hidden=self._show_hidden):
                entries.append(File(path, each.size, each.modified, strong_tag(each.etag)))
        for prefix in page.prefixes:
            path = prefix.removeprefix(self._prefix)
            if not is_path(path):
                skipped.append(prefix)
            elif is_served(path, show_hidden=self._show_hidden):
                entries.append(Folder(path))
        if skipped:
            log_skipped(folder, skipped)
        entries.sort(key=lambda entry: entry.path)
        return Page(entries, len(skipped))
