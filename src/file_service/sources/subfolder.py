"""One folder of a source as a source of its own: all that a caller with a prefix can see."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from file_service.sources.base import Entry, File, FileSource


class Subfolder:
    """`folder`, which ends with `/`, of `source`. Paths that leave it cannot be said (`paths.py`)."""

    def __init__(self, source: FileSource, folder: str) -> None:
        self._source = source
        self._folder = folder

    async def stat(self, path: str) -> File:
        file = await self._source.stat(self._folder + path)
        return replace(file, path=path)

    def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._source.read(self._outside(file), start, stop)

    async def list_pages(
        self, folder: str, *, after: str = "", recursive: bool = False
    ) -> AsyncGenerator[Sequence[Entry], None]:
        pages = self._source.list_pages(
            self._folder + folder, after=after and self._folder + after, recursive=recursive
        )
        async for page in pages:
            yield [replace(entry, path=entry.path.removeprefix(self._folder)) for entry in page]

    async def sign(self, file: File, seconds: int) -> str | None:
        return await self._source.sign(self._outside(file), seconds)

    async def aclose(self) -> None:
        """Nothing: whoever opened the source closes it."""

    def _outside(self, file: File) -> File:
        return replace(file, path=self._folder + file.path)
