"""Digests of files, computed once for each version and then remembered (RFC 9530)."""

import base64
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from file_service.sources.base import File

# About 150 bytes each.
_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Digest:
    """The SHA-256 of a whole file."""

    sha256: bytes

    @property
    def repr_digest(self) -> str:
        """Return the value of Repr-Digest (RFC 9530 section 3): a dictionary of byte sequences (RFC
        8941).
        """
        return f"sha-256=:{base64.b64encode(self.sha256).decode()}:"


def sha256(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).digest())


def sums_line(name: str, digest: Digest) -> bytes:
    """Return a line of `sha256sum` (GNU coreutils). No served name needs escaping there."""
    return f"{digest.sha256.hex()}  {name}\n".encode()


def sums_line_size(name: str) -> int:
    return 64 + 2 + len(name.encode()) + 1


def sums_end(files: int) -> bytes:
    """Return a comment, which `sha256sum -c` ignores."""
    return f"# {files} files\n".encode()


class KnownDigests:
    """The digests that this process has computed. The least recently used are forgotten first."""

    def __init__(self) -> None:
        self._digests: OrderedDict[tuple[str, str], Digest] = OrderedDict()

    def get(self, path: str, etag: str) -> Digest | None:
        digest = self._digests.get((path, etag))
        if digest is not None:
            self._digests.move_to_end((path, etag))
        return digest

    def add(self, path: str, etag: str, digest: Digest) -> None:
        self._digests[path, etag] = digest
        if len(self._digests) > _KNOWN:
            self._digests.popitem(last=False)


@dataclass(frozen=True, slots=True)
class DigestsBelow:
    """The known digests, for a caller who sees only `folder` and names files relative to it."""

    known: KnownDigests
    folder: str

    def get(self, file: File) -> Digest | None:
        return self.known.get(self.folder + file.path, file.etag)

    def add(self, file: File, digest: Digest) -> None:
        self.known.add(self.folder + file.path, file.etag, digest)
