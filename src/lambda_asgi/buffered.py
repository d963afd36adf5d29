"""Buffered answers: a whole response as the JSON that each front door takes."""

from functools import lru_cache
from typing import Any

from lambda_asgi.asgi import RawHeaders


def payload_v2(status: int, headers: RawHeaders, body: bytes) -> dict[str, Any]:
    """The answer to payload format 2.0: one value per header name, cookies apart."""
    from mangum.handlers import HTTPGateway

    event = {"version": "2.0", "requestContext": {"http": {"sourceIp": "", "path": "/", "method": "GET"}}}
    return HTTPGateway(event, None, mangum_config())(mangum_response(status, headers, body))  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def mangum_config() -> Any:
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

    return {"api_gateway_base_path": "/", "text_mime_types": DEFAULT_TEXT_MIME_TYPES, "exclude_headers": []}


def mangum_response(status: int, headers: RawHeaders, body: bytes) -> Any:
    # Mangum decodes header values as UTF-8 and raises on the rest; HTTP's are Latin-1.
    lines = [[name, value.decode("latin-1").encode()] for name, value in headers]
    return {"status": status, "headers": lines, "body": body}
