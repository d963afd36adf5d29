"""How a folder is written: JSON pages, NDJSON and plain HTML. Pure."""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime
from html import escape
from posixpath import basename
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel

from file_service.media_types import media_type
from file_service.sources.base import Entry, File


class ListedFile(BaseModel):
    type: Literal["file"] = "file"
    path: str
    size: int
    modified: datetime
    etag: str
    media_type: str


class ListedFolder(BaseModel):
    type: Literal["folder"] = "folder"
    path: str


class Listing(BaseModel):
    """One page of a folder. `cursor` asks for the next one; null on the last."""

    folder: str
    entries: list[ListedFile | ListedFolder]
    cursor: str | None


class EndOfListing(BaseModel):
    """The last line of an NDJSON listing: one without it was cut."""

    type: Literal["end"] = "end"
    entries: int


class FailedListing(BaseModel):
    """The last line of an NDJSON listing that could not be finished."""

    type: Literal["error"] = "error"
    detail: str


class BadCursor(ValueError):
    """A cursor that this service has not made."""


def listed(entry: Entry) -> ListedFile | ListedFolder:
    if isinstance(entry, File):
        return ListedFile(
            path=entry.path,
            size=entry.size,
            modified=entry.modified,
            etag=entry.etag,
            media_type=media_type(entry.path),
        )
    return ListedFolder(path=entry.path)


def ndjson(models: Iterable[BaseModel]) -> bytes:
    return b"".join(model.model_dump_json().encode() + b"\n" for model in models)


def cursor_after(entry: Entry) -> str:
    """Opaque to clients: where the next page starts."""
    return base64.urlsafe_b64encode(entry.path.encode()).decode().rstrip("=")


def after_cursor(cursor: str) -> str:
    """The path that the next page comes after. Raises `BadCursor`."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadCursor(f"{cursor!r} is no cursor of this service.") from None


def html_head(folder: str) -> bytes:
    title = escape(f"/{folder}")
    up = '<li><a href="../">../</a></li>\n' if folder else ""
    return f"<!doctype html>\n<meta charset=utf-8>\n<title>{title}</title>\n<h1>{title}</h1>\n<ul>\n{up}".encode()


def html_items(entries: Iterable[Entry]) -> bytes:
    """Links relative to the folder, as crawlers (wget -r, rclone) expect them of an index page."""
    items = []
    for entry in entries:
        name = basename(entry.path.removesuffix("/")) + "/" * entry.path.endswith("/")
        # "./" so that no name reads as a scheme (RFC 3986 section 4.2)
        items.append(f'<li><a href="./{quote(name)}">{escape(name)}</a></li>\n')
    return "".join(items).encode()


HTML_END = b"</ul>\n"
