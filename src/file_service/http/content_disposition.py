"""Content-Disposition, RFC 6266. Pure."""

import unicodedata
from urllib.parse import quote

# attr-char of RFC 8187 section 3.2.1, less the letters and digits that `quote` never touches.
_ATTR_CHARS = "!#$&+-.^_`|~"


def content_disposition(filename: str, *, attachment: bool) -> str:
    """The header's value: an ASCII `filename` that everyone reads and, when that lost something, `filename*`."""
    fallback = "".join(_plain(character) for character in unicodedata.normalize("NFKD", filename))
    value = f'{"attachment" if attachment else "inline"}; filename="{fallback}"'
    if fallback != filename:
        value += f"; filename*=UTF-8''{quote(filename, safe=_ATTR_CHARS)}"
    return value


def _plain(character: str) -> str:
    if unicodedata.combining(character):
        return ""  # é is e and an accent by now
    # A quote or backslash would need escapes that clients disagree on; a percent sign some decode (appendix D).
    return character if " " <= character <= "~" and character not in '"\\%' else "_"
