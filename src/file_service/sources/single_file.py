"""One file of a source as a source of its own: all that a share of a file shows."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from posixpath import basename

from file_service.errors import NotFound
from file_service.sources.base import Entry, File, FileSource


class SingleFile:
    """The file at `path` of `source`, by its name alone, in a root that holds nothing else."""

    def __init__(self, source: FileSource, path: str) -> None:
        self._source = source
        self._path = path
        self._name = basename(path)

    async def stat(self, path: str) -> File:
        if path != self._name:
            raise NotFound(path)
        return replace(await self._source.stat(self._path), path=path)

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        if file.path != self._name:
            raise NotFound(file.path)
        return self._source.read(replace(file, path=self._path), start, stop)

    async def list_pages(
        self, folder: str, *, after: str = "", recursive: bool = False
    ) -> AsyncGenerator[Sequence[Entry], None]:
        if folder:
            raise NotFound(folder)
        if after < self._name:
            yield [await self.stat(self._name)]

    async def sign(self, file: File, seconds: int) -> str | None:
        return await self._source.sign(replace(file, path=self._path), seconds)

    async def aclose(self) -> None:
        """Nothing: whoever opened the source closes it."""
