"""SHA-256 digests of files, and a memory of those that this process has computed."""

import base64
import hashlib
from collections import OrderedDict
from typing import NamedTuple

from file_service.sources.base import File

# About 400 bytes each, with a short path (measured).
_MOST_KNOWN = 10_000


class Digest(NamedTuple):
    """The SHA-256 of a whole file."""

    sha256: bytes

    @property
    def repr_digest(self) -> str:
        """Return the value of Repr-Digest (RFC 9530 section 3).

        It is a dictionary of byte sequences (RFC 8941).
        """
        encoded = base64.b64encode(self.sha256).decode()
        return f"sha-256=:{encoded}:"


def sha256(data: bytes) -> Digest:
    """Return the digest of `data`."""
    return Digest(hashlib.sha256(data).digest())


def sums_line(name: str, digest: Digest) -> bytes:
    """Return a line as `sha256sum` (GNU coreutils) prints it. `name` may contain slashes.

    sha256sum escapes backslashes and line ends, but `paths.py` accepts no names with these.
    """
    return f"{digest.sha256.hex()}  {name}\n".encode()


def sums_line_size(name: str) -> int:
    """Return the number of bytes of `sums_line` for this name."""
    return 64 + 2 + len(name.encode()) + 1


def sums_end(files: int) -> bytes:
    """Return the last line, a comment that `sha256sum -c` ignores. A list without it was cut."""
    return f"# {files} files\n".encode()


class KnownDigests:
    """The digests that this process has computed, by path in the source and etag (with its quotes).

    The least recently used are forgotten first.
    """

    def __init__(self) -> None:
        self._digests: OrderedDict[tuple[str, str], Digest] = OrderedDict()

    def get(self, path: str, etag: str) -> Digest | None:
        """Return the digest of this version of a file, or None if it is not known."""
        version = path, etag
        digest = self._digests.get(version)
        if digest is not None:
            self._digests.move_to_end(version)
        return digest

    def add(self, path: str, etag: str, digest: Digest) -> None:
        """Remember the digest of this version of a file."""
        self._digests[path, etag] = digest
        if len(self._digests) > _MOST_KNOWN:
            self._digests.popitem(last=False)


class DigestsBelow(NamedTuple):
    """KnownDigests for a caller whose file paths are relative to `folder` ("" or with a slash)."""

    known: KnownDigests
    folder: str

    def get(self, file: File) -> Digest | None:
        """Return the digest of the file, or None if it is not known."""
        path = self.folder + file.path
        return self.known.get(path, file.etag)

    def add(self, file: File, digest: Digest) -> None:
        """Remember the digest of the file."""
        path = self.folder + file.path
        self.known.add(path, file.etag, digest)
