"""Which paths are served. Pure.

A path is checked twice. As it was sent, it must not contain what no client sends by accident (400).
Decoded, each segment must be one that may be shown (404, as for a file that does not exist).
"""

import re
from urllib.parse import unquote_to_bytes

# A proxy in front might take an encoded separator for another file (RFC 3986 section 2.2).
_ENCODED_SEPARATOR = re.compile(rb"%(2f|5c|00)", re.IGNORECASE)

_NEVER_SENT = re.compile(r"[\x00-\x1f\x7f\\]")


class BadPath(ValueError):
    """A path that can never name a file. The message tells the client why."""


def requested_path(raw_path: bytes, path: str) -> str:
    """Return the decoded `path` of a request whose target was `raw_path`.

    Raises:
        BadPath: No client sends such a path by accident.
    """
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
    """Return whether a path may be shown and fetched. The path of a folder ends with a slash."""
    return is_path(path) and (show_hidden or not _HIDDEN.search(path))


def is_path(path: str) -> bool:
    """Return whether a URL can express this path, with the same meaning for every client."""
    return _UNSAYABLE.search(path) is None


# A segment that starts with a dot
_HIDDEN = re.compile(r"(?:^|/)\.")

# A segment that is empty, `.` or `..`; a control character; a backslash, which some clients turn
# into a slash; a name on disk that is not UTF-8, which Python shows with surrogates
_UNSAYABLE = re.compile(r"^(?![^/])|//|(?:^|/)\.{1,2}(?:/|\Z)|[\x00-\x1f\x7f\\\ud800-\udfff]")
