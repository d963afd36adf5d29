"""Make an event from an HTTP request, as API Gateway does for REST APIs and HTTP APIs. Pure.

Both kinds send payload 1.0, and HTTP APIs send payload 2.0. docs/fidelity.md says what was recorded
from HTTP APIs and what is only documented.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from lambda_emulator.fronts.function_url_event import (
    cookies,
    dump,
    join_headers,
    query_parameters,
    split_target,
)
from lambda_emulator.http.message import Header, Request
from lambda_emulator.template.cloudformation import ACCOUNT, REGION
from lambda_emulator.template.config import HTTPRoute, RestRoute

__all__ = [
    "Address",
    "Arrival",
    "extended_id",
    "http_api_event",
    "matches_type",
    "rest_api_event",
    "title",
]

_TEXT: Final = re.compile(r"text/.+|application/(json|javascript|xml)")
_HIDDEN: Final = frozenset({"connection", "keep-alive", "transfer-encoding"})
"""Headers of the client's connection with the API."""
_IDENTITY: Final = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
    "user",
    "userArn",
)


@dataclass(frozen=True, slots=True)
class Address:
    """The address that clients use for an API, and the region that it claims."""

    port: int
    scheme: str = "http"
    region: str = REGION

    @property
    def domain(self) -> str:
        return f"emulator.execute-api.{self.region}.amazonaws.com"


@dataclass(frozen=True)
class Arrival:
    """A request that arrived at an API. `now` is in epoch seconds."""

    request: Request
    body: bytes
    source_ip: str
    address: Address
    request_id: str
    trace_root: str
    now: float
    domain: str

    @property
    def path(self) -> str:
        path, _ = split_target(self.request.target)
        return path

    @property
    def query(self) -> str:
        _, query = split_target(self.request.target)
        return query

    @property
    def time(self) -> str:
        moment = datetime.fromtimestamp(self.now, UTC)
        return moment.strftime("%d/%b/%Y:%H:%M:%S +0000")

    @property
    def epoch(self) -> int:
        return int(self.now * 1000)

    @property
    def media_type(self) -> str:
        content_type = self.request.header("content-type") or ""
        return content_type.partition(";")[0].strip().lower()

    @property
    def is_utf8(self) -> bool:
        """Whether the body can be text without loss."""
        try:
            self.body.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    @cached_property
    def headers(self) -> list[Header]:
        """The client's headers, then API Gateway's.

        The client's address is appended to X-Forwarded-For.
        """
        given = []
        for name, value in self.request.headers:
            if name.lower() not in _HIDDEN:
                given.append((name, value))
        forwarded = [value for name, value in given if name.lower() == "x-forwarded-for"]
        own = {
            "X-Amzn-Trace-Id": f"Root={self.trace_root}",
            "X-Forwarded-For": ", ".join([*forwarded, self.source_ip]),
            "X-Forwarded-Port": str(self.address.port),
            "X-Forwarded-Proto": self.address.scheme,
        }
        replaced = {name.lower() for name in own}
        kept = [(name, value) for name, value in given if name.lower() not in replaced]
        return [*kept, *own.items()]


def matches_type(media_type: str, patterns: Iterable[str]) -> bool:
    """Return whether it is one of `BinaryMediaTypes`. `image/*` and `*/*` are patterns.

    >>> matches_type("image/png", ["image/*"]), matches_type("text/plain", ["image/*"])
    (True, False)
    """
    kind = f"{media_type.partition('/')[0]}/*"
    return any(pattern.lower() in ("*/*", kind, media_type) for pattern in patterns)


def extended_id(request_id: str) -> str:
    """Return the shorter id: a REST API's x-amz-apigw-id, and the only id of an HTTP API."""
    return base64.b64encode(request_id.encode()[:11]).decode()


def rest_api_event(
    arrival: Arrival,
    route: RestRoute,
    path: str,
    parameters: Mapping[str, str],
    api_key: str | None = None,
) -> bytes:
    """Return the event of a REST API, as JSON in UTF-8.

    Args:
        arrival: The request.
        route: The method and resource that matched.
        path: The path without the stage, still escaped.
        parameters: The path parameters, still escaped.
        api_key: The client's API key, if the route requires one.
    """
    api = route.api
    key = {} if api_key is None else {"apiKey": api_key, "apiKeyId": "emulator"}
    body = _text_or_base64(arrival.body, matches_type(arrival.media_type, api.binary_types))
    event = _payload_1(
        arrival,
        arrival.headers,
        resource=route.resource,
        resource_id="emulator",
        path=path,
        context_path=f"/{api.stage}{path}",
        request_id=arrival.request_id,
        stage=api.stage,
        parameters=parameters,
        variables=api.variables,
        identity=key,
    )
    return dump(event | body)


def http_api_event(
    arrival: Arrival, route: HTTPRoute, stage: str, path: str, parameters: Mapping[str, str]
) -> bytes:
    """Return the event of an HTTP API, as JSON in UTF-8.

    Args:
        arrival: The request.
        route: The route that matched. It chooses the payload's format.
        stage: The name of the stage.
        path: The path without the base path of a domain, still escaped.
        parameters: The path parameters, still escaped.
    """
    is_text = _TEXT.fullmatch(arrival.media_type) is not None
    body = _text_or_base64(arrival.body, not is_text)
    variables = route.api.stages[stage]
    if route.payload == "1.0":
        headers = [(title(name), value) for name, value in arrival.headers]
        event = {"version": "1.0"} | _payload_1(
            arrival,
            headers,
            resource=route.path,
            resource_id=route.key,
            path=arrival.path,
            context_path=unquote(arrival.path),
            request_id=extended_id(arrival.request_id),
            stage=stage,
            parameters=parameters,
            variables=variables,
            identity={},
        )
        return dump(event | body)
    event = _payload_2(arrival, route, stage, decoded(path))
    if parameters:
        event["pathParameters"] = _unquoted(parameters)
    if variables:
        event["stageVariables"] = dict(variables)
    if arrival.body:
        event["body"] = body["body"]
    event["isBase64Encoded"] = body["isBase64Encoded"]
    return dump(event)


def decoded(path: str) -> str:
    """As `rawPath` has it: decoded twice, and cut at an escaped question mark.

    >>> decoded("/a%20b/100%25"), decoded("/a%252Fb%3Fc")
    ('/a b/100%', '/a/b')
    """
    once = unquote(path, errors="replace").partition("?")[0]
    return unquote(once, errors="replace")


def _payload_2(arrival: Arrival, route: HTTPRoute, stage: str, path: str) -> dict[str, Any]:
    lower = [(name.lower(), value) for name, value in arrival.headers]
    headers = join_headers(lower, frozenset({"cookie"}))
    headers.setdefault("content-length", str(len(arrival.body)))
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": arrival.query,
    }
    if pairs := cookies(arrival.request.headers):
        event["cookies"] = pairs
    event["headers"] = headers
    if arrival.query:
        event["queryStringParameters"] = query_parameters(arrival.query)
    event["requestContext"] = {
        "accountId": ACCOUNT,
        "apiId": "emulator",
        "domainName": arrival.domain,
        "domainPrefix": arrival.domain.partition(".")[0],
        "http": {
            "method": arrival.request.method,
            "path": path,
            "protocol": "HTTP/1.1",
            "sourceIp": arrival.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": extended_id(arrival.request_id),
        "routeKey": route.key,
        "stage": stage,
        "time": arrival.time,
        "timeEpoch": arrival.epoch,
    }
    return event


def _payload_1(
    arrival: Arrival,
    headers: Sequence[Header],
    *,
    resource: str,
    resource_id: str,
    path: str,
    context_path: str,
    request_id: str,
    stage: str,
    parameters: Mapping[str, str],
    variables: Mapping[str, str],
    identity: Mapping[str, str],
) -> dict[str, Any]:
    pairs = _pairs(arrival.query)
    context: dict[str, Any] = {
        "resourceId": resource_id,
        "resourcePath": resource,
        "httpMethod": arrival.request.method,
        "extendedRequestId": extended_id(arrival.request_id),
        "requestTime": arrival.time,
        "path": context_path,
        "accountId": ACCOUNT,
        "protocol": "HTTP/1.1",
        "stage": stage,
        "domainPrefix": arrival.domain.partition(".")[0],
        "requestTimeEpoch": arrival.epoch,
        "requestId": request_id,
        "identity": {
            **dict.fromkeys(_IDENTITY),
            "sourceIp": arrival.source_ip,
            "userAgent": arrival.request.header("user-agent"),
            **identity,
        },
        "domainName": arrival.domain,
        "apiId": "emulator",
    }
    return {
        "resource": resource,
        "path": path,
        "httpMethod": arrival.request.method,
        "headers": dict(headers),
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _grouped(pairs) or None,
        "pathParameters": _unquoted(parameters) or None,
        "stageVariables": dict(variables) or None,
        "requestContext": context,
    }


def _pairs(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query, decoded."""
    pairs = []
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _unquoted(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: unquote(value) for name, value in parameters.items()}


def title(name: str) -> str:
    """A header's name as HTTP APIs write it.

    >>> title("x-amzn-trace-id")
    'X-Amzn-Trace-Id'
    """
    return "-".join(part.capitalize() for part in name.split("-"))


def _text_or_base64(body: bytes, is_binary: bool) -> dict[str, Any]:
    """Return `body` and `isBase64Encoded`. A text loses bytes that are not UTF-8."""
    if body and is_binary:
        return {"body": base64.b64encode(body).decode("ascii"), "isBase64Encoded": True}
    return {"body": body.decode("utf-8", "replace") or None, "isBase64Encoded": False}
