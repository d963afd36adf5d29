"""What the HTTP fronts read from an answer: its prelude, status and headers. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from lambda_emulator import limits
from lambda_emulator.http.message import Header

__all__ = [
    "BODYLESS",
    "DROPPED",
    "REMAPPED",
    "BadAnswer",
    "Prelude",
    "PreludeParser",
    "checked_header",
    "parse_json",
    "status_code",
]

_DELIMITER: Final = b"\0" * 8
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS: Final = re.compile(r"[0-9]{3}")
_BAD_VALUE: Final = re.compile(r"[\r\n\0]")

BODYLESS: Final = frozenset({204, 304})
REMAPPED: Final = frozenset(
    {
        # content-length and www-authenticate: reported by users of Function URLs.
        # The others: the same list of API Gateway ("important notes"), assumed here.
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "date",
        "host",
        "server",
        "www-authenticate",
    }
)
DROPPED: Final = frozenset(
    {
        # Framing is the front's own; its identity headers win. Assumed.
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-amzn-requestid",
        "x-amzn-trace-id",
    }
)


class BadAnswer(Exception):
    """The function's answer cannot become HTTP. The message says why, for the terminal only."""


@dataclass(frozen=True, slots=True)
class Prelude:
    """The metadata before a streamed body, and the first bytes of the body, if they are there."""

    metadata: dict[str, Any]
    rest: bytes


class PreludeParser:
    """Collects a streamed answer until its eight NULs. The prelude may come in pieces."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Prelude | None:
        """Return the prelude once it is complete.

        Raises:
            BadAnswer: It is too long, or not a JSON object.
        """
        searched = max(0, len(self._data) - len(_DELIMITER) + 1)
        self._data += data
        end = self._data.find(_DELIMITER, searched)
        is_found = end >= 0
        least = end if is_found else len(self._data) - len(_DELIMITER)
        if least > limits.PRELUDE:
            raise BadAnswer(f"the prelude has no end within {limits.PRELUDE} bytes")
        if not is_found:
            return None
        value = parse_json(bytes(self._data[:end]), "the prelude")
        if not isinstance(value, dict):
            raise BadAnswer(f"the prelude is a JSON {type(value).__name__}, not an object")
        rest = self._data[end + len(_DELIMITER) :]
        return Prelude(value, bytes(rest))


def parse_json(data: bytes, what: str) -> Any:
    """Return the value of JSON.

    Args:
        data: The text, in UTF-8.
        what: What an error message calls it.

    Raises:
        BadAnswer: It is not JSON, or nested too deeply.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"{what} is no JSON: {error}") from error


def status_code(value: Any) -> int:
    """Return a number or its text as a status.

    Recorded: 700 is refused, "418" is accepted.
    Assumed: 1xx is refused, because it ends no request.

    Raises:
        BadAnswer: It is not a status from 200 to 599.
    """
    if isinstance(value, str) and _STATUS.fullmatch(value):
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or not 200 <= value <= 599:
        raise BadAnswer(f"statusCode is {value!r}, not a status from 200 to 599")
    return int(value)


def checked_header(name: str, value: str) -> Header:
    """Return the header unchanged.

    Raises:
        BadAnswer: It would break the response's framing.
    """
    if not _TOKEN.fullmatch(name) or _BAD_VALUE.search(value):
        raise BadAnswer(f"the header {name!r} holds characters that HTTP does not allow")
    return name, value
