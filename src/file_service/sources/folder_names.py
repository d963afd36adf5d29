"""The names in folders on disk, sorted, and remembered while a folder does not change."""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from file_service.paths import is_path, is_served

# A change so soon before a reading may be followed by another one with the same time: file systems
# keep time in ticks, some of them of a second or two.
_TICK_SECONDS = 2.5

_REMEMBERED_NAMES = 200_000  # of 100 bytes or so each


@dataclass(frozen=True, slots=True)
class FolderNames:
    """What a folder holds. A folder's name ends with `/`, so that names sort as whole paths do.

    `links`: those of `names` that are symbolic links. `unsayable`: names that no path can say.
    """

    names: Sequence[str]
    links: frozenset[str]
    unsayable: Sequence[str]


class Folders:
    """Reads folders. Paging through a large one reads it once, as long as it does not change.

    A process that has not read it before does so for its first page: nothing depends on what is
    remembered here.
    """

    def __init__(self, *, show_hidden: bool) -> None:
        self._show_hidden = show_hidden
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[int, ...], FolderNames] = OrderedDict()

    def names(self, descriptor: int, is_folder: Callable[[str], bool]) -> FolderNames:
        """The names in the folder that is open as `descriptor`. `is_folder` is asked of links."""
        status = os.fstat(descriptor)
        key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(key)
        if known is not None:
            return known
        # Looked at before it is read: what changes meanwhile is too young to be remembered.
        settled = time.time() - max(status.st_mtime, status.st_ctime) > _TICK_SECONDS
        names = self._read(descriptor, is_folder)
        if settled and len(names.names) <= _REMEMBERED_NAMES:
            with self._lock:  # threads read folders
                self._known[key] = names
                while sum(len(each.names) for each in self._known.values()) > _REMEMBERED_NAMES:
                    self._known.popitem(last=False)
        return names

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
                link = entry.is_symlink()
                if is_folder(name) if link else entry.is_dir(follow_symlinks=False):
                    name += "/"
                names.append(name)
                if link:
                    links.add(name)
        names.sort()
        return FolderNames(names, frozenset(links), unsayable)
