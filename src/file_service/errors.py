"""The exceptions of sources. A source raises no others.

BrokenBody              a source failed after the first byte of a body
SourceError
├── NotFound            no such file or folder, or one that the caller must not see
├── FileChanged         the file is not the promised version
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
    """The file is not the promised version any more. A body never mixes two versions."""


class SourceUnavailable(SourceError):
    """The store does not answer, or asks to slow down. Retrying may help."""


class SourceRefused(SourceError):
    """The store denies access to this service. Retrying does not help: its operator must act."""


class BrokenBody(Exception):
    """A body cannot be finished, and it is too late for an error response.

    The server cuts the connection or sends error trailers.
    """
