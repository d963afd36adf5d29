"""What each work requests, and the bytes that must come back: any other response does not count."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.places import PREPARED

FILE_SIZE = 192 * 1024 * 1024  # not 256: Lambda passes 200 MiB on
SMALL_OBJECTS = 200
SMALL_OBJECT_SIZE = 16 * 1024

SMALL = {"message": "hello from lambda", "items": [1, 2, 3]}
"""As JSON, spaced as each framework likes."""


def big_file() -> Path:
    """The file that is sent: FILE_SIZE bytes that no compression and no sparse file helps with."""
    path = PREPARED / "files" / "benchmark.bin"
    if not path.exists() or path.stat().st_size != FILE_SIZE:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for _ in range(FILE_SIZE // 2**20):
                file.write(_without_returns(os.urandom(2**20)))
    return path


def of_big_file() -> Iterator[bytes]:
    with big_file().open("rb") as file:
        while piece := file.read(2**20):
            yield piece


def small_object(number: int = 0) -> bytes:
    """Another one for each number, the same each time."""
    return _without_returns(hashlib.shake_128(b"%d" % number).digest(SMALL_OBJECT_SIZE))


def _without_returns(random: bytes) -> bytes:
    return random.replace(
        b"\r", b"n"
    )  # which is how the measuring server knows a body's end (runtime_api.py)


def messages(count: int) -> Iterable[bytes]:
    return (b"data: message number %07d\n\n" % number for number in range(count))


def fingerprint(pieces: Iterable[bytes]) -> tuple[int, str]:
    """Length in bytes, and SHA-256 in hex."""
    digest = hashlib.sha256()
    size = 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()
