"""A source that shows one folder of another source, for a caller who is limited to that folder."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import TypeVar

from file_service.sources.base import PAGE_ENTRIES, File, FileSource, Folder, OpenFile, Page
from file_service.sources.renamed import Renamed

_Described = TypeVar("_Described", File, Folder, File | Folder)


class Subfolder:
    """Shows `folder` of `source` as the root. `folder` ends with a slash.

    Paths are not checked here. Callers pass only paths that `file_service/paths.py` accepts, and
    none of
    these has a `..` segment.
    """

    def __init__(self, source: FileSource, folder: str) -> None:
        self._source = source
        self._folder = folder
        self.files_per_second = source.files_per_second

    async def check(self) -> None:
        await self._source.check()

    async def stat(self, path: str) -> File:
        return self._relative_to_folder(await self._source.stat(self._folder + path))

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> OpenFile:
        return Renamed(await self._source.open(self._folder + path, start, stop), path)

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._source.read(self._relative_to_source(file), start, stop)

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        return await self._source.read_whole([self._relative_to_source(file) for file in files])

    async def list_pages(
        self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES
    ) -> AsyncGenerator[Page, None]:
        start_after = after and self._folder + after
        async for page in self._source.list_pages(
            self._folder + folder, after=start_after, limit=limit
        ):
            yield Page([self._relative_to_folder(entry) for entry in page.entries], page.skipped)

    async def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        async for page in self._source.walk(self._folder + folder):
            yield Page([self._relative_to_folder(entry) for entry in page.entries], page.skipped)

    async def sign(self, file: File, seconds: int) -> str | None:
        return await self._source.sign(self._relative_to_source(file), seconds)

    async def aclose(self) -> None:
        """Do nothing: the owner of the source closes it."""

    def _relative_to_folder(self, entry: _Described) -> _Described:
        return replace(entry, path=entry.path.removeprefix(self._folder))

    def _relative_to_source(self, file: File) -> File:
        return replace(file, path=self._folder + file.path)
