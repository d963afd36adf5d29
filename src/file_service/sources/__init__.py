"""Where files come from: a folder or S3, both a `FileSource`."""

from pathlib import Path

from file_service.settings import Settings
from file_service.sources.base import Entry, File, FileSource, Folder

__all__ = ["Entry", "File", "FileSource", "Folder", "open_source"]


def open_source(settings: Settings) -> FileSource:
    """The source that the settings name. Imports no client of a store that is not used."""
    if settings.source.startswith("s3://"):
        from file_service.sources.s3 import S3Source

        return S3Source(settings.source, show_hidden=settings.show_hidden)
    from file_service.sources.local import LocalSource

    return LocalSource(Path(settings.source), show_hidden=settings.show_hidden)
