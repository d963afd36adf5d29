"""Which paths are served. Pure.

A path is looked at twice: as it was sent, for what no client sends by accident (400), and decoded, segment by segment,
for what exists but is not for show (404, as for a file that is not there).
"""

import re
from urllib.parse import unquote_to_bytes

# An encoded separator would mean a different file to a proxy in front than to us (RFC 3986 section 2.2).
_ENCODED_SEPARATOR = re.compile(rb"%(2f|5c|00)", re.IGNORECASE)

_NEVER_SENT = re.compile(r"[\x00-\x1f\x7f\\]")


class BadPath(ValueError):
    """A path that cannot name a file anywhere. The message says why, for the client."""


def requested_path(raw_path: bytes, path: str) -> str:
    """The decoded `path` of a request whose target was `raw_path`. Raises `BadPath`."""
    if _ENCODED_SEPARATOR.search(raw_path):
        raise BadPath("An encoded slash, backslash or NUL is not allowed in a path.")
    if _NEVER_SENT.search(path):
        raise BadPath("A backslash or control character is not allowed in a path.")
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        raise BadPath("The path is not UTF-8.") from None
    return path


def is_served(path: str, *, show_hidden: bool) -> bool:
    """Whether `path`, of a file or (with its trailing slash) a folder, may be shown and fetched."""
    return is_path(path) and (show_hidden or not _HIDDEN.search(path))


def is_path(path: str) -> bool:
    """Whether this is a path at all: one that a URL can say and that means the same everywhere."""
    return _UNSAYABLE.search(path) is None


# A segment that starts with a dot
_HIDDEN = re.compile(r"(?:^|/)\.")

# A segment that is empty, `.` or `..`; a control character; a backslash, which some clients turn
# into a slash; a name on disk that is not UTF-8, which reaches us with surrogates in it
_UNSAYABLE = re.compile(r"^(?![^/])|//|(?:^|/)\.{1,2}(?:/|\Z)|[\x00-\x1f\x7f\\\ud800-\udfff]")
