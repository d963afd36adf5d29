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
        request: The client's request.
        host: Replaces the client's Host.
        client: The client's address. It becomes the last value of X-Forwarded-For.
        request_id: The id of this request.
        endpoint: The endpoint's name.
        signed: A signature was checked. Its headers are removed.
    """
    removed = _REMOVED_FROM_REQUESTS | _REPLACED
    if signed:
        removed |= {"authorization"}
    forwarded = []
    for name, value in request.headers:
        if name.lower() == "x-forwarded-for" and value:
            forwarded.append(value)
    forwarded.append(client)
    return [
        ("Host", host),
        *_kept(request.headers, removed),
        ("X-Forwarded-For", ", ".join(forwarded)),
        ("lambda-web-request-id", request_id),
        ("lambda-web-endpoint-name", endpoint),
    ]


def response_headers(
    headers: Sequence[Header], *, request_id: str, log_stream: str
) -> list[Header]:
    """Return the headers of an app's response that the client gets, without the framing.

    Args:
        headers: The app's headers.
        request_id: The id of the request.
        log_stream: The log stream of the environment.
    """
    return [
        *_kept(headers, _OF_THE_CONNECTION),
        ("lambda-web-request-id", request_id),
        ("lambda-web-logstream", log_stream),
    ]


def _kept(headers: Sequence[Header], removed: frozenset[str]) -> list[Header]:
    """Return the headers that are neither removed, nor named by Connection, nor the platform's."""
    removed |= _named_by_connection(headers)
    kept = []
    for name, value in headers:
        lower = name.lower()
        if lower not in removed and not lower.startswith(_PLATFORMS):
            kept.append((name, value))
    return kept


def _named_by_connection(headers: Iterable[Header]) -> frozenset[str]:
    names: set[str] = set()
    for name, value in headers:
        if name.lower() == "connection":
            names |= {token.strip().lower() for token in value.split(",")}
    # A client cannot remove the headers that frame the message (RFC 9110 section 7.6.1).
    return frozenset(names - {"", "content-length", "transfer-encoding", "host"})
