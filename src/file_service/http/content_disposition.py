"""Content-Disposition, RFC 6266. Pure."""

import unicodedata
from urllib.parse import quote

# attr-char of RFC 8187 section 3.2.1, without the letters and digits, which `quote` never encodes.
_ATTR_CHARS = "!#$&+-.^_`|~"


def content_disposition(filename: str, *, attachment: bool) -> str:
    """Return the field's value.

    It has an ASCII `filename` for every client, and `filename*` if that lost something.
    """
    kind = "attachment" if attachment else "inline"
    characters = unicodedata.normalize("NFKD", filename)
    fallback = "".join(map(_plain, characters))
    value = f'{kind}; filename="{fallback}"'
    if fallback != filename:
        encoded = quote(filename, safe=_ATTR_CHARS)
        value += f"; filename*=UTF-8''{encoded}"
    return value


def _plain(character: str) -> str:
    if unicodedata.combining(character):
        return ""  # Normalization has split é into e and an accent.
    # Clients disagree on escaped quotes and backslashes, and some decode percent signs
    # (appendix D).
    is_safe = " " <= character <= "~" and character not in '"\\%'
    return character if is_safe else "_"
