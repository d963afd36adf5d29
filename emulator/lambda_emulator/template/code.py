"""Folders that functions run from: one as it is, an unpacked zip, or parts over each other."""

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Final

__all__ = ["code_folder", "new_folder", "overlay"]

_MADE: Final[list[tempfile.TemporaryDirectory[str]]] = []
"""Removed when the emulator ends."""
_UNPACKED: Final[dict[Path, Path]] = {}
"""Two functions of one zip share its folder."""


def code_folder(path: Path) -> Path | None:
    """Return the folder itself, or the one that a zip was unpacked into, or None."""
    if path.is_dir():
        return path
    if not zipfile.is_zipfile(path):
        return None
    if path not in _UNPACKED:
        _UNPACKED[path] = new_folder()
        _unpack(path, _UNPACKED[path])
    return _UNPACKED[path]


def new_folder() -> Path:
    """Create an empty folder, which is removed when the emulator ends."""
    made = tempfile.TemporaryDirectory(prefix="lambda-emulator-")
    _MADE.append(made)
    return Path(made.name)


def overlay(source: Path, root: Path, place: str = "") -> None:
    """Link a file or a folder to a place under `root`. Other files there stay.

    No link is followed on the way, so a source never changes.

    Args:
        source: The file or folder.
        root: A folder that `new_folder` created.
        place: A path relative to `root`.
    """
    target = root
    for part in Path(place).parts:
        target.mkdir(exist_ok=True)
        _make_real(target)
        target /= part
    _lay(source, target)


def _lay(source: Path, target: Path) -> None:
    if target.is_dir() and source.is_dir():
        _make_real(target)
        for child in source.iterdir():
            _lay(child, target / child.name)
        return
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.symlink_to(source.absolute())


def _make_real(folder: Path) -> None:
    """A folder of links in place of a link to a folder."""
    if folder.is_symlink():
        children = list(folder.resolve().iterdir())
        folder.unlink()
        folder.mkdir()
        for child in children:
            (folder / child.name).symlink_to(child)


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            unpacked = archive.extract(entry, folder)  # never outside of the folder
            # `extract` leaves the mode out, and a bootstrap has to run.
            if mode := entry.external_attr >> 16 & 0o777:
                Path(unpacked).chmod(mode)
