"""`--watch`: find changes in files and folders by polling, which sees all changes.

This includes a folder that is replaced (sam build, git checkout) and a file behind a symbolic link.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Final

__all__ = ["Watcher"]

_IGNORED: Final = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".venv", ".idea", ".mypy_cache", ".pytest_cache"}
)
_PAUSE_SECONDS: Final = 0.2
_LOOKS: Final = 10

_Snapshot = dict[str, tuple[int, int, int]]


class Watcher:
    """Finds changes since its creation. `paths` is called for each look."""

    def __init__(self, paths: Callable[[], Iterable[Path]]) -> None:
        self._paths = paths
        self._known = _snapshot(paths())

    async def changes(self) -> AsyncIterator[set[str]]:
        """Return the files that were changed, created or removed, after they have been stable for a
        moment.
        """
        while True:
            started = time.monotonic()
            seen = await self._settled()
            took = time.monotonic() - started
            changed = {
                name
                for name in self._known.keys() | seen.keys()
                if self._known.get(name) != seen.get(name)
            }
            self._known = seen
            if changed:
                yield changed
            await asyncio.sleep(took)

    async def _settled(self) -> _Snapshot:
        """Return the files when two looks in a row are equal, or when they never become stable."""
        before = await asyncio.to_thread(_snapshot, self._paths())
        for _ in range(_LOOKS):
            await asyncio.sleep(_PAUSE_SECONDS)
            now = await asyncio.to_thread(_snapshot, self._paths())
            if now == before:
                break
            before = now
        return now


def _snapshot(paths: Iterable[Path]) -> _Snapshot:
    """Return each file's time, size and number. Links are followed, each folder once."""
    found: _Snapshot = {}
    seen: set[tuple[int, int]] = set()
    folders: list[str] = []
    for path in paths:
        _note(found, str(path))
        folders.append(str(path))
    while folders:
        folder = folders.pop()
        try:
            identity = os.stat(folder)
            entries = list(os.scandir(folder))
        except OSError:
            continue  # it is a file, or being replaced
        if (identity.st_dev, identity.st_ino) in seen:
            continue
        seen.add((identity.st_dev, identity.st_ino))
        for entry in entries:
            if entry.name in _IGNORED:
                continue
            if entry.is_dir():
                folders.append(entry.path)
            else:
                _note(found, entry.path)
    return found


def _note(found: _Snapshot, path: str) -> None:
    try:
        status = os.stat(path)
    except OSError:
        return
    if not os.path.isdir(path):
        found[path] = (status.st_mtime_ns, status.st_size, status.st_ino)
