"""Make an event in payload format 2.0 from an HTTP request, as a Function URL does. Pure.

Numbers in comments are the facts of docs/fidelity.md. The rule for each field is recorded unless a
comment says otherwise.
"""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from lambda_emulator.http.message import Header, Request

__all__ = ["Caller", "Endpoint", "body_fields", "function_url_event", "split_target"]

_TEXT: Final = re.compile(r"text/.+|application/(json|javascript|xml)|application/.+\+(json|xml)")
_ORIGIN: Final = re.compile(r".*?://[^/?]*")
_NO_INVENTED_LENGTH: Final = frozenset({"HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the event says about the URL. `scheme` and `port` are those that clients use."""

    url_id: str
    region: str = "us-east-1"
    scheme: str = "http"
    port: int = 3000

    @property
    def domain(self) -> str:
        return f"{self.url_id}.lambda-url.{self.region}.on.aws"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request, for AuthType AWS_IAM."""

    access_key: str
    account: str
    user_id: str
    arn: str


def split_target(target: str) -> tuple[str, str]:
    """Return the path and the query of a request target, both verbatim.

    An absolute target (RFC 9112, 3.2.2) loses its authority.

    >>> split_target("/a%2Fb?x=1?y")
    ('/a%2Fb', 'x=1?y')
    """
    if not target.startswith("/"):
        origin = _ORIGIN.match(target)
        target = target[origin.end() :] if origin else target
    path, _, query = target.partition("?")
    query, _, _ = query.partition("#")
    return path or "/", query


def join_headers(headers: list[Header], dropped: frozenset[str]) -> dict[str, str]:
    """Return headers with lower-case names. Values of one name are joined with "," and no space.

    If the lines of one name differ in case, the whole list occurs once for each spelling
    (recorded for two spellings).
    """
    lines: defaultdict[str, list[str]] = defaultdict(list)
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    for name, value in headers:
        lower = name.lower()
        lines[lower].append(value)
        spellings[lower].add(name)
    joined = {}
    for name, values in lines.items():
        if name not in dropped:
            count = len(spellings[name])
            joined[name] = ",".join(values * count)
    return joined


def query_parameters(query: str) -> dict[str, str]:
    """Return the decoded query. "+" is a space.

    Values of a repeated key are joined with ",", as on AWS.
    """
    grouped: defaultdict[str, list[str]] = defaultdict(list)
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        name = unquote_plus(key)
        grouped[name].append(unquote_plus(value))
    return {key: ",".join(values) for key, values in grouped.items()}


def cookies(headers: list[Header]) -> list[str]:
    """Return every pair of every Cookie header. (The joined header also stays in `headers`.)"""
    lines = (value for name, value in headers if name.lower() == "cookie")
    return [pair for line in lines for pair in re.split(r";\s*", line) if pair]


def body_fields(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Return `body` and `isBase64Encoded`.

    The content type decides what is text, not the bytes. Recorded: JSON and text/plain are text;
    octet-stream, multipart and a missing type are base64; an empty body has no key. Assumed: the
    rest of the list, and base64 for a content-encoding and for bytes that are not UTF-8.
    """
    if not body:
        return {"isBase64Encoded": False}
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if _TEXT.fullmatch(media_type) and headers.get("content-encoding", "identity") == "identity":
        try:
            return {"body": body.decode("utf-8"), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode("ascii"), "isBase64Encoded": True}


def event_headers(
    request: Request,
    body: bytes,
    *,
    endpoint: Endpoint,
    source_ip: str,
    trace_id: str,
    signed: bool,
) -> dict[str, str]:
    """Return the headers that the function sees: the client's, and those that AWS adds.

    Args:
        request: The client's request.
        body: Its body, for content-length.
        endpoint: What the event says about the URL.
        source_ip: The client's address.
        trace_id: The value of x-amzn-trace-id.
        signed: A signature was checked. `authorization` is removed.
    """
    dropped = {"connection", "transfer-encoding", "keep-alive", "x-amzn-trace-id"}
    if signed:
        dropped.add("authorization")
    headers = join_headers(request.headers, frozenset(dropped))
    if body and "content-length" not in headers:  # a chunked request; assumed
        headers["content-length"] = str(len(body))
    elif request.method not in _NO_INVENTED_LENGTH:
        headers.setdefault("content-length", "0")
    return {
        "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
        "x-amzn-tls-version": "TLSv1.3",
        "x-amzn-trace-id": trace_id,
        "x-forwarded-proto": endpoint.scheme,
        "x-forwarded-port": str(endpoint.port),
        # A client's own x-forwarded-for is passed on unchanged: nothing is appended.
        "x-forwarded-for": source_ip,
        **{
            name: value
            for name, value in headers.items()
            if name not in ("x-forwarded-proto", "x-forwarded-port")
        },
    }


def function_url_event(
    request: Request,
    body: bytes,
    *,
    endpoint: Endpoint,
    source_ip: str,
    request_id: str,
    trace_id: str,
    now: float,
    caller: Caller | None = None,
) -> bytes:
    """Return the event as JSON in UTF-8.

    Args:
        now: In epoch seconds.
        trace_id: The header's value ("Self=...;Root=...").
        caller: Who signed the request, if it is signed.
    """
    path, query = split_target(request.target)
    headers = event_headers(
        request,
        body,
        endpoint=endpoint,
        source_ip=source_ip,
        trace_id=trace_id,
        signed=caller is not None,
    )
    context: dict[str, Any] = {
        "accountId": caller.account if caller else "anonymous",
        "apiId": endpoint.url_id,
    }
    if caller:
        context["authorizer"] = {
            "iam": {
                "accessKey": caller.access_key,
                "accountId": caller.account,
                "callerId": caller.user_id,
                "cognitoIdentity": None,
                "principalOrgId": "o-emulator",
                "userArn": caller.arn,
                "userId": caller.user_id,
            }
        }
    context |= {
        "domainName": endpoint.domain,
        "domainPrefix": endpoint.url_id,
        "http": {
            "method": request.method,
            "path": unquote(path, errors="replace"),
            "protocol": "HTTP/1.1",
            "sourceIp": source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now * 1000),
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
    }
    if pairs := cookies(request.headers):
        event["cookies"] = pairs
    event["headers"] = headers
    if query:
        event["queryStringParameters"] = query_parameters(query)
    event["requestContext"] = context
    return dump(event | body_fields(body, headers))


def dump(event: dict[str, Any]) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", errors="replace"
    )
