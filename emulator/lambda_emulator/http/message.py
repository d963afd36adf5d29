"""HTTP requests and what can be wrong with them. Pure."""

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
    """The client violated HTTP or a limit. It gets `status`, and the connection closes."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PeerGone(ConnectionError):
    """The client closed its connection before its request was complete."""


def reason(status: int) -> str:
    """Return the standard reason phrase of a status, or "" if it has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@dataclass(slots=True)
class Request:
    """A request exactly as it was sent: the case of names is kept, nothing is joined or decoded.

    Header bytes are decoded as Latin-1 (RFC 9110 section 5.5).
    """

    method: str
    target: str
    version: str
    headers: list[Header]
    keep_alive: bool
    trailers: list[Header] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """Return the value of the first header of that name, in any case."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)


def response_head(status: int, headers: Iterable[Header]) -> bytes:
    """Return the status line, the headers and the blank line. Text is encoded as UTF-8."""
    lines = [
        f"HTTP/1.1 {status} {reason(status)}",
        *(f"{name}: {value}" for name, value in headers),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def error_response(error: RequestError) -> bytes:
    """Return the whole response to an invalid request. The connection closes after it."""
    body = f"{error}\n".encode()
    headers = [
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    return response_head(error.status, headers) + body
