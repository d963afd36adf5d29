"""A source in memory, as short as the interface allows: what the others are measured against."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime

from file_service.errors import FileChanged, NotFound
from file_service.paths import is_served
from file_service.sources import Entry, File, Folder


class MemorySource:
    """`files`: bytes by path; to be changed at will."""

    def __init__(self, files: Mapping[str, bytes], *, chunk_bytes: int = 64 * 1024, page_entries: int = 1000) -> None:
        self.files = dict(files)
        self.chunk_bytes = chunk_bytes
        self.page_entries = page_entries
        self.signed_url: str | None = None
        self.closed = False

    async def stat(self, path: str) -> File:
        if path not in self.files:
            raise NotFound(path)
        data = self.files[path]
        return File(path, len(data), datetime(2026, 11, 23, 5, 0, tzinfo=UTC), f'"{hash(data):x}"')

    async def read(self, file: File, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        for at in range(start, stop, self.chunk_bytes):
            if await self.stat(file.path) != file:
                raise FileChanged(file.path)
            yield self.files[file.path][at : min(at + self.chunk_bytes, stop)]

    async def list_pages(
        self, folder: str, *, after: str = "", recursive: bool = False
    ) -> AsyncGenerator[Sequence[Entry], None]:
        below = [path for path in self.files if path.startswith(folder)]
        if folder and not below:
            raise NotFound(folder)
        entries: dict[str, Entry] = {}
        for path in filter(lambda path: is_served(path, show_hidden=False), below):
            name, slash, _ = path.removeprefix(folder).partition("/")
            entry = await self.stat(path) if recursive or not slash else Folder(f"{folder}{name}/")
            entries[entry.path] = entry
        found = [entries[path] for path in sorted(entries) if path > after]
        for at in range(0, len(found), self.page_entries):
            yield found[at : at + self.page_entries]

    async def sign(self, file: File, seconds: int) -> str | None:
        return self.signed_url and f"{self.signed_url}/{file.path}?seconds={seconds}"

    async def aclose(self) -> None:
        self.closed = True
