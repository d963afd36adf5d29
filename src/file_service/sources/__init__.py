"""Where files come from: a folder or S3. Both are a `FileSource`."""

from pathlib import Path

from file_service.sources.base import (
    Chunks,
    Entry,
    File,
    FileSource,
    Folder,
    OpenFile,
    Page,
    Pages,
)

__all__ = [
    "Chunks",
    "Entry",
    "File",
    "FileSource",
    "Folder",
    "OpenFile",
    "Page",
    "Pages",
    "open_source",
]


def open_source(address: str, *, show_hidden: bool) -> FileSource:
    """Return the source at `address`, a folder or `s3://bucket/prefix`.

    Only the client that it needs is imported.
    """
    if address.startswith("s3://"):
        from file_service.sources.s3 import S3Source

        return S3Source(address, show_hidden=show_hidden)
    from file_service.sources.local import LocalSource

    return LocalSource(Path(address), show_hidden=show_hidden)
