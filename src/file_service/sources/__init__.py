"""Where files come from: a folder or S3. Both are a `FileSource`."""

from pathlib import Path

from file_service.sources.base import Entry, File, FileSource, Folder, OpenFile, Page

__all__ = ["Entry", "File", "FileSource", "Folder", "OpenFile", "Page", "open_source"]


def open_source(address: str, *, show_hidden: bool) -> FileSource:
    """Return the source at `address`, a folder or `s3://bucket/prefix`. Imports only the client it
    needs.
    """
    if address.startswith("s3://"):
        from file_service.sources.s3 import S3Source

        return S3Source(address, show_hidden=show_hidden)
    from file_service.sources.local import LocalSource

    return LocalSource(Path(address), show_hidden=show_hidden)
