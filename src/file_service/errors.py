"""What can go wrong between a source and its reader. Routes never see another exception from a source.

BrokenBody              none of these: a source failed after the first byte of a body, so no answer is possible any more

SourceError
├── NotFound            no such file or folder, or one that must not be seen
├── FileChanged         it is no longer the version that was promised: bytes of two versions are never spliced
├── SourceUnavailable   the store does not answer, or asks to slow down: worth another try
└── SourceRefused       the store denies this service access: its operator has to act
"""


class SourceError(Exception):
    """Base of everything a `FileSource` raises."""


class NotFound(SourceError):
    """`path` of a folder ends with a slash."""

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
    """A body cannot be finished. Left to the server, which ends it visibly: a cut connection, or error trailers."""
