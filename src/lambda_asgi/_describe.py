"""Show values from an app in messages, in a few words, whatever their size. Pure."""

from collections.abc import Mapping
from itertools import islice

LONGEST = 80
"""Characters or bytes of one value. A whole `repr` would take several times its memory."""

MOST_ITEMS = 5


def described(value: object, depth: int = 2) -> str:
    """Return the `repr` of `value`, with only the beginning of long, nested or unknown values."""
    if isinstance(value, (str, bytes, bytearray)):
        shown = repr(value[:LONGEST])
        return shown if len(value) <= LONGEST else f"{shown}... (of length {len(value)})"
    if isinstance(value, memoryview):
        return f"a memoryview of {value.nbytes} bytes"
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if value.bit_length() <= 64 else f"a number of {value.bit_length()} bits"
    if isinstance(value, (Mapping, list, tuple)):
        return _container(value, depth - 1) if depth else f"a {type(value).__name__}"
    return f"an object of the type {type(value).__name__}"


def _container(
    value: Mapping[object, object] | list[object] | tuple[object, ...], depth: int
) -> str:
    if isinstance(value, Mapping):
        items = [
            f"{described(key, depth)}: {described(item, depth)}"
            for key, item in islice(value.items(), MOST_ITEMS)
        ]
    else:
        items = [described(item, depth) for item in value[:MOST_ITEMS]]
    if len(value) > MOST_ITEMS:
        items.append("...")
    opening, closing = (
        "{}" if isinstance(value, Mapping) else "[]" if isinstance(value, list) else "()"
    )
    return f"{opening}{', '.join(items)}{closing}"


LONGEST_TEXT = 128 * 1024
"""Characters of an exception's text, and of a line of its traceback.

CloudWatch accepts at most 1 MiB for one event.
"""


def text_of(error: BaseException) -> str:
    """Return the text of an exception, cut if it is long.

    An app's exception may raise in `str`. The result then says so.
    """
    try:
        return _clipped(str(error))
    except Exception as failure:
        return f"(its text cannot be had: str() raised {type(failure).__name__})"


def traceback_of(error: BaseException) -> list[str]:
    """Return the lines of an exception with its causes, as Python prints them."""
    import traceback  # Imported only when there is an error.

    return [_clipped(line) for line in traceback.TracebackException.from_exception(error).format()]


def _clipped(text: str) -> str:
    return (
        text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}... (of length {len(text)})\n"
    )
