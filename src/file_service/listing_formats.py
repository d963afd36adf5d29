"""The formats of a listing: JSON pages, NDJSON and plain HTML. Pure."""

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
    """A file in a listing. `size` is in bytes, and `modified` is in UTC."""

    type: Literal["file"] = "file"
    path: str
    size: int
    modified: datetime
    etag: str
    media_type: str


class ListedFolder(BaseModel):
    """A folder in a listing. Its path ends with a slash."""

    type: Literal["folder"] = "folder"
    path: str


class Listing(BaseModel):
    """One page of a folder.

    `cursor` asks for the next page; it is null on the last one. `skipped` is the number of names on
    this page that no path can express.
    """

    folder: str
    entries: list[ListedFile | ListedFolder]
    cursor: str | None
    skipped: int = 0


class EndOfListing(BaseModel):
    """The last line of an NDJSON listing. A listing without it was cut."""

    type: Literal["end"] = "end"
    entries: int
    skipped: int = 0


class FailedListing(BaseModel):
    """The last line of an NDJSON listing that failed."""

    type: Literal["error"] = "error"
    detail: str


class BadCursor(ValueError):
    """This service did not create the cursor."""


def listed(entry: Entry) -> ListedFile | ListedFolder:
    """Return an entry as a listing shows it."""
    if isinstance(entry, File):
        return ListedFile(
            path=entry.path,
            size=entry.size,
            modified=entry.modified,
            etag=entry.etag,
            media_type=media_type(entry.path, entry.size),
        )
    return ListedFolder(path=entry.path)


def ndjson(models: Iterable[BaseModel]) -> bytes:
    """Return `models` as NDJSON: one line for each."""
    return b"".join(model.model_dump_json().encode() + b"\n" for model in models)


def cursor_after(entry: Entry) -> str:
    """Return the cursor of the page after `entry`. Clients must not interpret it."""
    encoded = base64.urlsafe_b64encode(entry.path.encode())
    return encoded.decode().rstrip("=")


def after_cursor(cursor: str) -> str:
    """Return the path before the page.

    Raises:
        BadCursor: This service did not create it.
    """
    padding = "=" * (-len(cursor) % 4)
    try:
        path = base64.b64decode(cursor + padding, altchars=b"-_", validate=True)
        return path.decode()
    except (binascii.Error, ValueError):
        raise BadCursor(f"{cursor!r} is no cursor of this service.") from None


def html_head(folder: str) -> bytes:
    """Return the start of an index page.

    It has the format of nginx's autoindex, which programs can parse.
    """
    title = escape(f"Index of /{folder}")
    up = '<a href="../">../</a>\n' if folder else ""
    return (
        "<!doctype html>\n<html>\n<head><meta charset=utf-8><title>"
        f"{title}</title></head>\n<body>\n<h1>{title}</h1><hr><pre>{up}"
    ).encode()


def html_items(entries: Iterable[Entry]) -> bytes:
    """Return one line for each entry: a relative link, the time in UTC, the size in bytes."""
    items = []
    for entry in entries:
        name = basename(entry.path.removesuffix("/"))
        if entry.path.endswith("/"):
            name += "/"
        if isinstance(entry, File):
            # strftime would use the month names of the locale.
            moment = entry.modified
            month = _MONTHS[moment.month - 1]
            when = f"{moment.day:02}-{month}-{moment.year:04} {moment.hour:02}:{moment.minute:02}"
            size = str(entry.size)
        else:
            when, size = f"{'-':>17}", "-"
        gap = " " * max(1, _NAME_COLUMNS - len(name))
        # Colons are quoted too, so that no name looks like a URL scheme (RFC 3986 section 4.2).
        items.append(f'<a href="{quote(name)}">{escape(name)}</a>{gap}{when} {size:>19}\n')
    return "".join(items).encode()


def html_end(skipped: int) -> bytes:
    """Return the end of an index page, with the number of names that were left out."""
    told = f"<p>{skipped} names cannot be shown.</p>\n" if skipped else ""
    return f"</pre><hr>{told}</body>\n</html>\n".encode()


_NAME_COLUMNS = 51
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
