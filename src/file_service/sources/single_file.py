"""One file of a source as a source: what a share link of a file shows."""

from posixpath import basename

from file_service.errors import NotFound
from file_service.sources.base import PAGE_ENTRIES, FileSource, Page, Pages
from file_service.sources.view import View


class SingleFile(View):
    """The file at `path` of `source`, by its name alone, in a root without other files."""

    def __init__(self, source: FileSource, path: str) -> None:
        super().__init__(source)
        self._path = path
        self._name = basename(path)

    def outside(self, path: str) -> str:
        """Return the path of the file in the source.

        Raises:
            NotFound: `path` is not its name.
        """
        if path != self._name:
            raise NotFound(path)
        return self._path

    async def list_pages(self, folder: str, *, after: str = "", limit: int = PAGE_ENTRIES) -> Pages:
        """Yield one page with the file.

        Raises:
            NotFound: `folder` is not the root, or the file does not exist.
        """
        if folder:
            raise NotFound(folder)
        if after < self._name:
            yield Page([await self.stat(self._name)])

    def walk(self, folder: str) -> Pages:
        return self.list_pages(folder)
