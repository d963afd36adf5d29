"""Which headers pass between a client and an app, in both directions. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/web-functions-http.html
"""

from collections.abc import Iterable, Sequence
from typing import Final

from lambda_emulator.http.message import Header, Request

__all__ = ["ERROR_TYPE", "METHODS", "request_headers", "response_headers"]

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS", "DELETE"})

ERROR_TYPE: Final = "lambda-web-error-type"

_PLATFORMS: Final = "lambda-web-"
_REMOVED_FROM_REQUESTS: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "upgrade",
        "expect",
        "te",
        "trailer",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "x-real-ip",
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
    }
)
_OF_THE_CONNECTION: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_REPLACED: Final = frozenset({"host", "x-forwarded-for"})


def request_headers(
    request: Request, *, host: str, client: str, request_id: str, endpoint: str, signed: bool
) -> list[Header]:
    """Return the headers that the app gets.

    Args:
        host: Replaces the client's Host.
        client: The client's address. It becomes the last value of X-Forwarded-For.
        signed: A signature was checked. Its headers are removed.
    """
    removed = _REMOVED_FROM_REQUESTS | _named_by_connection(request.headers) | _REPLACED
    if signed:
        removed |= {"authorization"}
    kept = [
        (name, value)
        for name, value in request.headers
        if name.lower() not in removed and not name.lower().startswith(_PLATFORMS)
    ]
    forwarded = [
        value for name, value in request.headers if name.lower() == "x-forwarded-for" and value
    ]
    return [
        ("Host", host),
        *kept,
        ("X-Forwarded-For", ", ".join([*forwarded, client])),
        ("lambda-web-request-id", request_id),
        ("lambda-web-endpoint-name", endpoint),
    ]


def response_headers(
    headers: Sequence[Header], *, request_id: str, log_stream: str
) -> list[Header]:
    """Return the headers of an app's response that the client gets, without the framing."""
    removed = _OF_THE_CONNECTION | _named_by_connection(headers)
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in removed and not name.lower().startswith(_PLATFORMS)
    ]
    return [*kept, ("lambda-web-request-id", request_id), ("lambda-web-logstream", log_stream)]


def _named_by_connection(headers: Iterable[Header]) -> frozenset[str]:
    values = (value for name, value in headers if name.lower() == "connection")
    # A client cannot remove the headers that frame the message (RFC 9110 section 7.6.1).
    return frozenset(
        token.strip().lower() for value in values for token in value.split(",") if token.strip()
    ) - {
        "content-length",
        "transfer-encoding",
        "host",
    }
