"""The exceptions of sources. A source raises no others.

BrokenBody              a source failed after the first byte of a body: no error response is
possible
SourceError
├── NotFound            no such file or folder, or one that the caller must not see
├── FileChanged         the file is not the promised version: a body never mixes two versions
├── SourceUnavailable   the store does not answer, or asks to slow down: retrying may help
└── SourceRefused       the store denies access to this service: its operator must act
"""


class SourceError(Exception):
    """Base class of everything that a `FileSource` raises."""


class NotFound(SourceError):
    """There is nothing to serve at `path`. The path of a folder ends with a slash."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class FileChanged(SourceError):
    pass


class SourceUnavailable(SourceError):
    pass


class SourceRefused(SourceError):
    pass


class BrokenBody(Exception):
    """A body cannot be finished. The server cuts the connection or sends error trailers."""
