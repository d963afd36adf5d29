"""A source that shows one folder of another source, for a caller who is limited to that folder."""

from contextlib import aclosing

from file_service.sources.base import PAGE_ENTRIES, FileSource, Page, Pages
from file_service.sources.view import View


class Subfolder(View):
    """Shows one folder of a source as the root.

    Paths are not checked here. Callers pass only paths that `file_service/paths.py` accepts, and
    none of these has a `..` segment.

    Args:
        source: The source.
        folder: The folder, with its slash.
    """

    def __init__(self, source: FileSource, folder: str) -> None:
        super().__init__(source)
        self._folder = folder

    def outside(self, path: str) -> str:
        return self._folder + path

    def list_pages(self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES) -> Pages:
        if after:
            after = self.outside(after)
        pages = self._source.list_pages(self.outside(folder), after=after, limit=limit)
        return self._shown(pages)

    def walk(self, folder: str) -> Pages:
        pages = self._source.walk(self.outside(folder))
        return self._shown(pages)

    async def _shown(self, pages: Pages) -> Pages:
        """Yield `pages` of the source, with paths that are relative to the folder."""
        async with aclosing(pages):
            async for page in pages:
                entries = [
                    entry._replace(path=entry.path.removeprefix(self._folder))
                    for entry in page.entries
                ]
                yield Page(entries, page.skipped)
