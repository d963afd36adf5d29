"""One file of a source as a source: what a share link of a file shows."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from posixpath import basename

from file_service.errors import NotFound
from file_service.sources.base import PAGE_ENTRIES, File, FileSource, OpenFile, Page
from file_service.sources.renamed import Renamed


class SingleFile:
    """The file at `path` of `source`, by its name alone, in a root without other files."""

    def __init__(self, source: FileSource, path: str) -> None:
        self._source = source
        self._path = path
        self._name = basename(path)
        self.files_per_second = source.files_per_second

    async def check(self) -> None:
        await self._source.check()

    async def stat(self, path: str) -> File:
        return replace(await self._source.stat(self._outside(path)), path=path)

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> OpenFile:
        return Renamed(await self._source.open(self._outside(path), start, stop), path)

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._source.read(self._renamed(file), start, stop)

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        return await self._source.read_whole([self._renamed(file) for file in files])

    async def list_pages(
        self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES
    ) -> AsyncGenerator[Page, None]:
        if folder:
            raise NotFound(folder)
        if after < self._name:
            yield Page([await self.stat(self._name)])

    def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        return self.list_pages(folder)

    async def sign(self, file: File, seconds: int) -> str | None:
        return await self._source.sign(self._renamed(file), seconds)

    async def aclose(self) -> None:
        """Do nothing: the owner of the source closes it."""

    def _outside(self, path: str) -> str:
        if path != self._name:
            raise NotFound(path)
        return self._path

    def _renamed(self, file: File) -> File:
        return replace(file, path=self._outside(file.path))
