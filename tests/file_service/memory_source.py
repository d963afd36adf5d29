"""A source in memory, as short as the interface allows. Other sources must behave like it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime

from file_service.errors import FileChanged, NotFound
from file_service.paths import is_served
from file_service.sources import Entry, File, Folder, Page


class MemorySource:
    """`files` are bytes by path. A test may change them."""

    files_per_second = 1_000_000

    def __init__(
        self, files: Mapping[str, bytes], *, chunk_bytes: int = 64 * 1024, page_entries: int = 1000
    ) -> None:
        self.files = dict(files)
        self.chunk_bytes = chunk_bytes
        self.page_entries = page_entries
        self.signed_url: str | None = None
        self.closed = False

    async def check(self) -> None:
        pass

    async def stat(self, path: str) -> File:
        if path not in self.files:
            raise NotFound(path)
        data = self.files[path]
        return File(path, len(data), datetime(2026, 11, 23, 5, 0, tzinfo=UTC), f'"{hash(data):x}"')

    async def open(self, path: str, start: int = 0, stop: int | None = None) -> "MemoryFile":
        return MemoryFile(self, await self.stat(path))

    async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        for at in range(start, stop, self.chunk_bytes):
            if await self.stat(file.path) != file:
                raise FileChanged(file.path)
            yield self.files[file.path][at : min(at + self.chunk_bytes, stop)]

    async def read_whole(self, files: Sequence[File]) -> Sequence[bytes]:
        return [
            b"".join([chunk async for chunk in self.read(file, 0, file.size)]) for file in files
        ]

    async def list_pages(
        self, folder: str, *, after: str = "", limit: int = 1000
    ) -> AsyncGenerator[Page, None]:
        entries: dict[str, Entry] = {}
        for path in self._below(folder):
            name, slash, _ = path.removeprefix(folder).partition("/")
            entry: Entry = Folder(f"{folder}{name}/") if slash else await self.stat(path)
            entries[entry.path] = entry
        found = [entries[path] for path in sorted(entries) if path > after]
        for page in self._pages(found, min(limit, self.page_entries)):
            yield page

    async def walk(self, folder: str) -> AsyncGenerator[Page, None]:
        files = [await self.stat(path) for path in sorted(self._below(folder))]
        for page in self._pages(files, self.page_entries):
            yield page

    async def sign(self, file: File, seconds: int) -> str | None:
        return self.signed_url and f"{self.signed_url}/{file.path}?seconds={seconds}"

    async def aclose(self) -> None:
        self.closed = True

    def _below(self, folder: str) -> list[str]:
        below = [path for path in self.files if path.startswith(folder)]
        if folder and not below:
            raise NotFound(folder)
        return [path for path in below if is_served(path, show_hidden=False)]

    def _pages(self, entries: Sequence[Entry], size: int) -> list[Page]:
        return [Page(entries[at : at + size]) for at in range(0, len(entries), size)]


class MemoryFile:
    def __init__(self, source: MemorySource, file: File) -> None:
        self.file = file
        self._source = source

    def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._source.read(self.file, start, stop)

    async def aclose(self) -> None:
        pass
