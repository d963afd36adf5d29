"""A source that shows a part of another source, under other paths."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from file_service.sources.base import Chunks, File, FileSource, OpenFile


class View(ABC):
    """A view of `source`. A subclass maps paths, and has the methods `list_pages` and `walk`."""

    def __init__(self, source: FileSource) -> None:
        self._source = source
        self.files_per_second = source.files_per_second

    @abstractmethod
    def outside(self, path: str) -> str:
        """Return the path in the source of what has this path in the view."""

    async def check(self) -> None:
        await self._source.check()

    async def stat(self, path: str) -> File:
        file = await self._source.stat(self.outside(path))
        return file._replace(path=path)

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> OpenFile:
        outside = self.outside(path)
        opened = await self._source.open(outside, start, stop)
        return _Renamed(opened, path)

    def read(self, file: File, start: int, stop: int) -> Chunks:
        original = self._original(file)
        return self._source.read(original, start, stop)

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        originals = [self._original(file) for file in files]
        return await self._source.read_whole(originals)

    async def sign(self, file: File, seconds: int) -> str | None:
        original = self._original(file)
        return await self._source.sign(original, seconds)

    async def aclose(self) -> None:  # noqa: B027  # a subclass need not override it
        """Do nothing: the owner of the source closes it."""

    def _original(self, file: File) -> File:
        return file._replace(path=self.outside(file.path))


class _Renamed:
    """An open file under the path that it has in the view."""

    def __init__(self, opened: OpenFile, path: str) -> None:
        self._opened = opened
        self.file = opened.file._replace(path=path)

    def read(self, start: int, stop: int) -> Chunks:
        return self._opened.read(start, stop)

    async def aclose(self) -> None:
        await self._opened.aclose()
