"""The code of a function: a folder, or a zip as Lambda gets it, which is unpacked."""

import tempfile
import zipfile
from pathlib import Path
from typing import Final

__all__ = ["code_folder"]

_UNPACKED: Final[dict[Path, tempfile.TemporaryDirectory[str]]] = {}
"""Removed when the emulator ends. Two functions of one zip share its folder."""


def code_folder(path: Path) -> Path | None:
    """The folder itself, or the one that a zip was unpacked into; None where there is neither."""
    if path.is_dir():
        return path
    if not zipfile.is_zipfile(path):
        return None
    if path not in _UNPACKED:
        folder = tempfile.TemporaryDirectory(prefix="lambda-emulator-")
        _unpack(path, Path(folder.name))
        _UNPACKED[path] = folder
    return Path(_UNPACKED[path].name)


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            unpacked = archive.extract(entry, folder)  # never outside of the folder
            # which `extract` leaves out: a bootstrap has to run
            if mode := entry.external_attr >> 16 & 0o777:
                Path(unpacked).chmod(mode)
