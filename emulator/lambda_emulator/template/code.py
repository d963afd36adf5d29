"""Folders that functions run from: one as it is, an unpacked zip, or parts over each other."""

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
    """The folder itself, or the one that a zip was unpacked into; None where there is neither."""
    if path.is_dir():
        return path
    if not zipfile.is_zipfile(path):
        return None
    if path not in _UNPACKED:
        _UNPACKED[path] = new_folder()
        _unpack(path, _UNPACKED[path])
    return _UNPACKED[path]


def new_folder() -> Path:
    """An empty folder that is removed when the emulator ends."""
    made = tempfile.TemporaryDirectory(prefix="lambda-emulator-")
    _MADE.append(made)
    return Path(made.name)


def overlay(source: Path, target: Path) -> None:
    """Puts a file or a folder at `target` by links. What nothing replaces there stays."""
    if target.is_dir() and source.is_dir():
        if target.is_symlink():  # from now on it is a mixture
            before = target.resolve()
            target.unlink()
            target.mkdir()
            overlay(before, target)
        for child in source.iterdir():
            overlay(child, target / child.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(source.absolute())


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            unpacked = archive.extract(entry, folder)  # never outside of the folder
            # `extract` leaves the mode out, and a bootstrap has to run.
            if mode := entry.external_attr >> 16 & 0o777:
                Path(unpacked).chmod(mode)
