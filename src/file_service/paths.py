"""Which paths are served. Pure.

A path is looked at twice: as it was sent, for what no client sends by accident (400), and decoded, segment by segment,
for what exists but is not for show (404, as for a file that is not there).
"""

import re
from urllib.parse import unquote_to_bytes

# An encoded separator would mean a different file to a proxy in front than to us (RFC 3986 section 2.2).
_ENCODED_SEPARATOR = re.compile(rb"%(2f|5c|00)", re.IGNORECASE)


class BadPath(ValueError):
    """A path that cannot name a file anywhere. The message says why, for the client."""


def requested_path(raw_path: bytes, path: str) -> str:
    """The decoded `path` of a request whose target was `raw_path`. Raises `BadPath`."""
    if _ENCODED_SEPARATOR.search(raw_path):
        raise BadPath("An encoded slash, backslash or NUL is not allowed in a path.")
    if "\\" in path or "\0" in path:
        raise BadPath("A backslash or NUL is not allowed in a path.")
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise BadPath("The path is not UTF-8.") from None
    return path


def is_served(path: str, *, show_hidden: bool) -> bool:
    """Whether `path`, of a file or (with its trailing slash) a folder, may be shown and fetched."""
    return all(_is_served_segment(segment, show_hidden) for segment in path.removesuffix("/").split("/"))


def _is_served_segment(segment: str, show_hidden: bool) -> bool:
    if not segment or segment in {".", ".."}:
        return False
    if "\\" in segment or "\0" in segment or "\n" in segment:  # a newline matches no route of Starlette's
        return False
    if segment.startswith(".") and not show_hidden:
        return False
    # A name on disk that is not UTF-8 reaches us with surrogates in it; no URL can name it.
    return not any("\ud800" <= character <= "\udfff" for character in segment)
