"""A bucket on S3, or on a store with the same protocol."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from functools import partial
from urllib.parse import urlsplit

from file_service.aws.client import AwsClient
from file_service.aws.credentials import CredentialProvider
from file_service.errors import NotFound, SourceUnavailable
from file_service.paths import is_path, is_served
from file_service.sources.base import PAGE_ENTRIES, Chunks, Entry, File, Folder, Page, Pages
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
    `name` and a folder `name/` may both exist.
    """

    # 16 at once in 50 ms each would be 320. Not all responses of S3 are that quick.
    files_per_second = 200

    def __init__(self, url: str, *, show_hidden: bool = False) -> None:
        address = urlsplit(url)
        bucket = address.netloc
        prefix = address.path.strip("/")
        region = _first_set("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = _first_set("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
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
        first = partial(next, pages)
        await self._objects.run("ListObjectsV2", "", first)

    async def stat(self, path: str) -> File:
        return await self._objects.head(path)

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> S3File:
        """Open a file with one request: the response with its bytes also describes it."""
        try:
            body = await self._objects.get(path, start, stop)
        except RangeOutside:
            file = await self.stat(path)
            return S3File(self._objects, file)
        return S3File(self._objects, body.file, body)

    def read(self, file: File, start: int, stop: int) -> Chunks:
        opened = S3File(self._objects, file)
        return opened.read(start, stop)

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        tasks = [asyncio.ensure_future(self._whole(file)) for file in files]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def list_pages(self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES) -> Pages:
        prefix = self._prefix + folder
        last = self._prefix + after if after else ""
        if last.endswith("/"):
            last += _LAST  # A page after a folder also skips the folder's contents.
        pages = self._listing.pages(prefix, after=last, delimiter="/", limit=limit)
        exists = not folder or bool(after)
        return self._pages(folder, pages, exists=exists)

    def walk(self, folder: str) -> Pages:
        pages = self._listing.pages(self._prefix + folder)
        return self._pages(folder, pages, exists=not folder)

    async def _pages(self, folder: str, pages: Iterator[S3Page], *, exists: bool) -> Pages:
        """Yield pages. A folder `exists` if any key begins with it; otherwise raise `NotFound`."""
        check_key(folder)
        following = partial(next, pages, None)
        while page := await self._objects.run("ListObjectsV2", folder, following):
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
                chunks = self.read(file, 0, file.size)
                return b"".join([chunk async for chunk in chunks])

    def _page(self, folder: str, page: S3Page) -> Page:
        """Return the entries of a page that are served.

        The marker of a folder is left out too. A marker that contains bytes is counted, because no
        path leads to these bytes.
        """
        entries: list[Entry] = []
        skipped: list[str] = []
        for each in page.objects:
            path = each.key.removeprefix(self._prefix)
            is_marker = path.endswith("/")
            if not is_path(path) or (is_marker and each.size):
                skipped.append(each.key)
            elif not is_marker and self._is_served(path):
                etag = strong_tag(each.etag)
                entries.append(File(path, each.size, each.modified, etag))
        for prefix in page.prefixes:
            path = prefix.removeprefix(self._prefix)
            if not is_path(path):
                skipped.append(prefix)
            elif self._is_served(path):
                entries.append(Folder(path))
        if skipped:
            log_skipped(folder, skipped)
        entries.sort(key=lambda entry: entry.path)
        return Page(entries, len(skipped))

    def _is_served(self, path: str) -> bool:
        return is_served(path, show_hidden=self._show_hidden)


def _first_set(*names: str) -> str | None:
    """Return the value of the first of these environment variables that is set and not empty."""
    values = (os.environ.get(name) for name in names)
    return next(filter(None, values), None)
