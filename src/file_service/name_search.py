"""Which names a search finds. Pure."""

import unicodedata
from collections.abc import Sequence
from posixpath import basename

from file_service.sources.base import Entry, Folder


class NameSearch:
    """Finds files and folders below `folder` whose names contain every word of `text`, in any case.

    It is given files page by page, in the order of their paths. It finds folders in these paths.
    """

    def __init__(self, folder: str, text: str) -> None:
        self._folder = folder
        self._words = _folded(text).split()
        self._inside: list[str] = []  # The folders on the path of the latest file
        self.searched = 0  # Files that were searched so far

    def found_in(self, files: Sequence[Entry]) -> list[Entry]:
        """Return the results among `files`, and the folders whose first file is one of them."""
        found: list[Entry] = []
        for file in files:
            self.searched += 1
            found += [
                Folder(path)
                for path in self._entered(file.path)
                if self._matches(path.removesuffix("/"))
            ]
            if self._matches(file.path):
                found.append(file)
        return found

    def _entered(self, path: str) -> list[str]:
        """Return the folders on `path` that were not on the path of the file before it."""
        names = path.removeprefix(self._folder).split("/")[:-1]
        inside = [f"{self._folder}{'/'.join(names[: depth + 1])}/" for depth in range(len(names))]
        entered = [
            folder
            for depth, folder in enumerate(inside)
            if self._inside[depth : depth + 1] != [folder]
        ]
        self._inside = inside
        return entered

    def _matches(self, path: str) -> bool:
        name = _folded(basename(path))
        return all(word in name for word in self._words)


def _folded(text: str) -> str:
    """Ignore case, and how accents are composed: macOS writes some characters as two."""
    return unicodedata.normalize("NFC", text.casefold())
