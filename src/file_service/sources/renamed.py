"""An open file under another path: the one that its caller uses."""

from collections.abc import AsyncGenerator
from dataclasses import replace

from file_service.sources.base import OpenFile


class Renamed:
    def __init__(self, opened: OpenFile, path: str) -> None:
        self._opened = opened
        self.file = replace(opened.file, path=path)

    def read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        return self._opened.read(start, stop)

    async def aclose(self) -> None:
        await self._opened.aclose()
