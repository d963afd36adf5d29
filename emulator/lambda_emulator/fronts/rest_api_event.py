"""HTTP request -> event in payload v1, as API Gateway's REST API delivers it. Pure; documented, nothing is recorded."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, unquote_plus

from lambda_emulator.fronts.function_url_event import dump, split_target
from lambda_emulator.http.message import Header, Request
from lambda_emulator.template.cloudformation import ACCOUNT, REGION
from lambda_emulator.template.config import RestAPI

__all__ = ["rest_api_event"]


def rest_api_event(
    request: Request,
    body: bytes,
    *,
    api: RestAPI,
    path: str,
    parameters: dict[str, str],
    source_ip: str,
    port: int,
    request_id: str,
    trace_id: str,
    now: float,
    region: str = REGION,
    scheme: str = "http",
) -> bytes:
    """The event in payload v1 as JSON in UTF-8. `path` is without the stage."""
    pairs = [
        (unquote_plus(key), unquote_plus(value))
        for key, _, value in (
            item.partition("=") for item in split_target(request.target)[1].split("&") if item
        )
    ]
    headers: list[Header] = [
        *((name, value) for name, value in request.headers if name.lower() != "connection"),
        ("X-Amzn-Trace-Id", trace_id),
        ("X-Forwarded-For", source_ip),
        ("X-Forwarded-Port", str(port)),
        ("X-Forwarded-Proto", scheme),
    ]
    stage, resource = api.stage, api.resource
    context: dict[str, Any] = {
        "resourceId": "emulator", "resourcePath": resource, "httpMethod": request.method,
        "extendedRequestId": base64.b64encode(request_id.encode()[:11]).decode(),
        "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "path": f"/{stage}{path}", "accountId": ACCOUNT, "protocol": "HTTP/1.1", "stage": stage,
        "domainPrefix": "emulator", "requestTimeEpoch": int(now * 1000), "requestId": request_id,
        "identity": {
            "cognitoIdentityPoolId": None, "accountId": None, "cognitoIdentityId": None, "caller": None,
            "sourceIp": source_ip, "principalOrgId": None, "accessKey": None, "cognitoAuthenticationType": None,
            "cognitoAuthenticationProvider": None, "userArn": None, "userAgent": request.header("user-agent"),
            "user": None,
        },
        "domainName": f"emulator.execute-api.{region}.amazonaws.com", "apiId": "emulator",
    }  # fmt: skip
    event: dict[str, Any] = {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _grouped(pairs) or None,
        "pathParameters": {name: unquote(value) for name, value in parameters.items()} or None,
        "stageVariables": None,
        "requestContext": context,
        **_body(body),
    }
    return dump(event)


def _grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _body(body: bytes) -> dict[str, Any]:
    """Text where it is UTF-8; other bytes are base64, as with a matching binaryMediaTypes (assumed to be there)."""
    try:
        return {"body": body.decode("utf-8") or None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode("ascii"), "isBase64Encoded": True}
