"""What an HTTP request is here, and what can be wrong with one. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

__all__ = [
    "Header",
    "PeerGone",
    "Request",
    "RequestError",
    "error_response",
    "reason",
    "response_head",
]

Header = tuple[str, str]


class RequestError(Exception):
    """The client broke HTTP or a limit: it gets `status` and a connection that closes."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PeerGone(ConnectionError):
    """The other side closed its connection before its request was complete."""


def reason(status: int) -> str:
    """The standard reason phrase of a status, or "" for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@dataclass(slots=True)
class Request:
    """A request as it was sent: names in the case of the wire, nothing joined, nothing decoded.

    Header bytes are read as Latin-1 (RFC 9110, 5.5), the target as it came.
    """

    method: str
    target: str
    version: str
    headers: list[Header]
    keep_alive: bool
    trailers: list[Header] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The value of the first header of that name, whatever its case."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)


def response_head(status: int, headers: Iterable[Header]) -> bytes:
    """The status line and the headers, to the blank line. Text goes out as UTF-8."""
    lines = [
        f"HTTP/1.1 {status} {reason(status)}",
        *(f"{name}: {value}" for name, value in headers),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def error_response(error: RequestError) -> bytes:
    """The whole response to a request that cannot be served; the connection closes behind it."""
    body = f"{error}\n".encode()
    headers = [
        ("Date", formatdate(usegmt=True)), ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))), ("Connection", "close"),
    ]  # fmt: skip
    return response_head(error.status, headers) + body
