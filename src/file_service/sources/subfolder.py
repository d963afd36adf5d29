"""One folder of a source as a source: what a caller with a folder sees."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import TypeVar

from file_service.sources.base import PAGE_ENTRIES, File, FileSource, Folder, OpenFile, Page
from file_service.sources.renamed import Renamed

_Described = TypeVar("_Described", File, Folder, File | Folder)


class Subfolder:
    """The `folder` (with its slash) of `source`. No path leads out of it (`paths.py`)."""

    def __init__(self, source: FileSource, folder: str) -> None:
        self._source = source
        self._folder = folder
        self.files_per_second = source.files_per_second

    async def check(self) -> None:
        await self._source.check()

    async def stat(self, path: str) -> File:
        return self._inside(await self._source.stat(self._folder + path))

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> OpenFile:
        return Renamed(await self._source.open(self._folder + path, start, stop), path)

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._source.read(self._outside(file), start, stop)

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        return await self._source.read_whole([self._outside(file) for file in files])

    async def list_pages(
        self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES
    ) -> AsyncGenerator[Page, None]:
        behind = after and self._folder + after
        async for page in self._source.list_pages(self._folder + folder, after=behind, limit=limit):
            yield Page([self._inside(entry) for entry in page.entries], page.skipped)

    async def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        async for page in self._source.walk(self._folder + folder):
            yield Page([self._inside(entry) for entry in page.entries], page.skipped)

    async def sign(self, file: File, seconds: int) -> str | None:
        return await self._source.sign(self._outside(file), seconds)

    async def aclose(self) -> None:
        """Do nothing: the owner of the source closes it."""

    def _inside(self, entry: _Described) -> _Described:
        return replace(entry, path=entry.path.removeprefix(self._folder))

    def _outside(self, file: File) -> File:
        return replace(file, path=self._folder + file.path)
