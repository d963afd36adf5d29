"""`lambda-emulator check-code`: do native modules fit the function's processor?

It reads a zip or a folder.

`sam build` takes packages for x86_64 for every Web Function, and Web Functions run on arm64 only:
what it builds fails when it is imported, on AWS.
So a build has to be refused before it is deployed.
"""

import argparse
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

__all__ = ["ARCHITECTURES", "foreign_modules", "main", "parser", "processor"]

ARCHITECTURES: Final = ("arm64", "x86_64")
_HEAD: Final = 20

# The ELF header (System V ABI, "ELF header"):
# e_ident[EI_DATA] is byte 5, e_machine bytes 18 and 19.
_ELF: Final = b"\x7fELF"
_MACHINES: Final = {62: "x86_64", 183: "arm64", 3: "x86", 40: "arm"}
# Modules of other systems: Lambda loads none of them.
_OTHERS: Final = {
    b"\xcf\xfa\xed\xfe": "macOS",
    b"\xca\xfe\xba\xbe": "macOS",
    b"MZ": "Windows",
}
_SUFFIXES: Final = (".so", ".dylib", ".pyd", ".dll", ".node")


def processor(name: str, head: bytes) -> str | None:
    """Return what a native module was built for, or None for another file.

    Args:
        name: The file's name.
        head: Its first 20 bytes.
    """
    if head.startswith(_ELF) and len(head) >= _HEAD:
        machine = int.from_bytes(head[18:20], "big" if head[5] == 2 else "little")
        return _MACHINES.get(machine, f"machine {machine}")
    if name.endswith(_SUFFIXES) or ".so." in name:
        for magic, system in _OTHERS.items():
            if head.startswith(magic):
                return system
    return None


def foreign_modules(path: Path, architecture: str) -> list[tuple[str, str]]:
    """Return the native modules that are not for `architecture`.

    Args:
        path: A folder or a zip.
        architecture: One of ARCHITECTURES.

    Returns:
        The name of each, and what it was built for.

    Raises:
        OSError: There is no such file or folder.
        zipfile.BadZipFile: The file is no zip.
    """
    found = []
    for name, head in _heads(path):
        built_for = processor(name, head)
        if built_for is not None and built_for != architecture:
            found.append((name, built_for))
    return sorted(found)


def _heads(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                with file.open("rb") as stream:
                    yield str(file.relative_to(path)), stream.read(_HEAD)
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                with archive.open(entry) as member:
                    yield entry.filename, member.read(_HEAD)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="lambda-emulator check-code",
        description="Refuse native modules that are not for the function's processor.",
    )
    result.add_argument("path", type=Path, help="a zip, or the folder that becomes one")
    result.add_argument(
        "--architecture", choices=ARCHITECTURES, default="arm64", help="default: %(default)s"
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Returns:
        The exit status: 0 if all modules fit, 1 if some do not, 2 if nothing can be read.
    """
    given = parser().parse_args(arguments)
    try:
        foreign = foreign_modules(given.path, given.architecture)
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"lambda-emulator: {given.path}: {reason}", file=sys.stderr)
        return 2
    for name, built_for in foreign:
        print(f"{name}: built for {built_for}, not for {given.architecture}", file=sys.stderr)
    if foreign:
        print(f"lambda-emulator: {given.path} cannot run on {given.architecture}", file=sys.stderr)
    return 1 if foreign else 0
