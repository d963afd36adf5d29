"""Content-Disposition, RFC 6266. Pure."""

import unicodedata
from urllib.parse import quote

# attr-char of RFC 8187 section 3.2.1, without the letters and digits, which `quote` never encodes.
_ATTR_CHARS = "!#$&+-.^_`|~"


def content_disposition(filename: str, *, attachment: bool) -> str:
    """Return the field's value: an ASCII `filename` for every client, and `filename*` if that lost
    something.
    """
    fallback = "".join(_plain(character) for character in unicodedata.normalize("NFKD", filename))
    value = f'{"attachment" if attachment else "inline"}; filename="{fallback}"'
    if fallback != filename:
        value += f"; filename*=UTF-8''{quote(filename, safe=_ATTR_CHARS)}"
    return value


def _plain(character: str) -> str:
    if unicodedata.combining(character):
        return ""  # Normalization has split é into e and an accent.
    # Clients disagree on escaped quotes and backslashes, and some decode percent signs
    # (appendix D).
    return character if " " <= character <= "~" and character not in '"\\%' else "_"
