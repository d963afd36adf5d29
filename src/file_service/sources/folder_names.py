"""The sorted names in folders on disk, remembered while a folder does not change."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from file_service.paths import is_path, is_served

# Another change may follow so soon that the folder gets the same time: file systems count time in
# steps, some of them of a second or two.
_TICK_SECONDS = 2.5

_REMEMBERED_NAMES = 200_000  # About 100 bytes each


class FolderNames(NamedTuple):
    """What a folder contains. A folder's name ends with `/`, so that names sort like whole paths.

    `links` are the `names` that are symbolic links. `unsayable` are names that no path can express.
    """

    names: Sequence[str]
    links: frozenset[str]
    unsayable: Sequence[str]


class Folders:
    """Reads folders. Paging through a large folder reads it once, while it does not change.

    A process that has not read a folder yet reads it for any page: nothing depends on this memory.
    """

    def __init__(self, *, show_hidden: bool) -> None:
        self._show_hidden = show_hidden
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[int, ...], FolderNames] = OrderedDict()

    def names(self, descriptor: int, is_folder: Callable[[str], bool]) -> FolderNames:
        """Return the names in the folder that is open as `descriptor`.

        `is_folder` says whether a link of this name leads to a folder.
        """
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(key)
        if known is not None:
            return known
        # The time is read before the names: a change meanwhile is too recent to be remembered.
        changed = max(status.st_mtime, status.st_ctime)
        settled = time.time() - changed > _TICK_SECONDS
        names = self._read(descriptor, is_folder)
        if settled and len(names.names) <= _REMEMBERED_NAMES:
            with self._lock:  # Several threads read folders.
                self._known[key] = names
                while self._remembered() > _REMEMBERED_NAMES:
                    self._known.popitem(last=False)
        return names

    def _remembered(self) -> int:
        return sum(len(folder.names) for folder in self._known.values())

    def _read(self, descriptor: int, is_folder: Callable[[str], bool]) -> FolderNames:
        names: list[str] = []
        links: set[str] = set()
        unsayable: list[str] = []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                name = entry.name
                if not is_served(name, show_hidden=self._show_hidden):
                    if not is_path(name):
                        unsayable.append(name)
                    continue
                if entry.is_symlink():
                    name = f"{name}/" if is_folder(name) else name
                    links.add(name)
                elif entry.is_dir(follow_symlinks=False):
                    name += "/"
                names.append(name)
        names.sort()
        return FolderNames(names, frozenset(links), unsayable)
